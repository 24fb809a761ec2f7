#include "smtp/reply.hpp"

#include <array>
#include <cassert>

namespace mbx::smtp {

namespace {

using enum ReplyId;

constexpr auto kReplies = std::to_array<Reply>({
    {greeting, 220, "", "{}", "a client connected: the host name, ESMTP and smtp.greeting"},
    {helo, 250, "", "{}", "HELO; the first line of EHLO's answer"},
    {reset, 250, "2.0.0", "flushed", "RSET"},
    {noop, 250, "2.0.0", "ok", "NOOP"},
    {help, 214, "2.0.0", "EHLO MAIL RCPT DATA BDAT RSET NOOP VRFY QUIT STARTTLS AUTH; RFC 5321", "HELP"},
    {bye, 221, "2.0.0", "bye", "QUIT"},
    {cannot_verify, 252, "2.0.0", "send some mail, we will try",
     "VRFY: nobody learns who exists (RFC 5321 7.3), but users that logged in where smtp.vrfy says so"},
    {sender_accepted, 250, "2.1.0", "sender accepted", "MAIL"},
    {recipient_accepted, 250, "2.1.5", "recipient accepted", "RCPT"},
    {start_data, 354, "", "end with <CR><LF>.<CR><LF>", "DATA"},
    {message_accepted, 250, "2.0.0", "{} accepted", "the message is durably stored; the word is its trace id"},
    {chunk_accepted, 250, "2.0.0", "{} octets received", "BDAT, but the last one of a message"},
    {verified, 250, "2.1.5", "{}", "VRFY of a mailbox that is there, with smtp.vrfy = \"users\""},
    {tls_ready, 220, "2.0.0", "ready to start TLS", "STARTTLS; bytes sent before this answer are dropped (RFC 3207)"},
    {auth_challenge, 334, "", "{}", "AUTH goes on; the text is base64 (RFC 4954)"},
    {auth_succeeded, 235, "2.7.0", "authentication succeeded", "AUTH"},

    {shutting_down, 421, "4.3.2", "service shutting down", "the daemon stops; connection closed"},
    {timed_out, 421, "4.4.2", "timeout", "a command, or a part of a message, did not come in time; connection closed"},
    {too_many_errors, 421, "4.7.0", "too many errors", "the limit of refused commands; connection closed"},
    {too_many_idle_commands, 421, "4.7.0", "too many commands without mail",
     "the limit of NOOP, RSET, VRFY, HELP and the like without a message; connection closed"},
    {too_many_refused_recipients, 421, "4.7.0", "too many refused recipients",
     "the limit of refused RCPTs of a session; connection closed"},
    {too_many_failed_logins, 421, "4.7.0", "too many failed log-ins", "the limit of failed AUTHs; connection closed"},
    {internal_error, 421, "4.3.0", "internal error", "a fault of the program, logged; connection closed"},
    {foreign_protocol, 421, "4.7.0", "this is SMTP", "the first command is HTTP's or TLS's; connection closed"},
    {login_ended, 421, "4.7.0", "log in again", "the account was changed, disabled or removed; connection closed"},
    {early_talker, 554, "5.5.1", "you spoke before the greeting", "with smtp.early_talkers = \"refuse\"; connection closed"},
    {xclient_denied, 550, "5.7.0", "XCLIENT is not for you",
     "XCLIENT from who is not in smtp.xclient_networks; connection closed"},
    {chunk_size_unknown, 501, "5.5.4", "a chunk needs its size",
     "BDAT without a size: nobody knows what follows; connection closed"},
    {chunk_too_large, 552, "5.3.4", "chunk too large", "BDAT of more than is read to its end; connection closed"},

    {line_too_long, 500, "5.5.2", "line too long",
     "a line over its command's limit; over 12,320 octets the connection is closed too"},
    {stray_bytes, 500, "5.5.2", "bare CR, bare LF or control byte in a command",
     "only CRLF ends a line (RFC 5321 2.3.8)"},
    {unknown_command, 500, "5.5.2", "command not recognised", "an unknown verb"},
    {not_implemented, 502, "5.5.1", "command not supported", "EXPN, ETRN, TURN; AUTH on the MX port; HELO and EHLO to LMTP"},
    {bad_sequence, 503, "5.5.1", "bad sequence of commands", "a command out of its order"},
    {bad_argument, 501, "5.5.4", "syntax error in arguments", "an argument that is missing, wrong or not allowed"},
    {bad_greeting_name, 501, "5.5.4", "a name without spaces or special bytes is needed", "HELO, EHLO"},
    {unknown_parameter, 555, "5.5.4", "parameter not recognised", "MAIL, RCPT: a parameter that EHLO did not offer"},
    {bad_parameter, 501, "5.5.4", "bad parameter value",
     "MAIL, RCPT: a parameter with a wrong value, or twice"},

    {sender_syntax, 501, "5.1.7", "bad sender address",
     "MAIL FROM: not a reverse path, or too long (RFC 5321 4.5.3.1)"},
    {recipient_syntax, 501, "5.1.3", "bad recipient address", "RCPT TO: not a forward path, or too long"},
    {address_needs_smtputf8, 553, "5.6.7", "address needs SMTPUTF8",
     "UTF-8 in an address without the parameter (RFC 6531)"},
    {size_exceeded, 552, "5.3.4", "message size exceeds the limit", "MAIL with SIZE over the limit (RFC 1870)"},
    {sender_not_owned, 550, "5.7.1", "not your sender address", "submission: MAIL FROM an address of somebody else"},
    {local_sender_foreign, 550, "5.7.1", "your sender address must be of this machine or of one of its domains",
     "sendmail: MAIL FROM an address elsewhere, by a user who is neither root nor in sendmail.trusted_users"},

    {relay_denied, 550, "5.7.1", "relaying denied", "RCPT: a domain that is not ours"},
    {unknown_mailbox, 550, "5.1.1", "no such mailbox", "RCPT: nobody of that name in our domain"},
    {disabled_mailbox, 550, "5.2.1", "mailbox disabled", "RCPT: the account, alias or domain is switched off"},
    {alias_loop, 550, "5.4.6", "alias loop", "RCPT: aliases that name each other"},
    {list_too_large, 550, "5.2.4", "too many addresses behind this one", "RCPT: an alias or list of more than 10,000 in all"},
    {too_many_recipients, 452, "4.5.3", "too many recipients", "RCPT over the limit; those before are kept"},
    {no_valid_recipients, 554, "5.5.1", "no valid recipients", "DATA or BDAT after every RCPT was refused"},
    {account_limit, 450, "4.7.1", "limit of your account reached: {}",
     "submission.max_messages_per_hour or max_recipients_per_hour, sendmail.max_messages_per_hour; MAIL, RCPT"},
    {network_limit, 450, "4.7.1", "too many recipients from your network, try again in {} minutes",
     "smtp.max_recipients_per_network_hour; RCPT"},

    {bare_newline, 550, "5.6.11", "bare CR or LF in the message", "after the message's true end (RFC 5321 2.3.8)"},
    {nul_byte, 550, "5.6.11", "NUL in the message", "after the message's true end"},
    {header_too_large, 552, "5.3.4", "message header too large", "over the limit of header bytes or fields"},
    {too_many_hops, 554, "5.4.6", "too many hops, a mail loop", "over the limit of Received fields (RFC 5321 6.3)"},
    {message_too_large, 552, "5.3.4", "message too large", "the message, swallowed to its end, was over the limit"},
    {not_convertible, 554, "5.6.3", "binary content that cannot be kept",
     "BODY=BINARYMIME with bytes where no transfer encoding reaches"},
    {header_needs_smtputf8, 550, "5.6.7", "bytes beyond ASCII in an address or identifier of the header need SMTPUTF8",
     "submission, after the end of the message; elsewhere in the header they are encoded (RFC 2047)"},
    {header_sender_malformed, 550, "5.6.0", "one From field with an address is needed, and one address in Sender",
     "submission, after the end of the message"},
    {header_sender_not_owned, 550, "5.7.1", "an address in From or Sender is not yours",
     "submission with submission.header_from = \"own\", after the end of the message"},
    {no_space, 452, "4.3.1", "insufficient system storage", "disk or inodes are low"},
    {over_quota, 452, "4.2.2", "mailbox full", "no recipient has room"},
    {storage_failure, 451, "4.3.0", "local error, try later",
     "the message could not be made durable; nothing was stored"},

    {tls_required, 530, "5.7.0", "must issue a STARTTLS command first", "submission: MAIL without TLS"},
    {tls_unavailable, 454, "4.7.0", "TLS not available", "STARTTLS without a certificate"},
    {tls_already_active, 503, "5.5.1", "TLS already active", "STARTTLS within TLS"},
    {auth_required, 530, "5.7.0", "authentication required", "submission: MAIL before AUTH"},
    {auth_needs_tls, 538, "5.7.11", "encryption required for authentication", "AUTH without TLS"},
    {auth_unknown_mechanism, 504, "5.5.4", "mechanism not supported", "AUTH with a mechanism that EHLO does not list"},
    {auth_malformed, 501, "5.5.2", "cannot decode the response", "AUTH: not base64, or not the mechanism's form"},
    {auth_line_too_long, 500, "5.5.6", "authentication exchange line too long", "AUTH: over 12,288 octets"},
    {auth_cancelled, 501, "5.7.0", "authentication cancelled", "AUTH answered with *"},
    {auth_wrong, 535, "5.7.8", "authentication credentials invalid", "AUTH: whatever was wrong (HOSTILE row J2)"},
    {auth_unavailable, 454, "4.7.0", "authentication not possible now, try later",
     "AUTH: too many failures from there, or the check could not run"},
    {auth_already_done, 503, "5.5.1", "already authenticated", "a second AUTH"},
});

constexpr bool is_in_order()
{
    for (std::size_t i = 0; i < kReplies.size(); ++i) {
        if (static_cast<std::size_t>(kReplies.at(i).id) != i) return false;
    }
    return true;
}
static_assert(is_in_order(), "kReplies is indexed by ReplyId");
static_assert(kReplies.size() == static_cast<std::size_t>(auth_already_done) + 1, "every ReplyId has its row");

} // namespace

std::span<const Reply> replies()
{
    return kReplies;
}

const Reply& find_reply(ReplyId id)
{
    return kReplies.at(static_cast<std::size_t>(id));
}

void append_reply(std::string& out, ReplyId id, std::string_view detail)
{
    assert(detail.find_first_of("\r\n") == std::string_view::npos);
    const Reply& reply = find_reply(id);
    out += std::to_string(reply.code);
    out += ' ';
    if (!reply.enhanced.empty()) {
        out += reply.enhanced;
        out += ' ';
    }
    const auto place = reply.text.find("{}");
    out += reply.text.substr(0, place);
    if (place != std::string_view::npos) {
        out += detail;
        out += reply.text.substr(place + 2);
    }
    out += "\r\n";
}

std::string reply_table_markdown()
{
    std::string out = "| Reply | Enhanced | Text | When |\n|---|---|---|---|\n";
    for (const Reply& reply : kReplies) {
        const std::string_view enhanced = reply.enhanced.empty() ? "–" : reply.enhanced;
        out += "| " + std::to_string(reply.code) + " | " + std::string(enhanced) + " | " + std::string(reply.text) +
               " | " + std::string(reply.when) + " |\n";
    }
    return out;
}

} // namespace mbx::smtp
