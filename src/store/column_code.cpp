#include "store/column_code.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <utility>
#include <vector>

namespace mbx::store {

namespace {

using mail::Envelope;
using mail::HeaderAddress;
using mail::ParameterizedValue;
using mail::Part;
using mail::Structure;

constexpr std::uint64_t kStructureForm = 2;  // the first number; another one is another program's

// Texts that stand in most messages take one byte: 0 is an escape, n the n-th of these.
constexpr std::array<std::string_view, 30> kKnown{
    "text",     "plain",   "html",        "multipart", "alternative",      "mixed",  "related",   "charset",
    "utf-8",    "UTF-8",   "us-ascii",    "boundary",  "7bit",             "8bit",   "base64",    "quoted-printable",
    "name",     "filename", "attachment", "inline",    "image",            "png",    "jpeg",      "application",
    "pdf",      "octet-stream", "format", "flowed",    "iso-8859-1",       "binary"};

class Writer {
public:
    void number(std::uint64_t value)
    {
        while (value >= 0x80) {
            out_ += static_cast<char>(0x80U | (value & 0x7fU));
            value >>= 7U;
        }
        out_ += static_cast<char>(value);
    }
    void text(std::string_view value)
    {
        number(value.size());
        out_ += value;
    }
    void word(std::string_view value)
    {
        const auto* it = std::ranges::find(kKnown, value);
        if (it != kKnown.end()) {
            number(static_cast<std::uint64_t>(it - kKnown.begin()) + 1);
        } else {
            number(0);
            text(value);
        }
    }
    // 0: none; else the size and one.
    void optional(const std::optional<std::string>& value)
    {
        number(value ? value->size() + 1 : 0);
        if (value) out_ += *value;
    }
    std::string take() { return std::move(out_); }

private:
    std::string out_;
};

// After a failure everything reads as zero or empty, and is_good() tells.
class Reader {
public:
    explicit Reader(std::string_view bytes) : rest_(bytes) {}

