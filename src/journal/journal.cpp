#include "journal/journal.hpp"

#include <utility>

#include "journal/core.hpp"

namespace mbx::journal {

Journal::Journal(std::unique_ptr<Core> core) : core_(std::move(core)) {}
Journal::~Journal() = default;

Result<std::unique_ptr<Journal>, Error> Journal::open(FileSystem& files, const Clock& clock, Metrics& metrics, Log log,
                                                      JournalOptions options, const Visit& visit)
{
    auto core = std::make_unique<Core>(files, clock, metrics, std::move(log), std::move(options));
    if (auto done = core->open(visit); !done) return done.error();
    core->start();
    return std::unique_ptr<Journal>(new Journal(std::move(core)));
}

const Recovery& Journal::recovery() const { return core_->recovery(); }
Lsn Journal::append(std::vector<Payload> together) { return core_->append(std::move(together)); }
bool Journal::has_room(std::size_t bytes) const { return core_->has_room(bytes); }
Lsn Journal::last() const { return core_->last(); }
Lsn Journal::durable() const { return core_->durable(); }
void Journal::want(Lsn lsn) { core_->want(lsn); }
bool Journal::wait(Lsn lsn) { return core_->wait(lsn); }
bool Journal::has_failed() const { return core_->has_failed(); }
bool Journal::checkpoint(Lsn applied) { return core_->checkpoint(applied); }
Journal::Backlog Journal::backlog() const { return core_->backlog(); }
Result<std::string, FileError> Journal::read(const Location& where) const { return core_->read(where); }
void Journal::on_progress(std::function<void()> call) { core_->on_progress(std::move(call)); }
void Journal::close(Lsn applied) { core_->close(applied); }

}  // namespace mbx::journal
