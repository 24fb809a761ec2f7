// The load programs of tests/bench in one: fast senders, stubs for their own ceiling, filling and disk rates. Plain TCP
// on loopback only, bounded by --timeout. Run by tests/bench/run.sh; options.hpp lists the options.
#include <csignal>
#include <cstdio>

#include "disk.hpp"
#include "run.hpp"
#include "stubs.hpp"

int main(int argc, char** argv)
{
    mbx::bench::Options options;
    if (!mbx::bench::parse_options(argc, argv, options)) return 2;
    (void)std::signal(SIGPIPE, SIG_IGN);
    if (options.mode == "smtp") return run_smtp(options);
    if (options.mode == "append") return run_append(options);
    if (options.mode == "sink") return run_smtp_sink(options);
    if (options.mode == "stub-imap") return run_imap_stub(options);
    if (options.mode == "fill") return run_fill(options);
    if (options.mode == "disk") return run_disk(options);
    std::fprintf(stderr, "bench_load: unknown mode %s\n", options.mode.c_str());
    return 2;
}
