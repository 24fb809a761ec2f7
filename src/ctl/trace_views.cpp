#include "ctl/trace_views.hpp"

#include <fmt/core.h>

#include <nlohmann/json.hpp>

#include "base/legible.hpp"

namespace mbx::ctl {
namespace {

using nlohmann::json;
using Side = Table::Side;

// Of others' words nothing may move the terminal (HOSTILE row A10).
std::string words(const json& object, const char* name)
{
    constexpr std::size_t kMost = 4096;
    return ascii::legible(object.at(name).get<std::string>(), kMost);
}

// For tables and pairs, which do that themselves.
std::string cell(const json& object, const char* name) { return object.at(name).get<std::string>(); }

std::string count(const json& object, const char* name) { return std::to_string(object.at(name).get<std::int64_t>()); }

std::string span(const json& milliseconds)
{
    if (milliseconds.is_null()) return "-";
    const double value = milliseconds.get<double>();
    constexpr double kSecond = 1000;
    constexpr double kMinute = 60 * kSecond;
    if (value < kSecond) return fmt::format("{:.1f} ms", value);
    if (value < 2 * kMinute) return fmt::format("{:.2f} s", value / kSecond);
    return fmt::format("{:.0f} min", value / kMinute);
}

// "2026-11-22T12:41:39.123456Z" as "2026-11-22 12:41:39.123"
std::string moment(const json& object, const char* name)
{
    if (object.at(name).is_null()) return "-";
    std::string text = words(object, name);
    constexpr std::size_t kDay = 10;
    constexpr std::size_t kShown = 23;
    if (text.size() < kShown) return text;
    text[kDay] = ' ';
    return text.substr(0, kShown);
}

std::string tell(const json& story)
{
    std::string all = words(story, "title") + "\n";
    for (const json& line : story.at("story"))
        all += fmt::format("  {}  {:>12}  {}\n", moment(line, "at"), words(line, "after").empty() ? "" : "+" + words(line, "after"),
                           words(line, "text"));
    if (story.at("story").empty()) all += "  nothing is known of it\n";
    return all;
}

std::string sender_of(const json& message)
{
    if (!message.value("begun", true)) return "(not known)";
    return cell(message, "reverse_path").empty() ? "<>" : cell(message, "reverse_path");
}

// Those who wait too long are late as well, and part of what the share is of.
std::string share(const json& document)
{
    const auto delivered = document.at("delivered").get<std::int64_t>();
    const auto late = document.at("late").get<std::int64_t>();
    if (delivered == 0) return "-";
    return fmt::format("{} of {} ({:.3f} %){}", count(document, "within"), delivered + late, document.at("percent").get<double>(),
                       late == 0 ? "" : ", with those who still wait too long");
}

std::string waiting(const json& document, const std::string& limit)
{
    const auto besides = document.value("queued_besides", std::int64_t{0});
    std::string text = count(document, "late") + ", longer than " + limit + " already";
    if (besides == 0) return text;
    return text + fmt::format("; since when {} of the queue {} is not known here: accepted earlier, or the trace lacks the beginning",
                              besides == 1 ? "1 message" : std::to_string(besides) + " messages", besides == 1 ? "waits" : "wait");
}

}  // namespace

std::string trace_text(const json& document, Style style)
{
    if (!document.at("story").is_null()) return tell(document.at("story"));
    Table table({{"ACCEPTED (UTC)"}, {"ID"}, {"FROM"}, {"SIZE", Side::right}, {"SUBJECT"}});
    for (const json& row : document.at("messages")) {
        table.add({moment(row, "accepted"), cell(row, "id"), sender_of(row),
                   row.at("size").is_null() ? "-" : count(row, "size"), cell(row, "subject")});
    }
    std::string all = table.text(style, "no such message");
    if (!document.at("messages").empty()) all += "mailboxctl trace ID tells what befell one\n";
    if (!document.at("before").is_null()) all += "there are more; --since and --until narrow it\n";
    if (document.at("partial").get<bool>()) all += "the search took too long and is not complete; --since narrows it\n";
    return all;
}

std::string slo_text(const json& document, Style style)
{
    const std::string limit = span(document.at("limit_milliseconds"));
    const bool has_delivered = document.at("delivered").get<std::int64_t>() != 0;
    std::string all = pairs({
        {"since", moment(document, "since") + " UTC"},
        {"delivered", count(document, "delivered") + ", here and elsewhere, by recipient"},
        {"within " + limit, share(document)},
        {"still waiting", waiting(document, limit)},
        {"failed for good", count(document, "failed") + "; a sender who is there and wants to know was told"},
        {"half of them in", has_delivered ? span(document.at("median_milliseconds")) : "-"},
        {"99 of 100 in", has_delivered ? span(document.at("p99_milliseconds")) : "-"},
    });
    Table lines({{"DESTINATION"}, {"DELIVERED", Side::right}, {"IN TIME", Side::right}, {"OURS, MEAN", Side::right},
                 {"THEIRS, MEAN", Side::right}, {"WORST", Side::right}});
    for (const json& row : document.at("destinations")) {
        lines.add({cell(row, "destination").empty() ? "(here)" : cell(row, "destination"), count(row, "delivered"),
                   fmt::format("{:.3f} %", row.at("percent").get<double>()), span(row.at("mean_our_milliseconds")),
                   span(row.at("mean_their_milliseconds")), span(row.at("worst_milliseconds"))});
    }
    all += "\n" + lines.text(style, "nothing was delivered");
    if (!document.at("destinations").empty())
        all += "ours: until our first attempt; theirs: what the other server took, with every further attempt it asked for\n";
    if (!document.at("violations").empty()) {
        Table late({{"ACCEPTED (UTC)"}, {"ID"}, {"RECIPIENT"}, {"OUTCOME"}, {"TOOK", Side::right}, {"OURS", Side::right},
                    {"THEIRS", Side::right}, {"TRIES", Side::right}, {"LAST WORDS"}});
        for (const json& row : document.at("violations")) {
            late.add({moment(row, "accepted"), cell(row, "id"), cell(row, "recipient"), cell(row, "outcome"),
                      span(row.at("total_milliseconds")), span(row.at("our_milliseconds")), span(row.at("their_milliseconds")),
                      count(row, "attempts"), cell(row, "answer")});
        }
        all += "\nlater than " + limit + ", the latest first:\n" + late.text(style, "");
        all += "mailboxctl trace ID tells what befell one; mailboxctl queue show ID, what comes next where it still waits\n";
    }
    if (document.at("partial").get<bool>()) all += "counting took too long and is not complete; --since narrows it\n";
    return all;
}

}  // namespace mbx::ctl
