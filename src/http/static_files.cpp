#include "http/static_files.hpp"

#include <algorithm>
#include <string>

namespace mbx::http {
namespace {

// RFC 9110 section 13.1.2: a list of tags or "*"; weak comparison.
bool names_tag(std::string_view list, std::string_view tag)
{
    if (ascii::trim(list) == "*") return true;
    while (!list.empty()) {
        const std::size_t comma = std::min(list.find(','), list.size());
        std::string_view one = ascii::trim(list.substr(0, comma));
        if (one.starts_with("W/")) one.remove_prefix(2);
        if (one == tag) return true;
        list.remove_prefix(std::min(comma + 1, list.size()));
    }
    return false;
}

co::Task<Response> answer(const Request& request, const StaticFile& file)
{
    Response response;
    response.content_type = file.content_type;
    // May be kept, but is asked for again: an upgraded daemon shows its own page at once.
    response.cache_control = "no-cache";
    response.fields.push_back(Field{"ETag", std::string(file.entity_tag)});
    const std::string* known = request.fields.find("if-none-match");
    if (known != nullptr && names_tag(*known, file.entity_tag)) response.status = 304;
    else response.fixed_body = file.bytes;
    co_return response;
}

}  // namespace

void add_static_files(Router& router, std::span<const StaticFile> files)
{
    for (const StaticFile& file : files) {
        router.add(Method::get, std::string(file.path),
                   [&file](const Request& request) { return answer(request, file); });
    }
}

}  // namespace mbx::http
