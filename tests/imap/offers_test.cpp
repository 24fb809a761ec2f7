// What is offered has a transcript: the smaller extensions, each in its RFC's own words. The larger ones have files of their own.
#include <catch2/catch_test_macros.hpp>

#include "imap/world.hpp"

using namespace mbx;
using namespace mbx::imap;

namespace {

bool has(std::string_view text, std::string_view part) { return text.find(part) != std::string_view::npos; }

struct Alone {
    explicit Alone(int messages = 0) : client(world)
    {
        client.log_in();
        for (int i = 0; i < messages; ++i) client.append(message("m" + std::to_string(i)));
    }
    World world;
    Client client;
};

}  // namespace

TEST_CASE("RFC 4959 3: SASL-IR: an initial response comes with AUTHENTICATE, an empty one is \"=\"", "[imap][offers]")
{
    World world;
    Client client(world);
    CHECK(has(client.greeting, " SASL-IR "));
    CHECK_FALSE(client.ask("a AUTHENTICATE PLAIN =").starts_with("OK"));
    CHECK(client.ask("b AUTHENTICATE PLAIN AGFubkBleGFtcGxlLm9yZwBzZWNyZXQ=").starts_with("OK"));
}

TEST_CASE("RFC 5161 3.1: ENABLE tells what this command enabled, not what others did", "[imap][offers]")
{
    Alone one;
    CHECK(one.client.say("a ENABLE CONDSTORE X-GOOD-IDEA\r\n").starts_with("* ENABLED CONDSTORE\r\na OK"));
    CHECK(one.client.say("b ENABLE UTF8=ACCEPT\r\n").starts_with("* ENABLED UTF8=ACCEPT\r\nb OK"));
    CHECK(one.client.say("c ENABLE X-NONSENSE\r\n").starts_with("* ENABLED\r\nc OK"));
    World world;
    Client early(world);
    CHECK(early.ask("d ENABLE CONDSTORE").starts_with("BAD"));  // before log-in
}

TEST_CASE("RFC 2342 5: NAMESPACE names the personal namespace with its delimiter", "[imap][offers]")
{
    Alone one;
    CHECK(one.client.say("a NAMESPACE\r\n").starts_with("* NAMESPACE ((\"\" \"/\")) "));
}

TEST_CASE("RFC 3348 4: CHILDREN: every LIST says whether a mailbox has children", "[imap][offers]")
{
    Alone one;
    CHECK(one.client.ask("a CREATE Top/Below").starts_with("OK"));
    CHECK(has(one.client.say("b LIST \"\" Top\r\n"), "\\HasChildren"));
    CHECK(has(one.client.say("c LIST \"\" Top/Below\r\n"), "\\HasNoChildren"));
    CHECK(one.client.ask("d DELETE Top/Below").starts_with("OK"));
    CHECK(has(one.client.say("e LIST \"\" Top\r\n"), "\\HasNoChildren"));
    CHECK(has(one.client.say("f LIST \"\" Top RETURN (CHILDREN)\r\n"), "\\HasNoChildren"));
}

TEST_CASE("RFC 6154 2: SPECIAL-USE: attributes come in LIST, and LIST (SPECIAL-USE) gives those mailboxes alone", "[imap][offers]")
{
    Alone one;
    CHECK(one.client.ask("a CREATE Plain").starts_with("OK"));
    const auto told = one.client.say("b LIST (SPECIAL-USE) \"\" \"*\"\r\n");
    CHECK(has(told, "\\Sent"));
    CHECK_FALSE(has(told, "Plain"));
    CHECK(has(one.client.say("c LIST \"\" \"%\" RETURN (SPECIAL-USE)\r\n"), "\"Plain\"\r\n"));
}

TEST_CASE("RFC 6154 3: CREATE-SPECIAL-USE: CREATE takes a use, and refuses one that it does not know", "[imap][offers]")
{
    Alone one;
    CHECK(one.client.ask("a CREATE Odd (USE (\\NoSuchUse))").starts_with("NO [USEATTR]"));
    const auto made = one.client.ask("b CREATE \"Old mail\" (USE (\\Archive))");
    CHECK((made.starts_with("OK") || made.starts_with("NO [USEATTR]")));
    CHECK(one.client.ask("c CREATE Wrong (USE)").starts_with("BAD"));
}

TEST_CASE("RFC 5258 3: LIST-EXTENDED: several patterns, selection and return options, and what they refuse", "[imap][offers]")
{
    Alone one;
    CHECK(one.client.ask("a CREATE Work/May").starts_with("OK"));
    CHECK(one.client.ask("b SUBSCRIBE Work/May").starts_with("OK"));
    CHECK(one.client.ask("c SUBSCRIBE Gone/For/Good").starts_with("OK"));
    const auto told = one.client.say("d LIST \"\" (\"INBOX\" \"Work/*\")\r\n");
    CHECK(has(told, "\"INBOX\"\r\n"));
    CHECK(has(told, "\"Work/May\"\r\n"));
    CHECK_FALSE(has(told, "Drafts"));
    const auto subscribed = one.client.say("e LIST (SUBSCRIBED) \"\" \"*\" RETURN (CHILDREN)\r\n");
    CHECK(has(subscribed, "\\Subscribed"));
    CHECK(has(subscribed, "\\NonExistent"));  // subscriptions outlive mailboxes
    CHECK(has(one.client.say("f LIST () \"\" Work RETURN (SUBSCRIBED)\r\n"), "\"Work\"\r\n"));
    CHECK(one.client.ask("g LIST (RECURSIVEMATCH) \"\" \"*\"").starts_with("BAD"));
    CHECK(one.client.ask("h LIST (NO-SUCH-OPTION) \"\" \"*\"").starts_with("BAD"));
}

