#include "imap/message_answer.hpp"

#include <algorithm>

#include "imap/response.hpp"
#include "mail/date.hpp"
#include "mail/transfer_encoding.hpp"

namespace mbx::imap {

namespace {

constexpr std::size_t kCopiedBytes = 8 * 1024;  // up to here a copy is cheaper than a write of its own

// The part [offset, offset + count) of the pieces put together; 64-bit numbers of the client are cut to what there is.
std::vector<std::string_view> clipped(const std::vector<std::string_view>& pieces, const Partial& partial)
{
    std::vector<std::string_view> cut;
    std::uint64_t skip = partial.offset;
    std::uint64_t left = partial.count;
    for (const auto piece : pieces) {
        if (left == 0) break;
        if (skip >= piece.size()) {
            skip -= piece.size();
            continue;
        }
        const auto from = static_cast<std::size_t>(skip);
        const auto size = static_cast<std::size_t>(std::min<std::uint64_t>(left, piece.size() - from));
        cut.push_back(piece.substr(from, size));
        left -= size;
        skip = 0;
    }
    return cut;
}

std::size_t total_size(const std::vector<std::string_view>& pieces)
{
    std::size_t total = 0;
    for (const auto piece : pieces) total += piece.size();
    return total;
}

// The loop writes these bytes; where they still have to come from the disk, this worker waits for them.
void fetch_pages(std::string_view piece)
{
    constexpr std::size_t kPage = 4096;
    for (std::size_t at = 0; at < piece.size(); at += kPage) {
        (void)*static_cast<const volatile char*>(piece.data() + at);
    }
    if (!piece.empty()) (void)*static_cast<const volatile char*>(&piece.back());
}

std::string quoted(std::string_view text) { return "\"" + std::string(text) + "\""; }

}  // namespace

std::string& SegmentWriter::text()
{
    if (segments_.empty() || segments_.back().file) segments_.emplace_back();
    return segments_.back().text;
}

void SegmentWriter::reserve(std::string spare, std::size_t bytes)
{
    std::string& out = segments_.emplace_back().text;
    out = std::move(spare);
    out.clear();
    out.reserve(bytes);
}

void SegmentWriter::bytes(const store::MessageFilePtr& file, const std::vector<std::string_view>& pieces)
{
    std::string& before = text();
    if (total_size(pieces) <= kCopiedBytes) {
        for (const auto piece : pieces) before += piece;
        return;
    }
    for (const auto piece : pieces) fetch_pages(piece);
    segments_.back().file = file;
    segments_.back().pieces = pieces;
}

MessageAnswer::MessageAnswer(SegmentWriter& out, const store::MessageRow& row, store::MessageFilePtr file,
                             const std::vector<std::string>& keywords)
    : out_(out), row_(row), file_(std::move(file)), keywords_(keywords)
{
    if (file_) bytes_ = file_->bytes();
}

void MessageAnswer::use(std::string envelope, std::optional<mail::Structure> structure)
{
    envelope_ = std::move(envelope);
    structure_ = std::move(structure);
}

void MessageAnswer::use(const store::ObjectId& email_id, const store::ObjectId& thread_id)
{
    email_id_ = email_id;
    thread_id_ = thread_id;
}

// Most clients ask for header fields only: then nothing but the header is read.
const mail::Structure& MessageAnswer::header_structure()
{
    if (!header_structure_) {
        header_ = bytes_.substr(0, mail::HeaderScanner(bytes_).body_offset());
        header_structure_ = mail::parse_structure(header_);
    }
    return *header_structure_;
}

const mail::Structure& MessageAnswer::structure()
{
    if (!structure_) structure_ = mail::parse_structure(bytes_);
    return *structure_;
}

std::string& MessageAnswer::begin_item()
{
    std::string& text = out_.text();
    if (!first_) text += ' ';
    first_ = false;
    return text;
}

bool MessageAnswer::write(std::uint32_t sequence, const FetchPlan& plan, bool also_flags)
{
    out_.text() += "* " + std::to_string(sequence) + " FETCH (";
    bool has_uid = false;
    bool has_flags = false;
    bool has_modseq = false;
    for (const auto& wanted : plan.items) {
        has_uid = has_uid || wanted.attribute == FetchAttribute::uid;
        has_modseq = has_modseq || wanted.attribute == FetchAttribute::modseq;
        has_flags = has_flags || wanted.attribute == FetchAttribute::flags;
    }
    const bool tells_change = also_flags && plan.tells_modseq;  // RFC 7162 section 3.2.4
    if ((plan.with_uid || tells_change) && !has_uid) begin_item() += "UID " + std::to_string(row_.uid);
    for (const auto& wanted : plan.items) item(wanted);
    if (also_flags && !has_flags) begin_item() += "FLAGS " + flags_text(row_.flags, keywords_);
    if (tells_change && !has_modseq) begin_item() += "MODSEQ (" + std::to_string(row_.modseq) + ")";
    out_.text() += ")\r\n";
    return !unknown_encoding_;
}

void MessageAnswer::item(const FetchItem& wanted)
{
    switch (wanted.attribute) {
    case FetchAttribute::flags: begin_item() += "FLAGS " + flags_text(row_.flags, keywords_); break;
    case FetchAttribute::uid: begin_item() += "UID " + std::to_string(row_.uid); break;
    case FetchAttribute::internal_date:
        begin_item() += "INTERNALDATE " + quoted(mail::format_internal_date({row_.internal_date, 0}));
        break;
    case FetchAttribute::save_date:
        begin_item() += "SAVEDATE " + quoted(mail::format_internal_date({row_.save_date, 0}));
        break;
    case FetchAttribute::preview: preview(wanted); break;
    case FetchAttribute::rfc822_size: begin_item() += "RFC822.SIZE " + std::to_string(row_.size); break;
    case FetchAttribute::envelope:
        if (envelope_.empty()) envelope_ = mail::imap_envelope(header_structure().envelope());
        begin_item() += "ENVELOPE " + envelope_;
        break;
    case FetchAttribute::body: begin_item() += "BODY " + mail::imap_body(structure()); break;
    case FetchAttribute::body_structure:
        begin_item() += "BODYSTRUCTURE " + mail::imap_bodystructure(structure());
        break;
    case FetchAttribute::body_section: section(wanted); break;
    case FetchAttribute::binary:
    case FetchAttribute::binary_size: binary(wanted); break;
    case FetchAttribute::modseq: begin_item() += "MODSEQ (" + std::to_string(row_.modseq) + ")"; break;
    // RFC 8474 section 5.3
    case FetchAttribute::email_id: begin_item() += "EMAILID (" + store::email_id_text(email_id_) + ")"; break;
    case FetchAttribute::thread_id: begin_item() += "THREADID (" + store::thread_id_text(thread_id_) + ")"; break;
    }
}

// RFC 8970 section 3.2: NIL is for LAZY alone.
void MessageAnswer::preview(const FetchItem& wanted)
{
    std::string& out = begin_item();
    out += "PREVIEW ";
    if (!preview_ && wanted.lazy) {
        out += "NIL";
    } else {
        mail::append_imap_string(out, preview_ ? *preview_ : std::string());
    }
}

void MessageAnswer::section(const FetchItem& wanted)
{
    const auto text = wanted.section.text;
    const bool header_only = wanted.section.path.empty() &&
                             (text == mail::SectionText::header || text == mail::SectionText::header_fields ||
                              text == mail::SectionText::header_fields_not);
    std::optional<mail::SectionBytes> found;
    if (wanted.section.path.empty() && text == mail::SectionText::whole) {
        found = mail::SectionBytes{{bytes_}};
    } else if (header_only) {
        const auto& parsed = header_structure();
        found = mail::resolve_section(header_, parsed, wanted.section);
    } else {
        found = mail::resolve_section(bytes_, structure(), wanted.section);
    }
    std::string& out = begin_item();
    out += wanted.label;
    if (!found) {
        out += " NIL";
        return;
    }
    const auto pieces = wanted.partial ? clipped(found->pieces, *wanted.partial) : std::move(found->pieces);
    out += " {" + std::to_string(total_size(pieces)) + "}\r\n";
    out_.bytes(file_, pieces);
}

// None: an unknown transfer encoding. An absent part is an empty text with `first_child` unknown to the caller, told
// apart by find_part before.
std::optional<std::string> MessageAnswer::decoded_part(const FetchItem& wanted)
{
    const auto& tree = structure();
    const auto& part = tree.parts[mail::find_part(tree, wanted.section.path)];
    if (part.encoding == mail::TransferEncoding::unknown) return std::nullopt;
    const auto body = bytes_.substr(part.body_offset, part.body_size());
    std::string out;
    // BINARY[]: the message with its header.
    if (wanted.section.path.empty()) out = bytes_.substr(0, part.body_offset);
    const bool is_leaf = !part.is_multipart() && !part.is_message();
    out += is_leaf ? mail::decode_transfer(body, part.encoding) : std::string(body);
    return out;
}

void MessageAnswer::binary(const FetchItem& wanted)
{
    if (mail::find_part(structure(), wanted.section.path) == mail::kNoPart) {
        const bool size_only = wanted.attribute == FetchAttribute::binary_size;
        begin_item() += wanted.label + (size_only ? " 0" : " NIL");
        return;
    }
    const auto decoded = decoded_part(wanted);
    if (!decoded) {
        unknown_encoding_ = true;
        // The item has to have some value; the command is answered NO [UNKNOWN-CTE] (RFC 3516 section 4.3).
        const bool size_only = wanted.attribute == FetchAttribute::binary_size;
        begin_item() += wanted.label + (size_only ? " 0" : " NIL");
        return;
    }
    std::string& out = begin_item();
    out += wanted.label;
    if (wanted.attribute == FetchAttribute::binary_size) {
        out += " " + std::to_string(decoded->size());
        return;
    }
    std::vector<std::string_view> pieces{*decoded};
    if (wanted.partial) pieces = clipped(pieces, *wanted.partial);
    // literal8 where a NUL needs it (RFC 9051 section 6.4.5.1).
    const bool has_nul = !pieces.empty() && pieces.front().find('\0') != std::string_view::npos;
    out += has_nul ? " ~{" : " {";
    out += std::to_string(total_size(pieces)) + "}\r\n";
    for (const auto piece : pieces) out += piece;
}

}  // namespace mbx::imap
