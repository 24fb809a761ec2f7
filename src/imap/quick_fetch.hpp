// FETCH of what the index has ready: flags, sizes, dates, and the texts of ENVELOPE, BODYSTRUCTURE, PREVIEW and the usual
// header fields. Rows become answers without a file, a parse or an object in between. On the account's strand.
#pragma once

#include <optional>

#include "imap/fetch.hpp"

namespace mbx::imap {

bool is_quick_item(const FetchItem& item);

// As fetch_slice(), for a plan of quick items that sets no \Seen. It ends before the first message of which a text is not
// there; none: that is the first one at once. Writes into the memory of `spare`.
std::optional<FetchSlice> quick_slice(store::AccountStore& store, store::MailboxId mailbox, const store::UidTable& view,
                                      const FetchPlan& plan, const NumberSet& uids, std::string& spare);

}  // namespace mbx::imap
