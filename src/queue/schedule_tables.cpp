#include "queue/schedule_tables.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>

#include "base/crc32c.hpp"
#include "base/record_bytes.hpp"

namespace mbx::queue {
namespace {

constexpr std::string_view kScheduleFormat = "1";
constexpr std::size_t kMostDestinationKey = 200;
constexpr std::size_t kMostJumps = 4096;     // between senders, in one take()
constexpr std::size_t kMostRowText = 2'048;
constexpr mdb_mode_t kScheduleMode = 0600;

std::string big_endian(std::uint64_t value)
{
    std::string text(8, '\0');
    for (std::size_t n = 0; n < 8; ++n) text[n] = static_cast<char>((value >> (56 - 8 * n)) & 0xFFU);
    return text;
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

}  // namespace

ScheduleFailure failure_of(int code)
{
    return {code, mdb_strerror(code), code == ENOSPC || code == EDQUOT};
}

std::uint64_t big_endian_at(std::string_view bytes, std::size_t at)
{
    std::uint64_t value = 0;
    if (bytes.size() < at + 8) return 0;
    for (std::size_t n = 0; n < 8; ++n) value = value << 8U | static_cast<unsigned char>(bytes[at + n]);
    return value;
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

std::string key_of(const Destination& destination)
{
    std::string key = destination.domain + '\t' + destination.route + (destination.require_tls ? "\ttls" : destination.ignores_tls_policy ? "\tany" : "\t");
    // Names of mail never have them; a damaged file may.
    std::replace(key.begin(), key.end(), '\0', '?');
    if (key.size() <= kMostDestinationKey) return key;
    std::array<char, 20> hash{};
    (void)std::snprintf(hash.data(), hash.size(), "#%08x%08x", crc32c(key), crc32c(key.substr(7), 0x5a5a5a5aU));
    return key.substr(0, kMostDestinationKey - 17) + hash.data();
}

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
    // A page that the file does not have would be a SIGBUS. Pages at its end that were never used may be missing.
    MDB_envinfo about{};
    MDB_stat numbers{};
    must(mdb_env_info(env, &about));
    must(mdb_env_stat(env, &numbers));
    const std::uint64_t wanted = (about.me_last_pgno + 1) * numbers.ms_psize;
    if (size != 0 && wanted / 2 > size) throw LmdbError{MDB_CORRUPTED};
    if (size != 0 && wanted > size && ::truncate(path.c_str(), static_cast<off_t>(wanted)) != 0) throw LmdbError{errno};
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

// One round over the destination's senders, from `round.from` on, `of_one` errands of each.
void Schedule::State::take_round(MDB_txn* txn, TakeRound& round, std::size_t of_one) const
{
    const std::string& prefix = round.prefix;
    bool is_wrapped = round.from == 0;
    std::uint64_t sender = round.from;
    round.is_through = false;
    round.has_more = false;
    LmdbCursor cursor(txn, errands);
    while (round.errands.size() < round.most && round.jumps++ < kMostJumps) {
        bool is_there = cursor.seek(prefix + big_endian(sender)) && cursor.key().starts_with(prefix);
        // Once around, up to where it began.
        if (is_there && is_wrapped && round.from != 0) is_there = big_endian_at(cursor.key(), prefix.size()) < round.from;
        if (is_there) {
            sender = big_endian_at(cursor.key(), prefix.size());
            take_of_sender(cursor, round, sender, of_one);
        }
        const bool is_last = !is_there || sender == UINT64_MAX;
        if (is_last && is_wrapped) {
            round.is_through = true;
            break;
        }
        sender = is_last ? 0 : sender + 1;
        is_wrapped = is_wrapped || is_last;
    }
    round.next = sender;
}

void Schedule::State::take_of_sender(LmdbCursor& cursor, TakeRound& round, std::uint64_t sender, std::size_t of_one)
{
    const std::size_t size = round.prefix.size();
    std::size_t count = 0;
    bool is_there = true;
    while (is_there && big_endian_at(cursor.key(), size) == sender) {
        const auto at = static_cast<std::int64_t>(big_endian_at(cursor.key(), size + 8));
        if (at > round.now) {
            round.earliest = round.earliest == 0 ? at : std::min(round.earliest, at);
            return;
        }
        if (count == of_one || round.errands.size() == round.most) {
            round.has_more = true;
            return;
        }
        std::string id(cursor.key().substr(size + 16));
        if (!round.except->contains(id) && round.seen.insert(id).second) {
            round.errands.push_back({std::move(id), round.prefix.substr(0, size - 1), sender, at});
            ++count;
        }
        is_there = cursor.next() && cursor.key().starts_with(round.prefix);
    }
}

Schedule::Taken Schedule::State::take(MDB_txn* txn, const std::string& destination, std::int64_t now, std::uint64_t from,
                                      std::size_t most, const std::set<std::string>& except) const
{
    TakeRound round;
    round.prefix = destination + '\0';
    round.now = now;
    round.from = from;
    round.most = most;
    round.except = &except;
    take_round(txn, round, std::max<std::size_t>(1, most / 8));
    // There is room for more of those that have more.
    if (round.is_through && round.has_more) take_round(txn, round, most);
    Taken taken;
    taken.errands = std::move(round.errands);
    taken.next_sender = round.next;
    taken.has_more = round.has_more || !round.is_through;
    const auto mark = get(txn, marks, destination);
    const std::int64_t not_before = mark ? static_cast<std::int64_t>(big_endian_at(*mark, 8)) : 0;
    if (!taken.has_more) {
        const bool is_none = round.earliest == 0;
        set_wake(txn, destination, is_none ? 0 : std::max(round.earliest, not_before), is_none ? 0 : not_before);
    }
    return taken;
}

}  // namespace mbx::queue
