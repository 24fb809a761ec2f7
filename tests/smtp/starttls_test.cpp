// STARTTLS (RFC 3207) over a memory pipe with a real handshake.
#include <catch2/catch_test_macros.hpp>

#include "base/codec.hpp"
#include "smtp/appliance.hpp"
#include "support/scram_client.hpp"

namespace mbx::test {
namespace {

const std::string kReady = "220 2.0.0 ready to start TLS\r\n";

void give_certificate(Appliance& appliance, const TemporaryFolder& folder)
{
    auto made = net::make_self_signed({"mx.example.test"}, 30, appliance.random);
    REQUIRE(made);
    net::CertificateFiles files;
    files.certificate_path = folder.write("cert.pem", made->certificate_pem);
    files.key_path = folder.write("key.pem", made->key_pem, 0600);
    const auto loaded = appliance.tls.load({files});
    REQUIRE(loaded);
}

// The client's half, in tasks that run beside the server's on the loop.
class TlsClient {
public:
    explicit TlsClient(Appliance& appliance, bool implicit = false) : appliance_(appliance)
    {
        scope_.spawn(appliance.server.serve(std::move(pipe_.far), smtp::Role::submission, implicit));
        stream_ = std::move(pipe_.near);
    }
    ~TlsClient()
    {
        if (stream_) stream_->close();
        stream_.reset();
        appliance_.loop.run();
    }
    TlsClient(const TlsClient&) = delete;
    TlsClient& operator=(const TlsClient&) = delete;

