// One client of the SMTP server, from greeting to close: a state machine (a table of verbs) over lines. Replies gather
// while pipelined commands are at hand and leave in one write (RFC 2920 section 3.2). Loop thread.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "auth/live_sessions.hpp"
#include "auth/sasl_dialogue.hpp"
#include "co/task.hpp"
#include "net/byte_stream.hpp"
#include "net/line_reader.hpp"
#include "smtp/command.hpp"
#include "smtp/incoming.hpp"
#include "smtp/options.hpp"
#include "smtp/recipient.hpp"
#include "smtp/reception.hpp"
#include "smtp/reply.hpp"
#include "smtp/server.hpp"
#include "smtp/transaction.hpp"

namespace mbx::smtp {

// Where a session stands (RFC 5321 section 4.1.4). Each is a bit, for the table of verbs.
enum class Phase : std::uint8_t {
    connected = 1,  // no HELO or EHLO yet, or STARTTLS made it forgotten
    greeted = 2,    // ready for MAIL
    sender = 4,     // MAIL accepted, no RCPT yet
    recipients = 8, // ready for DATA or BDAT
    chunks = 16,    // behind a first BDAT: only more of them, or the end of the transaction (RFC 3030 section 2)
};

class Session final : private auth::SaslWire {
public:
    Session(Server& server, std::unique_ptr<net::ByteStream> stream, Role role);
    ~Session();
    Session(const Session&) = delete;
    Session& operator=(const Session&) = delete;

    // The whole conversation. Never throws.
    co::Task<void> run();
    // From Server::stop(): wakes a session that waits for a command.
    void interrupt();

private:
    struct VerbRow;
    static const VerbRow kVerbRows[];
    // What a command asks for that has to wait; done after its handler returned.
    enum class Step : std::uint8_t { none, receive_message, receive_chunk, start_tls, log_in, judge_room };

    // session.cpp: the loop and its ends
    co::Task<void> converse();
    co::Task<bool> greet();
    co::Task<void> take_step();
    co::Task<void> flush();
    co::Task<void> part();
    void dispatch(std::string_view line);
    void refuse_line(SyntaxError error, std::string_view line);
    void end_input(net::ReadFailure failure);
    void reply(ReplyId id, std::string_view detail = {}) { append_reply(out_, id, detail); }
    void refuse(ReplyId id);   // and counts it
    void hang_up(ReplyId id);  // the last reply
    bool count_idle_command(); // false: that was one too many
    net::Deadline deadline(std::chrono::milliseconds span) const;

    // session_commands.cpp
    void on_helo(std::string_view argument);
    void on_ehlo(std::string_view argument);
    void on_lhlo(std::string_view argument);
    void on_xclient(std::string_view argument);
    void offer_extensions(std::string_view argument);
    std::string greeting_words() const;
    bool may_proxy() const;
    void on_mail(std::string_view argument);
    void on_rcpt(std::string_view argument);
    void on_data(std::string_view argument);
    void on_rset(std::string_view argument);
    void on_noop(std::string_view argument);
    void on_vrfy(std::string_view argument);
    void on_help(std::string_view argument);
    void on_quit(std::string_view argument);
    void on_bdat(std::string_view argument);
    void on_not_implemented(std::string_view argument);
    std::optional<ReplyId> judge_sender(const MailArgument& mail) const;
    bool is_over_account_limit(std::uint64_t messages, std::uint64_t recipients);
    bool is_over_local_limit();
    bool is_local() const { return role_ == Role::local; }
    bool is_trusted() const;
    std::string local_user() const { return "uid " + std::to_string(client_.unix_uid); }
    bool is_over_network_limit();
    void count_sending();
    void refuse_recipient(ReplyId id, std::string_view argument);
    void forget_transaction();

