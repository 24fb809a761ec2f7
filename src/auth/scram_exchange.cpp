#include "auth/scram_exchange.hpp"

#include <algorithm>
#include <utility>

#include "auth/bearer.hpp"
#include "auth/saslprep.hpp"
#include "base/ascii.hpp"
#include "base/codec.hpp"

namespace mbx::auth {
namespace {

constexpr std::size_t kMostScramMessage = 4096;
constexpr std::size_t kMostClientNonce = 512;

// RFC 5802 section 7: printable = %x21-2B / %x2D-7E.
bool is_nonce(std::string_view text)
{
    return !text.empty() && text.size() <= kMostClientNonce &&
           std::ranges::all_of(text, [](char c) { return c > ' ' && c < '\x7f' && c != ','; });
}

// What stands before the next comma, which goes too.
std::string_view take_part(std::string_view& text)
{
    const auto comma = text.find(',');
    const auto part = text.substr(0, comma);
    text.remove_prefix(comma == std::string_view::npos ? text.size() : comma + 1);
    return part;
}

}  // namespace

ScramExchange::ScramExchange(bool wants_binding, SaslChannel channel, std::string nonce)
    : wants_binding_(wants_binding), channel_(std::move(channel)), nonce_(std::move(nonce))
{
}

// RFC 5802 section 6.
Result<void, ScramError> ScramExchange::judge_binding(std::string_view flag)
{
    if (flag == "n") {
        if (wants_binding_) return ScramError::malformed;
        return {};
    }
    if (flag == "y") {
        // "I could bind, but you do not offer it": we do, so somebody took -PLUS out of our list.
        if (wants_binding_) return ScramError::malformed;
        if (channel_.can_bind()) return ScramError::channel_binding;
        return {};
    }
    if (!flag.starts_with("p=") || !wants_binding_) return ScramError::malformed;
    const auto type = flag.substr(2);
    if (type == "tls-exporter") bound_to_ = channel_.exporter;
    // tls-unique is not for TLS 1.3, and before it only as safe as the extended master secret (RFC 9266 section 1).
    else if (type == "tls-server-end-point") bound_to_ = channel_.server_end_point;
    if (bound_to_.empty()) return ScramError::channel_binding;
    return {};
}

Result<std::string, ScramError> ScramExchange::take_first(std::string_view message)
{
    if (message.size() > kMostScramMessage || !ascii::is_utf8(message)) return ScramError::malformed;
    std::string_view rest = message;
    const auto flag = take_part(rest);
    const auto identity = take_part(rest);
    gs2_header_ = message.substr(0, message.size() - rest.size());
    if (gs2_header_.size() != flag.size() + identity.size() + 2) return ScramError::malformed;
    const auto judged = judge_binding(flag);
    if (!judged) return judged.error();
    first_bare_ = rest;
    // "m=" would stand here: an extension that we must know and do not.
    const auto name = take_part(rest);
    const auto nonce = take_part(rest);
    if (!name.starts_with("n=") || !nonce.starts_with("r=") || !is_nonce(nonce.substr(2))) return ScramError::malformed;
    const auto decoded = decode_saslname(name.substr(2));
    auto prepared = decoded ? saslprep(*decoded) : std::nullopt;
    if (!prepared) return ScramError::malformed;
    nonce_.insert(0, nonce.substr(2));
    if (identity.empty()) return std::move(*prepared);
    if (!identity.starts_with("a=")) return ScramError::malformed;
    const auto other = decode_saslname(identity.substr(2));
    if (!other) return ScramError::malformed;
    if (!ascii::same(*other, *prepared)) return ScramError::not_authorized;
    return std::move(*prepared);
}

std::string ScramExchange::answer_first(std::vector<ScramVerifier> verifiers)
{
    verifiers_ = std::move(verifiers);
    const ScramVerifier& first = verifiers_.at(0);
    server_first_ = "r=" + nonce_ + ",s=" + encode_base64(first.salt) + ",i=" + std::to_string(first.iterations);
    return server_first_;
}

Result<bool, ScramError> ScramExchange::take_final(std::string_view message)
{
    if (message.size() > kMostScramMessage) return ScramError::malformed;
    const auto at = message.rfind(",p=");
    if (at == std::string_view::npos) return ScramError::malformed;
    const auto without_proof = message.substr(0, at);
    const auto proof = decode_base64(message.substr(at + 3));
    std::string_view rest = without_proof;
    const auto channel = take_part(rest);
    const auto nonce = take_part(rest);
    if (!proof || !channel.starts_with("c=") || !nonce.starts_with("r=")) return ScramError::malformed;
    const auto bound = decode_base64(channel.substr(2));
    if (!bound || nonce.substr(2) != nonce_) return ScramError::malformed;
    if (*bound != gs2_header_ + bound_to_) return ScramError::channel_binding;
    message_ = first_bare_ + "," + server_first_ + "," + std::string(without_proof);
    bool is_right = false;
    for (std::size_t n = 0; n < std::max(kMostScramVerifiers, verifiers_.size()); ++n) {
        const std::size_t which = n % verifiers_.size();
        if (!is_right_proof(verifiers_[which], message_, *proof)) continue;
        is_right = true;
        proved_ = which;
    }
    return is_right;
}

std::string ScramExchange::answer_final() const { return "v=" + encode_base64(server_signature(verifiers_.at(proved_), message_)); }

}  // namespace mbx::auth
