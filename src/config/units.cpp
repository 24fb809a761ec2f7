#include "config/units.hpp"

#include <arpa/inet.h>

#include <array>
#include <limits>

#include "base/ascii.hpp"

namespace mbx::config {
namespace {

struct Unit {
    std::string_view name;
    std::uint64_t factor;
};

// Largest first among those that format_* uses; the decimal ones are only read.
constexpr std::array kSizes{
    Unit{"TiB", 1ULL << 40}, Unit{"GiB", 1ULL << 30}, Unit{"MiB", 1ULL << 20},
    Unit{"KiB", 1ULL << 10}, Unit{"B", 1},            Unit{"kB", 1000},
    Unit{"MB", 1'000'000},   Unit{"GB", 1'000'000'000}, Unit{"TB", 1'000'000'000'000},
};
constexpr std::size_t kWrittenSizes = 5;
constexpr std::array kDurations{
    Unit{"d", 86'400'000}, Unit{"h", 3'600'000}, Unit{"m", 60'000},
    Unit{"s", 1000},       Unit{"ms", 1},        Unit{"w", 604'800'000},
};
constexpr std::size_t kWrittenDurations = 5;
// Leaves room to add durations and clock times in nanoseconds' types without overflow checks everywhere.
constexpr std::uint64_t kLongest = 3'650'000ULL * 86'400'000ULL;

template <std::size_t N>
std::optional<std::uint64_t> parse_with_unit(std::string_view text, const std::array<Unit, N>& units)
{
    const auto end = text.find_first_not_of("0123456789");
    if (end == std::string_view::npos) return std::nullopt;
    const auto number = ascii::parse_number(text.substr(0, end));
    if (!number) return std::nullopt;
    for (const Unit& unit : units) {
        if (unit.name != text.substr(end)) continue;
        if (*number > std::numeric_limits<std::uint64_t>::max() / unit.factor) return std::nullopt;
        return *number * unit.factor;
    }
    return std::nullopt;
}

template <std::size_t N>
std::string format_with_unit(std::uint64_t value, const std::array<Unit, N>& units, std::size_t written)
{
    for (std::size_t i = 0; i + 1 < written; ++i) {
        if (value != 0 && value % units[i].factor == 0)
            return std::to_string(value / units[i].factor) + std::string(units[i].name);
    }
    return std::to_string(value) + std::string(units[written - 1].name);
}

using AddressBytes = std::array<unsigned char, 16>;

struct Address {
    AddressBytes bytes{};
    bool is_v4 = false;
};

std::optional<Address> parse_address(std::string_view text)
{
    if (text.size() > INET6_ADDRSTRLEN || text.find('\0') != std::string_view::npos) return std::nullopt;
    const std::string terminated(text);
    Address address;
    if (inet_pton(AF_INET, terminated.c_str(), address.bytes.data()) == 1) {
        address.is_v4 = true;
        return address;
    }
    if (inet_pton(AF_INET6, terminated.c_str(), address.bytes.data()) == 1) return address;
    return std::nullopt;
}

bool is_loopback(const Address& address)
{
    if (address.is_v4) return address.bytes[0] == 127;
    AddressBytes one{};
    one[15] = 1;
    return address.bytes == one;
}

std::optional<Address> parse_endpoint(std::string_view text)
{
    const auto colon = text.rfind(':');
    if (colon == std::string_view::npos || colon == 0) return std::nullopt;
    const auto port = ascii::parse_number(text.substr(colon + 1));
    if (!port || *port > 65535 || text.size() - colon > 6) return std::nullopt;
    std::string_view host = text.substr(0, colon);
    const bool bracketed = host.front() == '[' && host.back() == ']';
    if (bracketed) host = host.substr(1, host.size() - 2);
    const auto address = parse_address(host);
    if (!address || address->is_v4 == bracketed) return std::nullopt;
    return address;
}

struct Network {
    Address base;
    std::uint64_t prefix = 0;
};

std::optional<Network> parse_network(std::string_view text)
{
    const auto slash = text.find('/');
    const auto address = parse_address(text.substr(0, slash));
    if (!address) return std::nullopt;
    const std::uint64_t most = address->is_v4 ? 32 : 128;
    if (slash == std::string_view::npos) return Network{*address, most};
    const auto prefix = ascii::parse_number(text.substr(slash + 1));
    if (!prefix || *prefix > most) return std::nullopt;
    return Network{*address, *prefix};
}

}  // namespace

std::optional<Bytes> parse_size(std::string_view text) { return parse_with_unit(text, kSizes); }
std::string format_size(Bytes size) { return format_with_unit(size, kSizes, kWrittenSizes); }

std::optional<Duration> parse_duration(std::string_view text)
{
    const auto milliseconds = parse_with_unit(text, kDurations);
    if (!milliseconds || *milliseconds > kLongest) return std::nullopt;
    return Duration(static_cast<Duration::rep>(*milliseconds));
}

std::string format_duration(Duration duration)
{
    if (duration.count() == 0) return "0s";
    return format_with_unit(static_cast<std::uint64_t>(duration.count()), kDurations, kWrittenDurations);
}

bool is_endpoint(std::string_view text) { return parse_endpoint(text).has_value(); }
bool is_network(std::string_view text) { return parse_network(text).has_value(); }

bool is_loopback_endpoint(std::string_view text)
{
    const auto address = parse_endpoint(text);
    return address && is_loopback(*address);
}

bool is_loopback_network(std::string_view text)
{
    const auto network = parse_network(text);
    return network && is_loopback(network->base) && network->prefix >= (network->base.is_v4 ? 8U : 128U);
}

bool is_host_name(std::string_view text)
{
    if (text.empty() || text.size() > 253) return false;
    while (true) {
        const auto dot = text.find('.');
        const std::string_view label = text.substr(0, dot);
        if (label.empty() || label.size() > 63 || label.front() == '-' || label.back() == '-') return false;
        for (const char c : label) {
            if (!ascii::is_alnum(c) && c != '-') return false;
        }
        if (dot == std::string_view::npos) return true;
        text.remove_prefix(dot + 1);
    }
}

}  // namespace mbx::config
