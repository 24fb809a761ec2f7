// The PROXY protocol, versions 1 and 2 (haproxy's proxy-protocol.txt): the header with which a proxy tells whose
// connection it passes on. Pure: bytes in, a verdict out, linear in the bytes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "net/address.hpp"

namespace mbx::net {

// What a listener holds of one header at most: version 2 with every TLV that proxies send stays far below.
inline constexpr std::size_t kMostProxyHeader = 4096;

struct ProxyAddresses {
    Endpoint source;
    Endpoint destination;
};

struct ProxyHeader {
    std::size_t length = 0;                   // bytes of the header; the client's own come behind
    std::optional<ProxyAddresses> addresses;  // none for UNKNOWN, LOCAL and families that are not TCP over IP
};

enum class ProxyVerdict : std::uint8_t { need_more, invalid, complete };

// `bytes` from the start of the connection. `header` is set when the verdict is complete. Says need_more only for what
// can still become a header of at most kMostProxyHeader bytes.
ProxyVerdict parse_proxy_header(std::string_view bytes, ProxyHeader& header);

}  // namespace mbx::net
