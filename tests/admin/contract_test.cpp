// The API's document against the routes of the server, both ways.
#include <catch2/catch_test_macros.hpp>
#include <fstream>
#include <nlohmann/json.hpp>
#include <set>

#include "admin/queue_documents.hpp"
#include "support/administration_world.hpp"

using namespace mbx;
using nlohmann::json;

namespace {

json load_document()
{
    std::ifstream file(MAILBOXD_SOURCE_DIR "/docs/openapi.json");
    REQUIRE(file);
    return json::parse(file);
}

const std::string kAppPasswords = "/api/v1/accounts/a@example.org/app-passwords";
const std::string kAppPasswordsOf = "/api/v1/accounts/{address}/app-passwords";
const std::set<std::string> kMethods = {"get", "post", "put", "patch", "delete", "head", "options"};

// Every "$ref" in the document points at something in it.
void check_references(const json& node, const json& document)
{
    if (node.is_object() && node.contains("$ref")) {
        const std::string reference = node["$ref"];
        CAPTURE(reference);
        REQUIRE(reference.starts_with("#/"));
        CHECK(document.contains(json::json_pointer(reference.substr(1))));
    }
    if (!node.is_structured()) return;
    for (const json& child : node) check_references(child, document);
}

// Whether `value` has what `schema` says, as far as this document's schemas go.
void check_value(const json& value, json schema, const json& document)
{
    if (schema.contains("$ref")) schema = document.at(json::json_pointer(std::string(schema["$ref"]).substr(1)));
    if (schema.contains("oneOf") && !schema.contains("type")) {
        for (const json& one : schema["oneOf"]) {
            if (one.value("type", "") == (value.is_null() ? "null" : "object")) return check_value(value, one, document);
        }
        FAIL("none of oneOf fits " << value.dump());
    }
    if (schema.contains("type") && schema["type"].is_array()) {
        // One type, or null.
        if (value.is_null()) return;
        schema["type"] = json(schema["type"].front());
    }
    const std::string type = schema.value("type", "");
    CAPTURE(value.dump(), schema.dump());
    if (type == "null") CHECK(value.is_null());
    if (type == "string") CHECK(value.is_string());
    if (type == "boolean") CHECK(value.is_boolean());
    if (type == "integer") CHECK(value.is_number_integer());
    if (type == "number") CHECK(value.is_number());
    if (type == "array") {
        REQUIRE(value.is_array());
        for (const json& one : value) check_value(one, schema["items"], document);
    }
    if (type != "object" || !schema.contains("properties")) return;
    REQUIRE(value.is_object());
    for (const json& name : schema.value("required", json::array())) CHECK(value.contains(std::string(name)));
    for (const auto& [name, member] : value.items()) {
        CAPTURE(name);
        REQUIRE(schema["properties"].contains(name));
        check_value(member, schema["properties"][name], document);
    }
}

// A message that is here after a minute, and one that waits.
void trace_something(test::AdministrationWorld& world)
{
    using trace::EventKind;
    const WallTime before = world.clock.wall() - std::chrono::minutes(5);
    const trace::Event accepted{"traced", EventKind::accepted, before, "", "", {{"subject", "traced"}, {"size", "17"}}};
    trace::Event waiting = accepted;
    waiting.id = "waiting";
    world.trace.record(accepted);
    world.trace.record({"traced", EventKind::placed, before + std::chrono::minutes(1), "a@example.org", "",
                        {{"mailbox", "INBOX"}, {"uid", "1"}}});
    world.trace.record(waiting);
    world.trace.record({"waiting", EventKind::queued, before, "b@example.net", "", {}});
}

}  // namespace

