#include "intake/intake.hpp"

#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <utility>

#include "co/scope.hpp"
#include "intake/admission.hpp"
#include "intake/draft_state.hpp"
#include "intake/spool.hpp"
#include "store/recovered_mail.hpp"
#include "store/uid_table.hpp"
#include "trace/event_record.hpp"

namespace mbx::intake {

namespace {

store::StoreError to_store_error(IntakeError error)
{
    switch (error) {
    case IntakeError::no_space: return store::StoreError::no_space;
    case IntakeError::over_quota: return store::StoreError::over_quota;
    case IntakeError::failure: break;
    }
    return store::StoreError::io;
}

// Whole seconds: what the store compares and IMAP shows.
std::int64_t seconds_of(WallTime time)
{
    return std::chrono::floor<std::chrono::seconds>(time.time_since_epoch()).count();
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

Receipt::Further told(const std::string& id, const queue::Envelope& envelope)
{
    Receipt::Further one{id, envelope.reverse_path, {}};
    for (const auto& recipient : envelope.recipients) one.recipients.push_back(recipient.address);
    return one;
}

bool passes(const store::QuotaLimits& limits, const store::AccountStore::Usage& usage, std::uint64_t percent)
{
    const auto is_above = [percent](std::uint64_t used, std::uint64_t limit) {
        return limit != 0 && used > limit / 100 * percent + limit % 100 * percent / 100;
    };
    return is_above(usage.bytes, limits.bytes) || is_above(usage.messages, limits.messages);
}

using Usage = store::AccountStore::Usage;
// What was judged to have room and is not in the account's own count yet, by account_place: messages that come together see
// each other (HOSTILE row I11).
using Promised = std::map<std::string, Usage>;

// One recipient with limits.
struct Limited {
    store::AccountKey key;
    store::QuotaLimits limits;
    std::shared_ptr<store::Account> account;  // none: it cannot be opened; it is not judged

    Usage usage(const Promised& promised) const
    {
        Usage used = account->usage();
        if (const auto more = promised.find(store::account_place(key)); more != promised.end()) {
            used.bytes += more->second.bytes;
            used.messages += more->second.messages;
        }
        return used;
    }
    bool has_room(std::uint64_t size, const Promised& promised) const
    {
        if (!account) return true;
        const Usage used = usage(promised);
        const bool bytes = limits.bytes == 0 || used.bytes + size <= limits.bytes;
        // A mailbox that is full to the byte has no room for a message of a size not known.
        const bool is_full = size == 0 && limits.bytes != 0 && used.bytes >= limits.bytes;
        return bytes && !is_full && (limits.messages == 0 || used.messages + 1 <= limits.messages);
    }
};

// Ends when the message is in the accounts' own counts, or nowhere.
class Promise {
public:
    explicit Promise(Promised& promised) : promised_(promised) {}
    Promise(const Promise&) = delete;
    Promise& operator=(const Promise&) = delete;
    ~Promise()
    {
        for (const auto& place : places_) {
            const auto at = promised_.find(place);
            at->second.bytes -= size_;
            if (--at->second.messages == 0) promised_.erase(at);
        }
    }
    void make(const std::vector<Limited>& to, std::uint64_t size)
    {
        size_ = size;
        for (const auto& one : to) {
            places_.push_back(store::account_place(one.key));
            Usage& held = promised_[places_.back()];
            held.bytes += size;
            held.messages += 1;
        }
    }

private:
    Promised& promised_;
    std::vector<std::string> places_;
    std::uint64_t size_ = 0;
};

}  // namespace

bool Envelope::leaves_the_house() const
{
    const auto& all = outgoing.recipients;
    return !further.empty() ||
           std::ranges::any_of(all, [](const queue::Recipient& one) { return one.ending == queue::Ending::elsewhere; });
}

struct Intake::State {
    store::Store& store;
    journal::Journal& journal;
    const Clock& clock;
    Random& random;
    Log log;
    IntakeOptions options;
    std::function<void(OutgoingMail)> take_outgoing;
    Spool spool;
    Admission admission;
    Counter& accepted;
    Counter& accepted_bytes;
    Counter& deliveries;
    Counter& refused;
    Counter& overflows;
    Counter& warnings;
    std::uint64_t last_trace_time = 0;
    journal::Lsn run = 0;  // a number that no other run has
    Promised promised{};

