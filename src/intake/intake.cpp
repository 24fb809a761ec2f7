#include "intake/intake.hpp"

#include <algorithm>
#include <optional>
#include <utility>

#include "co/scope.hpp"
#include "intake/admission.hpp"
#include "intake/draft_state.hpp"
#include "intake/spool.hpp"

namespace mbx::intake {

namespace {

// Recipients of one message that are served beside each other.
constexpr std::size_t kAtOnce = 16;

IntakeError to_intake_error(store::StoreError error)
{
    switch (error) {
    case store::StoreError::no_space: return IntakeError::no_space;
    case store::StoreError::over_quota: return IntakeError::over_quota;
    case store::StoreError::no_such_mailbox:
    case store::StoreError::mailbox_exists:
    case store::StoreError::invalid_name:
    case store::StoreError::not_permitted:
    case store::StoreError::has_children:
    case store::StoreError::no_such_message:
    case store::StoreError::limit:
    case store::StoreError::io:
    case store::StoreError::corrupt: break;
    }
    return IntakeError::failure;
}

store::StoreError to_store_error(IntakeError error)
{
    switch (error) {
    case IntakeError::no_space: return store::StoreError::no_space;
    case IntakeError::over_quota: return store::StoreError::over_quota;
    case IntakeError::failure: break;
    }
    return store::StoreError::io;
}

std::int64_t nanoseconds(WallTime time)
{
    // Whole seconds: what the store compares and IMAP shows.
    const auto seconds = std::chrono::floor<std::chrono::seconds>(time.time_since_epoch());
    return std::chrono::duration_cast<std::chrono::nanoseconds>(seconds).count();
}

void put_base36(std::string& into, std::uint64_t value, int digits)
{
    constexpr std::string_view kDigits = "0123456789abcdefghijklmnopqrstuvwxyz";
    std::string text(static_cast<std::size_t>(digits), '0');
    for (auto at = text.rbegin(); at != text.rend(); ++at) {
        *at = kDigits[value % kDigits.size()];
        value /= kDigits.size();
    }
    into += text;
}

// What became of one recipient.
struct Delivery {
    store::AccountKey key;
    std::shared_ptr<store::Account> account;
    std::optional<store::Appended> appended;
    store::StoreError error = store::StoreError::io;
};

}  // namespace

struct Intake::State {
    store::Store& store;
    const Clock& clock;
    Random& random;
    Log log;
    Spool spool;
    Admission admission;
    Counter& accepted;
    Counter& accepted_bytes;
    Counter& deliveries;
    Counter& refused;
    Counter& withdrawn;
    std::uint64_t last_trace_time = 0;

