// The acts about the trace: what befell a message, and how quickly mail was delivered.
#include <algorithm>
#include <utility>

#include "admin/administration.hpp"
#include "admin/answers.hpp"
#include "admin/trace_documents.hpp"
#include "base/ascii.hpp"
#include "base/legible.hpp"
#include "config/since.hpp"

namespace mbx::admin {
namespace {

constexpr std::int64_t kMicro = 1'000'000;
constexpr std::string_view kTimeForm = "write it like 2h, 2026-11-20 or 2026-11-20T10:00:00Z";

http::Response trace_failed(const Error& error) { return http::problem(500, error); }

// A time of the query in microseconds; none where it is not given.
Result<std::optional<std::int64_t>, Error> read_time(const http::Target& target, std::string_view name, WallTime now)
{
    const std::string* text = target.query_value(name);
    if (text == nullptr) return std::optional<std::int64_t>();
    const auto seconds = config::parse_since(*text, now);
    if (!seconds) return Error{"asking the trace", std::string(name) + " is no time", std::string(kTimeForm)};
    return std::optional<std::int64_t>(*seconds * kMicro);
}

Result<std::uint64_t, Error> read_number(const http::Target& target, std::string_view name, std::uint64_t usual, std::uint64_t most)
{
    const std::string* text = target.query_value(name);
    if (text == nullptr) return usual;
    const auto number = ascii::parse_number(*text);
    if (!number || *number == 0 || *number > most) {
        const std::string hint = name == "within_ms" ? "it is a time in milliseconds, such as 5000" : "";
        return Error{"asking the trace", std::string(name) + " is not a number from 1 to " + std::to_string(most), hint};
    }
    return *number;
}

Result<trace::SearchQuery, Error> read_search(const http::Target& target, WallTime now)
{
    constexpr std::uint64_t kUsualPage = 50;
    constexpr std::uint64_t kMostPage = 200;
    trace::SearchQuery query;
    if (const std::string* text = target.query_value("q")) query.text = *text;
    const auto is_nothing = [](char c) { return c == ' ' || ascii::is_control(c); };
    if (!query.text.empty() && std::ranges::all_of(query.text, is_nothing))
        return Error{"asking the trace", "there is nothing in the text to look for",
                     "name an id, an address, a Message-ID or a part of the subject, or none of them for the latest messages"};
    if (ascii::trim(query.text) == "<>")
        return Error{"asking the trace", "<> is the empty sender, which many messages have, and the name of none",
                     "name an id, an address, a Message-ID or a part of the subject; mailboxctl queue list --sender '<>' lists "
                     "the reports that wait"};
    auto since = read_time(target, "since", now);
    if (!since) return since.error();
    auto until = read_time(target, "until", now);
    if (!until) return until.error();
    const auto most = read_number(target, "limit", kUsualPage, kMostPage);
    if (!most) return most.error();
    const auto before = read_number(target, "before", INT64_MAX, INT64_MAX);
    if (!before) return before.error();
    query.since = *since;
    query.until = *until;
    query.most = static_cast<std::size_t>(*most);
    query.before = static_cast<std::int64_t>(*before);
    return query;
}

http::Response no_trace()
{
    return http::problem(503, Error{"asking the trace", "this server keeps none", ""});
}

}  // namespace

co::Task<http::Response> Administration::search_trace(const http::Request& request)
{
    if (trace_ == nullptr) co_return no_trace();
    const auto query = read_search(request.target, deps_.clock.wall());
    if (!query) co_return unprocessable(query.error());
    trace::SearchQuery wanted = *query;
    const auto found = co_await trace_->search(std::move(wanted));
    if (!found) co_return trace_failed(found.error());
    const std::string* story_wanted = request.target.query_value("story");
    const bool tells = story_wanted != nullptr && *story_wanted == "yes" && found->messages.size() == 1 && !found->has_more;
    if (!tells) co_return http::json_response(200, trace_json(*found, nullptr));
    // The story of who was asked for, where that was an address.
    std::string about = query->text;
    const auto story = co_await trace_->story(found->messages.front().id, std::move(about));
    if (!story) co_return trace_failed(story.error());
    co_return http::json_response(200, trace_json(*found, *story ? &**story : nullptr));
}

co::Task<http::Response> Administration::show_trace(const http::Request& request)
{
    if (trace_ == nullptr) co_return no_trace();
    const std::string id = ascii::to_lower(request.parameter("id"));
    const std::string* recipient = request.target.query_value("recipient");
    std::string about = recipient == nullptr ? std::string() : *recipient;
    const auto story = co_await trace_->story(id, std::move(about));
    if (!story) co_return trace_failed(story.error());
    if (!*story)
        co_return not_found("asking the trace", "it knows no message " + ascii::legible(id),
                            "mailboxctl trace ADDRESS lists those of an address; old ones are forgotten (trace.keep)");
    co_return http::json_response(200, story_json(**story));
}

co::Task<http::Response> Administration::show_slo(const http::Request& request)
{
    if (trace_ == nullptr) co_return no_trace();
    constexpr std::uint64_t kUsualLimit = 5'000;  // milliseconds
    constexpr std::uint64_t kMostLimit = 30ULL * 86'400 * 1'000;
    const WallTime now = deps_.clock.wall();
    const auto since = read_time(request.target, "since", now);
    if (!since) co_return unprocessable(since.error());
    const auto limit = read_number(request.target, "within_ms", kUsualLimit, kMostLimit);
    if (!limit) co_return unprocessable(limit.error());
    const auto most = read_number(request.target, "limit", 100, 1000);
    if (!most) co_return unprocessable(most.error());
    trace::SloQuery query;
    query.until = std::chrono::duration_cast<std::chrono::microseconds>(now.time_since_epoch()).count();
    constexpr std::int64_t kDay = 86'400 * kMicro;
    query.since = since->value_or(query.until - kDay);
    query.limit_us = static_cast<std::int64_t>(*limit) * 1000;
    query.most = static_cast<std::size_t>(*most);
    const auto in_queue = [this] { return deps_.queue == nullptr ? std::uint64_t{0} : deps_.queue->facts().messages; };
    const std::uint64_t before = in_queue();
    const auto slo = co_await trace_->slo(query);
    if (!slo) co_return trace_failed(slo.error());
    // What came or went meanwhile is none that the trace does not know of.
    co_return http::json_response(200, slo_json(query, *slo, std::min(before, in_queue())));
}

}  // namespace mbx::admin
