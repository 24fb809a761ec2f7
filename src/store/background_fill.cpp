#include "store/background_fill.hpp"

#include <algorithm>
#include <utility>

namespace mbx::store {

BackgroundFill::BackgroundFill(Store& store, net::Loop& loop, const Clock& clock, Metrics& metrics,
                               BackgroundFillOptions options)
    : store_(store), clock_(clock),
      steps_(metrics.counter("mailboxd_store_background_steps_total", "Steps of parsing and indexing behind delivery")),
      backlog_(metrics.gauge("mailboxd_store_background_backlog",
                             "1 while messages of open accounts are to be parsed or their texts indexed")),
      options_(options), timer_(loop), last_change_(clock.steady()), busy_since_(clock.steady())
{
}

void BackgroundFill::stop()
{
    is_stopping_ = true;
    timer_.cancel();
}

void BackgroundFill::look_at_changes()
{
    std::uint64_t changes = 0;
    for (const auto& account : store_.opened()) changes += account->changes();
    if (changes == changes_) return;
    changes_ = changes;
    if (!is_busy()) busy_since_ = clock_.steady();
    last_change_ = clock_.steady();
}

// Not held over a whole round, so that idle ones can be put away.
std::vector<std::weak_ptr<Account>> BackgroundFill::open_accounts() const
{
    const auto opened = store_.opened();
    return {opened.begin(), opened.end()};
}

// Answers whether there is more.
co::Task<bool> BackgroundFill::step(std::shared_ptr<Account> account, bool texts)
{
    steps_.add();
    // Cleared before, so that a change meanwhile sets it again.
    (texts ? account->undone().texts : account->undone().columns) = false;
    const auto time = options_.step;
    auto job = [texts, time, first = account->watched()](AccountStore& store) {
        return texts ? store.fill_text(time, first) : store.fill_columns(time, first);
    };
    const auto more = co_await account->run(net::WorkClass::bulk, std::move(job));
    account->note_fill(clock_.steady());
    const bool again = more && *more;
    if (again) (texts ? account->undone().texts : account->undone().columns) = true;
    co_return again;
}

// Between two slices of a session's long FETCH there is always time for a step, and then each slice would wait for one.
bool BackgroundFill::is_to_wait(const Account& account)
{
    const auto now = clock_.steady();
    const bool is_used = now - account.last_interactive() < options_.pause && now - account.last_fill() < options_.most_pause;
    has_waited_ = has_waited_ || is_used;
    return is_used;
}

// The rest comes after each step: after each round, the steps of many accounts would take half a core from a burst of mail.
co::Task<void> BackgroundFill::rest_if_busy()
{
    look_at_changes();
    if (is_busy() && !is_stopping_) (void)co_await timer_.wait(options_.rest);
}

// One step for each account that needs one. Answers whether there was any.
co::Task<bool> BackgroundFill::round()
{
    bool worked = false;
    bool has_columns = false;
    has_waited_ = false;
    const auto accounts = open_accounts();
    for (const auto& one : accounts) {
        if (is_stopping_) co_return worked;
        auto account = one.lock();
        if (!account || !account->undone().columns || is_to_wait(*account)) continue;
        const bool more = co_await step(std::move(account), false);
        has_columns = has_columns || more;
        worked = true;
        co_await rest_if_busy();
    }
    const bool is_patient = clock_.steady() - busy_since_ < options_.patience;
    if (has_columns || (is_busy() && is_patient)) co_return worked;
    for (const auto& one : accounts) {
        if (is_stopping_) co_return worked;
        auto account = one.lock();
        if (!account || !account->undone().texts || is_to_wait(*account)) continue;
        (void)co_await step(std::move(account), true);
        worked = true;
        co_await rest_if_busy();
    }
    co_return worked;
}

// Only right between rounds: a step that is under way has cleared its mark.
bool BackgroundFill::is_anything_undone() const
{
    const auto is_undone = [](const std::shared_ptr<Account>& account) {
        return account->undone().columns || account->undone().texts;
    };
    return std::ranges::any_of(store_.opened(), is_undone);
}

co::Task<void> BackgroundFill::run()
{
    backlog_.set(1);
    while (!is_stopping_) {
        look_at_changes();
        const bool worked = co_await round();
        if (is_stopping_) co_return;
        is_idle_ = !worked && !is_anything_undone();
        backlog_.set(is_idle_ ? 0 : 1);
        const auto pause = has_waited_ ? options_.rest : options_.look;
        if (!worked) (void)co_await timer_.wait(pause);
    }
}

}  // namespace mbx::store
