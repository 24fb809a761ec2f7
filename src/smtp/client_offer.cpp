#include "smtp/client_offer.hpp"

#include <algorithm>

#include "base/ascii.hpp"

namespace mbx::smtp {

namespace {

constexpr std::size_t kMostMechanisms = 50;

std::string_view take_offer_word(std::string_view& text)
{
    text = ascii::trim(text);
    const std::size_t end = std::min(text.find_first_of(" \t"), text.size());
    const std::string_view word = text.substr(0, end);
    text.remove_prefix(end);
    return word;
}

void take_mechanisms(std::string_view words, PeerOffer& offer)
{
    while (offer.mechanisms.size() < kMostMechanisms) {
        const std::string_view word = take_offer_word(words);
        if (word.empty()) return;
        if (!offer.has_mechanism(word)) offer.mechanisms.push_back(ascii::to_upper(word));
    }
}

// RFC 9422: "RCPTMAX=100 MAILMAX=20", a number of one to six digits without a zero in front. What is unknown or no such
// number is passed over.
void take_limits(std::string_view words, PeerOffer& offer)
{
    constexpr std::size_t kMostDigits = 6;
    for (std::string_view word = take_offer_word(words); !word.empty(); word = take_offer_word(words)) {
        const auto equals = std::min(word.find('='), word.size());
        const std::string_view digits = word.substr(std::min(equals + 1, word.size()));
        const auto number = digits.starts_with('0') || digits.size() > kMostDigits ? std::nullopt : ascii::parse_number(digits);
        if (!number) continue;
        const auto limit = static_cast<std::uint32_t>(*number);
        const std::string_view name = word.substr(0, equals);
        if (ascii::same(name, "MAILMAX")) offer.mail_max = limit;
        else if (ascii::same(name, "RCPTMAX")) offer.rcpt_max = limit;
        else if (ascii::same(name, "RCPTDOMAINMAX")) offer.rcpt_domain_max = limit;
    }
}

void take_keyword(std::string_view line, PeerOffer& offer)
{
    std::string_view rest = line;
    const std::string_view word = take_offer_word(rest);
    if (ascii::same(word, "PIPELINING")) offer.pipelining = true;
    else if (ascii::same(word, "CHUNKING")) offer.chunking = true;
    else if (ascii::same(word, "BINARYMIME")) offer.binary_mime = true;
    else if (ascii::same(word, "8BITMIME")) offer.eight_bit_mime = true;
    else if (ascii::same(word, "SMTPUTF8")) offer.smtputf8 = true;
    else if (ascii::same(word, "DSN")) offer.dsn = true;
    else if (ascii::same(word, "STARTTLS")) offer.start_tls = true;
    else if (ascii::same(word, "REQUIRETLS")) offer.require_tls = true;
    else if (ascii::same(word, "LIMITS")) take_limits(rest, offer);
    else if (ascii::same(word, "AUTH")) take_mechanisms(rest, offer);
    else if (ascii::starts_with(word, "AUTH=")) {
        take_mechanisms(word.substr(5), offer);
        take_mechanisms(rest, offer);
    } else if (ascii::same(word, "SIZE")) {
        offer.size = true;
        // A number that is none, or that is 0, sets no limit (RFC 1870 section 4).
        offer.max_size = ascii::parse_number(take_offer_word(rest)).value_or(0);
    }
}

}  // namespace

bool PeerOffer::has_mechanism(std::string_view name) const
{
    return std::ranges::any_of(mechanisms, [name](const std::string& each) { return ascii::same(each, name); });
}

PeerOffer parse_offer(const RemoteReply& reply)
{
    PeerOffer offer;
    offer.is_extended = true;
    for (std::size_t i = 1; i < reply.lines.size(); ++i) take_keyword(reply.lines[i], offer);
    offer.binary_mime = offer.binary_mime && offer.chunking;
    offer.smtputf8 = offer.smtputf8 && offer.eight_bit_mime;
    return offer;
}

}  // namespace mbx::smtp
