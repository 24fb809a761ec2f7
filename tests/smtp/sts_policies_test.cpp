// MTA-STS policies fetched from a web server of the test's own, over TLS, and kept on the disk (HOSTILE row H11).
#include "smtp/sts_policies.hpp"

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

#include <functional>

#include "net/listener.hpp"
#include "support/run.hpp"
#include "support/temporary_folder.hpp"

namespace mbx::smtp {
namespace {

constexpr std::chrono::seconds kLongTime{60};
const std::string kPolicy = "version: STSv1\nmode: enforce\nmx: mx.example.org\nmax_age: 86400\n";

std::string page(const std::string& body, const std::string& status = "200 OK", const std::string& type = "text/plain; charset=utf-8",
                 const std::string& more = "")
{
    return "HTTP/1.1 " + status + "\r\nContent-Type: " + type + "\r\n" + more + "Content-Length: " + std::to_string(body.size()) +
           "\r\n\r\n" + body;
}

class OneResolver final : public net::Resolver {
public:
    std::string id = "first";
    bool is_blocked = false;
    co::Task<net::DnsAnswer> look_up(std::string name, net::DnsType type) override
    {
        net::DnsAnswer answer;
        answer.canonical_name = name;
        if (is_blocked) co_return answer;
        answer.outcome = net::DnsOutcome::no_such_name;
        if (type == net::DnsType::txt && name == "_mta-sts.example.org" && !id.empty()) {
            const std::string text = "v=STSv1; id=" + id + ";";
            answer.records = {static_cast<char>(text.size()) + text};
            answer.outcome = net::DnsOutcome::found;
        }
        if (type == net::DnsType::a && name == "mta-sts.example.org") {
            answer.records = {std::string("\x7f\0\0\x01", 4)};
            answer.outcome = net::DnsOutcome::found;
        }
        co_return answer;
    }
};

// A web server whose certificate is for `name`, and a cache of policies that believes that certificate.
struct World {
    net::Loop loop;
    net::Workers workers{loop, 3, 1};
    test::TemporaryFolder folder;
    SystemRandom random;
    PosixFileSystem files;
    ManualClock clock;
    OneResolver resolver;
    net::TlsServer tls{workers, Log()};
    std::string answer = page(kPolicy);
    std::vector<std::string> requests;
    std::unique_ptr<net::Listener> listener;
    StsOptions options;

