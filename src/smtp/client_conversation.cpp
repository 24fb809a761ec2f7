#include "smtp/client_conversation.hpp"

#include <algorithm>
#include <set>
#include <utility>

#include "base/ascii.hpp"

namespace mbx::smtp {

namespace {

using Verdict = queue::Answer::Verdict;

// What is said before the answers are read: less than any send buffer holds, so that two sides that write cannot wait for
// each other (RFC 2920 section 3.1).
constexpr std::size_t kPipelinedBytes = 8 * 1024;
// RFC 5321 section 4.5.3.1.8: every server takes so many.
constexpr std::size_t kRecipientsOfTransaction = 100;
constexpr std::uint32_t kMostOfTransaction = 1000;  // whatever the server says that it takes
constexpr std::string_view kResetCommand = "RSET\r\n";
constexpr std::string_view kDataCommand = "DATA\r\n";

std::chrono::seconds time_for(const ClientOptions& options, ClientStep step)
{
    switch (step) {
    case ClientStep::greeting: return options.greeting_time;
    case ClientStep::hello:
    case ClientStep::start_tls:
    case ClientStep::authentication:
    case ClientStep::mail: return options.mail_time;
    case ClientStep::recipient: return options.recipient_time;
    case ClientStep::data: return options.data_start_time;
    case ClientStep::content: return options.data_end_time;
    }
    return options.mail_time;
}

}  // namespace

ClientConversation::ClientConversation(net::Workers& workers, FileSystem& files, const Clock& clock,
                                       std::unique_ptr<net::ByteStream> stream, ClientOptions options)
    : workers_(workers), files_(files), clock_(clock), options_(std::move(options)), link_(std::move(stream), clock),
      address_(link_.stream().peer().text())
{
}

bool ClientConversation::is_usable() const
{
    const bool is_at_limit = offer_.mail_max != 0 && transactions_ >= offer_.mail_max;
    return is_alive_ && !link_.is_interrupted() && messages_ < options_.max_messages && !is_at_limit;
}

// As many as fit into a transaction: those that every server takes, or what this one says (RFC 9422).
std::vector<ClientConversation::Slot*> ClientConversation::choose_slots(Delivery& delivery) const
{
    const std::size_t most = offer_.rcpt_max == 0 ? kRecipientsOfTransaction : std::min(offer_.rcpt_max, kMostOfTransaction);
    std::vector<Slot*> chosen;
    std::set<std::string> domains;
    for (std::size_t i = 0; i < delivery.slots.size() && chosen.size() < most; ++i) {
        Slot& slot = delivery.slots[i];
        if (slot.state != Slot::State::waiting) continue;
        if (offer_.rcpt_domain_max != 0) {
            const std::string& address = delivery.outgoing.envelope->recipients[delivery.outgoing.recipients[i]].address;
            std::string domain = ascii::to_lower(address.substr(std::min(address.rfind('@'), address.size())));
            if (!domains.contains(domain) && domains.size() >= offer_.rcpt_domain_max) continue;
            domains.insert(std::move(domain));
        }
        chosen.push_back(&slot);
    }
    return chosen;
}

co::Task<std::vector<queue::Answer>> ClientConversation::deliver(const queue::Outgoing& outgoing)
{
    Delivery delivery{outgoing, {workers_, files_, outgoing}, {}, {}, {}, {}};
    delivery.slots.resize(outgoing.recipients.size());
    ++messages_;
    const std::optional<queue::Answer> obstacle = co_await prepare(delivery);
    if (obstacle) answer_open(delivery.slots, *obstacle);
    co_await transact_all(delivery);
    std::vector<queue::Answer> answers;
    answers.reserve(delivery.slots.size());
    for (Slot& slot : delivery.slots) {
        if (!slot.is_told) sign(slot.answer);
        answers.push_back(std::move(slot.answer));
    }
    co_return answers;
}

// Until no slot is open.
co::Task<void> ClientConversation::transact_all(Delivery& delivery)
{
    Round round;
    round.slots = choose_slots(delivery);
    while (!round.slots.empty()) {
        if (offer_.mail_max != 0 && transactions_ >= offer_.mail_max) {
            answer_open(delivery.slots, own_answer(Verdict::temporary, "4.7.0", "the server takes no more messages in a connection"));
            co_return;
        }
        ++transactions_;
        co_await transact(delivery, round);
        round = Round();
        round.slots = choose_slots(delivery);
        if (round.slots.empty()) co_return;
        const bool goes_on = co_await tell(delivery);
        if (!goes_on) {
            answer_open(delivery.slots, own_answer(Verdict::temporary, "4.3.0", "what the server said of other recipients could not be recorded"));
            co_return;
        }
    }
}

// What has been answered since the last time. It may take the server minutes to answer for the others.
co::Task<bool> ClientConversation::tell(Delivery& delivery)
{
    std::vector<queue::ToldAnswer> told;
    for (std::size_t i = 0; i < delivery.slots.size(); ++i) {
        Slot& slot = delivery.slots[i];
        if (slot.state != Slot::State::done || slot.is_told) continue;
        sign(slot.answer);
        slot.is_told = true;
        told.push_back({delivery.outgoing.recipients[i], slot.answer});
    }
    if (told.empty() || !delivery.outgoing.tell) co_return true;
    co_return co_await delivery.outgoing.tell(std::move(told));
}

void ClientConversation::sign(queue::Answer& answer) const
{
    answer.host = options_.host;
    answer.address = address_;
    answer.tls = tls_;
    answer.tls_failure = options_.tls.failure;
    answer.at = clock_.wall();
    answer.passed_dsn = answer.verdict == Verdict::delivered && offer_.dsn;
}

void ClientConversation::answer_open(std::vector<Slot>& slots, const queue::Answer& answer)
{
    for (Slot& slot : slots) {
        if (slot.state == Slot::State::done) continue;
        slot.answer = answer;
        slot.state = Slot::State::done;
    }
}

// Whose own address the peer cannot take hears of that, whatever else of the message it cannot take.
void ClientConversation::refuse_addresses(Delivery& delivery)
{
    for (std::size_t i = 0; i < delivery.slots.size(); ++i) {
        const std::string& address = delivery.outgoing.envelope->recipients[delivery.outgoing.recipients[i]].address;
        Slot& slot = delivery.slots[i];
        if (slot.state == Slot::State::done || make_client_path(address, offer_.smtputf8)) continue;
        slot.answer = address_not_transportable(address);
        slot.state = Slot::State::done;
    }
}

// Looks at the message and at what the peer can take, and prepares the commands. An answer for all: it cannot be sent.
co::Task<std::optional<queue::Answer>> ClientConversation::prepare(Delivery& delivery)
{
    if (!is_alive_) {
        const LinkFault fault{LinkFault::Kind::broken, {}};
        co_return fault_answer(fault, ClientStep::mail, false);
    }
    const auto facts = co_await delivery.source.scan();
    if (!facts) co_return unreadable(facts.error());
    const bool is_encrypted = link_.has_stream() && link_.stream().is_encrypted();
    auto planned = plan_message(delivery.outgoing, *facts, offer_, is_encrypted);
    if (!planned && planned.error().enhanced == kNeedsUtf8) refuse_addresses(delivery);
    if (!planned) co_return planned.error();
    delivery.plan = *planned;
    if (delivery.plan.rewriting) {
        auto downgrade = co_await delivery.source.survey(*delivery.plan.rewriting);
        if (!downgrade) co_return unreadable(downgrade.error());
        if (downgrade->is_possible) {
            delivery.plan.size = downgrade->size;
            delivery.downgrade = std::move(*downgrade);
        } else if ((facts->eight_bit && !offer_.eight_bit_mime) || facts->nul) {
            // RFC 6152 section 3 (HOSTILE row A7): never raw to who did not say that it takes it.
            const char* why = downgrade->is_signed
                                  ? "a signed part of the message holds bytes that the server does not take, and converting it would break the signature"
                                  : "the message holds bytes that the server does not take, and cannot be converted";
            co_return own_answer(Verdict::permanent, "5.6.3", why);
        } else {
            // Lines that are too long, where no encoding reaches: most servers take them.
            delivery.plan.rewriting.reset();
        }
    }
    if (auto too_large = judge_size(delivery.plan, offer_)) co_return too_large;
    const queue::Envelope& envelope = *delivery.outgoing.envelope;
    auto mail = make_mail_command(envelope, delivery.plan, offer_);
    if (!mail) co_return address_not_transportable(envelope.reverse_path);
    delivery.mail_command = std::move(*mail);
    for (std::size_t i = 0; i < delivery.slots.size(); ++i) {
        const queue::Recipient& recipient = envelope.recipients[delivery.outgoing.recipients[i]];
        Slot& slot = delivery.slots[i];
        auto command = make_rcpt_command(recipient, delivery.plan, offer_);
        if (command) {
            slot.command = std::move(*command);
            continue;
        }
        slot.answer = address_not_transportable(recipient.address);
        slot.state = Slot::State::done;
    }
    co_return std::nullopt;
}

// One MAIL with its RCPTs, and the content where somebody takes it. Afterwards no slot of the round is open, but for
// those that the peer wants in another transaction.
co::Task<void> ClientConversation::transact(Delivery& delivery, Round& round)
{
    co_await address(delivery, round);
    const bool has_content = !round.is_lost && round.is_mail_accepted && round.accepted != 0;
    if (has_content) {
        co_await transfer(delivery, round);
    } else if (!round.is_lost && round.data && round.data->code == 354) {
        co_await abandon_data(round);
    }
    const bool is_delivered = std::ranges::any_of(round.slots, [](const Slot* slot) {
        return slot->state == Slot::State::done && slot->answer.verdict == Verdict::delivered;
    });
    for (Slot* slot : round.slots) {
        if (slot->state != Slot::State::crowded) continue;
        // The message went to some: to the others at once, while the peer is there.
        slot->state = is_delivered && is_alive_ ? Slot::State::waiting : Slot::State::done;
    }
    if (is_alive_) co_return;
    // The message cannot go on here, for nobody.
    const LinkFault broken{LinkFault::Kind::broken, {}};
    queue::Answer lost = fault_answer(broken, ClientStep::mail, false);
    for (const Slot* slot : round.slots) {
        if (slot->answer.verdict == Verdict::temporary && !slot->answer.is_uncertain) lost = slot->answer;
    }
    answer_open(delivery.slots, lost);
}

std::vector<ClientConversation::Command> ClientConversation::commands_of(Delivery& delivery, Round& round) const
{
    std::vector<Command> commands;
    commands.reserve(round.slots.size() + 3);
    if (needs_reset_) commands.push_back({ClientStep::mail, true, nullptr, kResetCommand});
    commands.push_back({ClientStep::mail, false, nullptr, delivery.mail_command});
    for (Slot* slot : round.slots) {
        slot->state = Slot::State::asked;
        commands.push_back({ClientStep::recipient, false, slot, slot->command});
    }
    // BDAT waits until somebody has accepted: its bytes are sent for nothing otherwise.
    if (!delivery.plan.is_binary) commands.push_back({ClientStep::data, false, nullptr, kDataCommand});
    return commands;
}

// With PIPELINING as many commands at once as are safe, DATA the last of them (RFC 2920 section 3.1); without, one by one.
co::Task<void> ClientConversation::address(Delivery& delivery, Round& round)
{
    const std::vector<Command> commands = commands_of(delivery, round);
    const std::size_t room = offer_.pipelining ? kPipelinedBytes : 0;
    for (std::size_t first = 0; first < commands.size();) {
        if (commands[first].step == ClientStep::data && round.accepted == 0) co_return;
        std::string batch;
        std::size_t last = first;
        do {
            batch += commands[last].text;
            ++last;
        } while (last < commands.size() && batch.size() + commands[last].text.size() <= room);
        const auto sent = co_await link_.send(batch, time_for(options_, commands[first].step));
        // Without a word of theirs: they may have said 421 and gone.
        if (!sent && sent.error().kind != LinkFault::Kind::broken) {
            lose(round, fault_answer(sent.error(), commands[first].step, false));
            co_return;
        }
        for (; first < last; ++first) {
            const Command& command = commands[first];
            const auto reply = co_await link_.reply(time_for(options_, command.step));
            if (!reply) {
                lose(round, fault_answer(reply.error(), command.step, false));
                co_return;
            }
            take_reply(command, *reply, round);
            if (round.is_lost) co_return;
        }
        if (round.is_mail_answered && !round.is_mail_accepted) co_return;
    }
}

void ClientConversation::take_reply(const Command& command, const RemoteReply& reply, Round& round)
{
    queue::Answer answer = answer_of(reply, command.step);
    if (reply.closes()) return lose(round, answer);
    if (command.is_reset) {
        needs_reset_ = false;
        // RFC 5321 section 4.1.1.5 knows 250 only: with anything else we do not know where we are.
        if (!reply.is_success()) lose(round, out_of_place(reply, "RSET"));
        return;
    }
    if (reply.code_class() == 3 && command.step != ClientStep::data) return lose(round, out_of_place(reply, name_of(command.step)));
    if (command.step == ClientStep::mail) {
        round.is_mail_answered = true;
        round.is_mail_accepted = reply.is_success();
        if (round.is_mail_accepted) {
            needs_reset_ = true;
            return;
        }
        for (Slot* slot : round.slots) {
            slot->answer = answer;
            slot->state = Slot::State::done;
        }
        return;
    }
    if (command.step == ClientStep::data) {
        round.data = reply;
        return;
    }
    // What is said to a RCPT behind a refused MAIL is about the order of commands.
    if (!round.is_mail_accepted) return;
    Slot& slot = *command.slot;
    slot.answer = std::move(answer);
    if (reply.is_success()) {
        slot.state = Slot::State::accepted;
        ++round.accepted;
        return;
    }
    slot.state = is_too_many_recipients(reply) ? Slot::State::crowded : Slot::State::done;
}

// Nothing more can be said: whoever has no answer has this one.
void ClientConversation::lose(Round& round, const queue::Answer& answer)
{
    is_alive_ = false;
    round.is_lost = true;
    for (Slot* slot : round.slots) {
        if (slot->state == Slot::State::done) continue;
        if (slot->state != Slot::State::crowded) {
            slot->answer = answer;
            // A 421 is not about them (RFC 5321 section 3.8).
            if (slot->answer.verdict != Verdict::permanent) slot->answer.verdict = Verdict::temporary;
        }
        slot->state = Slot::State::done;
    }
}

// DATA was taken though nobody accepted: an empty message ends it, and whatever is said to that is about nothing
// (RFC 2920 section 3.1).
co::Task<void> ClientConversation::abandon_data(Round& round)
{
    const std::string_view end = ".\r\n";
    const auto sent = co_await link_.send(end, options_.data_block_time);
    if (!sent) {
        lose(round, fault_answer(sent.error(), ClientStep::content, false));
        co_return;
    }
    const auto reply = co_await link_.reply(options_.data_end_time);
    if (!reply || reply->closes()) is_alive_ = false;
    needs_reset_ = true;
}

co::Task<void> ClientConversation::end()
{
    if (!link_.has_stream()) co_return;
    const std::string_view quit = "QUIT\r\n";
    if (is_alive_ && !link_.is_interrupted()) {
        const auto sent = co_await link_.send(quit, options_.quit_time);
        // Its words change nothing; waiting for them spares both sides a reset.
        if (sent) (void)co_await link_.reply(options_.quit_time);
        const net::Deadline soon{clock_.steady() + std::chrono::seconds(1)};
        if (link_.has_stream()) (void)co_await link_.stream().shutdown_write(soon);
    }
    is_alive_ = false;
    link_.close();
}

}  // namespace mbx::smtp
