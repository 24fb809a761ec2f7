#include "mail/mime.hpp"

#include <algorithm>

#include "base/ascii.hpp"
#include "mail/part_header.hpp"

namespace mbx::mail {
namespace {

// A part whose end is not found yet. Open parts are a stack: each lies inside the one below it.
struct OpenPart {
    std::uint32_t part = 0;
    std::uint32_t last_child = kNoPart;
    std::uint64_t first_line = 0;  // of its header, then of its body
    std::string boundary;          // of a multipart that may still get parts; else empty
    bool is_full = false;          // no further part may begin: only the closing delimiter counts
};

class StructureParser {
public:
    StructureParser(std::string_view message, MimeLimits limits) : message_(message), limits_(limits)
    {
        limits_.parts = std::max(limits_.parts, 1U);
        structure_.size = message.size();
    }

    Structure parse()
    {
        begin_part(0);
        while (at_ < message_.size()) read_line();
        while (in_header_) end_header();
        while (!open_.empty()) close_top(at_, lines_);
        return std::move(structure_);
    }

private:
    Part& part_of(const OpenPart& open) { return structure_.parts[open.part]; }

    void read_line()
    {
        // Outside of headers and multiparts nothing more can begin.
        if (!in_header_ && boundaries_ == 0) {
            lines_ += static_cast<std::uint64_t>(std::ranges::count(message_.substr(at_), '\n'));
            at_ = message_.size();
            return;
        }
        const std::size_t line_feed = message_.find('\n', at_);
        const bool has_end = line_feed != std::string_view::npos;
        const std::size_t end = has_end ? line_feed + 1 : message_.size();
        const std::string_view line = message_.substr(at_, end - at_);
        const bool is_delimiter = boundaries_ != 0 && line.starts_with("--") && read_delimiter(line, end);
        if (is_delimiter) return;
        at_ = end;
        if (has_end) ++lines_;
        if (in_header_ && (line == "\n" || line == "\r\n")) end_header();
    }

    // Takes the line when it is a delimiter of an open multipart (RFC 2046 section 5.1.1), the innermost that fits.
    bool read_delimiter(std::string_view line, std::size_t line_end)
    {
        line.remove_prefix(2);
        while (!line.empty() && (ascii::is_space(line.back()) || line.back() == '\n' || line.back() == '\r'))
            line.remove_suffix(1);
        for (std::size_t level = open_.size(); level-- > 0;) {
            const OpenPart& open = open_[level];
            if (open.boundary.empty() || !line.starts_with(open.boundary)) continue;
            const std::string_view behind = line.substr(open.boundary.size());
            if (!behind.empty() && behind != "--") continue;
            if (behind.empty() && open.is_full) return false;
            take_delimiter(level, line_end, !behind.empty());
            return true;
        }
        return false;
    }

    void take_delimiter(std::size_t level, std::size_t line_end, bool is_last)
    {
        while (in_header_) end_header();  // a header that the delimiter cuts off; what it opens ends here as well
        close_before_delimiter(level);
        at_ = line_end;
        if (message_[line_end - 1] == '\n') ++lines_;
        if (is_last) deactivate(open_[level]);
        else begin_child(level);
    }

    void deactivate(OpenPart& open)
    {
        if (open.boundary.empty()) return;
        open.boundary.clear();
        --boundaries_;
    }

    void begin_child(std::size_t level)
    {
        const std::size_t room = limits_.parts - std::min<std::size_t>(structure_.parts.size(), limits_.parts);
        if (room == 0) {
            structure_.over_limits = true;
            open_[level].is_full = true;
            return;
        }
        begin_part(at_);
        if (room > 1) return;
        // The last part there is room for holds whatever its multipart still has.
        structure_.over_limits = true;
        open_[level].is_full = true;
        Part& last = part_of(open_.back());
        last.type = "application";
        last.subtype = "octet-stream";
        last.is_opaque = true;
        last.body_offset = at_;
        in_header_ = false;
    }

    // Opens a part whose header begins at `offset`, as the last child of what is on top.
    void begin_part(std::size_t offset)
    {
        const auto index = static_cast<std::uint32_t>(structure_.parts.size());
        Part& part = structure_.parts.emplace_back();
        part.header_offset = offset;
        part.body_offset = offset;
        part.body_end = offset;
        if (!open_.empty()) {
            OpenPart& above = open_.back();
            part.parent = above.part;
            part.depth = structure_.parts[above.part].depth + 1;
            if (above.last_child == kNoPart) structure_.parts[above.part].first_child = index;
            else structure_.parts[above.last_child].next_sibling = index;
            above.last_child = index;
        }
        open_.push_back({index, kNoPart, lines_, {}, false});
        in_header_ = true;
    }

    // The top's header ends at at_: says what the part is, and opens what begins with its body.
    void end_header()
    {
        in_header_ = false;
        OpenPart& open = open_.back();
        Part& part = part_of(open);
        part.body_offset = at_;
        part.header_lines = lines_ - open.first_line;
        open.first_line = lines_;
        const Header header =
            parse_header(message_.substr(part.header_offset, at_ - part.header_offset), limits_.header);
        describe_part(header, is_in_digest(part), part);
        const bool is_embedded = part.parent == kNoPart || structure_.parts[part.parent].type == "message";
        if (is_embedded) add_envelope(part, header);
        if (part.type == "multipart") open_multipart(open, part);
        // The last of all: what it begins moves the parts in memory.
        limit_parameters(part.content_type);
        if (part.disposition) limit_parameters(*part.disposition);
        if (part.type == "message" && (part.subtype == "rfc822" || part.subtype == "global")) open_message(part);
    }

