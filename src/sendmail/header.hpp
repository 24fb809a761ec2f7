// The header of a message as a program wrote it: made one where it is none, asked for its recipients (-t), completed with a
// From. What else is missing or too much (Date, Message-ID, Bcc, domains) is the daemon's to mend, for all ways the same.
// Pure; linear; total. Any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "sendmail/letter.hpp"

namespace mbx::sendmail {

// In wire form: a first line of an mbox file ("From ann Sat …") goes, and where a line that is no field follows on fields, or
// begins the message, an empty line is put before it.
std::string with_header_end(std::string message);

// Whom the header names (RFC 5322 section 3.6.3): To, Cc, Bcc; with any Resent-To, Resent-Cc or Resent-Bcc those instead
// (section 3.6.6). Without duplicates; at most kMostRecipients + 1.
std::vector<Address> header_recipients(std::string_view message);

// With a From in front where there is none: `author`, and the name in UTF-8, encoded where it has to be.
std::string with_from(std::string message, const Address& author, std::string_view full_name);

// Drops the second of two that are the same.
void remove_duplicates(std::vector<Address>& addresses);

}  // namespace mbx::sendmail
