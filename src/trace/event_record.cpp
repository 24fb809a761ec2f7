#include "trace/event_record.hpp"

#include <chrono>
#include <utility>

#include "base/record_bytes.hpp"

namespace mbx::trace {
namespace {

constexpr std::uint64_t kEventsVersion = 1;
constexpr std::size_t kMostText = 64U << 10U;
constexpr std::size_t kSmallestEvent = 6;
constexpr std::size_t kSmallestFact = 2;

std::int64_t microseconds_of(WallTime at)
{
    return std::chrono::duration_cast<std::chrono::microseconds>(at.time_since_epoch()).count();
}

Event read_event(RecordReader& in)
{
    Event event;
    event.id = in.text(kMostText);
    const auto kind = in.number();
    if (kind > static_cast<std::uint64_t>(EventKind::report_waits)) in.refuse();
    else event.kind = static_cast<EventKind>(kind);
    event.recipient = in.text(kMostText);
    event.detail = in.text(kMostText);
    const std::size_t facts = in.count(kSmallestFact);
    for (std::size_t n = 0; n < facts && in.is_good(); ++n) {
        const auto name = in.text(kMostText);
        event.facts.emplace_back(name, in.text(kMostText));
    }
    return event;
}

}  // namespace

// Those of one record are mostly of one message and one moment: what is as with the one before costs a byte.
std::string encode_events(const std::vector<Event>& events)
{
    RecordWriter out;
    out.number(kEventsVersion);
    out.number(events.size());
    std::string_view last_id;
    std::int64_t last_at = 0;
    for (const Event& event : events) {
        const std::int64_t at = microseconds_of(event.at);
        out.signed_number(at - last_at);
        out.text(event.id == last_id ? std::string_view() : std::string_view(event.id));
        out.number(static_cast<std::uint64_t>(event.kind));
        out.text(std::string_view(event.recipient).substr(0, kMostText));
        out.text(std::string_view(event.detail).substr(0, kMostText));
        out.number(event.facts.size());
        for (const auto& [name, value] : event.facts) {
            out.text(std::string_view(name).substr(0, kMostText));
            out.text(std::string_view(value).substr(0, kMostText));
        }
        last_id = event.id;
        last_at = at;
    }
    return std::move(out.bytes());
}

std::optional<std::vector<Event>> decode_events(std::string_view bytes)
{
    constexpr std::int64_t kFarthest = 8'000'000'000'000'000;  // the year 2223: what the clock can hold
    RecordReader in(bytes);
    if (in.number() != kEventsVersion) return std::nullopt;
    std::vector<Event> events;
    std::int64_t at = 0;
    const std::size_t count = in.count(kSmallestEvent);
    for (std::size_t n = 0; n < count && in.is_good(); ++n) {
        const std::int64_t later = in.signed_number();
        const bool is_fit = later >= -kFarthest && later <= kFarthest && at + later >= 0 && at + later <= kFarthest;
        if (!is_fit) return std::nullopt;
        at += later;
        Event event = read_event(in);
        if (event.id.empty() && !events.empty()) event.id = events.back().id;
        event.at = WallTime(std::chrono::microseconds(at));
        events.push_back(std::move(event));
    }
    if (!in.is_good() || !in.is_at_end()) return std::nullopt;
    return events;
}

}  // namespace mbx::trace
