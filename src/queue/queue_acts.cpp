// What administrators see and do.
#include <algorithm>
#include <set>

#include "queue/queue_state.hpp"

namespace mbx::queue {
namespace {

constexpr std::size_t kActPage = 200;

bool has_active(const Live& entry)
{
    return std::any_of(entry.groups.begin(), entry.groups.end(), [](const Group& group) { return group.phase == Group::Phase::active; });
}

}  // namespace

trace::Event Queue::State::event_of_act(const ActRound& round, const Entry& entry, trace::EventKind kind, std::string detail) const
{
    trace::Event event;
    event.id = entry.id;
    event.kind = kind;
    event.at = ground.clock.wall();
    event.detail = std::move(detail);
    event.facts.emplace_back("by", round.by);
    return event;
}

std::uint64_t Queue::State::set_held(const LivePtr& entry, bool is_held, std::vector<trace::Event> events)
{
    if (entry->entry.is_held == is_held) return 0;
    Change what = next_change(entry->entry);
    what.is_held = is_held;
    auto entered = append(QueueRecord(what), std::move(events));
    change(entry, std::move(what), std::move(entered.hold));
    return entered.lsn;
}

// Whether the hold that is being put on it takes effect now: not with those to whom it is being sent.
bool Queue::State::keeps_somebody(const ActRound& round, const Live& entry)
{
    const Meant meant = [&](std::size_t at) {
        return round.rules.empty() || round.rules.front().which.means_recipient(entry.entry.envelope.recipients[at].address);
    };
    return !waiting_of(entry, meant).empty();
}

bool Queue::State::is_kept_by_rules(const Entry& entry) const
{
    if (!entry.has(RecipientStatus::waiting)) return false;
    for (std::size_t at = 0; at < entry.states.size(); ++at) {
        if (entry.states[at].status == RecipientStatus::waiting && rule_of(entry, at) == nullptr) return false;
    }
    return true;
}

// An attempt has ended: a hold that was put on the message meanwhile keeps those whom it did not deliver to.
void Queue::State::take_told_hold(const LivePtr& entry)
{
    const Meant held = [this, &entry](std::size_t at) { return !may_go(entry->entry, at); };
    if (!entry->untold_hold || waiting_of(*entry, held).empty()) return;
    trace::Event event = *std::exchange(entry->untold_hold, std::nullopt);
    event.at = ground.clock.wall();
    note_alone(entry->entry, {std::move(event)});
}

// Hold, release and retry are of whole messages, whomever of it a destination or an address has named.
void Queue::State::count_others(ActRound& round, const LivePtr& entry, const Meant& concerned)
{
    const Entry& all = entry->entry;
    for (std::size_t at = 0; at < all.states.size(); ++at) {
        const bool waits = all.states[at].status == RecipientStatus::waiting;
        if (waits && !round.selection.means_recipient(all.envelope.recipients[at].address) && concerned(at)) ++round.acted.other_recipients;
    }
}

void Queue::State::hold(ActRound& round, const LivePtr& entry)
{
    ++round.acted.messages;
    if (has_active(*entry)) ++round.acted.being_sent;
    const bool is_standing = !round.rules.empty();
    const Meant all = [](std::size_t) { return true; };
    if (!is_standing) count_others(round, entry, all);
    if (!is_standing && entry->entry.is_held) return;
    auto event = event_of_act(round, entry->entry, trace::EventKind::held,
                              is_standing ? describe(round.rules.front().which) + " is held" : std::string());
    std::vector<trace::Event> events;
    if (keeps_somebody(round, *entry)) events.push_back(std::move(event));
    else entry->untold_hold = std::move(event);
    if (is_standing) {
        // The rule is on the disk already.
        note_alone(entry->entry, std::move(events));
    } else {
        round.last = std::max(round.last, set_held(entry, true, std::move(events)));
    }
    if (entry->is_settled) put_rows(*entry);
}

void Queue::State::release_held(ActRound& round, const LivePtr& entry)
{
    const bool was_told = !std::exchange(entry->untold_hold, std::nullopt);
    const bool is_still_held = is_kept_by_rules(entry->entry);
    const auto& envelope = entry->entry.envelope;
    const bool was_held = entry->entry.is_held;
    bool has_changed = was_held;
    for (const auto& rule : round.rules) {
        has_changed = has_changed || (rule.which.means_sender(envelope.reverse_path) &&
                                      std::any_of(envelope.recipients.begin(), envelope.recipients.end(), [&rule](const Recipient& one) {
                                          return rule.which.means_recipient(one.address);
                                      }));
    }
    if (is_still_held) ++round.acted.held;
    else if (has_changed) ++round.acted.messages;
    std::vector<trace::Event> events;
    if (has_changed && was_told)
        events.push_back(event_of_act(round, entry->entry, trace::EventKind::released, is_still_held ? "a standing hold still keeps it" : ""));
    if (was_held) {
        round.last = std::max(round.last, set_held(entry, false, std::move(events)));
        const Meant goes_on = [this, &entry](std::size_t at) { return may_go(entry->entry, at); };
        count_others(round, entry, goes_on);
    } else {
        note_alone(entry->entry, std::move(events));
    }
    if (entry->is_settled) put_rows(*entry);
}

void Queue::State::retry(ActRound& round, const LivePtr& entry)
{
    Change what = next_change(entry->entry);
    for (std::size_t n = 0; n < entry->entry.states.size(); ++n) {
        RecipientState state = entry->entry.states[n];
        if (!may_go(entry->entry, n) || state.wanted != Wanted::nothing) continue;
        if (state.attempts != 0 && state.next > now()) state.planned = state.next;
        state.next = 0;
        what.outcomes.push_back({static_cast<std::uint32_t>(n), std::move(state)});
        if (!round.selection.means_recipient(entry->entry.envelope.recipients[n].address)) ++round.acted.other_recipients;
    }
    if (what.outcomes.empty()) {
        if (entry->entry.has(RecipientStatus::waiting) && !has_sendable(entry->entry)) ++round.acted.held;
        return;
    }
    ++round.acted.messages;
    if (has_active(*entry)) ++round.acted.being_sent;
    auto entered = append(QueueRecord(what), {event_of_act(round, entry->entry, trace::EventKind::retried)});
    round.last = std::max(round.last, entered.lsn);
    change(entry, std::move(what), std::move(entered.hold));
    for (const auto& group : entry->groups) {
        dispatcher.forget_failures(group.key);
        rows.emplace_back(NotBefore{group.key, 0});
        if (entry->is_settled && group.phase == Group::Phase::asleep) put_errand(*entry, group);
    }
    next_poll = 0;
}

// Some of an entry's recipients are taken from the queue, and nobody is told.
std::uint64_t Queue::State::remove_waiting(const LivePtr& entry, const Meant& meant, const std::string& by)
{
    Change what = next_change(entry->entry);
    std::vector<trace::Event> events;
    for (const std::size_t at : waiting_of(*entry, meant)) {
        RecipientState state = entry->entry.states[at];
        state.status = RecipientStatus::removed;
        state.wanted = Wanted::nothing;
        trace::Event event;
        event.id = entry->entry.id;
        event.kind = trace::EventKind::deleted;
        event.at = ground.clock.wall();
        event.recipient = entry->entry.envelope.recipients[at].address;
        event.facts.emplace_back("by", by);
        events.push_back(std::move(event));
        what.outcomes.push_back({static_cast<std::uint32_t>(at), std::move(state)});
    }
    return end_some(entry, std::move(what), std::move(events));
}

// Of those to whom it is being sent: it is done when that ends without delivery, also after a crash.
std::uint64_t Queue::State::want(const LivePtr& entry, Wanted wanted, const Meant& meant, const std::string& by)
{
    Change what = next_change(entry->entry);
    for (const auto& group : entry->groups) {
        if (group.phase != Group::Phase::active) continue;
        for (const std::size_t at : group.asked) {
            RecipientState state = entry->entry.states[at];
            if (state.status != RecipientStatus::waiting || state.wanted == wanted || !meant(at)) continue;
            state.wanted = wanted;
            state.next = 0;
            what.outcomes.push_back({static_cast<std::uint32_t>(at), std::move(state)});
        }
    }
    if (what.outcomes.empty()) return 0;
    entry->wanted_by = by;
    auto entered = append(QueueRecord(what));
    change(entry, std::move(what), std::move(entered.hold));
    return entered.lsn;
}

void Queue::State::do_what_was_wanted(const LivePtr& entry, std::size_t group)
{
    const auto& states = entry->entry.states;
    const auto& recipients = entry->groups[group].recipients;
    const auto is_wanted = [&states](std::size_t at) { return states[at].wanted != Wanted::nothing; };
    if (entry->is_ended || std::none_of(recipients.begin(), recipients.end(), is_wanted)) return;
    const std::string by = entry->wanted_by.empty() ? "the administrator" : entry->wanted_by;
    const Meant returned = [&states](std::size_t at) { return states[at].wanted == Wanted::returned; };
    const Meant removed = [&states](std::size_t at) { return states[at].wanted == Wanted::removed; };
    (void)fail_waiting(entry, returned, by);
    if (!entry->is_ended) (void)remove_waiting(entry, removed, by);
}

// Back to the sender, or gone. Who is named by a destination or an address is meant alone: the message goes on to the others.
void Queue::State::take_back(ActRound& round, const LivePtr& entry, Wanted wanted)
{
    const auto& states = entry->entry.states;
    const Meant meant = [&](std::size_t at) { return round.selection.means_recipient(entry->entry.envelope.recipients[at].address); };
    bool is_all = true;
    for (std::size_t at = 0; at < states.size(); ++at) is_all = is_all && (is_final(states[at].status) || meant(at));
    bool is_being_sent = false;
    for (const auto& group : entry->groups) {
        is_being_sent = is_being_sent || std::any_of(group.recipients.begin(), group.recipients.end(), [&](std::size_t at) {
                            return states[at].status == RecipientStatus::waiting && group.is_being_sent_to(at) && meant(at);
                        });
    }
    // Who failed before is told all the same. A message that waits for its report alone goes with it.
    const bool is_owed = entry->entry.has(RecipientStatus::failing) && entry->entry.has(RecipientStatus::waiting);
    const bool is_at_once = is_being_sent && !waiting_of(*entry, meant).empty();
    const bool is_forwarded = wanted == Wanted::returned && entry->entry.envelope.is_forwarded;
    const bool is_untold = is_forwarded && !why_not_told(entry->entry).empty();
    std::uint64_t lsn = want(entry, wanted, meant, round.by);
    if (wanted == Wanted::returned) {
        lsn = std::max(lsn, fail_waiting(entry, meant, round.by));
    } else if (!is_all || is_owed || has_active(*entry)) {
        lsn = std::max(lsn, remove_waiting(entry, meant, round.by));
    } else {
        auto entered = append(Ended{entry->entry.id}, {event_of_act(round, entry->entry, trace::EventKind::deleted)});
        lsn = entered.lsn;
        end(entry, std::move(entered.hold));
    }
    round.last = std::max(round.last, lsn);
    if (is_being_sent) ++round.acted.being_sent;
    if (is_at_once) ++round.acted.at_once;
    if (lsn == 0 && !is_being_sent) return;
    ++round.acted.messages;
    if (is_forwarded) ++round.acted.forwarded;
    if (is_untold) ++round.acted.to_administrators;
}

void Queue::State::perform(ActRound& round, const LivePtr& entry)
{
    switch (round.act) {
    case Act::hold: return hold(round, entry);
    case Act::release: return release_held(round, entry);
    case Act::retry: return retry(round, entry);
    case Act::bounce: return take_back(round, entry, Wanted::returned);
    case Act::remove: return take_back(round, entry, Wanted::removed);
    }
}

co::Task<Result<void, Error>> Queue::State::act_on_all(ActRound& round)
{
    co_await settle_all();
    (void)co_await flush(false);
    std::string after;
    bool goes_on = true;
    while (goes_on) {
        auto ids = co_await matching(round.selection, &after, kActPage);
        if (!ids) co_return ids.error();
        goes_on = !ids->empty();
        for (auto& id : *ids) {
            const LivePtr entry = co_await find(std::move(id));
            if (!entry || entry->is_ended) continue;
            std::erase(round.acted.unknown, entry->entry.id);
            ++entry->pins;
            if (matches(round.selection, entry->entry)) perform(round, entry);
            --entry->pins;
            release(entry);
        }
    }
    if (round.last != 0) {
        const bool is_durable = co_await ground.ledger.durable(round.last);
        if (!is_durable) co_return Error{"changing the queue", "the journal has failed", "the log says why"};
    }
    ground.log.notice("the queue was changed", {{"by", round.by}, {"messages", round.acted.messages}});
    if (!is_stopping) tick();
    co_return Result<void, Error>();
}

co::Task<Result<Acted, Error>> Queue::act(Act act, Selection selection, std::string by)
{
    State& state = *state_;
    if (!state.schedule) co_return cannot_read(state.schedule_trouble);
    if (selection.is_blank() && !selection.is_all)
        co_return Error{"changing the queue", "it was not said which messages", "name ids, a destination or a sender, or say all"};
    State::ActRound round;
    round.act = act;
    const std::set<std::string> named(selection.ids.begin(), selection.ids.end());
    // Who names one twice means it once.
    selection.ids.assign(named.begin(), named.end());
    round.acted.unknown = selection.ids;
    round.selection = std::move(selection);
    round.by = std::move(by);
    const bool may_end_rules = act == Act::release && round.selection.ids.empty();
    if (may_end_rules) {
        auto ending = co_await state.begin_release(round.selection);
        if (!ending) co_return ending.error();
        round.rules = *std::move(ending);
    }
    const auto done = co_await state.act_on_all(round);
    if (!done) co_return done.error();
    const auto ended = co_await state.end_release(round.rules);
    if (!ended) co_return ended.error();
    round.acted.rules = round.rules.size();
    co_return round.acted;
}

co::Task<Result<Acted, Error>> Queue::hold_from_now_on(Selection selection, std::string by)
{
    State& state = *state_;
    if (!state.schedule) co_return cannot_read(state.schedule_trouble);
    State::ActRound round;
    round.act = Act::hold;
    round.selection = std::move(selection);
    round.by = std::move(by);
    auto begun = co_await state.begin_hold(round.selection, round.by);
    if (!begun) co_return begun.error();
    round.rules = *std::move(begun);
    const auto done = co_await state.act_on_all(round);
    if (!done) co_return done.error();
    round.acted.rules = round.rules.size();
    co_return round.acted;
}

}  // namespace mbx::queue
