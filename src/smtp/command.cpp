#include "smtp/command.hpp"

#include <algorithm>
#include <array>

#include "base/ascii.hpp"
#include "mail/xtext.hpp"

namespace mbx::smtp {

namespace {

constexpr std::size_t kCrlf = 2;
constexpr std::size_t kPlainLine = 512 - kCrlf; // RFC 5321 section 4.5.3.1.4
// SIZE adds 26 (RFC 1870 section 3), BODY 17 (RFC 6152 section 2), SMTPUTF8 10 (RFC 6531 section 3.4),
// AUTH 500 (RFC 4954 section 3), RET and ENVID 107 (RFC 3461 section 4), REQUIRETLS 11 (RFC 8689 section 2).
constexpr std::size_t kMailLine = kPlainLine + 26 + 17 + 10 + 500 + 107 + 11;
constexpr std::size_t kRcptLine = kPlainLine + 500; // RFC 3461 section 4

struct VerbRow {
    std::string_view name;
    Verb verb;
    std::size_t limit;
    bool takes_utf8;
};

constexpr auto kVerbs = std::to_array<VerbRow>({
    {"AUTH", Verb::auth, kMaxReadLine, false},
    {"BDAT", Verb::bdat, kPlainLine, false},
    {"DATA", Verb::data, kPlainLine, false},
    {"EHLO", Verb::ehlo, kPlainLine, false},
    {"ETRN", Verb::etrn, kPlainLine, false},
    {"EXPN", Verb::expn, kPlainLine, true},
    {"HELO", Verb::helo, kPlainLine, false},
    {"HELP", Verb::help, kPlainLine, false},
    {"LHLO", Verb::lhlo, kPlainLine, false},
    {"MAIL", Verb::mail, kMailLine, true},
    {"NOOP", Verb::noop, kPlainLine, false},
    {"QUIT", Verb::quit, kPlainLine, false},
    {"RCPT", Verb::rcpt, kRcptLine, true},
    {"RSET", Verb::rset, kPlainLine, false},
    {"STARTTLS", Verb::starttls, kPlainLine, false},
    {"TURN", Verb::turn, kPlainLine, false},
    {"VRFY", Verb::vrfy, kPlainLine, true},
    {"XCLIENT", Verb::xclient, kPlainLine, false},
});

constexpr auto kForeignVerbs = std::to_array<std::string_view>(
    {"GET", "POST", "HEAD", "PUT", "DELETE", "OPTIONS", "CONNECT", "TRACE", "PATCH", "PRI"});

const VerbRow* find_verb(std::string_view word)
{
    const auto* row =
        std::ranges::find_if(kVerbs, [word](const VerbRow& each) { return ascii::same(word, each.name); });
    return row == kVerbs.end() ? nullptr : row;
}

bool is_foreign(std::string_view line, std::string_view word)
{
    // A TLS record: handshake (22), version 3.x (HOSTILE row B7).
    if (line.size() >= 2 && line[0] == '\x16' && line[1] == '\x03') return true;
    // HTTP's verbs are written in capitals and followed by a target.
    return word.size() < line.size() && std::ranges::find(kForeignVerbs, word) != kForeignVerbs.end();
}

// Takes `prefix` off, in any case; false when it is not there.
bool take_prefix(std::string_view& text, std::string_view prefix)
{
    if (!ascii::starts_with(text, prefix)) return false;
    text.remove_prefix(prefix.size());
    while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
    return true;
}

struct Parameter {
    std::string_view keyword;
    std::optional<std::string_view> value;
};

// esmtp-param (RFC 5321 section 4.1.2): keyword ["=" value]; the value's octets 33-126 without "=", and UTF-8
// (RFC 6531 section 3.3).
std::optional<Parameter> parse_parameter(std::string_view word)
{
    const auto equals = word.find('=');
    Parameter parameter{word.substr(0, equals), std::nullopt};
    if (parameter.keyword.empty() || !ascii::is_alnum(parameter.keyword.front())) return std::nullopt;
    if (!std::ranges::all_of(parameter.keyword, [](char c) { return ascii::is_alnum(c) || c == '-'; }))
        return std::nullopt;
    if (equals == std::string_view::npos) return parameter;
    parameter.value = word.substr(equals + 1);
    if (parameter.value->empty()) return std::nullopt;
    return parameter;
}

// Calls `take` with each parameter until it answers an error.
template <typename Take> std::optional<ArgumentError> for_each_parameter(std::string_view text, Take take)
{
    while (true) {
        while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
        if (text.empty()) return std::nullopt;
        const auto end = std::min(text.find(' '), text.size());
        const auto parameter = parse_parameter(text.substr(0, end));
        if (!parameter) return ArgumentError::bad_parameter;
        if (const auto error = take(*parameter)) return error;
        text.remove_prefix(end);
    }
}

// A parameter stands there once, with a good value.
std::optional<ArgumentError> once(bool& seen, bool good)
{
    if (seen || !good) return ArgumentError::bad_parameter;
    seen = true;
    return std::nullopt;
}

// What MAIL's parameters gave, and which came already: a second one is an error.
class MailParameters {
public:
    explicit MailParameters(MailArgument& into) : into_(into) {}

