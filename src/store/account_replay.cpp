// AccountStore: what the journal still holds is made true again. Here what the records say, taken together, and the rows;
// the files are in replay_files.cpp. Every step asks what is there first: replaying twice equals replaying once.
#include <algorithm>
#include <utility>

#include "store/replaying.hpp"

namespace mbx::store {

namespace {

bool has_uid(const FlagsRecord::Change& change, Uid uid)
{
    return uid >= change.uids.first && uid <= change.uids.last;
}

}  // namespace

std::string Replaying::unique_at(Lsn lsn, const PlacedRecord& record) const
{
    return record.unique.empty() ? unique_of(record.row.save_date, state_.seat.identity, lsn) : record.unique;
}

void Replaying::fold(const ReplayRecord& at, const PlacedRecord& record)
{
    Wanted wanted;
    wanted.mailbox = record.mailbox;
    wanted.message = {record.row, unique_at(at.lsn, record)};
    wanted.has_row = true;
    wanted.placed = &at;
    const bool has_crc = record.source == PlacedRecord::Source::accepted || record.source == PlacedRecord::Source::body ||
                         record.source == PlacedRecord::Source::spooled;
    if (has_crc) wanted.crc = record.crc;
    const Key key{record.mailbox, record.row.uid};
    by_unique_[{record.mailbox, wanted.message.unique}] = key;
    if (record.source == PlacedRecord::Source::message) by_source_.emplace(std::pair(record.source_mailbox, record.source_unique), key);
    wanted_[key] = std::move(wanted);
}

void Replaying::fold(const FlagsRecord& record)
{
    flags_.push_back(&record);
    for (const auto& change : record.changes) {
        const auto end = wanted_.upper_bound({record.mailbox, change.uids.last});
        for (auto it = wanted_.lower_bound({record.mailbox, change.uids.first}); it != end; ++it) {
            it->second.message.row.flags = change.flags;
            it->second.message.row.modseq = record.modseq;
        }
    }
}

void Replaying::fold(const ReplayRecord& at, const ExpungedRecord& record)
{
    for (const auto& message : record.messages) {
        Wanted& wanted = wanted_[{record.mailbox, message.uid}];
        wanted.mailbox = record.mailbox;
        wanted.message.row.uid = message.uid;
        wanted.message.unique = message.unique;
        wanted.gone = &at;
        by_unique_[{record.mailbox, message.unique}] = {record.mailbox, message.uid};
    }
}

void Replaying::fold()
{
    for (const auto& at : replay_.records) {
        if (const auto* placed = std::get_if<PlacedRecord>(&at.record)) {
            fold(at, *placed);
        } else if (const auto* flags = std::get_if<FlagsRecord>(&at.record)) {
            fold(*flags);
        } else if (const auto* expunged = std::get_if<ExpungedRecord>(&at.record)) {
            fold(at, *expunged);
        } else if (std::holds_alternative<AcceptedRecord>(at.record)) {
            accepted_[at.lsn] = &at;
        }
    }
}

void Replaying::apply(Folder& folder, Lsn lsn, const PlacedRecord& record)
{
    auto& counters = folder.counters;
    counters.uidnext = std::max(counters.uidnext, std::uint64_t{record.row.uid} + 1);
    counters.highest_modseq = std::max(counters.highest_modseq, record.row.modseq);
    if (state_.index->find(folder.id(), record.row.uid)) return;
    state_.index->insert(folder.id(), {record.row, unique_at(lsn, record)});
    count(counters, record.row, 1);
    ++replayed_.rows;
}

void Replaying::apply(Folder& folder, const FlagsRecord& record)
{
    auto& counters = folder.counters;
    counters.highest_modseq = std::max(counters.highest_modseq, record.modseq);
    for (const auto& change : record.changes) {
        std::vector<MessageRow> rows;
        state_.index->visit(folder.id(), change.uids, [&rows](StoredMessage&& message) { rows.push_back(message.row); });
        for (auto& row : rows) {
            if (row.flags == change.flags && row.modseq >= record.modseq) continue;
            recount(counters, row.flags, change.flags);
            row.flags = change.flags;
            row.modseq = std::max(row.modseq, record.modseq);
            state_.index->update_flags(folder.id(), row);
            ++replayed_.rows;
        }
    }
}

void Replaying::apply(Folder& folder, const ExpungedRecord& record)
{
    auto& counters = folder.counters;
    counters.highest_modseq = std::max(counters.highest_modseq, record.modseq);
    for (const auto& message : record.messages) {
        const auto row = state_.index->find(folder.id(), message.uid);
        if (!row) continue;
        state_.index->erase(folder.id(), message.uid);
        state_.index->log_expunged(folder.id(), message.uid, record.modseq);
        count(counters, row->row, -1);
        ++replayed_.rows;
    }
}

// Rows of folders that are to be rebuilt from their names come from there, once the files are right.
Outcome Replaying::apply_rows()
{
    // What this run appended or replayed is in the rows, committed or not.
    const Lsn known = std::max(state_.index->lsn(), state_.last_lsn);
    std::map<MailboxId, MailboxCounters> before;
    const auto folder_of = [&](MailboxId id) -> Folder* {
        Folder* folder = state_.find_folder(id);
        if (folder == nullptr || folder->counters.is_stale) return nullptr;
        before.emplace(id, folder->counters);
        return folder;
    };
    state_.index->begin();
    for (const auto& at : replay_.records) {
        if (at.lsn <= known) continue;
        if (const auto* placed = std::get_if<PlacedRecord>(&at.record)) {
            if (Folder* folder = folder_of(placed->mailbox)) apply(*folder, at.lsn, *placed);
        } else if (const auto* flags = std::get_if<FlagsRecord>(&at.record)) {
            if (Folder* folder = folder_of(flags->mailbox)) apply(*folder, *flags);
        } else if (const auto* expunged = std::get_if<ExpungedRecord>(&at.record)) {
            if (Folder* folder = folder_of(expunged->mailbox)) apply(*folder, *expunged);
        }
    }
    if (const auto done = state_.index->end(); !done) {
        for (const auto& [id, counters] : before) state_.find_folder(id)->counters = counters;
        return state_.index_failed("replaying the journal", done.error());
    }
    for (const auto& [id, counters] : before) {
        Folder* folder = state_.find_folder(id);
        folder->is_unsaved = true;
        // Ceilings are durable before their numbers are given; a state file from a backup may be older.
        if (auto done = state_.reserve(*folder, 0); !done) return done;
    }
    return {};
}

// Messages from before the checkpoint whose flags a record set: their names may be the old ones.
Outcome Replaying::add_flagged()
{
    for (const auto* record : flags_) {
        Folder* folder = state_.find_folder(record->mailbox);
        if (folder == nullptr) continue;
        const auto add = [&](StoredMessage&& message) {
            const Key key{folder->id(), message.row.uid};
            by_unique_.try_emplace({folder->id(), message.unique}, key);
            Wanted& wanted = wanted_[key];
            if (wanted.placed != nullptr || wanted.gone != nullptr) return;
            wanted.mailbox = folder->id();
            wanted.message = std::move(message);
            wanted.has_row = true;
        };
        if (!folder->counters.is_stale) {
            for (const auto& change : record->changes) state_.index->visit(folder->id(), change.uids, add);
            continue;
        }
        const auto files = state_.list_files(*folder);
        if (!files) return files.error();
        for (const auto& file : *files) {
            const auto is_it = [&file](const auto& change) { return file.parsed.uid && has_uid(change, *file.parsed.uid); };
            const auto change = std::ranges::find_if(record->changes, is_it);
            if (change == record->changes.end() || !file.parsed.size) continue;
            StoredMessage message;
            message.unique = file.parsed.unique;
            message.row.uid = *file.parsed.uid;
            message.row.size = *file.parsed.size;
            message.row.flags = change->flags;
            add(std::move(message));
        }
    }
    const auto good = state_.index->outcome();
    return good ? Outcome() : Outcome(state_.index_failed("reading rows", good.error()));
}

// The rows are what the records come to, and later changes besides.
Outcome Replaying::take_rows()
{
    for (auto& [key, wanted] : wanted_) {
        Folder* folder = state_.find_folder(wanted.mailbox);
        if (folder == nullptr || folder->counters.is_stale) continue;
        const auto row = state_.index->find(wanted.mailbox, key.second);
        if (wanted.gone != nullptr) continue;
        if (row && row->unique == wanted.message.unique) {
            wanted.message = *row;
            wanted.has_row = true;
        } else {
            state_.log.error("store: an index does not have what it should; it is rebuilt from the file names",
                             {{"path", state_.folder_path(*folder)}, {"uid", key.second}});
            folder->counters.is_stale = true;
            folder->listed.reset();
        }
    }
    const auto good = state_.index->outcome();
    return good ? Outcome() : Outcome(state_.index_failed("reading rows", good.error()));
}

Outcome Replaying::run()
{
    fold();
    if (auto done = apply_rows(); !done) return done;
    if (auto done = add_flagged(); !done) return done;
    if (auto done = take_rows(); !done) return done;
    // First all that is to be there: what moves away may be where another one's bytes are.
    for (auto& [key, wanted] : wanted_) {
        if (wanted.gone != nullptr) continue;
        if (auto done = ensure(wanted); !done) return done;
    }
    for (const auto& [key, wanted] : wanted_) {
        if (auto done = drop_restored(wanted); !done) return done;
    }
    for (const auto& [key, wanted] : wanted_) {
        if (wanted.gone == nullptr) continue;
        if (auto done = put_away(wanted); !done) return done;
    }
    for (const auto& [key, wanted] : wanted_) {
        Folder* folder = state_.find_folder(wanted.mailbox);
        if (folder == nullptr) continue;
        state_.distrust(*folder);
        folder->located.reset();
        folder->listed.reset();
        state_.changed.insert(folder->id());
    }
    if (!replay_.records.empty()) state_.last_lsn = std::max(state_.last_lsn, replay_.records.back().lsn);
    return {};
}

Result<Replayed, StoreError> AccountStore::replay(const Replay& records)
{
    if (auto good = state_->ensure(); !good) return good.error();
    Replaying replaying(*state_, records);
    if (auto done = replaying.run(); !done) return done.error();
    return replaying.replayed();
}

}  // namespace mbx::store
