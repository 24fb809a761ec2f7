// Tells sessions that annotations were changed by another one of the same account (RFC 5464 section 4.4.2). Loop thread.
#pragma once

#include <cstdint>
#include <list>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace mbx::imap {

class MetadataFeed {
public:
    class Listener {
    public:
        // `mailbox`: empty for the account itself. Must not wait.
        virtual void on_metadata(const std::string& mailbox, const std::vector<std::string>& entries) = 0;

    protected:
        ~Listener() = default;
    };

    // The listener is told while this lives.
    class Subscription {
    public:
        Subscription(MetadataFeed& feed, std::int64_t account, Listener& listener) : feed_(feed), account_(account)
        {
            auto& listeners = feed_.listeners_[account];
            self_ = listeners.insert(listeners.end(), &listener);
        }
        ~Subscription()
        {
            const auto found = feed_.listeners_.find(account_);
            found->second.erase(self_);
            if (found->second.empty()) feed_.listeners_.erase(found);
        }
        Subscription(const Subscription&) = delete;
        Subscription& operator=(const Subscription&) = delete;

    private:
        MetadataFeed& feed_;
        std::int64_t account_;
        std::list<Listener*>::iterator self_;
    };

    // Everybody of the account but `changer`.
    void tell(std::int64_t account, const Listener* changer, const std::string& mailbox,
              const std::vector<std::string>& entries)
    {
        const auto found = listeners_.find(account);
        if (found == listeners_.end()) return;
        for (Listener* listener : found->second) {
            if (listener != changer) listener->on_metadata(mailbox, entries);
        }
    }

    // Those that somebody listens for.
    std::vector<std::int64_t> accounts() const
    {
        std::vector<std::int64_t> all;
        for (const auto& [account, listeners] : listeners_) all.push_back(account);
        return all;
    }

private:
    std::map<std::int64_t, std::list<Listener*>> listeners_;
};

}  // namespace mbx::imap