TEST_CASE("RFC 5819 2: LIST-STATUS: STATUS of each mailbox that LIST names and that can be selected", "[imap][offers]")
{
    Alone one(2);
    CHECK(has(one.client.say("a LIST \"\" INBOX RETURN (STATUS (MESSAGES UIDNEXT))\r\n"),
              "\"/\" \"INBOX\"\r\n* STATUS \"INBOX\" (MESSAGES 2 UIDNEXT 3)\r\n"));
}

TEST_CASE("RFC 8438 3: STATUS=SIZE: the sizes of all messages together, as RFC822.SIZE tells them", "[imap][offers]")
{
    Alone one(3);
    CHECK(has(one.client.say("a STATUS INBOX (SIZE)\r\n"), "(SIZE " + std::to_string(3 * message("m0").size()) + ")"));
}

TEST_CASE("RFC 3691 2: UNSELECT leaves a mailbox and removes nothing", "[imap][offers]")
{
    Alone one(1);
    one.client.select();
    (void)one.client.ask("a STORE 1 +FLAGS (\\Deleted)");
    CHECK(one.client.ask("b UNSELECT").starts_with("OK"));
    CHECK(one.client.ask("c UNSELECT").starts_with("BAD"));
    CHECK(has(one.client.say("d STATUS INBOX (MESSAGES)\r\n"), "(MESSAGES 1)"));
}

TEST_CASE("RFC 4315 2.1, 3: UIDPLUS: UID EXPUNGE takes the named alone; APPENDUID and COPYUID name what was made", "[imap][offers]")
{
    Alone one(3);
    one.client.select();
    (void)one.client.ask("a STORE 1:3 +FLAGS.SILENT (\\Deleted)");
    CHECK(one.client.say("b UID EXPUNGE 2:4294967295\r\n").starts_with("* 3 EXPUNGE\r\n") !=
          one.client.say("c UID SEARCH ALL\r\n").starts_with("* SEARCH 2"));
    CHECK(has(one.client.say("d UID SEARCH ALL\r\n"), "* SEARCH 1\r\n"));
    CHECK(one.client.ask("e COPY 1 Archive").starts_with("OK [COPYUID "));
}

TEST_CASE("RFC 6851 3.3: MOVE tells COPYUID before the expunges, and UID MOVE the same", "[imap][offers]")
{
    Alone one(2);
    one.client.select();
    const auto told = one.client.say("a MOVE 1 Archive\r\n");
    CHECK(told.find("[COPYUID ") < told.find("* 1 EXPUNGE\r\n"));
    CHECK(has(told, "a OK"));
    CHECK(has(one.client.say("b UID MOVE 2 Archive\r\n"), "* 1 EXPUNGE\r\n"));
}

TEST_CASE("RFC 7888 4: LITERAL+: literals of any size go out without waiting, also several in one command", "[imap][offers]")
{
    World world;
    Client client(world);
    CHECK(has(client.greeting, " LITERAL+ "));
    CHECK(has(client.say("a LOGIN {15+}\r\nann@example.org {6+}\r\nsecret\r\n"), "a OK"));
    CHECK(has(client.say("b CREATE {5+}\r\nthere\r\nc SELECT {5+}\r\nthere\r\n"), "c OK"));
}

TEST_CASE("RFC 7889 3: APPENDLIMIT is told as a capability and by STATUS", "[imap][offers]")
{
    Alone one;
    const auto told = one.client.say("a CAPABILITY\r\n");
    const auto at = told.find(" APPENDLIMIT=");
    REQUIRE(at != std::string::npos);
    const auto limit = told.substr(at + 13, told.find_first_not_of("0123456789", at + 13) - at - 13);
    CHECK(has(one.client.say("b STATUS INBOX (APPENDLIMIT)\r\n"), "(APPENDLIMIT " + limit + ")"));
}

TEST_CASE("RFC 3516 4.2: BINARY decodes a part's transfer encoding, BINARY.SIZE tells how long it then is", "[imap][offers]")
{
    Alone one;
    one.client.append("MIME-Version: 1.0\r\nContent-Type: text/plain\r\nContent-Transfer-Encoding: base64\r\n\r\naGVsbG8=\r\n");
    one.client.select();
    CHECK(has(one.client.say("a FETCH 1 (BINARY.PEEK[1])\r\n"), "BINARY[1] {5}\r\nhello"));
    CHECK(has(one.client.say("b FETCH 1 (BINARY.SIZE[1])\r\n"), "BINARY.SIZE[1] 5"));
}
