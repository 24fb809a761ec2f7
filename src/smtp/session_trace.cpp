// What a session tells the trace. It is on the loop for every message: a few short texts, and one look at the header.
#include <algorithm>
#include <utility>

#include "base/ascii.hpp"
#include "smtp/session.hpp"

namespace mbx::smtp {

namespace {

constexpr std::size_t kMostField = 500;

// The raw values of two fields, in one pass over lines.
struct TracedFields {
    std::string subject;
    std::string message_id;
};

TracedFields traced_fields(std::string_view front)
{
    TracedFields found;
    std::string* into = nullptr;
    while (!front.empty()) {
        const auto end = front.find('\n');
        std::string_view line = front.substr(0, end);
        front.remove_prefix(end == std::string_view::npos ? front.size() : end + 1);
        if (line.ends_with('\r')) line.remove_suffix(1);
        if (line.empty()) break;
        if (ascii::is_space(line.front())) {
            if (into != nullptr && into->size() + line.size() <= kMostField) *into += line;
            continue;
        }
        into = nullptr;
        const char first = ascii::lower(line.front());
        constexpr std::string_view kSubject = "subject:";
        constexpr std::string_view kMessageId = "message-id:";
        if (first == 's' && found.subject.empty() && ascii::starts_with(line, kSubject)) {
            into = &found.subject;
            line.remove_prefix(kSubject.size());
        } else if (first == 'm' && found.message_id.empty() && ascii::starts_with(line, kMessageId)) {
            into = &found.message_id;
            line.remove_prefix(kMessageId.size());
        }
        if (into != nullptr) *into = ascii::trim(line.substr(0, kMostField));
    }
    std::string_view id = ascii::trim(found.message_id);
    if (id.size() > 2 && id.front() == '<' && id.back() == '>') found.message_id = std::string(id.substr(1, id.size() - 2));
    return found;
}

} // namespace

// One id for all that befalls a transaction, whether it becomes a message or not.
const std::string& Session::transaction_id()
{
    if (transaction_id_.empty()) transaction_id_ = deps_.intake.new_trace_id();
    return transaction_id_;
}

trace::Event Session::begin_event(trace::EventKind kind, std::string id) const
{
    trace::Event event;
    event.id = std::move(id);
    event.kind = kind;
    event.at = deps_.clock.wall();
    constexpr std::size_t kMostFacts = 12;
    event.facts.reserve(kMostFacts);
    if (const auto& sender = transaction_->mail().reverse_path) event.facts.emplace_back("reverse_path", mail::format_mailbox(*sender));
    event.facts.emplace_back("peer", peer_);
    event.facts.emplace_back("helo", greeting_name_);
    event.facts.emplace_back("tls", stream_->is_encrypted() ? stream_->tls_facts().protocol : "none");
    if (login_) event.facts.emplace_back("account", login_->address);
    return event;
}

void Session::trace_accepted(const std::string& trace_id, const Reception& reception) const
{
    if (deps_.recorder == nullptr) return;
    trace::Event event = begin_event(trace::EventKind::accepted, trace_id);
    TracedFields fields = traced_fields(reception.front());
    event.facts.emplace_back("size", std::to_string(reception.size()));
    event.facts.emplace_back("recipients", std::to_string(transaction_->accounts().size() + transaction_->outside().size()));
    event.facts.emplace_back("subject", std::move(fields.subject));
    event.facts.emplace_back("message_id", std::move(fields.message_id));
    const WallTime at = event.at;
    deps_.recorder->record(std::move(event));
    // Who waits for a first attempt is seen by that (mailboxctl slo).
    std::size_t room = 1000;
    for (const OutsideRecipient& one : transaction_->outside()) {
        if (room-- == 0) break;
        deps_.recorder->record({trace_id, trace::EventKind::queued, at, one.address, {}, {}});
    }
}

// The message at its end, or, with a recipient, one RCPT.
void Session::trace_refused(std::string id, const Reply& why, const Reception* reception, std::string recipient) const
{
    if (deps_.recorder == nullptr) return;
    trace::Event event = begin_event(trace::EventKind::refused, std::move(id));
    event.detail = std::to_string(why.code) + " " + std::string(why.enhanced) + " " + std::string(why.text);
    // RCPT's argument, "TO:<path> …": the address alone.
    const std::size_t begin = std::min(recipient.find('<'), recipient.size());
    const std::size_t path = mail::measure_path(std::string_view(recipient).substr(begin));
    event.recipient = path > 2 ? recipient.substr(begin + 1, path - 2) : std::move(recipient);
    if (reception != nullptr) {
        TracedFields fields = traced_fields(reception->front());
        event.facts.emplace_back("size", std::to_string(reception->size()));
        event.facts.emplace_back("subject", std::move(fields.subject));
        event.facts.emplace_back("message_id", std::move(fields.message_id));
    }
    deps_.recorder->record(std::move(event));
}

} // namespace mbx::smtp
