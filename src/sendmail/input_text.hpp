// What a program writes on sendmail's standard input, made a message in wire form (RFC 5321 section 2.3.8): every line end
// becomes CRLF, also a bare CR, so that none of them leaves; NUL bytes go. Pure; linear; total. One thread at a time.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

namespace mbx::sendmail {

class InputText {
public:
    // `dot_ends`: a line with nothing but a dot ends the message.
    explicit InputText(bool dot_ends) : dot_ends_(dot_ends) {}

    // False: the message has ended, by a dot; what follows belongs to nobody.
    bool feed(std::string_view piece);
    // The end of the input: a last line without its end gets one.
    void finish();
    std::uint64_t size() const { return text_.size(); }
    std::string take() { return std::move(text_); }

private:
    void end_line();

    bool dot_ends_;
    bool is_over_ = false;
    bool saw_cr_ = false;  // of a line end that is written already
    std::size_t line_ = 0; // where the line begins
    std::string text_;
};

}  // namespace mbx::sendmail
