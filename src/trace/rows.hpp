// What the trace holds, as plain values, and what it is asked. Times in microseconds since 1970.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "trace/recorder.hpp"

namespace mbx::trace {

std::string_view name_of(EventKind kind);

struct MessageRow {
    std::int64_t number = 0;  // of the row: a later message has a larger one
    std::string id;
    std::int64_t at = 0;      // accepted, or first heard of
    bool is_begun = true;     // false: how it came, and from whom, is not in the trace
    std::string reverse_path;
    std::string account;
    std::string peer;
    std::string helo;
    std::string tls;
    std::string subject;
    std::string message_id;
    std::optional<std::int64_t> size;
};

struct EventRow {
    std::int64_t at = 0;
    std::string kind;
    std::string recipient;
    std::string detail;
    std::vector<std::pair<std::string, std::string>> facts;
};

struct DeliveryRow {
    std::string id;
    std::string recipient;
    std::string outcome;      // "waiting", "delivered", "placed", "failed", "refused", "expanded", "deleted"
    std::string destination;  // domain; empty: here
    std::string host;
    std::int64_t attempts = 0;
    std::optional<std::int64_t> accepted_at;
    std::optional<std::int64_t> ended_at;
    std::optional<std::int64_t> total_us;
    std::optional<std::int64_t> our_us;
    std::optional<std::int64_t> their_us;
    std::string answer;
};

// One message and all that befell it, in the order of time.
struct MessageStory {
    MessageRow message;
    // The recipient who was asked for, as the trace has the address; empty: all alike. Where there is no room for all, the events
    // are those of this one and of the message as a whole; the deliveries begin with this one's in any case.
    std::string about;
    std::vector<EventRow> events;
    std::vector<DeliveryRow> deliveries;
    std::vector<std::pair<std::string, std::int64_t>> outcomes;  // of all recipients: how many of each
    bool is_cut = false;  // there is more than is here
};

struct SearchQuery {
    std::string text;  // an id, an address, a Message-ID, or a part of a subject; empty: the latest messages
    std::optional<std::int64_t> since;
    std::optional<std::int64_t> until;
    std::optional<std::int64_t> before;  // only rows with a smaller number: the next page
    std::size_t most = 50;
};
struct SearchAnswer {
    std::vector<MessageRow> messages;  // the latest first
    bool has_more = false;
    bool is_partial = false;  // the time for searching was over
};

struct SloQuery {
    std::int64_t since = 0;
    std::int64_t until = 0;   // the present
    std::int64_t limit_us = 5'000'000;
    std::size_t most = 100;   // violations that are listed
};
struct SloLine {
    std::string destination;  // empty: here
    std::int64_t delivered = 0;
    std::int64_t within = 0;
    std::int64_t mean_our_us = 0;
    std::int64_t mean_their_us = 0;
    std::int64_t worst_us = 0;
};
struct SloAnswer {
    std::int64_t delivered = 0;  // all that ended well
    std::int64_t within = 0;     // in time
    std::int64_t failed = 0;
    std::int64_t late = 0;       // waiting, longer than the limit already
    std::int64_t waiting_messages = 0;  // with somebody who waits, however long
    std::int64_t median_us = 0;
    std::int64_t p99_us = 0;
    std::vector<SloLine> destinations;      // the busiest first, 100 at most
    std::vector<DeliveryRow> violations;    // the latest first
    bool is_partial = false;
};

}  // namespace mbx::trace
