// Where mail goes and how: a resolver of the test's own words, real sockets on loopback, and a conversation that says which
// host was reached under which plan.
#include "smtp/outbound.hpp"

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <iterator>
#include <map>

#include "support/run.hpp"
#include "support/temporary_folder.hpp"

namespace mbx::smtp {
namespace {

using net::DnsAnswer;
using net::DnsOutcome;
using net::DnsType;
using Verdict = queue::Answer::Verdict;

std::string wire_name(std::string_view text)
{
    std::string wire;
    while (!text.empty()) {
        const auto dot = text.find('.');
        wire += static_cast<char>(text.substr(0, dot).size());
        wire += text.substr(0, dot);
        text.remove_prefix(dot == std::string_view::npos ? text.size() : dot + 1);
    }
    return wire + '\0';
}
std::string wire_mx(unsigned preference, std::string_view exchange)
{
    return {std::string{static_cast<char>(preference >> 8U), static_cast<char>(preference & 0xffU)} + wire_name(exchange)};
}
std::string wire_v4(const std::string& text)
{
    const auto address = net::IpAddress::parse(text);
    return {address->bytes().begin() + 12, address->bytes().end()};
}

class WrittenResolver final : public net::Resolver {
public:
    DnsAnswer& add(const std::string& name, DnsType type, std::vector<std::string> records, bool is_secure = false)
    {
        DnsAnswer answer;
        answer.outcome = records.empty() ? DnsOutcome::no_data : DnsOutcome::found;
        answer.records = std::move(records);
        answer.is_secure = is_secure;
        answer.canonical_name = name;
        answers_[{name, type}] = answer;
        return answers_[{name, type}];
    }
    void fail(const std::string& name, DnsType type, DnsOutcome outcome = DnsOutcome::failure)
    {
        DnsAnswer& answer = add(name, type, {});
        answer.outcome = outcome;
        answer.why = "the test says so";
    }
    co::Task<DnsAnswer> look_up(std::string name, DnsType type) override
    {
        asked.push_back(std::string(net::dns_type_name(type)) + " " + name);
        const auto found = answers_.find({name, type});
        if (found != answers_.end()) co_return found->second;
        DnsAnswer none;
        none.outcome = DnsOutcome::no_such_name;
        for (const auto& [key, answer] : answers_) {
            if (key.first == name) none.outcome = DnsOutcome::no_data;
        }
        none.canonical_name = name;
        co_return none;
    }
    std::vector<std::string> asked;

private:
    std::map<std::pair<std::string, DnsType>, DnsAnswer> answers_;
};

// Takes connections into its backlog and says nothing.
class Ear {
public:
    explicit Ear(const std::string& address, std::uint16_t port = 0) : descriptor_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0))
    {
        sockaddr_in at{};
        at.sin_family = AF_INET;
        at.sin_port = htons(port);
        const auto parsed = net::IpAddress::parse(address);
        std::copy_n(parsed->bytes().begin() + 12, 4, reinterpret_cast<unsigned char*>(&at.sin_addr));
        const int one = 1;
        ::setsockopt(descriptor_, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
        socklen_t size = sizeof at;
        auto* raw = reinterpret_cast<sockaddr*>(&at);
        const bool is_open = ::bind(descriptor_, raw, size) == 0 && ::listen(descriptor_, 16) == 0 &&
                             ::getsockname(descriptor_, raw, &size) == 0;
        if (!is_open) throw std::runtime_error("no socket for the test");
        endpoint = {*parsed, ntohs(at.sin_port)};
    }
    Ear(const Ear&) = delete;
    Ear& operator=(const Ear&) = delete;
    ~Ear() { ::close(descriptor_); }
    net::Endpoint endpoint;

private:
    int descriptor_;
};

class SilentConversation final : public queue::Conversation {
public:
    explicit SilentConversation(std::unique_ptr<net::ByteStream> stream) : stream_(std::move(stream)) {}
    co::Task<std::vector<queue::Answer>> deliver(const queue::Outgoing&) override { co_return std::vector<queue::Answer>(); }
    bool is_usable() const override { return true; }
    co::Task<void> end() override { co_return; }
    void interrupt() override {}

private:
    std::unique_ptr<net::ByteStream> stream_;
};

struct World {
    net::Loop loop;
    WrittenResolver resolver;
    SystemClock clock;
    SeededRandom random{11};
    OutboundOptions options;
    std::vector<std::string> opened;  // "host address need label"
    std::vector<ClientOptions> plans;
    std::vector<std::optional<ClientFailure>> script;  // of openings in their order; beyond: all go well
    bool hangs = false;
    bool is_in_clear = false;         // servers offer no STARTTLS
    StsPolicies* policies = nullptr;
    std::unique_ptr<Outbound> outbound;

