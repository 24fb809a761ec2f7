#include "smtp/client_login.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "auth/bearer.hpp"
#include "auth/saslprep.hpp"
#include "auth/scram.hpp"
#include "base/ascii.hpp"
#include "base/codec.hpp"
#include "base/random.hpp"

namespace mbx::smtp {

namespace {

using Verdict = queue::Answer::Verdict;
using LoginOutcome = std::optional<queue::Answer>;

queue::Answer login_trouble(std::string text)
{
    return own_answer(Verdict::temporary, "4.7.0", std::move(text));
}

// "r=…" of "r=…,s=…,i=…"; empty: not there.
std::string scram_attribute(std::string_view message, std::string_view name)
{
    while (!message.empty()) {
        const auto end = std::min(message.find(','), message.size());
        const std::string_view each = message.substr(0, end);
        if (each.starts_with(name)) return std::string(each.substr(name.size()));
        message.remove_prefix(std::min(end + 1, message.size()));
    }
    return {};
}

std::string fresh_nonce()
{
    std::array<unsigned char, 18> bytes{};
    SystemRandom().fill(bytes);
    return encode_base64(std::string(bytes.begin(), bytes.end()));
}

struct ScramProof {
    std::string final_message;
    std::string server_signature;
};

// RFC 5802 section 3. Costs milliseconds and more, on purpose.
ScramProof make_proof(const std::string& password, const std::string& salt, unsigned iterations,
                      const std::string& first_bare, const std::string& server_first, const std::string& without_proof)
{
    const std::string prepared = auth::saslprep(password).value_or(password);
    const std::string message = first_bare + "," + server_first + "," + without_proof;
    const std::string proof = auth::make_client_proof(auth::salt_password(prepared, salt, iterations), message);
    const auto verifier = auth::make_scram_verifier(prepared, salt, iterations);
    return {without_proof + ",p=" + encode_base64(proof), auth::server_signature(verifier, message)};
}

class ClientLogin {
public:
    ClientLogin(ClientLink& link, net::Workers& workers, const ClientOptions& options)
        : link_(link), workers_(workers), options_(options)
    {
    }

    co::Task<LoginOutcome> plain()
    {
        const std::string message = std::string(1, '\0') + options_.user + '\0' + options_.password;
        co_await ask("AUTH PLAIN " + encode_base64(message));
        co_return verdict();
    }
    co::Task<LoginOutcome> login()
    {
        co_await ask("AUTH LOGIN");
        if (is_challenge()) co_await ask(encode_base64(options_.user));
        if (is_challenge()) co_await ask(encode_base64(options_.password));
        co_return verdict();
    }
    co::Task<LoginOutcome> scram(std::string mechanism, std::string gs2, std::string binding)
    {
        const std::string nonce = fresh_nonce();
        const std::string first_bare = "n=" + auth::encode_saslname(options_.user) + ",r=" + nonce;
        co_await ask("AUTH " + mechanism + " " + encode_base64(gs2 + first_bare));
        if (!is_challenge()) co_return verdict();
        const std::string server_first = challenge();
        const std::string both = scram_attribute(server_first, "r=");
        const auto salt = decode_base64(scram_attribute(server_first, "s="));
        const auto iterations = ascii::parse_number(scram_attribute(server_first, "i="));
        const bool is_sane = both.starts_with(nonce) && both.size() > nonce.size() && salt && !salt->empty() && iterations &&
                             *iterations >= auth::kLeastScramIterations && *iterations <= auth::kMostScramIterations;
        if (!is_sane) {
            co_await ask("*");
            co_return login_trouble("the server's part of SCRAM makes no sense");
        }
        const std::string without_proof = "c=" + encode_base64(gs2 + binding) + ",r=" + both;
        auto job = [this, &salt, &iterations, &first_bare, &server_first, &without_proof] {
            return make_proof(options_.password, *salt, static_cast<unsigned>(*iterations), first_bare, server_first,
                              without_proof);
        };
        const ScramProof proof = co_await workers_.run(net::WorkClass::hashing, std::move(job));
        co_await ask(encode_base64(proof.final_message));
        if (!is_challenge()) co_return verdict();
        const auto signature = decode_base64(scram_attribute(challenge(), "v="));
        if (!signature || *signature != proof.server_signature) {
            co_await ask("*");
            co_return login_trouble("the server does not know the password that it asked for");
        }
        co_await ask("");
        co_return verdict();
    }
    // The mechanism is none of theirs after all: another may be tried.
    bool is_unsupported() const { return reply_ && reply_->code == 504; }

private:
    // Says a line; what is said to it is in reply_, or fault_.
    co::Task<void> ask(std::string line)
    {
        reply_.reset();
        line += "\r\n";
        const auto sent = co_await link_.send(line, options_.mail_time);
        if (!sent) {
            fault_ = sent.error();
            co_return;
        }
        auto reply = co_await link_.reply(options_.mail_time);
        if (reply) reply_ = std::move(*reply);
        else fault_ = reply.error();
    }
    bool is_challenge() const { return reply_ && reply_->code == 334; }
    std::string challenge() const { return decode_base64(ascii::trim(reply_->lines.front())).value_or(std::string()); }
    LoginOutcome verdict() const
    {
        if (!reply_) return fault_answer(fault_, ClientStep::authentication, false);
        if (reply_->code == 235) return std::nullopt;
        queue::Answer answer = answer_of(*reply_, ClientStep::authentication);
        answer.verdict = Verdict::temporary;
        return answer;
    }

    ClientLink& link_;
    net::Workers& workers_;
    const ClientOptions& options_;
    std::optional<RemoteReply> reply_;
    LinkFault fault_;
};

}  // namespace

co::Task<std::optional<queue::Answer>> log_in_to_server(ClientLink& link, net::Workers& workers,
                                                        const ClientOptions& options, const PeerOffer& offer)
{
    if (!link.stream().is_encrypted()) co_return login_trouble("the password is not sent without TLS");
    ClientLogin login(link, workers, options);
    LoginOutcome outcome = login_trouble("the server offers no way to log in that is known here");
    const std::string exporter = link.stream().channel_binding(net::ChannelBinding::tls_exporter);
    if (!exporter.empty() && offer.has_mechanism("SCRAM-SHA-256-PLUS")) {
        outcome = co_await login.scram("SCRAM-SHA-256-PLUS", "p=tls-exporter,,", exporter);
        if (!login.is_unsupported()) co_return outcome;
    }
    if (offer.has_mechanism("SCRAM-SHA-256")) {
        outcome = co_await login.scram("SCRAM-SHA-256", "n,,", "");
        if (!login.is_unsupported()) co_return outcome;
    }
    if (offer.has_mechanism("PLAIN")) {
        outcome = co_await login.plain();
        if (!login.is_unsupported()) co_return outcome;
    }
    if (offer.has_mechanism("LOGIN")) outcome = co_await login.login();
    co_return outcome;
}

}  // namespace mbx::smtp
