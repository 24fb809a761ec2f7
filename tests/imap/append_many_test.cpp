// APPEND of several messages (RFC 3502) and REPLACE (RFC 8508).
#include <catch2/catch_test_macros.hpp>

#include "imap/world.hpp"

using namespace mbx;
using namespace mbx::imap;

namespace {

bool said(std::string_view text, std::string_view part) { return text.find(part) != std::string_view::npos; }

std::string as_literal(std::string_view text) { return "{" + std::to_string(text.size()) + "+}\r\n" + std::string(text); }

struct Desk {
    Desk() : ann(world) { ann.log_in(); }
    std::string count() { return ann.say("n STATUS INBOX (MESSAGES)\r\n"); }
    World world;
    Client ann;
};

}  // namespace

TEST_CASE("RFC 3502 6.3.11: APPEND takes several messages, each with its flags and date", "[imap][append]")
{
    Desk desk;
    const auto answer = desk.ann.ask("a APPEND INBOX (\\Seen) " + as_literal(message("one")) + " (\\Flagged) " +
                                     "\"01-Feb-1999 10:00:00 +0000\" " + as_literal(message("two")) + " " +
                                     as_literal(message("three")));
    CHECK(answer.ends_with("1:3] APPEND completed\r\n"));
    desk.ann.select();
    const auto told = desk.ann.say("b FETCH 1:* (FLAGS INTERNALDATE BODY.PEEK[HEADER.FIELDS (SUBJECT)])\r\n");
    CHECK(said(told, "* 1 FETCH (FLAGS (\\Seen)"));
    CHECK(said(told, "* 2 FETCH (FLAGS (\\Flagged) INTERNALDATE \" 1-Feb-1999 10:00:00 +0000\""));
    CHECK(said(told, "* 3 FETCH (FLAGS ()"));
    CHECK(said(told, "Subject: three"));
}

TEST_CASE("RFC 3502 6.3.11: with synchronizing literals each message is asked for", "[imap][append]")
{
    Desk desk;
    CHECK(desk.ann.say("a APPEND INBOX {3}\r\n") == "+ go ahead\r\n");
    CHECK(desk.ann.say("abc {3}\r\n") == "+ go ahead\r\n");
    CHECK(said(desk.ann.say("def\r\n"), "a OK [APPENDUID "));
    CHECK(said(desk.count(), "MESSAGES 2)"));
}

TEST_CASE("RFC 3502 6.3.11: when one message cannot be taken, none is; the rest of the command is read to its end",
          "[imap][append]")
{
    using namespace std::string_literals;
    Desk desk;
    CHECK(desk.ann.ask("a APPEND INBOX {3+}\r\nabc {0+}\r\n {3+}\r\ndef").starts_with("NO"));
    CHECK(desk.ann.ask("b APPEND INBOX {3+}\r\nabc {3+}\r\nd\0f {3+}\r\nghi"s).starts_with("NO [CANNOT]"));
    CHECK(desk.ann.ask("c APPEND Nowhere {3+}\r\nabc {3+}\r\ndef").starts_with("NO [TRYCREATE]"));
    CHECK(desk.ann.say("d APPEND INBOX {3+}\r\nabc {99999999}\r\n").starts_with("d NO [TOOBIG]"));
    CHECK(desk.ann.ask("e APPEND INBOX {3+}\r\nabc (\\Nonsense) {3}").starts_with("BAD"));
    CHECK(said(desk.count(), "MESSAGES 0)"));
}

TEST_CASE("RFC 3502 6.3.11: messages that together pass the quota are taken back whole", "[imap][append]")
{
    Desk desk;
    desk.world.store->set_quotas([](const store::AccountKey&) { return store::QuotaLimits{0, 2}; });
    const auto answer = desk.ann.ask("a APPEND INBOX {3+}\r\nabc {3+}\r\ndef {3+}\r\nghi");
    CHECK(answer.starts_with("NO [OVERQUOTA]"));
    CHECK(said(desk.count(), "MESSAGES 0)"));
    CHECK(desk.ann.ask("b APPEND INBOX {3+}\r\nabc {3+}\r\ndef").starts_with("OK"));
}

TEST_CASE("RFC 8508 3.2: REPLACE puts the new message there and takes the old one away, APPENDUID first", "[imap][append]")
{
    Desk desk;
    for (const auto* subject : {"one", "draft", "three"}) desk.ann.append(message(subject), "(\\Draft)");
    desk.ann.select();
    const auto answer = desk.ann.say("a REPLACE 2 INBOX (\\Seen) " + as_literal(message("better")) + "\r\n");
    const auto uid = answer.find("* OK [APPENDUID ");
    CHECK(uid == 0);
    CHECK(answer.find("* 2 EXPUNGE\r\n") > uid);
    CHECK(said(answer, " EXISTS\r\n"));
    CHECK(answer.ends_with("a OK REPLACE completed\r\n"));
    CHECK(said(desk.ann.say("b UID FETCH 1:* FLAGS\r\n"), "* 3 FETCH (UID 4 FLAGS (\\Seen))"));
    CHECK(said(desk.ann.say("c UID REPLACE 4 Sent " + as_literal(message("sent")) + "\r\n"), "* 3 EXPUNGE\r\nc OK UID REPLACE"));
    CHECK(said(desk.ann.say("d STATUS Sent (MESSAGES)\r\n"), "MESSAGES 1)"));
}

TEST_CASE("RFC 8508 3.4: a REPLACE that fails changes nothing; only the net quota counts", "[imap][append]")
{
    Desk desk;
    desk.ann.append(message("one"));
    CHECK(desk.ann.ask("a REPLACE 1 INBOX {3+}\r\nabc").starts_with("BAD"));  // section 3.5: selected state only
    desk.ann.select();
    // RFC 9051 section 9, seq-number: BAD, before the message is asked for; a UID that is not there is none of these.
    CHECK(desk.ann.ask("b REPLACE 2 INBOX {3+}\r\nabc") == "BAD no such sequence number\r\n");
    CHECK(desk.ann.ask("b REPLACE 99 INBOX {3}") == "BAD no such sequence number\r\n");
    CHECK(desk.ann.ask("b UID REPLACE 99 INBOX {3+}\r\nabc") == "NO [NONEXISTENT] no such message\r\n");
    CHECK(desk.ann.ask("c UID REPLACE 1 Nowhere {3+}\r\nabc").starts_with("NO [TRYCREATE]"));
    CHECK(desk.ann.ask("d REPLACE 1 INBOX {3+}\r\nabc {3}").starts_with("BAD"));
    CHECK(said(desk.count(), "MESSAGES 1)"));
    desk.world.store->set_quotas([](const store::AccountKey&) { return store::QuotaLimits{0, 1}; });
    CHECK(desk.ann.ask("e APPEND INBOX {3+}\r\nabc").starts_with("NO [OVERQUOTA]"));
    CHECK(desk.ann.ask("f REPLACE 1 INBOX {3+}\r\nabc").starts_with("OK"));
    CHECK(desk.ann.ask("g APPEND INBOX {3+}\r\nabc").starts_with("NO [OVERQUOTA]"));
    (void)desk.ann.say("h EXAMINE INBOX\r\n");
    CHECK(desk.ann.ask("i REPLACE 1 INBOX {3+}\r\nabc").starts_with("NO"));
}
