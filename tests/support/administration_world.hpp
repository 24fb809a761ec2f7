// An administration with a real directory, store and authenticator (cheap hashes) in a temporary folder, its HTTP server,
// and on demand a control socket.
#pragma once

#include <unistd.h>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "admin/administration.hpp"
#include "http/server.hpp"
#include "net/listener.hpp"
#include "support/mail_ground.hpp"
#include "support/run.hpp"
#include "support/temporary_folder.hpp"

namespace mbx::test {

class AdministrationWorld {
public:
    explicit AdministrationWorld(Log log = {})
        : trace(trace::Trace::Ground{loop, workers, files, clock, metrics, Log(), folder.path("trace.db")}, trace::TraceOptions()),
          directory(*directory::Directory::open(folder.path("directory.db"), workers)),
          authenticator(*directory, workers, loop, clock, random, metrics, Log(), cheap_hashes()),
          journal(open_mail_journal(loop, files, clock, metrics, {folder.path("journal")})),
          store(loop, files, workers, *journal, clock, random, metrics, Log(), store_options()),
          administration(admin::AdministrationDeps{*directory, store, authenticator, sessions, workers, files, metrics,
                                                   clock, random},
                         hooks(), options(), log.for_component("admin")),
          server(administration.router(), http::ServerOptions(), clock, metrics, log.for_component("http"))
    {
        administration.set_trace(&trace);
    }
    AdministrationWorld(const AdministrationWorld&) = delete;
    AdministrationWorld& operator=(const AdministrationWorld&) = delete;
    ~AdministrationWorld() { stop_listening(); }

    std::string socket_path() const { return folder.path("control.sock"); }

    // One request as if it came from `uid` over the control socket; no uid: over TCP on loopback.
    http::Response ask(http::Method method, std::string target, std::string body = "", std::optional<std::uint32_t> uid = 0)
    {
        http::Request request;
        request.method = method;
        request.raw_target = std::move(target);
        request.fields.add("Host", "localhost");
        if (!body.empty()) request.fields.add("Content-Type", "application/json");
        request.body = std::move(body);
        request.peer.is_unix = uid.has_value();
        request.peer.unix_uid = uid.value_or(0);
        if (!uid) request.peer.remote = *net::Endpoint::parse("127.0.0.1:40000");
        return run_on(loop, server.answer(std::move(request)));
    }

    void listen()
    {
        net::ListenerOptions wanted;
        wanted.name = "control";
        wanted.unix_path = socket_path();
        listener = std::move(*net::Listener::open(loop, std::move(wanted), Log()));
        listener->start([this](std::unique_ptr<net::ByteStream> stream) { return server.serve(std::move(stream)); });
    }
    void stop_listening()
    {
        if (!listener) return;
        listener->stop_accepting();
        listener->close_sessions();
        run_on(loop, listener->finished());
        listener.reset();
    }

    TemporaryFolder folder;
    net::Loop loop;
    net::Workers workers{loop, 3, 1};
    SystemClock clock;
    SystemRandom random;
    Metrics metrics;
    PosixFileSystem files;
    trace::Trace trace;
    std::unique_ptr<directory::Directory> directory;
    auth::Authenticator authenticator;
    auth::LiveSessions sessions;
    std::unique_ptr<store::MailJournal> journal;
    store::Store store;

