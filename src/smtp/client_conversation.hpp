// One conversation of the client (client.hpp): messages go over it one after another. Loop thread.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "smtp/client.hpp"
#include "smtp/client_body.hpp"
#include "smtp/client_content.hpp"
#include "smtp/client_link.hpp"
#include "smtp/client_offer.hpp"

namespace mbx::smtp {

class ClientConversation final : public queue::Conversation {
public:
    ClientConversation(net::Workers& workers, FileSystem& files, const Clock& clock,
                       std::unique_ptr<net::ByteStream> stream, ClientOptions options);

    // Up to where MAIL may follow; none: it does. client_opening.cpp.
    co::Task<std::optional<ClientFailure>> open();

    co::Task<std::vector<queue::Answer>> deliver(const queue::Outgoing& outgoing) override;
    bool is_usable() const override;
    co::Task<void> end() override;
    void interrupt() override { link_.interrupt(); }

private:
    // A recipient of the message under way.
    struct Slot {
        std::string command;
        enum class State : std::uint8_t { waiting, asked, accepted, crowded, done } state = State::waiting;
        queue::Answer answer;
        bool is_told = false;  // the answer is signed, and the queue has it
    };
    // A message under way.
    struct Delivery {
        const queue::Outgoing& outgoing;
        MessageSource source;
        ClientPlan plan;
        std::optional<mail::DowngradePlan> downgrade;
        std::string mail_command;
        std::vector<Slot> slots;
    };
    // One transaction of it.
    struct Round {
        std::vector<Slot*> slots;
        std::size_t accepted = 0;
        bool is_mail_answered = false;
        bool is_mail_accepted = false;
        std::optional<RemoteReply> data;  // the answer to DATA
        bool is_lost = false;             // nothing more can be said
    };
    struct Command {
        ClientStep step = ClientStep::mail;
        bool is_reset = false;
        Slot* slot = nullptr;
        std::string_view text;
    };
    // What became of the content.
    struct Transfer {
        std::optional<queue::Answer> failure;  // for all whom it was for
        bool is_sent = false;                  // all of it, to the last byte
    };

    // client_conversation.cpp
    co::Task<std::optional<queue::Answer>> prepare(Delivery& delivery);
    void refuse_addresses(Delivery& delivery);
    std::vector<Slot*> choose_slots(Delivery& delivery) const;
    co::Task<void> transact(Delivery& delivery, Round& round);
    co::Task<void> transact_all(Delivery& delivery);
    co::Task<bool> tell(Delivery& delivery);
    std::vector<Command> commands_of(Delivery& delivery, Round& round) const;
    co::Task<void> address(Delivery& delivery, Round& round);
    void take_reply(const Command& command, const RemoteReply& reply, Round& round);
    co::Task<void> abandon_data(Round& round);
    void lose(Round& round, const queue::Answer& answer);
    static void answer_open(std::vector<Slot>& slots, const queue::Answer& answer);
    void sign(queue::Answer& answer) const;

    // client_transfer.cpp
    co::Task<void> transfer(Delivery& delivery, Round& round);
    co::Task<Transfer> send_content(Delivery& delivery);
    co::Task<Transfer> send_chunks(Delivery& delivery);
    co::Task<std::optional<queue::Answer>> send_chunk(std::string_view bytes, bool is_last, std::size_t& unanswered);
    co::Task<void> hear_verdict(Round& round);
    co::Task<queue::Answer> explain_break(const LinkFault& fault, bool is_sent);
    queue::Answer unreadable(const FileError& error);

    // client_opening.cpp
    co::Task<std::optional<ClientFailure>> hello();
    co::Task<std::optional<ClientFailure>> start_tls();
    co::Task<std::optional<ClientFailure>> shake_hands();
    ClientFailure failure(ClientFailure::Stage stage, queue::Answer answer);

    net::Workers& workers_;
    FileSystem& files_;
    const Clock& clock_;
    ClientOptions options_;
    ClientLink link_;
    std::string address_;
    PeerOffer offer_;
    std::string tls_;           // for answers
    std::uint32_t messages_ = 0;
    std::uint32_t transactions_ = 0;
    bool is_alive_ = true;      // false: nothing more can be said
    bool needs_reset_ = false;  // a transaction was begun and not ended (RFC 5321 section 4.1.1.5)
};

}  // namespace mbx::smtp
