// Leaving a message in the drop directory, as any user of the machine. Blocking. Any thread.
#pragma once

#include <string>
#include <string_view>

#include "base/error.hpp"
#include "base/result.hpp"
#include "sendmail/letter.hpp"

namespace mbx::sendmail {

// When it returns without an error, the message is on the disk under its final name: a power cut does not take it away.
Result<void, Error> leave_in(const std::string& directory, const Letter& letter, std::string_view message);

}  // namespace mbx::sendmail
