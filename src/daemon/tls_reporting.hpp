// Tells other domains how encrypted delivery to them went (TLSRPT, RFC 8460): once a day those that ask for it in the DNS get
// a report, as mail or by POST. What is gathered outlives a restart. Loop thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "base/file_system.hpp"
#include "base/log.hpp"
#include "base/metrics.hpp"
#include "base/random.hpp"
#include "co/scope.hpp"
#include "directory/directory.hpp"
#include "intake/intake.hpp"
#include "net/connect.hpp"
#include "net/loop.hpp"
#include "net/resolver.hpp"
#include "net/workers.hpp"
#include "policy/srs.hpp"
#include "smtp/tls_report.hpp"
#include "smtp/tls_report_mail.hpp"

namespace mbx::daemon {

struct TlsReportingOptions {
    bool is_on = true;
    std::string from;                   // address that reports are from; its domain submits them
    std::string organisation;
    std::string file;                   // what is kept of it
    std::chrono::seconds period{86'400};
    bool allows_private_targets = false;
};

class TlsReporting {
public:
    // All outlive it.
    struct Ground {
        net::Loop& loop;
        net::Workers& workers;
        FileSystem& files;
        const Clock& clock;
        Random& random;
        Metrics& metrics;
        Log log;
        net::Resolver& resolver;
        smtp::TlsReports& reports;
        intake::Intake& intake;
        directory::Directory& directory;
        const policy::Srs& srs;
    };
    TlsReporting(Ground ground, TlsReportingOptions options);
    TlsReporting(const TlsReporting&) = delete;
    TlsReporting& operator=(const TlsReporting&) = delete;

    void start();
    // Nothing is sent any more; look-ups under way are the resolver's to end.
    void interrupt();
    // What is gathered is on the disk. After interrupt().
    co::Task<void> finish();
    void set_options(TlsReportingOptions options);

private:
    struct Pending {
        smtp::TlsDay day;
        WallTime next{};
        WallTime give_up{};
        unsigned tries = 0;
    };
    enum class Outcome : std::uint8_t { sent, unwanted, later };
    co::Task<void> run();
    co::Task<void> load();
    co::Task<void> save();
    void collect();
    void draw_delay();
    co::Task<void> send_due();
    co::Task<void> send_from(std::vector<Pending>* due, std::size_t* next);
    co::Task<Outcome> send(const smtp::TlsDay& day);
    struct Made {
        std::string id;
        std::string filename;
        std::string gzipped;
    };
    co::Task<bool> send_mail(const smtp::TlsDay& day, const Made& made, mail::Mailbox to);
    bool address(const mail::Mailbox& to, intake::Envelope& envelope) const;
    co::Task<bool> post(const Made& made, smtp::WebPlace place);
    co::Task<bool> post_to(const Made& made, smtp::WebPlace place, net::Endpoint endpoint);

    Ground ground_;
    TlsReportingOptions options_;
    std::vector<Pending> pending_;
    std::chrono::seconds delay_{0};  // after a day's end (section 4.1)
    WallTime saved_{};
    net::Timer timer_;
    net::Cancellation cancellation_;
    co::Scope tasks_;
    co::Scope senders_;
    Counter& sent_;
    Counter& failed_;
    bool is_stopping_ = false;
    bool is_loaded_ = false;
};

}  // namespace mbx::daemon
