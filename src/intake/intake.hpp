// The one durable gate (docs/architecture.md rule 4): what it accepted survives any crash, because its record stands in
// the journal before accept() returns (docs/journal.md). Loop thread.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/metrics.hpp"
#include "base/random.hpp"
#include "intake/draft.hpp"
#include "queue/envelope.hpp"
#include "queue/ledger.hpp"
#include "store/store.hpp"
#include "trace/recorder.hpp"

namespace mbx::intake {

struct Receipt;

struct Envelope {
    std::string reverse_path;                   // empty: <>
    std::vector<store::AccountKey> recipients;  // local, without duplicates
    queue::Envelope outgoing;                   // its recipients: those on other servers; none, or one of both at least
    // The same message under other reverse-paths (lists): each becomes a message of its own in the queue, in the same commit.
    // kMostFurther at most.
    std::vector<queue::Envelope> further{};
    static constexpr std::size_t kMostFurther = 16;
    // What the trace is told of the acceptance, asked just before the record is made, which holds it too; may be none.
    std::function<std::vector<trace::Event>(const Receipt&)> tell{};

    bool is_for_others() const { return !outgoing.recipients.empty() || !further.empty(); }
    bool leaves_the_house() const;  // somebody is on another server, and not only a report to be made
};

// A durable message for other servers, on its way to the queue.
struct OutgoingMail {
    std::string id;                            // trace id
    store::Lsn lsn = 0;                        // of its acceptance
    queue::Ledger::Hold hold;                  // no checkpoint forgets the acceptance while it lives
    WallTime accepted{};
    std::uint64_t size = 0;
    std::uint32_t crc = 0;                     // CRC-32C of the message
    queue::Envelope envelope;
    // The message: in memory, or in a synced file that stays until a checkpoint has passed what was appended until the
    // hold was let go. One of the two.
    std::shared_ptr<const std::string> bytes;
    std::string path;
};

struct Receipt {
    std::string trace_id;               // as in "250 2.0.0 <trace id>"
    WallTime accepted{};                // as its record has it: before its first delivery or attempt began
    std::uint64_t size = 0;             // of the message with what was put before it
    std::size_t delivered = 0;          // recipients, all of them: each has it, or will have it before anything else
    // What Envelope::further became, in its order.
    struct Further {
        std::string id;  // trace id
        std::string reverse_path;
        std::vector<std::string> recipients;
    };
    std::vector<Further> further{};
    std::vector<store::AccountKey> over_quota;  // those whose limits it passed: theirs all the same
};

struct IntakeOptions {
    unsigned warn_percent = 90;  // of a quota, when passing it is told; 0: never
    std::chrono::milliseconds patience{10'000};  // how long accept() waits for the journal to have room
};

class Intake {
public:
    // All outlive it; the journal is the store's.
    Intake(store::Store& store, FileSystem& files, net::Workers& workers, const Clock& clock, Random& random,
           Metrics& metrics, Log log, std::string spool_directory, IntakeOptions options = {});
    ~Intake();

    // A new trace id: time-ordered within a run, 20 characters of [0-9a-z], never given twice, not even when the clock
    // went back between two starts (HOSTILE row G8): a part of it is a number that the journal gave to this run alone.
    std::string new_trace_id();
    Draft new_draft();

    // Whether accept() would answer no_space at the moment, as far as known: for an early 452 (HOSTILE row G3).
    bool is_short_of_space() const;

    bool has_quota(const store::AccountKey& recipient) const;
    // Whether a message of `size` bytes (0: of a size not known yet) fits into the recipient's quota: for the answer to
    // RCPT. Room where it cannot be found out.
    co::Task<bool> room_for(store::AccountKey recipient, std::uint64_t size);

    // Writes the message into the journal; when it returns it is durable, and each recipient's next job sees it in INBOX.
    // Quotas: when none of the recipients has room, over_quota. When some have, all get it: it was one message to all of
    // them, there is one answer for all (RFC 5321 section 4.2.5), and none of them may lose it.
    co::Task<Result<Receipt, IntakeError>> accept(std::string trace_id, Envelope envelope, Draft draft);

    // IMAP APPEND: one mailbox of one account.
    co::Task<Result<store::Appended, store::StoreError>> append(std::shared_ptr<store::Account> account,
                                                                store::Incoming incoming, Draft draft);

    // One message of several for a mailbox. What it replaces goes when all are there.
    struct Addition {
        store::Incoming incoming;
        Draft draft;
    };
    struct Replaced {
        store::MailboxId mailbox;
        store::Uid uid = 0;
    };
    // IMAP APPEND of several messages, and REPLACE: all or nothing, in one job, so that nobody sees a part of it. What came
    // before a failure is expunged again. The quota is looked at as if what is replaced were gone. Only a crash in the
    // middle of the job leaves a part: its records are in the journal one by one.
    co::Task<Result<std::vector<store::Appended>, store::StoreError>> append_all(std::shared_ptr<store::Account> account,
                                                                                 std::vector<Addition> messages,
                                                                                 std::optional<Replaced> replaced);

    void set_options(IntakeOptions options);

    // Who takes messages for other servers, on the loop, before accept() returns. Without, they are refused.
    void on_outgoing(std::function<void(OutgoingMail)> take);
    // As accept(), with a change of the queue that is durable if and only if the message is; asked for just before the record
    // is made.
    using QueueChange = std::function<queue::LedgerRecord()>;
    co::Task<Result<Receipt, IntakeError>> accept_with(std::string trace_id, Envelope envelope, Draft draft,
                                                       QueueChange queue_change, queue::Ledger::Hold* hold);

private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace mbx::intake
