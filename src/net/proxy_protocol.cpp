#include "net/proxy_protocol.hpp"

#include <algorithm>
#include <array>

#include "base/ascii.hpp"

namespace mbx::net {
namespace {

constexpr std::string_view kV1Start = "PROXY ";
constexpr std::size_t kMostV1 = 107;  // section 2.1: with the CRLF
constexpr std::string_view kV2Signature("\r\n\r\n\0\r\nQUIT\n", 12);
constexpr std::size_t kV2Fixed = 16;

std::size_t byte_at(std::string_view bytes, std::size_t at) { return static_cast<unsigned char>(bytes[at]); }
std::size_t number16(std::string_view bytes, std::size_t at)
{
    return (byte_at(bytes, at) << 8U) | byte_at(bytes, at + 1);
}

// One word up to the next space, which is taken too; none when there is no word.
std::optional<std::string_view> next_word(std::string_view& rest)
{
    const std::size_t end = std::min(rest.find(' '), rest.size());
    if (end == 0) return std::nullopt;
    const std::string_view word = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    return word;
}

std::optional<std::uint16_t> parse_port(std::string_view word)
{
    const auto number = ascii::parse_number(word);
    // Section 2.1: no leading zero.
    if (!number || *number > 65535 || (word.size() > 1 && word.front() == '0')) return std::nullopt;
    return static_cast<std::uint16_t>(*number);
}

// What stands behind "PROXY TCP4 " or "PROXY TCP6 ".
std::optional<ProxyAddresses> parse_v1_addresses(std::string_view rest, bool v6)
{
    if (rest.ends_with(' ')) return std::nullopt;
    const auto source = next_word(rest);
    const auto destination = next_word(rest);
    const auto source_port = next_word(rest);
    const auto destination_port = next_word(rest);
    if (!source || !destination || !source_port || !destination_port || !rest.empty()) return std::nullopt;
    const auto is_v6 = [](std::string_view text) { return text.find(':') != std::string_view::npos; };
    if (is_v6(*source) != v6 || is_v6(*destination) != v6) return std::nullopt;
    const auto from = IpAddress::parse(*source);
    const auto to = IpAddress::parse(*destination);
    const auto from_port = parse_port(*source_port);
    const auto to_port = parse_port(*destination_port);
    if (!from || !to || !from_port || !to_port) return std::nullopt;
    return ProxyAddresses{{*from, *from_port}, {*to, *to_port}};
}

ProxyVerdict parse_v1(std::string_view bytes, ProxyHeader& header)
{
    const std::size_t end = bytes.substr(0, kMostV1).find("\r\n");
    if (end == std::string_view::npos) {
        return bytes.size() < kMostV1 ? ProxyVerdict::need_more : ProxyVerdict::invalid;
    }
    const std::string_view line = bytes.substr(kV1Start.size(), end - kV1Start.size());
    header.length = end + 2;
    header.addresses.reset();
    // Section 2.1: what follows UNKNOWN is to be ignored.
    if (line == "UNKNOWN" || line.starts_with("UNKNOWN ")) return ProxyVerdict::complete;
    const bool v6 = line.starts_with("TCP6 ");
    if (!v6 && !line.starts_with("TCP4 ")) return ProxyVerdict::invalid;
    header.addresses = parse_v1_addresses(line.substr(5), v6);
    return header.addresses ? ProxyVerdict::complete : ProxyVerdict::invalid;
}

IpAddress v4_at(std::string_view bytes, std::size_t at)
{
    std::array<std::uint8_t, 16> out{};
    out[10] = out[11] = 0xff;
    for (std::size_t i = 0; i < 4; ++i) out[12 + i] = static_cast<std::uint8_t>(byte_at(bytes, at + i));
    return IpAddress(out);
}

IpAddress v6_at(std::string_view bytes, std::size_t at)
{
    std::array<std::uint8_t, 16> out{};
    for (std::size_t i = 0; i < out.size(); ++i) out[i] = static_cast<std::uint8_t>(byte_at(bytes, at + i));
    return IpAddress(out);
}

// Section 2.2.7: each TLV is a type, two bytes of length and that many of value, and they fill the header exactly.
bool has_sound_tlvs(std::string_view tlvs)
{
    while (!tlvs.empty()) {
        if (tlvs.size() < 3) return false;
        const std::size_t length = number16(tlvs, 1);
        if (tlvs.size() - 3 < length) return false;
        tlvs.remove_prefix(3 + length);
    }
    return true;
}

// `body` is all behind the fixed part.
bool parse_v2_body(std::string_view body, std::size_t family, ProxyHeader& header)
{
    constexpr std::size_t kTcp4 = 0x11;
    constexpr std::size_t kTcp6 = 0x21;
    if (family != kTcp4 && family != kTcp6) return true;  // unspecified, datagrams, unix: nobody whom we could name
    const std::size_t size = family == kTcp4 ? 4 : 16;
    const std::size_t addresses = 2 * size + 4;
    if (body.size() < addresses || !has_sound_tlvs(body.substr(addresses))) return false;
    ProxyAddresses found;
    found.source.address = size == 4 ? v4_at(body, 0) : v6_at(body, 0);
    found.destination.address = size == 4 ? v4_at(body, size) : v6_at(body, size);
    found.source.port = static_cast<std::uint16_t>(number16(body, 2 * size));
    found.destination.port = static_cast<std::uint16_t>(number16(body, 2 * size + 2));
    header.addresses = found;
    return true;
}

ProxyVerdict parse_v2(std::string_view bytes, ProxyHeader& header)
{
    if (bytes.size() < kV2Fixed) return ProxyVerdict::need_more;
    const std::size_t version = byte_at(bytes, 12) >> 4U;
    const std::size_t command = byte_at(bytes, 12) & 15U;
    const std::size_t length = number16(bytes, 14);
    if (version != 2 || command > 1 || kV2Fixed + length > kMostProxyHeader) return ProxyVerdict::invalid;
    if (bytes.size() < kV2Fixed + length) return ProxyVerdict::need_more;
    header.length = kV2Fixed + length;
    header.addresses.reset();
    if (command == 0) return ProxyVerdict::complete;  // LOCAL: the proxy's own health check
    return parse_v2_body(bytes.substr(kV2Fixed, length), byte_at(bytes, 13), header) ? ProxyVerdict::complete
                                                                                    : ProxyVerdict::invalid;
}

}  // namespace

ProxyVerdict parse_proxy_header(std::string_view bytes, ProxyHeader& header)
{
    const auto may_begin = [bytes](std::string_view with) {
        const std::size_t common = std::min(bytes.size(), with.size());
        return bytes.substr(0, common) == with.substr(0, common);
    };
    if (may_begin(kV1Start)) return bytes.size() < kV1Start.size() ? ProxyVerdict::need_more : parse_v1(bytes, header);
    if (may_begin(kV2Signature)) return parse_v2(bytes, header);
    return ProxyVerdict::invalid;
}

}  // namespace mbx::net
