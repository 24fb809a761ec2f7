// What an administrator can do about expunged mail and quotas.
#include <catch2/catch_test_macros.hpp>
#include <nlohmann/json.hpp>

#include "config/since.hpp"
#include "support/administration_world.hpp"

using namespace mbx;
using http::Method;
using nlohmann::json;
using test::AdministrationWorld;

namespace {

constexpr std::string_view kText = "From: Ann <ann@example.org>\r\nSubject: hello\r\n\r\nbody\r\n";
const std::string kExpunged = "/api/v1/accounts/ann@example.org/expunged";

json read(const http::Response& response) { return json::parse(response.content()); }

void add_account(AdministrationWorld& world)
{
    REQUIRE(world.ask(Method::post, "/api/v1/domains", R"({"name":"example.org"})").status == 201);
    REQUIRE(world.ask(Method::post, "/api/v1/accounts",
                      R"({"address":"ann@example.org","generate_password":true,"quota_messages":4})").status == 201);
}

store::AccountKey key_of(AdministrationWorld& world)
{
    const auto* account = world.directory->snapshot()->find_login("ann@example.org");
    return {account->id.value, account->local_part, account->domain};
}

template <typename Job>
auto on_account(AdministrationWorld& world, Job job) -> std::invoke_result_t<Job, store::AccountStore&>
{
    auto opened = test::run_on(world.loop, world.store.account(key_of(world)));
    REQUIRE(opened);
    const std::shared_ptr<store::Account> account = *opened;
    return test::run_on(world.loop, account->run(net::WorkClass::interactive, std::move(job)));
}

void expunge_some(AdministrationWorld& world, int count)
{
    auto job = [count](store::AccountStore& held) {
        for (int n = 0; n < count; ++n) {
            auto shared = std::make_shared<const std::string>(kText);
            const store::Body body{shared, {}, {}, kText.size(), store::crc32c(kText)};
            store::Incoming incoming;
            incoming.system_flags = store::kDeleted;
            incoming.internal_date = WallTime(std::chrono::seconds(1'700'000'000));
            if (!held.append(body, incoming)) return false;
        }
        return static_cast<bool>(held.expunge(held.find("INBOX")->id, nullptr));
    };
    REQUIRE(on_account(world, std::move(job)));
}

}  // namespace

TEST_CASE("usage stands beside the limits, and what can be undeleted apart", "[admin][quota]")
{
    AdministrationWorld world;
    add_account(world);
    world.store.set_quotas([](const store::AccountKey&) { return store::QuotaLimits{0, 4}; });
    expunge_some(world, 2);
    const auto usage = read(world.ask(Method::get, "/api/v1/accounts/ann@example.org/usage"));
    CHECK(usage["messages"] == 0);
    CHECK(usage["expunged_messages"] == 2);
    CHECK(usage["expunged_bytes"] == 2 * kText.size());
    CHECK(usage["limit_messages"] == 4);
    CHECK(usage["percent"] == 0);
    CHECK(read(world.ask(Method::get, "/api/v1/accounts/ann@example.org"))["usage"] == usage);
    CHECK(read(world.ask(Method::get, "/api/v1/accounts/ann@example.org"))["quota_messages"] == 4);
    CHECK(world.ask(Method::get, "/api/v1/accounts/bob@example.org/usage").status == 404);
}

TEST_CASE("expunged messages are listed and restored by name", "[admin][undelete]")
{
    AdministrationWorld world;
    add_account(world);
    expunge_some(world, 2);
    const auto list = read(world.ask(Method::get, kExpunged));
    REQUIRE(list["expunged"].size() == 2);
    const auto& one = list["expunged"][0];
    CHECK(one["subject"] == "hello");
    CHECK(one["from"] == "Ann <ann@example.org>");
    CHECK(one["mailbox"] == "INBOX");
    CHECK(one["kind"] == "message");
    CHECK(one["kept_until"].get<std::string>() > one["expunged"].get<std::string>());
    const json wanted = {{"names", {one["name"], "no such"}}, {"target", "Archive"}};
    const auto done = read(world.ask(Method::post, kExpunged, wanted.dump()));
    CHECK(done["restored"] == 1);
    CHECK(done["failed"] == 1);
    CHECK(done["entries"][0]["mailbox"] == "Archive");
    CHECK(done["entries"][0]["uid"] == 1);
    CHECK(done["entries"][1]["failure"] == "there is no such message");
    CHECK(read(world.ask(Method::get, kExpunged))["expunged"].size() == 1);
}

TEST_CASE("all that fits a filter is restored, a removed mailbox before what was in it", "[admin][undelete]")
{
    AdministrationWorld world;
    add_account(world);
    auto remove = [](store::AccountStore& held) {
        if (!held.create("Old", store::SpecialUse::none)) return false;
        auto shared = std::make_shared<const std::string>(kText);
        const store::Body body{shared, {}, {}, kText.size(), store::crc32c(kText)};
        store::Incoming incoming;
        incoming.mailbox = "Old";
        incoming.system_flags = store::kDeleted;
        return held.append(body, incoming) && held.expunge(held.find("Old")->id, nullptr) && held.remove("Old");
    };
    REQUIRE(on_account(world, std::move(remove)));
    const auto none = read(world.ask(Method::post, kExpunged, R"({"mailbox":"Sent"})"));
    CHECK(none["restored"] == 0);
    const auto done = read(world.ask(Method::post, kExpunged, R"({"since":"1h"})"));
    CHECK(done["restored"] == 2);
    CHECK(done["entries"][0]["mailbox"] == "Old");
    CHECK(done["entries"][0]["uid"] == 0);
    CHECK(done["entries"][1]["mailbox"] == "Old");
}

TEST_CASE("a request that says nothing, or two things at once, restores nothing", "[admin][undelete]")
{
    AdministrationWorld world;
    add_account(world);
    expunge_some(world, 1);
    for (const std::string body : {"{}", R"({"names":[]})", R"({"names":["x"],"all":true})", R"({"all":false})", R"({"names":"x"})"}) {
        CAPTURE(body);
        CHECK(world.ask(Method::post, kExpunged, body).status == 400);
    }
    for (const std::string since : {"soon", "2026-13-01", "2026-02-30", "2026-11-20T25:00:00Z", "-1h"}) {
        CAPTURE(since);
        CHECK(world.ask(Method::get, kExpunged + "?since=" + since).status == 422);
        CHECK(world.ask(Method::post, kExpunged, R"({"since":")" + since + "\"}").status == 422);
    }
    CHECK(world.ask(Method::get, kExpunged + "?limit=1001").status == 422);
    CHECK(read(world.ask(Method::get, kExpunged))["expunged"].size() == 1);
}

TEST_CASE("a time is a span before now, a day, or a moment", "[admin][undelete]")
{
    const WallTime now(std::chrono::seconds(1'800'000'000));
    CHECK(config::parse_since("2h", now) == 1'800'000'000 - 7200);
    CHECK(config::parse_since("2026-11-20", now) == 1'795'132'800);
    CHECK(config::parse_since("2026-11-20T10:00:01Z", now) == 1'795'132'800 + 36'001);
    CHECK(config::parse_since("36500d", now) == 0);
    CHECK(config::parse_since("106000d", now) == 0);
    for (const char* bad : {"", "300000000d", "2026", "2026-11-20T10:00:01", "2026-11-20 10:00:01Z", "20261120", "1969-12-31"}) {
        CAPTURE(bad);
        CHECK_FALSE(config::parse_since(bad, now));
    }
}

TEST_CASE("moments that no clock of ours holds are shown all the same", "[admin][undelete]")
{
    store::ExpungedList list;
    store::ExpungedMessage message;
    message.expunged_at = INT64_MAX;
    message.date = 253'402'300'799;
    list.entries.push_back(message);
    const auto shown = json::parse(admin::expunged_json(list, std::chrono::hours(24 * 3650)));
    CHECK(shown["expunged"][0]["expunged"] == "9999-12-31T23:59:59Z");
    CHECK(shown["expunged"][0]["kept_until"] == "9999-12-31T23:59:59Z");
    CHECK(shown["expunged"][0]["date"] == "9999-12-31T23:59:59Z");
    list.entries[0].date = -1'000'000'000'000;
    CHECK(json::parse(admin::expunged_json(list, {}))["expunged"][0]["date"] == "1970-01-01T00:00:00Z");
}
