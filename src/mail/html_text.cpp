#include "mail/html_text.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "base/ascii.hpp"
#include "mail/utf8.hpp"

namespace mbx::mail {
namespace {

// The references that mail uses; others stay as they are written.
constexpr std::array<std::pair<std::string_view, std::uint32_t>, 46> kNamed{{
    {"Aring", 0xc5},   {"Auml", 0xc4},   {"Eacute", 0xc9}, {"Ouml", 0xd6},    {"Uuml", 0xdc},    {"aacute", 0xe1},
    {"agrave", 0xe0},  {"amp", '&'},     {"apos", '\''},   {"aring", 0xe5},   {"auml", 0xe4},    {"bdquo", 0x201e},
    {"bull", 0x2022},  {"ccedil", 0xe7}, {"copy", 0xa9},   {"eacute", 0xe9},  {"ecirc", 0xea},   {"egrave", 0xe8},
    {"euml", 0xeb},    {"euro", 0x20ac}, {"gt", '>'},      {"hellip", 0x2026}, {"iacute", 0xed}, {"laquo", 0xab},
    {"ldquo", 0x201c}, {"lsquo", 0x2018}, {"lt", '<'},     {"mdash", 0x2014}, {"middot", 0xb7},  {"nbsp", ' '},
    {"ndash", 0x2013}, {"ntilde", 0xf1}, {"oacute", 0xf3}, {"ouml", 0xf6},    {"pound", 0xa3},   {"quot", '"'},
    {"raquo", 0xbb},   {"rdquo", 0x201d}, {"reg", 0xae},   {"rsquo", 0x2019}, {"sect", 0xa7},    {"szlig", 0xdf},
    {"times", 0xd7},   {"trade", 0x2122}, {"uacute", 0xfa}, {"uuml", 0xfc},
}};
constexpr std::array<std::string_view, 19> kInline{"a",    "abbr",  "acronym", "b",   "big",    "bdo",  "code",
                                                   "em",   "font",  "i",       "ins", "mark",   "s",    "small",
                                                   "span", "strong", "sub",    "sup", "u"};

bool is_html_white(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == '\f'; }

// "&amp;" or "&#x41;" at the front: the character, and how many bytes it takes.
std::optional<std::pair<std::uint32_t, std::size_t>> reference(std::string_view text)
{
    constexpr std::size_t kLongest = 12;
    const auto end = text.substr(0, kLongest).find(';');
    if (end == std::string_view::npos || end < 2) return std::nullopt;
    std::string_view name = text.substr(1, end - 1);
    if (name.front() != '#') {
        const auto it = std::ranges::lower_bound(kNamed, name, {}, &std::pair<std::string_view, std::uint32_t>::first);
        if (it == kNamed.end() || it->first != name) return std::nullopt;
        return std::pair(it->second, end + 1);
    }
    name.remove_prefix(1);
    const bool is_hex = name.starts_with('x') || name.starts_with('X');
    if (is_hex) name.remove_prefix(1);
    if (name.empty()) return std::nullopt;
    std::uint32_t code = 0;
    for (const char c : name) {
        const int digit = is_hex ? ascii::hex_digit(c) : ascii::is_digit(c) ? c - '0' : -1;
        if (digit < 0) return std::nullopt;
        code = std::min<std::uint32_t>(code * (is_hex ? 16 : 10) + static_cast<std::uint32_t>(digit), 0x110000);
    }
    if (code == 0xa0) code = ' ';
    return std::pair(code, end + 1);
}

class Reader {
public:
    Reader(std::string_view html, bool with_attributes, std::size_t most)
        : html_(html), with_attributes_(with_attributes), most_(most)
    {
    }

    std::string read()
    {
        while (at_ < html_.size() && out_.size() < most_) {
            if (html_[at_] == '<' && markup()) continue;
            text();
        }
        out_ += kept_;
        out_.resize(whole_characters(out_, most_));
        return std::move(out_);
    }

private:
    void put(std::uint32_t code)
    {
        if (gap_ != 0 && !out_.empty()) out_ += gap_;
        gap_ = 0;
        append_character(out_, code);
    }
    void put_gap(char gap)
    {
        if (gap_ != '\n') gap_ = gap;
    }

