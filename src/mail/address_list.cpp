#include "mail/address_list.hpp"

#include <algorithm>
#include <utility>

#include "base/ascii.hpp"
#include "mail/atext.hpp"
#include "mail/header.hpp"

namespace mbx::mail {
namespace {

constexpr bool is_special(char c)
{
    return ascii::is_space(c) || std::string_view("()<>@,;:\"").find(c) != std::string_view::npos;
}

// Words on their way to be a display name or a local part: only what follows tells.
class Words {
public:
    bool any() const { return any_; }
    void add(std::string_view word, bool after_gap)
    {
        const bool joins = !after_gap || run_.empty() || run_.ends_with('.') || word.starts_with('.');
        if (any_ && !joins) {
            move_run();
            run_ = word;
            shown_run_ = word;
        } else {
            if (after_gap && !shown_run_.empty()) shown_run_ += ' ';
            run_ += word;
            shown_run_ += word;
        }
        any_ = true;
    }
    // The last words that belong together without white space ("a . b" is "a.b"); the ones before stay.
    std::string take_run()
    {
        shown_run_.clear();
        return std::exchange(run_, {});
    }
    std::string take_phrase()
    {
        move_run();
        any_ = false;
        run_.clear();
        return std::exchange(phrase_, {});
    }

private:
    void move_run()
    {
        if (!phrase_.empty() && !shown_run_.empty()) phrase_ += ' ';
        phrase_ += std::exchange(shown_run_, {});
    }
    std::string phrase_;
    std::string run_;
    std::string shown_run_;
    bool any_ = false;
};

void join(std::string& text, std::string_view more)
{
    if (!text.empty() && !more.empty()) text += ' ';
    text += more;
}

class AddressListReader {
public:
    AddressListReader(std::string_view text, std::size_t most) : text_(text), most_(most) {}

    std::vector<HeaderAddress> read()
    {
        while (at_ < text_.size() && out_.size() < most_) read_token();
        finish_entry();
        finish_group();
        return std::move(out_);
    }

private:
    bool at_end() const { return at_ == text_.size(); }

    void read_token()
    {
        switch (text_[at_]) {
        case ' ':
        case '\t':
        case '(': skip_space(); return;
        case '"': add_word(read_quoted()); return;
        case '<': read_angle(); return;
        case '@': read_bare(); return;
        case ':': read_colon(); return;
        case ',':
            ++at_;
            finish_entry();
            return;
        case ';':
            ++at_;
            finish_entry();
            finish_group();
            return;
        case ')':
        case '>':
            ++at_;
            gap_ = true;
            return;
        default: add_word(std::string(read_atom()));
        }
    }

    void add_word(std::string_view word) { words_.add(word, std::exchange(gap_, false)); }

    // White space and comments (RFC 5322 section 3.2.2). A comment that never ends takes the rest.
    void skip_space()
    {
        while (!at_end() && (ascii::is_space(text_[at_]) || text_[at_] == '(')) {
            if (text_[at_] == '(') read_comment();
            else ++at_;
            gap_ = true;
        }
    }

    // The depth is a number, not a stack: 10,000 nested comments cost what their bytes cost (HOSTILE row D12).
    void read_comment()
    {
        std::string inside;
        std::size_t depth = 0;
        while (!at_end()) {
            const char c = text_[at_++];
            if (c == '\\' && !at_end()) {
                inside += text_[at_++];
                continue;
            }
            if (c == ')' && --depth == 0) break;
            if (c != '(' || depth != 0) inside += c;
            if (c == '(') ++depth;
        }
        comment_ = ascii::trim(inside);
    }

    std::string read_quoted()
    {
        std::string word;
        ++at_;
        while (!at_end()) {
            const char c = text_[at_++];
            if (c == '"') break;
            if (c == '\\' && !at_end()) word += text_[at_++];
            else word += c;
        }
        return word;
    }

