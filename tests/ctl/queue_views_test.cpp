// How mailboxctl shows the queue, and what it says of an act.
#include <catch2/catch_test_macros.hpp>

#include <string>

#include "ctl/views.hpp"

using namespace mbx::ctl;

namespace {

std::string shown(View view, const std::string& json)
{
    const auto text = show(view, json, Style());
    REQUIRE(text);
    return *text;
}

std::string recipient(const std::string& status, const std::string& more = "")
{
    return R"({"address":"bob@there.example","destination":"there.example","status":")" + status +
           R"(","held_by":"","wanted":"","attempts":2,"next":"2026-11-22T12:41:39Z","next_in_seconds":720,"last_attempt":"","code":451,)"
           R"("enhanced":"4.7.1","host":"mx.there.example","answer":"try \\o/ again")" + more + "}";
}

std::string message(const std::string& recipients, bool is_held = false)
{
    return std::string(R"({"id":"0abc","accepted":"2026-11-22T10:41:39Z","age_seconds":7500,"size":1300,"sender":"anna@here.example","account":"",)") +
           R"("held":)" + (is_held ? "true" : "false") + R"(,"warned":false,"recipients":[)" + recipients + "]}";
}

std::string page(const std::string& messages, const std::string& holds = "", int total = 1)
{
    return R"({"total":)" + std::to_string(total) + R"(,"next":"","messages":[)" + messages + R"(],"holds":[)" + holds + "]}";
}

const std::string kHold = R"({"what":"all mail to there.example","destination":"there.example","sender":"","recipient":"","all":false,)"
                          R"("since":"2026-11-22T10:41:39Z","by":"the administrator"})";

std::string acted(const std::string& act, int messages, int held = 0, int being_sent = 0, int rules = 0, const std::string& unknown = "")
{
    return shown(View::queue_act, R"({"act":")" + act + R"(","messages":)" + std::to_string(messages) + R"(,"held":)" + std::to_string(held) +
                                      R"(,"being_sent":)" + std::to_string(being_sent) + R"(,"standing_holds":)" + std::to_string(rules) + R"(,"unknown_ids":[)" + unknown + "]}");
}

}  // namespace

TEST_CASE("a queue is shown with spans of time, what comes next, and the last words", "[ctl][queue]")
{
    const std::string text = shown(View::queue, page(message(recipient("waiting") + "," + recipient("waiting"))));
    CHECK(text.find("0abc  2 h 5 min  1.3 KiB  anna@here.example  bob@there.example and 1 more  next try in 12 min  451 try") != std::string::npos);
    CHECK(text.find("mailboxctl queue show ID") != std::string::npos);
    CHECK(shown(View::queue, page(message(recipient("sending")))).find("being sent now") != std::string::npos);
    CHECK(shown(View::queue, page(message(recipient("waiting"), true))).find("  held until released  ") != std::string::npos);
    CHECK(shown(View::queue, page(message(recipient("sending"), true))).find("  being sent now, else held  ") != std::string::npos);
    const std::string being_sent = shown(View::queued, message(recipient("sending"), true));
    CHECK(being_sent.find("held:     if it is not delivered now, until mailboxctl queue release 0abc") != std::string::npos);
    CHECK(shown(View::queued, message(recipient("failing"), true)).find("held:") == std::string::npos);
    const std::string held = shown(View::queued, message(recipient("waiting") + "," + recipient("sending"), true));
    CHECK(held.find("held:     until mailboxctl queue release 0abc") != std::string::npos);
    CHECK(shown(View::queue, page("", "", 0)) == "the queue is empty: nothing waits for another server\n");
    CHECK(shown(View::queue, page("", "", 1)) == "none of these; 1 message is in the queue\n");
    CHECK(shown(View::queue, page("", kHold, 0)).ends_with("all mail to there.example is held until: mailboxctl queue release --destination there.example\n"));
}

TEST_CASE("of a message's recipients the one that was asked for is shown", "[ctl][queue]")
{
    std::string other = recipient("waiting", R"(,"asked_for":false)");
    other.replace(other.find("bob@"), 4, "eve@");
    const std::string asked = recipient("waiting", R"(,"asked_for":true)");
    CHECK(shown(View::queue, page(message(other + "," + asked))).find("bob@there.example and 1 more") != std::string::npos);
    CHECK(shown(View::queue, page(message(other))).find("eve@there.example") != std::string::npos);
}

TEST_CASE("who has failed is counted apart from who still waits", "[ctl][queue]")
{
    const auto first = [](const std::string& recipients) { return shown(View::queue, page(message(recipients))); };
    const std::string waits = recipient("waiting");
    const std::string failing = recipient("failing");
    CHECK(first(waits + "," + failing + "," + failing).find("bob@there.example and 2 failed  next try") != std::string::npos);
    CHECK(first(failing + "," + waits + "," + waits).find("bob@there.example and 1 more, 1 failed  next try") != std::string::npos);
    CHECK(first(failing + "," + failing).find("bob@there.example and 1 failed  failed for good") != std::string::npos);
    CHECK(first(waits).find("bob@there.example  next try") != std::string::npos);
}

