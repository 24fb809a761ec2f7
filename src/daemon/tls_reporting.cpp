#include "daemon/tls_reporting.hpp"

#include <algorithm>
#include <utility>

#include "base/ascii.hpp"
#include "daemon/own_mail.hpp"
#include "http/client.hpp"
#include "mail/received.hpp"
#include "net/dns_record.hpp"
#include "net/gzip.hpp"
#include "net/tls.hpp"
#include "smtp/recipient.hpp"
#include "smtp/route.hpp"

namespace mbx::daemon {

namespace {

constexpr std::size_t kMostFile = 64U << 20U;
constexpr std::uint32_t kFileMode = 0600;
constexpr std::size_t kSenders = 8;          // reports under way at the same time
constexpr std::size_t kMostAddresses = 4;    // of a web server
constexpr std::chrono::seconds kPostTime(30);
constexpr std::chrono::seconds kSaveEvery(600);
constexpr std::chrono::seconds kFirstRetry(900);
constexpr std::chrono::hours kRetryFor(24);  // section 5.5

std::string domain_of(const std::string& address) { return address.substr(address.rfind('@') + 1); }

}  // namespace

TlsReporting::TlsReporting(Ground ground, TlsReportingOptions options)
    : ground_(std::move(ground)), options_(std::move(options)), timer_(ground_.loop),
      sent_(ground_.metrics.counter("mailboxd_tls_reports_sent_total", "Reports about TLS that were sent (RFC 8460)")),
      failed_(ground_.metrics.counter("mailboxd_tls_reports_failed_total", "Reports about TLS that were given up"))
{
    ground_.reports.set_length(options_.period);
    draw_delay();
}

// Up to four hours after a day's end, so that not all servers of the world report at midnight.
void TlsReporting::draw_delay()
{
    constexpr std::int64_t kParts = 6;
    const auto most = static_cast<std::uint64_t>(std::max<std::int64_t>(options_.period.count() / kParts, 1));
    delay_ = std::chrono::seconds(ground_.random.number() % most + 1);
}

void TlsReporting::set_options(TlsReportingOptions options)
{
    options_ = std::move(options);
    ground_.reports.set_length(options_.period);
    draw_delay();
}

void TlsReporting::start() { tasks_.spawn(run()); }

void TlsReporting::interrupt()
{
    is_stopping_ = true;
    timer_.cancel();
    cancellation_.cancel();
}

co::Task<void> TlsReporting::finish()
{
    co_await tasks_.finished();
    if (is_loaded_) co_await save();
}

co::Task<void> TlsReporting::run()
{
    co_await load();
    saved_ = ground_.clock.wall();
    while (!is_stopping_) {
        constexpr std::chrono::milliseconds kLook(60'000);
        const auto part = std::chrono::milliseconds(options_.period) / 10;
        (void)co_await timer_.wait(std::min(kLook, part));
        if (is_stopping_) break;
        collect();
        co_await send_due();
        if (ground_.clock.wall() < saved_ + kSaveEvery) continue;
        saved_ = ground_.clock.wall();
        co_await save();
    }
}

void TlsReporting::collect()
{
    const WallTime now = ground_.clock.wall();
    auto days = ground_.reports.take_finished(now - delay_);
    if (days.empty()) return;
    draw_delay();
    if (!options_.is_on) return;
    for (smtp::TlsDay& day : days) pending_.push_back({std::move(day), now, now + kRetryFor, 0});
}

co::Task<void> TlsReporting::load()
{
    auto job = [&files = ground_.files, path = options_.file]() -> std::vector<smtp::TlsDay> {
        const auto bytes = read_whole(files, path, kMostFile);
        auto days = bytes ? smtp::read_tls_days(*bytes) : std::nullopt;
        return days ? std::move(*days) : std::vector<smtp::TlsDay>();
    };
    auto days = co_await ground_.workers.run(net::WorkClass::bulk, std::move(job));
    ground_.reports.put_back(std::move(days));
    is_loaded_ = true;
}

co::Task<void> TlsReporting::save()
{
    std::vector<smtp::TlsDay> days = ground_.reports.all();
    for (const Pending& one : pending_) days.push_back(one.day);
    auto job = [&files = ground_.files, path = options_.file, days = std::move(days)]() -> bool {
        return static_cast<bool>(replace_whole(files, path, smtp::write_tls_days(days), kFileMode));
    };
    const bool is_saved = co_await ground_.workers.run(net::WorkClass::bulk, std::move(job));
    if (!is_saved) ground_.log.warning("what was gathered for TLS reports could not be written", {{"path", options_.file}});
}

co::Task<void> TlsReporting::send_due()
{
    const WallTime now = ground_.clock.wall();
    std::vector<Pending> due;
    for (Pending& one : pending_) {
        if (one.next <= now) due.push_back(std::move(one));
    }
    std::erase_if(pending_, [now](const Pending& one) { return one.next <= now; });
    std::size_t next = 0;
    for (std::size_t n = 0; n < std::min(kSenders, due.size()); ++n) senders_.spawn(send_from(&due, &next));
    co_await senders_.finished();
}

// One of several that work through the same list.
co::Task<void> TlsReporting::send_from(std::vector<Pending>* due, std::size_t* next)
{
    while (*next < due->size()) {
        Pending one = std::move((*due)[(*next)++]);
        Outcome outcome = Outcome::later;
        if (!is_stopping_) outcome = co_await send(one.day);
        if (outcome == Outcome::sent) sent_.add();
        if (outcome != Outcome::later) continue;
        const WallTime now = ground_.clock.wall();
        if (!is_stopping_ && now >= one.give_up) {
            failed_.add();
            ground_.log.info("a TLS report was given up", {{"domain", one.day.domain}});
            continue;
        }
        constexpr unsigned kMostDoublings = 5;
        one.next = now + kFirstRetry * (1U << std::min(one.tries++, kMostDoublings));
        pending_.push_back(std::move(one));
    }
}

co::Task<TlsReporting::Outcome> TlsReporting::send(const smtp::TlsDay& day)
{
    const net::DnsAnswer answer = co_await ground_.resolver.look_up("_smtp._tls." + day.domain, net::DnsType::txt);
    if (answer.outcome == net::DnsOutcome::failure) co_return Outcome::later;
    std::vector<std::string> texts;
    for (const std::string& record : answer.records) {
        if (auto text = net::parse_txt(record)) texts.push_back(std::move(*text));
    }
    const std::vector<std::string> uris = smtp::parse_tlsrpt_record(texts);
    if (uris.empty()) co_return Outcome::unwanted;
    constexpr std::size_t kUnique = 8;
    const std::string submitter = domain_of(options_.from);
    Made made;
    made.id = ground_.random.hex(kUnique) + "@" + submitter;
    made.filename = smtp::tls_report_filename(day, submitter);
    made.gzipped = net::gzip(smtp::compose_tls_report(day, {options_.organisation, options_.from, made.id}));
    // One that takes it is enough (section 3).
    bool is_sent = false;
    for (const std::string& uri : uris) {
        if (is_stopping_) break;
        auto mailbox = smtp::parse_mailto(uri);
        auto place = smtp::parse_https(uri);
        if (mailbox) is_sent = co_await send_mail(day, made, std::move(*mailbox));
        else if (place) is_sent = co_await post(made, std::move(*place));
        if (!is_sent) continue;
        ground_.log.info("a TLS report was sent", {{"domain", day.domain}, {"to", uri}, {"id", made.id}});
        co_return Outcome::sent;
    }
    co_return Outcome::later;
}

// Whom it reaches, here or elsewhere. False: nobody.
bool TlsReporting::address(const mail::Mailbox& to, intake::Envelope& envelope) const
{
    const auto snapshot = ground_.directory.snapshot();
    const auto decision = smtp::judge_recipient({*snapshot, smtp::Role::submission, false, ground_.srs, ground_.clock.wall()}, to);
    if (decision.reply != smtp::ReplyId::recipient_accepted) return false;
    add_recipients(*snapshot, decision, ground_.srs, envelope);
    envelope.reverse_path = options_.from;
    for_each_outgoing(envelope, [this](queue::Envelope& each) {
        // Nobody here waits for it: what cannot be delivered is told by the trace.
        for (queue::Recipient& one : each.recipients) one.notify = {true, false, false, false};
        each.reverse_path = options_.from;
        each.ignores_tls_policy = true;
    });
    return !envelope.recipients.empty() || envelope.is_for_others();
}

co::Task<bool> TlsReporting::send_mail(const smtp::TlsDay& day, const Made& made, mail::Mailbox to)
{
    intake::Envelope envelope;
    if (!address(to, envelope)) co_return false;
    smtp::TlsReportMail report;
    report.from = options_.from;
    report.to = mail::format_mailbox(to);
    report.domain = day.domain;
    report.report_id = made.id;
    report.filename = made.filename;
    report.gzipped = made.gzipped;
    report.date.unix_seconds = std::chrono::floor<std::chrono::seconds>(ground_.clock.wall()).time_since_epoch().count();
    const std::string text = smtp::compose_tls_report_mail(report);
    intake::Draft draft = ground_.intake.new_draft();
    std::string prefix;
    if (!envelope.recipients.empty()) prefix = "Return-Path: <" + options_.from + ">\r\n";
    for_each_outgoing(envelope, [&prefix](queue::Envelope& each) { each.kept_back = prefix.size(); });
    if (!prefix.empty()) draft.set_prefix(std::move(prefix));
    const auto stored = co_await draft.append(text);
    if (!stored || is_stopping_) co_return false;
    std::string id = ground_.intake.new_trace_id();
    const intake::Envelope seen = envelope;
    envelope.tell = [&seen, &day, &text](const intake::Receipt& receipt) {
        return events_of_own_mail(receipt, seen, "a report about TLS to " + day.domain + ", made here", text);
    };
    const auto receipt = co_await ground_.intake.accept(std::move(id), std::move(envelope), std::move(draft));
    co_return static_cast<bool>(receipt);
}

co::Task<bool> TlsReporting::post(const Made& made, smtp::WebPlace place)
{
    std::vector<net::Endpoint> endpoints;
    for (const net::DnsType type : {net::DnsType::a, net::DnsType::aaaa}) {
        const net::DnsAnswer answer = co_await ground_.resolver.look_up(place.host, type);
        for (const std::string& record : answer.records) {
            const auto found = net::parse_address_record(record);
            // Nobody's record makes us talk to our own network.
            const bool is_fine = found && (options_.allows_private_targets || !smtp::is_private_target(*found));
            if (is_fine && endpoints.size() < kMostAddresses) endpoints.push_back({*found, place.port});
        }
    }
    for (const net::Endpoint& endpoint : endpoints) {
        const bool is_taken = co_await post_to(made, place, endpoint);
        if (is_taken) co_return true;
    }
    co_return false;
}

co::Task<bool> TlsReporting::post_to(const Made& made, smtp::WebPlace place, net::Endpoint endpoint)
{
    const net::Deadline deadline = net::Deadline::after(kPostTime);
    auto plain = co_await net::connect_tcp(ground_.loop, endpoint, std::nullopt, cancellation_, deadline);
    if (!plain) co_return false;
    net::TlsClientOptions tls;  // section 3: the certificate need not be believed
    tls.server_name = place.host;
    tls.alpn = {"http/1.1"};
    auto stream = co_await net::connect_tls(ground_.workers, std::move(*plain), std::move(tls), deadline);
    if (!stream) co_return false;
    constexpr std::uint16_t kHttps = 443;
    http::ClientRequest request;
    request.method = http::Method::post;
    request.target = place.target;
    request.host = place.port == kHttps ? place.host : place.host + ":" + std::to_string(place.port);
    request.content_type = "application/tlsrpt+gzip";
    request.body = made.gzipped;
    http::ClientLimits limits;
    limits.body_bytes = 64U * 1024U;
    limits.time = kPostTime;
    const auto response = co_await http::fetch(**stream, std::move(request), limits);
    constexpr int kHundred = 100;
    co_return response && response->status / kHundred == 2;
}

}  // namespace mbx::daemon
