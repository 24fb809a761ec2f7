#include "ctl/complaints.hpp"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "base/ascii.hpp"
#include "base/legible.hpp"
#include "config/since.hpp"
#include "config/units.hpp"
#include "ctl/views.hpp"
#include "queue/selection.hpp"

namespace mbx::ctl {
namespace {

constexpr std::string_view kReading = "reading the command line";

// What stands in a path of the API by the word that the manual has for it, and where a good one is found.
struct Named {
    const char* noun;
    const char* advice;
};

Named named_by(Command command)
{
    switch (command) {
    case Command::domain_add:
    case Command::domain_show:
    case Command::domain_set:
    case Command::domain_remove:
    case Command::dns_lookup: return {"name", "write it like example.org"};
    case Command::queue_show: return {"id", "mailboxctl queue list shows the ids"};
    default: return {"address", "write it like ann@example.org"};
    }
}

bool takes_name(Command command)
{
    switch (command) {
    case Command::domain_list:
    case Command::account_list:
    case Command::alias_list:
    case Command::session_list:
    case Command::queue_list:
    case Command::queue_hold:
    case Command::queue_release:
    case Command::queue_retry:
    case Command::queue_bounce:
    case Command::queue_delete:
    case Command::queue_holds:
    case Command::trace:
    case Command::slo:
    case Command::status:
    case Command::reload:
    case Command::stop: return false;
    default: return true;
    }
}

std::string fault_of_name(std::string_view name)
{
    if (name.empty()) return "is empty";
    if (std::ranges::any_of(name, ascii::is_control)) return "has a control byte in it";
    // As a segment of a path they mean others (RFC 3986 section 5.2.4), in any spelling.
    if (name == "." || name == "..") return "is made of dots alone";
    return {};
}

std::optional<Error> name_complaint(const Arguments& a)
{
    if (!takes_name(a.command)) return std::nullopt;
    const Named named = named_by(a.command);
    if (auto fault = fault_of_name(a.name); !fault.empty())
        return Error{std::string(kReading), "the " + std::string(named.noun) + " " + fault, named.advice};
    const bool is_one = a.command == Command::app_password_remove && !a.app_password.empty();
    if (auto fault = is_one ? fault_of_name(a.app_password) : ""; !fault.empty())
        return Error{std::string(kReading), "the id of the app password " + fault, "mailboxctl account app-password list shows the ids"};
    return std::nullopt;
}

std::optional<Error> time_complaint(const Arguments& a, WallTime now)
{
    for (const auto& [option, text] : {std::pair("--since", &a.since), std::pair("--until", &a.until)}) {
        if (!text->empty() && !config::parse_since(*text, now))
            return Error{"reading " + std::string(option) + " " + *text, "it is no time", "write it like 2h, 2026-11-20 or 2026-11-20T10:00:00Z"};
    }
    if (!a.keep.empty() && !config::parse_duration(a.keep))
        return Error{"reading --keep " + a.keep, "it is no time", "write it like 30d or 0s"};
    constexpr std::uint64_t kMostWithin = 30ULL * 86'400 * 1'000;
    if (a.within_ms && (*a.within_ms == 0 || *a.within_ms > kMostWithin))
        return Error{"reading --within-ms " + std::to_string(*a.within_ms), "it is not a number from 1 to " + std::to_string(kMostWithin),
                     "it is a time in milliseconds, such as 5000"};
    return std::nullopt;
}

// Of a message whose way is asked for: one address, or nobody's.
std::optional<Error> sender_complaint(const Arguments& a)
{
    if (a.sender.empty()) return std::nullopt;
    queue::Selection which;
    which.sender = a.sender;
    if (fault_of(which).empty() && !a.sender.starts_with('@')) return std::nullopt;
    return Error{"reading --sender " + a.sender, "it is neither an address nor <>", "write it like ann@example.org"};
}

// A release may end a standing hold that an older version let begin: the daemon knows which there are.
std::optional<Error> filter_complaint(const Arguments& a, const std::string& attempted)
{
    queue::Selection which;
    which.destination = a.queue_destination;
    which.sender = a.queue_sender;
    which.recipient = a.queue_recipient;
    drop_final_dots(which);
    auto fault = fault_of(which);
    if (fault.empty() || a.command == Command::queue_release) return std::nullopt;
    return Error{attempted, std::move(fault), "a sender is written like ann@example.org, @example.org or <>, a recipient like ann@example.org, a destination like example.org"};
}

std::optional<Error> queue_complaint(const Arguments& a)
{
    const std::string act(queue_act_of(a.command));
    if (auto wrong = filter_complaint(a, act.empty() ? "queue list" : "queue " + act)) return wrong;
    if (act.empty()) return std::nullopt;
    if (std::ranges::count(a.queue_ids, std::string()) != 0)
        return Error{"queue " + act, "an id is empty", "mailboxctl queue list shows the ids"};
    const bool has_filter = !a.queue_destination.empty() || !a.queue_sender.empty() || !a.queue_recipient.empty();
    if (a.queue_ids.empty() && !has_filter && !a.all) {
        return Error{"queue " + act, "it was not said which messages",
                     "name their ids, as mailboxctl queue list shows them (mailboxctl queue " + act +
                         " ID), or say --destination DOMAIN, --sender ADDRESS, --recipient ADDRESS, or --all"};
    }
    if (a.all && has_filter)
        return Error{"queue " + act, "--all means every message, and more was said", "leave --all away, or the rest"};
    if (!a.queue_ids.empty() && has_filter)
        return Error{"queue " + act, "ids and --destination, --sender or --recipient exclude each other", "say one of them"};
    if (a.standing && !a.queue_ids.empty()) {
        return Error{"queue hold --standing", "ids are of messages that are there already",
                     "leave --standing away, or say --destination DOMAIN, --sender ADDRESS or --recipient ADDRESS"};
    }
    return std::nullopt;
}

std::optional<Error> quota_complaint(const Arguments& arguments)
{
    if (arguments.quota && !quota_number(*arguments.quota, true)) {
        return Error{"reading --quota " + *arguments.quota, "it is not a size",
                     "write it like 5GiB, 0 for the server's default, or none for no limit"};
    }
    if (arguments.quota_messages && !quota_number(*arguments.quota_messages, false)) {
        return Error{"reading --quota-messages " + *arguments.quota_messages, "it is not a whole number",
                     "write it like 100000, 0 for the server's default, or none for no limit"};
    }
    return std::nullopt;
}

}  // namespace

// The act by its name, where it is one on messages of the queue; else empty.
std::string_view queue_act_of(Command command)
{
    switch (command) {
    case Command::queue_hold: return "hold";
    case Command::queue_release: return "release";
    case Command::queue_retry: return "retry";
    case Command::queue_bounce: return "bounce";
    case Command::queue_delete: return "delete";
    default: return "";
    }
}

// JSON is UTF-8 (RFC 8259 section 8.1), and so are paths of the API: other bytes would arrive as something else.
std::optional<Error> find_text_complaint(const Arguments& a)
{
    std::vector<std::string_view> texts{a.name, a.domain_filter, a.label, a.app_password, a.keep, a.since, a.until, a.mailbox, a.identifier,
                                        a.rights, a.queue_destination, a.queue_sender, a.queue_recipient, a.queue_after, a.record_type, a.sender};
    for (const auto* list : {&a.targets, &a.message_names, &a.queue_ids}) texts.insert(texts.end(), list->begin(), list->end());
    for (const auto* one : {&a.owner, &a.full_name, &a.quota, &a.quota_messages, &a.catch_all, &a.target}) {
        if (*one) texts.emplace_back(**one);
    }
    constexpr std::size_t kMostText = 1024;  // as the daemon
    const auto endless = std::ranges::find_if(texts, [](std::string_view text) { return text.size() > kMostText; });
    if (endless != texts.end())
        return Error{std::string(kReading), ascii::legible(*endless, 40) + " is longer than " + std::to_string(kMostText) + " bytes", ""};
    const auto wrong = std::ranges::find_if_not(texts, ascii::is_utf8);
    if (wrong == texts.end()) return std::nullopt;
    return Error{std::string(kReading), std::string(*wrong) + " is not UTF-8", "write it in a terminal whose encoding is UTF-8"};
}

std::optional<Error> find_complaint(const Arguments& arguments, WallTime now)
{
    if (auto wrong = find_text_complaint(arguments)) return wrong;
    if (auto wrong = name_complaint(arguments)) return wrong;
    if (auto wrong = quota_complaint(arguments)) return wrong;
    if (auto wrong = time_complaint(arguments, now)) return wrong;
    if (auto wrong = sender_complaint(arguments)) return wrong;
    if (arguments.command == Command::account_forward && arguments.targets.empty() && !arguments.off) {
        return Error{"forwarding the mail of " + arguments.name, "it is not said where to",
                     "name one address or more, or --off to end it; mailboxctl account show tells where it goes"};
    }
    if (arguments.command == Command::app_password_remove && arguments.app_password.empty() && !arguments.all) {
        return Error{"removing an app password of " + arguments.name, "it was not said which one",
                     "name its id, as mailboxctl account app-password list shows it, or say --all"};
    }
    const bool is_set = arguments.command == Command::domain_set || arguments.command == Command::account_set ||
                        arguments.command == Command::alias_set;
    const bool has_change = arguments.enabled || arguments.administrator || arguments.full_name || arguments.quota || arguments.quota_messages ||
                            arguments.catch_all || arguments.owner || !arguments.targets.empty();
    if (is_set && !has_change) {
        return Error{"changing " + arguments.name, "there is nothing to change", "--help shows what can be set"};
    }
    return queue_complaint(arguments);
}

}  // namespace mbx::ctl