    // session_security.cpp
    void begin_anew();
    void on_starttls(std::string_view argument);
    void on_auth(std::string_view argument);
    co::Task<void> start_tls();
    co::Task<void> log_in();
    std::vector<auth::SaslMechanism> mechanisms() const;
    co::Task<std::optional<std::string>> ask_client(std::string challenge) override;
    void refuse_login(auth::SaslError error);
    void refuse_login(auth::LoginFailure failure);
    void let_in(auth::Login login);
    bool may_log_in_here() const;
    const directory::Account* own_account(const directory::Snapshot& snapshot) const;

    // session_data.cpp
    co::Task<void> receive_message();
    co::Task<void> receive_chunk();
    void begin_message(Reception::Framing framing);
    co::Task<void> store_piece();
    co::Task<bool> swallow(std::uint64_t size);
    co::Task<bool> take_chunk(std::uint64_t size);
    co::Task<void> keep_binary();
    co::Task<void> end_message();
    std::optional<ReplyId> judge_header() const;
    void refuse_message(ReplyId why);
    void answer_message(ReplyId id, std::string_view detail = {});
    co::Task<void> store_message();
    // A recipient with a quota is asked for room before it is accepted.
    struct Candidate {
        mail::Mailbox mailbox;
        RecipientDecision decision;
        std::string argument;
    };
    bool has_quota(const std::vector<directory::AccountId>& accounts) const;
    co::Task<void> judge_room();
    void accept_recipient(mail::Mailbox mailbox, const RecipientDecision& decision);
    net::Deadline data_deadline(SteadyTime started, std::uint64_t received) const;
    void log_message(bool accepted, std::string_view trace_id, std::string_view outcome,
                     const Reception& reception) const;

    // session_envelope.cpp
    void put_prefix(Incoming& incoming);
    std::string make_prefix(const Incoming& incoming) const;
    std::string make_return_path() const;
    std::string local_author() const;
    intake::Envelope make_envelope() const;
    queue::Envelope make_outgoing() const;
    std::vector<queue::Envelope> make_ways(const directory::Snapshot& snapshot) const;

    // session_trace.cpp
    const std::string& transaction_id();
    trace::Event begin_event(trace::EventKind kind, std::string id) const;
    std::vector<trace::Event> events_of_acceptance(const intake::Receipt& receipt, const Incoming& incoming) const;
    void tell_accepted(const intake::Receipt& receipt, const Incoming& incoming, std::vector<trace::Event>& events) const;
    void tell_expansions(const intake::Receipt& receipt, const Incoming& incoming, std::vector<trace::Event>& events) const;
    std::string message_id_of(const Incoming& incoming) const;
    void tell_way(const intake::Receipt& receipt, const intake::Receipt::Further& way, std::string_view what, const Incoming& incoming,
                  std::vector<trace::Event>& events) const;
    void trace_refused(std::string id, const Reply& why, const Reception* reception, std::string recipient) const;

    Server& server_;
    const Dependencies& deps_;
    std::shared_ptr<const Options> options_;
    RoleMetrics& metrics_;
    Role role_;
    std::unique_ptr<net::ByteStream> stream_; // empty while a handshake has it, and after a failed one
    net::LineReader lines_;
    std::string peer_; // for the log

    std::string out_; // replies that have not left yet
    bool open_ = true;
    bool linger_ = false; // we hang up while the client may still be sending
    Step step_ = Step::none;
    std::optional<Candidate> candidate_;
    std::string step_argument_;
    ChunkArgument chunk_;
    std::optional<Incoming> incoming_;
    net::PeerInfo client_; // the stream's peer, or whom a proxy speaks for

    Phase phase_ = Phase::connected;
    bool extended_ = false; // EHLO
    std::string greeting_name_;
    std::optional<Transaction> transaction_;
    std::string transaction_id_; // in the trace; empty: none was needed yet
    bool saw_auth_ = false;
    std::optional<auth::Login> login_;
    std::optional<auth::LiveSessions::Registration> registration_;

    unsigned errors_ = 0;
    unsigned idle_commands_ = 0;
    unsigned refused_recipients_ = 0;
    unsigned failed_logins_ = 0;
    std::uint64_t messages_ = 0;
};

} // namespace mbx::smtp
