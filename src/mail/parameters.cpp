#include "mail/parameters.hpp"

#include <algorithm>
#include <map>
#include <optional>
#include <unordered_map>

#include "base/ascii.hpp"
#include "mail/charset.hpp"
#include "mail/encoded_word.hpp"
#include "mail/header.hpp"
#include "mail/utf8.hpp"

namespace mbx::mail {
namespace {

std::string decode_percent(std::string_view text)
{
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const int high = text[i] == '%' && i + 2 < text.size() ? ascii::hex_digit(text[i + 1]) : -1;
        const int low = high >= 0 ? ascii::hex_digit(text[i + 2]) : -1;
        if (low >= 0) {
            out += static_cast<char>(high * 16 + low);
            i += 2;
        } else {
            out += text[i];
        }
    }
    return out;
}

// RFC 2231 section 7: attribute-char stays.
std::string encode_percent(std::string_view text)
{
    constexpr std::string_view kDigits = "0123456789ABCDEF";
    constexpr std::string_view kPlain = "!#$&+-.^_`{|}~";
    std::string out;
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        if (ascii::is_alnum(c) || kPlain.find(c) != std::string_view::npos) out += c;
        else out += {'%', kDigits[byte >> 4U], kDigits[byte & 15U]};
    }
    return out;
}

struct Piece {
    std::string text;
    bool is_extended = false;
};

// What a field says of one parameter, by form.
struct Forms {
    std::string name;
    std::optional<std::string> plain;         // name=
    std::optional<std::string> extended;      // name*=
    std::map<std::uint32_t, Piece> sections;  // name*0=, name*1*= …
};

// "name*12*" taken apart.
struct PieceName {
    std::string base;
    std::optional<std::uint32_t> section;
    bool is_extended = false;
};

PieceName take_apart(std::string_view name)
{
    PieceName result;
    const std::size_t star = name.find('*');
    if (star == std::string_view::npos || star == 0) return {ascii::to_lower(name), {}, false};
    std::string_view tail = name.substr(star + 1);
    result.base = ascii::to_lower(name.substr(0, star));
    result.is_extended = tail.empty() || tail.ends_with('*');
    if (tail.empty()) return result;
    if (result.is_extended) tail.remove_suffix(1);
    // RFC 2231 section 3: decimal without leading zeros. What is numbered otherwise is a parameter of its own name.
    const auto number = ascii::parse_number(tail);
    const bool is_number = number && *number < kMaxParameterPieces && (tail.size() == 1 || tail.front() != '0');
    if (!is_number) return {ascii::to_lower(name), {}, false};
    result.section = static_cast<std::uint32_t>(*number);
    return result;
}

// Reads "value; name=value; …" off one unfolded line.
class FieldReader {
public:
    explicit FieldReader(std::string_view line) : line_(line) {}

    std::string read_value()
    {
        skip_space();
        const std::size_t begin = at_;
        const bool is_quoted = at_ < line_.size() && line_[at_] == '"';
        std::string value = is_quoted ? read_quoted() : read_bare();
        const std::size_t cut = is_quoted ? std::string::npos : forgotten_semicolon(value);
        if (cut == std::string::npos) {
            skip_to_semicolon();
        } else {
            at_ = begin + cut;
            value.resize(cut);
        }
        return ascii::to_lower(ascii::trim(value));
    }

    std::vector<Forms> read_parameters()
    {
        for (std::size_t pieces = 0; at_ < line_.size() && pieces < kMaxParameterPieces;) {
            ++at_;  // the semicolon, or the space in its place
            skip_space();
            const std::string_view name = read_name();
            if (name.empty() || at_ == line_.size() || line_[at_] != '=') {
                skip_to_semicolon();
                continue;
            }
            ++at_;
            skip_space();
            const bool is_quoted = at_ < line_.size() && line_[at_] == '"';
            std::string value = is_quoted ? read_quoted() : read_bare();
            skip_to_semicolon();
            add(take_apart(name), std::move(value));
            ++pieces;
        }
        return std::move(forms_);
    }

private:
    // "attachment filename=x": the space where the semicolon should stand; npos when there is no such.
    static std::size_t forgotten_semicolon(std::string_view value)
    {
        const std::size_t equals = value.find('=');
        if (equals == std::string_view::npos || equals == 0) return std::string_view::npos;
        const std::size_t name_end = value.find_last_not_of(" \t", equals - 1);
        return value.find_last_of(" \t", name_end);
    }

