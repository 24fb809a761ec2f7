// App passwords: made by the server, one for each program or device, so that one can be taken back alone. Pure but for the
// randomness handed in; making the keys costs tens of milliseconds on purpose of SCRAM: worker threads. The rest is
// microseconds.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "auth/scram.hpp"
#include "base/random.hpp"
#include "directory/account.hpp"

namespace mbx::auth {

// "k7qm-x2pd-…": five groups of four letters and digits that are not mistaken for each other, 100 bits.
std::string generate_app_password(Random& random);
// The letters and digits alone, in lower case, of what somebody typed: spaces and dashes do not count. Empty: it can be no
// app password.
std::string bare_app_password(std::string_view typed);

// What is stored of one. `parameters`: the account's, which all its verifiers share.
//
// No Argon2id: that makes guesses expensive because people choose passwords that can be guessed. Of 2^100 random ones none is
// found in a lifetime even where each try costs nothing. So the digest is one keyed hash, and 25 app passwords cost a log-in
// no more than one: a wrong password is still one Argon2id, be there app passwords or not (HOSTILE rows J2, J3).
directory::AppPassword make_app_password(std::string_view password, const ScramParameters& parameters);

// The app password of `account` that was typed, in constant time; null: none.
const directory::AppPassword* find_app_password(const directory::Account& account, std::string_view typed);

// By which salt and iterations the account's SCRAM verifiers are made. None yet: an empty salt.
ScramParameters scram_parameters_of(const directory::Account& account);

// What a proof of SCRAM may fit: the account's own password, then each app password in both spellings, kMostScramVerifiers in
// all.
struct ProvablePasswords {
    std::vector<ScramVerifier> verifiers;      // empty: none are stored
    std::vector<std::int64_t> app_passwords;   // the id of each; 0: the account's own password
};
ProvablePasswords provable_passwords(const directory::Account& account);

}  // namespace mbx::auth
