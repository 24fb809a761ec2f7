// A whole mail box in a temporary folder, for sessions of the POP3 server: real store, directory and authenticator on a
// real loop with workers; only the network is memory.
#pragma once

#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "net/tls.hpp"
#include "net/workers.hpp"
#include "pop3/server.hpp"
#include "support/faulty_file_system.hpp"
#include "support/mail_ground.hpp"
#include "support/memory_stream.hpp"
#include "support/run.hpp"
#include "support/temporary_folder.hpp"

namespace mbx::pop3 {

inline void must(bool holds, std::string_view otherwise)
{
    if (!holds) throw std::runtime_error(std::string(otherwise));
}

inline Options test_options()
{
    Options options;
    options.hostname = "pop.example.org";
    options.plaintext_login_networks = {*net::IpNetwork::parse("192.0.2.0/24")};
    return options;
}

inline auth::AuthenticatorOptions cheap_passwords()
{
    auth::AuthenticatorOptions options;
    options.argon2_memory = 64UL * 1024;
    options.argon2_passes = 1;
    options.scram_iterations = auth::kLeastScramIterations;
    options.failures_before_delay = 1000;
    options.max_delay = std::chrono::milliseconds(1);
    return options;
}

class World {
public:
    explicit World(Options options = test_options())
    {
        auto opened = directory::Directory::open(folder.path("directory.db"), workers);
        must(static_cast<bool>(opened), "directory not opened");
        directory = std::move(*opened);
        authenticator = std::make_unique<auth::Authenticator>(*directory, workers, loop, clock, random, metrics, Log(),
                                                              cheap_passwords());
        store::StoreOptions store_options;
        store_options.root = folder.path("mail");
        journal = test::open_mail_journal(loop, files, clock, metrics, {folder.path("journal")});
        store = std::make_unique<store::Store>(loop, files, workers, *journal, clock, random, metrics, Log(), store_options);
        (void)test::run_on(loop, directory->add_domain("example.org"));
        add_account("ann@example.org");
        const Services services{*store, *directory, *authenticator, sessions, tls, clock, metrics, Log()};
        server = std::make_unique<Server>(services, std::move(options));
    }

    void add_account(std::string address)
    {
        auto hash = test::run_on(loop, authenticator->hash_password("secret"));
        directory::NewAccount account;
        account.address = std::move(address);
        account.password_hash = *hash;
        (void)test::run_on(loop, directory->add_account(std::move(account)));
    }

    // A job on the account of ann: what an IMAP session or a delivery does beside us.
    template <typename Job>
    auto with_store(Job job)
    {
        const auto snapshot = directory->snapshot();
        const auto* found = snapshot->find_login("ann@example.org");
        store::AccountKey key;
        key.id = found->id.value;
        key.local_part = found->local_part;
        key.domain = found->domain;
        auto account = test::run_on(loop, store->account(std::move(key)));
        must(static_cast<bool>(account), "account not opened");
        return test::run_on(loop, (*account)->run(net::WorkClass::interactive, std::move(job)));
    }
    void deliver(std::string_view bytes)
    {
        store::Body body;
        body.bytes = std::make_shared<const std::string>(bytes);
        body.size = bytes.size();
        body.crc = store::crc32c(bytes);
        store::Incoming incoming;
        incoming.internal_date = clock.wall();
        const auto done = with_store([&](store::AccountStore& mail) { return mail.append(body, incoming); });
        must(static_cast<bool>(done), "not delivered");
    }
    std::vector<store::MessageRow> inbox()
    {
        auto job = [](store::AccountStore& mail) { return mail.rows(mail.find("INBOX")->id, {{1, UINT32_MAX}}); };
        return *with_store(job);
    }
    void expunge(store::Uid uid)
    {
        auto job = [uid](store::AccountStore& mail) { return mail.expunge_these(mail.find("INBOX")->id, {{uid, uid}}); };
        must(static_cast<bool>(with_store(job)), "not expunged");
    }

    test::TemporaryFolder folder;
    net::Loop loop;
    net::Workers workers{loop, 2, 1};
    SystemClock clock;
    SystemRandom random;
    PosixFileSystem disk;
    test::FaultyFileSystem files{disk};
    Metrics metrics;
    std::unique_ptr<directory::Directory> directory;
    std::unique_ptr<auth::Authenticator> authenticator;
    auth::LiveSessions sessions;
    net::TlsServer tls{workers, Log()};
    std::unique_ptr<store::MailJournal> journal;
    std::unique_ptr<store::Store> store;
    std::unique_ptr<Server> server;
};

// A client of one session. say() gives the bytes, lets the server work until it waits again, and returns what it said.
class Client {
public:
    explicit Client(World& world, std::size_t piece = 65536) : world_(world), pipe_(65536, piece)
    {
        server_end_ = pipe_.near.get();
        scope_.spawn(world_.server->serve(std::move(pipe_.near), false));
        greeting = heard();
    }
    Client(const Client&) = delete;
    Client& operator=(const Client&) = delete;
    ~Client()
    {
        pipe_.far->close();
        world_.loop.run();
    }

    std::string say(std::string_view text)
    {
        std::string all;
        while (!text.empty()) {
            const auto now = text.substr(0, 16 * 1024);
            (void)test::run_ready(pipe_.far->write(now, net::Deadline::never()));
            text.remove_prefix(now.size());
            all += heard();
            if (scope_.running() == 0) break;
        }
        return all;
    }
    std::string ask(std::string_view command) { return say(std::string(command) + "\r\n"); }
    void log_in() { must(say("USER ann@example.org\r\nPASS secret\r\n").find("octets)\r\n") != std::string::npos, "no log-in"); }
    // What the server says by itself.
    std::string heard()
    {
        std::string all;
        while (true) {
            world_.loop.run();
            if (pipe_.far->unread() == 0) return all;
            std::string chunk(64 * 1024, '\0');
            const auto got = test::run_ready(pipe_.far->read_some(chunk, net::Deadline::never()));
            if (!got || *got == 0) return all;
            all += chunk.substr(0, *got);
        }
    }
    // The deadline of the session's read or write passes.
    void expire()
    {
        if (!server_end_->expire_read()) (void)server_end_->expire_write();
    }
    // As a connection that is lost.
    void vanish()
    {
        pipe_.far->close();
        world_.loop.run();
    }
    bool is_over() const { return scope_.running() == 0; }

    std::string greeting;

private:
    World& world_;
    test::MemoryPipe pipe_;
    test::MemoryEnd* server_end_ = nullptr;
    co::Scope scope_;
};

inline std::string message(std::string_view subject, std::string_view body = "Hello\r\n")
{
    return "From: Ann <ann@example.org>\r\nTo: bob@example.org\r\nSubject: " + std::string(subject) +
           "\r\nDate: Fri, 21 Nov 1997 09:55:06 -0600\r\nMessage-ID: <1@example.org>\r\n\r\n" + std::string(body);
}

}  // namespace mbx::pop3
