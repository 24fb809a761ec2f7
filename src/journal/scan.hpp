// From the bytes of segments to what the journal holds: which frames count, where it ends, whether it is damaged.
// survey_segment() and follow_chain() are pure and linear; load_journal() reads. Private to journal/.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/file_system.hpp"
#include "journal/frame.hpp"
#include "journal/state_file.hpp"

namespace mbx::journal {

inline constexpr std::uint64_t kMaxSegment = 1U << 30U;

struct FoundFrame {
    std::uint64_t segment = 0;
    FrameHeader header;
    bool is_intact = false;  // its records are right, not only its header
    std::uint64_t end() const { return header.offset + header.extent(); }
};

// Finds every frame of this segment's own generation. A header that is right vouches for the length of its frame even
// when the records are not, so no byte is looked at twice.
void survey_segment(std::string_view bytes, std::uint64_t identity, std::uint64_t number, std::vector<FoundFrame>& found);

struct JournalDamage {
    std::uint64_t segment = 0;
    std::uint64_t offset = 0;
    std::string what;
};

struct Chain {
    Lsn checkpoint = 0;
    Lsn end = 0;                         // the last durable record
    std::uint32_t previous = 0;          // crc of the last frame
    std::uint64_t last_segment = 0;      // that has a frame, whole or not; 0: none has
    std::optional<JournalDamage> damage;
};

// `found` in the order of segments and offsets.
Chain follow_chain(const std::vector<FoundFrame>& found, const StateRecord& state);

struct SegmentFile {
    std::uint64_t number = 0;
    std::uint64_t bytes = 0;
    Lsn last = 0;             // the highest number of a record in it
    bool has_frames = false;  // of its own generation
};

struct LoadedJournal {
    std::optional<StateRecord> state;   // none: there is no journal yet
    std::vector<SegmentFile> segments;  // ascending
    std::vector<std::string> strays;    // unfinished files of ours
    std::vector<FoundFrame> found;
    Chain chain;
};

enum class LoadFor : std::uint8_t {
    opening,   // makes durable what is read, and reads it from the disk, not from a cache that a failed sync left behind
    watching,  // changes nothing; segments may come and go meanwhile
};
Result<LoadedJournal, Error> load_journal(FileSystem& files, const std::string& directory, LoadFor purpose);

// Calls `visit` for each record above `above`, in order.
Result<void, Error> visit_records(FileSystem& files, const std::string& directory, const LoadedJournal& loaded, Lsn above,
                                  const Journal::Visit& visit);

std::string segment_path(const std::string& directory, std::uint64_t number);
std::string state_path(const std::string& directory);

}  // namespace mbx::journal
