#include "admin/queue_documents.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "admin/documents.hpp"

namespace mbx::admin {
namespace {

using nlohmann::ordered_json;

std::string queue_text(const ordered_json& document)
{
    return document.dump(-1, ' ', false, ordered_json::error_handler_t::replace) + "\n";
}

std::string_view status_of(const queue::RecipientState& state, bool is_being_sent)
{
    switch (state.status) {
    case queue::RecipientStatus::waiting: return is_being_sent ? "sending" : "waiting";
    case queue::RecipientStatus::failing: return "failing";
    case queue::RecipientStatus::delivered: return "delivered";
    case queue::RecipientStatus::failed: return "failed";
    case queue::RecipientStatus::removed: return "deleted";
    }
    return "";
}

std::string_view wanted_of(const queue::RecipientState& state)
{
    switch (state.wanted) {
    case queue::Wanted::nothing: return "";
    case queue::Wanted::returned: return "bounce";
    case queue::Wanted::removed: return "delete";
    }
    return "";
}

std::string time_or_empty(std::int64_t seconds) { return seconds <= 0 ? std::string() : timestamp(seconds); }

ordered_json value_of(const queue::HoldRule& rule)
{
    return {{"what", describe(rule.which)},
            {"destination", rule.which.destination},
            {"sender", rule.which.sender},
            {"recipient", rule.which.recipient},
            {"all", rule.which.is_all},
            {"since", time_or_empty(rule.since / 1000)},
            {"by", rule.by}};
}

ordered_json list_of(const std::vector<queue::HoldRule>& holds)
{
    ordered_json list = ordered_json::array();
    for (const auto& rule : holds) list.push_back(value_of(rule));
    return list;
}

ordered_json value_of(const queue::Listed& listed, WallTime now, const queue::Selection& asked)
{
    const queue::Entry& entry = listed.entry;
    const std::int64_t at = queue::milliseconds_of(now);
    ordered_json recipients = ordered_json::array();
    for (std::size_t n = 0; n < entry.states.size() && n < listed.recipients.size(); ++n) {
        const queue::RecipientState& state = entry.states[n];
        const queue::ListedRecipient& more = listed.recipients[n];
        const bool waits = state.status == queue::RecipientStatus::waiting && !entry.is_held && more.held_by.empty() && !more.is_being_sent;
        recipients.push_back({{"address", entry.envelope.recipients[n].address},
                              {"destination", more.destination},
                              {"status", status_of(state, more.is_being_sent)},
                              {"held_by", more.held_by},
                              {"wanted", wanted_of(state)},
                              {"attempts", state.attempts},
                              {"next", waits ? time_or_empty(state.next / 1000) : ""},
                              {"next_in_seconds", waits ? ordered_json(std::max<std::int64_t>(0, (state.next - at) / 1000)) : ordered_json()},
                              {"last_attempt", time_or_empty(state.last.at)},
                              {"code", state.last.code},
                              {"enhanced", state.last.enhanced},
                              {"host", state.last.host},
                              {"answer", state.last.text},
                              {"asked_for", asked.means_recipient(entry.envelope.recipients[n].address)}});
    }
    ordered_json row = {{"id", entry.id},
                        {"accepted", time_or_empty(entry.accepted / 1000)},
                        {"age_seconds", std::max<std::int64_t>(0, (at - entry.accepted) / 1000)},
                        {"size", entry.size},
                        {"sender", entry.envelope.reverse_path},
                        {"account", entry.envelope.account},
                        {"forwarded", entry.envelope.is_forwarded},
                        {"report_waits", listed.report_trouble},
                        {"not_told", listed.not_told},
                        {"held", entry.is_held},
                        {"warned", entry.is_warned}};
    row["recipients"] = std::move(recipients);
    return row;
}

}  // namespace

std::string queued_json(const queue::Listed& listed, WallTime now) { return queue_text(value_of(listed, now, {})); }

std::string queue_act_json(std::string_view act, const queue::Acted& acted)
{
    return queue_text(ordered_json{{"act", act},
                                   {"messages", acted.messages},
                                   {"held", acted.held},
                                   {"held_recipients", acted.held_recipients},
                                   {"reports", acted.reports},
                                   {"being_sent", acted.being_sent},
                                   {"at_once", acted.at_once},
                                   {"forwarded", acted.forwarded},
                                   {"to_administrators", acted.to_administrators},
                                   {"other_recipients", acted.other_recipients},
                                   {"standing_holds", acted.rules},
                                   {"unknown_ids", acted.unknown}});
}

std::string queue_page_json(const queue::Page& page, const queue::Selection& asked, const std::vector<queue::HoldRule>& holds, WallTime now)
{
    ordered_json entries = ordered_json::array();
    for (const queue::Listed& listed : page.entries) entries.push_back(value_of(listed, now, asked));
    ordered_json document = {{"total", page.total}, {"next", page.next}};
    document["messages"] = std::move(entries);
    document["holds"] = list_of(holds);
    return queue_text(document);
}

std::string holds_json(const std::vector<queue::HoldRule>& holds)
{
    ordered_json document = ordered_json::object();
    document["holds"] = list_of(holds);
    return queue_text(document);
}

}  // namespace mbx::admin
