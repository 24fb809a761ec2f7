#include "imap/parser.hpp"

#include <array>

#include "base/ascii.hpp"
#include "imap/parser_parts.hpp"

namespace mbx::imap {

namespace {

template <typename Made>
std::optional<Request> bare(Cursor&)
{
    return Request(Made{});
}

std::optional<Request> parse_login(Cursor& at)
{
    if (!at.space()) return std::nullopt;
    auto user = at.astring();
    if (!user || !at.space()) return std::nullopt;
    auto password = at.astring();
    if (!password) return std::nullopt;
    return Request(Login{std::move(*user), std::move(*password)});
}

std::optional<Request> parse_authenticate(Cursor& at)
{
    if (!at.space()) return std::nullopt;
    auto mechanism = at.upper_atom();
    if (!mechanism) return std::nullopt;
    Authenticate authenticate{std::move(*mechanism), std::nullopt};
    if (at.take(' ')) {
        // RFC 4959 section 3: base64 or "=".
        authenticate.initial = std::string(at.rest());
        at.skip(at.rest().size());
        if (authenticate.initial->empty()) return at.fail("empty initial response");
    }
    return Request(std::move(authenticate));
}

std::optional<Request> parse_enable(Cursor& at)
{
    Enable enable;
    do {
        if (!at.space()) return std::nullopt;
        auto capability = at.upper_atom();
        if (!capability) return std::nullopt;
        enable.capabilities.push_back(std::move(*capability));
    } while (!at.at_end());
    return Request(std::move(enable));
}

// SP mailbox, and nothing that we know behind it: parameters in parentheses belong to extensions not offered.
std::optional<std::string> one_mailbox(Cursor& at)
{
    if (!at.space()) return std::nullopt;
    return at.mailbox();
}

std::optional<Request> parse_opening(Cursor& at, bool read_only)
{
    auto mailbox = one_mailbox(at);
    if (!mailbox) return std::nullopt;
    Select select;
    select.mailbox = std::move(*mailbox);
    select.read_only = read_only;
    if (at.take(' ') && !detail::parse_select_parameters(at, select)) return std::nullopt;
    return Request(std::move(select));
}

std::optional<Request> parse_select(Cursor& at) { return parse_opening(at, false); }

std::optional<Request> parse_examine(Cursor& at) { return parse_opening(at, true); }

std::optional<Request> parse_delete(Cursor& at)
{
    auto mailbox = one_mailbox(at);
    if (!mailbox) return std::nullopt;
    return Request(Delete{std::move(*mailbox)});
}

std::optional<Request> parse_rename(Cursor& at)
{
    auto from = one_mailbox(at);
    if (!from) return std::nullopt;
    auto to = one_mailbox(at);
    if (!to) return std::nullopt;
    return Request(Rename{std::move(*from), std::move(*to)});
}

std::optional<Request> parse_getquota(Cursor& at)
{
    if (!at.space()) return std::nullopt;
    auto root = at.astring();
    if (!root) return std::nullopt;
    return Request(GetQuota{std::move(*root)});
}

std::optional<Request> parse_getquotaroot(Cursor& at)
{
    auto mailbox = one_mailbox(at);
    if (!mailbox) return std::nullopt;
    return Request(GetQuotaRoot{std::move(*mailbox)});
}

std::optional<Request> parse_subscribe(Cursor& at)
{
    auto mailbox = one_mailbox(at);
    if (!mailbox) return std::nullopt;
    return Request(Subscribe{std::move(*mailbox), true});
}

std::optional<Request> parse_unsubscribe(Cursor& at)
{
    auto mailbox = one_mailbox(at);
    if (!mailbox) return std::nullopt;
    return Request(Subscribe{std::move(*mailbox), false});
}

std::optional<Request> parse_uid_expunge(Cursor& at)
{
    if (!at.space()) return std::nullopt;
    auto uids = at.sequence_set();
    if (!uids) return std::nullopt;
    return Request(Expunge{std::move(*uids)});
}

std::optional<Request> parse_compress(Cursor& at)
{
    if (!at.space()) return std::nullopt;
    auto name = at.atom();
    if (!name) return std::nullopt;
    return Request(Compress{ascii::to_upper(*name)});
}

struct Verb {
    std::string_view name;
    std::optional<Request> (*parse)(Cursor&);
};

constexpr std::array<Verb, 9> kUidVerbs{{
    {"FETCH", [](Cursor& at) { return detail::parse_fetch(at, true); }},
    {"STORE", [](Cursor& at) { return detail::parse_store(at, true); }},
    {"SEARCH", [](Cursor& at) { return detail::parse_search(at, true); }},
    {"COPY", [](Cursor& at) { return detail::parse_copy(at, true, false); }},
    {"MOVE", [](Cursor& at) { return detail::parse_copy(at, true, true); }},
    {"EXPUNGE", parse_uid_expunge},
    {"SORT", [](Cursor& at) { return detail::parse_sort(at, true); }},
    {"THREAD", [](Cursor& at) { return detail::parse_thread(at, true); }},
    {"REPLACE", [](Cursor& at) { return detail::parse_replace(at, true); }},
}};

std::optional<Request> parse_uid(Cursor& at)
{
    if (!at.space()) return std::nullopt;
    const auto name = at.atom();
    if (!name) return std::nullopt;
    for (const auto& verb : kUidVerbs) {
        if (ascii::same(*name, verb.name)) return verb.parse(at);
    }
    return at.fail("unknown UID command");
}

constexpr std::array<Verb, 52> kVerbs{{
    {"NOOP", bare<Noop>},
    {"FETCH", [](Cursor& at) { return detail::parse_fetch(at, false); }},
    {"UID", parse_uid},
    {"IDLE", bare<Idle>},
    {"CAPABILITY", bare<Capability>},
    {"LOGOUT", bare<Logout>},
    {"ID", detail::parse_id},
    {"STARTTLS", bare<StartTls>},
    {"LOGIN", parse_login},
    {"AUTHENTICATE", parse_authenticate},
    {"UNAUTHENTICATE", bare<Unauthenticate>},
    {"COMPRESS", parse_compress},
    {"GETMETADATA", detail::parse_getmetadata},
    {"SETMETADATA", detail::parse_setmetadata},
    {"ENABLE", parse_enable},
    {"SELECT", parse_select},
    {"EXAMINE", parse_examine},
    {"CREATE", detail::parse_create},
    {"DELETE", parse_delete},
    {"RENAME", parse_rename},
    {"SUBSCRIBE", parse_subscribe},
    {"UNSUBSCRIBE", parse_unsubscribe},
    {"NAMESPACE", bare<Namespace>},
    {"STATUS", detail::parse_status},
    {"LIST", detail::parse_list},
    {"LSUB", detail::parse_lsub},
    {"APPEND", detail::parse_append},
    {"REPLACE", [](Cursor& at) { return detail::parse_replace(at, false); }},
    {"GETQUOTA", parse_getquota},
    {"GETQUOTAROOT", parse_getquotaroot},
    {"CHECK", bare<Check>},
    {"CLOSE", bare<Close>},
    {"UNSELECT", bare<Unselect>},
    {"EXPUNGE", bare<Expunge>},
    {"COPY", [](Cursor& at) { return detail::parse_copy(at, false, false); }},
    {"MOVE", [](Cursor& at) { return detail::parse_copy(at, false, true); }},
    {"STORE", [](Cursor& at) { return detail::parse_store(at, false); }},
    {"SEARCH", [](Cursor& at) { return detail::parse_search(at, false); }},
    {"SORT", [](Cursor& at) { return detail::parse_sort(at, false); }},
    {"THREAD", [](Cursor& at) { return detail::parse_thread(at, false); }},
    {"CANCELUPDATE", detail::parse_cancel_update},
    {"ESEARCH", detail::parse_multi_search},
    {"NOTIFY", detail::parse_notify},
    {"GETACL", detail::parse_getacl},
    {"SETACL", detail::parse_setacl},
    {"DELETEACL", detail::parse_deleteacl},
    {"LISTRIGHTS", detail::parse_listrights},
    {"MYRIGHTS", detail::parse_myrights},
    {"GENURLAUTH", detail::parse_genurlauth},
    {"URLFETCH", detail::parse_urlfetch},
    {"RESETKEY", detail::parse_resetkey},
    {"COMPARATOR", detail::parse_comparator},
}};

const Verb* find_verb(std::string_view name)
{
    for (const auto& verb : kVerbs) {
        if (ascii::same(name, verb.name)) return &verb;
    }
    return nullptr;
}

}  // namespace

Result<Command, ParseFailure> parse_command(std::string_view text, bool utf8)
{
    Cursor at(text, utf8);
    auto tag = at.tag();
    if (!tag) return ParseFailure{"*", at.reason()};
    const auto failed = [&tag](std::string reason) { return ParseFailure{std::move(*tag), std::move(reason)}; };
    if (!at.space()) return failed("missing command");
    const auto name = at.atom();
    if (!name) return failed("missing command");
    const Verb* verb = find_verb(*name);
    if (verb == nullptr) return failed("unknown command");
    auto request = verb->parse(at);
    if (!request) return failed(at.reason());
    if (!at.at_end()) return failed("unexpected text behind the command");
    return Command{std::move(*tag), std::move(*request)};
}

}  // namespace mbx::imap
