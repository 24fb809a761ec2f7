// AccountStore: what it tells the journal, and the files that never became messages.
#include <algorithm>
#include <chrono>
#include <utility>

#include "store/account_state.hpp"

namespace mbx::store {

namespace {

// Of one append: with the longest names a record of a message stays below 700 bytes, far below kMaxTogether.
constexpr std::size_t kTogether = 4000;
constexpr std::size_t kExpungedInRecord = 10'000;

}  // namespace

Lsn AccountStore::State::note(const std::vector<JournalRecord>& records)
{
    std::vector<journal::Payload> together;
    together.reserve(records.size());
    for (const auto& record : records) together.push_back({encode(record), nullptr});
    const Lsn first = seat.journal.append(std::move(together));
    if (first != 0) last_lsn = first + records.size() - 1;
    return first;
}

Lsn AccountStore::State::note(const JournalRecord& record, std::shared_ptr<const std::string> body)
{
    std::vector<journal::Payload> together;
    together.push_back({encode(record), std::move(body)});
    const Lsn lsn = seat.journal.append(std::move(together));
    if (lsn != 0) last_lsn = lsn;
    return lsn;
}

bool AccountStore::State::note_in_turns(const std::vector<JournalRecord>& records)
{
    for (std::size_t at = 0; at < records.size(); at += kTogether) {
        const auto end = std::min(records.size(), at + kTogether);
        const std::vector<JournalRecord> some(records.begin() + static_cast<std::ptrdiff_t>(at),
                                              records.begin() + static_cast<std::ptrdiff_t>(end));
        if (note(some) == 0) return false;
    }
    return true;
}

PlacedRecord AccountStore::State::placed(const Folder& folder, const StoredMessage& message,
                                         PlacedRecord::Source source) const
{
    PlacedRecord record;
    record.account = account_key;
    record.mailbox = folder.id();
    record.row = message.row;
    record.unique = message.unique;
    record.source = source;
    return record;
}

FlagsRecord AccountStore::State::flags_record(const Folder& folder, ModSeq modseq) const
{
    FlagsRecord record;
    record.account = account_key;
    record.mailbox = folder.id();
    record.modseq = modseq;
    return record;
}

std::vector<JournalRecord> AccountStore::State::expunged_records(const Folder& folder, ModSeq modseq,
                                                                 ExpungedRecord::Reason reason,
                                                                 const std::vector<StoredMessage>& messages) const
{
    std::vector<JournalRecord> records;
    for (std::size_t at = 0; at < messages.size(); at += kExpungedInRecord) {
        ExpungedRecord record;
        record.account = account_key;
        record.mailbox = folder.id();
        record.modseq = modseq;
        record.reason = reason;
        const auto end = std::min(messages.size(), at + kExpungedInRecord);
        for (std::size_t n = at; n < end; ++n) record.messages.push_back({messages[n].row.uid, messages[n].unique});
        records.emplace_back(std::move(record));
    }
    return records;
}

std::optional<ExpungedRecord> AccountStore::State::add_told(TracedAct* act, std::vector<JournalRecord>& records) const
{
    if (act == nullptr || seat.recorder == nullptr) return std::nullopt;
    const auto first = std::ranges::find_if(records, [](const auto& one) { return std::holds_alternative<ExpungedRecord>(one); });
    if (first == records.end()) return std::nullopt;
    auto& gone = std::get<ExpungedRecord>(*first);
    const auto folder = folders.find(gone.mailbox);
    mbx::store::add_told(*act, clock.wall(), folder == folders.end() ? std::string() : folder->second.name, gone);
    if (gone.told.at == 0) return std::nullopt;
    ExpungedRecord told;
    told.account = gone.account;
    told.mailbox = gone.mailbox;
    told.told = gone.told;
    for (std::size_t n = 0; n < gone.told.count; ++n) told.messages.push_back({gone.messages[n].uid, {}});
    return told;
}

void AccountStore::State::tell_act_of_mailboxes(const TracedAct* act, MailboxActRecord::Kind kind,
                                                const std::vector<NamedMailbox>& mailboxes)
{
    if (act == nullptr || seat.recorder == nullptr) return;
    std::vector<JournalRecord> records;
    for (std::size_t n = 0; n < std::min(mailboxes.size(), act->most); ++n) {
        MailboxActRecord record{account_key, mailboxes[n].id, kind, 0, act->by, act->login, mailboxes[n].name, mailboxes[n].new_name};
        record.at = std::chrono::duration_cast<std::chrono::microseconds>(clock.wall().time_since_epoch()).count();
        tell(seat.recorder, events_of(record));
        records.emplace_back(std::move(record));
    }
    (void)note_in_turns(records);  // a journal without room for it: then it is told unless a crash comes
}

void AccountStore::State::take_back(const std::vector<Lsn>& records)
{
    std::vector<JournalRecord> voids;
    for (const Lsn lsn : records) {
        if (lsn != 0) voids.emplace_back(VoidRecord{lsn});
    }
    (void)note_in_turns(voids);  // a journal that fails takes the process with it
}

bool AccountStore::State::is_void(const std::string& unique) const
{
    if (!taken_back.empty() && taken_back.contains(unique)) return true;
    if (seat.voids.empty()) return false;
    const auto ours = lsn_of(unique);
    if (!ours || ours->first != seat.identity) return false;
    const auto after = std::ranges::upper_bound(seat.voids, ours->second, {}, &journal::LsnRange::first);
    return after != seat.voids.begin() && std::prev(after)->contains(ours->second);
}

void AccountStore::State::set_aside(const std::string& path_now, const std::string& name)
{
    const auto done = files.rename(path_now, expunged_path(name));
    if (done) {
        log.notice("store: a file that never became a message was set aside", {{"path", path_now}});
    } else if (!done.error().is_absent()) {
        log.warning("store: a file that never became a message cannot be set aside; it is ignored",
                    {{"path", path_now}, {"error", done.error().name()}});
    }
}

}  // namespace mbx::store
