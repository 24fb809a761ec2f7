// What programs pipe into sendmail: any bytes become a message in wire form, in one pass or many, and its header can be read.
#include <cstdlib>
#include <string>
#include <string_view>

#include "sendmail/command_line.hpp"
#include "sendmail/conversation.hpp"
#include "sendmail/header.hpp"
#include "sendmail/input_text.hpp"
#include "sendmail/queue_list.hpp"

namespace {

std::string wire(std::string_view bytes, bool dot_ends, std::size_t piece)
{
    mbx::sendmail::InputText input(dot_ends);
    while (!bytes.empty() && input.feed(bytes.substr(0, piece))) bytes.remove_prefix(std::min(piece, bytes.size()));
    input.finish();
    return input.take();
}

void require_wire_form(std::string_view message)
{
    for (std::size_t at = 0; at < message.size(); ++at) {
        if (message[at] == '\0') std::abort();
        if (message[at] == '\n' && (at == 0 || message[at - 1] != '\r')) std::abort();
        if (message[at] == '\r' && (at + 1 == message.size() || message[at + 1] != '\n')) std::abort();
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size)
{
    using namespace mbx::sendmail;
    if (size == 0) return 0;
    const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
    const bool dot_ends = (data[0] & 1U) != 0;
    const std::string whole = wire(bytes, dot_ends, 65536);
    if (wire(bytes, dot_ends, 1 + data[0] / 2U) != whole) std::abort();
    require_wire_form(whole);
    const std::string message = with_from(with_header_end(whole), {"root", ""}, "Cron");
    require_wire_form(message);
    for (const Address& each : header_recipients(message)) {
        const auto command = rcpt_command(Letter{}, each, "mx.example.test");
        if (command && command->find('\r') + 2 != command->size()) std::abort();
    }
    (void)parse_command_line("sendmail", {std::string(bytes.substr(0, bytes.find('\n')))});
    (void)format_queue_page(bytes);
    std::string received(bytes);
    while (take_reply(received)) {
    }
    return 0;
}
