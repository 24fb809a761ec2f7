// The acts about app passwords. One leaves in clear once, to the one who asked for it; what is stored never does.
#include <utility>

#include "admin/administration.hpp"
#include "admin/answers.hpp"
#include "auth/password.hpp"
#include "base/ascii.hpp"

namespace mbx::admin {
namespace {

std::string path_of(const std::string& address, std::int64_t id)
{
    return "/api/v1/accounts/" + http::encode_segment(address) + "/app-passwords/" + std::to_string(id);
}

}  // namespace

co::Task<http::Response> Administration::list_app_passwords(const http::Request& request)
{
    const auto snapshot = deps_.directory.snapshot();
    const directory::Account* account = find_account(*snapshot, request.parameter("address"));
    if (account == nullptr) co_return no_account(request.parameter("address"));
    const auto& directory = deps_.directory;
    co_return http::json_response(200, app_passwords_json(account->app_passwords,
                                                          [&directory](std::int64_t id) { return directory.last_use(id); }));
}

co::Task<http::Response> Administration::add_app_password(const http::Request& request)
{
    if (auto refusal = refuse_content(request)) co_return std::move(*refusal);
    auto label = parse_app_password(request.body);
    if (!label) co_return http::problem(400, label.error());
    const auto snapshot = deps_.directory.snapshot();
    const directory::Account* account = find_account(*snapshot, request.parameter("address"));
    if (account == nullptr) co_return no_account(request.parameter("address"));
    const std::string address = account->address();
    auto made = co_await deps_.authenticator.make_app_password(address, *label);
    const auth::Secret password(std::move(made.password));
    const auto added = co_await deps_.directory.add_app_password(address, made.stored);
    if (!added) co_return refused(added.error());
    audit(request, "app password added", address + " " + std::to_string(added->id));
    co_return created(path_of(address, added->id), app_password_json(*added, password.text()));
}

co::Task<http::Response> Administration::remove_app_password(const http::Request& request)
{
    const std::string& address = request.parameter("address");
    const auto id = ascii::parse_number(request.parameter("id"));
    if (!id || *id > INT64_MAX) {
        co_return not_found("removing app passwords of " + address, "the id is not a number",
                            "mailboxctl account app-password list shows them");
    }
    const auto removed = co_await deps_.directory.remove_app_passwords(address, static_cast<std::int64_t>(*id));
    if (!removed) co_return refused(removed.error());
    // Whoever came in with it is out (HOSTILE row J5).
    deps_.sessions.end_outdated(*deps_.directory.snapshot());
    audit(request, "app password removed", address + " " + std::to_string(*id));
    co_return http::no_content();
}

co::Task<http::Response> Administration::remove_app_passwords(const http::Request& request)
{
    const std::string& address = request.parameter("address");
    const auto removed = co_await deps_.directory.remove_app_passwords(address, std::nullopt);
    if (!removed) co_return refused(removed.error());
    deps_.sessions.end_outdated(*deps_.directory.snapshot());
    audit(request, "all app passwords removed", address);
    co_return http::no_content();
}

}  // namespace mbx::admin
