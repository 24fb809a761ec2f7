// index.db of one account: what makes the names quick to ask. A cache with a promise: it can be deleted at any moment
// and loses nothing. One thread at a time.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "store/column_table.hpp"
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
};

class Index {
public:
    enum class Condition : std::uint8_t { good, damaged, wrong_schema, unreadable };

    // Opens or creates the index. Rows written before another start of the machine (`boot`) may have lost their tail in
    // a power cut, so all mailboxes are stale then.
    static std::unique_ptr<Index> open(const std::string& path, const std::string& boot, Condition& condition);
    // Bounds the write-ahead log before the account is put aside.
    void checkpoint();

    void begin();
    Result<void, StoreError> commit();  // rolled back when anything failed since begin()
    void rollback();
    Result<void, StoreError> outcome();  // of reads
    // Looks through the whole file, which takes long; what it finds is not held against it.
    bool is_sound();
    // SQLITE_CORRUPT or SQLITE_NOTADB came up: set it aside.
    bool is_damaged() const { return is_damaged_; }
    const std::string& complaint() const { return database_.last_message(); }

    std::vector<std::pair<MailboxId, MailboxCounters>> mailboxes();
    void save_mailbox(MailboxId mailbox, const MailboxCounters& counters);
    void remove_mailbox(MailboxId mailbox);  // with all that is in it
    void remove_rows(MailboxId mailbox);     // all but the parsed columns, which outlive a rebuild of the rest

    void insert(MailboxId mailbox, const StoredMessage& message);
    void update_flags(MailboxId mailbox, const MessageRow& row);
    void erase(MailboxId mailbox, Uid uid);

    using Visit = std::function<void(StoredMessage&&)>;
    void visit(MailboxId mailbox, UidRange range, const Visit& visit);
    void visit_deleted(MailboxId mailbox, UidRange range, const Visit& visit);
    void visit_changed(MailboxId mailbox, ModSeq since, const std::function<void(const MessageRow&)>& visit);
    std::optional<StoredMessage> find(MailboxId mailbox, Uid uid);
    std::vector<Uid> uids(MailboxId mailbox);
    std::optional<Uid> first_unseen(MailboxId mailbox);

    void log_expunged(MailboxId mailbox, Uid uid, ModSeq modseq);
    std::vector<Uid> expunged(MailboxId mailbox, ModSeq since);  // ascending
    // Keeps about the `keep` newest entries; answers the mod-sequence up to which some are gone.
    std::optional<ModSeq> trim_expunged(MailboxId mailbox, std::size_t keep);

    // Files whose rows are gone and which are to be unlinked: an expunge that a crash cut in two is finished from here.
    void add_pending(MailboxId mailbox, std::string_view unique);
    std::set<std::string> pending(MailboxId mailbox);
    void clear_pending(MailboxId mailbox);

    ColumnTable& columns() { return *columns_; }

private:
    struct Statements;
    explicit Index(Database database);
    Result<void, StoreError> judge(int code);

    Database database_;
    std::unique_ptr<Statements> statements_;
    std::unique_ptr<ColumnTable> columns_;
    bool is_damaged_ = false;

public:
    ~Index();
    Index(const Index&) = delete;
    Index& operator=(const Index&) = delete;
};

}  // namespace mbx::store
