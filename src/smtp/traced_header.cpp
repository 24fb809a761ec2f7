#include "smtp/traced_header.hpp"

#include <algorithm>

#include "base/ascii.hpp"

namespace mbx::smtp {

namespace {

constexpr std::string_view kSubject = "subject:";
constexpr std::string_view kMessageId = "message-id:";
// The name, a value, and the CR behind it.
constexpr std::size_t kMostTracedLine = TracedHeader::kMostField + kMessageId.size() + 1;

} // namespace

void TracedHeader::feed(std::string_view piece)
{
    while (!piece.empty() && !is_over_) {
        const auto end = piece.find('\n');
        const std::string_view part = piece.substr(0, end);
        line_ += part.substr(0, kMostTracedLine - std::min(line_.size(), kMostTracedLine));
        if (end == std::string_view::npos) return;
        piece.remove_prefix(end + 1);
        end_line();
    }
}

void TracedHeader::finish()
{
    if (!is_over_ && !line_.empty()) end_line();
    is_over_ = true;
}

void TracedHeader::end_line()
{
    std::string_view line = line_;
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.empty()) {
        is_over_ = true;
    } else if (!ascii::is_space(line.front())) {
        field_ = begin_field(line);
    } else if (field_ != Field::other) {
        std::string& into = field_ == Field::subject ? subject_ : message_id_;
        if (into.size() + line.size() <= kMostField) into += line;
    }
    line_.clear();
}

TracedHeader::Field TracedHeader::begin_field(std::string_view line)
{
    const auto take = [&line](std::string& into, std::string_view name) {
        if (!into.empty() || !ascii::starts_with(line, name)) return false;
        into = ascii::trim(line.substr(name.size(), kMostField));
        return true;
    };
    if (take(subject_, kSubject)) return Field::subject;
    return take(message_id_, kMessageId) ? Field::message_id : Field::other;
}

std::string TracedHeader::message_id() const
{
    const std::string_view id = ascii::trim(message_id_);
    const bool is_bracketed = id.size() > 2 && id.front() == '<' && id.back() == '>';
    return std::string(is_bracketed ? id.substr(1, id.size() - 2) : id);
}

} // namespace mbx::smtp
