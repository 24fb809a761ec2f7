#include "directory/snapshot.hpp"

#include <catch2/catch_test_macros.hpp>

using namespace mbx::directory;

namespace {

Account account(std::int64_t id, std::string local_part, std::string domain)
{
    Account made;
    made.id.value = id;
    made.local_part = std::move(local_part);
    made.domain = std::move(domain);
    made.password_hash = "x";
    return made;
}

struct World {
    std::vector<Domain> domains{{"example.org", "", true}, {"example.net", "", true}};
    std::vector<Account> accounts{account(1, "ann", "example.org"), account(2, "bob", "example.org"),
                                  account(3, "cyd", "example.net")};
    std::vector<Alias> aliases;
    SnapshotOptions options{"mx.example.com", "+"};

    Snapshot snapshot() const { return {domains, accounts, aliases, options}; }
};

// "found 1 2 far@example.com"
std::string reach(const Snapshot& snapshot, std::string_view local_part, std::string_view domain)
{
    const Recipients got = snapshot.resolve(local_part, domain);
    std::string out;
    switch (got.resolution) {
    case Resolution::found: out = "found"; break;
    case Resolution::unknown_domain: out = "unknown domain"; break;
    case Resolution::unknown_mailbox: out = "unknown mailbox"; break;
    case Resolution::disabled: out = "disabled"; break;
    case Resolution::loop: out = "loop"; break;
    case Resolution::too_many: out = "too many"; break;
    }
    for (const AccountId id : got.accounts) out += " " + std::to_string(id.value);
    for (const Outside& remote : got.remote) out += " " + remote.address;
    return out;
}

}  // namespace

TEST_CASE("an account is reached in any case, and nobody else is", "[directory]")
{
    const Snapshot s = World().snapshot();
    CHECK(reach(s, "Ann", "EXAMPLE.org") == "found 1");
    CHECK(reach(s, "cyd", "example.org") == "unknown mailbox");
    CHECK(reach(s, "ann", "example.com") == "unknown domain");
    CHECK(reach(s, "ann", "sub.example.org") == "unknown domain");
    CHECK(reach(s, "ann", "example.org.") == "unknown domain");
    CHECK(reach(s, "", "example.org") == "unknown mailbox");
    CHECK(reach(s, std::string(1'000'000, 'a'), "example.org") == "unknown domain");
    CHECK(reach(s, "ann", std::string(1'000'000, 'a')) == "unknown domain");
}

TEST_CASE("a domain is found by its name in its own script", "[directory]")
{
    World w;
    w.domains.push_back({"xn--e1afmkfd.xn--p1ai", "", true});
    w.accounts.push_back(account(4, "ann", "xn--e1afmkfd.xn--p1ai"));
    const Snapshot s = w.snapshot();
    CHECK(reach(s, "ann", "пример.рф") == "found 4");
    CHECK(reach(s, "ann", "XN--E1AFMKFD.XN--P1AI") == "found 4");
    CHECK(s.is_local_domain("Пример.рф"));
    CHECK(s.find_login("ANN@пример.РФ") != nullptr);
}

TEST_CASE("a sub-address reaches its account unless it has a name of its own", "[directory]")
{
    World w;
    w.aliases.push_back({"ann+work@example.org", {"bob@example.org"}, true});
    w.aliases.push_back({"sales@example.org", {"cyd@example.net"}, true});
    const Snapshot s = w.snapshot();
    CHECK(reach(s, "ann+shop", "example.org") == "found 1");
    CHECK(reach(s, "ann+a+b", "example.org") == "found 1");
    CHECK(reach(s, "Ann+Work", "example.org") == "found 2");
    CHECK(reach(s, "sales+x", "example.org") == "found 3");
    CHECK(reach(s, "+shop", "example.org") == "unknown mailbox");
    w.options.sub_addressing = "";
    CHECK(reach(w.snapshot(), "ann+shop", "example.org") == "unknown mailbox");
    w.options.sub_addressing = "-";
    CHECK(reach(w.snapshot(), "ann-shop", "example.org") == "found 1");
}

TEST_CASE("an alias reaches all its targets once, nested ones and remote ones too", "[directory]")
{
    World w;
    w.aliases.push_back({"all@example.org", {"ann@example.org", "team@example.org", "far@example.com"}, true});
    w.aliases.push_back({"team@example.org", {"ann@example.org", "bob@example.org", "far@example.com"}, true});
    CHECK(reach(w.snapshot(), "all", "example.org") == "found 1 2 far@example.com");
}

