// What needs no server: filling a Maildir, and what the disk itself can do.
#pragma once
#include "options.hpp"

namespace mbx::bench {

// Writes --messages files of --size bytes into the cur/ of --folder, with all three directories. "ours": CRLF and names
// as the daemon gives them, UIDs from 1; "other": LF and names as Dovecot gives them. Prints count and rate.
int run_fill(const Options& options);

// Durable writes in --folder: appended pieces of --size bytes, each followed by an fdatasync, for --seconds.
int run_disk(const Options& options);

} // namespace mbx::bench