    co::Task<std::optional<IntakeError>> admit(std::uint64_t size);
    co::Task<std::vector<Limited>> limits_of(const Envelope& envelope);
    co::Task<void> look_up(Limited& one);
    co::Task<Result<store::Body, IntakeError>> write_out(Draft::State& draft, std::int64_t date);
    co::Task<std::optional<IntakeError>> judge_quotas(const Envelope& envelope, std::uint64_t size, Receipt& receipt,
                                                       Promise& promise);
    void warn(const store::AccountKey& key, const store::QuotaLimits& limits, store::AccountStore::Usage before,
              std::uint64_t size);
    void drop_later(journal::Lsn lsn, std::string name);
    std::vector<trace::Event> events_of(const Envelope& envelope, const Receipt& receipt) const;
    queue::Ledger::Hold hold(journal::Lsn lsn) const;
    void hand_to_queue(const store::AcceptedRecord& record, const store::Body& body, queue::Envelope envelope,
                       journal::Lsn lsn, queue::Ledger::Hold held);
    void hand_further_to_queue(const std::vector<store::AcceptedRecord>& records, const store::Body& body,
                               std::vector<queue::Envelope> envelopes, journal::Lsn first);
};

Intake::Intake(store::Store& store, FileSystem& files, net::Workers& workers, const Clock& clock, Random& random,
               Metrics& metrics, Log log, std::string spool_directory, IntakeOptions options)
    : state_(std::unique_ptr<State>(new State{
          store, store.journal().journal(), clock, random, log, options, {},
          Spool(files, workers, random, log, spool_directory),
          Admission(files, workers, clock, log, store.journal().journal(), {spool_directory, store.root()}),
          metrics.counter("mailboxd_intake_messages_total", "Messages made durable"),
          metrics.counter("mailboxd_intake_bytes_total", "Bytes of messages made durable"),
          metrics.counter("mailboxd_intake_deliveries_total", "Mailboxes that messages were accepted for"),
          metrics.counter("mailboxd_intake_refused_total", "Messages that could not be made durable"),
          metrics.counter("mailboxd_intake_overflows_total", "Messages that took a mailbox above its quota"),
          metrics.counter("mailboxd_intake_quota_warnings_total", "Times that a mailbox came near its quota"), 0, 0}))
{
    // A record that means nothing, for its number.
    std::vector<journal::Payload> together(1);
    together.front().head = store::encode(store::VoidRecord{0});
    state_->run = state_->journal.append(std::move(together));
}

Intake::~Intake() = default;

void Intake::set_options(IntakeOptions options) { state_->options = options; }

// Ten digits of microseconds, which never repeat in one run, six of the run's number in the journal, four of chance.
std::string Intake::new_trace_id()
{
    constexpr int kTimeDigits = 10;
    constexpr int kRunDigits = 6;
    constexpr int kChanceDigits = 4;
    const auto since = std::chrono::duration_cast<std::chrono::microseconds>(state_->clock.wall().time_since_epoch());
    const auto now = static_cast<std::uint64_t>(std::max<std::int64_t>(since.count(), 0));
    state_->last_trace_time = std::max(now, state_->last_trace_time + 1);
    std::string id;
    put_base36(id, state_->last_trace_time, kTimeDigits);
    put_base36(id, state_->run, kRunDigits);
    put_base36(id, state_->random.number(), kChanceDigits);
    return id;
}

Draft Intake::new_draft() { return Draft(std::make_unique<Draft::State>(state_->spool)); }

bool Intake::is_short_of_space() const { return !state_->admission.had_room(0); }

// Space on the disk, and room in the journal for what is not applied yet.
co::Task<std::optional<IntakeError>> Intake::State::admit(std::uint64_t size)
{
    const bool has_space = co_await admission.has_room(size);
    if (!has_space) co_return IntakeError::no_space;
    auto& checkpoints = store.checkpoints();
    if (checkpoints.has_room()) co_return std::nullopt;
    const bool has_room = co_await checkpoints.wait_for_room(options.patience);
    if (has_room) co_return std::nullopt;
    co_return journal.has_failed() || checkpoints.has_failed() ? IntakeError::failure : IntakeError::no_space;
}

co::Task<void> Intake::State::look_up(Limited& one)
{
    store::AccountKey key = one.key;
    const auto account = co_await store.account(std::move(key));
    if (account) one.account = *account;
}

co::Task<std::vector<Limited>> Intake::State::limits_of(const Envelope& envelope)
{
    std::vector<Limited> limited;
    for (const auto& key : envelope.recipients) {
        const auto limits = store.quota(key);
        if (limits.bytes != 0 || limits.messages != 0) limited.push_back({key, limits, nullptr});
    }
    for (auto& one : limited) {
        co_await look_up(one);
    }
    co_return limited;
}

// Told once, by the message that crosses the line.
void Intake::State::warn(const store::AccountKey& key, const store::QuotaLimits& limits,
                         store::AccountStore::Usage before, std::uint64_t size)
{
    if (options.warn_percent == 0 || passes(limits, before, options.warn_percent)) return;
    const store::AccountStore::Usage after{before.bytes + size, before.messages + 1};
    if (!passes(limits, after, options.warn_percent)) return;
    warnings.add();
    log.warning("intake: a mailbox is nearly full",
                {{"account", key.local_part + "@" + key.domain}, {"bytes", after.bytes}, {"limit_bytes", limits.bytes},
                 {"messages", after.messages}, {"limit_messages", limits.messages}});
}

co::Task<std::optional<IntakeError>> Intake::State::judge_quotas(const Envelope& envelope, std::uint64_t size,
                                                                 Receipt& receipt, Promise& promise)
{
    const auto limited = co_await limits_of(envelope);
    for (const auto& one : limited) {
        if (!one.has_room(size, promised)) receipt.over_quota.push_back(one.key);
    }
    if (!envelope.leaves_the_house() && !receipt.over_quota.empty() && receipt.over_quota.size() == envelope.recipients.size()) {
        co_return IntakeError::over_quota;
    }
    for (const auto& one : limited) {
        if (one.account) warn(one.key, one.limits, one.usage(promised), size);
    }
    promise.make(limited, size);
    overflows.add(receipt.over_quota.size());
    co_return std::nullopt;
}

bool Intake::has_quota(const store::AccountKey& recipient) const
{
    const auto limits = state_->store.quota(recipient);
    return limits.bytes != 0 || limits.messages != 0;
}

co::Task<bool> Intake::room_for(store::AccountKey recipient, std::uint64_t size)
{
    Limited one{std::move(recipient), {}, nullptr};
    one.limits = state_->store.quota(one.key);
    if (one.limits.bytes == 0 && one.limits.messages == 0) co_return true;
    co_await state_->look_up(one);
    co_return one.has_room(size, state_->promised);
}

// Small bodies stay in memory and go into the record; a large one is synced in the spool, whose name the record has.
co::Task<Result<store::Body, IntakeError>> Intake::State::write_out(Draft::State& draft, std::int64_t date)
{
    if (draft.error) co_return *draft.error;
    store::Body body;
    body.size = draft.prefix.size() + draft.body;
    const auto refusal = co_await admit(body.size);
    if (refusal) co_return *refusal;
    if (!draft.is_spooled() && body.size <= kDraftMemory) {
        body.bytes = std::make_shared<const std::string>(draft.take_bytes());
        body.crc = store::crc32c(*body.bytes);
        co_return body;
    }
    constexpr std::int64_t kNanoseconds = 1'000'000'000;
    auto job = [&draft, date] { return draft.finish(date * kNanoseconds); };
    const auto written = co_await spool.workers().run(net::WorkClass::delivery, std::move(job));
    if (!written) {
        spool.complain(spool.directory(), written.error());
        co_return intake::to_intake_error(written.error());
    }
    body.name = draft.name;
    body.path = spool.path(draft.name);
    body.crc = draft.crc;
    co_return body;
}

// Once a checkpoint has passed `lsn`, the links to the file are as good as it.
void Intake::State::drop_later(journal::Lsn lsn, std::string name)
{
    store.checkpoints().after(lsn, [this, name = std::move(name)] { spool.discard(nullptr, spool.path(name)); });
}

co::Task<Result<Receipt, IntakeError>> Intake::accept(std::string trace_id, Envelope envelope, Draft draft)
{
    return accept_with(std::move(trace_id), std::move(envelope), std::move(draft), nullptr, nullptr);
}

void Intake::on_outgoing(std::function<void(OutgoingMail)> take) { state_->take_outgoing = std::move(take); }

// What the journal's floor is held by, for who knows of no checkpoints.
queue::Ledger::Hold Intake::State::hold(journal::Lsn lsn) const
{
    return std::make_shared<store::CheckpointFloor::Hold>(store.checkpoints().floor().hold(lsn));
}

void Intake::State::hand_to_queue(const store::AcceptedRecord& record, const store::Body& body, queue::Envelope envelope,
                                  journal::Lsn lsn, queue::Ledger::Hold held)
{
    OutgoingMail mail;
    mail.id = record.trace_id;
    mail.lsn = lsn;
    mail.hold = std::move(held);
    mail.accepted = WallTime{std::chrono::seconds{record.internal_date}};
    mail.size = record.size;
    mail.crc = record.crc;
    mail.envelope = std::move(envelope);
    mail.bytes = body.bytes;
    mail.path = body.path;
    take_outgoing(std::move(mail));
}

// All of them are held at the first: a checkpoint between them would drop the file that they share.
void Intake::State::hand_further_to_queue(const std::vector<store::AcceptedRecord>& records, const store::Body& body,
                                          std::vector<queue::Envelope> envelopes, journal::Lsn first)
{
    for (std::size_t n = 0; n < records.size(); ++n)
        hand_to_queue(records[n], body, std::move(envelopes[n]), first + 1 + n, hold(first));
}

// Nobody listens: nothing is told, and nothing of it stands in the journal.
std::vector<trace::Event> Intake::State::events_of(const Envelope& envelope, const Receipt& receipt) const
{
    if (!envelope.tell || store.recorder() == nullptr) return {};
    return envelope.tell(receipt);
}

co::Task<Result<Receipt, IntakeError>> Intake::accept_with(std::string trace_id, Envelope envelope, Draft draft,
                                                           QueueChange queue_change, queue::Ledger::Hold* change_hold)
{
    State& state = *state_;
    Receipt receipt;
    receipt.trace_id = trace_id;
    const bool is_for_others = envelope.is_for_others();
    const bool is_taken = !is_for_others || state.take_outgoing;
    if (!is_taken || envelope.further.size() > Envelope::kMostFurther) co_return IntakeError::failure;
    Promise promise(state.promised);
    const auto overfull = co_await state.judge_quotas(envelope, draft.size(), receipt, promise);
    if (overfull) {
        state.refused.add();
        co_return *overfull;
    }
    const std::int64_t date = seconds_of(state.clock.wall());
    auto body = co_await state.write_out(*draft.state_, date);
    if (!body) {
        state.refused.add();
        co_return body.error();
    }
    receipt.accepted = state.clock.wall();
    receipt.size = body->size;
    receipt.delivered = envelope.recipients.size();
    for (const queue::Envelope& each : envelope.further) receipt.further.push_back(told(new_trace_id(), each));
    std::vector<trace::Event> events = state.events_of(envelope, receipt);
    const bool has_outgoing = !envelope.outgoing.recipients.empty();
    store::AcceptedRecord record{std::move(trace_id), date, body->size, body->crc, body->name,
                                 std::move(envelope.recipients),
                                 has_outgoing ? queue::encode(envelope.outgoing) : std::string(),
                                 events.empty() ? std::string() : trace::encode_events(events)};
    std::vector<journal::Payload> together(1);
    together.front() = {store::encode(record), body->bytes};
    std::vector<store::AcceptedRecord> further;
    for (std::size_t n = 0; n < envelope.further.size(); ++n) {
        further.push_back({receipt.further[n].id, date, body->size, body->crc, body->name, {}, queue::encode(envelope.further[n]), {}});
        together.push_back({store::encode(further.back()), body->bytes});
    }
    const std::size_t messages = together.size();
    if (queue_change) {
        queue::LedgerRecord with = queue_change();
        together.push_back({store::encode(store::OutgoingRecord{std::move(with.change), std::move(with.traced)}), nullptr});
    }
    const journal::Lsn lsn = state.journal.append(std::move(together));
    if (lsn == 0) {
        state.refused.add();
        co_return state.journal.has_failed() ? IntakeError::failure : IntakeError::no_space;
    }
    auto hold = state.store.checkpoints().floor().hold(lsn);
    if (change_hold != nullptr) *change_hold = state.hold(lsn + messages);
    // The record may be durable whatever the answer is: the file stays for whoever reads it.
    draft.state_->let_go();
    const bool is_durable = co_await state.store.journal().waiters().durable(lsn);
    if (!is_durable) {
        state.refused.add();
        co_return IntakeError::failure;
    }
    for (auto& event : events) state.store.recorder()->record(std::move(event));
    state.accepted.add();
    state.accepted_bytes.add(record.size);
    state.deliveries.add(receipt.delivered);
    if (has_outgoing) state.hand_to_queue(record, *body, std::move(envelope.outgoing), lsn, state.hold(lsn));
    state.hand_further_to_queue(further, *body, std::move(envelope.further), lsn);
    record.outgoing = {};
    record.traced = {};
    // Nobody else's delivery drops it.
    if (is_for_others && record.recipients.empty() && !body->name.empty()) state.drop_later(lsn, body->name);
    auto message = std::make_shared<const store::AcceptedMessage>(lsn, std::move(record), std::move(body->bytes),
                                                                  state.spool.directory());
    state.store.deliver(std::move(message), std::move(hold));
    co_return receipt;
}

co::Task<Result<store::Appended, store::StoreError>> Intake::append(std::shared_ptr<store::Account> account,
                                                                    store::Incoming incoming, Draft draft)
{
    State& state = *state_;
    const auto body = co_await state.write_out(*draft.state_, seconds_of(incoming.internal_date));
    if (!body) {
        state.refused.add();
        co_return to_store_error(body.error());
    }
    const auto before = account->usage();
    const store::Body& bytes = *body;
    auto job = [&bytes, &incoming](store::AccountStore& target) { return target.append(bytes, incoming); };
    const auto appended = co_await account->run(net::WorkClass::delivery, std::move(job));
    if (!appended) {
        // A record of it may be durable all the same where the journal failed: the next start looks.
        if (state.journal.has_failed()) draft.state_->let_go();
        state.refused.add();
        co_return appended;
    }
    if (!bytes.name.empty()) {
        draft.state_->let_go();
        state.drop_later(state.journal.last(), bytes.name);
    }
    const auto limits = state.store.quota(account->key());
    if (limits.bytes != 0 || limits.messages != 0) state.warn(account->key(), limits, before, bytes.size);
    state.accepted.add();
    state.accepted_bytes.add(bytes.size);
    state.deliveries.add();
    co_return appended;
}

namespace {

using AllAppended = Result<std::vector<store::Appended>, store::StoreError>;

// On the strand.
AllAppended append_each(store::AccountStore& target, const std::vector<store::Body>& bodies,
                        const std::vector<Intake::Addition>& messages, const std::optional<Intake::Replaced>& replaced)
{
    std::vector<store::Appended> done;
    const auto take_back = [&](store::StoreError error) {
        store::UidSet uids;
        for (const auto& one : done) store::add_above(uids, {one.uid, one.uid});
        if (!uids.empty()) (void)target.expunge_these(done.front().mailbox, uids);
        return error;
    };
    for (std::size_t i = 0; i < bodies.size(); ++i) {
        const auto appended = target.append(bodies[i], messages[i].incoming);
        if (!appended) return take_back(appended.error());
        done.push_back(*appended);
    }
    if (!replaced) return done;
    const auto gone = target.expunge_these(replaced->mailbox, {{replaced->uid, replaced->uid}});
    if (!gone) return take_back(gone.error());
    return done;
}

// RFC 8508 section 3.4: only what is used in the end counts.
AllAppended replace_within(store::AccountStore& target, const std::vector<store::Body>& bodies,
                           const std::vector<Intake::Addition>& messages, const Intake::Replaced& replaced,
                           store::QuotaLimits limits)
{
    const auto rows = target.rows(replaced.mailbox, {{replaced.uid, replaced.uid}});
    if (!rows) return rows.error();
    if (rows->empty()) return store::StoreError::no_such_message;
    auto raised = limits;
    if (raised.bytes != 0) raised.bytes += rows->front().size;
    if (raised.messages != 0) raised.messages += 1;
    target.set_quota(raised);
    auto done = append_each(target, bodies, messages, replaced);
    target.set_quota(limits);
    return done;
}

}  // namespace

co::Task<Result<std::vector<store::Appended>, store::StoreError>>
Intake::append_all(std::shared_ptr<store::Account> account, std::vector<Addition> messages, std::optional<Replaced> replaced)
{
    State& state = *state_;
    std::vector<store::Body> bodies;
    std::uint64_t bytes = 0;
    for (auto& message : messages) {
        auto body = co_await state.write_out(*message.draft.state_, seconds_of(message.incoming.internal_date));
        if (!body) {
            state.refused.add();
            co_return to_store_error(body.error());
        }
        bytes += body->size;
        bodies.push_back(*std::move(body));
    }
    const auto before = account->usage();
    const auto limits = state.store.quota(account->key());
    auto job = [&bodies, &messages, &replaced, limits](store::AccountStore& target) {
        return replaced ? replace_within(target, bodies, messages, *replaced, limits)
                        : append_each(target, bodies, messages, replaced);
    };
    auto appended = co_await account->run(net::WorkClass::delivery, std::move(job));
    for (std::size_t i = 0; i < messages.size(); ++i) {
        // Records of them can be in the journal, taken back or not: a replay wants the file.
        if (bodies[i].name.empty()) continue;
        messages[i].draft.state_->let_go();
        if (appended || !state.journal.has_failed()) state.drop_later(state.journal.last(), bodies[i].name);
    }
    if (!appended) {
        state.refused.add();
        co_return appended;
    }
    if (limits.bytes != 0 || limits.messages != 0) state.warn(account->key(), limits, before, bytes);
    state.accepted.add(messages.size());
    state.accepted_bytes.add(bytes);
    state.deliveries.add(messages.size());
    co_return appended;
}

}  // namespace mbx::intake
