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
    app.add_option("-c,--config", arguments.configuration, "The configuration file")->capture_default_str();
    app.add_flag("--check-config", arguments.only_check,
                 "Check the configuration and the files that it names, say every error, and exit with 0 or 2");
    app.add_flag("--version", arguments.only_version, "Print the version, the commit and the libraries, and exit");
    app.add_flag("--man", arguments.only_manual, "Print mailboxd(8)")->group("");
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
    daemon.run();
    return kDone;
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
        fmt::print("{}", ctl::man_page(app, 8, version_number()));
        return kDone;
    }
    auto loaded = config::load(arguments.configuration);
    if (!loaded) return report(loaded.error());
    return arguments.only_check ? check(*loaded) : serve(std::move(*loaded));
}

}  // namespace mbx::daemon
