// A trace that keeps the last events in memory.
#pragma once

#include <deque>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "trace/recorder.hpp"

namespace mbx::test {

class Recorded final : public trace::Recorder {
public:
    void record(trace::Event event) override
    {
        const std::lock_guard lock(mutex_);
        events_.push_back(std::move(event));
        constexpr std::size_t kMost = 1000;
        if (events_.size() > kMost) events_.pop_front();
    }
    std::vector<trace::Event> of(trace::EventKind kind) const
    {
        const std::lock_guard lock(mutex_);
        std::vector<trace::Event> found;
        for (const auto& event : events_) {
            if (event.kind == kind) found.push_back(event);
        }
        return found;
    }

private:
    mutable std::mutex mutex_;
    std::deque<trace::Event> events_;
};

inline std::string fact(const trace::Event& event, std::string_view name)
{
    for (const auto& [key, value] : event.facts) {
        if (key == name) return value;
    }
    return "(none)";
}

}  // namespace mbx::test