    World()
    {
        options.search.allows_private_targets = true;
        options.search.uses_mta_sts = false;
        options.search.own_names = {"me.example"};
        options.client.hostname = "me.example";
    }
    void build()
    {
        outbound = std::make_unique<Outbound>(
            Outbound::Ground{loop, resolver, policies, clock, random, Log()}, options,
            [this](std::unique_ptr<net::ByteStream> stream, ClientOptions client) { return open_one(this, std::move(stream), std::move(client)); });
    }
    static co::Task<Outbound::OpenResult> open_one(World* world, std::unique_ptr<net::ByteStream> stream, ClientOptions client)
    {
        const std::array<const char*, 3> kNeeds{"none", "opportunistic", "required"};
        world->opened.push_back(client.host + " " + stream->peer().remote.address.text() + " " +
                                kNeeds.at(static_cast<std::size_t>(client.tls.need)));
        world->plans.push_back(client);
        if (world->hangs) {
            std::array<char, 10> into{};
            const auto got = co_await stream->read_some(into, net::Deadline::after(std::chrono::minutes(5)));
            ClientFailure failure;
            failure.answer.text = got ? "read" : std::string(net::describe(got.error()));
            co_return failure;
        }
        const std::size_t turn = world->opened.size() - 1;
        if (turn < world->script.size() && world->script[turn]) co_return *world->script[turn];
        const bool has_tls = client.tls.need != TlsPlan::Need::none && !world->is_in_clear;
        if (has_tls) *client.tls.tls.outcome = {};
        co_return std::unique_ptr<queue::Conversation>(std::make_unique<SilentConversation>(std::move(stream)));
    }
    Result<std::unique_ptr<queue::Conversation>, queue::Answer> open(std::string domain, std::string route = {}, bool require_tls = false)
    {
        if (!outbound) build();
        queue::Destination destination;
        destination.domain = std::move(domain);
        destination.route = std::move(route);
        destination.require_tls = require_tls;
        return test::run_on(loop, outbound->open(std::move(destination)));
    }
    queue::Answer refused(std::string domain, std::string route = {}, bool require_tls = false)
    {
        auto result = open(std::move(domain), std::move(route), require_tls);
        REQUIRE_FALSE(result);
        return result.error();
    }
    // What the report about example.org will say; it begins anew.
    std::vector<TlsPolicySummary> reported()
    {
        auto days = outbound->reports().take_finished(clock.wall() + std::chrono::hours(48));
        std::vector<TlsPolicySummary> all;
        for (TlsDay& day : days) std::ranges::move(day.policies, std::back_inserter(all));
        return all;
    }
    // example.org with these exchanges, each "name=address" with the preferences 10, 20 …
    void add_domain(const std::vector<std::pair<std::string, std::string>>& hosts, bool is_secure = false)
    {
        std::vector<std::string> records;
        for (const auto& [name, address] : hosts) {
            records.push_back(wire_mx(static_cast<unsigned>(10 * (records.size() + 1)), name));
            if (!address.empty()) resolver.add(name, DnsType::a, {wire_v4(address)}, is_secure);
        }
        resolver.add("example.org", DnsType::mx, records, is_secure);
    }
};

ClientFailure failure(ClientFailure::Stage stage, Verdict verdict = Verdict::temporary, bool is_remote = true)
{
    ClientFailure made;
    made.stage = stage;
    made.answer.verdict = verdict;
    made.answer.text = "scripted";
    made.answer.is_remote = is_remote;
    return made;
}

queue::Destination destination(const Outbound& outbound, std::string to, std::string from = {}, bool require_tls = false)
{
    queue::Envelope envelope;
    envelope.reverse_path = std::move(from);
    envelope.require_tls = require_tls;
    queue::Recipient recipient;
    recipient.address = std::move(to);
    return outbound.destination_of(envelope, recipient);
}

}  // namespace

