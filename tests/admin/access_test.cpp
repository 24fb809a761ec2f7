// What an administrator can do about rights on mailboxes (RFC 4314).
#include <catch2/catch_test_macros.hpp>
#include <nlohmann/json.hpp>

#include "support/administration_world.hpp"

using namespace mbx;
using http::Method;
using nlohmann::json;
using test::AdministrationWorld;

namespace {

const std::string kAccess = "/api/v1/accounts/ann@example.org/access";

json read(const http::Response& response) { return json::parse(response.content()); }

}  // namespace

TEST_CASE("rights on a mailbox are shown and changed, and nothing else is taken for one", "[admin][access]")
{
    AdministrationWorld world;
    REQUIRE(world.ask(Method::post, "/api/v1/domains", R"({"name":"example.org"})").status == 201);
    for (const auto* address : {"ann@example.org", "bob@example.org"}) {
        const json body = {{"address", address}, {"generate_password", true}};
        REQUIRE(world.ask(Method::post, "/api/v1/accounts", body.dump()).status == 201);
    }
    const auto set = [&world](const json& body) { return world.ask(Method::post, kAccess, body.dump()); };
    const auto shown = read(world.ask(Method::get, kAccess + "?mailbox=inbox"));
    CHECK(shown == json::parse(R"({"owner":"ann@example.org","mailbox":"INBOX","entries":[{"identifier":"ann@example.org","rights":"lrswipkxtea"}]})"));
    auto done = set({{"mailbox", "INBOX"}, {"identifier", "Bob@example.org"}, {"rights", "lrs"}});
    CHECK(done.status == 200);
    CHECK(read(done)["entries"][1] == json::parse(R"({"identifier":"bob@example.org","rights":"lrs"})"));
    done = set({{"mailbox", "INBOX"}, {"identifier", "bob@example.org"}, {"rights", "+d"}});
    CHECK(read(done)["entries"][1]["rights"] == "lrste");
    done = set({{"mailbox", "INBOX"}, {"identifier", "-anyone"}, {"rights", "x"}});
    CHECK(read(done)["entries"][1] == json::parse(R"({"identifier":"-anyone","rights":"x"})"));
    done = set({{"mailbox", "INBOX"}, {"identifier", "bob@example.org"}, {"rights", ""}});
    CHECK(read(done)["entries"].size() == 2);
    CHECK(read(world.ask(Method::get, kAccess + "?mailbox=INBOX"))["entries"].size() == 2);
    CHECK(set({{"mailbox", "INBOX"}, {"identifier", "bob@example.org"}, {"rights", "lrQ"}}).status == 422);
    CHECK(set({{"mailbox", "INBOX"}, {"identifier", "zoe@example.org"}, {"rights", "lr"}}).status == 422);
    CHECK(set({{"mailbox", "INBOX"}, {"identifier", "ann@example.org"}, {"rights", "lr"}}).status == 422);
    CHECK(set({{"mailbox", "Nowhere"}, {"identifier", "bob@example.org"}, {"rights", "lr"}}).status == 404);
    CHECK(set({{"mailbox", "INBOX"}, {"identifier", "bob@example.org"}}).status == 400);
    CHECK(world.ask(Method::get, kAccess).status == 422);
    CHECK(world.ask(Method::get, kAccess + "?mailbox=Nowhere").status == 404);
    CHECK(world.ask(Method::get, "/api/v1/accounts/zoe@example.org/access?mailbox=INBOX").status == 404);
}