    std::string_view read_atom()
    {
        const std::size_t begin = at_;
        while (!at_end() && !is_special(text_[at_])) ++at_;
        return text_.substr(begin, at_ - begin);
    }

    std::string read_literal()
    {
        std::string literal = "[";
        ++at_;
        while (!at_end()) {
            const char c = text_[at_++];
            if (c == ']') break;
            if (c == '\\') {
                if (at_end()) break;
                literal += c;
                literal += text_[at_++];
            } else if (!ascii::is_space(c)) {
                literal += c;
            }
        }
        return literal + ']';
    }

    // obs-domain: white space and comments around its dots.
    std::string read_domain()
    {
        std::string domain;
        gap_ = false;
        for (;;) {
            skip_space();
            if (at_end() || is_special(text_[at_])) return domain;
            const bool joins = !gap_ || domain.empty() || domain.ends_with('.') || text_[at_] == '.';
            if (!joins) return domain;
            gap_ = false;
            if (domain.empty() && text_[at_] == '[') domain = read_literal();
            else domain += read_atom();
        }
    }

    // "@" outside < >: the words before it were a local part.
    void read_bare()
    {
        ++at_;
        if (has_address_ && !words_.any()) {
            if (has_angle_) finish_entry();
            else entry_.local += '@' + entry_.domain;
        } else {
            std::string local = words_.take_run();
            std::string name = words_.take_phrase();
            if (has_address_) finish_entry();
            entry_.local = std::move(local);
            entry_.name = std::move(name);
        }
        has_address_ = true;
        entry_.domain = read_domain();
    }

    void read_angle()
    {
        if (has_angle_) finish_entry();
        if (has_address_) join(entry_.name, entry_.local + '@' + entry_.domain);
        join(entry_.name, words_.take_phrase());
        entry_.local.clear();
        entry_.domain.clear();
        has_address_ = has_angle_ = true;
        while (!at_end() && (text_[at_] == '<' || text_[at_] == ' ' || text_[at_] == '\t' || text_[at_] == '(')) {
            if (text_[at_] == '<') ++at_;
            else skip_space();
        }
        if (!at_end() && text_[at_] == '@' && !read_route()) {
            finish_entry();
            return;
        }
        gap_ = false;
        read_inside_angle();
        gap_ = true;
    }

    void read_inside_angle()
    {
        bool has_domain = false;
        while (!at_end()) {
            switch (text_[at_]) {
            case ',':
            case ';': return;
            case '>': ++at_; return;
            case ' ':
            case '\t':
            case '(': skip_space(); break;
            case ')':
            case ':':
            case '<': ++at_; break;
            case '@':
                ++at_;
                if (has_domain) entry_.local += '@' + entry_.domain;
                entry_.domain = read_domain();
                has_domain = true;
                break;
            case '"': add_local(read_quoted(), has_domain); break;
            default: add_local(std::string(read_atom()), has_domain);
            }
        }
    }

    void add_local(std::string_view word, bool has_domain)
    {
        const bool after_gap = std::exchange(gap_, false);
        if (has_domain) return;
        const bool joins = !after_gap || entry_.local.empty() || entry_.local.ends_with('.') || word.starts_with('.');
        if (!joins) entry_.local += ' ';
        entry_.local += word;
    }

    // obs-route = obs-domain-list ":". No: there was no colon, so the first "domain" is all there is of an address.
    bool read_route()
    {
        std::string route;
        std::string first_domain;  // kept whole: a literal may hold "," and "@"
        for (;;) {
            skip_space();
            const char c = at_end() ? '\0' : text_[at_];
            const bool after_comma = route.ends_with(',');
            if (c == '@') {
                ++at_;
                const std::string domain = read_domain();
                if (first_domain.empty()) first_domain = domain;
                route += '@' + domain;
            } else if (c == ',') {
                ++at_;
                route += ',';
            } else if (c == ':') {
                ++at_;
                entry_.route = std::move(route);
                return true;
            } else {
                entry_.domain = std::move(first_domain);
                if (c == '>' && !after_comma) ++at_;
                return false;
            }
        }
    }

