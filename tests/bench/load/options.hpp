// What `bench_load` was asked for. Every mode takes what it needs and ignores the rest.
#pragma once
#include <cstdint>
#include <string>

namespace mbx::bench {

struct Options {
    std::string mode;
    std::string host = "127.0.0.1";
    std::uint16_t port = 0;
    unsigned sessions = 10;
    std::uint64_t messages = 1000;
    std::uint64_t size = 5120;                     // bytes of one message, as it travels
    std::string address = "user%04u@example.test"; // recipients, log-in names: one %u for the number
    unsigned users = 20;                           // numbers first … first + users - 1, in turn
    unsigned first = 1;
    std::string password;          // from the environment, MAILBOXD_BENCH_PASSWORD
    std::string mailbox = "bench"; // append: made before the clock starts
    std::string tag = "run";       // tells the Message-IDs of two runs apart
    unsigned timeout_s = 300;
    bool pipeline = false;     // smtp: MAIL, RCPT and DATA in one piece
    bool until_eof = false;    // stop issuing when standard input ends
    std::string folder;        // fill: a Maildir; disk: where to write
    std::string form = "ours"; // fill: names and line ends of "ours" or of "other" servers
    int owner = -1;            // fill: user and group id of the files
    unsigned seconds = 2;      // disk: how long each measure lasts
};

// Prints what is wrong on standard error and returns false.
bool parse_options(int argc, char** argv, Options& into);

// `address` with its %u or %04u replaced by the number.
std::string address_of(const Options& options, std::uint64_t number);

} // namespace mbx::bench
