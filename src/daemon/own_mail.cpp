#include "daemon/own_mail.hpp"

#include <utility>

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

}  // namespace mbx::daemon
