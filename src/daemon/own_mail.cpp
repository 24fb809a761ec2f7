#include "daemon/own_mail.hpp"

#include <utility>

#include "smtp/forwarding.hpp"
#include "smtp/traced_header.hpp"

namespace mbx::daemon {

void add_recipients(const directory::Snapshot& snapshot, const smtp::RecipientDecision& decision, const policy::Srs& srs,
                    intake::Envelope& envelope)
{
    for (const directory::AccountId id : decision.accounts) {
        const directory::Account* account = snapshot.find(id);
        if (account != nullptr) envelope.recipients.push_back({id.value, account->local_part, account->domain});
    }
    std::vector<smtp::OutsideRecipient> outside = decision.outside;
    smtp::part_ways(outside, false);
    for (const auto& one : outside) {
        queue::Recipient recipient;
        recipient.address = one.address;
        if (envelope.further.size() < one.way) envelope.further.resize(one.way);
        queue::Envelope& copy = one.way == 0 ? envelope.outgoing : envelope.further[one.way - 1];
        copy.recipients.push_back(std::move(recipient));
    }
    for (std::size_t n = 0; n < envelope.further.size(); ++n) envelope.further[n].fields = smtp::make_forward_marks(srs, outside, n + 1);
    // Nobody else has it: it needs no message beside it.
    const bool is_led = envelope.recipients.empty() && envelope.outgoing.recipients.empty() && !envelope.further.empty();
    if (!is_led) return;
    envelope.outgoing = std::move(envelope.further.front());
    envelope.further.erase(envelope.further.begin());
}

void for_each_outgoing(intake::Envelope& envelope, const std::function<void(queue::Envelope&)>& act)
{
    act(envelope.outgoing);
    for (queue::Envelope& each : envelope.further) act(each);
}

std::vector<trace::Event> events_of_own_mail(const intake::Receipt& receipt, const intake::Envelope& envelope, std::string why,
                                             std::string_view text)
{
    constexpr std::size_t kHeader = 16 * 1024;  // ours are short
    smtp::TracedHeader header;
    header.feed(text.substr(0, kHeader));
    header.finish();
    std::vector<trace::Event> events;
    const auto tell = [&](const std::string& id, std::string words, std::size_t recipients) {
        trace::Event event{id, trace::EventKind::accepted, receipt.accepted, {}, std::move(words), {}};
        event.facts = {{"reverse_path", envelope.reverse_path},   {"size", std::to_string(receipt.size)},
                       {"recipients", std::to_string(recipients)}, {"subject", header.subject()},
                       {"message_id", header.message_id()}};
        events.push_back(std::move(event));
    };
    const auto tell_queued = [&](const std::string& id, const std::string& address) {
        events.push_back({id, trace::EventKind::queued, receipt.accepted, address, {}, {}});
    };
    tell(receipt.trace_id, std::move(why), envelope.recipients.size() + envelope.outgoing.recipients.size());
    for (const queue::Recipient& one : envelope.outgoing.recipients) tell_queued(receipt.trace_id, one.address);
    for (const intake::Receipt::Further& way : receipt.further) {
        tell(way.id, "what an account forwards of our own message " + receipt.trace_id, way.recipients.size());
        for (const std::string& address : way.recipients) tell_queued(way.id, address);
    }
    return events;
}

}  // namespace mbx::daemon
