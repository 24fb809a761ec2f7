// The tables of queue.mdb and what is done to them within one transaction. Private to schedule*.cpp; LMDB's failures travel
// as LmdbError within these files, and become ScheduleFailure at their edge.
#pragma once

#include <lmdb.h>

#include <algorithm>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "queue/schedule.hpp"
#include "queue/use_mark.hpp"

// Tables
//   errands    destination NUL sender(8) time(8) id -> nothing      in the order in which a destination is served
//   places     id NUL destination -> sender(8) time(8)              where an entry's errands are
//   wake       time(8) destination -> nothing                       when a destination is to be looked at
//   marks      destination -> time in wake(8, 0: none), not before(8)
//   rows       id -> ScheduleRow
//   deadlines  time(8) id -> nothing
//   meta       "format" -> version
namespace mbx::queue {

inline constexpr std::uint64_t kMostMapBytes = 1ULL << 40U;

struct LmdbError {
    int code;
};

inline void must(int code)
{
    if (code != MDB_SUCCESS) throw LmdbError{code};
}

ScheduleFailure failure_of(int code);
std::uint64_t big_endian_at(std::string_view bytes, std::size_t at);
std::optional<ScheduleRow> decode_row(std::string_view id, std::string_view bytes);

inline MDB_val value_of(std::string_view text)
{
    // LMDB does not write through keys and values that are given to it.
    return {text.size(), const_cast<char*>(text.data())};
}

inline std::string_view view_of(const MDB_val& value) { return {static_cast<const char*>(value.mv_data), value.mv_size}; }

// A cursor of one transaction.
class LmdbCursor {
public:
    LmdbCursor(MDB_txn* txn, MDB_dbi table) { must(mdb_cursor_open(txn, table, &cursor_)); }
    ~LmdbCursor() { mdb_cursor_close(cursor_); }
    LmdbCursor(const LmdbCursor&) = delete;
    LmdbCursor& operator=(const LmdbCursor&) = delete;

    // To the first key that is not below; false: there is none.
    bool seek(std::string_view key)
    {
        key_ = value_of(key);
        return step(key.empty() ? MDB_FIRST : MDB_SET_RANGE);
    }
    bool next() { return step(MDB_NEXT); }
    std::string_view key() const { return view_of(key_); }
    std::string_view value() const { return view_of(value_); }

private:
    bool step(MDB_cursor_op op)
    {
        const int code = mdb_cursor_get(cursor_, &key_, &value_, op);
        if (code == MDB_NOTFOUND) return false;
        must(code);
        return true;
    }
    MDB_cursor* cursor_ = nullptr;
    MDB_val key_{};
    MDB_val value_{};
};

struct Schedule::State {
    std::string directory;
    std::string path;
    std::uint64_t map_bytes = 0;
    DirectoryLock lock;
    UseMark use_mark;
    MDB_env* env = nullptr;
    MDB_dbi errands = 0, places = 0, wake = 0, marks = 0, rows = 0, deadlines = 0, meta = 0;

    ~State() { close(); }
    void close()
    {
        if (env != nullptr) mdb_env_close(env);
        env = nullptr;
    }
    void open_env();
    void open_tables(bool& was_made);
    void wake_all(MDB_txn* txn) const;
    void grow();
    template <typename Work>
    Result<void, ScheduleFailure> run(unsigned flags, const Work& work);

    std::optional<std::string> get(MDB_txn* txn, MDB_dbi table, std::string_view key) const;
    void put(MDB_txn* txn, MDB_dbi table, std::string_view key, std::string_view value) const;
    bool remove(MDB_txn* txn, MDB_dbi table, std::string_view key) const;

    void set_wake(MDB_txn* txn, const std::string& destination, std::int64_t at, std::int64_t not_before) const;
    void change(MDB_txn* txn, const PutErrand& errand) const;
    void change(MDB_txn* txn, const PutRow& row) const;
    void change(MDB_txn* txn, const DropErrand& errand) const;
    void change(MDB_txn* txn, const DropEntry& entry) const;
    void change(MDB_txn* txn, const NotBefore& mark) const;
    std::vector<std::string> destinations(MDB_txn* txn, const std::string& id) const;
    struct TakeRound {
        std::string prefix;  // of the destination's keys
        std::int64_t now = 0;
        std::uint64_t from = 0;
        std::size_t most = 0;
        const std::set<std::string>* except = nullptr;
        std::set<std::string> seen;
        std::vector<PutErrand> errands;
        std::int64_t earliest = 0;  // of those not due; 0: none was seen
        std::uint64_t next = 0;
        std::size_t jumps = 0;      // between senders
        bool has_more = false;
        bool is_through = false;    // all senders were looked at
    };
    void take_round(MDB_txn* txn, TakeRound& round, std::size_t of_one) const;
    static void take_of_sender(LmdbCursor& cursor, TakeRound& round, std::uint64_t sender, std::size_t of_one);
    Taken take(MDB_txn* txn, const std::string& destination, std::int64_t now, std::uint64_t from, std::size_t most,
               const std::set<std::string>& except) const;
};

template <typename Work>
Result<void, ScheduleFailure> Schedule::State::run(unsigned flags, const Work& work)
{
    if (env == nullptr) return failure_of(MDB_INVALID);
    const UseMark::Use use(use_mark);
    for (;;) {
        MDB_txn* txn = nullptr;
        try {
            must(mdb_txn_begin(env, nullptr, flags, &txn));
            work(txn);
            MDB_txn* const ended = std::exchange(txn, nullptr);  // commit frees it also when it fails
            must(mdb_txn_commit(ended));
            return {};
        } catch (const LmdbError& error) {
            if (txn != nullptr) mdb_txn_abort(txn);
            if (error.code != MDB_MAP_FULL || map_bytes >= kMostMapBytes) return failure_of(error.code);
        }
        try {
            grow();
        } catch (const LmdbError& error) {
            return failure_of(error.code);
        }
    }
}

}  // namespace mbx::queue
