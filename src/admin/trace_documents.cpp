#include "admin/trace_documents.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <chrono>
#include <nlohmann/json.hpp>

#include "trace/story.hpp"

namespace mbx::admin {
namespace {

using nlohmann::ordered_json;

std::string trace_text(const ordered_json& document)
{
    return document.dump(-1, ' ', false, ordered_json::error_handler_t::replace) + "\n";
}

// "2026-11-22T12:41:39.123456Z"
std::string instant(std::int64_t microseconds)
{
    using namespace std::chrono;
    const sys_time<std::chrono::microseconds> at{std::chrono::microseconds(microseconds)};
    const auto day = floor<days>(at);
    const year_month_day date{day};
    const auto rest = (at - day).count();
    constexpr std::int64_t kInSecond = 1'000'000;
    return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:06}Z", static_cast<int>(date.year()),
                       static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()), rest / (3600 * kInSecond),
                       rest / (60 * kInSecond) % 60, rest / kInSecond % 60, rest % kInSecond);
}

ordered_json instant_or_null(const std::optional<std::int64_t>& at) { return at ? ordered_json(instant(*at)) : ordered_json(); }

// Milliseconds with three digits behind the point.
ordered_json span_or_null(const std::optional<std::int64_t>& microseconds)
{
    return microseconds ? ordered_json(static_cast<double>(*microseconds) / 1000.0) : ordered_json();
}

ordered_json value_of(const trace::MessageRow& message)
{
    return {{"id", message.id},
            {"number", message.number},
            {"accepted", instant(message.at)},
            {"begun", message.is_begun},
            {"reverse_path", message.reverse_path},
            {"account", message.account},
            {"peer", message.peer},
            {"helo", message.helo},
            {"tls", message.tls},
            {"subject", message.subject},
            {"message_id", message.message_id},
            {"size", message.size ? ordered_json(*message.size) : ordered_json()}};
}

ordered_json value_of(const trace::DeliveryRow& delivery)
{
    return {{"id", delivery.id},
            {"recipient", delivery.recipient},
            {"outcome", delivery.outcome},
            {"destination", delivery.destination},
            {"host", delivery.host},
            {"attempts", delivery.attempts},
            {"accepted", instant_or_null(delivery.accepted_at)},
            {"ended", instant_or_null(delivery.ended_at)},
            {"total_milliseconds", span_or_null(delivery.total_us)},
            {"our_milliseconds", span_or_null(delivery.our_us)},
            {"their_milliseconds", span_or_null(delivery.their_us)},
            {"answer", delivery.answer}};
}

ordered_json value_of(const trace::EventRow& event)
{
    ordered_json facts = ordered_json::object();
    for (const auto& [name, value] : event.facts) facts[name] = value;
    return {{"at", instant(event.at)},
            {"kind", event.kind},
            {"recipient", event.recipient},
            {"detail", event.detail},
            {"facts", std::move(facts)}};
}

ordered_json value_of(const trace::MessageStory& story)
{
    ordered_json lines = ordered_json::array();
    for (const trace::StoryLine& line : trace::tell_story(story)) {
        lines.push_back({{"at", instant(line.at)},
                         {"after", line.at < story.message.at ? "" : trace::span_text(line.at - story.message.at)},
                         {"text", line.text}});
    }
    ordered_json events = ordered_json::array();
    for (const auto& event : story.events) events.push_back(value_of(event));
    ordered_json deliveries = ordered_json::array();
    for (const auto& delivery : story.deliveries) deliveries.push_back(value_of(delivery));
    ordered_json outcomes = ordered_json::object();
    for (const auto& [outcome, count] : story.outcomes) outcomes[outcome] = count;
    return {{"title", trace::tell_message(story.message)},
            {"message", value_of(story.message)},
            {"about", story.about},
            {"outcomes", std::move(outcomes)},
            {"story", std::move(lines)},
            {"events", std::move(events)},
            {"deliveries", std::move(deliveries)},
            {"cut", story.is_cut}};
}

double percent(std::int64_t part, std::int64_t whole)
{
    return whole == 0 ? 100.0 : static_cast<double>(part) * 100.0 / static_cast<double>(whole);
}

double milliseconds_of(std::int64_t microseconds) { return static_cast<double>(microseconds) / 1000.0; }

}  // namespace

std::string trace_json(const trace::SearchAnswer& answer, const trace::MessageStory* story)
{
    ordered_json messages = ordered_json::array();
    for (const auto& message : answer.messages) messages.push_back(value_of(message));
    ordered_json document = {{"messages", std::move(messages)},
                             {"before", answer.has_more ? ordered_json(answer.messages.back().number) : ordered_json()},
                             {"partial", answer.is_partial}};
    document["story"] = story != nullptr ? value_of(*story) : ordered_json();
    return trace_text(document);
}

std::string story_json(const trace::MessageStory& story) { return trace_text(value_of(story)); }

std::string slo_json(const trace::SloQuery& query, const trace::SloAnswer& slo, std::uint64_t queued)
{
    ordered_json destinations = ordered_json::array();
    for (const trace::SloLine& line : slo.destinations) {
        destinations.push_back({{"destination", line.destination},
                                {"delivered", line.delivered},
                                {"within", line.within},
                                {"percent", percent(line.within, line.delivered)},
                                {"mean_our_milliseconds", milliseconds_of(line.mean_our_us)},
                                {"mean_their_milliseconds", milliseconds_of(line.mean_their_us)},
                                {"worst_milliseconds", milliseconds_of(line.worst_us)}});
    }
    ordered_json violations = ordered_json::array();
    for (const auto& delivery : slo.violations) violations.push_back(value_of(delivery));
    return trace_text({{"since", instant(query.since)},
                       {"until", instant(query.until)},
                       {"limit_milliseconds", milliseconds_of(query.limit_us)},
                       {"delivered", slo.delivered},
                       {"within", slo.within},
                       {"percent", percent(slo.within, slo.delivered + slo.late)},
                       {"late", slo.late},
                       {"queued_besides", std::max<std::int64_t>(0, static_cast<std::int64_t>(queued) - slo.waiting_messages)},
                       {"failed", slo.failed},
                       {"median_milliseconds", milliseconds_of(slo.median_us)},
                       {"p99_milliseconds", milliseconds_of(slo.p99_us)},
                       {"destinations", std::move(destinations)},
                       {"violations", std::move(violations)},
                       {"partial", slo.is_partial}});
}

}  // namespace mbx::admin
