#include "store/text_index.hpp"

#include <algorithm>
#include <set>
#include <utility>

#include "mail/search_text.hpp"
#include "mail/utf8.hpp"

namespace mbx::store {

namespace {

// Also raised when folding or what counts as a message's text changes (mail/case_fold.hpp, mail/search_text.hpp).
constexpr int kTextVersion = 1;
constexpr std::size_t kTextsAtOnce = 400;      // of one transaction: merges cost less the fewer segments there are
constexpr std::size_t kTrigramsOfKey = 24;
constexpr std::size_t kMaxRawPart = 4 * kMaxSearchText;  // markup and encodings take more room than their text
constexpr std::size_t kTrigram = 3;
constexpr std::uint64_t kBloatedFrom = 10'000;

constexpr const char* kTextSettings = "PRAGMA locking_mode=EXCLUSIVE;"  // no -shm file, which the disk would be given too
                                  "PRAGMA journal_mode=WAL;"
                                  "PRAGMA synchronous=NORMAL;"
                                  "PRAGMA secure_delete=OFF;"
                                  "PRAGMA temp_store=MEMORY;"
                                  "PRAGMA cache_size=-1024;"
                                  "PRAGMA wal_autocheckpoint=1024;"
                                  "PRAGMA journal_size_limit=4194304;"
                                  "PRAGMA trusted_schema=OFF;";

constexpr const char* kTextSchema = R"sql(
CREATE TABLE documents(id INTEGER PRIMARY KEY, email_id BLOB NOT NULL UNIQUE) STRICT;
CREATE TABLE places(mailbox INTEGER NOT NULL, uid INTEGER NOT NULL, name INTEGER NOT NULL, document INTEGER NOT NULL,
    PRIMARY KEY(mailbox, uid)) STRICT, WITHOUT ROWID;
CREATE TABLE marks(mailbox INTEGER PRIMARY KEY, uid INTEGER NOT NULL) STRICT;
CREATE VIRTUAL TABLE texts USING fts5(text, content='', columnsize=0, detail=none, tokenize='trigram case_sensitive 1');
)sql";

// The first bytes of up to `most` different runs of three characters, spread over the key.
std::vector<std::string> trigrams(std::string_view key, std::size_t most)
{
    std::vector<std::size_t> starts;
    for (std::size_t at = 0; at < key.size(); at += mail::first_character(key.substr(at)).size) starts.push_back(at);
    starts.push_back(key.size());
    const std::size_t count = starts.size() > kTrigram ? starts.size() - kTrigram : 0;
    std::set<std::string> chosen;
    const std::size_t step = std::max<std::size_t>(1, count / most);
    for (std::size_t i = 0; i < count && chosen.size() < most; i += step) {
        chosen.emplace(key.substr(starts[i], starts[i + kTrigram] - starts[i]));
    }
    return {chosen.begin(), chosen.end()};
}

// FTS5's query language: each trigram a string, all of a key, one key of each list, all lists.
std::string query_of(const TextNeeds& needs)
{
    std::string query;
    for (const auto& choice : needs) {
        query += query.empty() ? "(" : " AND (";
        for (std::size_t i = 0; i < choice.size(); ++i) {
            query += i == 0 ? "(" : " OR (";
            bool is_first = true;
            for (const auto& trigram : trigrams(choice[i], std::max<std::size_t>(1, kTrigramsOfKey / choice.size()))) {
                if (!is_first) query += " AND ";
                is_first = false;
                query += '"';
                for (const char c : trigram) query += c == '"' ? std::string("\"\"") : std::string(1, c);
                query += '"';
            }
            query += ')';
        }
        query += ')';
    }
    return query;
}

bool is_unusable_code(int code)
{
    const int primary = code & 0xff;
    return primary == SQLITE_CORRUPT || primary == SQLITE_NOTADB || primary == SQLITE_ERROR;
}

}  // namespace

bool is_searchable_key(std::string_view folded)
{
    std::size_t characters = 0;
    for (std::size_t at = 0; at < folded.size() && characters < kTrigram; ++characters) {
        at += mail::first_character(folded.substr(at)).size;
    }
    return characters == kTrigram && folded.find('\0') == std::string_view::npos;
}

