// One replay of an account, for account_replay.cpp (what the records say, and the rows) and replay_files.cpp.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "store/account_state.hpp"
#include "store/expunged_name.hpp"

namespace mbx::store {

class Replaying {
public:
    Replaying(AccountStore::State& state, const Replay& replay) : state_(state), replay_(replay) {}
    Outcome run();
    const Replayed& replayed() const { return replayed_; }

private:
    // A message that the records touch, as they leave it.
    struct Wanted {
        MailboxId mailbox;
        StoredMessage message;                   // what is known of it; at least UID or unique
        bool has_row = false;                    // its row is whole: it came in by a record, or the index has it
        std::optional<std::uint32_t> crc;        // of the bytes of its file
        const ReplayRecord* placed = nullptr;    // how it came; none: before the checkpoint, its bytes are synced
        const ReplayRecord* gone = nullptr;      // its ExpungedRecord
    };
    using Key = std::pair<MailboxId, Uid>;
    // Where a message's bytes are to be had: in memory, or in a file.
    struct Content {
        std::string bytes;
        std::string path;
    };
    using Found = std::unordered_map<std::string, std::string>;  // path by unique

    // account_replay.cpp
    void fold();
    void fold(const ReplayRecord& at, const PlacedRecord& record);
    void fold(const FlagsRecord& record);
    void fold(const ReplayRecord& at, const ExpungedRecord& record);
    Outcome apply_rows();
    void apply(Folder& folder, Lsn lsn, const PlacedRecord& record);
    void apply(Folder& folder, const FlagsRecord& record);
    void apply(Folder& folder, const ExpungedRecord& record);
    Outcome add_flagged();
    Outcome take_rows();
    std::string unique_at(Lsn lsn, const PlacedRecord& record) const;

    // replay_files.cpp
    Result<Found*, StoreError> files_of(Folder& folder);
    Outcome load_expunged();
    std::optional<std::string> find_expunged(MailboxId mailbox, const std::string& unique);
    Outcome ensure(Wanted& wanted);
    Outcome check(Wanted& wanted, Folder& folder, const std::string& path);
    Result<std::optional<std::uint32_t>, StoreError> crc_of(const Wanted& wanted, const std::string& path);
    Outcome repair(const Wanted& wanted, const std::string& path);
    Outcome rename_to_usual(const Wanted& wanted, Folder& folder, const std::string& path);
    Outcome make(Wanted& wanted, Folder& folder);
    Outcome make_from_message(Wanted& wanted, const PlacedRecord& record, const std::string& target);
    Result<std::optional<Content>, StoreError> content_of(const Wanted& wanted, int depth);
    Result<std::optional<std::string>, StoreError> source_path(const PlacedRecord& record);
    Result<std::optional<std::string>, StoreError> path_of(MailboxId mailbox, const std::string& unique);
    Result<std::optional<std::string>, StoreError> made_path(const Wanted& wanted, int depth);
    Result<std::optional<std::string>, StoreError> path_in_family(const PlacedRecord& record);
    const Wanted* last_made_from(MailboxId mailbox, const std::string& unique) const;
    const Wanted* moved_to(const Wanted& wanted) const;
    Result<bool, StoreError> is_where_it_moved(const Wanted& wanted, const std::string& path);
    Outcome drop_restored(const Wanted& wanted);
    Outcome put_away(const Wanted& wanted);
    const Wanted* find_wanted(MailboxId mailbox, const std::string& unique) const;

    AccountStore::State& state_;
    const Replay& replay_;
    Replayed replayed_;
    std::map<Key, Wanted> wanted_;
    std::map<std::pair<MailboxId, std::string>, Key> by_unique_;
    std::multimap<std::pair<MailboxId, std::string>, Key> by_source_;  // what was copied or moved from it, in the records' order
    std::map<Lsn, const ReplayRecord*> accepted_;
    std::vector<const FlagsRecord*> flags_;
    std::map<MailboxId, Found> found_;
    std::map<std::pair<MailboxId, std::string>, std::string> expunged_;  // path by what it was
    std::map<std::string, std::string> expunged_elsewhere_;              // by unique, of removed mailboxes
    bool has_expunged_ = false;
};

}  // namespace mbx::store
