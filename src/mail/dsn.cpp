#include "mail/dsn.hpp"

#include <algorithm>

#include "base/ascii.hpp"
#include "mail/address.hpp"
#include "mail/atext.hpp"
#include "mail/date.hpp"
#include "mail/dsn_words.hpp"
#include "mail/encoded_word.hpp"
#include "mail/header.hpp"
#include "mail/message_id.hpp"
#include "mail/transfer_encoding.hpp"
#include "mail/utf8.hpp"
#include "mail/xtext.hpp"

namespace mbx::mail {

namespace {

constexpr std::size_t kMostHeader = 32 * 1024;  // of the original that comes back
constexpr std::size_t kLongestLine = 998;       // RFC 5322 section 2.1.1

bool is_beyond_ascii(std::string_view text) { return std::ranges::any_of(text, ascii::is_eight_bit); }

std::string dsn_date(WallTime at)
{
    return format_date(DateTime{std::chrono::duration_cast<std::chrono::seconds>(at.time_since_epoch()).count(), 0});
}

// ASCII for message/delivery-status; what lies beyond becomes "?" there (RFC 3464 section 2.1.1).
std::string status_text(std::string_view text, std::size_t most, bool is_global)
{
    std::string out = tame_text(text, most);
    if (is_global || !is_beyond_ascii(out)) return out;
    std::string ascii_only;
    std::string_view rest = out;
    while (!rest.empty()) {
        const Utf8Character character = first_character(rest);
        ascii_only += character.code < 0x80 ? rest.front() : '?';
        rest.remove_prefix(character.size);
    }
    return ascii_only;
}

// One field, folded at spaces; a word that fills a line by itself is parted.
std::string status_line(std::string_view name, std::string_view value)
{
    constexpr std::size_t kWidth = 76;
    std::string out(name);
    out += ':';
    std::size_t column = out.size();
    while (!value.empty()) {
        const auto space = std::min(value.find(' '), value.size());
        constexpr std::size_t kLongestWord = 700;
        const std::size_t taken = space > kLongestWord ? whole_characters(value, kLongestWord) : space;
        // The first word stays beside the name: a line of nothing but white space is obsolete (RFC 5322 section 3.2.2).
        if (column + 1 + taken > kWidth && column > name.size() + 1) {
            out += "\r\n";
            column = 0;
        }
        out += ' ';
        out += value.substr(0, taken);
        column += 1 + taken;
        value.remove_prefix(taken);
        if (!value.empty() && value.front() == ' ') value.remove_prefix(1);
    }
    return out + "\r\n";
}

class StatusPart {
public:
    StatusPart(const DsnRequest& request, bool is_global) : request_(request), is_global_(is_global) {}

    std::string write()
    {
        write_message();
        for (const DsnRecipient& recipient : request_.recipients) write(recipient);
        return std::move(out_);
    }

private:
    void field(std::string_view name, std::string_view value) { out_ += status_line(name, value); }
    std::string text(std::string_view from, std::size_t most) const { return status_text(from, most, is_global_); }

    // RFC 3464 section 2.2.
    void write_message()
    {
        if (!request_.envelope_id.empty()) field("Original-Envelope-Id", text(request_.envelope_id, kMaxEnvelopeId));
        field("Reporting-MTA", "dns; " + text(request_.hostname, kMaxDomain));
        if (!request_.received_from.empty()) field("Received-From-MTA", "dns; " + text(request_.received_from, kMaxDomain));
        if (request_.arrived) field("Arrival-Date", dsn_date(*request_.arrived));
    }

    // The type and form by RFC 6533 section 3: a global part has the address as it is, the other one 7 bits of it.
    std::string typed(std::string_view type, std::string_view address) const
    {
        std::string tamed = tame_text(address, kMaxPath * 2);
        const bool is_utf8 = is_beyond_ascii(tamed) && (ascii::same(type, "rfc822") || ascii::same(type, "utf-8"));
        if (!is_utf8) return std::string(type) + "; " + status_text(tamed, kMaxPath * 2, is_global_);
        return "utf-8; " + (is_global_ ? tamed : encode_unitext(tamed));
    }

