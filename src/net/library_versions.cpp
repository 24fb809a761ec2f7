#include "net/library_versions.hpp"

#include <mbedtls/version.h>
#include <uv.h>
#include <zlib.h>

#include <array>

namespace mbx::net {

std::string libuv_version() { return uv_version_string(); }

std::string mbedtls_version()
{
    std::array<char, 32> text{};
    mbedtls_version_get_string(text.data());
    return text.data();
}

std::string zlib_release() { return zlibVersion(); }

}  // namespace mbx::net
