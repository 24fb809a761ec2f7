#include "ctl/ctl.hpp"

#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <exception>
#include <fstream>

#include "config/load.hpp"
#include "config/reference.hpp"
#include "ctl/command_tree.hpp"
#include "ctl/completion.hpp"
#include "ctl/exit_code.hpp"
#include "ctl/journal_commands.hpp"
#include "ctl/manual.hpp"
#include "ctl/session.hpp"
#include "ctl/views.hpp"
#include "store/journal_record.hpp"

namespace mbx::ctl {
namespace {

constexpr std::string_view kConfigPath = "/etc/mailboxd/mailboxd.toml";
constexpr std::string_view kSocketPath = "/run/mailboxd/control.sock";

std::string environment(const char* name)
{
    const char* value = std::getenv(name);
    return value == nullptr ? "" : value;
}

std::string meaning_of(std::string_view payload)
{
    const auto decoded = store::decode(payload);
    return decoded ? store::describe(decoded->record) : std::string();
}

int print_manual(Run run)
{
    const std::string& page = run.arguments.page;
    if (page == "mailboxctl") {
        run.terminal.print(mailboxctl_manual());
    } else if (page == "mailboxd.toml") {
        run.terminal.print(config::manual_page(config::PageStamp{MAILBOXD_VERSION, ""}));
    } else {
        // mailboxd's own declarations make its page, and they live above this folder: the same executable prints it.
        const char* const arguments[] = {"mailboxd", "--man", nullptr};
        ::execv("/proc/self/exe", const_cast<char* const*>(arguments));
        return run.fail(Error{"printing mailboxd(8)", "the program could not be started", "run mailboxd --man"}, kFailed);
    }
    return kDone;
}

int dispatch(Run run)
{
    switch (run.arguments.command) {
    case Command::setup: return run_setup(run);
    case Command::config_show: return run_config_show(run);
    case Command::config_check: return run_config_check(run);
    case Command::journal_list: return run_journal_list(run);
    case Command::journal_show: return run_journal_show(run, meaning_of);
    case Command::index_check:
    case Command::index_rebuild: return run_index(run);
    case Command::completion:
        run.terminal.print(completion_script(command_tree(), run.arguments.shell));
        return kDone;
    case Command::man: return print_manual(run);
    case Command::none:
    case Command::status:
    case Command::domain_add:
    case Command::domain_list:
    case Command::domain_show:
    case Command::domain_set:
    case Command::domain_remove:
    case Command::account_add:
    case Command::account_list:
    case Command::account_show:
    case Command::account_set:
    case Command::account_remove:
    case Command::account_password:
    case Command::account_forward:
    case Command::app_password_add:
    case Command::app_password_list:
    case Command::app_password_remove:
    case Command::message_undelete:
    case Command::acl_show:
    case Command::acl_set:
    case Command::acl_remove:
    case Command::queue_list:
    case Command::queue_show:
    case Command::queue_hold:
    case Command::queue_release:
    case Command::queue_retry:
    case Command::queue_bounce:
    case Command::queue_delete:
    case Command::queue_holds:
    case Command::alias_add:
    case Command::alias_list:
    case Command::alias_show:
    case Command::alias_set:
    case Command::alias_remove:
    case Command::session_list:
    case Command::trace:
    case Command::slo:
    case Command::dns_lookup:
    case Command::check_route:
    case Command::reload:
    case Command::stop: return run_api_command(run);
    }
    return kUsage;
}

Result<std::string, Error> first_line(const std::string& path)
{
    std::ifstream file(path);
    std::string line;
    if (!file || !std::getline(file, line)) {
        return Error{"reading the password from " + path, "the file is not there, empty, or cannot be read", ""};
    }
    if (!line.empty() && line.back() == '\r') line.pop_back();
    return line;
}

}  // namespace

std::string Run::config_path() const
{
    if (!arguments.config_path.empty()) return arguments.config_path;
    const std::string named = environment("MAILBOXD_CONFIG");
    return named.empty() ? std::string(kConfigPath) : named;
}

std::string Run::socket_path() const
{
    if (!arguments.socket.empty()) return arguments.socket;
    const std::string named = environment("MAILBOXD_SOCKET");
    if (!named.empty()) return named;
    const auto loaded = config::load(config_path());
    // A broken configuration need not keep anybody from asking a daemon that runs with the one before.
    return loaded ? loaded->settings.server.runtime_directory + "/control.sock" : std::string(kSocketPath);
}

int Run::fail(const Error& error, int code) const
{
    terminal.complain(arguments.json ? problem_json(error) : "mailboxctl: " + legible_lines(error.text()) + "\n");
    return code;
}

Result<std::optional<std::string>, Error> obtain_password(Run run)
{
    const Arguments& arguments = run.arguments;
    if (arguments.generate_password) return std::optional<std::string>();
    if (arguments.password_stdin || !arguments.password_file.empty()) {
        auto line = arguments.password_stdin ? run.terminal.read_line() : first_line(arguments.password_file);
        if (!line) return line.error();
        return std::optional(std::move(*line));
    }
    if (!run.terminal.is_interactive()) {
        return Error{"asking for the password", "there is no terminal to ask on",
                     "use --password-stdin, --password-file or --generate-password"};
    }
    auto password = run.terminal.ask_secret("New password (12 characters or more; empty: make one)");
    if (!password) return password.error();
    if (password->empty()) return std::optional<std::string>();
    const auto again = run.terminal.ask_secret("Once more");
    if (!again) return again.error();
    if (*again != *password) return Error{"asking for the password", "the two are not the same", "try again"};
    return std::optional(std::move(*password));
}

int run(const std::vector<std::string>& arguments, Terminal& terminal)
{
    const auto parsed = parse_command_line(arguments);
    if (!parsed) {
        const ParseEnd& end = parsed.error();
        if (end.exit_code == kDone) terminal.print(end.text);
        else terminal.complain("mailboxctl: " + end.text);
        return end.exit_code;
    }
    const Run one{*parsed, terminal};
    try {
        const int result = dispatch(one);
        const auto lost = terminal.lost_output();
        return lost && result == kDone ? one.fail(*lost, kFailed) : result;
    } catch (const std::exception& error) {
        return one.fail(Error{"running mailboxctl", error.what(), "this is a bug; please report it"}, kFailed);
    }
}

int run(int argc, char** argv)
{
    // A reader that went away is noticed by the write that fails.
    (void)std::signal(SIGPIPE, SIG_IGN);
    const std::vector<std::string> arguments(argv + (argc > 0 ? 1 : 0), argv + argc);
    Terminal terminal(STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO);
    return run(arguments, terminal);
}

}  // namespace mbx::ctl