    void read_colon()
    {
        ++at_;
        gap_ = true;
        if (in_group_ || has_address_) return;
        HeaderAddress group;
        group.kind = HeaderAddress::Kind::group_start;
        group.local = words_.take_phrase();
        comment_.clear();
        in_group_ = true;
        out_.push_back(std::move(group));
    }

    void finish_group()
    {
        if (!std::exchange(in_group_, false)) return;
        HeaderAddress end;
        end.kind = HeaderAddress::Kind::group_end;
        out_.push_back(std::move(end));
    }

    void finish_entry()
    {
        std::string phrase = words_.take_phrase();
        if (!has_address_) entry_.local = std::move(phrase);
        else if (entry_.name.empty()) entry_.name = std::move(phrase);
        if (entry_.name.empty() && (has_address_ || !entry_.local.empty())) entry_.name = std::move(comment_);
        const bool has_any =
            !entry_.name.empty() || !entry_.route.empty() || !entry_.local.empty() || !entry_.domain.empty();
        if (has_any && out_.size() < most_) out_.push_back(std::move(entry_));
        entry_ = HeaderAddress{};
        comment_.clear();
        has_address_ = has_angle_ = false;
        gap_ = true;
    }

    std::string_view text_;
    std::size_t most_;
    std::size_t at_ = 0;
    std::vector<HeaderAddress> out_;
    HeaderAddress entry_;
    Words words_;
    std::string comment_;  // the entry's last one
    bool gap_ = false;     // white space or a comment since the last word
    bool has_address_ = false;
    bool has_angle_ = false;
    bool in_group_ = false;
};

std::string quote(std::string_view text)
{
    std::string quoted = "\"";
    for (const char c : text) {
        if (c == '"' || c == '\\') quoted += '\\';
        quoted += c;
    }
    return quoted + '"';
}

// Atoms with single spaces (encoded words are such) or a quoted string.
std::string format_phrase(std::string_view phrase)
{
    const bool plain = !phrase.empty() && phrase.front() != ' ' && phrase.back() != ' ' &&
                       phrase.find("  ") == std::string_view::npos &&
                       std::ranges::all_of(phrase, [](char c) { return c == ' ' || is_atext(c); });
    return plain ? std::string(phrase) : quote(phrase);
}

std::string format_local(std::string_view local)
{
    const bool plain = !local.empty() && std::ranges::all_of(local, [](char c) { return c == '.' || is_atext(c); });
    return plain ? std::string(local) : quote(local);
}

std::string format_entry(const HeaderAddress& address)
{
    if (address.kind == HeaderAddress::Kind::group_end) return ";";
    if (address.kind == HeaderAddress::Kind::group_start)
        return (address.local.empty() ? std::string() : format_phrase(address.local)) + ':';
    std::string text;
    if (!address.name.empty()) text = format_phrase(address.name) + ' ';
    text += '<';
    if (!address.route.empty()) text += address.route + ':';
    const bool has_domain = !address.domain.empty();
    if (!address.local.empty() || has_domain || !address.route.empty()) text += format_local(address.local);
    if (has_domain) text += '@' + address.domain;
    return text + '>';
}

}  // namespace

std::vector<HeaderAddress> parse_address_list(std::string_view value, std::size_t most)
{
    const std::string line = unfold(value);
    return AddressListReader(line, most).read();
}

std::string format_address_list(const std::vector<HeaderAddress>& addresses)
{
    using Kind = HeaderAddress::Kind;
    std::string line;
    const HeaderAddress* before = nullptr;
    for (const auto& address : addresses) {
        const bool after_start = before != nullptr && before->kind == Kind::group_start;
        if (after_start && address.kind != Kind::group_end) line += ' ';
        else if (before != nullptr && !after_start && address.kind != Kind::group_end) line += ", ";
        line += format_entry(address);
        before = &address;
    }
    return line;
}

}  // namespace mbx::mail