    std::uint64_t number()
    {
        std::uint64_t value = 0;
        for (unsigned shift = 0; shift < 63; shift += 7) {
            if (rest_.empty()) break;
            const auto byte = static_cast<unsigned char>(rest_.front());
            rest_.remove_prefix(1);
            value |= std::uint64_t{byte & 0x7fU} << shift;
            if (byte < 0x80) return value;
        }
        return fail();
    }
    std::string text() { return bytes(number()); }
    std::string word()
    {
        const auto which = number();
        if (which == 0) return text();
        if (which <= kKnown.size()) return std::string(kKnown[which - 1]);
        fail();
        return {};
    }
    std::optional<std::string> optional()
    {
        const auto size = number();
        if (size == 0) return std::nullopt;
        return bytes(size - 1);
    }
    // How many things follow; each takes a byte at least, so more cannot be meant.
    std::size_t count()
    {
        const auto value = number();
        if (value > rest_.size()) return fail();
        return static_cast<std::size_t>(value);
    }
    std::uint64_t fail()
    {
        is_good_ = false;
        rest_ = {};
        return 0;
    }
    bool is_good() const { return is_good_; }
    bool is_done() const { return is_good_ && rest_.empty(); }

private:
    std::string bytes(std::uint64_t size)
    {
        if (size > rest_.size()) {
            fail();
            return {};
        }
        std::string value(rest_.substr(0, static_cast<std::size_t>(size)));
        rest_.remove_prefix(value.size());
        return value;
    }
    std::string_view rest_;
    bool is_good_ = true;
};

void write_addresses(Writer& out, const std::vector<HeaderAddress>& addresses)
{
    out.number(addresses.size());
    for (const auto& address : addresses) {
        const bool has_route = !address.route.empty();
        out.number(static_cast<std::uint64_t>(address.kind) * 2 + (has_route ? 1 : 0));
        out.text(address.name);
        if (has_route) out.text(address.route);
        out.text(address.local);
        out.text(address.domain);
    }
}

std::vector<HeaderAddress> read_addresses(Reader& in)
{
    std::vector<HeaderAddress> addresses;
    for (auto left = in.count(); left > 0 && in.is_good(); --left) {
        const auto head = in.number();
        if (head / 2 > static_cast<std::uint64_t>(HeaderAddress::Kind::group_end)) {
            in.fail();
            break;
        }
        HeaderAddress address;
        address.kind = static_cast<HeaderAddress::Kind>(head / 2);
        address.name = in.text();
        if (head % 2 == 1) address.route = in.text();
        address.local = in.text();
        address.domain = in.text();
        addresses.push_back(std::move(address));
    }
    return addresses;
}

void write_envelope(Writer& out, const Envelope& envelope)
{
    const bool same_sender = envelope.sender == envelope.from;
    const bool same_reply = envelope.reply_to == envelope.from;
    out.number((same_sender ? 1U : 0U) + (same_reply ? 2U : 0U));
    for (const auto* text : {&envelope.date, &envelope.subject, &envelope.in_reply_to, &envelope.message_id}) {
        out.optional(*text);
    }
    write_addresses(out, envelope.from);
    if (!same_sender) write_addresses(out, envelope.sender);
    if (!same_reply) write_addresses(out, envelope.reply_to);
    for (const auto* list : {&envelope.to, &envelope.cc, &envelope.bcc}) write_addresses(out, *list);
}

Envelope read_envelope(Reader& in)
{
    Envelope envelope;
    const auto same = in.number();
    for (auto* text : {&envelope.date, &envelope.subject, &envelope.in_reply_to, &envelope.message_id}) {
        *text = in.optional();
    }
    envelope.from = read_addresses(in);
    if ((same & 1U) != 0) envelope.sender = envelope.from;
    else envelope.sender = read_addresses(in);
    if ((same & 2U) != 0) envelope.reply_to = envelope.from;
    else envelope.reply_to = read_addresses(in);
    for (auto* list : {&envelope.to, &envelope.cc, &envelope.bcc}) *list = read_addresses(in);
    return envelope;
}

// Mostly `parameters` and `wire` say the same.
bool is_plain(const ParameterizedValue& value)
{
    return std::ranges::equal(value.parameters, value.wire, [](const auto& parameter, const auto& wire) {
        return parameter.name == wire.first && parameter.value == wire.second && parameter.bytes == wire.second;
    });
}

void write_value(Writer& out, const ParameterizedValue& value)
{
    const bool plain = is_plain(value);
    out.word(value.value);
    out.number(value.wire.size() * 2 + (plain ? 1 : 0));
    for (const auto& [name, text] : value.wire) {
        out.word(name);
        out.word(text);
    }
    if (plain) return;
    out.number(value.parameters.size());
    for (const auto& parameter : value.parameters) {
        out.word(parameter.name);
        out.word(parameter.value);
        out.optional(parameter.bytes == parameter.value ? std::nullopt : std::optional(parameter.bytes));
    }
}

ParameterizedValue read_value(Reader& in)
{
    ParameterizedValue value;
    value.value = in.word();
    const auto head = in.number();
    for (auto left = head / 2; left > 0 && in.is_good(); --left) {
        std::string name = in.word();
        std::string text = in.word();
        if (head % 2 == 1) value.parameters.push_back({name, text, text});
        value.wire.emplace_back(std::move(name), std::move(text));
    }
    if (head % 2 == 1) return value;
    for (auto left = in.count(); left > 0 && in.is_good(); --left) {
        mail::Parameter parameter;
        parameter.name = in.word();
        parameter.value = in.word();
        auto bytes = in.optional();
        parameter.bytes = bytes ? *std::move(bytes) : parameter.value;
        value.parameters.push_back(std::move(parameter));
    }
    return value;
}

enum PartBits : std::uint8_t {
    kHasDisposition = 1,
    kHasId = 2,
    kHasDescription = 4,
    kHasMd5 = 8,
    kHasLocation = 16,
    kHasLanguages = 32,
    kOpaque = 64,
    kHasEnvelope = 128,
};

void write_part(Writer& out, const Structure& structure, const Part& part, std::size_t last_offset)
{
    std::uint64_t bits = 0;
    if (part.disposition) bits |= kHasDisposition;
    if (part.id) bits |= kHasId;
    if (part.description) bits |= kHasDescription;
    if (part.md5) bits |= kHasMd5;
    if (part.location) bits |= kHasLocation;
    if (!part.languages.empty()) bits |= kHasLanguages;
    if (part.is_opaque) bits |= kOpaque;
    const bool has_envelope = part.envelope != mail::kNoEnvelope && part.envelope != 0;
    if (has_envelope) bits |= kHasEnvelope;
    out.number(bits);
    out.number(part.depth);
    out.number(part.header_offset - last_offset);
    out.number(part.body_offset - part.header_offset);
    out.number(part.body_end - part.body_offset);
    out.number(part.body_lines);
    out.number(part.header_lines);
    out.word(part.type);
    out.word(part.subtype);
    write_value(out, part.content_type);
    if (part.disposition) write_value(out, *part.disposition);
    out.word(part.encoding_name);
    out.number(static_cast<std::uint64_t>(part.encoding));
    for (const auto* text : {&part.id, &part.description, &part.md5, &part.location}) {
        if (*text) out.text(**text);
    }
    if (!part.languages.empty()) {
        out.number(part.languages.size());
        for (const auto& language : part.languages) out.text(language);
    }
    if (has_envelope) write_envelope(out, structure.envelopes[part.envelope]);
}

class StructureReader {
public:
    explicit StructureReader(std::string_view bytes) : in_(bytes) {}

