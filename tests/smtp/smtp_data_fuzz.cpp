// DATA: the incremental decoder and the naive one agree on every input, however it is split. The first byte chooses the
// split and what becomes of bare newlines.
#include <cstdint>
#include <cstdlib>

#include "smtp/data_decoder.hpp"
#include "smtp/naive_data.hpp"

namespace {

void require(bool holds)
{
    if (!holds) std::abort();
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    using namespace mbx::smtp;
    if (size == 0) return 0;
    const bool repair = (data[0] & 1U) != 0;
    const std::size_t piece = 1 + data[0] / 2U;
    const std::string_view input(reinterpret_cast<const char*>(data + 1), size - 1);

    DataDecoder decoder(repair ? BareNewlines::repair : BareNewlines::refuse);
    std::string message;
    std::size_t used = 0;
    while (used < input.size() && !decoder.is_done()) {
        const std::string_view next = input.substr(used, piece);
        const std::size_t before = message.size();
        const std::size_t taken = decoder.feed(next, message);
        require(taken <= next.size() && (taken == next.size() || decoder.is_done()));
        require(message.size() - before <= 2 * next.size() + 2);
        used += taken;
    }
    const auto expected = mbx::test::decode_naively(input, repair);
    require(decoder.is_done() == expected.has_value());
    if (!expected) return 0;
    require(used == expected->used);
    require(message == expected->message);
    require(decoder.saw_nul() == expected->nul);
    require(decoder.saw_bare_newline() == expected->bare_newline);
    return 0;
}
