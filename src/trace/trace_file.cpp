#include "trace/trace_file.hpp"

#include <algorithm>
#include <array>
#include <optional>

#include "base/ascii.hpp"
#include "trace/folding.hpp"
#include "trace/rows.hpp"
#include "trace/schema.hpp"

namespace mbx::trace {

namespace {

constexpr std::size_t kMostId = 64;
constexpr std::size_t kMostAddress = 320;
constexpr std::size_t kMostDetail = 2048;
constexpr std::size_t kMostFact = 1024;
constexpr std::size_t kMostName = 32;
constexpr std::size_t kMostFacts = 24;
constexpr std::uint32_t kFileMode = 0600;

std::string_view fact(const Event& event, std::string_view name)
{
    const auto found = std::ranges::find(event.facts, name, [](const auto& one) { return std::string_view(one.first); });
    return found == event.facts.end() ? std::string_view() : std::string_view(found->second);
}

std::string clean_fact(const Event& event, std::string_view name) { return clean_text(fact(event, name), kMostFact); }

std::optional<std::int64_t> number_fact(const Event& event, std::string_view name, std::int64_t factor = 1)
{
    constexpr std::uint64_t kLargest = 1ULL << 43;  // milliseconds, in 278 years
    const auto number = ascii::parse_number(fact(event, name));
    if (!number || *number > kLargest) return std::nullopt;
    return static_cast<std::int64_t>(*number) * factor;
}

void append_json_text(std::string& out, std::string_view clean)
{
    out += '"';
    if (clean.find_first_of("\"\\") == std::string_view::npos) {
        out += clean;
        out += '"';
        return;
    }
    for (const char c : clean) {
        if (c == '"' || c == '\\') out += '\\';
        out += c;
    }
    out += '"';
}

// What of an acceptance stands in the message's own row.
bool is_message_column(std::string_view name)
{
    constexpr std::array<std::string_view, 8> kColumns = {"reverse_path", "account", "peer", "helo",
                                                          "tls", "subject", "message_id", "size"};
    return std::ranges::find(kColumns, name) != kColumns.end();
}

// With the UIDs of its places. `account`: whose mailbox it is; empty: the recipient's.
std::string facts_json(const Event& event, std::string_view account = {})
{
    std::string out = "{";
    const auto add = [&out](std::string_view name, std::string_view value) {
        if (out.size() != 1) out += ',';
        append_json_text(out, clean_text(name, kMostName));
        out += ':';
        append_json_text(out, clean_text(value, kMostFact));
    };
    const bool is_accepted = event.kind == EventKind::accepted;
    std::size_t count = 0;
    for (const auto& [name, value] : event.facts) {
        if (count == kMostFacts) break;
        if (is_accepted && is_message_column(name)) continue;
        ++count;
        add(name, value);
    }
    const std::uint32_t uid = event.from.uid != 0 ? event.from.uid : event.to.uid;
    if (uid != 0) add("uid", std::to_string(uid));
    if (event.from.uid != 0 && event.to.uid != 0) add("to_uid", std::to_string(event.to.uid));
    if (!account.empty()) add("account", account);
    return out + "}";
}

bool is_of_mailbox(EventKind kind)
{
    return kind == EventKind::mailbox_renamed || kind == EventKind::mailbox_deleted || kind == EventKind::mailbox_restored;
}

std::int64_t microseconds(WallTime at)
{
    return std::chrono::duration_cast<std::chrono::microseconds>(at.time_since_epoch()).count();
}

std::string domain_of(std::string_view address)
{
    const auto at = address.rfind('@');
    return at == std::string_view::npos ? std::string() : ascii::to_lower(address.substr(at + 1));
}

}  // namespace

struct TraceFile::Statements {
    explicit Statements(Database& database)
        : find(database, "SELECT number FROM message WHERE id = ?"),
          add(database, "INSERT INTO message (id, at) VALUES (?, ?)"),
          begin(database, "INSERT OR IGNORE INTO message (id, at, accepted_at, reverse_path, account, peer, helo, tls, subject, "
                          "message_id, size) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"),
          accept(database, "UPDATE message SET at = min(at, ?2), accepted_at = ?3, reverse_path = ?4, account = ?5, peer = ?6, helo = "
                           "?7, tls = ?8, subject = ?9, message_id = ?10, size = ?11 WHERE id = ?1"),
          earlier(database, "UPDATE message SET at = min(at, ?2) WHERE id = ?1"),
          event(database, "INSERT OR IGNORE INTO event VALUES (?, ?, ?, ?, ?, ?)"),
          of_place(database, "SELECT 1 FROM event WHERE message = ?1 AND at = ?2 AND kind = ?3 AND recipient = ?4 "
                             "AND CAST(facts ->> '$.uid' AS INTEGER) = ?5 AND coalesce(CAST(facts ->> '$.to_uid' AS INTEGER), 0) = ?6"),
          unplaced(database, "DELETE FROM event WHERE message = ?1 AND kind = 'placed' AND recipient = ?2 AND at <> ?3"),
          known(database, "INSERT OR IGNORE INTO delivery (message, recipient, destination) VALUES (?, ?, ?)"),
          attempted(database, "UPDATE delivery SET attempts = attempts + 1, first_attempt_at = min(coalesce(first_attempt_at, ?3), "
                              "?3), host = ?4, answer = ?5 WHERE message = ?1 AND recipient = ?2"),
          ended_there(database, "UPDATE delivery SET outcome = ?9, attempts = attempts + 1, first_attempt_at = "
                                "min(coalesce(first_attempt_at, ?3), ?3), ended_at = ?4, host = ?5, answer = ?6, our_us = ?7, "
                                "their_us = ?8 WHERE message = ?1 AND recipient = ?2 AND (?9 = 'delivered' OR outcome = 'waiting')"),
          placed(database, "INSERT INTO delivery (message, recipient, outcome, ended_at) VALUES (?1, ?2, 'placed', ?3) "
                           "ON CONFLICT DO UPDATE SET outcome = 'placed', destination = '', ended_at = ?3"),
          ended(database, "UPDATE delivery SET outcome = ?3, ended_at = ?4, answer = ?5 WHERE message = ?1 AND recipient = ?2 "
                          "AND outcome = 'waiting'"),
          all_ended(database, "UPDATE delivery SET outcome = ?2, ended_at = ?3, answer = CASE ?4 WHEN '' THEN answer ELSE ?4 END "
                              "WHERE message = ?1 AND outcome = 'waiting'"),
          lies(database, "UPDATE delivery SET mailbox = ?3, mailbox_account = ?4, place_uid = ?5, uid = ?6 "
                         "WHERE message = ?1 AND recipient = ?2"),
          nameless(database, "UPDATE delivery SET place_uid = coalesce(place_uid, uid), uid = NULL WHERE message = ? AND recipient = ?"),
          oldest(database, "SELECT number FROM message WHERE at < ? ORDER BY at LIMIT ?"),
          forget_events(database, "DELETE FROM event WHERE message = ?"),
          forget_deliveries(database, "DELETE FROM delivery WHERE message = ?"),
          forget(database, "DELETE FROM message WHERE number = ?"), places(database)
    {
    }
    Statement find, add, begin, accept, earlier, event, of_place, unplaced, known, attempted, ended_there, placed, ended, all_ended, lies, nameless,
        oldest, forget_events, forget_deliveries, forget;
    PlaceTable places;
};

TraceFile::TraceFile(FileSystem& files, std::string path, Log log, ReadSubject read_subject)
    : files_(files), path_(std::move(path)), log_(std::move(log)), read_subject_(std::move(read_subject))
{
}

TraceFile::~TraceFile() = default;

void TraceFile::close()
{
    statements_.reset();
    database_ = Database();
}

bool TraceFile::open()
{
    if (statements_) return true;
    // SQLite would make it readable for all.
    (void)files_.create(path_, kFileMode);
    database_ = Database(path_, OpenMode::write);
    const bool is_ours = prepare_file();
    const int error = database_.take_error();
    if (is_ours && error == 0) {
        statements_ = std::make_unique<Statements>(database_);
        if (!database_.has_failed()) return true;
    }
    const int late = error != 0 ? error : database_.take_error();
    last_error_ = late != 0 ? database_.last_message() : "it is of another version";
    close();
    if (late == 0 || is_damage(late)) put_aside(last_error_);
    return false;
}

// False: what lies there is none of ours.
bool TraceFile::prepare_file()
{
    database_.execute("PRAGMA auto_vacuum = INCREMENTAL; PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;"
                      "PRAGMA wal_autocheckpoint = 8000; PRAGMA journal_size_limit = 33554432; PRAGMA cache_size = -4096;");
    const auto version = database_.number("PRAGMA user_version");
    const auto owner = database_.number("PRAGMA application_id");
    if (database_.has_failed()) return false;
    if (version == kSchemaVersion && owner == kApplicationId) return true;
    if (version == kSchemaWithoutPlaces && owner == kApplicationId) {
        make_schema(version);
        return true;
    }
    const bool is_empty = database_.number("SELECT count(*) FROM sqlite_schema") == 0;
    if (!is_empty || version != 0) return false;
    make_schema(0);
    return true;
}

// `version`: of what is there; 0: nothing.
void TraceFile::make_schema(std::int64_t version)
{
    const std::string mark = "PRAGMA user_version = " + std::to_string(kSchemaVersion) +
                             "; PRAGMA application_id = " + std::to_string(kApplicationId) + "; COMMIT";
    const char* const first = version == kSchemaWithoutPlaces ? kTakeOver : kTables;
    for (const char* sql : {"BEGIN IMMEDIATE", first, kPlaceTables, kViews, mark.c_str()}) {
        if (!database_.has_failed()) database_.execute(sql);
    }
}

// Mail does not depend on the trace: whatever is wrong with the file, it is out of the way, and a new one begins.
void TraceFile::put_aside(const std::string& why)
{
    ++set_aside_;
    last_set_aside_ = std::chrono::steady_clock::now();
    for (const char* suffix : {"-wal", "-shm"}) {
        if (auto done = files_.rename(path_ + suffix, path_ + ".damaged" + suffix); !done) (void)files_.unlink(path_ + suffix);
    }
    if (auto done = files_.rename(path_, path_ + ".damaged"); !done) (void)files_.unlink(path_);
    log_.error("the trace could not be read and was set aside; a new one begins", {{"path", path_}, {"why", why}});
}

bool TraceFile::is_aside_there() const { return static_cast<bool>(files_.info(path_ + ".damaged")); }

int TraceFile::finish()
{
    if (!database_.has_failed()) database_.execute("COMMIT");
    const int error = database_.take_error();
    if (error == 0) return 0;
    last_error_ = database_.last_message();
    database_.execute("ROLLBACK");
    (void)database_.take_error();
    return error;
}

TraceFile::Written TraceFile::write(const std::vector<Event>& events)
{
    constexpr int kTries = 2;  // the second in a file that has begun anew
    for (int tries = 0; tries < kTries; ++tries) {
        if (!open() && !open()) return Written::none;
        numbers_.clear();
        database_.execute("BEGIN IMMEDIATE");
        for (const Event& event : events) insert(event);
        const int error = finish();
        if (error == 0) return Written::all;
        close();
        if (!is_damage(error)) return Written::none;
        constexpr auto kRest = std::chrono::minutes(10);
        const bool is_again = set_aside_ != 0 && std::chrono::steady_clock::now() - last_set_aside_ < kRest;
        if (is_again) return Written::never;
        put_aside(last_error_);
    }
    return Written::never;
}

std::string TraceFile::subject_of(const Event& event) const
{
    const std::string_view raw = fact(event, "subject");
    return clean_text(read_subject_ ? read_subject_(raw) : std::string(raw), kMostFact);
}

// An acceptance or a refusal, which bring what the message's row holds. No RETURNING: it costs a table of its own each time.
std::int64_t TraceFile::begin_message(const Event& event, const std::string& id, std::int64_t at)
{
    const bool is_accepted = event.kind == EventKind::accepted;
    const auto accepted_at = is_accepted ? std::optional(at) : std::nullopt;
    const std::string reverse_path = clean_fact(event, "reverse_path");
    const std::string account = clean_fact(event, "account");
    const std::string peer = clean_fact(event, "peer");
    const std::string helo = clean_fact(event, "helo");
    const std::string tls = clean_fact(event, "tls");
    const std::string subject = subject_of(event);
    const std::string message_id = clean_fact(event, "message_id");
    const auto size = number_fact(event, "size");
    statements_->begin.run_with(id, at, accepted_at, reverse_path, account, peer, helo, tls, subject, message_id, size);
    if (database_.changed_rows() != 0) return database_.last_row();
    if (is_accepted) statements_->accept.run_with(id, at, accepted_at, reverse_path, account, peer, helo, tls, subject, message_id, size);
    else statements_->earlier.run_with(id, at);
    return statements_->find.first_with(id);
}

std::int64_t TraceFile::message_number(const Event& event, std::int64_t at)
{
    std::string id = clean_text(event.id, kMostId);
    if (id.empty()) return 0;
    const bool is_beginning = event.kind == EventKind::accepted || event.kind == EventKind::refused;
    const auto known = numbers_.find(id);
    if (!is_beginning && known != numbers_.end()) return known->second;
    std::int64_t number = 0;
    if (is_beginning) {
        number = begin_message(event, id, at);
    } else {
        number = statements_->find.first_with(id);
        if (number == 0) {
            statements_->add.run_with(id, at);
            number = database_.last_row();
        }
    }
    if (database_.has_failed()) return 0;
    numbers_[std::move(id)] = number;
    return number;
}

void TraceFile::insert(const Event& event)
{
    if (database_.has_failed()) return;
    const std::int64_t at = microseconds(event.at);
    if (is_of_mailbox(event.kind)) return insert_act_of_mailbox(event, at);
    if (event.id.empty()) return insert_act_in_mailbox(event, at);
    const std::int64_t message = message_number(event, at);
    if (message == 0) return;
    statements_->event.run_with(message, at, name_of(event.kind), clean_text(event.recipient, kMostAddress),
                                clean_text(event.detail, kMostDetail), facts_json(event));
    const bool is_new = database_.changed_rows() != 0;
    if (is_new) insert_delivery(event, message, at);
}

void TraceFile::insert_act_of_mailbox(const Event& event, std::int64_t at)
{
    statements_->places.add_act(event.from, at, name_of(event.kind), facts_json(event, event.recipient));
}

// By place; where that is not known, or the row is of before places were kept, by the name that the mailbox has.
PlaceTable::Delivery TraceFile::find_delivery(const Event& event)
{
    Statements& on = *statements_;
    PlaceTable::Delivery found = on.places.find(event.from);
    if (found.message != 0 || event.from.uid == 0) return found;
    return on.places.find_named(clean_text(event.recipient, kMostAddress), clean_fact(event, "mailbox"), event.from.uid);
}

// Whether it is new. Two copies of a message may lie in one mailbox, and one act take both: their rows are a microsecond apart.
bool TraceFile::insert_act(const Event& event, const PlaceTable::Delivery& delivery, const std::string& facts, std::int64_t at)
{
    constexpr std::int64_t kMostCopies = 100;  // of more than these it is not told
    Statements& on = *statements_;
    const auto kind = name_of(event.kind);
    for (std::int64_t moment = at; moment < at + kMostCopies && !database_.has_failed(); ++moment) {
        on.event.run_with(delivery.message, moment, kind, delivery.recipient, clean_text(event.detail, kMostDetail), facts);
        if (database_.changed_rows() != 0) return true;
        const bool is_of_place = on.of_place.first_with(delivery.message, moment, kind, delivery.recipient,
                                                        std::int64_t{event.from.uid}, std::int64_t{event.to.uid}) != 0;
        if (is_of_place) return false;
    }
    return false;
}

// What is done with a message in its mailbox, whoever's that is by now: it is of the delivery that brought it there.
void TraceFile::insert_act_in_mailbox(const Event& event, std::int64_t at)
{
    Statements& on = *statements_;
    const PlaceTable::Delivery found = find_delivery(event);
    if (found.message == 0 || database_.has_failed()) return;
    const std::string_view account = event.recipient != found.recipient ? std::string_view(event.recipient) : std::string_view();
    if (!insert_act(event, found, facts_json(event, account), at)) return;
    // From now on it is known by more than a name.
    const bool was_nameless = event.from.mailbox != 0 && on.places.find(event.from).message == 0;
    if (was_nameless) {
        on.places.enter(found, event.from, at);
        on.nameless.run_with(found.message, found.recipient);
    }
    on.places.leave(event.from, at);
    if (event.to.uid != 0) note_place(event, found, at);
}

void TraceFile::note_place(const Event& event, const PlaceTable::Delivery& delivery, std::int64_t at)
{
    const bool is_placed = event.kind == EventKind::placed;
    const std::string mailbox = clean_fact(event, is_placed ? "mailbox" : "to_mailbox");
    const std::string elsewhere = clean_text(fact(event, "to_account"), kMostAddress);
    const std::string& whose = elsewhere.empty() ? event.recipient : elsewhere;
    const bool is_own = whose == delivery.recipient;
    const auto uid = event.to.uid != 0 ? std::optional<std::int64_t>(event.to.uid) : std::nullopt;
    const bool is_known = event.to.mailbox != 0;
    statements_->lies.run_with(delivery.message, delivery.recipient, mailbox, is_own ? std::string_view() : std::string_view(whose),
                               is_known ? uid : std::nullopt, is_known ? std::nullopt : uid);
    statements_->places.enter(delivery, event.to, at);
}

void TraceFile::insert_delivery(const Event& event, std::int64_t message, std::int64_t at)
{
    Statements& on = *statements_;
    if (event.recipient.empty()) {
        // Of the message as a whole: deleted from the queue, or set aside there because it was damaged.
        const std::string words = clean_text(event.detail, kMostDetail);
        if (event.kind == EventKind::deleted) on.all_ended.run_with(message, std::string_view("deleted"), at, words);
        if (event.kind == EventKind::failed) on.all_ended.run_with(message, std::string_view("failed"), at, words);
        return;
    }
    const std::string recipient = clean_text(event.recipient, kMostAddress);
    const std::string host = clean_fact(event, "host");
    const std::string answer = clean_text(event.detail, kMostDetail);
    std::string destination = ascii::to_lower(clean_fact(event, "destination"));
    if (destination.empty()) destination = domain_of(recipient);
    const auto ours = number_fact(event, "our_ms", 1000);
    const auto theirs = number_fact(event, "their_ms", 1000);
    const std::int64_t started = number_fact(event, "started", 1000).value_or(at - theirs.value_or(0));
    const auto end = [&](std::string_view outcome) { on.ended.run_with(message, recipient, outcome, at, answer); };
    // After several attempts theirs is all from the first one on, which the view finds out.
    const auto end_there = [&](std::string_view outcome) {
        on.ended_there.run_with(message, recipient, started, at, host, answer, ours, ours ? theirs : std::nullopt, outcome);
    };
    if (event.kind != EventKind::placed) on.known.run_with(message, recipient, destination);
    switch (event.kind) {
    case EventKind::attempted: on.attempted.run_with(message, recipient, started, host, answer); break;
    case EventKind::delivered: end_there("delivered"); break;
    case EventKind::placed:
        // Nobody gets a message twice: what a crash undid was placed once more.
        on.unplaced.run_with(message, recipient, at);
        if (database_.changed_rows() != 0) on.places.forget(message, recipient);
        on.placed.run_with(message, recipient, at);
        note_place(event, {message, recipient}, at);
        break;
    case EventKind::returned: end("failed"); break;
    case EventKind::failed:
        // By an attempt, or because its time was over.
        if (clean_fact(event, "attempt").empty()) end("failed");
        else end_there("failed");
        break;
    case EventKind::refused: end("refused"); break;
    case EventKind::expanded: end("expanded"); break;
    case EventKind::deleted: end("deleted"); break;
    case EventKind::accepted:
    case EventKind::queued:
    case EventKind::reported:
    case EventKind::held:
    case EventKind::released:
    case EventKind::retried:
    case EventKind::report_waits:
    case EventKind::expunged:
    case EventKind::moved:
    case EventKind::restored:
    case EventKind::mailbox_renamed:
    case EventKind::mailbox_deleted:
    case EventKind::mailbox_restored: break;
    }
}

bool TraceFile::retain(std::int64_t cutoff, std::uint64_t most_bytes)
{
    if (!open()) return false;
    constexpr std::int64_t kSlice = 300;
    const auto used = (database_.number("PRAGMA page_count") - database_.number("PRAGMA freelist_count")) *
                      database_.number("PRAGMA page_size");
    const bool is_full = used > 0 && static_cast<std::uint64_t>(used) > most_bytes;
    std::vector<std::int64_t> numbers;
    Statement& oldest = statements_->oldest.with(is_full ? INT64_MAX : cutoff, kSlice);
    while (oldest.next()) numbers.push_back(oldest.integer(0));
    oldest.reset();
    database_.execute("BEGIN IMMEDIATE");
    for (const std::int64_t number : numbers) {
        statements_->forget_events.run_with(number);
        statements_->forget_deliveries.run_with(number);
        statements_->places.forget(number);
        statements_->forget.run_with(number);
    }
    const std::int64_t oldest_left = database_.number("SELECT coalesce(min(at), 9223372036854775807) FROM message");
    statements_->places.forget_acts(std::max(cutoff, oldest_left));
    const int error = finish();
    if (error == 0) database_.execute("PRAGMA incremental_vacuum(512)");
    const int late = database_.take_error();
    if (error != 0 || late != 0) {
        close();
        if (is_damage(error) || is_damage(late)) put_aside(last_error_);
        return false;
    }
    return static_cast<std::int64_t>(numbers.size()) == kSlice;
}

}  // namespace mbx::trace
