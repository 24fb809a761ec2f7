// ESORT, CONTEXT=SEARCH and CONTEXT=SORT (RFC 5267).
#include <catch2/catch_test_macros.hpp>

#include "imap/world.hpp"

using namespace mbx;
using namespace mbx::imap;

namespace {

// A mailbox with one message for each subject.
class Box {
public:
    explicit Box(const std::vector<std::string>& subjects) : client(world), other(world)
    {
        client.log_in();
        other.log_in();
        for (const auto& subject : subjects) client.append(message(subject));
        client.select();
        other.select();
    }
    std::string ask(const std::string& command) { return client.say(command + "\r\n"); }
    // What another client does, and what this one then hears at a NOOP.
    std::string after(const std::string& command)
    {
        (void)other.say("o " + command + "\r\n");
        return client.say("n NOOP\r\n");
    }
    World world;
    Client client;
    Client other;
};

bool has(const std::string& text, const std::string& piece) { return text.find(piece) != std::string::npos; }

}  // namespace

TEST_CASE("RFC 5267 3.1: SORT with RETURN answers ESEARCH in the order asked for", "[imap][sort][context]")
{
    Box box({"c", "a", "b", "d"});
    CHECK(box.ask("a SORT RETURN () (SUBJECT) UTF-8 ALL") == "* ESEARCH (TAG \"a\") ALL 2:3,1,4\r\na OK SORT completed\r\n");
    CHECK(box.ask("b UID SORT RETURN (MIN MAX COUNT) (REVERSE SUBJECT) UTF-8 ALL") ==
          "* ESEARCH (TAG \"b\") UID MIN 4 MAX 2 COUNT 4\r\nb OK UID SORT completed\r\n");
    CHECK(box.ask("c SORT RETURN (ALL COUNT) (SUBJECT) UTF-8 SUBJECT x") == "* ESEARCH (TAG \"c\") COUNT 0\r\nc OK SORT completed\r\n");
    // Ranges go up (section 3.2).
    CHECK(has(box.ask("d SORT RETURN (ALL) (REVERSE ARRIVAL REVERSE SUBJECT) UTF-8 ALL"), " ALL "));
    // RFC 5182: what is saved is a set.
    CHECK(box.ask("e SORT RETURN (SAVE) (SUBJECT) UTF-8 NOT SUBJECT d") == "e OK SORT completed\r\n");
    CHECK(box.ask("f SEARCH $") == "* SEARCH 1 2 3\r\nf OK SEARCH completed\r\n");
}

TEST_CASE("RFC 5267 4.4: PARTIAL gives a range of the results", "[imap][context]")
{
    Box box({"c", "a", "b", "d"});
    CHECK(has(box.ask("a SEARCH RETURN (PARTIAL 2:3) ALL"), "* ESEARCH (TAG \"a\") PARTIAL (2:3 2:3)\r\n"));
    CHECK(has(box.ask("b UID SEARCH RETURN (PARTIAL 6:3 COUNT) ALL"), "* ESEARCH (TAG \"b\") UID COUNT 4 PARTIAL (3:6 3:4)\r\n"));
    CHECK(has(box.ask("c SEARCH RETURN (PARTIAL 5:6) ALL"), "* ESEARCH (TAG \"c\") PARTIAL (5:6 NIL)\r\n"));
    CHECK(has(box.ask("d SORT RETURN (PARTIAL 2:3) (SUBJECT) UTF-8 ALL"), "* ESEARCH (TAG \"d\") PARTIAL (2:3 3,1)\r\n"));
    CHECK(has(box.ask("e SEARCH RETURN (PARTIAL 1:4294967295) NOT 2"), "PARTIAL (1:4294967295 1,3:4)\r\n"));
    for (const char* bad : {"(PARTIAL 1:2 ALL)", "(PARTIAL 1:2 PARTIAL 3:4)", "(PARTIAL 0:2)", "(PARTIAL 1:*)", "(PARTIAL 1)",
                            "(PARTIAL -1:-2)"}) {
        CAPTURE(bad);
        CHECK(box.client.ask("x SEARCH RETURN " + std::string(bad) + " ALL").starts_with("BAD"));
    }
    CHECK(box.client.ask("y SEARCH RETURN (PARTIAL 1:2 SAVE) ALL").starts_with("OK"));
    CHECK(box.ask("z SEARCH $") == "* SEARCH 1 2\r\nz OK SEARCH completed\r\n");
}