    std::optional<Structure> read()
    {
        if (in_.number() != kStructureForm) return std::nullopt;
        structure_.size = in_.number();
        structure_.over_limits = in_.number() != 0;
        structure_.envelopes.emplace_back();
        for (auto left = in_.count(); left > 0; --left) {
            Part part = read_part();
            if (!in_.is_good() || !link(part)) return std::nullopt;
            structure_.parts.push_back(std::move(part));
        }
        if (!in_.is_done() || structure_.parts.empty()) return std::nullopt;
        if (!std::ranges::all_of(structure_.parts, is_sound)) return std::nullopt;
        return std::move(structure_);
    }

private:
    Part read_part()
    {
        Part part;
        const auto bits = in_.number();
        part.is_opaque = (bits & kOpaque) != 0;
        const auto depth = in_.number();
        if (depth > open_.size()) in_.fail();
        part.depth = static_cast<std::uint32_t>(depth);
        part.header_offset = moved(last_offset_);
        part.body_offset = moved(part.header_offset);
        part.body_end = moved(part.body_offset);
        last_offset_ = part.header_offset;
        part.body_lines = in_.number();
        part.header_lines = in_.number();
        part.type = in_.word();
        part.subtype = in_.word();
        part.content_type = read_value(in_);
        if ((bits & kHasDisposition) != 0) part.disposition = read_value(in_);
        part.encoding_name = in_.word();
        const auto encoding = in_.number();
        if (encoding > static_cast<std::uint64_t>(mail::TransferEncoding::unknown)) in_.fail();
        part.encoding = static_cast<mail::TransferEncoding>(encoding);
        if ((bits & kHasId) != 0) part.id = in_.text();
        if ((bits & kHasDescription) != 0) part.description = in_.text();
        if ((bits & kHasMd5) != 0) part.md5 = in_.text();
        if ((bits & kHasLocation) != 0) part.location = in_.text();
        if ((bits & kHasLanguages) != 0) {
            for (auto left = in_.count(); left > 0 && in_.is_good(); --left) part.languages.push_back(in_.text());
        }
        if ((bits & kHasEnvelope) != 0) {
            part.envelope = static_cast<std::uint32_t>(structure_.envelopes.size());
            structure_.envelopes.push_back(read_envelope(in_));
        }
        return part;
    }

    // An offset so far behind another one, inside the message.
    std::size_t moved(std::size_t from)
    {
        const auto by = in_.number();
        if (by > structure_.size - from) return in_.fail();
        return from + static_cast<std::size_t>(by);
    }

    // The tree is told by depths: parts stand in the order of their offsets, a parent before its children.
    bool link(Part& part)
    {
        const auto index = static_cast<std::uint32_t>(structure_.parts.size());
        const bool is_root = index == 0;
        if ((part.depth == 0) != is_root) return false;
        if (!is_root) {
            part.parent = open_[part.depth - 1];
            Part& parent = structure_.parts[part.parent];
            if (part.depth < open_.size()) structure_.parts[open_[part.depth]].next_sibling = index;
            else parent.first_child = index;
        }
        open_.resize(part.depth);
        open_.push_back(index);
        return true;
    }

    // What the writers of IMAP's form rely on.
    static bool is_sound(const Part& part)
    {
        const bool has_child = part.first_child != mail::kNoPart;
        if (part.is_multipart() && !has_child) return false;
        if (part.is_opaque && has_child) return false;
        if (part.is_message() && part.envelope == mail::kNoEnvelope) return false;
        return part.is_multipart() || part.is_message() || !has_child;
    }

    Reader in_;
    Structure structure_;
    std::size_t last_offset_ = 0;
    std::vector<std::uint32_t> open_;  // the parts from the root to the last one
};

}  // namespace

std::string encode_structure(const Structure& structure)
{
    Writer out;
    out.number(kStructureForm);
    out.number(structure.size);
    out.number(structure.over_limits ? 1 : 0);
    out.number(structure.parts.size());
    std::size_t last_offset = 0;
    for (const auto& part : structure.parts) {
        write_part(out, structure, part, last_offset);
        last_offset = part.header_offset;
    }
    return out.take();
}

std::optional<Structure> decode_structure(std::string_view bytes) { return StructureReader(bytes).read(); }

}  // namespace mbx::store