    co::Task<Result<store::SpooledMessage, IntakeError>> write_out(Draft::State& draft, WallTime date);
    co::Task<void> deliver(Delivery& delivery, const store::SpooledMessage& message, const store::Incoming& incoming);
    co::Task<void> deliver_all(std::vector<Delivery>& all, const store::SpooledMessage& message, WallTime date);
    co::Task<void> withdraw(Delivery& delivery);
};

Intake::Intake(store::Store& store, FileSystem& files, net::Workers& workers, const Clock& clock, Random& random,
               Metrics& metrics, Log log, std::string spool_directory)
    : state_(std::unique_ptr<State>(new State{
          store, clock, random, log, Spool(files, workers, random, log, spool_directory),
          Admission(files, workers, clock, log, spool_directory),
          metrics.counter("mailboxd_intake_messages_total", "Messages made durable"),
          metrics.counter("mailboxd_intake_bytes_total", "Bytes of messages made durable"),
          metrics.counter("mailboxd_intake_deliveries_total", "Links of messages into mailboxes"),
          metrics.counter("mailboxd_intake_refused_total", "Messages that could not be made durable"),
          metrics.counter("mailboxd_intake_withdrawn_total", "Deliveries taken back because another recipient's failed"),
          0}))
{
}

Intake::~Intake() = default;

// Ten digits of microseconds, which never repeat in one process, and ten of chance.
std::string Intake::new_trace_id()
{
    constexpr int kHalf = 10;
    const auto since = std::chrono::duration_cast<std::chrono::microseconds>(state_->clock.wall().time_since_epoch());
    const auto now = static_cast<std::uint64_t>(std::max<std::int64_t>(since.count(), 0));
    state_->last_trace_time = std::max(now, state_->last_trace_time + 1);
    std::string id;
    put_base36(id, state_->last_trace_time, kHalf);
    put_base36(id, state_->random.number(), kHalf);
    return id;
}

Draft Intake::new_draft() { return Draft(std::make_unique<Draft::State>(state_->spool)); }

bool Intake::is_short_of_space() const { return !state_->admission.had_room(0); }

co::Task<Result<store::SpooledMessage, IntakeError>> Intake::State::write_out(Draft::State& draft, WallTime date)
{
    if (draft.error) co_return *draft.error;
    const std::uint64_t size = draft.prefix.size() + draft.body;
    const bool has_room = co_await admission.has_room(size);
    if (!has_room) co_return IntakeError::no_space;
    auto job = [&draft, date] { return draft.finish(nanoseconds(date)); };
    const auto written = co_await spool.workers().run(net::WorkClass::delivery, std::move(job));
    if (written) co_return store::SpooledMessage{draft.path, size};
    spool.complain(draft.path.empty() ? spool.directory() : draft.path, written.error());
    co_return intake::to_intake_error(written.error());
}

co::Task<void> Intake::State::deliver(Delivery& delivery, const store::SpooledMessage& message,
                                      const store::Incoming& incoming)
{
    store::AccountKey key = delivery.key;
    auto account = co_await store.account(std::move(key));
    if (!account) {
        delivery.error = account.error();
        co_return;
    }
    delivery.account = *account;
    auto job = [&message, &incoming](store::AccountStore& target) { return target.deliver(message, incoming); };
    auto appended = co_await delivery.account->run(net::WorkClass::delivery, std::move(job));
    if (appended) {
        delivery.appended = *appended;
    } else {
        delivery.error = appended.error();
    }
}

co::Task<void> Intake::State::deliver_all(std::vector<Delivery>& all, const store::SpooledMessage& message,
                                          WallTime date)
{
    store::Incoming incoming;
    incoming.internal_date = date;
    for (std::size_t begin = 0; begin < all.size(); begin += kAtOnce) {
        const std::size_t end = std::min(all.size(), begin + kAtOnce);
        if (end - begin == 1) {
            co_await deliver(all[begin], message, incoming);
            co_return;
        }
        co::Scope beside;
        for (std::size_t i = begin; i < end; ++i) beside.spawn(deliver(all[i], message, incoming));
        co_await beside.finished();
    }
}

// Best effort: what cannot be taken back comes a second time when the client tries again. A duplicate, no loss.
co::Task<void> Intake::State::withdraw(Delivery& delivery)
{
    if (!delivery.appended) co_return;
    const store::Appended appended = *delivery.appended;
    auto job = [appended](store::AccountStore& target) { return target.withdraw(appended.mailbox, appended.uid); };
    const auto done = co_await delivery.account->run(net::WorkClass::delivery, std::move(job));
    if (done) {
        withdrawn.add();
    } else {
        log.warning("intake: a delivery could not be taken back", {{"local_part", delivery.key.local_part}});
    }
}

co::Task<Result<Receipt, IntakeError>> Intake::accept(std::string trace_id, Envelope envelope, Draft draft)
{
    State& state = *state_;
    const WallTime date = state.clock.wall();
    const auto spooled = co_await state.write_out(*draft.state_, date);
    if (!spooled) {
        state.refused.add();
        co_return spooled.error();
    }
    std::vector<Delivery> all;
    for (auto& key : envelope.recipients) all.push_back({std::move(key), nullptr, std::nullopt});
    co_await state.deliver_all(all, *spooled, date);

    Receipt receipt;
    receipt.trace_id = std::move(trace_id);
    std::optional<IntakeError> failure;
    for (const auto& delivery : all) {
        if (delivery.appended) {
            ++receipt.delivered;
        } else if (delivery.error == store::StoreError::over_quota) {
            receipt.over_quota.push_back(delivery.key);
        } else {
            failure = to_intake_error(delivery.error);
        }
    }
    if (!failure && receipt.delivered == 0) failure = receipt.over_quota.empty() ? IntakeError::failure
                                                                                 : IntakeError::over_quota;
    if (!failure) {
        state.accepted.add();
        state.accepted_bytes.add(spooled->size);
        state.deliveries.add(receipt.delivered);
        co_return receipt;
    }
    for (auto& delivery : all) {
        co_await state.withdraw(delivery);
    }
    state.refused.add();
    co_return *failure;
}

co::Task<Result<store::Appended, store::StoreError>> Intake::append(std::shared_ptr<store::Account> account,
                                                                    store::Incoming incoming, Draft draft)
{
    State& state = *state_;
    const auto spooled = co_await state.write_out(*draft.state_, incoming.internal_date);
    if (!spooled) {
        state.refused.add();
        co_return to_store_error(spooled.error());
    }
    const store::SpooledMessage& message = *spooled;
    auto job = [&message, &incoming](store::AccountStore& target) { return target.deliver(message, incoming); };
    const auto appended = co_await account->run(net::WorkClass::delivery, std::move(job));
    if (appended) {
        state.accepted.add();
        state.accepted_bytes.add(message.size);
        state.deliveries.add();
    } else {
        state.refused.add();
    }
    co_return appended;
}

}  // namespace mbx::intake
