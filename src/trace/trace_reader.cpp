#include "trace/trace_reader.hpp"

#include <algorithm>
#include <map>

#include "base/ascii.hpp"
#include "trace/folding.hpp"
#include "trace/schema.hpp"
#include "trace/sqlite.hpp"

namespace mbx::trace {

namespace {

constexpr auto kPatience = std::chrono::seconds(5);  // of one question
constexpr std::size_t kMostRows = 2000;              // of a story
constexpr std::size_t kMostPage = 200;
constexpr std::size_t kMostText = 1000;

Error cannot_read(const Database& database)
{
    return Error{"reading the trace", database.last_message(), "the log names the file; mail does not depend on it"};
}

Database open_reader(const std::string& path)
{
    Database database(path, OpenMode::read);
    database.set_deadline(std::nullopt);
    return database;
}

constexpr std::string_view kMessageColumns =
    "SELECT number, id, coalesce(accepted_at, at), reverse_path, account, peer, helo, tls, subject, message_id, size, "
    "accepted_at IS NOT NULL OR EXISTS (SELECT 1 FROM event WHERE message = number AND kind = 'refused') FROM message ";

MessageRow read_message(Statement& row)
{
    MessageRow message;
    message.number = row.integer(0);
    message.id = row.text(1);
    message.at = row.integer(2);
    message.reverse_path = row.text(3);
    message.account = row.text(4);
    message.peer = row.text(5);
    message.helo = row.text(6);
    message.tls = row.text(7);
    message.subject = row.text(8);
    message.message_id = row.text(9);
    if (!row.is_null(10)) message.size = row.integer(10);
    message.is_begun = row.integer(11) != 0;
    return message;
}

// A clock that was set back between two events must not make a time less than none.
constexpr std::string_view kDeliveryColumns =
    "SELECT id, recipient, outcome, destination, host, attempts, accepted_at, ended_at, max(0, ended_at - accepted_at), "
    "max(0, coalesce(our_us, coalesce(first_attempt_at, ended_at) - accepted_at)), "
    "max(0, coalesce(their_us, ended_at - first_attempt_at)), answer "
    "FROM message CROSS JOIN delivery ON delivery.message = message.number ";

std::optional<std::int64_t> optional_integer(const Statement& row, int column)
{
    if (row.is_null(column)) return std::nullopt;
    return row.integer(column);
}

DeliveryRow read_delivery(const Statement& row)
{
    DeliveryRow delivery;
    delivery.id = row.text(0);
    delivery.recipient = row.text(1);
    delivery.outcome = row.text(2);
    delivery.destination = row.text(3);
    delivery.host = row.text(4);
    delivery.attempts = row.integer(5);
    delivery.accepted_at = optional_integer(row, 6);
    delivery.ended_at = optional_integer(row, 7);
    delivery.total_us = optional_integer(row, 8);
    delivery.our_us = optional_integer(row, 9);
    delivery.their_us = optional_integer(row, 10);
    delivery.answer = row.text(11);
    return delivery;
}

// The condition on a message for each kind of text; ?1 is the text.
std::string_view condition_of(SearchKind kind)
{
    switch (kind) {
    case SearchKind::everything: return "?1 = '' ";
    case SearchKind::id: return "id = ?1 ";
    case SearchKind::address:
        return "number IN (SELECT message FROM delivery WHERE recipient = ?1 COLLATE NOCASE "
               "UNION SELECT number FROM message WHERE reverse_path = ?1 COLLATE NOCASE AND reverse_path <> '' "
               "UNION SELECT number FROM message WHERE account = ?1 COLLATE NOCASE AND account <> '' AND account <> reverse_path "
               "UNION SELECT number FROM message WHERE message_id = ?1 AND message_id <> '') ";
    case SearchKind::message_id: return "message_id = ?1 AND message_id <> '' ";
    case SearchKind::subject: break;
    }
    return "instr(fold(subject), ?1) > 0 ";
}

std::string search_term(SearchKind kind, std::string_view text)
{
    text = ascii::trim(text);
    const bool is_bracketed = text.size() > 2 && text.front() == '<' && text.back() == '>';
    if (kind == SearchKind::message_id && is_bracketed) text = text.substr(1, text.size() - 2);
    const std::string clean = clean_text(text, kMostText);
    if (kind == SearchKind::id) return ascii::to_lower(clean);
    return kind == SearchKind::subject ? fold_case(clean) : clean;
}

SearchAnswer run_search(Database& database, const SearchQuery& query, SearchKind kind)
{
    SearchAnswer answer;
    const std::size_t most = std::clamp<std::size_t>(query.most, 1, kMostPage);
    std::string sql(kMessageColumns);
    sql += "WHERE ";
    sql += condition_of(kind);
    sql += "AND number < ?2 AND at >= ?3 AND at < ?4 ORDER BY number DESC LIMIT ?5";
    Statement statement(database, sql);
    statement.with(search_term(kind, query.text), query.before.value_or(INT64_MAX), query.since.value_or(INT64_MIN),
                   query.until.value_or(INT64_MAX), most + 1);
    while (statement.next()) {
        answer.has_more = answer.messages.size() == most;
        if (!answer.has_more) answer.messages.push_back(read_message(statement));
    }
    return answer;
}

// The facts of an acceptance are columns of the message.
void add_message_facts(const MessageRow& message, EventRow& event)
{
    const auto add = [&event](const char* name, const std::string& value) {
        if (!value.empty()) event.facts.emplace_back(name, value);
    };
    add("reverse_path", message.reverse_path);
    add("account", message.account);
    add("peer", message.peer);
    add("helo", message.helo);
    add("tls", message.tls);
    add("subject", message.subject);
    add("message_id", message.message_id);
    if (message.size) add("size", std::to_string(*message.size));
}

// The address as its row has it; empty: none of the message's recipients.
std::string find_recipient(Database& database, std::int64_t message, const std::string& about)
{
    if (about.empty()) return {};
    Statement row(database, "SELECT recipient FROM delivery WHERE message = ? AND recipient = ? COLLATE NOCASE LIMIT 1");
    return row.with(message, search_term(SearchKind::address, about)).next() ? row.text(0) : std::string();
}

void read_outcomes(Database& database, MessageStory& story)
{
    Statement rows(database, "SELECT outcome, count(*) FROM delivery WHERE message = ? GROUP BY outcome ORDER BY outcome");
    rows.with(story.message.number);
    while (rows.next()) story.outcomes.emplace_back(rows.text(0), rows.integer(1));
}

void read_deliveries(Database& database, MessageStory& story)
{
    Statement rows(database, std::string(kDeliveryColumns) + "WHERE id = ?1 ORDER BY recipient <> ?2, recipient LIMIT ?3");
    rows.with(story.message.id, story.about, kMostRows + 1);
    while (rows.next()) {
        story.is_cut = story.is_cut || story.deliveries.size() == kMostRows;
        if (story.deliveries.size() < kMostRows) story.deliveries.push_back(read_delivery(rows));
    }
}

bool has_room_for_all(Database& database, std::int64_t message)
{
    Statement count(database, "SELECT count(*) FROM (SELECT 1 FROM event WHERE message = ? LIMIT ?)");
    return count.with(message, kMostRows + 1).next() && count.integer(0) <= static_cast<std::int64_t>(kMostRows);
}

void read_events(Database& database, MessageStory& story)
{
    const bool is_whole = story.about.empty() || has_room_for_all(database, story.message.number);
    story.is_cut = story.is_cut || !is_whole;
    // What befell a mailbox belongs to the story of whoever was in it at that time.
    Statement events(database, "SELECT at, kind, recipient, detail, facts FROM event WHERE message = ?1 AND (?2 OR recipient IN ('', ?3)) "
                               "UNION ALL "
                               "SELECT act.at, act.kind, place.recipient, '', act.facts FROM place CROSS JOIN mailbox_act act "
                               "ON act.account = place.account AND act.mailbox = place.mailbox AND act.at >= place.began_at "
                               "AND (place.ended_at IS NULL OR act.at <= place.ended_at) "
                               "WHERE place.message = ?1 AND (?2 OR place.recipient = ?3) ORDER BY at LIMIT ?4");
    Statement facts(database, "SELECT key, value FROM json_each(?) LIMIT 64");
    events.with(story.message.number, is_whole ? 1 : 0, story.about, kMostRows + 1);
    while (events.next()) {
        story.is_cut = story.is_cut || story.events.size() == kMostRows;
        if (story.events.size() == kMostRows) break;
        EventRow event;
        event.at = events.integer(0);
        event.kind = events.text(1);
        event.recipient = events.text(2);
        event.detail = events.text(3);
        facts.with(events.text(4));
        while (facts.next()) event.facts.emplace_back(facts.text(0), facts.text(1));
        if (event.kind == "accepted") add_message_facts(story.message, event);
        story.events.push_back(std::move(event));
    }
}

// One pass over the deliveries of the time, the latest first.
class SloCount {
public:
    explicit SloCount(const SloQuery& query) : query_(query) {}

