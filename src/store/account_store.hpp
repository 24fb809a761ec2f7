// One account's mail: Maildir++ on disk as the truth, index.db as a cache with a promise (docs/store.md).
//
// Blocking; lives on the account's strand: one job at a time. A change is durable when the journal has last_lsn() on the
// disk; Account::run() waits for that, so nothing is shown before. Nothing here syncs a message, a directory of one or the
// index: the checkpoint does, and until it has, the journal makes them again (replay).
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "base/file_system.hpp"
#include "base/log.hpp"
#include "base/random.hpp"
#include "base/result.hpp"
#include "store/accepted_message.hpp"
#include "store/access_list.hpp"
#include "store/account_replay.hpp"
#include "store/annotation.hpp"
#include "store/column_table.hpp"
#include "store/index_run.hpp"
#include "store/message_file.hpp"
#include "store/text_index.hpp"
#include "store/traced_act.hpp"
#include "store/types.hpp"

namespace mbx::store {

struct AccountStoreOptions {
    std::size_t max_mailboxes = 10'000;
    std::size_t max_depth = 50;
    std::size_t max_level_bytes = 1000;   // of one level's name in UTF-8
    // Open files of the databases of all accounts together (open_limit.hpp). Beyond, an account lets go of its own behind each
    // job, and the next one opens them again.
    std::size_t max_database_files = SIZE_MAX;
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
    trace::Recorder* recorder = nullptr;         // of what owners do; may be none
};

// A message that was expunged, or a mailbox that was removed with all its messages, and can be had back.
struct ExpungedMessage {
    std::string name;               // in the account's undelete directory; names it to undelete()
    bool is_mailbox = false;
    MailboxId mailbox;              // where it was
    std::string mailbox_name;       // what that is called now, or was at its end; empty: nobody knows any more
    Uid uid = 0;                    // 0 for a mailbox
    std::int64_t expunged_at = 0;   // seconds since 1970, UTC
    std::uint64_t size = 0;
    std::uint64_t messages = 1;
    Flags flags;
    // Of the message's header, for a person: UTF-8, cut to some hundred bytes; empty where there is none.
    std::string from;
    std::string subject;
    std::optional<std::int64_t> date;
};

// Which of them.
struct ExpungedFilter {
    std::int64_t since = 0;         // expunged at or after
    std::string mailbox;            // that was in this one; empty: in any
    std::size_t most = 1000;        // the newest of them
    bool with_headers = true;       // reads the files
};

struct ExpungedList {
    std::vector<ExpungedMessage> entries;  // newest first
    // Of all that the filter lets through.
    std::uint64_t messages = 0;
    std::uint64_t bytes = 0;
    std::uint64_t mailboxes = 0;
    bool is_cut = false;            // there are more than `most`
};

struct Undeleted {
    std::string name;               // as it was asked for
    std::string mailbox;            // where it is now
    Uid uid = 0;                    // 0 for a mailbox
    std::optional<StoreError> failure;
};

// One purge of an account's undelete directory, in as many calls as it takes.
struct PurgeRun {
    std::int64_t expunged_before = 0;
    Lsn below_lsn = 0;              // the journal's checkpoint: what lies above it can still be wanted by a replay
    // Kept between the calls.
    bool is_listed = false;
    std::vector<std::string> left;
    std::uint64_t removed = 0;      // files
    std::uint64_t bytes = 0;
};

// The bytes of an APPEND in wire form: in memory, or in a file of the spool that is synced, as is its directory.
struct Body {
    std::shared_ptr<const std::string> bytes;  // null: in the file
    std::string path;                          // of the file
    std::string name;                          // of the file in spool/: what the journal calls it
    std::uint64_t size = 0;
    std::uint32_t crc = 0;                     // CRC-32C
};

// Where a message lies unless another tool has moved it.
struct PlacedRow {
    MessageRow row;
    std::string path;
};
using PlacedLoader = std::function<MessageFilePtr(const PlacedRow&)>;

class AccountStore {
public:
    // Opens the account at `path`, creating it with INBOX and the special-use mailboxes (Drafts, Sent, Junk, Trash,
    // Archive; subscribed) when it is not there. An index that is missing or damaged is rebuilt from the names. What the
    // journal still holds of the account is to be given to replay() before anything else is asked.
    static Result<std::unique_ptr<AccountStore>, StoreError> open(FileSystem& files, std::string path, AccountKey key,
                                                                  JournalSeat seat, const Clock& clock, Random& random,
                                                                  Log log, AccountStoreOptions options);
    ~AccountStore();

