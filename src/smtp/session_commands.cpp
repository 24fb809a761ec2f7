// What each command does (RFC 5321 section 4.1.1), and when it may come (section 4.1.4).
#include <algorithm>
#include <array>
#include <utility>

#include "base/ascii.hpp"
#include "smtp/recipient.hpp"
#include "smtp/session.hpp"

namespace mbx::smtp {

namespace {

enum class ArgumentRule : std::uint8_t { none, optional, required };

constexpr unsigned bit(Phase phase)
{
    return static_cast<unsigned>(phase);
}
constexpr unsigned kConnected = bit(Phase::connected);
constexpr unsigned kGreeted = bit(Phase::greeted);
constexpr unsigned kSender = bit(Phase::sender);
constexpr unsigned kRecipients = bit(Phase::recipients);
constexpr unsigned kAny = kConnected | kGreeted | kSender | kRecipients | bit(Phase::chunks);

ReplyId reply_for(ArgumentError error, ReplyId address_reply)
{
    switch (error) {
    case ArgumentError::syntax: return ReplyId::bad_argument;
    case ArgumentError::address: return address_reply;
    case ArgumentError::needs_smtputf8: return ReplyId::address_needs_smtputf8;
    case ArgumentError::unknown_parameter: return ReplyId::unknown_parameter;
    case ArgumentError::bad_parameter: return ReplyId::bad_parameter;
    }
    return ReplyId::bad_argument;
}

} // namespace

struct Session::VerbRow {
    Verb verb;
    unsigned phases;
    ArgumentRule argument;
    bool is_idle; // brings no mail: counted (HOSTILE row C8)
    void (Session::*handler)(std::string_view argument);
};

// In the order of Verb.
const Session::VerbRow Session::kVerbRows[] = {
    {Verb::auth, kGreeted, ArgumentRule::required, false, &Session::on_auth},
    {Verb::bdat, kAny, ArgumentRule::optional, false, &Session::on_bdat},
    {Verb::data, kSender | kRecipients, ArgumentRule::none, false, &Session::on_data},
    {Verb::ehlo, kAny, ArgumentRule::required, true, &Session::on_ehlo},
    {Verb::etrn, kAny, ArgumentRule::optional, false, &Session::on_not_implemented},
    {Verb::expn, kAny, ArgumentRule::optional, false, &Session::on_not_implemented},
    {Verb::helo, kAny, ArgumentRule::required, true, &Session::on_helo},
    {Verb::help, kAny, ArgumentRule::optional, true, &Session::on_help},
    {Verb::lhlo, kAny, ArgumentRule::required, true, &Session::on_lhlo},
    {Verb::mail, kGreeted, ArgumentRule::required, false, &Session::on_mail},
    {Verb::noop, kAny, ArgumentRule::optional, true, &Session::on_noop},
    {Verb::quit, kAny, ArgumentRule::none, false, &Session::on_quit},
    {Verb::rcpt, kSender | kRecipients, ArgumentRule::required, false, &Session::on_rcpt},
    {Verb::rset, kAny, ArgumentRule::none, true, &Session::on_rset},
    {Verb::starttls, kGreeted, ArgumentRule::none, false, &Session::on_starttls},
    {Verb::turn, kAny, ArgumentRule::optional, false, &Session::on_not_implemented},
    {Verb::vrfy, kAny, ArgumentRule::required, true, &Session::on_vrfy},
    {Verb::xclient, kConnected | kGreeted, ArgumentRule::required, false, &Session::on_xclient},
};

void Session::dispatch(std::string_view line)
{
    // Whatever becomes of an AUTH: a client that does not wait for our answer sends the password next, as a line that
    // looks like a command to us and must not be logged (HOSTILE row J6).
    saw_auth_ = saw_auth_ || ascii::starts_with(ascii::trim(line), "AUTH");
    const auto command = parse_command(line);
    if (!command) {
        refuse_line(command.error(), line);
        return;
    }
    const VerbRow& row = kVerbRows[static_cast<std::size_t>(command->verb)];
    if ((row.phases & bit(phase_)) == 0) {
        refuse(ReplyId::bad_sequence);
        return;
    }
    const bool has_argument = !command->argument.empty();
    if ((row.argument == ArgumentRule::none && has_argument) ||
        (row.argument == ArgumentRule::required && !has_argument)) {
        refuse(ReplyId::bad_argument);
        return;
    }
    if (row.is_idle && !count_idle_command()) return;
    (this->*row.handler)(command->argument);
}

void Session::forget_transaction()
{
    transaction_.reset();
    transaction_id_.clear();
    incoming_.reset();
    if (phase_ != Phase::connected) phase_ = Phase::greeted;
}

void Session::on_helo(std::string_view argument)
{
    if (role_ == Role::lmtp) return refuse(ReplyId::not_implemented); // RFC 2033 section 4.1
    if (!is_greeting_name(argument)) return refuse(ReplyId::bad_greeting_name);
    phase_ = Phase::greeted;
    forget_transaction(); // section 4.1.4: as RSET
    extended_ = false;
    greeting_name_ = argument;
    reply(ReplyId::helo, options_->hostname);
}

void Session::on_ehlo(std::string_view argument)
{
    if (role_ == Role::lmtp) return refuse(ReplyId::not_implemented);
    offer_extensions(argument);
}

void Session::on_lhlo(std::string_view argument)
{
    if (role_ != Role::lmtp) return refuse(ReplyId::unknown_command);
    offer_extensions(argument);
}

void Session::offer_extensions(std::string_view argument)
{
    if (!is_greeting_name(argument)) return refuse(ReplyId::bad_greeting_name);
    phase_ = Phase::greeted;
    forget_transaction();
    extended_ = true;
    greeting_name_ = argument;
    out_ += "250-" + options_->hostname + "\r\n250-PIPELINING\r\n250-SIZE ";
    out_ += std::to_string(options_->max_message_bytes);
    out_ += "\r\n250-8BITMIME\r\n250-BINARYMIME\r\n250-CHUNKING\r\n250-DSN\r\n";
    if (!stream_->is_encrypted() && deps_.tls.is_ready() && !is_local()) out_ += "250-STARTTLS\r\n";
    // Not offered where it would be refused: a client must not send a password to try (RFC 4954 section 4).
    const auto offered = role_ == Role::submission && !login_ ? mechanisms() : std::vector<auth::SaslMechanism>();
    if (!offered.empty()) out_ += "250-AUTH" + auth::list_mechanisms(offered, " ") + "\r\n";
    if (stream_->is_encrypted()) out_ += "250-REQUIRETLS\r\n"; // RFC 8689 section 2
    constexpr std::size_t kMostInLimit = 999'999;
    if (options_->max_recipients <= kMostInLimit) out_ += "250-LIMITS RCPTMAX=" + std::to_string(options_->max_recipients) + "\r\n";
    if (may_proxy()) out_ += "250-XCLIENT ADDR PORT HELO\r\n";
    out_ += "250-ENHANCEDSTATUSCODES\r\n250 SMTPUTF8\r\n";
}

void Session::on_mail(std::string_view argument)
{
    if (role_ == Role::submission && !login_) {
        return refuse(may_log_in_here() ? ReplyId::auth_required : ReplyId::tls_required);
    }
    auto mail = parse_mail(argument);
    if (!mail) return refuse(reply_for(mail.error(), ReplyId::sender_syntax));
    if (mail->require_tls && !stream_->is_encrypted()) return refuse(ReplyId::unknown_parameter);
    if (is_over_account_limit(1, 1) || is_over_local_limit()) return;
    const auto refusal = judge_sender(*mail);
    if (refusal == ReplyId::login_ended) return hang_up(*refusal);
    if (refusal) {
        deps_.log.info("sender refused", {{"peer", peer_},
                                          {"from", argument},
                                          {"code", find_reply(*refusal).code},
                                          {"reason", find_reply(*refusal).text}});
        return refuse(*refusal);
    }
    transaction_.emplace(std::move(*mail));
    phase_ = Phase::sender;
    reply(ReplyId::sender_accepted);
}

std::optional<ReplyId> Session::judge_sender(const MailArgument& mail) const
{
    if (mail.size.value_or(0) > options_->max_message_bytes) return ReplyId::size_exceeded;
    if (role_ != Role::submission && !is_local()) return std::nullopt;
    const auto snapshot = deps_.directory.snapshot();
    if (is_local()) {
        if (!mail.reverse_path || is_trusted()) return std::nullopt;
        const std::string& domain = mail.reverse_path->domain;
        const bool is_ours = ascii::same(domain, options_->hostname) || snapshot->is_local_domain(domain);
        return is_ours ? std::nullopt : std::optional(ReplyId::local_sender_foreign);
    }
    const directory::Account* account = own_account(*snapshot);
    if (account == nullptr) return ReplyId::login_ended;
    // The null reverse path is everybody's: delivery and disposition notifications carry it (RFC 8098 section 3).
    if (!mail.reverse_path) return std::nullopt;
    if (!snapshot->may_send_as(*account, mail.reverse_path->local_part, mail.reverse_path->domain)) {
        return ReplyId::sender_not_owned;
    }
    return std::nullopt;
}

void Session::on_rcpt(std::string_view argument)
{
    if (transaction_->accepted() >= (is_local() ? options_->max_local_recipients : options_->max_recipients)) {
        // RFC 5321 section 4.5.3.1.10: the client sends the others in another transaction. No error of its.
        reply(ReplyId::too_many_recipients);
        return;
    }
    auto rcpt = parse_rcpt(argument, transaction_->mail().smtputf8);
    if (!rcpt) {
        transaction_->count_refused();
        return refuse(reply_for(rcpt.error(), ReplyId::recipient_syntax));
    }
    const std::uint64_t recipients = transaction_->accepted() + 1;
    if (is_over_account_limit(0, recipients) || is_over_network_limit()) return transaction_->count_refused();
    auto mailbox = std::optional(std::move(rcpt->mailbox));
    const auto snapshot = deps_.directory.snapshot();
    const bool is_null = !transaction_->mail().reverse_path;
    RecipientDecision decision = judge_recipient(*options_, {*snapshot, role_, is_null, deps_.srs, deps_.clock.wall()}, *mailbox);
    if (decision.reply != ReplyId::recipient_accepted) return refuse_recipient(decision.reply, argument);
    if (!transaction_->has_room_for(decision)) {
        reply(ReplyId::too_many_recipients);
        return;
    }
    pass_reports_on(*mailbox, rcpt->notify, rcpt->original, decision);
    if (is_null) decision.receipt.reset();
    // A program has nobody to tell, and tries no recipient again by itself: a full mailbox is the whole message's answer.
    if (is_local() || !has_quota(decision.accounts)) return accept_recipient(std::move(*mailbox), decision);
    candidate_.emplace(Candidate{std::move(*mailbox), std::move(decision), std::string(argument)});
    step_ = Step::judge_room;
}

void Session::accept_recipient(mail::Mailbox mailbox, const RecipientDecision& decision)
{
    transaction_->add(std::move(mailbox), decision.accounts, decision.outside);
    transaction_->add_steps(decision.expansions, decision.receipt);
    phase_ = Phase::recipients;
    reply(ReplyId::recipient_accepted);
}

bool Session::has_quota(const std::vector<directory::AccountId>& accounts) const
{
    const auto snapshot = deps_.directory.snapshot();
    return std::ranges::any_of(accounts, [&](directory::AccountId id) {
        const directory::Account* account = snapshot->find(id);
        if (account == nullptr) return false;
        return deps_.intake.has_quota(store::AccountKey{id.value, account->local_part, account->domain});
    });
}

// An alias with one full member is put off as a whole, like one with a member elsewhere: a part of its members is not what
// the sender asked for.
co::Task<void> Session::judge_room()
{
    const Candidate candidate = *std::exchange(candidate_, std::nullopt);
    const auto snapshot = deps_.directory.snapshot();
    const std::uint64_t size = transaction_->mail().size.value_or(0);
    for (const directory::AccountId id : candidate.decision.accounts) {
        const directory::Account* account = snapshot->find(id);
        if (account == nullptr) continue;
        store::AccountKey key;
        key.id = id.value;
        key.local_part = account->local_part;
        key.domain = account->domain;
        const bool has_room = co_await deps_.intake.room_for(std::move(key), size);
        if (has_room) continue;
        refuse_recipient(ReplyId::over_quota, candidate.argument);
        co_return;
    }
    accept_recipient(candidate.mailbox, candidate.decision);
}

// Not counted with the other errors: a list with some stale addresses is honest, hundreds of them are not.
void Session::refuse_recipient(ReplyId id, std::string_view argument)
{
    transaction_->count_refused();
    metrics_.refused_recipients.add();
    const Reply& why = find_reply(id);
    deps_.log.info("recipient refused", {{"peer", peer_},
                                         {"from", mail::format_path(transaction_->mail().reverse_path)},
                                         {"to", argument},
                                         {"code", why.code},
                                         {"reason", why.text}});
    if (deps_.recorder != nullptr) trace_refused(transaction_id(), why, nullptr, std::string(argument));
    const bool is_guess = why.code >= 500 && !is_local();
    if (is_guess && ++refused_recipients_ > options_->max_refused_recipients) {
        linger_ = true;
        return hang_up(ReplyId::too_many_refused_recipients);
    }
    reply(id);
}

void Session::on_data(std::string_view /*argument*/)
{
    // RFC 3030 section 3: binary content has no line that could end it (HOSTILE row A7).
    if (transaction_->mail().body == BodyKind::binary_mime) return refuse(ReplyId::bad_sequence);
    if (phase_ == Phase::recipients) {
        step_ = Step::receive_message;
        return;
    }
    // RFC 5321 section 3.3 knows both; 554 tells a client that pipelined why nothing came of it.
    refuse(transaction_->refused() > 0 ? ReplyId::no_valid_recipients : ReplyId::bad_sequence);
}

void Session::on_rset(std::string_view /*argument*/)
{
    forget_transaction();
    reply(ReplyId::reset);
}

void Session::on_noop(std::string_view /*argument*/)
{
    reply(ReplyId::noop);
}

void Session::on_vrfy(std::string_view argument)
{
    // RFC 5321 section 7.3: nobody else learns who exists.
    if (options_->vrfy != Verifying::users || !login_) return reply(ReplyId::cannot_verify);
    if (argument.starts_with('<') && argument.ends_with('>')) argument = argument.substr(1, argument.size() - 2);
    const auto mailbox = mail::parse_mailbox(argument);
    if (!mailbox || mailbox->needs_utf8) return reply(ReplyId::cannot_verify);
    const auto reached = deps_.directory.snapshot()->resolve(mailbox->local_part, mailbox->domain);
    switch (reached.resolution) {
    case directory::Resolution::found: return reply(ReplyId::verified, "<" + mail::format_mailbox(*mailbox) + ">");
    case directory::Resolution::unknown_domain: return reply(ReplyId::cannot_verify);
    case directory::Resolution::unknown_mailbox: return reply(ReplyId::unknown_mailbox);
    case directory::Resolution::disabled: return reply(ReplyId::disabled_mailbox);
    case directory::Resolution::loop: return reply(ReplyId::alias_loop);
    case directory::Resolution::too_many: return reply(ReplyId::list_too_large);
    }
}

void Session::on_help(std::string_view /*argument*/)
{
    reply(ReplyId::help);
}

void Session::on_quit(std::string_view /*argument*/)
{
    reply(ReplyId::bye);
    open_ = false;
}

void Session::on_bdat(std::string_view argument)
{
    const auto chunk = parse_bdat(argument);
    if (!chunk) {
        // What follows is no command, and nobody knows how long it is.
        metrics_.errors.add();
        linger_ = true;
        return hang_up(ReplyId::chunk_size_unknown);
    }
    chunk_ = *chunk;
    step_ = Step::receive_chunk;
}

bool Session::may_proxy() const
{
    const net::PeerInfo& peer = stream_->peer();
    return !peer.is_unix && std::ranges::any_of(options_->xclient_networks, [&peer](const net::IpNetwork& network) {
        return network.contains(peer.remote.address);
    });
}

// From now on the session is with whom the proxy speaks for, from its beginning on.
void Session::on_xclient(std::string_view argument)
{
    if (!may_proxy()) {
        metrics_.errors.add();
        linger_ = true;
        return hang_up(ReplyId::xclient_denied); // HOSTILE row C12
    }
    const auto said = parse_xclient(argument);
    if (!said) return refuse(ReplyId::bad_argument);
    if (said->address) client_.remote.address = *said->address;
    if (said->port) client_.remote.port = *said->port;
    peer_ = client_.text() + " by " + stream_->peer().text();
    begin_anew();
    greeting_name_ = said->helo.value_or(std::string());
    reply(ReplyId::greeting, greeting_words());
}

// Whether so many more are over what the account may send within an hour; then the answer is given.
bool Session::is_over_account_limit(std::uint64_t messages, std::uint64_t recipients)
{
    if (!login_) return false;
    const SteadyTime now = deps_.clock.steady();
    const auto judge = [&](RateTable& table, std::uint64_t count, std::uint64_t limit, std::string_view what) {
        if (limit == 0 || table.within_hour(login_->address, now) + count <= limit) return false;
        const auto wait = table.wait_for(login_->address, count, limit, now);
        deps_.log.notice("account over its sending limit", {{"account", login_->address}, {"limit", limit}, {"of", what}});
        reply(ReplyId::account_limit, std::to_string(limit) + " " + std::string(what) + " an hour, try again in " +
                                          std::to_string(wait.count()) + " minutes");
        return true;
    };
    return judge(server_.account_messages_, messages, options_->max_messages_per_hour, "messages") ||
           judge(server_.account_recipients_, recipients, options_->max_recipients_per_hour, "recipients");
}

bool Session::is_trusted() const
{
    return client_.unix_uid == 0 || std::ranges::count(options_->trusted_uids, client_.unix_uid) != 0;
}

// A program that went wild, or one that somebody broke into, fills no mailbox and no queue.
bool Session::is_over_local_limit()
{
    const std::uint64_t limit = options_->max_local_messages_per_hour;
    if (!is_local() || limit == 0 || is_trusted()) return false;
    const SteadyTime now = deps_.clock.steady();
    if (server_.account_messages_.within_hour(local_user(), now) < limit) return false;
    const auto wait = server_.account_messages_.wait_for(local_user(), 1, limit, now);
    deps_.log.notice("local user over the sending limit", {{"peer", peer_}, {"limit", limit}});
    reply(ReplyId::account_limit, std::to_string(limit) + " messages an hour, try again in " + std::to_string(wait.count()) +
                                      " minutes");
    return true;
}

bool Session::is_over_network_limit()
{
    const std::uint64_t limit = options_->max_recipients_per_network_hour;
    if (limit == 0 || role_ != Role::mx || client_.is_unix) return false;
    const SteadyTime now = deps_.clock.steady();
    const std::string network = client_.remote.address.network().text();
    const std::uint64_t count = transaction_->accepted() + 1;
    if (server_.network_recipients_.within_hour(network, now) + count <= limit) return false;
    deps_.log.notice("network over its limit of recipients", {{"peer", peer_}, {"limit", limit}});
    const auto wait = server_.network_recipients_.wait_for(network, count, limit, now);
    reply(ReplyId::network_limit, std::to_string(wait.count()));
    return true;
}

// A message was accepted.
void Session::count_sending()
{
    const SteadyTime now = deps_.clock.steady();
    const std::uint64_t recipients = transaction_->accepted();
    if (login_) {
        if (options_->max_messages_per_hour != 0) server_.account_messages_.add(login_->address, 1, now);
        if (options_->max_recipients_per_hour != 0) server_.account_recipients_.add(login_->address, recipients, now);
    }
    if (is_local() && options_->max_local_messages_per_hour != 0 && !is_trusted()) {
        server_.account_messages_.add(local_user(), 1, now);
    }
    const bool is_counted = options_->max_recipients_per_network_hour != 0 && role_ == Role::mx && !client_.is_unix;
    if (is_counted) server_.network_recipients_.add(client_.remote.address.network().text(), recipients, now);
}

void Session::on_not_implemented(std::string_view /*argument*/)
{
    refuse(ReplyId::not_implemented);
}

} // namespace mbx::smtp
