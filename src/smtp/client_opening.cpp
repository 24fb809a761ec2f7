// The beginning of a conversation: greeting, EHLO, STARTTLS, EHLO again, AUTH.
#include <algorithm>
#include <memory>
#include <utility>

#include "smtp/client_conversation.hpp"
#include "smtp/client_login.hpp"

namespace mbx::smtp {

namespace {

using Stage = ClientFailure::Stage;
using Verdict = queue::Answer::Verdict;

constexpr std::chrono::seconds kMostHandshake{60};

bool is_about_tls(TlsPlan::Need need)
{
    return need != TlsPlan::Need::none;
}

}  // namespace

ClientFailure ClientConversation::failure(ClientFailure::Stage stage, queue::Answer answer)
{
    is_alive_ = false;
    sign(answer);
    return ClientFailure{stage, std::move(answer)};
}

co::Task<std::optional<ClientFailure>> ClientConversation::open()
{
    std::optional<ClientFailure> fault;
    if (options_.tls.is_implicit) {
        fault = co_await shake_hands();
        if (fault) co_return fault;
    }
    const auto greeting = co_await link_.reply(options_.greeting_time);
    if (!greeting) co_return failure(Stage::greeting, fault_answer(greeting.error(), ClientStep::greeting, false));
    if (greeting->code != 220) {
        const bool is_refusal = greeting->is_temporary() || greeting->is_permanent();
        queue::Answer answer = is_refusal ? answer_of(*greeting, ClientStep::greeting) : out_of_place(*greeting, name_of(ClientStep::greeting));
        // RFC 5321 section 3.1: whoever is not served says QUIT all the same.
        co_await end();
        co_return failure(Stage::greeting, std::move(answer));
    }
    fault = co_await hello();
    if (fault) co_return fault;
    const bool wants_tls = is_about_tls(options_.tls.need) && !link_.stream().is_encrypted();
    if (wants_tls) {
        fault = co_await start_tls();
        if (fault) co_return fault;
    }
    if (options_.user.empty()) co_return std::nullopt;
    auto refused = co_await log_in_to_server(link_, workers_, options_, offer_);
    if (!refused) co_return std::nullopt;
    co_await end();
    co_return failure(Stage::authentication, std::move(*refused));
}

// EHLO, or HELO where that is not known (RFC 5321 section 3.2).
co::Task<std::optional<ClientFailure>> ClientConversation::hello()
{
    offer_ = PeerOffer();
    const std::string extended = (options_.is_lmtp ? "LHLO " : "EHLO ") + options_.hostname + "\r\n";
    const std::string plain = "HELO " + options_.hostname + "\r\n";
    const int tries = options_.is_lmtp ? 1 : 2;  // LMTP has no other greeting (RFC 2033 section 4.1)
    for (int round = 0; round < tries; ++round) {
        const std::string& line = round == 0 ? extended : plain;
        const auto sent = co_await link_.send(line, options_.mail_time);
        if (!sent && sent.error().kind != LinkFault::Kind::broken)
            co_return failure(Stage::hello, fault_answer(sent.error(), ClientStep::hello, false));
        const auto reply = co_await link_.reply(options_.mail_time);
        if (!reply) co_return failure(Stage::hello, fault_answer(reply.error(), ClientStep::hello, false));
        if (reply->is_success()) {
            if (round == 0) offer_ = parse_offer(*reply);
            co_return std::nullopt;
        }
        const bool may_go_on = reply->is_permanent() && round + 1 < tries;
        if (may_go_on) continue;
        const bool is_refusal = reply->is_temporary() || reply->is_permanent();
        queue::Answer answer = is_refusal ? answer_of(*reply, ClientStep::hello) : out_of_place(*reply, name_of(ClientStep::hello));
        if (!reply->closes()) co_await end();
        co_return failure(Stage::hello, std::move(answer));
    }
    co_return std::nullopt;
}

co::Task<std::optional<ClientFailure>> ClientConversation::start_tls()
{
    if (!offer_.start_tls) {
        if (options_.tls.need == TlsPlan::Need::opportunistic) co_return std::nullopt;
        // Taken away by somebody between us, perhaps (HOSTILE row B5): nothing goes in clear.
        co_await end();
        co_return failure(Stage::start_tls,
                          own_answer(Verdict::temporary, "4.7.10", "TLS is needed, and the server does not offer it"));
    }
    const std::string_view command = "STARTTLS\r\n";
    const auto sent = co_await link_.send(command, options_.mail_time);
    if (!sent) co_return failure(Stage::start_tls, fault_answer(sent.error(), ClientStep::start_tls, false));
    const auto reply = co_await link_.reply(options_.mail_time);
    if (!reply) co_return failure(Stage::start_tls, fault_answer(reply.error(), ClientStep::start_tls, false));
    if (reply->code != 220) {
        // It was offered: that is no server without TLS. Where it is not needed, the next connection does not ask.
        const bool is_refusal = reply->is_temporary() || reply->is_permanent();
        queue::Answer answer = is_refusal ? answer_of(*reply, ClientStep::start_tls) : out_of_place(*reply, name_of(ClientStep::start_tls));
        answer.verdict = Verdict::temporary;
        if (!reply->closes()) co_await end();
        co_return failure(Stage::start_tls, std::move(answer));
    }
    auto fault = co_await shake_hands();
    if (fault) co_return fault;
    // RFC 3207 section 4.2: what was learned in clear is forgotten, and asked again.
    co_return co_await hello();
}

co::Task<std::optional<ClientFailure>> ClientConversation::shake_hands()
{
    const net::Deadline end{clock_.steady() + std::min(options_.mail_time, kMostHandshake)};
    net::TlsClientOptions tls = options_.tls.tls;
    if (!tls.outcome) tls.outcome = std::make_shared<net::TlsOutcome>();
    const auto outcome = tls.outcome;
    auto secured = co_await net::connect_tls(workers_, link_.take_stream(), std::move(tls), end);
    if (!secured) {
        // The error says that TLS failed; the outcome says what is wrong, which is what somebody has to mend.
        std::string why = outcome->why;
        if (why.empty()) why = "the TLS handshake failed: " + std::string(net::describe(secured.error()));
        co_return failure(Stage::handshake, own_answer(Verdict::temporary, "4.7.5", std::move(why)));
    }
    link_.use(std::move(*secured));
    const net::TlsFacts facts = link_.stream().tls_facts();
    tls_ = facts.protocol + ", ";
    if (options_.tls.label.empty()) tls_ += net::describe(facts.trust);
    else tls_ += options_.tls.label;
    co_return std::nullopt;
}

co::Task<Result<std::unique_ptr<queue::Conversation>, ClientFailure>>
open_conversation(net::Workers& workers, FileSystem& files, const Clock& clock, std::unique_ptr<net::ByteStream> stream,
                  ClientOptions options)
{
    auto conversation =
        std::make_unique<ClientConversation>(workers, files, clock, std::move(stream), std::move(options));
    auto fault = co_await conversation->open();
    if (fault) co_return *std::move(fault);
    co_return std::unique_ptr<queue::Conversation>(std::move(conversation));
}

}  // namespace mbx::smtp
