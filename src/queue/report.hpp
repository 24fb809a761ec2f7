// When and what a sender is told (RFC 3461 sections 5 and 6, RFC 5321 sections 4.5.5 and 6.1). The decision is pure and
// made here; the text is composed by whom the daemon hands in (mail/dsn).
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "queue/entry.hpp"
#include "queue/ledger.hpp"

namespace mbx::queue {

enum class ReportKind : std::uint8_t {
    failed,
    delayed,
    relayed,  // success was asked for, and the remote cannot report it (RFC 3461 section 5.2.2), or it ends here (Ending)
};

struct ReportedRecipient {
    Recipient recipient;
    LastAnswer last;           // enhanced is never empty: 5.0.0, 4.0.0 or 2.0.0 where nobody said better
    std::uint32_t attempts = 0;
    bool is_expired = false;   // it failed because its time was over: `last` is of the last attempt, if there was one
    bool is_untried = false;   // nobody was asked about it, for this message or another one: it waited in our queue
    bool is_by_administrator = false;
};

struct ReportFacts {
    ReportKind kind = ReportKind::failed;
    std::string id;            // of the message it is about
    std::string to;            // its reverse-path; never empty
    std::string forwarded_by;  // the account that sent it on, and hears of it; empty: the sender hears of it
    bool is_only_copy = false; // nobody else has the message
    std::string envelope_id;   // ENVID, xtext undone
    bool smtputf8 = false;     // of the message: addresses may not be ASCII
    WallTime accepted{};
    WallTime at{};             // now
    WallTime give_up{};        // with `delayed`: tried until then
    std::uint64_t size = 0;    // of the original, with its copy's own fields
    bool is_full_wanted = false;  // RET=FULL, and within the limit: `original` below is whole; else its beginning
    std::vector<ReportedRecipient> recipients;
};

// The report as a whole message in wire form; `original` are the message's bytes, the whole or its first part (with the
// header, where that is not larger than kMaxReportedHeader). Pure; called on a worker.
using ComposeReport = std::function<Report(const ReportFacts& facts, std::string_view original)>;

inline constexpr std::size_t kMaxReportedHeader = 256U * 1024U;
// What LastAnswer::text says of a recipient that an administrator bounced.
inline constexpr std::string_view kBouncedByAdministrator = "returned by the administrator";

// Of a recipient whose time is over and whose turn never came; its `at` says that nobody was asked.
LastAnswer never_tried();
LastAnswer returned_by_administrator(std::int64_t last_attempt);  // seconds since 1970; 0: there was none

struct ReportLimits {
    std::chrono::milliseconds lifetime{};
    std::uint64_t max_size = 0;  // of an original that is returned whole
};

// Whether the recipient's sender is to be told of such an end.
bool wants_report(const Envelope& envelope, const Recipient& recipient, ReportKind kind);

// The facts about those of the given recipients (indexes) that are to be told; none: nobody.
std::optional<ReportFacts> decide_report(const Entry& entry, ReportKind kind, const std::vector<std::size_t>& recipients,
                                         WallTime now, const ReportLimits& limits);

}  // namespace mbx::queue
