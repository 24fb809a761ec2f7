// What programs write, as a message; whom it names.
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

#include "sendmail/header.hpp"
#include "sendmail/input_text.hpp"

namespace mbx::sendmail {
namespace {

using std::string_literals::operator""s;

std::string wire(const std::string& written, bool dot_ends = true, std::size_t piece = 65536)
{
    InputText input(dot_ends);
    for (std::size_t at = 0; at < written.size(); at += piece) {
        if (!input.feed(std::string_view(written).substr(at, piece))) break;
    }
    input.finish();
    return input.take();
}

std::vector<std::string> named(const std::string& header)
{
    std::vector<std::string> found;
    for (const Address& each : header_recipients(header)) found.push_back(shown(each));
    return found;
}

TEST_CASE("A3: every line end becomes CRLF, no CR stands alone, no NUL is left", "[sendmail][hostile]")
{
    const auto piece = GENERATE(std::size_t{1}, std::size_t{2}, std::size_t{3}, std::size_t{65536});
    CHECK(wire("a\nb\n", true, piece) == "a\r\nb\r\n");
    CHECK(wire("a\r\nb\r\n", true, piece) == "a\r\nb\r\n");
    CHECK(wire("a\rb\n", true, piece) == "a\r\nb\r\n");
    CHECK(wire("10%\r20%\r\n", true, piece) == "10%\r\n20%\r\n");
    CHECK(wire("a\r\r\nb", true, piece) == "a\r\n\r\nb\r\n");
    CHECK(wire("a\0b\n"s, true, piece) == "ab\r\n");
    CHECK(wire("a\n\rb", true, piece) == "a\r\n\r\nb\r\n");
    CHECK(wire("", true, piece).empty());
    CHECK(wire("\xd0\x96\n", true, piece) == "\xd0\x96\r\n");
}

TEST_CASE("a dot alone ends the message, but not with -i; other dots are text", "[sendmail]")
{
    const auto piece = GENERATE(std::size_t{1}, std::size_t{2}, std::size_t{65536});
    CHECK(wire("a\n.\nb\n", true, piece) == "a\r\n");
    CHECK(wire("a\n.\nb\n", false, piece) == "a\r\n.\r\nb\r\n");
    CHECK(wire("a\r\n.\r\nb\r\n", true, piece) == "a\r\n");
    CHECK(wire("a\n..\n.b\n", true, piece) == "a\r\n..\r\n.b\r\n");
    CHECK(wire("a\n.", true, piece) == "a\r\n");
    CHECK(wire("a\n.", false, piece) == "a\r\n.\r\n");
    CHECK(wire(".\nx", true, piece).empty());
}

TEST_CASE("a message without a header gets none that it did not write", "[sendmail]")
{
    CHECK(with_header_end("hello world\r\n") == "\r\nhello world\r\n");
    CHECK(with_header_end(" indented\r\n") == "\r\n indented\r\n");
    CHECK(with_header_end("Subject: x\r\nhello\r\n") == "Subject: x\r\n\r\nhello\r\n");
    CHECK(with_header_end("Subject: x\r\n folded\r\n\r\nhello\r\n") == "Subject: x\r\n folded\r\n\r\nhello\r\n");
    CHECK(with_header_end("Subject : x\r\n\r\n") == "Subject : x\r\n\r\n");
    CHECK(with_header_end("\r\nhello\r\n") == "\r\nhello\r\n");
    CHECK(with_header_end("Subject: all\r\n") == "Subject: all\r\n");
    CHECK(with_header_end("From ann Sun Nov 22\r\nSubject: x\r\n\r\n") == "Subject: x\r\n\r\n");
    CHECK(with_header_end("From ann\r\n") == "");
    CHECK(with_header_end("").empty());
    CHECK(with_header_end("time: 12:00 said: x y\r\n") == "time: 12:00 said: x y\r\n");
}

TEST_CASE("-t: To, Cc and Bcc, with groups, comments, quotes and folds, each once", "[sendmail]")
{
    CHECK(named("To: Ann <ann@a.example>, \"Bob, B.\" <bob@b.example>\r\nCc: team: carol@c.example, dan@d.example;\r\n"
                "Bcc: eve@e.example (secret),\r\n ann@A.example\r\nFrom: x@y.example\r\nSubject: to: z@z.example\r\n\r\nTo: no@no.example\r\n") ==
          std::vector<std::string>{"ann@a.example", "bob@b.example", "carol@c.example", "dan@d.example", "eve@e.example"});
    CHECK(named("To: root\r\n\r\n") == std::vector<std::string>{"root"});
    CHECK(named("To: undisclosed-recipients:;\r\n\r\n").empty());
    CHECK(named("Subject: x\r\n\r\nTo: ann@a.example\r\n").empty());
    CHECK(named("TO:ann@a.example\r\nto: bob@a.example\r\n\r\n").size() == 2);
}

TEST_CASE("-t: a message that is sent again goes to whom the Resent fields name", "[sendmail]")
{
    CHECK(named("Resent-To: new@a.example\r\nTo: old@a.example\r\nResent-Bcc: hidden@a.example\r\n\r\n") ==
          std::vector<std::string>{"new@a.example", "hidden@a.example"});
}

TEST_CASE("a From is added only where there is none, and its name is legal", "[sendmail]")
{
    CHECK(with_from("Subject: x\r\n\r\n", {"root", ""}, "Cron") == "From: Cron <root>\r\nSubject: x\r\n\r\n");
    CHECK(with_from("from: a@b.example\r\n\r\n", {"root", ""}, "Cron") == "from: a@b.example\r\n\r\n");
    const std::string quoted = with_from("\r\nx", {"ann", "a.example"}, "Ann (work), Inc.");
    CHECK(quoted.starts_with("From: \"Ann (work), Inc.\" <ann@a.example>\r\n"));
    const std::string encoded = with_from("\r\nx", {"ann", ""}, "\xd0\x90\xd0\xbd\xd1\x8f");
    CHECK(encoded.starts_with("From: =?"));
    CHECK(with_from("\r\nx", {"root", ""}, "").starts_with("From: "));
}

TEST_CASE("nobody gets mail by words that are no address as they stand", "[sendmail][hostile]")
{
    const auto leaving = [](const std::string& list) {
        std::vector<std::string> all;
        for (const Address& each : addresses_in(list)) {
            const auto mailbox = qualified(each, "h.example");
            all.push_back(mailbox ? mail::format_mailbox(*mailbox) : "none");
        }
        return all;
    };
    using List = std::vector<std::string>;
    CHECK(leaving("bad address") == List{"none"});
    CHECK(leaving("broken <ok4@") == List{"none"});
    CHECK(leaving("ok4@, root") == List{"none", "root@h.example"});
    CHECK(leaving("a@b@c") == List{"none"});
    CHECK(leaving("not an address, ann@x.example") == List{"none", "ann@x.example"});
    CHECK(leaving("root, root@x.example, \"bad address\"@x.example") ==
          List{"root@h.example", "root@x.example", "\"bad address\"@x.example"});
    CHECK(leaving("Ann Lee <ann@x.example>, \xc3\xbc@x.example") == List{"ann@x.example", "\xc3\xbc@x.example"});
}

TEST_CASE("an address is shown as it can be written again", "[sendmail]")
{
    for (const char* written : {"ann@x.example", "\"quo te\"@x.example", "\"a\\\"b\"@x.example", "\"a\\\\b\"@x.example", "root", "\"no body\""}) {
        INFO(written);
        const auto named = addresses_in(written);
        REQUIRE(named.size() == 1);
        CHECK(shown(named.front()) == written);
    }
    CHECK(shown({"a\x1b[2Jb", "x.example"}).find('\x1b') == std::string::npos);
}

TEST_CASE("words beside an address, brackets and quotes that are not closed make no address", "[sendmail][hostile]")
{
    const auto leaving = [](const std::string& list) {
        std::string all;
        for (const Address& each : addresses_in(list)) {
            const auto mailbox = qualified(each, "h.example");
            all += (all.empty() ? "" : ", ") + (mailbox ? mail::format_mailbox(*mailbox) : "none: " + shown(each));
        }
        return all;
    };
    for (const char* broken : {"a b@c.example", "<x@y.example> z", "x@y.example>", "<x@y.example", "x y ann@h.example", "ann@h.example x",
                               "<<x@y.example>", "<x@y.example>>", "<x y@z.example>", "\"Ann <x@y.example>", "(Ann x@y.example",
                               "<x@y.example> <z@w.example>", "\"Ann\" x@y.example", "x@y.example z@w.example", "group: x@y.example"}) {
        INFO(broken);
        CHECK(leaving(broken) == std::string("none: ") + broken);
    }
    // As it was written, not what was made of it.
    for (const char* broken : {"ann@", "<ann@>", "group: x@y.example, z@y.example", "a b", "@a.example", "@a.example,@b.example", "@a.example:",
                               "a@b.example:c@d.example", "\"a\\\"b\"@", "a@b@c"}) {
        INFO(broken);
        CHECK(leaving(broken) == std::string("none: ") + broken);
    }
    CHECK(leaving("<x@y.example>") == "x@y.example");
    CHECK(leaving("@r.example:x@y.example") == "x@y.example");
    CHECK(leaving("@r.example,@s.example:x@y.example, z@w.example") == "x@y.example, z@w.example");
    CHECK(leaving("z@w.example, @r.example, @s.example:x@y.example") == "z@w.example, x@y.example");
    CHECK(leaving("group: @r.example:x@y.example, z@w.example;") == "x@y.example, z@w.example");
    CHECK(leaving("@r.example:\"a,b\"@y.example") == "\"a,b\"@y.example");
    CHECK(leaving("Ann (work) Lee<x@y.example> (Ann)") == "x@y.example");
    CHECK(leaving("a@b.example <x@y.example>, (only a comment), \"Lee, Ann; (x\" < x@y.example >") == "x@y.example, x@y.example");
    CHECK(leaving("ann . lee @ y.example (Ann)") == "ann.lee@y.example");
    CHECK(leaving("\"a b\"@c.example, <@r.example,@s.example:x@y.example>") == "\"a b\"@c.example, x@y.example");
    CHECK(leaving("team: a@b.example, b c@d.example; e@f.example, x@[192.0.2.1]") == "a@b.example, none: b c@d.example, e@f.example, x@[192.0.2.1]");
    CHECK(leaving("\"a\\\"b, c\"@d.example") == "\"a\\\"b, c\"@d.example");
    CHECK(leaving(",,;: ()").empty());
}

TEST_CASE("an address that is none leaves in no command, whatever it holds", "[sendmail][hostile]")
{
    Letter letter;
    letter.sender = Address{"root", ""};
    CHECK(mail_command(letter, "mx.example.test", 5) == "MAIL FROM:<root@mx.example.test> BODY=8BITMIME SIZE=5\r\n");
    for (const Address& bad : {Address{"a\r\nRCPT TO:<x@y.example>", ""}, Address{"a", "b\r\nQUIT"}, Address{"a", "b c"}, Address{"", "b"},
                               Address{std::string(70, 'a'), ""}, Address{"a\0b"s, ""}}) {
        CHECK_FALSE(rcpt_command(letter, bad, "mx.example.test"));
    }
    letter.notify = "FAILURE";
    CHECK(rcpt_command(letter, {"Ann Example", "a.example"}, "h.example") == "RCPT TO:<\"Ann Example\"@a.example> NOTIFY=FAILURE\r\n");
    letter.sender.reset();
    letter.envelope_id = "a+b";
    letter.ret = "HDRS";
    letter.recipients = {{"\xd0\x96", "a.example"}};
    CHECK(mail_command(letter, "h.example", 1) == "MAIL FROM:<> BODY=8BITMIME SIZE=1 SMTPUTF8 RET=HDRS ENVID=a+2Bb\r\n");
}

}  // namespace
}  // namespace mbx::sendmail
