// SEARCH: a program made ready against a session's view, then run over slices of the mailbox on the account's strand.
// A message's file is opened only when a key needs it and the cheaper keys left it in.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "imap/command.hpp"
#include "imap/selected_mailbox.hpp"
#include "store/account_store.hpp"
#include "store/parsed_columns.hpp"

namespace mbx::imap {

enum class SearchRefusal : std::uint8_t {
    bad_charset,   // NO [BADCHARSET]
    bad_sequence,  // BAD: a sequence number that does not exist
};

// Immutable once made; used on the strand while the session waits.
class SearchProgram {
public:
    static Result<SearchProgram, SearchRefusal> compile(const Search& search, const SelectedMailbox& mailbox, WallTime now = {});

    struct Node {
        SearchKind kind = SearchKind::all_of;
        std::uint32_t end = 0;
        bool needs_file = false;   // it or a node inside it
        std::uint8_t flag = 0;
        std::uint64_t number = 0;
        std::int64_t day = 0;      // since 1970; of OLDER and YOUNGER the second
        std::string field;
        std::string text;          // UTF-8, folded
        NumberSet uids;
    };
    const std::vector<Node>& nodes() const { return nodes_; }
    // UIDs outside cannot match.
    const NumberSet& candidates() const { return candidates_; }
    // What the text of every hit holds, for the index of texts; empty: it cannot help.
    const store::TextNeeds& needs() const { return needs_; }
    // Whether what the index has parsed of messages answers a key of it.
    bool uses_columns() const { return uses_columns_; }

private:
    std::vector<Node> nodes_;
    NumberSet candidates_;
    store::TextNeeds needs_;
    bool uses_columns_ = false;
};

// How far a search has come: `chosen` are the next messages to look at, `left` those that are still to be chosen from.
struct SearchCursor {
    explicit SearchCursor(NumberSet all) : left(std::move(all)) {}
    NumberSet left;
    NumberSet chosen;
    bool is_done() const { return left.empty() && chosen.empty(); }
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
    FoundModSeqs modseqs;
    std::optional<store::StoreError> failure;
};

// Goes a slice further.
SearchSlice search_slice(store::AccountStore& store, store::MailboxId mailbox, const SearchProgram& program,
                         SearchCursor& cursor);

// Whether one message matches; `bytes` is asked for at most once, and only when needed. For search_slice and tests.
class MessageSource {
public:
    virtual ~MessageSource() = default;
    virtual std::string_view bytes() = 0;
    // What was parsed of it before; null: nothing yet.
    virtual const store::ParsedColumns* columns() { return nullptr; }
};
bool matches(const SearchProgram& program, const store::MessageRow& row, const std::vector<std::string>& keywords,
             MessageSource& source);

}  // namespace mbx::imap
