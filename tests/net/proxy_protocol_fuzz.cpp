// The parser of PROXY headers: what it takes lies within its input, and its verdict does not depend on how the bytes
// arrived or on what follows them.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "net/proxy_protocol.hpp"

namespace {

void must(bool holds)
{
    if (!holds) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    using namespace mbx::net;
    const std::string_view bytes(reinterpret_cast<const char*>(data), size);
    ProxyHeader header;
    const ProxyVerdict verdict = parse_proxy_header(bytes, header);
    if (verdict == ProxyVerdict::need_more) {
        must(size < kMostProxyHeader);
        return 0;
    }
    ProxyHeader again;
    if (verdict == ProxyVerdict::invalid) {
        must(parse_proxy_header(std::string(bytes) + "more", again) == ProxyVerdict::invalid);
        return 0;
    }
    must(header.length > 0 && header.length <= size && header.length <= kMostProxyHeader);
    must(parse_proxy_header(bytes.substr(0, header.length), again) == ProxyVerdict::complete);
    must(again.length == header.length && again.addresses.has_value() == header.addresses.has_value());
    if (header.addresses) must(again.addresses->source == header.addresses->source);
    // Every shorter text is an open question, never another answer.
    for (std::size_t shorter = 0; shorter < header.length; ++shorter) {
        must(parse_proxy_header(bytes.substr(0, shorter), again) == ProxyVerdict::need_more);
    }
    return 0;
}
