// Standing holds: rules that hold what is there and what will come. The file is written first, then they count.
#include <algorithm>
#include <iterator>

#include "queue/queue_state.hpp"

namespace mbx::queue {
namespace {

constexpr std::uint32_t kHoldsFileMode = 0600;
constexpr std::size_t kMostHoldsFile = 8U << 20U;
constexpr std::string_view kHoldsFile = "/holds";

Error cannot_write_holds(const FileError& error)
{
    return {"keeping the standing holds of the queue", "the file queue/holds cannot be written: " + error.name(),
            "see to the disk of the data directory, and try again"};
}

}  // namespace

// Blocking. False: not now. Where nobody can say what was to be held, all mail is: what went out cannot be had back.
bool Queue::State::read_holds()
{
    const auto bytes = read_whole(ground.files, ground.directory + std::string(kHoldsFile), kMostHoldsFile);
    if (!bytes && bytes.error().is_absent()) return true;
    if (!bytes && (bytes.error().code == EMFILE || bytes.error().code == ENFILE || bytes.error().code == ENOMEM)) {
        schedule_trouble = "the standing holds of the queue cannot be read: " + bytes.error().name();
        return false;
    }
    auto rules = bytes ? parse_hold_rules(*bytes) : std::nullopt;
    if (rules) {
        hold_rules = *std::move(rules);
        return true;
    }
    HoldRule all;
    all.which.is_all = true;
    all.since = now();
    all.by = "mailboxd, for want of a readable list";
    hold_rules = {std::move(all)};
    const std::string why = bytes ? "is damaged or of a newer version" : "cannot be read: " + bytes.error().name();
    holds_trouble = "the list of standing holds, queue/holds, " + why + ", and all mail to other servers is held; " +
                    "mailboxctl queue release --all begins a new list and sends the mail";
    ground.log.error("the standing holds of the queue are not known; all mail is held", {{"why", why}});
    return true;
}

const HoldRule* Queue::State::rule_of(const Entry& entry, std::size_t recipient) const
{
    for (const auto& rule : hold_rules) {
        if (rule.holds(entry.envelope.reverse_path, entry.envelope.recipients[recipient].address)) return &rule;
    }
    return nullptr;
}

// Holds that keep somebody now and of which the trace has not been told: it is with the record of `what`. One of those to whom it
// is being sent takes effect when that ends without delivery.
std::vector<trace::Event> Queue::State::holds_to_tell(const Live& entry, Change& what) const
{
    std::vector<trace::Event> events;
    const auto tell = [&](const std::string& by, std::string detail) {
        trace::Event event;
        event.id = entry.entry.id;
        event.kind = trace::EventKind::held;
        event.at = ground.clock.wall();
        event.detail = std::move(detail);
        event.facts.emplace_back("by", by);
        events.push_back(std::move(event));
    };
    const Meant anybody = [](std::size_t) { return true; };
    if (what.is_held && what.told.is_hold_untold && !waiting_of(entry, anybody).empty()) {
        what.told.is_hold_untold = false;
        tell(entry.held_by.empty() ? "the administrator" : entry.held_by, {});
    }
    for (const auto& rule : hold_rules) {
        auto& told = what.told.rules;
        const auto at = std::lower_bound(told.begin(), told.end(), rule.since);
        if (at != told.end() && *at == rule.since) continue;
        const auto& envelope = entry.entry.envelope;
        const Meant meant = [&](std::size_t n) { return rule.holds(envelope.reverse_path, envelope.recipients[n].address); };
        if (waiting_of(entry, meant).empty()) continue;
        told.insert(at, rule.since);
        if (!rule.is_told_before) tell(rule.by, describe(rule.which) + " is held");
    }
    return events;
}

// The number of the record; 0: nothing changes.
std::uint64_t Queue::State::change_holds(const LivePtr& entry, Change what, std::vector<trace::Event> events)
{
    auto begun = holds_to_tell(*entry, what);
    std::move(begun.begin(), begun.end(), std::back_inserter(events));
    if (events.empty() && what == next_change(entry->entry)) return 0;
    auto entered = append(QueueRecord(what), events);
    // Where the journal has no room it is told all the same.
    if (entered.lsn == 0) {
        for (auto& event : events) ground.recorder.record(std::move(event));
    }
    change(entry, std::move(what), std::move(entered.hold));
    return entered.lsn;
}

// It came, it was recovered, or an attempt has ended: a hold may have taken effect.
void Queue::State::take_holds(const LivePtr& entry)
{
    if (entry->is_ended || (hold_rules.empty() && !entry->entry.is_held)) return;
    (void)change_holds(entry, next_change(entry->entry));
}

co::Task<Result<void, Error>> Queue::State::write_holds(std::vector<HoldRule> rules)
{
    auto job = [this, bytes = format_hold_rules(rules)] {
        return replace_whole(ground.files, ground.directory + std::string(kHoldsFile), bytes, kHoldsFileMode);
    };
    const auto kept = co_await files.run(net::WorkClass::interactive, std::move(job));
    if (!kept) co_return cannot_write_holds(kept.error());
    hold_rules = std::move(rules);
    holds_trouble.clear();
    co_return Result<void, Error>();
}

co::Task<Result<std::vector<HoldRule>, Error>> Queue::State::begin_hold(Selection selection, std::string by)
{
    const std::string attempted = "holding " + describe(selection);
    if (!selection.ids.empty() || selection.is_blank() != selection.is_all)
        co_return Error{attempted, "a standing hold is of a destination, a sender, a recipient, or of all mail",
                          "name one of them, or say all; single messages are held by their ids, without standing"};
    while (is_changing_holds) co_await hold_rules_changed.wait();
    const auto known = std::find_if(hold_rules.begin(), hold_rules.end(), [&selection](const HoldRule& rule) {
        return !rule.is_ending && rule.which.is_same(selection);
    });
    if (known != hold_rules.end()) {
        std::vector<HoldRule> same{*known};
        co_return std::move(same);
    }
    if (hold_rules.size() >= kMostHoldRules)
        co_return Error{attempted, "there are " + std::to_string(kMostHoldRules) + " standing holds already", "mailboxctl queue holds lists them"};
    is_changing_holds = true;
    std::vector<HoldRule> rules = hold_rules;
    HoldRule rule;
    rule.which = std::move(selection);
    rule.since = now();
    const auto is_taken = [&rule](const HoldRule& one) { return one.since == rule.since; };
    while (std::any_of(rules.begin(), rules.end(), is_taken)) ++rule.since;
    rule.by = std::move(by);
    rule.is_beginning = true;
    std::vector<HoldRule> begun{rule};
    rules.push_back(std::move(rule));
    const auto kept = co_await write_holds(std::move(rules));
    is_changing_holds = false;
    hold_rules_changed.notify_all();
    if (!kept) co_return kept.error();
    ground.log.notice("a standing hold began", {{"what", describe(begun.front().which)}, {"by", begun.front().by}});
    co_return std::move(begun);
}

// What it held when it began has been told of it.
co::Task<void> Queue::State::end_beginning(HoldRule begun)
{
    while (is_changing_holds) co_await hold_rules_changed.wait();
    std::vector<HoldRule> rules = hold_rules;
    const auto at = std::find_if(rules.begin(), rules.end(), [&begun](const HoldRule& one) { return one.since == begun.since; });
    if (at == rules.end() || !at->is_beginning) co_return;
    at->is_beginning = false;
    at->is_told_before = false;
    is_changing_holds = true;
    // Else the next start looks through the queue once more, and finds nothing to tell.
    (void)co_await write_holds(std::move(rules));
    is_changing_holds = false;
    hold_rules_changed.notify_all();
}

// From here on they hold nothing; what they held is put back to its turn, and after that they are gone.
co::Task<Result<std::vector<HoldRule>, Error>> Queue::State::begin_release(Selection selection)
{
    while (is_changing_holds) co_await hold_rules_changed.wait();
    std::vector<HoldRule> ending;
    std::vector<HoldRule> rules = hold_rules;
    for (auto& rule : rules) {
        if (!selection.is_all && !rule.which.is_same(selection)) continue;
        rule.is_ending = true;
        ending.push_back(rule);
    }
    if (ending.empty()) co_return std::move(ending);
    is_changing_holds = true;
    const auto kept = co_await write_holds(std::move(rules));
    is_changing_holds = false;
    hold_rules_changed.notify_all();
    if (!kept) co_return kept.error();
    co_return std::move(ending);
}

co::Task<Result<void, Error>> Queue::State::end_release(std::vector<HoldRule> ended)
{
    if (ended.empty()) co_return Result<void, Error>();
    while (is_changing_holds) co_await hold_rules_changed.wait();
    is_changing_holds = true;
    std::vector<HoldRule> rules = hold_rules;
    std::erase_if(rules, [&ended](const HoldRule& rule) {
        return rule.is_ending && std::any_of(ended.begin(), ended.end(), [&rule](const HoldRule& one) { return one.which.is_same(rule.which); });
    });
    auto kept = co_await write_holds(std::move(rules));
    is_changing_holds = false;
    hold_rules_changed.notify_all();
    for (const auto& rule : ended) ground.log.notice("a standing hold ended", {{"what", describe(rule.which)}});
    co_return std::move(kept);
}

// What the last run did not bring to its end.
co::Task<void> Queue::State::go_on_with_holds()
{
    // Where their list could not be read it is not written either, until somebody releases all.
    if (!holds_trouble.empty()) co_return;
    const std::vector<HoldRule> all = hold_rules;
    for (const auto& rule : all) {
        if (!(rule.is_ending || rule.is_beginning) || is_stopping) continue;
        ActRound round;
        round.act = rule.is_ending ? Act::release : Act::hold;
        round.selection = rule.which;
        round.by = rule.by;
        round.rules = {rule};
        const auto done = co_await act_on_all(round);
        if (!done || is_stopping) continue;
        if (rule.is_ending) (void)co_await end_release(round.rules);
        else co_await end_beginning(rule);
    }
}

std::vector<HoldRule> Queue::holds() const
{
    std::vector<HoldRule> all = state_->hold_rules;
    std::erase_if(all, [](const HoldRule& rule) { return rule.is_ending; });
    return all;
}

}  // namespace mbx::queue
