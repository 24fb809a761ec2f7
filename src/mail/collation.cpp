#include "mail/collation.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <vector>

#include "base/ascii.hpp"
#include "base/coded_numbers.hpp"
#include "mail/collation_table.hpp"
#include "mail/utf8.hpp"

namespace mbx::mail {

namespace {

// What a character becomes, as UTF-8 at `at` of one long text. Ordered by code.
struct Mapping {
    std::uint32_t code;
    std::uint16_t at;
    std::uint16_t size;
};

class Mappings {
public:
    Mappings()
    {
        CodedNumbers in(kCollationTable);
        std::uint32_t next = 0;
        while (!in.is_done()) {
            std::uint32_t code = next + in.number();
            const auto kind = in.number();
            if (kind < 2) {
                const auto count = in.number();
                const auto first = in.from(code);
                for (std::uint32_t i = 0; i < count; ++i) add(code + i * (kind + 1), {first + i * (kind + 1)});
                next = code + (count - 1) * (kind + 1) + 1;
                continue;
            }
            std::vector<std::uint32_t> codes{in.from(code)};
            while (codes.size() + 1 < kind) codes.push_back(in.from(0x300));
            add(code, codes);
            next = code + 1;
        }
        // Texts of one script stay on one page of codes: where each begins.
        for (std::size_t page = 0; page < pages_.size(); ++page) {
            const auto it = std::ranges::lower_bound(all_, static_cast<std::uint32_t>(page * kPage), {}, &Mapping::code);
            pages_[page] = static_cast<std::uint16_t>(it - all_.begin());
        }
    }

    // Empty: it stays what it is.
    std::string_view find(std::uint32_t code) const
    {
        const auto page = code / kPage;
        if (page + 1 >= pages_.size()) return {};
        const auto first = all_.begin() + pages_[page];
        const auto last = all_.begin() + pages_[page + 1];
        const auto it = std::lower_bound(first, last, code, [](const Mapping& m, std::uint32_t c) { return m.code < c; });
        if (it == last || it->code != code) return {};
        return std::string_view(text_).substr(it->at, it->size);
    }

private:
    static constexpr std::uint32_t kPage = 64;

    void add(std::uint32_t code, const std::vector<std::uint32_t>& codes)
    {
        const auto at = text_.size();
        for (const auto one : codes) append_character(text_, one);
        all_.push_back({code, static_cast<std::uint16_t>(at), static_cast<std::uint16_t>(text_.size() - at)});
    }

    std::vector<Mapping> all_;
    std::string text_;
    std::array<std::uint16_t, 0x30000 / kPage + 1> pages_{};
};

const Mappings& mappings()
{
    static const Mappings made;
    return made;
}

}  // namespace

std::string collation_key(std::string_view utf8)
{
    std::string key;
    key.reserve(utf8.size());
    for (std::size_t at = 0; at < utf8.size();) {
        if (!ascii::is_eight_bit(utf8[at])) {
            key += ascii::upper(utf8[at++]);
            continue;
        }
        const auto character = first_character(utf8.substr(at));
        const auto mapped = character.is_good ? mappings().find(character.code) : std::string_view();
        key += mapped.empty() ? utf8.substr(at, character.size) : mapped;
        at += character.size;
    }
    return key;
}

}  // namespace mbx::mail