    void skip_space()
    {
        while (at_ < line_.size() && (ascii::is_space(line_[at_]) || line_[at_] == '(')) {
            if (line_[at_] == '(') skip_comment();
            else ++at_;
        }
    }

    void skip_comment()
    {
        std::size_t depth = 0;
        while (at_ < line_.size()) {
            const char c = line_[at_++];
            if (c == '\\' && at_ < line_.size()) ++at_;
            else if (c == '(') ++depth;
            else if (c == ')' && --depth == 0) return;
        }
    }

    void skip_to_semicolon() { at_ = std::min(line_.find(';', at_), line_.size()); }

    std::string_view read_name()
    {
        const std::size_t begin = at_;
        at_ = std::min(line_.find_first_of("=; \t(", at_), line_.size());
        const std::string_view name = line_.substr(begin, at_ - begin);
        skip_space();
        return name;
    }

    std::string read_quoted()
    {
        std::string value;
        ++at_;
        while (at_ < line_.size()) {
            const char c = line_[at_++];
            if (c == '"') break;
            if (c == '\\' && at_ < line_.size()) value += line_[at_++];
            else value += c;
        }
        return value;
    }

    // Up to ";" or a comment that white space sets off: file names with spaces are often left without quotes.
    std::string read_bare()
    {
        const std::size_t begin = at_;
        while (at_ < line_.size() && line_[at_] != ';') {
            if (line_[at_] == '(' && at_ > begin && ascii::is_space(line_[at_ - 1])) break;
            ++at_;
        }
        return std::string(ascii::trim(line_.substr(begin, at_ - begin)));
    }

    void add(const PieceName& name, std::string value)
    {
        const auto [known, is_new] = index_.try_emplace(name.base, forms_.size());
        if (is_new) forms_.push_back({name.base, {}, {}, {}});
        Forms& forms = forms_[known->second];
        if (name.section) forms.sections.try_emplace(*name.section, Piece{std::move(value), name.is_extended});
        else if (name.is_extended && !forms.extended) forms.extended = std::move(value);
        else if (!name.is_extended && !forms.plain) forms.plain = std::move(value);
    }

    std::string_view line_;
    std::size_t at_ = 0;
    std::vector<Forms> forms_;
    std::unordered_map<std::string, std::size_t> index_;
};

struct Extended {
    std::string charset;
    std::string bytes;
};

// charset'language'%XX…; without the two quotes all of it is text.
Extended decode_extended(std::string_view text)
{
    const std::size_t first = text.find('\'');
    const std::size_t second = first == std::string_view::npos ? first : text.find('\'', first + 1);
    if (second == std::string_view::npos) return {"utf-8", decode_percent(text)};
    return {std::string(text.substr(0, first)), decode_percent(text.substr(second + 1))};
}

// The sections from 0 up to the first gap.
struct Joined {
    std::string wire;  // of the form "name", or "name*" when is_extended
    bool is_extended = false;
};

std::optional<Joined> join_sections(const Forms& forms)
{
    std::uint32_t count = 0;
    bool is_extended = false;
    for (const auto& [number, piece] : forms.sections) {
        if (number != count) break;
        ++count;
        is_extended = is_extended || piece.is_extended;
    }
    if (count == 0) return std::nullopt;
    Joined joined;
    joined.is_extended = is_extended;
    for (std::uint32_t i = 0; i < count; ++i) {
        const Piece& piece = forms.sections.at(i);
        // Only the first section may name a charset; where it does not, say so before the others.
        if (i == 0 && is_extended && !piece.is_extended) joined.wire = "''";
        joined.wire += is_extended && !piece.is_extended ? encode_percent(piece.text) : piece.text;
    }
    return joined;
}

