#include "store/parsed_columns.hpp"

#include "mail/base_subject.hpp"
#include "mail/charset.hpp"
#include "mail/date.hpp"
#include "mail/encoded_word.hpp"
#include "mail/imap_structure.hpp"
#include "mail/preview.hpp"
#include "mail/utf8.hpp"
#include "store/brief.hpp"
#include "store/column_code.hpp"
#include "store/list_fields.hpp"

namespace mbx::store {

namespace {

constexpr std::size_t kMaxSender = 200;
constexpr std::size_t kMaxSubject = 1000;
constexpr std::size_t kDecoded = 8 * 1024;  // raw bytes of a field that are looked at for a text of this length

std::string shown(std::string_view raw, std::size_t most)
{
    std::string text = mail::strip_controls(mail::decode_encoded_words(raw.substr(0, kDecoded)));
    text.resize(mail::whole_characters(text, most));
    return text;
}

std::string sender_of(const mail::Envelope& envelope)
{
    for (const auto& address : envelope.from) {
        if (address.kind != mail::HeaderAddress::Kind::mailbox) continue;
        std::string name = shown(address.name, kMaxSender);
        if (!name.empty()) return name;
        return shown(address.domain.empty() ? address.local : address.local + "@" + address.domain, kMaxSender);
    }
    return {};
}

std::string bounded(std::string encoded) { return encoded.size() > kMaxEncoded ? std::string() : std::move(encoded); }

}  // namespace

ParsedColumns make_columns(std::string_view message, const mail::Structure& structure)
{
    ParsedColumns columns;
    const auto& envelope = structure.envelope();
    columns.email_id = email_id(message);
    const auto header = mail::parse_header(message.substr(0, structure.root().body_offset));
    const auto* references = header.find("References");
    ThreadFields fields;
    if (references) fields.references = references->value;
    if (envelope.in_reply_to) fields.in_reply_to = *envelope.in_reply_to;
    if (envelope.message_id) fields.message_id = *envelope.message_id;
    columns.thread_id = thread_id(fields, columns.email_id);
    columns.has_attachment = mail::has_attachment(structure);
    const auto date = envelope.date ? mail::parse_date(*envelope.date) : std::nullopt;
    if (date) {
        columns.sent = date->unix_seconds;
        columns.sent_zone = date->zone_minutes;
    }
    columns.sender = sender_of(envelope);
    if (envelope.subject) columns.subject = shown(*envelope.subject, kMaxSubject);
    columns.base_subject = mail::base_subject(columns.subject);
    columns.brief = encode_brief({header, envelope, columns.subject, columns.sent, columns.sent_zone});
    columns.preview = mail::preview(message, structure);
    columns.size = message.size();
    columns.envelope = bounded(mail::imap_envelope(envelope));
    columns.body_structure = bounded(mail::imap_bodystructure(structure));
    columns.list_fields = encode_list_fields(message.substr(0, structure.root().body_offset));
    columns.structure = bounded(encode_structure(structure));
    return columns;
}

ParsedColumns make_columns(std::string_view message) { return make_columns(message, mail::parse_structure(message)); }

}  // namespace mbx::store
