#include "mail/header_encoding.hpp"

#include <catch2/catch_test_macros.hpp>

#include "base/ascii.hpp"
#include "mail/address_list.hpp"
#include "mail/encoded_word.hpp"
#include "mail/header.hpp"
#include "mail/parameters.hpp"

using namespace mbx;
using namespace mbx::mail;

namespace {

std::string encoded(std::string_view whole)
{
    const auto field = encode_field(whole);
    REQUIRE(field);
    for (const char c : *field) REQUIRE_FALSE(ascii::is_eight_bit(c));
    return *field;
}

std::string value_of(const std::string& field) { return field.substr(field.find(':') + 1); }

} // namespace

TEST_CASE("text beyond ASCII becomes encoded words that say the same, in lines that fit", "[mail][encoding]")
{
    for (const std::string text : {"Zum Gruß", "ganz ASCII", "Größe: 5 Öfen für Jürgen", "Привет, мир! Как дела у вас сегодня, дорогие друзья мои?",
                                   "a ü b ö c", "日本語の件名はとても長いので、いくつかの語に分けられます。本当に長いです。", "=?utf-8?Q?plain?= ü"}) {
        CAPTURE(text);
        const std::string field = encoded("Subject: " + text + "\r\n");
        CHECK(field.ends_with("\r\n"));
        CHECK(ascii::trim(decode_encoded_words(value_of(field.substr(0, field.size() - 2)))) == decode_encoded_words(text));
        std::size_t line = 0;
        for (const char c : field) {
            line = c == '\n' ? 0 : line + 1;
            CHECK(line <= 110);
        }
    }
    // ASCII goes through as it is, folds and all.
    CHECK(encoded("Subject: a\r\n  b\r\n") == "Subject: a\r\n  b\r\n");
    CHECK(encoded("Subject: gr\xc3\xbc\xc3\x9f\r\n dich\r\n") == "Subject: =?utf-8?B?Z3LDvMOf?=\r\n dich\r\n");
}

TEST_CASE("bytes that are no UTF-8 are called unknown-8bit (RFC 1428)", "[mail][encoding]")
{
    CHECK(encoded("Subject: gr\xfc\xdf\r\n") == "Subject: =?unknown-8bit?B?Z3L83w==?=\r\n");
}

TEST_CASE("names and comments beside addresses are encoded, the addresses stay", "[mail][encoding]")
{
    const std::string field = encoded("To: Jürgen Groß <j@example.org>, \"Müller, Zoë\" <m@example.org>,\r\n plain@example.org (Büro), "
                                      "Ann \"Ü\" Bee <a@example.org>\r\n");
    CAPTURE(field);
    const auto list = parse_address_list(value_of(field));
    REQUIRE(list.size() == 4);
    CHECK(decode_encoded_words(list[0].name) == "Jürgen Groß");
    CHECK(list[0].local + "@" + list[0].domain == "j@example.org");
    CHECK(decode_encoded_words(list[1].name) == "Müller, Zoë");
    CHECK(list[1].local == "m");
    CHECK(list[2].local == "plain");
    CHECK(decode_encoded_words(list[3].name) == "Ann Ü Bee");
    CHECK(decode_encoded_words(field).find("(Büro)") != std::string::npos);
}

TEST_CASE("bytes beyond ASCII in an address or an identifier are beyond repair", "[mail][encoding]")
{
    for (const char* field : {"From: j\xc3\xbcrgen@example.org\r\n", "To: <a@b\xc3\xbc.example>\r\n", "Cc: \"\xc3\xbc\"@example.org\r\n",
                              "Message-ID: <\xc3\xbc@x>\r\n", "Date: \xc3\xbc\r\n", "From: a@\xc3\xbc\r\n", "To: \"\xc3\xbc\r\n", "Na\xc3\xbcme: x\r\n",
                              "no field \xc3\xbc\r\n", "Content-Type: text/\xc3\xbc\r\n"}) {
        CAPTURE(field);
        CHECK_FALSE(encode_field(field));
    }
}

TEST_CASE("parameters of MIME get their extended form (RFC 2231)", "[mail][encoding]")
{
    CHECK(encoded("Content-Disposition: attachment;\r\n filename=\"Gr\xc3\xbc\xc3\x9f" "e; \\\"x\\\".txt\"; size=3\r\n") ==
          "Content-Disposition: attachment;\r\n filename*=utf-8''Gr%C3%BC%C3%9Fe%3B%20%22x%22.txt; size=3\r\n");
    CHECK(encoded("Content-Type: text/plain; name=\xfc.txt\r\n") == "Content-Type: text/plain; name*=unknown-8bit''%FC.txt\r\n");
}
