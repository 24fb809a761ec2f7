#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "support/administration_world.hpp"
#include "support/program.hpp"

using namespace mbx;
using http::Method;
using nlohmann::json;
using test::AdministrationWorld;

namespace {

constexpr std::uint32_t kStranger = 4'000'000;

json read(const http::Response& response) { return json::parse(response.content()); }

void add_domain_and_account(AdministrationWorld& world)
{
    REQUIRE(world.ask(Method::post, "/api/v1/domains", R"({"name":"example.org"})").status == 201);
    REQUIRE(world.ask(Method::post, "/api/v1/accounts",
                      R"({"address":"Ann@Example.org","password":"marker-correct-horse","administrator":true})").status == 201);
}

auth::LiveSessions::Entry entry_of(AdministrationWorld& world, const std::string& address)
{
    const directory::Account* account = world.directory->snapshot()->find_login(address);
    REQUIRE(account != nullptr);
    auth::LiveSessions::Entry entry;
    entry.service = "imap";
    entry.login.account = account->id;
    entry.login.address = address;
    entry.login.credential_version = account->credential_version;
    return entry;
}

class ClosedStream final : public net::ByteStream {
public:
    co::Task<Result<std::size_t, net::IoError>> read_some(std::span<char>, net::Deadline) override { co_return std::size_t{0}; }
    co::Task<Result<void, net::IoError>> write(std::string_view, net::Deadline) override { co_return Result<void, net::IoError>(); }
    co::Task<Result<void, net::IoError>> shutdown_write(net::Deadline) override { co_return Result<void, net::IoError>(); }
    void interrupt_read() override {}
    void close() override { is_closed = true; }
    const net::PeerInfo& peer() const override { return peer_; }
    bool is_encrypted() const override { return false; }
    bool is_closed = false;

private:
    net::PeerInfo peer_;
};

}  // namespace

TEST_CASE("a domain lives from add to remove", "[admin]")
{
    AdministrationWorld world;
    const auto added = world.ask(Method::post, "/api/v1/domains", R"({"name":"Example.ORG"})");
    REQUIRE(added.status == 201);
    CHECK(read(added)["name"] == "example.org");
    CHECK(added.fields.front().value == "/api/v1/domains/example.org");
    CHECK(world.ask(Method::post, "/api/v1/domains", R"({"name":"example.org"})").status == 409);
    CHECK(world.ask(Method::post, "/api/v1/domains", R"({"name":"not a domain"})").status == 422);
    CHECK(read(world.ask(Method::get, "/api/v1/domains"))["domains"].size() == 1);
    CHECK(world.ask(Method::get, "/api/v1/domains/EXAMPLE.org").status == 200);
    const auto changed = world.ask(Method::patch, "/api/v1/domains/example.org", R"({"enabled":false})");
    CHECK(changed.status == 200);
    CHECK(read(changed)["enabled"] == false);
    CHECK(world.ask(Method::remove, "/api/v1/domains/example.org").status == 204);
    CHECK(world.ask(Method::get, "/api/v1/domains/example.org").status == 404);
    CHECK(world.ask(Method::remove, "/api/v1/domains/example.org").status == 404);
}

TEST_CASE("a domain with accounts is not removed", "[admin]")
{
    AdministrationWorld world;
    add_domain_and_account(world);
    CHECK(world.ask(Method::remove, "/api/v1/domains/example.org").status == 409);
}

TEST_CASE("an account has a mailbox from the first moment, and says what it holds", "[admin]")
{
    AdministrationWorld world;
    add_domain_and_account(world);
    CHECK(std::filesystem::is_directory(world.folder.path("mail/example.org/ann/cur")));
    const auto shown = read(world.ask(Method::get, "/api/v1/accounts/ann%40example.org"));
    CHECK(shown["address"] == "ann@example.org");
    CHECK(shown["administrator"] == true);
    CHECK(shown["usage"]["messages"] == 0);
    CHECK(read(world.ask(Method::get, "/api/v1/accounts?domain=other.org"))["accounts"].empty());
    CHECK(read(world.ask(Method::get, "/api/v1/accounts?domain=EXAMPLE.org"))["accounts"].size() == 1);
    const auto changed = read(world.ask(Method::patch, "/api/v1/accounts/ann@example.org", R"({"full_name":"Ann","quota_bytes":1000})"));
    CHECK(changed["full_name"] == "Ann");
    CHECK(changed["quota_bytes"] == 1000);
    CHECK(world.ask(Method::get, "/api/v1/accounts/bob@example.org").status == 404);
    CHECK(world.ask(Method::patch, "/api/v1/accounts/bob@example.org", R"({"full_name":"B"})").status == 404);
}

