// What administrators see and do.
#include <algorithm>

#include "base/ascii.hpp"
#include "queue/queue_state.hpp"

namespace mbx::queue {
namespace {

constexpr std::size_t kScanPage = 1'000;  // rows of one job
constexpr std::size_t kActPage = 200;

std::string_view domain_part(std::string_view address)
{
    const auto at = address.rfind('@');
    return at == std::string_view::npos ? std::string_view() : address.substr(at + 1);
}

bool is_sender(const Selection& selection, std::string_view reverse_path)
{
    if (selection.sender.empty()) return true;
    if (selection.sender == "<>") return reverse_path.empty();
    if (selection.sender.front() == '@') return ascii::same(domain_part(reverse_path), selection.sender.substr(1));
    return ascii::same(reverse_path, selection.sender);
}

bool is_recipient(const Selection& selection, std::string_view address)
{
    const bool is_there = selection.destination.empty() || ascii::same(domain_part(address), selection.destination);
    return is_there && (selection.recipient.empty() || ascii::same(address, selection.recipient));
}

// What its row can say: an entry with more recipients than the row has is looked at itself.
bool may_match(const Selection& selection, const ScheduleRow& row)
{
    if (!is_sender(selection, row.reverse_path)) return false;
    if (row.has_more || (selection.destination.empty() && selection.recipient.empty())) return true;
    std::string_view rest = row.recipients;
    while (!rest.empty()) {
        const auto end = std::min(rest.find('\n'), rest.size() - 1);
        if (is_recipient(selection, rest.substr(0, end))) return true;
        rest.remove_prefix(end + 1);
    }
    return false;
}

bool matches(const Selection& selection, const Entry& entry)
{
    if (!selection.ids.empty() && std::find(selection.ids.begin(), selection.ids.end(), entry.id) == selection.ids.end()) return false;
    if (!is_sender(selection, entry.envelope.reverse_path)) return false;
    if (selection.destination.empty() && selection.recipient.empty()) return true;
    for (std::size_t n = 0; n < entry.states.size(); ++n) {
        if (!is_final(entry.states[n].status) && is_recipient(selection, entry.envelope.recipients[n].address)) return true;
    }
    return false;
}

bool is_blank(const Selection& selection)
{
    return selection.ids.empty() && selection.destination.empty() && selection.sender.empty() && selection.recipient.empty();
}

Error cannot_read(const std::string& what)
{
    return {"reading the queue's schedule", what, "it is being made anew from the files; try again in a moment"};
}

trace::EventKind kind_of(Act act)
{
    switch (act) {
    case Act::hold: return trace::EventKind::held;
    case Act::release: return trace::EventKind::released;
    case Act::retry: return trace::EventKind::retried;
    case Act::bounce:
    case Act::remove: break;
    }
    return trace::EventKind::deleted;
}

Listed listed(const Entry& entry, const Transport& transport)
{
    Listed shown{entry, {}};
    for (const auto& recipient : entry.envelope.recipients) {
        const Destination destination = transport.destination_of(entry.envelope, recipient);
        shown.destinations.push_back(destination.route.empty() ? destination.domain : destination.route);
    }
    return shown;
}

}  // namespace

co::Task<void> Queue::State::settle_all()
{
    std::vector<LivePtr> unsettled;
    for (const auto& [id, entry] : live) {
        if (!entry->is_settled && !entry->is_settling) unsettled.push_back(entry);
    }
    for (const auto& entry : unsettled) settle(entry);
    // While files cannot be written nobody waits for it: what is in memory alone is then not listed.
    if (is_writing) co_await written.wait();
}

// The next ids, behind `after`, of entries that may be meant.
co::Task<Result<std::vector<std::string>, Error>> Queue::State::matching(Selection selection, std::string* after, std::size_t most)
{
    std::vector<std::string> ids;
    if (!selection.ids.empty()) {
        for (const auto& id : selection.ids) {
            if (is_entry_id(id) && id > *after) ids.push_back(id);
        }
        std::sort(ids.begin(), ids.end());
        ids.resize(std::min(ids.size(), most));
        if (!ids.empty()) *after = ids.back();
        co_return std::move(ids);
    }
    bool goes_on = true;
    while (goes_on && ids.size() < most) {
        auto page = [this, after] { return schedule->rows(*after, kScanPage); };
        auto rows_found = co_await times.run(net::WorkClass::interactive, std::move(page));
        if (!rows_found) co_return cannot_read(rows_found.error().text);
        goes_on = !rows_found->empty();
        for (const auto& row : *rows_found) {
            if (ids.size() == most) break;
            *after = row.id;
            if (may_match(selection, row)) ids.push_back(row.id);
        }
    }
    co_return std::move(ids);
}

co::Task<Result<Page, Error>> Queue::list(Selection selection, std::string after, std::size_t limit)
{
    State& state = *state_;
    if (!state.schedule) co_return cannot_read(state.schedule_trouble);
    co_await state.settle_all();
    (void)co_await state.flush(false);
    Page page;
    std::string last = std::move(after);
    bool goes_on = true;
    while (goes_on && page.entries.size() < limit) {
        auto ids = co_await state.matching(selection, &last, limit - page.entries.size());
        if (!ids) co_return ids.error();
        goes_on = !ids->empty();
        for (auto& id : *ids) {
            const LivePtr entry = co_await state.find(std::move(id));
            if (!entry) continue;
            if (!entry->is_ended && matches(selection, entry->entry))
                page.entries.push_back(listed(entry->entry, state.ground.transport));
            state.release(entry);
        }
    }
    if (goes_on) page.next = last;
    page.total = state.scheduled;
    co_return std::move(page);
}

co::Task<std::optional<Listed>> Queue::show(std::string id)
{
    State& state = *state_;
    if (!state.schedule || !is_entry_id(id)) co_return std::nullopt;
    const LivePtr entry = co_await state.find(std::move(id));
    if (!entry || entry->is_ended) co_return std::nullopt;
    std::optional<Listed> shown = listed(entry->entry, state.ground.transport);
    state.release(entry);
    co_return std::move(shown);
}

std::uint64_t Queue::State::set_held(const LivePtr& entry, bool is_held)
{
    if (entry->entry.is_held == is_held) return 0;
    Change what;
    what.id = entry->entry.id;
    what.version = entry->entry.version + 1;
    what.is_held = is_held;
    auto entered = append(QueueRecord(what));
    change(entry, std::move(what), std::move(entered.hold));
    if (entry->is_settled) put_rows(*entry);
    return entered.lsn;
}

std::uint64_t Queue::State::retry(const LivePtr& entry)
{
    Change what;
    what.id = entry->entry.id;
    what.version = entry->entry.version + 1;
    what.is_held = entry->entry.is_held;
    for (std::size_t n = 0; n < entry->entry.states.size(); ++n) {
        RecipientState state = entry->entry.states[n];
        if (state.status != RecipientStatus::waiting) continue;
        state.next = 0;
        what.outcomes.push_back({static_cast<std::uint32_t>(n), std::move(state)});
    }
    if (what.outcomes.empty()) return 0;
    auto entered = append(QueueRecord(what));
    change(entry, std::move(what), std::move(entered.hold));
    for (const auto& group : entry->groups) {
        dispatcher.forget_failures(group.key);
        rows.emplace_back(NotBefore{group.key, 0});
        if (entry->is_settled && group.phase == Group::Phase::asleep) put_errand(*entry, group);
    }
    next_poll = 0;
    return entered.lsn;
}

// Some of an entry's recipients are taken from the queue, and nobody is told.
std::uint64_t Queue::State::remove_waiting(const LivePtr& entry, const Meant& meant)
{
    Change what;
    what.id = entry->entry.id;
    what.version = entry->entry.version + 1;
    what.is_held = entry->entry.is_held;
    for (const auto& group : entry->groups) {
        if (group.phase == Group::Phase::active) continue;
        for (const std::size_t at : group.recipients) {
            RecipientState state = entry->entry.states[at];
            if (state.status != RecipientStatus::waiting || !meant(at)) continue;
            state.status = RecipientStatus::removed;
            what.outcomes.push_back({static_cast<std::uint32_t>(at), std::move(state)});
        }
    }
    if (what.outcomes.empty()) return 0;
    auto entered = append(QueueRecord(what));
    change(entry, std::move(what), std::move(entered.hold));
    for (const auto& group : entry->groups) {
        if (entry->is_settled) put_errand(*entry, group);
    }
    if (entry->is_settled) put_row(*entry);
    end_if_over(entry);
    return entered.lsn;
}

// The number of the act's record; 0 where there was nothing to do. Who is named by a destination or an address is meant alone:
// the message goes on to the others.
std::uint64_t Queue::State::perform(Act act, const LivePtr& entry, const Selection& selection, const std::string& by)
{
    const Meant meant = [&](std::size_t at) { return is_recipient(selection, entry->entry.envelope.recipients[at].address); };
    bool is_all = true;
    for (std::size_t at = 0; at < entry->entry.states.size(); ++at) {
        if (!is_final(entry->entry.states[at].status) && !meant(at)) is_all = false;
    }
    std::uint64_t lsn = 0;
    switch (act) {
    case Act::hold: lsn = set_held(entry, true); break;
    case Act::release: lsn = set_held(entry, false); break;
    case Act::retry: lsn = retry(entry); break;
    case Act::bounce: {
        const LastAnswer why{0, "5.7.0", std::string(kBouncedByAdministrator), {}, now() / 1000, false};
        lsn = fail_waiting(entry, &why, meant);
        break;
    }
    case Act::remove: {
        if (!is_all) {
            lsn = remove_waiting(entry, meant);
            break;
        }
        auto entered = append(Ended{entry->entry.id});
        lsn = entered.lsn;
        end(entry, std::move(entered.hold));
        break;
    }
    }
    if (lsn == 0) return 0;
    trace::Event event;
    event.id = entry->entry.id;
    event.kind = kind_of(act);
    event.at = ground.clock.wall();
    event.detail = act == Act::bounce ? "returned to the sender by " + by : "by " + by;
    std::vector<trace::Event> events;
    events.push_back(std::move(event));
    note(lsn, std::move(events));
    return lsn;
}

co::Task<Result<Acted, Error>> Queue::act(Act act, Selection selection, std::string by)
{
    State& state = *state_;
    if (!state.schedule) co_return cannot_read(state.schedule_trouble);
    if (is_blank(selection) && !selection.is_all)
        co_return Error{"changing the queue", "it was not said which messages", "name ids, a destination or a sender, or say all"};
    co_await state.settle_all();
    (void)co_await state.flush(false);
    Acted acted;
    std::string after;
    std::uint64_t last = 0;
    bool goes_on = true;
    while (goes_on) {
        auto ids = co_await state.matching(selection, &after, kActPage);
        if (!ids) co_return ids.error();
        goes_on = !ids->empty();
        for (auto& id : *ids) {
            bool is_unread = false;
            const LivePtr entry = co_await state.find(std::move(id), &is_unread);
            if (is_unread) ++acted.failed;
            if (!entry || entry->is_ended) continue;
            ++entry->pins;
            if (matches(selection, entry->entry)) {
                const std::uint64_t lsn = state.perform(act, entry, selection, by);
                last = std::max(last, lsn);
                // Being sent just now: it is neither returned nor taken away then.
                const bool is_missed = lsn == 0 && (act == Act::bounce || act == Act::remove);
                if (is_missed) state.ground.log.warning("a message is being sent just now and was left as it is", {{"id", entry->entry.id}});
                ++(is_missed ? acted.failed : acted.messages);
            }
            --entry->pins;
            state.release(entry);
        }
    }
    if (last != 0) {
        const bool is_durable = co_await state.ground.ledger.durable(last);
        if (!is_durable) co_return Error{"changing the queue", "the journal has failed", "the log says why"};
    }
    state.ground.log.notice("the queue was changed", {{"by", by}, {"messages", acted.messages}});
    if (!state.is_stopping) state.tick();
    co_return acted;
}

}  // namespace mbx::queue
