// Mail of our own making (reports): whom it reaches, and what the trace is told of it. Loop thread.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "directory/snapshot.hpp"
#include "intake/intake.hpp"
#include "policy/srs.hpp"
#include "smtp/recipient.hpp"
#include "trace/recorder.hpp"

namespace mbx::daemon {

// The accounts of a decision, and the addresses elsewhere, as recipients of `envelope`: what an account forwards of it as a message
// of its own, with the account's mark.
void add_recipients(const directory::Snapshot& snapshot, const smtp::RecipientDecision& decision, const policy::Srs& srs,
                    intake::Envelope& envelope);

// What leaves, in all its messages.
void for_each_outgoing(intake::Envelope& envelope, const std::function<void(queue::Envelope&)>& act);

// Accepted, and waiting for whoever is elsewhere, as of mail that came in: for intake::Envelope::tell. `why` in words; `text` is
// the message.
std::vector<trace::Event> events_of_own_mail(const intake::Receipt& receipt, const intake::Envelope& envelope, std::string why,
                                             std::string_view text);

}  // namespace mbx::daemon