TEST_CASE("the API's document names every route of the server, and no other", "[admin]")
{
    test::AdministrationWorld world;
    const json document = load_document();
    CHECK(document["openapi"] == "3.1.0");
    std::set<std::string> routes;
    for (const auto& route : world.server.router().routes()) {
        routes.insert(ascii::to_lower(http::method_name(route.method)) + " " + route.pattern);
    }
    std::set<std::string> documented;
    std::set<std::string> operations;
    for (const auto& [path, item] : document["paths"].items()) {
        for (const auto& [method, operation] : item.items()) {
            if (!kMethods.contains(method)) continue;
            documented.insert(method + " " + path);
            CHECK(operations.insert(operation["operationId"]).second);
        }
    }
    CHECK(routes == documented);
    check_references(document, document);
}

TEST_CASE("what the document says of rights is what the server does", "[admin][K9]")
{
    test::AdministrationWorld world;
    const json document = load_document();
    for (const auto& route : world.server.router().routes()) {
        const json& operation = document["paths"][route.pattern][ascii::to_lower(http::method_name(route.method))];
        std::string path = route.pattern;
        while (path.find('{') != std::string::npos) path.replace(path.find('{'), path.find('}') - path.find('{') + 1, "x");
        CAPTURE(path);
        const int status = world.ask(route.method, path, "", std::nullopt).status;
        CHECK((status != 403) == (operation["x-access"] == "anyone"));
        if (operation["x-access"] != "anyone") CHECK(operation["responses"].contains("403"));
    }
}

