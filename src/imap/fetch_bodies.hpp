// FETCH of many bodies beside the account's strand: one job of the strand says which files there are, several workers read them
// at once. Only for what may be read ahead (fetch.hpp) and needs nothing of the index but that.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "imap/fetch.hpp"

namespace mbx::imap {

struct ListedBody {
    store::PlacedRow message;
    std::uint32_t sequence = 0;
};

struct BodyListing {
    std::vector<ListedBody> first;   // as many as make a slice,
    std::vector<ListedBody> second;  // and as many behind them
    store::Uid done_until = 0;       // everything up to here is in one of the two or gone
    NumberSet missing;               // of those, what is gone (FetchSlice)
    store::PlacedLoader load;
};

bool may_read_beside(const FetchPlan& plan);  // what the two below are for

// On the strand. None: the ordinary way is to be gone, which knows what to do with failures.
std::optional<BodyListing> list_bodies(store::AccountStore& store, store::MailboxId mailbox, const store::UidTable& view,
                                       const NumberSet& uids);

// The answers, on any worker. Ends before the first message whose file is not at its place or not what it was, and when it is long;
// done_until then names the last one before that, 0: none. `all`: everything up to there was looked at when the last is answered.
FetchSlice read_bodies(const std::vector<ListedBody>& bodies, const FetchPlan& plan, const store::PlacedLoader& load, store::Uid all,
                       std::string spare);

}  // namespace mbx::imap
