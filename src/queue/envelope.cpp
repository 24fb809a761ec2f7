#include "queue/envelope.hpp"

#include <utility>

#include "base/record_bytes.hpp"

namespace mbx::queue {
namespace {

constexpr std::uint64_t kEnvelopeVersion = 1;
constexpr unsigned kNotifyBits = 4;
constexpr std::uint64_t kHasKeptBack = 4;  // a flag: the number of octets follows

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

}  // namespace

std::string encode(const Envelope& envelope)
{
    RecordWriter out;
    out.number(kEnvelopeVersion);
    out.text(envelope.reverse_path);
    out.text(envelope.envelope_id);
    out.number(static_cast<std::uint64_t>(envelope.ret));
    out.number(static_cast<std::uint64_t>(envelope.body));
    out.number((envelope.smtputf8 ? 1U : 0U) | (envelope.require_tls ? 2U : 0U) | (envelope.kept_back != 0 ? kHasKeptBack : 0U) |
               (envelope.ignores_tls_policy ? 8U : 0U) | (envelope.is_forwarded ? 16U : 0U) | (envelope.is_only_copy ? 32U : 0U));
    if (envelope.kept_back != 0) out.number(envelope.kept_back);
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
    if (ret > 2 || body > 2 || flags > 63) return std::nullopt;
    envelope.ret = static_cast<ReturnKind>(ret);
    envelope.body = static_cast<BodyKind>(body);
    envelope.smtputf8 = (flags & 1U) != 0;
    envelope.require_tls = (flags & 2U) != 0;
    envelope.ignores_tls_policy = (flags & 8U) != 0;
    envelope.is_forwarded = (flags & 16U) != 0;
    envelope.is_only_copy = (flags & 32U) != 0;
    if ((flags & kHasKeptBack) != 0) envelope.kept_back = in.number();
    if ((flags & kHasKeptBack) != 0 && envelope.kept_back == 0) in.refuse();
    envelope.account = in.text(kMaxEnvelopeText);
    const auto count = in.count(3);
    if (count > kMaxEnvelopeRecipients) return std::nullopt;
    envelope.recipients.reserve(count);
    for (std::size_t n = 0; n < count && in.is_good(); ++n) envelope.recipients.push_back(read_recipient(in));
    if (!in.is_good() || !in.is_at_end() || envelope.recipients.empty()) return std::nullopt;
    return envelope;
}

}  // namespace mbx::queue
