// What IMAP says of an account's quota (RFC 9208). One quota root, "", covers all mailboxes of an account; without a
// limit there is none. Pure but for QuotaAlerts, which is of the loop.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "base/clock.hpp"
#include "directory/account.hpp"
#include "store/account_store.hpp"

namespace mbx::imap {

// "* QUOTA "" (STORAGE 12 1024 MESSAGE 3 1000)" with CRLF; at least one of the limits is there.
// `root`: its name as an answer has it.
std::string quota_text(const store::QuotaLimits& quota, const store::AccountStore::Usage& usage, std::string_view root = "\"\"");

// Who was told lately that the mailbox is nearly full: a mail program opens many sessions and shows each alert.
class QuotaAlerts {
public:
    // Whether it is time to tell, and notes that it was done.
    bool is_due(directory::AccountId account, SteadyTime now);

private:
    std::map<std::int64_t, SteadyTime> told_;
};

}  // namespace mbx::imap
