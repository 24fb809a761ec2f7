// The other ends for the client's own ceiling: an SMTP and an IMAP server that take everything and keep nothing.
// They print "port N" and end with their standard input.
#pragma once
#include "options.hpp"

namespace mbx::bench {

int run_smtp_sink(const Options& options);
int run_imap_stub(const Options& options);

} // namespace mbx::bench