TEST_CASE("a new password is judged, hashed, and made where it is asked for", "[admin][J7]")
{
    AdministrationWorld world;
    add_domain_and_account(world);
    const auto set = [&world](const std::string& body) {
        return world.ask(Method::post, "/api/v1/accounts/ann@example.org/password", body);
    };
    CHECK(set(R"({"password":"elevenchars"})").status == 422);
    CHECK(set(R"({"password":"ann@example.org"})").status == 422);
    CHECK(set(R"({"password":"aaaaaaaaaaaaaaaa"})").status == 422);
    CHECK(set(R"({"password":"with\u0000nul-in-the-middle"})").status == 422);
    CHECK(set("{\"password\":\"" + std::string(1025, 'x') + "y\"}").status == 422);
    CHECK(set(R"({})").status == 400);
    CHECK(set(R"({"password":"twelve-chars"})").status == 200);
    const auto made = set(R"({"generate_password":true})");
    REQUIRE(made.status == 200);
    const std::string password = read(made)["password"];
    CHECK(password.size() == 23);
    auto task = world.authenticator.log_in("imap", "ann@example.org", password, net::PeerInfo());
    CHECK(test::run_on(world.loop, std::move(task)));
}

TEST_CASE("J5: a changed password, a disabled and a removed account end live sessions at once", "[admin][J5]")
{
    AdministrationWorld world;
    add_domain_and_account(world);
    ClosedStream stream;
    auto entry = entry_of(world, "ann@example.org");
    entry.stream = &stream;
    const auth::LiveSessions::Registration live(world.sessions, entry);
    const auto listed = read(world.ask(Method::get, "/api/v1/sessions"));
    REQUIRE(listed["sessions"].size() == 1);
    CHECK(listed["sessions"][0]["address"] == "ann@example.org");
    CHECK(world.ask(Method::patch, "/api/v1/accounts/ann@example.org", R"({"full_name":"Ann"})").status == 200);
    CHECK_FALSE(stream.is_closed);
    const int act = GENERATE(0, 1, 2);
    CAPTURE(act);
    if (act == 0) CHECK(world.ask(Method::post, "/api/v1/accounts/ann@example.org/password", R"({"password":"another-good-one"})").status == 200);
    if (act == 1) CHECK(world.ask(Method::patch, "/api/v1/accounts/ann@example.org", R"({"enabled":false})").status == 200);
    if (act == 2) CHECK(world.ask(Method::remove, "/api/v1/accounts/ann@example.org").status == 200);
    CHECK(stream.is_closed);
}

TEST_CASE("a removed account's mail is kept aside for its time, and then purged", "[admin]")
{
    AdministrationWorld world;
    add_domain_and_account(world);
    CHECK(world.ask(Method::remove, "/api/v1/accounts/ann@example.org?keep=never").status == 422);
    CHECK(world.ask(Method::remove, "/api/v1/accounts/ann@example.org?keep=99999999d").status == 422);
    const std::string keep = GENERATE(as<std::string>{}, "0s", "30d");
    const auto removed = world.ask(Method::remove, "/api/v1/accounts/ann@example.org?keep=" + keep);
    REQUIRE(removed.status == 200);
    const auto document = read(removed);
    const std::string path = document["mail"]["path"];
    CAPTURE(keep, path);
    CHECK(document["mail"]["kept_until"].get<std::string>().size() == 20);
    CHECK(std::filesystem::is_directory(path));
    CHECK_FALSE(std::filesystem::exists(world.folder.path("mail/example.org/ann")));
    test::run_on(world.loop, world.administration.purge_removed_mail());
    CHECK(std::filesystem::exists(path) == (keep == "30d"));
    CHECK(world.ask(Method::remove, "/api/v1/accounts/ann@example.org").status == 404);
    CHECK(world.ask(Method::post, "/api/v1/accounts", R"({"address":"ann@example.org","generate_password":true})").status == 201);
}

