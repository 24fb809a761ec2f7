// The journal: what was appended and waited for survives any crash (docs/journal.md has the format and the reasons).
//
// A thread of its own writes and syncs. Whoever appends gets numbers at once; whoever waits for a number has everything
// up to it on the disk when he goes on. One write and one sync serve all that wait at that moment, so a batch grows with
// the load and an idle journal adds no delay.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "base/error.hpp"
#include "base/file_system.hpp"
#include "base/log.hpp"
#include "base/metrics.hpp"
#include "base/result.hpp"

namespace mbx::journal {

// The number of a record. Grows, and is never given twice, whatever is lost; 0: none.
using Lsn = std::uint64_t;

// Both ends included.
struct LsnRange {
    Lsn first = 0;
    Lsn last = 0;
    bool contains(Lsn lsn) const { return lsn >= first && lsn <= last; }
};

// The bytes of one record, in two parts so that a message's body is shared, not copied. At most kMaxRecord together.
struct Payload {
    std::string head;
    std::shared_ptr<const std::string> body;
};
inline constexpr std::size_t kMaxRecord = 8U << 20U;
inline constexpr std::size_t kMaxTogether = 16U << 20U;  // of one append()

// Where a recovered record's bytes lie, for read().
struct Location {
    std::uint64_t segment = 0;
    std::uint64_t offset = 0;
    std::uint32_t length = 0;
};

// What stood in the journal when it was opened.
struct Recovery {
    Lsn checkpoint = 0;  // what it holds up to here is applied and synced
    Lsn end = 0;         // the last durable record
    bool was_closed = false;  // by close(), with everything applied
    // Numbers that were given but whose records never became durable, of all starts so far, ascending, the newest last.
    // Whoever derived a name from such a number finds out here that it stands for nothing.
    std::vector<LsnRange> voids;
};

struct JournalOptions {
    std::string directory;                              // made when missing
    std::uint64_t segment_bytes = 32U << 20U;
    std::chrono::milliseconds lazy_delay{20};           // after which records are written that nobody waits for
};

class Journal {
public:
    // Reads what is there and calls `visit` for every durable record above the checkpoint, in order; `payload` dies with
    // the call. Blocking. Damage (a bad frame before a good one that claims more durable) is an Error that says where;
    // a torn tail is not. Afterwards numbers go on above everything that was ever given.
    using Visit = std::function<void(Lsn, std::string_view payload, const Location&)>;
    static Result<std::unique_ptr<Journal>, Error> open(FileSystem& files, const Clock& clock, Metrics& metrics, Log log,
                                                        JournalOptions options, const Visit& visit);
    ~Journal();  // writes what was appended
    Journal(const Journal&) = delete;
    Journal& operator=(const Journal&) = delete;

    const Recovery& recovery() const;

    // Numbers the records (the answer is the first one's, the others follow) and hands them to the writing thread; they
    // share a frame: after a crash all of them are there, or none. Any thread. 0 after a failure of the journal.
    Lsn append(std::vector<Payload> together);

    // What was numbered, and what is on the disk. Any thread.
    Lsn last() const;
    Lsn durable() const;

    // Asks for everything up to `lsn` to be written soon; without, records wait for lazy_delay. Any thread, waits not.
    void want(Lsn lsn);
    // Blocks until everything up to `lsn` is on the disk. False: the journal has failed, and it may or may not be.
    // Workers only; a coroutine uses CommitWaiters.
    bool wait(Lsn lsn);

    // A write or sync failed, or a checkpoint's: nothing is acknowledged any more, nothing is tried again; the process
    // is to end and to be started anew. Any thread.
    bool has_failed() const;

    // Everything up to `applied` has been applied and synced elsewhere: makes that durable, then recycles the segments
    // below it. Blocking: on a worker. False: the journal has failed.
    bool checkpoint(Lsn applied);
    struct Backlog {
        std::uint64_t bytes = 0;    // above the last checkpoint
        std::uint64_t records = 0;
    };
    Backlog backlog() const;

    // Bytes of a record that open() visited and that no checkpoint has passed since. Worker threads.
    Result<std::string, FileError> read(const Location& where) const;

    // `call` runs on the writing thread whenever durable() grew or the journal failed; it must be quick and not call back.
    void on_progress(std::function<void()> call);

    // Everything appended is written, and what is below `applied` recycled; was_closed holds at the next open() when
    // that was all. Blocking.
    void close(Lsn applied);

private:
    struct State;
    explicit Journal(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
};

// For `mailboxctl journal`: reads a journal that may be in use, changes nothing. Blocking.
struct FrameInfo {
    std::uint64_t segment = 0;
    std::uint64_t generation = 0;
    std::uint64_t offset = 0;
    std::uint64_t bytes = 0;
    Lsn first = 0;
    std::uint32_t records = 0;
    Lsn claims_durable = 0;
    Lsn checkpoint = 0;
};
Result<Recovery, Error> inspect(FileSystem& files, const std::string& directory,
                                const std::function<void(const FrameInfo&)>& frame, const Journal::Visit& record);

}  // namespace mbx::journal
