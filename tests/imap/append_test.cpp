#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

#include "imap/world.hpp"

using namespace mbx;
using namespace mbx::imap;

TEST_CASE("RFC 9051 6.3.12: APPEND keeps flags, keywords, date and every byte", "[imap][session]")
{
    World world;
    Client client(world);
    client.log_in();
    const auto text = message("one");
    CHECK(client.say("a APPEND INBOX (\\Seen $Junk) \"17-Jul-1996 02:44:25 -0700\" {" + std::to_string(text.size()) +
                     "}\r\n") == "+ go ahead\r\n");
    const auto answer = client.say(text + "\r\n");
    CHECK(answer.starts_with("a OK [APPENDUID "));
    CHECK(answer.ends_with(" 1] APPEND completed\r\n"));
    client.select();
    CHECK(client.say("b FETCH 1 (UID FLAGS INTERNALDATE RFC822.SIZE BODY.PEEK[])\r\n") ==
          "* 1 FETCH (UID 1 FLAGS (\\Seen $Junk) INTERNALDATE \"17-Jul-1996 09:44:25 +0000\" RFC822.SIZE " +
              std::to_string(text.size()) + " BODY[] {" + std::to_string(text.size()) + "}\r\n" + text +
              ")\r\nb OK FETCH completed\r\n");
}

TEST_CASE("RFC 9051 6.3.12: a mailbox that took an APPEND and is gone since is told with TRYCREATE", "[imap][session]")
{
    World world;
    Client client(world);
    client.log_in();
    CHECK(client.say("a CREATE Box\r\n").starts_with("a OK"));
    CHECK(client.say("b APPEND Box {3+}\r\none\r\n").starts_with("b OK [APPENDUID "));
    Client other(world);
    other.log_in();
    CHECK(other.say("o DELETE Box\r\n").starts_with("o OK"));
    // The first one finds out with its message in hand, the next one is asked for none.
    CHECK(client.say("c APPEND Box {3+}\r\ntwo\r\nd NOOP\r\n") ==
          "c NO [TRYCREATE] no such mailbox\r\nd OK NOOP completed\r\n");
    CHECK(client.say("e APPEND Box {3}\r\n").starts_with("e NO [TRYCREATE]"));
}

TEST_CASE("E8: an APPEND that cannot be stored is refused before its bytes are asked for", "[imap][session][E8]")
{
    World world;
    Client client(world);
    client.log_in();
    CHECK(client.say("a APPEND INBOX {10737418240}\r\n").starts_with("a NO [TOOBIG]"));
    CHECK(client.say("b APPEND Nowhere {3}\r\n").starts_with("b NO [TRYCREATE]"));
    // What is on its way already is read and dropped.
    CHECK(client.say("c APPEND Nowhere {6+}\r\nc NOOP\r\nd NOOP\r\n") ==
          "c NO [TRYCREATE] no such mailbox\r\nd OK NOOP completed\r\n");
    Client other(world);
    other.log_in();
    CHECK(other.say("f APPEND INBOX {10737418240+}\r\n").starts_with("f NO [TOOBIG]"));
    CHECK(other.is_over());
}

TEST_CASE("E8: an APPEND that is cut off leaves nothing", "[imap][session][E8]")
{
    World world;
    {
        Client client(world);
        client.log_in();
        CHECK(client.say("a APPEND INBOX {1000000+}\r\n" + std::string(500'000, 'x')).empty());
    }
    Client client(world);
    client.log_in();
    CHECK(client.say("a STATUS INBOX (MESSAGES UIDNEXT)\r\n").starts_with("* STATUS \"INBOX\" (MESSAGES 0 UIDNEXT 1)\r\n"));
}

TEST_CASE("a message with NUL is refused, and in a literal8 with UNKNOWN-CTE", "[imap][session]")
{
    using namespace std::string_literals;
    World world;
    Client client(world);
    client.log_in();
    CHECK(client.say("a APPEND INBOX {3+}\r\na\0b\r\n"s).starts_with("a NO [CANNOT]"));
    CHECK(client.say("b APPEND INBOX ~{3+}\r\na\0b\r\n"s).starts_with("b NO [UNKNOWN-CTE]"));
    CHECK(client.say("c APPEND INBOX {0+}\r\n\r\n").starts_with("c NO"));
    CHECK(client.say("d APPEND INBOX {1+}\r\nab\r\n").starts_with("d BAD"));
}

TEST_CASE("RFC 7888 5: with LITERAL- a larger literal that does not wait is refused and the session ended",
          "[imap][session][E1]")
{
    auto options = test_options();
    options.literal_mode = LiteralMode::minus;
    World world(options);
    Client client(world);
    CHECK(client.greeting.find(" LITERAL- ") != std::string::npos);
    client.log_in();
    CHECK(client.say("a APPEND INBOX {4097+}\r\n").starts_with("a NO [TOOBIG]"));
    CHECK(client.is_over());
}

TEST_CASE("CLIENTS: APPEND to the selected mailbox tells EXISTS before its answer", "[imap][session]")
{
    World world;
    Client client(world);
    client.log_in();
    client.select();
    const auto answer = client.say("a APPEND INBOX {6+}\r\na: b\r\n\r\n");
    CHECK(answer.find("* 1 EXISTS\r\na OK [APPENDUID") != std::string::npos);
}

TEST_CASE("RFC 9051 6.3.12: a date beyond what a file's time can hold is kept as near as it goes", "[imap][session]")
{
    World world;
    Client client(world);
    client.log_in();
    client.append(message("first"), "\"01-Jan-0001 00:00:00 +0000\"");
    client.append(message("last"), "\"31-Dec-9999 23:59:59 +0000\"");
    client.append(message("old"), "\"01-Jan-1902 00:00:00 +0000\"");
    client.select();
    CHECK(client.say("a FETCH 1:* INTERNALDATE\r\n") ==
          "* 1 FETCH (INTERNALDATE \"13-Dec-1901 20:45:52 +0000\")\r\n"
          "* 2 FETCH (INTERNALDATE \"11-Apr-2262 23:47:15 +0000\")\r\n"
          "* 3 FETCH (INTERNALDATE \" 1-Jan-1902 00:00:00 +0000\")\r\na OK FETCH completed\r\n");
}

TEST_CASE("RFC 9051 7.1.5: an APPEND under way when the server stops is finished before BYE", "[imap][session]")
{
    World world;
    Client client(world);
    client.log_in();
    const auto text = message("late");
    CHECK(client.say("a APPEND INBOX {" + std::to_string(text.size()) + "+}\r\n" + text).empty());
    world.server->stop();
    CHECK(client.heard().empty());
    const auto answer = client.say("\r\n");
    CHECK(answer.starts_with("a OK [APPENDUID "));
    CHECK(answer.ends_with("* BYE [UNAVAILABLE] server is stopping\r\n"));
}
