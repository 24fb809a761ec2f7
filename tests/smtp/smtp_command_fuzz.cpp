// SMTP command lines: what is accepted keeps its invariants; nothing else may happen.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "base/ascii.hpp"
#include "smtp/command.hpp"

namespace {

void require(bool holds)
{
    if (!holds) std::abort();
}

void check_mailbox(const mbx::mail::Mailbox& mailbox, bool smtputf8)
{
    require(mailbox.local_part.size() <= mbx::mail::kMaxLocalPart);
    require(mailbox.domain.size() <= mbx::mail::kMaxDomain);
    require(smtputf8 || !mailbox.needs_utf8);
    require(mbx::ascii::is_utf8(mailbox.local_part));
    if (mailbox.is_bare_postmaster()) return;
    const auto again = mbx::mail::parse_mailbox(mbx::mail::format_mailbox(mailbox));
    require(bool(again) && *again == mailbox);
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    using namespace mbx::smtp;
    const std::string_view line(reinterpret_cast<const char*>(data), size);
    const std::string shown = loggable(line, size % 2 == 0);
    require(shown.size() <= 400);
    const auto command = parse_command(line);
    if (!command) return 0;
    require(line.size() <= line_limit(command->verb));
    for (const char c : line) require(!mbx::ascii::is_control(c));
    if (command->verb == Verb::auth) require(shown == "AUTH ****");
    (void)is_greeting_name(command->argument);
    if (const auto mail = parse_mail(command->argument); mail && mail->reverse_path) {
        check_mailbox(*mail->reverse_path, mail->smtputf8);
        require(!mail->reverse_path->is_bare_postmaster());
    }
    for (const bool smtputf8 : {false, true}) {
        if (const auto rcpt = parse_rcpt(command->argument, smtputf8)) {
            check_mailbox(rcpt->mailbox, smtputf8);
            require(rcpt->original.size() <= 600);
        }
    }
    (void)parse_bdat(command->argument);
    (void)parse_xclient(command->argument);
    return 0;
}
