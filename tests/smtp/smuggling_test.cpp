// SMTP smuggling (HOSTILE row A1) through whole sessions, and the row's neighbours.
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/generators/catch_generators_range.hpp>
#include <vector>

#include "smtp/appliance.hpp"

namespace mbx::test {
namespace {

const std::string kFront =
    "EHLO c.example\r\nMAIL FROM:<a@elsewhere.example>\r\nRCPT TO:<ann@example.test>\r\nDATA\r\n";
const std::string kSmuggled =
    "MAIL FROM:<admin@example.test>\r\nRCPT TO:<bob@example.test>\r\nDATA\r\nSubject: smuggled\r\n\r\nx";

// One of the ends that a server might take for one. The pieces are whole line ends too, so that CR CRLF is among them.
std::vector<std::string> all_ends(std::size_t length)
{
    const std::vector<std::string> pieces{"\r", "\n", "\r\n", ".", std::string(1, '\0')};
    std::vector<std::string> ends{""};
    for (std::size_t i = 0; i < length; ++i) {
        std::vector<std::string> longer;
        for (const auto& end : ends) {
            for (const auto& piece : pieces) longer.push_back(end + piece);
        }
        ends = std::move(longer);
    }
    return ends;
}

TEST_CASE("A1: no mix of CR, LF, CRLF, dot and NUL smuggles a second message in", "[smtp][smuggling]")
{
    const auto length = GENERATE(range(std::size_t{1}, std::size_t{5}));
    const bool repair = GENERATE(false, true);
    CAPTURE(length, repair);
    Appliance appliance([repair](smtp::Options& options) {
        if (repair) options.bare_newlines = smtp::BareNewlines::repair;
        options.max_errors = 1000;
    });
    std::size_t wrong = 0;
    for (const std::string& end : all_ends(length)) {
        // Only behind the end of RFC 5321 section 4.1.1.4 may a second message come; bytes between may spoil its MAIL.
        const std::size_t true_end = ("x" + end).find("\r\n.\r\n");
        const bool may_follow = true_end != std::string::npos;
        const bool must_follow = may_follow && true_end + 5 == 1 + end.size();
        const std::string heard =
            appliance.talk(kFront + "Subject: first\r\n\r\nx" + end + kSmuggled + "\r\n.\r\nQUIT\r\n");
        const bool second = !appliance.inbox("bob").empty();
        const bool bye = heard.ends_with("221 2.0.0 bye\r\n");
        const bool judged_wrong = (second && !may_follow) || (!second && must_follow);
        if (judged_wrong || !bye || appliance.stored() > (may_follow ? 2 : 1)) {
            ++wrong;
            UNSCOPED_INFO("end of " << end.size() << " bytes: " << heard);
        }
        if (appliance.stored() != 0) appliance.empty_inboxes();
    }
    CHECK(wrong == 0);
}

TEST_CASE("A1: a message with a bare CR, LF or a NUL is swallowed to its true end and refused", "[smtp][smuggling]")
{
    Appliance appliance;
    for (const std::string& bytes :
         {std::string("\n"), std::string("\r"), std::string(1, '\0'), std::string("\n.\n"), std::string("\r\n.\n")}) {
        const std::string heard = appliance.talk(kFront + "x" + bytes + "y\r\n.\r\nNOOP\r\nQUIT\r\n");
        CHECK(heard.find("\r\n550 5.6.11 ") != std::string::npos);
        CHECK(heard.ends_with("250 2.0.0 ok\r\n221 2.0.0 bye\r\n"));
    }
    CHECK(appliance.stored() == 0);
    CHECK(appliance.spooled() == 0);
}

TEST_CASE("A1: repair stores CRLF for each bare line end, and refuses NUL still", "[smtp][smuggling]")
{
    Appliance appliance([](smtp::Options& options) { options.bare_newlines = smtp::BareNewlines::repair; });
    CHECK(appliance.talk(kFront + "Subject: x\n\na\rb\n.\nc\r\n.\r\nQUIT\r\n").find("250 2.0.0 ID accepted") !=
          std::string::npos);
    REQUIRE(appliance.inbox("ann").size() == 1);
    CHECK(as_sent(appliance.inbox("ann")[0]) == "Subject: x\r\n\r\na\r\nb\r\n.\r\nc\r\n");
    CHECK(appliance.talk(kFront + std::string(1, '\0') + "\r\n.\r\nQUIT\r\n").find("550 5.6.11 NUL") !=
          std::string::npos);
}

TEST_CASE("A9: a line of ten megabytes and one without an end before the dot are stored byte for byte",
          "[smtp][smuggling]")
{
    Appliance appliance;
    const std::string line = "\r\n" + std::string(10U << 20U, 'x') + "\r\n";
    CHECK(appliance.talk(kFront + line + ".\r\nQUIT\r\n").find("250 2.0.0 ID accepted") != std::string::npos);
    REQUIRE(appliance.inbox("ann").size() == 1);
    CHECK(as_sent(appliance.inbox("ann")[0]) == line);
}

TEST_CASE("B7, B9: an HTTP client and a TLS client on a clear port are sent away, their bytes not read as commands",
          "[smtp][smuggling]")
{
    Appliance appliance;
    const std::string heard = appliance.talk("POST / HTTP/1.1\r\nHost: mx\r\n\r\n" + kFront + "x\r\n.\r\n");
    CHECK(heard == "220 mx.example.test ESMTP mailboxd\r\n421 4.7.0 this is SMTP\r\n");
    CHECK(appliance.talk("\x16\x03\x01\x02").ends_with("421 4.7.0 this is SMTP\r\n"));
    CHECK(appliance.talk("EHLO c.example\r\nGET / HTTP/1.0\r\n" + kFront + "x\r\n.\r\n")
              .ends_with("421 4.7.0 this is SMTP\r\n"));
    CHECK(appliance.stored() == 0);
}

TEST_CASE("A6: a chunk behind BDAT, wanted or not, is never read as commands", "[smtp][smuggling]")
{
    Appliance appliance;
    const std::string inner = kFront + "x\r\n.\r\n";
    CHECK(appliance.talk("EHLO c.example\r\nBDAT " + std::to_string(inner.size()) + " LAST\r\n" + inner + "QUIT\r\n")
              .ends_with("503 5.5.1 bad sequence of commands\r\n221 2.0.0 bye\r\n"));
    CHECK(appliance.talk("EHLO c.example\r\nBDAT -1 LAST\r\n" + inner).ends_with("501 5.5.4 a chunk needs its size\r\n"));
    CHECK(appliance.stored() == 0);
}

} // namespace
} // namespace mbx::test
