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
};
struct TlsaRecord {
    std::uint8_t usage = 0;
    std::uint8_t selector = 0;
    std::uint8_t matching = 0;
    std::string data;
};
struct SrvRecord {
    std::uint16_t priority = 0;
    std::uint16_t weight = 0;
    std::uint16_t port = 0;
    std::string target;
};

std::optional<IpAddress> parse_address_record(std::string_view rdata);  // 4 or 16 bytes
std::optional<MxRecord> parse_mx(std::string_view rdata);
std::optional<TlsaRecord> parse_tlsa(std::string_view rdata);
std::optional<SrvRecord> parse_srv(std::string_view rdata);
std::optional<std::string> parse_txt(std::string_view rdata);   // its strings, joined (RFC 7208 section 3.3)
std::optional<std::string> parse_name(std::string_view rdata);  // PTR, CNAME, NS

}  // namespace mbx::net
