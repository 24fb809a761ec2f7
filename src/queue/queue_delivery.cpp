// Connections and what they bring.
#include <algorithm>
#include <utility>

#include "queue/queue_state.hpp"
#include "queue/retry_plan.hpp"

namespace mbx::queue {
namespace {

// While others wait for a connection, one that serves many messages ends after so many.
constexpr std::uint32_t kMostWhileContested = 10;
// More is fetched from the schedule before a destination runs dry.
constexpr std::size_t kLowWater = 16;

bool is_lost(const Answer& answer) { return answer.verdict == Answer::Verdict::temporary && (answer.code == 0 || answer.code == 421); }

// The connection had gone, or the host sends us away: nothing was said about the message.
bool says_nothing(const std::vector<Answer>& answers)
{
    return std::all_of(answers.begin(), answers.end(), [](const Answer& answer) { return is_lost(answer) && !answer.is_uncertain; });
}

// All of one entry's recipients keep together, so that its file is read once for an attempt at all of them.
std::uint64_t jitter_of(const std::string& id, std::uint32_t attempts)
{
    std::uint64_t hash = 0x9e3779b97f4a7c15U * (attempts + 1);
    for (const char c : id) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3U;
    return hash >> 16U;
}

trace::Event event_of(const Entry& entry, std::size_t recipient, const Answer& answer, trace::EventKind kind)
{
    trace::Event event;
    event.id = entry.id;
    event.kind = kind;
    event.at = answer.at;
    event.recipient = entry.envelope.recipients[recipient].address;
    event.detail = answer.text;
    if (!answer.host.empty()) event.facts.emplace_back("host", answer.host);
    if (!answer.address.empty()) event.facts.emplace_back("peer", answer.address);
    event.facts.emplace_back("tls", answer.tls);
    if (!answer.tls_failure.empty()) event.facts.emplace_back("tls_failure", answer.tls_failure);
    event.facts.emplace_back("code", std::to_string(answer.code));
    if (!answer.enhanced.empty()) event.facts.emplace_back("enhanced", answer.enhanced);
    if (answer.is_remote) event.facts.emplace_back("said_by", "remote");
    if (answer.is_uncertain) event.facts.emplace_back("uncertain", "the connection was lost after the final dot");
    return event;
}

// RFC 3461 section 4.1: it was delivered when it was accepted.
Answer answer_here(const Recipient& recipient, WallTime now)
{
    Answer answer;
    answer.verdict = Answer::Verdict::delivered;
    answer.code = 250;
    answer.enhanced = "2.1.5";
    answer.text = recipient.ending == Ending::expanded ? "sent on to the addresses behind it" : "delivered here";
    answer.at = now;
    return answer;
}

std::string milliseconds_text(std::chrono::nanoseconds span)
{
    return std::to_string(std::max<std::int64_t>(0, std::chrono::duration_cast<std::chrono::milliseconds>(span).count()));
}

}  // namespace

co::Task<void> Queue::State::serve(Dispatcher::Start start)
{
    Line line;
    bool goes_on = true;
    while (goes_on && !is_stopping && !has_failed) {
        auto errand = dispatcher.take(start.key);
        if (errand) {
            if (start.destination.route != kHereRoute) pace.sent(start.key, now());
            if (dispatcher.ready(start.key) < kLowWater && refills.contains(start.key) && !is_refilling) spawn(refill_all());
            goes_on = co_await deliver_one(start, std::move(*errand), line);
        } else if (line.conversation) {
            goes_on = co_await wait_idle(start.key);
        } else {
            goes_on = false;
        }
    }
    co_await end_conversation(line);
    dispatcher.closed(start);
    pump();
}

co::Task<bool> Queue::State::wait_idle(const std::string& key)
{
    if (dispatcher.is_contested() || options.connection_idle.count() == 0) co_return false;
    const auto until = ground.clock.steady() + options.connection_idle;
    dispatcher.begin_idle(key);
    bool goes_on = true;
    while (goes_on && dispatcher.ready(key) == 0) {
        co_await idle_connections.wait();
        goes_on = !is_stopping && !dispatcher.is_contested() && ground.clock.steady() < until;
    }
    dispatcher.end_idle(key);
    co_return goes_on || dispatcher.ready(key) != 0;
}

co::Task<void> Queue::State::end_conversation(Line& line)
{
    if (!line.conversation) co_return;
    co_await line.conversation->end();
    conversations.erase(line.conversation.get());
    line.conversation.reset();
}

// Recipients of the group that wait, and that nothing holds.
std::vector<std::size_t> Queue::State::sendable_of(const Live& entry, std::size_t group) const
{
    std::vector<std::size_t> sendable;
    for (const std::size_t at : entry.groups[group].recipients) {
        if (may_go(entry.entry, at)) sendable.push_back(at);
    }
    return sendable;
}

// One answer for each recipient of the attempt; the connection is opened where there is none.
co::Task<std::vector<Answer>> Queue::State::attempt(Destination destination, const LivePtr& entry, Attempted& attempted, Line& line)
{
    const std::vector<std::size_t>& recipients = attempted.recipients;
    std::vector<Answer> answers;
    if (destination.route == kHereRoute) {
        for (const std::size_t at : recipients) {
            answers.push_back(answer_here(entry->entry.envelope.recipients[at], ground.clock.wall()));
        }
        co_return std::move(answers);
    }
    if (!line.conversation) {
        auto opened = co_await ground.transport.open(std::move(destination));
        if (!opened) {
            answers.assign(recipients.size(), opened.error());
            co_return std::move(answers);
        }
        line.conversation = *std::move(opened);
        line.sent = 0;
        conversations.insert(line.conversation.get());
        if (is_stopping) line.conversation->interrupt();
    }
    Outgoing outgoing;
    outgoing.id = entry->entry.id;
    outgoing.envelope = &entry->entry.envelope;
    outgoing.recipients = recipients;
    outgoing.size = entry->entry.size;
    outgoing.bytes = entry->bytes;
    if (!outgoing.bytes) outgoing.path = entry->is_settled ? spool.body_path(entry->entry.id) : entry->source.path;
    outgoing.tell = [this, &entry, &attempted](std::vector<ToldAnswer> told) { return record_part(entry, attempted, std::move(told)); };
    answers = co_await line.conversation->deliver(outgoing);
    answers.resize(outgoing.recipients.size());
    ++line.sent;
    co_return std::move(answers);
}

// Whether the message of a settled entry is what was accepted: what a disk has damaged is not sent.
co::Task<std::optional<LoadFailure>> Queue::State::trouble_with_body(const LivePtr& entry)
{
    if (entry->bytes || !entry->is_settled) co_return std::nullopt;
    const BodyFacts body{entry->entry.id, entry->entry.size, entry->entry.crc};
    auto job = [this, &body] { return spool.check_body(body); };
    const auto checked = co_await ground.workers.run(net::WorkClass::delivery, std::move(job));
    if (checked) co_return std::nullopt;
    co_return checked.error();
}

// False: this connection is not wanted any more.
co::Task<bool> Queue::State::deliver_one(const Dispatcher::Start& start, ReadyErrand errand, Line& line)
{
    const auto found = live.find(errand.id);
    if (found == live.end()) co_return true;
    const LivePtr entry = found->second;
    const auto group_at = std::find_if(entry->groups.begin(), entry->groups.end(),
                                       [&errand](const Group& one) { return one.key == errand.destination; });
    if (group_at == entry->groups.end() || group_at->phase != Group::Phase::ready) co_return true;
    const auto group = static_cast<std::size_t>(group_at - entry->groups.begin());
    // A run before this one may have left it.
    do_what_was_wanted(entry, group);
    Attempted attempted;
    attempted.group = group;
    attempted.recipients = sendable_of(*entry, group);
    if (entry->is_ended || attempted.recipients.empty()) {
        no_longer_busy(*entry, group);
        take_holds(entry);
        if (entry->is_settled) put_rows(*entry);
        end_if_over(entry);
        report_if_due(entry);
        release(entry);
        co_return true;
    }
    entry->groups[group].phase = Group::Phase::active;
    entry->groups[group].asked = attempted.recipients;
    ++entry->pins;
    ++active;
    const auto trouble = co_await trouble_with_body(entry);
    bool goes_on = true;
    if (trouble) not_readable(entry, std::move(attempted), *trouble);
    else goes_on = co_await deliver_group(start, std::move(errand), entry, std::move(attempted), line);
    --active;
    --entry->pins;
    release(entry);
    co_return goes_on;
}

// One that nobody can read now waits; one that is damaged is set aside.
void Queue::State::not_readable(const LivePtr& entry, Attempted attempted, const LoadFailure& trouble)
{
    attempted.begun = ground.clock.steady();
    if (trouble.kind == LoadFailure::Kind::bad && !entry->is_ended && !is_stopping) {
        no_longer_busy(*entry, attempted.group);
        set_aside_live(entry, trouble.why);
        return;
    }
    Answer answer;
    answer.code = 451;
    answer.enhanced = "4.3.0";
    answer.text = "the message cannot be read at the moment: " + trouble.why;
    // Or it went because it was taken away meanwhile.
    if (!entry->is_ended && !is_stopping) attempted.answers.assign(attempted.recipients.size(), answer);
    finish(entry, std::move(attempted));
}

// The same, of an entry whose group is active and whose message is whole.
co::Task<bool> Queue::State::deliver_group(const Dispatcher::Start& start, ReadyErrand errand, const LivePtr& entry,
                                           Attempted attempted, Line& line)
{
    const std::size_t group = attempted.group;
    attempted.begun = ground.clock.steady();
    // While its message was looked at somebody may have taken it away.
    if (entry->is_ended) {
        finish(entry, std::move(attempted));
        co_return true;
    }
    const bool is_reused = line.conversation && line.sent != 0;
    attempted.answers = co_await attempt(start.destination, entry, attempted, line);
    attempted.took = ground.clock.steady() - attempted.begun;
    const bool is_open = line.conversation != nullptr;
    const bool is_usable = is_open && line.conversation->is_usable() && line.sent < options.max_messages_per_connection;
    const bool is_silent = attempted.recorded.empty() && says_nothing(attempted.answers);
    const bool is_put_back = is_silent && is_reused && !is_stopping && !entry->groups[group].was_put_back;
    if (is_put_back) {
        // The peer had closed what we kept open: that says nothing about it.
        entry->groups[group].was_put_back = true;
        entry->groups[group].phase = Group::Phase::ready;
        dispatcher.put_back(std::move(errand));
    } else {
        if (is_silent && !is_stopping) destination_failed(start.key, attempted.answers.front());
        if (is_open && !is_silent) dispatcher.reached(start.key);
        finish(entry, std::move(attempted));
    }
    // Behind the record of what they said: a crash while they take their time to answer QUIT doubles nothing.
    if (is_open && !is_usable) co_await end_conversation(line);
    if (is_put_back) co_return true;
    if (is_silent) co_return false;
    co_return !dispatcher.is_contested() || line.sent < kMostWhileContested;
}

void Queue::State::destination_failed(const std::string& key, const Answer& answer)
{
    const std::int64_t until = dispatcher.failed(key, now(), ground.random.number(), last_answer_of(answer));
    if (until == 0) return;
    ground.log.info("a destination is left alone for a while", {{"destination", key.substr(0, key.find('\t'))}, {"why", answer.text}});
    rows.emplace_back(NotBefore{key, until});
    refills.erase(key);
    for (auto& errand : dispatcher.drain(key)) {
        const auto at = live.find(errand.id);
        if (at == live.end()) continue;
        const LivePtr entry = at->second;
        for (std::size_t n = 0; n < entry->groups.size(); ++n) {
            if (entry->groups[n].key == key && entry->groups[n].phase == Group::Phase::ready) send_to_schedule(entry, n);
        }
    }
}

// The recipient's state after the answer.
RecipientState Queue::State::judge(const Entry& entry, std::size_t at, const Answer& answer)
{
    RecipientState state = entry.states[at];
    ++state.attempts;
    const std::int64_t planned = std::exchange(state.planned, 0);
    state.last = last_answer_of(answer);
    std::string& enhanced = state.last.enhanced;
    switch (answer.verdict) {
    case Answer::Verdict::delivered:
        state.status = RecipientStatus::delivered;
        state.wanted = Wanted::nothing;
        if (enhanced.empty()) enhanced = "2.0.0";
        if (entry.envelope.recipients[at].ending != Ending::elsewhere) break;
        metrics.delivered.add();
        metrics.seconds.observe(std::chrono::duration<double>(answer.at - wall_of(entry.accepted)).count());
        break;
    case Answer::Verdict::permanent: {
        const bool is_told = wants_report(entry.envelope, entry.envelope.recipients[at], ReportKind::failed);
        state.status = is_told ? RecipientStatus::failing : RecipientStatus::failed;
        state.wanted = Wanted::nothing;
        if (enhanced.empty() || enhanced.front() == '4') enhanced = "5.0.0";
        metrics.failed.add();
        break;
    }
    case Answer::Verdict::temporary:
        // One that was asked for comes between those of the plan, and moves none of them.
        if (planned > now()) ++state.extra;
        state.next = planned > now() ? planned
                                     : now() + wait_before_next(state.attempts - state.extra, jitter_of(entry.id, state.attempts)).count();
        if (enhanced.empty() || enhanced.front() == '5') enhanced = "4.0.0";
        metrics.deferred.add();
        break;
    }
    return state;
}

Queue::State::Verdicts Queue::State::judge_all(const Live& entry, Attempted attempted)
{
    Verdicts all;
    all.change = next_change(entry.entry);
    for (std::size_t n = 0; n < attempted.recipients.size() && n < attempted.answers.size(); ++n) {
        const std::size_t at = attempted.recipients[n];
        if (entry.entry.states[at].status != RecipientStatus::waiting || attempted.recorded.contains(at)) continue;
        Answer& answer = attempted.answers[n];
        if (answer.at == WallTime{}) answer.at = ground.clock.wall();
        const bool is_delivered = answer.verdict == Answer::Verdict::delivered;
        if (is_stopping && !is_delivered && answer.code == 0) continue;  // we hung up, not they
        RecipientState state = judge(entry.entry, at, answer);
        const auto& envelope = entry.entry.envelope;
        if (is_delivered && !answer.passed_dsn && wants_report(envelope, envelope.recipients[at], ReportKind::relayed))
            all.relayed.push_back(at);
        auto event = event_of(entry.entry, at, answer, is_delivered ? trace::EventKind::delivered
                                                       : state.status == RecipientStatus::waiting ? trace::EventKind::attempted
                                                                                                  : trace::EventKind::failed);
        event.facts.emplace_back("attempt", std::to_string(state.attempts));
        event.facts.emplace_back("their_ms", milliseconds_text(attempted.took));
        // Ours is the time until the first attempt: what comes later is the destination's doing.
        if (state.attempts == 1) event.facts.emplace_back("our_ms", milliseconds_text(attempted.begun - entry.since));
        const bool is_tried_again = may_go(entry.entry, at) && state.status == RecipientStatus::waiting && state.wanted == Wanted::nothing;
        if (is_tried_again) event.facts.emplace_back("next_ms", std::to_string(state.next));
        const bool is_elsewhere = envelope.recipients[at].ending == Ending::elsewhere;
        if (is_elsewhere) all.events.push_back(std::move(event));
        all.change.outcomes.push_back({static_cast<std::uint32_t>(at), std::move(state)});
    }
    return all;
}

// What one transaction of several came to is on the disk before the next one begins, which may take the server minutes: a crash
// meanwhile doubles nothing, and nobody's act finds a recipient waiting that has the message.
co::Task<bool> Queue::State::record_part(const LivePtr& entry, Attempted& attempted, std::vector<ToldAnswer> told)
{
    Attempted part;
    part.begun = attempted.begun;
    part.took = ground.clock.steady() - attempted.begun;
    for (auto& one : told) {
        part.recipients.push_back(one.recipient);
        part.answers.push_back(std::move(one.answer));
    }
    Verdicts all = judge_all(*entry, std::move(part));
    for (const auto& one : told) attempted.recorded.insert(one.recipient);
    std::erase_if(entry->groups[attempted.group].asked, [&attempted](std::size_t at) { return attempted.recorded.contains(at); });
    if (all.change.outcomes.empty() || entry->is_ended) {
        // It was set aside meanwhile, or we stop: what was delivered is told all the same.
        for (auto& event : all.events) ground.recorder.record(std::move(event));
        co_return !is_stopping;
    }
    auto entered = append(QueueRecord(all.change), std::move(all.events));
    change(entry, std::move(all.change), std::move(entered.hold));
    if (!all.relayed.empty()) spawn(report_relayed(entry, std::move(all.relayed)));
    do_what_was_wanted(entry, attempted.group);
    take_holds(entry);
    report_if_due(entry);
    if (entered.lsn == 0) co_return false;
    co_return co_await ground.ledger.durable(entered.lsn);
}

// What the answers mean becomes a record first, then everything else.
void Queue::State::finish(const LivePtr& entry, Attempted attempted)
{
    const std::size_t group = attempted.group;
    Verdicts all = judge_all(*entry, std::move(attempted));
    no_longer_busy(*entry, group);
    if (all.change.outcomes.empty() || entry->is_ended) {
        // An administrator was faster, or we stop: what was delivered is told all the same.
        for (auto& event : all.events) ground.recorder.record(std::move(event));
        take_holds(entry);
        if (!entry->is_ended && !entry->is_settled) settle(entry);
        release(entry);
        return;
    }
    (void)apply(all.change, entry->entry);
    const bool is_over = entry->entry.is_over() && all.relayed.empty();
    auto entered = append(is_over ? QueueRecord(Ended{entry->entry.id}) : QueueRecord(all.change), std::move(all.events));
    if (is_over) {
        end(entry, std::move(entered.hold));
        return;
    }
    change(entry, std::move(all.change), std::move(entered.hold));
    if (!all.relayed.empty()) spawn(report_relayed(entry, std::move(all.relayed)));
    do_what_was_wanted(entry, group);
    take_holds(entry);
    if (entry->is_settled) {
        put_errand(*entry, entry->groups[group]);
        put_row(*entry);
    } else if (entry->entry.has(RecipientStatus::waiting)) {
        settle(entry);
    }
    report_if_due(entry);
    release(entry);
}

}  // namespace mbx::queue
