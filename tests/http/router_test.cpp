#include "http/router.hpp"

#include <catch2/catch_test_macros.hpp>

#include "http/static_files.hpp"
#include "support/run.hpp"

using namespace mbx;
using http::Method;

namespace {

co::Task<http::Response> say(std::string what) { co_return http::text_response(200, "text/plain", what); }
http::Handler saying(std::string what)
{
    return [what](const http::Request&) { return say(what); };
}

std::string body_of(const http::Router::Match& match)
{
    if (match.handler == nullptr) return "-";
    const http::Request request;
    return test::run_ready((*match.handler)(request)).body;
}

}  // namespace

TEST_CASE("a route is found by method and path, a fixed segment before a named one", "[http]")
{
    http::Router router;
    router.add(Method::get, "/", saying("root"));
    router.add(Method::get, "/a/{x}", saying("named"));
    router.add(Method::get, "/a/b", saying("fixed"));
    router.add(Method::post, "/a/{x}/c", saying("posted"));
    CHECK(body_of(router.find(Method::get, {})) == "root");
    CHECK(body_of(router.find(Method::get, {"a", "b"})) == "fixed");
    const auto match = router.find(Method::head, {"a", "z"});
    CHECK(body_of(match) == "named");
    REQUIRE(match.parameters.size() == 1);
    CHECK(match.parameters.front() == std::pair<std::string, std::string>("x", "z"));
    CHECK(body_of(router.find(Method::post, {"a", "q", "c"})) == "posted");
    CHECK(router.routes().size() == 4);
}

TEST_CASE("an unknown path is 404 and an unknown method says what is allowed", "[http]")
{
    http::Router router;
    router.add(Method::get, "/a/{x}", saying("get"));
    router.add(Method::remove, "/a/b", saying("remove"));
    CHECK(router.find(Method::get, {"b"}).allow.empty());
    CHECK(router.find(Method::get, {"a"}).allow.empty());
    const auto match = router.find(Method::post, {"a", "b"});
    CHECK(match.handler == nullptr);
    CHECK(match.allow == "GET, HEAD, DELETE");
    CHECK(router.find(Method::other, {"a", "z"}).allow == "GET, HEAD");
}

TEST_CASE("K3: what was encoded within a segment finds no route of several", "[http][K3]")
{
    http::Router router;
    router.add(Method::get, "/a/{x}", saying("named"));
    router.add(Method::get, "/a/{x}/secret", saying("below"));
    router.add(Method::get, "/a/b/c", saying("fixed"));
    const auto segments_of = [](std::string_view target) { return http::parse_target(target)->segments; };
    const auto one = router.find(Method::get, segments_of("/a/b%2fc"));
    CHECK(body_of(one) == "named");
    CHECK(one.parameters.front().second == "b/c");
    CHECK(body_of(router.find(Method::get, segments_of("/a/x%2Fsecret"))) == "named");
    CHECK(body_of(router.find(Method::get, segments_of("/a/x%2Fsecret/secret"))) == "below");
    CHECK(body_of(router.find(Method::get, segments_of("/a%2fb/c"))) == "-");
    CHECK(body_of(router.find(Method::get, segments_of("/a%2fb%2fc"))) == "-");
    CHECK(body_of(router.find(Method::get, segments_of("/%2fa/b/c"))) == "-");
    CHECK(body_of(router.find(Method::get, segments_of("/x/..%2fa/b"))) == "-");
}

TEST_CASE("a static file is served with its tag, and not again to who has it", "[http]")
{
    static const http::StaticFile kFiles[] = {{"/x.css", "text/css", "\"abc\"", "body{}"}};
    http::Router router;
    http::add_static_files(router, kFiles);
    const auto match = router.find(Method::get, {"x.css"});
    REQUIRE(match.handler != nullptr);
    CHECK(router.find(Method::get, {"/x.css"}).handler == nullptr);
    http::Request request;
    const auto first = test::run_ready((*match.handler)(request));
    CHECK(first.status == 200);
    CHECK(first.content() == "body{}");
    request.fields.add("If-None-Match", "\"zzz\", W/\"abc\"");
    CHECK(test::run_ready((*match.handler)(request)).status == 304);
}
