// Both address grammars: what is read, is written, and read again, is the same.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "base/ascii.hpp"
#include "mail/address.hpp"
#include "mail/address_list.hpp"
#include "mail/received.hpp"

using namespace mbx::mail;

namespace {

void require(bool holds)
{
    if (!holds) std::abort();
}

void check_path(std::string_view text)
{
    require(measure_path(text) <= text.size());
    const auto parsed = parse_forward_path(text);
    if (!parsed) return;
    require(measure_path(text) == text.size());
    require(text.size() <= kMaxPath && parsed->local_part.size() <= kMaxLocalPart);
    require(mbx::ascii::is_utf8(parsed->local_part));
    const std::string written = format_path(*parsed);
    require(std::ranges::none_of(written, mbx::ascii::is_control));
    const auto again = parse_forward_path(written);
    require(again && *again == *parsed);
    const auto reverse = parse_reverse_path(text);
    require(parsed->domain.empty() ? !reverse : reverse && **reverse == *parsed);
}

void check_list(std::string_view text)
{
    const auto addresses = parse_address_list(text);
    const std::string written = format_address_list(addresses);
    const auto again = parse_address_list(written);
    require(again == addresses);
    require(parse_address_list(text, 3).size() <= 4);
    int depth = 0;
    for (const auto& address : addresses) {
        if (address.kind == HeaderAddress::Kind::group_start) ++depth;
        if (address.kind == HeaderAddress::Kind::group_end) --depth;
        require(depth == 0 || depth == 1);
        for (const auto* field : {&address.name, &address.route, &address.local, &address.domain})
            require(field->find_first_of(std::string_view("\r\n\0", 3)) == std::string::npos);
    }
    require(depth == 0);
}

void check_received(std::string_view text)
{
    ReceivedFacts facts;
    facts.helo = facts.client_name = facts.client_address = facts.by = facts.tls = facts.id = text;
    const std::string field = make_received(facts);
    for (std::size_t at = field.find('\n'); at != std::string::npos; at = field.find('\n', at + 1)) {
        require(field[at - 1] == '\r');
        require(at + 1 == field.size() || field[at + 1] == '\t');
    }
    require(std::ranges::count(field, '(') == std::ranges::count(field, ')'));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    check_path(text);
    check_path('<' + std::string(text) + '>');
    check_list(text);
    check_received(text);
    return 0;
}