void add_extended(std::string_view wire, Parameter& into)
{
    Extended decoded = decode_extended(wire);
    const std::string charset = decoded.charset.empty() ? "utf-8" : decoded.charset;
    into.value = strip_controls(to_utf8(decoded.bytes, charset).text);
    into.bytes = std::move(decoded.bytes);
}

void add_parameter(const Forms& forms, ParameterizedValue& into)
{
    const auto joined = join_sections(forms);
    const bool joins_extended = joined && joined->is_extended;
    const std::string* extended = forms.extended ? &*forms.extended : joins_extended ? &joined->wire : nullptr;
    const std::string* plain = joined && !joins_extended ? &joined->wire : forms.plain ? &*forms.plain : nullptr;
    if (extended == nullptr && plain == nullptr) return;
    if (plain != nullptr) into.wire.emplace_back(forms.name, *plain);
    if (extended != nullptr) into.wire.emplace_back(forms.name + '*', *extended);
    Parameter parameter;
    parameter.name = forms.name;
    if (extended != nullptr) {
        add_extended(*extended, parameter);
    } else {
        parameter.value = decode_encoded_words(*plain);
        parameter.bytes = *plain;
    }
    into.parameters.push_back(std::move(parameter));
}

// Marks and overrides that show a name in another order than it is (HOSTILE row D9).
bool is_direction_control(std::uint32_t code)
{
    return code == 0x061c || code == 0x200e || code == 0x200f || (code >= 0x202a && code <= 0x202e) ||
           (code >= 0x2066 && code <= 0x2069);
}

std::string_view trim_name(std::string_view name)
{
    const std::size_t first = name.find_first_not_of(" .");
    if (first == std::string_view::npos) return {};
    return name.substr(first, name.find_last_not_of(" .") - first + 1);
}

}  // namespace

const Parameter* ParameterizedValue::find(std::string_view name) const
{
    const auto found = std::ranges::find_if(parameters, [&](const Parameter& p) { return ascii::same(p.name, name); });
    return found == parameters.end() ? nullptr : &*found;
}

ParameterizedValue parse_parameterized(std::string_view raw_value)
{
    const std::string line = unfold(raw_value);
    FieldReader reader(line);
    ParameterizedValue result;
    result.value = reader.read_value();
    for (const Forms& forms : reader.read_parameters()) add_parameter(forms, result);
    return result;
}

std::string format_parameter(std::string_view name, std::string_view utf8)
{
    const bool is_plain = std::ranges::all_of(utf8, [](char c) { return c >= ' ' && c < 127; });
    std::string text(name);
    if (!is_plain) return text + "*=UTF-8''" + encode_percent(utf8);
    text += "=\"";
    for (const char c : utf8) {
        if (c == '"' || c == '\\') text += '\\';
        text += c;
    }
    return text + '"';
}

std::string safe_file_name(std::string_view utf8)
{
    const std::string clean = strip_controls(repair_utf8(utf8));
    std::string_view rest = clean;
    const std::size_t slash = rest.find_last_of("/\\");
    if (slash != std::string_view::npos) rest.remove_prefix(slash + 1);
    std::string name;
    while (!rest.empty()) {
        const Utf8Character next = first_character(rest);
        if (!is_direction_control(next.code)) name += rest.substr(0, next.size);
        rest.remove_prefix(next.size);
    }
    const std::string_view trimmed = trim_name(name);
    return std::string(trim_name(trimmed.substr(0, whole_characters(trimmed, 255))));
}

std::string attachment_name(const ParameterizedValue& disposition, const ParameterizedValue& content_type)
{
    const Parameter* name = disposition.find("filename");
    if (name == nullptr) name = content_type.find("name");
    return name == nullptr ? std::string() : safe_file_name(name->value);
}

}  // namespace mbx::mail
