#include "trace/event_record.hpp"

#include <chrono>
#include <utility>

#include "base/record_bytes.hpp"

namespace mbx::trace {
namespace {

constexpr std::uint64_t kEventsVersion = 2;
constexpr std::uint64_t kVersionWithoutPlaces = 1;  // of journals that an earlier version wrote
constexpr std::size_t kMostText = 64U << 10U;
constexpr std::size_t kSmallestEvent = 4;
constexpr std::size_t kSmallestFact = 2;
constexpr std::size_t kMostCopied = 64U << 20U;  // of words that few bytes repeat: a thousand events with the longest names have 9 MiB

// What stands in front of an event's words.
enum Form : std::uint64_t {
    kAsBefore = 1,  // recipient, detail and facts are those of the event before
    kHasFrom = 2,
    kHasTo = 4,
    kHasNoId = 8,   // though the one before has one; no id is otherwise that of the one before
    kAllForms = 15,
};

std::int64_t microseconds_of(WallTime at)
{
    return std::chrono::duration_cast<std::chrono::microseconds>(at.time_since_epoch()).count();
}

void put_words(RecordWriter& out, const Event& event)
{
    out.text(std::string_view(event.recipient).substr(0, kMostText));
    out.text(std::string_view(event.detail).substr(0, kMostText));
    out.number(event.facts.size());
    for (const auto& [name, value] : event.facts) {
        out.text(std::string_view(name).substr(0, kMostText));
        out.text(std::string_view(value).substr(0, kMostText));
    }
}

void take_words(RecordReader& in, Event& event)
{
    event.recipient = in.text(kMostText);
    event.detail = in.text(kMostText);
    const std::size_t facts = in.count(kSmallestFact);
    for (std::size_t n = 0; n < facts && in.is_good(); ++n) {
        const auto name = in.text(kMostText);
        event.facts.emplace_back(name, in.text(kMostText));
    }
}

void put_place(RecordWriter& out, const MessagePlace& place)
{
    out.signed_number(place.account);
    out.signed_number(place.mailbox);
    out.number(place.uid);
}

MessagePlace take_place(RecordReader& in)
{
    MessagePlace place;
    place.account = in.signed_number();
    place.mailbox = in.signed_number();
    in.number_into(place.uid);
    return place;
}

bool has_same_words(const Event& one, const Event& other)
{
    return one.recipient == other.recipient && one.detail == other.detail && one.facts == other.facts;
}

std::uint64_t form_of(const Event& event, const Event* before)
{
    std::uint64_t form = 0;
    if (before != nullptr && has_same_words(event, *before)) form |= kAsBefore;
    if (event.from != MessagePlace()) form |= kHasFrom;
    if (event.to != MessagePlace()) form |= kHasTo;
    if (event.id.empty() && before != nullptr && !before->id.empty()) form |= kHasNoId;
    return form;
}

std::size_t words_size(const Event& event)
{
    std::size_t bytes = event.recipient.size() + event.detail.size();
    for (const auto& [name, value] : event.facts) bytes += sizeof(event.facts[0]) + name.size() + value.size();
    return bytes;
}

Event read_event(RecordReader& in, std::uint64_t version, const Event* before)
{
    Event event;
    event.id = in.text(kMostText);
    const auto kind = in.number();
    if (kind > static_cast<std::uint64_t>(EventKind::mailbox_restored)) in.refuse();
    else event.kind = static_cast<EventKind>(kind);
    const std::uint64_t form = version == kVersionWithoutPlaces ? 0 : in.number();
    const bool is_as_before = (form & kAsBefore) != 0;
    if (form > kAllForms || (is_as_before && before == nullptr)) {
        in.refuse();
        return event;
    }
    const bool takes_id = event.id.empty() && before != nullptr && (form & kHasNoId) == 0;
    if (takes_id) event.id = before->id;
    if (is_as_before) {
        event.recipient = before->recipient;
        event.detail = before->detail;
        event.facts = before->facts;
    } else {
        take_words(in, event);
    }
    if ((form & kHasFrom) != 0) event.from = take_place(in);
    if ((form & kHasTo) != 0) event.to = take_place(in);
    return event;
}

}  // namespace

// Those of one record are mostly of one message or one act, and of one moment: what is as with the one before costs a byte.
std::string encode_events(const std::vector<Event>& events)
{
    RecordWriter out;
    out.number(kEventsVersion);
    out.number(events.size());
    std::string_view last_id;
    std::int64_t last_at = 0;
    const Event* before = nullptr;
    for (const Event& event : events) {
        const std::int64_t at = microseconds_of(event.at);
        out.signed_number(at - last_at);
        out.text(event.id == last_id ? std::string_view() : std::string_view(event.id));
        out.number(static_cast<std::uint64_t>(event.kind));
        const std::uint64_t form = form_of(event, before);
        out.number(form);
        if ((form & kAsBefore) == 0) put_words(out, event);
        if ((form & kHasFrom) != 0) put_place(out, event.from);
        if ((form & kHasTo) != 0) put_place(out, event.to);
        before = &event;
        last_id = event.id;
        last_at = at;
    }
    return std::move(out.bytes());
}

std::optional<std::vector<Event>> decode_events(std::string_view bytes)
{
    constexpr std::int64_t kFarthest = 8'000'000'000'000'000;  // the year 2223: what the clock can hold
    RecordReader in(bytes);
    const std::uint64_t version = in.number();
    if (version != kEventsVersion && version != kVersionWithoutPlaces) return std::nullopt;
    std::vector<Event> events;
    std::int64_t at = 0;
    std::size_t copied = 0;
    const std::size_t count = in.count(kSmallestEvent);
    for (std::size_t n = 0; n < count && in.is_good(); ++n) {
        const std::int64_t later = in.signed_number();
        const bool is_fit = later >= -kFarthest && later <= kFarthest && at + later >= 0 && at + later <= kFarthest;
        if (!is_fit) return std::nullopt;
        at += later;
        Event event = read_event(in, version, events.empty() ? nullptr : &events.back());
        copied += words_size(event);
        if (copied > kMostCopied) return std::nullopt;
        event.at = WallTime(std::chrono::microseconds(at));
        events.push_back(std::move(event));
    }
    if (!in.is_good() || !in.is_at_end()) return std::nullopt;
    return events;
}

}  // namespace mbx::trace
