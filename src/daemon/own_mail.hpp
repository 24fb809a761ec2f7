// Mail of our own making (reports): whom it reaches. Pure; loop thread.
#pragma once

#include "directory/snapshot.hpp"
#include "intake/intake.hpp"
#include "smtp/recipient.hpp"

namespace mbx::daemon {

// The accounts of a decision, and the addresses elsewhere, as recipients of `envelope`.
void add_recipients(const directory::Snapshot& snapshot, const smtp::RecipientDecision& decision, intake::Envelope& envelope);

}  // namespace mbx::daemon
