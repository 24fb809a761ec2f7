#include <algorithm>
#include <cstring>
#include <utility>

#include "mail/downgrade.hpp"

namespace mbx::mail {
namespace {

constexpr std::uint64_t kEachHighBit = 0x8080808080808080;
constexpr std::uint64_t kEachOne = 0x0101010101010101;

// Eight bytes at a time, because every byte of every message that leaves comes by here.
struct RunFacts {
    bool eight_bit = false;
    bool nul = false;
};
RunFacts facts_of(std::string_view run)
{
    std::uint64_t high = 0;
    std::uint64_t zero = 0;
    while (run.size() >= sizeof(std::uint64_t)) {
        std::uint64_t word = 0;
        std::memcpy(&word, run.data(), sizeof word);
        high |= word;
        zero |= (word - kEachOne) & ~word;
        run.remove_prefix(sizeof word);
    }
    RunFacts facts{(high & kEachHighBit) != 0, (zero & kEachHighBit) != 0};
    for (const char c : run) {
        facts.eight_bit = facts.eight_bit || (static_cast<unsigned char>(c) & 0x80U) != 0;
        facts.nul = facts.nul || c == '\0';
    }
    return facts;
}

}  // namespace

void ContentScan::take_run(std::string_view run)
{
    if (run.empty()) return;
    const RunFacts found = facts_of(run);
    facts_.eight_bit = facts_.eight_bit || found.eight_bit;
    facts_.header_eight_bit = facts_.header_eight_bit || (in_header_ && found.eight_bit);
    facts_.nul = facts_.nul || found.nul;
    line_ += run.size();
    at_line_end_ = false;
}

void ContentScan::end_line(bool is_crlf)
{
    if (line_ == 0) in_header_ = false;
    facts_.longest_line = std::max(facts_.longest_line, line_);
    line_ = 0;
    at_line_end_ = true;
    if (is_crlf) return;
    facts_.stray = true;
    ++bare_line_feeds_;
}

void ContentScan::feed(std::string_view piece)
{
    facts_.bytes += piece.size();
    while (!piece.empty()) {
        if (held_cr_ && piece.front() != '\n') {
            facts_.stray = true;
            ++line_;
            at_line_end_ = false;
        }
        const bool had_cr = std::exchange(held_cr_, false);
        const void* found = std::memchr(piece.data(), '\n', piece.size());
        const std::size_t end = found == nullptr ? piece.size()
                                                 : static_cast<std::size_t>(static_cast<const char*>(found) - piece.data());
        std::string_view line = piece.substr(0, end);
        bool is_crlf = line.empty() && had_cr;
        if (!line.empty() && line.back() == '\r') {
            line.remove_suffix(1);
            if (found == nullptr) held_cr_ = true;
            else is_crlf = true;
        }
        if (std::memchr(line.data(), '\r', line.size()) != nullptr) facts_.stray = true;
        take_run(line);
        if (found == nullptr) return;
        end_line(is_crlf);
        piece.remove_prefix(end + 1);
    }
}

ContentFacts ContentScan::facts() const
{
    ContentFacts facts = facts_;
    facts.stray = facts.stray || held_cr_;
    facts.longest_line = std::max(facts.longest_line, line_ + (held_cr_ ? 1 : 0));
    facts.ends_with_line = at_line_end_ && !held_cr_;
    facts.wire_bytes = facts.bytes + bare_line_feeds_ + (facts.ends_with_line ? 0 : 2);
    return facts;
}

}  // namespace mbx::mail
