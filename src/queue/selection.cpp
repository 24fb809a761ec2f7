#include "queue/selection.hpp"

#include "base/ascii.hpp"

namespace mbx::queue {
namespace {

std::string_view domain_part(std::string_view address)
{
    const auto at = address.rfind('@');
    return at == std::string_view::npos ? std::string_view() : address.substr(at + 1);
}

}  // namespace

bool Selection::means_sender(std::string_view reverse_path) const
{
    if (sender.empty()) return true;
    if (sender == "<>") return reverse_path.empty();
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

std::string describe(const Selection& selection)
{
    std::string text = "all mail";
    if (!selection.sender.empty()) text += " from " + selection.sender;
    if (!selection.recipient.empty()) text += " to " + selection.recipient;
    if (!selection.destination.empty()) text += (selection.recipient.empty() ? " to " : " at ") + selection.destination;
    return text;
}

}  // namespace mbx::queue
