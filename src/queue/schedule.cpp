#include "queue/schedule.hpp"

#include <unistd.h>

#include <cerrno>
#include <cstdio>

#include "queue/schedule_tables.hpp"

namespace mbx::queue {

Schedule::Schedule() : state_(std::make_unique<State>()) {}
Schedule::~Schedule() = default;

Result<std::unique_ptr<Schedule>, Error> Schedule::open(const std::string& directory, std::uint64_t map_bytes)
{
    std::unique_ptr<Schedule> schedule(new Schedule());
    State& state = *schedule->state_;
    state.directory = directory;
    state.path = directory + "/queue.mdb";
    state.map_bytes = std::max<std::uint64_t>(map_bytes, 256U << 10U);
    auto lock = DirectoryLock::take(directory);
    if (!lock) {
        const bool is_taken = lock.error().code == EWOULDBLOCK;
        return Error{"opening the queue in " + directory, is_taken ? "another process has it open" : lock.error().name(),
                     is_taken ? "stop the other mailboxd" : "look at the directory's owner and mode"};
    }
    state.lock = *std::move(lock);
    if (state.use_mark.open(state.path + "-busy")) {
        schedule->is_suspect_ = true;
        schedule->damage_ = "the last process ended while it used it";
        if (auto renewed = schedule->renew(); !renewed) return renewed.error();
        return schedule;
    }
    try {
        const UseMark::Use use(state.use_mark);
        state.open_env();
        state.open_tables(schedule->is_new_);
    } catch (const LmdbError& error) {
        if (error.code == ENOSPC || error.code == EACCES || error.code == EROFS || error.code == ENOMEM)
            return Error{"opening " + state.path, mdb_strerror(error.code), "see to the disk and its rights"};
        schedule->damage_ = mdb_strerror(error.code);
        if (auto renewed = schedule->renew(); !renewed) return renewed.error();
    }
    return schedule;
}

Result<void, Error> Schedule::renew()
{
    State& state = *state_;
    state.close();
    (void)::rename(state.path.c_str(), (state.path + ".damaged").c_str());
    (void)::unlink((state.path + "-lock").c_str());
    try {
        const UseMark::Use use(state.use_mark);
        state.open_env();
        state.open_tables(is_new_);
    } catch (const LmdbError& error) {
        state.close();
        return Error{"making " + state.path + " anew", mdb_strerror(error.code), "see to the disk and its rights"};
    }
    return {};
}

Result<void, ScheduleFailure> Schedule::apply(const std::vector<ScheduleChange>& changes)
{
    const auto work = [this, &changes](MDB_txn* txn) {
        for (const auto& change : changes) {
            std::visit([this, txn](const auto& what) { state_->change(txn, what); }, change);
        }
    };
    return state_->run(0, work);
}

Result<void, ScheduleFailure> Schedule::sync()
{
    if (state_->env == nullptr) return failure_of(MDB_INVALID);
    const int code = mdb_env_sync(state_->env, 1);
    if (code != MDB_SUCCESS) return failure_of(code);
    return {};
}

Result<Schedule::DueDestinations, ScheduleFailure> Schedule::due_destinations(std::int64_t now, const std::string& after,
                                                                              std::size_t most)
{
    DueDestinations due;
    const auto work = [this, &due, &after, now, most](MDB_txn* txn) {
        due = {};
        LmdbCursor cursor(txn, state_->wake);
        for (bool is_there = cursor.seek(after); is_there; is_there = cursor.next()) {
            const auto key = cursor.key();
            if (key == after) continue;
            if (key.size() < 8 || static_cast<std::int64_t>(big_endian_at(key, 0)) > now) return;
            due.keys.emplace_back(key.substr(8));
            if (due.keys.size() < most) continue;
            due.next = key;
            return;
        }
    };
    if (auto done = state_->run(MDB_RDONLY, work); !done) return done.error();
    return due;
}

Result<Schedule::Taken, ScheduleFailure> Schedule::take(const std::string& destination, std::int64_t now, std::uint64_t from,
                                                        std::size_t most, const std::set<std::string>& except)
{
    Taken taken;
    const auto work = [&, this](MDB_txn* txn) { taken = state_->take(txn, destination, now, from, most, except); };
    if (auto done = state_->run(0, work); !done) return done.error();
    return taken;
}

Result<std::vector<std::string>, ScheduleFailure> Schedule::due_deadlines(std::int64_t now, std::size_t most,
                                                                          const std::set<std::string>& except)
{
    std::vector<std::string> ids;
    const auto work = [&, this](MDB_txn* txn) {
        ids.clear();
        LmdbCursor cursor(txn, state_->deadlines);
        for (bool is_there = cursor.seek({}); is_there && ids.size() < most; is_there = cursor.next()) {
            const auto key = cursor.key();
            if (key.size() < 8 || static_cast<std::int64_t>(big_endian_at(key, 0)) > now) return;
            std::string id(key.substr(8));
            if (!except.contains(id)) ids.push_back(std::move(id));
        }
    };
    if (auto done = state_->run(MDB_RDONLY, work); !done) return done.error();
    return ids;
}

Result<std::vector<ScheduleRow>, ScheduleFailure> Schedule::rows(const std::string& after, std::size_t most)
{
    std::vector<ScheduleRow> found;
    const auto work = [&, this](MDB_txn* txn) {
        found.clear();
        LmdbCursor cursor(txn, state_->rows);
        for (bool is_there = cursor.seek(after); is_there && found.size() < most; is_there = cursor.next()) {
            if (cursor.key() == after) continue;
            if (auto row = decode_row(cursor.key(), cursor.value())) found.push_back(std::move(*row));
        }
    };
    if (auto done = state_->run(MDB_RDONLY, work); !done) return done.error();
    return found;
}

Result<std::optional<ScheduleRow>, ScheduleFailure> Schedule::row(const std::string& id)
{
    std::optional<ScheduleRow> found;
    const auto work = [&, this](MDB_txn* txn) {
        const auto bytes = state_->get(txn, state_->rows, id);
        found = bytes ? decode_row(id, *bytes) : std::nullopt;
    };
    if (auto done = state_->run(MDB_RDONLY, work); !done) return done.error();
    return found;
}

Result<std::vector<std::string>, ScheduleFailure> Schedule::destinations_of(const std::string& id)
{
    std::vector<std::string> found;
    const auto work = [&, this](MDB_txn* txn) { found = state_->destinations(txn, id); };
    if (auto done = state_->run(MDB_RDONLY, work); !done) return done.error();
    return found;
}

std::uint64_t Schedule::count() const
{
    MDB_stat numbers{};
    MDB_txn* txn = nullptr;
    const UseMark::Use use(state_->use_mark);
    if (state_->env == nullptr || mdb_txn_begin(state_->env, nullptr, MDB_RDONLY, &txn) != MDB_SUCCESS) return 0;
    (void)mdb_stat(txn, state_->rows, &numbers);
    mdb_txn_abort(txn);
    return numbers.ms_entries;
}

}  // namespace mbx::queue
