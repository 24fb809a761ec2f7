// The inside of Store, shared by its files and by nobody else. Loop thread, but for what says worker.
#pragma once

#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "store/parked_mail.hpp"
#include "store/store.hpp"

namespace mbx::store {

// A message until the last of its recipients has it.
struct Owed {
    std::shared_ptr<const AcceptedMessage> message;
    CheckpointFloor::Hold hold;
    std::size_t left = 0;  // recipients that do not have it
};

// A part of that: one recipient's.
struct OwedDelivery {
    std::shared_ptr<Owed> owed;
    AccountKey key;
    SteadyTime since;
};

// What is applied to an account beside its own files: the journal's records of the last run, parked files.
struct PendingWork {
    std::vector<ReplayRecord> records;   // ascending
    std::vector<ParkedFile> files;       // that some of them stand in; locations say which
    bool is_empty() const { return records.empty(); }
};

// What applying it came to. Messages that could not be placed are owed as before.
struct WorkOutcome {
    struct Placed {
        std::string trace_id;
        Appended where;
    };
    std::vector<std::shared_ptr<const AcceptedMessage>> unplaced;
    std::vector<Placed> placed;  // now
    Replayed replayed;
    Lsn last_lsn = 0;
    bool is_journal_unreadable = false;
};

struct Store::State {
    enum class Phase : std::uint8_t { open, opening, closing };
    struct Entry {
        std::shared_ptr<Account> account;
        Phase phase = Phase::open;  // but for open: wait for `settled`
        std::uint64_t used = 0;     // its key in by_use; 0: not used yet
        SteadyTime used_at;
        std::uint64_t committed_jobs = 0;
        std::optional<SteadyTime> commit_fails_since;
        std::uint64_t seen_jobs = UINT64_MAX;  // by rest_idle(),
        SteadyTime seen_at{};                  // and since then there was no other
        std::uint64_t rested_jobs = UINT64_MAX;
        bool is_busy() const { return phase != Phase::open; }
    };
    // Parked files whose records are applied, until that is written down.
    struct Closing {
        std::vector<ParkedFile> files;
        std::vector<std::shared_ptr<const AcceptedMessage>> unplaced;
        AccountKey key;
        Lsn lsn = 0;
        CheckpointFloor::Hold hold;
    };

    State(net::Loop& loop_in, FileSystem& files_in, net::Workers& workers_in, MailJournal& journal_in,
          const Clock& clock_in, Random& random_in, Metrics& metrics, Log log_in, StoreOptions options_in,
          std::function<void()> failed);

    // store.cpp: opening and closing.
    void note_counts();
    void touch(const std::string& place, Entry& entry);
    void drop_entry(const std::string& place);
    std::map<std::string, Entry>::iterator oldest_idle();
    co::Task<bool> put_away(std::string place);
    co::Task<void> make_room();
    co::Task<void> put_idle_away();
    struct Opening;
    Result<void, StoreError> open(Opening& opening);  // worker
    Result<std::string, StoreError> move_aside(const AccountKey& key);  // worker
    void enter(const std::string& place, Opening& opening);
    // store_rest.cpp: memory of accounts that are open and not used.
    std::vector<std::string> due_to_rest();
    co::Task<void> rest_idle();
    co::Task<std::optional<std::chrono::milliseconds>> rest_one(std::string place);
    co::Task<void> give_memory_back();
    co::Task<void> keep_resting();
    co::Task<bool> commit_all();
    co::Task<void> commit_one(std::string place, std::shared_ptr<Account> account, bool* all_good);
    co::Task<void> give_up_index(std::string place, std::shared_ptr<Account> account);
    co::Task<bool> write_removal(const AccountKey& key);

    co::Task<void> read_sharing(std::vector<AccountKey> keys);  // store_sharing.cpp

