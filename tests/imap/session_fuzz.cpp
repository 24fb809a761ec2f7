// Whole sessions over memory streams with a real store: the first byte says whether the client is logged in and has a
// mailbox selected, and how its bytes are cut. Whatever comes: the session ends when the client does, and says whole
// lines only.
#include <cstdlib>

#include "imap/world.hpp"

using namespace mbx;
using namespace mbx::imap;

namespace {

Options fuzz_options()
{
    auto options = test_options();
    options.max_append = 16 * 1024;
    return options;
}

World& world()
{
    // Never destroyed: the process ends under it.
    static World& made = *new World(fuzz_options());
    return made;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    if (size == 0) return 0;
    const auto mode = data[0];
    const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
    Client client(world(), (mode & 4U) != 0 ? 7 : 65536);
    if ((mode & 3U) != 0) client.log_in();
    if ((mode & 3U) == 3) {
        client.append(message("seed"));
        client.select();
    }
    auto heard = client.say(text);
    client.end().close();
    world().loop.run();
    if (!client.is_over()) std::abort();
    if (!heard.empty() && !heard.ends_with("\r\n")) std::abort();
    if ((mode & 3U) == 3) {
        // What the run left behind goes, so that later runs stay quick.
        Client sweeper(world());
        sweeper.log_in();
        if (sweeper.ask("a SELECT INBOX").starts_with("OK")) {
            (void)sweeper.say("b STORE 1:* +FLAGS.SILENT (\\Deleted)\r\nc CLOSE\r\n");
        }
    }
    return 0;
}