TEST_CASE("answers have the form that the document gives them", "[admin]")
{
    using http::Method;
    test::AdministrationWorld world;
    const json document = load_document();
    world.reload_changes = {{"a.b", "1", "2", true}};
    trace_something(world);
    struct Row {
        Method method;
        std::string path;
        std::string pattern;
        std::string body;
    };
    const std::vector<Row> rows = {
        {Method::post, "/api/v1/domains", "", R"({"name":"example.org"})"},
        {Method::post, "/api/v1/accounts", "", R"({"address":"a@example.org","generate_password":true})"},
        {Method::post, "/api/v1/aliases", "", R"({"address":"s@example.org","targets":["a@example.org"]})"},
        {Method::get, "/api/v1/queue?destination=x.example&limit=5", "/api/v1/queue", ""},
        {Method::get, "/api/v1/queue/0abc", "/api/v1/queue/{id}", ""},
        {Method::post, "/api/v1/queue", "", R"({"act":"hold","all":true})"},
        {Method::post, "/api/v1/queue", "", R"({"act":"hold"})"},
        {Method::post, "/api/v1/queue", "", R"({"act":"retry","all":true,"standing":true})"},
        {Method::get, "/api/v1/queue/holds", "", ""},
        {Method::get, "/api/v1/domains", "", ""},
        {Method::get, "/api/v1/domains/example.org", "/api/v1/domains/{domain}", ""},
        {Method::patch, "/api/v1/domains/example.org", "/api/v1/domains/{domain}", R"({"catch_all":"a@example.org"})"},
        {Method::get, "/api/v1/accounts", "", ""},
        {Method::get, "/api/v1/accounts/a@example.org", "/api/v1/accounts/{address}", ""},
        {Method::get, "/api/v1/accounts/a@example.org/usage", "/api/v1/accounts/{address}/usage", ""},
        {Method::get, "/api/v1/accounts/a@example.org/expunged?since=2h&limit=5", "/api/v1/accounts/{address}/expunged", ""},
        {Method::get, "/api/v1/accounts/a@example.org/expunged?limit=0", "/api/v1/accounts/{address}/expunged", ""},
        {Method::post, "/api/v1/accounts/a@example.org/expunged", "/api/v1/accounts/{address}/expunged", R"({"names":["x"]})"},
        {Method::post, "/api/v1/accounts/a@example.org/expunged", "/api/v1/accounts/{address}/expunged", R"({"all":true})"},
        {Method::post, "/api/v1/accounts/a@example.org/expunged", "/api/v1/accounts/{address}/expunged", R"({"names":["x"],"target":"none"})"},
        {Method::patch, "/api/v1/accounts/a@example.org", "/api/v1/accounts/{address}", R"({"full_name":"A"})"},
        {Method::post, "/api/v1/accounts/a@example.org/password", "/api/v1/accounts/{address}/password", R"({"generate_password":true})"},
        {Method::post, kAppPasswords, kAppPasswordsOf, R"({"label":"phone"})"},
        {Method::post, kAppPasswords, kAppPasswordsOf, R"({"label":"phone"})"},
        {Method::post, kAppPasswords, kAppPasswordsOf, R"({"label":""})"},
        {Method::get, kAppPasswords, kAppPasswordsOf, ""},
        {Method::remove, kAppPasswords + "/1", kAppPasswordsOf + "/{id}", ""},
        {Method::remove, kAppPasswords + "/x", kAppPasswordsOf + "/{id}", ""},
        {Method::remove, kAppPasswords, kAppPasswordsOf, ""},
        {Method::get, "/api/v1/aliases", "", ""},
        {Method::get, "/api/v1/aliases/s@example.org", "/api/v1/aliases/{address}", ""},
        {Method::patch, "/api/v1/aliases/s@example.org", "/api/v1/aliases/{address}", R"({"enabled":false})"},
        {Method::post, "/api/v1/index/tasks", "", R"({"work":"check","account":"a@example.org"})"},
        {Method::post, "/api/v1/index/tasks", "", R"({"work":"rebuild"})"},
        {Method::post, "/api/v1/index/tasks", "", R"({"work":"mend"})"},
        {Method::post, "/api/v1/index/tasks", "", R"({"work":"check","account":"nobody@example.org"})"},
        {Method::get, "/api/v1/index/tasks/1", "/api/v1/index/tasks/{id}", ""},
        {Method::get, "/api/v1/index/tasks/99", "/api/v1/index/tasks/{id}", ""},
        {Method::get, "/api/v1/trace?q=a@example.org&since=2h&limit=5", "/api/v1/trace", ""},
        {Method::get, "/api/v1/trace?q=traced&story=yes", "/api/v1/trace", ""},
        {Method::get, "/api/v1/trace?since=soon", "/api/v1/trace", ""},
        {Method::get, "/api/v1/trace/traced", "/api/v1/trace/{id}", ""},
        {Method::get, "/api/v1/trace/nobody", "/api/v1/trace/{id}", ""},
        {Method::get, "/api/v1/slo?since=2h&within_ms=1000", "/api/v1/slo", ""},
        {Method::get, "/api/v1/slo?within_ms=0", "/api/v1/slo", ""},
        {Method::get, "/api/v1/status", "", ""},
        {Method::get, "/api/v1/sessions", "", ""},
        {Method::get, "/api/v1/config", "", ""},
        {Method::get, "/api/v1/dns/example.org?type=mx", "/api/v1/dns/{name}", ""},
        {Method::get, "/api/v1/dns/a..b?type=mx", "/api/v1/dns/{name}", ""},
        {Method::get, "/api/v1/dns/example.org?type=any", "/api/v1/dns/{name}", ""},
        {Method::get, "/api/v1/routes/a@example.org", "/api/v1/routes/{address}", ""},
        {Method::get, "/api/v1/routes/a@example.net?sender=b@example.org", "/api/v1/routes/{address}", ""},
        {Method::get, "/api/v1/routes/nobody", "/api/v1/routes/{address}", ""},
        {Method::post, "/api/v1/reload", "", ""},
        {Method::remove, "/api/v1/aliases/s@example.org", "/api/v1/aliases/{address}", ""},
        {Method::remove, "/api/v1/accounts/a@example.org", "/api/v1/accounts/{address}", ""},
        {Method::get, "/api/v1/accounts/a@example.org", "/api/v1/accounts/{address}", ""},
        {Method::remove, "/api/v1/domains/example.org", "/api/v1/domains/{domain}", ""},
        {Method::post, "/api/v1/stop", "", ""},
    };
    for (const Row& row : rows) {
        const auto answer = world.ask(row.method, row.path, row.body);
        const std::string pattern = row.pattern.empty() ? row.path : row.pattern;
        CAPTURE(row.path, answer.status, answer.content());
        const json& responses = document["paths"][pattern][ascii::to_lower(http::method_name(row.method))]["responses"];
        REQUIRE(responses.contains(std::to_string(answer.status)));
        json said = responses[std::to_string(answer.status)];
        if (said.contains("$ref")) said = document.at(json::json_pointer(std::string(said["$ref"]).substr(1)));
        if (!said.contains("content")) {
            CHECK(answer.content().empty());
            continue;
        }
        REQUIRE(said["content"].contains(answer.content_type));
        check_value(json::parse(answer.content()), said["content"][answer.content_type]["schema"], document);
    }
}

