#include "smtp/command.hpp"

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <vector>

namespace mbx::smtp {
namespace {

TEST_CASE("verbs are known in any case (RFC 5321 2.4)", "[smtp][command]")
{
    const auto command = parse_command("mAiL FROM:<A@b.example>");
    REQUIRE(command);
    CHECK(command->verb == Verb::mail);
    CHECK(command->argument == "FROM:<A@b.example>");
    CHECK(parse_command("starttls")->verb == Verb::starttls);
}

TEST_CASE("each verb finds its own row", "[smtp][command]")
{
    for (unsigned i = 0; i <= static_cast<unsigned>(Verb::vrfy); ++i) {
        const Verb verb = static_cast<Verb>(i);
        const auto command = parse_command(name_of(verb));
        REQUIRE(command);
        CHECK(command->verb == verb);
    }
}

TEST_CASE("white space behind a command is no argument (RFC 5321 4.1.1)", "[smtp][command]")
{
    CHECK(parse_command("QUIT   ")->argument.empty());
}

TEST_CASE("A2: a bare CR or LF in a line is no command", "[smtp][command]")
{
    for (const std::string_view line : {"NOOP\nQUIT", "NOOP\rQUIT", "NOOP\n", "\nNOOP", "MAIL FROM:<a@b.example>\n"}) {
        const auto command = parse_command(line);
        REQUIRE_FALSE(command);
        CHECK(command.error() == SyntaxError::stray_bytes);
    }
}

TEST_CASE("A10: control bytes anywhere and 8-bit bytes where no address stands are refused", "[smtp][command]")
{
    using std::string_literals::operator""s;
    for (const std::string& line :
         {"NOOP a\0b"s, "EHLO \x1b[2J"s, "RCPT TO:<a\x07@b>"s, "MAIL\tFROM:<a@b>"s, "NOOP \x7f"s}) {
        const auto command = parse_command(line);
        REQUIRE_FALSE(command);
        CHECK(command.error() == SyntaxError::stray_bytes);
    }
    CHECK(parse_command("EHLO m\xc3\xbcller").error() == SyntaxError::stray_bytes);
    CHECK(parse_command("\xff\xfe").error() == SyntaxError::unknown_verb);
    CHECK(parse_command("RCPT TO:<m\xc3\xbcller@b.example>"));
}

TEST_CASE("A8: a line over its verb's limit is refused, one at the limit is not (RFC 5321 4.5.3.1.4)",
          "[smtp][command]")
{
    const auto line_of = [](std::string start, std::size_t size) {
        return start + std::string(size - start.size(), 'x');
    };
    CHECK(parse_command(line_of("NOOP ", 510)));
    CHECK(parse_command(line_of("NOOP ", 511)).error() == SyntaxError::too_long);
    CHECK(parse_command(line_of("MAIL ", 1181)));
    CHECK(parse_command(line_of("MAIL ", 1182)).error() == SyntaxError::too_long);
    CHECK(parse_command(line_of("RCPT ", 1010)));
    CHECK(parse_command(line_of("RCPT ", 1011)).error() == SyntaxError::too_long);
    CHECK(parse_command(line_of("AUTH PLAIN ", 12'299)));
    CHECK(parse_command(line_of("what", 600)).error() == SyntaxError::too_long);
}

TEST_CASE("B9: an HTTP request line and a TLS record are another protocol", "[smtp][command]")
{
    CHECK(parse_command("GET / HTTP/1.1").error() == SyntaxError::foreign_protocol);
    CHECK(parse_command("POST /mail HTTP/1.1").error() == SyntaxError::foreign_protocol);
    CHECK(parse_command("\x16\x03\x01").error() == SyntaxError::foreign_protocol);
    CHECK(parse_command("get").error() == SyntaxError::unknown_verb);
}

TEST_CASE("MAIL takes its parameters, and a space behind the colon for Outlook", "[smtp][command]")
{
    const auto mail = parse_mail("from: <a@b.example> SIZE=1234 BODY=8BITMIME SMTPUTF8 AUTH=<>");
    REQUIRE(mail);
    REQUIRE(mail->reverse_path);
    CHECK(mail->reverse_path->local_part == "a");
    CHECK(mail->size == 1234U);
    CHECK(mail->body == BodyKind::eight_bit_mime);
    CHECK(mail->smtputf8);
    const auto null = parse_mail("FROM:<>");
    REQUIRE(null);
    CHECK_FALSE(null->reverse_path);
    CHECK_FALSE(null->size);
}

TEST_CASE("C5, J10: SIZE is digits only; more than 64 bits is over every limit (RFC 1870 3)", "[smtp][command]")
{
    CHECK(parse_mail("FROM:<a@b.example> SIZE=2147483648")->size == 2147483648U);
    CHECK(parse_mail("FROM:<a@b.example> SIZE=4294967296")->size == 4294967296U);
    CHECK(parse_mail("FROM:<a@b.example> SIZE=9223372036854775808")->size == 9223372036854775808U);
    CHECK(parse_mail("FROM:<a@b.example> SIZE=18446744073709551616")->size == UINT64_MAX);
    CHECK(parse_mail("FROM:<a@b.example> SIZE=99999999999999999999")->size == UINT64_MAX);
    for (const std::string_view bad : {"SIZE=-1", "SIZE=+1", "SIZE=", "SIZE", "SIZE=1x", "SIZE=0x10",
                                       "SIZE=100000000000000000000", "SIZE=1 SIZE=2"}) {
        CAPTURE(bad);
        const auto mail = parse_mail("FROM:<a@b.example> " + std::string(bad));
        REQUIRE_FALSE(mail);
        CHECK(mail.error() == ArgumentError::bad_parameter);
    }
}

TEST_CASE("a parameter that was not offered is 555's, a bad value 501's (RFC 5321 4.1.1.11)", "[smtp][command]")
{
    CHECK(parse_mail("FROM:<a@b.example> BY=1").error() == ArgumentError::unknown_parameter);
    CHECK(parse_mail("FROM:<a@b.example> BODY=9BIT").error() == ArgumentError::bad_parameter);
    CHECK(parse_mail("FROM:<a@b.example> SMTPUTF8=1").error() == ArgumentError::bad_parameter);
    CHECK(parse_mail("FROM:<a@b.example> =1").error() == ArgumentError::bad_parameter);
    CHECK(parse_mail("FROM:<a@b.example>SIZE=1").error() == ArgumentError::address);
    CHECK(parse_rcpt("TO:<a@b.example> HOLD=1", false).error() == ArgumentError::unknown_parameter);
}

TEST_CASE("C1: paths over RFC 5321 4.5.3.1's limits are refused", "[smtp][command]")
{
    const auto path = [](std::size_t local, const std::string& domain) {
        return "TO:<" + std::string(local, 'a') + "@" + domain + ">";
    };
    const std::string label(60, 'd');
    CHECK(parse_rcpt(path(64, "b.example"), false));
    CHECK(parse_rcpt(path(65, "b.example"), false).error() == ArgumentError::address);
    CHECK(parse_rcpt(path(1, label + "." + label + "." + label + "." + label + "." + label), false).error() ==
          ArgumentError::address);
    CHECK(parse_rcpt(path(64, label + "." + label + "." + label + ".example"), false).error() ==
          ArgumentError::address);
}

TEST_CASE("C2: the forms of RFC 5321 4.1.2 are read, a source route is dropped", "[smtp][command]")
{
    struct Row {
        std::string_view argument;
        std::string_view local;
        std::string_view domain;
    };
    for (const Row& row : std::vector<Row>{
             {"TO:<@a.example,@b.example:u@d.example>", "u", "d.example"},
             {"TO:<\"a b\"@d.example>", "a b", "d.example"},
             {R"(TO:<"a\"@x"@d.example>)", "a\"@x", "d.example"},
             {"TO:<u@[192.0.2.4]>", "u", "[192.0.2.4]"},
             {"TO:<u@[IPv6:2001:db8::1]>", "u", "[IPv6:2001:db8::1]"},
             {"TO:<postmaster>", "postmaster", ""},
             {"TO: <u@D.Example>", "u", "d.example"},
         }) {
        CAPTURE(row.argument);
        const auto mailbox = parse_rcpt(row.argument, false);
        REQUIRE(mailbox);
        CHECK(mailbox->mailbox.local_part == row.local);
        CHECK(mailbox->mailbox.domain == row.domain);
    }
    for (const std::string_view bad :
         {"TO:<>", "TO:<u>", "TO:u@d.example", "TO:<u@d.example", "TO:<u@@d.example>", "TO:", "FROM:<u@d.example>",
          "TO:<u@d.example.>", "TO:<u@[1.2.3]>", "TO:<.u@d.example>"}) {
        CAPTURE(bad);
        CHECK_FALSE(parse_rcpt(bad, false));
    }
    CHECK_FALSE(parse_mail("FROM:<postmaster>"));
}

TEST_CASE("I5: RET, ENVID, NOTIFY and ORCPT are read within the limits of RFC 3461 4", "[smtp][command][dsn]")
{
    const auto mail = parse_mail("FROM:<a@b.example> RET=hdrs ENVID=QQ+2B314159 REQUIRETLS BODY=binarymime");
    REQUIRE(mail);
    CHECK(mail->ret == queue::ReturnKind::headers);
    CHECK(mail->envelope_id == "QQ+314159");
    CHECK(mail->require_tls);
    CHECK(mail->body == BodyKind::binary_mime);
    CHECK(parse_mail("FROM:<a@b.example> ENVID=" + std::string(100, 'x')));
    for (const std::string& bad : {std::string("RET=BODY"), std::string("RET"), std::string("RET=FULL RET=FULL"), std::string("ENVID"),
                                   std::string("ENVID=+00"), std::string("ENVID=+0A"), std::string("ENVID=a+"), std::string("ENVID=a+4"),
                                   std::string("ENVID=a+zz"), "ENVID=" + std::string(101, 'x'), std::string("ENVID=a ENVID=b"),
                                   std::string("REQUIRETLS=1")}) {
        CAPTURE(bad);
        CHECK(parse_mail("FROM:<a@b.example> " + bad).error() == ArgumentError::bad_parameter);
    }
    const auto rcpt = parse_rcpt("TO:<a@b.example> NOTIFY=success,DELAY ORCPT=RFC822;x+2By@c.example", false);
    REQUIRE(rcpt);
    CHECK(rcpt->notify == queue::Notify{true, true, false, true});
    CHECK(rcpt->original == "rfc822;x+y@c.example");
    CHECK(parse_rcpt("TO:<a@b.example> NOTIFY=NEVER", false)->notify == queue::Notify{true, false, false, false});
    CHECK(parse_rcpt("TO:<a@b.example>", false)->notify == queue::Notify{});
    for (const std::string& bad : {std::string("NOTIFY"), std::string("NOTIFY=NEVER,SUCCESS"), std::string("NOTIFY=SUCCESS,"),
                                   std::string("NOTIFY=,"), std::string("NOTIFY=ALWAYS"), std::string("NOTIFY=NEVER NOTIFY=NEVER"),
                                   std::string("ORCPT=a@b"), std::string("ORCPT=rfc822;a+00b@c"), std::string("ORCPT=rfc822;a ORCPT=rfc822;b"),
                                   "ORCPT=rfc822;" + std::string(500, 'a')}) {
        CAPTURE(bad);
        CHECK(parse_rcpt("TO:<a@b.example> " + bad, false).error() == ArgumentError::bad_parameter);
    }
}

TEST_CASE("A6: BDAT has a size that fits, and LAST or nothing behind (RFC 3030 2)", "[smtp][command]")
{
    CHECK(parse_bdat("0 LAST")->is_last);
    CHECK(parse_bdat("86 last")->size == 86);
    CHECK_FALSE(parse_bdat("1000")->is_last);
    CHECK(parse_bdat("9223372036854775808")->size == 9223372036854775808U);
    for (const char* bad : {"", "-1", "+1", "x", "1x", "LAST", "0x10", "1 FIRST", "1 LAST LAST", "10000000000000000000", "1,000"}) {
        CAPTURE(bad);
        CHECK_FALSE(parse_bdat(bad));
    }
}

TEST_CASE("C12: XCLIENT's attributes are read as xtext, and nonsense is refused", "[smtp][command]")
{
    const auto said = parse_xclient("NAME=spike.example ADDR=IPV6:2001:db8::1 PORT=4711 PROTO=ESMTP HELO=h+2Bx.example LOGIN=[UNAVAILABLE]");
    REQUIRE(said);
    CHECK(said->address == net::IpAddress::parse("2001:db8::1"));
    CHECK(said->port == 4711);
    CHECK(said->helo == "h+x.example");
    CHECK_FALSE(parse_xclient("ADDR=[UNAVAILABLE]")->address);
    for (const char* bad : {"ADDR=1.2.3", "ADDR", "PORT=70000", "PORT=-1", "HELO=a+0Ab", "HELO=a+20b", "ADDR=+", "=x"}) {
        CAPTURE(bad);
        CHECK_FALSE(parse_xclient(bad));
    }
}

TEST_CASE("C6: UTF-8 in an address needs the parameter and must be UTF-8 (RFC 6531 3.3)", "[smtp][command]")
{
    CHECK(parse_mail("FROM:<\xd0\xb8@b.example> SMTPUTF8"));
    CHECK(parse_mail("FROM:<\xd0\xb8@b.example>").error() == ArgumentError::needs_smtputf8);
    CHECK(parse_mail("FROM:<a\xff@b.example> SMTPUTF8").error() == ArgumentError::address);
    CHECK(parse_mail("FROM:<a\xc0\xaf@b.example> SMTPUTF8").error() == ArgumentError::address);
    CHECK(parse_rcpt("TO:<\xe4\xb8\xad@b.example>", true));
    CHECK(parse_rcpt("TO:<\xe4\xb8\xad@b.example>", false).error() == ArgumentError::needs_smtputf8);
}

TEST_CASE("J6: the log shows no word of AUTH, and of unknown lines the first word at most", "[smtp][command]")
{
    CHECK(loggable("AUTH PLAIN AGEAc2VjcmV0", false) == "AUTH ****");
    CHECK(loggable("  auth LOGIN c2VjcmV0", false) == "AUTH ****");
    CHECK(loggable("PASS secret", false) == "PASS");
    CHECK(loggable("c2VjcmV0", true) == "****");
    CHECK(loggable("MAIL FROM:<a@b.example>", true) == "MAIL FROM:<a@b.example>");
}

TEST_CASE("a greeting name is one word of printable ASCII", "[smtp][command]")
{
    CHECK(is_greeting_name("client.example"));
    CHECK(is_greeting_name("[192.0.2.1]"));
    CHECK(is_greeting_name("under_score"));
    CHECK_FALSE(is_greeting_name(""));
    CHECK_FALSE(is_greeting_name("two words"));
    CHECK_FALSE(is_greeting_name(std::string(256, 'a')));
}

} // namespace
} // namespace mbx::smtp
