// Any bytes as one POP3 command: what parses keeps the bounds that the session relies on.
#include <algorithm>
#include <cstdlib>

#include "base/ascii.hpp"
#include "pop3/command.hpp"

using namespace mbx;
using namespace mbx::pop3;

namespace {

void check(bool holds)
{
    if (!holds) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    const std::string_view line(reinterpret_cast<const char*>(data), size);
    const auto command = parse_command(line);
    if (!command) return 0;
    check(command->text.size() <= line.size());
    check(ascii::is_utf8(command->text));
    check(std::ranges::none_of(command->text, ascii::is_control));
    const bool numbered = command->verb == Verb::dele || command->verb == Verb::retr || command->verb == Verb::top;
    check(!numbered || command->message.has_value());
    const bool named = command->verb == Verb::user || command->verb == Verb::pass;
    check(!named || !command->text.empty());
    check(!command->initial || (command->verb == Verb::auth && !command->initial->empty()));
    // The same in small letters.
    check(parse_command(ascii::to_lower(line.substr(0, 4)) + std::string(line.substr(std::min<std::size_t>(4, size))))->verb ==
          command->verb);
    return 0;
}
