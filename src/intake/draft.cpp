#include "intake/draft.hpp"

#include <algorithm>
#include <utility>

#include "intake/draft_state.hpp"
#include "store/journal_record.hpp"

namespace mbx::intake {

namespace {

constexpr std::uint32_t kFileMode = 0600;
constexpr std::size_t kRoomForPrefix = 1024;
// The kernel writes while the rest arrives: the sync at the end is short, and others' syncs do not wait for ours.
constexpr std::uint64_t kPaceBytes = 4U << 20U;

}  // namespace

Draft::State::~State()
{
    if (is_spooled()) spool.discard(std::move(file), spool.path(name));
}

std::string Draft::State::take_bytes()
{
    buffer.insert(0, prefix);
    return std::exchange(buffer, {});
}

Result<void, FileError> Draft::State::make_file()
{
    const std::string wanted = spool.new_name();
    auto made = spool.files().create(spool.path(wanted), kFileMode);
    if (!made) return made.error();
    name = wanted;
    file = *std::move(made);
    crc = 0;
    return {};
}

Result<void, FileError> Draft::State::write(std::string_view bytes)
{
    if (auto done = file->append(bytes); !done) return done;
    crc = store::crc32c(bytes, crc);
    unpaced += bytes.size();
    if (unpaced >= kPaceBytes) {
        file->start_writing();
        unpaced = 0;
    }
    return {};
}

Result<void, FileError> Draft::State::flush()
{
    if (!file) {
        if (auto done = make_file(); !done) return done;
        has_prefix_in_file = !prefix.empty();
        if (auto done = write(prefix); !done) return done;
    }
    if (auto done = write(buffer); !done) return done;
    buffer.clear();
    return {};
}

Result<void, FileError> Draft::State::rewrite_with_prefix()
{
    const std::unique_ptr<File> old = std::move(file);
    const std::string old_name = std::exchange(name, {});
    auto done = make_file();
    if (done) done = write(prefix);
    std::string piece(kDraftMemory, '\0');
    for (std::uint64_t offset = 0; done;) {
        const auto got = old->read_at(offset, piece.data(), piece.size());
        if (!got) {
            done = got.error();
            break;
        }
        done = write(std::string_view(piece).substr(0, *got));
        offset += *got;
        if (*got < piece.size()) break;
    }
    (void)spool.files().unlink(spool.path(old_name));
    has_prefix_in_file = true;
    return done;
}

Result<void, FileError> Draft::State::finish(std::int64_t mtime_ns)
{
    if (auto done = flush(); !done) return done;
    if (!prefix.empty() && !has_prefix_in_file) {
        if (auto done = rewrite_with_prefix(); !done) return done;
    }
    // Before the sync: the new size makes the sync carry the time along.
    if (auto done = file->set_mtime(mtime_ns); !done) return done;
    if (auto done = file->sync_data(); !done) return done;
    file.reset();
    return spool.files().sync_directory(spool.directory());
}

Draft::Draft(std::unique_ptr<State> state) : state_(std::move(state)) {}
Draft::Draft(Draft&&) noexcept = default;
Draft& Draft::operator=(Draft&&) noexcept = default;
Draft::~Draft() = default;

co::Task<Result<void, IntakeError>> Draft::append(std::string_view bytes)
{
    State& state = *state_;
    if (state.error) co_return *state.error;
    if (state.body == 0) state.buffer.reserve(std::min(bytes.size(), kDraftMemory) + kRoomForPrefix);
    state.body += bytes.size();
    state.buffer += bytes;
    if (state.buffer.size() <= kDraftMemory) co_return Result<void, IntakeError>();
    auto job = [&state] { return state.flush(); };
    const auto done = co_await state.spool.workers().run(net::WorkClass::delivery, std::move(job));
    if (done) co_return Result<void, IntakeError>();
    state.spool.complain(state.spool.directory(), done.error());
    state.error = to_intake_error(done.error());
    co_return *state.error;
}

void Draft::set_prefix(std::string bytes) { state_->prefix = std::move(bytes); }

bool Draft::is_spooled() const { return state_->is_spooled(); }

std::uint64_t Draft::size() const { return state_->prefix.size() + state_->body; }

}  // namespace mbx::intake