    void add(const Statement& row)
    {
        const DeliveryRow delivery = read_delivery(row);
        const std::int64_t total = delivery.total_us.value_or(0);
        const bool is_good = delivery.outcome == "delivered" || delivery.outcome == "placed";
        if (delivery.outcome == "failed") ++answer_.failed;
        const bool is_late = delivery.outcome == "waiting" && *delivery.accepted_at < query_.until - query_.limit_us;
        if (is_late) ++answer_.late;
        // The rows of a message come one after another.
        const bool is_another = delivery.outcome == "waiting" && delivery.id != last_waiting_;
        if (is_another) {
            ++answer_.waiting_messages;
            last_waiting_ = delivery.id;
        }
        if (is_good) count(delivery, total);
        const bool is_violation = is_late || (is_good && total > query_.limit_us);
        if (is_violation && answer_.violations.size() < query_.most) answer_.violations.push_back(delivery);
    }

    SloAnswer take()
    {
        answer_.delivered = static_cast<std::int64_t>(totals_.size());
        if (!totals_.empty()) {
            answer_.median_us = at_rank((totals_.size() - 1) / 2);
            answer_.p99_us = at_rank((totals_.size() * 99 + 99) / 100 - 1);
        }
        for (auto& [name, line] : lines_) {
            line.destination = name;
            line.mean_our_us /= line.delivered;
            line.mean_their_us /= line.delivered;
            answer_.destinations.push_back(std::move(line));
        }
        std::ranges::sort(answer_.destinations, [](const SloLine& a, const SloLine& b) {
            return a.delivered != b.delivered ? a.delivered > b.delivered : a.destination < b.destination;
        });
        constexpr std::size_t kMostLines = 100;
        if (answer_.destinations.size() > kMostLines) answer_.destinations.resize(kMostLines);
        return std::move(answer_);
    }

private:
    void count(const DeliveryRow& delivery, std::int64_t total)
    {
        totals_.push_back(total);
        const bool is_within = total <= query_.limit_us;
        if (is_within) ++answer_.within;
        constexpr std::size_t kMostDestinations = 10'000;  // in memory
        const bool is_known = lines_.contains(delivery.destination);
        if (!is_known && lines_.size() >= kMostDestinations) return;
        SloLine& line = lines_[delivery.destination];
        ++line.delivered;
        if (is_within) ++line.within;
        line.mean_our_us += delivery.our_us.value_or(0);
        line.mean_their_us += delivery.their_us.value_or(0);
        line.worst_us = std::max(line.worst_us, total);
    }

