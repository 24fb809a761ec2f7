// Whether ranges of one text hold a NUL. Each block is looked at once, however many ranges are asked for: a FETCH may name a
// large part a thousand times. Pure. One thread at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

namespace mbx::imap {

class NulFinder {
public:
    explicit NulFinder(std::string_view text);
    // `range` is of the text.
    bool has_nul(std::string_view range);

private:
    enum class Block : std::uint8_t { unknown, without, with };
    bool has_nul_in_block(std::size_t number);

    std::string_view text_;
    std::vector<Block> blocks_;
};

}  // namespace mbx::imap
