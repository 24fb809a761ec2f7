#include "pop3/surrogate.hpp"

#include <algorithm>
#include <array>
#include <span>

#include "base/ascii.hpp"
#include "mail/address_list.hpp"
#include "mail/encoded_word.hpp"
#include "mail/header.hpp"

namespace mbx::pop3 {

namespace {

constexpr std::string_view kRemovedLocal = "non-ascii-address";
constexpr std::string_view kRemovedDomain = "removed.invalid";

bool is_ascii(std::string_view text) { return std::ranges::none_of(text, ascii::is_eight_bit); }

bool is_one_of(std::string_view name, std::span<const std::string_view> names)
{
    return std::ranges::any_of(names, [name](std::string_view one) { return ascii::same(one, name); });
}

bool holds_addresses(std::string_view name)
{
    static constexpr std::array<std::string_view, 14> kNames{
        "From", "Sender", "Reply-To", "To", "Cc", "Bcc", "Resent-From", "Resent-Sender", "Resent-Reply-To", "Resent-To",
        "Resent-Cc", "Resent-Bcc", "Disposition-Notification-To", "Mail-Followup-To"};
    return is_one_of(name, kNames);
}

// Fields in which an encoded word has no place.
bool is_structured(std::string_view name)
{
    static constexpr std::array<std::string_view, 16> kNames{
        "Received", "Return-Path", "Delivered-To", "Message-ID", "Resent-Message-ID", "In-Reply-To", "References", "Date",
        "Resent-Date", "MIME-Version", "DKIM-Signature", "Authentication-Results", "ARC-Seal", "ARC-Message-Signature",
        "ARC-Authentication-Results", "Received-SPF"};
    return ascii::starts_with(name, "Content-") || is_one_of(name, kNames);
}

std::string underscored(std::string_view text)
{
    std::string out;
    for (const char c : text) {
        const bool goes_on = (static_cast<unsigned char>(c) & 0xc0U) == 0x80U;
        if (!ascii::is_eight_bit(c)) out += c;
        else if (!goes_on) out += '_';
    }
    return out;
}

std::string address_text(mail::HeaderAddress address)
{
    if (!is_ascii(address.local) || !is_ascii(address.domain) || !is_ascii(address.route)) {
        if (address.name.empty()) address.name = address.local + "@" + address.domain;
        address.route.clear();
        address.local = kRemovedLocal;
        address.domain = kRemovedDomain;
    }
    if (!is_ascii(address.name)) address.name = mail::encode_words(mail::decode_encoded_words(address.name), false);
    return mail::format_address_list({std::move(address)});
}

// Groups become the list of those in them.
std::string addresses_text(std::string_view value)
{
    std::string out;
    for (auto& address : mail::parse_address_list(value)) {
        if (address.kind != mail::HeaderAddress::Kind::mailbox) continue;
        if (!out.empty()) out += ",\r\n ";
        out += address_text(std::move(address));
    }
    return out;
}

void add_field(std::string& out, const mail::HeaderField& field)
{
    if (is_ascii(field.whole)) {
        out += field.whole;
    } else if (field.name.empty() || is_structured(field.name)) {
        out += underscored(field.whole);
    } else {
        const bool is_list = holds_addresses(field.name);
        out += std::string(field.name) + ": ";
        // Words that are encoded already are not encoded a second time.
        out += is_list ? addresses_text(field.value) : mail::encode_words(mail::decode_encoded_words(field.value));
        out += "\r\n";
    }
}

}  // namespace

std::optional<std::string> surrogate_header(std::string_view header)
{
    if (is_ascii(header) || !ascii::is_utf8(header)) return std::nullopt;
    std::string out;
    std::size_t done = 0;
    mail::HeaderScanner scanner(header);
    while (const auto field = scanner.next()) {
        add_field(out, *field);
        done = field->offset + field->whole.size();
    }
    // The empty line, and what is beyond the scanner's limits.
    out += underscored(header.substr(done));
    return out;
}

}  // namespace mbx::pop3
