// What parse_target() lets through has no segment that could leave its place, and means the same when written again.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "base/ascii.hpp"
#include "http/target.hpp"

using namespace mbx;

namespace {

void must(bool holds)
{
    if (!holds) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    (void)http::parse_host(text);
    const auto target = http::parse_target(text);
    if (!target) return 0;
    std::string again;
    for (const std::string& segment : target->segments) {
        must(!segment.empty() && segment != "." && segment != ".." && ascii::is_utf8(segment));
        for (const char c : segment) must(c != '/' && c != '\\' && !ascii::is_control(c));
        again += "/" + http::encode_segment(segment);
    }
    if (again.empty()) again = "/";
    const auto twice = http::parse_target(again);
    must(twice && twice->segments == target->segments);
    return 0;
}
