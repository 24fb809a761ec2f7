// Replies as they come; what a whole conversation means for a message of the drop directory; mailq's layout.
#include "sendmail/conversation.hpp"

#include <catch2/catch_test_macros.hpp>

#include "sendmail/drop_verdict.hpp"
#include "sendmail/queue_list.hpp"

namespace mbx::sendmail {
namespace {

const std::string kOpening = "220 mx.example.test ESMTP\r\n250-mx.example.test\r\n250 SMTPUTF8\r\n";

Letter letter_to(std::vector<Address> recipients)
{
    Letter letter;
    letter.sender = Address{"root", ""};
    letter.recipients = std::move(recipients);
    return letter;
}

DropVerdict judge(const std::string& behind_opening)
{
    return judge_drop(letter_to({{"a", "x.example"}, {"b", "x.example"}}), "mx.example.test", kOpening + behind_opening);
}

TEST_CASE("a reply is taken when it is whole, and what is none is told", "[sendmail]")
{
    std::string received = "250-one\r\n250 tw";
    CHECK_FALSE(take_reply(received));
    received += "o\r\n550 5.1.1 no\r\n";
    auto reply = take_reply(received);
    REQUIRE(reply);
    CHECK(reply->code == 250);
    CHECK(reply->text == "one two");
    reply = take_reply(received);
    REQUIRE(reply);
    CHECK(reply->is_refusal());
    CHECK(received.empty());
    for (const char* odd : {"HTTP/1.1 400\r\n", "25\r\n", "999 x\r\n", "250x\r\n", "\r\n"}) {
        received = odd;
        CHECK(take_reply(received)->code == 0);
    }
    received = std::string(70'000, 'x');
    CHECK(take_reply(received)->code == 0);
    received = "250 \x1b[2J\r\n";
    CHECK(take_reply(received)->text.find('\x1b') == std::string::npos);
}

TEST_CASE("a message of the drop directory is done only when its end was answered", "[sendmail][drop]")
{
    const auto good = judge("250 s\r\n250 r\r\n250 r\r\n250 2.0.0 id accepted\r\n221 bye\r\n");
    CHECK_FALSE(good.is_later);
    CHECK(good.failed.empty());
    CHECK(judge("250 s\r\n250 r\r\n250 r\r\n").is_later);
    CHECK(judge("250 s\r\n250 r\r\n421 4.3.2 stopping\r\n").is_later);
    CHECK(judge("250 s\r\n421 4.3.2 stopping\r\n").is_later);
    CHECK(judge("450 4.7.1 1000 messages an hour\r\n503 x\r\n503 x\r\n503 x\r\n").is_later);
    CHECK(judge("250 s\r\n250 r\r\n250 r\r\n452 4.3.1 full\r\n221 bye\r\n").is_later);
    CHECK(judge_drop(letter_to({{"a", "x.example"}}), "h.example", "421 4.3.2 stopping\r\n").is_later);
    CHECK(judge_drop(letter_to({{"a", "x.example"}}), "h.example", "").is_later);
}

TEST_CASE("those who were refused are named with the answer they got", "[sendmail][drop]")
{
    const auto one = judge("250 s\r\n550 5.1.1 no such mailbox\r\n250 r\r\n250 2.0.0 id accepted\r\n221 bye\r\n");
    CHECK_FALSE(one.is_later);
    REQUIRE(one.failed.size() == 1);
    CHECK(one.failed[0].recipient.local == "a");
    CHECK(one.failed[0].reply.text == "5.1.1 no such mailbox");
    CHECK(judge("250 s\r\n550 5.1.1 no\r\n550 5.1.1 no\r\n554 5.5.1 nobody\r\n").failed.size() == 2);
    CHECK(judge("250 s\r\n250 r\r\n250 r\r\n552 5.3.4 too large\r\n").failed.size() == 2);
    const auto sender = judge("550 5.7.1 not yours\r\n503 x\r\n421 errors\r\n");
    CHECK(sender.is_sender_refused);
    REQUIRE(sender.failed.size() == 2);
    CHECK(sender.failed[1].reply.code == 550);
    // One that is no address is in no command, and in the report.
    const auto odd = judge_drop(letter_to({{"a\nb", ""}, {"b", "x.example"}}), "h.example", kOpening + "250 s\r\n250 r\r\n250 ok\r\n221 bye\r\n");
    REQUIRE(odd.failed.size() == 1);
    CHECK(odd.failed[0].reply.code == 501);
}

TEST_CASE("the script of a message ends with its size, and names nobody who is no address", "[sendmail][drop]")
{
    CHECK(drop_script(letter_to({{"ann", ""}, {"b\r\nc", ""}}), "h.example", 7) ==
          "EHLO localhost\r\nMAIL FROM:<root@h.example> BODY=8BITMIME SIZE=7\r\nRCPT TO:<ann@h.example>\r\nBDAT 7 LAST\r\n");
    CHECK(drop_script(letter_to({{"b\r\nc", ""}}), "h.example", 7).empty());
}

TEST_CASE("mailq shows each message with those who wait for it", "[sendmail][mailq]")
{
    const auto page = format_queue_page(R"({"total":1,"next":"x2","messages":[{"id":"0h1","accepted":"2026-11-22T16:53:46Z","size":1500,
        "sender":"ann@example.test","held":true,"recipients":[
        {"address":"bob@remote.test","status":"waiting","code":451,"answer":"4.3.0 later\u001b"},
        {"address":"carol@remote.test","status":"delivered","answer":""}]}]})");
    REQUIRE(page);
    CHECK(page->lines.starts_with("0h1!                      1500 "));
    CHECK(page->lines.find("(451 4.3.0 later") != std::string::npos);
    CHECK(page->lines.find('\x1b') == std::string::npos);
    CHECK(page->lines.find("  bob@remote.test\n") != std::string::npos);
    CHECK(page->lines.find("carol") == std::string::npos);
    CHECK(page->next == "x2");
    CHECK(page->bytes == 1500);
    CHECK(queue_ending(1, 1500) == "-- 2 Kbytes in 1 Request.\n");
    for (const char* odd : {"", "[]", "{}", R"({"messages":1})", R"({"messages":[1]})", R"({"messages":[{"id":"x"}]})"}) {
        CHECK_FALSE(format_queue_page(odd));
    }
}

}  // namespace
}  // namespace mbx::sendmail
