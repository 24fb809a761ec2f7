// One POP3 session at a time has a maildrop (RFC 1939 section 4). IMAP sessions are not kept out: a session works on a
// snapshot, and what others remove meanwhile is answered -ERR. Loop thread.
#pragma once

#include <set>
#include <utility>

#include "directory/account.hpp"

namespace mbx::pop3 {

class MaildropLocks {
public:
    // Holds the maildrop while it lives; the locks outlive it.
    class Hold {
    public:
        Hold() = default;
        Hold(MaildropLocks& locks, directory::AccountId account) : locks_(&locks), account_(account) {}
        Hold(Hold&& other) noexcept : locks_(std::exchange(other.locks_, nullptr)), account_(other.account_) {}
        Hold& operator=(Hold&& other) noexcept
        {
            std::swap(locks_, other.locks_);
            std::swap(account_, other.account_);
            return *this;
        }
        ~Hold()
        {
            if (locks_ != nullptr) locks_->held_.erase(account_.value);
        }
        explicit operator bool() const { return locks_ != nullptr; }

    private:
        MaildropLocks* locks_ = nullptr;
        directory::AccountId account_;
    };

    // An empty hold: another session has it.
    Hold take(directory::AccountId account)
    {
        if (!held_.insert(account.value).second) return {};
        return {*this, account};
    }

private:
    std::set<std::int64_t> held_;
};

}  // namespace mbx::pop3
