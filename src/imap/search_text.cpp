#include "imap/search_text.hpp"

#include <cstring>

#include "base/ascii.hpp"
#include "imap/case_fold.hpp"
#include "imap/search.hpp"
#include "mail/charset.hpp"
#include "mail/date.hpp"
#include "mail/encoded_word.hpp"
#include "mail/header.hpp"
#include "mail/mime.hpp"
#include "mail/transfer_encoding.hpp"

namespace mbx::imap {

namespace {

bool holds(std::string_view folded, std::string_view needle)
{
    if (needle.empty()) return true;
    return ::memmem(folded.data(), folded.size(), needle.data(), needle.size()) != nullptr;
}

std::string folded_header(std::string_view header)
{
    std::string text;
    for (const auto& field : mail::parse_header(header).fields) {
        text += field.name;
        text += ": ";
        text += mail::decode_encoded_words(field.value);
        text += '\n';
    }
    return fold_case(text);
}

}  // namespace

void SearchText::load_headers()
{
    if (headers_) return;
    headers_.emplace();
    for (const auto& field : mail::parse_header(source_.bytes()).fields) {
        headers_->push_back({std::string(field.name), fold_case(mail::decode_encoded_words(field.value))});
        if (sent_day_ || !ascii::same(field.name, "Date")) continue;
        const auto date = mail::parse_date(field.value);
        if (date) sent_day_ = mail::days_since_epoch(mail::local_date(*date));
    }
}

void SearchText::load_body()
{
    if (body_) return;
    body_.emplace();
    const auto bytes = source_.bytes();
    const auto tree = mail::parse_structure(bytes);
    for (std::size_t i = 0; i < tree.parts.size(); ++i) {
        const auto& part = tree.parts[i];
        const bool embedded = part.parent != mail::kNoPart && tree.parts[part.parent].is_message();
        if (embedded) {
            body_->push_back(folded_header(bytes.substr(part.header_offset, part.body_offset - part.header_offset)));
        }
        if (part.is_multipart() || part.is_message() || (part.type != "text" && !part.is_opaque)) continue;
        const auto raw = bytes.substr(part.body_offset, part.body_size());
        body_->push_back(fold_case(mail::to_utf8(mail::decode_transfer(raw, part.encoding), part.charset()).text));
    }
}

bool SearchText::header_contains(std::string_view field, std::string_view needle)
{
    load_headers();
    for (const auto& known : *headers_) {
        if (ascii::same(known.name, field) && holds(known.text, needle)) return true;
    }
    return false;
}

bool SearchText::body_contains(std::string_view needle)
{
    load_body();
    for (const auto& part : *body_) {
        if (holds(part, needle)) return true;
    }
    return needle.empty();
}

bool SearchText::text_contains(std::string_view needle)
{
    load_headers();
    for (const auto& known : *headers_) {
        if (holds(known.text, needle) || holds(ascii::to_lower(known.name), needle)) return true;
    }
    return body_contains(needle);
}

const std::optional<std::int64_t>& SearchText::sent_day()
{
    load_headers();
    return sent_day_;
}

}  // namespace mbx::imap
