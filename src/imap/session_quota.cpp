// GETQUOTA, GETQUOTAROOT, and the warning of a mailbox that is nearly full (RFC 9208).
#include <algorithm>

#include "directory/quota.hpp"
#include "imap/quota.hpp"
#include "imap/response.hpp"
#include "imap/session.hpp"

namespace mbx::imap {

namespace {

constexpr std::uint64_t kStorageUnit = 1024;  // RFC 9208 section 5.1: STORAGE counts in units of 1024 octets
constexpr auto kAlertEvery = std::chrono::hours(1);
constexpr std::size_t kMostTold = 10'000;

}  // namespace

std::string quota_text(const store::QuotaLimits& quota, const store::AccountStore::Usage& usage, std::string_view root)
{
    std::string list;
    if (quota.bytes != 0) {
        // What is used is rounded up and what is allowed down: a client never thinks there is room that is not.
        const std::uint64_t used = usage.bytes / kStorageUnit + (usage.bytes % kStorageUnit == 0 ? 0 : 1);
        list = "STORAGE " + std::to_string(used) + " " + std::to_string(quota.bytes / kStorageUnit);
    }
    if (quota.messages != 0) {
        if (!list.empty()) list += " ";
        list += "MESSAGE " + std::to_string(usage.messages) + " " + std::to_string(quota.messages);
    }
    return "* QUOTA " + std::string(root) + " (" + list + ")\r\n";
}

bool QuotaAlerts::is_due(directory::AccountId account, SteadyTime now)
{
    const auto found = told_.find(account.value);
    if (found != told_.end() && now - found->second < kAlertEvery) return false;
    if (told_.size() >= kMostTold) std::erase_if(told_, [now](const auto& one) { return now - one.second >= kAlertEvery; });
    // With more than that nearly full at the same moment, being told twice is the smaller harm.
    if (told_.size() >= kMostTold) told_.clear();
    told_[account.value] = now;
    return true;
}

store::QuotaLimits Session::quota() const { return services_.store.quota(account_->key()); }

co::Task<void> Session::tell_quota(std::shared_ptr<store::Account> account, std::string root)
{
    const auto holds = services_.store.quota(account->key());
    auto job = [](store::AccountStore& store) { return store.usage(); };
    const auto usage = co_await account->run(net::WorkClass::interactive, std::move(job));
    out_.add(quota_text(holds, usage, root));
}

// The root of another account is called as the mailboxes of it are: "Other Users/ann@example.org". RFC 9208 section 6: what it
// holds is for those who may read something there.
co::Task<std::shared_ptr<store::Account>> Session::account_of_root(std::string root)
{
    std::shared_ptr<store::Account> none;
    if (root.empty()) co_return account_;
    const auto place = co_await place_of(root + "/INBOX");
    if (!is_other_users(root) || !place) co_return none;
    const auto user = login_->account.value;
    auto job = [user](store::AccountStore& store) {
        return std::ranges::any_of(store.list(), [&store, user](const store::MailboxInfo& info) {
            return (store.rights(info.id, user) & store::kRead) != 0;
        });
    };
    const bool may_read = co_await place->account->run(net::WorkClass::interactive, std::move(job));
    if (!may_read) co_return none;
    co_return place->account;
}

co::Task<void> Session::handle(const GetQuota& command)
{
    const auto account = co_await account_of_root(command.root);
    const auto holds = account ? services_.store.quota(account->key()) : store::QuotaLimits{};
    if (holds.bytes == 0 && holds.messages == 0) {
        no("[NONEXISTENT] no such quota root");
        co_return;
    }
    co_await tell_quota(account, mailbox_text(command.root, utf8_));
    ok("GETQUOTA completed");
}

co::Task<void> Session::handle(const GetQuotaRoot& command)
{
    const auto place = co_await place_of(command.mailbox);
    if (!place) {
        no(refusal_text(place.error()));
        co_return;
    }
    std::string root;
    if (place->is_other()) {
        const auto user = login_->account.value;
        auto job = [&place, user](store::AccountStore& store) { return store.find_for(place->name, user, store::kRead); };
        const auto found = co_await place->account->run(net::WorkClass::interactive, std::move(job));
        if (!found) {
            no(refusal_text(found.error()));
            co_return;
        }
        root = place->prefix.substr(0, place->prefix.size() - 1);
    }
    // RFC 9208 section 4.1.2: an own mailbox need not exist.
    const auto holds = services_.store.quota(place->account->key());
    const bool has_root = holds.bytes != 0 || holds.messages != 0;
    const auto told = mailbox_text(root, utf8_);
    out_.add("* QUOTAROOT " + mailbox_text(command.mailbox, utf8_) + (has_root ? " " + told : "") + "\r\n");
    if (has_root) co_await tell_quota(place->account, told);
    ok("GETQUOTAROOT completed");
}

void Session::warn_of_quota()
{
    if (options_->warn_percent == 0) return;
    const auto usage = account_->usage();
    const auto holds = quota();
    const auto percent = directory::percent_used(directory::Quota{holds.bytes, holds.messages}, usage.bytes, usage.messages);
    if (percent < options_->warn_percent) return;
    if (!alerts_.is_due(login_->account, services_.clock.steady())) return;
    out_.add("* OK [ALERT] the mailbox is " + std::to_string(percent) + " % full; when it is full, mail is refused\r\n");
}

}  // namespace mbx::imap
