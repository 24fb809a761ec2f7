// The preparing thread: segments ahead of the writing one, recycling, the ceiling of numbers.
#include <algorithm>
#include <cerrno>
#include <utility>

#include "journal/core.hpp"

namespace mbx::journal {
namespace {

constexpr std::chrono::seconds kTryAgain{1};
constexpr std::size_t kFillPiece = 1U << 20U;
constexpr std::uint32_t kSegmentMode = 0600;

Result<void, FileError> fill_with_zeros(FileSystem& files, const std::string& path, std::uint64_t bytes)
{
    auto file = files.create(path, kSegmentMode);
    if (!file) return file.error();
    const std::string zeros(static_cast<std::size_t>(std::min<std::uint64_t>(kFillPiece, bytes)), '\0');
    for (std::uint64_t at = 0; at < bytes; at += zeros.size()) {
        const std::uint64_t piece = std::min<std::uint64_t>(zeros.size(), bytes - at);
        auto done = (*file)->write_at(at, std::string_view(zeros).substr(0, static_cast<std::size_t>(piece)));
        if (!done) return done.error();
        (*file)->start_writing();  // spreads what the sync below would write in one go, beside the commits
    }
    return (*file)->sync_data();
}

}  // namespace

bool Core::needs_ceiling() const { return !closing_ && ceiling_ < next_.load() + kCeilingStep / 2; }

bool Core::needs_segment() const
{
    const bool has_current = !open_.empty() && open_.front().is_used;
    return !closing_ && open_.size() < kReady + (has_current ? 1 : 0);
}

bool Core::needs_preparing() const { return needs_ceiling() || needs_segment() || spare_.size() > options_.spare_segments; }

void Core::prepare_on()
{
    Lock lock(mutex_);
    while (!stopping_ && !failed_.load()) {
        if (!needs_preparing()) {
            prepare_.wait(lock);
        } else if (!prepare_one(lock)) {
            const bool had_spare = !spare_.empty();
            prepare_.wait_for(lock, kTryAgain, [&] {
                return stopping_ || failed_.load() || (!had_spare && !spare_.empty());
            });
        }
    }
}

bool Core::prepare_one(Lock& lock)
{
    if (needs_segment() && !add_segment(lock)) return false;
    if (needs_ceiling() && !raise_ceiling(lock)) return false;
    if (spare_.size() > options_.spare_segments && !remove_spare(lock)) return false;
    const bool lacked = std::exchange(lacks_space_, false);
    if (lacked) log_.notice("journal has room again");
    show_gauges();
    return true;
}

bool Core::prepare_failed(Lock& lock, const char* doing, const FileError& error, bool is_fatal)
{
    if (is_fatal && !error.is_no_space()) {
        // Whether the directory says so on the disk is not known any more, and asking again would not tell (row G2).
        fail(lock, doing, error);
        return false;
    }
    if (!std::exchange(lacks_space_, true)) {
        log_.warning("journal cannot prepare room", {{"doing", doing}, {"error", error.name()}});
    }
    show_gauges();
    return false;
}

bool Core::raise_ceiling(Lock& lock)
{
    const Lsn ceiling = next_.load() + kCeilingStep;
    const Lsn checkpoint = checkpoint_;
    lock.unlock();
    const auto done = store_state(false, ceiling, checkpoint);
    lock.lock();
    if (!done) return prepare_failed(lock, "writing the journal's state", done.error(), done.error().code == EIO);
    ceiling_ = std::max(ceiling_, ceiling);
    return true;
}

Result<void, FileError> Core::fill(std::uint64_t number) const
{
    const std::string path = segment_path(options_.directory, number);
    const std::string draft = path + ".new";
    auto done = fill_with_zeros(files_, draft, options_.segment_bytes);
    if (!done && done.error().code == EEXIST) {
        // Left by an attempt of this very thread.
        if (auto gone = files_.unlink(draft); !gone) return gone.error();
        done = fill_with_zeros(files_, draft, options_.segment_bytes);
    }
    if (done) done = files_.rename(draft, path);
    if (!done) (void)files_.unlink(draft);
    return done;
}

Result<std::unique_ptr<File>, FileError> Core::open_prepared(std::uint64_t number) const
{
    return files_.open_write(segment_path(options_.directory, number), mode_);
}

bool Core::make_segment(Lock& lock, std::uint64_t number)
{
    while (!spare_.empty() && spare_.front().bytes != options_.segment_bytes) {
        if (!remove_spare(lock)) return false;
    }
    const bool recycles = !spare_.empty();
    const std::string from = recycles ? segment_path(options_.directory, spare_.front().number) : std::string();
    lock.unlock();
    const auto made = recycles ? files_.rename(from, segment_path(options_.directory, number)) : fill(number);
    Result<void, FileError> synced;
    if (made) synced = files_.sync_directory(options_.directory);
    lock.lock();
    if (!made) return prepare_failed(lock, "making a segment", made.error(), recycles);
    if (recycles) spare_.pop_front();
    if (!recycles) meters_.filled.add(options_.segment_bytes);
    if (!synced) return prepare_failed(lock, "making a segment durable", synced.error(), true);
    return true;
}

bool Core::add_segment(Lock& lock)
{
    const std::uint64_t number = last_number_ + 1;
    if (unopened_ != number && !make_segment(lock, number)) return false;
    unopened_ = number;
    lock.unlock();
    auto file = open_prepared(number);
    lock.lock();
    if (!file) return prepare_failed(lock, "opening a segment", file.error(), false);
    last_number_ = number;
    open_.push_back({number, options_.segment_bytes, *std::move(file), 0, 0, 0, false});
    show_gauges();
    return true;
}

bool Core::remove_spare(Lock& lock)
{
    const std::string path = segment_path(options_.directory, spare_.front().number);
    lock.unlock();
    auto done = files_.unlink(path);
    const bool is_gone = done || done.error().is_absent();
    if (is_gone) done = files_.sync_directory(options_.directory);
    lock.lock();
    if (is_gone) spare_.pop_front();
    if (!done) return prepare_failed(lock, "removing a segment", done.error(), is_gone);
    return true;
}

}  // namespace mbx::journal
