#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

#include "net/tls_stream.hpp"
#include "tls_fixture.hpp"

namespace mbx::net {
namespace {

// What `from` says arrives at `to`, whole and with its end.
void check_carries(Loop& loop, ByteStream& from, ByteStream& to, const std::string& bytes)
{
    std::optional<IoError> error;
    bool said = false;
    const std::string heard = test::run_with(read_all(to, error), [&] {
        said = test::run_on(loop, say_and_end(from, bytes));
        loop.run();
    });
    CHECK(said);
    CHECK(heard == bytes);
    CHECK_FALSE(error.has_value());
}

}  // namespace

TEST_CASE("a TLS 1.3 session carries bytes both ways, however the network cuts them", "[net][tls]")
{
    const auto piece = GENERATE(std::size_t{1}, std::size_t{37}, std::size_t{65536});
    TlsFixture fixture;
    TlsServer server(fixture.workers, Log());
    REQUIRE(server.load({fixture.certificate("mx.example.org")}));
    BothEnds ends = shake(fixture, server, {.server_name = "mx.example.org", .ca_file = {}, .alpn = {}}, {}, piece);
    REQUIRE(ends.server);
    REQUIRE(ends.client);
    CHECK((*ends.server)->is_encrypted());
    CHECK((*ends.server)->tls_facts().protocol == "TLSv1.3");
    CHECK((*ends.server)->tls_facts().server_name == "mx.example.org");
    CHECK((*ends.server)->tls_facts().cipher.starts_with("TLS1-3-"));
    CHECK((*ends.server)->peer().remote.text() == "192.0.2.10:40000");
    check_carries(fixture.loop, **ends.client, **ends.server, "short");
    check_carries(fixture.loop, **ends.server, **ends.client, std::string(piece == 1 ? 20'000 : 300'000, 'z'));
}

TEST_CASE("RFC 9266 4.2, RFC 5929 4: both ends come to the same channel bindings, and no other connection does", "[net][tls]")
{
    TlsFixture fixture;
    TlsServer server(fixture.workers, Log());
    REQUIRE(server.load({fixture.certificate("mx.example.org"), fixture.certificate("imap.example.org")}));
    const auto bindings = [&](const std::string& name) {
        BothEnds ends = shake(fixture, server, {.server_name = name, .ca_file = {}, .alpn = {}});
        REQUIRE(ends.server);
        REQUIRE(ends.client);
        std::vector<std::string> both;
        for (const auto kind : {ChannelBinding::tls_exporter, ChannelBinding::tls_server_end_point}) {
            both.push_back((*ends.server)->channel_binding(kind));
            CHECK(both.back().size() == 32);
            CHECK(both.back() == (*ends.client)->channel_binding(kind));
        }
        return both;
    };
    const auto first = bindings("mx.example.org");
    const auto second = bindings("mx.example.org");
    const auto other = bindings("imap.example.org");
    const auto unnamed = bindings("");
    CHECK(first[0] != second[0]);
    CHECK(first[1] == second[1]);
    CHECK(first[1] != other[1]);
    CHECK(first[1] == unnamed[1]);
    const test::MemoryStream clear("", 1);
    CHECK(clear.channel_binding(ChannelBinding::tls_server_end_point).empty());
}

namespace {

// A client that knows nothing newer than TLS 1.2.
struct OldClient {
    mbedtls_ssl_config config{};
    OldClient()
    {
        start_tls_library();
        mbedtls_ssl_config_init(&config);
        mbedtls_ssl_config_defaults(&config, MBEDTLS_SSL_IS_CLIENT, MBEDTLS_SSL_TRANSPORT_STREAM,
                                    MBEDTLS_SSL_PRESET_DEFAULT);
        apply_house_rules(config);
        mbedtls_ssl_conf_max_tls_version(&config, MBEDTLS_SSL_VERSION_TLS1_2);
        mbedtls_ssl_conf_authmode(&config, MBEDTLS_SSL_VERIFY_NONE);
    }
    OldClient(const OldClient&) = delete;
    OldClient& operator=(const OldClient&) = delete;
    ~OldClient() { mbedtls_ssl_config_free(&config); }
};

co::Task<void> handshake_into(TlsStream& stream, Workers& workers, Result<void, IoError>& into)
{
    into = co_await stream.handshake(workers, Deadline::after(kLong));
}

}  // namespace

TEST_CASE("a client of TLS 1.2 is served as well", "[net][tls]")
{
    const auto piece = GENERATE(std::size_t{1}, std::size_t{65536});
    TlsFixture fixture;
    TlsServer server(fixture.workers, Log());
    REQUIRE(server.load({fixture.certificate("mx.example.org")}));
    test::MemoryPipe pipe(65536, piece);
    const auto old = std::make_shared<OldClient>();
    auto engine = std::make_shared<TlsEngine>(old->config, old);
    REQUIRE(engine->set_server_name("mx.example.org"));
    TlsStream client(std::move(pipe.near), std::move(engine));
    Result<void, IoError> shaken = IoError::failed;
    BothEnds ends;
    co::Scope scope;
    scope.spawn(accept_into(server, std::move(pipe.far), {}, ends.server));
    scope.spawn(handshake_into(client, fixture.workers, shaken));
    fixture.loop.run();
    REQUIRE(shaken);
    REQUIRE(ends.server);
    CHECK((*ends.server)->tls_facts().protocol == "TLSv1.2");
    check_carries(fixture.loop, client, **ends.server, std::string(50'000, 'a'));
    check_carries(fixture.loop, **ends.server, client, std::string(50'000, 'b'));
}

TEST_CASE("a client that verifies takes the right name and refuses any other", "[net][tls]")
{
    TlsFixture fixture;
    TlsServer server(fixture.workers, Log());
    const CertificateFiles files = fixture.certificate("mx.example.org");
    REQUIRE(server.load({files}));
    BothEnds right = shake(fixture, server,
                           {.server_name = "mx.example.org", .ca_file = files.certificate_path, .alpn = {}});
    CHECK(right.client);
    BothEnds wrong =
        shake(fixture, server, {.server_name = "other.example", .ca_file = files.certificate_path, .alpn = {}});
    CHECK(wrong.client.error() == IoError::tls);
    BothEnds unknown = shake(fixture, server,
                             {.server_name = "mx.example.org",
                              .ca_file = fixture.certificate("elsewhere.example").certificate_path,
                              .alpn = {}});
    CHECK(unknown.client.error() == IoError::tls);
}

TEST_CASE("B9: a client that offers only other protocols is refused; one that offers none is not", "[net][tls][B9]")
{
    TlsFixture fixture;
    TlsServer server(fixture.workers, Log());
    REQUIRE(server.load({fixture.certificate("mx.example.org")}));
    BothEnds http = shake(fixture, server, {.server_name = {}, .ca_file = {}, .alpn = {"h2", "http/1.1"}}, {"imap"});
    CHECK(http.server.error() == IoError::tls);
    CHECK(http.client.error() == IoError::tls);
    BothEnds mail = shake(fixture, server, {.server_name = {}, .ca_file = {}, .alpn = {"h2", "imap"}}, {"imap"});
    REQUIRE(mail.server);
    CHECK((*mail.server)->tls_facts().alpn == "imap");
    BothEnds silent = shake(fixture, server, {}, {"imap"});
    CHECK(silent.server);
    BothEnds any = shake(fixture, server, {.server_name = {}, .ca_file = {}, .alpn = {"h2"}}, {});
    CHECK(any.server);
}

TEST_CASE("the certificate follows the name that the client asks for", "[net][tls]")
{
    TlsFixture fixture;
    TlsServer server(fixture.workers, Log());
    const CertificateFiles first = fixture.certificate("first.example");
    const CertificateFiles second = fixture.certificate("second.example");
    const CertificateFiles wild = fixture.certificate("*.wild.example");
    REQUIRE(server.load({first, second, wild}));
    const auto facts = server.certificates();
    REQUIRE(facts.size() == 3);
    CHECK(facts[1].names == std::vector<std::string>{"second.example"});
    CHECK(facts[1].is_self_signed);
    const auto left = facts[1].not_after - std::chrono::system_clock::now();
    CHECK(left > std::chrono::hours(24 * 29));
    CHECK(left < std::chrono::hours(24 * 31));
    const auto believes = [&](const std::string& name, const CertificateFiles& files) {
        BothEnds ends = shake(fixture, server,
                              {.server_name = name, .ca_file = files.certificate_path, .alpn = {}});
        return static_cast<bool>(ends.client);
    };
    CHECK(believes("first.example", first));
    CHECK(believes("SECOND.example", second));
    CHECK(believes("mx.wild.example", wild));
    CHECK_FALSE(believes("wild.example", wild));
    CHECK_FALSE(believes("a.b.wild.example", wild));
}

TEST_CASE("B10: a reload under live sessions leaves them whole and shows new ones the new certificate",
          "[net][tls][B10]")
{
    TlsFixture fixture;
    TlsServer server(fixture.workers, Log());
    const CertificateFiles before = fixture.certificate("mx.example.org");
    REQUIRE(server.load({before}));
    BothEnds live = shake(fixture, server, {});
    REQUIRE(live.server);

    test::TemporaryFolder elsewhere;
    const auto made = make_self_signed({"mx.example.org"}, 30, fixture.random);
    REQUIRE(made);
    const CertificateFiles after{elsewhere.write("new.crt", made->certificate_pem),
                                 elsewhere.write("new.key", made->key_pem, 0600)};
    REQUIRE(server.load({after}));
    check_carries(fixture.loop, **live.client, **live.server, "still here");
    BothEnds fresh = shake(fixture, server,
                           {.server_name = "mx.example.org", .ca_file = after.certificate_path, .alpn = {}});
    CHECK(fresh.client);
}

TEST_CASE("B10: a bad pair is refused with its reason and the old set stays", "[net][tls][B10][J6]")
{
    TlsFixture fixture;
    TlsServer server(fixture.workers, Log());
    const CertificateFiles good = fixture.certificate("mx.example.org");
    const CertificateFiles other = fixture.certificate("other.example");
    CHECK_FALSE(server.is_ready());
    REQUIRE(server.load({good}));
    const auto refusal = [&](const CertificateFiles& files) {
        const auto loaded = server.load({good, files});
        return loaded ? std::string("accepted") : loaded.error().text();
    };
    const auto has = [](const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; };
    const auto made = make_self_signed({"x.example"}, 30, fixture.random);
    REQUIRE(made);
    const auto& folder = fixture.folder;
    const std::string whole = made->certificate_pem;

    CHECK(has(refusal({good.certificate_path, other.key_path}), "does not belong to the certificate"));
    CHECK(has(refusal({folder.path("absent.crt"), good.key_path}), "absent.crt"));
    CHECK(has(refusal(fixture.certificate("old.example", -1)), "expired"));
    const std::string half = folder.write("half.crt", whole.substr(0, whole.size() / 2));
    CHECK(refusal({half, good.key_path}) != "accepted");
    const std::string chain = folder.write("chain.crt", whole + whole.substr(0, whole.size() / 2));
    const std::string key = folder.write("x.key", made->key_pem, 0600);
    CHECK(has(refusal({chain, key}), "cut short"));
    CHECK(refusal({folder.write("empty.crt", ""), key}) != "accepted");
    const std::string half_key = folder.write("half.key", made->key_pem.substr(0, 60), 0600);
    CHECK(refusal({folder.write("x.crt", whole), half_key}) != "accepted");
    CHECK(refusal({folder.path("x.crt"), folder.path(".")}) != "accepted");

    BothEnds still = shake(fixture, server,
                           {.server_name = "mx.example.org", .ca_file = good.certificate_path, .alpn = {}});
    CHECK(still.client);
}

TEST_CASE("J6: a private key that others may read is refused", "[net][tls][J6]")
{
    const auto mode = GENERATE(0640U, 0604U, 0660U, 0620U, 0644U);
    TlsFixture fixture;
    TlsServer server(fixture.workers, Log());
    const CertificateFiles files = fixture.certificate("mx.example.org");
    REQUIRE(::chmod(files.key_path.c_str(), mode) == 0);
    const auto loaded = server.load({files});
    REQUIRE_FALSE(loaded);
    CHECK(loaded.error().text().find("chmod 600") != std::string::npos);
}

TEST_CASE("a stream cut short is told from one that was ended", "[net][tls]")
{
    TlsFixture fixture;
    TlsServer server(fixture.workers, Log());
    REQUIRE(server.load({fixture.certificate("mx.example.org")}));
    BothEnds ends = shake(fixture, server, {});
    REQUIRE(ends.client);
    std::optional<IoError> error;
    const std::string heard = test::run_with(read_all(**ends.server, error), [&] {
        const auto said = test::run_on(fixture.loop, (*ends.client)->write("half a mess", Deadline::after(kLong)));
        CHECK(said);
        (*ends.client)->close();
    });
    CHECK(heard == "half a mess");
    CHECK(error == IoError::reset);
}

TEST_CASE("an interrupted TLS read loses nothing and close ends it", "[net][tls]")
{
    TlsFixture fixture;
    TlsServer server(fixture.workers, Log());
    REQUIRE(server.load({fixture.certificate("mx.example.org")}));
    BothEnds ends = shake(fixture, server, {});
    REQUIRE(ends.client);
    std::array<char, 100> chunk{};
    const auto first = test::run_with((*ends.server)->read_some(chunk, Deadline::after(kLong)),
                                      [&] { (*ends.server)->interrupt_read(); });
    CHECK(first.error() == IoError::interrupted);
    const auto second = test::run_with((*ends.server)->read_some(chunk, Deadline::after(kLong)), [&] {
        const auto said = test::run_on(fixture.loop, (*ends.client)->write("DONE", Deadline::after(kLong)));
        CHECK(said);
    });
    CHECK(*second == 4);
    const auto third = test::run_with((*ends.server)->read_some(chunk, Deadline::after(kLong)),
                                      [&] { (*ends.server)->close(); });
    CHECK(third.error() == IoError::closed);
    const auto written = test::run_on(fixture.loop, (*ends.server)->write("x", Deadline::after(kLong)));
    CHECK(written.error() == IoError::closed);
}

TEST_CASE("B8: a handshake that stalls ends at its deadline", "[net][tls][B8]")
{
    const std::string said = GENERATE(std::string(), std::string("\x16\x03\x01", 3),
                                      std::string("\x16\x03\x01\x02\x00\x01\x00\x01\xfc", 9));
    TlsFixture fixture;
    TlsServer server(fixture.workers, Log());
    REQUIRE(server.load({fixture.certificate("mx.example.org")}));
    test::MemoryPipe pipe;
    test::MemoryEnd& far = *pipe.far;
    BothEnds ends;
    co::Scope scope;
    scope.spawn(accept_into(server, std::move(pipe.far), {}, ends.server));
    fixture.loop.run();
    CHECK(test::run_ready(pipe.near->write(said, Deadline::never())));
    fixture.loop.run();
    REQUIRE(scope.running() == 1);
    CHECK(far.expire_read());
    CHECK(scope.running() == 0);
    CHECK(ends.server.error() == IoError::timed_out);
}

TEST_CASE("B7: what is no TLS is refused at once", "[net][tls][B7]")
{
    const std::string said = GENERATE(
        std::string("GET / HTTP/1.1\r\nHost: mx\r\n\r\n"), std::string("EHLO client\r\n"),
        std::string("\x80\x2e\x01\x00\x02\x00\x15\x00\x00\x00\x10", 11),                    // SSLv2 hello
        std::string("\x16\x03\x01\xff\xff", 5) + std::string(300, 'x'),                     // a record too long
        std::string("\x17\x03\x03\x00\x05hello", 10),                                       // data before the handshake
        std::string("\x15\x03\x01\x00\x02\x02\x28", 7),                                     // a fatal alert
        std::string(2000, '\0'));
    TlsFixture fixture;
    TlsServer server(fixture.workers, Log());
    REQUIRE(server.load({fixture.certificate("mx.example.org")}));
    test::MemoryPipe pipe;
    CHECK(test::run_ready(pipe.near->write(said, Deadline::never())));
    BothEnds ends;
    co::Scope scope;
    scope.spawn(accept_into(server, std::move(pipe.far), {}, ends.server));
    fixture.loop.run();
    CHECK(scope.running() == 0);
    CHECK_FALSE(ends.server);
}

TEST_CASE("B7: empty records and warnings without end do not hold a handshake open", "[net][tls][B7]")
{
    const std::string unit = GENERATE(std::string("\x16\x03\x01\x00\x00", 5),             // an empty record
                                      std::string("\x15\x03\x01\x00\x02\x01\x5a", 7));  // user_canceled, a warning
    TlsFixture fixture;
    TlsServer server(fixture.workers, Log());
    REQUIRE(server.load({fixture.certificate("mx.example.org")}));
    std::string flood;
    while (flood.size() < 1'000'000) flood += unit;
    auto stream = std::make_unique<test::MemoryStream>(flood, 4096);
    BothEnds ends;
    co::Scope scope;
    scope.spawn(accept_into(server, std::move(stream), {}, ends.server));
    fixture.loop.run();
    CHECK(scope.running() == 0);
    CHECK_FALSE(ends.server);
}

TEST_CASE("a certificate is only made for host names and addresses", "[net][tls]")
{
    SeededRandom random(1);
    CHECK_FALSE(make_self_signed({}, 30, random));
    CHECK_FALSE(make_self_signed({"a,CN=b"}, 30, random));
    CHECK_FALSE(make_self_signed({"a\n"}, 30, random));
    const auto made = make_self_signed({"mx.example.org", "192.0.2.1", "2001:db8::1"}, 30, random);
    REQUIRE(made);
    CHECK(made->certificate_pem.starts_with("-----BEGIN CERTIFICATE-----"));
    CHECK(made->key_pem.find("PRIVATE KEY") != std::string::npos);
}

}  // namespace mbx::net
