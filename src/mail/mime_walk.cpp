#include "mail/mime_walk.hpp"

#include <algorithm>
#include <utility>

#include "base/ascii.hpp"
#include "mail/part_header.hpp"

namespace mbx::mail {
namespace {

constexpr std::size_t kMaxDelimiter = 2048;  // a line that is longer is none

bool is_transfer_encoded(const Part& part)
{
    return part.encoding == TransferEncoding::base64 || part.encoding == TransferEncoding::quoted_printable ||
           part.encoding == TransferEncoding::uuencode;
}

}  // namespace

void MimeWalk::feed(std::string_view piece)
{
    while (!piece.empty()) {
        if (std::exchange(held_cr_, false)) {
            if (piece.front() == '\n') {
                end_of_line(true);
                piece.remove_prefix(1);
                continue;
            }
            run("\r");
        }
        const std::size_t end = std::min(piece.find_first_of("\r\n"), piece.size());
        if (end != 0) run(piece.substr(0, end));
        piece.remove_prefix(end);
        if (piece.empty()) return;
        if (piece.front() == '\r') held_cr_ = true;
        else end_of_line(false);
        piece.remove_prefix(1);
    }
}

void MimeWalk::finish()
{
    if (std::exchange(held_cr_, false)) run("\r");
    Match match;
    const std::string last = in_header_ ? header_.substr(header_line_) : held_;
    if (find_delimiter(last, match)) {
        if (in_header_) header_.resize(header_line_);
        held_.clear();
        take_delimiter(match);
    }
    while (in_header_) end_header(false);
    release_held();
    give_line_end();
}

void MimeWalk::run(std::string_view text)
{
    if (!in_header_) return run_in_body(text);
    if (header_.size() + text.size() > limits_.header.bytes) {
        over_limits_ = true;
        return;
    }
    header_ += text;
}

void MimeWalk::run_in_body(std::string_view text)
{
    const bool may_begin = at_line_start_ && !open_.empty();
    if (held_.empty() && !may_begin) {
        give_line_end();
        at_line_start_ = false;
        sink_.text(text);
        return;
    }
    held_ += text.substr(0, kMaxDelimiter + 1);
    const std::string_view rest = text.substr(std::min(text.size(), kMaxDelimiter + 1));
    const bool is_hopeful = std::string_view(held_).substr(0, 2) == std::string_view("--").substr(0, held_.size());
    at_line_start_ = false;
    if (is_hopeful && held_.size() <= kMaxDelimiter) return;
    release_held();
    if (!rest.empty()) sink_.text(rest);
}

void MimeWalk::release_held()
{
    if (held_.empty()) return;
    give_line_end();
    sink_.text(held_);
    held_.clear();
}

void MimeWalk::give_line_end()
{
    if (std::exchange(owes_line_end_, false)) sink_.line_end(owed_is_crlf_);
}

void MimeWalk::end_of_line(bool is_crlf)
{
    if (in_header_) return end_header_line(is_crlf);
    Match match;
    if (find_delimiter(held_, match)) {
        // The match points into what is held.
        const std::string line = std::exchange(held_, {});
        match.line = std::string_view(line).substr(0, match.line.size());
        return take_delimiter(match);
    }
    release_held();
    give_line_end();
    owes_line_end_ = true;
    owed_is_crlf_ = is_crlf;
    at_line_start_ = true;
}

void MimeWalk::end_header_line(bool is_crlf)
{
    const std::string line = header_.substr(header_line_);
    Match match;
    if (find_delimiter(line, match)) {
        header_.resize(header_line_);
        return take_delimiter(match);
    }
    if (line.empty()) return end_header(true);
    header_ += is_crlf ? "\r\n" : "\n";
    header_line_ = header_.size();
}

void MimeWalk::end_header(bool has_separator)
{
    const std::string bytes = std::exchange(header_, {});
    header_line_ = 0;
    const Header header = parse_header(bytes, limits_.header);
    over_limits_ = over_limits_ || header.over_limits;
    Part part;
    describe_part(header, !is_message_ && !open_.empty() && open_.back().is_digest && open_.back().depth == depth_, part);
    WalkKind kind = WalkKind::leaf;
    const bool is_deep = depth_ >= limits_.depth;
    const Parameter* boundary = part.type == "multipart" ? part.content_type.find("boundary") : nullptr;
    std::string_view text = boundary == nullptr ? std::string_view{} : std::string_view(boundary->bytes);
    while (!text.empty() && ascii::is_space(text.back())) text.remove_suffix(1);
    if (!text.empty()) kind = WalkKind::multipart;
    if (part.type == "message" && part.subtype == "rfc822" && !is_transfer_encoded(part)) kind = WalkKind::message;
    if (kind != WalkKind::leaf && is_deep) {
        over_limits_ = true;
        kind = WalkKind::leaf;
    }
    const bool is_signed = !open_.empty() && open_.back().is_signed;
    sink_.header(WalkedHeader{header, part, kind, is_message_, has_separator, is_signed});
    in_header_ = kind == WalkKind::message;
    is_message_ = in_header_;
    if (kind != WalkKind::leaf) ++depth_;
    if (kind == WalkKind::multipart) open_.push_back({std::string(text), part.subtype == "digest", is_signed || part.subtype == "signed", depth_});
    at_line_start_ = true;
    owes_line_end_ = false;
}

bool MimeWalk::find_delimiter(std::string_view line, Match& match) const
{
    if (open_.empty() || !line.starts_with("--")) return false;
    std::string_view text = line;
    while (!text.empty() && (ascii::is_space(text.back()) || text.back() == '\r')) text.remove_suffix(1);
    if (text.size() > kMaxDelimiter || text.size() < 2) return false;
    for (std::size_t level = open_.size(); level-- > 0;) {
        const std::string_view behind = text.substr(2);
        if (!behind.starts_with(open_[level].boundary)) continue;
        const std::string_view rest = behind.substr(open_[level].boundary.size());
        if (!rest.empty() && rest != "--") continue;
        match = Match{level, !rest.empty(), text};
        return true;
    }
    return false;
}

void MimeWalk::take_delimiter(const Match& match)
{
    while (in_header_) end_header(false);  // one that the delimiter cuts off, and what it opens
    sink_.delimiter(match.line, std::exchange(owes_line_end_, false), match.is_last);
    open_.resize(match.level + 1);
    depth_ = open_.back().depth;
    at_line_start_ = true;
    is_message_ = false;
    if (match.is_last) {
        --depth_;
        open_.pop_back();
        return;
    }
    if (++parts_ > limits_.parts) over_limits_ = true;
    in_header_ = true;
}

}  // namespace mbx::mail