TEST_CASE("the destination of a recipient is its domain as A-label, or its route", "[smtp][outbound]")
{
    World world;
    Route one;
    one.domain = "routed.example";
    one.host = "127.0.0.1";
    one.port = 2525;
    Route smart;
    smart.domain = "*";
    smart.sender_domain = "me.example";
    smart.host = "smart.example";
    smart.user = "u";
    world.options.search.routes = {one, smart};
    world.build();
    const Outbound& outbound = *world.outbound;
    CHECK(destination(outbound, "a@Example.ORG").domain == "example.org");
    CHECK(destination(outbound, "a@\xd0\xbf\xd1\x80\xd0\xb8\xd0\xbc\xd0\xb5\xd1\x80.\xd1\x80\xd1\x84").domain == "xn--e1afmkfd.xn--p1ai");
    CHECK(destination(outbound, "a@[192.0.2.1]").domain == "[192.0.2.1]");
    CHECK(destination(outbound, "\"a@b\"@example.org").domain == "example.org");
    CHECK(destination(outbound, "a@example.org", "", true).require_tls);
    CHECK(destination(outbound, "a@routed.example") == queue::Destination{"routed.example", "127.0.0.1:2525", false});
    CHECK(destination(outbound, "a@routed.example", "x@me.example").route == "127.0.0.1:2525");
    CHECK(destination(outbound, "a@other.example", "x@ME.example") == queue::Destination{"smart.example", "u@smart.example:25", false});
    CHECK(destination(outbound, "a@other.example", "x@you.example").route.empty());
}

TEST_CASE("hosts are asked in the order of their preference, and each address of one before the next host", "[smtp][outbound]")
{
    World world;
    const Ear second("127.0.0.3");
    world.options.search.port = second.endpoint.port;
    const Ear third("127.0.0.4", second.endpoint.port);
    // Nobody listens at the first host.
    world.add_domain({{"mx1.example", "127.0.0.2"}, {"mx2.example", "127.0.0.3"}, {"mx3.example", "127.0.0.4"}});
    REQUIRE(world.open("example.org"));
    CHECK(world.opened == std::vector<std::string>{"mx2.example 127.0.0.3 opportunistic"});
    world.script = {std::nullopt, failure(ClientFailure::Stage::greeting)};
    REQUIRE(world.open("example.org"));
    CHECK(world.opened.back() == "mx3.example 127.0.0.4 opportunistic");
    CHECK(world.plans.back().hostname == "me.example");
}

TEST_CASE("where no host can be reached the answer says which was tried last and why", "[smtp][outbound]")
{
    World world;
    world.options.search.port = Ear("127.0.0.9").endpoint.port;
    world.add_domain({{"mx1.example", "127.0.0.2"}});
    const queue::Answer answer = world.refused("example.org");
    CHECK(answer.verdict == Verdict::temporary);
    CHECK(answer.enhanced == "4.4.1");
    CHECK(answer.host == "mx1.example");
    CHECK(answer.text.find("connecting to mx1.example") != std::string::npos);
}

TEST_CASE("RFC 5321 5.1: a host that will not talk to us leaves the others to be asked", "[smtp][outbound]")
{
    World world;
    const Ear first("127.0.0.2");
    const Ear second("127.0.0.3", first.endpoint.port);
    world.options.search.port = first.endpoint.port;
    world.add_domain({{"mx1.example", "127.0.0.2"}, {"mx2.example", "127.0.0.3"}});
    // 554 for a greeting, 5yz to EHLO and HELO.
    const auto stage = GENERATE(ClientFailure::Stage::greeting, ClientFailure::Stage::hello);
    world.script = {failure(stage, Verdict::permanent)};
    REQUIRE(world.open("example.org"));
    CHECK(world.opened.size() == 2);
    CHECK(world.opened.back().starts_with("mx2.example"));
}

TEST_CASE("a domain refuses for ever only when each of its hosts does, at each address", "[smtp][outbound]")
{
    World world;
    const Ear first("127.0.0.2");
    const Ear second("127.0.0.3", first.endpoint.port);
    const Ear third("127.0.0.4", first.endpoint.port);
    world.options.search.port = first.endpoint.port;
    world.add_domain({{"mx1.example", "127.0.0.2"}, {"mx2.example", "127.0.0.4"}});
    world.resolver.add("mx1.example", DnsType::a, {wire_v4("127.0.0.2"), wire_v4("127.0.0.3")});
    const auto never = failure(ClientFailure::Stage::greeting, Verdict::permanent);
    const auto later = failure(ClientFailure::Stage::greeting);
    world.script = {never, never, never};
    CHECK(world.refused("example.org").verdict == Verdict::permanent);
    CHECK(world.opened.size() == 3);
    const std::size_t patient = GENERATE(0U, 1U, 2U);
    world.opened.clear();
    world.script = {never, never, never};
    world.script[patient] = later;
    CHECK(world.refused("example.org").verdict == Verdict::temporary);
    CHECK(world.opened.size() == 3);
}

