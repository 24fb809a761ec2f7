#include "mail/envelope.hpp"

#include <algorithm>
#include <iterator>

#include "base/ascii.hpp"

namespace mbx::mail {
namespace {

// Text fields: of several the first counts.
void take_text(std::optional<std::string>& into, const HeaderField& field)
{
    if (!into) into = unfold(field.value);
}

void take_addresses(std::vector<HeaderAddress>& into, const HeaderField& field, std::size_t& room)
{
    if (room == 0) return;
    auto more = parse_address_list(field.value, room);
    room -= std::min(room, more.size());
    into.insert(into.end(), std::make_move_iterator(more.begin()), std::make_move_iterator(more.end()));
}

void take_field(Envelope& envelope, const HeaderField& field, std::size_t& room)
{
    const auto is = [&](std::string_view name) { return ascii::same(field.name, name); };
    if (is("Date")) take_text(envelope.date, field);
    else if (is("Subject")) take_text(envelope.subject, field);
    else if (is("From")) take_addresses(envelope.from, field, room);
    else if (is("Sender")) take_addresses(envelope.sender, field, room);
    else if (is("Reply-To")) take_addresses(envelope.reply_to, field, room);
    else if (is("To")) take_addresses(envelope.to, field, room);
    else if (is("Cc")) take_addresses(envelope.cc, field, room);
    else if (is("Bcc")) take_addresses(envelope.bcc, field, room);
    else if (is("In-Reply-To")) take_text(envelope.in_reply_to, field);
    else if (is("Message-ID")) take_text(envelope.message_id, field);
}

}  // namespace

Envelope make_envelope(const Header& header, std::size_t most)
{
    Envelope envelope;
    for (const auto& field : header.fields) take_field(envelope, field, most);
    // RFC 9051 section 7.5.2: absent or empty, the server sets them from From.
    if (envelope.sender.empty()) envelope.sender = envelope.from;
    if (envelope.reply_to.empty()) envelope.reply_to = envelope.from;
    return envelope;
}

Envelope parse_envelope(std::string_view message, HeaderLimits limits)
{
    return make_envelope(parse_header(message, limits));
}

}  // namespace mbx::mail
