// One HTTP request, whole. A value.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "http/fields.hpp"
#include "http/target.hpp"
#include "net/address.hpp"

namespace mbx::http {

enum class Method : std::uint8_t { get, head, post, put, patch, remove, options, other };
std::string_view method_name(Method method);  // "DELETE" for remove; "" for other

struct Request {
    Method method = Method::other;
    std::string raw_target;   // as sent
    Target target;            // judged by the server before a handler sees the request
    Fields fields;
    std::string body;
    bool keeps_alive = true;  // what the client wants (RFC 9112 section 9.3)
    bool is_version_1_0 = false;
    bool expects_continue = false;
    net::PeerInfo peer;
    std::vector<std::pair<std::string, std::string>> parameters;  // of the route's pattern, decoded

    // The value of {name} in the route's pattern; empty when the pattern has no such name.
    const std::string& parameter(std::string_view name) const;
};

}  // namespace mbx::http