TEST_CASE("a failure says who is told of it, and why the report waits", "[ctl][queue]")
{
    const auto told = [](const std::string& more) {
        std::string one = message(recipient("failing"));
        const std::size_t at = one.find(R"("account":"")");
        REQUIRE(at != std::string::npos);
        one.replace(at, 12, R"("account":"ann@here.example",)" + more);
        return shown(View::queued, one);
    };
    CHECK(told(R"("forwarded":false,"report_waits":"")").find("failed for good, the sender is being told") != std::string::npos);
    CHECK(told(R"("forwarded":true,"report_waits":"")").find("failed for good, ann@here.example is being told") != std::string::npos);
    CHECK(told(R"("forwarded":true,"report_waits":"the mailbox is full")").find("failed for good; the report to ann@here.example waits: the mailbox is full") !=
          std::string::npos);
    const std::string instead = told(R"("forwarded":true,"report_waits":"the mailbox is full","not_told":"is switched off")");
    CHECK(instead.find("failed for good; the report to the administrators (ann@here.example is switched off) waits: the mailbox is full") !=
          std::string::npos);
    CHECK(instead.find("report:   to the administrators (ann@here.example is switched off) waits: the mailbox is full") != std::string::npos);
    CHECK(told(R"("forwarded":true,"report_waits":"","not_told":"is not there any more")")
              .find("failed for good, the administrators (ann@here.example is not there any more) are being told") != std::string::npos);
}

TEST_CASE("hold, release and retry say whom else of the messages they concern", "[ctl][queue]")
{
    const auto act = [](const std::string& more) {
        return shown(View::queue_act, R"({"held":0,"being_sent":0,"standing_holds":0,"unknown_ids":[],)" + more + "}");
    };
    CHECK(act(R"("act":"hold","messages":1,"other_recipients":1)") ==
          "1 message is held until released\n"
          "that is of the whole message: 1 other recipient of it is held too; mailboxctl queue hold --standing keeps those alone whom it names\n");
    CHECK(act(R"("act":"release","messages":2,"other_recipients":3)") ==
          "2 messages are released, and tried when their time comes; mailboxctl queue retry tries at once\n"
          "that is of whole messages: 3 other recipients of them are released too\n");
    CHECK(act(R"("act":"retry","messages":1,"other_recipients":2)") ==
          "1 message is being tried now\nthat is of the whole message: 2 other recipients of it are tried too\n");
}

TEST_CASE("an act says what of it waits for a report alone, and what a retry left alone", "[ctl][queue]")
{
    const auto act = [](const std::string& more) {
        return shown(View::queue_act, R"({"held":0,"being_sent":0,"standing_holds":0,"unknown_ids":[],)" + more + "}");
    };
    CHECK(act(R"("act":"retry","messages":0,"reports":1)") ==
          "1 message has failed for good, and only its report waits: that is tried now\n");
    CHECK(act(R"("act":"bounce","messages":1,"reports":2)") ==
          "1 message is returned to its sender\n"
          "2 messages have failed for good, and only their reports wait: these are tried now\n");
    CHECK(act(R"("act":"hold","messages":0,"reports":1)") == "1 message has failed for good, and only its report waits: that is not held\n");
    CHECK(act(R"("act":"retry","messages":1,"held_recipients":1)") ==
          "1 message is being tried now\n1 recipient of it is held and was left alone: mailboxctl queue holds lists what is held\n");
    CHECK(act(R"("act":"retry","messages":2,"held_recipients":3)") ==
          "2 messages are being tried now\n3 recipients of them are held and were left alone: mailboxctl queue holds lists what is held\n");
    CHECK(act(R"("act":"release","messages":0)") == "nothing that fits is held: mailboxctl queue list shows what there is\n");
}

TEST_CASE("the words of another server are shown as they came", "[ctl][queue]")
{
    const std::string text = shown(View::queued, message(recipient("waiting")));
    CHECK(text.find("451 try \\o/ again") != std::string::npos);
    CHECK(text.find("mailboxctl queue retry 0abc") != std::string::npos);
    CHECK(text.find("mailboxctl trace 0abc") != std::string::npos);
    std::string fresh = recipient("waiting");
    fresh.replace(fresh.find(R"("attempts":2)"), 12, R"("attempts":0)");
    fresh.replace(fresh.find(R"(try \\o/ again)"), 14, "");
    CHECK(shown(View::queued, message(fresh)).find("  not tried yet\n") != std::string::npos);
    CHECK(shown(View::queued, message(recipient("deleted"))).find("none: deleted") != std::string::npos);
    // The code of a success is none of a failure.
    std::string odd = recipient("waiting");
    odd.replace(odd.find("451"), 3, "250");
    CHECK(shown(View::queued, message(odd)).find("  try \\o/ again") != std::string::npos);
}

