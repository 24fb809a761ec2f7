// Files of the console, compiled into the executable: no path from outside ever reaches a file system (HOSTILE row K3).
#pragma once

#include <span>
#include <string_view>

#include "http/router.hpp"

namespace mbx::http {

struct StaticFile {
    std::string_view path;          // "/status.js"
    std::string_view content_type;
    std::string_view entity_tag;    // with its quotes, from the bytes
    std::string_view bytes;
};

// Adds a GET route for each file; `files` lives as long as the router. Answers 304 to a matching If-None-Match.
void add_static_files(Router& router, std::span<const StaticFile> files);

}  // namespace mbx::http
