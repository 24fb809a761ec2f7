#include "imap/server.hpp"

#include "imap/session.hpp"

namespace mbx::imap {

ImapMetrics::ImapMetrics(Metrics& registry)
    : sessions(registry.gauge("mailboxd_imap_sessions", "IMAP connections that are open")),
      commands(registry.counter("mailboxd_imap_commands_total", "IMAP commands taken")),
      bad_commands(registry.counter("mailboxd_imap_bad_commands_total", "IMAP commands answered BAD")),
      fetched_bytes(registry.counter("mailboxd_imap_fetch_bytes_total", "Bytes of answers to FETCH")),
      failures(registry.counter("mailboxd_imap_failed_sessions_total", "IMAP sessions ended by an internal error"))
{
}

Server::Server(Services services, Options options)
    : services_(std::move(services)), options_(std::make_shared<const Options>(std::move(options))),
      metrics_(services_.metrics), kept_keys_(options_->kept_keys_bytes)
{
}

void Server::set_options(Options options) { options_ = std::make_shared<const Options>(std::move(options)); }

co::Task<void> Server::serve(std::unique_ptr<net::ByteStream> stream, bool implicit_tls)
{
    const auto options = options_;
    if (implicit_tls) {
        std::vector<std::string> alpn;
        alpn.emplace_back("imap");
        const auto deadline = net::Deadline::after(options->handshake_timeout);
        auto secured = co_await services_.tls.accept(std::move(stream), std::move(alpn), deadline);
        if (!secured) co_return;
        stream = std::move(*secured);
    }
    metrics_.sessions.add(1);
    Session session(services_, options, metrics_, alerts_, metadata_feed_, kept_keys_, sessions_, std::move(stream));
    sessions_.insert(&session);
    if (stopping_) session.stop();
    bool failed = false;
    std::string what;
    try {
        co_await session.run();
    } catch (const std::exception& error) {
        failed = true;
        what = error.what();
    }
    if (failed) {
        services_.log.error("session failed", {{"error", what}, {"peer", session.peer()}});
        metrics_.failures.add();
        co_await session.say_internal_error();
    }
    sessions_.erase(&session);
    metrics_.sessions.add(-1);
}

void Server::stop()
{
    stopping_ = true;
    // interrupt_read() resumes in a later turn of the loop, so the set stays whole meanwhile.
    for (auto* session : sessions_) session->stop();
}

}  // namespace mbx::imap