TEST_CASE("hosts that nobody had the time to ask may still take the mail", "[smtp][outbound]")
{
    World world;
    const Ear first("127.0.0.2");
    const Ear second("127.0.0.3", first.endpoint.port);
    world.options.search.port = first.endpoint.port;
    world.options.open_time = std::chrono::seconds(0);
    world.add_domain({{"mx1.example", "127.0.0.2"}, {"mx2.example", "127.0.0.3"}});
    world.script = {failure(ClientFailure::Stage::greeting, Verdict::permanent)};
    CHECK(world.refused("example.org").verdict == Verdict::temporary);
    CHECK(world.opened.size() == 1);
}

TEST_CASE("H1: only NXDOMAIN, a null MX and a domain without any address are for ever", "[smtp][outbound][H1]")
{
    World world;
    CHECK(world.refused("absent.example").enhanced == "5.1.2");
    world.resolver.add("null.example", DnsType::mx, {std::string("\0\0\0", 3)});
    CHECK(world.refused("null.example").enhanced == "5.1.10");
    world.resolver.add("mute.example", DnsType::txt, {"x"});
    CHECK(world.refused("mute.example").enhanced == "5.4.4");
    for (const DnsOutcome outcome : {DnsOutcome::failure, DnsOutcome::bogus}) {
        world.resolver.fail("example.org", DnsType::mx, outcome);
        const queue::Answer answer = world.refused("example.org");
        CHECK(answer.verdict == Verdict::temporary);
        CHECK(answer.enhanced == "4.4.3");
        CHECK(answer.text.find("the test says so") != std::string::npos);
    }
    world.add_domain({{"mx.example", ""}});
    world.resolver.fail("mx.example", DnsType::a);
    CHECK(world.refused("example.org").verdict == Verdict::temporary);
    // The address of another family does not make up for a failure by silence: it is simply used.
    const Ear ear("127.0.0.2");
    world.options.search.port = ear.endpoint.port;
    world.build();
    world.resolver.add("mx.example", DnsType::a, {wire_v4("127.0.0.2")});
    world.resolver.fail("mx.example", DnsType::aaaa);
    CHECK(world.open("example.org"));
}

TEST_CASE("RFC 5321 5.1: a domain without MX is asked itself", "[smtp][outbound]")
{
    World world;
    const Ear ear("127.0.0.2");
    world.options.search.port = ear.endpoint.port;
    world.resolver.add("example.org", DnsType::a, {wire_v4("127.0.0.2")});
    REQUIRE(world.open("example.org"));
    CHECK(world.opened.back() == "example.org 127.0.0.2 opportunistic");
}

TEST_CASE("an address literal is asked without a look-up", "[smtp][outbound]")
{
    World world;
    const Ear ear("127.0.0.2");
    world.options.search.port = ear.endpoint.port;
    REQUIRE(world.open("[127.0.0.2]"));
    CHECK(world.resolver.asked.empty());
}

TEST_CASE("H3: mail for a domain whose best MX is this server, by name or by address, does not loop", "[smtp][outbound][H3]")
{
    World world;
    world.add_domain({{"me.example", "192.0.2.1"}});
    CHECK(world.refused("example.org").enhanced == "5.4.6");
    world.add_domain({{"mx.example", "127.0.0.2"}});
    world.options.search.own_addresses = {*net::IpAddress::parse("127.0.0.2")};
    world.build();
    CHECK(world.refused("example.org").enhanced == "5.4.6");
}

TEST_CASE("H3: an MX on this machine or on a private network is not asked unless that is allowed", "[smtp][outbound][H3]")
{
    World world;
    world.options.search.allows_private_targets = false;
    world.add_domain({{"mx1.example", "127.0.0.1"}, {"mx2.example", "10.0.0.1"}});
    const queue::Answer answer = world.refused("example.org");
    CHECK(answer.enhanced == "5.4.4");
    CHECK(world.opened.empty());
    CHECK(world.refused("[127.0.0.1]").enhanced == "5.4.4");
    // A route leads where the administrator wants.
    const Ear ear("127.0.0.2");
    Route route;
    route.domain = "example.org";
    route.host = "127.0.0.2";
    route.port = ear.endpoint.port;
    world.options.search.routes = {route};
    world.build();
    CHECK(world.open("example.org", route.key()));
}

