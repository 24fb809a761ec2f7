// Entries in memory, and what of them stands in the schedule.
#include <algorithm>

#include "queue/queue_state.hpp"

namespace mbx::queue {
namespace {

constexpr std::size_t kMostRecipientText = 1'024;
constexpr std::size_t kMostReadyOfOne = 1'000;  // more of one destination go by way of the schedule

std::uint64_t sender_number(std::string_view sender)
{
    // FNV-1a: two senders with one number would only share their turns.
    std::uint64_t hash = 0xcbf29ce484222325U;
    for (const char c : sender) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3U;
    return hash;
}

ScheduleRow row_of(const Entry& entry, std::int64_t deadline, bool is_held)
{
    ScheduleRow row;
    row.id = entry.id;
    row.accepted = entry.accepted;
    row.deadline = deadline;
    row.size = entry.size;
    row.is_held = is_held;
    row.reverse_path = entry.envelope.reverse_path.substr(0, kMostRecipientText);
    for (std::size_t n = 0; n < entry.states.size(); ++n) {
        if (is_final(entry.states[n].status)) continue;
        const auto& address = entry.envelope.recipients[n].address;
        row.has_more = row.recipients.size() + address.size() + 1 > kMostRecipientText;
        if (row.has_more) break;
        row.recipients += address + "\n";
    }
    return row;
}

Destination destination_here()
{
    Destination here;
    here.route = kHereRoute;
    return here;
}

// Nobody is asked there, so there is no pace to keep.
bool is_here(const std::string& key)
{
    static const std::string here = key_of(destination_here());
    return key == here;
}

}  // namespace

Entry entry_of(const Arrival& arrival)
{
    Entry entry;
    entry.id = arrival.id;
    entry.accepted = milliseconds_of(arrival.accepted);
    entry.size = arrival.size;
    entry.crc = arrival.crc;
    entry.envelope = arrival.envelope;
    entry.states.resize(arrival.envelope.recipients.size());
    return entry;
}

bool Queue::State::may_go(const Entry& entry, std::size_t recipient) const
{
    return entry.states[recipient].status == RecipientStatus::waiting && !entry.is_held && rule_of(entry, recipient) == nullptr;
}

bool Queue::State::has_sendable(const Entry& entry, const Group& group) const
{
    return std::any_of(group.recipients.begin(), group.recipients.end(), [&](std::size_t at) { return may_go(entry, at); });
}

bool Queue::State::has_sendable(const Entry& entry) const
{
    for (std::size_t at = 0; at < entry.states.size(); ++at) {
        if (may_go(entry, at)) return true;
    }
    return false;
}

std::int64_t Queue::State::next_of(const Entry& entry, const Group& group) const
{
    std::int64_t next = INT64_MAX;
    for (const std::size_t at : group.recipients) {
        if (may_go(entry, at)) next = std::min(next, entry.states[at].next);
    }
    return next == INT64_MAX ? 0 : next;
}

std::size_t Queue::State::room_at(const std::string& key) const
{
    const std::size_t ready = dispatcher.ready(key);
    const std::uint64_t allowed = is_here(key) ? kMostReadyOfOne : pace.allowance(key, now());
    const std::uint64_t most = std::min<std::uint64_t>(kMostReadyOfOne, allowed);
    return ready >= most ? 0 : static_cast<std::size_t>(most) - ready;
}

std::string Queue::State::sender_of(const Entry& entry) const
{
    if (!entry.envelope.account.empty()) return entry.envelope.account;
    const auto& path = entry.envelope.reverse_path;
    const auto at = path.rfind('@');
    return at == std::string::npos ? path : path.substr(at);
}

Destination destination_in(const Transport& transport, const Envelope& envelope, const Recipient& recipient)
{
    if (recipient.ending == Ending::elsewhere) return transport.destination_of(envelope, recipient);
    return destination_here();
}

void Queue::State::make_groups(Live& entry) const
{
    std::map<std::string, std::size_t> known;
    entry.groups.clear();
    for (std::size_t n = 0; n < entry.entry.states.size(); ++n) {
        if (entry.entry.states[n].status != RecipientStatus::waiting) continue;
        Destination destination = destination_in(ground.transport, entry.entry.envelope, entry.entry.envelope.recipients[n]);
        std::string key = key_of(destination);
        const auto [at, is_new] = known.emplace(key, entry.groups.size());
        if (is_new) {
            Group group;
            group.destination = std::move(destination);
            group.key = std::move(key);
            entry.groups.push_back(std::move(group));
        }
        entry.groups[at->second].recipients.push_back(n);
    }
}

LivePtr Queue::State::make_live(Entry entry)
{
    auto made = std::make_shared<Live>();
    made->entry = std::move(entry);
    made->since = ground.clock.steady();
    for (const auto& recipient : made->entry.envelope.recipients) made->head_bytes += recipient.address.size() + 64;
    make_groups(*made);
    live[made->entry.id] = made;
    return made;
}

void Queue::State::make_ready(const LivePtr& entry, std::size_t group, bool is_retry)
{
    Group& at = entry->groups[group];
    if (at.phase != Group::Phase::asleep || entry->is_ended || !has_sendable(entry->entry, at)) return;
    at.phase = Group::Phase::ready;
    ++entry->busy;
    in_memory[at.key].insert(entry->entry.id);
    dispatcher.add(at.destination, {entry->entry.id, at.key, sender_of(entry->entry), is_retry});
}

void Queue::State::no_longer_busy(Live& entry, std::size_t group)
{
    Group& at = entry.groups[group];
    if (at.phase == Group::Phase::asleep) return;
    at.phase = Group::Phase::asleep;
    --entry.busy;
    const auto ids = in_memory.find(at.key);
    if (ids == in_memory.end()) return;
    ids->second.erase(entry.entry.id);
    if (ids->second.empty()) in_memory.erase(ids);
}

void Queue::State::release(const LivePtr& entry)
{
    if (entry->busy != 0 || entry->pending != 0 || entry->pins != 0) return;
    if (!entry->is_settled && !entry->is_ended) return;
    const auto at = live.find(entry->entry.id);
    if (at == live.end() || at->second != entry) return;
    owing.erase(entry->entry.id);
    live.erase(at);
}

co::Task<LivePtr> Queue::State::find(std::string id)
{
    if (const auto at = live.find(id); at != live.end()) co_return at->second;
    auto job = [this, &id] { return spool.load(id); };
    auto loaded = co_await files.run(net::WorkClass::interactive, std::move(job));
    if (const auto at = live.find(id); at != live.end()) co_return at->second;
    if (!loaded) {
        if (loaded.error().kind == LoadFailure::Kind::bad) set_aside(id, loaded.error().why);
        if (loaded.error().kind == LoadFailure::Kind::absent) rows.emplace_back(DropEntry{id});
        if (loaded.error().kind == LoadFailure::Kind::busy)
            ground.log.warning("an entry of the queue cannot be read now", {{"id", id}, {"why", loaded.error().why}});
        co_return nullptr;
    }
    LivePtr entry = make_live(std::move(loaded->entry));
    entry->is_settled = true;
    co_return std::move(entry);
}

std::int64_t Queue::State::deadline_of(const Live& entry) const
{
    const std::int64_t earliest = std::max<std::int64_t>(entry.report_after, 1);
    if (entry.entry.has(RecipientStatus::failing)) return earliest;
    if (!has_sendable(entry.entry)) return 0;
    const bool may_warn = !entry.entry.is_warned && options.warn_after.count() != 0 && options.warn_after < options.lifetime;
    return std::max(earliest, entry.entry.accepted + (may_warn ? options.warn_after : options.lifetime).count());
}

void Queue::State::put_row(const Live& entry)
{
    if (entry.is_ended) return;
    const bool is_held = entry.entry.has(RecipientStatus::waiting) && !has_sendable(entry.entry);
    rows.emplace_back(PutRow{row_of(entry.entry, deadline_of(entry), is_held)});
}

void Queue::State::put_errand(const Live& entry, const Group& group)
{
    if (entry.is_ended) return;
    if (!has_sendable(entry.entry, group)) {
        rows.emplace_back(DropErrand{entry.entry.id, group.key});
        return;
    }
    const std::int64_t at = std::max(next_of(entry.entry, group), dispatcher.down_until(group.key, now()));
    rows.emplace_back(PutErrand{entry.entry.id, group.key, sender_number(sender_of(entry.entry)), at});
}

void Queue::State::put_rows(const Live& entry)
{
    put_row(entry);
    for (const auto& group : entry.groups) put_errand(entry, group);
}

// Its turn comes with the schedule: the destination is down, or its time has not come.
void Queue::State::send_to_schedule(const LivePtr& entry, std::size_t group)
{
    no_longer_busy(*entry, group);
    if (entry->is_settled) {
        put_errand(*entry, entry->groups[group]);
    } else {
        settle(entry);
    }
    release(entry);
}

}  // namespace mbx::queue
