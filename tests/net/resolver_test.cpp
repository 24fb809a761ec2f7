// The resolver against nsd with zones that ldns signed, and against a name server that says what the test wants.
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

#include <algorithm>
#include <cstdlib>
#include <ctime>
#include <random>
#include <sstream>

#include "base/codec.hpp"
#include "net/unbound_resolver.hpp"
#include "support/dns_servers.hpp"
#include "support/run.hpp"

namespace mbx::net {
namespace {

namespace wire = test::dns;
using Script = test::ScriptedDns::Script;

struct World {
    Loop loop;
    SystemClock clock;
    std::unique_ptr<UnboundResolver> resolver;

    void open(ResolverOptions options)
    {
        auto made = UnboundResolver::open({loop, clock, Log()}, std::move(options));
        if (!made) FAIL(made.error().text());
        resolver = std::move(*made);
    }
    // All questions go to the scripted server.
    void ask_only(const test::ScriptedDns& server, std::chrono::milliseconds time = std::chrono::seconds(60))
    {
        ResolverOptions options;
        options.servers = {server.endpoint()};
        options.validation = DnsValidation::off;
        options.time = time;
        open(std::move(options));
    }
    DnsAnswer look_up(std::string name, DnsType type) { return test::run_on(loop, resolver->look_up(std::move(name), type)); }
    ~World()
    {
        if (resolver) resolver->stop();
        loop.run();
    }
};

Script always(unsigned rcode)
{
    return [rcode](const wire::Question& question) { return std::vector{question.answer(rcode)}; };
}

void need_nsd()
{
    if (test::Nsd::is_available()) return;
    const char* ci = std::getenv("CI");
    if (ci != nullptr && std::string_view(ci) == "true") FAIL("nsd or ldns-signzone is not installed");
    SKIP("nsd or ldns-signzone is not installed");
}

// Starts the server and asks for what its zones below "example" say to be validated from this anchor.
void serve_signed(test::Nsd& nsd, ResolverOptions& options, const std::string& anchor)
{
    nsd.start();
    options.zones = {{"example", nsd.endpoint()}};
    options.validation = DnsValidation::strict;
    options.trust_anchor_file = nsd.anchors(anchor);
    options.time = std::chrono::seconds(60);
}

// example. is the anchor; below it zones that are signed well, badly, not any more, and not at all.
struct SignedZones {
    test::Nsd nsd;
    ResolverOptions options;

    SignedZones()
    {
        std::string parent;
        parent += nsd.add_zone("secure.example",
                               "@ IN MX 10 mx\nmx IN A 192.0.2.1\nmx IN AAAA 2001:db8::1\n_25._tcp.mx IN TLSA 3 1 1 " +
                                   std::string(64, 'a') + "\nlong IN TXT \"one\" \"two\"\nalias IN CNAME mx\n"
                                   "away IN CNAME mx.insecure.example.\n4.3.2.1 IN PTR host.secure.example.\n"
                                   "old IN DNAME new\nhost.new IN MX 10 mx\nround IN DNAME about\nabout IN DNAME round\n"
                                   "_smtp._tcp IN SRV 1 2 25 mx\n",
                               test::Nsd::Signing{});
        nsd.add_zone("insecure.example", "@ IN MX 10 mx\nmx IN A 192.0.2.2\n_25._tcp.mx IN TLSA 3 1 1 " + std::string(64, 'b') + "\n");
        parent += nsd.add_zone("bogus.example", "@ IN MX 10 mx\nmx IN A 192.0.2.3\n", test::Nsd::Signing{});
        parent += nsd.add_zone("expired.example", "@ IN MX 10 mx\nmx IN A 192.0.2.4\n", test::Nsd::Signing{"20200101", "20200301"});
        for (const char* zone : {"secure", "insecure", "bogus", "expired"}) {
            parent += std::string(zone) + " IN NS ns." + zone + ".example.\nns." + zone + " IN A 127.0.0.1\n";
        }
        const std::string anchor = nsd.add_zone("example", parent, test::Nsd::Signing{});
        nsd.falsify("bogus.example", "192.0.2.3", "192.0.2.66");
        serve_signed(nsd, options, anchor);
    }
};

// One zone that is an attack on whoever validates it.
struct TrapZone {
    test::Nsd nsd;
    ResolverOptions options;

