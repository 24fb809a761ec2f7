// The client's side of SCRAM-SHA-256 (RFC 5802 section 5), for tests of every protocol.
#pragma once

#include <stdexcept>
#include <string>
#include <utility>

#include "auth/bearer.hpp"
#include "auth/scram.hpp"
#include "base/ascii.hpp"
#include "base/codec.hpp"

namespace mbx::test {

class ScramClient {
public:
    std::string login;
    std::string password;
    std::string gs2_header = "n,,";
    std::string binding;  // the data of the channel
    std::string nonce = "rOprNGfwEbeRWgbNEkqO";

    ScramClient(std::string with_login, std::string with_password)
        : login(std::move(with_login)), password(std::move(with_password))
    {
    }

    std::string first_bare() const { return "n=" + auth::encode_saslname(login) + ",r=" + nonce; }
    std::string first() const { return gs2_header + first_bare(); }
    std::string final(const std::string& server_first)
    {
        const auto salt = decode_base64(part(server_first, "s="));
        const auto iterations = ascii::parse_number(part(server_first, "i="));
        if (!salt || !iterations) throw std::runtime_error("no salt in " + server_first);
        const std::string without_proof =
            "c=" + encode_base64(gs2_header + binding) + ",r=" + part(server_first, "r=");
        message_ = first_bare() + "," + server_first + "," + without_proof;
        const auto count = static_cast<unsigned>(*iterations);
        expected_ = "v=" + encode_base64(auth::server_signature(auth::make_scram_verifier(password, *salt, count), message_));
        return without_proof + ",p=" +
               encode_base64(auth::make_client_proof(auth::salt_password(password, *salt, count), message_));
    }
    // What a server that knows the password says behind final().
    const std::string& expected_signature() const { return expected_; }

    static std::string part(const std::string& message, const std::string& name)
    {
        auto at = message.starts_with(name) ? 0 : message.find("," + name);
        if (at == std::string::npos) return {};
        if (at != 0) ++at;
        at += name.size();
        return message.substr(at, message.find(',', at) - at);
    }
    static std::string decoded(const std::string& base64)
    {
        auto bytes = decode_base64(base64);
        if (!bytes) throw std::runtime_error("not base64: " + base64);
        return std::move(*bytes);
    }

private:
    std::string message_;
    std::string expected_;
};

}  // namespace mbx::test
