// Any lines of a client in any dialogue: it ends in a bounded number of steps, only a right proof is called right, and a
// name or token that comes out is what the grammar allows.
#include <cstdlib>

#include "auth/bearer.hpp"
#include "auth/saslprep.hpp"
#include "auth/sasl_exchange.hpp"
#include "base/ascii.hpp"
#include "base/codec.hpp"

namespace {

using namespace mbx;
using namespace mbx::auth;

void insist(bool holds)
{
    if (!holds) std::abort();
}

std::string_view take_line(std::string_view& text)
{
    const auto end = text.find('\n');
    const auto line = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    return line;
}

// Whether the dialogue goes on.
bool judge(SaslExchange& exchange, SaslStep& step, bool accepts)
{
    static const ScramVerifier verifier = make_fake_scram_verifier("secret", "name", kLeastScramIterations);
    if (const auto* name = std::get_if<SaslName>(&step)) {
        insist(!name->login.empty() && ascii::is_utf8(name->login) && saslprep(name->login) == name->login);
        step = exchange.supply({verifier});
    } else if (const auto* proof = std::get_if<SaslProof>(&step)) {
        insist(!proof->is_right);  // nobody knows the password
        step = exchange.conclude(accepts);
    } else if (const auto* token = std::get_if<SaslToken>(&step)) {
        insist(!token->token.empty() && token->token.find('\1') == std::string::npos);
        step = exchange.conclude(accepts, accepts ? std::string() : "{}");
    } else if (const auto* plain = std::get_if<PlainCredentials>(&step)) {
        insist(!plain->login.empty() && !plain->password.empty());
        step = exchange.conclude(accepts);
    }
    return std::holds_alternative<SaslChallenge>(step);
}

void run(std::string_view text, bool encodes)
{
    const auto choice = text.empty() ? 0U : static_cast<unsigned char>(text.front());
    if (!text.empty()) text.remove_prefix(1);
    const SaslChannel channel = (choice & 8U) != 0 ? SaslChannel{"exporter", "end point"} : SaslChannel{};
    SaslExchange exchange(static_cast<SaslMechanism>((choice & 7U) % 6U), channel, "nonce");
    const auto next = [&] {
        const auto line = take_line(text);
        return encodes ? encode_base64(line) : std::string(line);
    };
    SaslStep step;
    if ((choice & 16U) != 0) {
        const std::string initial = next();
        step = exchange.begin(initial);
    } else {
        step = exchange.begin(std::nullopt);
    }
    unsigned steps = 0;
    while (judge(exchange, step, (choice & 32U) != 0)) {
        insist(++steps < 6);
        step = exchange.respond(next());
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size)
{
    const std::string_view bytes(reinterpret_cast<const char*>(data), size);
    run(bytes, false);
    run(bytes, true);
    if (const auto prepared = saslprep(bytes)) insist(saslprep(*prepared) == prepared);
    if (const auto verifier = parse_scram_verifier(bytes)) insist(parse_scram_verifier(verifier->text()).has_value());
    return 0;
}
