// The inside of AccountStore, shared by its files and by nobody else: folders in memory, the steps that every change
// is made of. One job at a time (the account's strand).
//
// The order of every change: its record in the journal, whose number names new files; then the names (rename, link);
// then the rows. Nothing waits for the disk: nobody is told before the record is durable (Account::run), the checkpoint
// syncs the rest, and replay makes what a crash took. Flags alone go names first: only what was renamed is recorded. A
// change that fails is taken back and its record voided; what cannot be taken back is recorded as it is.
#pragma once

#include <array>
#include <chrono>
#include <functional>
#include <initializer_list>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "store/account_store.hpp"
#include "store/expunged_name.hpp"
#include "store/index.hpp"
#include "store/mailbox_name.hpp"
#include "store/message_name.hpp"
#include "store/state_record.hpp"
#include "store/text_index.hpp"

namespace mbx::store {

using Outcome = Result<void, StoreError>;

inline constexpr std::string_view kStaging = "mailboxd-staging";  // no leading dot: not a folder to other tools
inline constexpr std::string_view kIntent = "mailboxd-intent";
inline constexpr std::uint32_t kDirectoryMode = 0700;
inline constexpr std::uint32_t kFileMode = 0600;
inline constexpr std::size_t kMaxStateFile = 4U << 20U;

enum class Place : std::uint8_t { cur, fresh };  // fresh: new/

// What the names of a folder without rows say. Enough to open it: rows are entered behind, and UIDs that were shown stay
// what they are. Until all have their rows the folder counts as stale, in memory and in the index.
struct ListedMessages {
    static constexpr std::int64_t kNotRead = INT64_MIN;  // a date, until its file is looked at

    std::vector<StoredMessage> messages;  // by UID
    std::size_t entered = 0;              // of them, the first ones have their rows
};

// What a search by a flag found last, good until the next change of the mailbox: clients ask the same again and again.
struct KeptFlagged {
    ModSeq at = 0;
    UidSet uids;
};

// Rows that are likely to be asked for next: who reads messages asks for one after the other. Good until the index changes or the
// job ends.
struct RowsAhead {
    MailboxId mailbox;
    Uid last = 0;               // was asked for last
    std::uint64_t version = 0;  // the index's, when they were read
    std::vector<StoredMessage> messages;
};

// Names that we changed in a folder's directories since its times were last noted. Noting waits for the next look, or for
// the next change after 20 ms: it costs as much as a rename, and Linux since 6.13 stamps all files finer, at the cost of
// writing the journal's inode with each commit, once somebody has asked for the times of what is changed again and again.
struct OwnChanges {
    bool is_open = false;
    bool is_running = false;  // the job that runs makes some
    bool is_alone = false;    // nobody else had touched the directories before the first of them
    SteadyTime since{};
    std::int64_t until = 0;   // behind the last of them, in ns by the clock that stamps files
};

struct Folder {
    FolderRecord record;
    std::string name;
    std::string directory;     // below the account's; empty: INBOX
    MailboxCounters counters;
    bool is_frozen = false;    // too much vanished at once; nothing is announced until it is back
    OwnChanges own;
    bool is_unsaved = false;   // the counters are to be written with the next commit
    // Where the last message without flags lay that was given some: in new/ as it came, or in cur/ where all were taken back.
    Place flagless = Place::fresh;
    std::size_t ignored = 0;   // things in cur and new that are no messages
    SteadyTime last_look{};
    std::chrono::nanoseconds look_cost{0};
    unsigned logged_expunges = 0;  // since the log was trimmed
    // Where the names of this moment are, built at the first miss of an operation and dropped at its end.
    std::optional<std::unordered_map<std::string, std::string>> located;
    std::array<std::optional<KeptFlagged>, 2> flagged;  // by FlagQuery
    std::optional<ListedMessages> listed;  // none: the index has all rows, or nothing is known yet (is_stale)

    MailboxId id() const { return record.id; }
};

// A file found in cur or new.
struct FoundFile {
    std::string name;
    Place place = Place::cur;
    MessageName parsed;
};

// What an unknown file is given when it becomes a message.
struct Admission {
    Uid uid = 0;
    ModSeq modseq = 0;
    bool keeps_unique = true;
};

struct AccountStore::State {
    State(FileSystem& files_in, std::string path_in, AccountKey key_in, JournalSeat seat_in, const Clock& clock_in,
          Random& random_in, Log log_in, AccountStoreOptions options_in)
        : files(files_in), path(std::move(path_in)), account_key(std::move(key_in)), seat(seat_in), clock(clock_in),
          random(random_in), log(std::move(log_in)), options(options_in)
    {
    }

