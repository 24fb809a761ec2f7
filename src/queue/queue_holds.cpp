// Standing holds: rules that hold what is there and what will come. The file is written first, then they count.
#include <algorithm>

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

// Whether a record of it is there for what the trace was told alone (note_alone).
bool Queue::State::is_word(const Change& change) { return change.version == 0 && !change.is_warned && change.outcomes.empty(); }

void Queue::State::tell_of_rule(const Entry& entry)
{
    const HoldRule* rule = nullptr;
    for (std::size_t at = 0; at < entry.states.size() && rule == nullptr; ++at) {
        if (entry.states[at].status == RecipientStatus::waiting) rule = rule_of(entry, at);
    }
    if (rule == nullptr) return;
    trace::Event event;
    event.id = entry.id;
    event.kind = trace::EventKind::held;
    event.at = ground.clock.wall();
    event.detail = describe(rule->which) + " is held";
    event.facts.emplace_back("by", rule->by);
    note_alone(entry, {std::move(event)});
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
    rule.by = std::move(by);
    std::vector<HoldRule> begun{rule};
    rules.push_back(std::move(rule));
    const auto kept = co_await write_holds(std::move(rules));
    is_changing_holds = false;
    hold_rules_changed.notify_all();
    if (!kept) co_return kept.error();
    ground.log.notice("a standing hold began", {{"what", describe(begun.front().which)}, {"by", begun.front().by}});
    co_return std::move(begun);
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
co::Task<void> Queue::State::go_on_releasing()
{
    const std::vector<HoldRule> all = hold_rules;
    for (const auto& rule : all) {
        if (!rule.is_ending || is_stopping) continue;
        ActRound round;
        round.act = Act::release;
        round.selection = rule.which;
        round.by = rule.by;
        round.rules = {rule};
        const auto done = co_await act_on_all(round);
        if (!done || is_stopping) continue;
        (void)co_await end_release(round.rules);
    }
}

std::vector<HoldRule> Queue::holds() const
{
    std::vector<HoldRule> all = state_->hold_rules;
    std::erase_if(all, [](const HoldRule& rule) { return rule.is_ending; });
    return all;
}

}  // namespace mbx::queue
