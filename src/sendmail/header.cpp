#include "sendmail/header.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <set>
#include <utility>

#include "base/ascii.hpp"
#include "mail/address_list.hpp"
#include "mail/encoded_word.hpp"
#include "mail/header.hpp"

namespace mbx::sendmail {

namespace {

// "Subject: …", with white space before the colon too (RFC 5322 section 4.5).
bool is_field(std::string_view line)
{
    const auto colon = line.find(':');
    if (colon == std::string_view::npos) return false;
    std::string_view name = line.substr(0, colon);
    while (!name.empty() && ascii::is_space(name.back())) name.remove_suffix(1);
    return mail::is_field_name(name);
}

bool names_one(std::string_view name, const std::array<std::string_view, 3>& names)
{
    return std::ranges::any_of(names, [&](std::string_view each) { return ascii::same(name, each); });
}

}  // namespace

std::string with_header_end(std::string message)
{
    if (message.starts_with("From ") || message.starts_with(">From ")) message.erase(0, message.find("\r\n") + 2);
    std::size_t at = 0;
    while (at < message.size()) {
        const std::size_t end = std::min(message.find("\r\n", at), message.size());
        const std::string_view line = std::string_view(message).substr(at, end - at);
        if (line.empty()) return message;
        const bool is_continuation = at != 0 && ascii::is_space(line.front());
        if (!is_continuation && !is_field(line)) {
            message.insert(at, "\r\n");
            return message;
        }
        at = std::min(end + 2, message.size());
    }
    return message;
}

std::vector<Address> header_recipients(std::string_view message)
{
    constexpr std::array<std::string_view, 3> kUsual{"To", "Cc", "Bcc"};
    constexpr std::array<std::string_view, 3> kResent{"Resent-To", "Resent-Cc", "Resent-Bcc"};
    const mail::Header header = mail::parse_header(message, {SIZE_MAX, SIZE_MAX});
    const bool is_resent = std::ranges::any_of(header.fields, [&](const auto& field) { return names_one(field.name, kResent); });
    std::vector<Address> found;
    for (const mail::HeaderField& field : header.fields) {
        if (!names_one(field.name, is_resent ? kResent : kUsual) || found.size() > kMostRecipients) continue;
        for (Address& each : addresses_in(field.value)) found.push_back(std::move(each));
    }
    remove_duplicates(found);
    return found;
}

std::string with_from(std::string message, const Address& author, std::string_view full_name)
{
    const mail::Header header = mail::parse_header(message, {SIZE_MAX, SIZE_MAX});
    if (header.find("From") != nullptr) return message;
    mail::HeaderAddress shown;
    shown.name = mail::encode_words(full_name, false);
    shown.local = author.local;
    shown.domain = author.domain;
    return "From: " + mail::format_address_list({shown}) + "\r\n" + std::move(message);
}

void remove_duplicates(std::vector<Address>& addresses)
{
    std::set<std::pair<std::string, std::string>> seen;
    std::erase_if(addresses, [&](const Address& each) {
        return !seen.emplace(each.local, ascii::to_lower(each.domain)).second;
    });
}

}  // namespace mbx::sendmail
