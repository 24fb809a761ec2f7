#include "daemon/report_text.hpp"

#include <utility>

#include "mail/dsn.hpp"

namespace mbx::daemon {

namespace {

constexpr std::size_t kUniqueBytes = 12;

mail::DsnAction action_of(queue::ReportKind kind, queue::Ending ending)
{
    switch (kind) {
    case queue::ReportKind::failed: return mail::DsnAction::failed;
    case queue::ReportKind::delayed: return mail::DsnAction::delayed;
    case queue::ReportKind::relayed: break;
    }
    switch (ending) {
    case queue::Ending::elsewhere: return mail::DsnAction::relayed;
    case queue::Ending::here: return mail::DsnAction::delivered;
    case queue::Ending::expanded: return mail::DsnAction::expanded;
    }
    return mail::DsnAction::failed;
}

mail::DsnRecipient recipient_of(const queue::ReportFacts& facts, const queue::ReportedRecipient& told)
{
    mail::DsnRecipient recipient;
    recipient.action = action_of(facts.kind, told.recipient.ending);
    recipient.address = told.recipient.address;
    recipient.original = told.recipient.original;
    recipient.status = told.last.enhanced;
    recipient.code = told.last.code;
    recipient.said = told.last.text;
    recipient.is_remote = told.last.is_remote;
    recipient.host = told.last.host;
    recipient.has_expired = told.is_expired;
    recipient.is_untried = told.is_untried;
    recipient.by_administrator = told.is_by_administrator;
    // Of an attempt at this message (RFC 3464 section 2.3.7): what another one showed of the destination is none.
    if (told.last.at != 0 && told.attempts != 0) recipient.last_attempt = WallTime{std::chrono::seconds{told.last.at}};
    if (facts.kind == queue::ReportKind::delayed) recipient.retry_until = facts.give_up;
    return recipient;
}

}  // namespace

queue::ComposeReport report_composer(std::string hostname, Random& random)
{
    return [hostname = std::move(hostname), &random](const queue::ReportFacts& facts, std::string_view original) {
        mail::DsnRequest request;
        request.hostname = hostname;
        request.to = facts.forwarded_by.empty() ? facts.to : facts.forwarded_by;
        request.is_forwarded = !facts.forwarded_by.empty();
        request.is_only_copy = facts.is_only_copy;
        request.id = facts.id;
        request.unique = random.hex(kUniqueBytes);
        request.now = facts.at;
        request.arrived = facts.accepted;
        request.envelope_id = facts.envelope_id;
        request.smtputf8 = facts.smtputf8;
        request.original = original;
        request.original_size = facts.size;
        request.return_full = facts.is_full_wanted;
        // The queue's own limit has been asked before.
        if (facts.is_full_wanted) request.most_returned = original.size();
        for (const auto& told : facts.recipients) request.recipients.push_back(recipient_of(facts, told));
        mail::Dsn dsn = mail::compose_dsn(request);
        queue::Report report;
        report.to = facts.to;
        report.bytes = std::move(dsn.bytes);
        report.smtputf8 = dsn.smtputf8;
        report.eight_bit = dsn.eight_bit;
        return report;
    };
}

}  // namespace mbx::daemon