    std::optional<ArgumentError> take(const Parameter& parameter)
    {
        if (ascii::same(parameter.keyword, "SIZE")) return once(size_, take_size(parameter.value));
        if (ascii::same(parameter.keyword, "BODY")) return once(body_, take_body(parameter.value));
        if (ascii::same(parameter.keyword, "SMTPUTF8")) return once(utf8_, take_utf8(parameter.value));
        if (ascii::same(parameter.keyword, "AUTH")) return once(auth_, parameter.value.has_value());
        if (ascii::same(parameter.keyword, "RET")) return once(ret_, take_ret(parameter.value));
        if (ascii::same(parameter.keyword, "ENVID")) return once(envelope_id_, take_envelope_id(parameter.value));
        if (ascii::same(parameter.keyword, "REQUIRETLS")) return once(tls_, take_require_tls(parameter.value));
        return ArgumentError::unknown_parameter;
    }

private:
    // size-value = 1*20DIGIT (RFC 1870 section 3).
    bool take_size(const std::optional<std::string_view>& value)
    {
        if (!value || value->size() > 20 || !std::ranges::all_of(*value, ascii::is_digit)) return false;
        into_.size = ascii::parse_number(*value).value_or(UINT64_MAX);
        return true;
    }
    bool take_body(const std::optional<std::string_view>& value)
    {
        if (!value) return false;
        into_.body = BodyKind::seven_bit;
        if (ascii::same(*value, "8BITMIME")) into_.body = BodyKind::eight_bit_mime;
        else if (ascii::same(*value, "BINARYMIME")) into_.body = BodyKind::binary_mime;
        else return ascii::same(*value, "7BIT");
        return true;
    }
    bool take_utf8(const std::optional<std::string_view>& value)
    {
        into_.smtputf8 = !value.has_value();
        return into_.smtputf8;
    }

    bool take_ret(const std::optional<std::string_view>& value)
    {
        if (!value) return false;
        const bool is_full = ascii::same(*value, "FULL");
        into_.ret = is_full ? queue::ReturnKind::full_message : queue::ReturnKind::headers;
        return is_full || ascii::same(*value, "HDRS");
    }
    // RFC 3461 section 4.4: printable characters, once decoded (HOSTILE row I5).
    bool take_envelope_id(const std::optional<std::string_view>& value)
    {
        if (!value || value->size() > mail::kMaxEnvelopeId) return false;
        auto decoded = mail::decode_xtext(*value);
        if (!decoded || decoded->empty()) return false;
        if (!std::ranges::all_of(*decoded, [](char c) { return c >= ' ' && c < '\x7f'; })) return false;
        into_.envelope_id = std::move(*decoded);
        return true;
    }
    bool take_require_tls(const std::optional<std::string_view>& value)
    {
        into_.require_tls = !value.has_value();
        return into_.require_tls;
    }

