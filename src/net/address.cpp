#include "net/address.hpp"

#include <arpa/inet.h>

#include <algorithm>

#include "base/ascii.hpp"

namespace mbx::net {
namespace {

constexpr std::size_t kV4Offset = 12;
constexpr std::array<std::uint8_t, kV4Offset> kMappedPrefix = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
// An IPv4 prefix of n bits is one of 96 + n bits of the mapped form.
constexpr unsigned kMappedBits = 96;

// `bytes` with everything behind the first `prefix` bits set to zero.
std::array<std::uint8_t, 16> masked(std::array<std::uint8_t, 16> bytes, unsigned prefix)
{
    for (unsigned i = 0; i < bytes.size(); ++i) {
        const unsigned first = i * 8;
        if (first >= prefix) {
            bytes[i] = 0;
        } else if (prefix - first < 8) {
            bytes[i] = static_cast<std::uint8_t>(bytes[i] & (0xff00U >> (prefix - first)));
        }
    }
    return bytes;
}

}  // namespace

std::optional<IpAddress> IpAddress::parse(std::string_view text)
{
    // inet_pton wants an end mark; nothing valid is longer than this.
    if (text.empty() || text.size() > INET6_ADDRSTRLEN) return std::nullopt;
    const std::string copy(text);
    if (copy.find('\0') != std::string::npos) return std::nullopt;
    std::array<std::uint8_t, 16> bytes{};
    if (copy.find(':') != std::string::npos) {
        if (::inet_pton(AF_INET6, copy.c_str(), bytes.data()) != 1) return std::nullopt;
        return IpAddress(bytes);
    }
    std::ranges::copy(kMappedPrefix, bytes.begin());
    if (::inet_pton(AF_INET, copy.c_str(), bytes.data() + kV4Offset) != 1) return std::nullopt;
    return IpAddress(bytes);
}

bool IpAddress::is_v4() const { return std::equal(kMappedPrefix.begin(), kMappedPrefix.end(), bytes_.begin()); }

bool IpAddress::is_loopback() const
{
    if (is_v4()) return bytes_[kV4Offset] == 127;
    return std::all_of(bytes_.begin(), bytes_.end() - 1, [](auto byte) { return byte == 0; }) && bytes_.back() == 1;
}

std::string IpAddress::text() const
{
    std::array<char, INET6_ADDRSTRLEN + 1> out{};
    const bool v4 = is_v4();
    const auto* from = v4 ? bytes_.data() + kV4Offset : bytes_.data();
    if (::inet_ntop(v4 ? AF_INET : AF_INET6, from, out.data(), out.size()) == nullptr) return {};
    return out.data();
}

IpAddress IpAddress::network() const { return is_v4() ? *this : IpAddress(masked(bytes_, 64)); }

std::optional<IpNetwork> IpNetwork::parse(std::string_view text)
{
    const auto slash = text.find('/');
    const auto address = IpAddress::parse(text.substr(0, slash));
    if (!address) return std::nullopt;
    IpNetwork network;
    if (slash != std::string_view::npos) {
        const auto bits = ascii::parse_number(text.substr(slash + 1));
        if (!bits || *bits > (address->is_v4() ? 32U : 128U)) return std::nullopt;
        network.prefix_ = static_cast<unsigned>(*bits) + (address->is_v4() ? kMappedBits : 0);
    }
    network.base_ = IpAddress(masked(address->bytes(), network.prefix_));
    return network;
}

bool IpNetwork::contains(const IpAddress& address) const
{
    return masked(address.bytes(), prefix_) == base_.bytes();
}

std::optional<Endpoint> Endpoint::parse(std::string_view text)
{
    const auto colon = text.rfind(':');
    if (colon == std::string_view::npos) return std::nullopt;
    std::string_view host = text.substr(0, colon);
    const auto port = ascii::parse_number(text.substr(colon + 1));
    if (!port || *port > 65535) return std::nullopt;

    const bool bracketed = host.size() >= 2 && host.front() == '[' && host.back() == ']';
    if (bracketed) host = host.substr(1, host.size() - 2);
    const auto address = IpAddress::parse(host);
    // Brackets are for IPv6 and IPv6 is for brackets: "::1:25" could be read in two ways.
    if (!address || bracketed != (host.find(':') != std::string_view::npos)) return std::nullopt;
    return Endpoint{*address, static_cast<std::uint16_t>(*port)};
}

std::string Endpoint::text() const
{
    const std::string host = address.text();
    return (address.is_v4() ? host : "[" + host + "]") + ":" + std::to_string(port);
}

}  // namespace mbx::net
