#include "store/brief.hpp"

#include <cstring>
#include <vector>

#include "base/ascii.hpp"
#include "mail/base_subject.hpp"
#include "mail/case_fold.hpp"
#include "mail/charset.hpp"
#include "mail/encoded_word.hpp"
#include "mail/message_id.hpp"
#include "mail/utf8.hpp"
#include "store/record_bytes.hpp"

namespace mbx::store {

namespace {

constexpr std::uint64_t kBriefForm = 3;  // the first number; column_code.cpp has others
constexpr std::uint64_t kHasSent = 1;
constexpr std::uint64_t kIsReply = 2;
constexpr std::uint64_t kHasFields = 4;
constexpr std::size_t kMaxText = 2 * kMaxBriefFields;

std::string cut_name(std::string text)
{
    text.resize(mail::whole_characters(text, kMaxBriefName));
    return text;
}

std::string clean_name(std::string_view raw) { return mail::strip_controls(mail::repair_utf8(raw.substr(0, 2 * kMaxBriefName))); }

// RFC 5256 section 3: addr-mailbox; the empty string where there is none.
std::string mailbox_of(const std::vector<mail::HeaderAddress>& addresses)
{
    return addresses.empty() ? std::string() : cut_name(clean_name(addresses.front().local));
}

// RFC 5957 section 3.
std::string display_of(const std::vector<mail::HeaderAddress>& addresses)
{
    if (addresses.empty()) return {};
    const auto& first = addresses.front();
    if (first.kind == mail::HeaderAddress::Kind::mailbox) {
        std::string name = mail::decode_encoded_words(std::string_view(first.name).substr(0, 8192));
        if (!name.empty()) return cut_name(std::move(name));
    }
    if (first.local.empty() || first.domain.empty()) return cut_name(clean_name(first.local));
    return cut_name(clean_name(first.local + "@" + first.domain));
}

// RFC 5256 section 3: the ids of References; without any the first one of In-Reply-To.
std::vector<std::uint64_t> references_of(const BriefSource& source)
{
    std::vector<std::uint64_t> ids;
    if (const auto* field = source.header.find("References")) {
        mail::visit_message_ids(field->value, [&ids](std::string&& id) {
            ids.push_back(mail::message_id_hash(id));
            return true;
        });
    }
    if (ids.size() > kMaxBriefReferences) {
        ids.erase(ids.begin() + 1, ids.end() - static_cast<std::ptrdiff_t>(kMaxBriefReferences - 1));
    }
    if (!ids.empty() || !source.envelope.in_reply_to) return ids;
    mail::visit_message_ids(*source.envelope.in_reply_to, [&ids](std::string&& id) {
        ids.push_back(mail::message_id_hash(id));
        return false;
    });
    return ids;
}

std::uint64_t id_of(const mail::Envelope& envelope)
{
    std::uint64_t hash = 0;
    if (!envelope.message_id) return hash;
    mail::visit_message_ids(*envelope.message_id, [&hash](std::string&& id) {
        hash = mail::message_id_hash(id);
        return false;
    });
    return hash;
}

void add_hash(std::string& out, std::uint64_t hash)
{
    for (unsigned shift = 0; shift < 64; shift += 8) out += static_cast<char>(hash >> shift);
}

// The texts of the known fields as SEARCH sees them; none: too long.
std::optional<std::string> fields_of(const mail::Header& header)
{
    std::array<std::vector<std::string>, kBriefFields.size()> texts;
    std::size_t bytes = 0;
    for (const auto& field : header.fields) {
        for (std::size_t i = 0; i < kBriefFields.size(); ++i) {
            if (!ascii::same(field.name, kBriefFields[i])) continue;
            if (field.value.size() > 2 * kMaxBriefFields) return std::nullopt;
            texts[i].push_back(mail::fold_case(mail::decode_encoded_words(field.value)));
            bytes += texts[i].back().size() + 2;
        }
        if (bytes > kMaxBriefFields) return std::nullopt;
    }
    RecordWriter out;
    for (const auto& all : texts) {
        out.number(all.size());
        for (const auto& text : all) out.text(text);
    }
    return std::move(out.bytes());
}

std::uint64_t hash_at(std::string_view bytes)
{
    std::uint64_t hash = 0;
    for (std::size_t i = 0; i < 8; ++i) hash |= std::uint64_t{static_cast<unsigned char>(bytes[i])} << (8 * i);
    return hash;
}

}  // namespace

std::string encode_brief(const BriefSource& source)
{
    const auto base = mail::split_subject(source.subject);
    const auto fields = fields_of(source.header);
    RecordWriter out;
    out.number(kBriefForm);
    out.number((source.sent ? kHasSent : 0) | (base.is_reply ? kIsReply : 0) | (fields ? kHasFields : 0));
    if (source.sent) {
        out.signed_number(*source.sent);
        out.signed_number(source.sent_zone);
    }
    out.text(base.text);
    for (const auto* list : {&source.envelope.from, &source.envelope.to, &source.envelope.cc}) out.text(mailbox_of(*list));
    for (const auto* list : {&source.envelope.from, &source.envelope.to}) out.text(display_of(*list));
    std::string hashes;
    add_hash(hashes, id_of(source.envelope));
    for (const auto reference : references_of(source)) add_hash(hashes, reference);
    out.text(hashes);
    if (fields) out.text(*fields);
    return std::move(out.bytes());
}

std::optional<Brief> decode_brief(std::string_view bytes)
{
    RecordReader in(bytes);
    if (in.number() != kBriefForm) return std::nullopt;
    Brief brief;
    const auto bits = in.number();
    if ((bits & kHasSent) != 0) {
        brief.sent = in.signed_number();
        const auto zone = in.signed_number();
        if (zone < -6000 || zone > 6000) return std::nullopt;
        brief.sent_zone = static_cast<int>(zone);
    }
    brief.is_reply = (bits & kIsReply) != 0;
    for (auto* text : {&brief.base_subject, &brief.from, &brief.to, &brief.cc, &brief.display_from, &brief.display_to}) {
        *text = in.text(kMaxText);
    }
    const auto hashes = in.text(8 * (1 + kMaxBriefReferences));
    if ((bits & kHasFields) != 0) brief.fields = in.text(kMaxText);
    if (!in.is_good() || !in.is_at_end() || hashes.size() < 8 || hashes.size() % 8 != 0) return std::nullopt;
    brief.message_id = hash_at(hashes);
    brief.references = hashes.substr(8);
    return brief;
}

bool visit_brief_field(const Brief& brief, std::string_view field, const std::function<bool(std::string_view text)>& take)
{
    if (!brief.fields) return false;
    RecordReader in(*brief.fields);
    for (const auto name : kBriefFields) {
        const bool is_meant = ascii::same(name, field);
        for (auto left = in.number(); left > 0 && in.is_good(); --left) {
            const auto text = in.text(kMaxText);
            if (is_meant && in.is_good() && !take(text)) return true;
        }
        if (!in.is_good()) return false;
        if (is_meant) return true;
    }
    return false;
}

std::optional<bool> brief_field_contains(const Brief& brief, std::string_view field, std::string_view needle)
{
    bool is_held = false;
    const bool is_known = visit_brief_field(brief, field, [&](std::string_view text) {
        is_held = needle.empty() || ::memmem(text.data(), text.size(), needle.data(), needle.size()) != nullptr;
        return !is_held;
    });
    if (!is_known) return std::nullopt;
    return is_held;
}

std::uint64_t brief_reference(const Brief& brief, std::size_t index) { return hash_at(brief.references.substr(8 * index, 8)); }

}  // namespace mbx::store
