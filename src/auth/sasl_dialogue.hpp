// Runs a SASL exchange for a session of any protocol: the session sends challenges and reads answers, this does the rest,
// and the session words the outcome. Loop thread.
#pragma once

#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "auth/authenticator.hpp"
#include "auth/sasl_exchange.hpp"
#include "co/task.hpp"
#include "net/byte_stream.hpp"

namespace mbx::auth {

// The session's part of a dialogue.
class SaslWire {
public:
    // Sends one challenge (raw bytes: base64 and the protocol's frame are added here) and gives the client's line without
    // its CRLF. None: the connection or the place in it is lost, and whatever can be said about that was said.
    virtual co::Task<std::optional<std::string>> ask_client(std::string challenge) = 0;

protected:
    ~SaslWire() = default;
};

struct SaslStart {
    std::string service;  // "imap", "submission", … for the log
    SaslMechanism mechanism = SaslMechanism::plain;
    std::optional<std::string> initial;  // the initial response, as it came
};

struct SaslLost {};  // ask_client gave none
using SaslOutcome = std::variant<Login, LoginFailure, SaslError, SaslLost>;

// What is offered on this connection, the strongest first. `may_log_in`: passwords may cross it (TLS, or a network that
// the administrator named). -PLUS where the channel can be bound to; SCRAM without TLS where the administrator allows it.
std::vector<SaslMechanism> offered_mechanisms(const Authenticator& authenticator, const net::ByteStream& stream,
                                              bool may_log_in);
// The same as a list of names, each behind `before_each`.
std::string list_mechanisms(const std::vector<SaslMechanism>& mechanisms, std::string_view before_each);

// `stream` is the session's; what must be known of it is asked at once.
co::Task<SaslOutcome> run_sasl(Authenticator& authenticator, SaslWire& wire, const net::ByteStream& stream,
                               SaslStart start);

}  // namespace mbx::auth
