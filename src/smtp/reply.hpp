// Every reply that the SMTP server can give, once: the table is the truth for codes, docs/smtp.md is compared with it.
// Pure. Any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace mbx::smtp {

enum class ReplyId : std::uint8_t {
    greeting,
    helo,
    reset,
    noop,
    help,
    bye,
    cannot_verify,
    sender_accepted,
    recipient_accepted,
    start_data,
    message_accepted,
    chunk_accepted,
    verified,
    tls_ready,
    auth_challenge,
    auth_succeeded,

    shutting_down,
    timed_out,
    too_many_errors,
    too_many_idle_commands,
    too_many_refused_recipients,
    too_many_failed_logins,
    internal_error,
    foreign_protocol,
    login_ended,
    early_talker,
    xclient_denied,
    chunk_size_unknown,
    chunk_too_large,

    line_too_long,
    stray_bytes,
    unknown_command,
    not_implemented,
    bad_sequence,
    bad_argument,
    bad_greeting_name,
    unknown_parameter,
    bad_parameter,

    sender_syntax,
    recipient_syntax,
    address_needs_smtputf8,
    size_exceeded,
    sender_not_owned,
    local_sender_foreign,

    relay_denied,
    unknown_mailbox,
    disabled_mailbox,
    alias_loop,
    list_too_large,
    too_many_recipients,
    no_valid_recipients,
    account_limit,
    network_limit,

    bare_newline,
    nul_byte,
    header_too_large,
    too_many_hops,
    message_too_large,
    not_convertible,
    header_needs_smtputf8,
    header_sender_malformed,
    header_sender_not_owned,
    no_space,
    over_quota,
    storage_failure,

    tls_required,
    tls_unavailable,
    tls_already_active,
    auth_required,
    auth_needs_tls,
    auth_unknown_mechanism,
    auth_malformed,
    auth_line_too_long,
    auth_cancelled,
    auth_wrong,
    auth_unavailable,
    auth_already_done,
};

struct Reply {
    ReplyId id;
    std::uint16_t code;
    std::string_view enhanced; // RFC 3463; empty where RFC 2034 section 4 gives none (greeting, HELO, 3xx)
    std::string_view text;     // "{}" stands for the detail of the moment
    std::string_view when;     // for the documentation
};

// In the order of the enumeration.
std::span<const Reply> replies();
const Reply& find_reply(ReplyId id);

// Appends "250 2.1.0 sender accepted\r\n". `detail` takes the place of "{}"; the caller vouches that it is printable
// ASCII without a line end.
void append_reply(std::string& out, ReplyId id, std::string_view detail = {});

// The reply table as docs/smtp.md shows it: one Markdown row for each reply.
std::string reply_table_markdown();

} // namespace mbx::smtp
