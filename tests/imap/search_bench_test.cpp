// How long SEARCH, SORT and THREAD take over a large mailbox that is parsed already: for a person who asks for [.bench].
#include <catch2/benchmark/catch_benchmark.hpp>
#include <catch2/catch_test_macros.hpp>

#include <cstdlib>

#include "imap/world.hpp"

using namespace mbx;
using namespace mbx::imap;

TEST_CASE("SEARCH, SORT and THREAD over 20,000 messages", "[.bench]")
{
    constexpr int kMessages = 20'000;
    World world;
    Client client(world);
    client.log_in();
    for (int i = 0; i < kMessages; ++i) {
        const auto number = std::to_string(i);
        client.append("From: Person " + std::to_string(i % 500) + " <p" + std::to_string(i % 500) + "@example.org>\r\nTo: ann@example.org\r\n" +
                          "Subject: " + (i % 3 != 0 ? "Re: " : "") + "topic " + std::to_string(i / 3) +
                          "\r\nDate: Fri, 21 Nov 1997 09:55:" + std::to_string(10 + i % 50) + " -0600\r\nMessage-ID: <" + number +
                          "@x>\r\n" + (i % 3 != 0 ? "References: <" + std::to_string(i / 3 * 3) + "@x>\r\n" : "") + "\r\nHello\r\n",
                      i % 10 == 0 ? "" : "(\\Seen)");
    }
    client.select();
    // Leaves behind what is parsed.
    REQUIRE(client.ask("a UID SORT RETURN (COUNT) (SUBJECT) UTF-8 ALL").starts_with("OK"));
    for (const char* command : {"SEARCH RETURN (COUNT) UNSEEN", "SEARCH RETURN (COUNT) SINCE 1-Jan-2000", "SEARCH RETURN (COUNT) LARGER 300",
                                "SEARCH RETURN (COUNT) SENTSINCE 1-Jan-1990", "SEARCH RETURN (COUNT) FROM p77", "SEARCH RETURN (COUNT) SUBJECT \"topic 66\"",
                                "SEARCH RETURN (COUNT) HEADER Message-ID 777@x", "SORT (SUBJECT) UTF-8 ALL", "SORT (REVERSE DATE) UTF-8 ALL",
                                "SORT (ARRIVAL) UTF-8 UNSEEN", "THREAD REFERENCES UTF-8 ALL", "THREAD ORDEREDSUBJECT UTF-8 ALL"}) {
        BENCHMARK(command) { return client.say("b " + std::string(command) + "\r\n").size(); };
    }
}
