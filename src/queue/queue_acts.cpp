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

bool Queue::State::is_kept_by_rules(const Entry& entry) const
{
    if (!entry.has(RecipientStatus::waiting)) return false;
    for (std::size_t at = 0; at < entry.states.size(); ++at) {
        if (entry.states[at].status == RecipientStatus::waiting && rule_of(entry, at) == nullptr) return false;
    }
    return true;
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

// Whether somebody waits, being sent to or not, who is meant.
bool Queue::State::waits(const Entry& entry, const Meant& meant)
{
    for (std::size_t at = 0; at < entry.states.size(); ++at) {
        if (entry.states[at].status == RecipientStatus::waiting && meant(at)) return true;
    }
    return false;
}

bool Queue::State::is_sent_to(const Live& entry, const Meant& meant)
{
    return std::any_of(entry.groups.begin(), entry.groups.end(), [&](const Group& group) {
        return std::any_of(group.recipients.begin(), group.recipients.end(), [&](std::size_t at) {
            return entry.entry.states[at].status == RecipientStatus::waiting && group.is_being_sent_to(at) && meant(at);
        });
    });
}

void Queue::State::hold(ActRound& round, const LivePtr& entry)
{
    const bool is_standing = !round.rules.empty();
    const auto& envelope = entry->entry.envelope;
    const Meant meant = [&](std::size_t at) { return !is_standing || round.rules.front().which.means_recipient(envelope.recipients[at].address); };
    if (!waits(entry->entry, meant)) {
        if (!entry->entry.has(RecipientStatus::waiting)) ++round.acted.reports;
        return;
    }
    ++round.acted.messages;
    if (is_sent_to(*entry, meant)) {
        ++round.acted.being_sent;
        if (!waiting_of(*entry, meant).empty()) ++round.acted.at_once;
    }
    Change what = next_change(entry->entry);
    if (!is_standing) {
        count_others(round, entry, meant);
        if (!what.is_held) entry->held_by = round.by;
        what.told.is_hold_untold = what.told.is_hold_untold || !what.is_held;
        what.is_held = true;
    }
    round.last = std::max(round.last, change_holds(entry, std::move(what)));
    if (entry->is_settled) put_rows(*entry);
}

// Ends the holds of the round in `what`. Those who wait were kept by them, or would have been when the attempt at them ended; the
// trace is told of it where it was told of the hold.
Queue::State::Freed Queue::State::free_held(const ActRound& round, const Entry& entry, Change& what)
{
    const Meant anybody = [](std::size_t) { return true; };
    Freed freed;
    if (what.is_held && waits(entry, anybody)) freed = {true, !what.told.is_hold_untold};
    what.is_held = false;
    what.told.is_hold_untold = false;
    for (const auto& rule : round.rules) {
        const Meant meant = [&](std::size_t at) {
            return rule.which.means_sender(entry.envelope.reverse_path) && rule.which.means_recipient(entry.envelope.recipients[at].address);
        };
        const bool was_told = std::erase(what.told.rules, rule.since) != 0 || rule.is_told_before;
        if (!waits(entry, meant)) continue;
        freed.is_somebody = true;
        freed.is_told = freed.is_told || was_told;
    }
    return freed;
}

void Queue::State::release_held(ActRound& round, const LivePtr& entry)
{
    const bool was_held = entry->entry.is_held;
    const bool is_still_held = is_kept_by_rules(entry->entry);
    Change what = next_change(entry->entry);
    const Freed freed = free_held(round, entry->entry, what);
    if (is_still_held) ++round.acted.held;
    else if (freed.is_somebody) ++round.acted.messages;
    const Meant is_kept = [&](std::size_t at) { return rule_of(entry->entry, at) != nullptr; };
    std::string still;
    if (is_still_held) still = "a standing hold still keeps it";
    else if (waits(entry->entry, is_kept)) still = "a standing hold still keeps some of its recipients";
    std::vector<trace::Event> events;
    if (freed.is_told) events.push_back(event_of_act(round, entry->entry, trace::EventKind::released, std::move(still)));
    round.last = std::max(round.last, change_holds(entry, std::move(what), std::move(events)));
    if (was_held && freed.is_somebody) {
        const Meant goes_on = [this, &entry](std::size_t at) { return may_go(entry->entry, at); };
        count_others(round, entry, goes_on);
    }
    if (entry->is_settled) put_rows(*entry);
}

// What failed for ever waits for its report alone, and no longer than until here.
void Queue::State::report_now(const LivePtr& entry)
{
    entry->report_after = 0;
    report_if_due(entry);
}

void Queue::State::retry(ActRound& round, const LivePtr& entry)
{
    const Entry& all = entry->entry;
    const bool is_owed = all.has(RecipientStatus::failing);
    if (is_owed) report_now(entry);
    const Meant named = [&](std::size_t at) { return round.selection.means_recipient(all.envelope.recipients[at].address); };
    const Meant goes = [&](std::size_t at) { return may_go(all, at) && all.states[at].wanted == Wanted::nothing; };
    const Meant is_held = [&](std::size_t at) { return !may_go(all, at); };
    const Meant named_and_goes = [&](std::size_t at) { return named(at) && goes(at); };
    const Meant named_and_held = [&](std::size_t at) { return named(at) && is_held(at); };
    if (!waits(all, named_and_goes)) {
        if (waits(all, named_and_held)) ++round.acted.held;
        else if (is_owed) ++round.acted.reports;
        return;
    }
    Change what = next_change(all);
    for (std::size_t n = 0; n < all.states.size(); ++n) {
        if (all.states[n].status != RecipientStatus::waiting) continue;
        if (is_held(n)) ++round.acted.held_recipients;
        if (!goes(n)) continue;
        RecipientState state = all.states[n];
        if (state.attempts != 0 && state.next > now()) state.planned = state.next;
        state.next = 0;
        what.outcomes.push_back({static_cast<std::uint32_t>(n), std::move(state)});
        if (!named(n)) ++round.acted.other_recipients;
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
    const bool is_being_sent = is_sent_to(*entry, meant);
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
    if (lsn == 0 && !is_being_sent) {
        if (wanted == Wanted::removed || !entry->entry.has(RecipientStatus::failing)) return;
        // It goes back already.
        ++round.acted.reports;
        report_now(entry);
        return;
    }
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
    co_await state.end_beginning(round.rules.front());
    round.acted.rules = round.rules.size();
    co_return round.acted;
}

}  // namespace mbx::queue
