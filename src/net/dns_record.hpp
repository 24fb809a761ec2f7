// Records of the DNS as values, read from RDATA. Pure, total for any bytes (HOSTILE row H4).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "net/address.hpp"

namespace mbx::net {

enum class DnsType : std::uint16_t { a = 1, ns = 2, cname = 5, soa = 6, ptr = 12, mx = 15, txt = 16, aaaa = 28, srv = 33, tlsa = 52 };

struct MxRecord {
    std::uint16_t preference = 0;
    std::string exchange;  // lower case, without the final dot; empty: "." (null MX, RFC 7505)
    auto operator<=>(const MxRecord&) const = default;
};
struct TlsaRecord {
    std::uint8_t usage = 0;
    std::uint8_t selector = 0;
    std::uint8_t matching = 0;
    std::string data;
    auto operator<=>(const TlsaRecord&) const = default;
};
struct SrvRecord {
    std::uint16_t priority = 0;
    std::uint16_t weight = 0;
    std::uint16_t port = 0;
    std::string target;
};

// Where the PTR records of an address are (in-addr.arpa, RFC 1035 section 3.5; ip6.arpa).
std::string reverse_name(const IpAddress& address);
std::optional<IpAddress> parse_address_record(std::string_view rdata);  // 4 or 16 bytes
std::optional<MxRecord> parse_mx(std::string_view rdata);
std::optional<TlsaRecord> parse_tlsa(std::string_view rdata);
std::optional<SrvRecord> parse_srv(std::string_view rdata);
std::optional<std::string> parse_txt(std::string_view rdata);   // its strings, joined (RFC 7208 section 3.3)
std::optional<std::string> parse_name(std::string_view rdata);  // PTR, CNAME, NS

// Whether `name` can be asked for: labels of 1 to 63 bytes, 253 in all, a final dot allowed; letters, digits and
// - _ / * + = : what names of hosts, services and reverse zones are made of.
bool is_dns_name(std::string_view name);

// "MX" in any case.
std::optional<DnsType> parse_dns_type(std::string_view text);
std::string_view dns_type_name(DnsType type);
// One record as a zone file would have it, printable whatever it holds; what cannot be read as `\# 3 0a0b0c`
// (RFC 3597 section 5).
std::string describe_record(DnsType type, std::string_view rdata);

}  // namespace mbx::net
