#include "smtp/forwarding.hpp"

#include <algorithm>
#include <map>
#include <utility>

#include "base/ascii.hpp"

namespace mbx::smtp {

namespace {

constexpr std::size_t kMarksInLine = 3; // within 78 columns
constexpr std::size_t kMostMarks = 4'000; // in a header

std::set<directory::AccountId> forwarders_of(const std::vector<OutsideRecipient>& outside)
{
    std::set<directory::AccountId> all;
    for (const OutsideRecipient& one : outside) all.insert(one.forwarders.begin(), one.forwarders.end());
    return all;
}

} // namespace

void part_ways(std::vector<OutsideRecipient>& outside, bool has_reverse_path)
{
    const auto is_apart = [&](const OutsideRecipient& one) { return has_reverse_path ? !one.returns_to.empty() : !one.forwarders.empty(); };
    std::set<std::string_view> addresses;
    for (const OutsideRecipient& one : outside) {
        if (is_apart(one)) addresses.insert(one.returns_to);
    }
    std::size_t room = kMostWays - std::min(kMostWays, addresses.size()); // beyond one for each address
    std::map<std::string_view, std::size_t> first;
    std::map<std::pair<std::string_view, std::vector<directory::AccountId>>, std::size_t> known;
    std::size_t count = 0;
    for (OutsideRecipient& one : outside) {
        one.way = 0;
        if (!is_apart(one)) continue;
        std::vector<directory::AccountId> behind;
        if (!one.owner.empty()) behind = one.forwarders;
        const auto [way, is_new] = known.try_emplace({one.returns_to, std::move(behind)}, 0);
        if (is_new) {
            const auto [before, is_first] = first.try_emplace(one.returns_to, 0);
            if (!is_first && room != 0) --room;
            else if (!is_first) way->second = before->second;
            if (way->second == 0) way->second = count = std::min(count + 1, kMostWays);
            if (is_first) before->second = way->second;
        }
        one.way = way->second;
    }
}

std::string make_forward_marks(const policy::Srs& srs, const std::vector<OutsideRecipient>& outside, std::size_t way)
{
    std::set<directory::AccountId> all;
    for (const OutsideRecipient& one : outside) {
        if (one.way == way) all.insert(one.forwarders.begin(), one.forwarders.end());
    }
    std::string fields;
    std::size_t in_line = 0;
    std::size_t room = kMostMarks;
    for (const directory::AccountId id : all) {
        if (room-- == 0) break;
        if (in_line == 0) fields += std::string(kForwardField) + ":";
        fields += " " + srs.forward_mark(id.value);
        if (++in_line != kMarksInLine) continue;
        fields += "\r\n";
        in_line = 0;
    }
    if (in_line != 0) fields += "\r\n";
    return fields;
}

void ForwardMarks::feed(std::string_view piece)
{
    while (!piece.empty() && !is_over_) {
        const auto end = piece.find('\n');
        const std::string_view part = piece.substr(0, end);
        const std::size_t room = kMostLine - std::min(line_.size(), kMostLine);
        is_cut_ = is_cut_ || part.size() > room;
        line_ += part.substr(0, room);
        if (end == std::string_view::npos) return;
        piece.remove_prefix(end + 1);
        end_line();
    }
}

void ForwardMarks::end_line()
{
    std::string_view line = line_;
    if (!is_cut_ && line.ends_with('\r')) line.remove_suffix(1);
    if (line.empty()) {
        is_over_ = true;
    } else if (ascii::is_space(line.front())) {
        if (is_within_) take(line);
    } else {
        const auto colon = line.find(':');
        is_within_ = colon != std::string_view::npos && ascii::same(ascii::trim(line.substr(0, colon)), kForwardField);
        if (is_within_) take(line.substr(colon + 1));
    }
    line_.clear();
    is_cut_ = false;
}

void ForwardMarks::take(std::string_view words)
{
    while (!words.empty() && found_.size() < kMostMarks) {
        words = ascii::trim(words);
        const auto end = std::min(words.find_first_of(" \t"), words.size());
        if (end != 0) found_.insert(ascii::to_lower(words.substr(0, end)));
        words.remove_prefix(end);
    }
}

std::string forwarder_name(const directory::Snapshot& snapshot, const OutsideRecipient& one)
{
    const directory::Account* account = one.is_shared ? nullptr : snapshot.find(one.forwarders.front());
    if (account != nullptr) return account->address();
    return "postmaster" + one.returns_to.substr(std::min(one.returns_to.rfind('@'), one.returns_to.size()));
}

HeldBack hold_back(const policy::Srs& srs, const ForwardMarks& marks, std::vector<OutsideRecipient>& outside)
{
    HeldBack held;
    if (marks.found().empty()) return held;
    std::set<directory::AccountId> again;
    for (const directory::AccountId id : forwarders_of(outside)) {
        if (marks.found().contains(ascii::to_lower(srs.forward_mark(id.value)))) again.insert(id);
    }
    std::set<directory::AccountId> keeping;
    std::vector<OutsideRecipient> on;
    for (OutsideRecipient& one : outside) {
        const auto first = std::ranges::find_if(one.forwarders, [&](directory::AccountId id) { return again.contains(id); });
        if (first == one.forwarders.end()) {
            on.push_back(std::move(one));
            continue;
        }
        keeping.insert(*first);
        held.addresses.push_back(one.address);
    }
    outside = std::move(on);
    held.accounts.assign(keeping.begin(), keeping.end());
    return held;
}

} // namespace mbx::smtp
