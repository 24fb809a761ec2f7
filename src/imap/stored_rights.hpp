// What STORE, COPY and APPEND may do to flags with the rights that somebody has (RFC 4314 section 4). On the account's strand,
// but for what is pure.
#pragma once

#include <optional>
#include <string>

#include "imap/command.hpp"
#include "imap/sequence_set.hpp"
#include "store/account_store.hpp"

namespace mbx::imap {

// Whether a STORE can change anything; one that cannot is refused.
bool may_store(const Store& command, store::Rights held);
// Changes of the flags what the rights let change, the others stay as they are.
Result<store::FlagsStored, store::StoreError> store_with_rights(store::AccountStore& store, store::MailboxId mailbox,
                                                                const NumberSet& uids, store::FlagChange change, store::Rights held);
// A message that comes in keeps those flags that may be set.
void keep_settable(store::Incoming& incoming, store::Rights held);

// What a COPY or MOVE came to. With a failure `copied` is what a MOVE did before it.
struct Transferred {
    std::optional<store::StoreError> failure;
    store::MailboxId target;
    store::Copied copied;
};
// COPY, or MOVE with `move` (what the trace is told of it), into a mailbox of the same account, by `user`.
Transferred transfer_within(store::AccountStore& store, store::MailboxId from, const NumberSet& uids, const std::string& to,
                            std::int64_t user, store::TracedAct* move);

}  // namespace mbx::imap