TEST_CASE("B5: where TLS is only a wish, a failed handshake is followed by one connection in clear", "[smtp][outbound][B5]")
{
    World world;
    const Ear ear("127.0.0.2");
    world.options.search.port = ear.endpoint.port;
    world.add_domain({{"mx.example", "127.0.0.2"}});
    world.script = {failure(ClientFailure::Stage::handshake, Verdict::temporary, false)};
    REQUIRE(world.open("example.org"));
    CHECK(world.opened == std::vector<std::string>{"mx.example 127.0.0.2 opportunistic", "mx.example 127.0.0.2 none"});
    CHECK(world.plans[0].tls.failure.empty());
    CHECK(world.plans[1].tls.failure == "TLS failed (scripted), tried again in clear");
}

TEST_CASE("where neither TLS nor clear text works the answer says that both were tried", "[smtp][outbound]")
{
    World world;
    const Ear ear("127.0.0.2");
    world.options.search.port = ear.endpoint.port;
    world.add_domain({{"mx.example", "127.0.0.2"}});
    world.script = {failure(ClientFailure::Stage::handshake, Verdict::temporary, false), failure(ClientFailure::Stage::greeting)};
    CHECK(world.refused("example.org").tls_failure == "TLS failed (scripted), tried again in clear");
}

TEST_CASE("B5: where DANE makes TLS a must, nothing follows a failed handshake or a missing STARTTLS, and it is reported", "[smtp][outbound][B5]")
{
    World world;
    const Ear ear("127.0.0.2");
    world.options.search.port = ear.endpoint.port;
    world.add_domain({{"mx.example", "127.0.0.2"}}, true);
    const std::string tlsa = std::string("\x03\x01\x01", 3) + std::string(32, 'h');
    world.resolver.add("_" + std::to_string(ear.endpoint.port) + "._tcp.mx.example", DnsType::tlsa, {tlsa}, true);
    for (const auto stage : {ClientFailure::Stage::handshake, ClientFailure::Stage::start_tls}) {
        world.opened.clear();
        world.script = {failure(stage, Verdict::temporary, false)};
        CHECK(world.refused("example.org").verdict == Verdict::temporary);
        CHECK(world.opened == std::vector<std::string>{"mx.example 127.0.0.2 required"});
        CHECK(world.plans.back().tls.label == "DANE");
        CHECK(world.plans.back().tls.tls.tlsa.size() == 1);
    }
    const auto policies = world.reported();
    REQUIRE(policies.size() == 1);
    CHECK(policies[0].policy.type == TlsPolicyType::tlsa);
    CHECK(policies[0].failures == 2);
}

TEST_CASE("RFC 8460 4.3.1: a session in clear counts as one that failed, also where no policy asks for TLS", "[smtp][outbound][tlsrpt]")
{
    World world;
    const Ear ear("127.0.0.2");
    world.options.search.port = ear.endpoint.port;
    world.add_domain({{"mx.example", "127.0.0.2"}});
    REQUIRE(world.open("example.org"));
    world.is_in_clear = true;
    REQUIRE(world.open("example.org"));
    auto policies = world.reported();
    REQUIRE(policies.size() == 1);
    CHECK(policies[0].policy.type == TlsPolicyType::no_policy_found);
    CHECK(policies[0].successes == 1);
    CHECK(policies[0].failures == 1);
    REQUIRE(policies[0].details.size() == 1);
    CHECK(policies[0].details[0].failure == TlsFailure::starttls_not_supported);
    CHECK(policies[0].details[0].mx_host == "mx.example");
    CHECK(policies[0].details[0].mx_address == "127.0.0.2");
    // One session that went in clear because its handshake failed is one failure.
    world.opened.clear();
    world.script = {failure(ClientFailure::Stage::handshake, Verdict::temporary, false)};
    REQUIRE(world.open("example.org"));
    CHECK(world.opened.size() == 2);
    policies = world.reported();
    REQUIRE(policies.size() == 1);
    CHECK(policies[0].successes == 0);
    CHECK(policies[0].failures == 1);
    // A connection that never came to STARTTLS says nothing of it.
    world.opened.clear();
    world.script = {failure(ClientFailure::Stage::greeting)};
    (void)world.refused("example.org");
    CHECK(world.reported().empty());
}

