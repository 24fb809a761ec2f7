#include "smtp/tls_policy.hpp"

#include <algorithm>

namespace mbx::smtp {
namespace {

using Need = TlsPlan::Need;

constexpr std::uint8_t kSha256 = 1;
constexpr std::uint8_t kSha512 = 2;

TlsDecision refuse(TlsBasis basis, bool is_permanent, std::string enhanced, std::string why)
{
    TlsDecision decision;
    decision.is_allowed = false;
    decision.is_permanent = is_permanent;
    decision.enhanced = std::move(enhanced);
    decision.basis = basis;
    decision.plan.need = Need::required;
    decision.why = std::move(why);
    return decision;
}

TlsDecision verified(const TlsGround& ground, TlsBasis basis, std::string label, std::string why)
{
    TlsDecision decision;
    decision.basis = basis;
    decision.plan.need = Need::required;
    decision.plan.label = std::move(label);
    decision.plan.tls.ca_file = ground.ca_file;
    decision.why = std::move(why);
    return decision;
}

TlsDecision by_route(const TlsGround& ground)
{
    TlsDecision decision = verified(ground, TlsBasis::route, "verified", "the route wants TLS with a certificate for " + ground.host);
    switch (ground.route->tls) {
    case RouteTls::verified: return decision;
    case RouteTls::implicit:
        decision.plan.is_implicit = true;
        decision.why = "the route wants TLS from the first byte on, with a certificate for " + ground.host;
        return decision;
    case RouteTls::required:
        decision.plan.tls.ca_file.clear();
        decision.plan.label = "unverified";
        decision.why = "the route wants TLS, whatever the certificate";
        break;
    case RouteTls::opportunistic:
        decision.plan.need = Need::opportunistic;
        decision.plan.tls.ca_file.clear();
        decision.plan.label = "unverified";
        decision.why = "TLS where the host offers it";
        break;
    case RouteTls::none:
        decision.plan.need = Need::none;
        decision.plan.tls.ca_file.clear();
        decision.plan.label.clear();
        decision.why = "the route wants no TLS";
        break;
    }
    // RFC 8689 section 4.2.1: what is promised to the sender counts more than the route's habit.
    if (!ground.require_tls) return decision;
    if (ground.route->tls == RouteTls::none) {
        return refuse(TlsBasis::require_tls, true, "5.7.30", "the sender requires TLS (REQUIRETLS), and the route has none");
    }
    return verified(ground, TlsBasis::require_tls, "REQUIRETLS", "the sender requires TLS (REQUIRETLS) with a certificate for " + ground.host);
}

TlsDecision by_dane(const TlsGround& ground)
{
    std::vector<net::TlsaRecord> usable = choose_tlsa(ground.tlsa);
    TlsDecision decision;
    decision.basis = usable.empty() ? TlsBasis::dane_unusable : TlsBasis::dane;
    decision.plan.need = Need::required;
    decision.plan.label = usable.empty() ? "DANE, unverified" : "DANE";
    decision.plan.tls.other_names = {ground.domain};
    decision.why = usable.empty() ? "its TLSA records are none that can be used: TLS is a must, the certificate is not looked at"
                                  : "TLS is a must, and the certificate must fit one of its TLSA records (DANE)";
    decision.plan.tls.tlsa = std::move(usable);
    return decision;
}

TlsDecision by_mta_sts(const TlsGround& ground)
{
    const bool is_listed = sts_allows(*ground.sts, ground.host);
    if (ground.sts->mode == StsMode::enforce) {
        if (is_listed) {
            return verified(ground, TlsBasis::mta_sts, "MTA-STS",
                            "TLS is a must, with a certificate for " + ground.host + " (MTA-STS, enforce)");
        }
        return refuse(TlsBasis::mta_sts, false, "4.7.1", "the MTA-STS policy of " + ground.domain + " does not name it");
    }
    TlsDecision decision = verified(ground, TlsBasis::mta_sts, "MTA-STS testing",
                                    "TLS where it is offered; the MTA-STS policy is in test mode, so a failure is only reported");
    decision.plan.need = Need::opportunistic;
    decision.may_unverify = true;
    if (!is_listed) decision.plan.tls.ca_file.clear();
    return decision;
}

bool is_dane(const TlsGround& ground) { return !ground.tlsa.empty() && ground.is_mx_secure; }

TlsDecision decide(const TlsGround& ground)
{
    if (ground.route != nullptr) return by_route(ground);
    // RFC 7672 section 2.1.2: while it is not known whether there are TLSA records, the host cannot be used.
    if (ground.is_tlsa_unknown && ground.is_mx_secure) {
        return refuse(TlsBasis::dane, false, "4.7.5", "its TLSA records cannot be had, so it is not known what it promises");
    }
    const bool enforces = ground.sts && ground.sts->mode == StsMode::enforce;
    const bool is_usable = is_dane(ground) && !choose_tlsa(ground.tlsa).empty();
    if (is_usable || (is_dane(ground) && !enforces && !ground.require_tls)) return by_dane(ground);
    if (ground.sts && ground.sts->mode != StsMode::none && (enforces || !ground.require_tls)) return by_mta_sts(ground);
    if (ground.require_tls) {
        // RFC 8689 section 4.2.1: DNSSEC or MTA-STS must vouch for the host's name before its certificate means anything.
        if (!ground.is_mx_secure) {
            return refuse(TlsBasis::require_tls, true, "5.7.30",
                          "the sender requires TLS (REQUIRETLS), and neither DNSSEC nor MTA-STS vouches for this host");
        }
        return verified(ground, TlsBasis::require_tls, "REQUIRETLS",
                        "TLS is a must, with a certificate for " + ground.host + " (REQUIRETLS)");
    }
    TlsDecision decision;
    decision.plan.label = "unverified";
    decision.why = "TLS where it is offered: the domain promises nothing by DANE or MTA-STS";
    return decision;
}

}  // namespace

std::vector<net::TlsaRecord> choose_tlsa(const std::vector<net::TlsaRecord>& records)
{
    std::vector<net::TlsaRecord> chosen;
    const auto has_stronger = [&records](const net::TlsaRecord& than) {
        return std::ranges::any_of(records, [&than](const net::TlsaRecord& other) {
            return other.usage == than.usage && other.selector == than.selector && other.matching == kSha512 &&
                   net::is_usable_tlsa(other);
        });
    };
    for (const net::TlsaRecord& record : records) {
        if (!net::is_usable_tlsa(record)) continue;
        if (record.matching == kSha256 && has_stronger(record)) continue;
        chosen.push_back(record);
    }
    return chosen;
}

TlsDecision decide_tls(const TlsGround& ground)
{
    TlsDecision decision = decide(ground);
    decision.plan.tls.server_name = ground.host;
    return decision;
}

}  // namespace mbx::smtp