    FileSystem& files;
    std::string path;
    AccountKey account_key;
    JournalSeat seat;
    const Clock& clock;
    Random& random;
    Log log;
    AccountStoreOptions options;
    AccountRecord account;
    // Ids and UIDVALIDITYs below the account's ceilings that are still to be given.
    std::int64_t next_mailbox = 1;
    std::uint32_t next_uidvalidity = 1;
    std::map<MailboxId, Folder> folders;
    std::map<std::string, MailboxId, std::less<>> names;
    std::unique_ptr<Index> index;
    std::unique_ptr<TextIndex> texts;        // null until it is asked for
    SteadyTime text_retry{};                 // not opened before
    std::uint64_t looked_at = 0;             // messages, by fill_folder
    std::vector<MailboxId> text_wanted;      // searched, and perhaps not filled yet
    std::set<MailboxId> changed;
    RowsAhead ahead;
    std::uint64_t listings = 0;              // counts changes of names and subscriptions
    Lsn last_lsn = 0;          // the highest number appended for this account
    QuotaLimits quota;
    std::set<std::string> taken_back;  // unique parts of files that a failed change may have left
    bool is_retired = false;
    // The index is closed for want of work: with so much in it, and the folders' counters. Another one than that is doubted.
    std::optional<Lsn> rested_at;
    AccessListsPtr access = std::make_shared<const AccessLists>();
    bool is_torn = false;  // a change of folders failed half-way: what is on the disk is to be read again

    // account_state.cpp: the steps.
    StoreError failed(std::string_view attempted, const std::string& where, const FileError& error) const;
    StoreError index_failed(std::string_view attempted, StoreError error) const;
    const UidSet& kept_flagged(Folder& folder, FlagQuery query);
    std::string folder_path(const Folder& folder) const;
    std::string place_path(const Folder& folder, Place place) const;
    std::string staging_path(std::string_view name) const;
    std::string expunged_path(std::string_view name) const;  // in the undelete directory
    std::int64_t now_seconds() const;
    std::string new_unique();
    NameLimits limits() const { return {options.max_depth, options.max_level_bytes}; }

    Folder* find_folder(MailboxId id);
    Folder* find_folder(std::string_view name);
    Outcome save_account(const AccountRecord& record);
    // account_access.cpp
    Outcome load_access();
    Outcome save_access(AccessLists lists);
    void inherit_access(const std::vector<MailboxId>& made);
    void drop_access(MailboxId id);
    Result<UrlKeys, StoreError> load_url_keys();
    Outcome save_url_keys(UrlKeys keys);
    // account_annotations.cpp
    Result<std::string, StoreError> annotation_file(const std::optional<std::string>& mailbox);
    Result<std::vector<Annotation>, StoreError> load_annotations(const std::string& file);
    Outcome save_annotations(const std::string& file, const std::vector<Annotation>& annotations);
    Outcome copy_annotations(const std::string& from, const std::string& to);
    Outcome save_folder(Folder& folder, FolderRecord record);
    // Room for that many UIDs and two more mod-sequences below the ceilings of the state file, raised first if needed.
    Outcome reserve(Folder& folder, std::uint64_t uids);
    Uid take_uid(Folder& folder) const { return static_cast<Uid>(folder.counters.uidnext++); }
    Result<std::uint32_t, StoreError> keyword_bits(Folder& folder, const std::vector<std::string>& keywords,
                                                   std::uint8_t& system, bool may_add);

    FolderTimes look(const Folder& folder) const;
    void before_change(Folder& folder);  // of names in its directories; pause_changes() at the end of the job
    static void pause_changes(Folder& folder);
    std::optional<FolderTimes> end_changes(Folder& folder);  // notes the times; those that it saw, if it had to look
    void distrust(Folder& folder)
    {
        folder.counters.times = {};
        folder.is_unsaved = true;
        folder.own = {};
    }
    Outcome transact(std::initializer_list<Folder*> touched, const std::function<void()>& body);
    Outcome commit_index();
    AccountStore::Usage known_usage() const;
    Outcome check_quota(std::uint64_t bytes, std::uint64_t messages);

