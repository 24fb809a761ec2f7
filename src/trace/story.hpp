// What befell a message, in plain words. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "trace/rows.hpp"

namespace mbx::trace {

struct StoryLine {
    std::int64_t at = 0;  // microseconds since 1970
    std::string text;
};
// One line for each event, in the order of time; then what is still open. Of a story about one recipient first that one's and the
// message's own, then the others: in numbers, and in lines where they are few. English.
std::vector<StoryLine> tell_story(const MessageStory& story);
// The first line of it all: from whom, what, when.
std::string tell_message(const MessageRow& message);

// "2026-11-22 12:41:39.123 UTC", "0.004 s", "2 min 5 s", "4 h 10 min", "3 d 2 h".
std::string time_text(std::int64_t microseconds);
std::string span_text(std::int64_t microseconds);
// "4.7 KB"
std::string size_text(std::int64_t bytes);

}  // namespace mbx::trace