    void serve(const std::string& anchor) { serve_signed(nsd, options, anchor); }
};

// RSA keys that are none, each with the same tag (a tag sums up a key's words, so that their order does not count), and each dear
// to try: the exponent is as long as the modulus.
class CollidingKeys {
public:
    static constexpr std::size_t kSize = 256;

    std::string key(std::size_t n) const
    {
        // The words within the modulus, turned round by n; its ends stay.
        std::string modulus = modulus_;
        std::rotate(modulus.begin() + 2, modulus.begin() + 2 + static_cast<std::ptrdiff_t>(2 * n), modulus.end() - 2);
        return std::string("\x01\x00\x03\x08\x00\x01\x00", 7) + exponent_ + modulus;
    }
    unsigned tag() const
    {
        std::uint32_t sum = 0;
        const std::string all = key(0);
        for (std::size_t at = 0; at < all.size(); ++at) {
            const auto byte = static_cast<std::uint32_t>(static_cast<unsigned char>(all[at]));
            sum += at % 2 == 0 ? byte << 8U : byte;
        }
        return (sum + (sum >> 16U)) & 0xffffU;
    }
    std::string signature() { return '\x01' + bytes(kSize - 1); }

private:
    std::string bytes(std::size_t count)
    {
        std::string made;
        for (std::size_t n = 0; n < count; ++n) made += static_cast<char>(random_() & 0xffU);
        return made;
    }
    std::mt19937 random_{5};
    std::string exponent_ = '\x7f' + bytes(kSize - 2) + '\x01';
    std::string modulus_ = '\xff' + bytes(kSize - 2) + '\x01';
};

double processor_seconds(clockid_t of)
{
    timespec spent{};
    ::clock_gettime(of, &spent);
    return static_cast<double>(spent.tv_sec) + static_cast<double>(spent.tv_nsec) / 1e9;
}

}  // namespace

TEST_CASE("H5: what is signed is secure, what is not signed is insecure, and what is signed wrongly or no longer is bogus",
          "[net][dns][H5][nsd]")
{
    need_nsd();
    SignedZones zones;
    World world;
    world.open(zones.options);

    const DnsAnswer mx = world.look_up("Secure.Example.", DnsType::mx);
    INFO(mx.why);
    CHECK(mx.outcome == DnsOutcome::found);
    CHECK(mx.is_secure);
    REQUIRE(mx.records.size() == 1);
    CHECK(parse_mx(mx.records[0]) == MxRecord{10, "mx.secure.example"});
    CHECK(mx.canonical_name == "secure.example");
    CHECK(mx.ttl.count() > 0);
    CHECK(mx.ttl.count() <= 300);

    const DnsAnswer tlsa = world.look_up("_25._tcp.mx.secure.example", DnsType::tlsa);
    CHECK(tlsa.is_secure);
    REQUIRE(tlsa.records.size() == 1);
    CHECK(parse_tlsa(tlsa.records[0])->data == std::string(32, '\xaa'));

    // The records of an unsigned zone are there and count for nothing (RFC 7672 section 2.1).
    const DnsAnswer unsigned_tlsa = world.look_up("_25._tcp.mx.insecure.example", DnsType::tlsa);
    CHECK(unsigned_tlsa.outcome == DnsOutcome::found);
    CHECK_FALSE(unsigned_tlsa.is_secure);

    const DnsAnswer bogus = world.look_up("mx.bogus.example", DnsType::a);
    CHECK(bogus.outcome == DnsOutcome::bogus);
    CHECK_FALSE(bogus.is_secure);
    CHECK(bogus.records.empty());
    CHECK_FALSE(bogus.why.empty());

    const DnsAnswer expired = world.look_up("mx.expired.example", DnsType::a);
    CHECK(expired.outcome == DnsOutcome::bogus);
    INFO(expired.why);
    CHECK(expired.why.find("expired") != std::string::npos);
}

TEST_CASE("H5: with a trust anchor file nothing bogus is ever taken, not even first", "[net][dns][H5][nsd]")
{
    need_nsd();
    SignedZones zones;
    World world;
    zones.options.validation = DnsValidation::automatic;
    world.open(zones.options);
    CHECK(world.look_up("mx.bogus.example", DnsType::a).outcome == DnsOutcome::bogus);
}

TEST_CASE("that there is nothing is secure too where the zone is signed", "[net][dns][nsd]")
{
    need_nsd();
    SignedZones zones;
    World world;
    world.open(zones.options);
    const DnsAnswer absent = world.look_up("nobody.secure.example", DnsType::mx);
    CHECK(absent.outcome == DnsOutcome::no_such_name);
    CHECK(absent.is_secure);
    const DnsAnswer no_data = world.look_up("mx.secure.example", DnsType::mx);
    CHECK(no_data.outcome == DnsOutcome::no_data);
    CHECK(no_data.is_secure);
    const DnsAnswer insecure = world.look_up("nobody.insecure.example", DnsType::mx);
    CHECK(insecure.outcome == DnsOutcome::no_such_name);
    CHECK_FALSE(insecure.is_secure);
}

TEST_CASE("H5: an alias is secure as far as its whole way is", "[net][dns][H5][nsd]")
{
    need_nsd();
    SignedZones zones;
    World world;
    world.open(zones.options);
    const DnsAnswer near = world.look_up("alias.secure.example", DnsType::a);
    CHECK(near.outcome == DnsOutcome::found);
    CHECK(near.is_secure);
    CHECK(near.canonical_name == "mx.secure.example");
    const DnsAnswer away = world.look_up("away.secure.example", DnsType::a);
    CHECK(away.outcome == DnsOutcome::found);
    CHECK_FALSE(away.is_secure);
    CHECK(away.canonical_name == "mx.insecure.example");
    // The alias itself is.
    CHECK(world.look_up("away.secure.example", DnsType::cname).is_secure);
}

TEST_CASE("H5: a zone of a hundred keys with one tag and two hundred signatures (KeyTrap) costs little, and is no answer", "[net][dns][H5][nsd]")
{
    need_nsd();
    // Tried each with each this is 20,000 powers of 2,048 bits, most of a minute; the library stops after a few.
    constexpr std::size_t kKeys = 100;
    constexpr std::size_t kSignatures = 200;
    constexpr double kMostSeconds = 10;
    TrapZone trap;
    CollidingKeys keys;
    std::string records = "@ IN MX 10 mx\nmx IN A 192.0.2.1\n";
    for (std::size_t n = 0; n < kKeys; ++n) records += "@ IN DNSKEY 256 3 8 " + encode_base64(keys.key(n).substr(4)) + "\n";
    const std::string anchor = trap.nsd.add_zone("trap.example", records, test::Nsd::Signing{});
    const std::string real = trap.nsd.line_with("trap.example", "RRSIG\tMX ");
    std::istringstream words(real.substr(real.find("RRSIG\tMX ")));
    std::string skipped;
    std::string expires;
    std::string begins;
    words >> skipped >> skipped >> skipped >> skipped >> skipped >> expires >> begins;
    std::string false_ones;
    for (std::size_t n = 0; n < kSignatures; ++n) {
        false_ones += "trap.example.\t300\tIN\tRRSIG\tMX 8 2 300 " + expires + " " + begins + " " + std::to_string(keys.tag()) +
                      " trap.example. " + encode_base64(keys.signature()) + "\n";
    }
    trap.nsd.falsify("trap.example", real + "\n", false_ones);
    trap.serve(anchor);
    World world;
    world.open(trap.options);
    // Its keys are good, as far as they go.
    CHECK(world.look_up("mx.trap.example", DnsType::a).is_secure);

    const double all_before = processor_seconds(CLOCK_PROCESS_CPUTIME_ID);
    const double loop_before = processor_seconds(CLOCK_THREAD_CPUTIME_ID);
    const DnsAnswer answer = world.look_up("trap.example", DnsType::mx);
    const double all = processor_seconds(CLOCK_PROCESS_CPUTIME_ID) - all_before;
    const double loop = processor_seconds(CLOCK_THREAD_CPUTIME_ID) - loop_before;
    CAPTURE(all, loop, answer.why);
    CHECK((answer.outcome == DnsOutcome::bogus || answer.outcome == DnsOutcome::failure));
    CHECK(answer.records.empty());
    CHECK(all < kMostSeconds);
    // Whatever it costs, it is not the loop's: new mail goes on.
    CHECK(loop < 1);
}

TEST_CASE("H5: proofs of absence that cost thousands of hashes each (NSEC3) are not reckoned out, and prove nothing", "[net][dns][H5][nsd]")
{
    need_nsd();
    constexpr double kMostSeconds = 10;
    const unsigned iterations = GENERATE(1U, 2'500U);
    CAPTURE(iterations);
    TrapZone trap;
    test::Nsd::Signing signing;
    signing.nsec3_iterations = iterations;
    trap.serve(trap.nsd.add_zone("trap.example", "@ IN MX 10 mx\nmx IN A 192.0.2.1\n", signing));
    World world;
    world.open(trap.options);
    CHECK(world.look_up("trap.example", DnsType::mx).is_secure);
    std::string deep = "trap.example";
    for (int n = 0; n < 40; ++n) deep.insert(0, "a.");
    const double before = processor_seconds(CLOCK_PROCESS_CPUTIME_ID);
    const DnsAnswer absent = world.look_up(deep, DnsType::mx);
    CHECK(processor_seconds(CLOCK_PROCESS_CPUTIME_ID) - before < kMostSeconds);
    // Above the limit such a zone is as good as unsigned.
    CHECK(absent.outcome == DnsOutcome::no_such_name);
    CHECK(absent.is_secure == (iterations == 1));
}

TEST_CASE("every type of record is had", "[net][dns][nsd]")
{
    need_nsd();
    SignedZones zones;
    World world;
    world.open(zones.options);
    CHECK(parse_address_record(world.look_up("mx.secure.example", DnsType::aaaa).records.at(0))->text() == "2001:db8::1");
    CHECK(parse_txt(world.look_up("long.secure.example", DnsType::txt).records.at(0)) == "onetwo");
    CHECK(parse_name(world.look_up("4.3.2.1.secure.example", DnsType::ptr).records.at(0)) == "host.secure.example");
    CHECK(parse_srv(world.look_up("_smtp._tcp.secure.example", DnsType::srv).records.at(0))->port == 25);
    CHECK(parse_name(world.look_up("secure.example", DnsType::ns).records.at(0)) == "ns.secure.example");
}

TEST_CASE("without validation nothing is secure and nothing is bogus", "[net][dns][nsd]")
{
    need_nsd();
    SignedZones zones;
    World world;
    zones.options.validation = DnsValidation::off;
    zones.options.trust_anchor_file.clear();
    world.open(zones.options);
    CHECK_FALSE(world.look_up("secure.example", DnsType::mx).is_secure);
    CHECK(world.look_up("mx.bogus.example", DnsType::a).outcome == DnsOutcome::found);
}

TEST_CASE("H1: SERVFAIL, REFUSED, FORMERR, NOTIMP and a broken answer are failures, never \"no such name\"", "[net][dns][H1]")
{
    const unsigned rcode = GENERATE(1U, 2U, 4U, 5U);
    CAPTURE(rcode);
    const test::ScriptedDns server(always(rcode));
    World world;
    world.ask_only(server);
    const DnsAnswer answer = world.look_up("example.org", DnsType::mx);
    CHECK(answer.outcome == DnsOutcome::failure);
    CHECK_FALSE(answer.why.empty());
    CHECK(server.asked() > 0);
}

TEST_CASE("H1: NXDOMAIN is \"no such name\", and an empty answer is \"no data\"", "[net][dns][H1]")
{
    const test::ScriptedDns server([](const wire::Question& question) {
        return std::vector{question.answer(question.name == "none.example" ? 3 : 0)};
    });
    World world;
    world.ask_only(server);
    CHECK(world.look_up("none.example", DnsType::mx).outcome == DnsOutcome::no_such_name);
    CHECK(world.look_up("some.example", DnsType::mx).outcome == DnsOutcome::no_data);
}

TEST_CASE("H1: a name server that only names others (a lame one) is a failure, never \"nothing there\"", "[net][dns][H1]")
{
    constexpr DnsType kNsec3{50};
    const bool has_soa = GENERATE(false, true);
    const bool has_servers = GENERATE(false, true);
    const test::ScriptedDns server([has_soa, has_servers](const wire::Question& question) {
        std::vector<wire::Record> authorities{{"hash.example", kNsec3, std::string("\1\1\0\1\0\1x\0\1\x20", 10)}};
        if (has_servers) authorities.push_back({"example", DnsType::ns, wire::name("ns.elsewhere.example")});
        const std::string numbers(20, '\1');
        if (has_soa) authorities.push_back({"example", DnsType::soa, wire::name("ns.example") + wire::name("h.example") + numbers});
        return std::vector{question.refer(authorities)};
    });
    World world;
    world.ask_only(server);
    const DnsAnswer answer = world.look_up("host.example", DnsType::mx);
    CAPTURE(answer.why);
    CHECK(answer.outcome == (has_soa ? DnsOutcome::no_data : DnsOutcome::failure));
}

TEST_CASE("H1: a server that is silent is a failure at the time-out, and the loop goes on meanwhile", "[net][dns][H1]")
{
    const test::ScriptedDns server([](const wire::Question&) { return std::vector<std::string>(); });
    World world;
    world.ask_only(server, std::chrono::milliseconds(300));
    const DnsAnswer answer = world.look_up("example.org", DnsType::mx);
    CHECK(answer.outcome == DnsOutcome::failure);
    CHECK(answer.why == "no answer within 300 ms");
    CHECK(world.resolver->under_way() == 0);
}

TEST_CASE("H1: a truncated answer is asked for again over TCP, and is a failure where TCP is refused", "[net][dns][H1]")
{
    const bool has_tcp = GENERATE(true, false);
    CAPTURE(has_tcp);
    const test::ScriptedDns server(
        [](const wire::Question& question) {
            if (!question.is_tcp) return std::vector{question.answer(0, {}, true)};
            std::vector<wire::Record> records;
            for (unsigned i = 0; i < 500; ++i) {
                records.push_back({question.name, DnsType::mx, wire::mx(i, "mx" + std::to_string(i) + ".example")});
            }
            return std::vector{question.answer(0, records)};
        },
        has_tcp);
    World world;
    world.ask_only(server);
    const DnsAnswer answer = world.look_up("example.org", DnsType::mx);
    CHECK(answer.outcome == (has_tcp ? DnsOutcome::found : DnsOutcome::failure));
    CHECK(answer.records.size() == (has_tcp ? 500U : 0U));
}

TEST_CASE("H1: an answer of nearly 64 kB is taken whole or is a failure, never \"no such domain\"", "[net][dns][H1]")
{
    // The length of a message over TCP has 16 bits (RFC 1035 section 4.2.2): the largest that fits, and one that ends before.
    const bool is_cut = GENERATE(false, true);
    CAPTURE(is_cut);
    constexpr std::size_t kLargest = 65'535;
    constexpr std::size_t kMissing = 500;
    const auto records = std::make_shared<std::atomic<std::size_t>>(0);
    const test::ScriptedDns server([is_cut, records](const wire::Question& question) {
        if (!question.is_tcp) return std::vector{question.answer(0, {}, true)};
        std::vector<wire::Record> many;
        constexpr std::size_t kFixed = 10;  // of a record, beside its names
        std::size_t size = question.answer(0).size();
        for (unsigned n = 0;; ++n) {
            wire::Record next{question.name, DnsType::mx, wire::mx(n, "mx" + std::to_string(n) + ".example")};
            size += wire::name(next.owner).size() + kFixed + next.data.size();
            if (size > kLargest) break;
            many.push_back(std::move(next));
        }
        *records = many.size();
        std::string message = question.answer(0, many);
        if (is_cut) message.resize(message.size() - kMissing);
        return std::vector{message};
    });
    World world;
    world.ask_only(server);
    const DnsAnswer answer = world.look_up("example.org", DnsType::mx);
    CAPTURE(records->load(), answer.why);
    CHECK(*records > 1'000);
    if (answer.outcome == DnsOutcome::found) CHECK(answer.records.size() == *records);
    else CHECK(answer.outcome == DnsOutcome::failure);
    CHECK((answer.outcome == DnsOutcome::found) == !is_cut);
}

TEST_CASE("H2: an answer with another id, for another name, or with records of other zones is not believed", "[net][dns][H2]")
{
    const auto is_first = std::make_shared<std::atomic<bool>>(true);
    const test::ScriptedDns server([is_first](const wire::Question& question) {
        if (!question.asks(DnsType::a)) return std::vector{question.answer(0)};
        if (question.name != "host.example") {
            return std::vector{question.answer(0, {{question.name, DnsType::a, wire::v4("192.0.2.200")}})};
        }
        const std::vector<wire::Record> right{{"host.example", DnsType::a, wire::v4("192.0.2.1")},
                                              {"bank.example", DnsType::a, wire::v4("192.0.2.66")}};
        wire::Question forged = question;
        forged.id = std::string{static_cast<char>(~question.id[0]), question.id[1]};
        wire::Question other = question;
        other.wire = wire::name("other.example") + wire::u16(1) + wire::u16(1);
        // A false answer with the right id costs the question; it is asked again.
        if (!is_first->exchange(false)) return std::vector{question.answer(0, right)};
        return std::vector{forged.answer(0, {{"host.example", DnsType::a, wire::v4("192.0.2.66")}}),
                           other.answer(0, {{"other.example", DnsType::a, wire::v4("192.0.2.66")}}), question.answer(0, right)};
    });
    World world;
    world.ask_only(server);
    const DnsAnswer answer = world.look_up("host.example", DnsType::a);
    REQUIRE(answer.records.size() == 1);
    CHECK(parse_address_record(answer.records[0])->text() == "192.0.2.1");
    // What came along with it for another name is forgotten.
    const DnsAnswer bank = world.look_up("bank.example", DnsType::a);
    REQUIRE(bank.records.size() == 1);
    CHECK(parse_address_record(bank.records[0])->text() == "192.0.2.200");
}

TEST_CASE("H3: a chain of aliases is followed so far and no further, and a loop is a failure", "[net][dns][H3]")
{
    const test::ScriptedDns server([](const wire::Question& question) {
        const auto step = question.name.substr(0, question.name.find('.'));
        if (step == "loop") return std::vector{question.answer(0, {{question.name, DnsType::cname, wire::name("pool.example")}})};
        if (step == "pool") return std::vector{question.answer(0, {{question.name, DnsType::cname, wire::name("loop.example")}})};
        const int left = std::atoi(step.c_str() + 1);
        if (left == 0) return std::vector{question.answer(0, {{question.name, DnsType::a, wire::v4("192.0.2.1")}})};
        const std::string next = "c" + std::to_string(left - 1) + ".example";
        return std::vector{question.answer(0, {{question.name, DnsType::cname, wire::name(next)}})};
    });
    World world;
    world.ask_only(server);
    const DnsAnswer some = world.look_up("c4.example", DnsType::a);
    CHECK(some.outcome == DnsOutcome::found);
    CHECK(some.canonical_name == "c0.example");
    CHECK(world.look_up("c100.example", DnsType::a).outcome == DnsOutcome::failure);
    CHECK(world.look_up("loop.example", DnsType::a).outcome == DnsOutcome::failure);
}

TEST_CASE("H3: a domain behind a DNAME is found where that leads, as securely as it does, and a loop is a failure", "[net][dns][H3][nsd]")
{
    need_nsd();
    SignedZones zones;
    World world;
    world.open(zones.options);
    const DnsAnswer mx = world.look_up("host.old.secure.example", DnsType::mx);
    INFO(mx.why);
    CHECK(mx.outcome == DnsOutcome::found);
    CHECK(mx.is_secure);
    CHECK(mx.canonical_name == "host.new.secure.example");
    REQUIRE(mx.records.size() == 1);
    CHECK(parse_mx(mx.records[0]) == MxRecord{10, "mx.secure.example"});
    // Nothing is there, and that is said of where it leads.
    CHECK(world.look_up("nobody.old.secure.example", DnsType::mx).outcome == DnsOutcome::no_such_name);
    CHECK(world.look_up("host.round.secure.example", DnsType::mx).outcome == DnsOutcome::failure);
}

TEST_CASE("an answer is asked for once as long as it holds", "[net][dns]")
{
    const test::ScriptedDns server([](const wire::Question& question) {
        return std::vector{question.answer(0, {{question.name, DnsType::a, wire::v4("192.0.2.1")}})};
    });
    World world;
    world.ask_only(server);
    CHECK(world.look_up("host.example", DnsType::a).outcome == DnsOutcome::found);
    const int asked = server.asked();
    CHECK(world.look_up("HOST.example.", DnsType::a).outcome == DnsOutcome::found);
    CHECK(server.asked() == asked);
}

TEST_CASE("where no signature ever comes through, answers count as insecure instead of bogus, when that is allowed", "[net][dns]")
{
    const test::ScriptedDns server([](const wire::Question& question) {
        if (!question.asks(DnsType::a)) return std::vector{question.answer(0)};
        return std::vector{question.answer(0, {{question.name, DnsType::a, wire::v4("192.0.2.1")}})};
    });
    const bool may = GENERATE(true, false);
    World world;
    ResolverOptions options;
    options.servers = {server.endpoint()};
    options.validation = may ? DnsValidation::automatic : DnsValidation::strict;
    options.time = std::chrono::seconds(60);
    world.open(std::move(options));
    const DnsAnswer answer = world.look_up("host.example", DnsType::a);
    CHECK(answer.outcome == (may ? DnsOutcome::found : DnsOutcome::bogus));
    CHECK_FALSE(answer.is_secure);
    CHECK(world.look_up("other.example", DnsType::a).outcome == (may ? DnsOutcome::found : DnsOutcome::bogus));
}

TEST_CASE("the names of private networks are asked for like others", "[net][dns]")
{
    const test::ScriptedDns server([](const wire::Question& question) {
        if (question.asks(DnsType::ptr)) return std::vector{question.answer(0, {{question.name, DnsType::ptr, wire::name("host.test")}})};
        return std::vector{question.answer(0, {{question.name, DnsType::a, wire::v4("10.0.0.1")}})};
    });
    World world;
    world.ask_only(server);
    CHECK(world.look_up("host.test", DnsType::a).outcome == DnsOutcome::found);
    CHECK(world.look_up("1.0.0.10.in-addr.arpa", DnsType::ptr).outcome == DnsOutcome::found);
    CHECK(parse_address_record(world.look_up("localhost", DnsType::a).records.at(0))->is_loopback());
}

TEST_CASE("what cannot be a name is no such name, and nobody is asked", "[net][dns]")
{
    const test::ScriptedDns server(always(0));
    World world;
    world.ask_only(server);
    for (const char* name : {"", ".", "a b.example", "a..example", "b\\195\\188cher.example"}) {
        CAPTURE(name);
        CHECK(world.look_up(name, DnsType::mx).outcome == DnsOutcome::no_such_name);
    }
    CHECK(server.asked() == 0);
}

TEST_CASE("look-ups under way end when the resolver stops, and later ones fail", "[net][dns]")
{
    const test::ScriptedDns server([](const wire::Question&) { return std::vector<std::string>(); });
    World world;
    world.ask_only(server);
    const DnsAnswer answer = test::run_with(world.resolver->look_up("host.example", DnsType::a), [&] {
        CHECK(world.resolver->under_way() == 1);
        world.resolver->stop();
        world.loop.run();
    });
    CHECK(answer.outcome == DnsOutcome::failure);
    CHECK(answer.why == "the server is stopping");
    CHECK(world.look_up("host.example", DnsType::a).outcome == DnsOutcome::failure);
}

TEST_CASE("a resolver that is told a trust anchor file which is not there says so", "[net][dns]")
{
    Loop loop;
    const SystemClock clock;
    ResolverOptions options;
    options.trust_anchor_file = "/nowhere/root.key";
    const auto made = UnboundResolver::open({loop, clock, Log()}, options);
    REQUIRE_FALSE(made);
    CHECK(made.error().text().find("/nowhere/root.key") != std::string::npos);
}

}  // namespace mbx::net
