#include "imap/cursor.hpp"

#include "base/ascii.hpp"
#include "imap/modified_utf7.hpp"

namespace mbx::imap {

namespace {

constexpr std::uint64_t kMaxNumber = INT64_MAX;  // number64 (RFC 9051 section 9)

bool is_astring_char(char c) { return is_atom_char(c) || c == ']'; }
bool is_list_char(char c) { return is_atom_char(c) || c == ']' || c == '%' || c == '*'; }
bool is_tag_char(char c) { return is_astring_char(c) && c != '+'; }

}  // namespace

bool is_atom_char(char c)
{
    // RFC 9051 section 9, atom-specials: ( ) { SP CTL list-wildcards quoted-specials resp-specials.
    if (ascii::is_control(c) || ascii::is_eight_bit(c)) return false;
    return std::string_view("(){ %*\"\\]").find(c) == std::string_view::npos;
}

LineEnd inspect_line_end(std::string_view line)
{
    LineEnd end;
    if (!line.ends_with('}')) return end;
    const auto open = line.rfind('{');
    if (open == std::string_view::npos) return end;
    auto digits = line.substr(open + 1, line.size() - open - 2);
    LiteralHead head;
    // LITERAL+ and LITERAL- share one syntax (RFC 7888 section 4 and 5).
    if (digits.ends_with('+')) {
        head.synchronizing = false;
        digits.remove_suffix(1);
    }
    if (digits.empty()) return end;
    for (const char c : digits) {
        if (!ascii::is_digit(c)) return end;
    }
    const auto size = ascii::parse_number(digits);
    if (!size || *size > kMaxNumber) {
        end.well_formed = false;
        return end;
    }
    head.size = *size;
    head.literal8 = open > 0 && line[open - 1] == '~';
    end.literal = head;
    return end;
}

std::nullopt_t Cursor::fail(const char* reason)
{
    reason_ = reason;
    return std::nullopt;
}

bool Cursor::take(char c)
{
    if (!next_is(c)) return false;
    ++at_;
    return true;
}

bool Cursor::expect(char c)
{
    if (take(c)) return true;
    reason_ = c == ')' ? "missing closing parenthesis" : c == '(' ? "expected a parenthesised list" : "syntax error";
    return false;
}

bool Cursor::space()
{
    if (take(' ')) return true;
    reason_ = at_end() ? "missing argument" : "expected a space";
    return false;
}

bool Cursor::take_word(std::string_view word)
{
    if (!ascii::starts_with(rest(), word)) return false;
    const auto behind = at_ + word.size();
    if (behind < text_.size() && is_atom_char(text_[behind])) return false;
    at_ = behind;
    return true;
}

std::optional<std::string> Cursor::run(bool (*allowed)(char))
{
    const auto from = at_;
    while (!at_end() && allowed(text_[at_])) ++at_;
    if (at_ == from) return fail(at_end() ? "missing argument" : "unexpected character");
    return std::string(text_.substr(from, at_ - from));
}

std::optional<std::string> Cursor::tag()
{
    auto tag = run(is_tag_char);
    if (!tag) return fail("missing or invalid tag");
    if (tag->size() > kMaxTag) return fail("tag too long");
    return tag;
}

std::optional<std::string_view> Cursor::atom()
{
    const auto from = at_;
    while (!at_end() && is_atom_char(text_[at_])) ++at_;
    if (at_ == from) return fail(at_end() ? "missing argument" : "unexpected character");
    return text_.substr(from, at_ - from);
}

std::optional<std::string> Cursor::upper_atom()
{
    const auto word = atom();
    if (!word) return std::nullopt;
    return ascii::to_upper(*word);
}

std::optional<std::string> Cursor::quoted()
{
    std::string out;
    bool eight_bit = false;
    ++at_;
    while (!at_end()) {
        const char c = text_[at_++];
        if (c == '"') {
            // RFC 9051 section 4.3: UTF-8 in quoted strings, in IMAP4rev2 only.
            if (eight_bit && (!utf8_ || !ascii::is_utf8(out))) return fail("8-bit data in a quoted string");
            return out;
        }
        if (c == '\0' || c == '\r' || c == '\n') return fail("NUL, CR or LF in a quoted string");
        if (ascii::is_eight_bit(c)) eight_bit = true;
        if (c != '\\') {
            out += c;
            continue;
        }
        if (at_end() || (text_[at_] != '"' && text_[at_] != '\\')) return fail("invalid escape in a quoted string");
        out += text_[at_++];
    }
    return fail("quoted string without its end");
}

std::optional<std::string_view> Cursor::literal_bytes()
{
    const auto line_end = text_.find("\r\n", at_);
    if (line_end == std::string_view::npos) return fail("literal without its bytes");
    const auto head = inspect_line_end(text_.substr(at_, line_end - at_));
    if (!head.literal || text_.find('{', at_ + 1) < line_end) return fail("malformed literal");
    const auto from = line_end + 2;
    if (head.literal->size > text_.size() - from) return fail("literal without its bytes");
    const auto bytes = text_.substr(from, static_cast<std::size_t>(head.literal->size));
    at_ = from + bytes.size();
    return bytes;
}

std::optional<std::string> Cursor::literal()
{
    const auto bytes = literal_bytes();
    if (!bytes) return std::nullopt;
    // RFC 9051 section 9: literal = *CHAR8, CHAR8 = %x01-ff.
    if (bytes->find('\0') != std::string_view::npos) return fail("NUL in a literal");
    return std::string(*bytes);
}

std::optional<std::string> Cursor::literal8()
{
    if (!expect('~')) return std::nullopt;
    const auto bytes = literal_bytes();
    if (!bytes) return std::nullopt;
    return std::string(*bytes);
}

std::optional<std::string> Cursor::string()
{
    if (next_is('"')) return quoted();
    if (next_is('{')) return literal();
    return fail(at_end() ? "missing argument" : "expected a string");
}

std::optional<std::string> Cursor::astring()
{
    if (next_is('"') || next_is('{')) return string();
    return run(is_astring_char);
}

std::optional<std::string> Cursor::nstring_or_nil(bool& is_nil)
{
    is_nil = take_word("NIL");
    if (is_nil) return std::string();
    return string();
}

std::optional<std::string> Cursor::decoded(std::optional<std::string> wire)
{
    if (!wire) return std::nullopt;
    if (utf8_) {
        if (!ascii::is_utf8(*wire)) return fail("mailbox name is not UTF-8");
        return wire;
    }
    auto name = decode_modified_utf7(*wire);
    if (!name) return fail("mailbox name is not modified UTF-7");
    return name;
}

std::optional<std::string> Cursor::mailbox() { return decoded(astring()); }

std::optional<std::string> Cursor::list_mailbox()
{
    if (next_is('"') || next_is('{')) return decoded(string());
    return decoded(run(is_list_char));
}

std::optional<std::uint64_t> Cursor::number(std::uint64_t most)
{
    const auto from = at_;
    while (!at_end() && ascii::is_digit(text_[at_])) ++at_;
    const auto value = ascii::parse_number(text_.substr(from, at_ - from));
    if (!value || *value > most) return fail("expected a number in range");
    return value;
}

std::optional<SequenceSet> Cursor::sequence_set()
{
    const auto from = at_;
    while (!at_end() && (ascii::is_digit(text_[at_]) || std::string_view(":,*$").find(text_[at_]) != std::string_view::npos)) {
        ++at_;
    }
    auto set = SequenceSet::parse(text_.substr(from, at_ - from));
    if (!set) return fail("invalid sequence set");
    return set;
}

std::optional<LiteralHead> Cursor::literal_head()
{
    const auto text = rest();
    const auto end = inspect_line_end(text);
    const bool alone = text.starts_with(end.literal && end.literal->literal8 ? "~{" : "{") && text.rfind('{') <= 1;
    if (!end.literal || !alone) return fail("expected a literal");
    at_ = text_.size();
    return end.literal;
}

std::string_view Cursor::item_name()
{
    const auto from = at_;
    while (!at_end() && (ascii::is_alnum(text_[at_]) || text_[at_] == '.')) ++at_;
    return text_.substr(from, at_ - from);
}

}  // namespace mbx::imap
