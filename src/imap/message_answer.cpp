#include "imap/message_answer.hpp"

#include <algorithm>

#include "imap/response.hpp"
#include "mail/date.hpp"
#include "mail/transfer_encoding.hpp"

namespace mbx::imap {

namespace {

constexpr std::size_t kCopiedBytes = 8 * 1024;  // up to here a copy is cheaper than a write of its own

// What `left` wants of a piece; takes off it what it finds. 64-bit numbers of the client are cut to what there is.
std::string_view cut(std::string_view piece, Partial& left)
{
    const auto skipped = std::min<std::uint64_t>(left.offset, piece.size());
    const auto taken = std::min<std::uint64_t>(left.count, piece.size() - skipped);
    left.offset -= skipped;
    left.count -= taken;
    return piece.substr(static_cast<std::size_t>(skipped), static_cast<std::size_t>(taken));
}

// The part [offset, offset + count) of the pieces put together.
std::vector<std::string_view> clipped(const std::vector<std::string_view>& pieces, Partial left)
{
    std::vector<std::string_view> some;
    for (const auto piece : pieces) {
        const auto part = cut(piece, left);
        if (!part.empty()) some.push_back(part);
    }
    return some;
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

bool is_decoded(mail::TransferEncoding encoding)
{
    return encoding == mail::TransferEncoding::base64 || encoding == mail::TransferEncoding::quoted_printable;
}

std::string quoted(std::string_view text) { return "\"" + std::string(text) + "\""; }

}  // namespace

std::string& SegmentWriter::text()
{
    if (segments_.empty() || segments_.back().owner) segments_.emplace_back();
    return segments_.back().text;
}

std::size_t SegmentWriter::held_bytes() const
{
    const bool is_written = segments_.empty() || segments_.back().owner;
    return held_ + (is_written ? 0 : segments_.back().text.size());
}

std::shared_ptr<const std::string> SegmentWriter::keep(std::string text)
{
    held_ += text.size();
    return std::make_shared<const std::string>(std::move(text));
}

void SegmentWriter::reserve(std::string spare, std::size_t bytes)
{
    std::string& out = segments_.emplace_back().text;
    out = std::move(spare);
    out.clear();
    out.reserve(bytes);
}

void SegmentWriter::bytes(const std::shared_ptr<const void>& owner, const std::vector<std::string_view>& pieces)
{
    std::string& before = text();
    if (total_size(pieces) <= kCopiedBytes) {
        for (const auto piece : pieces) before += piece;
        return;
    }
    held_ += before.size() + pieces.size() * sizeof(std::string_view);
    segments_.back().owner = owner;
    segments_.back().pieces = pieces;
}

void SegmentWriter::file_bytes(const store::MessageFilePtr& file, const std::vector<std::string_view>& pieces)
{
    if (total_size(pieces) > kCopiedBytes) {
        for (const auto piece : pieces) fetch_pages(piece);
    }
    bytes(file, pieces);
}

MessageAnswer::MessageAnswer(SegmentWriter& out, const store::MessageRow& row, store::MessageFilePtr file,
                             const std::vector<std::string>& keywords)
    : out_(out), row_(row), file_(std::move(file)), keywords_(keywords)
{
    if (file_) bytes_ = file_->bytes();
}

void MessageAnswer::use(std::string envelope, std::optional<mail::Structure> structure)
{
    if (!envelope.empty()) envelope_ = out_.keep(std::move(envelope));
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
        if (!envelope_) envelope_ = out_.keep(mail::imap_envelope(header_structure().envelope()));
        text_item("ENVELOPE ", envelope_);
        break;
    case FetchAttribute::body:
        if (!body_) body_ = out_.keep(mail::imap_body(structure()));
        text_item("BODY ", body_);
        break;
    case FetchAttribute::body_structure:
        if (!body_structure_) body_structure_ = out_.keep(mail::imap_bodystructure(structure()));
        text_item("BODYSTRUCTURE ", body_structure_);
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

void MessageAnswer::text_item(std::string_view label, const std::shared_ptr<const std::string>& text)
{
    begin_item() += label;
    out_.bytes(text, {*text});
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
    out_.file_bytes(file_, pieces);
}

bool MessageAnswer::has_nul(std::string_view of_file)
{
    if (!nuls_) nuls_.emplace(bytes_);
    return nuls_->has_nul(of_file);
}

DecodedPart& MessageAnswer::decoded(std::uint32_t number)
{
    const auto known = decoded_.find(number);
    if (known != decoded_.end()) return known->second;
    const auto& part = structure().parts[number];
    auto text = out_.keep(mail::decode_transfer(bytes_.substr(part.body_offset, part.body_size()), part.encoding));
    NulFinder nuls(*text);
    return decoded_.emplace(number, DecodedPart{std::move(text), std::move(nuls)}).first->second;
}

// BINARY[]: the message with its header.
BinaryText MessageAnswer::binary_text(std::uint32_t number, bool with_header)
{
    const auto& part = structure().parts[number];
    const bool is_leaf = !part.is_multipart() && !part.is_message();
    const auto begin = with_header ? 0 : part.body_offset;
    if (is_leaf && is_decoded(part.encoding)) return {bytes_.substr(begin, part.body_offset - begin), &decoded(number)};
    return {bytes_.substr(begin, part.body_end - begin), nullptr};
}

// The item has to have some value, of an unknown transfer encoding too: the command is answered NO [UNKNOWN-CTE] then (RFC 3516
// section 4.3).
void MessageAnswer::no_binary(const FetchItem& wanted)
{
    const bool size_only = wanted.attribute == FetchAttribute::binary_size;
    begin_item() += wanted.label + (size_only ? " 0" : " NIL");
}

void MessageAnswer::binary(const FetchItem& wanted)
{
    const auto number = mail::find_part(structure(), wanted.section.path);
    const bool is_unknown = number != mail::kNoPart && structure().parts[number].encoding == mail::TransferEncoding::unknown;
    unknown_encoding_ = unknown_encoding_ || is_unknown;
    if (number == mail::kNoPart || is_unknown) {
        no_binary(wanted);
        return;
    }
    const auto found = binary_text(number, wanted.section.path.empty());
    std::string& out = begin_item();
    out += wanted.label;
    if (wanted.attribute == FetchAttribute::binary_size) {
        out += " " + std::to_string(found.size());
        return;
    }
    Partial left = wanted.partial.value_or(Partial{0, UINT64_MAX});
    const auto of_file = cut(found.of_file, left);
    const auto of_decoded = found.decoded != nullptr ? cut(*found.decoded->text, left) : std::string_view();
    // literal8 where a NUL needs it (RFC 9051 section 6.4.5.1).
    const bool needs_literal8 = has_nul(of_file) || (found.decoded != nullptr && found.decoded->nuls.has_nul(of_decoded));
    out += needs_literal8 ? " ~{" : " {";
    out += std::to_string(of_file.size() + of_decoded.size()) + "}\r\n";
    out_.file_bytes(file_, {of_file});
    if (found.decoded != nullptr) out_.bytes(found.decoded->text, {of_decoded});
}

}  // namespace mbx::imap