    // account_journal.cpp. Appends records that are to be found together after a crash, or not at all; the number of the
    // first, the others follow it; 0: the journal has failed.
    Lsn note(const std::vector<JournalRecord>& records);
    Lsn note(const JournalRecord& record, std::shared_ptr<const std::string> body = {});
    PlacedRecord placed(const Folder& folder, const StoredMessage& message, PlacedRecord::Source source) const;
    FlagsRecord flags_record(const Folder& folder, ModSeq modseq) const;
    // Several records where one would be too large: each with its messages, all with the same mod-sequence.
    std::vector<JournalRecord> expunged_records(const Folder& folder, ModSeq modseq, ExpungedRecord::Reason reason,
                                                const std::vector<StoredMessage>& messages) const;
    // What the trace is told of it, into the record of the messages that are gone: what tell() takes when that is done. Empty: nothing.
    std::optional<ExpungedRecord> add_told(TracedAct* act, std::vector<JournalRecord>& records) const;
    struct NamedMailbox {
        MailboxId id;
        std::string name;
        std::string new_name;  // of a RENAME
    };
    // What was done with whole mailboxes, on the disk already: a record and a row for each. `act` may be none.
    void tell_act_of_mailboxes(const TracedAct* act, MailboxActRecord::Kind kind, const std::vector<NamedMailbox>& mailboxes);
    // Of records that are too many for one append: in several. False: the journal has failed.
    bool note_in_turns(const std::vector<JournalRecord>& records);
    void take_back(const std::vector<Lsn>& records);
    std::string unique_of_record(const StoredMessage& message, Lsn lsn) const
    {
        return unique_of(message.row.save_date, seat.identity, lsn);
    }
    // Whether a file of this name never became durable, or was taken back: it is no message.
    bool is_void(const std::string& unique) const;
    void set_aside(const std::string& path_now, const std::string& name);  // into the undelete directory, name kept

    // As Index::find(), for whoever asks for one message after the other.
    std::optional<StoredMessage> find_message(const Folder& folder, Uid uid);
    // The paths at which a message lies unless somebody renamed it; the likelier one.
    std::string usual_path(const Folder& folder, const StoredMessage& message) const;
    std::vector<std::string> usual_paths(const Folder& folder, const StoredMessage& message) const;
    std::optional<std::string> locate(Folder& folder, const std::string& unique);
    // Runs `operation(path)` where the file is, also where other tools have put it.
    template <typename Operation>
    auto on_file(Folder& folder, const StoredMessage& message, Operation operation)
        -> decltype(operation(std::string()))
    {
        auto result = operation(usual_path(folder, message));
        if (result || !result.error().is_absent()) return result;
        const auto paths = usual_paths(folder, message);
        if (paths.size() > 1) {
            result = operation(paths.back());
            if (result || !result.error().is_absent()) return result;
        }
        const auto found = locate(folder, message.unique);
        if (found) return operation(*found);
        return result;
    }

    // account_open.cpp, account_folders.cpp: from the disk to memory.
    Outcome open();
    Outcome ensure();  // at the beginning of every job
    Outcome ensure_index();
    bool has_good_index() const { return index && !index->is_damaged() && !index->is_lost(); }
    Outcome make_directories();
    void clear_staging();
    void clear_unplaced();
    void remove_tree(const std::string& directory, int depth);
    Outcome load_account();
    Outcome load_folders();
    Result<bool, StoreError> load_folder(const std::string& directory);  // false: to be adopted
    Outcome adopt_folder(const std::string& directory);
    bool looks_like_folder(const std::string& directory) const;
    std::string free_name(std::string name) const;
    Outcome make_missing_parents();
    Outcome set_up();
    Outcome open_index();
    Outcome set_index_aside();
    Outcome drop_index();
    bool is_of_this_journal() const;
    void take_counters();
    void save_all_counters();
    void shorten_wal();
    void index_unused();
    Outcome finish_intent();
    struct Renaming {
        std::string from;  // directories below the account's
        std::string to;
        std::string name;  // the new one, where `to` does not say it
    };
    Outcome carry_out(const std::vector<Renaming>& renamings);

