#include "daemon/secret.hpp"

#include <span>

namespace mbx::daemon {

namespace {

constexpr std::size_t kSecretBytes = 32;
constexpr std::uint32_t kSecretMode = 0600;

}  // namespace

Result<std::string, Error> open_secret(FileSystem& files, Random& random, const std::string& path)
{
    auto found = read_whole(files, path, kSecretBytes + 1);
    if (found && found->size() == kSecretBytes) return *std::move(found);
    if (found) return Error{"reading " + path, "it has not 32 bytes", "restore it from a backup, or remove it: then a new one is made"};
    if (!found.error().is_absent()) return Error{"reading " + path, found.error().name(), ""};
    std::string secret(kSecretBytes, '\0');
    random.fill(std::span(reinterpret_cast<unsigned char*>(secret.data()), secret.size()));
    const auto written = replace_whole(files, path, secret, kSecretMode);
    if (!written) return Error{"writing " + path, written.error().name(), written.error().is_no_space() ? "make room on the disk" : ""};
    return secret;
}

}  // namespace mbx::daemon
