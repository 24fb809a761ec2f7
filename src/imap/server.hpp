// The IMAP service (RFC 9051, RFC 3501): one coroutine for each connection. Loop thread. docs/imap.md lists what is
// offered and where we deviate.
#pragma once

#include <memory>
#include <set>

#include "auth/authenticator.hpp"
#include "auth/live_sessions.hpp"
#include "base/clock.hpp"
#include "base/log.hpp"
#include "base/metrics.hpp"
#include "directory/directory.hpp"
#include "imap/kept_keys.hpp"
#include "imap/metadata_feed.hpp"
#include "imap/options.hpp"
#include "imap/quota.hpp"
#include "intake/intake.hpp"
#include "net/byte_stream.hpp"
#include "net/tls.hpp"
#include "store/store.hpp"

namespace mbx::imap {

// What the service works with; all of it outlives the server and its sessions.
struct Services {
    store::Store& store;
    intake::Intake& intake;
    directory::Directory& directory;
    auth::Authenticator& authenticator;
    auth::LiveSessions& live_sessions;
    net::TlsServer& tls;
    const Clock& clock;
    Metrics& metrics;
    Log log;
};

struct ImapMetrics {
    explicit ImapMetrics(Metrics& registry);
    Gauge& sessions;
    Counter& commands;
    Counter& bad_commands;
    Counter& fetched_bytes;
    Counter& failures;
    bool all_watched = true;  // until a mailbox could not be: told in the log once
};

class Session;

class Server {
public:
    Server(Services services, Options options);

    // One session, to be given to a net::Listener; the server outlives it. With `implicit_tls` the handshake comes
    // first (RFC 8314). Ends when the client leaves, a deadline passes, or the stream is closed.
    co::Task<void> serve(std::unique_ptr<net::ByteStream> stream, bool implicit_tls);

    // For sessions that begin from now on.
    void set_options(Options options);

    // Sessions that wait for a command are told BYE and end; the others finish their command first. New ones are told
    // the same. Listener::close_sessions() ends what is left.
    void stop();

private:
    Services services_;
    std::shared_ptr<const Options> options_;
    ImapMetrics metrics_;
    QuotaAlerts alerts_;
    MetadataFeed metadata_feed_;
    KeptKeys kept_keys_;
    std::set<Session*> sessions_;
    bool stopping_ = false;
};

}  // namespace mbx::imap
