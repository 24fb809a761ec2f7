#include "queue/entry.hpp"

#include <algorithm>

namespace mbx::queue {
namespace {

// A report's record may reach the journal after a change with a higher version: each recipient is judged by itself.
// What is final stays so; otherwise more attempts are later, and with as many the order of the statuses tells.
bool goes_before(const RecipientState& now, const RecipientState& then)
{
    if (is_final(now.status)) return false;
    if (then.attempts != now.attempts) return then.attempts > now.attempts;
    // A change from before it was wanted may come behind.
    if (now.wanted != Wanted::nothing && then.wanted == Wanted::nothing && then.status == now.status) return false;
    return then.status >= now.status && then != now;
}

}  // namespace

bool Entry::is_over() const
{
    return std::all_of(states.begin(), states.end(), [](const RecipientState& state) { return is_final(state.status); });
}

bool Entry::has(RecipientStatus status) const
{
    return std::any_of(states.begin(), states.end(), [status](const RecipientState& state) { return state.status == status; });
}

bool apply(const Change& change, Entry& entry)
{
    if (change.id != entry.id) return false;
    for (const auto& outcome : change.outcomes) {
        if (outcome.recipient >= entry.states.size()) return false;
    }
    bool has_changed = change.is_warned && !entry.is_warned;
    entry.is_warned = entry.is_warned || change.is_warned;
    if (change.version > entry.version) {
        entry.version = change.version;
        entry.is_held = change.is_held;
        entry.told = change.told;
        has_changed = true;
    }
    for (const auto& outcome : change.outcomes) {
        RecipientState& state = entry.states[outcome.recipient];
        if (!goes_before(state, outcome.state)) continue;
        state = outcome.state;
        has_changed = true;
    }
    return has_changed;
}

Change next_change(const Entry& entry)
{
    Change change;
    change.id = entry.id;
    change.version = entry.version + 1;
    change.is_held = entry.is_held;
    change.told = entry.told;
    return change;
}

bool is_entry_id(std::string_view id)
{
    const auto is_fit = [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z'); };
    return !id.empty() && id.size() <= 64 && std::all_of(id.begin(), id.end(), is_fit);
}

std::int64_t milliseconds_of(WallTime time)
{
    return std::chrono::duration_cast<std::chrono::milliseconds>(time.time_since_epoch()).count();
}

WallTime wall_of(std::int64_t milliseconds)
{
    // What a damaged file says may be beyond what the clock can hold.
    constexpr std::int64_t kFarthest = 8'000'000'000'000;  // the year 2223
    return WallTime(std::chrono::milliseconds(std::clamp<std::int64_t>(milliseconds, 0, kFarthest)));
}

LastAnswer last_answer_of(const Answer& answer)
{
    LastAnswer last;
    last.code = answer.code;
    last.enhanced = answer.enhanced.substr(0, 16);
    last.text = answer.text.substr(0, kMaxAnswerText);
    last.host = answer.host.substr(0, 255);
    last.at = milliseconds_of(answer.at) / 1000;
    last.is_remote = answer.is_remote;
    return last;
}

}  // namespace mbx::queue
