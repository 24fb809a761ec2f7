// APPEND (RFC 9051 section 6.3.12, RFC 3502) and REPLACE (RFC 8508), up to where their messages are announced.
#include "base/ascii.hpp"
#include "imap/parser.hpp"
#include "imap/parser_parts.hpp"

namespace mbx::imap {

namespace {

// "17-Jul-1996 02:44:25 -0700" in its quotes.
bool parse_append_date(Cursor& at, AppendedMessage& message)
{
    const auto text = at.string();
    if (!text) return false;
    message.internal_date = mail::parse_internal_date(*text);
    if (message.internal_date) return at.space();
    (void)at.fail("invalid date-time");
    return false;
}

// Behind the space: [flag-list SP] [date-time SP] literal.
bool parse_message(Cursor& at, AppendedMessage& message)
{
    if (at.next_is('(')) {
        auto flags = detail::parse_flag_list(at);
        if (!flags || !at.space()) return false;
        message.flags = std::move(*flags);
    }
    if (at.next_is('"') && !parse_append_date(at, message)) return false;
    // RFC 6855 section 4
    message.utf8 = at.take_word("UTF8");
    if (message.utf8 && (!at.space() || !at.expect('('))) return false;
    const auto head = at.literal_head();
    if (!head) return false;
    if (message.utf8 && !head->literal8) {
        (void)at.fail("UTF8 needs a literal8");
        return false;
    }
    message.size = head->size;
    message.synchronizing = head->synchronizing;
    message.literal8 = head->literal8;
    return true;
}

}  // namespace

Result<AppendedMessage, std::string> parse_next_message(std::string_view line, bool utf8)
{
    Cursor at(line, utf8);
    AppendedMessage message;
    if (!at.space() || !parse_message(at, message)) return std::string(at.reason());
    if (!at.at_end()) return std::string("unexpected text behind the message");
    return message;
}

namespace detail {

std::optional<Request> parse_append(Cursor& at)
{
    if (!at.space()) return std::nullopt;
    Append append;
    auto mailbox = at.mailbox();
    if (!mailbox || !at.space()) return std::nullopt;
    append.mailbox = std::move(*mailbox);
    if (!parse_message(at, append.first)) return std::nullopt;
    return Request(std::move(append));
}

std::optional<Request> parse_replace(Cursor& at, bool by_uid)
{
    if (!at.space()) return std::nullopt;
    Replace replace;
    replace.by_uid = by_uid;
    const bool is_last = at.take('*');  // seq-number and uniqueid both know it (RFC 9051 section 9)
    const auto number = is_last ? UINT32_MAX : at.number(UINT32_MAX);
    if (!number) return std::nullopt;
    if (*number == 0) return at.fail("messages begin with 1");
    replace.number = is_last ? 0 : static_cast<std::uint32_t>(*number);
    if (!at.space()) return std::nullopt;
    auto mailbox = at.mailbox();
    if (!mailbox || !at.space()) return std::nullopt;
    replace.append.mailbox = std::move(*mailbox);
    if (!parse_message(at, replace.append.first)) return std::nullopt;
    return Request(std::move(replace));
}

}  // namespace detail

}  // namespace mbx::imap
