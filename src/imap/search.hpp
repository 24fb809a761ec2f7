// SEARCH: a program made ready against a session's view, then run over slices of the mailbox on the account's strand.
// A message's file is opened only when a key needs it and the cheaper keys left it in.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "imap/command.hpp"
#include "imap/selected_mailbox.hpp"
#include "mail/fuzzy_match.hpp"
#include "store/account_store.hpp"
#include "store/brief.hpp"
#include "store/parsed_columns.hpp"

namespace mbx::imap {

enum class SearchRefusal : std::uint8_t {
    bad_charset,   // NO [BADCHARSET]
    bad_sequence,  // BAD: a sequence number that does not exist
};

// What answers a key, the cheapest first.
enum class SearchCost : std::uint8_t {
    row,    // the hot row
    brief,  // what is parsed of the message; its file where nothing is yet
    file,
};

// Immutable once made; used on the strand while the session waits.
class SearchProgram {
public:
    // `lasts`: it is asked about messages to come too, so that a set of UIDs reaches those (RFC 5267 section 4.3; sequence
    // numbers mean what they mean now).
    static Result<SearchProgram, SearchRefusal> compile(const Search& search, const SelectedMailbox& mailbox, WallTime now = {},
                                                        bool lasts = false);
    // The same for a mailbox of ESEARCH, where sequence numbers beyond its end name nothing (RFC 7377 section 2).
    // `saved`: of the selected mailbox, null for others.
    static Result<SearchProgram, SearchRefusal> compile(const Search& search, const store::UidTable& view,
                                                        const NumberSet* saved, WallTime now = {});

    struct Node {
        SearchKind kind = SearchKind::all_of;
        std::uint32_t end = 0;
        SearchCost cost = SearchCost::row;  // the highest of it and the nodes inside it
        std::uint8_t flag = 0;
        std::uint64_t number = 0;
        std::int64_t day = 0;      // since 1970; of OLDER and YOUNGER the second
        std::string field;
        std::string text;          // UTF-8, folded
        NumberSet uids;
        std::optional<mail::FuzzyKey> fuzzy;  // the text is matched by it (RFC 6203)
        // Of a header key that was looked up in kept texts: those that hold it, and those that only a look at the message tells.
        struct Settled {
            NumberSet held;
            NumberSet open;
        };
        std::optional<Settled> settled;
    };
    const std::vector<Node>& nodes() const { return nodes_; }
    // UIDs outside cannot match.
    const NumberSet& candidates() const { return candidates_; }
    // What the text of every hit holds, for the index of texts; empty: it cannot help.
    const store::TextNeeds& needs() const { return needs_; }
    // Whether what the index has parsed of messages answers a key of it.
    bool uses_briefs() const { return uses_briefs_; }
    // What every hit is, and whether that is all that is asked.
    std::optional<store::FlagQuery> flag_query() const { return flag_query_; }
    bool is_flag_query_alone() const { return nodes_.size() == 2 && flag_query_; }
    // Every candidate is a hit.
    bool is_everything() const;
    bool is_fuzzy() const { return is_fuzzy_; }
    // Whether a key is MODSEQ: then the answer tells mod-sequences (RFC 7162 section 3.1.6).
    bool asks_modseq() const { return asks_modseq_; }
    // Keys that texts kept of whole mailboxes can answer (field_harvest.hpp): their places in nodes(), the first `most`.
    std::vector<std::uint32_t> field_nodes(std::size_t most) const;
    // Tells what they say of one of them. Before the first slice.
    void settle(std::uint32_t node, Node::Settled answer);

private:
    using Resolve = std::function<std::optional<NumberSet>(const SequenceSet& set, bool by_uid)>;
    static Result<SearchProgram, SearchRefusal> compile(const Search& search, NumberSet candidates, const Resolve& resolve, WallTime now);
    void judge();
    std::vector<Node> nodes_;
    NumberSet candidates_;
    store::TextNeeds needs_;
    std::optional<store::FlagQuery> flag_query_;
    bool uses_briefs_ = false;
    bool is_fuzzy_ = false;
    bool asks_modseq_ = false;
};

// How far a search has come: `chosen` are the next messages to look at, `left` those that are still to be chosen from.
struct SearchCursor {
    explicit SearchCursor(NumberSet all) : left(std::move(all)) {}
    NumberSet left;
    NumberSet chosen;
    bool is_done() const { return left.empty() && chosen.empty(); }
};

// How relevant a hit of a FUZZY search is (RFC 6203 section 4): 1 … 100.
struct Relevancy {
    store::Uid uid = 0;
    std::uint8_t score = 0;
};

// The mod-sequences of what was found (RFC 7162 section 3.1.6, RFC 4731 section 3.2).
struct FoundModSeqs {
    store::ModSeq highest = 0;
    store::ModSeq of_first = 0;  // of the lowest UID
    store::ModSeq of_last = 0;
    void add(const store::MessageRow& row);     // in ascending order
    void add(const FoundModSeqs& behind);       // of hits that all lie behind
};

struct SearchSlice {
    NumberSet hits;  // UIDs
    std::vector<Relevancy> scores;  // of a FUZZY search: one for each hit
    FoundModSeqs modseqs;
    std::optional<store::StoreError> failure;
};

// Is given every message that a search finds, with what is parsed of it: SORT and THREAD.
class Harvest {
public:
    virtual ~Harvest() = default;
    // Whether it looks at briefs at all: it is given empty ones otherwise.
    virtual bool needs_briefs() const { return true; }
    // `score`: as Relevancy's; 100 where nothing is fuzzy.
    virtual void take(const store::MessageRow& row, const store::Brief& brief, unsigned score) = 0;
};

// Goes a slice further. With a harvest a message that nobody parsed yet is parsed, and what it says left behind.
SearchSlice search_slice(store::AccountStore& store, store::MailboxId mailbox, const SearchProgram& program,
                         SearchCursor& cursor, Harvest* harvest = nullptr);

// What was parsed of a message before.
struct KnownMessage {
    store::Brief brief;
    store::ObjectId email_id;
    store::ObjectId thread_id;
};

// How well one message matches, 0: not at all, 100 where nothing is fuzzy; `bytes` is asked for at most once, and only when needed. For search_slice and tests.
class MessageSource {
public:
    virtual ~MessageSource() = default;
    virtual std::string_view bytes() = 0;
    // Null: nothing yet.
    virtual const KnownMessage* known() { return nullptr; }
};
unsigned match_score(const SearchProgram& program, const store::MessageRow& row, const std::vector<std::string>& keywords,
             MessageSource& source);

}  // namespace mbx::imap
