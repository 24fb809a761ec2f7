#include "queue/queue_record.hpp"

#include <utility>

#include "base/record_bytes.hpp"

namespace mbx::queue {
namespace {

constexpr std::uint64_t kRecordVersion = 1;
constexpr std::uint64_t kEntryVersion = 1;
constexpr std::uint64_t kChangeTag = 1;
constexpr std::uint64_t kEndedTag = 2;
constexpr std::size_t kMostIdBytes = 64;
constexpr unsigned kWantedShift = 3;
constexpr std::uint64_t kHasExtra = 1U << 5U;
// Of an entry and of a change.
constexpr std::uint64_t kHeld = 1;
constexpr std::uint64_t kWarned = 2;
constexpr std::uint64_t kHasTold = 4;
// Of what was told.
constexpr std::uint64_t kHoldUntold = 1;
constexpr std::uint64_t kHasTrouble = 2;
constexpr std::uint64_t kOfDelay = 4;
// No envelope has more: kMaxEnvelopeRecipients of the longest texts would be far beyond what any session takes.
constexpr std::size_t kMostEnvelopeBytes = 256U << 20U;

void write_state(RecordWriter& out, const RecipientState& state)
{
    const bool has_extra = state.extra != 0 || state.planned != 0;
    out.number(static_cast<std::uint64_t>(state.status) | (static_cast<std::uint64_t>(state.wanted) << kWantedShift) |
               (has_extra ? kHasExtra : 0));
    if (has_extra) out.number(state.extra);
    if (has_extra) out.signed_number(state.planned);
    out.number(state.attempts);
    out.signed_number(state.next);
    out.signed_number(state.last.at);
    if (state.last.at == 0) return;
    out.number(state.last.code);
    out.number(state.last.is_remote ? 1 : 0);
    out.text(state.last.enhanced);
    out.text(state.last.host);
    out.text(state.last.text);
}

RecipientState read_state(RecordReader& in)
{
    RecipientState state;
    auto first = in.number();
    const bool has_extra = (first & kHasExtra) != 0;
    first &= ~kHasExtra;
    const auto status = first & ((1U << kWantedShift) - 1);
    const auto wanted = first >> kWantedShift;
    if (status > static_cast<std::uint64_t>(RecipientStatus::removed)) in.refuse();
    if (wanted > static_cast<std::uint64_t>(Wanted::removed) || (wanted != 0 && status != 0)) in.refuse();
    if (!in.is_good()) return state;
    state.status = static_cast<RecipientStatus>(status);
    state.wanted = static_cast<Wanted>(wanted);
    if (has_extra) in.number_into(state.extra);
    if (has_extra) state.planned = in.signed_number();
    in.number_into(state.attempts);
    const bool is_empty = has_extra && state.extra == 0 && state.planned == 0;
    if (state.extra > state.attempts || is_empty) in.refuse();
    state.next = in.signed_number();
    state.last.at = in.signed_number();
    if (state.last.at == 0) return state;
    in.number_into(state.last.code);
    const auto flags = in.number();
    if (flags > 1 || state.last.code > 999) in.refuse();
    state.last.is_remote = flags == 1;
    state.last.enhanced = in.text(16);
    state.last.host = in.text(255);
    state.last.text = in.text(kMaxAnswerText);
    return state;
}

void write_told(RecordWriter& out, const Told& told)
{
    const bool has_trouble = !told.trouble.why.empty();
    out.number((told.is_hold_untold ? kHoldUntold : 0) | (has_trouble ? kHasTrouble : 0) | (told.trouble.is_of_delay ? kOfDelay : 0));
    out.number(told.rules.size());
    for (const std::int64_t rule : told.rules) out.signed_number(rule);
    if (!has_trouble) return;
    out.text(told.trouble.whom);
    out.text(told.trouble.why);
}

void read_told(RecordReader& in, Told& told)
{
    const auto flags = in.number();
    const bool has_trouble = (flags & kHasTrouble) != 0;
    if (flags > (kHoldUntold | kHasTrouble | kOfDelay) || (!has_trouble && (flags & kOfDelay) != 0)) in.refuse();
    told.is_hold_untold = (flags & kHoldUntold) != 0;
    told.trouble.is_of_delay = (flags & kOfDelay) != 0;
    const auto count = in.count(1);
    for (std::size_t n = 0; n < count && in.is_good(); ++n) {
        const auto rule = in.signed_number();
        if (!told.rules.empty() && rule <= told.rules.back()) in.refuse();
        told.rules.push_back(rule);
    }
    if (!in.is_good()) return;
    if (has_trouble) {
        told.trouble.whom = in.text(kMaxAnswerText);
        told.trouble.why = in.text(kMaxAnswerText);
        if (told.trouble.why.empty()) in.refuse();
    }
    if (told == Told()) in.refuse();
}

void write_flags(RecordWriter& out, bool is_held, bool is_warned, const Told& told)
{
    const bool has_told = told != Told();
    out.number((is_held ? kHeld : 0) | (is_warned ? kWarned : 0) | (has_told ? kHasTold : 0));
    if (has_told) write_told(out, told);
}

void read_flags(RecordReader& in, bool& is_held, bool& is_warned, Told& told)
{
    const auto flags = in.number();
    if (flags > (kHeld | kWarned | kHasTold)) in.refuse();
    is_held = (flags & kHeld) != 0;
    is_warned = (flags & kWarned) != 0;
    if (in.is_good() && (flags & kHasTold) != 0) read_told(in, told);
}

std::string read_id(RecordReader& in)
{
    std::string id(in.text(kMostIdBytes));
    if (!is_entry_id(id)) in.refuse();
    return id;
}

Change read_change(RecordReader& in)
{
    Change change;
    change.id = read_id(in);
    change.version = in.number();
    read_flags(in, change.is_held, change.is_warned, change.told);
    const auto count = in.count(5);
    for (std::size_t n = 0; n < count && in.is_good(); ++n) {
        Change::Outcome outcome;
        in.number_into(outcome.recipient);
        outcome.state = read_state(in);
        change.outcomes.push_back(std::move(outcome));
    }
    return change;
}

std::string_view status_word(RecipientStatus status)
{
    switch (status) {
    case RecipientStatus::waiting: return "waiting";
    case RecipientStatus::failing: return "failing";
    case RecipientStatus::delivered: return "delivered";
    case RecipientStatus::failed: return "failed";
    case RecipientStatus::removed: return "removed";
    }
    return "";
}

}  // namespace

std::string encode(const QueueRecord& record)
{
    RecordWriter out;
    out.number(kRecordVersion);
    if (const auto* ended = std::get_if<Ended>(&record)) {
        out.number(kEndedTag);
        out.text(ended->id);
        return std::move(out.bytes());
    }
    const auto& change = std::get<Change>(record);
    out.number(kChangeTag);
    out.text(change.id);
    out.number(change.version);
    write_flags(out, change.is_held, change.is_warned, change.told);
    out.number(change.outcomes.size());
    for (const auto& outcome : change.outcomes) {
        out.number(outcome.recipient);
        write_state(out, outcome.state);
    }
    return std::move(out.bytes());
}

std::optional<QueueRecord> decode_record(std::string_view bytes)
{
    RecordReader in(bytes);
    if (in.number() != kRecordVersion) return std::nullopt;
    const auto tag = in.number();
    QueueRecord record;
    if (tag == kChangeTag) {
        record = read_change(in);
    } else if (tag == kEndedTag) {
        record = Ended{read_id(in)};
    } else {
        return std::nullopt;
    }
    if (!in.is_good() || !in.is_at_end()) return std::nullopt;
    return record;
}

std::string describe(const QueueRecord& record)
{
    if (const auto* ended = std::get_if<Ended>(&record)) return "queue: " + ended->id + " ended";
    const auto& change = std::get<Change>(record);
    std::string text = "queue: " + change.id + " change " + std::to_string(change.version);
    if (change.is_held) text += ", held";
    for (const auto& outcome : change.outcomes) {
        text += ", recipient " + std::to_string(outcome.recipient) + " " + std::string(status_word(outcome.state.status)) +
                " after " + std::to_string(outcome.state.attempts) + (outcome.state.attempts == 1 ? " attempt" : " attempts");
        if (outcome.state.wanted == Wanted::returned) text += ", to be returned when the present one fails";
        if (outcome.state.wanted == Wanted::removed) text += ", to be deleted when the present one fails";
    }
    return text;
}

std::string encode_entry(const Entry& entry)
{
    RecordWriter out;
    out.number(kEntryVersion);
    out.text(entry.id);
    out.signed_number(entry.accepted);
    out.number(entry.size);
    out.number(entry.crc);
    out.text(encode(entry.envelope));
    out.number(entry.version);
    write_flags(out, entry.is_held, entry.is_warned, entry.told);
    for (const auto& state : entry.states) write_state(out, state);
    return std::move(out.bytes());
}

std::optional<Entry> decode_entry(std::string_view bytes)
{
    RecordReader in(bytes);
    if (in.number() != kEntryVersion) return std::nullopt;
    Entry entry;
    entry.id = read_id(in);
    entry.accepted = in.signed_number();
    entry.size = in.number();
    in.number_into(entry.crc);
    const auto envelope = in.text(kMostEnvelopeBytes);
    if (!in.is_good()) return std::nullopt;
    auto decoded = decode_envelope(envelope);
    if (!decoded) return std::nullopt;
    entry.envelope = std::move(*decoded);
    entry.version = in.number();
    read_flags(in, entry.is_held, entry.is_warned, entry.told);
    entry.states.reserve(entry.envelope.recipients.size());
    for (std::size_t n = 0; n < entry.envelope.recipients.size() && in.is_good(); ++n) entry.states.push_back(read_state(in));
    if (!in.is_good() || !in.is_at_end()) return std::nullopt;
    return entry;
}

}  // namespace mbx::queue
