// What parse_target() lets through has no segment that could leave its place, and means the same when written again; what an
// encoded segment holds finds no route but one that names it.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "base/ascii.hpp"
#include "http/router.hpp"
#include "http/target.hpp"

using namespace mbx;

namespace {

void must(bool holds)
{
    if (!holds) std::abort();
}

co::Task<http::Response> nothing() { co_return http::Response(); }

const http::Router& router()
{
    static const http::Router kRouter = [] {
        http::Router made;
        for (const char* pattern : {"/", "/a", "/a/{x}", "/a/b", "/a/{x}/b", "/a/{x}/{y}"})
            made.add(http::Method::get, pattern, [](const http::Request&) { return nothing(); });
        return made;
    }();
    return kRouter;
}

// As many segments as the sender's own slashes part, whatever was encoded in them.
std::size_t slashes_in_path(std::string_view text)
{
    if (const auto scheme = text.find("://"); !text.starts_with('/') && scheme != std::string_view::npos) text.remove_prefix(scheme + 3);
    text = text.substr(0, text.find('?'));
    const auto slash = text.find('/');
    if (slash == std::string_view::npos || text.substr(slash) == "/") return 0;
    return static_cast<std::size_t>(std::ranges::count(text, '/'));
}

void check_route(const std::vector<std::string>& segments)
{
    const http::Router::Match match = router().find(http::Method::get, segments);
    const bool is_there = segments.empty() || (segments.size() <= 3 && segments.front() == "a");
    must(is_there == (match.handler != nullptr));
    for (const auto& [name, value] : match.parameters) must(value == segments.at(name == "x" ? 1 : 2));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    (void)http::parse_host(text);
    // Whatever a name is, it arrives as one segment, or not at all.
    const auto carried = http::parse_target("/a/" + http::encode_segment(text));
    if (carried) must(carried->segments.size() == 2 && carried->segments[1] == text);
    const auto target = http::parse_target(text);
    if (!target) return 0;
    must(target->segments.size() == slashes_in_path(text));
    std::string again;
    for (const std::string& segment : target->segments) {
        must(!segment.empty() && segment != "." && segment != ".." && ascii::is_utf8(segment));
        for (const char c : segment) must(!ascii::is_control(c));
        again += "/" + http::encode_segment(segment);
    }
    if (again.empty()) again = "/";
    must(target->path() == again);
    const auto twice = http::parse_target(again);
    must(twice && twice->segments == target->segments);
    check_route(target->segments);
    return 0;
}
