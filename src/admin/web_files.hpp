// The console's files and the API's document, embedded at build time from web/ and docs/openapi.json.
#pragma once

#include <span>

#include "http/static_files.hpp"

namespace mbx::admin {

std::span<const http::StaticFile> web_files();

}  // namespace mbx::admin