TEST_CASE("RFC 8460 4.2: what a policy in test mode finds wrong is a failure, though the mail goes", "[smtp][outbound][tlsrpt]")
{
    World world;
    const Ear ear("127.0.0.2");
    world.options.search.port = ear.endpoint.port;
    world.options.search.uses_mta_sts = true;
    world.add_domain({{"mx.example", "127.0.0.2"}});
    const std::string announced = "v=STSv1; id=one;";
    world.resolver.add("_mta-sts.example.org", DnsType::txt, {static_cast<char>(announced.size()) + announced});
    // A policy that is kept on the disk, with the id that is announced, is not fetched.
    const test::TemporaryFolder folder;
    PosixFileSystem files;
    net::Workers workers(world.loop, 2, 1);
    StsOptions kept;
    kept.directory = folder.path();
    StsPolicies policies({world.loop, workers, world.resolver, files, world.clock, Log()}, kept);
    world.policies = &policies;
    const bool is_named = GENERATE(true, false);
    const std::string text = std::string("version: STSv1\nmode: testing\nmx: ") + (is_named ? "mx" : "other") + ".example\nmax_age: 86400\n";
    const auto policy = parse_sts_policy(text);
    REQUIRE(policy);
    folder.write("example.org", write_stored_policy({"one", world.clock.wall(), text, *policy}));
    REQUIRE(world.open("example.org"));
    auto found = world.reported();
    REQUIRE(found.size() == 1);
    CHECK(found[0].policy.type == TlsPolicyType::sts);
    CHECK(found[0].successes == (is_named ? 1U : 0U));
    CHECK(found[0].failures == (is_named ? 0U : 1U));
    if (!is_named) CHECK(found[0].details.at(0).failure == TlsFailure::validation_failure);
    // The certificate is wrong: told, and the mail goes with any certificate; that second session is not a success of theirs.
    world.opened.clear();
    world.options.search.ca_file = "authorities";
    world.build();
    world.script = {failure(ClientFailure::Stage::handshake, Verdict::temporary, false)};
    REQUIRE(world.open("example.org"));
    CHECK(world.opened.size() == 2);
    found = world.reported();
    REQUIRE(found.size() == 1);
    CHECK(found[0].successes == 0);
    CHECK(found[0].failures == 1);
}

TEST_CASE("H3: a domain with 500 exchanges, equal or not, costs the look-ups of ten of them", "[smtp][outbound][H3]")
{
    World world;
    const bool is_tie = GENERATE(false, true);
    std::vector<std::string> records;
    for (unsigned n = 0; n < 500; ++n) records.push_back(wire_mx(is_tie ? 10 : n, "mx" + std::to_string(n) + ".example"));
    world.resolver.add("example.org", DnsType::mx, records);
    // None of them has an address; those that were left out may have.
    CHECK(world.refused("example.org").verdict == Verdict::temporary);
    CHECK(world.resolver.asked.size() == 1 + 10 * 2);
    if (!is_tie) CHECK(world.resolver.asked.at(1) == "AAAA mx0.example");
}

TEST_CASE("H3: mail for a domain, or to an exchange, that is another's alias goes where the alias leads", "[smtp][outbound][H3]")
{
    World world;
    const Ear ear("127.0.0.2");
    world.options.search.port = ear.endpoint.port;
    // As a resolver tells it, by CNAME or DNAME: the answer is of another name.
    world.resolver.add("example.org", DnsType::mx, {wire_mx(10, "mx.example")}).canonical_name = "real.example";
    world.resolver.add("mx.example", DnsType::a, {wire_v4("127.0.0.2")}).canonical_name = "host.example";
    REQUIRE(world.open("example.org"));
    CHECK(world.opened == std::vector<std::string>{"mx.example 127.0.0.2 opportunistic"});
    // A name without end is a failure of the DNS, for which nobody's mail comes back.
    world.resolver.fail("mx.example", DnsType::a);
    world.resolver.fail("mx.example", DnsType::aaaa);
    CHECK(world.refused("example.org").verdict == Verdict::temporary);
    world.resolver.fail("example.org", DnsType::mx);
    CHECK(world.refused("example.org").verdict == Verdict::temporary);
}