    void text()
    {
        const auto from = at_;
        const char c = html_[at_];
        if (is_html_white(c)) {
            put_gap(' ');
            ++at_;
            return;
        }
        if (c == '&') {
            const auto found = reference(html_.substr(at_));
            if (found) {
                at_ += found->second;
                if (found->first == ' ') put_gap(' ');
                else if (found->first >= ' ' && found->first != 0x7f) put(found->first);
                return;
            }
        }
        // On to what may mean something else.
        ++at_;
        while (at_ < html_.size() && html_[at_] != '<' && html_[at_] != '&' && !is_html_white(html_[at_])) ++at_;
        if (gap_ != 0 && !out_.empty()) out_ += gap_;
        gap_ = 0;
        out_ += html_.substr(from, at_ - from);
    }

    // At '<'. False: it is no markup but a text.
    bool markup()
    {
        const auto rest = html_.substr(at_);
        if (rest.starts_with("<!--")) {
            const auto end = html_.find("-->", at_ + 4);
            at_ = end == std::string_view::npos ? html_.size() : end + 3;
            return true;
        }
        if (rest.size() < 2) return false;
        const bool closes = rest[1] == '/';
        const char first = closes ? (rest.size() > 2 ? rest[2] : ' ') : rest[1];
        if (first != '!' && first != '?' && !ascii::is_alpha(first)) return false;
        at_ += closes ? 2 : 1;
        const auto from = at_;
        while (at_ < html_.size() && (ascii::is_alnum(html_[at_]) || html_[at_] == ':' || html_[at_] == '-')) ++at_;
        const std::string name = ascii::to_lower(html_.substr(from, std::min<std::size_t>(at_ - from, 20)));
        attributes();
        const bool is_hidden = name == "script" || name == "style";
        if (is_hidden && !closes) skip_content(name);
        if (std::ranges::find(kInline, name) == kInline.end()) put_gap('\n');
        return true;
    }

    // Up to and over the '>' of a tag.
    void attributes()
    {
        while (at_ < html_.size() && html_[at_] != '>') {
            if (is_html_white(html_[at_]) || html_[at_] == '/' || html_[at_] == '=') {
                ++at_;
                continue;
            }
            const auto from = at_;
            while (at_ < html_.size() && !is_html_white(html_[at_]) && html_[at_] != '=' && html_[at_] != '>') ++at_;
            const auto name = html_.substr(from, at_ - from);
            while (at_ < html_.size() && is_html_white(html_[at_])) ++at_;
            if (at_ >= html_.size() || html_[at_] != '=') continue;
            ++at_;
            const auto text = value();
            const bool is_kept = ascii::same(name, "alt") || ascii::same(name, "title") || ascii::same(name, "href");
            if (with_attributes_ && is_kept && !text.empty()) keep(text);
        }
        if (at_ < html_.size()) ++at_;
    }

    std::string_view value()
    {
        while (at_ < html_.size() && is_html_white(html_[at_])) ++at_;
        if (at_ >= html_.size()) return {};
        const char quote = html_[at_];
        if (quote == '"' || quote == '\'') {
            const auto from = at_ + 1;
            const auto end = std::min(html_.find(quote, from), html_.size());
            at_ = std::min(end + 1, html_.size());
            return html_.substr(from, end - from);
        }
        const auto from = at_;
        while (at_ < html_.size() && !is_html_white(html_[at_]) && html_[at_] != '>') ++at_;
        return html_.substr(from, at_ - from);
    }

    // Goes behind everything else: between the words around the tag it would part them.
    void keep(std::string_view text)
    {
        if (out_.size() + kept_.size() >= most_) return;
        kept_ += '\n';
        while (!text.empty()) {
            const auto found = text.front() == '&' ? reference(text) : std::nullopt;
            if (found && found->first >= ' ') append_character(kept_, found->first);
            else kept_ += is_html_white(text.front()) ? ' ' : text.front();
            text.remove_prefix(found ? found->second : 1);
        }
    }

    // Behind "<script>": on to its end tag, whatever stands between.
    void skip_content(std::string_view name)
    {
        while (true) {
            const auto end = html_.find("</", at_);
            if (end == std::string_view::npos) {
                at_ = html_.size();
                return;
            }
            at_ = end;
            if (ascii::starts_with(html_.substr(end + 2), name)) return;
            at_ += 2;
        }
    }

    std::string_view html_;
    bool with_attributes_;
    std::size_t most_;
    std::size_t at_ = 0;
    std::string out_;
    std::string kept_;  // from attributes
    char gap_ = 0;  // white space that is due before the next character
};

}  // namespace

std::string html_text(std::string_view utf8, bool with_attributes, std::size_t most)
{
    return Reader(utf8, with_attributes, most).read();
}

}  // namespace mbx::mail
