#include "mail/imap_structure.hpp"

#include <algorithm>

#include "base/ascii.hpp"

namespace mbx::mail {
namespace {

constexpr std::size_t kMaxQuoted = 1000;  // longer strings go as literals, for clients with line buffers

void append_nstring(std::string& out, const std::optional<std::string>& text)
{
    if (text) append_imap_string(out, *text);
    else out += "NIL";
}

void append_or_nil(std::string& out, const std::string& text)
{
    if (text.empty()) out += "NIL";
    else append_imap_string(out, text);
}

// RFC 9051 section 7.5.2: a NIL host marks a group: with a mailbox its start, without one its end.
void append_address(std::string& out, const HeaderAddress& address)
{
    switch (address.kind) {
    case HeaderAddress::Kind::group_start:
        out += "(NIL NIL ";
        append_imap_string(out, address.local);
        out += " NIL)";
        return;
    case HeaderAddress::Kind::group_end: out += "(NIL NIL NIL NIL)"; return;
    case HeaderAddress::Kind::mailbox:
        out += '(';
        append_or_nil(out, address.name);
        out += ' ';
        append_or_nil(out, address.route);
        out += ' ';
        append_imap_string(out, address.local);
        out += ' ';
        append_imap_string(out, address.domain);  // an absent domain must not look like a group: ""
        out += ')';
        return;
    }
}

void append_addresses(std::string& out, const std::vector<HeaderAddress>& addresses)
{
    if (addresses.empty()) {
        out += "NIL";
        return;
    }
    out += '(';
    for (const auto& address : addresses) append_address(out, address);
    out += ')';
}

// body-fld-param
void append_parameters(std::string& out, const ParameterizedValue& value)
{
    if (value.wire.empty()) {
        out += "NIL";
        return;
    }
    char before = '(';
    for (const auto& [name, text] : value.wire) {
        out += before;
        append_imap_string(out, name);
        out += ' ';
        append_imap_string(out, text);
        before = ' ';
    }
    out += ')';
}

void append_disposition(std::string& out, const Part& part)
{
    if (!part.disposition || part.disposition->value.empty()) {
        out += "NIL";
        return;
    }
    out += '(';
    append_imap_string(out, part.disposition->value);
    out += ' ';
    append_parameters(out, *part.disposition);
    out += ')';
}

void append_languages(std::string& out, const std::vector<std::string>& languages)
{
    if (languages.empty()) {
        out += "NIL";
        return;
    }
    const bool is_list = languages.size() > 1;
    if (is_list) out += '(';
    for (std::size_t i = 0; i < languages.size(); ++i) {
        if (i != 0) out += ' ';
        append_imap_string(out, languages[i]);
    }
    if (is_list) out += ')';
}

// Writes the tree down without recursion: into the first child, on to the next sibling, back to the parent.
class BodyWriter {
public:
    BodyWriter(const Structure& structure, bool with_extensions) : structure_(structure), extended_(with_extensions) {}

    std::string write()
    {
        std::uint32_t at = 0;
        for (;;) {
            enter(part(at));
            if (has_children(part(at))) {
                at = part(at).first_child;
                continue;
            }
            leave(part(at));
            while (part(at).next_sibling == kNoPart) {
                at = part(at).parent;
                if (at == kNoPart) return std::move(out_);
                leave(part(at));
            }
            at = part(at).next_sibling;
        }
    }

private:
    const Part& part(std::uint32_t index) const { return structure_.parts[index]; }
    static bool has_children(const Part& part) { return part.is_multipart() || part.is_message(); }

    void enter(const Part& part)
    {
        out_ += '(';
        if (part.is_multipart()) return;
        // What is not looked into must not claim a type whose description needs a look.
        append_imap_string(out_, part.is_opaque ? "application" : part.type);
        out_ += ' ';
        append_imap_string(out_, part.is_opaque ? "octet-stream" : part.subtype);
        out_ += ' ';
        append_parameters(out_, part.content_type);
        out_ += ' ';
        append_nstring(out_, part.id);
        out_ += ' ';
        append_nstring(out_, part.description);
        out_ += ' ';
        append_imap_string(out_, part.encoding_name);
        out_ += ' ' + std::to_string(part.body_size());
        if (!part.is_message()) return;
        out_ += ' ' + imap_envelope(structure_.envelopes[part.envelope]) + ' ';
    }

    void leave(const Part& part)
    {
        if (part.is_multipart()) {
            out_ += ' ';
            append_imap_string(out_, part.subtype);
        } else if (part.is_message() || (part.type == "text" && !part.is_opaque)) {
            out_ += ' ' + std::to_string(part.body_lines);
        }
        if (extended_) write_extension(part);
        out_ += ')';
    }

    void write_extension(const Part& part)
    {
        out_ += ' ';
        if (part.is_multipart()) append_parameters(out_, part.content_type);
        else append_nstring(out_, part.md5);
        out_ += ' ';
        append_disposition(out_, part);
        out_ += ' ';
        append_languages(out_, part.languages);
        out_ += ' ';
        append_nstring(out_, part.location);
    }

    const Structure& structure_;
    bool extended_;
    std::string out_;
};

}  // namespace

void append_imap_string(std::string& out, std::string_view text)
{
    const bool is_safe = text.size() <= kMaxQuoted && std::ranges::none_of(text, [](char c) {
        return c == '\r' || c == '\n' || c == '\0' || ascii::is_eight_bit(c);
    });
    if (!is_safe) {
        out += '{' + std::to_string(text.size()) + "}\r\n";
        for (const char c : text) out += c == '\0' ? ' ' : c;
        return;
    }
    out += '"';
    while (true) {
        const auto is_special = [](char c) { return c == '"' || c == '\\'; };
        const auto run = static_cast<std::size_t>(std::ranges::find_if(text, is_special) - text.begin());
        out += text.substr(0, run);
        if (run == text.size()) break;
        out += '\\';
        out += text[run];
        text.remove_prefix(run + 1);
    }
    out += '"';
}

std::string imap_envelope(const Envelope& envelope)
{
    std::string out = "(";
    append_nstring(out, envelope.date);
    out += ' ';
    append_nstring(out, envelope.subject);
    for (const auto* list : {&envelope.from, &envelope.sender, &envelope.reply_to, &envelope.to, &envelope.cc,
                             &envelope.bcc}) {
        out += ' ';
        append_addresses(out, *list);
    }
    out += ' ';
    append_nstring(out, envelope.in_reply_to);
    out += ' ';
    append_nstring(out, envelope.message_id);
    return out + ')';
}

std::string imap_body(const Structure& structure) { return BodyWriter(structure, false).write(); }

std::string imap_bodystructure(const Structure& structure) { return BodyWriter(structure, true).write(); }

}  // namespace mbx::mail