    void limit_parameters(ParameterizedValue& value)
    {
        constexpr std::size_t kAlways = 8;
        const std::size_t count = value.wire.size();
        if (count <= kAlways || count <= limits_.parameters) {
            limits_.parameters -= std::min(limits_.parameters, count);
            return;
        }
        structure_.over_limits = true;
        value.wire.resize(kAlways);
        value.parameters.resize(std::min(value.parameters.size(), kAlways));
        value.wire.shrink_to_fit();
        value.parameters.shrink_to_fit();
    }

    bool is_in_digest(const Part& part) const
    {
        if (part.parent == kNoPart) return false;
        const Part& parent = structure_.parts[part.parent];
        return parent.type == "multipart" && parent.subtype == "digest";
    }

    void add_envelope(const Part& part, const Header& header)
    {
        if (part.parent != kNoPart)
            structure_.parts[part.parent].envelope = static_cast<std::uint32_t>(structure_.envelopes.size());
        const std::size_t room = std::min(limits_.addresses, kMaxAddresses);
        const Envelope& envelope = structure_.envelopes.emplace_back(make_envelope(header, room));
        limits_.addresses -= std::min(limits_.addresses, envelope.address_count());
    }

    // Whether a part may have children; else it is opaque.
    bool has_room(Part& part)
    {
        const bool has = part.depth < limits_.depth && structure_.parts.size() + 1 < limits_.parts;
        if (!has) part.is_opaque = structure_.over_limits = true;
        return has;
    }

    void open_multipart(OpenPart& open, Part& part)
    {
        if (!has_room(part)) return;
        const Parameter* boundary = part.content_type.find("boundary");
        if (boundary == nullptr) return;
        std::string_view text = boundary->bytes;
        // RFC 2046 section 5.1.1: a boundary does not end in white space; what stands there is padding.
        while (!text.empty() && ascii::is_space(text.back())) text.remove_suffix(1);
        if (text.empty()) return;
        open.boundary = text;
        ++boundaries_;
    }

    void open_message(Part& part)
    {
        const bool is_encoded = part.encoding == TransferEncoding::base64 ||
                                part.encoding == TransferEncoding::quoted_printable ||
                                part.encoding == TransferEncoding::uuencode;
        if (is_encoded) part.is_opaque = true;
        else if (has_room(part)) begin_part(at_);
    }

    // The line end before a delimiter belongs to the delimiter, but where it ended a header before, it stays with that.
    void close_before_delimiter(std::size_t level)
    {
        const std::size_t first = part_of(open_.back()).body_offset;
        std::size_t end = at_;
        std::uint64_t lines = lines_;
        if (end > first) {
            --end;
            --lines;
            if (end > first && message_[end - 1] == '\r') --end;
        }
        while (open_.size() > level + 1) close_top(end, lines);
    }

    // Ends the top's body at `end`, `lines` line ends into the message.
    void close_top(std::size_t end, std::uint64_t lines)
    {
        OpenPart& open = open_.back();
        deactivate(open);
        Part& part = part_of(open);
        part.body_lines = lines - open.first_line;
        part.body_end = end;
        const bool is_childless = part.type == "multipart" && !part.is_opaque && open.last_child == kNoPart;
        if (is_childless) add_whole_body(open);
        open_.pop_back();
    }

    void add_whole_body(const OpenPart& open)
    {
        const auto index = static_cast<std::uint32_t>(structure_.parts.size());
        Part child;
        Part& parent = part_of(open);
        describe_part(Header{}, false, child);
        child.parent = open.part;
        child.depth = parent.depth + 1;
        child.header_offset = child.body_offset = parent.body_offset;
        child.body_end = parent.body_end;
        child.body_lines = parent.body_lines;
        parent.first_child = index;
        structure_.parts.push_back(std::move(child));
    }

    std::string_view message_;
    MimeLimits limits_;
    Structure structure_;
    std::vector<OpenPart> open_;
    std::size_t at_ = 0;
    std::uint64_t lines_ = 0;        // line ends before at_
    std::uint32_t boundaries_ = 0;   // open multiparts that may still get parts
    bool in_header_ = false;         // of the top
};

}  // namespace

std::string Part::charset() const
{
    const Parameter* parameter = content_type.find("charset");
    if (parameter != nullptr) return ascii::to_lower(parameter->value);
    return type == "text" ? "us-ascii" : "";
}

std::string Part::file_name() const
{
    return attachment_name(disposition ? *disposition : ParameterizedValue{}, content_type);
}

std::uint32_t Structure::child(std::uint32_t part, std::uint32_t number) const
{
    if (part >= parts.size() || number == 0) return kNoPart;
    std::uint32_t child = parts[part].first_child;
    while (child != kNoPart && --number != 0) child = parts[child].next_sibling;
    return child;
}

Structure parse_structure(std::string_view message, MimeLimits limits)
{
    return StructureParser(message, limits).parse();
}

}  // namespace mbx::mail
