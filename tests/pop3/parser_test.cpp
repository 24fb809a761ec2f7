#include <catch2/catch_test_macros.hpp>

#include "pop3/command.hpp"

using namespace mbx::pop3;

namespace {

Command parsed(std::string_view line)
{
    CAPTURE(line);
    const auto command = parse_command(line);
    REQUIRE(command);
    return *command;
}
SyntaxError refused(std::string_view line)
{
    CAPTURE(line);
    const auto command = parse_command(line);
    REQUIRE(!command);
    return command.error();
}

}  // namespace

TEST_CASE("RFC 1939 3: a command is a keyword in any case with its arguments behind spaces", "[pop3][parser]")
{
    CHECK(parsed("STAT").verb == Verb::stat);
    CHECK(parsed("stat").verb == Verb::stat);
    CHECK(parsed("quit  ").verb == Verb::quit);
    CHECK(parsed("LIST").message == std::nullopt);
    CHECK(parsed("LIST 7").message == 7);
    CHECK(parsed("Retr   007 ").message == 7);
    CHECK(parsed("TOP 1 0").lines == 0);
    CHECK(parsed("TOP 12  34").message == 12);
    CHECK(parsed("TOP 12  34").lines == 34);
    CHECK(parsed("UIDL 3").verb == Verb::uidl);
}

TEST_CASE("RFC 1939 7: a name and a password are what follows, and a password keeps its spaces", "[pop3][parser]")
{
    CHECK(parsed("USER  ann@example.org ").text == "ann@example.org");
    CHECK(parsed("PASS  two words ").text == " two words ");
    CHECK(parsed("PASS \xd1\x91\xd0\xb6").text == "\xd1\x91\xd0\xb6");  // RFC 6856 section 2.2
    CHECK(refused("PASS") == SyntaxError::bad_argument);
    CHECK(refused("PASS ") == SyntaxError::bad_argument);
    CHECK(refused("USER  ") == SyntaxError::bad_argument);
}

TEST_CASE("RFC 5034 4: AUTH names a mechanism and may bring the first response", "[pop3][parser]")
{
    CHECK(parsed("AUTH").text.empty());
    CHECK(parsed("AUTH plain").text == "PLAIN");
    CHECK(!parsed("AUTH plain").initial);
    CHECK(parsed("AUTH PLAIN AGE=").initial == "AGE=");
    CHECK(parsed("AUTH PLAIN =").initial == "=");
}

TEST_CASE("RFC 6856 3: LANG takes a range or none", "[pop3][parser]")
{
    CHECK(parsed("LANG").text.empty());
    CHECK(parsed("LANG *").text == "*");
    CHECK(parsed("LANG de-AT").text == "de-AT");
}

TEST_CASE("E20: numbers of any length are numbers, and what is none is refused", "[pop3][parser][E20][J10]")
{
    CHECK(parsed("RETR 0").message == 0);
    CHECK(parsed("DELE 4294967296").message == 4294967296);
    CHECK(parsed("DELE 99999999999999999999999999").message == UINT64_MAX);
    CHECK(parsed("TOP 1 99999999999999999999999999").lines == UINT64_MAX);
    for (const auto* line : {"RETR", "RETR -1", "RETR +1", "RETR 1 2", "RETR 1x", "RETR 0x1", "TOP 1", "TOP 1 -1", "TOP 1 2 3",
                             "LIST a", "UIDL 1 2", "STAT 1", "NOOP x", "QUIT now", "CAPA x", "STLS x", "UTF8 x"}) {
        CHECK(refused(line) == SyntaxError::bad_argument);
    }
}

TEST_CASE("A10: control bytes and 8-bit bytes that are not UTF-8 make no command", "[pop3][parser][A10]")
{
    CHECK(refused("") == SyntaxError::unknown_command);
    CHECK(refused(" STAT") == SyntaxError::unknown_command);
    CHECK(refused("STATS") == SyntaxError::unknown_command);
    CHECK(refused("APOP ann c4c9334bac560ecc979e58001b3e22fb") == SyntaxError::unknown_command);
    CHECK(refused("STAT\n") == SyntaxError::bad_bytes);
    CHECK(refused("STAT\nQUIT") == SyntaxError::bad_bytes);
    CHECK(refused(std::string_view("USER a\0b", 8)) == SyntaxError::bad_bytes);
    CHECK(refused("USER \xff") == SyntaxError::bad_bytes);
    CHECK(refused("LIST\t1") == SyntaxError::bad_bytes);
}
