// Whole sessions over memory streams with a real store: the first byte says whether the client is logged in and how its
// bytes are cut. Whatever comes: the session ends when the client does, says whole lines only, and removes nothing that
// was not named before a QUIT.
#include <cstdlib>

#include "base/ascii.hpp"
#include "pop3/world.hpp"

using namespace mbx;
using namespace mbx::pop3;

namespace {

World& world()
{
    // Never destroyed: the process ends under it.
    static World& made = *new World();
    return made;
}

bool names(std::string_view text, std::string_view word)
{
    return ascii::to_upper(text).find(word) != std::string::npos;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    if (size == 0) return 0;
    const auto mode = data[0];
    const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
    while (world().inbox().size() < 2) world().deliver(message("seed", ".\r\n\xd1\x91\r\n"));
    Client client(world(), (mode & 2U) != 0 ? 7 : 65536);
    if ((mode & 1U) != 0) client.log_in();
    const auto heard = client.say(text);
    client.vanish();
    if (!client.is_over()) std::abort();
    if (!heard.empty() && !heard.ends_with("\r\n")) std::abort();
    const bool may_remove = names(text, "DELE") && names(text, "QUIT");
    if (!may_remove && world().inbox().size() != 2) std::abort();
    return 0;
}
