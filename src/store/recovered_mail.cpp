#include "store/recovered_mail.hpp"

#include <utility>

#include "store/mailbox_name.hpp"
#include "store/traced_act.hpp"
#include "trace/event_record.hpp"

namespace mbx::store {

std::string account_place(const AccountKey& key)
{
    return path_component(key.domain) + "/" + path_component(key.local_part);
}

struct RecoveredMail::Adder {
    RecoveredMail& mail;
    Lsn lsn;
    const journal::Location& location;
    std::uint32_t body_offset;

    void put(const AccountKey& key, JournalRecord record) const
    {
        Account& account = mail.accounts[account_place(key)];
        account.key = key;
        account.records.push_back({lsn, std::move(record), location, body_offset});
    }
    // Each recipient's store has its own part of it: what became of the others' does not matter there.
    void keep_traced(std::string& events) const
    {
        if (!events.empty()) mail.traced_.emplace_back(lsn, std::move(events));
        events.clear();
    }
    void keep_traced(const std::vector<trace::Event>& events) const
    {
        if (!events.empty()) mail.traced_.emplace_back(lsn, trace::encode_events(events));
    }
    void operator()(AcceptedRecord& record) const
    {
        keep_traced(record.traced);
        if (!record.recipients.empty()) mail.trace_ids_.emplace(lsn, record.trace_id);
        if (!record.spool_name.empty()) mail.spool_names.insert(record.spool_name);
        const auto recipients = std::exchange(record.recipients, {});
        if (!record.outgoing.empty()) {
            mail.outgoing.push_back({lsn, record, location, body_offset});
            record.outgoing.clear();
        }
        for (const auto& key : recipients) {
            AcceptedRecord part = record;
            part.recipients = {key};
            put(key, std::move(part));
        }
    }
    void operator()(PlacedRecord& record) const
    {
        const auto id = mail.trace_ids_.find(record.accepted);
        keep_traced(events_of(record, id == mail.trace_ids_.end() ? std::string() : id->second));
        if (!record.spool_name.empty()) mail.spool_names.insert(record.spool_name);
        const AccountKey key = record.account;
        put(key, std::move(record));
    }
    void operator()(FlagsRecord& record) const
    {
        const AccountKey key = record.account;
        put(key, std::move(record));
    }
    void operator()(ExpungedRecord& record) const
    {
        keep_traced(events_of(record));
        const AccountKey key = record.account;
        put(key, std::move(record));
    }
    void operator()(const MailboxActRecord& record) const { keep_traced(events_of(record)); }
    void operator()(const AccountRemovedRecord& record) const { mail.accounts.erase(account_place(record.account)); }
    void operator()(const VoidRecord& record) const { mail.voided_.insert(record.lsn); }
    void operator()(OutgoingRecord& record) const
    {
        keep_traced(record.traced);
        mail.outgoing.push_back({lsn, std::move(record), location, body_offset});
    }
};

bool RecoveredMail::add(Lsn lsn, std::string_view payload, const journal::Location& location)
{
    auto decoded = decode(payload);
    if (!decoded) return false;
    ++records;
    const auto body_offset = static_cast<std::uint32_t>(payload.size() - decoded->body.size());
    std::visit(Adder{*this, lsn, location, body_offset}, decoded->record);
    return true;
}

void RecoveredMail::finish()
{
    for (auto& [place, account] : accounts) {
        std::erase_if(account.records, [this](const ReplayRecord& record) { return voided_.contains(record.lsn); });
        std::set<Lsn> placed;
        for (const auto& record : account.records) {
            if (const auto* it = std::get_if<PlacedRecord>(&record.record)) placed.insert(it->accepted);
        }
        for (const auto& record : account.records) {
            if (std::holds_alternative<AcceptedRecord>(record.record) && !placed.contains(record.lsn)) ++owed;
        }
    }
    std::erase_if(outgoing, [this](const Outgoing& one) { return voided_.contains(one.lsn); });
    for (auto& [lsn, events] : std::exchange(traced_, {})) {
        if (!voided_.contains(lsn)) traced.push_back(std::move(events));
    }
    trace_ids_.clear();
    std::erase_if(accounts, [](const auto& entry) { return entry.second.records.empty(); });
}

}  // namespace mbx::store