    void write_original(std::string_view original)
    {
        const auto semicolon = original.find(';');
        if (semicolon == std::string_view::npos || semicolon + 1 == original.size()) return;
        const std::string_view type = original.substr(0, semicolon);
        const bool is_atom = std::ranges::all_of(type, [](char c) { return is_atext(c) && !ascii::is_eight_bit(c); });
        constexpr std::size_t kLongestType = 32;
        if (type.empty() || type.size() > kLongestType || !is_atom) return;
        field("Original-Recipient", typed(type, original.substr(semicolon + 1)));
    }

    // RFC 3464 section 2.3.
    void write(const DsnRecipient& recipient)
    {
        out_ += "\r\n";
        write_original(recipient.original);
        field("Final-Recipient", typed("rfc822", recipient.address));
        field("Action", action(recipient.action));
        field("Status", status(recipient));
        if (!recipient.host.empty()) field("Remote-MTA", "dns; " + text(recipient.host, kMaxDomain));
        if (const std::string diagnostic = diagnose(recipient); !diagnostic.empty()) field("Diagnostic-Code", diagnostic);
        if (recipient.last_attempt) field("Last-Attempt-Date", dsn_date(*recipient.last_attempt));
        if (!request_.id.empty()) field("Final-Log-ID", text(request_.id, 100));
        if (recipient.retry_until && recipient.action == DsnAction::delayed)
            field("Will-Retry-Until", dsn_date(*recipient.retry_until));
    }

    std::string diagnose(const DsnRecipient& recipient) const
    {
        constexpr std::size_t kMostDiagnostic = 1024;
        const std::string said = text(recipient.said, kMostDiagnostic);
        if (!recipient.is_remote) return said.empty() ? said : "X-Mailboxd; " + said;
        if (recipient.code == 0) return said.empty() ? said : "smtp; " + said;
        std::string words = "smtp; " + std::to_string(std::min(recipient.code, 999U));
        if (is_status(recipient.status)) words += " " + recipient.status;
        return said.empty() ? words : words + " " + said;
    }

    static std::string_view action(DsnAction action)
    {
        switch (action) {
        case DsnAction::failed: return "failed";
        case DsnAction::delayed: return "delayed";
        case DsnAction::delivered: return "delivered";
        case DsnAction::relayed: return "relayed";
        case DsnAction::expanded: return "expanded";
        }
        return "failed";
    }

    // RFC 3463 section 2: class 2, 4 or 5, subject and detail of up to three digits.
    static bool is_status(std::string_view text)
    {
        if (text.size() < 5 || text[1] != '.' || std::string_view("245").find(text[0]) == std::string_view::npos) return false;
        const auto dot = text.find('.', 2);
        if (dot == std::string_view::npos) return false;
        const auto is_number = [](std::string_view part) {
            return !part.empty() && part.size() <= 3 && std::ranges::all_of(part, ascii::is_digit);
        };
        return is_number(text.substr(2, dot - 2)) && is_number(text.substr(dot + 1));
    }

    static std::string status(const DsnRecipient& recipient)
    {
        const bool has_failed = recipient.action == DsnAction::failed;
        const bool is_delayed = recipient.action == DsnAction::delayed;
        std::string_view fallback = "2.0.0";
        if (has_failed) fallback = "5.0.0";
        if (is_delayed) fallback = "4.0.0";
        if (!is_status(recipient.status)) return std::string(fallback);
        // A failure for want of time keeps the temporary status of its last attempt.
        const bool fits = recipient.status.front() == fallback.front() || (has_failed && recipient.status.front() == '4');
        return fits ? recipient.status : std::string(fallback);
    }

