// config show: from the daemon, or from the file when none runs. config check: always from the file.
#include "config/load.hpp"
#include "ctl/exit_code.hpp"
#include "ctl/session.hpp"
#include "ctl/views.hpp"

namespace mbx::ctl {
namespace {

int print_settings(Run run, const std::string& document)
{
    if (run.arguments.json) {
        run.terminal.print(document);
        return kDone;
    }
    const auto text = show(View::settings, document, run.style());
    if (!text) return run.fail(text.error(), kFailed);
    run.terminal.print(*text);
    return kDone;
}

int report_errors(Run run, const std::string& file, const std::vector<config::ConfigError>& errors)
{
    if (run.arguments.json) {
        run.terminal.print(check_json(file, errors));
    } else {
        for (const config::ConfigError& error : errors) run.terminal.complain(legible_lines(error.text()) + "\n");
    }
    return kFailed;
}

}  // namespace

int run_config_show(Run run)
{
    // A file named on the command line is what is asked about, whatever a daemon works with.
    if (run.arguments.config_path.empty() || !run.arguments.socket.empty()) {
        const auto answer = call_daemon(run.socket_path(), Call{http::Method::get, "/api/v1/config", ""});
        if (answer && answer->status == 200) return print_settings(run, answer->body);
        if (answer) return run.fail(read_problem(answer->status, answer->body), kFailed);
        if (!answer.error().is_unreachable) return run.fail(answer.error().error, kFailed);
        if (!run.arguments.quiet) run.terminal.complain("mailboxctl: the daemon does not answer; this is what the file says\n");
    }
    const auto loaded = config::load(run.config_path());
    if (!loaded) return report_errors(run, run.config_path(), loaded.error());
    return print_settings(run, settings_json(config::show(*loaded)));
}

int run_config_check(Run run)
{
    const std::string path = run.config_path();
    const auto loaded = config::load(path);
    const auto errors = loaded ? config::check_files(*loaded) : loaded.error();
    if (!errors.empty()) return report_errors(run, path, errors);
    if (run.arguments.json) run.terminal.print(check_json(path, {}));
    else if (!run.arguments.quiet) run.terminal.print(path + ": the configuration is good\n");
    return kDone;
}

}  // namespace mbx::ctl
