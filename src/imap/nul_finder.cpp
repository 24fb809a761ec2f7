#include "imap/nul_finder.hpp"

namespace mbx::imap {

namespace {

constexpr std::size_t kBlock = 16 * 1024;

bool holds_nul(std::string_view text) { return text.find('\0') != std::string_view::npos; }

}  // namespace

NulFinder::NulFinder(std::string_view text) : text_(text), blocks_(text.size() / kBlock + 1, Block::unknown) {}

bool NulFinder::has_nul(std::string_view range)
{
    if (range.size() < 2 * kBlock) return holds_nul(range);
    const auto begin = static_cast<std::size_t>(range.data() - text_.data());
    const auto end = begin + range.size();
    // Whole blocks from the first to the last, and what is left at both ends.
    const auto first = (begin + kBlock - 1) / kBlock;
    const auto last = end / kBlock;
    for (auto number = first; number < last; ++number) {
        if (has_nul_in_block(number)) return true;
    }
    return holds_nul(text_.substr(begin, first * kBlock - begin)) || holds_nul(text_.substr(last * kBlock, end - last * kBlock));
}

bool NulFinder::has_nul_in_block(std::size_t number)
{
    Block& block = blocks_.at(number);
    if (block == Block::unknown) block = holds_nul(text_.substr(number * kBlock, kBlock)) ? Block::with : Block::without;
    return block == Block::with;
}

}  // namespace mbx::imap
