#include "base/metrics.hpp"

#include <catch2/catch_test_macros.hpp>

#include <cmath>
#include <thread>

namespace mbx {

TEST_CASE("the exposition is Prometheus' text form, family by family", "[base][metrics]")
{
    Metrics metrics;
    metrics.counter("mailboxd_messages_total", "Messages accepted", "listener=\"smtp\"").add(3);
    metrics.counter("mailboxd_messages_total", "Messages accepted", "listener=\"submission\"").add();
    metrics.gauge("mailboxd_sessions", "Sessions now").set(-2);
    Histogram& times = metrics.histogram("mailboxd_seconds", "Time\nto \\ accept", {0.1, 1});
    times.observe(0.1);
    times.observe(0.5);
    times.observe(7);
    metrics.gauge_function("mailboxd_free_bytes", "Free", [] { return 1.5; });
    CHECK(metrics.exposition() ==
          "# HELP mailboxd_messages_total Messages accepted\n"
          "# TYPE mailboxd_messages_total counter\n"
          "mailboxd_messages_total{listener=\"smtp\"} 3\n"
          "mailboxd_messages_total{listener=\"submission\"} 1\n"
          "# HELP mailboxd_sessions Sessions now\n"
          "# TYPE mailboxd_sessions gauge\n"
          "mailboxd_sessions -2\n"
          "# HELP mailboxd_seconds Time\\nto \\\\ accept\n"
          "# TYPE mailboxd_seconds histogram\n"
          "mailboxd_seconds_bucket{le=\"0.1\"} 1\n"
          "mailboxd_seconds_bucket{le=\"1\"} 2\n"
          "mailboxd_seconds_bucket{le=\"+Inf\"} 3\n"
          "mailboxd_seconds_sum 7.6\n"
          "mailboxd_seconds_count 3\n"
          "# HELP mailboxd_free_bytes Free\n"
          "# TYPE mailboxd_free_bytes gauge\n"
          "mailboxd_free_bytes 1.5\n");
}

TEST_CASE("registering twice gives the same metric", "[base][metrics]")
{
    Metrics metrics;
    Counter& first = metrics.counter("mailboxd_x_total", "X");
    Counter& second = metrics.counter("mailboxd_x_total", "X");
    Counter& other = metrics.counter("mailboxd_x_total", "X", "kind=\"y\"");
    CHECK(&first == &second);
    CHECK(&first != &other);
}

TEST_CASE("adding from many threads loses nothing", "[base][metrics]")
{
    Metrics metrics;
    Counter& counter = metrics.counter("mailboxd_x_total", "X");
    Histogram& histogram = metrics.histogram("mailboxd_h", "H", {1});
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; ++t) {
        threads.emplace_back([&] {
            for (int i = 0; i < 5000; ++i) {
                counter.add();
                histogram.observe(1);
            }
        });
    }
    for (int i = 0; i < 20; ++i) CHECK_FALSE(metrics.exposition().empty());
    for (auto& thread : threads) thread.join();
    CHECK(counter.value() == 20'000);
    CHECK(histogram.lines("h", {}).find("h_sum 20000\n") != std::string::npos);
}

TEST_CASE("a value that is no number has Prometheus' name for it", "[base][metrics]")
{
    Metrics metrics;
    metrics.gauge_function("a", "A", [] { return std::nan(""); });
    metrics.gauge_function("b", "B", [] { return -INFINITY; });
    const std::string text = metrics.exposition();
    CHECK(text.find("a NaN\n") != std::string::npos);
    CHECK(text.find("b -Inf\n") != std::string::npos);
}

}  // namespace mbx
