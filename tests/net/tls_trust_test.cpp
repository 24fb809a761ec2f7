// What our client believes of a server's certificate, by level: authorities, TLSA records, nothing (HOSTILE row B6).
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <mbedtls/md.h>
#include <mbedtls/x509_crt.h>

#include <thread>

#include "net/connect.hpp"
#include "net/tls_stream.hpp"
#include "support/dns_servers.hpp"
#include "support/program.hpp"
#include "tls_fixture.hpp"

namespace mbx::net {
namespace {

std::string bytes_of_buffer(const mbedtls_x509_buf& from) { return {reinterpret_cast<const char*>(from.p), from.len}; }

// Certificates that openssl makes, below one authority.
class Papers {
public:
    Papers()
    {
        start_tls_library();
        write("ca.ext", "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign\n");
        make("ca", {}, "ca.ext", "ca");
        make("other_ca", {}, "ca.ext", "other_ca");
    }
    std::string path(const std::string& file) const { return folder_.path(file); }
    std::string write(const std::string& file, const std::string& text) const { return folder_.write(file, text); }

    // A leaf of that name below the authority (none: it signs itself). `extensions` in the form of openssl's files.
    void leaf(const std::string& name, const std::string& extensions, const std::string& authority = "ca",
              const std::vector<std::string>& key = {}, const std::vector<std::string>& signing = {})
    {
        write(name + ".ext", extensions + "\n");
        make(name, key, name + ".ext", authority.empty() ? name : authority, signing);
    }
    TlsaRecord tlsa(const std::string& name, std::uint8_t usage, std::uint8_t selector, std::uint8_t matching) const
    {
        mbedtls_x509_crt certificate;
        mbedtls_x509_crt_init(&certificate);
        REQUIRE(mbedtls_x509_crt_parse_file(&certificate, path(name + ".crt").c_str()) == 0);
        std::string data = bytes_of_buffer(selector == 0 ? certificate.raw : certificate.pk_raw);
        mbedtls_x509_crt_free(&certificate);
        if (matching != 0) {
            std::string hash(matching == 1 ? 32 : 64, '\0');
            mbedtls_md(mbedtls_md_info_from_type(matching == 1 ? MBEDTLS_MD_SHA256 : MBEDTLS_MD_SHA512),
                       reinterpret_cast<const unsigned char*>(data.data()), data.size(),
                       reinterpret_cast<unsigned char*>(hash.data()));
            data = hash;
        }
        return {usage, selector, matching, data};
    }
    void concatenate(const std::string& into, const std::vector<std::string>& names) const
    {
        std::ostringstream all;
        for (const std::string& name : names) all << std::ifstream(path(name + ".crt")).rdbuf();
        write(into + ".crt", all.str());
        std::ostringstream key;
        key << std::ifstream(path(names.front() + ".key")).rdbuf();
        write(into + ".key", key.str());
    }

private:
    void run(std::vector<std::string> words) const
    {
        test::Program program(words, {});
        const std::string said = program.finish();
        if (!program.was_found()) SKIP("the program openssl is not installed");
        INFO(said);
        REQUIRE(program.exit_code() == 0);
    }
    void make(const std::string& name, std::vector<std::string> key, const std::string& extensions, const std::string& authority,
              const std::vector<std::string>& signing = {})
    {
        if (key.empty()) key = {"-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"};
        std::vector<std::string> request{"openssl", "req", "-new", "-nodes", "-subj", "/CN=" + name, "-keyout",
                                         path(name + ".key"), "-out", path(name + ".csr")};
        request.insert(request.end(), key.begin(), key.end());
        run(request);
        std::vector<std::string> sign{"openssl", "x509", "-req", "-in", path(name + ".csr"), "-out", path(name + ".crt"),
                                      "-extfile", path(extensions)};
        if (authority == name) sign.insert(sign.end(), {"-signkey", path(name + ".key")});
        else sign.insert(sign.end(), {"-CA", path(authority + ".crt"), "-CAkey", path(authority + ".key"), "-CAcreateserial"});
        if (signing.empty()) sign.insert(sign.end(), {"-days", "30"});
        sign.insert(sign.end(), signing.begin(), signing.end());
        run(sign);
    }
    test::TemporaryFolder folder_;
};

// A server that shows whatever it is given: ours would refuse most of it.
struct AnyServer {
    mbedtls_ssl_config config{};
    mbedtls_x509_crt chain{};
    mbedtls_pk_context key{};