TEST_CASE("documents of the queue have the form that the document gives them", "[admin][queue]")
{
    const json document = load_document();
    const auto check = [&document](const std::string& text, const char* schema) {
        CAPTURE(text);
        check_value(json::parse(text), document["components"]["schemas"][schema], document);
        return json::parse(text);
    };
    queue::Listed listed;
    listed.entry.id = "0abc";
    listed.entry.accepted = 1'800'000'000'000;
    listed.entry.envelope.recipients = {{"a@example.net", "", {}}, {"b@example.net", "", {}}, {"c@example.net", "", {}}};
    listed.entry.states.resize(3);
    listed.recipients.resize(3);
    listed.entry.states[0].next = 1'800'000'720'000;
    listed.entry.states[1].wanted = queue::Wanted::returned;
    listed.recipients[1].is_being_sent = true;
    listed.recipients[2].held_by = "all mail to example.net";
    queue::HoldRule rule;
    rule.which.destination = "example.net";
    rule.by = "the administrator";
    const WallTime now = queue::wall_of(1'800'000'060'000);
    queue::Page page;
    page.entries = {listed};
    const json told = check(admin::queue_page_json(page, {}, {rule}, now), "QueuePage");
    const json& message = told["messages"][0];
    CHECK(message["age_seconds"] == 60);
    CHECK(message["recipients"][0]["next_in_seconds"] == 660);
    CHECK(message["recipients"][0]["status"] == "waiting");
    CHECK(message["recipients"][1]["status"] == "sending");
    CHECK(message["recipients"][1]["wanted"] == "bounce");
    CHECK(message["recipients"][1]["next_in_seconds"].is_null());
    CHECK(message["recipients"][2]["held_by"] == "all mail to example.net");
    CHECK(told["holds"][0]["what"] == "all mail to example.net");
    check(admin::queued_json(listed, now), "Queued");
    check(admin::holds_json({rule}), "Holds");
    queue::Acted acted;
    acted.messages = 3;
    acted.held = 2;
    acted.held_recipients = 4;
    acted.reports = 5;
    acted.being_sent = 1;
    acted.unknown = {"0abc"};
    const json answer = check(admin::queue_act_json("retry", acted), "QueueActed");
    CHECK(answer["held"] == 2);
    CHECK(answer["held_recipients"] == 4);
    CHECK(answer["reports"] == 5);
    CHECK(answer["being_sent"] == 1);
    CHECK(answer["unknown_ids"] == json::array({"0abc"}));
}

TEST_CASE("a name that can be none is told of before anybody is asked", "[admin][dns]")
{
    test::AdministrationWorld world;
    for (const std::string& bad : {std::string("a..b"), std::string(".example.org"), std::string(64, 'x') + ".org", std::string(300, 'x')}) {
        const auto answer = world.ask(http::Method::get, "/api/v1/dns/" + bad + "?type=A");
        CAPTURE(bad, answer.content());
        CHECK(answer.status == 400);
        CHECK(answer.content().find("write it like example.org") != std::string::npos);
    }
    CHECK(world.ask(http::Method::get, "/api/v1/dns/example.org.?type=A").status != 400);
}
