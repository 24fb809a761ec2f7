// The words of IMAP's grammar (RFC 9051 section 9): atoms, strings, literals, numbers. Walks once over the bytes of a
// command whose literals stand in place ("{5}\r\nhello"). Pure. After a failure reason() says why.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "imap/sequence_set.hpp"

namespace mbx::imap {

constexpr std::size_t kMaxTag = 128;  // HOSTILE row E16

struct LiteralHead {
    std::uint64_t size = 0;
    bool synchronizing = true;
    bool literal8 = false;
};

// "{310}", "{310+}", "~{310}" at the very end of a line (RFC 9051 section 4.3, RFC 7888, RFC 3516); the line ends with a
// "}" only then. `well_formed` is false where the number is none of 63 bits: the command cannot be framed.
struct LineEnd {
    std::optional<LiteralHead> literal;
    bool well_formed = true;
};
LineEnd inspect_line_end(std::string_view line);

bool is_atom_char(char c);

class Cursor {
public:
    // `utf8`: IMAP4rev2 is enabled, so quoted strings may hold UTF-8 and names are UTF-8 instead of modified UTF-7.
    Cursor(std::string_view text, bool utf8) : text_(text), utf8_(utf8) {}

    bool at_end() const { return at_ >= text_.size(); }
    bool next_is(char c) const { return !at_end() && text_[at_] == c; }
    bool take(char c);
    bool space();              // exactly one SP; sets the reason otherwise
    bool expect(char c);       // take() that sets the reason
    bool take_word(std::string_view word);  // this atom, in any case, whole

    std::optional<std::string> tag();
    std::optional<std::string_view> atom();
    std::optional<std::string> upper_atom();
    std::optional<std::string> string();   // quoted or literal
    std::optional<std::string> astring();
    std::optional<std::string> nstring_or_nil(bool& is_nil);
    std::optional<std::string> literal8();      // RFC 3516: any bytes
    std::optional<std::string> mailbox();       // decoded to UTF-8
    std::optional<std::string> list_mailbox();  // the same with wildcards
    std::optional<std::uint64_t> number(std::uint64_t most);
    std::optional<SequenceSet> sequence_set();
    std::optional<LiteralHead> literal_head();  // announced at the end of the text

    // Letters, digits and dots: the names of FETCH items, which brackets may follow.
    std::string_view item_name();
    std::string_view rest() const { return text_.substr(at_); }
    void skip(std::size_t count) { at_ += count; }
    std::size_t position() const { return at_; }
    std::string_view slice(std::size_t from) const { return text_.substr(from, at_ - from); }

    bool utf8() const { return utf8_; }
    std::nullopt_t fail(const char* reason);
    const char* reason() const { return reason_; }

private:
    std::optional<std::string> quoted();
    std::optional<std::string> literal();
    std::optional<std::string_view> literal_bytes();
    std::optional<std::string> run(bool (*allowed)(char));
    std::optional<std::string> decoded(std::optional<std::string> wire);
    std::string_view text_;
    std::size_t at_ = 0;
    bool utf8_;
    const char* reason_ = "syntax error";
};

}  // namespace mbx::imap
