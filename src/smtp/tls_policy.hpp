// How a connection to one host must be encrypted: an administrator's route, else DANE before MTA-STS before whatever is
// offered (RFC 7672, RFC 8461, RFC 8689). Pure. Any thread.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "net/dns_record.hpp"
#include "smtp/client.hpp"
#include "smtp/mta_sts.hpp"
#include "smtp/route.hpp"

namespace mbx::smtp {

// What is known about a host before it is asked.
struct TlsGround {
    std::string domain;             // of the recipients
    std::string host;               // the MX's name; where TLSA records were found, their base
    std::string ca_file;            // of the authorities
    bool is_mx_secure = false;      // DNSSEC vouches for the way from the domain to the host (or a route says it)
    bool is_tlsa_unknown = false;   // the look-up failed or was bogus
    std::vector<net::TlsaRecord> tlsa;  // of a secure answer
    std::optional<StsPolicy> sts;
    bool require_tls = false;       // REQUIRETLS of the message
    const Route* route = nullptr;
};

enum class TlsBasis : std::uint8_t { opportunistic, route, dane, dane_unusable, mta_sts, require_tls };

struct TlsDecision {
    bool is_allowed = true;
    bool is_permanent = false;  // when not allowed
    std::string enhanced;       // "4.7.1", when not allowed
    TlsBasis basis = TlsBasis::opportunistic;
    TlsPlan plan;
    // After a handshake that failed with `plan`: once more without looking at the certificate (policy in test mode).
    bool may_unverify = false;
    std::string why;            // one sentence for `check route`, or why not
};

TlsDecision decide_tls(const TlsGround& ground);

// Of a secure set those that count: usable ones, and of each usage and selector the strongest hash (RFC 7671 section 9).
std::vector<net::TlsaRecord> choose_tlsa(const std::vector<net::TlsaRecord>& records);

}  // namespace mbx::smtp
