#include "daemon/version.hpp"

#include <CLI/Version.hpp>
#include <fmt/format.h>
#include <llhttp.h>
#include <nlohmann/json_fwd.hpp>
#include <sodium.h>
#include <sqlite3.h>
#include <toml++/toml.h>

#include "net/library_versions.hpp"

namespace mbx::daemon {

std::string version_number()
{
    return MAILBOXD_VERSION;
}

std::string version_commit()
{
    return MAILBOXD_COMMIT;
}

std::string version_text()
{
    std::string text = fmt::format("mailboxd {} (commit {})\n", MAILBOXD_VERSION, MAILBOXD_COMMIT);
    const auto line = [&text](std::string_view name, std::string_view version) {
        text += fmt::format("  {:<14}{}\n", name, version);
    };
    line("libuv", net::libuv_version());
    line("zlib", net::zlib_release());
    line("mbedTLS", net::mbedtls_version());
    line("SQLite", sqlite3_libversion());
    line("libsodium", sodium_version_string());
    line("llhttp", fmt::format("{}.{}.{}", LLHTTP_VERSION_MAJOR, LLHTTP_VERSION_MINOR, LLHTTP_VERSION_PATCH));
    line("CLI11", CLI11_VERSION);
    line("nlohmann-json", fmt::format("{}.{}.{}", NLOHMANN_JSON_VERSION_MAJOR, NLOHMANN_JSON_VERSION_MINOR,
                                      NLOHMANN_JSON_VERSION_PATCH));
    line("toml++", fmt::format("{}.{}.{}", TOML_LIB_MAJOR, TOML_LIB_MINOR, TOML_LIB_PATCH));
    line("fmt", fmt::format("{}.{}.{}", FMT_VERSION / 10000, FMT_VERSION / 100 % 100, FMT_VERSION % 100));
    return text;
}

}  // namespace mbx::daemon
