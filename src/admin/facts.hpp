// What only the daemon knows and administration shows, and what only the daemon can do. Plain values.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "base/error.hpp"
#include "base/result.hpp"
#include "co/task.hpp"
#include "config/load.hpp"
#include "directory/snapshot.hpp"
#include "mail/address.hpp"
#include "net/resolver.hpp"

namespace mbx::admin {

struct ListenerFacts {
    std::string service;   // "smtp", "submission", "imap", "http"
    std::string endpoint;  // "0.0.0.0:25", or a socket's path
    std::string tls;       // "none", "starttls", "implicit"
    std::uint64_t connections = 0;
    std::uint64_t accepted = 0;  // since the start
    std::uint64_t refused = 0;
};

struct CertificateFacts {
    std::vector<std::string> names;  // of the subject alternative names
    WallTime not_after;
    bool is_self_signed = false;
};

struct SystemFacts {
    std::string version;
    std::string commit;
    std::string hostname;
    WallTime started;
    std::string not_ready_because;  // empty: ready for mail
    std::vector<ListenerFacts> listeners;
    std::vector<CertificateFacts> certificates;
    std::uint64_t messages_in = 0;  // accepted since the start
    std::chrono::microseconds loop_lag{};
    std::chrono::microseconds worst_loop_lag{};  // lately
    std::vector<std::string> warnings{};         // sentences
    std::string hangs_because{};                 // empty: what is asked of the disk and the workers is answered
};

// Where a message to an address would go, and why.
struct RouteFacts {
    std::vector<std::string> steps;  // sentences, in the order of the decisions
    std::string verdict;
    bool is_reachable = false;
};

// Who names a recipient.
enum class Asker : std::uint8_t {
    program,   // of this machine
    user,      // who has logged in
    stranger,  // by port 25
    bounce,    // a stranger whose reverse-path is null
};

// What such a RCPT is answered, and whom it reaches.
struct RecipientFacts {
    std::string refusal;       // "550 5.1.1 no such mailbox", "452 4.2.2 mailbox full"; empty: it is taken
    bool is_direct = false;    // it goes where it is addressed, to another server
    std::vector<directory::AccountId> accounts;
    std::vector<directory::Outside> outside;
    std::vector<directory::Expansion> expansions;
    std::vector<directory::AccountId> full;  // of `accounts`, whose mailboxes have no room
};

// Given by the daemon; called on the loop.
struct Hooks {
    std::function<SystemFacts()> facts;
    std::function<std::vector<config::ShowRow>()> configuration;  // the effective one, without secrets
    // Reads the configuration and the certificates again; answers what changed (live or waiting for a restart).
    std::function<co::Task<Result<std::vector<config::Change>, Error>>()> reload;
    // Begins to stop on a later turn of the loop (Loop::post): the answer to the one who asked comes first.
    std::function<void()> stop;
    // What the resolver of outgoing mail says. Null: this server has none.
    std::function<co::Task<net::DnsAnswer>(std::string name, net::DnsType type)> look_up = nullptr;
    // Of any address: the decision of the SMTP session itself.
    std::function<RecipientFacts(const mail::Mailbox& mailbox, Asker asker)> judge_recipient = nullptr;
    // The answer to a RCPT for an account whose mailbox is full, "452 4.2.2 mailbox full"; empty: it has room. Null: all have.
    std::function<co::Task<std::string>(directory::AccountId account)> refusal_for_room = nullptr;
    // Of an address elsewhere; `sender` may be empty. Null: as above.
    std::function<co::Task<RouteFacts>(std::string address, std::string sender)> explain_route = nullptr;
};

}  // namespace mbx::admin
