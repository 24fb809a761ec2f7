// Connections and what they bring.
#include <algorithm>

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
    event.facts.emplace_back("code", std::to_string(answer.code));
    if (!answer.enhanced.empty()) event.facts.emplace_back("enhanced", answer.enhanced);
    if (answer.is_remote) event.facts.emplace_back("said_by", "remote");
    if (answer.is_uncertain) event.facts.emplace_back("uncertain", "the connection was lost after the final dot");
    return event;
}

std::string milliseconds_text(std::chrono::nanoseconds span)
{
    return std::to_string(std::max<std::int64_t>(0, std::chrono::duration_cast<std::chrono::milliseconds>(span).count()));
}

}  // namespace

co::Task<void> Queue::State::serve(Dispatcher::Start start)
{
    std::unique_ptr<Conversation> conversation;
    std::uint32_t sent = 0;
    bool goes_on = true;
    while (goes_on && !is_stopping && !has_failed) {
        auto errand = dispatcher.take(start.key);
        if (errand) {
            if (dispatcher.ready(start.key) < kLowWater && refills.contains(start.key) && !is_refilling) spawn(refill_all());
            goes_on = co_await deliver_one(start, std::move(*errand), conversation, sent);
        } else if (conversation) {
            goes_on = co_await wait_idle(start.key);
        } else {
            goes_on = false;
        }
    }
    co_await end_conversation(conversation);
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

co::Task<void> Queue::State::end_conversation(std::unique_ptr<Conversation>& conversation)
{
    if (!conversation) co_return;
    co_await conversation->end();
    conversations.erase(conversation.get());
    conversation.reset();
}

// False: this connection is not wanted any more.
co::Task<bool> Queue::State::deliver_one(const Dispatcher::Start& start, ReadyErrand errand,
                                         std::unique_ptr<Conversation>& conversation, std::uint32_t& sent)
{
    const auto found = live.find(errand.id);
    if (found == live.end()) co_return true;
    const LivePtr entry = found->second;
    const auto group_at = std::find_if(entry->groups.begin(), entry->groups.end(),
                                       [&errand](const Group& group) { return group.key == errand.destination; });
    if (group_at == entry->groups.end() || group_at->phase != Group::Phase::ready) co_return true;
    const auto group = static_cast<std::size_t>(group_at - entry->groups.begin());
    Outgoing outgoing;
    for (const std::size_t at : entry->groups[group].recipients) {
        if (entry->entry.states[at].status == RecipientStatus::waiting) outgoing.recipients.push_back(at);
    }
    if (entry->is_ended || entry->entry.is_held || outgoing.recipients.empty()) {
        no_longer_busy(*entry, group);
        release(entry);
        co_return true;
    }
    entry->groups[group].phase = Group::Phase::active;
    ++entry->pins;
    ++active;
    const auto begun = ground.clock.steady();
    std::vector<Answer> answers;
    const bool is_reused = conversation && sent != 0;
    if (!conversation) {
        auto opened = co_await ground.transport.open(start.destination);
        if (opened) {
            conversation = *std::move(opened);
            conversations.insert(conversation.get());
            sent = 0;
            if (is_stopping) conversation->interrupt();
        } else {
            answers.assign(outgoing.recipients.size(), opened.error());
        }
    }
    const bool is_open = conversation != nullptr;
    if (is_open) {
        outgoing.id = entry->entry.id;
        outgoing.envelope = &entry->entry.envelope;
        outgoing.size = entry->entry.size;
        outgoing.bytes = entry->bytes;
        if (!outgoing.bytes) outgoing.path = entry->is_settled ? spool.body_path(entry->entry.id) : entry->source.path;
        answers = co_await conversation->deliver(outgoing);
        ++sent;
    }
    --active;
    --entry->pins;
    answers.resize(outgoing.recipients.size());
    const bool is_usable = is_open && conversation->is_usable() && sent < options.max_messages_per_connection;
    if (is_open && !is_usable) co_await end_conversation(conversation);
    const bool is_silent = says_nothing(answers);
    if (is_silent && is_reused && !is_stopping && !entry->groups[group].was_put_back) {
        // The peer had closed what we kept open: that says nothing about it.
        entry->groups[group].was_put_back = true;
        entry->groups[group].phase = Group::Phase::ready;
        dispatcher.put_back(std::move(errand));
        co_return true;
    }
    if (is_silent && !is_stopping) {
        destination_failed(start.key, answers.front());
    } else if (is_open && !is_silent) {
        dispatcher.reached(start.key);
    }
    finish(entry, group, std::move(answers), begun);
    if (is_silent) co_return false;
    co_return !dispatcher.is_contested() || sent < kMostWhileContested;
}

void Queue::State::destination_failed(const std::string& key, const Answer& answer)
{
    const std::int64_t until = dispatcher.failed(key, now(), ground.random.number(), last_answer_of(answer));
    if (until == 0) return;
    ground.log.info("a destination is left alone for a while", {{"destination", key.substr(0, key.find('\t'))}, {"why", answer.text}});
    rows.emplace_back(NotBefore{key, until});
    for (auto& errand : dispatcher.drain(key)) {
        const auto at = live.find(errand.id);
        if (at == live.end()) continue;
        const LivePtr entry = at->second;
        for (std::size_t n = 0; n < entry->groups.size(); ++n) {
            if (entry->groups[n].key == key && entry->groups[n].phase == Group::Phase::ready) send_to_schedule(entry, n);
        }
    }
}

// What the answers mean becomes a record first, then everything else.
void Queue::State::finish(const LivePtr& entry, std::size_t group, std::vector<Answer> answers, SteadyTime begun)
{
    const auto& envelope = entry->entry.envelope;
    Change what;
    what.id = entry->entry.id;
    what.version = entry->entry.version + 1;
    what.is_held = entry->entry.is_held;
    std::vector<trace::Event> events;
    std::vector<std::size_t> relayed;
    std::size_t n = 0;
    for (const std::size_t at : entry->groups[group].recipients) {
        RecipientState state = entry->entry.states[at];
        if (state.status != RecipientStatus::waiting || n >= answers.size()) continue;
        Answer& answer = answers[n++];
        if (answer.at == WallTime{}) answer.at = ground.clock.wall();
        const bool is_delivered = answer.verdict == Answer::Verdict::delivered;
        if (is_stopping && !is_delivered && answer.code == 0) continue;  // we hung up, not they
        ++state.attempts;
        state.last = last_answer_of(answer);
        auto kind = trace::EventKind::attempted;
        if (is_delivered) {
            state.status = RecipientStatus::delivered;
            kind = trace::EventKind::delivered;
            if (!answer.passed_dsn && wants_report(envelope, envelope.recipients[at], ReportKind::relayed)) relayed.push_back(at);
            if (state.last.enhanced.empty()) state.last.enhanced = "2.0.0";
            metrics.delivered.add();
            metrics.seconds.observe(std::chrono::duration<double>(answer.at - wall_of(entry->entry.accepted)).count());
        } else if (answer.verdict == Answer::Verdict::permanent) {
            const bool is_told = wants_report(envelope, envelope.recipients[at], ReportKind::failed);
            state.status = is_told ? RecipientStatus::failing : RecipientStatus::failed;
            kind = trace::EventKind::failed;
            if (state.last.enhanced.empty() || state.last.enhanced.front() == '4') state.last.enhanced = "5.0.0";
            metrics.failed.add();
        } else {
            const auto wait = wait_before_next(state.attempts, jitter_of(entry->entry.id, state.attempts));
            state.next = now() + wait.count();
            if (state.last.enhanced.empty() || state.last.enhanced.front() == '5') state.last.enhanced = "4.0.0";
            metrics.deferred.add();
        }
        auto event = event_of(entry->entry, at, answer, kind);
        event.facts.emplace_back("attempt", std::to_string(state.attempts));
        event.facts.emplace_back("their_ms", milliseconds_text(ground.clock.steady() - begun));
        // Ours is the time until the first attempt: what comes later is the destination's doing.
        if (state.attempts == 1) event.facts.emplace_back("our_ms", milliseconds_text(begun - entry->since));
        if (state.status == RecipientStatus::waiting) event.facts.emplace_back("next_ms", std::to_string(state.next));
        events.push_back(std::move(event));
        what.outcomes.push_back({static_cast<std::uint32_t>(at), std::move(state)});
    }
    no_longer_busy(*entry, group);
    if (what.outcomes.empty() || entry->is_ended) {
        // An administrator was faster, or we stop: what was delivered is told all the same.
        for (auto& event : events) ground.recorder.record(std::move(event));
        if (!entry->is_ended && !entry->is_settled) settle(entry);
        release(entry);
        return;
    }
    (void)apply(what, entry->entry);
    const bool is_over = entry->entry.is_over() && relayed.empty();
    auto entered = append(is_over ? QueueRecord(Ended{entry->entry.id}) : QueueRecord(what));
    note(entered.lsn, std::move(events));
    if (is_over) {
        end(entry, std::move(entered.hold));
        return;
    }
    change(entry, std::move(what), std::move(entered.hold));
    if (!relayed.empty()) spawn(report_relayed(entry, std::move(relayed)));
    const bool is_asleep = has_waiting(entry->entry, entry->groups[group]);
    if (entry->is_settled) {
        put_errand(*entry, entry->groups[group]);
        put_row(*entry);
    } else if (is_asleep) {
        settle(entry);
    }
    report_if_due(entry);
    release(entry);
}

}  // namespace mbx::queue
