#include "journal/scan.hpp"

#include <fcntl.h>

#include <algorithm>
#include <charconv>
#include <utility>

#include <fmt/format.h>

namespace mbx::journal {
namespace {

constexpr std::size_t kNameDigits = 16;
constexpr std::string_view kDraftEnding = ".new";

std::optional<std::uint64_t> segment_number(std::string_view name)
{
    std::uint64_t number = 0;
    if (name.size() != kNameDigits) return std::nullopt;
    const auto [end, code] = std::from_chars(name.data(), name.data() + name.size(), number);
    if (code != std::errc() || end != name.data() + name.size() || number == 0) return std::nullopt;
    return number;
}

Error reading_failed(const std::string& path, const FileError& error)
{
    return {"reading " + path, error.name(), "the journal holds mail that was acknowledged: check the disk before anything else"};
}

Error damaged(const std::string& directory, const JournalDamage& damage)
{
    const std::string where = segment_path(directory, damage.segment);
    return {"reading the journal in " + directory,
            fmt::format("{}: {} at offset {}", where, damage.what, damage.offset),
            "mail that was acknowledged is missing: restore the file, or keep a copy of the directory and ask for help"};
}

// Where the first thing that ought to be a frame and is none lies: after `before` (none: nothing was read yet).
JournalDamage place_between(const FoundFrame* before, const FoundFrame& after)
{
    const std::string what = "a frame is damaged or missing, and a later one says that it was on the disk";
    const bool same = before != nullptr && before->segment == after.segment;
    if (same || (before != nullptr && after.header.offset == 0)) return {before->segment, before->end(), what};
    return {after.segment, 0, what};
}

// `content` serves for one segment after the other: clearing and mapping 32 MiB anew costs as much as reading them.
Result<void, FileError> read_segment(File& file, std::uint64_t bytes, std::string& content)
{
    content.resize(static_cast<std::size_t>(bytes));
    const auto got = file.read_at(0, content.data(), content.size());
    if (!got) return got.error();
    content.resize(*got);
    return {};
}

Result<std::unique_ptr<File>, FileError> open_segment(FileSystem& files, const std::string& path, LoadFor purpose)
{
    if (purpose == LoadFor::watching) return files.open_read(path);
    auto file = files.open_write(path, WriteMode::buffered);
    if (!file) return file;
    // What a killed process wrote is only in memory yet, and is to count as durable from here on.
    if (auto done = (*file)->sync_data(); !done) return done.error();
    // After a failed sync the kernel may call pages clean that never reached the disk (HOSTILE row G2): read the disk.
    (void)::posix_fadvise((*file)->descriptor(), 0, 0, POSIX_FADV_DONTNEED);
    return file;
}

class Loader {
public:
    Loader(FileSystem& files, const std::string& directory, LoadFor purpose)
        : files_(files), directory_(directory), purpose_(purpose)
    {
    }

    Result<LoadedJournal, Error> load()
    {
        if (auto done = list(); !done) return done.error();
        if (auto done = read_state(); !done) return done.error();
        if (!loaded_.state) return std::move(loaded_);
        for (SegmentFile& segment : loaded_.segments) {
            if (auto done = survey(segment); !done) return done.error();
        }
        loaded_.chain = follow_chain(loaded_.found, *loaded_.state);
        if (!loaded_.chain.damage) loaded_.chain.damage = find_missing();
        return std::move(loaded_);
    }

private:
    Result<void, Error> list()
    {
        const auto entries = files_.list(directory_);
        if (!entries && entries.error().is_absent()) return {};
        if (!entries) return reading_failed(directory_, entries.error());
        for (const DirectoryEntry& entry : *entries) {
            const std::string_view name = entry.name;
            if (const auto number = segment_number(name)) loaded_.segments.push_back({*number, 0, 0, false});
            const bool is_draft = name.ends_with(kDraftEnding);
            if (is_draft && segment_number(name.substr(0, name.size() - kDraftEnding.size()))) {
                loaded_.strays.push_back(entry.name);
            }
        }
        std::sort(loaded_.segments.begin(), loaded_.segments.end(),
                  [](const SegmentFile& one, const SegmentFile& other) { return one.number < other.number; });
        return {};
    }

    Result<void, Error> read_state()
    {
        const std::string path = state_path(directory_);
        const std::string advice = "restore it from a backup of this very journal";
        const auto text = read_whole(files_, path, kMaxStateFile);
        if (!text && !text.error().is_absent()) return reading_failed(path, text.error());
        if (!text && loaded_.segments.empty()) return {};
        if (!text) return Error{"reading " + path, "the file is missing although there are segments", advice};
        loaded_.state = parse_state(*text);
        if (!loaded_.state) return Error{"reading " + path, "the file is damaged", advice};
        return {};
    }

    Result<void, Error> survey(SegmentFile& segment)
    {
        const std::string path = segment_path(directory_, segment.number);
        auto file = open_segment(files_, path, purpose_);
        if (!file && file.error().is_absent() && purpose_ == LoadFor::watching) return {};
        if (!file) return reading_failed(path, file.error());
        const auto info = (*file)->info();
        if (!info) return reading_failed(path, info.error());
        segment.bytes = info->size;
        if (info->kind != FileKind::regular || info->size > kMaxSegment) {
            return Error{"reading " + path, "this is no segment", "move it out of the journal's directory"};
        }
        if (auto done = read_segment(**file, info->size, content_); !done) return reading_failed(path, done.error());
        const std::size_t before = loaded_.found.size();
        survey_segment(content_, loaded_.state->identity, segment.number, loaded_.found);
        for (std::size_t index = before; index < loaded_.found.size(); ++index) {
            segment.has_frames = true;
            const FrameHeader& header = loaded_.found[index].header;
            if (header.records != 0) segment.last = std::max(segment.last, header.last());
        }
        return {};
    }

