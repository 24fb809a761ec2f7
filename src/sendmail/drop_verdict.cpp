#include "sendmail/drop_verdict.hpp"

#include <optional>
#include <utility>

namespace mbx::sendmail {

namespace {

Reply no_mailbox() { return {501, "5.1.3 this is no address"}; }

class Replies {
public:
    explicit Replies(std::string heard) : heard_(std::move(heard)) {}
    // Code 0: there was none.
    Reply next()
    {
        auto reply = take_reply(heard_);
        return reply ? *std::move(reply) : Reply{};
    }

private:
    std::string heard_;
};

DropVerdict later(Reply because)
{
    DropVerdict verdict;
    verdict.is_later = true;
    verdict.because = std::move(because);
    return verdict;
}

}  // namespace

std::string drop_script(const Letter& letter, std::string_view host, std::uint64_t size)
{
    const auto mail = mail_command(letter, host, size);
    if (!mail) return {};
    std::string script = "EHLO localhost\r\n" + *mail;
    bool has_recipient = false;
    for (const Address& each : letter.recipients) {
        const auto rcpt = rcpt_command(letter, each, host);
        if (!rcpt) continue;
        script += *rcpt;
        has_recipient = true;
    }
    return has_recipient ? script + "BDAT " + std::to_string(size) + " LAST\r\n" : std::string();
}

DropVerdict judge_drop(const Letter& letter, std::string_view host, std::string heard)
{
    Replies replies(std::move(heard));
    for (int opening = 0; opening < 2; ++opening) {
        auto reply = replies.next();
        if (!reply.is_done()) return later(std::move(reply));
    }
    const auto sender = replies.next();
    if (!sender.is_done() && !sender.is_refusal()) return later(sender);
    DropVerdict verdict;
    if (sender.is_refusal()) {
        verdict.is_sender_refused = true;
        for (const Address& each : letter.recipients) verdict.failed.push_back({each, sender});
        return verdict;
    }
    std::vector<Address> taken;
    for (const Address& each : letter.recipients) {
        const bool is_named = rcpt_command(letter, each, host).has_value();
        auto reply = is_named ? replies.next() : no_mailbox();
        if (reply.code == 0) return later({});  // the conversation ended before the message was taken
        if (reply.is_done()) taken.push_back(each);
        else verdict.failed.push_back({each, std::move(reply)});
    }
    auto end = replies.next();
    if (taken.empty()) {
        // All were refused, or some of them only for the moment.
        for (const FailedDrop& each : verdict.failed) {
            if (!each.reply.is_refusal()) return later(each.reply);
        }
        return verdict;
    }
    if (!end.is_done() && !end.is_refusal()) return later(std::move(end));
    if (end.is_done()) return verdict;
    for (Address& each : taken) verdict.failed.push_back({std::move(each), end});
    return verdict;
}

}  // namespace mbx::sendmail