    std::int64_t at_rank(std::size_t rank)
    {
        const auto at = totals_.begin() + static_cast<std::ptrdiff_t>(rank);
        std::nth_element(totals_.begin(), at, totals_.end());
        return *at;
    }

    const SloQuery& query_;
    SloAnswer answer_;
    std::string last_waiting_;
    std::vector<std::int64_t> totals_;
    std::map<std::string, SloLine> lines_;
};

}  // namespace

SearchKind classify_search(std::string_view text)
{
    text = ascii::trim(text);
    if (text.empty()) return SearchKind::everything;
    const bool has_blank = text.find(' ') != std::string_view::npos;
    if (text.front() == '<' && text.back() == '>' && !has_blank) return SearchKind::message_id;
    const bool is_quoted = text.front() == '"' && text.find("\"@") != std::string_view::npos;  // RFC 5321 section 4.1.2
    if (text.find('@') != std::string_view::npos && (!has_blank || is_quoted)) return SearchKind::address;
    // intake::Intake::new_trace_id
    constexpr std::size_t kIdSize = 20;
    const auto is_id = [](char c) { return ascii::is_digit(c) || ascii::is_alpha(c); };
    return text.size() == kIdSize && std::ranges::all_of(text, is_id) ? SearchKind::id : SearchKind::subject;
}

Result<SearchAnswer, Error> search_trace(const std::string& path, const SearchQuery& query)
{
    Database database = open_reader(path);
    database.set_deadline(std::chrono::steady_clock::now() + kPatience);
    const SearchKind kind = classify_search(query.text);
    SearchAnswer answer = run_search(database, query, kind);
    if (kind == SearchKind::id && answer.messages.empty()) answer = run_search(database, query, SearchKind::subject);
    const int error = database.take_error();
    answer.is_partial = is_interrupted(error);
    if (error != 0 && !answer.is_partial) return cannot_read(database);
    return answer;
}

Result<std::optional<MessageStory>, Error> load_story(const std::string& path, const std::string& id, const std::string& about)
{
    Database database = open_reader(path);
    database.set_deadline(std::chrono::steady_clock::now() + kPatience);
    std::optional<MessageStory> found;
    {
        Statement message(database, std::string(kMessageColumns) + "WHERE id = ?");
        if (message.with(id).next()) found.emplace().message = read_message(message);
    }
    if (found) {
        found->about = find_recipient(database, found->message.number, about);
        read_outcomes(database, *found);
        read_events(database, *found);
        read_deliveries(database, *found);
    }
    const int error = database.take_error();
    if (is_interrupted(error) && found) found->is_cut = true;
    else if (error != 0) return cannot_read(database);
    return found;
}

Result<SloAnswer, Error> measure_slo(const std::string& path, const SloQuery& query)
{
    Database database = open_reader(path);
    database.set_deadline(std::chrono::steady_clock::now() + kPatience);
    SloCount count(query);
    {
        Statement rows(database, std::string(kDeliveryColumns) + "WHERE at >= ?1 AND at < ?2 AND accepted_at IS NOT NULL "
                                                                 "ORDER BY at DESC LIMIT ?3");
        constexpr std::int64_t kMostCounted = 2'000'000;
        rows.with(query.since, query.until, kMostCounted);
        while (rows.next()) count.add(rows);
    }
    SloAnswer answer = count.take();
    const int error = database.take_error();
    answer.is_partial = is_interrupted(error);
    if (error != 0 && !answer.is_partial) return cannot_read(database);
    return answer;
}

}  // namespace mbx::trace
