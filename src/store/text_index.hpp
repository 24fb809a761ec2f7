// fts.db of one account: which messages may hold a text. Never the truth: it gives candidates, and each is verified
// against its message; it can be deleted at any moment. A file of its own, apart from index.db, because its merges must
// not hold the index's one writer. One thread at a time.
//
// Texts are kept as trigrams of folded characters without their places (FTS5, contentless, detail=none): enough to say
// which messages hold all trigrams of a key. A text is entered once per content: copies of a message share it, whatever
// their UIDs. SQLite 3.40 cannot delete from such a table; texts of messages that are gone cost space and nothing else,
// until bloated() says that starting anew is worth it.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "store/object_id.hpp"
#include "store/sqlite.hpp"
#include "store/types.hpp"

namespace mbx::store {

// What every hit must hold: of each inner list one text at least. Folded UTF-8 (mail/case_fold.hpp) of three characters
// or more; shorter ones, and those with a NUL, cannot be looked up and are to be left out.
using TextNeeds = std::vector<std::vector<std::string>>;

// Whether a key can be looked up.
bool is_searchable_key(std::string_view folded);

// The text of one message for the index: its header fields and its body, folded, as mail/search_text.hpp gives them.
// None: longer than kMaxSearchText; such a message is scanned at every search.
inline constexpr std::size_t kMaxSearchText = 256 * 1024;
std::optional<std::string> search_text(std::string_view message);

class TextIndex {
public:
    // Null: damaged or of another version, to be set aside, where `is_unusable`; else the disk or a lock, to be tried
    // again another time.
    static std::unique_ptr<TextIndex> open(const std::string& path, bool& is_unusable);
    ~TextIndex();  // commits
    TextIndex(const TextIndex&) = delete;
    TextIndex& operator=(const TextIndex&) = delete;

    // Enters a message, or notes (without a text) that it is to be scanned. Collected into one transaction until
    // commit(), or until it is large.
    void add(MailboxId mailbox, Uid uid, std::uint64_t name, const ObjectId& email, const std::optional<std::string>& text);
    bool knows(const ObjectId& email);
    // COPY and MOVE: the one place is of the document that the other is of, where that is known.
    struct Place {
        MailboxId mailbox;
        Uid uid = 0;
        std::uint64_t name = 0;
    };
    void carry(const Place& from, const Place& to);
    bool has(const Place& place);
    Uid mark(MailboxId mailbox);
    void set_mark(MailboxId mailbox, Uid uid);
    void commit();
    void let_go_of_files() { database_.let_go_of_files(); }  // until it is used again

    // Those of the messages (UID and name_key(), ascending) that may fulfil `needs`: all but those whose text is here and
    // lacks something. nullopt: the index failed; look at outcome().
    struct Candidate {
        Uid uid = 0;
        std::uint64_t name = 0;
    };
    std::optional<std::vector<Uid>> narrow(MailboxId mailbox, const std::vector<Candidate>& messages,
                                           const TextNeeds& needs);

    // Whether so many texts are of messages that are gone that a new beginning pays.
    bool is_bloated(std::uint64_t messages);
    // Looks through the whole file; false: damaged. Takes long.
    bool is_sound();

    // What came up since the last call.
    enum class Outcome : std::uint8_t { good, damaged, failed };
    Outcome outcome();
    const std::string& complaint() const { return database_.last_message(); }

private:
    struct Statements;
    explicit TextIndex(Database database);
    void begin();
    std::int64_t document(const ObjectId& email);

    Database database_;
    std::unique_ptr<Statements> statements_;
    std::size_t uncommitted_ = 0;
    bool is_open_ = false;  // a transaction
    bool failed_ = false;   // a batch was rolled back
    bool is_damaged_ = false;
};

}  // namespace mbx::store