    explicit World(const std::string& name = "mta-sts.example.org", int days = 30)
    {
        const auto made = net::make_self_signed({name}, days, random);
        REQUIRE(made);
        options.ca_file = folder.write("web.crt", made->certificate_pem);
        const std::string key = folder.write("web.key", made->key_pem, 0600);
        REQUIRE(tls.load({{options.ca_file, key}}));
        options.directory = folder.path("mta-sts");
        options.allows_private_targets = true;
    }
    static co::Task<void> serve(World* world, std::unique_ptr<net::ByteStream> plain)
    {
        const net::Deadline deadline = net::Deadline::after(kLongTime);
        std::vector<std::string> any_alpn;
        auto stream = co_await world->tls.accept(std::move(plain), std::move(any_alpn), deadline);
        if (!stream) co_return;
        std::string request;
        std::array<char, 2000> chunk{};
        while (request.find("\r\n\r\n") == std::string::npos) {
            const auto got = co_await (*stream)->read_some(chunk, deadline);
            if (!got || *got == 0) co_return;
            request.append(chunk.data(), *got);
        }
        world->requests.push_back(request);
        (void)co_await (*stream)->write(world->answer, deadline);
        (void)co_await (*stream)->shutdown_write(deadline);
    }
    static co::Task<StsKnowledge> ask_and_end(World* world, StsPolicies* policies, std::string domain)
    {
        StsKnowledge known = co_await policies->policy_of(std::move(domain));
        world->listener->stop_accepting();
        world->listener->close_sessions();
        co_return known;
    }
    // By a cache that has only what is on the disk.
    StsKnowledge ask(const std::string& domain = "example.org")
    {
        net::ListenerOptions wanted;
        wanted.name = "web";
        wanted.endpoint = *net::Endpoint::parse("127.0.0.1:0");
        auto opened = net::Listener::open(loop, wanted, Log());
        REQUIRE(opened);
        listener = std::move(*opened);
        listener->start([this](std::unique_ptr<net::ByteStream> stream) { return serve(this, std::move(stream)); });
        options.port = listener->local_endpoint().port;
        StsPolicies policies(StsPolicies::Ground{loop, workers, resolver, files, clock, Log()}, options);
        StsKnowledge known = test::run_on(loop, ask_and_end(this, &policies, domain));
        listener.reset();
        return known;
    }
};

}  // namespace

TEST_CASE("a policy is fetched, kept, and not fetched again while its id and its time hold", "[smtp][mta-sts]")
{
    World world;
    const StsKnowledge first = world.ask();
    INFO(first.why);
    REQUIRE(first.policy);
    CHECK(first.policy->policy.mode == StsMode::enforce);
    REQUIRE(world.requests.size() == 1);
    CHECK(world.requests[0].starts_with("GET /.well-known/mta-sts.txt HTTP/1.1\r\nHost: mta-sts.example.org\r\n"));
    CHECK(world.ask().policy);
    CHECK(world.requests.size() == 1);
    world.resolver.id = "second";
    CHECK(world.ask().policy->id == "second");
    CHECK(world.requests.size() == 2);
    // Past half of its time it is fetched again.
    world.clock.advance(std::chrono::hours(13));
    CHECK(world.ask().policy);
    CHECK(world.requests.size() == 3);
}

TEST_CASE("H11: a policy that is known stays in force while DNS or web are blocked, until its time is over", "[smtp][mta-sts][H11]")
{
    World world;
    REQUIRE(world.ask().policy);
    world.clock.advance(std::chrono::hours(23));
    const auto block = GENERATE(0, 1, 2);
    if (block == 0) world.resolver.is_blocked = true;
    if (block == 1) world.resolver.id.clear();
    if (block == 2) world.answer = page("", "503 Service Unavailable");
    const StsKnowledge kept = world.ask();
    INFO(kept.why);
    REQUIRE(kept.policy);
    CHECK(kept.policy->policy.mode == StsMode::enforce);
    world.clock.advance(std::chrono::hours(2));
    CHECK_FALSE(world.ask().policy);
}

TEST_CASE("H11: another mode counts once its id is announced and it can be fetched, and the old one until then", "[smtp][mta-sts][H11]")
{
    World world;
    REQUIRE(world.ask().policy->policy.mode == StsMode::enforce);
    const auto [word, mode] = GENERATE(std::pair(std::string("testing"), StsMode::testing), std::pair(std::string("none"), StsMode::none));
    CAPTURE(word);
    const std::string text = "version: STSv1\nmode: " + word + "\nmx: mx.example.org\nmax_age: 86400\n";
    // The web alone says nothing: the id is unchanged.
    world.answer = page(text);
    CHECK(world.ask().policy->policy.mode == StsMode::enforce);
    // Nor does the DNS alone: who forges its answer takes no policy away.
    world.resolver.id = "second";
    world.answer = page(text, "503 Service Unavailable");
    CHECK(world.ask().policy->policy.mode == StsMode::enforce);
    world.answer = page(text);
    world.clock.advance(std::chrono::hours(1));
    CHECK(world.ask().policy->policy.mode == mode);
    // And back.
    world.resolver.id = "third";
    world.answer = page(kPolicy);
    world.clock.advance(std::chrono::hours(1));
    CHECK(world.ask().policy->policy.mode == StsMode::enforce);
}

TEST_CASE("H11: redirects, other types, other codes, long policies and wrong ones are no policy", "[smtp][mta-sts][H11]")
{
    World world;
    world.answer = GENERATE(page(kPolicy, "301 Moved", "text/plain", "Location: https://mta-sts.example.org/other\r\n"),
                            page(kPolicy, "200 OK", "text/html"), page(kPolicy, "404 Not Found"),
                            page(kPolicy + std::string(70'000, 'x')), page("version: STSv1\nmode: enforce\nmax_age: 5\n"),
                            std::string("garbage\r\n\r\n"), std::string());
    const StsKnowledge known = world.ask();
    CHECK_FALSE(known.policy);
    CHECK(known.has_failed);
    CHECK(known.fetch_fault == net::TlsFault::none);
    CHECK(known.why.starts_with("example.org announces an MTA-STS policy, which cannot be had: "));
    CHECK(world.requests.size() == 1);
}

TEST_CASE("H11: a web server whose certificate is for another name is not believed", "[smtp][mta-sts][H11]")
{
    World world("www.example.org");
    const StsKnowledge known = world.ask();
    CHECK_FALSE(known.policy);
    CHECK(known.fetch_fault == net::TlsFault::wrong_name);
    CHECK(world.requests.empty());
}

TEST_CASE("a domain without the record is asked for nothing, and one that is no name neither", "[smtp][mta-sts]")
{
    World world;
    world.resolver.id.clear();
    const StsKnowledge known = world.ask();
    CHECK_FALSE(known.policy);
    CHECK_FALSE(known.has_failed);
    CHECK_FALSE(world.ask("../../etc/passwd").policy);
    CHECK_FALSE(world.ask("").policy);
    CHECK(world.requests.empty());
}

TEST_CASE("a policy is not fetched from private networks unless that is allowed", "[smtp][mta-sts]")
{
    World world;
    world.options.allows_private_targets = false;
    CHECK_FALSE(world.ask().policy);
    CHECK(world.requests.empty());
}

TEST_CASE("policies whose time is over leave the disk", "[smtp][mta-sts]")
{
    World world;
    REQUIRE(world.ask().policy);
    std::filesystem::copy(world.folder.path("mta-sts/example.org"), world.folder.path("mta-sts/old.example"));
    world.clock.advance(std::chrono::hours(25));
    REQUIRE(world.ask().policy);
    CHECK(std::filesystem::exists(world.folder.path("mta-sts/example.org")));
    CHECK_FALSE(std::filesystem::exists(world.folder.path("mta-sts/old.example")));
}

TEST_CASE("a damaged file of a policy is fetched anew", "[smtp][mta-sts]")
{
    World world;
    REQUIRE(world.ask().policy);
    std::ofstream(world.folder.path("mta-sts/example.org"), std::ios::trunc) << "mailboxd-mta-sts 1\nid fir";
    CHECK(world.ask().policy);
    CHECK(world.requests.size() == 2);
}

}  // namespace mbx::smtp
