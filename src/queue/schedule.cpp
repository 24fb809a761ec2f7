#include "queue/schedule.hpp"

#include <lmdb.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <utility>

#include "base/crc32c.hpp"
#include "base/record_bytes.hpp"

// Tables
//   errands    destination NUL sender(8) time(8) id -> nothing      in the order in which a destination is served
//   places     id NUL destination -> sender(8) time(8)              where an entry's errands are
//   wake       time(8) destination -> nothing                       when a destination is to be looked at
//   marks      destination -> time in wake(8, 0: none), not before(8)
//   rows       id -> ScheduleRow
//   deadlines  time(8) id -> nothing
//   meta       "format" -> version
namespace mbx::queue {
namespace {

constexpr std::string_view kScheduleFormat = "1";
constexpr std::size_t kMostDestinationKey = 200;
constexpr std::size_t kMostJumps = 4096;     // between senders, in one take()
constexpr std::size_t kMostRowText = 2'048;
constexpr std::uint64_t kMostMapBytes = 1ULL << 40U;
constexpr mdb_mode_t kScheduleMode = 0600;

std::string big_endian(std::uint64_t value)
{
    std::string text(8, '\0');
    for (std::size_t n = 0; n < 8; ++n) text[n] = static_cast<char>((value >> (56 - 8 * n)) & 0xFFU);
    return text;
}

std::uint64_t big_endian_at(std::string_view bytes, std::size_t at)
{
    std::uint64_t value = 0;
    if (bytes.size() < at + 8) return 0;
    for (std::size_t n = 0; n < 8; ++n) value = value << 8U | static_cast<unsigned char>(bytes[at + n]);
    return value;
}

std::string time_key(std::int64_t milliseconds) { return big_endian(static_cast<std::uint64_t>(std::max<std::int64_t>(milliseconds, 0))); }

std::string place_key(std::string_view id, std::string_view destination)
{
    std::string key(id);
    key += '\0';
    key += destination;
    return key;
}

std::string errand_key(std::string_view destination, std::uint64_t sender, std::int64_t at, std::string_view id)
{
    std::string key(destination);
    key += '\0';
    key += big_endian(sender);
    key += time_key(at);
    key += id;
    return key;
}

std::string encode_row(const ScheduleRow& row)
{
    RecordWriter out;
    out.number(1);
    out.signed_number(row.accepted);
    out.signed_number(row.deadline);
    out.number(row.size);
    out.number((row.is_held ? 1U : 0U) | (row.has_more ? 2U : 0U));
    out.text(row.reverse_path);
    out.text(row.recipients);
    return std::move(out.bytes());
}

std::optional<ScheduleRow> decode_row(std::string_view id, std::string_view bytes)
{
    RecordReader in(bytes);
    ScheduleRow row;
    row.id = id;
    if (in.number() != 1) return std::nullopt;
    row.accepted = in.signed_number();
    row.deadline = in.signed_number();
    row.size = in.number();
    const auto flags = in.number();
    row.is_held = (flags & 1U) != 0;
    row.has_more = (flags & 2U) != 0;
    row.reverse_path = in.text(kMostRowText);
    row.recipients = in.text(kMostRowText);
    if (!in.is_good()) return std::nullopt;
    return row;
}

MDB_val value_of(std::string_view text)
{
    // LMDB does not write through keys and values that are given to it.
    return {text.size(), const_cast<char*>(text.data())};
}

std::string_view view_of(const MDB_val& value) { return {static_cast<const char*>(value.mv_data), value.mv_size}; }

struct LmdbError {
    int code;
};

void must(int code)
{
    if (code != MDB_SUCCESS) throw LmdbError{code};
}

ScheduleFailure failure_of(int code)
{
    return {code, mdb_strerror(code), code == ENOSPC || code == EDQUOT};
}

}  // namespace

std::string key_of(const Destination& destination)
{
    std::string key = destination.domain + '\t' + destination.route + (destination.require_tls ? "\ttls" : "\t");
    // Names of mail never have them; a damaged file may.
    std::replace(key.begin(), key.end(), '\0', '?');
    if (key.size() <= kMostDestinationKey) return key;
    std::array<char, 20> hash{};
    (void)std::snprintf(hash.data(), hash.size(), "#%08x%08x", crc32c(key), crc32c(key.substr(7), 0x5a5a5a5aU));
    return key.substr(0, kMostDestinationKey - 17) + hash.data();
}

struct Schedule::State {
    std::string directory;
    std::string path;
    std::uint64_t map_bytes = 0;
    DirectoryLock lock;
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
    Taken take(MDB_txn* txn, const std::string& destination, std::int64_t now, std::uint64_t from, std::size_t most,
               const std::set<std::string>& except) const;
};

namespace {

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

}  // namespace

std::optional<std::string> Schedule::State::get(MDB_txn* txn, MDB_dbi table, std::string_view key) const
{
    MDB_val name = value_of(key);
    MDB_val value{};
    const int code = mdb_get(txn, table, &name, &value);
    if (code == MDB_NOTFOUND) return std::nullopt;
    must(code);
    return std::string(view_of(value));
}

void Schedule::State::put(MDB_txn* txn, MDB_dbi table, std::string_view key, std::string_view value) const
{
    MDB_val name = value_of(key);
    MDB_val content = value_of(value);
    must(mdb_put(txn, table, &name, &content, 0));
}

bool Schedule::State::remove(MDB_txn* txn, MDB_dbi table, std::string_view key) const
{
    MDB_val name = value_of(key);
    const int code = mdb_del(txn, table, &name, nullptr);
    if (code == MDB_NOTFOUND) return false;
    must(code);
    return true;
}

void Schedule::State::open_env()
{
    must(mdb_env_create(&env));
    must(mdb_env_set_maxdbs(env, 8));
    struct stat info{};
    const bool is_there = ::stat(path.c_str(), &info) == 0;
    const auto size = is_there ? static_cast<std::uint64_t>(info.st_size) : 0;
    map_bytes = std::max(map_bytes, size);
    must(mdb_env_set_mapsize(env, map_bytes));
    // Without NOMETASYNC each transaction would be synced twice; what a power cut undoes is whole transactions, and the
    // journal has them (sync() comes before it forgets).
    must(mdb_env_open(env, path.c_str(), MDB_NOSUBDIR | MDB_NOMETASYNC | MDB_NOTLS | MDB_NORDAHEAD, kScheduleMode));
    // A page that the file does not have would be a SIGBUS.
    MDB_envinfo about{};
    MDB_stat numbers{};
    must(mdb_env_info(env, &about));
    must(mdb_env_stat(env, &numbers));
    if (size != 0 && (about.me_last_pgno + 1) * numbers.ms_psize > size) throw LmdbError{MDB_CORRUPTED};
    int dead = 0;
    must(mdb_reader_check(env, &dead));  // slots of processes that were killed
}

void Schedule::State::open_tables(bool& was_made)
{
    MDB_txn* txn = nullptr;
    must(mdb_txn_begin(env, nullptr, 0, &txn));
    try {
        const std::array<std::pair<const char*, MDB_dbi*>, 7> tables{{{"errands", &errands}, {"places", &places},
            {"wake", &wake}, {"marks", &marks}, {"rows", &rows}, {"deadlines", &deadlines}, {"meta", &meta}}};
        for (const auto& [name, table] : tables) must(mdb_dbi_open(txn, name, MDB_CREATE, table));
        const auto format = get(txn, meta, "format");
        was_made = !format;
        if (format && *format != kScheduleFormat) throw LmdbError{MDB_VERSION_MISMATCH};
        if (was_made) put(txn, meta, "format", kScheduleFormat);
        wake_all(txn);
    } catch (const LmdbError&) {
        mdb_txn_abort(txn);
        throw;
    }
    must(mdb_txn_commit(txn));
}

// What was taken when the last run ended is looked at again: every destination that has errands is due at once, or when
// it may be asked again. Marks of others go.
void Schedule::State::wake_all(MDB_txn* txn) const
{
    std::vector<std::pair<std::string, std::int64_t>> found;
    {
        LmdbCursor cursor(txn, errands);
        for (std::string from; cursor.seek(from);) {
            std::string destination(cursor.key().substr(0, cursor.key().find('\0')));
            const auto mark = get(txn, marks, destination);
            from = destination + '\x01';
            found.emplace_back(std::move(destination), mark ? static_cast<std::int64_t>(big_endian_at(*mark, 8)) : 0);
        }
    }
    must(mdb_drop(txn, wake, 0));
    must(mdb_drop(txn, marks, 0));
    for (const auto& [destination, not_before] : found) set_wake(txn, destination, std::max<std::int64_t>(not_before, 1), not_before);
}

void Schedule::State::grow()
{
    map_bytes = std::min(map_bytes * 2, kMostMapBytes);
    must(mdb_env_set_mapsize(env, map_bytes));
}

template <typename Work>
Result<void, ScheduleFailure> Schedule::State::run(unsigned flags, const Work& work)
{
    if (env == nullptr) return failure_of(MDB_INVALID);
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

void Schedule::State::set_wake(MDB_txn* txn, const std::string& destination, std::int64_t at, std::int64_t not_before) const
{
    const auto mark = get(txn, marks, destination);
    const std::int64_t before = mark ? static_cast<std::int64_t>(big_endian_at(*mark, 0)) : 0;
    if (before != 0 && before != at) (void)remove(txn, wake, time_key(before) + destination);
    if (at != 0 && before != at) put(txn, wake, time_key(at) + destination, {});
    if (at == 0 && not_before == 0) {
        (void)remove(txn, marks, destination);
    } else {
        put(txn, marks, destination, time_key(at) + time_key(not_before));
    }
}

void Schedule::State::change(MDB_txn* txn, const PutErrand& errand) const
{
    change(txn, DropErrand{errand.id, errand.destination});
    put(txn, errands, errand_key(errand.destination, errand.sender, errand.at, errand.id), {});
    put(txn, places, place_key(errand.id, errand.destination), big_endian(errand.sender) + time_key(errand.at));
    const auto mark = get(txn, marks, errand.destination);
    const std::int64_t wakes = mark ? static_cast<std::int64_t>(big_endian_at(*mark, 0)) : 0;
    const std::int64_t not_before = mark ? static_cast<std::int64_t>(big_endian_at(*mark, 8)) : 0;
    const std::int64_t at = std::max({errand.at, not_before, std::int64_t{1}});
    if (wakes == 0 || at < wakes) set_wake(txn, errand.destination, at, not_before);
}

void Schedule::State::change(MDB_txn* txn, const DropErrand& errand) const
{
    const std::string name = place_key(errand.id, errand.destination);
    const auto place = get(txn, places, name);
    if (!place) return;
    const auto at = static_cast<std::int64_t>(big_endian_at(*place, 8));
    (void)remove(txn, errands, errand_key(errand.destination, big_endian_at(*place, 0), at, errand.id));
    (void)remove(txn, places, name);
}

void Schedule::State::change(MDB_txn* txn, const PutRow& put_row) const
{
    const ScheduleRow& row = put_row.row;
    const auto before = get(txn, rows, row.id);
    const auto old = before ? decode_row(row.id, *before) : std::nullopt;
    if (old && old->deadline != 0 && old->deadline != row.deadline) (void)remove(txn, deadlines, time_key(old->deadline) + row.id);
    if (row.deadline != 0) put(txn, deadlines, time_key(row.deadline) + row.id, {});
    put(txn, rows, row.id, encode_row(row));
}

void Schedule::State::change(MDB_txn* txn, const DropEntry& entry) const
{
    for (const auto& destination : destinations(txn, entry.id)) change(txn, DropErrand{entry.id, destination});
    const auto before = get(txn, rows, entry.id);
    if (!before) return;
    const auto old = decode_row(entry.id, *before);
    if (old && old->deadline != 0) (void)remove(txn, deadlines, time_key(old->deadline) + entry.id);
    (void)remove(txn, rows, entry.id);
}

void Schedule::State::change(MDB_txn* txn, const NotBefore& mark) const
{
    const auto old = get(txn, marks, mark.destination);
    if (!old) return;
    const auto wakes = static_cast<std::int64_t>(big_endian_at(*old, 0));
    // Set free: take() finds out what is due.
    const std::int64_t at = mark.at == 0 ? std::min<std::int64_t>(wakes, 1) : wakes == 0 ? 0 : std::max(wakes, mark.at);
    set_wake(txn, mark.destination, at, mark.at);
}

std::vector<std::string> Schedule::State::destinations(MDB_txn* txn, const std::string& id) const
{
    std::vector<std::string> found;
    const std::string prefix = id + '\0';
    LmdbCursor cursor(txn, places);
    for (bool is_there = cursor.seek(prefix); is_there && cursor.key().starts_with(prefix); is_there = cursor.next())
        found.emplace_back(cursor.key().substr(prefix.size()));
    return found;
}

Schedule::Taken Schedule::State::take(MDB_txn* txn, const std::string& destination, std::int64_t now, std::uint64_t from,
                                      std::size_t most, const std::set<std::string>& except) const
{
    Taken taken;
    const std::string prefix = destination + '\0';
    const std::size_t of_one = std::max<std::size_t>(1, most / 8);
    std::int64_t earliest = 0;  // of those not due
    std::size_t jumps = 0;
    std::uint64_t sender = from;
    bool is_wrapped = from == 0;
    bool is_through = false;
    LmdbCursor cursor(txn, errands);
    for (; taken.errands.size() < most && jumps < kMostJumps; ++jumps) {
        bool is_there = cursor.seek(prefix + big_endian(sender)) && cursor.key().starts_with(prefix);
        if (is_there && is_wrapped && from != 0 && big_endian_at(cursor.key(), prefix.size()) >= from) is_there = false;
        if (!is_there) {
            is_through = is_wrapped;
            if (is_through) break;
            is_wrapped = true;
            sender = 0;
            continue;
        }
        sender = big_endian_at(cursor.key(), prefix.size());
        std::size_t count = 0;
        while (is_there && big_endian_at(cursor.key(), prefix.size()) == sender) {
            const auto at = static_cast<std::int64_t>(big_endian_at(cursor.key(), prefix.size() + 8));
            if (at > now) {
                earliest = earliest == 0 ? at : std::min(earliest, at);
                break;
            }
            if (count == of_one || taken.errands.size() == most) {
                taken.has_more = true;
                break;
            }
            std::string id(cursor.key().substr(prefix.size() + 16));
            if (!except.contains(id)) {
                taken.errands.push_back({std::move(id), destination, sender, at});
                ++count;
            }
            is_there = cursor.next() && cursor.key().starts_with(prefix);
        }
        if (sender == UINT64_MAX) {
            is_through = is_wrapped;
            if (is_through) break;
            is_wrapped = true;
            sender = 0;
            continue;
        }
        ++sender;
    }
    taken.next_sender = sender;
    taken.has_more = taken.has_more || !is_through;
    const auto mark = get(txn, marks, destination);
    const std::int64_t not_before = mark ? static_cast<std::int64_t>(big_endian_at(*mark, 8)) : 0;
    if (!taken.has_more) set_wake(txn, destination, earliest == 0 ? 0 : std::max(earliest, not_before), earliest == 0 ? 0 : not_before);
    return taken;
}

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
    try {
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
    if (state_->env == nullptr || mdb_txn_begin(state_->env, nullptr, MDB_RDONLY, &txn) != MDB_SUCCESS) return 0;
    (void)mdb_stat(txn, state_->rows, &numbers);
    mdb_txn_abort(txn);
    return numbers.ms_entries;
}

}  // namespace mbx::queue
