// The server's side of one SCRAM-SHA-256 or SCRAM-SHA-256-PLUS dialogue (RFC 5802 section 5, RFC 7677). Pure: messages in,
// messages out; who the name belongs to and whether a right proof is let in is for others to say.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "auth/scram.hpp"
#include "base/result.hpp"

namespace mbx::auth {

// What the connection gives a client to bind to. Empty texts: that kind is not to be had.
struct SaslChannel {
    std::string exporter;          // tls-exporter (RFC 9266)
    std::string server_end_point;  // tls-server-end-point (RFC 5929 section 4)

    bool can_bind() const { return !exporter.empty() || !server_end_point.empty(); }
};

enum class ScramError : std::uint8_t {
    malformed,
    not_authorized,   // wants to act as somebody else
    channel_binding,  // the client's view of the channel is not ours: somebody may be in between
};

class ScramExchange {
public:
    // `nonce`: ours, printable without a comma. `wants_binding`: the mechanism is -PLUS.
    ScramExchange(bool wants_binding, SaslChannel channel, std::string nonce);

    // The client's first message; the name in it, prepared.
    Result<std::string, ScramError> take_first(std::string_view message);
    // Our first message, once it is known what is stored for that name: one verifier at least, all with one salt and count.
    std::string answer_first(std::vector<ScramVerifier> verifiers);
    // The client's final message; whether its proof is right of any of them. Compares kMostScramVerifiers times in any case:
    // how long it takes does not tell how many there are, nor which it was.
    Result<bool, ScramError> take_final(std::string_view message);
    std::size_t proved() const { return proved_; }  // which one, behind a right proof
    // Our final message, behind a right proof alone.
    std::string answer_final() const;

private:
    Result<void, ScramError> judge_binding(std::string_view flag);

    bool wants_binding_;
    SaslChannel channel_;
    std::string nonce_;
    std::string gs2_header_;
    std::string bound_to_;    // what c= must hold behind the header
    std::string first_bare_;
    std::string server_first_;
    std::string message_;     // the AuthMessage
    std::vector<ScramVerifier> verifiers_;
    std::size_t proved_ = 0;
};

}  // namespace mbx::auth
