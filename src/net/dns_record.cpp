#include "net/dns_record.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "base/ascii.hpp"
#include "base/codec.hpp"

namespace mbx::net {
namespace {

constexpr std::size_t kMostLabel = 63;   // RFC 1035 section 2.3.4
constexpr std::size_t kMostWireName = 255;
constexpr std::size_t kMostTextName = 253;
constexpr std::size_t kMappedV4 = 12;

constexpr std::array<std::pair<std::string_view, DnsType>, 10> kTypes{{
    {"A", DnsType::a},
    {"NS", DnsType::ns},
    {"CNAME", DnsType::cname},
    {"SOA", DnsType::soa},
    {"PTR", DnsType::ptr},
    {"MX", DnsType::mx},
    {"TXT", DnsType::txt},
    {"AAAA", DnsType::aaaa},
    {"SRV", DnsType::srv},
    {"TLSA", DnsType::tlsa},
}};

std::uint16_t number_at(std::string_view bytes, std::size_t at)
{
    const auto high = static_cast<unsigned char>(bytes[at]);
    const auto low = static_cast<unsigned char>(bytes[at + 1]);
    return static_cast<std::uint16_t>(high << 8U | low);
}

// A label may hold any byte; in the names that mail follows, one with a dot or a control in it is an attempt at something.
bool is_plain_label(std::string_view label)
{
    return std::ranges::all_of(label, [](char c) { return c > ' ' && c < 0x7f && c != '.' && c != '\\' && c != '"'; });
}

std::string describe_name(std::string_view name) { return std::string(name) + "."; }

std::string unreadable(std::string_view rdata)
{
    return "\\# " + std::to_string(rdata.size()) + " " + encode_hex(rdata);
}

std::optional<std::string> describe_known(DnsType type, std::string_view rdata)
{
    switch (type) {
    case DnsType::a:
    case DnsType::aaaa:
        if (const auto address = parse_address_record(rdata)) return address->text();
        break;
    case DnsType::ns:
    case DnsType::cname:
    case DnsType::ptr:
        if (const auto name = parse_name(rdata)) return describe_name(*name);
        break;
    case DnsType::mx:
        if (const auto mx = parse_mx(rdata)) return std::to_string(mx->preference) + " " + describe_name(mx->exchange);
        break;
    case DnsType::txt:
        if (const auto text = parse_txt(rdata)) return "\"" + ascii::printable(*text, 4 * text->size() + 1) + "\"";
        break;
    case DnsType::srv:
        if (const auto srv = parse_srv(rdata)) {
            return std::to_string(srv->priority) + " " + std::to_string(srv->weight) + " " + std::to_string(srv->port) +
                   " " + describe_name(srv->target);
        }
        break;
    case DnsType::tlsa:
        if (const auto tlsa = parse_tlsa(rdata)) {
            return std::to_string(tlsa->usage) + " " + std::to_string(tlsa->selector) + " " +
                   std::to_string(tlsa->matching) + " " + encode_hex(tlsa->data);
        }
        break;
    case DnsType::soa: break;
    }
    return std::nullopt;
}

}  // namespace

std::string reverse_name(const IpAddress& address)
{
    constexpr std::size_t kBeforeV4 = 12;
    constexpr std::string_view kHex = "0123456789abcdef";
    const auto& bytes = address.bytes();
    std::string name;
    for (std::size_t n = bytes.size(); n-- != (address.is_v4() ? kBeforeV4 : 0);) {
        if (address.is_v4()) {
            name += std::to_string(bytes.at(n)) + ".";
            continue;
        }
        name += kHex[bytes.at(n) & 0x0fU];
        name += '.';
        name += kHex[bytes.at(n) >> 4U];
        name += '.';
    }
    return name + (address.is_v4() ? "in-addr.arpa" : "ip6.arpa");
}

std::optional<IpAddress> parse_address_record(std::string_view rdata)
{
    std::array<std::uint8_t, 16> bytes{};
    if (rdata.size() == bytes.size()) {
        std::ranges::copy(rdata, bytes.begin());
        return IpAddress(bytes);
    }
    if (rdata.size() != 4) return std::nullopt;
    bytes[kMappedV4 - 2] = bytes[kMappedV4 - 1] = 0xff;
    std::ranges::copy(rdata, bytes.begin() + kMappedV4);
    return IpAddress(bytes);
}

std::optional<std::string> parse_name(std::string_view rdata)
{
    if (rdata.size() > kMostWireName) return std::nullopt;
    std::string name;
    while (!rdata.empty()) {
        const auto size = static_cast<unsigned char>(rdata.front());
        rdata.remove_prefix(1);
        if (size == 0) {
            if (!rdata.empty()) return std::nullopt;
            return name;
        }
        // A pointer (RFC 1035 section 4.1.4) has no meaning outside a message; whatever is above 63 is one, or reserved.
        if (size > kMostLabel || size > rdata.size() || !is_plain_label(rdata.substr(0, size))) return std::nullopt;
        if (!name.empty()) name += '.';
        name += ascii::to_lower(rdata.substr(0, size));
        rdata.remove_prefix(size);
    }
    return std::nullopt;  // without the root's label
}

std::optional<MxRecord> parse_mx(std::string_view rdata)
{
    if (rdata.size() < 3) return std::nullopt;
    auto exchange = parse_name(rdata.substr(2));
    if (!exchange) return std::nullopt;
    return MxRecord{number_at(rdata, 0), std::move(*exchange)};
}

std::optional<TlsaRecord> parse_tlsa(std::string_view rdata)
{
    // RFC 6698 section 2.1: three numbers and the data; without data there is nothing to compare.
    if (rdata.size() < 4) return std::nullopt;
    const auto byte = [&](std::size_t at) { return static_cast<std::uint8_t>(rdata[at]); };
    return TlsaRecord{byte(0), byte(1), byte(2), std::string(rdata.substr(3))};
}

std::optional<SrvRecord> parse_srv(std::string_view rdata)
{
    if (rdata.size() < 7) return std::nullopt;
    auto target = parse_name(rdata.substr(6));
    if (!target) return std::nullopt;
    return SrvRecord{number_at(rdata, 0), number_at(rdata, 2), number_at(rdata, 4), std::move(*target)};
}

std::optional<std::string> parse_txt(std::string_view rdata)
{
    if (rdata.empty()) return std::nullopt;  // RFC 1035 section 3.3.14: one string at least
    std::string text;
    while (!rdata.empty()) {
        const auto size = static_cast<unsigned char>(rdata.front());
        rdata.remove_prefix(1);
        if (size > rdata.size()) return std::nullopt;
        text += rdata.substr(0, size);
        rdata.remove_prefix(size);
    }
    return text;
}

bool is_dns_name(std::string_view name)
{
    if (name.ends_with('.')) name.remove_suffix(1);
    if (name.empty() || name.size() > kMostTextName) return false;
    const auto fits = [](char c) {
        return ascii::is_alnum(c) || std::string_view("-_/*+=").find(c) != std::string_view::npos;
    };
    std::size_t label = 0;
    for (const char c : name) {
        if (c != '.' && (!fits(c) || ++label > kMostLabel)) return false;
        if (c != '.') continue;
        if (label == 0) return false;
        label = 0;
    }
    return label != 0;
}

std::optional<DnsType> parse_dns_type(std::string_view text)
{
    for (const auto& [name, type] : kTypes) {
        if (ascii::same(name, text)) return type;
    }
    return std::nullopt;
}

std::string_view dns_type_name(DnsType type)
{
    for (const auto& [name, known] : kTypes) {
        if (known == type) return name;
    }
    return "TYPE?";
}

std::string describe_record(DnsType type, std::string_view rdata)
{
    return describe_known(type, rdata).value_or(unreadable(rdata));
}

}  // namespace mbx::net