TEST_CASE("mail that a removed account left in its place is not given to the next one of that address", "[admin]")
{
    AdministrationWorld world;
    add_domain_and_account(world);
    const auto account = world.directory->snapshot()->accounts().front();
    REQUIRE(world.ask(Method::remove, "/api/v1/accounts/ann@example.org").status == 200);
    // A delivery that began before the removal comes last, or the removal is cut short before its mail moves.
    const store::AccountKey gone{account.id.value, account.local_part, account.domain};
    REQUIRE(test::run_on(world.loop, world.store.account(gone)));
    const std::string place = world.folder.path("mail/example.org/ann");
    std::ofstream(place + "/new/1.secret.host") << "Subject: for the one before\r\n\r\n";
    REQUIRE(world.ask(Method::post, "/api/v1/accounts", R"({"address":"ann@example.org","generate_password":true})").status == 201);
    CHECK(std::filesystem::is_directory(place));
    CHECK_FALSE(std::filesystem::exists(place + "/new/1.secret.host"));
    std::size_t kept = 0;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(world.folder.path("mail/.removed")))
        kept += entry.path().filename() == "1.secret.host" ? 1 : 0;
    CHECK(kept == 1);
}

TEST_CASE("an account forwards, a list has an owner, and check route tells each step", "[admin]")
{
    AdministrationWorld world;
    add_domain_and_account(world);
    const std::string ann = "/api/v1/accounts/ann@example.org";
    const auto set = world.ask(Method::patch, ann, R"({"forward":["far@elsewhere.example"],"keep_copy":false})");
    REQUIRE(set.status == 200);
    CHECK(read(set)["forward"] == json::array({"far@elsewhere.example"}));
    CHECK(read(world.ask(Method::get, ann))["keep_copy"] == false);
    CHECK(world.ask(Method::patch, ann, R"({"forward":"far@elsewhere.example"})").status == 400);
    CHECK(world.ask(Method::patch, ann, R"({"forward":["nonsense"]})").status == 422);
    const auto list = world.ask(Method::post, "/api/v1/aliases",
                                R"({"address":"all@example.org","targets":["ann@example.org","m@remote.example"],"owner":"ann@example.org"})");
    REQUIRE(list.status == 201);
    CHECK(read(list)["owner"] == "ann@example.org");
    CHECK(world.ask(Method::patch, ann, R"({"forward":["all@example.org"]})").status == 409);
    const auto route = read(world.ask(Method::get, "/api/v1/routes/all@example.org"));
    const std::string steps = route["steps"].dump();
    CHECK(steps.find("all@example.org is a list of 2: ann@example.org, m@remote.example") != std::string::npos);
    CHECK(steps.find("ann@example.org forwards to far@elsewhere.example and keeps no copy") != std::string::npos);
    CHECK(steps.find("it leads on to m@remote.example, under the name of the list's owner ann@example.org") != std::string::npos);
    CHECK(route["reachable"] == true);
    const auto off = world.ask(Method::patch, ann, R"({"forward":[]})");
    CHECK(read(off)["keep_copy"] == true);
    CHECK(read(world.ask(Method::patch, "/api/v1/aliases/all@example.org", R"({"owner":""})"))["owner"] == "");
}

TEST_CASE("check route says what the session decides, for each who may send where they differ", "[admin]")
{
    AdministrationWorld world;
    add_domain_and_account(world);
    const auto route_of = [&world](const std::string& address) { return read(world.ask(Method::get, "/api/v1/routes/" + address)); };
    CHECK(route_of("ann@example.org")["verdict"] == "A message would be delivered here, to 1 mailbox.");
    CHECK(route_of("nobody@example.org")["verdict"] == "A message would be refused: 550 5.1.1 no such mailbox.");
    CHECK(route_of("nobody@example.org")["reachable"] == false);
    const auto machine = route_of("www-data@machine.example");
    CHECK(machine["steps"][0] == "machine.example is this server itself, and none of its domains");
    CHECK(machine["steps"][1] == "it reaches the account ann@example.org");
    CHECK(machine["verdict"] ==
          "A message of a user who has logged in or a stranger or nobody (a bounce, from <>) would be refused: 550 5.1.1 no such mailbox. "
          "A message of a program of this machine would be delivered here, to 1 mailbox.");
    CHECK(machine["reachable"] == true);
}

