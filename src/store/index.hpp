// index.db of one account: what makes the names quick to ask. A cache with a promise: it can be deleted at any moment
// and loses nothing. One thread at a time.
//
// Changes gather in one transaction that stays open from job to job until commit(); reads see it. Each change within it is
// all or nothing.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "store/column_table.hpp"
#include "store/journal_record.hpp"
#include "store/sqlite.hpp"
#include "store/types.hpp"

namespace mbx::store {

// A message as the index knows it; its file is found by `unique`.
struct StoredMessage {
    MessageRow row;
    std::string unique;
};

// When a folder's directories last changed, ns since 1970; -1: never looked.
struct FolderTimes {
    std::int64_t cur = -1;
    std::int64_t fresh = -1;  // new/
    bool operator==(const FolderTimes&) const = default;
};

// The row of a mailbox: counters kept by the transaction that changes what they count.
struct MailboxCounters {
    std::uint64_t uidnext = 1;
    ModSeq highest_modseq = 1;
    ModSeq log_floor = 0;       // the expunged log is complete for changes after it
    std::uint32_t messages = 0;
    std::uint32_t unseen = 0;
    std::uint32_t deleted = 0;
    std::uint64_t size = 0;
    FolderTimes times;          // of the last look that is in the rows
    bool is_verified = false;   // the times were old enough, when looked at, to hide nothing
    bool is_stale = true;       // the rows are to be rebuilt from the names
    bool operator==(const MailboxCounters&) const = default;
};

class Index {
public:
    enum class Condition : std::uint8_t { good, damaged, wrong_schema, unreadable };

    // Opens or creates the index. Rows that were written beside another journal are stale: nothing says what followed them.
    static std::unique_ptr<Index> open(const std::string& path, std::uint32_t journal_identity, Condition& condition);
    // Bounds the write-ahead log before the account is put aside.
    void checkpoint();
    void release_memory() { database_.release_memory(); }
    // Gives its descriptors back until it is used again; take_up_files() before that tells in time whether it can be.
    void let_go_of_files() { database_.let_go_of_files(); }
    Result<void, StoreError> take_up_files();

    // A change of several statements: undone when anything failed since begin().
    void begin();
    Result<void, StoreError> end();
    // A change of one statement needs no more than open_transaction() before it and outcome() behind.
    void open_transaction();
    Result<void, StoreError> outcome();  // also of reads
    // Commits all changes so far, with the number of the last record of the journal that is in them.
    Result<void, StoreError> commit(Lsn lsn);
    bool has_uncommitted() const { return is_open_; }
    unsigned uncommitted_changes() const { return changes_; }
    // Another number behind each change.
    std::uint64_t version() const { return version_; }
    Lsn lsn() const { return lsn_; }  // of the last commit
    void forget_lsn() { lsn_ = 0; }

    // Looks through the whole file, which takes long; what it finds is not held against it.
    bool is_sound();
    // SQLITE_CORRUPT or SQLITE_NOTADB came up: set it aside.
    bool is_damaged() const { return is_damaged_; }
    // SQLite took the open transaction back: rows that were shown are missing, so it is to be made anew.
    bool is_lost() const { return is_lost_; }
    const std::string& complaint() const { return database_.last_message(); }

    std::vector<std::pair<MailboxId, MailboxCounters>> mailboxes();
    void save_mailbox(MailboxId mailbox, const MailboxCounters& counters);
    void remove_mailbox(MailboxId mailbox);  // with all that is in it
    void remove_rows(MailboxId mailbox);     // all but the parsed columns, which outlive a rebuild of the rest

    void insert(MailboxId mailbox, const StoredMessage& message);
    void update_flags(MailboxId mailbox, const MessageRow& row);
    // The same change of the flags of all rows of a range.
    struct Reflag {
        FlagAction action = FlagAction::add;
        Flags flags;
    };
    void update_flags(MailboxId mailbox, UidRange range, ModSeq modseq, const Reflag& change);
    void erase(MailboxId mailbox, Uid uid);

    using Visit = std::function<void(StoredMessage&&)>;
    void visit(MailboxId mailbox, UidRange range, const Visit& visit);
    // Without the names, for half the time.
    void visit_rows(MailboxId mailbox, UidRange range, const std::function<void(const MessageRow&)>& visit);
    void visit_deleted(MailboxId mailbox, UidRange range, const Visit& visit);
    void visit_changed(MailboxId mailbox, ModSeq since, const std::function<void(const MessageRow&)>& visit);
    std::optional<StoredMessage> find(MailboxId mailbox, Uid uid);
    std::vector<Uid> uids(MailboxId mailbox);
    std::optional<Uid> first_unseen(MailboxId mailbox);
    void visit_flagged(MailboxId mailbox, UidRange range, FlagQuery query, const std::function<void(Uid)>& visit);

    void log_expunged(MailboxId mailbox, Uid uid, ModSeq modseq);
    std::vector<Uid> expunged(MailboxId mailbox, ModSeq since);  // ascending
    // Keeps about the `keep` newest entries; answers the mod-sequence up to which some are gone.
    std::optional<ModSeq> trim_expunged(MailboxId mailbox, std::size_t keep);

    ColumnTable& columns() { return *columns_; }

private:
    struct Statements;
    explicit Index(Database database);
    Result<void, StoreError> judge(int code);
    void note_journal(std::uint32_t identity);

    Database database_;
    std::unique_ptr<Statements> statements_;
    std::unique_ptr<ColumnTable> columns_;
    Lsn lsn_ = 0;
    unsigned changes_ = 0;
    std::uint64_t version_ = 0;
    bool is_open_ = false;
    bool is_damaged_ = false;
    bool is_lost_ = false;

public:
    ~Index();
    Index(const Index&) = delete;
    Index& operator=(const Index&) = delete;
};

}  // namespace mbx::store
