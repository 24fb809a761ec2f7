// The SMTP server: what its sessions share. One object serves every SMTP port; a net::Listener hands it the streams.
// Loop thread.
#pragma once

#include <cstddef>
#include <memory>
#include <set>

#include "auth/authenticator.hpp"
#include "auth/live_sessions.hpp"
#include "base/clock.hpp"
#include "base/log.hpp"
#include "base/metrics.hpp"
#include "co/task.hpp"
#include "directory/directory.hpp"
#include "intake/intake.hpp"
#include "net/byte_stream.hpp"
#include "net/tls.hpp"
#include "net/workers.hpp"
#include "policy/srs.hpp"
#include "smtp/options.hpp"
#include "smtp/rate_table.hpp"
#include "smtp/recipient.hpp"
#include "trace/recorder.hpp"

namespace mbx::smtp {

// All outlive the server.
struct Dependencies {
    intake::Intake& intake;
    directory::Directory& directory;
    auth::Authenticator& authenticator;
    auth::LiveSessions& live_sessions;
    net::TlsServer& tls;
    Metrics& metrics;
    const Clock& clock;
    Log log;
    const policy::Srs& srs;
    net::Workers& workers;
    trace::Recorder* recorder = nullptr; // may be none
};

class Session;

// The counters of one role.
struct RoleMetrics {
    RoleMetrics(Metrics& metrics, const std::string& labels);
    Counter& connections;
    Gauge& sessions;
    Counter& accepted;
    Counter& accepted_bytes;
    Counter& refused; // messages, at the end of DATA
    Counter& refused_recipients;
    Counter& errors; // other refused commands
    Counter& early_talkers;
};

class Server {
public:
    Server(Dependencies dependencies, Options options);
    ~Server(); // no session may be left
    Server(const Server&) = delete;
    Server& operator=(const Server&) = delete;

    // One connection from greeting to close. With `implicit_tls` (port 465) the handshake comes first. Never throws.
    co::Task<void> serve(std::unique_ptr<net::ByteStream> stream, Role role, bool implicit_tls);

    // For sessions from now on; those under way keep what they began with.
    void set_options(Options options);
    std::shared_ptr<const Options> options() const { return options_; }

    // What a session of this role would decide of a RCPT now.
    RecipientDecision judge(const mail::Mailbox& mailbox, Role role, bool has_null_reverse_path) const;

    // Sessions that wait for a command are told 421 4.3.2 and end; one that receives a message finishes it first.
    // New ones are told the same. Listener::close_sessions() ends what is left.
    void stop();
    std::size_t sessions() const { return sessions_.size(); }

private:
    friend class Session;
    static constexpr std::size_t kRatedAccounts = 100'000;
    static constexpr std::size_t kRatedNetworks = 20'000;
    RoleMetrics& metrics(Role role)
    {
        if (role == Role::local) return local_metrics_;
        return role == Role::submission ? submission_metrics_ : mx_metrics_;
    }

    Dependencies dependencies_;
    std::shared_ptr<const Options> options_;
    RoleMetrics mx_metrics_;
    RoleMetrics submission_metrics_;
    RoleMetrics local_metrics_;
    std::set<Session*> sessions_;
    bool stopping_ = false;
    std::uint64_t binary_bytes_ = 0; // held in memory by all sessions
    RateTable account_messages_{kRatedAccounts};
    RateTable account_recipients_{kRatedAccounts};
    RateTable network_recipients_{kRatedNetworks};
};

} // namespace mbx::smtp