TEST_CASE("RFC 8460 5.3: a report about TLS goes whatever DANE says, in clear if need be, and is not counted", "[smtp][outbound][tlsrpt]")
{
    World world;
    const Ear ear("127.0.0.2");
    world.options.search.port = ear.endpoint.port;
    world.add_domain({{"mx.example", "127.0.0.2"}}, true);
    const std::string tlsa = std::string("\x03\x01\x01", 3) + std::string(32, 'h');
    world.resolver.add("_" + std::to_string(ear.endpoint.port) + "._tcp.mx.example", DnsType::tlsa, {tlsa}, true);
    world.build();
    queue::Envelope envelope;
    envelope.ignores_tls_policy = true;
    queue::Recipient recipient;
    recipient.address = "tls@example.org";
    const queue::Destination apart = world.outbound->destination_of(envelope, recipient);
    CHECK(apart != destination(*world.outbound, "tls@example.org"));
    world.script = {failure(ClientFailure::Stage::start_tls, Verdict::temporary, false)};
    CHECK(test::run_on(world.loop, world.outbound->open(apart)));
    CHECK(world.opened == std::vector<std::string>{"mx.example 127.0.0.2 opportunistic", "mx.example 127.0.0.2 none"});
    CHECK(world.outbound->reports().size() == 0);
    envelope.require_tls = true;
    CHECK_FALSE(world.outbound->destination_of(envelope, recipient).ignores_tls_policy);
}

TEST_CASE("H5: unsigned TLSA records are not asked for, and where they cannot be had the host is not used", "[smtp][outbound][H5]")
{
    World world;
    const Ear ear("127.0.0.2");
    world.options.search.port = ear.endpoint.port;
    world.add_domain({{"mx.example", "127.0.0.2"}}, false);
    const std::string name = "_" + std::to_string(ear.endpoint.port) + "._tcp.mx.example";
    world.resolver.fail(name, DnsType::tlsa, DnsOutcome::bogus);
    REQUIRE(world.open("example.org"));
    CHECK(world.opened.back() == "mx.example 127.0.0.2 opportunistic");
    world.add_domain({{"mx.example", "127.0.0.2"}}, true);
    CHECK(world.refused("example.org").enhanced == "4.7.5");
    world.resolver.add(name, DnsType::tlsa, {"\x03\x01\x01" + std::string(32, 'h')}, false);
    REQUIRE(world.open("example.org"));
    CHECK(world.opened.back() == "mx.example 127.0.0.2 opportunistic");
}

TEST_CASE("RFC 7672 2.2.2: behind an alias the TLSA records of its target count first, as far as all is secure", "[smtp][outbound][dane]")
{
    World world;
    const Ear ear("127.0.0.2");
    world.options.search.port = ear.endpoint.port;
    world.add_domain({{"mx.example", "127.0.0.2"}}, true);
    world.resolver.add("mx.example", DnsType::a, {wire_v4("127.0.0.2")}, true).canonical_name = "real.example";
    const std::string tlsa = std::string("\x03\x01\x01", 3) + std::string(32, 'h');
    const std::string prefix = "_" + std::to_string(ear.endpoint.port) + "._tcp.";
    world.resolver.add(prefix + "real.example", DnsType::tlsa, {tlsa}, true);
    REQUIRE(world.open("example.org"));
    CHECK(world.plans.back().tls.tls.server_name == "real.example");
    // The alias leads out of what is signed: its own name counts, as the alias itself is signed.
    world.resolver.add("mx.example", DnsType::a, {wire_v4("127.0.0.2")}, false).canonical_name = "real.example";
    world.resolver.add("mx.example", DnsType::cname, {wire_name("real.example")}, true);
    world.resolver.add(prefix + "mx.example", DnsType::tlsa, {tlsa}, true);
    REQUIRE(world.open("example.org"));
    CHECK(world.plans.back().tls.tls.server_name == "mx.example");
    CHECK(world.plans.back().tls.need == TlsPlan::Need::required);
    // While it cannot be found out whether it is signed the host is not used: it may have promised TLS.
    world.resolver.fail("mx.example", DnsType::cname);
    CHECK(world.refused("example.org").enhanced == "4.7.5");
}

TEST_CASE("a route has its own host, port, TLS and log-in, and a route that is gone waits for the administrator", "[smtp][outbound]")
{
    World world;
    const Ear ear("127.0.0.2");
    Route route;
    route.domain = "*";
    route.host = "smart.example";
    route.port = ear.endpoint.port;
    route.tls = RouteTls::required;
    route.user = "user";
    route.password = "secret";
    world.options.search.routes = {route};
    world.resolver.add("smart.example", DnsType::a, {wire_v4("127.0.0.2")});
    REQUIRE(world.open("smart.example", route.key()));
    CHECK(world.opened.back() == "smart.example 127.0.0.2 required");
    CHECK(world.plans.back().user == "user");
    CHECK(world.plans.back().password == "secret");
    world.script = {std::nullopt, failure(ClientFailure::Stage::authentication, Verdict::permanent)};
    CHECK(world.refused("smart.example", route.key()).enhanced == "4.7.8");
    CHECK(world.refused("smart.example", "gone.example:25").enhanced == "4.3.5");
    world.resolver.fail("smart.example", DnsType::a, DnsOutcome::no_such_name);
    CHECK(world.refused("smart.example", route.key()).verdict == Verdict::temporary);
}

