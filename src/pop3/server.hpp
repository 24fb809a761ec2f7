// The POP3 service (RFC 1939): one coroutine for each connection. Loop thread. docs/pop3.md lists what is offered and
// where we deviate.
#pragma once

#include <memory>
#include <set>

#include "auth/authenticator.hpp"
#include "auth/live_sessions.hpp"
#include "base/clock.hpp"
#include "base/log.hpp"
#include "base/metrics.hpp"
#include "directory/directory.hpp"
#include "net/byte_stream.hpp"
#include "net/tls.hpp"
#include "pop3/maildrop_locks.hpp"
#include "pop3/options.hpp"
#include "store/store.hpp"

namespace mbx::pop3 {

// What the service works with; all of it outlives the server and its sessions.
struct Services {
    store::Store& store;
    directory::Directory& directory;
    auth::Authenticator& authenticator;
    auth::LiveSessions& live_sessions;
    net::TlsServer& tls;
    const Clock& clock;
    Metrics& metrics;
    Log log;
};

struct Pop3Metrics {
    explicit Pop3Metrics(Metrics& registry);
    Gauge& sessions;
    Counter& commands;
    Counter& bad_commands;
    Counter& retrieved;
    Counter& retrieved_bytes;
    Counter& deleted;
    Counter& failures;
};

class Session;

class Server {
public:
    Server(Services services, Options options);

    // One session, to be given to a net::Listener; the server outlives it. With `implicit_tls` the handshake comes
    // first (RFC 8314 section 3.2). Ends when the client leaves, a deadline passes, or the stream is closed.
    co::Task<void> serve(std::unique_ptr<net::ByteStream> stream, bool implicit_tls);

    // For sessions that begin from now on.
    void set_options(Options options);

    // Sessions that wait for a command end without a word, deleting nothing; the others finish their command first.
    // Listener::close_sessions() ends what is left.
    void stop();

private:
    Services services_;
    std::shared_ptr<const Options> options_;
    Pop3Metrics metrics_;
    MaildropLocks locks_;
    std::set<Session*> sessions_;
    bool stopping_ = false;
};

}  // namespace mbx::pop3