TEST_CASE("check route says of a full mailbox what RCPT would", "[admin]")
{
    AdministrationWorld world;
    add_domain_and_account(world);
    REQUIRE(world.ask(Method::post, "/api/v1/accounts", R"({"address":"bob@example.org","password":"marker-correct-horse"})").status == 201);
    REQUIRE(world.ask(Method::post, "/api/v1/aliases", R"({"address":"both@example.org","targets":["ann@example.org","bob@example.org"]})").status == 201);
    const auto route_of = [&world](const std::string& address) { return read(world.ask(Method::get, "/api/v1/routes/" + address)); };
    CHECK(route_of("both@example.org")["verdict"] == "A message would be delivered here, to 2 mailboxes.");
    const auto snapshot = world.directory->snapshot();
    world.full = {snapshot->accounts().front().id};
    const std::string who = snapshot->accounts().front().address();
    const auto route = route_of(who);
    CHECK(route["verdict"] == "A message would be put off: 452 4.2.2 mailbox full.");
    CHECK(route["reachable"] == false);
    CHECK(route["steps"].back() == "it reaches the account " + who + ", whose mailbox is full");
    // Of several members one is enough; a program is answered for them all at the end.
    CHECK(route_of("both@example.org")["verdict"] ==
          "A message of a user who has logged in or a stranger or nobody (a bounce, from <>) would be put off: 452 4.2.2 mailbox full. "
          "A message of a program of this machine would be delivered here, to 2 mailboxes.");
    world.full = {snapshot->accounts().front().id, snapshot->accounts().back().id};
    CHECK(route_of("both@example.org")["verdict"] == "A message would be put off: 452 4.2.2 mailbox full.");
}

TEST_CASE("K3: a path takes any address as one segment, and nothing else by it", "[admin][K3][hostile]")
{
    AdministrationWorld world;
    add_domain_and_account(world);
    const auto ask = [&world](const std::string& path) { return world.ask(Method::get, "/api/v1/" + path); };
    CHECK(read(ask("routes/a%2Fb%40elsewhere.example"))["address"] == "a/b@elsewhere.example");
    CHECK(read(ask("routes/%22a%5C%22b%22%40elsewhere.example"))["address"] == "\"a\\\"b\"@elsewhere.example");
    for (const char* path : {"queue/..%2f..%2fetc%2fpasswd", "accounts/..%5C..", "accounts/ann%40example.org%2Fusage", "aliases/%2F", "trace/..%2F",
                             "domains/example.org%2f", "index%2Ftasks/1", "accounts%2Fann@example.org", "..%2Fstatus", "index/tasks/..%2f1"}) {
        CAPTURE(path);
        const int status = ask(path).status;
        CHECK((status == 404 || status == 503));
    }
    for (const char* path : {"accounts/%2e%2e", "accounts/%2E", "accounts/ann%40example.org/..", "accounts/%00", "accounts/a%0ab", "queue/%1b",
                             "accounts/%ff", "accounts//", "accounts/a\\b"}) {
        CAPTURE(path);
        CHECK(ask(path).status == 400);
    }
    // Where the rights end, an encoded slash does not lead past them.
    CHECK(world.ask(Method::get, "/api%2Fv1%2Fstatus", "", std::nullopt).status == 404);
    CHECK(world.ask(Method::get, "/api/v1/status%2F..%2Faccounts", "", std::nullopt).status == 404);
    CHECK(world.ask(Method::get, "/api/v1/accounts/ann%40example.org", "", 4711).status == 403);
}

TEST_CASE("check route wants a sender that is one", "[admin]")
{
    AdministrationWorld world;
    add_domain_and_account(world);
    const auto status_of = [&world](const std::string& sender) { return world.ask(Method::get, "/api/v1/routes/a@elsewhere.example?sender=" + sender).status; };
    CHECK(status_of("x") == 400);
    CHECK(status_of("%40example.org") == 400);
    CHECK(status_of("a%01@example.org") == 400);
    CHECK(status_of("%3C%3E") == 200);
    CHECK(status_of("") == 200);
    CHECK(status_of("ann@example.org") == 200);
}

