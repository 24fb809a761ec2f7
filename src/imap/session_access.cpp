// GETACL, SETACL, DELETEACL, LISTRIGHTS, MYRIGHTS (RFC 4314 section 3).
#include <algorithm>

#include "auth/saslprep.hpp"
#include "imap/response.hpp"
#include "imap/session.hpp"

namespace mbx::imap {

namespace {

constexpr std::string_view kAnyoneName = "anyone";

}  // namespace

// "ann@example.org", "-anyone"; empty for an account that is gone.
std::string Session::identifier_of(const store::AccessEntry& entry) const
{
    std::string name(kAnyoneName);
    if (entry.account != store::kAnyone) {
        const auto snapshot = services_.directory.snapshot();
        const auto* account = snapshot->find(directory::AccountId{entry.account});
        if (account == nullptr) return {};
        name = account->address();
    }
    return entry.is_negative ? "-" + name : name;
}

// What the command asks for; none: it was answered.
std::optional<store::AccessChange> Session::change_of(const SetAcl& command)
{
    store::AccessChange change;
    std::string_view letters = command.rights;
    if (letters.starts_with('+') || letters.starts_with('-')) {
        change.action = letters.front() == '+' ? store::RightsAction::add : store::RightsAction::remove;
        letters.remove_prefix(1);
    }
    const auto rights = store::parse_rights(letters);
    if (!rights) {
        bad("unknown right; there are lrswipkxtea, and c and d for older clients");  // section 3.1
        return std::nullopt;
    }
    change.rights = *rights;
    std::string_view identifier = command.identifier;
    change.is_negative = identifier.starts_with('-');
    if (change.is_negative) identifier.remove_prefix(1);
    const auto prepared = auth::saslprep(identifier);  // section 3
    if (!prepared) {
        bad("that cannot be an identifier");
        return std::nullopt;
    }
    if (*prepared == kAnyoneName) return change;
    const auto snapshot = services_.directory.snapshot();
    const auto* account = snapshot->find_login(*prepared);
    if (account == nullptr) {
        no("[CANNOT] identifiers are anyone and the addresses of accounts here");
        return std::nullopt;
    }
    change.account = account->id.value;
    return change;
}

co::Task<void> Session::handle(const SetAcl& command)
{
    const auto change = change_of(command);
    if (!change) co_return;
    const auto place = co_await place_of(command.mailbox);
    if (!place) {
        no(refusal_text(place.error()));
        co_return;
    }
    const auto user = login_->account.value;
    const std::vector<store::AccessChange> changes{*change};
    auto job = [&place, user, &changes](store::AccountStore& store) -> Result<bool, store::StoreError> {
        const auto info = store.find_for(place->name, user, store::kAdminister);
        if (!info) return info.error();
        // Section 2 lets rights be forced: those of the owner are all of them.
        if (changes.front().account == place->account->key().id) return false;
        const auto done = store.change_access(place->name, changes);
        if (!done) return done.error();
        return true;
    };
    const auto done = co_await place->account->run(net::WorkClass::interactive, std::move(job));
    if (!done && done.error() == store::StoreError::limit) {
        no("[LIMIT] the mailbox has too many entries already");
    } else if (!done) {
        no(refusal_text(done.error()));
    } else if (!*done) {
        no("[CANNOT] the owner has all rights, always");
    } else {
        services_.log.notice("rights of a mailbox changed", {{"account", login_->address}, {"owner", place->account->key().id},
                                                              {"identifier", command.identifier}});
        ok(command.deletes ? "DELETEACL completed" : "SETACL completed");
    }
}

co::Task<void> Session::handle(const GetAcl& command)
{
    const auto place = co_await place_of(command.mailbox);
    if (!place) {
        no(refusal_text(place.error()));
        co_return;
    }
    const auto user = login_->account.value;
    using Found = Result<std::pair<store::MailboxInfo, store::AccessList>, store::StoreError>;
    auto job = [&place, user](store::AccountStore& store) -> Found {
        auto info = store.find_for(place->name, user, store::kAdminister);
        if (!info) return info.error();
        auto list = store.access(place->name);
        if (!list) return list.error();
        return std::pair(*std::move(info), *std::move(list));
    };
    const auto found = co_await place->account->run(net::WorkClass::interactive, std::move(job));
    if (!found) {
        no(refusal_text(found.error()));
        co_return;
    }
    std::string line = "* ACL " + mailbox_text(place->prefix + found->first.name, utf8_);
    const auto add = [&line](const std::string& identifier, store::Rights rights) {
        mail::append_imap_string(line += ' ', identifier);
        line += ' ' + rights_text(rights);
    };
    add(identifier_of({place->account->key().id, false, 0}), store::kAllRights);
    for (const auto& entry : found->second) {
        const auto identifier = identifier_of(entry);
        if (!identifier.empty()) add(identifier, entry.rights);
    }
    out_.add(line + "\r\n");
    ok("GETACL completed");
}

co::Task<void> Session::handle(const ListRights& command)
{
    std::string_view identifier = command.identifier;
    if (identifier.starts_with('-')) identifier.remove_prefix(1);
    const auto prepared = auth::saslprep(identifier);
    if (!prepared) {
        bad("that cannot be an identifier");
        co_return;
    }
    const auto place = co_await place_of(command.mailbox);
    if (!place) {
        no(refusal_text(place.error()));
        co_return;
    }
    const auto user = login_->account.value;
    auto job = [&place, user](store::AccountStore& store) { return store.find_for(place->name, user, store::kAdminister); };
    const auto found = co_await place->account->run(net::WorkClass::interactive, std::move(job));
    if (!found) {
        no(refusal_text(found.error()));
        co_return;
    }
    const auto snapshot = services_.directory.snapshot();
    const auto* account = *prepared == kAnyoneName ? nullptr : snapshot->find_login(*prepared);
    if (account == nullptr && *prepared != kAnyoneName) {
        no("[CANNOT] identifiers are anyone and the addresses of accounts here");
        co_return;
    }
    std::string line = "* LISTRIGHTS " + mailbox_text(place->prefix + found->name, utf8_) + " ";
    mail::append_imap_string(line, command.identifier);  // as it came (section 3.4)
    const bool is_owner = account != nullptr && account->id.value == place->account->key().id;
    // No two rights are tied.
    line += is_owner ? " " + rights_text(store::kAllRights) : std::string(" \"\" l r s w i p k x t e c d a");
    out_.add(line + "\r\n");
    ok("LISTRIGHTS completed");
}

co::Task<void> Session::handle(const MyRights& command)
{
    const auto place = co_await place_of(command.mailbox);
    if (!place) {
        no(refusal_text(place.error()));
        co_return;
    }
    const auto user = login_->account.value;
    auto job = [&place, user](store::AccountStore& store) { return store.find_for(place->name, user, 0); };
    const auto found = co_await place->account->run(net::WorkClass::interactive, std::move(job));
    if (!found) {
        no(refusal_text(found.error()));
        co_return;
    }
    out_.add("* MYRIGHTS " + mailbox_text(place->prefix + found->name, utf8_) + " " + rights_text(found->rights) + "\r\n");
    ok("MYRIGHTS completed");
}

}  // namespace mbx::imap
