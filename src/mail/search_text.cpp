#include "mail/search_text.hpp"

#include "base/ascii.hpp"
#include "mail/case_fold.hpp"
#include "mail/charset.hpp"
#include "mail/encoded_word.hpp"
#include "mail/header.hpp"
#include "mail/html_text.hpp"

namespace mbx::mail {
namespace {

std::string folded_header(std::string_view header)
{
    std::string text;
    for (const auto& field : parse_header(header).fields) {
        text += field.name;
        text += ": ";
        text += decode_encoded_words(field.value);
        text += '\n';
    }
    return fold_case(text);
}

std::string folded_part(std::string_view message, const Part& part)
{
    const auto raw = message.substr(part.body_offset, part.body_size());
    std::string text = to_utf8(decode_transfer(raw, part.encoding), part.charset()).text;
    if (part.type == "text" && part.subtype == "html") text = html_text(text, true);
    return fold_case(text);
}

}  // namespace

std::vector<SearchField> searchable_header(std::string_view message)
{
    std::vector<SearchField> fields;
    for (const auto& field : parse_header(message).fields) {
        fields.push_back({ascii::to_lower(field.name), fold_case(decode_encoded_words(field.value))});
    }
    return fields;
}

bool visit_searchable_body(std::string_view message, const Structure& structure, std::size_t most_raw,
                           const std::function<bool(std::string&&)>& take)
{
    for (const auto& part : structure.parts) {
        const bool is_embedded = part.parent != kNoPart && structure.parts[part.parent].is_message();
        if (is_embedded) {
            const auto header = message.substr(part.header_offset, part.body_offset - part.header_offset);
            if (header.size() > most_raw || !take(folded_header(header))) return false;
        }
        const std::string name = part.file_name();
        if (!name.empty() && !take(fold_case(name))) return false;
        const bool is_text = !part.is_multipart() && !part.is_message() && (part.type == "text" || part.is_opaque);
        if (!is_text) continue;
        if (part.body_size() > most_raw || !take(folded_part(message, part))) return false;
    }
    return true;
}

}  // namespace mbx::mail
