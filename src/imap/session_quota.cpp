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

std::string quota_text(const store::QuotaLimits& quota, const store::AccountStore::Usage& usage)
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
    return "* QUOTA \"\" (" + list + ")\r\n";
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

co::Task<void> Session::tell_quota(store::QuotaLimits quota)
{
    auto job = [](store::AccountStore& store) { return store.usage(); };
    const auto usage = co_await account_->run(net::WorkClass::interactive, std::move(job));
    out_.add(quota_text(quota, usage));
}

co::Task<void> Session::handle(const GetQuota& command)
{
    const store::QuotaLimits holds = quota();
    if (!command.root.empty() || (holds.bytes == 0 && holds.messages == 0)) {
        no("[NONEXISTENT] no such quota root");
        co_return;
    }
    co_await tell_quota(holds);
    ok("GETQUOTA completed");
}

co::Task<void> Session::handle(const GetQuotaRoot& command)
{
    // RFC 9208 section 4.1.2: the mailbox need not exist.
    const store::QuotaLimits holds = quota();
    const bool has_root = holds.bytes != 0 || holds.messages != 0;
    out_.add("* QUOTAROOT " + mailbox_text(command.mailbox, utf8_) + (has_root ? " \"\"" : "") + "\r\n");
    if (has_root) co_await tell_quota(holds);
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
