#include "mail/header.hpp"

#include <algorithm>

#include "base/ascii.hpp"

namespace mbx::mail {
namespace {

constexpr bool is_line_byte(char c) { return c == '\n' || c == '\r' || c == '\0'; }
constexpr bool is_name_byte(char c) { return c > 32 && c < 127 && c != ':'; }

// The length of the empty line at the front; 0: the first line is not empty.
std::size_t empty_line(std::string_view bytes)
{
    if (bytes.starts_with('\n')) return 1;
    return bytes.starts_with("\r\n") ? 2 : 0;
}

std::string_view without_line_end(std::string_view line)
{
    if (line.ends_with('\n')) line.remove_suffix(1);
    if (line.ends_with('\r')) line.remove_suffix(1);
    return line;
}

HeaderField make_field(std::string_view whole, std::size_t offset)
{
    HeaderField field;
    field.whole = whole;
    field.offset = offset;
    const std::string_view first_line = whole.substr(0, whole.find('\n'));
    const std::size_t colon = first_line.find(':');
    if (colon == std::string_view::npos) return field;
    std::string_view name = first_line.substr(0, colon);
    while (!name.empty() && ascii::is_space(name.back())) name.remove_suffix(1);
    if (!is_field_name(name)) return field;
    field.name = name;
    field.value = without_line_end(whole.substr(colon + 1));
    return field;
}

}  // namespace

std::size_t HeaderScanner::field_end(std::size_t from) const
{
    for (;;) {
        const std::size_t line_feed = bytes_.find('\n', from);
        if (line_feed == std::string_view::npos) return bytes_.size();
        from = line_feed + 1;
        if (from >= bytes_.size() || !ascii::is_space(bytes_[from])) return from;
    }
}

std::optional<HeaderField> HeaderScanner::next()
{
    if (done_ || over_limits_) return std::nullopt;
    const std::size_t separator = empty_line(bytes_.substr(position_));
    if (separator != 0 || position_ == bytes_.size()) {
        position_ += separator;
        done_ = true;
        has_separator_ = separator != 0;
        over_limits_ = position_ > limits_.bytes;
        return std::nullopt;
    }
    const std::size_t begin = position_;
    position_ = field_end(begin);
    if (++fields_ > limits_.fields || position_ > limits_.bytes) {
        over_limits_ = true;
        return std::nullopt;
    }
    return make_field(bytes_.substr(begin, position_ - begin), begin);
}

std::size_t HeaderScanner::body_offset()
{
    while (!done_ && !over_limits_) (void)next();
    while (!done_) {
        const std::size_t separator = empty_line(bytes_.substr(position_));
        has_separator_ = separator != 0;
        done_ = has_separator_ || position_ == bytes_.size();
        position_ = done_ ? position_ + separator : field_end(position_);
    }
    return position_;
}

const HeaderField* Header::find(std::string_view name) const
{
    const auto found = std::ranges::find_if(fields, [&](const HeaderField& f) { return ascii::same(f.name, name); });
    return found == fields.end() ? nullptr : &*found;
}

std::size_t Header::count(std::string_view name) const
{
    return static_cast<std::size_t>(
        std::ranges::count_if(fields, [&](const HeaderField& f) { return ascii::same(f.name, name); }));
}

Header parse_header(std::string_view bytes, HeaderLimits limits)
{
    HeaderScanner scanner(bytes, limits);
    Header header;
    while (const auto field = scanner.next()) header.fields.push_back(*field);
    header.body_offset = scanner.body_offset();
    header.has_separator = scanner.has_separator();
    header.over_limits = scanner.over_limits();
    return header;
}

std::optional<HeaderField> find_field(std::string_view bytes, std::string_view name)
{
    HeaderScanner scanner(bytes);
    while (auto field = scanner.next())
        if (ascii::same(field->name, name)) return field;
    return std::nullopt;
}

std::vector<HeaderField> find_fields(std::string_view bytes, std::string_view name)
{
    HeaderScanner scanner(bytes);
    std::vector<HeaderField> found;
    while (const auto field = scanner.next())
        if (ascii::same(field->name, name)) found.push_back(*field);
    return found;
}

std::string unfold(std::string_view raw_value)
{
    std::string line;
    line.reserve(raw_value.size());
    for (std::size_t i = 0; i < raw_value.size(); ++i) {
        // Nearly always the whole value is one run.
        const auto end = std::find_if(raw_value.begin() + static_cast<std::ptrdiff_t>(i), raw_value.end(), is_line_byte);
        const auto run = static_cast<std::size_t>(end - raw_value.begin()) - i;
        line += raw_value.substr(i, run);
        i += run;
        if (i == raw_value.size()) break;
        const char c = raw_value[i];
        if (c == '\n' || (c == '\r' && i + 1 < raw_value.size() && raw_value[i + 1] == '\n')) continue;
        line += ' ';
    }
    return std::string(ascii::trim(line));
}

bool is_field_name(std::string_view name) { return !name.empty() && std::ranges::all_of(name, is_name_byte); }

void IncrementalHeaderScanner::feed(std::string_view piece)
{
    std::size_t at = 0;
    while (at < piece.size() && !facts_.complete) {
        if (state_ != State::rest) {
            ++facts_.header_bytes;
            take(piece[at++]);
            continue;
        }
        const std::size_t line_feed = piece.find('\n', at);
        const std::size_t end = line_feed == std::string_view::npos ? piece.size() : line_feed + 1;
        facts_.header_bytes += end - at;
        at = end;
        if (line_feed != std::string_view::npos) state_ = State::line_start;
    }
    if (facts_.header_bytes > limits_.bytes || facts_.fields > limits_.fields) facts_.over_limits = true;
}

void IncrementalHeaderScanner::finish()
{
    if (facts_.complete) return;
    if (state_ == State::line_start_cr) begin_field();  // a lone CR was the last line
    facts_.complete = true;
    if (facts_.fields > limits_.fields) facts_.over_limits = true;
}

// One byte outside the part of a line that does not matter.
void IncrementalHeaderScanner::take(char c)
{
    switch (state_) {
    case State::line_start:
        if (c == '\n') facts_.complete = true;
        else if (c == '\r') state_ = State::line_start_cr;
        else if (ascii::is_space(c) && facts_.fields != 0) state_ = State::rest;
        else begin_name(c);
        return;
    case State::line_start_cr:
        if (c == '\n') {
            facts_.complete = true;
            return;
        }
        begin_field();
        state_ = State::rest;
        return;
    case State::name:
        if (is_name_byte(c)) {
            if (name_size_ < name_.size()) name_[name_size_] = c;
            ++name_size_;
            return;
        }
        [[fallthrough]];
    case State::name_space:
        if (c == ':') end_name();
        state_ = c == '\n' ? State::line_start : ascii::is_space(c) ? State::name_space : State::rest;
        return;
    case State::rest: return;
    }
}

void IncrementalHeaderScanner::begin_field()
{
    ++facts_.fields;
    name_size_ = 0;
}

void IncrementalHeaderScanner::begin_name(char c)
{
    begin_field();
    if (!is_name_byte(c)) {
        state_ = State::rest;
        return;
    }
    name_[0] = c;
    name_size_ = 1;
    state_ = State::name;
}

void IncrementalHeaderScanner::end_name()
{
    if (name_size_ > name_.size()) return;
    const std::string_view name(name_.data(), name_size_);
    if (ascii::same(name, "Received")) ++facts_.received;
    else if (ascii::same(name, "From")) ++facts_.from;
    else if (ascii::same(name, "Sender")) ++facts_.sender;
    else if (ascii::same(name, "Date")) ++facts_.date;
    else if (ascii::same(name, "Message-ID")) ++facts_.message_id;
}

}  // namespace mbx::mail
