#include "ctl/queue_views.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "base/ascii.hpp"
#include "base/legible.hpp"

namespace mbx::ctl {
namespace {

using nlohmann::json;
using Side = Table::Side;

std::string text_of(const json& object, const char* name) { return object.at(name).get<std::string>(); }
std::int64_t count_of(const json& object, const char* name) { return object.at(name).get<std::int64_t>(); }

std::string sender_of(const json& message) { return text_of(message, "sender").empty() ? "<>" : text_of(message, "sender"); }

// Cut between characters.
std::string shortened(std::string words, std::size_t most)
{
    std::replace(words.begin(), words.end(), '\n', ' ');
    if (words.size() <= most) return words;
    std::size_t end = most;
    while (end > 0 && (static_cast<unsigned char>(words[end]) & 0xC0U) == 0x80U) --end;
    return words.substr(0, end) + "…";
}

// The last words about a recipient, with the code of a refusal.
std::string answer_of(const json& recipient, std::size_t most)
{
    if (count_of(recipient, "attempts") == 0 && text_of(recipient, "answer").empty()) return "not tried yet";
    const auto code = count_of(recipient, "code");
    const bool is_refusal = code >= 400;
    return (is_refusal ? std::to_string(code) + " " : "") + shortened(text_of(recipient, "answer"), most);
}

// Who hears of a failure or a delay.
std::string told_of(const json& message)
{
    if (!message.value("forwarded", false)) return "the sender";
    const std::string why_not = message.value("not_told", "");
    return why_not.empty() ? text_of(message, "account") : "the administrators (" + text_of(message, "account") + " " + why_not + ")";
}

// The report of a failure, which goes to the account that forwarded the message, or to its sender.
std::string report_of(const json& message)
{
    const std::string trouble = message.value("report_waits", "");
    const bool is_told = message.value("not_told", "").empty();
    if (!trouble.empty()) return "failed for good; the report to " + told_of(message) + " waits: " + trouble;
    return "failed for good, " + told_of(message) + (is_told ? " is being told" : " are being told");
}

// What happens to a recipient next.
std::string state_of(const json& message, const json& recipient)
{
    const std::string status = text_of(recipient, "status");
    if (status == "sending") {
        const std::string wanted = text_of(recipient, "wanted");
        if (wanted == "bounce") return "being sent now, else returned";
        if (wanted == "delete") return "being sent now, else deleted";
        if (message.at("held").get<bool>() || !text_of(recipient, "held_by").empty()) return "being sent now, else held";
        return "being sent now";
    }
    if (status == "failing") return report_of(message);
    if (status == "failed") return "none: failed for good";
    if (status == "delivered") return "none: delivered";
    if (status == "deleted") return "none: deleted";
    if (status != "waiting") return status;
    if (message.at("held").get<bool>()) return "held until released";
    if (!text_of(recipient, "held_by").empty()) return "held: " + text_of(recipient, "held_by");
    const json& next = recipient.at("next_in_seconds");
    const auto seconds = next.is_null() ? 0 : next.get<std::int64_t>();
    return seconds == 0 ? "next try now" : "next try in " + span_text(seconds);
}

bool is_open(const json& recipient)
{
    const std::string status = text_of(recipient, "status");
    return status == "waiting" || status == "sending" || status == "failing";
}

// How many besides the one that is shown wait or are being sent, and how many have failed.
std::string others_of(const json& recipients, const json& shown)
{
    const auto is_failing = [](const json& one) { return text_of(one, "status") == "failing"; };
    const auto open = std::count_if(recipients.begin(), recipients.end(), is_open);
    const auto failing = std::count_if(recipients.begin(), recipients.end(), is_failing) - (is_failing(shown) ? 1 : 0);
    const auto going = open - failing - 1;
    std::string others = going > 0 ? fmt::format(" and {} more", going) : "";
    if (failing > 0) others += fmt::format("{} {} failed", others.empty() ? " and" : ",", failing);
    return others;
}

// As a word of a command for the shell: in quotes where it means something to it.
std::string shell_word(const std::string& text)
{
    constexpr std::string_view kPlain = "@.-_+=:,/%";
    const bool is_plain = !text.empty() && std::all_of(text.begin(), text.end(), [kPlain](char c) {
        return ascii::is_alpha(c) || ascii::is_digit(c) || kPlain.find(c) != std::string_view::npos;
    });
    if (is_plain) return text;
    std::string word = "'";
    for (const char c : text) {
        if (c == '\'') word += R"('"'"')";
        else word += c;
    }
    return word + "'";
}

std::string hold_options(const json& rule)
{
    if (rule.at("all").get<bool>()) return "--all";
    std::string options;
    for (const char* name : {"destination", "sender", "recipient"}) {
        const std::string value = text_of(rule, name);
        if (value.empty()) continue;
        options += (options.empty() ? "--" : " --") + std::string(name) + " " + shell_word(value);
    }
    return options;
}

std::string hold_lines(const json& holds)
{
    std::string lines;
    for (const json& rule : holds) {
        lines += fmt::format("{} is held until: mailboxctl queue release {}\n", text_of(rule, "what"), hold_options(rule));
    }
    return lines;
}

}  // namespace

