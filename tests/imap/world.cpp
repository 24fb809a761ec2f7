#include "world.hpp"

#include <stdexcept>

#include "support/mail_ground.hpp"
#include "support/run.hpp"

namespace mbx::imap {

void must(bool holds, std::string_view otherwise)
{
    if (!holds) throw std::runtime_error(std::string(otherwise));
}

Options test_options()
{
    Options options;
    options.hostname = "imap.example.org";
    options.plaintext_login_networks = {*net::IpNetwork::parse("192.0.2.0/24")};
    return options;
}

auth::AuthenticatorOptions cheap_passwords()
{
    auth::AuthenticatorOptions options;
    options.argon2_memory = 64UL * 1024;
    options.argon2_passes = 1;
    options.scram_iterations = auth::kLeastScramIterations;
    options.max_delay = std::chrono::milliseconds(1);
    return options;
}

World::World(Options options, std::size_t accounts, bool watch_directories)
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

World::~World() = default;

void World::add_account(std::string address)
{
    auto hash = test::run_on(loop, authenticator->hash_password("secret"));
    directory::NewAccount account;
    account.address = std::move(address);
    account.password_hash = *hash;
    (void)test::run_on(loop, directory->add_account(std::move(account)));
}

Client::Client(World& world, std::size_t piece, std::size_t capacity)
    : world_(world), pipe_(capacity, piece)
{
    server_end_ = pipe_.near.get();
    scope_.spawn(world_.server->serve(std::move(pipe_.near), false));
    greeting = heard();
}

Client::~Client()
{
    pipe_.far->close();
    world_.loop.run();
}

std::string Client::say(std::string_view text)
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

std::string Client::ask(std::string_view command)
{
    const auto all = say(std::string(command) + "\r\n");
    const auto tag = std::string(command.substr(0, command.find(' ') + 1));
    if (all.starts_with(tag)) return all.substr(tag.size());
    const auto at = all.rfind("\r\n" + tag);
    return at == std::string::npos ? all : all.substr(at + 2 + tag.size());
}

void Client::select(std::string_view mailbox)
{
    must(ask("s SELECT " + std::string(mailbox)).starts_with("OK"), "SELECT failed");
}

void Client::append(std::string_view message, std::string_view flags, std::string_view mailbox)
{
    const std::string head = "p APPEND " + std::string(mailbox) + " " + (flags.empty() ? "" : std::string(flags) + " ");
    const auto answer = ask(head + "{" + std::to_string(message.size()) + "+}\r\n" + std::string(message));
    must(answer.find("OK [APPENDUID") != std::string::npos, answer);
}

std::string Client::heard()
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

void Client::expire()
{
    if (!server_end_->expire_read()) (void)server_end_->expire_write();
}

void Client::log_in()
{
    must(ask("l LOGIN ann@example.org secret").starts_with("OK [CAPABILITY IMAP4rev1"), "log-in failed");
}

std::string message(std::string_view subject, std::string_view body)
{
    return "From: Ann <ann@example.org>\r\nTo: bob@example.org\r\nSubject: " + std::string(subject) +
           "\r\nDate: Fri, 21 Nov 1997 09:55:06 -0600\r\nMessage-ID: <1@example.org>\r\n\r\n" + std::string(body);
}

}  // namespace mbx::imap
