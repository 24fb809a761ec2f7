// Counters, gauges and histograms that /metrics shows in Prometheus' text form. Registering allocates and belongs to
// start-up; adding is one relaxed atomic and may be done on any thread. Names begin with mailboxd_, counters end in
// _total; label values come from a closed set, never from strangers.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace mbx {

class Counter {
public:
    void add(std::uint64_t by = 1) { value_.fetch_add(by, std::memory_order_relaxed); }
    std::uint64_t value() const { return value_.load(std::memory_order_relaxed); }

private:
    std::atomic<std::uint64_t> value_{0};
};

class Gauge {
public:
    void set(std::int64_t to) { value_.store(to, std::memory_order_relaxed); }
    void add(std::int64_t by) { value_.fetch_add(by, std::memory_order_relaxed); }
    std::int64_t value() const { return value_.load(std::memory_order_relaxed); }

private:
    std::atomic<std::int64_t> value_{0};
};

class Histogram {
public:
    explicit Histogram(std::vector<double> upper_bounds);
    void observe(double value);
    std::string lines(const std::string& name, const std::string& labels) const;

private:
    std::vector<double> bounds_;
    std::vector<std::atomic<std::uint64_t>> counts_;
    std::atomic<double> sum_{0};
};

class Metrics {
public:
    // References stay good as long as the registry. `labels` as in `listener="smtp"`, or empty.
    Counter& counter(std::string name, std::string help, std::string labels = {});
    Gauge& gauge(std::string name, std::string help, std::string labels = {});
    Histogram& histogram(std::string name, std::string help, std::vector<double> upper_bounds, std::string labels = {});
    // A value asked for at the moment of exposition, on the thread that exposes.
    void gauge_function(std::string name, std::string help, std::function<double()> value, std::string labels = {});

    std::string exposition() const;

private:
    struct Family;
    Family& family(const std::string& name, const std::string& help, const char* type);
    mutable std::mutex mutex_;
    std::list<std::shared_ptr<Family>> families_;
};

}  // namespace mbx
