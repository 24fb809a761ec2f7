// APPEND (RFC 9051 section 6.3.12, RFC 3502, RFC 4469) and REPLACE (RFC 8508), up to where their messages are announced.
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

// The literal at the end of the line.
bool parse_text(Cursor& at, AppendedMessage& message)
{
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

// cat-part *(SP cat-part) ")": to the first text, which is announced at the end of the line, or to the end.
bool parse_parts(Cursor& at, AppendedMessage& message)
{
    message.has_text = false;
    do {
        if (at.take_word("TEXT")) {
            message.has_text = true;
            return at.space() && parse_text(at, message);
        }
        if (!at.take_word("URL")) {
            (void)at.fail("expected URL or TEXT");
            return false;
        }
        if (!at.space()) return false;
        auto url = at.astring();
        if (!url) return false;
        if (message.urls.size() == kMaxCatenatedUrls) {
            (void)at.fail("too many URLs");
            return false;
        }
        message.urls.push_back(std::move(*url));
    } while (at.take(' '));
    return at.expect(')');
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
    message.catenates = !message.utf8 && at.take_word("CATENATE");
    if (message.catenates) return at.space() && at.expect('(') && parse_parts(at, message);
    return parse_text(at, message);
}

// To the end of a command that needs no literal.
bool parse_end(Cursor& at, AppendedMessage& message)
{
    if (!message.has_text) {
        message.rest = at.rest();
        at.skip(message.rest.size());
    }
    return at.at_end();
}

}  // namespace

Result<AppendedMessage, std::string> parse_next_message(std::string_view line, bool utf8)
{
    Cursor at(line, utf8);
    AppendedMessage message;
    if (!at.space() || !parse_message(at, message)) return std::string(at.reason());
    if (!parse_end(at, message)) return std::string("unexpected text behind the message");
    return message;
}

Result<AppendedMessage, std::string> parse_next_parts(std::string_view line, bool utf8)
{
    Cursor at(line, utf8);
    AppendedMessage message;
    message.catenates = true;
    message.has_text = false;
    const bool is_good = at.take(')') || (at.space() && parse_parts(at, message));
    if (!is_good) return std::string(at.reason());
    if (!parse_end(at, message)) return std::string("unexpected text behind the message");
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
    if (!parse_message(at, append.first) || !parse_end(at, append.first)) return std::nullopt;
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
    if (!parse_message(at, replace.append.first) || !parse_end(at, replace.append.first)) return std::nullopt;
    return Request(std::move(replace));
}

}  // namespace detail

}  // namespace mbx::imap