    // store_deliveries.cpp: what is owed, and placing it.
    void deliver_one(OwedDelivery delivery);
    void enqueue(const std::shared_ptr<Account>& account, OwedDelivery delivery);
    co::Task<void> open_for_waiting(AccountKey key);
    void settle(Owed& part);
    void trace_placed(const AccountKey& key, const std::string& trace_id, const Appended& placed) const;
    void drop_spool(std::shared_ptr<const AcceptedMessage> message);
    void add_stuck(const AccountKey& key, std::shared_ptr<const AcceptedMessage> message, CheckpointFloor::Hold hold);
    void forget_account(const std::string& place);
    bool has_deliveries_under_way() const { return under_way != 0; }
    co::Task<void> retry_deliveries();
    co::Task<void> park(std::string place);
    // In a file of their own; true when it is synced.
    co::Task<bool> write_parked(AccountKey key, std::vector<std::shared_ptr<const AcceptedMessage>> messages);

    // store_replay.cpp: what the last run left, and what is parked.
    void take_over();
    void sweep_spool(const std::set<std::string>& named);
    PendingWork pending_of(const std::string& place) const;
    Replay replay_of(const PendingWork& work);
    Result<WorkOutcome, StoreError> place_owed(AccountStore& store, const PendingWork& work);  // worker
    void take_outcome(const std::string& place, const AccountKey& key, PendingWork work, WorkOutcome outcome,
                      CheckpointFloor::Hold hold);
    bool is_parked_spool(const std::string& name) const;
    co::Task<void> park_recovered(std::string place);
    co::Task<bool> close_parked(std::shared_ptr<Closing> closing);
    co::Task<void> close_in_background(std::shared_ptr<Closing> closing);
    void remove_done(const ParkedFile& file);
    co::Task<void> replay_all();
    co::Task<void> replay_one(const std::string& place, AccountKey key);
    co::Task<void> retry_replays();
    co::Task<void> retry_parked();
    co::Task<void> retry_place(std::string place);
    co::Task<void> keep_retrying();

    net::Loop& loop;
    FileSystem& files;
    net::Workers& workers;
    MailJournal& journal;
    const Clock& clock;
    Random& random;
    Log log;
    StoreOptions options;
    ParkedMail parking;
    std::vector<std::shared_ptr<Volume>> volumes;
    std::unique_ptr<Checkpoints> checkpoints;
    std::function<QuotaLimits(const AccountKey&)> quotas;
    trace::Recorder* recorder = nullptr;  // may be none
    Checkpoints::Commit commit_other;  // of what is no mailbox; may be empty

    std::map<std::string, Entry> entries;          // by account_place
    std::map<std::uint64_t, std::string> by_use;   // places, the longest unused first
    co::Event settled;
    Sharing shared;
    bool is_reading_sharing = false;
    bool has_read_sharing = false;
    co::Event sharing_read;
    std::uint64_t uses = 0;

    std::map<std::string, CheckpointFloor::Hold> replay_holds;        // of recovered accounts
    std::map<std::string, std::vector<ParkedFile>> parked;
    std::map<std::string, std::vector<OwedDelivery>> waiting;         // for accounts that are not open
    std::map<std::string, std::vector<OwedDelivery>> stuck;           // that could not be placed
    std::vector<std::shared_ptr<Closing>> closings;                   // that could not be written down yet
    std::map<std::string, SteadyTime> replay_fails_since;
    std::set<std::string> retrying;                                   // places whose parked mail is being tried
    std::size_t owed = 0;       // messages
    std::size_t under_way = 0;  // deliveries that a job or an opening account has in hand
    net::Timer retry_timer;
    net::Timer rest_timer;
    bool has_freed = false;     // something rested since memory was given back
    SteadyTime gave_back{};
    bool is_started = false;
    bool is_stopping = false;
    Store* store = nullptr;
    co::Event delivered;
    co::Scope tasks;

    Gauge& open_gauge;
    Gauge& owed_gauge;
    Gauge& parked_gauge;
    Gauge& replays_gauge;
    Counter& rests_counter;
    Counter& placed_counter;
    Counter& replayed_rows;
    Counter& repaired_files;
};

}  // namespace mbx::store
