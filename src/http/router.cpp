#include "http/router.hpp"

#include <algorithm>
#include <array>
#include <cassert>

namespace mbx::http {
namespace {

bool is_named(const std::string& segment) { return segment.size() > 2 && segment.front() == '{' && segment.back() == '}'; }

std::vector<std::string> split(std::string_view pattern)
{
    std::vector<std::string> segments;
    while (!pattern.empty()) {
        pattern.remove_prefix(1);
        const std::size_t slash = std::min(pattern.find('/'), pattern.size());
        if (slash != 0) segments.emplace_back(pattern.substr(0, slash));
        pattern.remove_prefix(slash);
    }
    return segments;
}

}  // namespace

std::string_view method_name(Method method)
{
    switch (method) {
    case Method::get: return "GET";
    case Method::head: return "HEAD";
    case Method::post: return "POST";
    case Method::put: return "PUT";
    case Method::patch: return "PATCH";
    case Method::remove: return "DELETE";
    case Method::options: return "OPTIONS";
    case Method::other: return "";
    }
    return "";
}

const std::string& Request::parameter(std::string_view name) const
{
    static const std::string kNone;
    const auto found = std::ranges::find(parameters, name, [](const auto& pair) { return std::string_view(pair.first); });
    return found == parameters.end() ? kNone : found->second;
}

void Router::add(Method method, std::string pattern, Handler handler)
{
    assert(!pattern.empty() && pattern.front() == '/');
    assert(std::ranges::none_of(entries_, [&](const Entry& entry) {
        return entry.method == method && entry.pattern == pattern;
    }));
    std::vector<std::string> segments = split(pattern);
    entries_.push_back(Entry{method, std::move(pattern), std::move(segments), std::move(handler)});
}

bool Router::matches(const Entry& entry, const std::vector<std::string>& segments)
{
    return std::ranges::equal(entry.segments, segments,
                              [](const std::string& mine, const std::string& sent) { return is_named(mine) || mine == sent; });
}

Router::Match Router::find(Method method, const std::vector<std::string>& segments) const
{
    const Method wanted = method == Method::head ? Method::get : method;
    Match match;
    std::array<bool, 8> allowed{};
    std::ptrdiff_t best_named = -1;
    for (const Entry& entry : entries_) {
        if (!matches(entry, segments)) continue;
        allowed.at(static_cast<std::size_t>(entry.method)) = true;
        const auto named = std::ranges::count_if(entry.segments, is_named);
        if (entry.method != wanted || (best_named >= 0 && named >= best_named)) continue;
        best_named = named;
        match.handler = &entry.handler;
        match.parameters.clear();
        for (std::size_t at = 0; at < segments.size(); ++at) {
            const std::string& mine = entry.segments[at];
            if (is_named(mine)) match.parameters.emplace_back(mine.substr(1, mine.size() - 2), segments[at]);
        }
    }
    if (match.handler != nullptr) return match;
    allowed.at(static_cast<std::size_t>(Method::head)) = allowed.at(static_cast<std::size_t>(Method::get));
    for (std::size_t number = 0; number < allowed.size(); ++number) {
        if (!allowed.at(number)) continue;
        if (!match.allow.empty()) match.allow += ", ";
        match.allow += method_name(static_cast<Method>(number));
    }
    return match;
}

std::vector<Router::Route> Router::routes() const
{
    std::vector<Route> all;
    for (const Entry& entry : entries_) all.push_back(Route{entry.method, entry.pattern});
    return all;
}

}  // namespace mbx::http
