// How many messages one job of a long command takes: as many as fit the time after which the account's strand should
// serve others (a delivery waits no longer than one job). Pure.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>

namespace mbx::imap {

class SlicePace {
public:
    static constexpr std::chrono::milliseconds kTime{10};
    static constexpr std::uint64_t kLeast = 256;  // each job has costs of its own (syncs): smaller ones would mostly pay these
    static constexpr std::uint64_t kMost = 4096;

    std::uint64_t size() const { return size_; }
    // The job with size() messages took so long.
    void took(std::chrono::nanoseconds time)
    {
        const auto each = std::max<std::int64_t>(time.count() / static_cast<std::int64_t>(size_), 1);
        const auto fitting = static_cast<std::uint64_t>(std::chrono::nanoseconds(kTime).count() / each);
        // One slow job is no reason to crawl, one quick job none to leap.
        size_ = std::clamp(std::clamp(fitting, size_ / 4, size_ * 4), kLeast, kMost);
    }

private:
    std::uint64_t size_ = 512;
};

}  // namespace mbx::imap
