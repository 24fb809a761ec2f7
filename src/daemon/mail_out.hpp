// What mail to other servers stands on: the resolver, the policies of other domains, and the transport that the queue uses.
// Loop thread; open() blocks (trust anchors are read).
#pragma once

#include <memory>

#include "admin/facts.hpp"
#include "base/error.hpp"
#include "base/file_system.hpp"
#include "base/log.hpp"
#include "base/random.hpp"
#include "config/settings.hpp"
#include "net/unbound_resolver.hpp"
#include "net/workers.hpp"
#include "smtp/outbound.hpp"

namespace mbx::daemon {

class MailOut {
public:
    struct Ground {
        net::Loop& loop;
        net::Workers& workers;
        FileSystem& files;
        const Clock& clock;
        Random& random;
        Log log;
    };

    // `opener` talks to a host that was reached: smtp::open_conversation.
    static Result<std::unique_ptr<MailOut>, Error> open(Ground ground, const config::Settings& settings,
                                                        smtp::Outbound::Opener opener);
    MailOut(const MailOut&) = delete;
    MailOut& operator=(const MailOut&) = delete;

    net::Resolver& resolver() { return *resolver_; }
    smtp::Outbound& transport() { return outbound_; }
    // With what administration asks of it.
    admin::Hooks with_questions(admin::Hooks hooks);
    // After a reload: routes, addresses, protection. The resolver's settings wait for a restart.
    void set_options(const config::Settings& settings);
    // Look-ups and openings under way fail. Before the loop ends; they must have ended before this is destroyed.
    void stop();

private:
    MailOut(Ground ground, std::unique_ptr<net::UnboundResolver> resolver, const config::Settings& settings,
            smtp::Outbound::Opener opener);

    std::unique_ptr<net::UnboundResolver> resolver_;
    smtp::StsPolicies policies_;
    smtp::Outbound outbound_;
};

}  // namespace mbx::daemon
