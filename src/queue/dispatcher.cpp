#include "queue/dispatcher.hpp"

#include <algorithm>
#include <utility>

#include "queue/retry_plan.hpp"

namespace mbx::queue {
namespace {

// Failing destinations that are remembered; what is beyond finds out again.
constexpr std::size_t kMostRemembered = 10'000;

}  // namespace

void Dispatcher::want(const Line& line, const std::string& key, const ReadyErrand& errand)
{
    auto& wanting = errand.is_retry || line.failures != 0 ? wanting_retries_ : wanting_;
    wanting.push(errand.sender, key);
}

void Dispatcher::add(const Destination& destination, ReadyErrand errand)
{
    const std::string key = errand.destination;
    Line& line = destinations_[key];
    line.destination = destination;
    want(line, key, errand);
    const std::string sender = errand.sender;
    line.ready.push(sender, std::move(errand));
    ++ready_;
    if (destinations_.size() > kMostRemembered) forget_oldest_failure();
}

void Dispatcher::put_back(ReadyErrand errand)
{
    const std::string key = errand.destination;
    const auto at = destinations_.find(key);
    if (at == destinations_.end()) return;
    want(at->second, key, errand);
    const std::string sender = errand.sender;
    at->second.ready.put_back(sender, std::move(errand));
    ++ready_;
}

std::optional<Dispatcher::Start> Dispatcher::start_from(Wanting& wanting, bool is_retry, std::int64_t now)
{
    while (auto next = wanting.turns.pop()) {
        wanting.pairs.erase(*next);
        const auto at = destinations_.find(next->second);
        if (at == destinations_.end()) continue;
        Line& line = at->second;
        // Who is idle takes it; who is busy goes on with it: closed() asks again for what is left.
        if (line.ready.size() <= line.idle || line.down_until > now) continue;
        const std::uint32_t allowed = line.failures != 0 ? 1 : limits_.per_destination;
        if (line.open >= allowed) continue;
        // The one that starts takes the first; for the next another one is wanted.
        if (line.ready.size() > line.idle + 1) wanting.push(next->first, next->second);
        ++line.open;
        ++open_;
        if (is_retry) ++open_retries_;
        return Start{next->second, line.destination, is_retry};
    }
    return std::nullopt;
}

std::optional<Dispatcher::Start> Dispatcher::next_start(std::int64_t now)
{
    if (open_ >= limits_.connections) return std::nullopt;
    if (auto start = start_from(wanting_, false, now)) return start;
    if (open_retries_ >= std::max(1U, limits_.connections / 2)) return std::nullopt;
    return start_from(wanting_retries_, true, now);
}

void Dispatcher::closed(const Start& start)
{
    --open_;
    if (start.is_retry) --open_retries_;
    const auto at = destinations_.find(start.key);
    if (at == destinations_.end()) return;
    Line& line = at->second;
    --line.open;
    // What waits may have found all connections taken when it came: it asks again.
    if (auto head = line.ready.pop()) {
        want(line, start.key, head->second);
        line.ready.put_back(head->first, std::move(head->second));
    }
    forget_if_idle(start.key);
}

void Dispatcher::begin_idle(const std::string& key) { ++destinations_[key].idle; }

void Dispatcher::end_idle(const std::string& key) { --destinations_[key].idle; }

bool Dispatcher::has_idle(const std::string& key) const
{
    const auto at = destinations_.find(key);
    return at != destinations_.end() && at->second.idle != 0;
}

std::optional<ReadyErrand> Dispatcher::take(const std::string& key)
{
    const auto at = destinations_.find(key);
    if (at == destinations_.end()) return std::nullopt;
    auto head = at->second.ready.pop();
    if (!head) return std::nullopt;
    --ready_;
    return std::move(head->second);
}

std::size_t Dispatcher::ready(const std::string& key) const
{
    const auto at = destinations_.find(key);
    return at == destinations_.end() ? 0 : at->second.ready.size();
}

std::vector<ReadyErrand> Dispatcher::drain(const std::string& key)
{
    std::vector<ReadyErrand> all;
    while (auto errand = take(key)) all.push_back(std::move(*errand));
    return all;
}

void Dispatcher::reached(const std::string& key)
{
    const auto at = destinations_.find(key);
    if (at == destinations_.end() || at->second.failures == 0) return;
    Line& line = at->second;
    line.failures = 0;
    line.down_until = 0;
    line.why = {};
    // More connections are allowed again.
    if (auto head = line.ready.pop()) {
        want(line, key, head->second);
        line.ready.put_back(head->first, std::move(head->second));
    }
}

std::int64_t Dispatcher::failed(const std::string& key, std::int64_t now, std::uint64_t random, const LastAnswer& why)
{
    Line& line = destinations_[key];
    ++line.failures;
    line.why = why;
    const auto wait = wait_before_probe(line.failures, random);
    line.down_until = wait.count() == 0 ? 0 : now + wait.count();
    return line.down_until;
}

std::int64_t Dispatcher::down_until(const std::string& key, std::int64_t now) const
{
    const auto at = destinations_.find(key);
    return at == destinations_.end() || at->second.down_until <= now ? 0 : at->second.down_until;
}

bool Dispatcher::is_suspect(const std::string& key) const
{
    const auto at = destinations_.find(key);
    return at != destinations_.end() && at->second.failures != 0;
}

LastAnswer Dispatcher::last_failure(const std::string& key) const
{
    const auto at = destinations_.find(key);
    return at == destinations_.end() ? LastAnswer{} : at->second.why;
}

void Dispatcher::forget_failures(const std::string& key)
{
    reached(key);
    forget_if_idle(key);
}

bool Dispatcher::is_contested() const
{
    return open_ >= limits_.connections && (!wanting_.turns.empty() || !wanting_retries_.turns.empty());
}

std::size_t Dispatcher::down(std::int64_t now) const
{
    return static_cast<std::size_t>(std::count_if(destinations_.begin(), destinations_.end(),
                                                  [now](const auto& line) { return line.second.down_until > now; }));
}

void Dispatcher::forget_if_idle(const std::string& key)
{
    const auto at = destinations_.find(key);
    if (at == destinations_.end()) return;
    const Line& line = at->second;
    if (line.open == 0 && line.idle == 0 && line.failures == 0 && line.ready.empty()) destinations_.erase(at);
}

void Dispatcher::forget_oldest_failure()
{
    auto oldest = destinations_.end();
    std::size_t looked = 0;
    for (auto at = destinations_.begin(); at != destinations_.end() && looked < 100; ++at, ++looked) {
        const Line& line = at->second;
        if (line.open != 0 || line.idle != 0 || !line.ready.empty()) continue;
        if (oldest == destinations_.end() || line.down_until < oldest->second.down_until) oldest = at;
    }
    if (oldest != destinations_.end()) destinations_.erase(oldest);
}

}  // namespace mbx::queue
