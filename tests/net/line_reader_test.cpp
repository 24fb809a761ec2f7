#include "net/line_reader.hpp"

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/generators/catch_generators_range.hpp>

#include <vector>

#include "base/random.hpp"
#include "support/memory_stream.hpp"
#include "support/run.hpp"

namespace mbx::net {
namespace {

struct Heard {
    std::vector<std::string> lines;
    std::optional<ReadFailure> end;
};

co::Task<Heard> read_lines(ByteStream& stream, std::size_t limit)
{
    LineReader reader(stream);
    Heard heard;
    while (true) {
        const Result<std::string_view, ReadFailure> line = co_await reader.line(limit, Deadline::never());
        if (!line) {
            heard.end = line.error();
            co_return heard;
        }
        heard.lines.emplace_back(*line);
    }
}

Heard lines_of(std::string script, std::size_t piece, std::size_t limit = 100)
{
    test::MemoryStream stream(std::move(script), piece);
    return test::run_ready(read_lines(stream, limit));
}

}  // namespace

TEST_CASE("lines are the same however the bytes arrive", "[net]")
{
    const auto piece = GENERATE(std::size_t{1}, std::size_t{2}, std::size_t{3}, std::size_t{7}, std::size_t{4096});
    const Heard heard = lines_of("EHLO c\r\n\r\nMAIL FROM:<>\r\nrest", piece);
    CHECK(heard.lines == std::vector<std::string>{"EHLO c", "", "MAIL FROM:<>"});
    CHECK(heard.end == ReadFailure::end);
}

TEST_CASE("a bare LF or CR ends no line and stays in it", "[net][smuggling]")
{
    const auto piece = GENERATE(std::size_t{1}, std::size_t{4096});
    const Heard heard = lines_of("a\nb\rc\r\r\n\n.\n\r\n", piece);
    CHECK(heard.lines == std::vector<std::string>{"a\nb\rc\r", "\n.\n"});
}

TEST_CASE("A8: a line of exactly the limit is taken and one byte more is refused", "[net][A8]")
{
    const auto piece = GENERATE(std::size_t{1}, std::size_t{5}, std::size_t{4096});
    const std::string exact(512, 'x');
    CHECK(lines_of(exact + "\r\n", piece, 512).lines == std::vector<std::string>{exact});
    const Heard over = lines_of(exact + "y\r\n", piece, 512);
    CHECK(over.lines.empty());
    CHECK(over.end == ReadFailure::too_long);
}

TEST_CASE("A8: a megabyte without CRLF is refused long before it is read", "[net][A8]")
{
    test::MemoryStream stream(std::string(1'000'000, 'x'), 4096);
    const Heard heard = test::run_ready(read_lines(stream, 512));
    CHECK(heard.end == ReadFailure::too_long);
    CHECK(stream.said() <= 512 + 4096);
}

TEST_CASE("any text cut anywhere gives the lines that its CRLFs cut", "[net]")
{
    SeededRandom random(GENERATE(range(1U, 60U)));
    std::string script;
    std::vector<std::string> expected(1);
    const std::size_t length = random.number() % 3000;
    for (std::size_t i = 0; i < length; ++i) {
        constexpr std::string_view kLetters = "ab\r\n";
        script += kLetters[random.number() % kLetters.size()];
    }
    std::size_t begin = 0;
    expected.clear();
    for (std::size_t at = script.find("\r\n"); at != std::string::npos; at = script.find("\r\n", begin)) {
        expected.push_back(script.substr(begin, at - begin));
        begin = at + 2;
    }
    CHECK(lines_of(script, 1 + random.number() % 700, 5000).lines == expected);
}

namespace {

co::Task<std::string> literal_between_lines(LineReader& reader)
{
    std::string all;
    const Result<std::string_view, ReadFailure> line = co_await reader.line(100, Deadline::never());
    all += "[" + std::string(*line) + "]";
    std::size_t left = 10;
    while (left != 0) {
        const Result<std::string_view, ReadFailure> bytes = co_await reader.some(left, Deadline::never());
        all += std::string(*bytes);
        left -= bytes->size();
    }
    const Result<std::string_view, ReadFailure> more = co_await reader.some(4, Deadline::never());
    const std::size_t given = more->size();
    reader.give_back(given);
    const Result<std::string_view, ReadFailure> last = co_await reader.line(100, Deadline::never());
    all += "[" + std::string(*last) + "]";
    co_return all;
}

}  // namespace

TEST_CASE("raw bytes stand between lines, and what is given back comes again", "[net]")
{
    const auto piece = GENERATE(std::size_t{1}, std::size_t{4}, std::size_t{4096});
    test::MemoryStream stream("a LOGIN {10}\r\n12345\r\n890 end\r\n", piece);
    LineReader reader(stream);
    CHECK(test::run_ready(literal_between_lines(reader)) == "[a LOGIN {10}]12345\r\n890[ end]");
}

TEST_CASE("restart drops what was sent before the new stream", "[net][CVE-2011-0411]")
{
    test::MemoryStream plain("STARTTLS\r\nRSET\r\n", 4096);
    test::MemoryStream secret("EHLO c\r\n", 4096);
    LineReader reader(plain);
    CHECK(*test::run_ready(reader.line(100, Deadline::never())) == "STARTTLS");
    CHECK(reader.buffered() == 6);
    reader.restart(secret);
    CHECK(reader.buffered() == 0);
    CHECK(*test::run_ready(reader.line(100, Deadline::never())) == "EHLO c");
}

TEST_CASE("an interrupted line goes on where it was", "[net]")
{
    test::MemoryPipe pipe;
    LineReader reader(*pipe.far);
    const auto first = test::run_with(reader.line(100, Deadline::never()), [&] {
        const auto said = test::run_ready(pipe.near->write("DO", Deadline::never()));
        CHECK(static_cast<bool>(said));
        pipe.far->interrupt_read();
    });
    CHECK(first.error() == ReadFailure::interrupted);
    const auto second = test::run_with(reader.line(100, Deadline::never()), [&] {
        const auto said = test::run_ready(pipe.near->write("NE\r\n", Deadline::never()));
        CHECK(static_cast<bool>(said));
    });
    CHECK(*second == "DONE");
}

TEST_CASE("a deadline and a close end a line with different failures", "[net]")
{
    test::MemoryPipe pipe;
    LineReader reader(*pipe.far);
    const auto late = test::run_with(reader.line(9, Deadline::never()), [&] { CHECK(pipe.far->expire_read()); });
    CHECK(late.error() == ReadFailure::timed_out);
    const auto gone = test::run_with(reader.line(9, Deadline::never()), [&] { pipe.far->close(); });
    CHECK(gone.error() == ReadFailure::broken);
}

}  // namespace mbx::net
