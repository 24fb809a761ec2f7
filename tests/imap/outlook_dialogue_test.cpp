// Dialogues of Outlook for Windows (2013 to 365) and of the new Outlook, written from their documented behaviour.
#include <catch2/catch_test_macros.hpp>

#include "imap/world.hpp"

using namespace mbx;
using namespace mbx::imap;

namespace {

bool has(std::string_view text, std::string_view part) { return text.find(part) != std::string_view::npos; }

}  // namespace

TEST_CASE("CLIENTS: Outlook logs in by LOGIN with non-empty challenges, lists and subscribes, and finds its folders made already",
          "[imap][dialogue]")
{
    World world;
    Client outlook(world);
    CHECK(has(outlook.say("d7k8 CAPABILITY\r\n"), "AUTH=LOGIN"));
    CHECK(outlook.say("wsqm AUTHENTICATE LOGIN\r\n") == "+ VXNlcm5hbWU6\r\n");
    CHECK(outlook.say("YW5uQGV4YW1wbGUub3Jn\r\n") == "+ UGFzc3dvcmQ6\r\n");
    CHECK(has(outlook.say("c2VjcmV0\r\n"), "wsqm OK"));
    CHECK(has(outlook.say("a5hv LIST \"\" \"\"\r\n"), "* LIST (\\Noselect) \"/\" \"\"\r\n"));
    CHECK(has(outlook.say("xrx4 LIST \"\" \"*\"\r\n"), "\\Sent) \"/\" \"Sent\"\r\n"));
    CHECK(has(outlook.say("30z1 LSUB \"\" \"*\"\r\n"), "\"/\" \"Drafts\"\r\n"));
    CHECK(has(outlook.say("b9v2 LSUB \"\" INBOX\r\n"), "b9v2 OK"));
    // An old one makes its own folders where it sees none, and says it again at each start.
    CHECK(has(outlook.say("q1 CREATE \"Sent Items\"\r\n"), "q1 OK"));
    CHECK(has(outlook.say("q2 CREATE \"Sent Items\"\r\n"), "q2 NO [ALREADYEXISTS]"));
    CHECK(has(outlook.say("q3 SUBSCRIBE \"Sent Items\"\r\n"), "q3 OK"));
    CHECK(has(outlook.say("q4 LSUB \"\" \"*\"\r\n"), "\"Sent Items\"\r\n"));
}

TEST_CASE("CLIENTS: Outlook fetches header and size of ranges of UIDs, bodies with and without PEEK, and purges", "[imap][dialogue]")
{
    World world;
    Client outlook(world);
    outlook.log_in();
    for (int i = 0; i < 3; ++i) outlook.append(message("number " + std::to_string(i)));
    CHECK(has(outlook.say("9cxn SELECT \"INBOX\"\r\n"), "* 3 EXISTS\r\n"));
    const auto first = outlook.say("lxl3 UID FETCH 1:* (UID FLAGS BODY.PEEK[HEADER] INTERNALDATE RFC822.SIZE)\r\n");
    CHECK(has(first, "* 3 FETCH (UID 3 FLAGS () BODY[HEADER] {"));
    CHECK(has(first, "lxl3 OK"));
    CHECK(has(outlook.say("ci24 UID FETCH 2 (UID BODY.PEEK[])\r\n"), "Subject: number 1\r\n"));
    CHECK(has(outlook.say("7jwg UID STORE 2 +FLAGS.SILENT (\\Seen)\r\n"), "7jwg OK"));
    CHECK(has(outlook.say("pj1w UID FETCH 3 (BODY[])\r\n"), "FLAGS (\\Seen)"));
    CHECK(has(outlook.say("8y3a UID STORE 1 +FLAGS.SILENT (\\Deleted)\r\n"), "8y3a OK"));
    // Marked for deletion stays shown; "purge" is an EXPUNGE of everything.
    CHECK(has(outlook.say("5s8p UID FETCH 1:3 (UID FLAGS)\r\n"), "FLAGS (\\Deleted)"));
    CHECK(has(outlook.say("3vb6 EXPUNGE\r\n"), "* 1 EXPUNGE\r\n"));
    CHECK(has(outlook.say("t0n9 UID FETCH 1:* (UID FLAGS)\r\n"), "* 1 FETCH (UID 2 FLAGS (\\Seen))\r\n* 2 FETCH (UID 3 "));
    CHECK(outlook.say("yxnu IDLE\r\n") == "+ idling\r\n");
    CHECK(outlook.say("DONE\r\n") == "yxnu OK IDLE completed\r\n");
}

TEST_CASE("CLIENTS: Outlook moves by UID COPY, \\Deleted and UID EXPUNGE, and keeps its sent mail by a synchronizing APPEND",
          "[imap][dialogue]")
{
    World world;
    Client outlook(world);
    outlook.log_in();
    outlook.append(message("to be moved"));
    outlook.select();
    CHECK(has(outlook.say("a1 UID COPY 1 \"Junk\"\r\n"), "a1 OK [COPYUID "));
    CHECK(has(outlook.say("a2 UID STORE 1 +FLAGS (\\Deleted \\Seen)\r\n"), "a2 OK"));
    CHECK(has(outlook.say("a3 UID EXPUNGE 1\r\n"), "* 1 EXPUNGE\r\n"));
    const auto sent = message("sent by Outlook");
    CHECK(outlook.say("a4 APPEND \"Sent\" (\\Seen) \"21-Nov-2026 10:00:00 +0300\" {" + std::to_string(sent.size()) + "}\r\n")
              .starts_with("+ "));
    CHECK(has(outlook.say(sent + "\r\n"), "a4 OK [APPENDUID "));
    CHECK(has(outlook.say("a5 STATUS \"Junk\" (UIDNEXT MESSAGES)\r\n"), "UIDNEXT 2 MESSAGES 1"));
}

TEST_CASE("CLIENTS: the new Outlook counts and searches by ESEARCH, whose tag comes in quotes", "[imap][dialogue]")
{
    World world;
    Client outlook(world);
    outlook.log_in();
    outlook.append(message("one"));
    outlook.append(message("two"), "(\\Seen)");
    outlook.select();
    CHECK(outlook.say("A5 UID SEARCH RETURN (MIN MAX COUNT) UNSEEN\r\n").starts_with(
        "* ESEARCH (TAG \"A5\") UID MIN 1 MAX 1 COUNT 1\r\nA5 OK"));
    CHECK(outlook.say("A6 UID SEARCH RETURN (ALL) SINCE 1-Jan-2020\r\n").starts_with("* ESEARCH (TAG \"A6\") UID ALL 1:2\r\nA6 OK"));
    CHECK(outlook.say("A7 UID SEARCH RETURN () SUBJECT \"none\"\r\n").starts_with("* ESEARCH (TAG \"A7\") UID\r\nA7 OK"));
}