    const DsnRequest& request_;
    bool is_global_;
    std::string out_;
};

struct ReportPart {
    std::string fields;
    std::string body;
    bool eight_bit = false;
};

// Whether the bytes may travel as 7bit or 8bit (RFC 2045 section 2.7, 2.8).
bool has_legal_lines(std::string_view bytes)
{
    std::size_t line = 0;
    for (std::size_t at = 0; at < bytes.size(); ++at) {
        const char c = bytes[at];
        if (c == '\0' || (c == '\n' && (at == 0 || bytes[at - 1] != '\r'))) return false;
        if (c == '\r' && (at + 1 == bytes.size() || bytes[at + 1] != '\n')) return false;
        line = c == '\n' ? 0 : line + 1;
        if (line > kLongestLine + 1) return false;
    }
    return true;
}

// RFC 6522 section 3 and 4, RFC 6533 section 5: the whole message where it was asked for, is small, and can travel as it is.
ReportPart returned_part(const DsnRequest& request, bool is_global)
{
    ReportPart part;
    const bool is_whole = request.original_size == request.original.size();
    const bool has_failed =
        std::ranges::any_of(request.recipients, [](const auto& one) { return one.action == DsnAction::failed; });
    if (request.return_full && has_failed && is_whole && request.original.size() <= request.most_returned && has_legal_lines(request.original)) {
        part.eight_bit = is_beyond_ascii(request.original);
        // A raw header in UTF-8 makes it message/global (RFC 6532 section 3.7).
        part.fields = is_global ? "Content-Type: message/global\r\n" : "Content-Type: message/rfc822\r\n";
        if (part.eight_bit) part.fields += "Content-Transfer-Encoding: 8bit\r\n";
        part.body = request.original;
        return part;
    }
    if (request.return_full && has_failed && is_whole && request.is_only_copy) {
        part.fields = "Content-Type: application/octet-stream; name=\"message.eml\"\r\nContent-Disposition: attachment; "
                      "filename=\"message.eml\"\r\nContent-Transfer-Encoding: base64\r\n";
        part.body = encode_base64_lines(request.original);
        return part;
    }
    HeaderScanner scanner(request.original);
    std::size_t end = 0;
    while (const auto field = scanner.next()) {
        const std::size_t behind = field->offset + field->whole.size();
        if (behind > kMostHeader) break;  // whole fields only
        end = behind;
    }
    const std::string_view header = request.original.substr(0, end);
    part.body = header;
    if (is_global && has_legal_lines(header)) {
        part.fields = "Content-Type: message/global-headers\r\n";
        part.eight_bit = is_beyond_ascii(header);
        if (part.eight_bit) part.fields += "Content-Transfer-Encoding: 8bit\r\n";
        return part;
    }
    part.fields = "Content-Type: text/rfc822-headers\r\n";
    if (!has_legal_lines(header) || is_beyond_ascii(header)) {
        part.fields = "Content-Type: text/rfc822-headers; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n";
        part.body = encode_quoted_printable(header);
    }
    return part;
}

ReportPart human_part(const DsnRequest& request)
{
    ReportPart part;
    part.body = dsn_text(request);
    std::string_view language = "en, ru";
    if (request.languages == DsnLanguages::english) language = "en";
    if (request.languages == DsnLanguages::russian) language = "ru";
    part.fields = "Content-Type: text/plain; charset=utf-8\r\nContent-Language: " + std::string(language) + "\r\n";
    if (is_beyond_ascii(part.body)) {
        part.fields += "Content-Transfer-Encoding: base64\r\n";
        part.body = encode_base64_lines(part.body);
    }
    return part;
}

ReportPart status_part(const DsnRequest& request, bool is_global)
{
    ReportPart part;
    part.body = StatusPart(request, is_global).write();
    part.eight_bit = is_beyond_ascii(part.body);
    part.fields = is_global ? "Content-Type: message/global-delivery-status; charset=utf-8\r\n"
                            : "Content-Type: message/delivery-status\r\n";
    if (part.eight_bit) part.fields += "Content-Transfer-Encoding: 8bit\r\n";
    return part;
}

// Not in what comes back, whoever wrote that.
std::string choose_boundary(const DsnRequest& request)
{
    const std::string stem = "=_" + std::string(std::string_view(request.unique).substr(0, 32));
    std::string boundary = stem;
    for (int at = 1; request.original.find(boundary) != std::string_view::npos && at < 100; ++at)
        boundary = stem + "." + std::to_string(at);
    return boundary;
}

// The original's identifier as it may stand in our fields; empty for none that is plain.
std::string original_message_id(const DsnRequest& request)
{
    const auto field = find_field(request.original, "Message-ID");
    std::string id;
    constexpr std::size_t kLongestId = 900;
    if (!field || field->value.size() > kLongestId) return id;
    visit_message_ids(field->value, [&id](std::string&& found) {
        id = std::move(found);
        return false;
    });
    const bool is_plain =
        std::ranges::all_of(id, [](char c) { return c > ' ' && c < 0x7f && std::string_view("<>\"\\()").find(c) == std::string_view::npos; });
    return is_plain ? id : std::string();
}

std::string report_header(const DsnRequest& request, const std::string& boundary, bool eight_bit)
{
    const std::string host = tame_text(request.hostname, kMaxDomain);
    std::string out;
    out += "Date: " + dsn_date(request.now) + "\r\n";
    out += "From: Mail Delivery System <MAILER-DAEMON@" + host + ">\r\n";
    out += "To: <" + tame_text(request.to, kMaxPath * 2) + ">\r\n";
    out += "Subject: " + encode_words(dsn_subject(request)) + "\r\n";
    out += "Message-ID: <" + request.unique + "@" + host + ">\r\n";
    if (const std::string id = original_message_id(request); !id.empty())
        out += "In-Reply-To: <" + id + ">\r\nReferences: <" + id + ">\r\n";
    out += "Auto-Submitted: auto-replied\r\n";  // RFC 3834 section 5
    out += "MIME-Version: 1.0\r\nContent-Type: multipart/report; report-type=";
    out += "delivery-status;\r\n boundary=\"" + boundary + "\"\r\n";
    if (eight_bit) out += "Content-Transfer-Encoding: 8bit\r\n";
    return out;
}

}  // namespace

Dsn compose_dsn(const DsnRequest& request)
{
    const bool is_global = request.smtputf8;
    const ReportPart parts[] = {human_part(request), status_part(request, is_global), returned_part(request, is_global)};
    Dsn dsn;
    dsn.eight_bit = std::ranges::any_of(parts, &ReportPart::eight_bit);
    const std::string boundary = choose_boundary(request);
    dsn.bytes = report_header(request, boundary, dsn.eight_bit);
    // Its own body may be what needs SMTPUTF8: a part of message/global with such a header (RFC 6533 section 6).
    dsn.smtputf8 = is_beyond_ascii(dsn.bytes) || (is_global && dsn.eight_bit);
    dsn.bytes += "\r\n";
    for (const ReportPart& part : parts) {
        dsn.bytes += "--" + boundary + "\r\n" + part.fields + "\r\n" + part.body;
        dsn.bytes += "\r\n";
    }
    dsn.bytes += "--" + boundary + "--\r\n";
    return dsn;
}

DeliveryStatus parse_delivery_status(std::string_view body)
{
    DeliveryStatus status;
    bool is_first = true;
    while (!body.empty()) {
        StatusFields fields;
        HeaderScanner scanner(body);
        while (const auto field = scanner.next()) {
            if (!field->name.empty()) fields.emplace_back(field->name, unfold(field->value));
        }
        body.remove_prefix(scanner.body_offset());
        if (fields.empty()) continue;  // an empty line more
        if (is_first) status.message = std::move(fields);
        else status.recipients.push_back(std::move(fields));
        is_first = false;
    }
    return status;
}

std::string_view status_field(const StatusFields& fields, std::string_view name)
{
    const auto found = std::ranges::find_if(fields, [name](const auto& field) { return ascii::same(field.first, name); });
    return found == fields.end() ? std::string_view() : std::string_view(found->second);
}

}  // namespace mbx::mail