    // Mailboxes. Names are UTF-8; "inbox" in any case is INBOX; created names get their missing parents.
    std::vector<MailboxInfo> list() const;                 // sorted by name
    std::vector<std::string> subscriptions() const;        // outlive their mailboxes (RFC 9051 section 6.3.7)
    Result<MailboxInfo, StoreError> create(std::string_view name, SpecialUse use);
    // `act`, here and below: what the trace is told of it, by way of the journal; none: nothing.
    Result<void, StoreError> remove(std::string_view name, const TracedAct* act = nullptr);
    // INBOX: RFC 9051 section 6.3.6, which is a MOVE.
    Result<void, StoreError> rename(std::string_view from, std::string_view to, TracedAct* act = nullptr);
    Result<void, StoreError> subscribe(std::string_view name, bool on);
    Result<MailboxInfo, StoreError> find(std::string_view name) const;
    // The same for the account `user`, who needs these rights (RFC 4314 section 4); none: any that shows that the mailbox is
    // there. `no_right` only where he may look it up, else it is `no_such_mailbox`. The owner has all rights.
    Result<MailboxInfo, StoreError> find_for(std::string_view name, std::int64_t user, Rights needed) const;
    Rights rights(MailboxId mailbox, std::int64_t user) const;
    // What is granted to others. Changes are durable; `limit`: too many entries. A new mailbox has the list of the one above it.
    Result<AccessList, StoreError> access(std::string_view name) const;
    Result<void, StoreError> change_access(std::string_view name, const std::vector<AccessChange>& changes);
    AccessListsPtr access_lists() const;
    // The key with which this account signs URLs of a mailbox (RFC 4467 section 2.2), durable; empty: none is known.
    enum class KeyWanted : std::uint8_t { known, made, fresh };  // made: if there is none yet; fresh: in any case
    Result<std::string, StoreError> url_key(const UrlKeyPlace& place, KeyWanted wanted);
    Result<void, StoreError> drop_url_keys();
    // Annotations (RFC 5464) of a mailbox, or of the account itself (no mailbox), as `user` sees them: shared ones, and
    // those below /private that are this user's. annotate changes all or nothing, durably; `limit`: too many or too large.
    Result<std::vector<Annotation>, StoreError> annotations(const std::optional<std::string>& mailbox, std::int64_t user);
    Result<void, StoreError> annotate(const std::optional<std::string>& mailbox, std::int64_t user,
                                      const std::vector<AnnotationChange>& changes, const AnnotationLimits& limits);

    // Messages. Foreign changes in the Maildir are noticed here (directory times) and become UIDs, expunges, flags.
    Result<MailboxStatus, StoreError> status(MailboxId mailbox);
    Result<std::vector<Uid>, StoreError> uids(MailboxId mailbox);                                  // ascending
    Result<UidSet, StoreError> flagged(MailboxId mailbox, const UidSet& which, FlagQuery query);
    Result<std::uint64_t, StoreError> deleted_size(MailboxId mailbox);                             // with \Deleted
    Result<std::vector<MessageRow>, StoreError> rows(MailboxId mailbox, const UidSet& which);      // ascending
    Result<Changes, StoreError> changes(MailboxId mailbox, ModSeq since);
    Result<MessageFilePtr, StoreError> message(MailboxId mailbox, Uid uid);
    // For reading many messages beside the strand: where the index says that they lie, ascending, and who reads them there. The
    // loader is for any thread and good while the Store is; it answers null where the file is gone, or not what it was:
    // message() then knows more.
    Result<std::vector<PlacedRow>, StoreError> placed_rows(MailboxId mailbox, const UidSet& which);
    PlacedLoader placed_loader() const;
    // The directories that hold a mailbox's files: for whoever watches for other tools' changes.
    Result<std::vector<std::string>, StoreError> directories(MailboxId mailbox) const;

