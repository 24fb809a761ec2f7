// The journal's inside: two threads over one state. Private to journal/.
//
// The writing thread takes what is pending, lays it into a frame and has it on the disk before it takes more. The
// preparing thread has segments ready ahead of it, recycles, and raises the ceiling of numbers. Nothing blocks under
// mutex_, so that append() never waits for a disk (HOSTILE row G7).
//
// Every accepted group has its place: it is counted in `reserved` of a prepared segment as if it had a frame of its own,
// and is written into that segment. Sharing a frame only takes less. So a number that was given can always be written.
#pragma once

#include <atomic>
#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "journal/frame.hpp"
#include "journal/journal.hpp"
#include "journal/scan.hpp"
#include "journal/state_file.hpp"

namespace mbx::journal {

inline constexpr std::uint64_t kFrameTarget = 4U << 20U;   // a frame of several groups ends here
inline constexpr std::uint64_t kLazyBytes = 1U << 20U;     // pending that are written though nobody waits
inline constexpr Lsn kCeilingStep = 1'000'000;             // how far ahead numbers are allowed durably
inline constexpr std::size_t kReady = 2;                   // segments beyond the one in use

struct Meters {
    explicit Meters(Metrics& metrics);
    Histogram& commit_seconds;
    Histogram& records_per_commit;
    Counter& commits;
    Counter& bytes;
    Counter& records;
    Counter& filled;
    Gauge& backlog_bytes;
    Gauge& backlog_records;
    Gauge& used;
    Gauge& ready;
    Gauge& spare;
    Gauge& room;
    Gauge& lacks_space;
    Gauge& direct;
    Gauge& failed;
};

// A segment that is written to, or is to be.
struct OpenSegment {
    std::uint64_t number = 0;
    std::uint64_t bytes = 0;
    std::unique_ptr<File> file;
    std::uint64_t written = 0;
    std::uint64_t reserved = 0;  // for groups that wait, each in a frame of its own
    Lsn last = 0;                // highest record
    bool is_used = false;
};

struct Group {
    Lsn first = 0;
    std::uint64_t segment = 0;
    std::uint64_t body = 0;      // in a frame
    std::chrono::steady_clock::time_point due;
    std::vector<Payload> records;
    Lsn last() const { return first + records.size() - 1; }
    std::uint64_t alone() const { return to_blocks(kFrameHeader + body); }
};

class Core {
public:
    Core(FileSystem& files, const Clock& clock, Metrics& metrics, Log log, JournalOptions options);
    ~Core();  // stop() came before
    Core(const Core&) = delete;
    Core& operator=(const Core&) = delete;

    // Opening, before any thread runs.
    Result<void, Error> open(const Journal::Visit& visit);
    void start();

    Lsn append(std::vector<Payload> together);
    bool has_room(std::size_t bytes) const;
    void want(Lsn lsn);
    bool wait(Lsn lsn);
    bool checkpoint(Lsn applied);
    Journal::Backlog backlog() const;
    Result<std::string, FileError> read(const Location& where) const;
    void on_progress(std::function<void()> call);
    void close(Lsn applied);
    void stop();  // writes what is pending and ends the threads

    const Recovery& recovery() const { return recovery_; }
    Lsn last() const { return next_.load() - 1; }
    Lsn durable() const { return durable_.load(); }
    bool has_failed() const { return failed_.load(); }

private:
    struct Batch {
        FrameHeader header;
        File* file = nullptr;
        std::vector<Group> groups;
    };
    struct UsedSegment {
        std::uint64_t number = 0;
        std::uint64_t bytes = 0;
        Lsn last = 0;
    };
    struct Weight {  // of one group, for the backlog
        Lsn last = 0;
        std::uint64_t bytes = 0;
        std::uint64_t records = 0;
    };
    using Lock = std::unique_lock<std::mutex>;

