// The commands of RFC 4314 section 7, RFC 4467 section 9 and RFC 5255 section 4.10.
#include "base/ascii.hpp"
#include "imap/message_url.hpp"
#include "imap/parser.hpp"
#include "imap/parser_parts.hpp"

namespace mbx::imap::detail {

namespace {

// SP mailbox
std::optional<std::string> named_mailbox(Cursor& at)
{
    if (!at.space()) return std::nullopt;
    return at.mailbox();
}

// SP astring
std::optional<std::string> next_astring(Cursor& at)
{
    if (!at.space()) return std::nullopt;
    return at.astring();
}

}  // namespace

std::optional<Request> parse_getacl(Cursor& at)
{
    auto mailbox = named_mailbox(at);
    if (!mailbox) return std::nullopt;
    return Request(GetAcl{std::move(*mailbox)});
}

std::optional<Request> parse_setacl(Cursor& at)
{
    auto mailbox = named_mailbox(at);
    if (!mailbox) return std::nullopt;
    auto identifier = next_astring(at);
    if (!identifier) return std::nullopt;
    auto rights = next_astring(at);
    if (!rights) return std::nullopt;
    return Request(SetAcl{std::move(*mailbox), std::move(*identifier), std::move(*rights), false});
}

std::optional<Request> parse_deleteacl(Cursor& at)
{
    auto mailbox = named_mailbox(at);
    if (!mailbox) return std::nullopt;
    auto identifier = next_astring(at);
    if (!identifier) return std::nullopt;
    return Request(SetAcl{std::move(*mailbox), std::move(*identifier), {}, true});
}

std::optional<Request> parse_listrights(Cursor& at)
{
    auto mailbox = named_mailbox(at);
    if (!mailbox) return std::nullopt;
    auto identifier = next_astring(at);
    if (!identifier) return std::nullopt;
    return Request(ListRights{std::move(*mailbox), std::move(*identifier)});
}

std::optional<Request> parse_myrights(Cursor& at)
{
    auto mailbox = named_mailbox(at);
    if (!mailbox) return std::nullopt;
    return Request(MyRights{std::move(*mailbox)});
}

std::optional<Request> parse_genurlauth(Cursor& at)
{
    GenUrlAuth made;
    do {
        if (made.urls.size() >= kMaxUrlsAtOnce) return at.fail("too many URLs");
        auto url = next_astring(at);
        if (!url || !at.space()) return std::nullopt;
        auto mechanism = at.upper_atom();
        if (!mechanism) return std::nullopt;
        made.urls.emplace_back(std::move(*url), std::move(*mechanism));
    } while (!at.at_end());
    return Request(std::move(made));
}

std::optional<Request> parse_urlfetch(Cursor& at)
{
    UrlFetch made;
    do {
        if (made.urls.size() >= kMaxUrlsAtOnce) return at.fail("too many URLs");
        auto url = next_astring(at);
        if (!url) return std::nullopt;
        made.urls.push_back(std::move(*url));
    } while (!at.at_end());
    return Request(std::move(made));
}

std::optional<Request> parse_resetkey(Cursor& at)
{
    ResetKey made;
    if (at.at_end()) return Request(std::move(made));
    made.mailbox = named_mailbox(at);
    if (!made.mailbox) return std::nullopt;
    while (!at.at_end()) {
        if (!at.space()) return std::nullopt;
        auto mechanism = at.upper_atom();
        if (!mechanism) return std::nullopt;
        made.mechanisms.push_back(std::move(*mechanism));
    }
    return Request(std::move(made));
}

std::optional<Request> parse_comparator(Cursor& at)
{
    Comparator made;
    while (!at.at_end()) {
        if (made.wanted.size() >= kMaxComparators) return at.fail("too many comparators");
        auto wanted = next_astring(at);
        if (!wanted) return std::nullopt;
        made.wanted.push_back(std::move(*wanted));
    }
    return Request(std::move(made));
}

}  // namespace mbx::imap::detail
