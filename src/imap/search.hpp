// SEARCH: a program made ready against a session's view, then run over slices of the mailbox on the account's strand.
// A message's file is opened only when a key needs it and the cheaper keys left it in.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "imap/command.hpp"
#include "imap/selected_mailbox.hpp"
#include "store/account_store.hpp"

namespace mbx::imap {

enum class SearchRefusal : std::uint8_t {
    bad_charset,   // NO [BADCHARSET]
    bad_sequence,  // BAD: a sequence number that does not exist
};

// Immutable once made; used on the strand while the session waits.
class SearchProgram {
public:
    static Result<SearchProgram, SearchRefusal> compile(const Search& search, const SelectedMailbox& mailbox);

    struct Node {
        SearchKind kind = SearchKind::all_of;
        std::uint32_t end = 0;
        bool needs_file = false;   // it or a node inside it
        std::uint8_t flag = 0;
        std::uint64_t number = 0;
        std::int64_t day = 0;      // since 1970
        std::string field;
        std::string text;          // UTF-8, folded
        NumberSet uids;
    };
    const std::vector<Node>& nodes() const { return nodes_; }
    // UIDs outside cannot match.
    const NumberSet& candidates() const { return candidates_; }

private:
    std::vector<Node> nodes_;
    NumberSet candidates_;
};

struct SearchSlice {
    NumberSet hits;             // UIDs
    store::Uid done_until = 0;
    std::optional<store::StoreError> failure;
};

SearchSlice search_slice(store::AccountStore& store, store::MailboxId mailbox, const SearchProgram& program,
                         const NumberSet& uids);

// Whether one message matches; `bytes` is asked for at most once, and only when needed. For search_slice and tests.
class MessageSource {
public:
    virtual ~MessageSource() = default;
    virtual std::string_view bytes() = 0;
};
bool matches(const SearchProgram& program, const store::MessageRow& row, const std::vector<std::string>& keywords,
             MessageSource& source);

}  // namespace mbx::imap
