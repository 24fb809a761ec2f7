// One account's mail: Maildir++ on disk as the truth, index.db as a cache with a promise (docs/store.md).
// Blocking; lives on the account's strand: one job at a time. Every change that returns a value is durable.
#pragma once

#include <chrono>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/file_system.hpp"
#include "base/log.hpp"
#include "base/random.hpp"
#include "base/result.hpp"
#include "store/accepted_message.hpp"
#include "store/account_replay.hpp"
#include "store/column_table.hpp"
#include "store/index_run.hpp"
#include "store/message_file.hpp"
#include "store/text_index.hpp"
#include "store/types.hpp"

namespace mbx::store {

struct AccountStoreOptions {
    std::size_t max_mailboxes = 10'000;
    std::size_t max_depth = 50;
    std::size_t max_level_bytes = 1000;   // of one level's name in UTF-8
};

// 0: no limit. What is expunged but can still be undeleted does not count.
struct QuotaLimits {
    std::uint64_t bytes = 0;
    std::uint64_t messages = 0;
};

// The journal as the store sees it; outlives every account.
struct JournalSeat {
    journal::Journal& journal;
    std::uint32_t identity = 0;                  // of this journal, in the names of files
    const std::vector<journal::LsnRange>& voids;
};

// A message that was expunged and can be had back.
struct ExpungedMessage {
    std::string name;               // in the account's undelete directory; names it to undelete()
    MailboxId mailbox;              // where it was
    Uid uid = 0;
    std::int64_t expunged_at = 0;   // seconds since 1970, UTC
    std::uint64_t size = 0;
    Flags flags;
};

class AccountStore {
public:
    // Opens the account at `path`, creating it with INBOX and the special-use mailboxes (Drafts, Sent, Junk, Trash,
    // Archive; subscribed) when it is not there. An index that is missing, stale or damaged is rebuilt from the names.
    static Result<std::unique_ptr<AccountStore>, StoreError> open(FileSystem& files, std::string path,
                                                                  const Clock& clock, Random& random, Log log,
                                                                  AccountStoreOptions options);
    ~AccountStore();

    // Mailboxes. Names are UTF-8; "inbox" in any case is INBOX; created names get their missing parents.
    std::vector<MailboxInfo> list() const;                 // sorted by name
    std::vector<std::string> subscriptions() const;        // outlive their mailboxes (RFC 9051 section 6.3.7)
    Result<MailboxInfo, StoreError> create(std::string_view name, SpecialUse use);
    Result<void, StoreError> remove(std::string_view name);
    Result<void, StoreError> rename(std::string_view from, std::string_view to);  // INBOX: RFC 9051 section 6.3.6
    Result<void, StoreError> subscribe(std::string_view name, bool on);
    Result<MailboxInfo, StoreError> find(std::string_view name) const;

    // Messages. Foreign changes in the Maildir are noticed here (directory times) and become UIDs, expunges, flags.
    Result<MailboxStatus, StoreError> status(MailboxId mailbox);
    Result<std::vector<Uid>, StoreError> uids(MailboxId mailbox);                                  // ascending
    Result<std::vector<MessageRow>, StoreError> rows(MailboxId mailbox, const UidSet& which);      // ascending
    Result<Changes, StoreError> changes(MailboxId mailbox, ModSeq since);
    Result<MessageFilePtr, StoreError> message(MailboxId mailbox, Uid uid);

    Result<Appended, StoreError> deliver(const SpooledMessage& message, const Incoming& incoming);
    Result<FlagsStored, StoreError> store_flags(MailboxId mailbox, const UidSet& which, const FlagChange& change);
    Result<Copied, StoreError> copy(MailboxId from, const UidSet& which, std::string_view to);
    Result<Copied, StoreError> move(MailboxId from, const UidSet& which, std::string_view to);
    // Removes the messages with \Deleted (of `which` only, when given); answers their UIDs, ascending.
    Result<std::vector<Uid>, StoreError> expunge(MailboxId mailbox, const UidSet* which);
    // Takes back a delivery that is not to be acknowledged after all, whatever its flags.
    Result<void, StoreError> withdraw(MailboxId mailbox, Uid uid);

    // What is parsed of messages (account_columns.cpp). It comes behind delivery: those without are left out, and whoever
    // parses one meanwhile leaves it behind. Ascending by UID.
    Result<std::vector<WireColumns>, StoreError> wire_columns(MailboxId mailbox, const UidSet& which);
    Result<std::vector<MessageColumns>, StoreError> columns(MailboxId mailbox, const UidSet& which);
    void keep_columns(MailboxId mailbox, const std::vector<MessageColumns>& parsed);
    // Parses what is not parsed yet, for about so long, those mailboxes first; answers whether there is more to do.
    Result<bool, StoreError> fill_columns(std::chrono::milliseconds max_time, const std::vector<MailboxId>& first = {});

    // The index of texts (account_search.cpp). Those of the messages that may hold what is needed; the rest cannot. All of
    // them where nothing is known. Exactness is the caller's: each candidate is to be looked at.
    Result<UidSet, StoreError> text_candidates(MailboxId mailbox, const UidSet& among, const TextNeeds& needs);
    // As fill_columns, for texts. A failure of its index is told as `io` and hurts nothing else.
    Result<bool, StoreError> fill_text(std::chrono::milliseconds max_time, const std::vector<MailboxId>& first = {});

    // The index compared with the names, changing nothing; and made from them anew, parsed columns included: what it says
    // of mail is then what it said before, but every mod-sequence is a new one (account_check.cpp).
    std::unique_ptr<IndexRun> check_index();
    std::unique_ptr<IndexRun> rebuild_index();

    struct Usage {
        std::uint64_t bytes = 0;
        std::uint64_t messages = 0;
    };
    Usage usage() const;

    // The mailboxes that changed since the last call: what Account tells its watchers.
    std::set<MailboxId> take_changed();

    // For Store. settle: writes the index's log back, before the account is put away. retire: the files are about to be
    // moved; every later call answers StoreError::io.
    void settle();
    void retire();

    struct State;  // of this folder's own files

private:
    explicit AccountStore(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
};

}  // namespace mbx::store
