// DNS as mail needs it: every answer says what was found, whether DNSSEC vouches for it, and why not. Loop thread; a
// look-up suspends and never blocks the loop.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "co/task.hpp"
#include "net/dns_record.hpp"

namespace mbx::net {

enum class DnsOutcome : std::uint8_t {
    found,
    no_data,       // the name exists, without records of this type
    no_such_name,  // NXDOMAIN: the only answer that says "never" (HOSTILE row H1)
    failure,       // SERVFAIL, time-out, nonsense, too many aliases: try again later
    bogus,         // signed, and the signature is wrong: counts as failure everywhere, but is told apart
};

struct DnsAnswer {
    DnsOutcome outcome = DnsOutcome::failure;
    bool is_secure = false;           // validated from the trust anchor on, also for no_data and no_such_name
    std::string canonical_name;       // where CNAMEs led; the name asked for where there are none
    std::vector<std::string> records; // RDATA as on the wire, names in it uncompressed; parse with net/dns_record
    std::chrono::seconds ttl{0};
    std::string why;                  // for failure and bogus: in words, for the trace and `mailboxctl dns lookup`
};

class Resolver {
public:
    virtual ~Resolver() = default;
    // `name` in any case, with or without the final dot, as A-label. A name that cannot be one is no_such_name.
    virtual co::Task<DnsAnswer> look_up(std::string name, DnsType type) = 0;
};

}  // namespace mbx::net
