// What an administrator can do about app passwords.
#include <catch2/catch_test_macros.hpp>
#include <nlohmann/json.hpp>

#include "support/administration_world.hpp"

using namespace mbx;
using http::Method;
using nlohmann::json;
using test::AdministrationWorld;

namespace {

const std::string kPath = "/api/v1/accounts/ann@example.org/app-passwords";

json read(const http::Response& response) { return json::parse(response.content()); }

void add_account(AdministrationWorld& world)
{
    REQUIRE(world.ask(Method::post, "/api/v1/domains", R"({"name":"example.org"})").status == 201);
    REQUIRE(world.ask(Method::post, "/api/v1/accounts", R"({"address":"ann@example.org","generate_password":true})").status == 201);
}

Result<auth::Login, auth::LoginFailure> log_in(AdministrationWorld& world, const std::string& password)
{
    net::PeerInfo peer;
    peer.remote = *net::Endpoint::parse("192.0.2.1:40000");
    return test::run_on(world.loop, world.authenticator.log_in("imap", "ann@example.org", password, peer));
}

}  // namespace

TEST_CASE("an app password is shown once, logs in, is listed with its last use, and is removed", "[admin][app-password]")
{
    AdministrationWorld world;
    add_account(world);
    CHECK(read(world.ask(Method::get, kPath)) == json::parse(R"({"app_passwords":[]})"));
    const auto made = world.ask(Method::post, kPath, R"({"label":"Ann's phone"})");
    REQUIRE(made.status == 201);
    const json document = read(made);
    const std::string password = document["password"];
    CHECK(document["label"] == "Ann's phone");
    CHECK(document["last_used"].is_null());
    auto listed = world.ask(Method::get, kPath);
    CHECK(listed.content().find(password) == std::string::npos);
    CHECK(read(listed)["app_passwords"][0]["last_used"].is_null());
    REQUIRE(log_in(world, password));
    listed = world.ask(Method::get, kPath);
    // A second may have gone by between the two.
    REQUIRE(read(listed)["app_passwords"][0]["last_used"].is_string());
    CHECK(read(listed)["app_passwords"][0]["last_used"] >= read(listed)["app_passwords"][0]["made"]);
    const std::string one = kPath + "/" + document["id"].dump();
    CHECK(world.ask(Method::remove, one).status == 204);
    CHECK(world.ask(Method::remove, one).status == 404);
    CHECK_FALSE(log_in(world, password));
    CHECK(read(world.ask(Method::get, kPath)) == json::parse(R"({"app_passwords":[]})"));
}

TEST_CASE("what is asked wrongly of app passwords is refused in words", "[admin][app-password]")
{
    AdministrationWorld world;
    add_account(world);
    REQUIRE(world.ask(Method::post, kPath, R"({"label":"phone"})").status == 201);
    CHECK(world.ask(Method::post, kPath, R"({"label":"phone"})").status == 409);
    CHECK(world.ask(Method::post, kPath, R"({"label":" "})").status == 422);
    CHECK(world.ask(Method::post, kPath, R"({})").status == 400);
    CHECK(world.ask(Method::post, kPath, R"({"label":"x","password":"chosen-by-somebody"})").status == 400);
    const std::string nobody = "/api/v1/accounts/zoe@example.org/app-passwords";
    CHECK(world.ask(Method::get, nobody).status == 404);
    CHECK(world.ask(Method::post, nobody, R"({"label":"phone"})").status == 404);
    CHECK(world.ask(Method::remove, nobody).status == 404);
    for (const auto* id : {"/x", "/-1", "/99", "/99999999999999999999"}) CHECK(world.ask(Method::remove, kPath + id).status == 404);
    CHECK(world.ask(Method::remove, kPath).status == 204);
    CHECK(read(world.ask(Method::get, kPath)) == json::parse(R"({"app_passwords":[]})"));
}
