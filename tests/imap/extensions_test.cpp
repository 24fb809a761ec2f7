// Small extensions, each by its RFC: SAVEDATE, PREVIEW, WITHIN, UTF8=ACCEPT, UNAUTHENTICATE.
#include <catch2/catch_test_macros.hpp>

#include "imap/world.hpp"

using namespace mbx;
using namespace mbx::imap;

namespace {

bool tells(std::string_view text, std::string_view part) { return text.find(part) != std::string_view::npos; }

struct Ann {
    Ann() : client(world) { client.log_in(); }
    World world;
    Client client;
};

}  // namespace

TEST_CASE("RFC 8514 4.2: SAVEDATE is when the message came into this mailbox, not its INTERNALDATE", "[imap][extensions]")
{
    Ann ann;
    ann.client.append(message("old"), "\"01-Feb-1999 10:00:00 +0000\"");
    ann.client.select();
    const auto told = ann.client.say("a FETCH 1 (INTERNALDATE SAVEDATE)\r\n");
    CHECK(tells(told, "INTERNALDATE \" 1-Feb-1999 10:00:00 +0000\" SAVEDATE \""));
    CHECK_FALSE(tells(told, "SAVEDATE \"01-Feb-1999"));
    CHECK_FALSE(tells(told, "SAVEDATE NIL"));
}

TEST_CASE("RFC 8514 4.3: SAVEDBEFORE, SAVEDON and SAVEDSINCE compare it; SAVEDATESUPPORTED holds for all",
          "[imap][extensions]")
{
    Ann ann;
    ann.client.append(message("old"), "\"01-Feb-1999 10:00:00 +0000\"");
    ann.client.select();
    CHECK(tells(ann.client.say("a SEARCH SAVEDSINCE 2-Feb-1999\r\n"), "* SEARCH 1\r\n"));
    CHECK(tells(ann.client.say("b SEARCH SAVEDBEFORE 2-Feb-1999\r\n"), "* SEARCH\r\n"));
    CHECK(tells(ann.client.say("c SEARCH SAVEDON 1-Feb-1999\r\n"), "* SEARCH\r\n"));
    CHECK(tells(ann.client.say("d SEARCH SAVEDATESUPPORTED\r\n"), "* SEARCH 1\r\n"));
    CHECK(ann.client.ask("e SEARCH SAVEDON yesterday").starts_with("BAD"));
}

TEST_CASE("RFC 8970 3.2: PREVIEW is text, an empty string where there is none, and never NIL without LAZY",
          "[imap][extensions]")
{
    Ann ann;
    ann.client.append(message("one", "Come at noon.\r\n"));
    ann.client.append(message("two", ""));
    ann.client.select();
    CHECK(tells(ann.client.say("a FETCH 1 PREVIEW\r\n"), "* 1 FETCH (PREVIEW \"Come at noon.\")\r\n"));
    CHECK(tells(ann.client.say("b FETCH 2 (UID PREVIEW)\r\n"), "* 2 FETCH (UID 2 PREVIEW \"\")\r\n"));
    // It was left behind by the first two: LAZY has it (section 4.1).
    CHECK(tells(ann.client.say("c FETCH 1 (PREVIEW (LAZY))\r\n"), "PREVIEW \"Come at noon.\")\r\n"));
    CHECK(tells(ann.client.say("d FETCH 1 PREVIEW (LAZY)\r\n"), "PREVIEW \"Come at noon.\")\r\n"));
    // It sets no \Seen.
    CHECK(tells(ann.client.say("e FETCH 1 FLAGS\r\n"), "FLAGS ()"));
    CHECK(ann.client.ask("f FETCH 1 (PREVIEW (EAGER))").starts_with("BAD"));
}

TEST_CASE("RFC 8970 4.1: LAZY answers NIL or the text, and with an envelope it costs no look of its own",
          "[imap][extensions]")
{
    Ann ann;
    ann.client.append(message("one", "Text\r\n"));
    ann.client.select();
    const auto lazy = ann.client.say("a FETCH 1 (PREVIEW (LAZY))\r\n");
    CHECK((tells(lazy, "PREVIEW NIL)") || tells(lazy, "PREVIEW \"Text\")")));
    CHECK(tells(ann.client.say("b FETCH 1 (ENVELOPE PREVIEW (LAZY))\r\n"), " PREVIEW \"Text\")\r\n"));
}

