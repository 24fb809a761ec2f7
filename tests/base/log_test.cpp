#include "base/log.hpp"

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <thread>

#include "base/ascii.hpp"

namespace mbx {
namespace {

class Pipe {
public:
    Pipe() { REQUIRE(::pipe2(ends_.data(), O_CLOEXEC) == 0); }
    Pipe(const Pipe&) = delete;
    Pipe& operator=(const Pipe&) = delete;
    ~Pipe()
    {
        ::close(ends_[0]);
        close_writer();
    }
    int reader() const { return ends_[0]; }
    int writer() const { return ends_[1]; }
    void close_writer()
    {
        if (ends_[1] >= 0) ::close(ends_[1]);
        ends_[1] = -1;
    }
    // What was written, once the writing end is closed.
    std::string all()
    {
        close_writer();
        std::string text;
        std::array<char, 4096> chunk{};
        for (ssize_t got = 1; got > 0;) {
            got = ::read(ends_[0], chunk.data(), chunk.size());
            if (got > 0) text.append(chunk.data(), static_cast<std::size_t>(got));
        }
        return text;
    }

private:
    std::array<int, 2> ends_{-1, -1};
};

std::string line_of(LogFormat format, const std::vector<LogField>& fields)
{
    return format_log_line(format, "2026-01-02T03:04:05.678Z", LogLevel::info, "smtp", "message accepted", fields);
}

std::size_t count_lines(const std::string& text) { return static_cast<std::size_t>(std::ranges::count(text, '\n')); }

}  // namespace

TEST_CASE("an event is one line of pairs, or one object, or a line for the journal", "[base][log]")
{
    const std::vector<LogField> fields = {{"trace", "a1"}, {"size", 4711}, {"tls", true}, {"who", "a b"}};
    CHECK(line_of(LogFormat::key_value, fields) ==
          "time=2026-01-02T03:04:05.678Z level=info component=smtp event=\"message accepted\" trace=a1 size=4711 tls=yes "
          "who=\"a b\"");
    CHECK(line_of(LogFormat::json, fields) ==
          R"({"time":"2026-01-02T03:04:05.678Z","level":"info","component":"smtp","event":"message accepted",)"
          R"("trace":"a1","size":4711,"tls":"yes","who":"a b"})");
    CHECK(line_of(LogFormat::journald, fields) ==
          "<6>component=smtp event=\"message accepted\" trace=a1 size=4711 tls=yes who=\"a b\"");
}

TEST_CASE("A10: no value can break its line, its quotes or a terminal", "[base][log][A10]")
{
    const std::string evil = GENERATE(as<std::string>{}, "a\r\nlevel=error event=forged", "\x1b]0;title\x07", "\"",
                                      "x\" forged=\"yes", "\\\" forged=\"yes", std::string("\0", 1), "\xff\xfe",
                                      "\xc2\x9b" "2J", "", "a=b");
    for (const auto format : {LogFormat::key_value, LogFormat::json, LogFormat::journald}) {
        const std::string line = line_of(format, {{"value", evil}});
        INFO(line);
        CHECK(std::ranges::none_of(line, ascii::is_control));
        CHECK(ascii::is_utf8(line));
    }
    // Quotes within are escaped, so the value ends where it should.
    CHECK(line_of(LogFormat::journald, {{"value", "x\" forged=\"yes"}}).ends_with(R"(value="x\" forged=\"yes")"));
    CHECK(line_of(LogFormat::journald, {{"value", "\\\" forged=\"yes"}}).ends_with(R"(value="\\\" forged=\"yes")"));
    CHECK(line_of(LogFormat::json, {{"value", "\x1b\"\\"}}).ends_with(R"("value":"\\x1b\"\\\\"})"));
    CHECK(line_of(LogFormat::journald, {{"value", ""}}).ends_with("value=\"\""));
    CHECK(line_of(LogFormat::key_value, {{"value", std::string(100'000, 'x')}}).size() < 1200);
}

TEST_CASE("levels are read in any case and nothing else is one", "[base][log]")
{
    LogLevel level = LogLevel::error;
    CHECK(parse_log_level("DEBUG", level));
    CHECK(level == LogLevel::debug);
    CHECK(parse_log_level("warning", level));
    CHECK(level == LogLevel::warning);
    CHECK_FALSE(parse_log_level("warn", level));
    CHECK_FALSE(parse_log_level("", level));
    CHECK(level == LogLevel::warning);
}

TEST_CASE("events below the level are not written, and a component may have a level of its own", "[base][log]")
{
    Pipe pipe;
    {
        const auto writer = std::make_shared<LogWriter>(pipe.writer(), LogFormat::journald, LogLevel::notice);
        const Log smtp(writer, "smtp");
        const Log imap = smtp.for_component("imap");
        smtp.info("hidden");
        smtp.notice("one");
        writer->set_component_levels({{"imap", LogLevel::debug}});
        imap.debug("two", {{"uid", 7}});
        smtp.debug("hidden");
        writer->set_level(LogLevel::error);
        smtp.warning("hidden");
        smtp.error("three");
        writer->set_component_levels({});
        imap.warning("hidden: it has no level of its own any more");
    }
    CHECK(pipe.all() ==
          "<5>component=smtp event=one\n<7>component=imap event=two uid=7\n<3>component=smtp event=three\n");
}

TEST_CASE("lines of many threads come out whole", "[base][log]")
{
    Pipe pipe;
    std::string text;
    std::thread reader;
    {
        LogWriter writer(pipe.writer(), LogFormat::journald, LogLevel::debug);
        std::vector<std::thread> threads;
        for (int t = 0; t < 4; ++t) {
            threads.emplace_back([&writer, t] {
                for (int i = 0; i < 100; ++i) writer.submit(LogLevel::info, "x", "y", {{"t", t}, {"i", i}});
            });
        }
        for (auto& thread : threads) thread.join();
    }
    text = pipe.all();
    CHECK(count_lines(text) == 400);
    CHECK(text.find("<6>component=x event=y t=3 i=99\n") != std::string::npos);
}

TEST_CASE("G14: a reader that stands still blocks nobody; what is lost is counted and told", "[base][log][G14]")
{
    Pipe pipe;
    constexpr int kEvents = 60'000;
    std::string text;
    std::uint64_t dropped = 0;
    std::thread reader;
    {
        LogWriter writer(pipe.writer(), LogFormat::journald, LogLevel::debug);
        // Nobody reads: the pipe fills, then the queue, and submit still returns.
        for (int i = 0; i < kEvents; ++i) writer.submit(LogLevel::info, "x", "an event of some length", {{"i", i}});
        dropped = writer.dropped();
        CHECK(dropped > 0);
        reader = std::thread([&] {
            std::array<char, 65536> chunk{};
            for (ssize_t got = 1; got > 0;) {
                got = ::read(pipe.reader(), chunk.data(), chunk.size());
                if (got > 0) text.append(chunk.data(), static_cast<std::size_t>(got));
            }
        });
    }
    pipe.close_writer();
    reader.join();
    CHECK(text.find("event=\"events were dropped\" count=" + std::to_string(dropped)) != std::string::npos);
    CHECK(count_lines(text) == kEvents - dropped + 1);
}

TEST_CASE("G14: a log that cannot be written loses events and nothing else", "[base][log][G14]")
{
    const int full = ::open("/dev/full", O_WRONLY | O_CLOEXEC);
    if (full < 0) SKIP("this system has no /dev/full");
    {
        LogWriter writer(full, LogFormat::journald, LogLevel::debug);
        writer.submit(LogLevel::info, "x", "lost", {});
        while (writer.dropped() == 0) std::this_thread::yield();
        writer.submit(LogLevel::info, "x", "lost too", {});
        CHECK(writer.dropped() >= 1);
    }
    ::close(full);
}

TEST_CASE("a log without a writer is silent", "[base][log]")
{
    const Log log;
    log.error("nobody hears", {{"x", 1}});
    log.for_component("y").error("nobody hears");
    SUCCEED();
}

}  // namespace mbx
