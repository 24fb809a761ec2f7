#include "store/accepted_message.hpp"

#include <cerrno>
#include <utility>

namespace mbx::store {

namespace {

constexpr std::uint32_t kSpoolFileMode = 0600;
constexpr std::int64_t kNanoseconds = 1'000'000'000;

}  // namespace

AcceptedMessage::AcceptedMessage(Lsn lsn, AcceptedRecord record, std::shared_ptr<const std::string> body,
                                 std::string spool_directory)
    : lsn_(lsn), record_(std::move(record)), body_(std::move(body)), spool_directory_(std::move(spool_directory))
{
    if (body_ == nullptr) path_ = spool_directory_ + "/" + record_.spool_name;
}

Result<std::string, FileError> AcceptedMessage::spooled(FileSystem& files) const
{
    const std::lock_guard lock(mutex_);
    if (!path_.empty()) return path_;
    // Numbers are never given twice, so neither is the name; after a crash it is a leftover like others.
    const std::string path = spool_directory_ + "/one-" + std::to_string(lsn_);
    const auto write = [&]() -> Result<void, FileError> {
        auto file = files.create(path, kSpoolFileMode);
        if (!file && file.error().code == EEXIST) {
            // Of a replay before this one, maybe half written.
            if (auto done = files.unlink(path); !done) return done;
            file = files.create(path, kSpoolFileMode);
        }
        if (!file) return file.error();
        if (auto done = (*file)->append(*body_); !done) return done;
        if (auto done = (*file)->set_mtime(record_.internal_date * kNanoseconds); !done) return done;
        (*file)->start_writing();
        return {};
    };
    if (auto done = write(); !done) {
        (void)files.unlink(path);
        return done.error();
    }
    path_ = path;
    return path_;
}

void AcceptedMessage::drop(FileSystem& files) const
{
    const std::lock_guard lock(mutex_);
    if (path_.empty()) return;
    (void)files.unlink(path_);  // what stays is removed at the next start
    path_.clear();
}

}  // namespace mbx::store
