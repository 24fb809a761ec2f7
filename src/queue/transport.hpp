// What brings messages to other servers, as the queue sees it; smtp/outbound is one. Loop thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "co/task.hpp"
#include "queue/envelope.hpp"

namespace mbx::queue {

// What became of one recipient, or of the attempt to reach a host at all.
struct Answer {
    enum class Verdict : std::uint8_t {
        delivered,  // the remote answered 2xx to the final dot: it is theirs
        temporary,  // try again later
        permanent,  // a DSN is due
    };
    Verdict verdict = Verdict::temporary;
    unsigned code = 0;         // of the remote's reply; 0: it never came to one
    std::string enhanced;      // "4.7.1", the remote's, or ours where it gave none (RFC 3463)
    std::string text;          // the remote's words, all lines, at most 2 KiB, printable UTF-8; or what happened, in ours
    bool is_remote = false;    // the text is the remote's
    std::string host;          // the MX that was asked, empty where none was reached
    std::string address;       // its address and port
    std::string tls;           // "TLSv1.3, DANE", "TLSv1.2, unverified", empty: in clear or not come so far
    std::string tls_failure;   // an attempt with TLS that failed at this host just before: "TLS failed (…), tried again in clear"
    WallTime at{};
    // Where it was lost after the final dot: it may be there already (RFC 1047). Told in the trace.
    bool is_uncertain = false;
    // With `delivered`: the remote offers DSN (RFC 3461) and was told NOTIFY, so that a report of success is its business.
    bool passed_dsn = false;
};

// Where to: the next hop that messages share. Two messages with equal destinations may use one connection.
struct Destination {
    std::string domain;        // lower case A-label, or an address literal; of the recipients
    std::string route;         // what an administrator set for it ("host:port", a smart host's name); empty: by MX
    bool require_tls = false;  // REQUIRETLS messages travel on connections of their own
    bool ignores_tls_policy = false;  // so do reports about TLS
    auto operator<=>(const Destination&) const = default;
};

// What a recipient (an index into the envelope's) was told while others of the message are still to be asked for.
struct ToldAnswer {
    std::size_t recipient = 0;
    Answer answer;
};

// A message for one destination: a part of the envelope's recipients.
struct Outgoing {
    std::string id;                      // trace id
    const Envelope* envelope = nullptr;  // reverse-path and parameters; its recipients are those of all destinations
    std::vector<std::size_t> recipients; // indexes into envelope->recipients, for this destination
    std::uint64_t size = 0;
    // The bytes in wire form: in memory, or in a file from the given offset on. One of the two.
    std::shared_ptr<const std::string> bytes;
    std::string path;
    // Where it takes several transactions: gets what one came to before the next begins, and the last one's not at all. False:
    // nothing more of the message is to be sent. May be empty.
    std::function<co::Task<bool>(std::vector<ToldAnswer>)> tell;
};

// One conversation with one host. Used by one coroutine.
class Conversation {
public:
    virtual ~Conversation() = default;
    // Sends one message; one answer for each of outgoing.recipients, in their order. Never throws, never fails as a
    // whole: what prevented it is each recipient's answer. What `outgoing.tell` got is among them again. `outgoing` stays valid until it returns.
    virtual co::Task<std::vector<Answer>> deliver(const Outgoing& outgoing) = 0;
    // Whether another message may follow (the peer is there, has not said 421, the limits allow it).
    virtual bool is_usable() const = 0;
    // QUIT, and close. At its end nothing is left of the connection.
    virtual co::Task<void> end() = 0;
    // From the queue's stop(): what waits ends with temporary answers soon.
    virtual void interrupt() = 0;
};

class Transport {
public:
    virtual ~Transport() = default;
    // The destination of a recipient's address; none of it is looked up.
    virtual Destination destination_of(const Envelope& envelope, const Recipient& recipient) const = 0;
    // Finds the hosts of a destination and talks to the first that answers: ready for MAIL. The error is an Answer for
    // all recipients of it: temporary (no host could be reached), or permanent (null MX, no such domain).
    virtual co::Task<Result<std::unique_ptr<Conversation>, Answer>> open(Destination destination) = 0;
    // From the queue's stop(): what open() waits for ends soon, with a temporary answer, now and later.
    virtual void interrupt() {}
};

}  // namespace mbx::queue