TEST_CASE("check route takes what RCPT takes, and says what programs of this machine reach", "[admin]")
{
    AdministrationWorld world;
    add_domain_and_account(world);
    const auto route_of = [&world](const std::string& address) { return world.ask(Method::get, "/api/v1/routes/" + address); };
    CHECK(route_of("postmaster").status == 200);
    CHECK(read(route_of("Postmaster"))["steps"][0] == "postmaster needs no domain: it is whoever looks after this server (RFC 5321 section 4.5.1)");
    CHECK(route_of("nobody").status == 400);
    const auto routed = read(route_of("%40x.test:ann@example.org"));
    CHECK(routed["verdict"] == "A message would be delivered here, to 1 mailbox.");
    CHECK(routed["steps"][0] == "the route before the colon is left out (RFC 5321 appendix C)");
    const auto local = read(route_of("root@localhost"));
    CHECK(local["verdict"] == "A message of a program of this machine would be delivered here, to 1 mailbox. For users who have logged in: "
                              "A message to root@localhost would go nowhere.");
    CHECK(local["steps"][1] == "it reaches the account ann@example.org");
    CHECK(local["steps"].back() == "for others: the test says so");
    CHECK(local["reachable"] == true);
}

TEST_CASE("health names what is degraded while mail goes on", "[admin]")
{
    AdministrationWorld world;
    CHECK(world.ask(Method::get, "/healthz").body == "ok\n");
    world.facts.warnings = {"1 entry of the queue is damaged; it lies in queue/damaged, the log says why"};
    const auto degraded = world.ask(Method::get, "/healthz");
    CHECK(degraded.status == 200);
    CHECK(degraded.body == "ok, but degraded:\n1 entry of the queue is damaged; it lies in queue/damaged, the log says why\n");
}

TEST_CASE("the name of an address is asked for where the DNS has it", "[admin][dns]")
{
    AdministrationWorld world;
    const auto name_of = [&world](const std::string& asked) { return read(world.ask(Method::get, "/api/v1/dns/" + asked))["name"].get<std::string>(); };
    CHECK(name_of("192.0.2.17?type=PTR") == "17.2.0.192.in-addr.arpa");
    CHECK(name_of("2001:db8::1f?type=PTR") == "f.1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa");
    CHECK(name_of("17.2.0.192.in-addr.arpa?type=PTR") == "17.2.0.192.in-addr.arpa");
    CHECK(name_of("192.0.2.17?type=A") == "192.0.2.17");
}

TEST_CASE("an alias lives from add to remove", "[admin]")
{
    AdministrationWorld world;
    add_domain_and_account(world);
    CHECK(world.ask(Method::post, "/api/v1/aliases", R"({"address":"sales@example.org","targets":["ann@example.org"]})").status == 201);
    CHECK(world.ask(Method::post, "/api/v1/aliases", R"({"address":"sales@example.org","targets":["ann@example.org"]})").status == 409);
    const auto changed = world.ask(Method::patch, "/api/v1/aliases/Sales@example.org", R"({"targets":["x@remote.example"]})");
    CHECK(changed.status == 200);
    CHECK(read(changed)["targets"] == json::array({"x@remote.example"}));
    CHECK(read(changed)["outside"] == json::array({"x@remote.example"}));
    CHECK(read(changed)["enabled"] == true);
    CHECK(read(world.ask(Method::get, "/api/v1/aliases"))["aliases"].size() == 1);
    CHECK(world.ask(Method::get, "/api/v1/aliases/sales@example.org").status == 200);
    CHECK(world.ask(Method::remove, "/api/v1/aliases/sales@example.org").status == 204);
    CHECK(world.ask(Method::get, "/api/v1/aliases/sales@example.org").status == 404);
    CHECK(world.ask(Method::patch, "/api/v1/aliases/sales@example.org", R"({"enabled":true})").status == 404);
}