    // Numbers of segments follow one another: each is made, renamed and removed durably before the next.
    std::optional<JournalDamage> find_missing() const
    {
        if (purpose_ == LoadFor::watching || loaded_.segments.empty()) return std::nullopt;
        const bool lacks_all = loaded_.found.empty() && loaded_.state->end > loaded_.state->checkpoint;
        if (lacks_all) return JournalDamage{loaded_.segments.front().number - 1, 0, "the segment is missing"};
        for (std::size_t index = 1; index < loaded_.segments.size(); ++index) {
            const std::uint64_t wanted = loaded_.segments[index - 1].number + 1;
            if (loaded_.segments[index].number != wanted) return JournalDamage{wanted, 0, "the segment is missing"};
        }
        return std::nullopt;
    }

    FileSystem& files_;
    const std::string& directory_;
    LoadFor purpose_;
    std::string content_;
    LoadedJournal loaded_;
};

}  // namespace

std::string segment_path(const std::string& directory, std::uint64_t number)
{
    return fmt::format("{}/{:016}", directory, number);
}

std::string state_path(const std::string& directory) { return directory + "/state"; }

void survey_segment(std::string_view bytes, std::uint64_t identity, std::uint64_t number, std::vector<FoundFrame>& found)
{
    std::size_t at = 0;
    while (at < bytes.size() && bytes.size() - at >= kFrameHeader) {
        const std::string_view rest = bytes.substr(at);
        const auto header = parse_frame_header(rest, identity, number, at);
        if (!header) {
            at += kBlock;
            continue;
        }
        found.push_back({number, *header, read_records(rest, *header, {})});
        at += static_cast<std::size_t>(std::min<std::uint64_t>(header->extent(), bytes.size() - at));
    }
}

Chain follow_chain(const std::vector<FoundFrame>& found, const StateRecord& state)
{
    Chain chain;
    chain.checkpoint = state.checkpoint;
    Lsn claimed = 0;
    for (const FoundFrame& frame : found) {
        chain.checkpoint = std::max(chain.checkpoint, frame.header.checkpoint);
        claimed = std::max(claimed, frame.header.claims_durable);
        chain.last_segment = frame.segment;
    }
    const FoundFrame* before = nullptr;
    for (const FoundFrame& frame : found) {
        if (!frame.is_intact) continue;
        const FrameHeader& header = frame.header;
        const bool follows = before != nullptr && header.previous == before->header.crc && header.first > chain.end;
        if (!follows) {
            // Nothing may be missing before it but what is applied or was never written.
            const bool is_missed = !are_void(state.voids, chain.checkpoint + 1, header.first - 1);
            if (is_missed || (before != nullptr && header.first <= chain.end)) {
                chain.damage = place_between(before, frame);
                return chain;
            }
            chain.end = std::max(chain.end, header.claims_durable);
        }
        if (header.records != 0) chain.end = header.last();
        chain.previous = header.crc;
        before = &frame;
    }
    if (before == nullptr) chain.end = state.end;
    const std::uint64_t segment = before != nullptr ? before->segment : (found.empty() ? 0 : found.front().segment);
    const std::uint64_t offset = before != nullptr ? before->end() : 0;
    if (claimed > chain.end && claimed > state.checkpoint) {
        chain.damage = JournalDamage{segment, offset, "a frame is damaged, and a later one says that it was on the disk"};
    } else if (state.end > chain.end && state.end > chain.checkpoint) {
        chain.damage = JournalDamage{segment, offset, "a frame is damaged that the state file says was on the disk"};
    }
    chain.end = std::max(chain.end, chain.checkpoint);
    return chain;
}

Result<LoadedJournal, Error> load_journal(FileSystem& files, const std::string& directory, LoadFor purpose)
{
    auto loaded = Loader(files, directory, purpose).load();
    if (loaded && loaded->chain.damage && purpose == LoadFor::opening) return damaged(directory, *loaded->chain.damage);
    return loaded;
}

Result<void, Error> visit_records(FileSystem& files, const std::string& directory, const LoadedJournal& loaded, Lsn above,
                                  const Journal::Visit& visit)
{
    std::string content;
    std::uint64_t number = 0;
    for (const FoundFrame& frame : loaded.found) {
        const FrameHeader& header = frame.header;
        if (!frame.is_intact || header.records == 0 || header.last() <= above) continue;
        if (frame.segment != number) {
            const std::string path = segment_path(directory, frame.segment);
            auto file = files.open_read(path);
            if (!file) return reading_failed(path, file.error());
            const auto info = (*file)->info();
            if (!info) return reading_failed(path, info.error());
            const auto done = read_segment(**file, std::min(info->size, kMaxSegment), content);
            if (!done) return reading_failed(path, done.error());
            number = frame.segment;
        }
        const std::string_view rest = std::string_view(content).substr(std::min<std::size_t>(header.offset, content.size()));
        const auto forward = [&](Lsn lsn, std::string_view payload, std::uint64_t offset) {
            if (lsn > above) visit(lsn, payload, {frame.segment, offset, static_cast<std::uint32_t>(payload.size())});
        };
        if (!read_records(rest, header, forward)) {
            return damaged(directory, {frame.segment, header.offset, "the frame reads differently the second time"});
        }
    }
    return {};
}

}  // namespace mbx::journal
