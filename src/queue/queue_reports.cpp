// What senders are told, and what happens when an entry's time has come.
#include <algorithm>
#include <cerrno>
#include <utility>

#include "queue/queue_state.hpp"
#include "trace/event_record.hpp"

namespace mbx::queue {
namespace {

// Recipients that fail one after another are told of together, if it does not take longer.
constexpr std::int64_t kPatienceMs = 30'000;
constexpr std::int64_t kReportAgainMs = 60'000;

std::vector<std::size_t> recipients_with(const Entry& entry, RecipientStatus status)
{
    std::vector<std::size_t> found;
    for (std::size_t n = 0; n < entry.states.size(); ++n) {
        if (entry.states[n].status == status) found.push_back(n);
    }
    return found;
}

// What a report changes is its recipients' alone. Its record may stand in the journal before one of a hold or a release that was
// made while the report was, and must not undo it: it has no version.
Change change_of_report(const Entry& entry)
{
    Change change = next_change(entry);
    change.version = 0;
    change.told = {};
    return change;
}

std::string_view word_of(ReportKind kind)
{
    switch (kind) {
    case ReportKind::failed: return "failed";
    case ReportKind::delayed: return "delayed";
    case ReportKind::relayed: return "relayed";
    }
    return "";
}

std::string whom_of(const ReportFacts& facts) { return facts.forwarded_by.empty() ? facts.to : facts.forwarded_by; }

// `report`: its id, or kNobodyToTell.
std::vector<trace::Event> events_of_report(const ReportFacts& facts, const std::string& report, const std::string& whom, WallTime at)
{
    std::vector<trace::Event> events;
    const bool is_told = report != kNobodyToTell;
    for (const auto& told : facts.recipients) {
        trace::Event event;
        event.id = facts.id;
        event.kind = is_told ? trace::EventKind::reported : trace::EventKind::failed;
        event.at = at;
        event.recipient = told.recipient.address;
        event.detail = is_told ? "told " + whom : "nobody was told: " + whom_of(facts) + " is not there any more";
        if (is_told) event.facts.emplace_back("report", report);
        event.facts.emplace_back("reason", word_of(facts.kind));
        events.push_back(std::move(event));
    }
    return events;
}

}  // namespace

void Queue::State::report_if_due(const LivePtr& entry)
{
    if (entry->is_ended || !entry->entry.has(RecipientStatus::failing)) return;
    owing.insert(entry->entry.id);
    if (entry->owes_since == 0) entry->owes_since = now();
    if (entry->is_reporting || is_stopping || now() < entry->report_after) return;
    if (entry->busy != 0 && now() < entry->owes_since + kPatienceMs) return;
    spawn(report_failures(entry));
}

// As its recipients got it, or would have: with the fields of this copy in front.
co::Task<Result<std::string, FileError>> Queue::State::read_original(LivePtr entry, bool whole)
{
    const std::string& fields = entry->entry.envelope.fields;
    if (entry->bytes) co_return fields + (whole ? *entry->bytes : entry->bytes->substr(0, kMaxReportedHeader));
    const BodyFacts body{entry->entry.id, entry->entry.size, entry->entry.crc};
    const std::size_t most = whole ? static_cast<std::size_t>(entry->entry.size) : kMaxReportedHeader;
    auto job = [this, &body, most]() -> Result<std::string, FileError> {
        if (!spool.check_body(body)) return FileError{EBADMSG};
        return spool.read_body(body.id, most);
    };
    auto bytes = co_await files.run(net::WorkClass::delivery, std::move(job));
    if (bytes) bytes->insert(0, fields);
    co_return std::move(bytes);
}

// False: not now. When true, the report and `what` are durable.
co::Task<bool> Queue::State::report(LivePtr entry, ReportFacts facts, Change what)
{
    const auto original = co_await read_original(entry, facts.is_full_wanted);
    // A message whose bytes cannot be read any more is reported without them.
    const std::string bytes = original ? *original : std::string();
    auto job = [this, &facts, &bytes] { return ground.compose(facts, bytes); };
    Report composed = co_await ground.workers.run(net::WorkClass::delivery, std::move(job));
    composed.to = facts.to;
    Ledger::Hold hold;
    std::vector<trace::Event> events;
    const std::string whom = whom_of(entry->entry);
    Intake::MakeRecord record = [this, &facts, &what, &events, &whom](const std::string& given) {
        events = events_of_report(facts, given, whom, ground.clock.wall());
        return LedgerRecord{encode(QueueRecord(what)), trace::encode_events(events)};
    };
    const Taken taken = co_await ground.intake.accept(std::move(composed), std::move(record), &hold);
    if (taken.id.empty()) {
        const bool is_of_delay = facts.kind == ReportKind::delayed;
        ReportTrouble trouble{whom.substr(0, kMaxAnswerText), taken.why_not.substr(0, kMaxAnswerText), is_of_delay};
        note_report_trouble(entry, facts.kind, std::move(trouble));
        co_return false;
    }
    if (facts.kind == ReportKind::failed) metrics.reports_failed.add();
    if (facts.kind == ReportKind::delayed) metrics.reports_delayed.add();
    if (facts.kind == ReportKind::relayed) metrics.reports_relayed.add();
    for (auto& event : events) ground.recorder.record(std::move(event));
    if (!entry->is_ended) change(entry, std::move(what), std::move(hold));
    clear_report_trouble(entry);
    co_return true;
}

// Told once for each reason. Success is told at once or never, and whoever was deleted or set aside meanwhile waits for nothing.
void Queue::State::note_report_trouble(const LivePtr& entry, ReportKind kind, ReportTrouble trouble)
{
    const bool is_tried_again = kind != ReportKind::relayed && !entry->is_ended;
    ground.log.warning(is_tried_again ? "a report cannot be made at the moment; it is tried again" : "a report could not be made",
                       {{"id", entry->entry.id}, {"to", trouble.whom}, {"why", trouble.why}});
    if (!is_tried_again || trouble.why.empty() || entry->entry.told.trouble == trouble) return;
    trace::Event event;
    event.id = entry->entry.id;
    event.kind = trace::EventKind::report_waits;
    event.at = ground.clock.wall();
    event.detail = trouble.why;
    event.facts.emplace_back("to", trouble.whom);
    event.facts.emplace_back("reason", word_of(kind));
    Change what = next_change(entry->entry);
    what.told.trouble = std::move(trouble);
    auto entered = append(QueueRecord(what), {std::move(event)});
    change(entry, std::move(what), std::move(entered.hold));
}

// The report was made. The next one that waits, for the same reason, is told of again.
void Queue::State::clear_report_trouble(const LivePtr& entry)
{
    if (entry->is_ended || entry->entry.is_over() || entry->entry.told.trouble == ReportTrouble()) return;
    Change what = next_change(entry->entry);
    what.told.trouble = {};
    auto entered = append(QueueRecord(what));
    change(entry, std::move(what), std::move(entered.hold));
}

std::string Queue::State::whom_of(const Entry& entry) const
{
    const auto& envelope = entry.envelope;
    const std::string& whom = envelope.is_forwarded && !envelope.account.empty() ? envelope.account : envelope.reverse_path;
    const std::string why_not = why_not_told(entry);
    return why_not.empty() ? whom : "the administrators (" + whom + " " + why_not + ")";
}

std::string Queue::State::why_not_told(const Entry& entry) const
{
    return entry.envelope.is_forwarded ? ground.intake.why_not_told(entry.envelope.reverse_path) : std::string();
}

void Queue::State::end_if_over(const LivePtr& entry)
{
    if (entry->is_ended || entry->busy != 0 || !entry->entry.is_over()) return;
    auto entered = append(Ended{entry->entry.id});
    end(entry, std::move(entered.hold));
}

co::Task<void> Queue::State::report_failures(LivePtr entry)
{
    entry->is_reporting = true;
    ++entry->pins;
    const auto failing = recipients_with(entry->entry, RecipientStatus::failing);
    Change what = change_of_report(entry->entry);
    for (const std::size_t at : failing) {
        RecipientState state = entry->entry.states[at];
        state.status = RecipientStatus::failed;
        what.outcomes.push_back({static_cast<std::uint32_t>(at), std::move(state)});
    }
    const ReportLimits limits{options.lifetime, options.report_max_size};
    auto facts = decide_report(entry->entry, ReportKind::failed, failing, ground.clock.wall(), limits);
    bool is_done = !failing.empty();
    if (is_done && facts) {
        is_done = co_await report(entry, std::move(*facts), std::move(what));
    } else if (is_done) {
        auto entered = append(QueueRecord(what));
        change(entry, std::move(what), std::move(entered.hold));
    }
    entry->is_reporting = false;
    --entry->pins;
    entry->owes_since = 0;
    if (!is_done) entry->report_after = now() + kReportAgainMs;
    if (!entry->is_ended && !entry->entry.has(RecipientStatus::failing)) owing.erase(entry->entry.id);
    end_if_over(entry);
    if (entry->is_settled) put_row(*entry);
    report_if_due(entry);
    release(entry);
}

// Success at a server that cannot tell of it: told once, as far as no crash comes between (RFC 3461 section 5.2.2).
co::Task<void> Queue::State::report_relayed(LivePtr entry, std::vector<std::size_t> recipients)
{
    ++entry->pins;
    const ReportLimits limits{options.lifetime, options.report_max_size};
    auto facts = decide_report(entry->entry, ReportKind::relayed, recipients, ground.clock.wall(), limits);
    if (facts) {
        Change what = change_of_report(entry->entry);
        (void)co_await report(entry, std::move(*facts), std::move(what));
    }
    --entry->pins;
    end_if_over(entry);
    release(entry);
}

std::vector<std::size_t> Queue::State::waiting_of(const Live& entry, const Meant& meant)
{
    std::vector<std::size_t> waiting;
    for (const auto& group : entry.groups) {
        for (const std::size_t at : group.recipients) {
            const bool waits = entry.entry.states[at].status == RecipientStatus::waiting && !group.is_being_sent_to(at);
            if (waits && meant(at)) waiting.push_back(at);
        }
    }
    return waiting;
}

// Why a recipient's time is over, where nobody has tried it: its destination's last failure.
LastAnswer Queue::State::last_answer_for(const Live& entry, std::size_t recipient) const
{
    LastAnswer last;
    for (const auto& group : entry.groups) {
        const bool is_of = std::find(group.recipients.begin(), group.recipients.end(), recipient) != group.recipients.end();
        if (is_of) last = dispatcher.last_failure(group.key);
    }
    return last.at == 0 ? never_tried() : last;
}

// Everybody who waits has waited enough, or an administrator says so.
std::uint64_t Queue::State::fail_waiting(const LivePtr& entry, const Meant& meant, const std::string& by)
{
    Change what = next_change(entry->entry);
    std::vector<trace::Event> events;
    for (const std::size_t at : waiting_of(*entry, meant)) {
        RecipientState state = entry->entry.states[at];
        const auto& recipient = entry->entry.envelope.recipients[at];
        if (recipient.ending != Ending::elsewhere) {
            // It has the message: only the word of it is lost.
            state.status = RecipientStatus::removed;
            what.outcomes.push_back({static_cast<std::uint32_t>(at), std::move(state)});
            continue;
        }
        const bool is_told = wants_report(entry->entry.envelope, recipient, ReportKind::failed);
        state.status = is_told ? RecipientStatus::failing : RecipientStatus::failed;
        state.wanted = Wanted::nothing;
        if (!by.empty()) state.last = returned_by_administrator(state.attempts == 0 ? 0 : state.last.at);
        else if (state.last.at == 0) state.last = last_answer_for(*entry, at);
        trace::Event event;
        event.id = entry->entry.id;
        event.kind = by.empty() ? trace::EventKind::failed : trace::EventKind::returned;
        event.at = ground.clock.wall();
        event.recipient = recipient.address;
        if (by.empty() && state.last.at == 0) event.detail = "its time is over, and it was not tried: it waited here, in our own queue";
        else if (by.empty()) event.detail = "its time is over; the last answer: " + state.last.text;
        else if (!is_told) event.detail = "nobody is told: the sender asked for no report, or there is none";
        if (!by.empty()) event.facts.emplace_back("by", by);
        if (!by.empty() && is_told && entry->entry.envelope.is_forwarded) event.facts.emplace_back("to", whom_of(entry->entry));
        events.push_back(std::move(event));
        metrics.failed.add();
        what.outcomes.push_back({static_cast<std::uint32_t>(at), std::move(state)});
    }
    return end_some(entry, std::move(what), std::move(events));
}

// Recipients wait no more, by a change that says so. The number of its record; 0: there is nothing in it.
std::uint64_t Queue::State::end_some(const LivePtr& entry, Change what, std::vector<trace::Event> events)
{
    if (what.outcomes.empty()) return 0;
    auto entered = append(QueueRecord(what), std::move(events));
    change(entry, std::move(what), std::move(entered.hold));
    if (entry->is_settled) put_rows(*entry);
    end_if_over(entry);
    report_if_due(entry);
    return entered.lsn;
}

co::Task<void> Queue::State::meet_deadline(std::string id)
{
    LivePtr entry = co_await find(id);
    if (!entry || entry->is_ended) co_return;
    ++entry->pins;
    end_if_over(entry);
    report_if_due(entry);
    const std::int64_t age = now() - entry->entry.accepted;
    const bool is_late = options.warn_after.count() != 0 && age >= options.warn_after.count();
    const bool is_going = !entry->is_ended && has_sendable(entry->entry);
    if (is_going && age >= options.lifetime.count()) {
        const Meant not_held = [this, &entry](std::size_t at) { return may_go(entry->entry, at); };
        (void)fail_waiting(entry, not_held);
    } else if (is_going && is_late && !entry->entry.is_warned && !entry->is_reporting) {
        co_await warn(entry);
    }
    // What could not be done now is looked at again in a minute.
    if (!entry->is_ended && deadline_of(*entry) <= now()) entry->report_after = now() + kReportAgainMs;
    if (entry->is_settled) put_row(*entry);
    --entry->pins;
    release(entry);
}

co::Task<void> Queue::State::warn(LivePtr entry)
{
    entry->is_reporting = true;
    std::vector<std::size_t> waiting = recipients_with(entry->entry, RecipientStatus::waiting);
    std::erase_if(waiting, [&](std::size_t at) { return !may_go(entry->entry, at); });
    const ReportLimits limits{options.lifetime, options.report_max_size};
    Entry seen = entry->entry;
    for (const auto& group : entry->groups) {
        for (const std::size_t at : group.recipients) {
            if (seen.states[at].last.at == 0) seen.states[at].last = dispatcher.last_failure(group.key);
        }
    }
    auto facts = decide_report(seen, ReportKind::delayed, waiting, ground.clock.wall(), limits);
    Change what = change_of_report(entry->entry);
    what.is_warned = true;
    if (facts) {
        (void)co_await report(entry, std::move(*facts), std::move(what));
    } else {
        auto entered = append(QueueRecord(what));
        change(entry, std::move(what), std::move(entered.hold));
    }
    entry->is_reporting = false;
}

}  // namespace mbx::queue