    // open.cpp
    Result<void, Error> make_directory();
    Result<void, Error> adopt_segments(const LoadedJournal& loaded);
    Result<void, Error> remove_unfit(const LoadedJournal& loaded, std::size_t keep);
    Result<void, Error> begin_numbers(const LoadedJournal& loaded);
    void prepare_first();
    // What is stored only ever grows, whoever writes first; closing alone takes the ceiling back to what was given.
    Result<void, FileError> store_state(bool closed, Lsn ceiling, Lsn checkpoint);
    void choose_mode(std::uint64_t segment);  // one that is empty; 0: there is none yet
    std::chrono::steady_clock::duration measure(const std::string& path, WriteMode mode) const;

    // core.cpp
    OpenSegment* find_place(std::uint64_t extent);
    std::uint64_t room_of(const OpenSegment& segment) const;
    void count_backlog(Lsn last, std::uint64_t bytes, std::uint64_t records);
    void forget_backlog();
    void show_gauges();

    // writer.cpp
    void write_on();
    void await_work(Lock& lock);
    bool is_due(std::chrono::steady_clock::time_point now) const;
    Batch take_batch();
    void take_groups(OpenSegment& segment, Batch& batch);
    void leave_segments_before(std::uint64_t number);
    Result<void, FileError> write_batch(Batch& batch);
    void commit(Lock& lock, Batch& batch);
    void settle(const Batch& batch);
    void settle_checkpoint(Lsn checkpoint);
    void checkpoint_by_state_file(Lock& lock);
    void fail(Lock& lock, const char* doing, const FileError& error);
    void tell_progress();

    // preparer.cpp
    void prepare_on();
    bool prepare_one(Lock& lock);  // false: something did not work, try later
    bool needs_ceiling() const;
    bool needs_segment() const;
    bool needs_preparing() const;
    bool raise_ceiling(Lock& lock);
    bool add_segment(Lock& lock);
    bool make_segment(Lock& lock, std::uint64_t number);
    bool remove_spare(Lock& lock);
    Result<void, FileError> fill(std::uint64_t number) const;
    Result<std::unique_ptr<File>, FileError> open_prepared(std::uint64_t number) const;
    bool prepare_failed(Lock& lock, const char* doing, const FileError& error, bool is_fatal);

    FileSystem& files_;
    const Clock& clock_;
    Log log_;
    const JournalOptions options_;
    Meters meters_;
    WriteMode mode_ = WriteMode::buffered;
    Recovery recovery_;
    std::uint64_t identity_ = 0;
    std::uint64_t reserve_ = kBlock;  // at the end of each segment, for checkpoints alone

    mutable std::mutex mutex_;
    std::condition_variable work_;      // for the writing thread
    std::condition_variable progress_;  // for wait() and checkpoint()
    std::condition_variable prepare_;   // for the preparing thread
    bool is_dozing_ = false;      // the writing thread looks at pending_ within lazy_delay, unless it is woken
    std::deque<Group> pending_;
    std::uint64_t pending_bytes_ = 0;
    Lsn wanted_ = 0;
    Lsn ceiling_ = 1;             // numbers below may be given
    Lsn written_ = 0;             // the last durable record, as frames claim it
    Lsn checkpoint_ = 0;          // durable
    Lsn asked_checkpoint_ = 0;
    std::uint64_t assigned_ = 0;  // the segment that the last group has its place in
    std::uint64_t last_number_ = 0;
    std::uint64_t unopened_ = 0;  // a segment that is made and could not be opened yet
    std::deque<OpenSegment> open_;
    std::deque<UsedSegment> used_;
    std::deque<UsedSegment> spare_;
    std::deque<Weight> weights_;
    Journal::Backlog backlog_;
    bool lacks_space_ = false;
    bool closing_ = false;
    bool stopping_ = false;
    bool writer_ended_ = false;

    std::atomic<Lsn> next_{1};
    std::atomic<Lsn> durable_{0};
    std::atomic<bool> failed_{false};

    std::uint32_t previous_ = 0;  // of the writing thread
    FrameBuffer buffer_;
    std::mutex state_mutex_;      // for stored_; taken before mutex_
    StateRecord stored_;
    std::mutex call_mutex_;
    std::function<void()> call_;
    std::thread writer_;
    std::thread preparer_;
};

}  // namespace mbx::journal
