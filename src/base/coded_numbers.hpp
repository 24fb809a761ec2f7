// Reads tables of numbers that stand in the source as text: five bits a letter, the lowest first (A-Z a-z 0-9 - and anything else
// are 0 to 63; 32 and above: more bits follow). Of text that is cut short it reads zeros. Pure, linear.
#pragma once

#include <cstdint>
#include <string_view>

namespace mbx {

class CodedNumbers {
public:
    explicit CodedNumbers(std::string_view text) : rest_(text) {}
    bool is_done() const { return rest_.empty(); }

    std::uint32_t number()
    {
        std::uint32_t value = 0;
        for (unsigned shift = 0; shift < 30 && !rest_.empty(); shift += 5) {
            const auto letter = letter_value(rest_.front());
            rest_.remove_prefix(1);
            value |= (letter & 31U) << shift;
            if (letter < 32) break;
        }
        return value;
    }
    // A distance from `place`, zigzag coded: 0, -1, 1, -2, 2 are 0, 1, 2, 3, 4.
    std::uint32_t from(std::uint32_t place)
    {
        const auto coded = number();
        return (coded & 1U) == 0 ? place + coded / 2 : place - (coded + 1) / 2;
    }

private:
    static std::uint32_t letter_value(char c)
    {
        if (c >= 'A' && c <= 'Z') return static_cast<std::uint32_t>(c - 'A');
        if (c >= 'a' && c <= 'z') return static_cast<std::uint32_t>(c - 'a') + 26;
        if (c >= '0' && c <= '9') return static_cast<std::uint32_t>(c - '0') + 52;
        return c == '-' ? 62 : 63;
    }
    std::string_view rest_;
};

}  // namespace mbx
