#include "mail/header_encoding.hpp"

#include <algorithm>
#include <array>

#include "base/ascii.hpp"
#include "base/codec.hpp"

namespace mbx::mail {
namespace {

bool is_raw_text(std::string_view text) { return std::ranges::any_of(text, ascii::is_eight_bit); }
bool is_fold_white(char c) { return ascii::is_space(c) || c == '\r' || c == '\n'; }

template <std::size_t N>
bool is_one_of(std::string_view name, const std::array<std::string_view, N>& names)
{
    return std::ranges::any_of(names, [name](std::string_view each) { return ascii::same(each, name); });
}

// Fields of addresses, and those that have neither text nor addresses.
constexpr std::array<std::string_view, 12> kAddresses = {"From",        "Sender",        "Reply-To",  "To",        "Cc",        "Bcc",
                                                         "Resent-From", "Resent-Sender", "Resent-To", "Resent-Cc", "Resent-Bcc", "Disposition-Notification-To"};
constexpr std::array<std::string_view, 11> kRigid = {"Date", "Message-ID", "In-Reply-To", "References", "Received", "Return-Path",
                                                     "Resent-Date", "Resent-Message-ID", "MIME-Version", "Content-Transfer-Encoding", "Content-ID"};
constexpr std::array<std::string_view, 2> kParameters = {"Content-Type", "Content-Disposition"};

// RFC 2047 section 2: 75 characters at most, no character in two words. Several are on lines of their own.
std::string encoded_words(std::string_view text)
{
    constexpr std::size_t kMost = 42;  // bytes in a word: 56 of base64, and room for the longer of the names
    const bool is_utf8 = ascii::is_utf8(text);
    std::string words;
    while (!text.empty()) {
        std::size_t end = std::min(kMost, text.size());
        // Back to the beginning of a character.
        while (is_utf8 && end < text.size() && (static_cast<unsigned char>(text[end]) & 0xc0U) == 0x80) --end;
        if (!words.empty()) words += "\r\n ";
        words += is_utf8 ? "=?utf-8?B?" : "=?unknown-8bit?B?";
        words += encode_base64(text.substr(0, end)) + "?=";
        text.remove_prefix(end);
    }
    return words;
}

// A line of text without its folds.
std::string on_one_line(std::string_view text)
{
    std::string out;
    for (const char c : text) {
        if (c != '\r' && c != '\n') out += c;
    }
    return out;
}

std::string encode_text(std::string_view value)
{
    std::string out;
    bool is_behind_encoded = false;  // the space behind such a word is no space
    while (!value.empty()) {
        const auto white = static_cast<std::size_t>(std::ranges::find_if_not(value, is_fold_white) - value.begin());
        out += value.substr(0, white);
        value.remove_prefix(white);
        // As far as words with such bytes follow each other: the space between encoded words is no space.
        std::size_t end = 0;
        bool is_raw = false;
        for (std::size_t at = 0; at < value.size();) {
            const auto from = value.begin() + static_cast<std::ptrdiff_t>(at);
            const auto word = static_cast<std::size_t>(std::find_if(from, value.end(), is_fold_white) - from);
            const bool is_this_raw = is_raw_text(value.substr(at, word));
            if (at == 0) is_raw = is_this_raw;
            else if (!is_raw || !is_this_raw) break;
            end = at + word;
            const auto behind = value.begin() + static_cast<std::ptrdiff_t>(end);
            at = end + static_cast<std::size_t>(std::find_if_not(behind, value.end(), is_fold_white) - behind);
            if (!is_raw) break;
        }
        const std::string_view run = value.substr(0, end);
        value.remove_prefix(end);
        if (!is_raw) {
            out += run;
            is_behind_encoded = run.starts_with("=?") && run.ends_with("?=");
            continue;
        }
        const auto next = std::min(value.find_first_not_of(" \t\r\n"), value.size());
        out += encoded_words((is_behind_encoded ? " " : "") + on_one_line(run) + (value.substr(next).starts_with("=?") ? " " : ""));
        is_behind_encoded = true;
    }
    return out;
}

// Where a quoted string or a comment that begins at 0 ends, behind its last character; npos: it does not.
std::size_t end_of_string(std::string_view text)
{
    for (std::size_t at = 1; at < text.size(); ++at) {
        if (text[at] == '\\') ++at;
        else if (text[at] == '"') return at + 1;
    }
    return std::string_view::npos;
}

std::size_t end_of_comment(std::string_view text)
{
    std::size_t depth = 0;
    for (std::size_t at = 0; at < text.size(); ++at) {
        if (text[at] == '\\') ++at;
        else if (text[at] == '(') ++depth;
        else if (text[at] == ')' && --depth == 0) return at + 1;
    }
    return std::string_view::npos;
}

// What stands between the first and the last character, without the backslashes.
std::string content_of(std::string_view quoted)
{
    std::string out;
    for (std::size_t at = 1; at + 1 < quoted.size(); ++at) {
        if (quoted[at] == '\\' && at + 2 < quoted.size()) ++at;
        out += quoted[at];
    }
    return on_one_line(out);
}

// Names and comments among addresses (RFC 2047 section 5).
class AddressWriter {
public:
    // None: such bytes are in an address itself.
    std::optional<std::string> write(std::string_view value)
    {
        while (!value.empty() && is_good_) {
            const std::size_t size = take(value);
            value.remove_prefix(size);
        }
        return is_good_ ? std::optional(std::move(out_)) : std::nullopt;
    }

private:
    std::size_t take(std::string_view text)
    {
        if (is_fold_white(text.front())) return copy_white(text);
        if (text.front() == '(') return take_comment(text);
        if (text.front() == '"') return take_string(text);
        if (text.front() == '<') return copy(text, text.find('>') == std::string_view::npos ? text.size() : text.find('>') + 1);
        constexpr std::string_view kSpecials = ">,;:@()<\"";
        if (kSpecials.find(text.front()) != std::string_view::npos) return copy(text, 1);
        const auto end = std::min(text.find_first_of(" \t\r\n,;:@()<>\""), text.size());
        if (!is_raw_text(text.substr(0, end))) return copy(text, end);
        if (is_part_of_address(text.substr(end))) return fail(text);
        put(std::string(text.substr(0, end)));
        return end;
    }

