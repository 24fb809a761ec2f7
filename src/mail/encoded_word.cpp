#include "mail/encoded_word.hpp"

#include <algorithm>
#include <optional>

#include "base/ascii.hpp"
#include "base/codec.hpp"
#include "mail/charset.hpp"
#include "mail/header.hpp"
#include "mail/transfer_encoding.hpp"
#include "mail/utf8.hpp"

namespace mbx::mail {
namespace {

constexpr std::size_t kMaxCharset = 64;  // with a language tag; longer is no encoded word

struct EncodedWord {
    std::string_view charset;  // without RFC 2231's language
    bool is_base64 = false;
    std::string_view text;
    std::size_t size = 0;  // of the whole "=?…?="
};

constexpr bool is_token(char c)
{
    return c > ' ' && c < 127 && std::string_view("()<>@,;:\"/[]?.=").find(c) == std::string_view::npos;
}

// The encoded word at the front of a text that begins with "=?". Looks no farther than the word goes, so that a text
// full of "=?" is read once (RFC 2047 section 2: no "?" and no white space inside).
std::optional<EncodedWord> parse_word(std::string_view text)
{
    std::size_t at = 2;
    while (at < text.size() && at < 2 + kMaxCharset && is_token(text[at])) ++at;
    EncodedWord word;
    word.charset = text.substr(2, at - 2);
    word.charset = word.charset.substr(0, word.charset.find('*'));
    if (word.charset.empty() || text.size() < at + 5 || text[at] != '?' || text[at + 2] != '?') return std::nullopt;
    const char encoding = ascii::lower(text[at + 1]);
    if (encoding != 'b' && encoding != 'q') return std::nullopt;
    word.is_base64 = encoding == 'b';
    const std::size_t begin = at + 3;
    at = begin;
    while (at < text.size() && text[at] != '?' && !ascii::is_space(text[at])) ++at;
    if (text.substr(at, 2) != "?=") return std::nullopt;
    word.text = text.substr(begin, at - begin);
    word.size = at + 2;
    return word;
}

// RFC 2047 section 4.2: as quoted-printable, "_" is a space.
void decode_q(std::string_view text, std::string& out)
{
    for (std::size_t i = 0; i < text.size(); ++i) {
        const int high = text[i] == '=' && i + 2 < text.size() ? ascii::hex_digit(text[i + 1]) : -1;
        const int low = high >= 0 ? ascii::hex_digit(text[i + 2]) : -1;
        if (low >= 0) {
            out += static_cast<char>(high * 16 + low);
            i += 2;
        } else {
            out += text[i] == '_' ? ' ' : text[i];
        }
    }
}

// Joins neighbours of one charset before it converts them.
class WordJoiner {
public:
    void add_text(std::string_view text)
    {
        const bool only_space = std::ranges::all_of(text, ascii::is_space);
        if (has_word_ && only_space) {
            held_space_ = text;
            return;
        }
        finish_words();
        out_ += repair_utf8(text);
    }
    void add_word(const EncodedWord& word)
    {
        held_space_ = {};
        if (has_word_ && !ascii::same(charset_, word.charset)) finish_words();
        has_word_ = true;
        charset_ = word.charset;
        if (word.is_base64) bytes_ += decode_transfer(word.text, TransferEncoding::base64);
        else decode_q(word.text, bytes_);
    }
    std::string take()
    {
        finish_words();
        return strip_controls(out_);
    }

private:
    void finish_words()
    {
        if (has_word_) out_ += to_utf8(bytes_, charset_).text;
        out_ += held_space_;
        held_space_ = {};
        has_word_ = false;
        bytes_.clear();
    }
    std::string out_;
    std::string bytes_;
    std::string_view charset_;
    std::string_view held_space_;  // behind a word: goes when another word follows
    bool has_word_ = false;
};

constexpr std::size_t kWordBytes = 45;  // "=?UTF-8?B?" + 60 + "?=" = 72 characters of the 75 allowed

}  // namespace

std::string decode_encoded_words(std::string_view raw_value)
{
    const std::string line = unfold(raw_value);
    const std::string_view text = line;
    if (text.find("=?") == std::string_view::npos) return strip_controls(repair_utf8(text));
    WordJoiner joiner;
    std::size_t plain_from = 0;
    std::size_t at = text.find("=?");
    while (at != std::string_view::npos) {
        const auto word = parse_word(text.substr(at));
        if (!word) {
            at = text.find("=?", at + 1);
            continue;
        }
        if (at != plain_from) joiner.add_text(text.substr(plain_from, at - plain_from));
        joiner.add_word(*word);
        plain_from = at + word->size;
        at = text.find("=?", plain_from);
    }
    if (plain_from != text.size()) joiner.add_text(text.substr(plain_from));
    return joiner.take();
}

std::string encode_words(std::string_view utf8, bool fold)
{
    const std::string clean = strip_controls(repair_utf8(utf8));
    const bool is_plain = std::ranges::none_of(clean, ascii::is_eight_bit) && clean.find("=?") == std::string::npos &&
                          ascii::trim(clean).size() == clean.size();
    if (is_plain) return clean;
    std::string words;
    std::string_view rest = clean;
    while (!rest.empty()) {
        const std::size_t size = whole_characters(rest, kWordBytes);
        if (!words.empty()) words += fold ? "\r\n " : " ";
        words += "=?UTF-8?B?" + encode_base64(rest.substr(0, size)) + "?=";
        rest.remove_prefix(size);
    }
    return words;
}

}  // namespace mbx::mail
