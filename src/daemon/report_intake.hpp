// Reports of the queue on their way in: to whoever a reverse-path is, here or elsewhere, by the one durable gate. Loop thread.
#pragma once

#include "base/clock.hpp"
#include "base/log.hpp"
#include "directory/directory.hpp"
#include "intake/intake.hpp"
#include "intake/queue_ledger.hpp"
#include "policy/srs.hpp"

namespace mbx::daemon {

class ReportIntake final : public queue::Intake {
public:
    // All outlive it.
    struct Ground {
        intake::Intake& intake;
        intake::QueueLedger& ledger;
        directory::Directory& directory;
        const policy::Srs& srs;
        const Clock& clock;
        Log log;
    };
    ReportIntake(Ground ground, std::string host_name) : ground_(std::move(ground)), host_name_(std::move(host_name)) {}
    void set_system_mail_to(std::string address) { system_mail_to_ = std::move(address); }

    // A report that has nobody to go to (the account was removed meanwhile) is dropped with a line in the log; the queue's
    // record is durable all the same (RFC 5321 section 6.1: no report of a report).
    co::Task<queue::Taken> accept(queue::Report report, MakeRecord record, queue::Ledger::Hold* hold) override;
    std::string why_not_told(const std::string& to) const override;

private:
    bool address(const queue::Report& report, intake::Envelope& envelope) const;
    co::Task<queue::Taken> drop(std::string to, queue::LedgerRecord record, queue::Ledger::Hold* hold);
    Ground ground_;
    std::string host_name_;
    std::string system_mail_to_;
};

}  // namespace mbx::daemon