std::string counted(std::int64_t count, const char* one, const char* many)
{
    return std::to_string(count) + " " + (count == 1 ? one : many);
}

std::string span_text(std::int64_t seconds)
{
    const std::int64_t days = seconds / 86'400;
    if (days > 0) return fmt::format("{} d {} h", days, seconds % 86'400 / 3600);
    if (seconds >= 3600) return fmt::format("{} h {} min", seconds / 3600, seconds % 3600 / 60);
    return seconds >= 60 ? fmt::format("{} min", seconds / 60) : fmt::format("{} s", seconds);
}

std::string size_text(std::uint64_t bytes)
{
    constexpr std::array kUnits = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
    auto value = static_cast<double>(bytes);
    std::size_t unit = 0;
    while (value >= 1024 && unit + 1 < kUnits.size()) {
        value /= 1024;
        ++unit;
    }
    return unit == 0 ? fmt::format("{} B", bytes) : fmt::format("{:.1f} {}", value, kUnits.at(unit));
}

// Who was asked for goes before the others, and of those who waits before who has failed.
json::const_iterator first_to_show(const json& recipients)
{
    const auto is_failing = [](const json& one) { return text_of(one, "status") == "failing"; };
    const auto is_asked = [](const json& one) { return is_open(one) && one.value("asked_for", true); };
    const auto goes_on = [&](const json& one) { return is_asked(one) && !is_failing(one); };
    const auto waiting = std::find_if(recipients.begin(), recipients.end(), goes_on);
    if (waiting != recipients.end()) return waiting;
    const auto asked = std::find_if(recipients.begin(), recipients.end(), is_asked);
    return asked != recipients.end() ? asked : std::find_if(recipients.begin(), recipients.end(), is_open);
}

// One line for a message: its first recipient that was asked for and is not done with, and how many there are.
std::string queue_text(const json& page, Style style)
{
    constexpr std::size_t kMostWords = 80;
    Table table({{"ID"}, {"AGE", Side::right}, {"SIZE", Side::right}, {"SENDER"}, {"RECIPIENT"}, {"WHAT NEXT"}, {"LAST ANSWER"}});
    for (const json& message : page.at("messages")) {
        const json& all = message.at("recipients");
        const auto shown = first_to_show(all);
        const bool is_there = shown != all.end();
        const std::string more = is_there ? others_of(all, *shown) : "";
        table.add({text_of(message, "id"), span_text(count_of(message, "age_seconds")),
                   size_text(message.at("size").get<std::uint64_t>()), sender_of(message),
                   is_there ? text_of(*shown, "address") + more : "", is_there ? state_of(message, *shown) : "done",
                   is_there ? answer_of(*shown, kMostWords) : ""});
    }
    const auto total = count_of(page, "total");
    const std::string none = total == 0 ? "the queue is empty: nothing waits for another server"
                                        : "none of these; " + counted(total, "message is", "messages are") + " in the queue";
    std::string lines = table.text(style, none);
    if (!page.at("messages").empty()) lines += "mailboxctl queue show ID tells more of a message, mailboxctl trace ID its story\n";
    if (!text_of(page, "next").empty()) lines += "there is more: mailboxctl queue list --after " + text_of(page, "next") + "\n";
    return lines + hold_lines(page.at("holds"));
}

std::string queued_text(const json& message, Style style)
{
    constexpr std::size_t kMostWords = 160;
    const std::string id = text_of(message, "id");
    const bool is_held = message.at("held").get<bool>();
    std::vector<std::pair<std::string, std::string>> facts = {
        {"id", id},
        {"accepted", text_of(message, "accepted") + ", " + span_text(count_of(message, "age_seconds")) + " ago"},
        {"sender", sender_of(message)},
        {"size", size_text(message.at("size").get<std::uint64_t>())},
    };
    if (!text_of(message, "account").empty()) facts.emplace_back("account", text_of(message, "account"));
    const auto& all = message.at("recipients");
    const auto has = [&all](const char* status) {
        return std::any_of(all.begin(), all.end(), [status](const json& one) { return text_of(one, "status") == status; });
    };
    const bool is_kept = has("waiting");
    if (is_held && (is_kept || has("sending"))) facts.emplace_back("held", (is_kept ? "until mailboxctl queue release " : "if it is not delivered now, until mailboxctl queue release ") + id);
    // The account may have been switched off since.
    const bool is_known = message.value("not_told", "").empty();
    if (message.at("warned").get<bool>())
        facts.emplace_back("delay", is_known ? told_of(message) + " was told of it" : "it was told of; mailboxctl trace " + id + " says to whom");
    const std::string trouble = message.value("report_waits", "");
    if (!trouble.empty()) facts.emplace_back("report", "to " + told_of(message) + " waits: " + trouble);
    Table table({{"RECIPIENT"}, {"WHAT NEXT"}, {"TRIES", Side::right}, {"SERVER"}, {"LAST ANSWER"}});
    bool is_waiting = false;
    for (const json& one : message.at("recipients")) {
        table.add({text_of(one, "address"), state_of(message, one), std::to_string(count_of(one, "attempts")), text_of(one, "host"),
                   answer_of(one, kMostWords)});
        is_waiting = is_waiting || !one.at("next_in_seconds").is_null();
    }
    std::string lines = pairs(facts) + "\n" + table.text(style, "") + "\n";
    if (is_waiting) lines += "mailboxctl queue retry " + id + " tries it now\n";
    return lines + "mailboxctl trace " + id + " tells its story\n";
}

std::string unknown_lines(const json& acted)
{
    std::string ids;
    for (const json& id : acted.at("unknown_ids")) ids += (ids.empty() ? "" : ", ") + ascii::legible(id.get<std::string>());
    return ids.empty() ? ids : "not in the queue: " + ids + "; mailboxctl trace ID tells what became of a message\n";
}

// What an account forwarded goes back to it, and not to who wrote it.
std::string returned_line(const json& acted)
{
    const auto messages = count_of(acted, "messages");
    const auto forwarded = acted.value("forwarded", std::int64_t{0});
    const auto untold = acted.value("to_administrators", std::int64_t{0});
    if (messages == 1 && untold == 1) return "1 message is returned to the administrators: the account that forwarded it is switched off or gone\n";
    if (messages == 1) return forwarded == 0 ? "1 message is returned to its sender\n" : "1 message is returned to the account that forwarded it\n";
    std::string line = std::to_string(messages) + " messages are returned to ";
    if (forwarded == 0) line += "their senders";
    else if (forwarded == messages) line += "the accounts that forwarded them";
    else line += "their senders, " + std::to_string(forwarded) + " of them to the accounts that forwarded them";
    if (untold != 0) line += fmt::format("; {} of these to the administrators, where the account is switched off or gone", untold);
    return line + "\n";
}

// Whom hold, release and retry were not asked for, and took along.
std::string others_line(const json& acted)
{
    const std::string act = text_of(acted, "act");
    const auto others = acted.value("other_recipients", std::int64_t{0});
    if (others == 0) return "";
    const bool is_one = count_of(acted, "messages") == 1;
    const char* then = act == "hold" ? "held" : act == "release" ? "released" : "tried";
    std::string line = fmt::format("that is of {}: {} {} {}", is_one ? "the whole message" : "whole messages",
                                   counted(others, "other recipient of", "other recipients of"), is_one ? "it" : "them",
                                   others == 1 ? "is" : "are");
    line += " " + std::string(then) + " too";
    if (act == "hold") line += "; mailboxctl queue hold --standing keeps those alone whom it names";
    return line + "\n";
}

// Of messages that failed for good, and wait for their report alone.
std::string reports_line(const json& acted)
{
    const std::string act = text_of(acted, "act");
    const auto reports = acted.value("reports", std::int64_t{0});
    if (reports == 0) return "";
    const bool is_one = reports == 1;
    const std::string all = counted(reports, "message has", "messages have") + " failed for good, and only " + (is_one ? "its report waits: that is" : "their reports wait: these are");
    return all + (act == "hold" ? " not held\n" : " tried now\n");
}

// Of messages that retry was done to: whom it has left alone.
std::string kept_line(const json& acted)
{
    const auto kept = acted.value("held_recipients", std::int64_t{0});
    if (kept == 0) return "";
    const bool is_one = count_of(acted, "messages") == 1;
    return counted(kept, "recipient of ", "recipients of ") + (is_one ? "it " : "them ") + (kept == 1 ? "is held and was" : "are held and were") +
           " left alone: mailboxctl queue holds lists what is held\n";
}

std::string queue_act_text(const json& acted)
{
    const std::string act = text_of(acted, "act");
    const auto messages = count_of(acted, "messages");
    const auto held = count_of(acted, "held");
    const auto sent = count_of(acted, "being_sent");
    const auto rules = count_of(acted, "standing_holds");
    const std::string all = counted(messages, "message is", "messages are");
    const std::string unknown = unknown_lines(acted);
    const std::string reports = reports_line(acted);
    std::string lines;
    if (act == "hold" && rules != 0) {
        lines = "held from now on, until it is released; " + counted(messages, "message of it is", "messages of it are") + " in the queue now\n";
    } else if (messages == 0 && held == 0) {
        const char* none = act == "release" ? "nothing that fits is held" : "no message of the queue fits";
        if (rules == 0 && unknown.empty() && reports.empty()) lines = std::string(none) + ": mailboxctl queue list shows what there is\n";
    } else if (act == "hold") {
        lines = all + " held until released\n";
    } else if (act == "release" && messages != 0) {
        lines = all + " released, and tried when their time comes; mailboxctl queue retry tries at once\n";
        if (messages == 1) lines = all + " released, and tried when its time comes; mailboxctl queue retry tries at once\n";
    } else if (act == "retry" && messages != 0) {
        lines = all + " being tried now\n";
    } else if (act == "bounce") {
        lines = returned_line(acted);
    } else if (act == "delete") {
        lines = all + " deleted; nobody is told\n";
    }
    if (act == "release" && rules != 0) lines += counted(rules, "standing hold has", "standing holds have") + " ended\n";
    if (act == "release" && held != 0)
        lines += counted(held, "message stays held by a standing hold", "messages stay held by standing holds") + ": mailboxctl queue holds lists them\n";
    if (act == "retry" && held != 0)
        lines += counted(held, "message is held and was", "messages are held and were") + " left alone: release first, with mailboxctl queue release\n";
    if (sent != 0 && act != "retry" && act != "release") {
        const char* then = act == "bounce" ? "returned" : act == "delete" ? "deleted" : "held";
        if (sent == messages && rules == 0) lines.clear();
        const std::string who = lines.empty() ? counted(sent, "message is", "messages are") : counted(sent, "of them is", "of them are");
        lines += fmt::format("{} being sent just now, and {} when that does not deliver {}\n", who, then, sent == 1 ? "it" : "them");
        const auto at_once = acted.value("at_once", std::int64_t{0});
        if (at_once != 0)
            lines += fmt::format("{}those of its recipients who waited, and were not being sent to, are {} now\n",
                                 sent == 1 ? "" : std::to_string(at_once) + " of these: ", then);
    }
    return lines + others_line(acted) + kept_line(acted) + reports + unknown;
}

std::string holds_text(const json& document, Style style)
{
    Table table({{"HELD"}, {"SINCE"}, {"BY"}, {"ENDS WITH"}});
    for (const json& rule : document.at("holds"))
        table.add({text_of(rule, "what"), text_of(rule, "since"), text_of(rule, "by"), "mailboxctl queue release " + hold_options(rule)});
    return table.text(style, "no standing holds; mailboxctl queue hold --standing --destination DOMAIN begins one");
}

}  // namespace mbx::ctl
