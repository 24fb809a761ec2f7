// From what lies in the directory to a journal that numbers can be given from.
#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

#include "base/random.hpp"
#include "journal/core.hpp"

namespace mbx::journal {
namespace {

constexpr std::uint32_t kDirectoryMode = 0700;
constexpr std::uint32_t kStateMode = 0600;
constexpr std::size_t kTrials = 12;
constexpr std::size_t kTrialBytes = 2 * kBlock;  // a message of 5 KB
constexpr std::chrono::milliseconds kTrialTime{150};

Error cannot_open(const std::string& directory, const std::string& what, const FileError& error)
{
    return {"opening the journal in " + directory, what + ": " + error.name(), "check the volume and its permissions"};
}

std::string folder_above(const std::string& path)
{
    const auto slash = path.rfind('/');
    if (slash == std::string::npos) return ".";
    return slash == 0 ? "/" : path.substr(0, slash);
}

struct alignas(kBlock) TrialBlock {
    std::array<char, kTrialBytes> bytes{};
};

}  // namespace

Result<void, Error> Core::make_directory()
{
    auto done = files_.make_directory(options_.directory, kDirectoryMode);
    if (!done && done.error().code == EEXIST) return {};
    if (done) done = files_.sync_directory(folder_above(options_.directory));
    if (!done) return cannot_open(options_.directory, "making the directory", done.error());
    return {};
}

Result<void, Error> Core::open(const Journal::Visit& visit)
{
    if (auto done = make_directory(); !done) return done.error();
    auto loaded = load_journal(files_, options_.directory, LoadFor::opening);
    if (!loaded) return loaded.error();
    for (const std::string& stray : loaded->strays) (void)files_.unlink(options_.directory + "/" + stray);
    if (!loaded->state) {
        StateRecord fresh;
        fresh.identity = SystemRandom().number();
        fresh.closed = true;
        loaded->state = fresh;
    }
    if (auto done = begin_numbers(*loaded); !done) return done.error();
    if (auto done = adopt_segments(*loaded); !done) return done.error();
    const auto count_and_visit = [&](Lsn lsn, std::string_view payload, const Location& where) {
        count_backlog(lsn, payload.size(), 1);
        if (visit) visit(lsn, payload, where);
    };
    auto visited = visit_records(files_, options_.directory, *loaded, recovery_.checkpoint, count_and_visit);
    if (!visited) return visited.error();
    prepare_first();
    if (failed_.load()) return cannot_open(options_.directory, "making a segment", FileError{EIO});
    log_.info("journal open", {{"durable", recovery_.end}, {"checkpoint", recovery_.checkpoint},
                               {"next", next_.load()}, {"closed", recovery_.was_closed},
                               {"direct", mode_ == WriteMode::durable}});
    return {};
}

Result<void, Error> Core::begin_numbers(const LoadedJournal& loaded)
{
    const StateRecord& state = *loaded.state;
    const bool is_fresh = loaded.found.empty() && state.ceiling == 1;
    const bool lost_all = loaded.segments.empty() && state.end > state.checkpoint;
    recovery_.end = is_fresh ? 0 : loaded.segments.empty() ? state.end : loaded.chain.end;
    recovery_.checkpoint = lost_all ? recovery_.end : std::max(loaded.chain.checkpoint, state.checkpoint);
    recovery_.was_closed = state.closed && !lost_all && recovery_.checkpoint == recovery_.end;
    recovery_.voids = state.voids;
    if (lost_all) {
        log_.error("journal lost all of its segments", {{"checkpoint", state.checkpoint}, {"durable", state.end}});
    }
    const Lsn next = std::max(state.ceiling, recovery_.end + 1);
    if (next > recovery_.end + 1) add_void(recovery_.voids, {recovery_.end + 1, next - 1});

    identity_ = state.identity;
    previous_ = loaded.chain.previous;
    next_ = next;
    ceiling_ = next;
    durable_ = next - 1;
    written_ = recovery_.end;
    checkpoint_ = asked_checkpoint_ = recovery_.checkpoint;
    last_number_ = loaded.segments.empty() ? state.segment : loaded.segments.back().number;
    stored_ = state;
    stored_.voids = recovery_.voids;
    stored_.ceiling = next;
    const auto done = store_state(false, next + kCeilingStep, checkpoint_);
    if (!done && !done.error().is_no_space()) {
        return cannot_open(options_.directory, "writing the state file", done.error());
    }
    // Without space nothing is numbered until the preparing thread has stored a ceiling (HOSTILE row G3).
    if (done) ceiling_ = next + kCeilingStep;
    return {};
}

Result<void, FileError> Core::store_state(bool closed, Lsn ceiling, Lsn checkpoint)
{
    const std::lock_guard one_writer(state_mutex_);
    StateRecord fresh = stored_;
    {
        const std::lock_guard lock(mutex_);
        fresh.identity = identity_;
        fresh.segment = std::max(fresh.segment, last_number_ + 1);
        fresh.end = std::max(fresh.end, written_);
    }
    fresh.closed = closed;
    fresh.checkpoint = std::max(fresh.checkpoint, checkpoint);
    fresh.ceiling = closed ? ceiling : std::max(fresh.ceiling, ceiling);
    auto done = replace_whole(files_, state_path(options_.directory), format_state(fresh), kStateMode);
    if (done) stored_ = std::move(fresh);
    return done;
}

// Segments with frames wait for their checkpoint. Those behind that have none are ready, when they have the right size.
Result<void, Error> Core::adopt_segments(const LoadedJournal& loaded)
{
    std::size_t behind = loaded.segments.size();
    while (behind > 0 && !loaded.segments[behind - 1].has_frames) --behind;
    for (std::size_t index = 0; index < behind; ++index) {
        const SegmentFile& segment = loaded.segments[index];
        used_.push_back({segment.number, segment.bytes, segment.last});
    }
    std::size_t fit = behind;
    while (fit < loaded.segments.size() && loaded.segments[fit].bytes == options_.segment_bytes) ++fit;
    if (auto done = remove_unfit(loaded, fit); !done) return done.error();
    choose_mode(fit > behind ? loaded.segments[behind].number : 0);
    for (std::size_t index = behind; index < fit; ++index) {
        const SegmentFile& segment = loaded.segments[index];
        auto file = open_prepared(segment.number);
        if (!file) {
            return cannot_open(options_.directory, segment_path(options_.directory, segment.number), file.error());
        }
        open_.push_back({segment.number, segment.bytes, *std::move(file), 0, 0, 0, false});
    }
    return {};
}

// From the highest number down, each durably, so that none is missing between others.
Result<void, Error> Core::remove_unfit(const LoadedJournal& loaded, std::size_t keep)
{
    for (std::size_t index = loaded.segments.size(); index > keep; --index) {
        const std::uint64_t number = loaded.segments[index - 1].number;
        auto done = files_.unlink(segment_path(options_.directory, number));
        if (done) done = files_.sync_directory(options_.directory);
        if (!done) return cannot_open(options_.directory, "removing a segment of another size", done.error());
        last_number_ = number - 1;
    }
    return {};
}

// The first segment stands before anybody appends, when there is space for it.
void Core::prepare_first()
{
    Lock lock(mutex_);
    if (open_.empty()) {
        const bool is_new = make_segment(lock, last_number_ + 1);
        if (is_new) unopened_ = last_number_ + 1;
        lock.unlock();
        if (is_new) choose_mode(unopened_);
        lock.lock();
        if (is_new) (void)add_segment(lock);
    }
    show_gauges();
}

// A segment that no frame is in yet is written to in both ways (zeros, which are no frame), and the quicker one stays.
void Core::choose_mode(std::uint64_t segment)
{
    if (options_.mode) mode_ = *options_.mode;
    if (!options_.mode && segment != 0) {
        const std::string path = segment_path(options_.directory, segment);
        const auto direct = measure(path, WriteMode::durable);
        const auto buffered = measure(path, WriteMode::buffered);
        mode_ = direct <= buffered ? WriteMode::durable : WriteMode::buffered;
        const auto in_us = [](auto span) { return std::chrono::duration_cast<std::chrono::microseconds>(span).count(); };
        log_.info("journal measured the disk", {{"direct_us", in_us(direct)}, {"buffered_us", in_us(buffered)}});
    }
    meters_.direct.set(mode_ == WriteMode::durable ? 1 : 0);
}

// The median of some commits; the longest of all spans where that way does not work here.
std::chrono::steady_clock::duration Core::measure(const std::string& path, WriteMode mode) const
{
    constexpr auto kNever = std::chrono::steady_clock::duration::max();
    const auto file = files_.open_write(path, mode);
    if (!file) return mode == WriteMode::durable ? kNever : kNever - std::chrono::seconds(1);
    const auto zeros = std::make_unique<TrialBlock>();
    std::vector<std::chrono::steady_clock::duration> spans;
    const auto began = std::chrono::steady_clock::now();
    auto before = began;
    while (spans.size() < kTrials && before - began < kTrialTime) {
        const std::uint64_t offset = spans.size() * kTrialBytes % (options_.segment_bytes / kTrialBytes * kTrialBytes);
        auto done = (*file)->write_at(offset, {zeros->bytes.data(), kTrialBytes});
        if (done && mode == WriteMode::buffered) done = (*file)->sync_data();
        if (!done) return mode == WriteMode::durable ? kNever : kNever - std::chrono::seconds(1);
        const auto now = std::chrono::steady_clock::now();
        spans.push_back(now - before);
        before = now;
    }
    std::nth_element(spans.begin(), spans.begin() + static_cast<std::ptrdiff_t>(spans.size() / 2), spans.end());
    return spans[spans.size() / 2];
}

}  // namespace mbx::journal
