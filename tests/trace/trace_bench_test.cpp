// What the trace costs: processor time of its writer for 10,000 local messages. Not run by itself:
// trace_test "[bench]". Figures: docs/trace.md.
#include <catch2/catch_test_macros.hpp>
#include <ctime>

#include "mail/encoded_word.hpp"
#include "support/scratch.hpp"
#include "trace/mailbox_events.hpp"
#include "trace/trace_file.hpp"

using namespace mbx;
using namespace mbx::trace;

namespace {

double processor_milliseconds()
{
    timespec spent{};
    ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &spent);
    return static_cast<double>(spent.tv_sec) * 1e3 + static_cast<double>(spent.tv_nsec) / 1e6;
}

// As smtp::Session and intake record them.
void add_message(std::vector<Event>& events, int number, WallTime at)
{
    const std::string id = "hoeellya0900" + std::to_string(10'000'000 + number);
    const std::string sender = "sender" + std::to_string(number % 50) + "@sample.test";
    const std::string recipient = "user" + std::to_string(1000 + number % 1000) + "@example.test";
    events.push_back({id, EventKind::accepted, at, "", "",
                      {{"reverse_path", sender}, {"account", ""}, {"peer", "127.0.0.1:55414"}, {"helo", "mail.sample.test"}, {"tls", "none"},
                       {"size", "4711"}, {"subject", "Lunch on Friday number " + std::to_string(number)},
                       {"message_id", "Lunch." + std::to_string(number) + "@sample.test"}, {"recipients", "1"}}});
    const TracedMailbox inbox{recipient, 1000 + number % 1000, 1, "INBOX"};
    events.push_back(placed_event(id, inbox, static_cast<std::uint32_t>(number / 1000 + 1), at + std::chrono::milliseconds(40)));
}

}  // namespace

TEST_CASE("the processor's time that 10,000 local messages take of the trace's writer", "[.][bench]")
{
    constexpr int kMessages = 10'000;
    constexpr int kOfBatch = 100;  // messages: 500 a second, written every 200 ms
    for (int round = 0; round < 3; ++round) {
        test::Scratch scratch(test::Scratch::Where::in_memory);
        PosixFileSystem files;
        TraceFile file(files, scratch.path() + "/trace.db", Log());
        WallTime at{std::chrono::hours(24 * 20'000)};
        REQUIRE(file.write({}) == TraceFile::Written::all);
        double spent = 0;
        for (int first = 0; first < kMessages; first += kOfBatch) {
            std::vector<Event> events;
            for (int number = first; number < first + kOfBatch; ++number) {
                at += std::chrono::milliseconds(2);
                add_message(events, number, at);
            }
            const double begun = processor_milliseconds();
            REQUIRE(file.write(events) == TraceFile::Written::all);
            spent += processor_milliseconds() - begun;
        }
        const auto bytes = files.info(scratch.path() + "/trace.db");
        file.close();
        const auto closed = files.info(scratch.path() + "/trace.db");
        REQUIRE(bytes);
        REQUIRE(closed);
        WARN(kMessages << " messages: " << spent << " ms of a processor, " << spent * 1000 / kMessages << " µs each; "
                       << closed->size / kMessages << " bytes each");
    }
}
