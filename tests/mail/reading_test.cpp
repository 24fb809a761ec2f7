// What people read of a message: base subject, text of HTML, preview, whether something is attached.
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

#include "mail/base_subject.hpp"
#include "mail/charset.hpp"
#include "mail/html_text.hpp"
#include "mail/preview.hpp"

using namespace mbx::mail;

namespace {

std::string preview_of(std::string_view message) { return preview(message, parse_structure(message)); }
bool attached(std::string_view message) { return has_attachment(parse_structure(message)); }

std::string two_parts(std::string_view kind, std::string_view second)
{
    return "Content-Type: multipart/" + std::string(kind) +
           "; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\nhello\r\n--b\r\n" + std::string(second) +
           "\r\n--b--\r\n";
}

}  // namespace

TEST_CASE("RFC 5256 2.1: leaders, blobs and trailers go from a subject", "[mail][subject]")
{
    struct Row {
        std::string subject;
        std::string base;
    };
    const auto row = GENERATE(values<Row>({
        {"lunch", "lunch"},
        {"Re: lunch", "lunch"},
        {"RE : [list] Re[2]: fw: FWD: lunch (fwd) ", "lunch"},
        {"[list] lunch", "lunch"},
        {"[list]", "[list]"},
        {"[a][b] [c]", "[c]"},
        {"[fwd: Re: lunch]", "lunch"},
        {"[Fwd: [fwd: lunch]] (FWD)", "lunch"},
        {"Re:", ""},
        {"(fwd)", ""},
        {"reply", "reply"},
        {"re lunch", "re lunch"},
        {"two   \t words", "two words"},
        {"[open lunch", "[open lunch"},
        {"", ""},
    }));
    CHECK(base_subject(row.subject) == row.base);
}

TEST_CASE("the text of HTML is what a person reads", "[mail][html]")
{
    CHECK(html_text("<p>Hello <b>wor</b>ld</p><p>next</p>", false) == "Hello world\nnext");
    CHECK(html_text("<style>p{color:red}</style><script>if(a<b)x('</p>')</script>a", false) == "a");
    CHECK(html_text("a<!-- <b>hidden</b> -->b", false) == "ab");
    CHECK(html_text("M&uuml;ller &amp; S&#246;hne &#x442; &unknown; &", false) == "Müller & Söhne т &unknown; &");
    CHECK(html_text("1 < 2 and 3 > 2", false) == "1 < 2 and 3 > 2");
    CHECK(html_text("click <a href=\"https://x.example/a?b&amp;c\">here</a> now", true) ==
          "click here now\nhttps://x.example/a?b&c");
    CHECK(html_text("<img alt='two words' src=x>", true) == "\ntwo words");
    CHECK(html_text("<a href=\"never closed", true).starts_with("\nnever"));
    CHECK(html_text("<script>never closed", false).empty());
    CHECK(html_text("привет<br>мир", false) == "привет\nмир");
}

TEST_CASE("a preview is the first readable text, on one line, of at most 200 characters", "[mail][preview]")
{
    CHECK(preview_of("Subject: x\r\n\r\nHello,\r\n\r\n  world\t!\r\n") == "Hello, world !");
    CHECK(preview_of("Content-Type: text/html\r\n\r\n<style>x</style><p>Hi <i>you</i></p>") == "Hi you");
    CHECK(preview_of("Content-Type: text/plain; charset=koi8-r\r\nContent-Transfer-Encoding: base64\r\n\r\n8NLJ18XU\r\n") ==
          "Привет");
    CHECK(preview_of(two_parts("alternative", "Content-Type: text/html\r\n\r\n<p>no</p>")) == "hello");
    CHECK(preview_of("Content-Type: application/pdf\r\n\r\nxyz").empty());
    CHECK(preview_of("\r\n" + std::string(1000, 'x')) == std::string(200, 'x'));
    CHECK(preview_of("\r\na\x1b[31m\x07" "b").find('\x1b') == std::string::npos);
    std::string wide = "Content-Type: text/plain; charset=utf-8\r\n\r\n";
    for (int n = 0; n < 5000; ++n) wide += "ж";
    const auto text = preview_of(wide);
    CHECK(text.size() == 400);
    CHECK(repair_utf8(text) == text);
}

TEST_CASE("an attachment is what a person would call so", "[mail][preview]")
{
    CHECK_FALSE(attached("Subject: x\r\n\r\nhello\r\n"));
    CHECK_FALSE(attached(two_parts("alternative", "Content-Type: text/html\r\n\r\n<p>x</p>")));
    CHECK(attached(two_parts("mixed", "Content-Type: application/pdf\r\n\r\nx")));
    CHECK(attached(two_parts("mixed", "Content-Type: text/csv; name=a.csv\r\n\r\nx")));
    CHECK(attached(two_parts("mixed", "Content-Disposition: attachment\r\n\r\nx")));
    CHECK(attached(two_parts("mixed", "Content-Type: message/rfc822\r\n\r\nSubject: y\r\n\r\nz")));
    CHECK_FALSE(attached(two_parts("related", "Content-Type: image/png\r\nContent-ID: <1>\r\n\r\nx")));
    CHECK_FALSE(attached(two_parts("signed", "Content-Type: application/pgp-signature; name=s.asc\r\n\r\nx")));
    CHECK_FALSE(attached(two_parts("report", "Content-Type: message/delivery-status\r\n\r\nReporting-MTA: x")));
}
