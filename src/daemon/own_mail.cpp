#include "daemon/own_mail.hpp"

#include <utility>

#include "smtp/traced_header.hpp"

namespace mbx::daemon {

void add_recipients(const directory::Snapshot& snapshot, const smtp::RecipientDecision& decision, intake::Envelope& envelope)
{
    for (const directory::AccountId id : decision.accounts) {
        const directory::Account* account = snapshot.find(id);
        if (account != nullptr) envelope.recipients.push_back({id.value, account->local_part, account->domain});
    }
    for (const auto& one : decision.outside) {
        queue::Recipient recipient;
        recipient.address = one.address;
        envelope.outgoing.recipients.push_back(std::move(recipient));
    }
}

std::vector<trace::Event> events_of_own_mail(const intake::Receipt& receipt, const intake::Envelope& envelope, std::string why,
                                             std::string_view text)
{
    constexpr std::size_t kHeader = 16 * 1024;  // ours are short
    smtp::TracedHeader header;
    header.feed(text.substr(0, kHeader));
    header.finish();
    const std::size_t recipients = envelope.recipients.size() + envelope.outgoing.recipients.size();
    trace::Event event{receipt.trace_id, trace::EventKind::accepted, receipt.accepted, {}, std::move(why), {}};
    event.facts = {{"reverse_path", envelope.reverse_path},   {"size", std::to_string(receipt.size)},
                   {"recipients", std::to_string(recipients)}, {"subject", header.subject()},
                   {"message_id", header.message_id()}};
    std::vector<trace::Event> events;
    events.push_back(std::move(event));
    for (const queue::Recipient& one : envelope.outgoing.recipients)
        events.push_back({receipt.trace_id, trace::EventKind::queued, receipt.accepted, one.address, {}, {}});
    return events;
}

}  // namespace mbx::daemon
