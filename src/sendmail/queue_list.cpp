#include "sendmail/queue_list.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#include <cstdio>
#include <ctime>
#include <nlohmann/json.hpp>

#include "base/legible.hpp"
#include "ctl/control_client.hpp"
#include "mail/date.hpp"
#include "sendmail/drop_file.hpp"

namespace mbx::sendmail {

namespace {

using nlohmann::json;

std::string text_of(const json& object, const char* key)
{
    const auto found = object.find(key);
    return found != object.end() && found->is_string() ? ascii::legible(found->get<std::string>(), 1000) : std::string();
}

std::uint64_t number_of(const json& object, const char* key)
{
    const auto found = object.find(key);
    return found != object.end() && found->is_number_unsigned() ? found->get<std::uint64_t>() : 0;
}

// "2026-11-22T16:53:46Z" as "Sun Nov 22 16:53:46", in the time of this machine.
std::string arrival(const std::string& timestamp)
{
    std::tm moment{};
    if (::strptime(timestamp.c_str(), "%Y-%m-%dT%H:%M:%S", &moment) == nullptr) return timestamp;
    const std::time_t seconds = ::timegm(&moment);
    std::tm local{};
    char shown[40] = "";
    if (::localtime_r(&seconds, &local) != nullptr) (void)std::strftime(shown, sizeof shown, "%a %b %e %H:%M:%S", &local);
    return shown;
}

void add_message(const json& row, QueuePage& page)
{
    const std::uint64_t size = number_of(row, "size");
    const bool is_held = row.value("held", false);
    const std::string sender = text_of(row, "sender");
    page.lines += fmt::format("{:<21} {:>8} {:<20} {}\n", text_of(row, "id") + (is_held ? "!" : ""), size,
                              arrival(text_of(row, "accepted")), sender.empty() ? "MAILER-DAEMON" : sender);
    for (const json& recipient : row.at("recipients")) {
        const std::string status = text_of(recipient, "status");
        if (status != "waiting" && status != "failing") continue;
        const std::string answer = text_of(recipient, "answer");
        const std::uint64_t code = number_of(recipient, "code");
        if (!answer.empty()) page.lines += fmt::format("{:>8}({}{})\n", "", code == 0 ? "" : std::to_string(code) + " ", answer);
        page.lines += fmt::format("{:>52}{}\n", "", text_of(recipient, "address"));
    }
    page.lines += "\n";
    ++page.messages;
    page.bytes += size;
}

int complain(const Error& error, int code)
{
    fmt::print(stderr, "mailq: {}\n", error.text());
    return code;
}

// Only the daemon's user and root may read the directory.
std::uint64_t count_dropped(const std::string& directory)
{
    std::uint64_t count = 0;
    DIR* listing = ::opendir(directory.c_str());
    if (listing == nullptr) return 0;
    while (const dirent* entry = ::readdir(listing)) {
        struct stat facts {};
        const bool is_named = std::string_view(entry->d_name).starts_with(kWritten);
        if (is_named && ::fstatat(::dirfd(listing), entry->d_name, &facts, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(facts.st_mode)) ++count;
    }
    ::closedir(listing);
    return count;
}

void print_dropped(const std::string& directory)
{
    const std::uint64_t count = count_dropped(directory);
    if (count != 0) fmt::print("{} {} in {} until mailboxd takes them in\n", count, count == 1 ? "message waits" : "messages wait", directory);
}

int call_failed(const std::string& socket, const Error& error)
{
    const bool is_denied = ::access(socket.c_str(), W_OK) != 0 && errno == EACCES;
    if (is_denied) return complain(Error{"asking for the queue", "only root and the user of mailboxd may see it", ""}, EX_NOPERM);
    return complain(error, EX_UNAVAILABLE);
}

}  // namespace

std::string queue_heading()
{
    return "-Queue ID-            --Size-- ---Arrival Time----- -Sender/Recipient------\n";
}

std::string queue_ending(std::uint64_t messages, std::uint64_t bytes)
{
    constexpr std::uint64_t kKilobyte = 1024;
    return fmt::format("-- {} Kbytes in {} Request{}.\n", (bytes + kKilobyte - 1) / kKilobyte, messages, messages == 1 ? "" : "s");
}

std::optional<QueuePage> format_queue_page(std::string_view text)
{
    const json document = json::parse(text, nullptr, false);
    const auto messages = document.is_object() ? document.find("messages") : document.end();
    if (!document.is_object() || messages == document.end() || !messages->is_array()) return std::nullopt;
    QueuePage page;
    for (const json& row : *messages) {
        const bool is_row = row.is_object() && row.contains("recipients") && row.at("recipients").is_array();
        if (!is_row) return std::nullopt;
        add_message(row, page);
    }
    page.next = text_of(document, "next");
    return page;
}

int print_queue(const std::string& control_socket, const std::string& drop_directory)
{
    std::uint64_t messages = 0;
    std::uint64_t bytes = 0;
    std::string after;
    do {
        const std::string target = "/api/v1/queue?limit=500" + (after.empty() ? "" : "&after=" + after);
        const auto answer = ctl::call_daemon(control_socket, {http::Method::get, target, ""});
        if (!answer) {
            const int code = call_failed(control_socket, answer.error().error);
            print_dropped(drop_directory);
            return code;
        }
        if (answer->status == 403) return complain(Error{"asking for the queue", "only root and the user of mailboxd may see it", ""}, EX_NOPERM);
        const auto page = answer->status == 200 ? format_queue_page(answer->body) : std::nullopt;
        if (!page) return complain(Error{"asking for the queue", "the daemon's answer is no list", "look at its log"}, EX_UNAVAILABLE);
        if (messages == 0 && page->messages != 0) fmt::print("{}", queue_heading());
        fmt::print("{}", page->lines);
        messages += page->messages;
        bytes += page->bytes;
        after = page->next;
    } while (!after.empty());
    fmt::print("{}", messages == 0 ? "Mail queue is empty\n" : queue_ending(messages, bytes));
    print_dropped(drop_directory);
    return EX_OK;
}

int flush_queue(const std::string& control_socket)
{
    const auto answer = ctl::call_daemon(control_socket, {http::Method::post, "/api/v1/queue", R"({"act":"retry","all":true})"});
    if (!answer) return call_failed(control_socket, answer.error().error);
    if (answer->status == 403) return complain(Error{"trying the queue now", "only root and the user of mailboxd may do that", ""}, EX_NOPERM);
    if (answer->status != 200) return complain(Error{"trying the queue now", "the daemon refused", "look at its log"}, EX_UNAVAILABLE);
    return EX_OK;
}

}  // namespace mbx::sendmail
