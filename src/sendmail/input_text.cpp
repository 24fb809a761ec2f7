#include "sendmail/input_text.hpp"

#include <algorithm>

namespace mbx::sendmail {

bool InputText::feed(std::string_view piece)
{
    while (!piece.empty() && !is_over_) {
        const char c = piece.front();
        if (c == '\n' || c == '\r' || c == '\0') {
            piece.remove_prefix(1);
            const bool is_second_half = c == '\n' && saw_cr_;
            saw_cr_ = c == '\r';
            if (c != '\0' && !is_second_half) end_line();
            continue;
        }
        constexpr std::string_view kSpecial("\n\r\0", 3);
        const std::size_t plain = std::min(piece.find_first_of(kSpecial), piece.size());
        text_ += piece.substr(0, plain);
        piece.remove_prefix(plain);
        saw_cr_ = false;
    }
    return !is_over_;
}

void InputText::end_line()
{
    is_over_ = dot_ends_ && std::string_view(text_).substr(line_) == ".";
    if (is_over_) {
        text_.resize(line_);
        return;
    }
    text_ += "\r\n";
    line_ = text_.size();
}

void InputText::finish()
{
    if (!is_over_ && text_.size() > line_) end_line();
    is_over_ = true;
}

}  // namespace mbx::sendmail