TEST_CASE("K9: only root and the daemon's user act; over TCP nobody does", "[admin][K9]")
{
    AdministrationWorld world;
    for (const auto& route : world.server.router().routes()) {
        std::string path = route.pattern;
        for (const std::string name : {"{domain}", "{address}"}) {
            if (path.find(name) != std::string::npos) path.replace(path.find(name), name.size(), "x@example.org");
        }
        const bool is_open = route.method == Method::get && (!path.starts_with("/api/") || path == "/api/v1/status" || path == "/api/v1/openapi.json");
        CAPTURE(path, http::method_name(route.method));
        CHECK((world.ask(route.method, path, "", std::nullopt).status == 403) == !is_open);
        CHECK((world.ask(route.method, path, "", kStranger).status == 403) == !is_open);
        CHECK(world.ask(route.method, path, "", static_cast<std::uint32_t>(::geteuid())).status != 403);
        world.is_stopped = false;
    }
}

TEST_CASE("K5: a body that is not JSON by its type is refused before it is read", "[admin][K5][K8]")
{
    AdministrationWorld world;
    http::Request request;
    request.method = Method::post;
    request.raw_target = "/api/v1/domains";
    request.fields.add("Host", "localhost");
    request.body = R"({"name":"example.org"})";
    request.peer.is_unix = true;
    const std::string type = GENERATE(as<std::string>{}, "", "text/plain", "application/x-www-form-urlencoded", "application/jsonx");
    if (!type.empty()) request.fields.add("Content-Type", type);
    CHECK(test::run_on(world.loop, world.server.answer(request)).status == 415);
    http::Request coded = request;
    coded.fields = http::Fields();
    coded.fields.add("Content-Type", "application/json; charset=utf-8");
    coded.fields.add("Content-Encoding", "gzip");
    CHECK(test::run_on(world.loop, world.server.answer(coded)).status == 415);
}

TEST_CASE("status shows what is there, and warns", "[admin]")
{
    AdministrationWorld world;
    const auto empty = read(world.ask(Method::get, "/api/v1/status", "", std::nullopt));
    CHECK(empty["warnings"].size() >= 1);
    add_domain_and_account(world);
    const auto status = read(world.ask(Method::get, "/api/v1/status", "", std::nullopt));
    CHECK(status["version"] == "0.1.0");
    CHECK(status["hostname"] == "mail.example.org");
    CHECK(status["domains"] == 1);
    CHECK(status["accounts"] == 1);
    CHECK(status["messages_in"] == 42);
    CHECK(status["loop_lag_milliseconds"] == 0.12);
    CHECK(status["sessions"] == json({{"imap", 0}, {"pop3", 0}, {"submission", 0}}));
    CHECK(status["disk"]["total_bytes"].get<std::uint64_t>() > 0);
    CHECK(status["listeners"][0]["endpoint"] == "127.0.0.1:2525");
    CHECK(status["certificates"][0]["names"][0] == "mail.example.org");
    CHECK(status["certificates"][0]["seconds_left"].get<std::int64_t>() > 0);
    CHECK(status.dump().find("ann@") == std::string::npos);
}

TEST_CASE("health, readiness, configuration, reload and stop do what they say", "[admin]")
{
    AdministrationWorld world;
    CHECK(world.ask(Method::get, "/healthz", "", std::nullopt).content() == "ok\n");
    CHECK(world.ask(Method::get, "/readyz", "", std::nullopt).status == 200);
    world.facts.not_ready_because = "starting";
    CHECK(world.ask(Method::get, "/readyz", "", std::nullopt).status == 503);
    CHECK(world.ask(Method::get, "/healthz", "", std::nullopt).status == 200);
    world.facts.hangs_because = "the journal's disk does not answer";
    CHECK(world.ask(Method::get, "/healthz", "", std::nullopt).status == 503);
    world.facts.hangs_because.clear();
    CHECK(read(world.ask(Method::get, "/api/v1/config"))["settings"][1]["source"] == "mailboxd.toml:7");
    world.reload_changes = {{"smtp.max_recipients", "1000", "500", true}, {"smtp.listen", "[]", "[\"[::]:25\"]", false}};
    const auto reloaded = read(world.ask(Method::post, "/api/v1/reload"));
    CHECK(reloaded["applied"][0]["key"] == "smtp.max_recipients");
    CHECK(reloaded["needs_restart"][0]["key"] == "smtp.listen");
    world.reload_error = Error{"reading the configuration", "line 7", "correct it"};
    CHECK(world.ask(Method::post, "/api/v1/reload").status == 422);
    CHECK_FALSE(world.is_stopped);
    const auto stopped = world.ask(Method::post, "/api/v1/stop");
    CHECK(stopped.status == 202);
    CHECK(stopped.close);
    CHECK(world.is_stopped);
}

