// The directory of a server that does not run yet. Blocking.
#pragma once

#include <string>

#include "base/error.hpp"
#include "base/result.hpp"

namespace mbx::ctl {

struct FirstAccount {
    std::string data_directory;
    std::string domain;
    std::string address;   // an administrator's
    std::string password;
};

// Makes directory.db where it is missing, the domain and the account in it. An account that is there already is an
// error, or gets the new password where `may_change`.
Result<void, Error> make_first_account(const FirstAccount& wanted, bool may_change);

// Whether directory.db is there and has the account.
bool has_account(const std::string& data_directory, const std::string& address);

}  // namespace mbx::ctl