    AnyServer(const Papers& papers, const std::string& name)
    {
        start_tls_library();
        mbedtls_ssl_config_init(&config);
        mbedtls_x509_crt_init(&chain);
        mbedtls_pk_init(&key);
        REQUIRE(mbedtls_ssl_config_defaults(&config, MBEDTLS_SSL_IS_SERVER, MBEDTLS_SSL_TRANSPORT_STREAM,
                                            MBEDTLS_SSL_PRESET_DEFAULT) == 0);
        apply_house_rules(config);
        REQUIRE(mbedtls_x509_crt_parse_file(&chain, papers.path(name + ".crt").c_str()) == 0);
        REQUIRE(mbedtls_pk_parse_keyfile(&key, papers.path(name + ".key").c_str(), nullptr, tls_random, nullptr) == 0);
        REQUIRE(mbedtls_ssl_conf_own_cert(&config, &chain, &key) == 0);
    }
    AnyServer(const AnyServer&) = delete;
    AnyServer& operator=(const AnyServer&) = delete;
    ~AnyServer()
    {
        mbedtls_ssl_config_free(&config);
        mbedtls_x509_crt_free(&chain);
        mbedtls_pk_free(&key);
    }
};

co::Task<void> serve_once(Workers& workers, std::unique_ptr<ByteStream> plain, std::shared_ptr<TlsEngine> engine)
{
    TlsStream stream(std::move(plain), std::move(engine));
    const Result<void, IoError> shaken = co_await stream.handshake(workers, Deadline::after(kLong));
    std::optional<IoError> error;
    if (shaken) (void)co_await read_all(stream, error);
}

co::Task<void> connect_once(Workers& workers, std::unique_ptr<ByteStream> plain, TlsClientOptions options, TlsTrust* trust,
                            bool* is_connected)
{
    auto made = co_await connect_tls(workers, std::move(plain), std::move(options), Deadline::after(kLong));
    *is_connected = static_cast<bool>(made);
    if (made) *trust = (*made)->tls_facts().trust;
}

TlsOutcome ask(const Papers& papers, const std::string& shown, TlsClientOptions options)
{
    Loop loop;
    Workers workers(loop, 3, 1);
    AnyServer server(papers, shown);
    const auto engine = std::make_shared<TlsEngine>(server.config, nullptr);
    test::MemoryPipe pipe(65536, 65536);
    options.outcome = std::make_shared<TlsOutcome>();
    const auto outcome = options.outcome;
    TlsTrust trust = TlsTrust::none;
    bool is_connected = false;
    co::Scope scope;
    scope.spawn(serve_once(workers, std::move(pipe.far), engine));
    scope.spawn(connect_once(workers, std::move(pipe.near), std::move(options), &trust, &is_connected));
    loop.run();
    CHECK(is_connected == (outcome->fault == TlsFault::none));
    CHECK(trust == outcome->trust);
    CHECK(outcome->why.empty() == is_connected);
    return *outcome;
}

TlsClientOptions named(const std::string& name)
{
    TlsClientOptions options;
    options.server_name = name;
    return options;
}

constexpr std::string_view kGoodName = "subjectAltName=DNS:mx.example.org";

}  // namespace

TEST_CASE("B6: a certificate is believed by authorities only when its name, dates, signature and key are right", "[net][tls][B6]")
{
    struct Row {
        std::string shown;
        TlsFault by_authorities;
    };
    Papers papers;
    papers.leaf("good", std::string(kGoodName));
    papers.leaf("wildcard", "subjectAltName=DNS:*.example.org");
    papers.leaf("deep_wildcard", "subjectAltName=DNS:*.org");
    papers.leaf("wrong_name", "subjectAltName=DNS:mx.example.net");
    papers.leaf("nul", "subjectAltName=DER:30:16:82:14:6d:78:2e:65:78:61:6d:70:6c:65:2e:6f:72:67:00:2e:65:76:69:6c");
    papers.leaf("expired", std::string(kGoodName), "ca", {}, {"-days", "-1"});
    papers.leaf("self_signed", std::string(kGoodName), "");
    papers.leaf("unknown_ca", std::string(kGoodName), "other_ca");
    papers.leaf("sha1", std::string(kGoodName), "ca", {}, {"-days", "30", "-sha1"});
    papers.leaf("short_key", std::string(kGoodName), "ca", {"-newkey", "rsa:1024"});
    const Row row = GENERATE(Row{"good", TlsFault::none}, Row{"wildcard", TlsFault::none},
                             Row{"deep_wildcard", TlsFault::wrong_name}, Row{"wrong_name", TlsFault::wrong_name},
                             Row{"nul", TlsFault::wrong_name}, Row{"expired", TlsFault::expired},
                             Row{"self_signed", TlsFault::untrusted}, Row{"unknown_ca", TlsFault::untrusted},
                             Row{"sha1", TlsFault::untrusted}, Row{"short_key", TlsFault::untrusted});
    CAPTURE(row.shown);
    TlsClientOptions options = named("mx.example.org");
    options.ca_file = papers.path("ca.crt");
    const TlsOutcome verified = ask(papers, row.shown, options);
    INFO(verified.why);
    CHECK(verified.fault == row.by_authorities);
    CHECK((verified.trust == TlsTrust::authorities) == (row.by_authorities == TlsFault::none));
    // mbedTLS has no session with an RSA key of 1024 bits, whatever is verified: mail goes in clear, or waits.
    if (row.shown == "short_key") {
        CHECK(ask(papers, row.shown, named("mx.example.org")).fault != TlsFault::none);
        return;
    }
    // Opportunistic: the certificate is not looked at.
    CHECK(ask(papers, row.shown, named("mx.example.org")).fault == TlsFault::none);
    // RFC 7672 section 3.1.1: the record of usage 3 alone counts, not the name, the dates or who signed.
    options.tlsa = {papers.tlsa(row.shown, 3, 1, 1)};
    const TlsOutcome dane = ask(papers, row.shown, options);
    CHECK(dane.fault == TlsFault::none);
    CHECK(dane.trust == TlsTrust::dane_ee);
}

namespace {

co::Task<IoError> shake_with(Loop& loop, Workers& workers, Endpoint to, TlsClientOptions options)
{
    while (true) {
        auto stream = co_await connect_tcp(loop, to, Deadline::after(kLong));
        if (!stream && stream.error() == IoError::refused) {
            Timer pause(loop);
            (void)co_await pause.wait(std::chrono::milliseconds(20));
            continue;
        }
        if (!stream) co_return stream.error();
        auto made = co_await connect_tls(workers, std::move(*stream), std::move(options), Deadline::after(kLong));
        co_return made ? IoError::closed : made.error();
    }
}

// Our client against openssl's server, which shows what ours cannot.
TlsOutcome ask_openssl(const Papers& papers, const std::string& shown, const std::vector<std::string>& more, TlsClientOptions options)
{
    const std::uint16_t port = [] {
        const test::ScriptedDns probe([](const test::dns::Question&) { return std::vector<std::string>(); });
        return probe.endpoint().port;
    }();
    std::vector<std::string> words{"openssl", "s_server", "-accept", "127.0.0.1:" + std::to_string(port), "-naccept", "1",
                                   "-quiet", "-cert", papers.path(shown + ".crt"), "-key", papers.path(shown + ".key")};
    words.insert(words.end(), more.begin(), more.end());
    test::Program server(words, {});
    Loop loop;
    Workers workers(loop, 3, 1);
    options.outcome = std::make_shared<TlsOutcome>();
    const auto outcome = options.outcome;
    const Endpoint to{*IpAddress::parse("127.0.0.1"), port};
    const IoError error = test::run_on(loop, shake_with(loop, workers, to, std::move(options)));
    CHECK((error == IoError::closed) == (outcome->fault == TlsFault::none));
    server.close_input();
    server.finish();
    return *outcome;
}

}  // namespace

TEST_CASE("B6: a certificate for clients, and one with a critical extension that nobody knows, are not believed", "[net][tls][B6][openssl]")
{
    Papers papers;
    papers.leaf("for_clients", std::string(kGoodName) + "\nextendedKeyUsage=clientAuth");
    papers.leaf("critical", std::string(kGoodName) + "\n1.2.3.4.5=critical,DER:05:00");
    TlsClientOptions options = named("mx.example.org");
    options.ca_file = papers.path("ca.crt");
    CHECK(ask_openssl(papers, "for_clients", {}, options).fault == TlsFault::untrusted);
    CHECK(ask_openssl(papers, "critical", {}, options).fault != TlsFault::none);
}

TEST_CASE("B6: a chain of 200 kB is refused at a bounded cost", "[net][tls][B6][openssl]")
{
    Papers papers;
    papers.leaf("good", std::string(kGoodName));
    papers.concatenate("long", std::vector<std::string>(350, "good"));
    REQUIRE(std::filesystem::file_size(papers.path("long.crt")) > 200'000);
    CHECK(ask_openssl(papers, "good", {"-cert_chain", papers.path("long.crt")}, named("mx.example.org")).fault == TlsFault::protocol);
}

TEST_CASE("RFC 6698 2.1: every selector and matching of a TLSA record finds its certificate, and no other", "[net][tls][dane]")
{
    Papers papers;
    papers.leaf("good", std::string(kGoodName));
    papers.leaf("other", std::string(kGoodName));
    const auto selector = GENERATE(std::uint8_t{0}, std::uint8_t{1});
    const auto matching = GENERATE(std::uint8_t{0}, std::uint8_t{1}, std::uint8_t{2});
    TlsClientOptions options = named("mx.example.org");
    options.tlsa = {papers.tlsa("other", 3, selector, matching)};
    CHECK(ask(papers, "good", options).fault == TlsFault::no_tlsa_match);
    options.tlsa.push_back(papers.tlsa("good", 3, selector, matching));
    CHECK(ask(papers, "good", options).trust == TlsTrust::dane_ee);
    papers.concatenate("chain", {"good", "ca"});
    options.tlsa = {papers.tlsa("ca", 2, selector, matching)};
    CHECK(ask(papers, "chain", options).trust == TlsTrust::dane_ta);
    options.tlsa = {papers.tlsa("other_ca", 2, selector, matching)};
    // A whole certificate in the record is an authority of its own, which did not sign this.
    const TlsFault expected = selector == 0 && matching == 0 ? TlsFault::untrusted : TlsFault::no_tlsa_match;
    CHECK(ask(papers, "chain", options).fault == expected);
}

TEST_CASE("RFC 7672 3.1.2, 3.2.2: under DANE-TA the chain, the dates and one of the names count", "[net][tls][dane]")
{
    Papers papers;
    papers.leaf("good", std::string(kGoodName));
    papers.leaf("expired", std::string(kGoodName), "ca", {}, {"-days", "-1"});
    papers.leaf("middle", "basicConstraints=critical,CA:TRUE");
    papers.leaf("deep", "subjectAltName=DNS:example.org", "middle");
    papers.concatenate("good_chain", {"good", "ca"});
    papers.concatenate("expired_chain", {"expired", "ca"});
    papers.concatenate("deep_chain", {"deep", "middle", "ca"});
    papers.concatenate("cut_chain", {"deep", "ca"});
    TlsClientOptions options = named("mx.example.org");
    options.tlsa = {papers.tlsa("ca", 2, 1, 1)};
    CHECK(ask(papers, "good_chain", options).trust == TlsTrust::dane_ta);
    // The authority is not among what the server shows, and only its hash is known.
    CHECK(ask(papers, "good", options).fault == TlsFault::no_tlsa_match);
    CHECK(ask(papers, "expired_chain", options).fault == TlsFault::expired);
    CHECK(ask(papers, "deep_chain", options).fault == TlsFault::wrong_name);
    CHECK(ask(papers, "cut_chain", options).fault == TlsFault::untrusted);
    options.other_names = {"example.org"};
    CHECK(ask(papers, "deep_chain", options).trust == TlsTrust::dane_ta);
    // A whole authority in the record makes up for one that is not shown.
    options.tlsa = {papers.tlsa("ca", 2, 0, 0)};
    CHECK(ask(papers, "good", options).trust == TlsTrust::dane_ta);
    // The hash of a leaf that another signed makes it no authority.
    options.tlsa = {papers.tlsa("good", 2, 0, 1)};
    CHECK(ask(papers, "good_chain", options).fault == TlsFault::no_tlsa_match);
}

TEST_CASE("RFC 7672 3.1.3: records of other usages, of unknown selectors and of wrong length are of no use", "[net][tls][dane]")
{
    const std::string hash(32, 'x');
    CHECK(is_usable_tlsa({3, 1, 1, hash}));
    CHECK(is_usable_tlsa({2, 0, 2, std::string(64, 'x')}));
    CHECK(is_usable_tlsa({3, 0, 0, "anything"}));
    for (const auto& record : {TlsaRecord{0, 1, 1, hash}, TlsaRecord{1, 1, 1, hash}, TlsaRecord{4, 1, 1, hash},
                               TlsaRecord{255, 1, 1, hash}, TlsaRecord{3, 2, 1, hash}, TlsaRecord{3, 1, 3, hash},
                               TlsaRecord{3, 1, 1, "short"}, TlsaRecord{3, 1, 2, hash}, TlsaRecord{3, 1, 0, ""}}) {
        CAPTURE(record.usage, record.selector, record.matching);
        CHECK_FALSE(is_usable_tlsa(record));
    }
    Papers papers;
    papers.leaf("good", std::string(kGoodName));
    TlsClientOptions options = named("mx.example.org");
    options.tlsa = {papers.tlsa("good", 1, 1, 1), papers.tlsa("good", 0, 1, 1)};
    CHECK(ask(papers, "good", options).fault == TlsFault::no_tlsa_match);
}

TEST_CASE("authorities that cannot be read make no connection, and say so", "[net][tls]")
{
    Papers papers;
    papers.leaf("good", std::string(kGoodName));
    TlsClientOptions options = named("mx.example.org");
    options.ca_file = papers.path("absent.pem");
    CHECK(ask(papers, "good", options).fault == TlsFault::no_authorities);
    options.ca_file = papers.write("empty.pem", "");
    CHECK(ask(papers, "good", options).fault == TlsFault::no_authorities);
    // A file that changes is read again.
    papers.concatenate("authorities", {"other_ca"});
    options.ca_file = papers.path("authorities.crt");
    CHECK(ask(papers, "good", options).fault == TlsFault::untrusted);
    papers.concatenate("authorities", {"other_ca", "ca"});
    CHECK(ask(papers, "good", options).trust == TlsTrust::authorities);
}

}  // namespace mbx::net
