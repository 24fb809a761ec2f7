#include "queue/envelope.hpp"

#include <algorithm>
#include <utility>

#include "base/record_bytes.hpp"

namespace mbx::queue {
namespace {

constexpr std::uint64_t kEnvelopeVersion = 1;
constexpr unsigned kNotifyBits = 4;
constexpr std::uint64_t kHasKeptBack = 4;  // a flag: the number of octets follows
constexpr std::uint64_t kHasFields = 64;   // a flag: they follow
constexpr std::uint64_t kMostFlags = 127;
constexpr std::size_t kMaxFieldLine = 998;

std::uint64_t notify_bits(const Notify& notify)
{
    return (notify.is_given ? 1U : 0U) | (notify.success ? 2U : 0U) | (notify.failure ? 4U : 0U) | (notify.delay ? 8U : 0U);
}

Notify notify_of(std::uint64_t bits) { return {(bits & 1U) != 0, (bits & 2U) != 0, (bits & 4U) != 0, (bits & 8U) != 0}; }

Recipient read_recipient(RecordReader& in)
{
    Recipient recipient;
    recipient.address = in.text(kMaxEnvelopeText);
    recipient.original = in.text(kMaxEnvelopeText);
    const auto bits = in.number();
    const auto ending = bits >> kNotifyBits;
    if (ending > static_cast<std::uint64_t>(Ending::expanded) || recipient.address.empty()) in.refuse();
    else recipient.ending = static_cast<Ending>(ending);
    recipient.notify = notify_of(bits);
    return recipient;
}

bool is_field_character(char c) { return c == '\t' || (static_cast<unsigned char>(c) >= ' ' && c != '\x7f'); }

// Begins with a name and its colon (RFC 5322 section 3.6.8).
bool begins_field(std::string_view line)
{
    const auto colon = line.find(':');
    if (colon == 0 || colon == std::string_view::npos) return false;
    return std::ranges::all_of(line.substr(0, colon), [](char c) { return c > ' ' && c < '\x7f'; });
}

}  // namespace

bool are_whole_fields(std::string_view text)
{
    if (text.empty() || text.size() > kMaxEnvelopeFields) return false;
    for (bool is_first = true; !text.empty(); is_first = false) {
        const auto end = text.find("\r\n");
        if (end == std::string_view::npos || end > kMaxFieldLine) return false;
        const std::string_view line = text.substr(0, end);
        if (!std::ranges::all_of(line, is_field_character)) return false;
        const bool is_folded = !is_first && (line.starts_with(' ') || line.starts_with('\t'));
        if (!is_folded && !begins_field(line)) return false;
        // A line of white space alone is an end of the header to some.
        if (line.find_first_not_of(" \t") == std::string_view::npos) return false;
        text.remove_prefix(end + 2);
    }
    return true;
}

std::string encode(const Envelope& envelope)
{
    RecordWriter out;
    out.number(kEnvelopeVersion);
    out.text(envelope.reverse_path);
    out.text(envelope.envelope_id);
    out.number(static_cast<std::uint64_t>(envelope.ret));
    out.number(static_cast<std::uint64_t>(envelope.body));
    out.number((envelope.smtputf8 ? 1U : 0U) | (envelope.require_tls ? 2U : 0U) | (envelope.kept_back != 0 ? kHasKeptBack : 0U) |
               (envelope.ignores_tls_policy ? 8U : 0U) | (envelope.is_forwarded ? 16U : 0U) | (envelope.is_only_copy ? 32U : 0U) |
               (envelope.fields.empty() ? 0U : kHasFields));
    if (envelope.kept_back != 0) out.number(envelope.kept_back);
    if (!envelope.fields.empty()) out.text(envelope.fields);
    out.text(envelope.account);
    out.number(envelope.recipients.size());
    for (const auto& recipient : envelope.recipients) {
        out.text(recipient.address);
        out.text(recipient.original);
        out.number(notify_bits(recipient.notify) | (static_cast<std::uint64_t>(recipient.ending) << kNotifyBits));
    }
    return std::move(out.bytes());
}

std::optional<Envelope> decode_envelope(std::string_view bytes)
{
    RecordReader in(bytes);
    if (in.number() != kEnvelopeVersion) return std::nullopt;
    Envelope envelope;
    envelope.reverse_path = in.text(kMaxEnvelopeText);
    envelope.envelope_id = in.text(kMaxEnvelopeText);
    const auto ret = in.number();
    const auto body = in.number();
    const auto flags = in.number();
    if (ret > 2 || body > 2 || flags > kMostFlags) return std::nullopt;
    envelope.ret = static_cast<ReturnKind>(ret);
    envelope.body = static_cast<BodyKind>(body);
    envelope.smtputf8 = (flags & 1U) != 0;
    envelope.require_tls = (flags & 2U) != 0;
    envelope.ignores_tls_policy = (flags & 8U) != 0;
    envelope.is_forwarded = (flags & 16U) != 0;
    envelope.is_only_copy = (flags & 32U) != 0;
    if ((flags & kHasKeptBack) != 0) envelope.kept_back = in.number();
    if ((flags & kHasKeptBack) != 0 && envelope.kept_back == 0) in.refuse();
    if ((flags & kHasFields) != 0) envelope.fields = in.text(kMaxEnvelopeFields);
    if ((flags & kHasFields) != 0 && !are_whole_fields(envelope.fields)) in.refuse();
    envelope.account = in.text(kMaxEnvelopeText);
    const auto count = in.count(3);
    if (count > kMaxEnvelopeRecipients) return std::nullopt;
    envelope.recipients.reserve(count);
    for (std::size_t n = 0; n < count && in.is_good(); ++n) envelope.recipients.push_back(read_recipient(in));
    if (!in.is_good() || !in.is_at_end() || envelope.recipients.empty()) return std::nullopt;
    return envelope;
}

}  // namespace mbx::queue
