// DSN parameters on the wire: xtext, unitext, ORCPT.
#include "mail/xtext.hpp"

#include <catch2/catch_test_macros.hpp>

using namespace mbx::mail;

TEST_CASE("I5: xtext is what RFC 3461 4 says, and no more", "[mail][dsn][hostile]")
{
    CHECK(decode_xtext("a+40b") == "a@b");
    CHECK(decode_xtext("") == "");
    CHECK(decode_xtext("+00") == std::string(1, '\0'));
    for (const char* bad : {"+", "+4", "+4g", "+4a", "a=b", "a b", "\x7f", "\xc3\xa9"}) {
        CAPTURE(bad);
        CHECK_FALSE(decode_xtext(bad));
    }
    CHECK(encode_xtext("a+b=c d") == "a+2Bb+3Dc+20d");
    std::string all;
    for (int c = 0; c < 256; ++c) all += static_cast<char>(c);
    CHECK(decode_xtext(encode_xtext(all)) == all);
    CHECK(encode_xtext("\n\xff") == "+0A+FF");
}

TEST_CASE("I5: ORCPT is a type and a printable address of at most 500 octets (RFC 3461 4.2, RFC 6533 3)", "[mail][dsn][hostile]")
{
    CHECK(parse_original_recipient("RFC822;Ann+2Bx@example.org") == "rfc822;Ann+x@example.org");
    CHECK(parse_original_recipient("utf-8;\\x{43F}ost@example.org") == "utf-8;\xd0\xbfost@example.org");
    for (const std::string& bad : {std::string("rfc822;a+00b@c"), std::string("rfc822;+0Aa@c"), std::string("rfc822;"), std::string(";a@b"),
                                  std::string("a@b"), "rfc822;" + std::string(500, 'a'), std::string("utf-8;\\x{D800}"),
                                  std::string("utf-8;\\x{110000}"), std::string("utf-8;\\x{0A}"), std::string("r c;a@b"), std::string("rfc822;a b"), std::string("utf-8;\\x{"),
                                  std::string("utf-8;\\x{1}"), std::string("utf-8;\\"), std::string("utf-8;\xff"), std::string("rfc822;+FF")}) {
        CAPTURE(bad);
        CHECK_FALSE(parse_original_recipient(bad));
    }
    CHECK(format_original_recipient("rfc822;Ann+x@example.org") == "rfc822;Ann+2Bx@example.org");
    CHECK(format_original_recipient("utf-8;\xd0\xbfost@example.org") == "utf-8;\\x{43F}ost@example.org");
    CHECK(format_original_recipient("utf-8;a\\b@c") == "utf-8;a\\x{5C}b@c");
    CHECK(format_original_recipient("rfc822;" + std::string(300, '=')).empty());
    CHECK(format_original_recipient("nothing").empty());
    CHECK(encode_unitext("a\\\xd0\xb1\xff") == "a\\x{5C}\\x{431}\\x{FFFD}");
}
