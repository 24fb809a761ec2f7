// One POP3 connection: reads a command, carries it out, answers. Log-in stands in session_login.cpp, what is done with a
// maildrop in session_maildrop.cpp. Loop thread; everything that touches mail runs on the account's strand.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "auth/sasl_dialogue.hpp"
#include "net/line_reader.hpp"
#include "pop3/command.hpp"
#include "pop3/maildrop.hpp"
#include "pop3/output.hpp"
#include "pop3/server.hpp"

namespace mbx::pop3 {

class Session final : private auth::SaslWire {
public:
    Session(Services& services, std::shared_ptr<const Options> options, Pop3Metrics& metrics, MaildropLocks& locks,
            std::unique_ptr<net::ByteStream> stream);

    co::Task<void> run();
    // A wait for a command ends the session; a command under way, and those that have come already, are finished first.
    void stop();
    // Best effort, after an exception left run(). Nothing is deleted.
    co::Task<void> say_internal_error();
    std::string peer() const { return peer_; }

private:
    // session.cpp
    co::Task<void> serve_command();
    co::Task<void> execute(Command command);
    co::Task<void> execute_before_login(Command command);
    co::Task<void> execute_on_maildrop(Command command);
    void end_input(net::ReadFailure failure);
    void ok(std::string_view text);
    void error(std::string_view text);  // the command could not be carried out
    void bad(std::string_view text);    // the client's mistake: counted
    void refuse(SyntaxError why);
    net::Deadline read_deadline() const;
    bool may_log_in() const;
    void capa();
    void lang(const std::string& range);

    // session_login.cpp
    co::Task<void> start_tls();
    co::Task<void> auth(Command command);
    std::vector<auth::SaslMechanism> mechanisms() const;
    co::Task<std::optional<std::string>> ask_client(std::string challenge) override;
    void refuse(auth::SaslError error);
    void refuse(auth::LoginFailure failure);
    void user(std::string name);
    co::Task<void> pass(std::string password);
    co::Task<void> open_account(auth::Login login);

    // session_maildrop.cpp
    co::Task<bool> open_maildrop();
    void stat();
    co::Task<void> list(std::optional<std::uint64_t> number);
    co::Task<void> uidl(std::optional<std::uint64_t> number);
    bool has(std::uint64_t number);
    co::Task<void> retrieve(std::uint64_t number, std::optional<std::uint64_t> lines);
    void dele(std::uint64_t number);
    void rset();
    co::Task<void> quit();
    co::Task<bool> remove_deleted();
    co::Task<void> mark_seen();
    co::Task<void> close_maildrop();

    Services& services_;
    std::shared_ptr<const Options> options_;
    Pop3Metrics& metrics_;
    MaildropLocks& locks_;
    std::unique_ptr<net::ByteStream> stream_;  // null after a failed STLS
    std::string peer_;
    net::LineReader lines_;
    Output out_;
    net::Deadline login_deadline_;

    bool open_ = true;
    bool stopping_ = false;
    bool first_line_ = true;
    bool utf8_ = false;
    unsigned bad_commands_ = 0;
    std::string user_;  // that USER named

    std::optional<auth::Login> login_;
    std::optional<auth::LiveSessions::Registration> registration_;
    std::shared_ptr<store::Account> account_;
    MaildropLocks::Hold hold_;
    Maildrop maildrop_;
    std::uint64_t retrieved_ = 0;  // messages, for the log
    std::uint64_t deleted_ = 0;
};

}  // namespace mbx::pop3
