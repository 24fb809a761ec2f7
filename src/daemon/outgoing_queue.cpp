#include "daemon/outgoing_queue.hpp"

#include <algorithm>
#include <utility>

#include "daemon/report_text.hpp"

namespace mbx::daemon {

namespace {

queue::QueueOptions queue_options(const config::Settings& settings)
{
    queue::QueueOptions options;
    options.lifetime = settings.queue.lifetime;
    options.warn_after = settings.queue.warn_after;
    options.max_connections = static_cast<std::uint32_t>(settings.queue.max_connections);
    options.max_connections_per_destination = static_cast<std::uint32_t>(settings.queue.max_connections_per_destination);
    options.max_messages_per_connection = static_cast<std::uint32_t>(settings.queue.max_messages_per_connection);
    options.max_messages_per_destination_minute = settings.queue.max_messages_per_destination_minute;
    options.connection_idle = settings.queue.connection_idle;
    options.report_max_size = settings.queue.report_max_size;
    return options;
}

queue::Arrival arrival_of(intake::OutgoingMail mail)
{
    queue::Arrival arrival;
    arrival.id = std::move(mail.id);
    arrival.lsn = mail.lsn;
    arrival.hold = std::move(mail.hold);
    arrival.accepted = mail.accepted;
    arrival.size = mail.size;
    arrival.crc = mail.crc;
    arrival.envelope = std::move(mail.envelope);
    arrival.bytes = std::move(mail.bytes);
    arrival.path = std::move(mail.path);
    return arrival;
}

}  // namespace

OutgoingQueue::OutgoingQueue(Ground ground, const config::Settings& settings)
    : log_(ground.log.for_component("queue")), again_(ground.loop),
      ledger_(ground.store, settings.server.data_directory + "/spool"),
      reports_(ReportIntake::Ground{ground.intake, ledger_, ground.directory, ground.srs, ground.clock, log_},
               settings.server.hostname),
      queue_(queue::Queue::Ground{ground.loop, ground.files, ground.workers, ground.clock, ground.random, ground.metrics, log_,
                                  ledger_, ground.transport, reports_, ground.recorder,
                                  settings.server.data_directory + "/queue",
                                  report_composer(settings.server.hostname, ground.random)},
             queue_options(settings), ground.failed)
{
    reports_.set_system_mail_to(settings.sendmail.system_mail_to);
    ground.intake.on_outgoing([this](intake::OutgoingMail mail) { queue_.enter(arrival_of(std::move(mail))); });
    ground.store.commit_with([this] { return queue_.commit(); });
}

void OutgoingQueue::take_over()
{
    unread_ = ledger_.visit_left([this](intake::QueueLedger::Left left) {
        if (left.mail.id.empty()) {
            changes_.push_back(std::move(left.change));
            holds_.push_back(std::move(left.change_hold));
            return;
        }
        arrivals_.push_back({arrival_of(std::move(left.mail)), std::move(left.load)});
    });
}

co::Task<void> OutgoingQueue::start()
{
    constexpr std::chrono::seconds kPatience(2);
    constexpr std::chrono::seconds kMostPatience(60);
    std::chrono::seconds patience = kPatience;
    bool is_back = false;
    while (!is_back && !is_stopping_) {
        auto arrivals = arrivals_;
        auto changes = changes_;
        is_back = co_await queue_.recover(std::move(arrivals), std::move(changes));
        is_late_ = !is_back;
        if (is_back || is_stopping_) break;
        log_.error("what the last run left of the queue cannot be put into its place yet; the journal keeps it", {{"again_in_s", patience.count()}});
        (void)co_await again_.wait(patience);
        patience = std::min(2 * patience, kMostPatience);
    }
    if (!is_back) co_return;
    arrivals_.clear();
    changes_.clear();
    holds_.clear();
    if (is_stopping_) co_return;
    co_await look_after_unread();
    if (is_stopping_) co_return;
    is_started_ = true;
    queue_.start();
}

// A message that cannot be read in the journal may have its files already: then nothing is missing.
co::Task<void> OutgoingQueue::look_after_unread()
{
    std::vector<std::string> left;
    const std::vector<std::string> all = unread_;
    for (const auto& id : all) {
        const auto listed = co_await queue_.show(id);
        if (listed) ledger_.let_go(id);
        else left.push_back(id);
    }
    unread_ = std::move(left);
    for (const auto& id : unread_) {
        log_.error("a message for other servers cannot be read by this version: it is not sent, and the journal keeps it", {{"id", id}});
    }
}

std::vector<std::string> OutgoingQueue::complaints() const
{
    constexpr std::size_t kMostNamed = 5;
    std::vector<std::string> all = queue_.facts().complaints;
    if (is_late_) {
        all.push_back("Mail to other servers is accepted and kept, but not sent: what the last run left of the queue cannot be put into its "
                      "place yet. It is tried again by itself; the log says why it fails.");
    }
    if (unread_.empty()) return all;
    std::string ids;
    for (std::size_t n = 0; n < unread_.size() && n < kMostNamed; ++n) ids += (n == 0 ? "" : ", ") + unread_[n];
    if (unread_.size() > kMostNamed) ids += " and " + std::to_string(unread_.size() - kMostNamed) + " more";
    const bool is_one = unread_.size() == 1;
    all.push_back(std::string(is_one ? "A message" : "Messages") + " for other servers (" + ids + ") cannot be read by this version, and " +
                  (is_one ? "is" : "are") + " not sent; all else is. The journal keeps " + (is_one ? "it" : "them") +
                  ", and grows until the version of mailboxd that accepted " + (is_one ? "it" : "them") +
                  " is started again. If it is the version that runs: mailboxctl journal list, and report it.");
    return all;
}

void OutgoingQueue::give_up_waiting()
{
    is_stopping_ = true;
    again_.cancel();
}

co::Task<void> OutgoingQueue::stop()
{
    if (is_started_) co_await queue_.stop();
    holds_.clear();
    arrivals_.clear();
}

void OutgoingQueue::set_options(const config::Settings& settings)
{
    queue_.set_options(queue_options(settings));
    reports_.set_system_mail_to(settings.sendmail.system_mail_to);
}

}  // namespace mbx::daemon
