#include "daemon/command_line.hpp"

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <cstdio>
#include <string>

#include "config/load.hpp"
#include "ctl/man_page.hpp"
#include "daemon/daemon.hpp"
#include "daemon/privileges.hpp"
#include "daemon/version.hpp"

namespace mbx::daemon {
namespace {

constexpr int kDone = 0;
constexpr int kFailed = 1;
constexpr int kWrongUsage = 2;

struct Arguments {
    std::string configuration = "/etc/mailboxd/mailboxd.toml";
    bool only_check = false;
    bool only_version = false;
    bool only_manual = false;
};

// The declarations behind --help and behind the manual page alike.
void declare(CLI::App& app, Arguments& arguments)
{
    app.description("mailboxd serves mail: SMTP, submission, IMAP and a status page. It stays in the foreground and logs "
                    "to standard error. SIGTERM stops it, SIGHUP reads the configuration again. "
                    "`mailboxd ctl ...` is mailboxctl.");
    app.add_option("-c,--config", arguments.configuration, "The configuration file; not given, it is /etc/mailboxd/mailboxd.toml")
        ->type_name("FILE");
    app.add_flag("--check-config", arguments.only_check,
                 "Check the configuration and the files that it names, say every error, and exit with 0 or 2");
    app.add_flag("--version", arguments.only_version, "Print the version, the commit and the libraries, and exit");
    app.add_flag("--man", arguments.only_manual, "Print mailboxd(8)")->group("");
}

// What stands in mailboxd(8) besides the options.
ctl::ManualText manual_text()
{
    ctl::ManualText text;
    text.section = "8";
    text.version = version_number();
    text.summary = "mail appliance: SMTP, submission, IMAP and administration in one daemon";
    text.sections = {
        {"SIGNALS",
         "*SIGTERM, SIGINT* Take no new connection, give what is under way server.stop_timeout to finish, and end. A second one "
         "ends at once.\n"
         "*SIGHUP* Read the configuration and the certificates again, as mailboxctl reload does. The log says what was taken "
         "over and what needs a restart; a file with an error changes nothing."},
        {"EXIT STATUS",
         "*0* It was stopped in an orderly way, or the check or the information that was asked for is good.\n"
         "*1* It could not start: standard error says what was attempted, what happened, and what to do.\n"
         "*2* The command line, the configuration or a file that it names is wrong; standard error says every error."},
        {"ENVIRONMENT",
         "*NOTIFY_SOCKET, WATCHDOG_USEC* Set by systemd: it is told when every listener listens, and the event loop feeds its "
         "watchdog.\n"
         "*LISTEN_FDS, LISTEN_PID, LISTEN_FDNAMES* Set by systemd: sockets that it has opened; those named smtp, submission, "
         "submissions, lmtp, imap, imaps, pop3, pop3s and http are served."},
        {"FILES",
         "*/etc/mailboxd/mailboxd.toml* The configuration, mailboxd.toml(5). mailboxctl setup writes one.\n"
         "*/var/lib/mailboxd* server.data_directory: the mail (mail/), the directory of domains and accounts (directory.db), "
         "bodies on their way in (spool/), the certificate and key that mailboxctl setup made (tls/).\n"
         "*/run/mailboxd/control.sock* The socket that mailboxctl talks to, in server.runtime_directory.\n"
         "*/run/mailboxd/sendmail.sock* The socket that sendmail(8) talks to, likewise; for all users.\n"
         "*/var/spool/mailboxd/drop* sendmail.drop_directory: what sendmail leaves while the daemon does not run."}};
    text.see_also = {"mailboxctl(1)", "sendmail(8)", "mailboxd.toml(5)"};
    return text;
}

int report(const std::vector<config::ConfigError>& errors)
{
    for (const auto& error : errors) fmt::print(stderr, "mailboxd: {}\n", error.text());
    return kWrongUsage;
}

// Files are judged as the user that will read them: root may read what the daemon's own user may not.
int check(const config::Loaded& loaded)
{
    const auto dropped = drop_privileges(loaded.settings.server.user);
    if (!dropped) {
        fmt::print(stderr, "mailboxd: {}\n", dropped.error().text());
        return kWrongUsage;
    }
    const auto errors = config::check_files(loaded);
    if (!errors.empty()) return report(errors);
    fmt::print("{}: the configuration is good\n", loaded.file);
    return kDone;
}

int serve(config::Loaded loaded)
{
    Daemon daemon(std::move(loaded));
    const auto started = daemon.start();
    if (!started) {
        fmt::print(stderr, "mailboxd: {}\n", started.error().text());
        return kFailed;
    }
    return daemon.run() ? kDone : kFailed;
}

}  // namespace

int run(int argc, char** argv)
{
    CLI::App app("", "mailboxd");
    Arguments arguments;
    declare(app, arguments);
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        return app.exit(error) == 0 ? kDone : kWrongUsage;
    }
    if (arguments.only_version) {
        fmt::print("{}", version_text());
        return kDone;
    }
    if (arguments.only_manual) {
        fmt::print("{}", ctl::man_page(app, manual_text()));
        return kDone;
    }
    auto loaded = config::load(arguments.configuration);
    if (!loaded) return report(loaded.error());
    return arguments.only_check ? check(*loaded) : serve(std::move(*loaded));
}

}  // namespace mbx::daemon