TEST_CASE("RFC 5267 4.3: a SEARCH with UPDATE is told what comes and goes", "[imap][context]")
{
    Box box({"a", "b", "c", "d"});
    CHECK(box.ask("B01 UID SEARCH RETURN (UPDATE COUNT) UNSEEN NOT SUBJECT d") ==
          "* ESEARCH (TAG \"B01\") UID COUNT 3\r\nB01 OK UID SEARCH completed\r\n");
    CHECK(box.ask("B02 SEARCH RETURN (UPDATE CONTEXT) FLAGGED") == "* ESEARCH (TAG \"B02\")\r\nB02 OK SEARCH completed\r\n");
    auto heard = box.after("STORE 1:2,4 +FLAGS (\\Seen)");
    CHECK(has(heard, "* ESEARCH (TAG \"B01\") UID REMOVEFROM (0 1:2)\r\n"));
    CHECK(!has(heard, "B02"));
    heard = box.after("STORE 2:3 -FLAGS (\\Seen)");
    CHECK(has(heard, "* ESEARCH (TAG \"B01\") UID ADDTO (0 2)\r\n"));
    heard = box.after("STORE 3:4 +FLAGS (\\Flagged)");
    CHECK(has(heard, "* ESEARCH (TAG \"B02\") ADDTO (0 3:4)\r\n"));
    CHECK(!has(heard, "B01"));
    // A new message: behind its EXISTS.
    box.other.append(message("new"));
    heard = box.client.say("n NOOP\r\n");
    CHECK(has(heard, "* ESEARCH (TAG \"B01\") UID ADDTO (0 5)\r\n"));
    CHECK(heard.find("5 EXISTS") < heard.find("ADDTO"));
    // An expunged one: before its EXPUNGE, under the number that it still has.
    heard = box.after("STORE 3 +FLAGS (\\Deleted)");
    CHECK(!has(heard, "ESEARCH"));
    heard = box.after("EXPUNGE");
    CHECK(has(heard, "* ESEARCH (TAG \"B01\") UID REMOVEFROM (0 3)\r\n"));
    CHECK(has(heard, "* ESEARCH (TAG \"B02\") REMOVEFROM (0 3)\r\n"));
    CHECK(heard.find("TAG \"B02\") REMOVEFROM") < heard.find("* 3 EXPUNGE"));
    // Its own changes too.
    heard = box.ask("s STORE 1 +FLAGS.SILENT (\\Flagged)");
    CHECK(has(heard, "* ESEARCH (TAG \"B02\") ADDTO (0 1)\r\n"));
    CHECK(box.ask("c CANCELUPDATE \"B01\" \"B02\"") == "c OK CANCELUPDATE completed\r\n");
    CHECK(!has(box.after("STORE 1:* +FLAGS (\\Seen \\Flagged)"), "ESEARCH"));
}

TEST_CASE("RFC 5267 4.3: a SORT with UPDATE is told places", "[imap][sort][context]")
{
    Box box({"b", "d", "f", "h"});
    CHECK(has(box.ask("S SORT RETURN (UPDATE ALL) (SUBJECT) UTF-8 UNFLAGGED"), "ALL 1:4\r\n"));
    for (const char* subject : {"a", "e", "Re: e", "i"}) box.other.append(message(subject));
    // a b d e Re:e f h i
    CHECK(has(box.client.say("n NOOP\r\n"), "* ESEARCH (TAG \"S\") ADDTO (1 5 4 6:7 8 8)\r\n"));
    CHECK(has(box.after("STORE 2,6,8 +FLAGS (\\Flagged)"), "* ESEARCH (TAG \"S\") REMOVEFROM (8 8 3 2,6)\r\n"));
    CHECK(has(box.after("STORE 8 -FLAGS (\\Flagged)"), "* ESEARCH (TAG \"S\") ADDTO (6 8)\r\n"));
    CHECK(has(box.ask("T SORT RETURN (ALL) (SUBJECT) UTF-8 UNFLAGGED"), "ALL 5,1,7,3:4,8\r\n"));
}

TEST_CASE("RFC 5267 4.3: a tag names one search with UPDATE, and an end is told", "[imap][context]")
{
    Box box({"a", "b"});
    CHECK(box.client.ask("U SEARCH RETURN (UPDATE) UNSEEN").starts_with("OK"));
    CHECK(box.client.ask("U SORT RETURN (UPDATE) (DATE) UTF-8 ALL").starts_with("BAD"));
    CHECK(box.client.ask("U SEARCH RETURN (COUNT) ALL").starts_with("OK"));
    for (int i = 1; i < 10; ++i) {
        CHECK(!has(box.ask("U" + std::to_string(i) + " SEARCH RETURN (UPDATE) SEEN"), "NOUPDATE"));
    }
    const auto refused = box.ask("U10 SEARCH RETURN (UPDATE COUNT) SEEN");
    CHECK(has(refused, "* NO [NOUPDATE \"U10\"]"));
    CHECK(has(refused, "COUNT 0"));
    CHECK(has(refused, "U10 OK"));
    CHECK(box.client.ask("c CANCELUPDATE").starts_with("BAD"));
    CHECK(box.client.ask("c CANCELUPDATE U").starts_with("BAD"));
    box.client.select();
    CHECK(!has(box.after("STORE 1 +FLAGS (\\Seen)"), "ESEARCH"));
}

TEST_CASE("RFC 5267 4.3: sequence numbers of the program mean what they meant, UIDs reach messages to come", "[imap][context]")
{
    Box box({"a", "b", "c"});
    (void)box.ask("N SEARCH RETURN (UPDATE) 1:2 UNSEEN");
    (void)box.ask("V UID SEARCH RETURN (UPDATE) UID 3:* UNSEEN");
    box.other.append(message("d"));
    auto heard = box.client.say("n NOOP\r\n");
    CHECK(!has(heard, "TAG \"N\""));
    CHECK(has(heard, "* ESEARCH (TAG \"V\") UID ADDTO (0 4)\r\n"));
    (void)box.after("STORE 1 +FLAGS (\\Deleted)");
    CHECK(has(box.after("EXPUNGE"), "* ESEARCH (TAG \"N\") REMOVEFROM (0 1)\r\n"));
    heard = box.after("STORE 1:2 +FLAGS (\\Seen)");  // b and c; b was number 2
    CHECK(has(heard, "* ESEARCH (TAG \"N\") REMOVEFROM (0 1)\r\n"));
}

TEST_CASE("RFC 5267 4.3: updates come within IDLE", "[imap][context]")
{
    Box box({"a"});
    (void)box.ask("I UID SEARCH RETURN (UPDATE) UNSEEN");
    (void)box.ask("i IDLE");
    (void)box.other.say("o STORE 1 +FLAGS (\\Seen)\r\n");
    CHECK(has(box.client.heard(), "* ESEARCH (TAG \"I\") UID REMOVEFROM (0 1)\r\n"));
    CHECK(has(box.client.say("DONE\r\n"), "i OK"));
}