    bool is_part_of_address(std::string_view behind) const { return behind.starts_with('@') || out_.ends_with('@'); }

    std::size_t fail(std::string_view text)
    {
        is_good_ = false;
        return text.size();
    }

    std::size_t copy_white(std::string_view text)
    {
        const auto size = static_cast<std::size_t>(std::ranges::find_if_not(text, is_fold_white) - text.begin());
        out_ += text.substr(0, size);
        return size;
    }

    std::size_t copy(std::string_view text, std::size_t size)
    {
        if (is_raw_text(text.substr(0, size))) return fail(text);
        if (is_behind_word_ && ascii::is_alnum(text.front()) && !out_.empty() && !is_fold_white(out_.back())) out_ += ' ';
        out_ += text.substr(0, size);
        is_behind_word_ = false;
        return size;
    }

    std::size_t take_string(std::string_view text)
    {
        const std::size_t size = std::min(end_of_string(text), text.size());
        if (!is_raw_text(text.substr(0, size))) return copy(text, size);
        if (end_of_string(text) == std::string_view::npos || is_part_of_address(text.substr(size))) return fail(text);
        put(content_of(text.substr(0, size)));
        return size;
    }

    std::size_t take_comment(std::string_view text)
    {
        const std::size_t size = std::min(end_of_comment(text), text.size());
        if (!is_raw_text(text.substr(0, size))) return copy(text, size);
        if (end_of_comment(text) == std::string_view::npos) return fail(text);
        out_ += "(" + encoded_words(content_of(text.substr(0, size))) + ")";
        is_behind_word_ = false;
        return size;
    }

    // A word of a name: apart from what is before it, and with the space that readers drop between two of them.
    void put(std::string text)
    {
        if (is_behind_word_) text.insert(0, " ");
        constexpr std::string_view kMayStick = " \t\n,:;";
        if (!out_.empty() && kMayStick.find(out_.back()) == std::string_view::npos) out_ += ' ';
        out_ += encoded_words(text);
        is_behind_word_ = true;
    }

    std::string out_;
    bool is_behind_word_ = false;  // nothing but white space since an encoded word
    bool is_good_ = true;
};

// RFC 2231 section 4: name*=utf-8''%c3%bc.
std::optional<std::string> encode_parameter(std::string_view parameter)
{
    if (!is_raw_text(parameter)) return std::string(parameter);
    const auto equals = parameter.find('=');
    if (equals == std::string_view::npos || is_raw_text(parameter.substr(0, equals))) return std::nullopt;
    std::string_view name = parameter.substr(0, equals);
    while (!name.empty() && is_fold_white(name.back())) name.remove_suffix(1);
    std::string_view value = parameter.substr(equals + 1);
    while (!value.empty() && is_fold_white(value.front())) value.remove_prefix(1);
    std::string tail;
    while (!value.empty() && is_fold_white(value.back())) {
        tail.insert(0, 1, value.back());
        value.remove_suffix(1);
    }
    const std::string text = value.starts_with('"') ? content_of(value) : std::string(value);
    // A name that is extended already has its own form.
    if (name.ends_with('*') || name.empty()) return std::nullopt;
    std::string out = std::string(name) + "*=" + (ascii::is_utf8(text) ? "utf-8''" : "unknown-8bit''");
    constexpr std::string_view kHex = "0123456789ABCDEF";
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        if (ascii::is_alnum(c) || c == '.' || c == '-' || c == '_') out += c;
        else {
            out += '%';
            out += kHex[byte / 16U];
            out += kHex[byte % 16U];
        }
    }
    return out + tail;
}

std::optional<std::string> encode_parameters(std::string_view value)
{
    std::string out;
    while (true) {
        std::size_t end = 0;
        while (end < value.size() && value[end] != ';') {
            const std::size_t size = value[end] == '"' ? end_of_string(value.substr(end)) : 1;
            end = size == std::string_view::npos ? value.size() : end + size;
        }
        const auto one = encode_parameter(value.substr(0, end));
        if (!one) return std::nullopt;
        out += *one;
        if (end == value.size()) return out;
        out += ';';
        value.remove_prefix(end + 1);
    }
}

std::optional<std::string> encode_value(std::string_view name, std::string_view value)
{
    if (is_one_of(name, kRigid)) return std::nullopt;
    if (is_one_of(name, kAddresses)) return AddressWriter().write(value);
    if (is_one_of(name, kParameters)) return encode_parameters(value);
    return encode_text(value);
}

}  // namespace

std::optional<std::string> encode_field(std::string_view whole)
{
    if (!is_raw_text(whole)) return std::string(whole);
    const auto colon = whole.find(':');
    if (colon == std::string_view::npos || is_raw_text(whole.substr(0, colon))) return std::nullopt;
    auto value = encode_value(ascii::trim(whole.substr(0, colon)), whole.substr(colon + 1));
    if (!value) return std::nullopt;
    return std::string(whole.substr(0, colon + 1)) + *value;
}

}  // namespace mbx::mail