TEST_CASE("a target that is disabled or unknown is left out as long as another is reached", "[directory]")
{
    World w;
    w.accounts[1].enabled = false;
    w.aliases.push_back({"some@example.org", {"ann@example.org", "bob@example.org", "nobody@example.org"}, true});
    w.aliases.push_back({"bobs@example.org", {"bob@example.org", "nobody@example.org"}, true});
    w.aliases.push_back({"none@example.org", {"nobody@example.org"}, true});
    w.aliases.push_back({"off@example.org", {"ann@example.org"}, false});
    const Snapshot s = w.snapshot();
    CHECK(reach(s, "some", "example.org") == "found 1");
    CHECK(reach(s, "bobs", "example.org") == "disabled");
    CHECK(reach(s, "none", "example.org") == "unknown mailbox");
    CHECK(reach(s, "off", "example.org") == "disabled");
    CHECK(reach(s, "bob", "example.org") == "disabled");
    w.domains[0].enabled = false;
    CHECK(reach(w.snapshot(), "ann", "example.org") == "disabled");
}

TEST_CASE("I1: aliases that name each other end as a loop, and still reach who can be reached", "[directory][hostile]")
{
    World w;
    w.aliases.push_back({"a@example.org", {"b@example.org"}, true});
    w.aliases.push_back({"b@example.org", {"a@example.org"}, true});
    w.aliases.push_back({"c@example.org", {"d@example.org", "ann@example.org"}, true});
    w.aliases.push_back({"d@example.org", {"c@example.org"}, true});
    CHECK(reach(w.snapshot(), "a", "example.org") == "loop");
    CHECK(reach(w.snapshot(), "c", "example.org") == "found 1");
}

TEST_CASE("I1: aliases nested deeper than ten are a loop, ten are not", "[directory][hostile]")
{
    World w;
    const auto name = [](int n) { return "n" + std::to_string(n) + "@example.org"; };
    for (int n = 0; n < 5000; ++n) w.aliases.push_back({name(n), {name(n + 1)}, true});
    w.aliases.push_back({name(5000), {"ann@example.org"}, true});
    CHECK(reach(w.snapshot(), "n4991", "example.org") == "found 1");
    CHECK(reach(w.snapshot(), "n4990", "example.org") == "loop");
    CHECK(reach(w.snapshot(), "n0", "example.org") == "loop");
}

TEST_CASE("postmaster of every domain, bare, and at our name or address reaches the administrators", "[directory]")
{
    World w;
    w.accounts[1].is_administrator = true;
    const Snapshot s = w.snapshot();
    CHECK(reach(s, "Postmaster", "example.org") == "found 2");
    CHECK(reach(s, "postmaster", "example.net") == "found 2");
    CHECK(reach(s, "POSTMASTER", "") == "found 2");
    CHECK(reach(s, "postmaster", "[192.0.2.1]") == "found 2");
    CHECK(reach(s, "postmaster", "MX.example.com") == "found 2");
    CHECK(reach(s, "postmaster+x", "example.org") == "found 2");
    CHECK(reach(s, "ann", "") == "unknown mailbox");
    CHECK(reach(s, "ann", "[192.0.2.1]") == "unknown mailbox");
    CHECK(reach(s, "ann", "mx.example.com") == "unknown mailbox");
    CHECK(reach(s, "postmaster", "example.com") == "unknown domain");
}

TEST_CASE("postmaster without an administrator reaches the oldest account of the domain", "[directory]")
{
    World w;
    CHECK(reach(w.snapshot(), "postmaster", "example.org") == "found 1");
    CHECK(reach(w.snapshot(), "postmaster", "example.net") == "found 3");
    w.accounts[0].enabled = false;
    CHECK(reach(w.snapshot(), "postmaster", "example.org") == "found 2");
    CHECK(reach(w.snapshot(), "postmaster", "") == "found 2");
    w.accounts.clear();
    CHECK(reach(w.snapshot(), "postmaster", "example.org") == "unknown mailbox");
}

TEST_CASE("an alias named postmaster goes before the administrators", "[directory]")
{
    World w;
    w.accounts[1].is_administrator = true;
    w.aliases.push_back({"postmaster@example.org", {"ann@example.org"}, true});
    CHECK(reach(w.snapshot(), "postmaster", "example.org") == "found 1");
    CHECK(reach(w.snapshot(), "postmaster", "example.net") == "found 2");
}

