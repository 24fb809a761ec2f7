// IP addresses, ports and unix paths as values. Pure.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace mbx::net {

// IPv4 is held as an IPv4-mapped IPv6 address, so that one comparison serves both.
class IpAddress {
public:
    IpAddress() = default;
    explicit IpAddress(const std::array<std::uint8_t, 16>& bytes) : bytes_(bytes) {}
    static std::optional<IpAddress> parse(std::string_view text);  // "192.0.2.1", "2001:db8::1", no brackets, no zone

    bool is_v4() const;
    bool is_loopback() const;
    std::string text() const;
    // The unit of limits and brakes: the address itself for IPv4, its /64 for IPv6 (HOSTILE row J1).
    IpAddress network() const;
    const std::array<std::uint8_t, 16>& bytes() const { return bytes_; }
    auto operator<=>(const IpAddress&) const = default;

private:
    std::array<std::uint8_t, 16> bytes_{};
};

// "192.0.2.0/24", "2001:db8::/32", or a single address.
class IpNetwork {
public:
    static std::optional<IpNetwork> parse(std::string_view text);
    bool contains(const IpAddress& address) const;

private:
    IpAddress base_;
    unsigned prefix_ = 128;  // of the mapped form
};

struct Endpoint {
    IpAddress address;
    std::uint16_t port = 0;

    static std::optional<Endpoint> parse(std::string_view text);  // "127.0.0.1:25", "[::1]:25"
    std::string text() const;
    auto operator<=>(const Endpoint&) const = default;
};

// The other side of a stream, as the listener learned it.
struct PeerInfo {
    Endpoint remote;          // of the real client when a listed proxy told us (PROXY protocol)
    Endpoint local;
    bool is_unix = false;     // then `unix_uid` says who
    std::uint32_t unix_uid = 0;

    bool is_loopback() const { return is_unix || remote.address.is_loopback(); }
    std::string text() const { return is_unix ? "unix" : remote.text(); }
};

}  // namespace mbx::net
