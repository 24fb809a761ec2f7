// The gzip format (RFC 1952), for what is made whole and sent. Pure. Any thread.
#pragma once

#include <string>
#include <string_view>

namespace mbx::net {

std::string gzip(std::string_view bytes);

}  // namespace mbx::net
