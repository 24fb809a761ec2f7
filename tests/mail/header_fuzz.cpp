// Headers: gapless fields, and the incremental scanner sees the same at random splits. The first bytes choose the splits.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <random>
#include <string_view>

#include "mail/header.hpp"

using namespace mbx::mail;

namespace {

void require(bool holds)
{
    if (!holds) std::abort();
}

HeaderFacts scan(std::string_view message, HeaderLimits limits, unsigned seed)
{
    std::minstd_rand random(seed);
    IncrementalHeaderScanner scanner(limits);
    while (!message.empty()) {
        const std::size_t size = std::min<std::size_t>(message.size(), 1 + random() % (1 + seed % 40));
        scanner.feed(message.substr(0, size));
        message.remove_prefix(size);
    }
    scanner.finish();
    return scanner.facts();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    if (size < 2) return 0;
    const unsigned seed = data[0];
    const HeaderLimits limits{data[1] * 8U, data[1] / 8U};
    const std::string_view message(reinterpret_cast<const char*>(data) + 2, size - 2);
    const Header header = parse_header(message);
    std::size_t end = 0;
    for (const auto& field : header.fields) {
        require(field.offset == end && !field.whole.empty());
        require(field.name.empty() || is_field_name(field.name));
        require(unfold(field.value).find_first_of(std::string_view("\r\n\0", 3)) == std::string::npos);
        end += field.whole.size();
    }
    require(header.body_offset == end + (header.has_separator ? message[end] == '\r' ? 2U : 1U : 0U));
    require(header.has_separator || header.body_offset == message.size());
    const HeaderFacts facts = scan(message, {}, seed);
    require(facts == scan(message, {}, 0));
    require(facts.complete && facts.fields == header.fields.size() && facts.header_bytes == header.body_offset);
    require(facts.received == header.count("Received") && facts.from == header.count("From"));
    require(facts.date == header.count("Date") && facts.message_id == header.count("Message-ID"));
    const Header limited = parse_header(message, limits);
    require(limited.body_offset == header.body_offset && limited.fields.size() <= limits.fields);
    require(limited.over_limits == scan(message, limits, seed).over_limits);
    return 0;
}