TEST_CASE("the catch-all comes last and cannot go in circles", "[directory]")
{
    World w;
    w.domains[0].catch_all = "ann@example.org";
    w.domains[1].catch_all = "nobody@example.net";
    w.aliases.push_back({"info@example.org", {"unheard-of@example.org"}, true});
    const Snapshot s = w.snapshot();
    CHECK(reach(s, "whoever", "example.org") == "found 1");
    CHECK(reach(s, "bob", "example.org") == "found 2");
    CHECK(reach(s, "bob+x", "example.org") == "found 2");
    CHECK(reach(s, "info", "example.org") == "found 1");
    CHECK(reach(s, "whoever", "example.net") == "loop");
    w.domains[0].catch_all = "box@example.com";
    CHECK(reach(w.snapshot(), "whoever", "example.org") == "found box@example.com");
}

TEST_CASE("a log-in name is the full address in any case, or bare where there is one domain", "[directory]")
{
    World w;
    CHECK(w.snapshot().find_login("ANN@Example.Org")->id.value == 1);
    CHECK(w.snapshot().find_login("ann") == nullptr);
    CHECK(w.snapshot().find_login("") == nullptr);
    CHECK(w.snapshot().find_login("ann+x@example.org") == nullptr);
    CHECK(w.snapshot().find_login(std::string(1'000'000, 'a')) == nullptr);
    w.domains.pop_back();
    CHECK(w.snapshot().find_login("Ann")->id.value == 1);
    CHECK(w.snapshot().find(AccountId{3})->local_part == "cyd");
    CHECK(w.snapshot().find(AccountId{4}) == nullptr);
}

TEST_CASE("an account may send as itself, its sub-addresses and the aliases that reach it, and as nobody else", "[directory]")
{
    World w;
    w.accounts[1].is_administrator = true;
    w.domains[0].catch_all = "ann@example.org";
    w.aliases.push_back({"team@example.org", {"inner@example.org", "bob@example.org"}, true});
    w.aliases.push_back({"inner@example.org", {"ann@example.org"}, true});
    w.aliases.push_back({"off@example.org", {"ann@example.org"}, false});
    const Snapshot s = w.snapshot();
    const Account& ann = *s.find(AccountId{1});
    CHECK(s.may_send_as(ann, "ANN", "Example.org"));
    CHECK(s.may_send_as(ann, "ann+news", "example.org"));
    CHECK(s.may_send_as(ann, "team", "example.org"));
    CHECK_FALSE(s.may_send_as(ann, "bob", "example.org"));
    CHECK_FALSE(s.may_send_as(ann, "off", "example.org"));
    CHECK_FALSE(s.may_send_as(ann, "whoever", "example.org"));
    CHECK_FALSE(s.may_send_as(ann, "ann", "example.net"));
    CHECK_FALSE(s.may_send_as(ann, "ann", "example.com"));
    CHECK_FALSE(s.may_send_as(ann, "postmaster", "example.org"));
    CHECK(s.may_send_as(*s.find(AccountId{2}), "postmaster", "example.net"));
}

TEST_CASE("an account's mail goes on to where it forwards, and stays where a copy is kept", "[directory]")
{
    World w;
    w.accounts[0].forward = {"far@example.com", "cyd@example.net"};
    CHECK(reach(w.snapshot(), "ann", "example.org") == "found 1 3 far@example.com");
    w.accounts[0].keeps_copy = false;
    CHECK(reach(w.snapshot(), "ann", "example.org") == "found 3 far@example.com");
    CHECK(reach(w.snapshot(), "ann+shop", "example.org") == "found 3 far@example.com");
    w.accounts[0].enabled = false;
    CHECK(reach(w.snapshot(), "ann", "example.org") == "disabled");
}

TEST_CASE("I1: forwarding in a circle, or to nobody, leaves the mail in a mailbox", "[directory][hostile]")
{
    World w;
    for (std::size_t n = 0; n < 3; ++n) w.accounts[n].keeps_copy = false;
    w.accounts[0].forward = {"bob@example.org"};
    w.accounts[1].forward = {"cyd@example.net"};
    w.accounts[2].forward = {"ann@example.org"};
    CHECK(reach(w.snapshot(), "ann", "example.org") == "found 3");
    CHECK(reach(w.snapshot(), "cyd", "example.net") == "found 2");
    w.accounts[2].forward = {"nobody@example.org"};
    CHECK(reach(w.snapshot(), "ann", "example.org") == "found 3");
    // Also where others of the same list are reached: nobody's copy is lost for that.
    w.aliases.push_back({"team@example.org", {"bob@example.org", "cyd@example.net", "nobody@example.org"}, true});
    w.accounts[1].forward = {};
    CHECK(reach(w.snapshot(), "team", "example.org") == "found 2 3");
    // Named before by the list, and reached nowhere: the forwarder keeps it.
    w.accounts[1].forward = {"nobody@example.org"};
    CHECK(reach(w.snapshot(), "team", "example.org") == "found 2 3");
    // Named before by the list, and reached: nothing is kept twice.
    w.aliases[0].targets = {"ann@example.org", "bob@example.org"};
    w.accounts[0].forward = {"bob@example.org"};
    w.accounts[1].forward = {"far@example.com"};
    CHECK(reach(w.snapshot(), "team", "example.org") == "found far@example.com");
}