    bool is_stopped = false;
    std::optional<Error> reload_error;
    std::vector<config::Change> reload_changes;
    std::vector<directory::AccountId> full;  // whose mailboxes have no room
    admin::SystemFacts facts{"0.1.0", "abc", "mail.example.org", WallTime(std::chrono::seconds(1'700'000'000)), "",
                             {{"smtp", "127.0.0.1:2525", "starttls", 1, 7, 2}},
                             {{{"mail.example.org"}, WallTime(std::chrono::seconds(4'000'000'000)), true}}, 42,
                             std::chrono::microseconds(120), std::chrono::microseconds(4500)};

    admin::Administration administration;
    http::Server server;
    std::unique_ptr<net::Listener> listener;

private:
    static auth::AuthenticatorOptions cheap_hashes()
    {
        auth::AuthenticatorOptions cheap;
        cheap.argon2_memory = 64U * 1024;
        cheap.argon2_passes = 1;
        cheap.scram_iterations = auth::kLeastScramIterations;
        return cheap;
    }
    store::StoreOptions store_options() const
    {
        store::StoreOptions wanted;
        wanted.root = folder.path("mail");
        return wanted;
    }
    admin::AdministrationOptions options() const
    {
        admin::AdministrationOptions wanted;
        wanted.own_uid = static_cast<std::uint32_t>(::geteuid());
        wanted.data_directory = folder.path();
        wanted.removed_directory = folder.path("mail/.removed");
        return wanted;
    }
    static co::Task<Result<std::vector<config::Change>, Error>> reload(AdministrationWorld* world)
    {
        if (world->reload_error) co_return *world->reload_error;
        co_return world->reload_changes;
    }
    static co::Task<net::DnsAnswer> look_up(std::string name, net::DnsType type)
    {
        net::DnsAnswer answer;
        answer.outcome = net::DnsOutcome::found;
        answer.canonical_name = std::move(name);
        answer.is_secure = true;
        answer.ttl = std::chrono::seconds(300);
        if (type == net::DnsType::mx) answer.records = {std::string("\0\x0a\2mx\7example\0", 14)};
        co_return answer;
    }
    // As the session would, of domains here; of the machine's own name programs reach everybody.
    admin::RecipientFacts judge(const mail::Mailbox& mailbox, admin::Asker asker) const
    {
        admin::RecipientFacts found;
        const auto snapshot = directory->snapshot();
        if (mailbox.domain == "machine.example") {
            if (asker != admin::Asker::program) found.refusal = "550 5.1.1 no such mailbox";
            else found.accounts = {snapshot->accounts().front().id};
            return found;
        }
        if (mailbox.domain == "localhost" && asker == admin::Asker::program) {
            found.accounts = {snapshot->accounts().front().id};
            return found;
        }
        auto reached = snapshot->resolve(mailbox.local_part, mailbox.domain);
        found.is_direct = reached.resolution == directory::Resolution::unknown_domain;
        if (found.is_direct) found.outside.push_back({mail::format_mailbox(mailbox), {}, {}});
        else if (reached.resolution != directory::Resolution::found) found.refusal = "550 5.1.1 no such mailbox";
        if (reached.resolution != directory::Resolution::found) return found;
        found.accounts = std::move(reached.accounts);
        found.outside = std::move(reached.remote);
        found.expansions = std::move(reached.expansions);
        return found;
    }
    static co::Task<std::string> refusal_for_room(const AdministrationWorld* world, directory::AccountId id)
    {
        co_return std::ranges::count(world->full, id) == 0 ? std::string() : std::string("452 4.2.2 mailbox full");
    }
    static co::Task<admin::RouteFacts> explain_route(std::string address)
    {
        admin::RouteFacts facts;
        facts.steps = {"the test says so"};
        facts.verdict = "A message to " + address + " would go nowhere.";
        co_return facts;
    }
    admin::Hooks hooks()
    {
        admin::Hooks made;
        made.facts = [this] { return facts; };
        made.configuration = [] {
            return std::vector<config::ShowRow>{{"smtp.max_recipients", "1000", "default"},
                                                {"server.hostname", "\"mail.example.org\"", "mailboxd.toml:7"}};
        };
        made.reload = [this] { return reload(this); };
        made.stop = [this] { is_stopped = true; };
        made.look_up = [](std::string name, net::DnsType type) { return look_up(std::move(name), type); };
        made.judge_recipient = [this](const mail::Mailbox& mailbox, admin::Asker asker) { return judge(mailbox, asker); };
        made.refusal_for_room = [this](directory::AccountId id) { return refusal_for_room(this, id); };
        made.explain_route = [](std::string address, std::string) { return explain_route(std::move(address)); };
        return made;
    }
};

}  // namespace mbx::test
