// The acts about domains and aliases.
#include <algorithm>
#include <utility>

#include "admin/administration.hpp"
#include "admin/answers.hpp"
#include "base/ascii.hpp"

namespace mbx::admin {
namespace {

template <typename Row>
const Row* find_row(const std::vector<Row>& rows, std::string Row::*key, std::string_view wanted)
{
    const std::string low = ascii::to_lower(wanted);
    const auto found = std::ranges::find(rows, low, key);
    return found == rows.end() ? nullptr : &*found;
}

http::Response no_alias(const std::string& address)
{
    return not_found("looking up the alias " + address, "there is none of that address",
                     "mailboxctl alias list shows all");
}

}  // namespace

co::Task<http::Response> Administration::list_domains(const http::Request& /*request*/)
{
    const auto snapshot = deps_.directory.snapshot();
    co_return http::json_response(200, domains_json(*snapshot));
}

co::Task<http::Response> Administration::add_domain(const http::Request& request)
{
    if (auto refusal = refuse_content(request)) co_return std::move(*refusal);
    auto body = parse_new_domain(request.body);
    if (!body) co_return http::problem(400, body.error());
    auto domain = co_await deps_.directory.add_domain(body->name);
    if (!domain) co_return refused(domain.error());
    audit(request, "domain added", domain->name);
    if (body->change.catch_all || body->change.enabled) {
        const std::string name = domain->name;
        domain = co_await deps_.directory.set_domain(name, body->change);
        if (!domain) co_return refused(domain.error());
    }
    co_return created("/api/v1/domains/" + http::encode_segment(domain->name), domain_json(*domain));
}

co::Task<http::Response> Administration::show_domain(const http::Request& request)
{
    const std::string& name = request.parameter("domain");
    const auto snapshot = deps_.directory.snapshot();
    const directory::Domain* domain = find_row(snapshot->domains(), &directory::Domain::name, name);
    if (domain == nullptr) {
        co_return not_found("looking up the domain " + name, "there is none of that name",
                            "mailboxctl domain list shows all");
    }
    co_return http::json_response(200, domain_json(*domain));
}

co::Task<http::Response> Administration::change_domain(const http::Request& request)
{
    if (auto refusal = refuse_content(request)) co_return std::move(*refusal);
    auto change = parse_domain_change(request.body);
    if (!change) co_return http::problem(400, change.error());
    const auto domain = co_await deps_.directory.set_domain(request.parameter("domain"), *change);
    if (!domain) co_return refused(domain.error());
    audit(request, "domain changed", domain->name);
    co_return http::json_response(200, domain_json(*domain));
}

co::Task<http::Response> Administration::remove_domain(const http::Request& request)
{
    const std::string& name = request.parameter("domain");
    const auto removed = co_await deps_.directory.remove_domain(name);
    if (!removed) co_return refused(removed.error());
    audit(request, "domain removed", name);
    co_return http::no_content();
}

co::Task<http::Response> Administration::list_aliases(const http::Request& /*request*/)
{
    const auto snapshot = deps_.directory.snapshot();
    co_return http::json_response(200, aliases_json(*snapshot));
}

co::Task<http::Response> Administration::add_alias(const http::Request& request)
{
    if (auto refusal = refuse_content(request)) co_return std::move(*refusal);
    auto body = parse_new_alias(request.body);
    if (!body) co_return http::problem(400, body.error());
    const auto alias = co_await deps_.directory.add_alias(*body);
    if (!alias) co_return refused(alias.error());
    audit(request, "alias added", alias->address);
    const auto snapshot = deps_.directory.snapshot();
    co_return created("/api/v1/aliases/" + http::encode_segment(alias->address), alias_json(*alias, *snapshot));
}

co::Task<http::Response> Administration::show_alias(const http::Request& request)
{
    const std::string& address = request.parameter("address");
    const auto snapshot = deps_.directory.snapshot();
    const directory::Alias* alias = find_row(snapshot->aliases(), &directory::Alias::address, address);
    if (alias == nullptr) co_return no_alias(address);
    co_return http::json_response(200, alias_json(*alias, *snapshot));
}

co::Task<http::Response> Administration::change_alias(const http::Request& request)
{
    if (auto refusal = refuse_content(request)) co_return std::move(*refusal);
    auto body = parse_alias_change(request.body);
    if (!body) co_return http::problem(400, body.error());
    const std::string& address = request.parameter("address");
    const auto snapshot = deps_.directory.snapshot();
    const directory::Alias* known = find_row(snapshot->aliases(), &directory::Alias::address, address);
    if (known == nullptr) co_return no_alias(address);
    directory::Alias wanted = *known;
    if (body->targets) wanted.targets = std::move(*body->targets);
    if (body->enabled) wanted.enabled = *body->enabled;
    if (body->owner) wanted.owner = *body->owner;
    const auto alias = co_await deps_.directory.set_alias(wanted);
    if (!alias) co_return refused(alias.error());
    audit(request, "alias changed", alias->address);
    co_return http::json_response(200, alias_json(*alias, *snapshot));
}

co::Task<http::Response> Administration::remove_alias(const http::Request& request)
{
    const std::string& address = request.parameter("address");
    const auto removed = co_await deps_.directory.remove_alias(address);
    if (!removed) co_return refused(removed.error());
    audit(request, "alias removed", address);
    co_return http::no_content();
}

}  // namespace mbx::admin
