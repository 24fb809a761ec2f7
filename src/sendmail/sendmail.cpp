#include "sendmail/sendmail.hpp"

#include <fmt/format.h>
#include <pwd.h>
#include <sysexits.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <optional>
#include <string>
#include <vector>

#include "base/ascii.hpp"
#include "base/legible.hpp"
#include "mail/utf8.hpp"
#include "sendmail/command_line.hpp"
#include "sendmail/conversation.hpp"
#include "sendmail/drop_directory.hpp"
#include "sendmail/header.hpp"
#include "sendmail/input_text.hpp"
#include "sendmail/places.hpp"
#include "sendmail/queue_list.hpp"

namespace mbx::sendmail {

namespace {

int complain(std::string_view what, int code)
{
    fmt::print(stderr, "sendmail: {}\n", what);
    return code;
}

// Who calls, as the system knows it.
struct Caller {
    std::string login;
    std::string full_name;
};

// The first part of GECOS, in which "&" stands for the login name.
std::string full_name_of(std::string_view gecos, std::string login)
{
    if (!login.empty()) login.front() = ascii::upper(login.front());
    std::string name;
    for (const char c : gecos.substr(0, gecos.find(','))) {
        if (c == '&') name += login;
        else name += c;
    }
    return name;
}

Caller find_caller()
{
    Caller caller;
    if (const passwd* entry = ::getpwuid(::getuid())) {
        caller.login = entry->pw_name;
        caller.full_name = full_name_of(entry->pw_gecos == nullptr ? "" : entry->pw_gecos, caller.login);
    }
    const bool is_name = !caller.login.empty() && qualified({caller.login, ""}, "localhost").has_value();
    if (!is_name) caller.login = "uid-" + std::to_string(::getuid());
    return caller;
}

bool is_utf8(std::string_view text)
{
    while (!text.empty()) {
        const auto character = mail::first_character(text);
        if (!character.is_good) return false;
        text.remove_prefix(character.size);
    }
    return true;
}

std::string full_name(const CommandLine& line, const Caller& caller)
{
    const char* named = std::getenv("NAME");
    std::string name = !line.full_name.empty() ? line.full_name : named != nullptr && *named != '\0' ? named : caller.full_name;
    std::erase_if(name, ascii::is_control);
    return is_utf8(name) ? name : std::string();
}

// Standard input as a message; the error is an exit status.
Result<std::string, int> read_message(const CommandLine& line, std::uint64_t most)
{
    InputText input(line.dot_ends);
    std::array<char, 65536> piece{};
    bool is_going = true;
    while (is_going) {
        const ssize_t count = ::read(STDIN_FILENO, piece.data(), piece.size());
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) return complain("the message could not be read from standard input", EX_IOERR);
        is_going = count != 0 && input.feed({piece.data(), static_cast<std::size_t>(count)});
        if (input.size() > most) return complain(fmt::format("the message is larger than {} bytes", most), EX_DATAERR);
    }
    input.finish();
    return with_header_end(input.take());
}

// -f, which names one or nobody. The error is an exit status.
Result<std::optional<Address>, int> read_sender(std::string_view written)
{
    if (written.empty() || written == "<>") return std::optional<Address>();
    const auto named = addresses_in(written);
    const bool is_one = named.size() == 1 && !named.front().is_guessed;
    if (is_one) return std::optional(named.front());
    return complain(ascii::legible(written) + (named.size() > 1 ? " is not one address: a message has one sender" : " is no address"),
                    EX_DATAERR);
}

// The envelope. The error is an exit status.
Result<Letter, int> make_letter(const CommandLine& line, const Caller& caller, std::string_view message)
{
    Letter letter;
    letter.notify = line.notify;
    letter.ret = line.ret;
    letter.envelope_id = line.envelope_id;
    letter.sender = Address{caller.login, ""};
    if (line.sender) {
        auto sender = read_sender(ascii::trim(*line.sender));
        if (!sender) return sender.error();
        letter.sender = std::move(*sender);
    }
    for (const std::string& word : line.recipients) {
        const auto named = addresses_in(word);
        if (named.empty()) return complain((word.empty() ? "an empty word" : ascii::legible(word)) + " is no address", EX_DATAERR);
        letter.recipients.insert(letter.recipients.end(), named.begin(), named.end());
    }
    if (line.takes_header_recipients) {
        const auto named = header_recipients(message);
        letter.recipients.insert(letter.recipients.end(), named.begin(), named.end());
    }
    remove_duplicates(letter.recipients);
    if (letter.recipients.empty()) return complain("nobody is named as recipient", EX_USAGE);
    if (letter.recipients.size() > kMostRecipients) return complain(fmt::format("more than {} recipients", kMostRecipients), EX_DATAERR);
    return letter;
}

// The exit status that a program expects for such a refusal (RFC 3463, sysexits.h).
int status_of(const Reply& reply)
{
    const std::string_view text = reply.text;
    if (text.starts_with("5.1.3") || text.starts_with("5.3.4") || text.starts_with("5.6")) return EX_DATAERR;
    if (text.starts_with("5.1")) return EX_NOUSER;
    if (text.starts_with("5.7")) return EX_NOPERM;
    return EX_UNAVAILABLE;
}

int report(const Handed& handed)
{
    int status = EX_OK;
    for (const Refusal& each : handed.refusals) {
        fmt::print(stderr, "sendmail: {}{}{} {}\n", each.who, each.who.empty() ? "" : ": ", each.reply.code, each.reply.text);
        status = status_of(each.reply);
    }
    return status;
}

// Nobody will be there to hear it later: what is no address is said now.
int refuse_what_is_no_address(Letter& letter)
{
    int status = EX_OK;
    std::erase_if(letter.recipients, [&](const Address& each) {
        if (qualified(each, "localhost")) return false;
        status = complain(shown(each) + " is no address", EX_DATAERR);
        return true;
    });
    return status;
}

int send(const CommandLine& line, const Places& places)
{
    const Caller caller = find_caller();
    auto message = read_message(line, places.most_bytes);
    if (!message) return message.error();
    auto letter = make_letter(line, caller, *message);
    if (!letter) return letter.error();
    if (letter->sender && !qualified(*letter->sender, "localhost")) return complain(shown(*letter->sender) + " is no address", EX_DATAERR);
    const int refused = refuse_what_is_no_address(*letter);
    if (letter->recipients.empty()) return refused;
    const Address author = letter->sender ? *letter->sender : Address{caller.login, ""};
    const std::string whole = with_from(std::move(*message), author, full_name(line, caller));

    const Handed handed = hand_over(places.socket, *letter, whole);
    if (handed.outcome != Handed::Outcome::unavailable) {
        const int status = report(handed);
        return status == EX_OK ? refused : status;
    }
    const auto left = leave_in(places.drop_directory, *letter, whole);
    if (left) return refused;
    fmt::print(stderr, "sendmail: {}\n", handed.why);
    return complain(left.error().text(), EX_TEMPFAIL);
}

int speak_smtp(const Places& places)
{
    if (carry(places.socket, STDIN_FILENO, STDOUT_FILENO)) return EX_OK;
    fmt::print("421 4.3.2 mailboxd does not run\r\n");
    return EX_TEMPFAIL;
}

int act(const CommandLine& line)
{
    if (line.mode == Mode::help || line.mode == Mode::manual) {
        fmt::print("{}", line.mode == Mode::help ? help_text() : manual_text());
        return EX_OK;
    }
    if (line.mode == Mode::make_aliases) {
        fmt::print("mailboxd keeps aliases itself, and there is nothing to make: mailboxctl alias list shows them\n");
        return EX_OK;
    }
    const auto places = find_places(line.config_path);
    if (!places) return complain(places.error().text(), EX_CONFIG);
    const bool is_sending = line.mode == Mode::send || line.mode == Mode::speak_smtp;
    if (is_sending && places->is_off) return complain("sendmail.service is off in mailboxd.toml", EX_UNAVAILABLE);
    switch (line.mode) {
    case Mode::speak_smtp: return speak_smtp(*places);
    case Mode::list_queue: return print_queue(places->control_socket, places->drop_directory);
    case Mode::flush_queue: return flush_queue(places->control_socket);
    case Mode::send:
    case Mode::make_aliases:
    case Mode::help:
    case Mode::manual: break;
    }
    return send(line, *places);
}

}  // namespace

bool is_face(std::string_view name)
{
    constexpr std::array<std::string_view, 3> kNames{"sendmail", "mailq", "newaliases"};
    return std::ranges::count(kNames, name) != 0;
}

int run(std::string_view name, int argc, char** argv)
{
    // A reader that went away is noticed by the write that fails.
    (void)std::signal(SIGPIPE, SIG_IGN);
    const auto line = parse_command_line(name, std::vector<std::string>(argv + std::min(argc, 1), argv + argc));
    if (!line) return complain(line.error(), EX_USAGE);
    try {
        const int status = act(*line);
        return std::fflush(stdout) == 0 ? status : EX_IOERR;
    } catch (const std::exception& error) {
        return complain(error.what(), EX_SOFTWARE);
    }
}

}  // namespace mbx::sendmail
