// URLs of messages, and those that carry an authorization with them: GENURLAUTH, URLFETCH, RESETKEY (RFC 4467).
#include <algorithm>

#include "auth/url_token.hpp"
#include "base/ascii.hpp"
#include "imap/message_url.hpp"
#include "imap/response.hpp"
#include "imap/session.hpp"
#include "imap/url_bytes.hpp"

namespace mbx::imap {

namespace {

constexpr std::string_view kInternal = "INTERNAL";

store::AccountKey account_key_of(const directory::Account& account)
{
    return {account.id.value, account.local_part, account.domain};
}

}  // namespace

// Whether an absolute URL speaks of this server and this account.
bool Session::is_own(const MessageUrl& url) const
{
    if (!url.host) return true;
    if (*url.host != ascii::to_lower(options_->hostname)) return false;
    if (url.user.empty()) return true;
    const std::string_view address = login_->address;
    return ascii::same(url.user, address) || ascii::same(url.user, address.substr(0, address.find('@')));
}

// With the rights of `user`, as he names mailboxes.
co::Task<std::optional<UrlBytes>> Session::read_url(directory::AccountId user, MessageUrl url)
{
    std::optional<UrlBytes> none;
    if (!url.mailbox) {
        if (!selected_ || user != login_->account) co_return none;
        const auto id = selected_->id();
        auto job = [id, &url](store::AccountStore& store) { return look_up(store, id, url); };
        co_return co_await owner_->run(net::WorkClass::interactive, std::move(job));
    }
    const auto place = co_await place_for(user, *url.mailbox);
    if (!place) co_return none;
    auto job = [&place, user, &url](store::AccountStore& store) -> std::optional<UrlBytes> {
        const auto info = store.find_for(place->name, user.value, store::kRead);
        if (!info) return std::nullopt;
        return look_up(store, info->id, url);
    };
    co_return co_await place->account->run(net::WorkClass::interactive, std::move(job));
}

co::Task<std::optional<UrlBytes>> Session::bytes_of_url(std::string url)
{
    std::optional<UrlBytes> none;
    const auto parsed = parse_message_url(url);
    if (!parsed) co_return none;
    if (parsed->auth) co_return co_await authorized_bytes(*parsed);
    if (!is_own(*parsed)) co_return none;
    co_return co_await read_url(login_->account, *parsed);
}

// Section 3: who may use it.
bool Session::is_accessible(const UrlAuth& auth) const
{
    const auto snapshot = services_.directory.snapshot();
    switch (auth.access) {
    case UrlAccess::anonymous:
    case UrlAccess::authuser: return true;  // nobody is anonymous here
    case UrlAccess::user: {
        const auto* user = snapshot->find_login(auth.user);
        return user != nullptr && user->id == login_->account;
    }
    case UrlAccess::submit: return std::ranges::count(options_->submit_users, login_->address) != 0;
    }
    return false;
}

// Section 6. None, whatever is wrong with it.
co::Task<std::optional<UrlBytes>> Session::authorized_bytes(MessageUrl url)
{
    std::optional<UrlBytes> none;
    const auto& auth = *url.auth;
    const auto now = std::chrono::duration_cast<std::chrono::seconds>(services_.clock.wall().time_since_epoch()).count();
    const auto snapshot = services_.directory.snapshot();
    const auto* user = url.user.empty() ? nullptr : snapshot->find_login(url.user);
    const bool is_here = url.host && *url.host == ascii::to_lower(options_->hostname);
    const bool is_expired = auth.expires_at && *auth.expires_at < now;
    const bool is_good = user != nullptr && user->enabled && is_here && url.mailbox && !is_expired && auth.mechanism == kInternal;
    std::string key;
    directory::AccountId owner;
    if (is_good && is_accessible(auth)) {
        owner = user->id;
        key = co_await url_key_of(owner, *url.mailbox);
    }
    // Calculated in any case: how long the answer takes must not tell which mailboxes there are.
    const bool is_signed = auth::is_url_token(key, auth.rump, auth.token);
    if (key.empty() || !is_signed) co_return none;
    co_return co_await read_url(owner, url);
}

// The key that `user` made for a mailbox that he may read; empty: none.
co::Task<std::string> Session::url_key_of(directory::AccountId user, std::string mailbox)
{
    const auto place = co_await place_for(user, std::move(mailbox));
    if (!place) co_return std::string();
    auto find = [&place, user](store::AccountStore& store) { return store.find_for(place->name, user.value, store::kRead); };
    const auto info = co_await place->account->run(net::WorkClass::interactive, std::move(find));
    if (!info) co_return std::string();
    const store::UrlKeyPlace where{place->account->key().id, info->id};
    co_return co_await ask_url_key(user, where, store::AccountStore::KeyWanted::known);
}

// Of the table of `user`; empty where there is none or it cannot be read.
co::Task<std::string> Session::ask_url_key(directory::AccountId user, store::UrlKeyPlace place, store::AccountStore::KeyWanted wanted)
{
    const auto snapshot = services_.directory.snapshot();
    const auto* holder = snapshot->find(user);
    if (holder == nullptr) co_return std::string();
    store::AccountKey key = account_key_of(*holder);
    const auto account = co_await services_.store.account(std::move(key));
    if (!account) co_return std::string();
    const std::shared_ptr<store::Account> open = *account;
    auto job = [&place, wanted](store::AccountStore& store) { return store.url_key(place, wanted); };
    const auto made = co_await open->run(net::WorkClass::interactive, std::move(job));
    co_return made ? *made : std::string();
}

// The URL with its token; empty: the command is answered.
co::Task<std::string> Session::sign_url(std::string text, std::string mechanism)
{
    const auto url = parse_message_url(text);
    const bool is_well_formed = url && url->auth && url->auth->mechanism.empty() && url->mailbox && url->host && !url->user.empty();
    if (!is_well_formed || mechanism != kInternal) {
        bad(mechanism != kInternal ? "unknown mechanism" : "no URL of a message with owner and access identifier");
        co_return std::string();
    }
    // Nobody has access to another one's keys (section 7).
    const auto place = co_await place_of(*url->mailbox);
    Result<store::MailboxInfo, store::StoreError> info = store::StoreError::no_such_mailbox;
    if (place && is_own(*url)) {
        const auto user = login_->account.value;
        auto find = [&place, user](store::AccountStore& store) { return store.find_for(place->name, user, store::kRead); };
        info = co_await place->account->run(net::WorkClass::interactive, std::move(find));
    }
    if (!info) {
        bad("no such mailbox");
        co_return std::string();
    }
    const store::UrlKeyPlace where{place->account->key().id, info->id};
    const auto key = co_await ask_url_key(login_->account, where, store::AccountStore::KeyWanted::made);
    if (key.empty()) {
        no("[LIMIT] there are too many keys, or they cannot be kept");
        co_return std::string();
    }
    co_return text + ":INTERNAL:" + auth::url_token(key, url->auth->rump);
}

co::Task<void> Session::handle(const GenUrlAuth& command)
{
    std::string line = "* GENURLAUTH";
    for (const auto& [url, mechanism] : command.urls) {
        const auto full = co_await sign_url(url, mechanism);
        if (full.empty()) co_return;
        mail::append_imap_string(line += ' ', full);
    }
    out_.add(line + "\r\n");
    ok("GENURLAUTH completed");
}

co::Task<void> Session::handle(const UrlFetch& command)
{
    out_.add("* URLFETCH");
    for (const auto& text : command.urls) {
        mail::append_imap_string(out_.text() += ' ', text);
        const auto parsed = parse_message_url(text);
        std::optional<UrlBytes> found;
        // Without an authorization there is nothing to redeem.
        if (parsed && parsed->auth) found = co_await authorized_bytes(*parsed);
        if (!found) {
            out_.add(" NIL");
            continue;
        }
        out_.add(" {" + std::to_string(found->size()) + "}\r\n");
        metrics_.fetched_bytes.add(found->size());
        (void)co_await out_.write(found->pieces);
        if (out_.is_broken()) co_return;
    }
    out_.add("\r\n");
    ok("URLFETCH completed");
}

co::Task<void> Session::handle(const ResetKey& command)
{
    if (!command.mailbox) {
        auto job = [](store::AccountStore& store) { return store.drop_url_keys(); };
        const auto done = co_await account_->run(net::WorkClass::interactive, std::move(job));
        if (!done) {
            no(refusal_text(done.error()));
            co_return;
        }
        tell_others_of_reset(std::nullopt);
        ok("all keys removed");
        co_return;
    }
    const auto is_unknown = [](const std::string& mechanism) { return mechanism != kInternal; };
    if (std::ranges::any_of(command.mechanisms, is_unknown)) {
        no("[CANNOT] there is no mechanism but INTERNAL");
        co_return;
    }
    const auto place = co_await place_of(*command.mailbox);
    Result<store::MailboxInfo, store::StoreError> info = store::StoreError::no_such_mailbox;
    if (place) {
        const auto user = login_->account.value;
        auto find = [&place, user](store::AccountStore& store) { return store.find_for(place->name, user, store::kRead); };
        info = co_await place->account->run(net::WorkClass::interactive, std::move(find));
    }
    if (!info) {
        no(refusal_text(info.error()));
        co_return;
    }
    const store::UrlKeyPlace where{place->account->key().id, info->id};
    const auto key = co_await ask_url_key(login_->account, where, store::AccountStore::KeyWanted::fresh);
    if (key.empty()) {
        no("[LIMIT] there are too many keys, or they cannot be kept");
        co_return;
    }
    tell_others_of_reset(where);
    ok("[URLMECH INTERNAL] a new key");
}

// Section 7: whoever is logged in as this user and has the mailbox selected is told, in IDLE at once.
void Session::tell_others_of_reset(const std::optional<store::UrlKeyPlace>& where) const
{
    for (Session* other : sessions_) {
        if (other == this || !other->selected_ || !other->login_ || other->login_->account != login_->account) continue;
        const store::UrlKeyPlace selected{other->owner_->key().id, other->selected_->id()};
        if (where && selected != *where) continue;
        other->is_key_reset_ = true;
        other->on_news();
    }
}

void Session::tell_reset()
{
    is_key_reset_ = false;
    out_.add("* OK [URLMECH INTERNAL] the key was changed; URLs that it signed are void\r\n");
}

}  // namespace mbx::imap
