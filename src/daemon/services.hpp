// Everything that serves, built in the order in which the parts need each other and gone in the reverse. Made as the
// daemon's own user, after the sockets are bound. Loop thread; building it blocks (opens the directory, reads keys).
#pragma once

#include <functional>
#include <memory>

#include "admin/administration.hpp"
#include "auth/authenticator.hpp"
#include "auth/live_sessions.hpp"
#include "base/file_system.hpp"
#include "base/metrics.hpp"
#include "config/load.hpp"
#include "daemon/drop_pickup.hpp"
#include "daemon/listeners.hpp"
#include "daemon/mail_out.hpp"
#include "daemon/outgoing_queue.hpp"
#include "daemon/tls_reporting.hpp"
#include "directory/directory.hpp"
#include "http/server.hpp"
#include "imap/server.hpp"
#include "intake/intake.hpp"
#include "net/loop.hpp"
#include "net/tls.hpp"
#include "net/workers.hpp"
#include "policy/srs.hpp"
#include "pop3/server.hpp"
#include "smtp/server.hpp"
#include "store/background_fill.hpp"
#include "store/expiry.hpp"
#include "store/store.hpp"
#include "trace/trace.hpp"

namespace mbx::daemon {

class Services {
public:
    // What outlives the services.
    struct Ground {
        net::Loop& loop;
        net::Workers& workers;
        FileSystem& files;
        const Clock& clock;
        Random& random;
        Metrics& metrics;
        const Log& log;
        // The disk under the mail cannot be relied upon any more: the process is to end and to be started anew. Loop.
        std::function<void()> failed;
    };

    static Result<std::unique_ptr<Services>, Error> open(Ground ground, const config::Settings& settings,
                                                         admin::Hooks hooks);

    // The session of one accepted stream of `service`.
    net::Listener::Session session(Service service);

    // Gives new sessions the options of `settings`, and reads the certificates again. A failure leaves all as it was.
    void reload(const config::Settings& settings, std::shared_ptr<const net::TlsServer::Certificates> certificates);

    // Replays what the last run left, checkpoints, tries again: from here on, beside the service.
    void start();
    // Sessions that wait end with 421 or BYE; those in the middle of something finish it.
    void stop();
    // When no session is left: deliveries are placed, a last checkpoint is made.
    co::Task<void> close_store();
    // When the loop has ended: what is in the journal is on the disk. Blocking.
    void close_journal();

    std::vector<std::string> queue_complaints() const { return queue_.complaints(); }
    std::vector<std::string> drop_complaints() const { return pickup_.complaints(); }
    std::vector<std::string> trace_complaints() const { return trace_.complaints(); }
    store::Store::Condition store_condition() const { return store_.condition(); }
    journal::Journal& journal() { return journal_->journal(); }

    // What goes on beside the sessions until stop(); to be spawned once.
    co::Task<void> run_background() { return background_.run(); }

    admin::Administration& administration() { return administration_; }
    net::TlsServer& tls() { return tls_; }

private:
    Services(Ground ground, std::unique_ptr<directory::Directory> directory, std::unique_ptr<store::MailJournal> journal,
             std::string srs_secret, std::unique_ptr<MailOut> mail_out, const config::Settings& settings,
             admin::Hooks hooks);
    store::QuotaLimits quota_of(const store::AccountKey& key) const;
    std::vector<store::AccountKey> all_accounts() const;
    // With what a session would decide of a recipient.
    admin::Hooks with_decisions(admin::Hooks hooks);
    co::Task<std::string> refusal_for_room(directory::AccountId id);

    std::unique_ptr<directory::Directory> directory_;
    config::QuotaSettings quotas_;
    trace::Trace trace_;
    auth::LiveSessions live_sessions_;
    auth::Authenticator authenticator_;
    net::TlsServer tls_;
    std::unique_ptr<store::MailJournal> journal_;
    store::Store store_;
    store::Expiry expiry_;
    store::BackgroundFill background_;
    intake::Intake intake_;
    policy::Srs srs_;
    std::unique_ptr<MailOut> mail_out_;
    OutgoingQueue queue_;
    TlsReporting tls_reporting_;
    co::Scope queue_starting_;
    smtp::Server smtp_;
    DropPickup pickup_;
    imap::Server imap_;
    pop3::Server pop3_;
    admin::Administration administration_;
    http::Server http_;
};

}  // namespace mbx::daemon
