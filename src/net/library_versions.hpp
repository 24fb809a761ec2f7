// The versions of the libraries that only net/ may see.
#pragma once

#include <string>

namespace mbx::net {

std::string libuv_version();
std::string mbedtls_version();
std::string zlib_release();

}  // namespace mbx::net
