#include "queue/selection.hpp"

#include "base/ascii.hpp"
#include "base/legible.hpp"
#include "mail/address.hpp"

namespace mbx::queue {
namespace {

std::string_view domain_part(std::string_view address)
{
    const auto at = address.rfind('@');
    return at == std::string_view::npos ? std::string_view() : address.substr(at + 1);
}

bool is_sender(std::string_view text)
{
    if (text == "<>") return true;
    if (text.starts_with('@')) return mail::normalise_domain(text.substr(1)).has_value();
    return static_cast<bool>(mail::parse_mailbox(text));
}

std::string shown(const std::string& text)
{
    constexpr std::size_t kMostShown = 320;
    return ascii::legible(text, kMostShown);
}

}  // namespace

bool Selection::means_sender(std::string_view reverse_path) const
{
    if (sender.empty()) return true;
    if (sender == "<>") return reverse_path.empty();
    if (reverse_path.empty()) return false;
    if (sender.front() == '@') return ascii::same(domain_part(reverse_path), std::string_view(sender).substr(1));
    return ascii::same(reverse_path, sender);
}

bool Selection::means_recipient(std::string_view address) const
{
    const bool is_there = destination.empty() || ascii::same(domain_part(address), destination);
    return is_there && (recipient.empty() || ascii::same(address, recipient));
}

bool Selection::is_same(const Selection& other) const
{
    return is_all == other.is_all && ascii::same(destination, other.destination) && ascii::same(sender, other.sender) &&
           ascii::same(recipient, other.recipient);
}

void drop_final_dots(Selection& selection)
{
    const auto drop = [](std::string& domain) {
        if (domain.size() > 1 && domain.ends_with('.')) domain.pop_back();
    };
    drop(selection.destination);
    if (selection.sender.starts_with('@')) drop(selection.sender);
}

std::string fault_of(const Selection& selection)
{
    if (!selection.sender.empty() && !is_sender(selection.sender))
        return "the sender " + shown(selection.sender) + " is neither an address, @domain nor <>";
    if (!selection.recipient.empty() && !mail::parse_mailbox(selection.recipient))
        return "the recipient " + shown(selection.recipient) + " is no address";
    if (!selection.destination.empty() && !mail::normalise_domain(selection.destination))
        return "the destination " + shown(selection.destination) + " is no domain";
    return {};
}

std::string describe(const Selection& selection)
{
    std::string text = "all mail";
    if (!selection.sender.empty()) text += " from " + selection.sender;
    if (!selection.recipient.empty()) text += " to " + selection.recipient;
    if (!selection.destination.empty()) text += (selection.recipient.empty() ? " to " : " at ") + selection.destination;
    return text;
}

}  // namespace mbx::queue
