#include "auth/brake.hpp"

#include <algorithm>
#include <array>

namespace mbx::auth {
namespace {

constexpr unsigned kDoublings = 4;  // the first delay is max_delay / 16

// The parts are no addresses with spaces, so two pairs never read the same.
std::string pair_of(const BrakeSubject& subject) { return subject.network + " " + subject.account; }

}  // namespace

std::chrono::milliseconds Brake::delay_of(const Record& record) const
{
    if (record.failures < options_.failures_before_delay) return std::chrono::milliseconds(0);
    const unsigned doublings = std::min(record.failures - options_.failures_before_delay, kDoublings);
    return options_.max_delay / (1U << (kDoublings - doublings));
}

void Brake::forget_old(Record& record, SteadyTime now) const
{
    if (record.failures != 0 && now - record.last_failure >= options_.failure_window) record = Record();
}

void Brake::count(Record& record, SteadyTime now)
{
    forget_old(record, now);
    // Bounded, because what counts is only how far it is beyond the limit.
    record.failures = std::min(record.failures + 1, options_.failures_before_delay + kDoublings);
    record.last_failure = now;
    record.next_turn = std::max(record.next_turn, now + delay_of(record));
}

std::optional<std::chrono::milliseconds> Brake::admit(const BrakeSubject& subject, SteadyTime now)
{
    std::array<Record*, 2> records{known_pairs_.find(pair_of(subject)), nullptr};
    if (!records[0]) records = {networks_.find(subject.network), accounts_.find(subject.account)};
    SteadyTime turn = now;
    for (Record* record : records) {
        if (!record) continue;
        forget_old(*record, now);
        if (delay_of(*record).count() > 0) turn = std::max(turn, record->next_turn);
    }
    if (turn - now > options_.max_delay) return std::nullopt;
    for (Record* record : records) {
        if (record && delay_of(*record).count() > 0) record->next_turn = turn + delay_of(*record);
    }
    // Rounded up: a turn never comes early.
    return std::chrono::ceil<std::chrono::milliseconds>(turn - now);
}

void Brake::failed(const BrakeSubject& subject, SteadyTime now)
{
    // A device of the owner with an old password slows down itself and nobody else.
    if (Record* pair = known_pairs_.find(pair_of(subject))) {
        count(*pair, now);
        return;
    }
    count(networks_.find_or_insert(subject.network), now);
    count(accounts_.find_or_insert(subject.account), now);
}

void Brake::succeeded(const BrakeSubject& subject) { (void)known_pairs_.find_or_insert(pair_of(subject)); }

bool Brake::is_known(const BrakeSubject& subject) { return known_pairs_.find(pair_of(subject)) != nullptr; }

}  // namespace mbx::auth
