#include "trace/story.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <chrono>
#include <iterator>
#include <utility>

#include "base/ascii.hpp"

namespace mbx::trace {

namespace {

constexpr std::int64_t kSecond = 1'000'000;
constexpr std::uint64_t kLatest = 253'402'300'800'000;  // the end of the year 9999, in milliseconds

std::string_view fact(const EventRow& event, std::string_view name)
{
    const auto found = std::ranges::find(event.facts, name, [](const auto& one) { return std::string_view(one.first); });
    return found == event.facts.end() ? std::string_view() : std::string_view(found->second);
}

// "before<value>after", or nothing where there is no value.
std::string around(std::string_view before, std::string_view value, std::string_view after = "")
{
    return value.empty() ? std::string() : fmt::format("{}{}{}", before, value, after);
}

std::string host_of(const EventRow& event)
{
    const std::string_view host = fact(event, "host");
    const std::string_view address = fact(event, fact(event, "address").empty() ? "peer" : "address");
    if (host.empty()) return address.empty() ? "no server" : std::string(address);
    return std::string(host) + around(" [", address, "]");
}

std::string tls_of(const EventRow& event)
{
    const std::string_view tls = fact(event, "tls");
    return tls.empty() || tls == "none" ? ", in clear" : fmt::format(", encrypted ({})", tls);
}

// The remote's words or ours, with what codes there are and the detail does not repeat.
std::string words_of(const EventRow& event)
{
    const std::string_view code = fact(event, "code");
    const std::string_view enhanced = fact(event, "enhanced");
    std::string words;
    // A code of success where nothing succeeded is told of in words.
    const bool is_out_of_place = event.kind != "delivered" && !code.empty() && (code.front() == '2' || code.front() == '3');
    if (!code.empty() && code != "0" && !is_out_of_place && !event.detail.starts_with(code)) words += std::string(code) + " ";
    if (!enhanced.empty() && event.detail.find(enhanced) == std::string::npos) words += std::string(enhanced) + " ";
    words += event.detail;
    while (!words.empty() && words.back() == ' ') words.pop_back();
    return words;
}

std::string tell_accepted(const EventRow& event)
{
    const std::string_view sender = fact(event, "reverse_path");
    const std::string_view size = fact(event, "size");
    std::string text = fmt::format("accepted from {}", sender.empty() ? "the empty sender <>" : sender);
    text += around(", logged in as ", fact(event, "account"));
    text += around(", client ", fact(event, "peer")) + around(" (", fact(event, "helo"), ")");
    if (!fact(event, "tls").empty()) text += tls_of(event);
    text += around(", ", size, " bytes");
    const std::string_view count = fact(event, "recipients");
    return text + around(", for ", count, count == "1" ? " recipient" : " recipients") + around(": ", event.detail);
}

std::string tell_placed(const EventRow& event)
{
    const std::string_view mailbox = fact(event, "mailbox");
    return fmt::format("placed into {} of {}{}{}", mailbox.empty() ? "the mailbox" : mailbox, event.recipient,
                       around(" as message ", fact(event, "uid")), around(": ", event.detail));
}

std::string before_that(const EventRow& event) { return around(" (before that: ", fact(event, "tls_failure"), ")"); }

// The server that was asked, in whose words or ours it ended. Where none answered nothing is said of encryption.
std::string tell_attempt(const EventRow& event)
{
    const bool was_asked = !fact(event, "host").empty() || !fact(event, "peer").empty() || !fact(event, "address").empty();
    const std::string_view code = fact(event, "code");
    const bool has_answered = !fact(event, "tls").empty() || (!code.empty() && code != "0");
    std::string text = was_asked ? "tried " + host_of(event) : std::string("tried, but found no server to ask,");
    text += " for " + event.recipient + (was_asked && has_answered ? tls_of(event) : "") + before_that(event);
    return text + around(fact(event, "said_by") == "remote" ? ": it answered " : ": ", words_of(event));
}

std::string tell_attempted(const EventRow& event)
{
    std::string text = tell_attempt(event);
    if (const auto next = ascii::parse_number(fact(event, "next_ms")); next && *next < kLatest)
        text += "; it waits, next attempt " + time_text(static_cast<std::int64_t>(*next) * 1000);
    return text;
}

std::string tell_failed(const EventRow& event)
{
    const bool has_host = !fact(event, "host").empty();
    if (has_host) return "given up: " + tell_attempt(event);
    return "given up" + around(" for ", event.recipient) + around(": ", words_of(event));
}

std::string tell_reported(const EventRow& event)
{
    const std::string_view reason = fact(event, "reason");
    std::string text = event.detail.empty() ? std::string("told the sender") : event.detail;
    text += around(" in message ", fact(event, "report"));
    if (reason == "failed") return text + ", that it cannot be delivered" + around(" to ", event.recipient);
    if (reason == "delayed") return text + ", that it is delayed" + around(" on its way to ", event.recipient);
    if (reason == "relayed") return text + ", that it was passed on" + around(" for ", event.recipient);
    return text + around(" (", reason, ")") + around(" for ", event.recipient);
}

std::string tell_report_waits(const EventRow& event)
{
    const std::string_view reason = fact(event, "reason");
    std::string text = "the report" + around(" to ", fact(event, "to"));
    if (reason == "failed") text += ", that it cannot be delivered,";
    if (reason == "delayed") text += ", that it is delayed,";
    return text + " waits" + around(": ", event.detail);
}

std::string tell_delivered(const EventRow& event)
{
    std::string text = fmt::format("delivered to {} for {}{}{}{}", host_of(event), event.recipient, tls_of(event), before_that(event),
                                   around(": ", words_of(event)));
    const std::string_view ours = fact(event, "our_ms");
    const std::string_view theirs = fact(event, "their_ms");
    if (!ours.empty() && !theirs.empty()) text += fmt::format(" (our part {} ms, theirs {} ms)", ours, theirs);
    return text;
}

// Whose mailbox it happened in.
std::string_view account_of(const EventRow& event)
{
    const std::string_view account = fact(event, "account");
    return account.empty() ? std::string_view(event.recipient) : account;
}

// Its owner's acts bear the protocol; those of others, whom a mailbox is shared with, say who it was.
std::string doer_of(const EventRow& event)
{
    const std::string_view by = fact(event, "by");
    const std::string_view login = fact(event, "by_login");
    if (login.empty() || login == account_of(event)) return around(" by ", by);
    return fmt::format(" by {}{}", login, around(" over ", by));
}

std::string tell_moved(const EventRow& event)
{
    const std::string_view here = account_of(event);
    const std::string_view there = fact(event, "to_account");
    if (there.empty() || there == here)
        return fmt::format("moved from {} to {} in the mailbox of {}{}", fact(event, "mailbox"), fact(event, "to_mailbox"), here,
                           doer_of(event));
    return fmt::format("moved from {} of {} to {} of {}{}", fact(event, "mailbox"), here, fact(event, "to_mailbox"), there,
                       doer_of(event));
}

std::string tell_expunged(const EventRow& event)
{
    return fmt::format("expunged from {} of {}{}{}", fact(event, "mailbox"), account_of(event), doer_of(event),
                       around(": ", event.detail));
}

std::string tell_restored(const EventRow& event)
{
    return fmt::format("restored into {} of {}{}{}", fact(event, "to_mailbox"), account_of(event),
                       around(" as message ", fact(event, "to_uid")), doer_of(event));
}

std::string tell_mailbox_act(const EventRow& event)
{
    const std::string which = fmt::format("its mailbox {} of {}", fact(event, "mailbox"), account_of(event));
    if (event.kind == "mailbox_renamed") return fmt::format("{} was renamed to {}{}", which, fact(event, "to_mailbox"), doer_of(event));
    return (event.kind == "mailbox_deleted" ? "deleted with " : "restored with ") + which + doer_of(event);
}

// Who hears of what came back: the sender, unless an account had forwarded it.
std::string told_instead(const EventRow& event)
{
    const std::string_view to = fact(event, "to");
    return std::string(to.empty() ? "the sender" : to);
}

std::string tell_event(const EventRow& event)
{
    const std::string who = event.recipient.empty() ? "" : " for " + event.recipient;
    const std::string why = around(": ", words_of(event));
    const std::string by = around(" by ", fact(event, "by"));
    if (event.kind == "accepted") return tell_accepted(event);
    if (event.kind == "refused") return "refused" + who + why;
    if (event.kind == "placed") return tell_placed(event);
    if (event.kind == "queued") return "waits to be sent to another server" + who + why + around(", next attempt ", fact(event, "next"));
    if (event.kind == "attempted") return tell_attempted(event);
    if (event.kind == "delivered") return tell_delivered(event);
    if (event.kind == "failed") return tell_failed(event);
    if (event.kind == "reported") return tell_reported(event);
    if (event.kind == "report_waits") return tell_report_waits(event);
    if (event.kind == "expanded") return event.recipient + " led to " + (event.detail.empty() ? "others" : event.detail);
    if (event.kind == "held") return "held in the queue" + by + who + why;
    if (event.kind == "released") return "released" + by + who + why;
    if (event.kind == "retried") return "a new attempt was asked for" + by + who + why;
    if (event.kind == "returned") return "returned to " + told_instead(event) + by + who + why;
    if (event.kind == "deleted") return "deleted from the queue" + by + who + why;
    if (event.kind == "expunged") return tell_expunged(event);
    if (event.kind == "moved") return tell_moved(event);
    if (event.kind == "restored") return tell_restored(event);
    if (event.kind.starts_with("mailbox_")) return tell_mailbox_act(event);
    return event.kind + who + why;
}

using Outcomes = std::vector<std::pair<std::string, std::int64_t>>;

std::int64_t count_of(const MessageStory& story, std::string_view outcome)
{
    const auto found = std::ranges::find(story.outcomes, outcome, [](const auto& one) { return std::string_view(one.first); });
    return found == story.outcomes.end() ? 0 : found->second;
}

std::string_view words_for(std::string_view outcome)
{
    if (outcome == "waiting") return "still waiting";
    if (outcome == "placed") return "placed into a mailbox here";
    if (outcome == "delivered") return "delivered to another server";
    if (outcome == "failed") return "given up";
    if (outcome == "expanded") return "led to others";
    return outcome;
}

// "2990 delivered to another server, 4 still waiting"
std::string tell_outcomes(const Outcomes& outcomes)
{
    std::string text;
    for (const auto& [outcome, count] : outcomes) {
        if (count != 0) text += (text.empty() ? "" : ", ") + std::to_string(count) + " " + std::string(words_for(outcome));
    }
    return text.empty() ? "no recipient is known" : text;
}

Outcomes outcomes_of_others(const MessageStory& story)
{
    Outcomes others = story.outcomes;
    for (auto& [outcome, count] : others) {
        if (!story.deliveries.empty() && outcome == story.deliveries.front().outcome) --count;
    }
    return others;
}

std::int64_t count_others(const MessageStory& story)
{
    std::int64_t all = 0;
    for (const auto& [outcome, count] : outcomes_of_others(story)) all += count;
    return all;
}

// Addresses that led to others are counted apart: those whom they led to may be among the others too.
std::string tell_others_in_numbers(const MessageStory& story)
{
    Outcomes others = outcomes_of_others(story);
    std::int64_t led_on = 0;
    for (auto& [outcome, number] : others) {
        if (outcome == "expanded") led_on = std::exchange(number, 0);
    }
    const std::int64_t count = count_others(story) - led_on;
    std::string text;
    if (count != 0) text = fmt::format("{} other recipient{} of it: {}", count, count == 1 ? "" : "s", tell_outcomes(others));
    if (led_on != 0) text += fmt::format("{}{} other address{} of it led to others", count == 0 ? "" : "; ", led_on, led_on == 1 ? "" : "es");
    return text;
}

}  // namespace

std::string time_text(std::int64_t microseconds)
{
    using namespace std::chrono;
    const sys_time<std::chrono::microseconds> at{std::chrono::microseconds(microseconds)};
    const auto day = floor<days>(at);
    const year_month_day date{day};
    const auto milliseconds = duration_cast<std::chrono::milliseconds>(at - day).count();
    return fmt::format("{:04}-{:02}-{:02} {:02}:{:02}:{:02}.{:03} UTC", static_cast<int>(date.year()),
                       static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()), milliseconds / 3'600'000,
                       milliseconds / 60'000 % 60, milliseconds / 1000 % 60, milliseconds % 1000);
}

std::string span_text(std::int64_t microseconds)
{
    if (microseconds < 0) return "-" + span_text(-std::max(microseconds, -INT64_MAX));
    const std::int64_t seconds = microseconds / kSecond;
    if (seconds < 60) return fmt::format("{}.{:03} s", seconds, microseconds % kSecond / 1000);
    if (seconds < 3600) return fmt::format("{} min {} s", seconds / 60, seconds % 60);
    if (seconds < 86'400) return fmt::format("{} h {} min", seconds / 3600, seconds / 60 % 60);
    return fmt::format("{} d {} h", seconds / 86'400, seconds / 3600 % 24);
}

std::string size_text(std::int64_t bytes)
{
    constexpr std::int64_t kThousand = 1000;
    if (bytes < kThousand) return fmt::format("{} bytes", bytes);
    if (bytes < kThousand * kThousand) return fmt::format("{}.{} KB", bytes / kThousand, bytes % kThousand / 100);
    return fmt::format("{}.{} MB", bytes / (kThousand * kThousand), bytes / 100'000 % 10);
}

std::string tell_message(const MessageRow& message)
{
    if (!message.is_begun)
        return fmt::format("{}  first heard of {}; when it came, and from whom, is not in the trace", message.id, time_text(message.at));
    std::string text = fmt::format("{}  {}  from {}", message.id, time_text(message.at),
                                   message.reverse_path.empty() ? "<>" : message.reverse_path);
    if (message.size) text += ", " + size_text(*message.size);
    return text + around(", \"", message.subject, "\"") + around(", <", message.message_id, ">");
}

std::vector<StoryLine> tell_story(const MessageStory& story)
{
    constexpr std::size_t kMostOfOthers = 40;
    const bool is_about_one = !story.about.empty();
    const auto is_of_other = [&](const EventRow& event) {
        return is_about_one && !event.recipient.empty() && event.recipient != story.about;
    };
    std::vector<StoryLine> lines;
    std::vector<StoryLine> others;
    for (const EventRow& event : story.events) (is_of_other(event) ? others : lines).push_back({event.at, tell_event(event)});
    const std::int64_t last = story.events.empty() ? story.message.at : story.events.back().at;
    const bool tells_others = !story.is_cut && others.size() <= kMostOfOthers;
    const std::string there = "what comes next: mailboxctl queue show " + story.message.id;
    const std::int64_t waiting = count_of(story, "waiting");
    const bool waits_for_one = is_about_one && !story.deliveries.empty() && story.deliveries.front().outcome == "waiting";
    if (waits_for_one) lines.push_back({last, fmt::format("still waiting for {}; {}", story.about, there)});
    if (is_about_one && count_others(story) != 0) {
        lines.push_back({last, tell_others_in_numbers(story) + (tells_others ? "" : "; mailboxctl trace " + story.message.id + " tells of them")});
        if (tells_others) std::ranges::move(others, std::back_inserter(lines));
    }
    if (!is_about_one && waiting != 0)
        lines.push_back({last, fmt::format("still waiting for {} recipient{}; {}", waiting, waiting == 1 ? "" : "s", there)});
    if (!is_about_one && story.is_cut)
        lines.push_back({last, fmt::format("there is more, which is not shown here: {}; mailboxctl trace ADDRESS tells what befell one of them",
                                           tell_outcomes(story.outcomes))});
    return lines;
}

}  // namespace mbx::trace
