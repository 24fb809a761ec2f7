// mailboxctl setup: from nothing to a server that can start. Works without a daemon. What is there already is left
// alone unless --force; the configuration is written last, so a set-up that failed can be run again.
#include <unistd.h>

#include <algorithm>
#include <array>
#include <utility>

#include "auth/new_password.hpp"
#include "base/ascii.hpp"
#include "base/file_system.hpp"
#include "config/declaration.hpp"
#include "config/load.hpp"
#include "config/reference.hpp"
#include "ctl/exit_code.hpp"
#include "ctl/first_account.hpp"
#include "ctl/ownership.hpp"
#include "ctl/session.hpp"
#include "ctl/views.hpp"
#include "net/tls.hpp"
#include "store/volume_marker.hpp"

namespace mbx::ctl {
namespace {

constexpr int kCertificateDays = 3650;  // until a real one takes its place

struct Answers {
    std::string config_path;
    std::string config_text;
    config::Loaded loaded;  // what config_text says
    std::string domain;
    std::string administrator;
};

Error cannot_write(const std::string& path, const FileError& error)
{
    return Error{"writing " + path, error.name(), error.is_no_space() ? "make room on the disk" : "run mailboxctl as root"};
}

std::string machine_name()
{
    std::array<char, 256> name{};
    return ::gethostname(name.data(), name.size() - 1) == 0 ? std::string(name.data()) : std::string();
}

Result<std::string, Error> answer_to(Run run, const std::string& given, const char* flag, std::string_view question,
                                     const std::string& preset)
{
    if (!given.empty()) return given;
    if (run.terminal.is_interactive()) {
        auto answer = run.terminal.ask(question, preset);
        if (!answer || !answer->empty()) return answer;
    }
    return Error{"setting up mailboxd", "there is no " + std::string(flag), "give it on the command line"};
}

// What stands in the file besides the defaults.
Result<std::map<std::string, std::string, std::less<>>, Error> values_of(const SetupArguments& setup, const std::string& hostname)
{
    std::map<std::string, std::string, std::less<>> values;
    values["server.hostname"] = config::toml_text(hostname);
    if (!setup.data_directory.empty()) values["server.data_directory"] = config::toml_text(setup.data_directory);
    if (!setup.user.empty()) values["server.user"] = config::toml_text(setup.user);
    for (const std::string& setting : setup.settings) {
        const std::size_t equals = setting.find('=');
        if (equals == std::string::npos || equals == 0) {
            return Error{"reading --set " + setting, "it is not KEY=VALUE", "write it like --set smtp.max_recipients=500"};
        }
        const std::string key = setting.substr(0, equals);
        if (config::find_declaration(key) == nullptr) {
            return Error{"reading --set " + setting, "there is no setting " + key, "mailboxd.toml(5) lists them all"};
        }
        values[key] = setting.substr(equals + 1);
    }
    return values;
}

Result<Answers, Error> gather(Run run)
{
    const SetupArguments& setup = run.arguments.setup;
    const std::string machine = machine_name();
    auto hostname = answer_to(run, setup.hostname, "--hostname", "The server's name, as other servers see it", machine);
    if (!hostname) return hostname.error();
    const std::size_t dot = hostname->find('.');
    const std::string parent = dot == std::string::npos ? *hostname : hostname->substr(dot + 1);
    auto domain = answer_to(run, setup.domain, "--domain", "The first mail domain", parent);
    if (!domain) return domain.error();
    auto administrator = answer_to(run, setup.administrator, "--admin", "The administrator's address", "admin@" + *domain);
    if (!administrator) return administrator.error();
    const auto values = values_of(setup, *hostname);
    if (!values) return values.error();
    std::string text = config::configuration_file(*values);
    auto loaded = config::parse(text, run.config_path());
    if (!loaded) {
        const config::ConfigError& first = loaded.error().front();
        return Error{"making the configuration", first.message, first.hint};
    }
    if (administrator->find('@') == std::string::npos) *administrator += "@" + *domain;
    return Answers{run.config_path(), std::move(text), std::move(*loaded), std::move(*domain), std::move(*administrator)};
}

Result<void, Error> make_directories(FileSystem& files, const std::string& path, std::uint32_t mode)
{
    for (std::size_t slash = path.find('/', 1); ; slash = path.find('/', slash + 1)) {
        const std::string part = path.substr(0, slash);
        const bool is_last = slash == std::string::npos;
        const auto made = files.make_directory(part, is_last ? mode : 0755);
        // info() does not follow a link in the last component, and a link to a directory is good enough here.
        const bool is_there = ::access(part.c_str(), F_OK) == 0;
        if (!made && !is_there) return cannot_write(part, made.error());
        if (is_last) return {};
    }
}

std::string folder_of(const std::string& path)
{
    const std::size_t slash = path.rfind('/');
    return slash == std::string::npos ? "." : path.substr(0, std::max<std::size_t>(slash, 1));
}

Result<void, Error> make_certificate(FileSystem& files, const config::Loaded& loaded)
{
    const config::TlsSettings& tls = loaded.settings.tls;
    if (tls.certificate.empty() || files.info(tls.certificate) || files.info(tls.key)) return {};
    SystemRandom random;
    const std::vector<std::string> names = {loaded.settings.server.hostname, "localhost", "127.0.0.1", "::1"};
    const auto made = net::make_self_signed(names, kCertificateDays, random);
    if (!made) return made.error();
    for (const std::string& folder : {folder_of(tls.key), folder_of(tls.certificate)}) {
        if (const auto there = make_directories(files, folder, 0750); !there) return there.error();
    }
    const auto key = replace_whole(files, tls.key, made->key_pem, 0600);
    if (!key) return cannot_write(tls.key, key.error());
    const auto certificate = replace_whole(files, tls.certificate, made->certificate_pem, 0644);
    if (!certificate) return cannot_write(tls.certificate, certificate.error());
    return {};
}

// Whether all that was asked for is there already.
bool is_set_up(const Answers& answers)
{
    const auto there = config::load(answers.config_path);
    if (!there || there->settings.server.hostname != answers.loaded.settings.server.hostname) return false;
    if (there->settings.server.data_directory != answers.loaded.settings.server.data_directory) return false;
    return has_account(there->settings.server.data_directory, answers.administrator);
}

SetupOutcome outcome_of(const Answers& answers)
{
    const config::Settings& settings = answers.loaded.settings;
    SetupOutcome outcome;
    outcome.config = answers.config_path;
    outcome.data_directory = settings.server.data_directory;
    outcome.hostname = settings.server.hostname;
    outcome.domain = answers.domain;
    outcome.administrator = answers.administrator;
    outcome.certificate = settings.tls.certificate;
    return outcome;
}

std::optional<Error> refusal(Run run, FileSystem& files, const Answers& answers)
{
    const std::string socket = answers.loaded.settings.server.runtime_directory + "/control.sock";
    if (call_daemon(socket, Call{http::Method::get, "/healthz", ""})) {
        return Error{"setting up mailboxd", "it runs already, and answers at " + socket,
                     "use mailboxctl domain add and account add, or stop it first"};
    }
    if (!run.arguments.setup.force && files.info(answers.config_path)) {
        return Error{"setting up mailboxd", answers.config_path + " is there already",
                     "nothing was changed; --force writes over it"};
    }
    return std::nullopt;
}

Result<void, Error> carry_out(Run run, FileSystem& files, const Answers& answers, const FirstAccount& account)
{
    const config::Settings& settings = answers.loaded.settings;
    const auto owner = find_owner(settings.server.user);
    if (!owner) return owner.error();
    if (const auto made = make_directories(files, settings.server.data_directory, 0750); !made) return made.error();
    SystemRandom random;
    const auto marked = store::make_volume_marker(files, random, settings.server.data_directory);
    if (!marked) return marked.error();
    if (const auto made = make_certificate(files, answers.loaded); !made) return made.error();
    if (const auto made = make_first_account(account, run.arguments.setup.force); !made) return made.error();
    if (answers.loaded.origins.contains("server.runtime_directory")) {
        const auto made = make_directories(files, settings.server.runtime_directory, 0755);
        if (!made) return made.error();
    }
    if (const auto made = make_directories(files, folder_of(answers.config_path), 0755); !made) return made.error();
    const auto written = replace_whole(files, answers.config_path, answers.config_text, 0640);
    if (!written) return cannot_write(answers.config_path, written.error());
    return give_to(*owner, files, answers.loaded, answers.config_path);
}

int report(Run run, const SetupOutcome& outcome)
{
    if (run.arguments.json) {
        run.terminal.print(setup_json(outcome));
        return kDone;
    }
    if (!outcome.is_changed) {
        if (!run.arguments.quiet) run.terminal.print("mailboxd is set up already by " + outcome.config + "; nothing was changed\n");
        return kDone;
    }
    if (!run.arguments.quiet) {
        run.terminal.print(pairs({{"configuration", outcome.config},
                                  {"data", outcome.data_directory},
                                  {"server", outcome.hostname},
                                  {"domain", outcome.domain},
                                  {"administrator", outcome.administrator},
                                  {"certificate", outcome.certificate + " (self-signed unless it was there)"}}));
    }
    if (!outcome.generated_password.empty()) {
        run.terminal.print(run.arguments.quiet ? outcome.generated_password + "\n"
                                               : "the password of " + outcome.administrator + " is " + outcome.generated_password + "\n");
    }
    if (!run.arguments.quiet) run.terminal.print("next: systemctl enable --now mailboxd, or mailboxd --config " + outcome.config + "\n");
    return kDone;
}

}  // namespace

int run_setup(Run run)
{
    PosixFileSystem files;
    auto answers = gather(run);
    if (!answers) return run.fail(answers.error(), kFailed);
    SetupOutcome outcome = outcome_of(*answers);
    if (!run.arguments.setup.force && files.info(answers->config_path) && is_set_up(*answers)) {
        outcome.is_changed = false;
        return report(run, outcome);
    }
    if (const auto why = refusal(run, files, *answers)) return run.fail(*why, kFailed);
    auto password = obtain_password(run);
    if (!password) return run.fail(password.error(), kFailed);
    if (!*password) {
        SystemRandom random;
        outcome.generated_password = auth::generate_password(random);
    }
    FirstAccount account;
    account.data_directory = outcome.data_directory;
    account.domain = answers->domain;
    account.address = answers->administrator;
    account.password = password->value_or(outcome.generated_password);
    if (const auto wrong = auth::password_complaint(account.password, account.address)) {
        return run.fail(Error{"setting up mailboxd", "the password cannot be taken: " + *wrong, "choose another"}, kFailed);
    }
    const auto done = carry_out(run, files, *answers, account);
    if (!done) return run.fail(done.error(), kFailed);
    return report(run, outcome);
}

}  // namespace mbx::ctl
