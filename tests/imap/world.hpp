// A whole mail box in a temporary folder, for sessions of the IMAP server: real store, intake, directory and
// authenticator on a real loop with workers; only the network is memory.
#pragma once

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "imap/server.hpp"
#include "net/tls.hpp"
#include "net/workers.hpp"
#include "support/memory_stream.hpp"
#include "support/run.hpp"
#include "support/temporary_folder.hpp"

namespace mbx::imap {

void must(bool holds, std::string_view otherwise);

Options test_options();

auth::AuthenticatorOptions cheap_passwords();

class World {
public:
    explicit World(Options options = test_options()) : World(std::move(options), 1) {}
    World(Options options, std::size_t accounts, bool watch_directories = true);
    ~World();
    World(const World&) = delete;
    World& operator=(const World&) = delete;

    void add_account(std::string address);

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
    explicit Client(World& world, std::size_t piece = 65536, std::size_t capacity = 65536);
    Client(const Client&) = delete;
    Client& operator=(const Client&) = delete;
    ~Client();

    std::string say(std::string_view text);
    // As say(), with CRLF behind, and the tagged answer alone.
    std::string ask(std::string_view command);
    void log_in();
    void select(std::string_view mailbox = "INBOX");
    void append(std::string_view message, std::string_view flags = "", std::string_view mailbox = "INBOX");
    // What the server says by itself.
    std::string heard();
    // The deadline of the session's read or write passes.
    void expire();
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

std::string message(std::string_view subject, std::string_view body = "Hello\r\n");

}  // namespace mbx::imap