    MailArgument& into_;
    bool ret_ = false;
    bool envelope_id_ = false;
    bool tls_ = false;
    bool size_ = false;
    bool body_ = false;
    bool utf8_ = false;
    bool auth_ = false;
};

// What RCPT's parameters gave (RFC 3461 sections 4.1 and 4.2).
class RcptParameters {
public:
    explicit RcptParameters(RcptArgument& into) : into_(into) {}

    std::optional<ArgumentError> take(const Parameter& parameter)
    {
        if (ascii::same(parameter.keyword, "NOTIFY")) return once(into_.notify.is_given, take_notify(parameter.value));
        if (ascii::same(parameter.keyword, "ORCPT")) return once(original_, take_original(parameter.value));
        return ArgumentError::unknown_parameter;
    }

private:
    // "NEVER" alone, or of SUCCESS, FAILURE and DELAY some.
    bool take_notify(const std::optional<std::string_view>& value)
    {
        if (!value) return false;
        queue::Notify& notify = into_.notify;
        notify.success = notify.failure = notify.delay = false;
        if (ascii::same(*value, "NEVER")) return true;
        for (std::string_view rest = *value;;) {
            const auto end = std::min(rest.find(','), rest.size());
            const std::string_view word = rest.substr(0, end);
            if (ascii::same(word, "SUCCESS")) notify.success = true;
            else if (ascii::same(word, "FAILURE")) notify.failure = true;
            else if (ascii::same(word, "DELAY")) notify.delay = true;
            else return false;
            if (end == rest.size()) return true;
            rest.remove_prefix(end + 1);
        }
    }
    bool take_original(const std::optional<std::string_view>& value)
    {
        if (!value) return false;
        auto original = mail::parse_original_recipient(*value);
        if (original) into_.original = std::move(*original);
        return original.has_value();
    }

