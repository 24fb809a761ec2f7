// The queue as administrators see it: lists, and single messages.
#include <algorithm>

#include "queue/queue_state.hpp"

namespace mbx::queue {
namespace {

constexpr std::size_t kScanPage = 1'000;  // rows of one job

// What its row can say: an entry with more recipients than the row has is looked at itself.
bool may_match(const Selection& selection, const ScheduleRow& row)
{
    if (!selection.means_sender(row.reverse_path)) return false;
    if (row.has_more || (selection.destination.empty() && selection.recipient.empty())) return true;
    std::string_view rest = row.recipients;
    while (!rest.empty()) {
        const auto end = std::min(rest.find('\n'), rest.size() - 1);
        if (selection.means_recipient(rest.substr(0, end))) return true;
        rest.remove_prefix(end + 1);
    }
    return false;
}

}  // namespace

bool matches(const Selection& selection, const Entry& entry)
{
    if (!selection.ids.empty() && std::find(selection.ids.begin(), selection.ids.end(), entry.id) == selection.ids.end()) return false;
    if (!selection.means_sender(entry.envelope.reverse_path)) return false;
    if (selection.destination.empty() && selection.recipient.empty()) return true;
    for (std::size_t n = 0; n < entry.states.size(); ++n) {
        if (!is_final(entry.states[n].status) && selection.means_recipient(entry.envelope.recipients[n].address)) return true;
    }
    return false;
}

Error cannot_read(const std::string& what)
{
    return {"reading the queue's schedule", what, "it is being made anew from the files; try again in a moment"};
}

Listed Queue::State::listed(const Live& entry) const
{
    Listed shown{entry.entry, {}};
    const auto& recipients = entry.entry.envelope.recipients;
    for (std::size_t at = 0; at < recipients.size(); ++at) {
        const Destination destination = destination_in(ground.transport, entry.entry.envelope, recipients[at]);
        ListedRecipient one;
        one.destination = destination.route.empty() ? destination.domain : destination.route;
        const bool waits = entry.entry.states[at].status == RecipientStatus::waiting;
        if (const HoldRule* rule = waits ? rule_of(entry.entry, at) : nullptr) one.held_by = describe(rule->which);
        shown.recipients.push_back(std::move(one));
    }
    for (const auto& group : entry.groups) {
        if (group.phase != Group::Phase::active) continue;
        for (const std::size_t at : group.asked)
            shown.recipients[at].is_being_sent = entry.entry.states[at].status == RecipientStatus::waiting;
    }
    const ReportTrouble& trouble = entry.entry.told.trouble;
    const bool is_due = trouble.is_of_delay ? !entry.entry.is_warned : entry.entry.has(RecipientStatus::failing);
    // Another one's reason is not the reason of who is to be told now.
    if (is_due && trouble.whom == whom_of(entry.entry).substr(0, kMaxAnswerText)) shown.report_trouble = trouble.why;
    shown.not_told = why_not_told(entry.entry);
    return shown;
}

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
    const auto whole = co_await whole_schedule();
    if (!whole) co_return whole.error();
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
                page.entries.push_back(state.listed(*entry));
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
    std::optional<Listed> shown = state.listed(*entry);
    state.release(entry);
    co_return std::move(shown);
}

}  // namespace mbx::queue