    // Places what the gate took responsibility for into INBOX, whatever the quota says. After a failure the message is
    // owed as before: nothing of it is there.
    Result<Appended, StoreError> place(const AcceptedMessage& message);
    // The spool file of a large body is removed by the caller when a checkpoint has passed last_lsn().
    Result<Appended, StoreError> append(const Body& body, const Incoming& incoming);
    Result<FlagsStored, StoreError> store_flags(MailboxId mailbox, const UidSet& which, const FlagChange& change);
    Result<Copied, StoreError> copy(MailboxId from, const UidSet& which, std::string_view to);
    Result<Copied, StoreError> move(MailboxId from, const UidSet& which, std::string_view to, TracedAct* act = nullptr);
    // Removes the messages with \Deleted (of `which` only, when given); answers their UIDs, ascending.
    Result<std::vector<Uid>, StoreError> expunge(MailboxId mailbox, const UidSet* which, TracedAct* act = nullptr);
    // Removes these messages whatever their flags (POP3 knows no \Deleted); answers the UIDs of those that were there.
    Result<std::vector<Uid>, StoreError> expunge_these(MailboxId mailbox, const UidSet& which, TracedAct* act = nullptr);

    // What can be had back. Reads the undelete directory.
    Result<ExpungedList, StoreError> expunged_messages(const ExpungedFilter& filter);
    // Puts messages back, each under a new UID, into the mailbox in which they were, or INBOX when that is gone, or
    // `target`; without \Deleted. A mailbox comes back whole under its name (or NAME-2), with its UIDs and its UIDVALIDITY
    // unless its id is in use. One answer for each name; an error when nothing could be tried.
    Result<std::vector<Undeleted>, StoreError> undelete(const std::vector<std::string>& names,
                                                        const std::optional<std::string>& target,
                                                        const TracedAct* act = nullptr);
    // Removes for ever what was expunged before that time; some files a call, so that the strand is not held. True: done.
    Result<bool, StoreError> purge(PurgeRun& run);
    // Expunges messages that came into the mailboxes of this use before `saved_before`, `most` at most; how many.
    Result<std::size_t, StoreError> expire(SpecialUse use, std::int64_t saved_before, std::size_t most);

    // Of all mailboxes; what is expunged but can be undeleted does not count.
    // What is parsed of messages (account_columns.cpp). It comes behind delivery: those without are left out, and whoever
    // parses one meanwhile leaves it behind. Ascending by UID.
    Result<std::vector<WireColumns>, StoreError> wire_columns(MailboxId mailbox, const UidSet& which);
    // All rows of `which`, ascending, with the wanted texts that are there, until `visit` answers false. It calls nothing of
    // this store.
    Result<void, StoreError> visit_wires(MailboxId mailbox, const UidSet& which, const WireParts& wanted,
                                         const std::function<bool(const WireRow&)>& visit);
    Result<std::vector<MessageColumns>, StoreError> columns(MailboxId mailbox, const UidSet& which);
    // Rows with their briefs beside them, in one walk: for SEARCH, SORT and THREAD. All rows of `which`, ascending.
    Result<std::vector<BriefRow>, StoreError> brief_rows(MailboxId mailbox, const UidSet& which);
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
    Usage known_usage() const;  // without the mailboxes whose rows are still to be rebuilt; looks at nothing
    void set_quota(QuotaLimits limits);  // heeded by append and copy

    // The highest number that was appended to the journal for this account; 0: none since it was opened.
    Lsn last_lsn() const;
    // The records up to here are in the committed index; those of this account above it are not, or not for sure.
    Lsn index_lsn() const;
    bool has_uncommitted() const;
    // Commits the rows of all jobs so far, after the journal has their records on the disk (it waits for that). After a
    // failure the rows are made again from the names; a checkpoint must not pass the account before it succeeds.
    Result<void, StoreError> commit_index();
    // Makes the journal's records of this account true again, rows and files. Before anything else, after open().
    Result<Replayed, StoreError> replay(const Replay& records);

    // Ends a job: notes the times of the directories that it changed, so that other tools' changes are told from ours, and
    // answers the mailboxes that changed since the last call, for Account's watchers.
    std::set<MailboxId> end_job();
    // What end_job() does as well: lets go of the databases' files where all accounts together have too many open.
    void spare_descriptors();
    // Another number whenever names of mailboxes or subscriptions have changed; also after some failures to change them.
    std::uint64_t listings() const;

    // For Store. settle: commits the rows and closes the index, before the account is put away. rest: the same while it stays
    // open, for nobody asks anything; the next job that wants the index opens it again. False: not now. retire: the files are
    // about to be moved; every later call answers StoreError::io.
    void settle();
    bool rest();
    void retire();

    struct State;  // of this folder's own files

private:
    explicit AccountStore(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
};

}  // namespace mbx::store
