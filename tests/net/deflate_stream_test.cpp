#include "net/deflate_stream.hpp"

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <zlib.h>

#include "support/memory_stream.hpp"
#include "support/run.hpp"

namespace mbx::net {
namespace {

std::string deflated(std::string_view bytes, bool is_final = false)
{
    z_stream z{};
    deflateInit2(&z, Z_DEFAULT_COMPRESSION, Z_DEFLATED, -15, 8, Z_DEFAULT_STRATEGY);
    std::string in(bytes);
    std::string out(bytes.size() + 1024, '\0');
    z.next_in = reinterpret_cast<Bytef*>(in.data());
    z.avail_in = static_cast<uInt>(in.size());
    z.next_out = reinterpret_cast<Bytef*>(out.data());
    z.avail_out = static_cast<uInt>(out.size());
    deflate(&z, is_final ? Z_FINISH : Z_SYNC_FLUSH);
    out.resize(out.size() - z.avail_out);
    deflateEnd(&z);
    return out;
}

co::Task<void> note_read(ByteStream& stream, std::size_t most, std::string& into, std::string& end)
{
    std::string chunk(most, '\0');
    while (true) {
        const auto got = co_await stream.read_some(chunk, Deadline::after(std::chrono::hours(1)));
        if (!got) end = describe(got.error());
        else if (*got == 0) end = "end";
        if (!got || *got == 0) co_return;
        into += chunk.substr(0, *got);
    }
}

// What a DeflateStream makes of these bytes of the network, and how it ends.
struct Read {
    std::string text;
    std::string end;
};
Read read_all_of(const std::string& bytes, std::size_t piece, std::size_t most, std::string first = {})
{
    DeflateStream stream(std::make_unique<test::MemoryStream>(bytes, piece), std::move(first));
    Read out;
    test::run_with(note_read(stream, most, out.text, out.end), [] {});
    return out;
}

std::string mixed(std::size_t size)
{
    std::string text;
    unsigned seed = 1;
    while (text.size() < size) {
        seed = seed * 1103515245U + 12345U;
        text += (seed >> 16U) % 3U == 0 ? "* 1 FETCH (FLAGS (\\Seen))\r\n" : std::string(1, static_cast<char>(seed >> 20U));
    }
    return text;
}

}  // namespace

TEST_CASE("RFC 4978 3: what one side writes the other reads, however the network cuts it", "[net][deflate]")
{
    const auto piece = GENERATE(std::size_t{1}, std::size_t{7}, std::size_t{65536});
    const auto most = GENERATE(std::size_t{1}, std::size_t{100}, std::size_t{65536});
    test::MemoryPipe pipe(1'000'000, piece);
    DeflateStream near(std::move(pipe.near), "");
    DeflateStream far(std::move(pipe.far), "");
    const std::string text = mixed(most == 1 ? 3000 : 200'000);
    std::string heard;
    std::string end;
    co::Scope scope;
    scope.spawn(note_read(far, most, heard, end));
    CHECK(test::run_ready(near.write("a NOOP\r\n", Deadline::never())));
    CHECK(heard == "a NOOP\r\n");  // each write is flushed
    CHECK(test::run_ready(near.write(text, Deadline::never())));
    CHECK(test::run_ready(near.write("", Deadline::never())));
    CHECK(heard == "a NOOP\r\n" + text);
    near.close();
    CHECK(end == "end");
}

TEST_CASE("E7: a compression bomb gives no more than was asked for, and bytes that are no DEFLATE end the stream", "[net][deflate][hostile]")
{
    const std::string bomb = deflated(std::string(10'000'000, '\n'));
    CHECK(bomb.size() < 12'000);
    DeflateStream stream(std::make_unique<test::MemoryStream>(bomb, 65536), "");
    std::string chunk(512, '\0');
    std::size_t all = 0;
    while (true) {
        const auto got = test::run_ready(stream.read_some(chunk, Deadline::never()));
        REQUIRE(got);
        CHECK(*got <= 512);
        if (*got == 0) break;
        all += *got;
    }
    CHECK(all == 10'000'000);
    CHECK(read_all_of("a NOOP\r\n", 100, 100).end == describe(IoError::failed));
    CHECK(read_all_of(std::string(100, '\xff'), 100, 100).end == describe(IoError::failed));
}

TEST_CASE("E7: a truncated stream gives what came, and ends", "[net][deflate][hostile]")
{
    const std::string whole = deflated("a NOOP\r\nb NOOP\r\n");
    for (std::size_t cut = 0; cut < whole.size(); ++cut) {
        const Read read = read_all_of(whole.substr(0, cut), 3, 100);
        CHECK(std::string_view("a NOOP\r\nb NOOP\r\n").starts_with(read.text));
        CHECK(read.end == "end");
    }
    // The format's own end is the stream's.
    const Read ended = read_all_of(deflated("a LOGOUT\r\n", true) + "in clear", 100, 100);
    CHECK(ended.text == "a LOGOUT\r\n");
    CHECK(ended.end == "end");
}

TEST_CASE("what was received before is read first, and stays compressed", "[net][deflate]")
{
    const std::string bytes = deflated("a NOOP\r\n");
    const Read read = read_all_of(bytes.substr(5), 2, 100, bytes.substr(0, 5));
    CHECK(read.text == "a NOOP\r\n");
    CHECK(read_all_of("", 1, 100, "a NOOP\r\n").end == describe(IoError::failed));
}

TEST_CASE("a quiet stream gives its memory back and goes on where it was, both ways", "[net][deflate]")
{
    test::MemoryPipe pipe;
    auto* end = pipe.far.get();
    DeflateStream near(std::move(pipe.near), "");
    DeflateStream far(std::move(pipe.far), "");
    std::string heard;
    std::string why;
    std::string back;
    std::string back_why;
    co::Scope scope;
    scope.spawn(note_read(far, 100, heard, why));
    scope.spawn(note_read(near, 100, back, back_why));
    CHECK(far.is_resting());  // nothing was there to remember yet
    const std::string command = "1 UID FETCH 1:* (FLAGS ENVELOPE BODYSTRUCTURE)\r\n";
    for (int i = 0; i < 5; ++i) {
        CHECK(test::run_ready(near.write(command, Deadline::never())));
        CHECK(test::run_ready(far.write("* OK still here\r\n", Deadline::never())));
        CHECK_FALSE(far.is_resting());
        // The quiet time passes: first the short deadline, then the caller's stays.
        CHECK(end->expire_read());
        CHECK(far.is_resting());
        CHECK(why.empty());
    }
    CHECK(heard == command + command + command + command + command);
    CHECK(back.size() == 5 * 17);
    CHECK(end->expire_read());
    CHECK(why == describe(IoError::timed_out));
    near.close();
}

}  // namespace mbx::net
