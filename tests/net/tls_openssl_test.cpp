// Our server against OpenSSL's client, over real sockets: another implementation's word on what we speak.
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

#include <thread>

#include "net/listener.hpp"
#include "support/program.hpp"
#include "tls_fixture.hpp"

namespace mbx::net {
namespace {

struct Served {
    TlsServer& server;
    std::vector<std::string> alpn;
    int handshakes = 0;
    int failures = 0;
    bool is_silent = false;  // only listens
};

// Says one line, ends its side and hears the client out.
co::Task<void> greet(Served* served, std::unique_ptr<ByteStream> plain)
{
    Result<std::unique_ptr<ByteStream>, IoError> made =
        co_await served->server.accept(std::move(plain), served->alpn, Deadline::after(kLong));
    if (!made) {
        ++served->failures;
        co_return;
    }
    ++served->handshakes;
    const std::unique_ptr<ByteStream> stream = std::move(*made);
    std::optional<IoError> error;
    if (served->is_silent) {
        (void)co_await read_all(*stream, error);
        co_return;
    }
    const std::string line = "* OK over " + stream->tls_facts().protocol + "\r\n";
    (void)co_await say_and_end(*stream, line);
    (void)co_await read_all(*stream, error);
}

// Runs `openssl s_client` with `arguments` against a listener that serves as told; what it printed.
std::string ask(TlsFixture& fixture, Served& served, std::vector<std::string> arguments, const std::string& input = {})
{
    ListenerOptions options;
    options.name = "imaps";
    options.endpoint = *Endpoint::parse("127.0.0.1:0");
    auto listener = Listener::open(fixture.loop, options, Log());
    REQUIRE(listener);
    Served* const told = &served;
    (*listener)->start([told](std::unique_ptr<ByteStream> stream) { return greet(told, std::move(stream)); });

    std::vector<std::string> words = {"openssl", "s_client", "-connect", (*listener)->local_endpoint().text()};
    words.insert(words.end(), arguments.begin(), arguments.end());
    std::string printed;
    std::thread client([&] {
        test::Program program(words, input);
        printed = program.finish();
        if (!program.was_found()) printed = "not found";
        fixture.loop.post([&] { (*listener)->stop_accepting(); });
    });
    fixture.loop.run();
    client.join();
    if (printed == "not found") SKIP("the program openssl is not installed");
    return printed;
}

bool has(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

}  // namespace

TEST_CASE("openssl speaks TLS 1.3 and 1.2 with us and believes the certificate", "[net][tls][openssl]")
{
    TlsFixture fixture;
    TlsServer server(fixture.workers, Log());
    const CertificateFiles files = fixture.certificate("mx.example.org");
    REQUIRE(server.load({files}));
    Served served{server, {}};
    const std::string version = GENERATE(as<std::string>{}, "1.3", "1.2");
    const std::string option = version == "1.3" ? "-tls1_3" : "-tls1_2";
    const std::string printed =
        ask(fixture, served,
            {option, "-servername", "mx.example.org", "-CAfile", files.certificate_path, "-verify_return_error",
             "-verify_hostname", "mx.example.org"});
    INFO(printed);
    CHECK(has(printed, "* OK over TLSv" + version));
    CHECK(has(printed, "Verification: OK"));
    CHECK(has(printed, "subject=CN = mx.example.org"));
    CHECK(served.handshakes == 1);
}

TEST_CASE("an RSA certificate serves both versions", "[net][tls][openssl]")
{
    TlsFixture fixture;
    const CertificateFiles files{fixture.folder.path("rsa.crt"), fixture.folder.path("rsa.key")};
    test::Program make({"openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=rsa.example", "-days",
                        "2", "-keyout", files.key_path, "-out", files.certificate_path},
                       {});
    make.finish();
    if (!make.was_found()) SKIP("the program openssl is not installed");
    ::chmod(files.key_path.c_str(), 0600);
    TlsServer server(fixture.workers, Log());
    REQUIRE(server.load({files}));
    CHECK(server.certificates().at(0).names == std::vector<std::string>{"rsa.example"});
    Served served{server, {}};
    const std::string option = GENERATE(as<std::string>{}, "-tls1_3", "-tls1_2");
    CHECK(has(ask(fixture, served, {option}), "* OK over TLSv1."));
}

TEST_CASE("B7: TLS 1.0 and 1.1 and suites without forward secrecy are refused", "[net][tls][openssl][B7]")
{
    TlsFixture fixture;
    TlsServer server(fixture.workers, Log());
    REQUIRE(server.load({fixture.certificate("mx.example.org")}));
    Served served{server, {}};
    const auto arguments = GENERATE(std::vector<std::string>{"-tls1", "-cipher", "ALL:@SECLEVEL=0"},
                                    std::vector<std::string>{"-tls1_1", "-cipher", "ALL:@SECLEVEL=0"},
                                    std::vector<std::string>{"-tls1_2", "-cipher", "AES128-GCM-SHA256:@SECLEVEL=0"},
                                    std::vector<std::string>{"-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-SHA256"},
                                    std::vector<std::string>{"-tls1_2", "-cipher", "DHE-RSA-AES128-GCM-SHA256"});
    const std::string printed = ask(fixture, served, arguments);
    INFO(printed);
    CHECK_FALSE(has(printed, "* OK"));
    CHECK(has(printed, "alert"));
    CHECK(served.handshakes == 0);
    CHECK(served.failures == 1);
}

TEST_CASE("B9: an ALPN that is not ours is answered no_application_protocol", "[net][tls][openssl][B9]")
{
    TlsFixture fixture;
    TlsServer server(fixture.workers, Log());
    REQUIRE(server.load({fixture.certificate("mx.example.org")}));
    Served served{server, {"imap"}};
    const std::string version = GENERATE(as<std::string>{}, "-tls1_3", "-tls1_2");
    const std::string refused = ask(fixture, served, {version, "-alpn", "http/1.1"});
    INFO(refused);
    CHECK(has(refused, "no application protocol"));
    CHECK(served.handshakes == 0);
    CHECK(has(ask(fixture, served, {version, "-alpn", "http/1.1,imap"}), "ALPN protocol: imap"));
}

TEST_CASE("openssl gets the certificate of the name it asks for", "[net][tls][openssl]")
{
    TlsFixture fixture;
    TlsServer server(fixture.workers, Log());
    REQUIRE(server.load({fixture.certificate("first.example"), fixture.certificate("second.example")}));
    Served served{server, {}};
    CHECK(has(ask(fixture, served, {"-servername", "second.example"}), "subject=CN = second.example"));
    CHECK(has(ask(fixture, served, {"-servername", "nobody.example"}), "subject=CN = first.example"));
    CHECK(has(ask(fixture, served, {"-noservername"}), "subject=CN = first.example"));
}

TEST_CASE("B11: a ticket resumes a session in both versions, and early data is never offered",
          "[net][tls][openssl][B11]")
{
    TlsFixture fixture;
    TlsServer server(fixture.workers, Log());
    REQUIRE(server.load({fixture.certificate("mx.example.org")}));
    Served served{server, {}};
    const std::string version = GENERATE(as<std::string>{}, "-tls1_3", "-tls1_2");
    const std::string session = fixture.folder.path("session");
    const std::string first = ask(fixture, served, {version, "-sess_out", session});
    INFO(first);
    CHECK(has(first, "New, TLSv1."));
    const std::string second = ask(fixture, served, {version, "-sess_in", session});
    INFO(second);
    CHECK(has(second, "Reused, TLSv1."));
    CHECK(has(second, "* OK over TLSv1."));
    if (version == "-tls1_3") CHECK(has(first, "Max Early Data: 0"));

    // A server that never saw the ticket falls back to a whole handshake.
    TlsServer other(fixture.workers, Log());
    REQUIRE(other.load({fixture.certificate("mx.example.org")}));
    Served elsewhere{other, {}};
    CHECK(has(ask(fixture, elsewhere, {version, "-sess_in", session}), "New, TLSv1."));
}

TEST_CASE("B7: a client's renegotiation is not done", "[net][tls][openssl][B7]")
{
    TlsFixture fixture;
    TlsServer server(fixture.workers, Log());
    REQUIRE(server.load({fixture.certificate("mx.example.org")}));
    Served served{server, {}};
    served.is_silent = true;
    const std::string printed = ask(fixture, served, {"-tls1_2"}, "R\n");
    INFO(printed);
    CHECK(served.handshakes == 1);
    CHECK(has(printed, "RENEGOTIATING"));
    CHECK(has(printed, "no renegotiation"));
}

}  // namespace mbx::net