TEST_CASE("RFC 5032 3: OLDER and YOUNGER count seconds back from now by INTERNALDATE", "[imap][extensions]")
{
    Ann ann;
    ann.client.append(message("old"), "\"01-Feb-1999 10:00:00 +0000\"");
    ann.client.append(message("new"));
    ann.client.select();
    CHECK(tells(ann.client.say("a SEARCH YOUNGER 259200\r\n"), "* SEARCH 2\r\n"));
    CHECK(tells(ann.client.say("b SEARCH OLDER 259200\r\n"), "* SEARCH 1\r\n"));
    CHECK(tells(ann.client.say("c SEARCH YOUNGER 4294967295\r\n"), "* SEARCH 1 2\r\n"));
    CHECK(ann.client.ask("d SEARCH OLDER 0").starts_with("BAD"));
    CHECK(ann.client.ask("e SEARCH YOUNGER x").starts_with("BAD"));
}

TEST_CASE("RFC 6855 3: UTF8=ACCEPT makes names UTF-8 and takes UTF-8 in quoted strings, but is no IMAP4rev2",
          "[imap][extensions]")
{
    Ann ann;
    CHECK(ann.client.ask("a CREATE \"Träume\"").starts_with("BAD"));
    CHECK(tells(ann.client.say("b ENABLE UTF8=ACCEPT\r\n"), "* ENABLED UTF8=ACCEPT\r\n"));
    CHECK(ann.client.ask("c CREATE \"Träume\"").starts_with("OK"));
    CHECK(tells(ann.client.say("d LIST \"\" \"T*\"\r\n"), "\"Träume\""));
    const auto selected = ann.client.say("e SELECT \"Träume\"\r\n");
    CHECK(tells(selected, "* 0 RECENT\r\n"));
    CHECK_FALSE(tells(selected, "* LIST"));
    CHECK(tells(ann.client.say("f SEARCH SUBJECT \"ä\"\r\n"), "* SEARCH\r\n"));
    CHECK(ann.client.ask("g SEARCH CHARSET UTF-8 ALL").starts_with("BAD"));
    CHECK(ann.client.ask("h CREATE \"\xff\"").starts_with("BAD"));
    // Another client without it sees the other spelling.
    Client other(ann.world);
    other.log_in();
    CHECK(tells(other.say("i LIST \"\" \"T*\"\r\n"), "\"Tr&AOQ-ume\""));
}

TEST_CASE("RFC 6855 4: APPEND takes UTF8 (literal8) and keeps its bytes", "[imap][extensions]")
{
    Ann ann;
    (void)ann.client.say("a ENABLE UTF8=ACCEPT\r\n");
    const auto text = message("Grüße");
    const auto head = "b APPEND INBOX (\\Seen) UTF8 (~{" + std::to_string(text.size()) + "+}\r\n";
    CHECK(ann.client.ask(head + text + ")").starts_with("OK [APPENDUID"));
    CHECK(tells(ann.client.say("c SELECT INBOX\r\nd FETCH 1 BODY.PEEK[HEADER.FIELDS (SUBJECT)]\r\n"), "Subject: Grüße\r\n"));
    CHECK(ann.client.ask(head + text).starts_with("BAD"));
    CHECK(ann.client.ask("e APPEND INBOX UTF8 ({3+}\r\nabc)").starts_with("BAD"));
}

TEST_CASE("RFC 8437 3: UNAUTHENTICATE forgets the user, the mailbox and what was enabled", "[imap][extensions]")
{
    World world(test_options(), 2);
    Client client(world);
    CHECK(client.ask("a UNAUTHENTICATE").starts_with("BAD"));
    client.log_in();
    client.append(message("ann's"));
    (void)client.say("b ENABLE QRESYNC IMAP4rev2\r\nc SELECT INBOX\r\n");
    CHECK(tells(client.say("d CAPABILITY\r\n"), " UNAUTHENTICATE"));
    // Pipelined with the next log-in (section 3).
    const auto again = client.say("e UNAUTHENTICATE\r\nf LOGIN bob@example.org secret\r\ng SELECT INBOX\r\n");
    CHECK(tells(again, "e OK UNAUTHENTICATE completed\r\nf OK [CAPABILITY"));
    CHECK(tells(again, "* 0 EXISTS\r\n* 0 RECENT\r\n"));
    CHECK(client.ask("h SELECT INBOX (QRESYNC (1 1))").starts_with("BAD"));
    CHECK(tells(client.say("i UNAUTHENTICATE\r\nj NOOP\r\nk SELECT INBOX\r\n"), "j OK NOOP completed\r\nk BAD"));
}