std::optional<std::string> search_text(std::string_view message)
{
    const auto structure = mail::parse_structure(message);
    if (structure.root().body_offset > kMaxRawPart) return std::nullopt;
    std::string all;
    const auto add = [&all](std::string&& text) {
        if (all.size() + text.size() >= kMaxSearchText) return false;
        // FTS5 takes a NUL for the end; no key that is looked up holds one.
        std::ranges::replace(text, '\0', ' ');
        all += text;
        all += '\n';
        return true;
    };
    for (auto& field : mail::searchable_header(message)) {
        if (!add(std::move(field.name)) || !add(std::move(field.text))) return std::nullopt;
    }
    if (!mail::visit_searchable_body(message, structure, kMaxRawPart, add)) return std::nullopt;
    return all;
}

struct TextIndex::Statements {
    explicit Statements(Database& database)
        : begin(database, "BEGIN IMMEDIATE"), commit(database, "COMMIT"), rollback(database, "ROLLBACK"),
          find(database, "SELECT id FROM documents WHERE email_id = ?"),
          enter(database, "INSERT INTO documents(email_id) VALUES(?) RETURNING id"),
          add(database, "INSERT INTO texts(rowid, text) VALUES(?, ?)"),
          place(database, "INSERT OR REPLACE INTO places VALUES(?, ?, ?, ?)"),
          carry(database, "INSERT OR REPLACE INTO places SELECT ?, ?, ?, document FROM places "
                          "WHERE mailbox = ? AND uid = ? AND name = ?"),
          has(database, "SELECT 1 FROM places WHERE mailbox = ? AND uid = ? AND name = ?"),
          mark(database, "SELECT uid FROM marks WHERE mailbox = ?"),
          set_mark(database, "INSERT OR REPLACE INTO marks VALUES(?, ?)"),
          places(database, "SELECT uid, name, document FROM places WHERE mailbox = ? AND uid BETWEEN ? AND ? ORDER BY uid"),
          match(database, "SELECT rowid FROM texts WHERE texts MATCH ? AND rowid BETWEEN ? AND ?"),
          last(database, "SELECT coalesce(max(id), 0) FROM documents")
    {
    }
    Statement begin, commit, rollback, find, enter, add, place, carry, has, mark, set_mark, places, match, last;
};

TextIndex::TextIndex(Database database) : database_(std::move(database))
{
    statements_ = std::make_unique<Statements>(database_);
}

TextIndex::~TextIndex() { commit(); }

std::unique_ptr<TextIndex> TextIndex::open(const std::string& path, bool& is_unusable)
{
    Database database(path);
    database.execute(kTextSettings);
    const auto version = database.pragma_number("PRAGMA user_version");
    const auto objects = database.pragma_number("SELECT count(*) FROM sqlite_schema");
    const int code = database.take_error();
    is_unusable = is_unusable_code(code);
    if (code != SQLITE_OK) return nullptr;
    if (objects == 0 && version == 0) {
        const std::string create = "BEGIN IMMEDIATE;" + std::string(kTextSchema) +
                                   "PRAGMA user_version=" + std::to_string(kTextVersion) + "; COMMIT;";
        database.execute(create.c_str());
    } else if (version != kTextVersion) {
        is_unusable = true;
        return nullptr;
    }
    auto index = std::unique_ptr<TextIndex>(new TextIndex(std::move(database)));
    const int prepared = index->database_.take_error();
    is_unusable = is_unusable_code(prepared);
    if (prepared != SQLITE_OK) return nullptr;
    return index;
}

void TextIndex::begin()
{
    if (is_open_ || database_.has_failed()) return;
    statements_->begin.run();
    is_open_ = !database_.has_failed();
}

std::int64_t TextIndex::document(const ObjectId& email)
{
    const Blob id{{reinterpret_cast<const char*>(email.bytes.data()), email.bytes.size()}};
    auto rows = statements_->find.rows(id);
    return rows.next() ? rows.integer(0) : 0;
}

bool TextIndex::knows(const ObjectId& email) { return document(email) != 0; }

void TextIndex::add(MailboxId mailbox, Uid uid, std::uint64_t name, const ObjectId& email,
                    const std::optional<std::string>& text)
{
    begin();
    auto at = document(email);
    if (at == 0 && text) {
        {
            const Blob id{{reinterpret_cast<const char*>(email.bytes.data()), email.bytes.size()}};
            auto rows = statements_->enter.rows(id);
            if (rows.next()) at = rows.integer(0);
            while (rows.next()) {
            }
        }
        statements_->add.run(at, std::string_view(*text));
    }
    statements_->place.run(mailbox.value, uid, static_cast<std::int64_t>(name), at);
    if (++uncommitted_ >= kTextsAtOnce) commit();
}

