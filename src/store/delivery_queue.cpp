#include "store/delivery_queue.hpp"

#include <utility>

namespace mbx::store {

namespace {

// About 10 ms of work: a message costs some 50 µs, and its bytes are copied once.
constexpr std::size_t kMostDeliveries = 64;
constexpr std::size_t kMostDeliveredBytes = 4U << 20U;

}  // namespace

bool DeliveryBatch::add(const std::shared_ptr<const AcceptedMessage>& message, const Placed& placed)
{
    const std::lock_guard lock(mutex_);
    if (has_begun_ || deliveries_.size() >= kMostDeliveries || bytes_ > kMostDeliveredBytes) return false;
    if (message->body()) bytes_ += message->body()->size();
    deliveries_.push_back({message, placed});
    return true;
}

void DeliveryBatch::place(AccountStore& store)
{
    {
        const std::lock_guard lock(mutex_);
        has_begun_ = true;
    }
    for (auto& delivery : deliveries_) {
        delivery.outcome = store.place(*delivery.message);
    }
}

void DeliveryBatch::tell() const
{
    for (const auto& delivery : deliveries_) delivery.placed(delivery.outcome);
}

// Only the newest batch takes more: an order of batches is an order of messages.
std::shared_ptr<DeliveryBatch> DeliveryQueue::add(const std::shared_ptr<const AcceptedMessage>& message,
                                                  DeliveryBatch::Placed placed)
{
    const std::uint64_t size = message->record().size;
    waiting_.bytes += size;
    ++waiting_.messages;
    auto counted = [this, size, call = std::move(placed)](const Result<Appended, StoreError>& outcome) {
        waiting_.bytes -= size;
        --waiting_.messages;
        call(outcome);
    };
    const DeliveryBatch::Placed tell = std::move(counted);
    if (last_ && last_->add(message, tell)) return nullptr;
    last_ = std::make_shared<DeliveryBatch>();
    (void)last_->add(message, tell);
    return last_;
}

}  // namespace mbx::store
