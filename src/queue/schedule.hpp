// When what is due: queue.mdb (LMDB), so that 100,000 waiting messages cost no heap. It is a cache of the entry files
// and never the truth: lost, stale or damaged it is made anew from them (HOSTILE row F9). Blocking: on one worker at a
// time (the queue's strand for it). The process does not fork while it is open.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/directory_lock.hpp"
#include "base/error.hpp"
#include "base/result.hpp"
#include "queue/transport.hpp"

namespace mbx::queue {

// Destinations as keys: text of at most 200 bytes, equal for equal destinations. One that is longer ends with a hash.
std::string key_of(const Destination& destination);

// An entry's line in listings, and when it is looked at whatever its destinations do.
struct ScheduleRow {
    std::string id;
    std::int64_t accepted = 0;   // milliseconds since 1970
    std::int64_t deadline = 0;   // the delay's warning or the end; 0: none (held)
    std::uint64_t size = 0;
    bool is_held = false;
    std::string reverse_path;
    std::string recipients;      // those not final, each with a line feed behind it, as many as fit into 1 KiB
    bool has_more = false;       // there are more
    bool operator==(const ScheduleRow&) const = default;
};

// The recipients of an entry at one destination, waiting.
struct PutErrand {
    std::string id;
    std::string destination;  // key_of
    std::uint64_t sender = 0; // whose turn it uses up
    std::int64_t at = 0;      // milliseconds since 1970
};
struct PutRow {
    ScheduleRow row;
};
struct DropErrand {
    std::string id;
    std::string destination;
};
struct DropEntry {  // with its errands
    std::string id;
};
// Nothing of the destination is due before; 0: as its errands say. Forgotten where none of its errands is there.
struct NotBefore {
    std::string destination;
    std::int64_t at = 0;
};
using ScheduleChange = std::variant<PutErrand, PutRow, DropErrand, DropEntry, NotBefore>;

struct ScheduleFailure {
    int code = 0;
    std::string text;
    bool is_no_space = false;  // of the disk; anything else: the file is to be made anew
};

class Schedule {
public:
    // EWOULDBLOCK in the failure: another process, or this one, has the directory's lock already.
    // `directory` is there. A file that cannot be used is put aside as queue.mdb.damaged.
    static Result<std::unique_ptr<Schedule>, Error> open(const std::string& directory, std::uint64_t map_bytes);
    ~Schedule();
    Schedule(const Schedule&) = delete;
    Schedule& operator=(const Schedule&) = delete;

    // It was made by this open(): everything has to be put into it.
    bool is_new() const { return is_new_; }
    // Why the old file was put aside; empty: it was not.
    const std::string& damage() const { return damage_; }
    // It was put aside only because the last process ended in the middle of using it. LMDB ends a process that comes upon a
    // damaged page: so that it does not happen again and again, what a process died over is not opened a second time.
    bool is_suspect() const { return is_suspect_; }

    // All or none. The process may crash at any time; a power cut may undo what sync() did not cover.
    Result<void, ScheduleFailure> apply(const std::vector<ScheduleChange>& changes);
    Result<void, ScheduleFailure> sync();
    // Throws the file away and begins an empty one.
    Result<void, Error> renew();

    // Destinations with something due, from the one that waits longest; behind `after` where it is not empty. `next`:
    // what to give for `after` to go on.
    struct DueDestinations {
        std::vector<std::string> keys;
        std::string next;
    };
    Result<DueDestinations, ScheduleFailure> due_destinations(std::int64_t now, const std::string& after, std::size_t most);

    // Errands of one destination that are due, senders in turn, from sender `from` on; those of `except` (ids) are left
    // out. What it gave must be put or dropped afterwards, or it is not looked at again before the next open().
    struct Taken {
        std::vector<PutErrand> errands;
        std::uint64_t next_sender = 0;
        bool has_more = false;
    };
    Result<Taken, ScheduleFailure> take(const std::string& destination, std::int64_t now, std::uint64_t from, std::size_t most,
                                        const std::set<std::string>& except);

    // Ids whose deadline has come, the oldest first; without those of `except`.
    Result<std::vector<std::string>, ScheduleFailure> due_deadlines(std::int64_t now, std::size_t most,
                                                                    const std::set<std::string>& except);

    Result<std::vector<ScheduleRow>, ScheduleFailure> rows(const std::string& after, std::size_t most);
    Result<std::optional<ScheduleRow>, ScheduleFailure> row(const std::string& id);
    // The destinations of an entry's errands.
    Result<std::vector<std::string>, ScheduleFailure> destinations_of(const std::string& id);
    std::uint64_t count() const;  // rows

private:
    struct State;
    Schedule();
    std::unique_ptr<State> state_;
    bool is_new_ = false;
    bool is_suspect_ = false;
    std::string damage_;
};

}  // namespace mbx::queue
