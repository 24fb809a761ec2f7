#include "mail/preview.hpp"

#include <algorithm>

#include "base/ascii.hpp"
#include "mail/charset.hpp"
#include "mail/html_text.hpp"
#include "mail/utf8.hpp"

namespace mbx::mail {
namespace {

constexpr std::size_t kPlainBytes = 4 * 1024;   // of a part's raw bytes that are decoded for it
constexpr std::size_t kHtmlBytes = 64 * 1024;  // style sheets come first
constexpr std::size_t kPartsTried = 4;

bool is_attached(const Part& part) { return part.disposition && part.disposition->value == "attachment"; }

Utf8Character plain_character(char c) { return {static_cast<unsigned char>(c), 1, true}; }

// Runs of white space become one space; ends after so many characters.
std::string one_line(std::string_view utf8, std::size_t characters)
{
    std::string out;
    std::size_t count = 0;
    bool gap = false;
    for (std::size_t at = 0; at < utf8.size() && count < characters;) {
        const auto character = ascii::is_eight_bit(utf8[at]) ? first_character(utf8.substr(at)) : plain_character(utf8[at]);
        at += character.size;
        const auto code = character.code;
        // Also the separators and marks that only steer how text is laid out.
        const bool is_white = code <= ' ' || (code >= 0x7f && code <= 0xa0) || code == 0x2028 || code == 0x2029;
        const bool is_nothing = (code >= 0x200b && code <= 0x200f) || (code >= 0x202a && code <= 0x202e) ||
                                (code >= 0x2060 && code <= 0x2069) || code == 0xfeff || code == 0x34f || code == 0xad;
        if (is_nothing) continue;
        if (is_white) {
            gap = !out.empty();
            continue;
        }
        if (gap) {
            out += ' ';
            ++count;
            gap = false;
            if (count == characters) break;
        }
        if (code < 0x80) out += static_cast<char>(code);
        else append_character(out, code);
        ++count;
    }
    while (out.ends_with(' ')) out.pop_back();
    return out;
}

std::string begin_of(std::string_view message, const Part& part, std::size_t characters)
{
    const bool is_html = part.subtype == "html";
    const std::string_view body = message.substr(part.body_offset, part.body_size());
    const std::string_view begin = body.substr(0, is_html ? kHtmlBytes : kPlainBytes);
    std::string decoded;
    TransferDecoder decoder(part.encoding);
    decoder.feed(begin, decoded);
    if (begin.size() == body.size()) decoder.finish(decoded);
    std::string text = to_utf8(decoded, part.charset()).text;
    if (is_html) text = html_text(text, false, characters * 8);
    return one_line(text, characters);
}

}  // namespace

std::string preview(std::string_view message, const Structure& structure, std::size_t characters)
{
    for (const std::string_view subtype : {"plain", "html"}) {
        std::size_t tried = 0;
        for (const auto& part : structure.parts) {
            const bool is_wanted = part.type == "text" && !part.is_opaque && part.subtype == subtype;
            if (!is_wanted || is_attached(part)) continue;
            if (++tried > kPartsTried) break;
            auto text = begin_of(message, part, characters);
            if (!text.empty()) return text;
        }
    }
    return {};
}

bool has_attachment(const Structure& structure)
{
    const auto is_one = [&structure](const Part& part) {
        if (part.is_multipart()) return false;
        const bool is_signature = part.subtype == "pgp-signature" || part.subtype == "pkcs7-signature" ||
                                  part.subtype == "x-pkcs7-signature" || part.subtype == "pgp-encrypted";
        if (is_signature) return false;
        const Part* parent = part.parent == kNoPart ? nullptr : &structure.parts[part.parent];
        if (parent != nullptr && parent->type == "multipart" && parent->subtype == "report") return false;
        if (is_attached(part)) return true;
        if (part.type == "text") return !part.file_name().empty();
        const bool belongs_to_text = parent != nullptr && parent->subtype == "related" && part.id;
        return !belongs_to_text;
    };
    return std::ranges::any_of(structure.parts, is_one);
}

}  // namespace mbx::mail
