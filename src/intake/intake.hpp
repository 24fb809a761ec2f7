// The one durable gate (docs/architecture.md rule 4): what it accepted survives any crash. In this version a message is
// durable because its file and its directory entries are synced before accept() returns; the journal with group commit
// takes that place behind the same two functions. Loop thread.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/metrics.hpp"
#include "base/random.hpp"
#include "intake/draft.hpp"
#include "store/store.hpp"

namespace mbx::intake {

struct Envelope {
    std::string reverse_path;                   // empty: <>
    std::vector<store::AccountKey> recipients;  // local, without duplicates
};

struct Receipt {
    std::string trace_id;               // as in "250 2.0.0 <trace id>"
    std::size_t delivered = 0;
    std::vector<store::AccountKey> over_quota;  // the others have it
};

class Intake {
public:
    Intake(store::Store& store, FileSystem& files, net::Workers& workers, const Clock& clock, Random& random,
           Metrics& metrics, Log log, std::string spool_directory);
    ~Intake();

    // A new trace id: time-ordered, unique, 20 characters of [0-9a-z].
    std::string new_trace_id();
    Draft new_draft();

    // Whether accept() would answer no_space at the moment, as far as known: for an early 452 (HOSTILE row G3).
    bool is_short_of_space() const;

    // Stores the message once and links it into every recipient's INBOX; all or none, durable when it returns.
    co::Task<Result<Receipt, IntakeError>> accept(std::string trace_id, Envelope envelope, Draft draft);

    // IMAP APPEND: one mailbox of one account.
    co::Task<Result<store::Appended, store::StoreError>> append(std::shared_ptr<store::Account> account,
                                                                store::Incoming incoming, Draft draft);

private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace mbx::intake
