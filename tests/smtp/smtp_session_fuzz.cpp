// Whole sessions, MX and submission, over memory with a real store behind. The first byte chooses the port and the
// split. Whatever is said: replies are well-formed lines, do not depend on how the bytes arrived, nobody relays or is
// logged in without the password, and as many messages are stored as were answered with 250.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "base/ascii.hpp"
#include "base/codec.hpp"
#include "smtp/appliance.hpp"

namespace {

void require(bool holds)
{
    if (!holds) std::abort();
}

std::size_t count_lines(std::string_view text, std::string_view start)
{
    std::size_t found = 0;
    while (!text.empty()) {
        const auto end = text.find("\r\n");
        require(end != std::string_view::npos);
        const std::string_view line = text.substr(0, end);
        require(line.size() >= 4 && line.size() <= 510);
        require(line[0] >= '2' && line[0] <= '5' && mbx::ascii::is_digit(line[1]) && mbx::ascii::is_digit(line[2]));
        require(line[3] == ' ' || line[3] == '-');
        for (const char c : line) require(!mbx::ascii::is_control(c) && !mbx::ascii::is_eight_bit(c));
        if (line.starts_with(start)) ++found;
        text.remove_prefix(end + 2);
    }
    return found;
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    using namespace mbx;
    static auto* appliance = new test::Appliance([](smtp::Options& options) {
        options.max_message_bytes = 4096;
        options.max_recipients = 5;
        options.max_errors = 8;
        options.max_idle_commands = 8;
        options.max_refused_recipients = 4;
        options.max_hops = 3;
    });
    if (size == 0) return 0;
    const std::string script(reinterpret_cast<const char*>(data + 1), size - 1);
    test::Caller caller;
    caller.role = (data[0] & 1U) != 0 ? smtp::Role::submission : smtp::Role::mx;
    caller.encrypted = (data[0] & 2U) != 0;
    const bool is_local = data[0] >= 0xf8; // a program of this machine
    if (is_local) {
        caller.role = smtp::Role::local;
        caller.encrypted = false;
        caller.uid = 1000;
    }
    const std::string whole = appliance->talk(script, caller);
    caller.piece = 1 + data[0] / 4U;
    const std::string split = appliance->talk(script, caller);
    require(whole == split);

    const std::size_t accepted = count_lines(whole, "250 2.0.0 ID accepted");
    require((accepted != 0) == (appliance->stored() != 0 || !appliance->outgoing.empty()));
    appliance->outgoing.clear();
    require(appliance->spooled() == 0);
    require(appliance->server.sessions() == 0);
    if (is_local) require(count_lines(whole, "235 ") == 0 && count_lines(whole, "220 2.0.0") == 0);
    if (caller.role == smtp::Role::mx) require(count_lines(whole, "235 ") == 0);
    if (!caller.encrypted) require(count_lines(whole, "235 ") == 0);
    if (caller.role == smtp::Role::submission && accepted != 0) require(count_lines(whole, "235 ") == 1);
    if (appliance->stored() != 0) appliance->empty_inboxes();
    return 0;
}
