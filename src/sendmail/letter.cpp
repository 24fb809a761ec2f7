#include "sendmail/letter.hpp"

#include <algorithm>
#include <array>

#include "base/ascii.hpp"
#include "base/legible.hpp"
#include "mail/address_list.hpp"
#include "mail/atext.hpp"
#include "mail/xtext.hpp"
#include "sendmail/list_element.hpp"

namespace mbx::sendmail {
namespace {

// The list is read as a person's would be; what a program calls us with has no reader who would notice the guess. A local
// part that would have to be quoted was quoted, and behind an @ there is a domain.
bool is_guessed(std::string_view list, const mail::HeaderAddress& address)
{
    const auto is_plain = [](char c) { return c == '.' || mail::is_atext(c); };
    if (!std::ranges::all_of(address.local, is_plain) && list.find('"') == std::string_view::npos) return true;
    if (!address.domain.empty()) return false;
    for (const std::string& cut : {address.local + "@", mail::format_mailbox({address.local, ""}) + "@"}) {
        for (std::size_t at = list.find(cut); at != std::string_view::npos; at = list.find(cut, at + 1)) {
            const std::size_t end = at + cut.size();
            if (end == list.size() || std::string_view(" \t,;>").find(list[end]) != std::string_view::npos) return true;
        }
    }
    return false;
}

}  // namespace

std::string shown(const Address& address)
{
    // Guessed: as it was written.
    return ascii::legible(address.is_guessed ? address.local : mail::format_mailbox({address.local, address.domain}));
}

std::optional<mail::Mailbox> qualified(const Address& address, std::string_view host)
{
    if (address.is_guessed) return std::nullopt;
    const auto domain = mail::normalise_domain(address.domain.empty() ? host : std::string_view(address.domain));
    if (!domain || address.local.empty()) return std::nullopt;
    mail::Mailbox mailbox;
    mailbox.local_part = address.local;
    mailbox.domain = *domain;
    // Written and read again, so that nothing but the grammar leaves: no line end, no control byte.
    const auto parsed = mail::parse_mailbox(mail::format_mailbox(mailbox));
    if (!parsed) return std::nullopt;
    return *parsed;
}

std::vector<Address> addresses_in(std::string_view list)
{
    std::vector<Address> found;
    for (const ListElement& element : split_list(list, kMostRecipients + 1)) {
        if (!element.is_whole) {
            found.push_back({std::string(element.text), "", true});
            continue;
        }
        const std::size_t before = found.size();
        const std::string text = element.has_route ? "<" + std::string(element.text) + ">" : std::string(element.text);
        for (mail::HeaderAddress& each : mail::parse_address_list(text, kMostRecipients + 1)) {
            if (each.kind != mail::HeaderAddress::Kind::mailbox) continue;
            if (each.local.empty() && each.domain.empty()) continue;
            if (is_guessed(text, each)) found.push_back({std::string(element.text), "", true});
            else found.push_back({std::move(each.local), std::move(each.domain)});
        }
        // A route to nobody.
        if (element.has_route && found.size() == before) found.push_back({std::string(element.text), "", true});
    }
    return found;
}

std::optional<std::string> parse_notify(std::string_view text)
{
    std::string out;
    constexpr std::array<std::string_view, 3> kWords{"SUCCESS", "FAILURE", "DELAY"};
    if (ascii::same(text, "never")) return "NEVER";
    while (true) {
        const std::size_t comma = std::min(text.find(','), text.size());
        const std::string word = ascii::to_upper(ascii::trim(text.substr(0, comma)));
        const bool is_known = std::ranges::count(kWords, std::string_view(word)) != 0;
        if (!is_known || ("," + out + ",").find("," + word + ",") != std::string::npos) return std::nullopt;
        out += (out.empty() ? "" : ",") + word;
        if (comma == text.size()) return out;
        text.remove_prefix(comma + 1);
    }
}

std::optional<std::string> parse_ret(std::string_view text)
{
    std::string word = ascii::to_upper(text);
    if (word != "FULL" && word != "HDRS") return std::nullopt;
    return word;
}

bool is_envelope_id(std::string_view text)
{
    // Section 4.4 of RFC 3461: what it stands for is printable, and its xtext has 100 octets at most.
    const auto odd = [](char c) { return ascii::is_control(c) || ascii::is_eight_bit(c); };
    return !text.empty() && std::ranges::none_of(text, odd) && mail::encode_xtext(text).size() <= mail::kMaxEnvelopeId;
}

std::optional<std::string> mail_command(const Letter& letter, std::string_view host, std::uint64_t size)
{
    mail::ReversePath path;
    if (letter.sender) {
        const auto sender = qualified(*letter.sender, host);
        if (!sender) return std::nullopt;
        path = *sender;
    }
    const bool needs_utf8 = (path && path->needs_utf8) || std::ranges::any_of(letter.recipients, [&](const Address& each) {
        const auto mailbox = qualified(each, host);
        return mailbox && mailbox->needs_utf8;
    });
    std::string line = "MAIL FROM:" + mail::format_path(path) + " BODY=8BITMIME SIZE=" + std::to_string(size);
    if (needs_utf8) line += " SMTPUTF8";
    if (!letter.ret.empty()) line += " RET=" + letter.ret;
    if (!letter.envelope_id.empty()) line += " ENVID=" + mail::encode_xtext(letter.envelope_id);
    return line + "\r\n";
}

std::optional<std::string> rcpt_command(const Letter& letter, const Address& recipient, std::string_view host)
{
    const auto mailbox = qualified(recipient, host);
    if (!mailbox) return std::nullopt;
    std::string line = "RCPT TO:" + mail::format_path(*mailbox);
    if (!letter.notify.empty()) line += " NOTIFY=" + letter.notify;
    return line + "\r\n";
}

}  // namespace mbx::sendmail
