// What waits to be placed in one account, in batches: one job of the strand places many messages, and none is so long
// that others of the account wait long behind it.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <vector>

#include "store/accepted_message.hpp"
#include "store/account_store.hpp"

namespace mbx::store {

// Messages that one job places. Filled on the loop until the job begins on its worker.
class DeliveryBatch {
public:
    using Placed = std::function<void(const Result<Appended, StoreError>&)>;

    // False: full, or its job has begun. Loop.
    bool add(const std::shared_ptr<const AcceptedMessage>& message, const Placed& placed);
    // Places them, in order. Worker, once.
    void place(AccountStore& store);
    // Tells who wanted to know. Loop, once, when the job has ended.
    void tell() const;

private:
    struct Delivery {
        std::shared_ptr<const AcceptedMessage> message;
        Placed placed;
        Result<Appended, StoreError> outcome = StoreError::io;
    };
    std::mutex mutex_;  // of all below until the job has begun
    bool has_begun_ = false;
    std::size_t bytes_ = 0;
    std::vector<Delivery> deliveries_;
};

// Loop thread.
class DeliveryQueue {
public:
    // The batch that was begun for the message: the caller submits a job for it. Null: it went into one whose job waits.
    std::shared_ptr<DeliveryBatch> add(const std::shared_ptr<const AcceptedMessage>& message,
                                       DeliveryBatch::Placed placed);
    // What was added and is not told yet.
    const AccountStore::Usage& waiting() const { return waiting_; }

private:
    std::shared_ptr<DeliveryBatch> last_;
    AccountStore::Usage waiting_;
};

}  // namespace mbx::store
