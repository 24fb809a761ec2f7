#include "queue/report.hpp"

namespace mbx::queue {
namespace {

ReportedRecipient reported(const Entry& entry, std::size_t at, ReportKind kind)
{
    ReportedRecipient told;
    told.recipient = entry.envelope.recipients[at];
    const RecipientState& state = entry.states[at];
    told.last = state.last;
    told.attempts = state.attempts;
    told.is_expired = kind == ReportKind::failed && !state.last.enhanced.empty() && state.last.enhanced.front() == '4';
    told.is_untried = kind != ReportKind::relayed && state.attempts == 0 && state.last.at == 0 && !state.last.is_remote;
    told.is_by_administrator = !state.last.is_remote && state.last.text == kBouncedByAdministrator;
    if (told.last.enhanced.empty())
        told.last.enhanced = kind == ReportKind::failed ? "5.0.0" : kind == ReportKind::delayed ? "4.0.0" : "2.0.0";
    return told;
}

}  // namespace

// Delivery time expired (RFC 3463 section 3.5, X.4.7): nothing is known of the other server.
LastAnswer never_tried() { return {0, "4.4.7", "its time was over before it was tried", {}, 0, false}; }

LastAnswer returned_by_administrator(std::int64_t last_attempt)
{
    return {0, "5.7.0", std::string(kBouncedByAdministrator), {}, last_attempt, false};
}

bool wants_report(const Envelope& envelope, const Recipient& recipient, ReportKind kind)
{
    // Never an answer to a report (RFC 5321 section 4.5.5, RFC 3461 section 4.1; HOSTILE row I2).
    if (envelope.reverse_path.empty()) return false;
    switch (kind) {
    case ReportKind::failed: return recipient.notify.failure;
    case ReportKind::delayed: return recipient.notify.delay;
    case ReportKind::relayed: return recipient.notify.is_given && recipient.notify.success;
    }
    return false;
}

std::optional<ReportFacts> decide_report(const Entry& entry, ReportKind kind, const std::vector<std::size_t>& recipients,
                                         WallTime now, const ReportLimits& limits)
{
    ReportFacts facts;
    for (const std::size_t at : recipients) {
        if (at >= entry.states.size() || !wants_report(entry.envelope, entry.envelope.recipients[at], kind)) continue;
        facts.recipients.push_back(reported(entry, at, kind));
    }
    if (facts.recipients.empty()) return std::nullopt;
    facts.kind = kind;
    facts.id = entry.id;
    facts.to = entry.envelope.reverse_path;
    if (entry.envelope.is_forwarded) facts.forwarded_by = entry.envelope.account;
    facts.is_only_copy = entry.envelope.is_only_copy;
    facts.envelope_id = entry.envelope.envelope_id;
    facts.smtputf8 = entry.envelope.smtputf8;
    facts.accepted = wall_of(entry.accepted);
    facts.at = now;
    facts.give_up = facts.accepted + limits.lifetime;
    facts.size = entry.envelope.fields.size() + entry.size;
    // RET concerns failures alone; for the rest the header is enough (RFC 3461 section 4.3).
    const bool is_asked_for = entry.envelope.ret == ReturnKind::full_message && entry.size <= limits.max_size;
    facts.is_full_wanted = kind == ReportKind::failed && (is_asked_for || entry.envelope.is_only_copy);
    return facts;
}

}  // namespace mbx::queue
