// What a session tells the trace. It is on the loop for every message: a few short texts, and one look at the header.
#include <algorithm>
#include <chrono>
#include <map>
#include <set>
#include <utility>

#include "base/ascii.hpp"
#include "smtp/session.hpp"

namespace mbx::smtp {

namespace {

constexpr std::size_t kMostQueued = 1000; // recipients that the trace is told of one by one

void add_header_facts(const Reception& reception, std::string message_id, trace::Event& event)
{
    event.facts.emplace_back("subject", reception.traced().subject());
    event.facts.emplace_back("message_id", std::move(message_id));
}

std::string_view name_of(directory::Expansion::Kind kind)
{
    switch (kind) {
    case directory::Expansion::Kind::alias: return "alias";
    case directory::Expansion::Kind::list: return "list";
    case directory::Expansion::Kind::forward: return "forward";
    case directory::Expansion::Kind::forward_and_copy: return "forward and copy";
    case directory::Expansion::Kind::catch_all: return "catch-all";
    case directory::Expansion::Kind::administrators: return "administrators";
    case directory::Expansion::Kind::kept: return "kept";
    }
    return "";
}

// "ann@example.org, bob@example.org and 3 others (alias)"
std::string words_of(const directory::Expansion& one)
{
    if (one.kind == directory::Expansion::Kind::kept) return "itself: its forwarding reaches nobody";
    std::string words;
    for (const std::string& address : one.first) words += (words.empty() ? "" : ", ") + address;
    if (one.count > one.first.size()) words += " and " + std::to_string(one.count - one.first.size()) + " others";
    return words + " (" + std::string(name_of(one.kind)) + ")";
}

// The address of the list that this owner hears of.
std::string list_of(const directory::Snapshot& snapshot, const std::vector<directory::Expansion>& steps, const std::string& owner)
{
    for (const directory::Expansion& step : steps) {
        if (step.kind != directory::Expansion::Kind::list) continue;
        const auto alias = std::ranges::find(snapshot.aliases(), step.address, &directory::Alias::address);
        if (alias != snapshot.aliases().end() && alias->owner == owner) return step.address;
    }
    return owner;
}

using Forwarded = std::pair<directory::AccountId, std::size_t>;

// The accounts that a way is for, each with how many addresses it sends on to, in the order of their recipients.
std::vector<Forwarded> forwarders_in(const std::vector<OutsideRecipient>& outside, std::size_t way)
{
    std::vector<Forwarded> all;
    std::map<directory::AccountId, std::size_t> places;
    for (const OutsideRecipient& one : outside) {
        if (one.way != way || one.forwarders.empty()) continue;
        const auto [place, is_new] = places.emplace(one.forwarders.front(), all.size());
        if (is_new) all.emplace_back(one.forwarders.front(), 0);
        ++all[place->second].second;
    }
    return all;
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

// The one that make_prefix() added where there was none: reports name it, so it is searched for.
std::string Session::message_id_of(const Incoming& incoming) const
{
    const bool is_added = incoming.header && incoming.reception.header().message_id == 0;
    return is_added ? incoming.trace_id + "@" + options_->hostname : incoming.reception.traced().message_id();
}

// The intake records them when the message is durable; they stand in the journal beside it.
std::vector<trace::Event> Session::events_of_acceptance(const intake::Receipt& receipt, const Incoming& incoming) const
{
    std::vector<trace::Event> events;
    tell_accepted(receipt, incoming, events);
    tell_expansions(receipt, incoming, events);
    return events;
}

void Session::tell_accepted(const intake::Receipt& receipt, const Incoming& incoming, std::vector<trace::Event>& events) const
{
    const Reception& reception = incoming.reception;
    const std::string& trace_id = receipt.trace_id;
    trace::Event event = begin_event(trace::EventKind::accepted, trace_id);
    event.at = receipt.accepted;
    event.facts.emplace_back("size", std::to_string(receipt.size));
    event.facts.emplace_back("recipients", std::to_string(transaction_->accepted()));
    add_header_facts(reception, message_id_of(incoming), event);
    const WallTime at = event.at;
    events.push_back(std::move(event));
    // Who waits for a first attempt is seen by that (mailboxctl slo).
    std::size_t room = kMostQueued;
    const std::size_t leading = transaction_->leading_way();
    for (const OutsideRecipient& one : transaction_->outside()) {
        if (one.way != leading) continue;
        if (room-- == 0) break;
        events.push_back({trace_id, trace::EventKind::queued, at, one.address, {}, {}});
    }
}

// By which steps the recipients were found, and the messages that lists made of it.
void Session::tell_expansions(const intake::Receipt& receipt, const Incoming& incoming, std::vector<trace::Event>& events) const
{
    const std::string& trace_id = receipt.trace_id;
    // Of one address there may be several at once: each has its own moment, by which the trace tells them apart.
    WallTime at = receipt.accepted;
    const auto tell = [&](const std::string& address, std::string words, std::string_view how, std::size_t count, std::string as = {}) {
        trace::Event event{trace_id, trace::EventKind::expanded, at, address, std::move(words), {}};
        event.facts.emplace_back("how", how);
        event.facts.emplace_back("count", std::to_string(count));
        if (!as.empty()) event.facts.emplace_back("as", std::move(as));
        events.push_back(std::move(event));
        at += std::chrono::microseconds(1);
    };
    // Who is reached by several ways is led on once.
    std::set<std::pair<std::string, std::string>> told;
    for (const directory::Expansion& one : transaction_->expansions()) {
        const auto [step, is_new] = told.emplace(one.address, words_of(one));
        if (is_new) tell(one.address, step->second, name_of(one.kind), one.count);
    }
    const auto snapshot = deps_.directory.snapshot();
    for (const directory::AccountId id : transaction_->held_back().accounts) {
        const directory::Account* account = snapshot->find(id);
        if (account == nullptr) continue;
        tell(account->address(), "itself: it had sent this message on before, and it came back", "loop", 1);
    }
    std::size_t number = transaction_->leading_way();
    for (const intake::Receipt::Further& way : receipt.further) {
        const auto& outside = transaction_->outside();
        const auto one = std::ranges::find(outside, ++number, &OutsideRecipient::way);
        const bool is_list = one != outside.end() && !one->owner.empty();
        const std::vector<Forwarded> forwarders = is_list ? std::vector<Forwarded>() : forwarders_in(outside, number);
        const std::string_view what = is_list ? "members of a list elsewhere" : forwarders.size() > 1 ? "what accounts forward" : "what an account forwards";
        tell_way(receipt, way, what, incoming, events);
        if (one == outside.end()) continue;
        if (is_list) {
            const std::size_t count = way.recipients.size();
            tell(list_of(*snapshot, transaction_->expansions(), one->owner), std::to_string(count) + " members elsewhere, in message " + way.id,
                 "list", count, way.id);
            continue;
        }
        // Each of those who share it by name: whoever asks for one of them finds the message.
        for (const auto& [id, count] : forwarders) {
            const directory::Account* account = snapshot->find(id);
            tell(account == nullptr ? forwarder_name(*snapshot, *one) : account->address(),
                 std::to_string(count) + (count == 1 ? " address" : " addresses") + " elsewhere, in message " + way.id, "forward", count, way.id);
        }
    }
}

// The message that a list or a forwarding account made, from its own beginning.
void Session::tell_way(const intake::Receipt& receipt, const intake::Receipt::Further& way, std::string_view what, const Incoming& incoming,
                       std::vector<trace::Event>& events) const
{
    const Reception& reception = incoming.reception;
    trace::Event event = begin_event(trace::EventKind::accepted, way.id);
    event.at = receipt.accepted;
    std::erase_if(event.facts, [](const auto& fact) { return fact.first == "reverse_path"; });
    if (!way.reverse_path.empty()) event.facts.emplace_back("reverse_path", way.reverse_path);
    event.facts.emplace_back("size", std::to_string(receipt.size));
    event.facts.emplace_back("recipients", std::to_string(way.recipients.size()));
    add_header_facts(reception, message_id_of(incoming), event);
    event.detail = std::string(what) + "; the message came in as " + receipt.trace_id;
    const WallTime at = event.at;
    events.push_back(std::move(event));
    std::size_t room = kMostQueued;
    for (const std::string& address : way.recipients) {
        if (room-- == 0) break;
        events.push_back({way.id, trace::EventKind::queued, at, address, {}, {}});
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
        event.facts.emplace_back("size", std::to_string(reception->size()));
        add_header_facts(*reception, reception->traced().message_id(), event);
    }
    deps_.recorder->record(std::move(event));
}

} // namespace mbx::smtp
