// How mailboxctl shows the trace.
#include <catch2/catch_test_macros.hpp>

#include <string>

#include "ctl/views.hpp"

using namespace mbx::ctl;

namespace {

const std::string kMessage =
    R"({"id":"0abc","number":3,"accepted":"2026-11-22T12:41:39.123456Z","reverse_path":"","account":"","peer":"","helo":"",)"
    R"("tls":"none","subject":"Lunch\u001b[2J","message_id":"","size":4711})";

std::string shown(View view, const std::string& json)
{
    const auto text = show(view, json, Style());
    REQUIRE(text);
    return *text;
}

}  // namespace

TEST_CASE("a story is shown line by line, and nothing in it moves the terminal", "[ctl][trace]")
{
    const std::string story = R"({"title":"0abc  x","message":)" + kMessage +
                              R"(,"story":[{"at":"2026-11-22T12:41:39.123456Z","after":"0.000 s","text":"accepted \u001b[31m"}],)"
                              R"("events":[],"deliveries":[],"cut":false})";
    const std::string text =
        shown(View::trace, R"({"messages":[)" + kMessage + R"(],"before":null,"partial":false,"story":)" + story + "}");
    CHECK(text == "0abc  x\n  2026-11-22 12:41:39.123      +0.000 s  accepted \\x1b[31m\n");
}

TEST_CASE("several messages are a table, and none is said so", "[ctl][trace]")
{
    const std::string text =
        shown(View::trace, R"({"messages":[)" + kMessage + R"(],"before":7,"partial":true,"story":null})");
    CHECK(text.find("2026-11-22 12:41:39.123  0abc  <>") != std::string::npos);
    CHECK(text.find("there are more") != std::string::npos);
    CHECK(text.find("not complete") != std::string::npos);
    CHECK(text.find('\x1b') == std::string::npos);
    CHECK(text.find("Lunch\\x1b[2J") != std::string::npos);
    CHECK(text.find("\\\\x1b") == std::string::npos);
    CHECK(shown(View::trace, R"({"messages":[],"before":null,"partial":false,"story":null})") == "no such message\n");
}

TEST_CASE("slo shows the share, the destinations and what was late", "[ctl][trace]")
{
    const std::string text = shown(
        View::slo,
        R"({"since":"2026-11-21T12:00:00.000000Z","until":"2026-11-22T12:00:00.000000Z","limit_milliseconds":5000.0,"delivered":3,)"
        R"("within":2,"percent":50.0,"late":1,"failed":0,"median_milliseconds":12.5,"p99_milliseconds":8000.0,"destinations":)"
        R"([{"destination":"","delivered":3,"within":2,"percent":66.666,"mean_our_milliseconds":1.0,"mean_their_milliseconds":0.0,)"
        R"("worst_milliseconds":8000.0}],"violations":[{"id":"0abc","recipient":"\"c\\\"d\"@example.net","outcome":"waiting","destination":)"
        R"("example.net","host":"","attempts":2,"accepted":"2026-11-22T11:00:00.000000Z","ended":null,"total_milliseconds":null,)"
        R"("our_milliseconds":null,"their_milliseconds":null,"answer":"451 later"}],"partial":false})");
    CAPTURE(text);
    for (const char* part : {"within 5.00 s", "2 of 4 (50.000 %), with those who still wait too long\n", "(here)", "66.666 %", "12.5 ms\n", "8.00 s\n", "1, longer than 5.00 s already",
                             "later than 5.00 s, the latest first:\n", "\"c\\\"d\"@example.net  ", "451 later", "mailboxctl queue show ID"})
        CHECK(text.find(part) != std::string::npos);
}

TEST_CASE("slo says of how many messages of the queue it does not know since when they wait", "[ctl][trace]")
{
    const auto told = [](const char* besides) {
        return shown(View::slo,
                     R"({"since":"2026-11-21T12:00:00.000000Z","until":"2026-11-22T12:00:00.000000Z","limit_milliseconds":5000.0,"delivered":3,)"
                     R"("within":3,"percent":100.0,"late":0,"queued_besides":)" + std::string(besides) +
                         R"(,"failed":0,"median_milliseconds":0.0,"p99_milliseconds":0.0,"destinations":[],"violations":[],"partial":false})");
    };
    CHECK(told("0").find("0, longer than 5.00 s already\n") != std::string::npos);
    CHECK(told("0").find("3 of 3 (100.000 %)\n") != std::string::npos);
    CHECK(told("1").find("already; since when 1 message of the queue waits is not known here") != std::string::npos);
    CHECK(told("2").find("since when 2 messages of the queue wait is not known here") != std::string::npos);
}

TEST_CASE("a message whose beginning is lost has no sender in the list", "[ctl][trace]")
{
    std::string lost = kMessage;
    lost.insert(1, R"("begun":false,)");
    const std::string text = shown(View::trace, R"({"messages":[)" + lost + R"(],"before":null,"partial":false,"story":null})");
    CHECK(text.find("(not known)") != std::string::npos);
    CHECK(text.find("<>") == std::string::npos);
}

TEST_CASE("slo without a delivery shows no shares of nothing", "[ctl][trace]")
{
    const std::string text = shown(
        View::slo,
        R"({"since":"2026-11-21T12:00:00.000000Z","until":"2026-11-22T12:00:00.000000Z","limit_milliseconds":5000.0,"delivered":0,)"
        R"("within":0,"percent":100.0,"late":0,"failed":0,"median_milliseconds":0.0,"p99_milliseconds":0.0,"destinations":[],)"
        R"("violations":[],"partial":false})");
    CAPTURE(text);
    // Not with NOTIFY=NEVER, and not the null sender.
    CHECK(text.find("which their senders were told") == std::string::npos);
    CHECK(text.find("0; a sender who is there and wants to know was told\n") != std::string::npos);
    CHECK(text.find('%') == std::string::npos);
    CHECK(text.ends_with("nothing was delivered\n"));
}
