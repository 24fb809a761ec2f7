// The acts about accounts. Passwords come in and leave as a hash; none is logged or shown, but one that the server made,
// once, to the one who asked for it.
#include <utility>

#include "admin/administration.hpp"
#include "admin/answers.hpp"
#include "admin/removed_mail.hpp"
#include "auth/new_password.hpp"
#include "base/ascii.hpp"
#include "config/units.hpp"

namespace mbx::admin {
namespace {

constexpr std::chrono::milliseconds kMostKeep{std::chrono::hours(24) * 3650};

}  // namespace

co::Task<http::Response> Administration::list_accounts(const http::Request& request)
{
    const auto snapshot = deps_.directory.snapshot();
    const std::string* wanted = request.target.query_value("domain");
    const std::string domain = wanted == nullptr ? std::string() : ascii::to_lower(*wanted);
    co_return http::json_response(200, accounts_json(*snapshot, wanted == nullptr ? nullptr : &domain));
}

co::Task<Result<Administration::NewPassword, http::Response>> Administration::hash_new_password(PasswordBody body,
                                                                                                std::string address,
                                                                                                std::string attempted)
{
    NewPassword made;
    if (body.generate) made.generated = auth::generate_password(deps_.random);
    std::string password = made.generated ? *made.generated : body.password.value_or("");
    if (const auto complaint = auth::password_complaint(password, address)) {
        co_return http::problem(422, Error{std::move(attempted), "the password cannot be taken: " + *complaint,
                                           "choose another, or let the server make one"});
    }
    auto credentials = co_await deps_.authenticator.make_credentials(std::move(password), address);
    if (!credentials) co_return http::problem(503, credentials.error());
    made.credentials = std::move(*credentials);
    co_return made;
}

co::Task<http::Response> Administration::add_account(const http::Request& request)
{
    if (auto refusal = refuse_content(request)) co_return std::move(*refusal);
    auto body = parse_new_account(request.body);
    if (!body) co_return http::problem(400, body.error());
    auto password = co_await hash_new_password(body->password, body->address, "adding the account " + body->address);
    if (!password) co_return password.error();
    directory::NewAccount wanted;
    wanted.address = body->address;
    wanted.password_hash = password->credentials.password_hash;
    wanted.scram_verifier = password->credentials.scram_verifier;
    wanted.full_name = body->full_name;
    wanted.quota_bytes = body->quota_bytes;
    wanted.quota_messages = body->quota_messages;
    wanted.is_administrator = body->is_administrator;
    const auto account = co_await deps_.directory.add_account(wanted);
    if (!account) co_return refused(account.error());
    // Nothing can be this account's yet: what lies there is mail of an earlier one of the same address, whose removal was
    // cut short or was overtaken by a delivery. Nobody else comes in between: the store's door closes at once.
    const RemovedMail earlier = co_await set_mail_aside(*account, options_.removed_mail_keep);
    if (!earlier.path.empty()) {
        log_.warning("mail of an earlier account was set aside", {{"account", account->address()}, {"path", earlier.path}});
    }
    if (!earlier.failure.empty()) {
        (void)co_await deps_.directory.remove_account(account->address());
        co_return http::problem(500, Error{"making the mailbox of " + account->address(),
                                           "mail of an earlier account of that address cannot be set aside: " +
                                               std::string(earlier.failure),
                                           "the account was not added; see to the disk and add it again"});
    }
    const store::AccountKey key = key_of(*account);
    const auto mailbox = co_await deps_.store.account(key);
    if (!mailbox) {
        // An account without a mailbox would bounce its first message: better none.
        (void)co_await deps_.directory.remove_account(account->address());
        co_return http::problem(500, Error{"making the mailbox of " + account->address(),
                                           std::string(describe(mailbox.error())),
                                           "the account was not added; see to the disk and add it again"});
    }
    audit(request, "account added", account->address());
    co_return created("/api/v1/accounts/" + http::encode_segment(account->address()),
                      account_json(*account, std::nullopt, password->generated));
}

co::Task<http::Response> Administration::show_account(const http::Request& request)
{
    const auto snapshot = deps_.directory.snapshot();
    const directory::Account* account = find_account(*snapshot, request.parameter("address"));
    if (account == nullptr) co_return no_account(request.parameter("address"));
    const directory::Account shown = *account;
    const auto usage = co_await mailbox_usage(shown);
    if (!usage) co_return http::json_response(200, account_json(shown, std::nullopt, std::nullopt));
    co_return http::json_response(200, account_json(shown, *usage, std::nullopt));
}

co::Task<http::Response> Administration::change_account(const http::Request& request)
{
    if (auto refusal = refuse_content(request)) co_return std::move(*refusal);
    auto change = parse_account_change(request.body);
    if (!change) co_return http::problem(400, change.error());
    const auto account = co_await deps_.directory.set_account(request.parameter("address"), *change);
    if (!account) co_return refused(account.error());
    deps_.sessions.end_outdated(*deps_.directory.snapshot());
    audit(request, "account changed", account->address());
    co_return http::json_response(200, account_json(*account, std::nullopt, std::nullopt));
}

co::Task<http::Response> Administration::set_password(const http::Request& request)
{
    if (auto refusal = refuse_content(request)) co_return std::move(*refusal);
    auto body = parse_password(request.body);
    if (!body) co_return http::problem(400, body.error());
    const std::string& address = request.parameter("address");
    if (find_account(*deps_.directory.snapshot(), address) == nullptr) co_return no_account(address);
    auto password = co_await hash_new_password(*body, address, "setting the password of " + address);
    if (!password) co_return password.error();
    directory::AccountChange change;
    change.password_hash = password->credentials.password_hash;
    change.scram_verifier = password->credentials.scram_verifier;
    const auto account = co_await deps_.directory.set_account(address, change);
    if (!account) co_return refused(account.error());
    // Whoever came in with the old password is out (HOSTILE row J5).
    deps_.sessions.end_outdated(*deps_.directory.snapshot());
    audit(request, "password set", account->address());
    co_return http::json_response(200, account_json(*account, std::nullopt, password->generated));
}

co::Task<http::Response> Administration::remove_account(const http::Request& request)
{
    std::chrono::milliseconds keep = options_.removed_mail_keep;
    if (const std::string* text = request.target.query_value("keep")) {
        const auto wanted = config::parse_duration(*text);
        if (!wanted || *wanted > kMostKeep) {
            co_return http::problem(422, Error{"removing the account " + request.parameter("address"),
                                               "keep is not a time of at most ten years", "write it like 30d or 0s"});
        }
        keep = *wanted;
    }
    const auto account = co_await deps_.directory.remove_account(request.parameter("address"));
    if (!account) co_return refused(account.error());
    deps_.sessions.end_outdated(*deps_.directory.snapshot());
    const RemovedMail mail = co_await set_mail_aside(*account, keep);
    audit(request, "account removed", account->address());
    co_return http::json_response(200, removed_account_json(*account, mail));
}

co::Task<RemovedMail> Administration::set_mail_aside(directory::Account account, std::chrono::milliseconds keep)
{
    RemovedMail mail;
    const store::AccountKey key = key_of(account);
    auto path = co_await deps_.store.set_aside(key);
    // It never had a mailbox, or somebody took it away by hand.
    if (!path && path.error() == store::StoreError::no_such_mailbox) co_return mail;
    if (!path) {
        mail.failure = describe(path.error());
        log_.error("the mail of a removed account was not set aside",
                   {{"account", account.address()}, {"reason", mail.failure}});
        co_return mail;
    }
    mail.path = *path;
    mail.kept_until = deps_.clock.wall() + keep;
    auto job = [&files = deps_.files, folder = mail.path, until = mail.kept_until] {
        return keep_until(files, folder, until);
    };
    const auto noted = co_await deps_.workers.run(net::WorkClass::interactive, std::move(job));
    if (!noted) {
        log_.warning("until when removed mail is kept could not be noted; it stays for the configured time",
                     {{"path", mail.path}, {"reason", noted.error().name()}});
    }
    co_return mail;
}

}  // namespace mbx::admin
