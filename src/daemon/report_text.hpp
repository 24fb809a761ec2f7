// The text of the queue's reports: mail/dsn composes it of what the queue knows. Any thread.
#pragma once

#include <string>

#include "base/random.hpp"
#include "queue/report.hpp"

namespace mbx::daemon {

// `random` outlives what is returned.
queue::ComposeReport report_composer(std::string hostname, Random& random);

}  // namespace mbx::daemon