    bool shake_hands(std::vector<std::string> alpn = {})
    {
        net::TlsClientOptions options;
        options.server_name = "mx.example.test";
        options.alpn = std::move(alpn);
        auto secured = run_on(appliance_.loop, net::connect_tls(appliance_.workers, std::move(stream_),
                                                                std::move(options), net::Deadline::never()));
        if (!secured) return false;
        stream_ = std::move(*secured);
        return true;
    }
    void say(std::string_view text) { (void)run_on(appliance_.loop, stream_->write(text, net::Deadline::never())); }
    // Reads until what was heard ends with `end`, or the stream does.
    std::string hear_until(std::string_view end)
    {
        std::string heard;
        std::string piece(4096, '\0');
        while (!heard.ends_with(end)) {
            const auto got = run_on(appliance_.loop, stream_->read_some(piece, net::Deadline::never()));
            if (!got || *got == 0) break;
            heard.append(piece, 0, *got);
        }
        return heard;
    }
    bool is_over() const { return scope_.running() == 0; }
    std::string channel_binding(net::ChannelBinding kind) const { return stream_->channel_binding(kind); }

private:
    Appliance& appliance_;
    MemoryPipe pipe_;
    std::unique_ptr<net::ByteStream> stream_;
    co::Scope scope_;
};

TEST_CASE("STARTTLS without a certificate is 454, and not offered (RFC 3207 4)", "[smtp][starttls]")
{
    Appliance appliance;
    const std::string heard = appliance.talk("EHLO c.example\r\nSTARTTLS\r\nSTARTTLS x\r\nQUIT\r\n");
    CHECK(heard.find("STARTTLS\r\n") == std::string::npos);
    CHECK(heard.ends_with("454 4.7.0 TLS not available\r\n501 5.5.4 syntax error in arguments\r\n221 2.0.0 bye\r\n"));
}

TEST_CASE("B3: behind STARTTLS the session begins anew, and log-in works", "[smtp][starttls]")
{
    Appliance appliance;
    const TemporaryFolder folder;
    give_certificate(appliance, folder);
    TlsClient client(appliance);
    CHECK(client.hear_until("\r\n").starts_with("220 "));
    client.say("EHLO before.example\r\n");
    CHECK(client.hear_until("250 SMTPUTF8\r\n").find("250-STARTTLS\r\n") != std::string::npos);
    client.say("STARTTLS\r\n");
    CHECK(client.hear_until("\r\n") == kReady);
    REQUIRE(client.shake_hands());
    client.say("MAIL FROM:<ann@example.test>\r\n");
    CHECK(client.hear_until("\r\n") == "503 5.5.1 bad sequence of commands\r\n");
    client.say("EHLO after.example\r\n");
    const std::string offer = client.hear_until("250 SMTPUTF8\r\n");
    CHECK(offer.find("STARTTLS\r\n") == std::string::npos);
    CHECK(offer.find("250-AUTH SCRAM-SHA-256 PLAIN LOGIN\r\n") != std::string::npos);
    client.say("STARTTLS\r\n");
    CHECK(client.hear_until("\r\n") == "503 5.5.1 TLS already active\r\n");
    client.say("QUIT\r\n");
    CHECK(client.hear_until("bye\r\n") == "221 2.0.0 bye\r\n");
}

TEST_CASE("B1: what was sent in clear behind STARTTLS is never carried out (RFC 3207 4.2)", "[smtp][starttls]")
{
    Appliance appliance;
    const TemporaryFolder folder;
    give_certificate(appliance, folder);
    TlsClient client(appliance);
    (void)client.hear_until("\r\n");
    client.say("EHLO c.example\r\n");
    (void)client.hear_until("250 SMTPUTF8\r\n");
    client.say("STARTTLS\r\nEHLO injected.example\r\nVRFY injected\r\n");
    CHECK(client.hear_until("\r\n") == kReady);
    REQUIRE(client.shake_hands());
    client.say("NOOP\r\n");
    CHECK(client.hear_until("\r\n") == "250 2.0.0 ok\r\n");
    client.say("MAIL FROM:<>\r\n");
    CHECK(client.hear_until("\r\n") == "503 5.5.1 bad sequence of commands\r\n");
}

TEST_CASE("B9: a client that offers another protocol by ALPN is refused, one that offers smtp is not",
          "[smtp][starttls]")
{
    Appliance appliance;
    const TemporaryFolder folder;
    give_certificate(appliance, folder);
    {
        TlsClient client(appliance, true);
        CHECK_FALSE(client.shake_hands({"http/1.1", "h2"}));
    }
    TlsClient client(appliance, true);
    REQUIRE(client.shake_hands({"smtp"}));
    CHECK(client.hear_until("\r\n").starts_with("220 "));
    client.say("EHLO c.example\r\n");
    CHECK(client.hear_until("250 SMTPUTF8\r\n").find("250-AUTH SCRAM-SHA-256 PLAIN LOGIN\r\n") != std::string::npos);
}

TEST_CASE("CLIENTS: where -PLUS is not offered for submission, a client that could bind is not taken for a deceived one", "[smtp][starttls][sasl]")
{
    Appliance appliance;
    const TemporaryFolder folder;
    give_certificate(appliance, folder);
    TlsClient client(appliance, true);
    REQUIRE(client.shake_hands());
    (void)client.hear_until("\r\n");
    client.say("EHLO c.example\r\n");
    (void)client.hear_until("250 SMTPUTF8\r\n");
    client.say("AUTH SCRAM-SHA-256 " + encode_base64("y,,n=ann@example.test,r=abc") + "\r\n");
    CHECK(client.hear_until("\r\n").starts_with("334 "));
    client.say("*\r\nAUTH SCRAM-SHA-256-PLUS\r\n");
    CHECK(client.hear_until("supported\r\n").ends_with("504 5.5.4 mechanism not supported\r\n"));
}

TEST_CASE("RFC 4954 4, RFC 7677 3: AUTH SCRAM-SHA-256-PLUS within TLS lets in who knows the password", "[smtp][starttls][sasl]")
{
    Appliance appliance([](smtp::Options& options) { options.offers_scram_plus = true; });
    const TemporaryFolder folder;
    give_certificate(appliance, folder);
    const auto made = run_on(appliance.loop, appliance.authenticator.make_credentials(Appliance::kPassword, ""));
    REQUIRE(made);
    directory::AccountChange change;
    change.password_hash = made->password_hash;
    change.scram_verifier = made->scram_verifier;
    REQUIRE(run_on(appliance.loop, appliance.directory->set_account("ann@example.test", change)));
    TlsClient client(appliance, true);
    REQUIRE(client.shake_hands());
    (void)client.hear_until("\r\n");
    client.say("EHLO c.example\r\n");
    CHECK(client.hear_until("250 SMTPUTF8\r\n").find("250-AUTH SCRAM-SHA-256-PLUS SCRAM-SHA-256 PLAIN LOGIN\r\n") !=
          std::string::npos);
    const auto ask = [&client](const std::string& text) {
        client.say(text + "\r\n");
        return client.hear_until("\r\n");
    };
    for (const std::string& password : {std::string("wrong"), std::string(Appliance::kPassword)}) {
        ScramClient scram("ann@example.test", password);
        scram.gs2_header = "p=tls-exporter,,";
        scram.binding = client.channel_binding(net::ChannelBinding::tls_exporter);
        const auto first = ask("AUTH SCRAM-SHA-256-PLUS " + encode_base64(scram.first()));
        REQUIRE(first.starts_with("334 "));
        const auto last = ask(encode_base64(scram.final(ScramClient::decoded(first.substr(4, first.size() - 6)))));
        if (password == "wrong") {
            CHECK(last == "535 5.7.8 authentication credentials invalid\r\n");
            continue;
        }
        CHECK(last == "334 " + encode_base64(scram.expected_signature()) + "\r\n");
        CHECK(ask("") == "235 2.7.0 authentication succeeded\r\n");
    }
    CHECK(ask("MAIL FROM:<ann@example.test>").starts_with("250"));
}

TEST_CASE("a handshake that does not come ends the session", "[smtp][starttls]")
{
    Appliance appliance;
    const TemporaryFolder folder;
    give_certificate(appliance, folder);
    TlsClient client(appliance);
    (void)client.hear_until("\r\n");
    client.say("EHLO c.example\r\n");
    (void)client.hear_until("250 SMTPUTF8\r\n");
    client.say("STARTTLS\r\n");
    CHECK(client.hear_until("\r\n") == kReady);
    client.say("MAIL FROM:<in.clear@example.test>\r\n");
    (void)client.hear_until("never");
    CHECK(client.is_over());
}

} // namespace
} // namespace mbx::test
