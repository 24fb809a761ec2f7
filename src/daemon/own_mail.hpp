// Mail of our own making (reports): whom it reaches, and what the trace is told of it. Loop thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "directory/snapshot.hpp"
#include "intake/intake.hpp"
#include "smtp/recipient.hpp"
#include "trace/recorder.hpp"

namespace mbx::daemon {

// The accounts of a decision, and the addresses elsewhere, as recipients of `envelope`.
void add_recipients(const directory::Snapshot& snapshot, const smtp::RecipientDecision& decision, intake::Envelope& envelope);

// Accepted, and waiting for whoever is elsewhere, as of mail that came in: for intake::Envelope::tell. `why` in words; `text` is
// the message.
std::vector<trace::Event> events_of_own_mail(const intake::Receipt& receipt, const intake::Envelope& envelope, std::string why,
                                             std::string_view text);

}  // namespace mbx::daemon