    RcptArgument& into_;
    bool original_ = false;
};

// The path at the front of `text`, which loses it; a parameter must be set off by a space.
std::optional<std::string_view> take_path(std::string_view& text)
{
    const std::size_t size = mail::measure_path(text);
    if (size == 0 || (size < text.size() && text[size] != ' ')) return std::nullopt;
    const std::string_view path = text.substr(0, size);
    text.remove_prefix(size);
    return path;
}

} // namespace

Result<Command, SyntaxError> parse_command(std::string_view line)
{
    const std::string_view word = line.substr(0, std::min(line.find(' '), line.size()));
    if (is_foreign(line, word)) return SyntaxError::foreign_protocol;
    if (std::ranges::any_of(line, ascii::is_control)) return SyntaxError::stray_bytes;
    const VerbRow* row = find_verb(word);
    if (row == nullptr) {
        if (line.size() > kPlainLine) return SyntaxError::too_long;
        return SyntaxError::unknown_verb;
    }
    if (line.size() > row->limit) return SyntaxError::too_long;
    const std::string_view argument = ascii::trim(line.substr(word.size()));
    if (!row->takes_utf8 && std::ranges::any_of(argument, ascii::is_eight_bit)) return SyntaxError::stray_bytes;
    return Command{row->verb, argument};
}

std::string_view name_of(Verb verb)
{
    return kVerbs.at(static_cast<std::size_t>(verb)).name;
}

std::size_t line_limit(Verb verb)
{
    return kVerbs.at(static_cast<std::size_t>(verb)).limit;
}

Result<MailArgument, ArgumentError> parse_mail(std::string_view argument)
{
    if (!take_prefix(argument, "FROM:")) return ArgumentError::syntax;
    const auto text = take_path(argument);
    if (!text) return ArgumentError::address;
    auto path = mail::parse_reverse_path(*text);
    if (!path) return ArgumentError::address;
    MailArgument result;
    result.reverse_path = std::move(*path);
    MailParameters parameters(result);
    const auto take = [&parameters](const Parameter& parameter) { return parameters.take(parameter); };
    if (const auto error = for_each_parameter(argument, take)) return *error;
    if (result.reverse_path && result.reverse_path->needs_utf8 && !result.smtputf8)
        return ArgumentError::needs_smtputf8;
    return result;
}

Result<RcptArgument, ArgumentError> parse_rcpt(std::string_view argument, bool smtputf8)
{
    if (!take_prefix(argument, "TO:")) return ArgumentError::syntax;
    const auto text = take_path(argument);
    if (!text) return ArgumentError::address;
    auto mailbox = mail::parse_forward_path(*text);
    if (!mailbox) return ArgumentError::address;
    RcptArgument result;
    result.mailbox = std::move(*mailbox);
    RcptParameters parameters(result);
    const auto take = [&parameters](const Parameter& parameter) { return parameters.take(parameter); };
    if (const auto error = for_each_parameter(argument, take)) return *error;
    if (result.mailbox.needs_utf8 && !smtputf8) return ArgumentError::needs_smtputf8;
    return result;
}

std::optional<ChunkArgument> parse_bdat(std::string_view argument)
{
    const auto end = std::min(argument.find(' '), argument.size());
    const std::string_view digits = argument.substr(0, end);
    const std::string_view behind = ascii::trim(argument.substr(end));
    const auto size = digits.size() <= 19 ? ascii::parse_number(digits) : std::nullopt;
    if (!size || !(behind.empty() || ascii::same(behind, "LAST"))) return std::nullopt;
    return ChunkArgument{*size, !behind.empty()};
}

std::optional<XclientArgument> parse_xclient(std::string_view argument)
{
    XclientArgument result;
    const auto take = [&result](const Parameter& parameter) -> std::optional<ArgumentError> {
        if (!parameter.value) return ArgumentError::bad_parameter;
        std::string_view value = *parameter.value;
        if (ascii::same(value, "[UNAVAILABLE]") || ascii::same(value, "[TEMPUNAVAIL]")) return std::nullopt;
        const auto text = mail::decode_xtext(value);
        if (!text || std::ranges::any_of(*text, ascii::is_control)) return ArgumentError::bad_parameter;
        if (ascii::same(parameter.keyword, "ADDR")) {
            const std::string_view address = *text;
            result.address = net::IpAddress::parse(ascii::starts_with(address, "IPV6:") ? address.substr(5) : address);
            if (!result.address) return ArgumentError::bad_parameter;
        } else if (ascii::same(parameter.keyword, "PORT")) {
            const auto port = ascii::parse_number(*text);
            if (!port || *port > UINT16_MAX) return ArgumentError::bad_parameter;
            result.port = static_cast<std::uint16_t>(*port);
        } else if (ascii::same(parameter.keyword, "HELO")) {
            if (!is_greeting_name(*text)) return ArgumentError::bad_parameter;
            result.helo = *text;
        }
        return std::nullopt;
    };
    if (for_each_parameter(argument, take)) return std::nullopt;
    return result;
}

bool is_greeting_name(std::string_view argument)
{
    return !argument.empty() && argument.size() <= mail::kMaxDomain &&
           std::ranges::all_of(argument, [](char c) { return c > ' ' && c < '\x7f'; });
}

std::string loggable(std::string_view line, bool after_auth)
{
    constexpr std::size_t kMost = 400;
    constexpr std::size_t kMostOfUnknown = 20;
    const std::string_view text = ascii::trim(line);
    if (ascii::starts_with(text, "AUTH")) return "AUTH ****";
    const std::string_view word = text.substr(0, text.find(' '));
    if (find_verb(word) != nullptr) return std::string(text.substr(0, kMost));
    return after_auth ? "****" : std::string(word.substr(0, kMostOfUnknown));
}

} // namespace mbx::smtp
