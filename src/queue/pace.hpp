// How many messages a minute go to one destination: a tenth of them at once, the rest evenly. Pure: the caller brings the time, in
// milliseconds since 1970. Loop thread.
#pragma once

#include <cstdint>
#include <map>
#include <string>

namespace mbx::queue {

class Pace {
public:
    // 0: no limit. What went before counts on.
    void set(std::uint64_t messages_a_minute);
    bool is_limited() const { return interval_ != 0; }
    // How many may go now; meaningless without a limit.
    std::uint64_t allowance(const std::string& destination, std::int64_t now) const;
    // When the next may go; 0: now.
    std::int64_t free_at(const std::string& destination, std::int64_t now) const;
    void sent(const std::string& destination, std::int64_t now);

private:
    std::int64_t used_until(const std::string& destination, std::int64_t now) const;
    void forget_free_ones(std::int64_t now);

    std::int64_t interval_ = 0;                 // between two messages, microseconds; 0: no limit
    std::int64_t burst_ = 0;                    // what may go at once, in microseconds of the same
    std::map<std::string, std::int64_t> used_;  // until when their share is used up, microseconds since 1970
    std::size_t forget_at_ = 0;                 // entries
};

}  // namespace mbx::queue
