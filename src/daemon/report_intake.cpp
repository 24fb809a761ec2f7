#include "daemon/report_intake.hpp"

#include <utility>

#include "daemon/own_mail.hpp"
#include "mail/received.hpp"
#include "smtp/recipient.hpp"

namespace mbx::daemon {
namespace {

std::string_view words_for(intake::IntakeError error)
{
    switch (error) {
    case intake::IntakeError::no_space: return "the disk has no room";
    case intake::IntakeError::failure: return "it could not be written";
    case intake::IntakeError::over_quota: return "the mailbox is full";
    }
    return "";
}

}  // namespace

std::string ReportIntake::why_not_told(const std::string& to) const
{
    const auto mailbox = mail::parse_mailbox(to);
    if (!mailbox || !policy::Srs::is_forwarder(mailbox->local_part)) return {};
    const auto id = ground_.srs.forwarder_of(*mailbox, ground_.clock.wall());
    // 0: what several forward is told to the administrators by its name.
    if (!id || *id == 0) return {};
    const auto snapshot = ground_.directory.snapshot();
    const directory::Account* account = snapshot->find(directory::AccountId{*id});
    if (account == nullptr) return "is not there any more";
    return account->enabled ? std::string() : "is switched off";
}

// Whom it reaches. False: nobody.
bool ReportIntake::address(const queue::Report& report, intake::Envelope& envelope) const
{
    const auto mailbox = mail::parse_mailbox(report.to);
    if (!mailbox) return false;
    const auto snapshot = ground_.directory.snapshot();
    // Our own word may go anywhere, as that of programs of this machine may, and to their names too: root is no mailbox.
    const auto decision = smtp::judge_recipient({*snapshot, smtp::Role::local, true, ground_.srs, ground_.clock.wall(),
                                                 host_name_, system_mail_to_},
                                                *mailbox);
    if (decision.reply != smtp::ReplyId::recipient_accepted) return false;
    add_recipients(*snapshot, decision, ground_.srs, envelope);
    for_each_outgoing(envelope, [&report](queue::Envelope& each) {
        each.smtputf8 = report.smtputf8;
        each.body = queue::BodyKind::eight_bit;
    });
    return !envelope.recipients.empty() || envelope.is_for_others();
}

co::Task<queue::Taken> ReportIntake::drop(std::string to, queue::LedgerRecord record, queue::Ledger::Hold* hold)
{
    ground_.log.notice("queue: a report has nobody to go to", {{"to", to}});
    auto entered = ground_.ledger.append(std::move(record));
    if (entered.lsn == 0) co_return queue::Taken(std::string(), std::string(words_for(intake::IntakeError::failure)));
    const bool is_durable = co_await ground_.ledger.durable(entered.lsn);
    if (!is_durable) co_return queue::Taken(std::string(), std::string(words_for(intake::IntakeError::failure)));
    if (hold != nullptr) *hold = std::move(entered.hold);
    co_return std::string(queue::kNobodyToTell);
}

co::Task<queue::Taken> ReportIntake::accept(queue::Report report, MakeRecord record, queue::Ledger::Hold* hold)
{
    intake::Envelope envelope;
    if (!address(report, envelope)) {
        if (!record) co_return std::string(queue::kNobodyToTell);
        queue::LedgerRecord made = record(queue::kNobodyToTell);
        co_return co_await drop(std::move(report.to), std::move(made), hold);
    }
    std::string id = ground_.intake.new_trace_id();
    intake::Draft draft = ground_.intake.new_draft();
    std::string prefix;
    if (!envelope.recipients.empty()) prefix = mail::make_return_path(std::nullopt);
    for_each_outgoing(envelope, [&prefix](queue::Envelope& each) { each.kept_back = prefix.size(); });
    if (!prefix.empty()) draft.set_prefix(std::move(prefix));
    const auto stored = co_await draft.append(report.bytes);
    if (!stored) co_return queue::Taken(std::string(), std::string(words_for(stored.error())));
    std::string given = id;
    const intake::Envelope seen = envelope;
    envelope.tell = [&seen, &report](const intake::Receipt& receipt) {
        return events_of_own_mail(receipt, seen, "a report about a message of theirs, or one that they forward, made here", report.bytes);
    };
    intake::Intake::QueueChange change;
    if (record) change = [&record, &id] { return record(id); };
    const auto receipt = co_await ground_.intake.accept_with(std::move(given), std::move(envelope), std::move(draft),
                                                             std::move(change), hold);
    if (!receipt) co_return queue::Taken(std::string(), std::string(words_for(receipt.error())));
    co_return id;
}

}  // namespace mbx::daemon