void TextIndex::carry(const Place& from, const Place& to)
{
    begin();
    statements_->carry.run(to.mailbox.value, to.uid, static_cast<std::int64_t>(to.name), from.mailbox.value, from.uid,
                           static_cast<std::int64_t>(from.name));
    if (++uncommitted_ >= kTextsAtOnce) commit();
}

bool TextIndex::has(const Place& place)
{
    auto rows = statements_->has.rows(place.mailbox.value, place.uid, static_cast<std::int64_t>(place.name));
    return rows.next();
}

Uid TextIndex::mark(MailboxId mailbox)
{
    auto rows = statements_->mark.rows(mailbox.value);
    return rows.next() ? static_cast<Uid>(rows.integer(0)) : 0;
}

void TextIndex::set_mark(MailboxId mailbox, Uid uid)
{
    begin();
    statements_->set_mark.run(mailbox.value, uid);
}

// After a failure all of the batch goes: marks go back with it, and it is done again.
void TextIndex::commit()
{
    if (!is_open_) return;
    is_open_ = false;
    uncommitted_ = 0;
    if (!database_.has_failed()) statements_->commit.run();
    if (!database_.has_failed()) return;
    const int code = database_.take_error();
    is_damaged_ = is_damaged_ || is_unusable_code(code);
    statements_->rollback.run();
    (void)database_.take_error();
    failed_ = true;
}

std::optional<std::vector<Uid>> TextIndex::narrow(MailboxId mailbox, const std::vector<Candidate>& messages,
                                                  const TextNeeds& needs)
{
    std::vector<Uid> chosen;
    if (messages.empty()) return chosen;
    // The document of each message, 0 where it is to be scanned.
    std::vector<std::int64_t> documents(messages.size(), 0);
    std::int64_t first = INT64_MAX;
    std::int64_t last = 0;
    {
        auto rows = statements_->places.rows(mailbox.value, messages.front().uid, messages.back().uid);
        std::size_t at = 0;
        while (rows.next()) {
            const auto uid = static_cast<Uid>(rows.integer(0));
            while (at < messages.size() && messages[at].uid < uid) ++at;
            if (at == messages.size()) break;
            if (messages[at].uid != uid || static_cast<std::uint64_t>(rows.integer(1)) != messages[at].name) continue;
            documents[at] = rows.integer(2);
            if (documents[at] == 0) continue;
            first = std::min(first, documents[at]);
            last = std::max(last, documents[at]);
        }
    }
    std::vector<std::int64_t> matching;
    if (last != 0) {
        const std::string query = query_of(needs);
        auto rows = statements_->match.rows(std::string_view(query), first, last);
        while (rows.next()) matching.push_back(rows.integer(0));
        std::ranges::sort(matching);
    }
    if (database_.has_failed()) return std::nullopt;
    for (std::size_t i = 0; i < messages.size(); ++i) {
        const bool may_hold = documents[i] == 0 || std::ranges::binary_search(matching, documents[i]);
        if (may_hold) chosen.push_back(messages[i].uid);
    }
    return chosen;
}

bool TextIndex::is_bloated(std::uint64_t messages)
{
    auto rows = statements_->last.rows();
    return rows.next() && static_cast<std::uint64_t>(rows.integer(0)) > 2 * messages + kBloatedFrom;
}

bool TextIndex::is_sound()
{
    commit();
    database_.execute("INSERT INTO texts(texts) VALUES('integrity-check')");
    std::string verdict;
    {
        Statement check(database_, "PRAGMA quick_check(1)");
        auto rows = check.rows();
        if (rows.next()) verdict = rows.text(0);
    }
    if (verdict != "ok") is_damaged_ = true;
    return outcome() == Outcome::good;
}

TextIndex::Outcome TextIndex::outcome()
{
    const int code = database_.take_error();
    is_damaged_ = is_damaged_ || (code != SQLITE_OK && is_unusable_code(code));
    if (code != SQLITE_OK && is_open_) {
        is_open_ = false;
        uncommitted_ = 0;
        statements_->rollback.run();
        (void)database_.take_error();
    }
    const bool has_failed = code != SQLITE_OK || failed_;
    failed_ = false;
    if (is_damaged_) return Outcome::damaged;
    return has_failed ? Outcome::failed : Outcome::good;
}

}  // namespace mbx::store