TEST_CASE("what an act came to is said in whole sentences", "[ctl][queue]")
{
    CHECK(acted("retry", 1) == "1 message is being tried now\n");
    CHECK(acted("retry", 0, 2) == "2 messages are held and were left alone: release first, with mailboxctl queue release\n");
    CHECK(acted("retry", 3, 1) == "3 messages are being tried now\n1 message is held and was left alone: release first, with mailboxctl queue release\n");
    CHECK(acted("bounce", 1) == "1 message is returned to its sender\n");
    CHECK(acted("bounce", 2, 0, 1) ==
          "2 messages are returned to their senders\n1 of them is being sent just now, and returned when that does not deliver it\n");
    CHECK(acted("bounce", 1, 0, 1) == "1 message is being sent just now, and returned when that does not deliver it\n");
    const auto bounced = [](const std::string& more) {
        return shown(View::queue_act, R"({"act":"bounce","held":0,"standing_holds":0,"unknown_ids":[],)" + more + "}");
    };
    CHECK(bounced(R"("messages":1,"being_sent":1,"at_once":1)") ==
          "1 message is being sent just now, and returned when that does not deliver it\n"
          "those of its recipients who waited, and were not being sent to, are returned now\n");
    CHECK(bounced(R"("messages":1,"being_sent":0,"forwarded":1)") == "1 message is returned to the account that forwarded it\n");
    CHECK(bounced(R"("messages":2,"being_sent":0,"forwarded":2)") == "2 messages are returned to the accounts that forwarded them\n");
    CHECK(bounced(R"("messages":3,"being_sent":0,"forwarded":1)") ==
          "3 messages are returned to their senders, 1 of them to the accounts that forwarded them\n");
    CHECK(bounced(R"("messages":1,"being_sent":0,"forwarded":1,"to_administrators":1)") ==
          "1 message is returned to the administrators: the account that forwarded it is switched off or gone\n");
    CHECK(bounced(R"("messages":2,"being_sent":0,"forwarded":2,"to_administrators":1)") ==
          "2 messages are returned to the accounts that forwarded them; 1 of these to the administrators, where the account is switched off or gone\n");
    CHECK(acted("delete", 2) == "2 messages are deleted; nobody is told\n");
    CHECK(acted("hold", 1) == "1 message is held until released\n");
    CHECK(acted("hold", 0, 0, 0, 1) == "held from now on, until it is released; 0 messages of it are in the queue now\n");
    CHECK(acted("release", 0, 1) == "1 message stays held by a standing hold: mailboxctl queue holds lists them\n");
    CHECK(acted("release", 0, 0, 0, 1) == "1 standing hold has ended\n");
    CHECK(acted("delete", 0, 0, 0, 0, R"("0abc","0abd")") ==
          "not in the queue: 0abc, 0abd; mailboxctl trace ID tells what became of a message\n");
    CHECK(acted("delete", 1, 0, 0, 0, R"("0abc")").ends_with("not in the queue: 0abc; mailboxctl trace ID tells what became of a message\n"));
    CHECK(names_unknown(R"({"messages":0,"held":0,"unknown_ids":["0abc"]})"));
    CHECK(names_unknown(R"({"messages":1,"held":0,"unknown_ids":["0abc"]})"));
    CHECK_FALSE(names_unknown(R"({"messages":0,"held":0,"unknown_ids":[]})"));
    CHECK(is_nothing_found(R"({"messages":[],"story":null})"));
    CHECK_FALSE(is_nothing_found(R"({"messages":[{"id":"0abc"}],"story":null})"));
    CHECK(acted("bounce", 0) == "no message of the queue fits: mailboxctl queue list shows what there is\n");
}

TEST_CASE("standing holds are listed with the command that ends them", "[ctl][queue]")
{
    const std::string text = shown(View::holds, R"({"holds":[)" + kHold + "]}");
    CHECK(text.find("all mail to there.example  2026-11-22T10:41:39Z  the administrator  mailboxctl queue release --destination there.example") != std::string::npos);
    CHECK(shown(View::holds, R"({"holds":[]})").starts_with("no standing holds"));
}

TEST_CASE("the command that ends a standing hold can be given to a shell as it stands", "[ctl][queue]")
{
    const auto ending = [](const std::string& sender) {
        std::string hold = kHold;
        hold.replace(hold.find(R"("destination":"there.example","sender":"")"), 41, R"("destination":"","sender":")" + sender + R"(")");
        return shown(View::holds, R"({"holds":[)" + hold + "]}");
    };
    CHECK(ending("anna+news@here.example").find("release --sender anna+news@here.example\n") != std::string::npos);
    CHECK(ending("<>").find("release --sender '<>'\n") != std::string::npos);
    CHECK(ending("a&b@here.example").find("release --sender 'a&b@here.example'\n") != std::string::npos);
    CHECK(ending("o'neil@here.example").find(R"(release --sender 'o'"'"'neil@here.example')") != std::string::npos);
    CHECK(ending("$(id)@here.example").find("release --sender '$(id)@here.example'\n") != std::string::npos);
}
