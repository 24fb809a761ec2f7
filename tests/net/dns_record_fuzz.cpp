// RDATA, and whole answers, as any name server may send them (HOSTILE row H4): every parser is total, names stay within their bounds, and what
// is shown is printable.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "base/ascii.hpp"
#include "net/dns_message.hpp"
#include "net/dns_record.hpp"

namespace {

void check(bool holds)
{
    if (!holds) std::abort();
}

void check_name(const std::string& name)
{
    check(name.size() <= 253);
    for (const char c : name) check(c > ' ' && c < 0x7f && c != '\\' && mbx::ascii::lower(c) == c);
    check(name.find("..") == std::string::npos && !name.ends_with('.'));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    using namespace mbx::net;
    const std::string_view rdata(reinterpret_cast<const char*>(data), size);
    if (const auto name = parse_name(rdata)) check_name(*name);
    if (const auto mx = parse_mx(rdata)) check_name(mx->exchange);
    if (const auto srv = parse_srv(rdata)) check_name(srv->target);
    if (const auto text = parse_txt(rdata)) check(text->size() < size);
    if (const auto tlsa = parse_tlsa(rdata)) check(!tlsa->data.empty() && tlsa->data.size() == size - 3);
    check(parse_address_record(rdata).has_value() == (size == 4 || size == 16));
    (void)is_dns_name(rdata);
    (void)is_referral(rdata);
    for (const auto type : {DnsType::a, DnsType::ns, DnsType::mx, DnsType::txt, DnsType::srv, DnsType::tlsa, DnsType::soa}) {
        for (const char c : describe_record(type, rdata)) check(!mbx::ascii::is_control(c));
    }
    return 0;
}