TEST_CASE("who forwards is named on the way of each address elsewhere, the nearest first", "[directory]")
{
    World w;
    w.accounts[0].forward = {"bob@example.org"};
    w.accounts[1].forward = {"far@example.com"};
    const auto got = w.snapshot().resolve("ann", "example.org");
    REQUIRE(got.remote.size() == 1);
    CHECK(got.remote[0].forwarders == std::vector<AccountId>{{2}, {1}});
    CHECK(got.remote[0].owner.empty());
    REQUIRE(got.expansions.size() == 2);
    CHECK(got.expansions[0].address == "ann@example.org");
    CHECK(got.expansions[0].kind == Expansion::Kind::forward_and_copy);
    CHECK(got.expansions[0].first == std::vector<std::string>{"bob@example.org"});
}

TEST_CASE("members of a list carry the owner of the list that is nearest to them", "[directory]")
{
    World w;
    w.aliases.push_back({"all@example.org", {"far@example.com", "team@example.org", "plain@example.org"}, true, "ann@example.org"});
    w.aliases.push_back({"team@example.org", {"other@example.com"}, true, "bob@example.org"});
    w.aliases.push_back({"plain@example.org", {"third@example.com"}, true});
    const auto got = w.snapshot().resolve("all", "example.org");
    REQUIRE(got.remote.size() == 3);
    CHECK(got.remote[0].owner == "ann@example.org");
    CHECK(got.remote[1].owner == "bob@example.org");
    CHECK(got.remote[2].owner == "ann@example.org");
    CHECK(got.expansions[0].kind == Expansion::Kind::list);
}

TEST_CASE("where an account forwards is for nobody else to hear, not for the owner of a list that it is on", "[directory]")
{
    World w;
    w.accounts[0].forward = {"secret@example.com"};
    w.aliases.push_back({"all@example.org", {w.accounts[0].address(), "far@example.com"}, true, "bob@example.org"});
    const auto got = w.snapshot().resolve("all", "example.org");
    REQUIRE(got.remote.size() == 2);
    CHECK(got.remote[0].owner == "bob@example.org");
    CHECK(got.remote[1].address == "secret@example.com");
    CHECK(got.remote[1].owner.empty());
    CHECK(got.remote[1].forwarders == std::vector<AccountId>{w.accounts[0].id});
}

TEST_CASE("ten thousand are reached behind one address, more are refused at once", "[directory][hostile]")
{
    World w;
    std::vector<std::string> members;
    for (int n = 0; n < 10'000; ++n) members.push_back("m" + std::to_string(n) + "@example.com");
    w.aliases.push_back({"all@example.org", members, true});
    CHECK(w.snapshot().resolve("all", "example.org").remote.size() == 10'000);
    w.aliases[0].targets.push_back("one-more@example.com");
    CHECK(reach(w.snapshot(), "all", "example.org") == "too many");
}

TEST_CASE("forwarding gives nobody the right to send as another, and takes it from nobody", "[directory]")
{
    World w;
    w.accounts[0].forward = {"bob@example.org"};
    w.accounts[0].keeps_copy = false;
    const Snapshot s = w.snapshot();
    CHECK(s.may_send_as(s.accounts()[0], "ann", "example.org"));
    CHECK_FALSE(s.may_send_as(s.accounts()[1], "ann", "example.org"));
}

TEST_CASE("the way back to an address is found through aliases and forwarding, and named", "[directory]")
{
    World w;
    w.aliases.push_back({"a@example.org", {"cyd@example.net", "ann@example.org"}, true});
    w.aliases.push_back({"b@example.org", {"ann@example.org"}, true});
    w.accounts[0].forward = {"far@example.com", "a+x@example.org"};
    CHECK(w.snapshot().way_back("a@example.org") == "a@example.org -> ann@example.org -> a+x@example.org");
    CHECK(w.snapshot().way_back("b@example.org").empty());
    w.aliases[0].enabled = false;
    CHECK(w.snapshot().way_back("a@example.org").empty());
    CHECK(w.snapshot().way_back("nobody@example.org").empty());
}
