#include "journal/state_file.hpp"

#include <charconv>
#include <string>

#include <fmt/format.h>

#include "journal/crc32c.hpp"
#include "journal/frame.hpp"

namespace mbx::journal {
namespace {

constexpr std::string_view kStateTitle = "mailboxd journal 1\n";

// Reads "word number [number]\n" lines one by one; any other text makes it fail for good.
class StateReader {
public:
    explicit StateReader(std::string_view text) : left_(text) {}
    bool failed() const { return failed_; }
    bool at_end() const { return left_.empty(); }

    void expect(std::string_view text)
    {
        if (failed_ || !left_.starts_with(text)) {
            failed_ = true;
            return;
        }
        left_.remove_prefix(text.size());
    }
    std::uint64_t number(char behind, int base = 10)
    {
        std::uint64_t value = 0;
        if (failed_) return 0;
        const auto [end, code] = std::from_chars(left_.data(), left_.data() + left_.size(), value, base);
        const auto length = static_cast<std::size_t>(end - left_.data());
        if (code != std::errc() || length == left_.size() || *end != behind) {
            failed_ = true;
            return 0;
        }
        left_.remove_prefix(length + 1);
        return value;
    }
    std::uint64_t line(std::string_view word, int base = 10)
    {
        expect(word);
        return number('\n', base);
    }
    bool sees(std::string_view word) const { return !failed_ && left_.starts_with(word); }

private:
    std::string_view left_;
    bool failed_ = false;
};

bool is_sound(const StateRecord& state)
{
    if (state.ceiling < 1 || state.ceiling > kMaxLsn || state.end >= state.ceiling) return false;
    if (state.checkpoint > state.end) return false;
    Lsn before = 0;
    for (const LsnRange& range : state.voids) {
        if (range.first <= before || range.last < range.first || range.last >= state.ceiling) return false;
        before = range.last;
    }
    return true;
}

}  // namespace

std::string format_state(const StateRecord& state)
{
    std::string text(kStateTitle);
    text += fmt::format("identity {:016x}\nsegment {}\nclosed {}\nceiling {}\nend {}\ncheckpoint {}\n", state.identity,
                        state.segment, state.closed ? 1 : 0, state.ceiling, state.end, state.checkpoint);
    for (const LsnRange& range : state.voids) text += fmt::format("void {} {}\n", range.first, range.last);
    text += fmt::format("crc32c {:08x}\n", crc32c(text));
    return text;
}

std::optional<StateRecord> parse_state(std::string_view text)
{
    StateReader reader(text);
    StateRecord state;
    reader.expect(kStateTitle);
    state.identity = reader.line("identity ", 16);
    state.segment = reader.line("segment ");
    const std::uint64_t closed = reader.line("closed ");
    state.closed = closed == 1;
    state.ceiling = reader.line("ceiling ");
    state.end = reader.line("end ");
    state.checkpoint = reader.line("checkpoint ");
    while (reader.sees("void ")) {
        reader.expect("void ");
        const Lsn first = reader.number(' ');
        state.voids.push_back({first, reader.number('\n')});
    }
    const std::uint64_t crc = reader.line("crc32c ", 16);
    if (reader.failed() || !reader.at_end() || closed > 1 || !is_sound(state)) return std::nullopt;
    const std::size_t covered = text.rfind("crc32c ");
    if (crc != crc32c(text.substr(0, covered))) return std::nullopt;
    return state;
}

void add_void(std::vector<LsnRange>& voids, LsnRange range)
{
    if (!voids.empty() && voids.back().last + 1 >= range.first) {
        if (voids.back().last < range.last) voids.back().last = range.last;
        return;
    }
    voids.push_back(range);
}

bool are_void(const std::vector<LsnRange>& voids, Lsn first, Lsn last)
{
    for (const LsnRange& range : voids) {
        if (first > last) return true;
        if (range.contains(first)) first = range.last + 1;
    }
    return first > last;
}

}  // namespace mbx::journal
