// One SASL dialogue, from AUTH to its verdict, for every protocol and mechanism: what the client sent goes in, what is to
// be done next comes out. Pure and bounded; no I/O, no accounts, no clock. sasl_dialogue.hpp runs it for a session.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "auth/sasl.hpp"
#include "auth/scram_exchange.hpp"

namespace mbx::auth {

struct SaslChallenge {
    std::string text;  // raw; the protocol sends it in base64 and hands the answer to respond()
};
struct SaslName {
    std::string login;  // SCRAM: give supply() what is stored for it
};
struct SaslProof {
    bool is_right = false;  // SCRAM: not to be told before the brake was asked
    std::size_t which = 0;  // of the verifiers that were supplied
};
struct SaslToken {
    std::string login;  // empty: whoever the token stands for
    std::string token;
};
struct SaslDone {};  // nothing is left to say: the verdict that was given counts

using SaslStep = std::variant<SaslChallenge, PlainCredentials, SaslName, SaslProof, SaslToken, SaslDone, SaslError>;

class SaslExchange {
public:
    SaslExchange(SaslMechanism mechanism, SaslChannel channel, std::string nonce);

    // `initial`: the initial response, in base64; none when the command brought none.
    SaslStep begin(std::optional<std::string_view> initial);
    // The answer to a challenge, in base64 or "*".
    SaslStep respond(std::string_view response);
    // Behind SaslName.
    SaslStep supply(std::vector<ScramVerifier> verifiers);
    // The verdict behind PlainCredentials, SaslProof or SaslToken. `token_error`: what a client with a refused token is
    // told (RFC 7628 section 3.2.2).
    SaslStep conclude(bool accepted, std::string token_error = {});

private:
    enum class Expects : unsigned char { response, user, password, first, final, acknowledgement, token, token_abort, nothing };

    SaslStep take_user(std::string_view response);
    SaslStep take_password(std::string_view response);
    SaslStep take_first(std::string_view message);
    SaslStep take_final(std::string_view message);
    SaslStep take_token(std::string_view message);

    SaslMechanism mechanism_;
    Expects expects_ = Expects::response;
    std::string user_;
    ScramExchange scram_;
};

}  // namespace mbx::auth
