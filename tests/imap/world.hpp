// A whole mail box in a temporary folder, for sessions of the IMAP server: real store, intake, directory and
// authenticator on a real loop with workers; only the network is memory.
#pragma once

#include <algorithm>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "imap/server.hpp"
#include "net/tls.hpp"
#include "net/workers.hpp"
#include "support/mail_ground.hpp"
#include "support/memory_stream.hpp"
#include "support/run.hpp"
#include "support/temporary_folder.hpp"

namespace mbx::imap {

inline void must(bool holds, std::string_view otherwise)
{
    if (!holds) throw std::runtime_error(std::string(otherwise));
}

inline Options test_options()
{
    Options options;
    options.hostname = "imap.example.org";
    options.plaintext_login_networks = {*net::IpNetwork::parse("192.0.2.0/24")};
    return options;
}

inline auth::AuthenticatorOptions cheap_passwords()
{
    auth::AuthenticatorOptions options;
    options.argon2_memory = 64UL * 1024;
    options.argon2_passes = 1;
    options.scram_iterations = auth::kLeastScramIterations;
    options.max_delay = std::chrono::milliseconds(1);
    return options;
}

class World {
public:
    explicit World(Options options = test_options()) : World(std::move(options), 1) {}
    World(Options options, std::size_t accounts, bool watch_directories = true)
    {
        auto opened = directory::Directory::open(folder.path("directory.db"), workers);
        must(static_cast<bool>(opened), "directory not opened");
        directory = std::move(*opened);
        authenticator = std::make_unique<auth::Authenticator>(*directory, workers, loop, clock, random, metrics, Log(),
                                                              cheap_passwords());
        store::StoreOptions store_options;
        store_options.root = folder.path("mail");
        store_options.watch_directories = watch_directories;
        journal = test::open_mail_journal(loop, files, clock, metrics, {folder.path("journal")});
        store = std::make_unique<store::Store>(loop, files, workers, *journal, clock, random, metrics, Log(), store_options);
        intake = std::make_unique<intake::Intake>(*store, files, workers, clock, random, metrics, Log(),
                                                  folder.path("spool"));
        (void)test::run_on(loop, directory->add_domain("example.org"));
        add_account("ann@example.org");
        if (accounts > 1) add_account("bob@example.org");
        const Services services{*store, *intake, *directory, *authenticator, sessions, tls, clock, metrics, Log()};
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

    test::TemporaryFolder folder;
    net::Loop loop;
    net::Workers workers{loop, 2, 1};
    SystemClock clock;
    SystemRandom random;
    PosixFileSystem files;
    Metrics metrics;
    std::unique_ptr<directory::Directory> directory;
    std::unique_ptr<auth::Authenticator> authenticator;
    auth::LiveSessions sessions;
    net::TlsServer tls{workers, Log()};
    std::unique_ptr<store::MailJournal> journal;
    std::unique_ptr<store::Store> store;
    std::unique_ptr<intake::Intake> intake;
    std::unique_ptr<Server> server;
};

// A client of one session. say() gives the bytes, lets the server work until it waits again, and returns what it said.
class Client {
public:
    explicit Client(World& world, std::size_t piece = 65536, std::size_t capacity = 65536)
        : world_(world), pipe_(capacity, piece)
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
    // As say(), with CRLF behind, and the tagged answer alone.
    std::string ask(std::string_view command)
    {
        const auto all = say(std::string(command) + "\r\n");
        const auto tag = std::string(command.substr(0, command.find(' ') + 1));
        if (all.starts_with(tag)) return all.substr(tag.size());
        const auto at = all.rfind("\r\n" + tag);
        return at == std::string::npos ? all : all.substr(at + 2 + tag.size());
    }
    void log_in() { must(ask("l LOGIN ann@example.org secret").starts_with("OK [CAPABILITY IMAP4rev1"), "log-in failed"); }
    void select(std::string_view mailbox = "INBOX")
    {
        must(ask("s SELECT " + std::string(mailbox)).starts_with("OK"), "SELECT failed");
    }
    void append(std::string_view message, std::string_view flags = "", std::string_view mailbox = "INBOX")
    {
        const std::string head = "p APPEND " + std::string(mailbox) + " " + (flags.empty() ? "" : std::string(flags) + " ");
        const auto answer = ask(head + "{" + std::to_string(message.size()) + "+}\r\n" + std::string(message));
        must(answer.find("OK [APPENDUID") != std::string::npos, answer);
    }
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
    bool is_over() const { return scope_.running() == 0; }
    test::MemoryEnd& end() { return *pipe_.far; }
    test::MemoryEnd& server_end() { return *server_end_; }

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

}  // namespace mbx::imap
