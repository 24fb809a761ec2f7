#include "daemon/mail_out.hpp"

#include <utility>

#include "daemon/outbound_options.hpp"

namespace mbx::daemon {
namespace {

co::Task<admin::RouteFacts> explain_for(smtp::Outbound* outbound, std::string address, std::string sender)
{
    smtp::RouteExplanation told = co_await outbound->explain(std::move(address), std::move(sender));
    admin::RouteFacts facts;
    facts.steps = std::move(told.steps);
    facts.verdict = std::move(told.verdict);
    facts.is_reachable = told.is_reachable;
    co_return facts;
}

}  // namespace

Result<std::unique_ptr<MailOut>, Error> MailOut::open(Ground ground, const config::Settings& settings,
                                                      smtp::Outbound::Opener opener)
{
    auto resolver = net::UnboundResolver::open({ground.loop, ground.clock, ground.log.for_component("dns")},
                                               resolver_options(settings));
    if (!resolver) return resolver.error();
    return std::unique_ptr<MailOut>(new MailOut(std::move(ground), std::move(*resolver), settings, std::move(opener)));
}

MailOut::MailOut(Ground ground, std::unique_ptr<net::UnboundResolver> resolver, const config::Settings& settings,
                 smtp::Outbound::Opener opener)
    : resolver_(std::move(resolver)),
      policies_(smtp::StsPolicies::Ground{ground.loop, ground.workers, *resolver_, ground.files, ground.clock,
                                          ground.log.for_component("outbound")},
                sts_options(settings)),
      outbound_(smtp::Outbound::Ground{ground.loop, *resolver_, &policies_, ground.clock, ground.random,
                                       ground.log.for_component("outbound")},
                outbound_options(settings), std::move(opener))
{
}

admin::Hooks MailOut::with_questions(admin::Hooks hooks)
{
    hooks.look_up = [this](std::string name, net::DnsType type) { return resolver_->look_up(std::move(name), type); };
    hooks.explain_route = [this](std::string address, std::string sender) {
        return explain_for(&outbound_, std::move(address), std::move(sender));
    };
    return hooks;
}

void MailOut::set_options(const config::Settings& settings)
{
    policies_.set_options(sts_options(settings));
    outbound_.set_options(outbound_options(settings));
}

void MailOut::stop()
{
    outbound_.stop();
    policies_.stop();
    resolver_->stop();
}

}  // namespace mbx::daemon
