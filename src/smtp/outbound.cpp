#include "smtp/outbound.hpp"

#include <utility>

#include "base/ascii.hpp"
#include "base/legible.hpp"
#include "directory/names.hpp"

namespace mbx::smtp {
namespace {

using Stage = ClientFailure::Stage;
using Verdict = queue::Answer::Verdict;

constexpr std::size_t kMostTlsWords = 300;  // in a trace

std::string_view domain_part(std::string_view address)
{
    const auto at = address.rfind('@');
    return at == std::string_view::npos ? std::string_view() : address.substr(at + 1);
}

// As A-label where it can be one.
std::string folded_domain(std::string_view address)
{
    const std::string_view domain = domain_part(address);
    if (domain.starts_with('[')) return std::string(domain);
    const auto folded = directory::fold_domain(domain);
    return folded ? *folded : ascii::to_lower(domain);
}

bool is_tls_failure(const ClientFailure& failure)
{
    return failure.stage == Stage::start_tls || failure.stage == Stage::handshake;
}

// The next plan after one whose TLS failed; none: that was the last.
std::optional<TlsPlan> weaken(const TlsPlan& plan, bool may_unverify, const std::string& why)
{
    if (plan.need != TlsPlan::Need::opportunistic) return std::nullopt;
    TlsPlan weaker = plan;
    if (!weaker.failure.empty()) weaker.failure += "; ";
    weaker.failure += "TLS failed (" + why.substr(0, kMostTlsWords) + "), tried again ";
    if (may_unverify && !plan.tls.ca_file.empty()) {
        weaker.tls.ca_file.clear();
        weaker.label = "unverified";
        weaker.failure += "with any certificate";
    } else {
        // RFC 7435: what would go unverified may go in clear.
        weaker.need = TlsPlan::Need::none;
        weaker.label.clear();
        weaker.failure += "in clear";
    }
    return weaker;
}

TlsPolicyFacts policy_facts(const FoundHosts& found, const TlsDecision& decision)
{
    TlsPolicyFacts facts;
    if (decision.basis == TlsBasis::dane || decision.basis == TlsBasis::dane_unusable) {
        facts.type = TlsPolicyType::tlsa;
        for (const net::TlsaRecord& record : decision.plan.tls.tlsa) {
            const std::string numbers{static_cast<char>(record.usage), static_cast<char>(record.selector),
                                      static_cast<char>(record.matching)};
            facts.lines.push_back(net::describe_record(net::DnsType::tlsa, numbers + record.data));
        }
    } else if (found.sts && found.sts->policy && found.sts->policy->policy.mode != StsMode::none) {
        // Mode "none" says that there is no policy any more (RFC 8461 section 5).
        const StsPolicy& policy = found.sts->policy->policy;
        facts.type = TlsPolicyType::sts;
        facts.lines = {"version: STSv1", "mode: " + std::string(describe(policy.mode))};
        for (const std::string& mx : policy.mx) facts.lines.push_back("mx: " + mx);
        facts.lines.push_back("max_age: " + std::to_string(policy.max_age.count()));
        facts.mx_hosts = policy.mx;
    }
    return facts;
}

// What becomes of a message that cannot go anywhere.
std::string fate_without(const queue::Answer& failure)
{
    return failure.verdict == Verdict::permanent ? "A message would come back to its sender at once: "
                                                 : "A message would wait and be tried again, for days: ";
}

// What an administrator can do about it; empty: nothing that is known. `name` was looked up for records of `type`.
std::string advice_about(const queue::Answer& failure, const std::string& name, const std::string& type)
{
    const std::string look_up = " mailboxctl dns lookup " + name + " " + type;
    if (failure.enhanced == "5.1.2") return " See whether the address is written right.";
    if (failure.enhanced == "4.4.3" || failure.enhanced == "4.4.4") return look_up + " asks again.";
    if (failure.enhanced == "5.4.4") return look_up + " shows what its DNS says.";
    if (failure.enhanced == "5.4.6") return " If the domain is to be one of this server: mailboxctl domain add; if not, its MX is wrong.";
    return {};
}

}  // namespace

// What one open() knows.
struct Outbound::Attempt {
    std::shared_ptr<const OutboundOptions> options;
    FoundHosts found;
    Steps steps;
    net::Cancellation cancellation;
    net::Deadline deadline;
    bool is_unreported = false;
};

Outbound::Outbound(Ground ground, OutboundOptions options, Opener opener)
    : ground_(std::move(ground)), options_(std::make_shared<const OutboundOptions>(std::move(options))),
      opener_(std::move(opener)), search_(ground_.resolver, ground_.policies, ground_.random)
{
}

void Outbound::stop()
{
    is_stopping_ = true;
    for (net::Cancellation* opening : openings_) opening->cancel();
}

queue::Destination Outbound::destination_of(const queue::Envelope& envelope, const queue::Recipient& recipient) const
{
    queue::Destination destination;
    destination.domain = folded_domain(recipient.address);
    destination.require_tls = envelope.require_tls;
    destination.ignores_tls_policy = envelope.ignores_tls_policy && !envelope.require_tls;
    const Route* route = find_route(options_->search.routes, destination.domain, folded_domain(envelope.reverse_path));
    if (route == nullptr) return destination;
    destination.route = route->key();
    // What goes to one smart host is one destination, however many domains it is for.
    if (!route->is_for_one_domain()) destination.domain = route->host;
    return destination;
}

co::Task<Result<std::unique_ptr<queue::Conversation>, queue::Answer>> Outbound::open(queue::Destination destination)
{
    Attempt attempt{options_, {}, {}, {}, net::Deadline::after(options_->open_time)};
    if (destination.ignores_tls_policy) {
        OutboundOptions without = *options_;
        without.search.uses_dane = false;
        without.search.uses_mta_sts = false;
        attempt.options = std::make_shared<const OutboundOptions>(std::move(without));
        attempt.is_unreported = true;
    }
    if (is_stopping_) co_return own_answer("4.3.2", "this server is stopping");
    attempt.found = co_await search_.find(attempt.options->search, destination, attempt.steps);
    if (attempt.found.failure) {
        attempt.found.failure->at = ground_.clock.wall();
        co_return *attempt.found.failure;
    }
    openings_.insert(&attempt.cancellation);
    std::optional<queue::Answer> last;
    const std::vector<std::string> hosts = attempt.found.hosts;
    std::size_t asked = 0;
    for (const std::string& host : hosts) {
        if (is_stopping_ || (last && net::Deadline::after({}).at >= attempt.deadline.at)) break;
        auto tried = co_await try_host(attempt, host);
        if (tried) {
            openings_.erase(&attempt.cancellation);
            co_return std::move(*tried);
        }
        // One that will not talk to us (554 for a greeting, RFC 5321 section 3.1; 5yz to EHLO and HELO) speaks for itself alone: each
        // of the others is asked (section 5.1). It is for ever only when all say so: who may answer later counts more.
        if (!last || last->verdict == Verdict::permanent || tried.error().verdict == Verdict::temporary) last = tried.error();
        ++asked;
    }
    openings_.erase(&attempt.cancellation);
    if (last && (asked < hosts.size() || attempt.found.left_out != 0)) last->verdict = Verdict::temporary;
    if (!last || is_stopping_) last = own_answer("4.3.2", "this server is stopping");
    last->at = ground_.clock.wall();
    co_return *last;
}

co::Task<Result<std::unique_ptr<queue::Conversation>, queue::Answer>> Outbound::try_host(Attempt& attempt, std::string host)
{
    const FoundTarget target = co_await search_.target(attempt.options->search, attempt.found, host, attempt.steps);
    if (target.failure) {
        if (!target.tls.is_allowed) report(attempt, target, host, {}, nullptr, {});
        co_return *target.failure;
    }
    std::optional<queue::Answer> last;
    std::size_t asked = 0;
    for (const net::Endpoint& endpoint : target.endpoints) {
        if (last && net::Deadline::after({}).at >= attempt.deadline.at) break;
        auto tried = co_await try_endpoint(attempt, target, host, endpoint);
        if (tried) co_return std::move(tried);
        // Which of our addresses they see may be what they mind.
        if (!last || last->verdict == Verdict::permanent || tried.error().verdict == Verdict::temporary) last = tried.error();
        ++asked;
        if (attempt.cancellation.is_cancelled()) break;
    }
    if (asked < target.endpoints.size()) last->verdict = Verdict::temporary;
    co_return *last;
}

co::Task<Result<std::unique_ptr<queue::Conversation>, queue::Answer>>
Outbound::try_endpoint(Attempt& attempt, const FoundTarget& target, std::string host, net::Endpoint endpoint)
{
    std::optional<TlsPlan> plan = target.tls.plan;
    std::optional<ClientFailure> failure;
    std::string failed_before;
    while (plan) {
        TlsPlan current = *plan;
        current.tls.outcome = std::make_shared<net::TlsOutcome>();
        const auto outcome = current.tls.outcome;
        outcome->fault = net::TlsFault::network;  // until a handshake has come to its end
        // What follows a failure is our own way round it: no further session that their policy speaks of.
        const bool is_counted = current.need != TlsPlan::Need::none && current.failure.empty();
        auto tried = co_await try_plan(attempt, std::move(current), host, endpoint);
        const ClientFailure* why = tried ? nullptr : &tried.error();
        if (is_counted) report(attempt, target, host, endpoint, why, *outcome);
        if (tried) co_return std::move(*tried);
        failure = tried.error();
        const std::string words = outcome->why.empty() ? failure->answer.text : outcome->why;
        failed_before = plan->failure;
        plan = is_tls_failure(*failure) ? weaken(*plan, target.tls.may_unverify, words) : std::nullopt;
    }
    queue::Answer answer = std::move(failure->answer);
    answer.tls_failure = std::move(failed_before);
    if (failure->stage == Stage::authentication && answer.verdict == Verdict::permanent) {
        // A password that a smart host refuses is our mistake: the message waits until it is mended.
        answer.verdict = Verdict::temporary;
        answer.enhanced = "4.7.8";
    }
    if (answer.host.empty()) answer.host = host;
    if (answer.address.empty()) answer.address = endpoint.text();
    ground_.log.debug("a host could not be used", {{"host", host}, {"address", endpoint.text()}, {"why", answer.text}});
    co_return answer;
}

co::Task<Result<std::unique_ptr<queue::Conversation>, ClientFailure>>
Outbound::try_plan(Attempt& attempt, TlsPlan plan, std::string host, net::Endpoint endpoint)
{
    const OutboundOptions& options = *attempt.options;
    const auto& source = endpoint.address.is_v4() ? options.source_ipv4 : options.source_ipv6;
    net::Deadline deadline = net::Deadline::after(options.connect_time);
    auto stream = co_await net::connect_tcp(ground_.loop, endpoint, source, attempt.cancellation, deadline);
    if (!stream) {
        ClientFailure failure;
        failure.answer = own_answer("4.4.1", "connecting to " + host + " at " + endpoint.text() + ": " +
                                                 std::string(net::describe(stream.error())), host);
        co_return failure;
    }
    ClientOptions client = options.client;
    client.host = host;
    client.tls = std::move(plan);
    if (attempt.found.route) {
        client.is_lmtp = attempt.found.route->is_lmtp;
        client.user = attempt.found.route->user;
        client.password = attempt.found.route->password;
    }
    co_return co_await opener_(std::move(*stream), std::move(client));
}

// What RFC 8460 wants to be told: whether a session with TLS came about as the policy wants it (section 4.2.1), and by which
// policy it had to.
void Outbound::report(const Attempt& attempt, const FoundTarget& target, const std::string& host, net::Endpoint endpoint,
                      const ClientFailure* failure, const net::TlsOutcome& outcome)
{
    if (attempt.found.route || attempt.found.is_literal || attempt.is_unreported) return;
    if (failure != nullptr && !is_tls_failure(*failure)) return;  // it says nothing about TLS
    TlsObservation seen;
    seen.domain = attempt.found.domain;
    seen.policy = policy_facts(attempt.found, target.tls);
    seen.mx_host = host;
    if (endpoint.port != 0) seen.mx_address = endpoint.address.text();
    const auto& source = endpoint.address.is_v4() ? attempt.options->source_ipv4 : attempt.options->source_ipv6;
    if (source) seen.own_address = source->text();
    const auto& sts = attempt.found.sts;
    const bool is_in_clear = failure == nullptr && outcome.fault != net::TlsFault::none;
    const auto fail = [&seen](TlsFailure what, std::string why) {
        seen.failure = what;
        seen.reason = std::move(why);
    };
    if (!target.tls.is_allowed) {
        fail(target.tls.basis == TlsBasis::dane ? TlsFailure::dnssec_invalid : TlsFailure::validation_failure, target.tls.why);
    } else if (is_in_clear || (failure != nullptr && failure->stage == Stage::start_tls)) {
        // Section 4.3.1, also where no policy asks for it: a session in clear is none with TLS.
        fail(TlsFailure::starttls_not_supported, failure == nullptr ? "the server does not offer STARTTLS" : failure->answer.text);
    } else if (failure != nullptr) {
        fail(failure_of(outcome.fault, seen.policy.type), outcome.why.empty() ? failure->answer.text : outcome.why);
    } else if (sts && sts->has_failed && !sts->policy) {
        const bool is_webpki = sts->fetch_fault != net::TlsFault::none;
        fail(is_webpki ? TlsFailure::sts_webpki_invalid : TlsFailure::sts_policy_fetch_error, sts->why);
        seen.policy.type = TlsPolicyType::sts;
    } else if (seen.policy.type == TlsPolicyType::sts && !sts_allows(sts->policy->policy, host)) {
        // Of a policy in test mode: the mail goes there all the same, and they want to hear of it (RFC 8461 section 5).
        fail(TlsFailure::validation_failure, "the MTA-STS policy does not name this host");
    }
    reports_.note(std::move(seen), ground_.clock.wall());
}

co::Task<RouteExplanation> Outbound::explain(std::string address, std::string sender)
{
    RouteExplanation explanation;
    const auto options = options_;
    queue::Envelope envelope;
    envelope.reverse_path = std::move(sender);
    queue::Recipient recipient;
    recipient.address = address;
    const queue::Destination destination = destination_of(envelope, recipient);
    if (destination.domain.empty()) {
        explanation.verdict = "\"" + ascii::legible(address) + "\" is no address with a domain.";
        co_return explanation;
    }
    const FoundHosts found = co_await search_.find(options->search, destination, explanation.steps);
    if (found.failure) {
        explanation.verdict = fate_without(*found.failure) + found.failure->text + "." + advice_about(*found.failure, found.domain, "MX");
        co_return explanation;
    }
    std::optional<queue::Answer> last;
    for (const std::string& host : found.hosts) {
        const FoundTarget target = co_await search_.target(options->search, found, host, explanation.steps);
        if (target.failure) {
            // As open() judges: for ever only when all are.
            const bool is_temporary = target.failure->verdict == Verdict::temporary;
            if (!last || is_temporary) last = target.failure;
            continue;
        }
        if (!explanation.is_reachable) {
            explanation.verdict = "A message would go to " + host + " at " + target.endpoints.front().text() + " first; " +
                                  target.tls.why + ".";
        }
        explanation.is_reachable = true;
    }
    if (explanation.is_reachable || !last) co_return explanation;
    if (found.left_out != 0) last->verdict = Verdict::temporary;
    explanation.verdict = fate_without(*last) + "no server can be used: " + last->text + "." + advice_about(*last, last->host, "A");
    co_return explanation;
}

}  // namespace mbx::smtp
