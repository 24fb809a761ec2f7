#include "daemon/drop_pickup.hpp"

#include <algorithm>
#include <utility>

#include "base/ascii.hpp"
#include "base/legible.hpp"
#include "daemon/drop_stream.hpp"

namespace mbx::daemon {

namespace {

constexpr std::chrono::seconds kLookInterval{60};  // also how long a message is put off at first
constexpr std::chrono::seconds kLongestPutOff{32 * 60};
constexpr std::size_t kMostListed = 100'000;
constexpr std::size_t kMostUntouched = 10'000;
constexpr std::size_t kMostReturned = 256U * 1024U;

// "5.1.1 no such mailbox" as its two halves (RFC 3463).
queue::LastAnswer answer_of(const sendmail::Reply& reply, WallTime now)
{
    queue::LastAnswer answer;
    answer.code = reply.code;
    answer.text = reply.text;
    const std::size_t space = std::min(reply.text.find(' '), reply.text.size());
    const std::string status = reply.text.substr(0, space);
    const bool is_status = std::ranges::count(status, '.') == 2 && std::ranges::all_of(status, [](char c) { return ascii::is_digit(c) || c == '.'; });
    answer.enhanced = is_status ? status : reply.is_refusal() ? "5.0.0" : "4.0.0";
    if (is_status) answer.text = reply.text.substr(std::min(space + 1, reply.text.size()));
    answer.at = std::chrono::floor<std::chrono::seconds>(now).time_since_epoch().count();
    return answer;
}

bool wants_report_of_failure(const sendmail::Letter& letter)
{
    return letter.notify.empty() || letter.notify.find("FAILURE") != std::string::npos;
}

std::string address_text(const sendmail::Address& address, std::string_view host)
{
    const auto mailbox = sendmail::qualified(address, host);
    return mailbox ? mail::format_mailbox(*mailbox) : sendmail::shown(address);
}

// "A file", "A directory", "3 files", "3 files and directories"
std::string kinds_of(const sendmail::DropCount& found)
{
    const bool is_all_directories = found.directories == found.count;
    if (found.count == 1) return is_all_directories ? "A directory" : "A file";
    const char* const kinds = is_all_directories ? " directories" : found.directories == 0 ? " files" : " files and directories";
    return std::to_string(found.count) + kinds;
}

}  // namespace

DropPickup::DropPickup(Ground ground, Options options)
    : ground_(std::move(ground)), options_(std::move(options)),
      taken_in_(ground_.metrics.counter("mailboxd_sendmail_taken_in_total", "Messages taken in from the drop directory")),
      set_aside_(ground_.metrics.counter("mailboxd_sendmail_set_aside_total", "Files of the drop directory that were set aside")),
      timer_(ground_.loop)
{
    ground_.metrics.gauge_function("mailboxd_sendmail_waiting", "Messages in the drop directory at the last look",
                                   [this] { return static_cast<double>(waiting_); });
    ground_.metrics.gauge_function("mailboxd_sendmail_foreign", "Files of the drop directory that are not sendmail's, and are left alone",
                                   [this] { return static_cast<double>(foreign_.count); });
    ground_.metrics.gauge_function("mailboxd_sendmail_aside", "Files of the drop directory that were set aside and still lie there",
                                   [this] { return static_cast<double>(aside_.count); });
    ground_.metrics.gauge_function("mailboxd_sendmail_stuck", "Names in the drop directory that can be neither taken in nor set aside, or not removed",
                                   [this] { return static_cast<double>(untaken_.size() + untouched_.size()); });
}

void DropPickup::set_options(Options options)
{
    options.directory = options_.directory;
    options_ = std::move(options);
}

void DropPickup::start()
{
    if (!options_.directory.empty()) tasks_.spawn(run());
}

void DropPickup::stop()
{
    is_stopping_ = true;
    timer_.cancel();
}

void DropPickup::watch()
{
    if (watch_) return;
    auto changed = [this] {
        is_told_ = true;
        timer_.cancel();
    };
    constexpr net::DirectoryWatch::Pace kPace{std::chrono::milliseconds(50), std::chrono::milliseconds(500)};
    auto watch = net::DirectoryWatch::open(ground_.loop, {options_.directory}, kPace, std::move(changed));
    if (watch) watch_ = std::move(*watch);
}

// Each try reads the whole file: whoever leaves thousands that are not taken must not keep the disk busy with them.
void DropPickup::put_off(const std::string& name)
{
    PutOff& one = put_off_[name];
    one.wait = std::min(one.wait.count() == 0 ? kLookInterval : 2 * one.wait, kLongestPutOff);
    one.until = ground_.clock.steady() + one.wait;
}

void DropPickup::tell_trouble(const std::string& trouble)
{
    if (!trouble.empty() && trouble != trouble_) ground_.log.error("mail that sendmail left cannot be taken in", {{"why", trouble}});
    trouble_ = trouble;
}

// Once in a life of the daemon: whoever may write there could fill the log.
void DropPickup::tell_foreign(sendmail::DropCount found)
{
    foreign_ = std::move(found);
    if (foreign_.count == 0 || is_foreign_told_) return;
    is_foreign_told_ = true;
    ground_.log.warning("files in the drop directory are not sendmail's, and are left alone",
                        {{"count", foreign_.count}, {"one", foreign_.example}, {"directory", options_.directory}});
}

std::vector<std::string> DropPickup::complaints() const
{
    std::vector<std::string> all;
    const std::string aside = options_.directory + "/.aside";
    if (aside_.count == 1)
        all.push_back("A message that sendmail had left was set aside as " + aside + "/" + ascii::legible(aside_.example, 100) +
                      ", and is not sent, or not to all whom it was for: the log says why. Send it anew, or let its owner do that, and remove the file.");
    else if (aside_.count != 0)
        all.push_back(std::to_string(aside_.count) + " messages that sendmail had left were set aside in " + aside + " (" +
                      ascii::legible(aside_.example, 100) +
                      " and others), and are not sent, or not to all whom they were for: the log says why. Send them anew, or let their owners do that, and remove the files.");
    tell_stuck(all);
    if (foreign_.count == 0) return all;
    const bool is_one = foreign_.count == 1;
    all.push_back(kinds_of(foreign_) + " in " + options_.directory + " (" + ascii::legible(foreign_.example, 100) +
                  (is_one ? ") is" : " and others) are") +
                  " not sendmail's and will not be sent: " + (is_one ? "its name does" : "their names do") +
                  " not begin with mail-. Remove what is no mail, and send the rest with sendmail.");
    return all;
}

// What cannot even be moved out of the way.
void DropPickup::tell_stuck(std::vector<std::string>& all) const
{
    const auto shown = [this](const std::string& name) { return options_.directory + "/" + ascii::legible(name, 100); };
    if (untaken_.size() == 1)
        all.push_back(shown(untaken_.begin()->first) + " can be neither taken in as a message of sendmail nor set aside, and is not sent: " +
                      ascii::legible(untaken_.begin()->second) + ". Remove it, or send what is in it with sendmail.");
    else if (!untaken_.empty())
        all.push_back(shown(untaken_.begin()->first) + " and " + std::to_string(untaken_.size() - 1) +
                      (untaken_.size() == 2 ? " other" : " others") +
                      " there can be neither taken in as messages of sendmail nor set aside, and are not sent: the log says why. Remove them, or send "
                      "what is in them with sendmail.");
    if (untouched_.size() == 1)
        all.push_back(shown(*untouched_.begin()) + " was taken in, and cannot be removed. Remove it: the next start would take it in once more.");
    else if (!untouched_.empty())
        all.push_back(shown(*untouched_.begin()) + " and " + std::to_string(untouched_.size() - 1) +
                      (untouched_.size() == 2 ? " other" : " others") +
                      " there were taken in, and cannot be removed. Remove them: the next start would take them in once more.");
}

co::Task<void> DropPickup::run()
{
    while (!is_stopping_) {
        // Before the look, so that nothing appears between the two unseen.
        watch();
        is_told_ = false;
        co_await sweep();
        if (is_stopping_) break;
        if (!is_told_) (void)co_await timer_.wait(kLookInterval);
    }
    watch_.reset();
}

co::Task<void> DropPickup::sweep()
{
    auto look = [directory = options_.directory] { return sendmail::list_drop(directory, kMostListed); };
    const auto names = co_await ground_.workers.run(net::WorkClass::bulk, std::move(look));
    auto search = [directory = options_.directory] { return sendmail::count_foreign_drops(directory); };
    auto foreign = co_await ground_.workers.run(net::WorkClass::bulk, std::move(search));
    tell_foreign(std::move(foreign));
    tell_trouble(names ? std::string() : names.error().text());
    if (!names) co_return;
    waiting_ = names->size();
    std::erase_if(put_off_, [&](const auto& one) { return !std::ranges::binary_search(*names, one.first); });
    std::erase_if(untouched_, [&](const std::string& one) { return !std::ranges::binary_search(*names, one); });
    std::erase_if(untaken_, [&](const auto& one) { return !std::ranges::binary_search(*names, one.first); });
    for (const std::string& name : *names) {
        if (is_stopping_) co_return;
        const auto waits = put_off_.find(name);
        const bool is_early = waits != put_off_.end() && ground_.clock.steady() < waits->second.until;
        if (is_early || untouched_.contains(name) || untaken_.contains(name)) continue;
        std::string own = name;
        co_await take(std::move(own));
    }
    co_await count_aside();
}

co::Task<void> DropPickup::count_aside()
{
    auto count = [directory = options_.directory] { return sendmail::count_aside_drops(directory); };
    aside_ = co_await ground_.workers.run(net::WorkClass::bulk, std::move(count));
}

co::Task<void> DropPickup::take(std::string name)
{
    auto open = [directory = options_.directory, name, most = options_.max_message_bytes] { return sendmail::open_drop(directory, name, most); };
    sendmail::OpenedDrop opened = co_await ground_.workers.run(net::WorkClass::bulk, std::move(open));
    switch (opened.state) {
    case sendmail::OpenedDrop::State::gone: co_return;
    case sendmail::OpenedDrop::State::later:
        put_off(name);
        ground_.log.warning("a message that sendmail left cannot be read now", {{"file", name}, {"why", opened.why}});
        co_return;
    case sendmail::OpenedDrop::State::hostile: {
        std::string user = opened.file ? opened.file->login : std::string();
        co_await set_aside(std::move(name), std::move(opened.why), std::move(user));
        co_return;
    }
    case sendmail::OpenedDrop::State::open: break;
    }
    const File file = std::make_shared<const sendmail::DropFile>(std::move(*opened.file));
    std::string script = sendmail::drop_script(file->head().letter, options_.host_name, file->head().body_size);
    if (script.empty()) {
        std::string user = file->login;
        std::string why = "its sender or all of its recipients are no addresses";
        co_await set_aside(std::move(name), std::move(why), std::move(user));
        co_return;
    }
    co_await hand_in(std::move(name), file, std::move(script));
}

co::Task<void> DropPickup::hand_in(std::string name, File file, std::string script)
{
    auto heard = std::make_shared<std::string>();
    auto stream = std::make_unique<DropStream>(ground_.workers, file, std::move(script), heard);
    co_await ground_.smtp.serve(std::move(stream), smtp::Role::local, false);
    sendmail::DropVerdict verdict = sendmail::judge_drop(file->head().letter, options_.host_name, *std::move(heard));
    if (verdict.is_later && is_too_old(*file)) {
        for (const sendmail::Address& each : file->head().letter.recipients) verdict.failed.push_back({each, verdict.because});
        verdict.is_later = false;
    }
    if (verdict.is_later) {
        put_off(name);
        ground_.log.notice("a message that sendmail left is tried again later",
                           {{"file", name}, {"user", file->login}, {"code", verdict.because.code}, {"answer", verdict.because.text}});
        co_return;
    }
    co_await settle(std::move(name), std::move(file), std::move(verdict));
}

bool DropPickup::is_too_old(const sendmail::DropFile& file) const
{
    return WallTime{std::chrono::seconds{file.changed}} + options_.give_up_after < ground_.clock.wall();
}

// Those who could not be reached are told to the sender before the file goes; where nobody can be told, it stays aside.
co::Task<void> DropPickup::settle(std::string name, File file, sendmail::DropVerdict verdict)
{
    taken_in_.add();
    ground_.log.info("took in a message that sendmail had left",
                     {{"file", name}, {"user", file->login}, {"failed", verdict.failed.size()}});
    const bool is_report_due = !verdict.failed.empty() && wants_report_of_failure(file->head().letter);
    bool is_told = true;
    if (is_report_due) is_told = co_await report(file, std::move(verdict));
    if (is_told) {
        co_await remove(std::move(name));
        co_return;
    }
    std::string why = "not all of its recipients could be reached, and nobody could be told";
    std::string user = file->login;
    co_await set_aside(std::move(name), std::move(why), std::move(user));
}

co::Task<bool> DropPickup::report(File file, sendmail::DropVerdict verdict)
{
    const sendmail::Letter& letter = file->head().letter;
    // A sender that was refused is not told: it would be somebody else.
    const auto to = verdict.is_sender_refused ? std::optional(sendmail::Address{file->login, ""}) : letter.sender;
    if (!to) co_return false;
    queue::ReportFacts facts;
    facts.to = address_text(*to, options_.host_name);
    facts.envelope_id = letter.envelope_id;
    facts.at = ground_.clock.wall();
    facts.accepted = WallTime{std::chrono::seconds{file->changed}};
    facts.size = file->head().body_size;
    facts.is_full_wanted = letter.ret == "FULL" && facts.size <= kMostReturned;
    for (const sendmail::FailedDrop& each : verdict.failed) {
        queue::ReportedRecipient told;
        told.recipient.address = address_text(each.recipient, options_.host_name);
        told.last = answer_of(each.reply, facts.at);
        told.attempts = 1;
        told.is_expired = !each.reply.is_refusal();
        facts.recipients.push_back(std::move(told));
    }
    auto compose = [make = ground_.compose, facts = std::move(facts), file] { return make(facts, file->body_front(kMostReturned)); };
    queue::Report made = co_await ground_.workers.run(net::WorkClass::delivery, std::move(compose));
    const queue::Taken taken = co_await ground_.reports.accept(std::move(made), nullptr, nullptr);
    co_return !taken.id.empty() && taken.id != queue::kNobodyToTell;
}

co::Task<void> DropPickup::remove(std::string name)
{
    auto job = [directory = options_.directory, name] { return sendmail::remove_drop(directory, name); };
    const bool is_gone = co_await ground_.workers.run(net::WorkClass::delivery, std::move(job));
    if (is_gone) co_return;
    ground_.log.error("a message was taken in and its file cannot be removed", {{"file", name}});
    if (untouched_.size() < kMostUntouched) untouched_.insert(std::move(name));
}

co::Task<void> DropPickup::set_aside(std::string name, std::string why, std::string user)
{
    auto job = [directory = options_.directory, name] { return sendmail::set_drop_aside(directory, name); };
    const bool is_aside = co_await ground_.workers.run(net::WorkClass::delivery, std::move(job));
    set_aside_.add();
    ground_.log.error(is_aside ? "a file of the drop directory is set aside" : "a file of the drop directory is left alone",
                      {{"file", name}, {"user", user}, {"why", why}});
    if (!is_aside && untaken_.size() < kMostUntouched) untaken_.emplace(std::move(name), std::move(why));
}

}  // namespace mbx::daemon
