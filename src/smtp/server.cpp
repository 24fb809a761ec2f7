#include "smtp/server.hpp"

#include <cassert>
#include <utility>

#include "smtp/session.hpp"

namespace mbx::smtp {

RoleMetrics::RoleMetrics(Metrics& metrics, const std::string& labels)
    : connections(metrics.counter("mailboxd_smtp_connections_total", "SMTP connections", labels)),
      sessions(metrics.gauge("mailboxd_smtp_sessions", "SMTP sessions now", labels)),
      accepted(metrics.counter("mailboxd_smtp_messages_accepted_total", "Messages answered with 250", labels)),
      accepted_bytes(metrics.counter("mailboxd_smtp_accepted_bytes_total", "Bytes of accepted messages", labels)),
      refused(metrics.counter("mailboxd_smtp_messages_refused_total", "Messages refused after DATA", labels)),
      refused_recipients(metrics.counter("mailboxd_smtp_recipients_refused_total", "RCPT commands refused", labels)),
      errors(metrics.counter("mailboxd_smtp_errors_total", "Other commands refused", labels)),
      early_talkers(
          metrics.counter("mailboxd_smtp_early_talkers_total", "Clients that did not await the greeting", labels))
{
}

Server::Server(Dependencies dependencies, Options options)
    : dependencies_(std::move(dependencies)), options_(std::make_shared<const Options>(std::move(options))),
      mx_metrics_(dependencies_.metrics, "service=\"smtp\""),
      submission_metrics_(dependencies_.metrics, "service=\"submission\""),
      local_metrics_(dependencies_.metrics, "service=\"sendmail\"")
{
}

Server::~Server()
{
    assert(sessions_.empty() && "an smtp::Server was destroyed under a session");
}

co::Task<void> Server::serve(std::unique_ptr<net::ByteStream> stream, Role role, bool implicit_tls)
{
    metrics(role).connections.add();
    if (implicit_tls) {
        const std::string peer = stream->peer().text();
        const net::Deadline end{dependencies_.clock.steady() + options_->handshake_time};
        std::vector<std::string> alpn(1, "smtp");
        auto secured = co_await dependencies_.tls.accept(std::move(stream), std::move(alpn), end);
        if (!secured) {
            dependencies_.log.info("TLS handshake failed",
                                   {{"peer", peer}, {"reason", net::describe(secured.error())}});
            co_return;
        }
        stream = std::move(*secured);
    }
    Session session(*this, std::move(stream), role);
    co_await session.run();
}

void Server::set_options(Options options)
{
    options_ = std::make_shared<const Options>(std::move(options));
}

RecipientDecision Server::judge(const mail::Mailbox& mailbox, Role role, bool has_null_reverse_path) const
{
    const auto snapshot = dependencies_.directory.snapshot();
    const RecipientQuestion question{*snapshot, role, has_null_reverse_path, dependencies_.srs, dependencies_.clock.wall()};
    return judge_recipient(*options_, question, mailbox);
}

void Server::stop()
{
    stopping_ = true;
    // A session may end within its interrupt, and leave the set.
    const std::set<Session*> now = sessions_;
    for (Session* session : now) {
        if (sessions_.contains(session)) session->interrupt();
    }
}

} // namespace mbx::smtp
