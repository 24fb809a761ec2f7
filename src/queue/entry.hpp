// One message in the queue, and what became of each recipient so far. Pure values.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "queue/envelope.hpp"
#include "queue/transport.hpp"

namespace mbx::queue {

enum class RecipientStatus : std::uint8_t {
    waiting,    // for the next attempt
    failing,    // it failed for ever, and the sender is to be told; not done yet
    delivered,  // these three are final
    failed,
    removed,    // by an administrator
};

// What an administrator wants of a recipient while an attempt is under way; done when that ends without delivery.
enum class Wanted : std::uint8_t { nothing, returned, removed };

constexpr bool is_final(RecipientStatus status) { return status >= RecipientStatus::delivered; }

// What the last attempt came to. Seconds, as they are on the disk.
struct LastAnswer {
    unsigned code = 0;
    std::string enhanced;
    std::string text;  // at most kMaxAnswerText bytes
    std::string host;
    std::int64_t at = 0;     // since 1970; 0: never tried
    bool is_remote = false;
    bool operator==(const LastAnswer&) const = default;
};

inline constexpr std::size_t kMaxAnswerText = 2'048;

struct RecipientState {
    RecipientStatus status = RecipientStatus::waiting;
    Wanted wanted = Wanted::nothing;  // with `waiting` only
    std::uint32_t attempts = 0;
    std::uint32_t extra = 0;   // of them, those that an administrator asked for before their time: they make no wait longer
    std::int64_t next = 0;     // milliseconds since 1970: not before
    std::int64_t planned = 0;  // likewise: what `next` was before an attempt was asked for; 0: none is
    LastAnswer last;
    bool operator==(const RecipientState&) const = default;
};

// Why a report that is due could not be made, as the trace was told.
struct ReportTrouble {
    std::string whom;  // is to be told; at most kMaxAnswerText bytes, as `why`
    std::string why;   // "the mailbox is full"; empty: there is none
    bool is_of_delay = false;  // the report is of a delay, not of a failure
    bool operator==(const ReportTrouble&) const = default;
};

// What the trace was told of an entry as a whole, so that it is told once, also through a crash.
struct Told {
    bool is_hold_untold = false;      // with Entry::is_held: it was put on while all who wait were being sent to, and has not taken effect
    std::vector<std::int64_t> rules;  // standing holds (HoldRule::since) that have taken effect, ascending
    ReportTrouble trouble;
    bool operator==(const Told&) const = default;
};

struct Entry {
    std::string id;             // the trace id: 1 to 64 of [0-9a-z]
    std::int64_t accepted = 0;  // milliseconds since 1970
    std::uint64_t size = 0;     // of the message
    std::uint32_t crc = 0;      // CRC-32C of it
    Envelope envelope;
    std::vector<RecipientState> states;  // one for each of envelope.recipients
    std::uint64_t version = 0;  // one more with each change
    bool is_held = false;
    bool is_warned = false;     // the delay was told, or nobody wants to know
    Told told{};
    bool operator==(const Entry&) const = default;

    bool is_over() const;       // every recipient is final
    bool has(RecipientStatus status) const;
};

// What happened to an entry: values as they are after it, so that applying it twice or late does no harm.
struct Change {
    struct Outcome {
        std::uint32_t recipient = 0;  // index
        RecipientState state;
        bool operator==(const Outcome&) const = default;
    };
    std::string id;
    std::uint64_t version = 0;
    bool is_held = false;
    bool is_warned = false;
    std::vector<Outcome> outcomes;
    Told told{};
    bool operator==(const Change&) const = default;
};

// Takes what is later than what the entry has; false where nothing was, or the change is not of this entry.
bool apply(const Change& change, Entry& entry);

// The one that comes next, with nothing in it yet.
Change next_change(const Entry& entry);

// A trace id that may become the name of a file.
bool is_entry_id(std::string_view id);

std::int64_t milliseconds_of(WallTime time);
WallTime wall_of(std::int64_t milliseconds);
LastAnswer last_answer_of(const Answer& answer);

}  // namespace mbx::queue