TEST_CASE("metrics are in Prometheus' text form", "[admin]")
{
    AdministrationWorld world;
    add_domain_and_account(world);
    const auto metrics = world.ask(Method::get, "/metrics", "", std::nullopt);
    const std::string text(metrics.content());
    CHECK(metrics.content_type == "text/plain; version=0.0.4; charset=utf-8");
    CHECK(text.find("mailboxd_accounts 1\n") != std::string::npos);
    CHECK(text.find("mailboxd_sessions{service=\"imap\"} 0\n") != std::string::npos);
    CHECK(text.find("\nmailboxd_disk_free_bytes ") != std::string::npos);
    CHECK(text.find("example.org") == std::string::npos);
    test::Program promtool({"promtool", "check", "metrics"}, text);
    promtool.close_input();
    if (!promtool.was_found()) SKIP("promtool is not there");
    const std::string complaints = promtool.finish();
    CAPTURE(text, complaints);
    CHECK(promtool.exit_code() == 0);
}

TEST_CASE("the console's files are there and name nothing from elsewhere", "[admin][K4]")
{
    AdministrationWorld world;
    const auto page = world.ask(Method::get, "/", "", std::nullopt);
    REQUIRE(page.status == 200);
    CHECK(page.content_type == "text/html; charset=utf-8");
    for (const std::string path : {"/", "/style.css", "/status.js", "/texts.js", "/icon.svg"}) {
        const std::string text(world.ask(Method::get, path, "", std::nullopt).content());
        CAPTURE(path);
        CHECK_FALSE(text.empty());
        CHECK(text.find("https://") == std::string::npos);
        CHECK(text.find("innerHTML") == std::string::npos);
        CHECK(text.find(" style=") == std::string::npos);
        CHECK(text.find("onclick") == std::string::npos);
        CHECK(text.find("<script>") == std::string::npos);
    }
}

TEST_CASE("J6: no password is in an answer, a log line or a file", "[admin][J6]")
{
    int pipe_ends[2];
    REQUIRE(::pipe(pipe_ends) == 0);
    std::string seen;
    {
        auto writer = std::make_shared<LogWriter>(pipe_ends[1], LogFormat::key_value, LogLevel::debug);
        AdministrationWorld world{Log(writer, "test")};
        add_domain_and_account(world);
        seen += world.ask(Method::post, "/api/v1/accounts/ann@example.org/password", R"({"password":"marker-second"})").content();
        seen += world.ask(Method::post, "/api/v1/accounts/ann@example.org/password", R"({"password":"marker-third","x":1})").content();
        seen += world.ask(Method::post, "/api/v1/accounts/ann@example.org/password", R"({"password":"marker"})").content();
        seen += world.ask(Method::post, "/api/v1/accounts", R"({"address":"no@where.example","password":"marker-fourth-one"})").content();
        seen += world.ask(Method::get, "/api/v1/accounts").content();
        seen += world.ask(Method::get, "/api/v1/accounts/ann@example.org").content();
        for (const auto& file : std::filesystem::recursive_directory_iterator(world.folder.path())) {
            if (!file.is_regular_file()) continue;
            std::ifstream in(file.path(), std::ios::binary);
            seen += std::string(std::istreambuf_iterator<char>(in), {});
        }
    }
    ::close(pipe_ends[1]);
    char buffer[4096];
    std::string logged;
    for (ssize_t got = 0; (got = ::read(pipe_ends[0], buffer, sizeof buffer)) > 0;) logged.append(buffer, static_cast<std::size_t>(got));
    ::close(pipe_ends[0]);
    CHECK(logged.find("password set") != std::string::npos);
    CHECK(logged.find("marker") == std::string::npos);
    CHECK(seen.find("marker") == std::string::npos);
}
