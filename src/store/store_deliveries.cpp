// Store: what is owed to recipients, until each has it. A message whose account cannot take it is tried again, and after
// a while parked, so that the journal need not keep it.
#include <utility>

#include "store/store_state.hpp"

namespace mbx::store {

void Store::deliver(std::shared_ptr<const AcceptedMessage> message, CheckpointFloor::Hold hold)
{
    State& state = *state_;
    if (message->record().recipients.empty()) return;
    auto part = std::make_shared<Owed>();
    part->hold = std::move(hold);
    part->left = message->record().recipients.size();
    part->message = std::move(message);
    ++state.owed;
    for (const auto& key : part->message->record().recipients) {
        state.deliver_one({part, key, state.clock.steady()});
    }
    state.note_counts();
    state.checkpoints->nudge();
}

void Store::State::deliver_one(OwedDelivery delivery)
{
    const std::string place = account_place(delivery.key);
    const auto it = entries.find(place);
    if (it != entries.end() && !it->second.is_busy()) {
        touch(place, it->second);
        enqueue(it->second.account, std::move(delivery));
        return;
    }
    ++under_way;
    AccountKey key = delivery.key;
    auto& queue = waiting[place];
    queue.push_back(std::move(delivery));
    if (queue.size() == 1) tasks.spawn(open_for_waiting(std::move(key)));
}

// Opening hands what waits to the account before anybody else gets it (enter).
co::Task<void> Store::State::open_for_waiting(AccountKey key)
{
    const std::string place = account_place(key);
    const auto opened = co_await store->account(std::move(key));
    // An account that was open in between has not been asked for what came while it was put away.
    auto left = waiting.extract(place);
    if (left.empty()) co_return;
    for (auto& delivery : left.mapped()) {
        --under_way;
        if (opened) {
            enqueue(*opened, std::move(delivery));
        } else {
            stuck[place].push_back(std::move(delivery));
        }
    }
    delivered.notify_all();
}

void Store::State::enqueue(const std::shared_ptr<Account>& account, OwedDelivery delivery)
{
    ++under_way;
    const auto message = delivery.owed->message;
    auto placed = [this, delivery = std::move(delivery)](const Result<Appended, StoreError>& outcome) {
        --under_way;
        if (outcome) {
            trace_placed(delivery.key, delivery.owed->message->record().trace_id, *outcome);
            settle(*delivery.owed);
        } else {
            stuck[account_place(delivery.key)].push_back(delivery);
        }
        if (under_way == 0) delivered.notify_all();
    };
    account->enqueue(message, std::move(placed));
}

void Store::State::trace_placed(const AccountKey& key, const std::string& trace_id, const Appended& placed) const
{
    if (recorder == nullptr) return;
    const trace::TracedMailbox inbox{key.local_part + "@" + key.domain, key.id, placed.mailbox.value, "INBOX"};
    recorder->record(trace::placed_event(trace_id, inbox, placed.uid, placed.at));
}

void Store::State::settle(Owed& part)
{
    if (--part.left != 0) return;
    part.hold = {};
    --owed;
    note_counts();
    drop_spool(part.message);
}

// A small body is in the journal; a large one is nowhere else until a checkpoint has synced the mailboxes' links.
void Store::State::drop_spool(std::shared_ptr<const AcceptedMessage> message)
{
    if (!message->wants_one_inode()) return;
    auto drop = [this, message] {
        if (is_parked_spool(message->record().spool_name)) return;
        auto job = [&on = files, message] { message->drop(on); };
        workers.submit(net::WorkClass::delivery, std::move(job), [] {});
    };
    if (message->record().spool_name.empty()) {
        drop();
    } else {
        checkpoints->after(journal.journal().last(), std::move(drop));
    }
}

void Store::State::add_stuck(const AccountKey& key, std::shared_ptr<const AcceptedMessage> message,
                             CheckpointFloor::Hold hold)
{
    auto part = std::make_shared<Owed>();
    part->message = std::move(message);
    part->hold = std::move(hold);
    part->left = 1;
    ++owed;
    stuck[account_place(key)].push_back({std::move(part), key, clock.steady()});
}

// The account was removed with its mail.
void Store::State::forget_account(const std::string& place)
{
    for (auto* table : {&waiting, &stuck}) {
        auto left = table->extract(place);
        if (left.empty()) continue;
        if (table == &waiting) under_way -= left.mapped().size();
        for (auto& delivery : left.mapped()) settle(*delivery.owed);
    }
    auto files_left = parked.extract(place);
    if (!files_left.empty()) {
        for (const auto& file : files_left.mapped()) {
            auto job = [this, file] { (void)parking.remove(file); };
            workers.submit(net::WorkClass::bulk, std::move(job), [] {});
        }
    }
    journal.recovered().accounts.erase(place);
    replay_holds.erase(place);
    delivered.notify_all();
}

// What failed is tried again; after a while, or when the journal fills, it is parked instead.
co::Task<void> Store::State::retry_deliveries()
{
    if (journal.journal().has_failed()) co_return;
    const auto now = clock.steady();
    const bool is_pressed = checkpoints->is_half_full();
    std::vector<std::string> due;
    for (const auto& [place, deliveries] : stuck) due.push_back(place);
    for (const auto& place : due) {
        const auto it = stuck.find(place);
        if (it == stuck.end() || it->second.empty()) continue;
        if (is_pressed || now - it->second.front().since >= options.park_after) {
            co_await park(place);
            continue;
        }
        auto again = stuck.extract(place);
        for (auto& delivery : again.mapped()) deliver_one(std::move(delivery));
    }
    auto unfinished = std::exchange(closings, {});
    for (auto& closing : unfinished) co_await close_in_background(std::move(closing));
}

co::Task<void> Store::State::park(std::string place)
{
    auto taken = stuck.extract(place);
    if (taken.empty()) co_return;
    std::vector<OwedDelivery>& deliveries = taken.mapped();
    AccountKey key = deliveries.front().key;
    std::vector<std::shared_ptr<const AcceptedMessage>> messages;
    for (const auto& delivery : deliveries) messages.push_back(delivery.owed->message);
    const bool is_parked = co_await write_parked(std::move(key), std::move(messages));
    if (is_parked) {
        for (auto& delivery : deliveries) settle(*delivery.owed);
    } else {
        auto& queue = stuck[place];
        queue.insert(queue.begin(), deliveries.begin(), deliveries.end());
    }
    note_counts();
}

co::Task<bool> Store::State::write_parked(AccountKey key, std::vector<std::shared_ptr<const AcceptedMessage>> messages)
{
    std::map<Lsn, std::shared_ptr<const AcceptedMessage>> by_lsn;
    for (auto& message : messages) by_lsn[message->lsn()] = std::move(message);
    auto write = [this, &key, &by_lsn] {
        std::vector<ReplayRecord> records;
        for (const auto& [lsn, message] : by_lsn) {
            AcceptedRecord part = message->record();
            part.recipients = {key};
            records.push_back({lsn, std::move(part), {}, 0});
        }
        const auto body = [&by_lsn](const ReplayRecord& record) -> Result<std::string, FileError> {
            const auto& bytes = by_lsn.at(record.lsn)->body();
            return bytes ? *bytes : std::string();
        };
        return parking.park(key, records, body);
    };
    auto file = co_await workers.run(net::WorkClass::delivery, std::move(write));
    if (!file) {
        log.error("store: mail cannot be parked",
                  {{"account", key.local_part + "@" + key.domain}, {"error", file.error().name()}});
        co_return false;
    }
    log.error("store: an account cannot take its mail; it is parked and tried again",
              {{"account", key.local_part + "@" + key.domain}, {"messages", by_lsn.size()}, {"path", file->path}});
    parked[account_place(key)].push_back(*std::move(file));
    co_return true;
}

Store::Condition Store::condition() const
{
    return {state_->replay_holds.size(), state_->owed, state_->parked.size(),
            state_->checkpoints->has_failed() || state_->journal.journal().has_failed()};
}

co::Task<void> Store::retry_deliveries() { co_await state_->retry_deliveries(); }
co::Task<void> Store::retry_replays() { co_await state_->retry_replays(); }
co::Task<void> Store::retry_parked() { co_await state_->retry_parked(); }
co::Task<void> Store::put_idle_away() { co_await state_->put_idle_away(); }
co::Task<void> Store::replay_all() { co_await state_->replay_all(); }

void Store::start()
{
    State& state = *state_;
    if (state.is_started) return;
    state.is_started = true;
    state.checkpoints->start();
    state.tasks.spawn(state.replay_all());
    state.tasks.spawn(state.keep_retrying());
    state.tasks.spawn(state.keep_resting());
}

// Deliveries that cannot be placed stay in the journal, where the next start finds them.
co::Task<void> Store::stop()
{
    State& state = *state_;
    state.is_stopping = true;
    state.retry_timer.cancel();
    state.rest_timer.cancel();
    while (state.under_way != 0) co_await state.delivered.wait();
    co_await state.tasks.finished();
    co_await state.checkpoints->stop();
    (void)co_await state.checkpoints->run_now();
}

}  // namespace mbx::store
