#include "journal/core.hpp"

#include <algorithm>
#include <cerrno>
#include <new>
#include <utility>

namespace mbx::journal {
namespace {

constexpr std::uint64_t kSmallestSegment = 4 * kBlock;

JournalOptions within_bounds(JournalOptions options)
{
    options.segment_bytes = std::clamp(to_blocks(options.segment_bytes), kSmallestSegment, kMaxSegment);
    return options;
}

}  // namespace

Meters::Meters(Metrics& metrics)
    : commit_seconds(metrics.histogram("mailboxd_journal_commit_seconds", "Time to have one frame on the disk",
                                       {0.00005, 0.0001, 0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2,
                                        0.5, 1})),
      records_per_commit(metrics.histogram("mailboxd_journal_records_per_commit", "Records that shared a frame",
                                           {1, 2, 5, 10, 20, 50, 100, 200, 500, 1000})),
      commits(metrics.counter("mailboxd_journal_commits_total", "Frames written")),
      bytes(metrics.counter("mailboxd_journal_bytes_total", "Bytes written in frames, padding included")),
      records(metrics.counter("mailboxd_journal_records_total", "Records written")),
      filled(metrics.counter("mailboxd_journal_filled_bytes_total", "Zeros written to make segments")),
      backlog_bytes(metrics.gauge("mailboxd_journal_backlog_bytes", "Bytes of records above the checkpoint")),
      backlog_records(metrics.gauge("mailboxd_journal_backlog_records", "Records above the checkpoint")),
      used(metrics.gauge("mailboxd_journal_segments", "Segments of the journal", "state=\"used\"")),
      ready(metrics.gauge("mailboxd_journal_segments", "Segments of the journal", "state=\"ready\"")),
      spare(metrics.gauge("mailboxd_journal_segments", "Segments of the journal", "state=\"spare\"")),
      room(metrics.gauge("mailboxd_journal_room_bytes", "Prepared room that nothing has been promised of")),
      lacks_space(metrics.gauge("mailboxd_journal_lacks_space", "1 while no further segment can be made")),
      direct(metrics.gauge("mailboxd_journal_direct", "1 when written with O_DIRECT and O_DSYNC")),
      failed(metrics.gauge("mailboxd_journal_failed", "1 after a write or sync failed"))
{
}

Core::Core(FileSystem& files, const Clock& clock, Metrics& metrics, Log log, JournalOptions options)
    : files_(files), clock_(clock), log_(std::move(log)), options_(within_bounds(std::move(options))), meters_(metrics)
{
    reserve_ = std::clamp<std::uint64_t>(options_.segment_bytes / 64 / kBlock * kBlock, kBlock, 16 * kBlock);
    meters_.failed.set(0);
}

Core::~Core() { stop(); }

void Core::start()
{
    writer_ = std::thread([this] { write_on(); });
    preparer_ = std::thread([this] { prepare_on(); });
}

std::uint64_t Core::room_of(const OpenSegment& segment) const
{
    const std::uint64_t taken = segment.written + segment.reserved + reserve_;
    return segment.bytes > taken ? segment.bytes - taken : 0;
}

OpenSegment* Core::find_place(std::uint64_t extent)
{
    for (OpenSegment& segment : open_) {
        if (segment.number >= assigned_ && room_of(segment) >= extent) return &segment;
    }
    return nullptr;
}

Lsn Core::append(std::vector<Payload> together)
{
    Group group;
    for (const Payload& payload : together) group.body += record_extent(payload);
    const std::uint64_t bytes = group.body - together.size() * kRecordHeader;
    if (together.empty() || bytes > kMaxTogether) return 0;
    group.records = std::move(together);
    group.due = std::chrono::steady_clock::now() + options_.lazy_delay;

    const std::lock_guard lock(mutex_);
    const Lsn first = next_.load();
    const std::size_t count = group.records.size();
    if (failed_.load() || closing_ || first + count > ceiling_) return 0;
    OpenSegment* const place = find_place(group.alone());
    if (place == nullptr) return 0;
    group.first = first;
    group.segment = place->number;
    const std::uint64_t alone = group.alone();
    weights_.push_back({first + count - 1, bytes, count});
    try {
        pending_.push_back(std::move(group));
    } catch (const std::bad_alloc&) {
        weights_.pop_back();  // HOSTILE row G5: no number was given
        throw;
    }
    backlog_.bytes += bytes;
    backlog_.records += count;
    place->reserved += alone;
    assigned_ = place->number;
    next_.store(first + count);
    const bool had_little = pending_bytes_ < kLazyBytes;
    pending_bytes_ += bytes;
    // One that waits for its delay must be looked at once, to set the alarm; then only when there is enough to write.
    if ((pending_.size() == 1 && !is_dozing_) || (had_little && pending_bytes_ >= kLazyBytes)) work_.notify_one();
    if (needs_ceiling()) prepare_.notify_one();
    return first;
}

bool Core::has_room(std::size_t bytes) const
{
    const std::uint64_t extent = to_blocks(kFrameHeader + kRecordHeader + bytes);
    const std::lock_guard lock(mutex_);
    if (failed_.load() || closing_ || next_.load() + 1 > ceiling_) return false;
    return std::any_of(open_.begin(), open_.end(), [&](const OpenSegment& segment) {
        return segment.number >= assigned_ && room_of(segment) >= extent;
    });
}

void Core::want(Lsn lsn)
{
    if (lsn <= durable_.load()) return;
    {
        const std::lock_guard lock(mutex_);
        lsn = std::min(lsn, last());
        if (lsn <= wanted_) return;
        wanted_ = lsn;
    }
    work_.notify_one();
}

bool Core::wait(Lsn lsn)
{
    lsn = std::min(lsn, last());
    want(lsn);
    Lock lock(mutex_);
    progress_.wait(lock, [&] { return durable_.load() >= lsn || failed_.load() || writer_ended_; });
    return durable_.load() >= lsn;
}

bool Core::checkpoint(Lsn applied)
{
    Lock lock(mutex_);
    applied = std::min(applied, written_);
    if (applied > asked_checkpoint_) {
        asked_checkpoint_ = applied;
        work_.notify_one();
    }
    progress_.wait(lock, [&] { return checkpoint_ >= applied || failed_.load() || writer_ended_; });
    return checkpoint_ >= applied && !failed_.load();
}

void Core::count_backlog(Lsn last, std::uint64_t bytes, std::uint64_t records)
{
    weights_.push_back({last, bytes, records});
    backlog_.bytes += bytes;
    backlog_.records += records;
}

void Core::forget_backlog()
{
    while (!weights_.empty() && weights_.front().last <= checkpoint_) {
        backlog_.bytes -= weights_.front().bytes;
        backlog_.records -= weights_.front().records;
        weights_.pop_front();
    }
}

Journal::Backlog Core::backlog() const
{
    const std::lock_guard lock(mutex_);
    return backlog_;
}

void Core::show_gauges()
{
    std::uint64_t room = 0;
    std::size_t used = used_.size();
    for (const OpenSegment& segment : open_) {
        if (segment.number >= assigned_) room += room_of(segment);
        if (segment.is_used) ++used;
    }
    meters_.backlog_bytes.set(static_cast<std::int64_t>(backlog_.bytes));
    meters_.backlog_records.set(static_cast<std::int64_t>(backlog_.records));
    meters_.used.set(static_cast<std::int64_t>(used));
    meters_.ready.set(static_cast<std::int64_t>(used_.size() + open_.size() - used));
    meters_.spare.set(static_cast<std::int64_t>(spare_.size()));
    meters_.room.set(static_cast<std::int64_t>(room));
    meters_.lacks_space.set(lacks_space_ ? 1 : 0);
}

Result<std::string, FileError> Core::read(const Location& where) const
{
    if (where.length > kMaxTogether || where.offset < kFrameHeader + kRecordHeader) return FileError{EINVAL};
    auto file = files_.open_read(segment_path(options_.directory, where.segment));
    if (!file) return file.error();
    std::string bytes(kRecordHeader + std::size_t{where.length}, '\0');
    const auto got = (*file)->read_at(where.offset - kRecordHeader, bytes.data(), bytes.size());
    if (!got) return got.error();
    // A segment that was recycled meanwhile has other bytes here: their CRC says so.
    const RecordHeader header = parse_record_header(bytes);
    bytes.erase(0, kRecordHeader);
    const bool is_whole = *got == kRecordHeader + std::size_t{where.length} && header.length == where.length;
    if (!is_whole || header.crc != record_crc(where.segment, where.offset, bytes, {})) return FileError{ESTALE};
    return bytes;
}

void Core::on_progress(std::function<void()> call)
{
    const std::lock_guard lock(call_mutex_);
    call_ = std::move(call);
}

void Core::tell_progress()
{
    const std::lock_guard lock(call_mutex_);
    if (call_) call_();
}

void Core::stop()
{
    {
        const std::lock_guard lock(mutex_);
        closing_ = true;
        stopping_ = true;
        work_.notify_all();
        prepare_.notify_all();
    }
    if (writer_.joinable()) writer_.join();
    if (preparer_.joinable()) preparer_.join();
}

void Core::close(Lsn applied)
{
    {
        const std::lock_guard lock(mutex_);
        if (stopping_) return;
        closing_ = true;
    }
    (void)wait(last());
    (void)checkpoint(applied);
    stop();
    if (failed_.load()) return;
    if (auto done = store_state(true, next_.load(), checkpoint_); !done) {
        log_.warning("journal not closed in order", {{"error", done.error().name()}});
    }
}

}  // namespace mbx::journal