TEST_CASE("REQUIRETLS is refused for ever where nobody vouches for the host", "[smtp][outbound]")
{
    World world;
    const Ear ear("127.0.0.2");
    world.options.search.port = ear.endpoint.port;
    world.add_domain({{"mx.example", "127.0.0.2"}}, false);
    CHECK(world.refused("example.org", "", true).enhanced == "5.7.30");
    CHECK(world.opened.empty());
}

TEST_CASE("connections come from the address that is set", "[smtp][outbound]")
{
    World world;
    const Ear ear("127.0.0.2");
    world.options.search.port = ear.endpoint.port;
    world.options.source_ipv4 = net::IpAddress::parse("127.0.0.77");
    world.add_domain({{"mx.example", "127.0.0.2"}});
    REQUIRE(world.open("example.org"));
    world.options.source_ipv4 = net::IpAddress::parse("192.0.2.1");
    world.build();
    CHECK(world.refused("example.org").enhanced == "4.4.1");
}

TEST_CASE("stopping ends what is being opened, wherever it waits", "[smtp][outbound]")
{
    World world;
    const Ear ear("127.0.0.2");
    world.options.search.port = ear.endpoint.port;
    world.add_domain({{"mx.example", "127.0.0.2"}});
    world.hangs = true;
    world.build();
    queue::Destination to;
    to.domain = "example.org";
    const auto result = test::run_with(world.outbound->open(to), [&] {
        net::Timer wait(world.loop);
        co::Scope scope;
        const auto stop_when_open = [](World* in, net::Timer* timer) -> co::Task<void> {
            while (in->opened.empty()) (void)co_await timer->wait(std::chrono::milliseconds(1));
            in->outbound->stop();
        };
        scope.spawn(stop_when_open(&world, &wait));
        world.loop.run();
    });
    REQUIRE_FALSE(result);
    CHECK(result.error().verdict == Verdict::temporary);
    CHECK(world.refused("example.org").enhanced == "4.3.2");
}

TEST_CASE("the way of an address is told step by step", "[smtp][outbound]")
{
    World world;
    world.options.search.port = 25;
    world.add_domain({{"mx1.example", "192.0.2.1"}, {"mx2.example", ""}}, true);
    world.build();
    const RouteExplanation told = test::run_on(world.loop, world.outbound->explain("user@example.org", ""));
    CHECK(told.is_reachable);
    CHECK(told.verdict == "A message would go to mx1.example at 192.0.2.1:25 first; TLS where it is offered: the domain promises "
                          "nothing by DANE or MTA-STS.");
    REQUIRE(told.steps.size() == 3);
    CHECK(told.steps[0] == "the mail servers (MX) of example.org (signed, DNSSEC): mx1.example, mx2.example, asked in this order");
    CHECK(told.steps[2] == "the host mx2.example has no address");
    const RouteExplanation absent = test::run_on(world.loop, world.outbound->explain("user@absent.example", ""));
    CHECK_FALSE(absent.is_reachable);
    CHECK(absent.verdict == "A message would come back to its sender at once: there is no domain absent.example. See whether the address is written right.");
    CHECK_FALSE(test::run_on(world.loop, world.outbound->explain("nobody", "")).is_reachable);
    // No host at all: for ever when each of them says so, else it waits; and what to do about it.
    world.add_domain({{"mx3.example", ""}, {"mx4.example", ""}});
    RouteExplanation without = test::run_on(world.loop, world.outbound->explain("user@example.org", ""));
    CHECK_FALSE(without.is_reachable);
    CHECK(without.verdict.starts_with("A message would come back to its sender at once: no server can be used: the host mx3.example has no address."));
    world.resolver.fail("mx4.example", DnsType::a);
    without = test::run_on(world.loop, world.outbound->explain("user@example.org", ""));
    CHECK(without.verdict.starts_with("A message would wait and be tried again, for days: no server can be used: looking up the address of "
                                      "mx4.example failed: the test says so."));
    CHECK(without.verdict.find("mailboxctl dns lookup mx4.example") != std::string::npos);
}

}  // namespace mbx::smtp
