#include "admin/answers.hpp"

#include <algorithm>
#include <utility>

#include "base/ascii.hpp"

namespace mbx::admin {

http::Response refused(const directory::Refusal& refusal)
{
    switch (refusal.kind) {
    case directory::RefusalKind::not_found: return http::problem(404, refusal.error);
    case directory::RefusalKind::exists: return http::problem(409, refusal.error);
    case directory::RefusalKind::invalid: return http::problem(422, refusal.error);
    case directory::RefusalKind::conflict: return http::problem(409, refusal.error);
    case directory::RefusalKind::storage: return http::problem(500, refusal.error);
    }
    return http::problem(500, refusal.error);
}

http::Response not_found(std::string attempted, std::string what, std::string advice)
{
    return http::problem(404, Error{std::move(attempted), std::move(what), std::move(advice)});
}

const directory::Account* find_account(const directory::Snapshot& snapshot, std::string_view address)
{
    const std::string low = ascii::to_lower(address);
    const auto& accounts = snapshot.accounts();
    const auto found = std::ranges::find_if(accounts, [&low](const auto& account) { return account.address() == low; });
    return found == accounts.end() ? nullptr : &*found;
}

http::Response no_account(std::string_view address)
{
    return not_found("looking up the account " + std::string(address), "there is none of that address",
                     "mailboxctl account list shows all");
}

store::AccountKey key_of(const directory::Account& account)
{
    return store::AccountKey{account.id.value, account.local_part, account.domain};
}

http::Response unprocessable(const Error& error) { return http::problem(422, error); }

http::Response created(std::string location, std::string body)
{
    http::Response response = http::json_response(201, std::move(body));
    response.fields.push_back(http::Field{"Location", std::move(location)});
    return response;
}

std::string_view describe(store::StoreError error)
{
    switch (error) {
    case store::StoreError::no_such_mailbox: return "there is no such mailbox";
    case store::StoreError::mailbox_exists: return "the mailbox exists";
    case store::StoreError::invalid_name: return "the name cannot be one of a mailbox";
    case store::StoreError::not_permitted: return "that is not permitted";
    case store::StoreError::has_children: return "the mailbox has others below it";
    case store::StoreError::no_right: return "there is no right to it";
    case store::StoreError::no_such_message: return "there is no such message";
    case store::StoreError::limit: return "a limit is reached";
    case store::StoreError::over_quota: return "the quota is used up";
    case store::StoreError::no_space: return "the disk is full";
    case store::StoreError::io: return "the disk failed; the log names the path";
    case store::StoreError::corrupt: return "the account's state is damaged; the log names the path";
    }
    return "the store failed";
}

std::optional<http::Response> refuse_content(const http::Request& request)
{
    // Also keeps a foreign page from posting a form or plain text here (HOSTILE row K5).
    const std::string* type = request.fields.find("content-type");
    const std::string_view essence =
        type == nullptr ? std::string_view() : ascii::trim(std::string_view(*type).substr(0, type->find(';')));
    if (!ascii::same(essence, "application/json") && !ascii::same(essence, "application/merge-patch+json")) {
        return http::problem(415, "the content must be application/json");
    }
    if (request.fields.find("content-encoding") != nullptr) {
        return http::problem(415, "a content coding (gzip and the like) is not taken");
    }
    return std::nullopt;
}

}  // namespace mbx::admin
