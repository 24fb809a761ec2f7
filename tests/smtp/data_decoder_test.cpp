#include "smtp/data_decoder.hpp"

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/generators/catch_generators_range.hpp>
#include <random>
#include <vector>

#include "smtp/naive_data.hpp"

namespace mbx::smtp {
namespace {

struct Decoded {
    std::string message;
    std::size_t used = 0;
    bool done = false;
    bool bare_newline = false;
    bool nul = false;
    bool operator==(const Decoded&) const = default;
};

Decoded decode(std::string_view input, std::size_t piece, BareNewlines newlines = BareNewlines::refuse)
{
    DataDecoder decoder(newlines);
    Decoded result;
    while (result.used < input.size() && !decoder.is_done()) {
        result.used += decoder.feed(input.substr(result.used, piece), result.message);
    }
    result.done = decoder.is_done();
    result.bare_newline = decoder.saw_bare_newline();
    result.nul = decoder.saw_nul();
    return result;
}

// Every text of `length` letters of the alphabet that decides about line ends.
std::vector<std::string> all_texts(std::size_t length)
{
    constexpr std::string_view kAlphabet("\r\n.\0x", 5);
    std::vector<std::string> texts{""};
    for (std::size_t i = 0; i < length; ++i) {
        std::vector<std::string> longer;
        longer.reserve(texts.size() * kAlphabet.size());
        for (const auto& text : texts) {
            for (const char c : kAlphabet) longer.push_back(text + c);
        }
        texts = std::move(longer);
    }
    return texts;
}

std::string random_text(std::mt19937& random, std::size_t size)
{
    static constexpr std::string_view kAlphabet("\r\n\r\n..\0abcdefghijklmnop", 23);
    std::string text;
    while (text.size() < size) text += kAlphabet[random() % kAlphabet.size()];
    return text;
}

TEST_CASE("only CRLF.CRLF ends a message (RFC 5321 4.1.1.4)", "[smtp][data]")
{
    CHECK(decode("a\r\n.\r\nQUIT\r\n", 100).used == 6);
    CHECK(decode("a\r\n.\r\nQUIT\r\n", 100).message == "a\r\n");
    for (const std::string_view end :
         {"\n.\n", "\n.\r\n", "\r\n.\n", "\r.\r", "\r\n.\r", "\r.\r\n", "\n.\r", "\r\r\n.\r\r\n"}) {
        CAPTURE(end);
        const Decoded result = decode("a" + std::string(end) + "more", 100);
        CHECK_FALSE(result.done);
        CHECK(result.bare_newline);
    }
}

TEST_CASE("a message without a byte is a message (D16)", "[smtp][data]")
{
    const Decoded result = decode(".\r\n", 100);
    CHECK(result.done);
    CHECK(result.message.empty());
}

TEST_CASE("a dot at the front of a line is taken off, and only there (RFC 5321 4.5.2)", "[smtp][data]")
{
    CHECK(decode("..\r\n...a\r\n.b\r\nc.d\r\n.\r\n", 100).message == ".\r\n..a\r\nb\r\nc.d\r\n");
}

TEST_CASE("A1: every mix of CR, LF, dot and NUL is judged as the naive reading judges it", "[smtp][data]")
{
    const auto length = GENERATE(range(std::size_t{1}, std::size_t{8}));
    const bool repair = GENERATE(false, true);
    std::size_t wrong = 0;
    for (const std::string& text : all_texts(length)) {
        const std::string input = text + "\r\n.\r\n";
        const auto expected = test::decode_naively(input, repair);
        const Decoded got = decode(input, input.size(), repair ? BareNewlines::repair : BareNewlines::refuse);
        const bool same = expected && got.done && got.used == expected->used && got.message == expected->message &&
                          got.bare_newline == expected->bare_newline && got.nul == expected->nul;
        if (!same) ++wrong;
    }
    CHECK(wrong == 0);
}

TEST_CASE("A4: any split of the input decodes to the same message", "[smtp][data]")
{
    const auto seed = GENERATE(range(1U, 40U));
    CAPTURE(seed);
    std::mt19937 random(seed);
    const std::string input = random_text(random, 300) + "\r\n.\r\nQUIT\r\n";
    const Decoded whole = decode(input, input.size());
    for (std::size_t piece = 1; piece < 20; ++piece) CHECK(decode(input, piece) == whole);
}

TEST_CASE("A4: what a client stuffs comes out as it was", "[smtp][data]")
{
    const auto seed = GENERATE(range(1U, 40U));
    std::mt19937 random(seed);
    std::string message;
    std::string stuffed;
    for (int i = 0; i < 50; ++i) {
        std::string line(random() % 5, '.');
        line += std::string(random() % 20, 'x');
        message += line + "\r\n";
        if (line.starts_with('.')) stuffed += '.';
        stuffed += line + "\r\n";
    }
    CHECK(decode(stuffed + ".\r\n", 1 + random() % 64).message == message);
}

TEST_CASE("A9: a line of ten megabytes is decoded in one pass", "[smtp][data]")
{
    for (const char filler : {'x', '.', '\r', '\n'}) {
        const std::string input = std::string(10U << 20U, filler) + "x\r\n.\r\n";
        const Decoded result = decode(input, 4096);
        CHECK(result.done);
        CHECK(result.used == input.size());
    }
}

TEST_CASE("repair makes one CRLF of each bare CR or LF, and no end of data", "[smtp][data]")
{
    const Decoded result = decode("a\nb\rc\n.\nd\r\r\n.\r\n", 100, BareNewlines::repair);
    CHECK(result.done);
    CHECK(result.message == "a\r\nb\r\nc\r\n.\r\nd\r\n\r\n");
}

} // namespace
} // namespace mbx::smtp