    // account_mailboxes.cpp
    Outcome check_new_name(const std::string& name) const;
    Result<FolderRecord, StoreError> new_record();
    Outcome make_folder(const std::string& name, SpecialUse use);  // the account's directory is still to be synced
    Outcome create_with_parents(const std::string& name, SpecialUse use);
    void index_made(const std::vector<MailboxId>& made);
    Outcome sync_account();
    Result<void, FileError> write_folder(const std::string& staged, const FolderRecord& record);
    Outcome put_away(Folder& folder);
    Outcome rename_tree(const std::string& from, const std::string& to, const TracedAct* act);
    bool has_children(std::string_view name) const;
    MailboxInfo info(const Folder& folder) const;
    void enter(Folder folder);

    // account_scan.cpp, account_rebuild.cpp: foreign hands.
    Outcome ready(Folder& folder);    // its rows can be trusted as far as they go
    Outcome refresh(Folder& folder);  // and other tools' changes are in them
    // The same for who wants no more than counters and UIDs, which the names tell: rows may still be missing (`listed`).
    Outcome ready_to_count(Folder& folder);
    Outcome refresh_to_count(Folder& folder);
    bool are_old(const FolderTimes& times) const;  // so that no change hides behind the same tick of the clock
    bool may_look_again(const Folder& folder) const;
    Result<std::vector<FoundFile>, StoreError> list_files(Folder& folder);
    std::string found_path(const Folder& folder, const FoundFile& file) const;
    Flags known_flags(const Folder& folder, const Flags& flags) const;
    Result<std::optional<StoredMessage>, StoreError> admit(Folder& folder, const FoundFile& file, Admission admission);
    bool settle(Folder& folder, const FoundFile& file, const StoredMessage& message);
    Outcome list_messages(Folder& folder);  // of a stale folder: sets `listed` and the counters
    // account_listed.cpp. Enters rows of `listed` until all are in (answers true) or the time has come.
    Result<bool, StoreError> enter_listed(Folder& folder, SteadyTime until);
    void keep_columns(const Folder& folder);
    void look_at_file(Folder& folder, StoredMessage& message);

    // account_messages.cpp and its neighbours.
    std::vector<StoredMessage> select(const Folder& folder, const UidSet& which);
    // Unsynced. `bytes` under `target`, by way of tmp/; a link of `source` under it, or a copy where links do not do.
    Result<void, FileError> publish_bytes(std::string_view bytes, std::int64_t date, const std::string& unique,
                                          const std::string& target);
    Result<void, FileError> publish_link(const std::string& source, std::int64_t date, const std::string& target);
    Result<void, FileError> publish_copy(const std::string& source, std::int64_t date, const std::string& target);
    // The end of place() and append(): the file is under `target` or failed to get there; its row, or nothing of it.
    Result<Appended, StoreError> finish_placing(Folder& folder, const StoredMessage& message, Lsn lsn,
                                                const std::string& target, const Result<void, FileError>& published);
    Result<Copied, StoreError> transfer(MailboxId from, const UidSet& which, std::string_view to, bool removing,
                                        TracedAct* act = nullptr);
    // Within a transaction: rows out, the log in.
    void log_removal(Folder& folder, const std::vector<StoredMessage>& messages, ModSeq modseq);
    // Into the undelete directory with them.
    Outcome remove_messages(Folder& folder, const std::vector<StoredMessage>& messages, TracedAct* act = nullptr);
    MailboxStatus status(Folder& folder);

    // account_columns.cpp, account_search.cpp: what is made behind delivery.
    std::vector<Folder*> in_order(const std::vector<MailboxId>& first);  // folders whose rows can be trusted
    Result<bool, StoreError> fill_folder(AccountStore& store, Folder& folder, SteadyTime until);
    TextIndex* open_text(bool make);
    void set_text_aside();
    void drop_text();
    bool judge_text();
    void enter_text(AccountStore& store, const Folder& folder, Uid uid);
    std::optional<bool> fill_text_of(AccountStore& store, Folder& folder, SteadyTime until);
};

void count(MailboxCounters& counters, const MessageRow& row, int by);
void recount(MailboxCounters& counters, const Flags& before, const Flags& after);

// Where a message with these flags belongs, and its file name there.
inline Place place_of(const Flags& flags) { return flags == Flags{} ? Place::fresh : Place::cur; }
std::string file_name(const StoredMessage& message, Place place);

}  // namespace mbx::store
