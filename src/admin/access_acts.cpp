// The acts about who may do what with an account's mailboxes (RFC 4314).
#include <utility>

#include "admin/administration.hpp"
#include "admin/answers.hpp"
#include "store/access_list.hpp"

namespace mbx::admin {
namespace {

constexpr std::string_view kEverybody = "anyone";

http::Response access_refused(std::string attempted, store::StoreError error)
{
    const int status = error == store::StoreError::no_such_mailbox ? 404 : error == store::StoreError::limit ? 422 : 500;
    return http::problem(status, Error{std::move(attempted), std::string(describe(error)), ""});
}

// Identifiers and rights for people; entries of accounts that are gone are left out.
std::vector<std::pair<std::string, std::string>> entries_of(const directory::Snapshot& snapshot, const directory::Account& owner,
                                                            const store::AccessList& list)
{
    std::vector<std::pair<std::string, std::string>> entries{{owner.address(), store::rights_letters(store::kAllRights)}};
    for (const auto& entry : list) {
        std::string name(kEverybody);
        if (entry.account != store::kAnyone) {
            const auto* account = snapshot.find(directory::AccountId{entry.account});
            if (account == nullptr) continue;
            name = account->address();
        }
        entries.emplace_back((entry.is_negative ? "-" : "") + name, store::rights_letters(entry.rights));
    }
    return entries;
}

// What the body asks for, or what is wrong with it.
Result<store::AccessChange, Error> change_of(const AccessBody& body, const directory::Snapshot& snapshot, const directory::Account& owner)
{
    const std::string attempted = "changing rights of " + body.mailbox;
    store::AccessChange change;
    std::string_view letters = body.rights;
    if (letters.starts_with('+') || letters.starts_with('-')) {
        change.action = letters.front() == '+' ? store::RightsAction::add : store::RightsAction::remove;
        letters.remove_prefix(1);
    }
    const auto rights = store::parse_rights(letters);
    if (!rights) return Error{attempted, "rights has a letter that is no right", "there are l r s w i p k x t e a"};
    change.rights = *rights;
    std::string_view identifier = body.identifier;
    change.is_negative = identifier.starts_with('-');
    if (change.is_negative) identifier.remove_prefix(1);
    if (identifier == kEverybody) return change;
    const auto* account = find_account(snapshot, identifier);
    if (account == nullptr) return Error{attempted, "identifier is no account here", "write an address, or anyone"};
    if (account->id == owner.id) return Error{attempted, "the owner has all rights, always", ""};
    change.account = account->id.value;
    return change;
}

}  // namespace

co::Task<http::Response> Administration::show_access(const http::Request& request)
{
    const auto snapshot = deps_.directory.snapshot();
    const directory::Account* account = find_account(*snapshot, request.parameter("address"));
    if (account == nullptr) co_return no_account(request.parameter("address"));
    const std::string* mailbox = request.target.query_value("mailbox");
    if (mailbox == nullptr) {
        co_return unprocessable(Error{"showing rights", "mailbox is missing in the query", "name the mailbox, such as INBOX"});
    }
    std::vector<store::AccessChange> none;
    co_return co_await answer_access(*account, *mailbox, std::move(none));
}

co::Task<http::Response> Administration::change_access(const http::Request& request)
{
    if (auto refusal = refuse_content(request)) co_return std::move(*refusal);
    auto body = parse_access_change(request.body);
    if (!body) co_return http::problem(400, body.error());
    const auto snapshot = deps_.directory.snapshot();
    const directory::Account* account = find_account(*snapshot, request.parameter("address"));
    if (account == nullptr) co_return no_account(request.parameter("address"));
    const auto change = change_of(*body, *snapshot, *account);
    if (!change) co_return unprocessable(change.error());
    std::vector<store::AccessChange> changes{*change};
    audit(request, "rights of a mailbox changed", account->address() + " " + body->mailbox + " " + body->identifier);
    co_return co_await answer_access(*account, body->mailbox, std::move(changes));
}

// Makes the changes and shows what holds then.
co::Task<http::Response> Administration::answer_access(directory::Account owner, std::string mailbox,
                                                       std::vector<store::AccessChange> changes)
{
    const std::string attempted = (changes.empty() ? "showing rights of " : "changing rights of ") + mailbox;
    store::AccountKey key = key_of(owner);
    const auto opened = co_await deps_.store.account(std::move(key));
    if (!opened) co_return access_refused("opening the mailbox", opened.error());
    const std::shared_ptr<store::Account> open = *opened;
    using Found = Result<std::pair<std::string, store::AccessList>, store::StoreError>;
    auto job = [&mailbox, &changes](store::AccountStore& store) -> Found {
        const auto info = store.find(mailbox);
        if (!info) return info.error();
        if (!changes.empty()) {
            const auto done = store.change_access(mailbox, changes);
            if (!done) return done.error();
        }
        auto list = store.access(mailbox);
        if (!list) return list.error();
        return std::pair(info->name, *std::move(list));
    };
    const auto found = co_await open->run(net::WorkClass::interactive, std::move(job));
    if (!found) co_return access_refused(attempted, found.error());
    const auto snapshot = deps_.directory.snapshot();
    const auto entries = entries_of(*snapshot, owner, found->second);
    co_return http::json_response(200, access_json(owner.address(), found->first, entries));
}

}  // namespace mbx::admin
