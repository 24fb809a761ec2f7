// Whole commands against the real administration over a control socket.
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <fcntl.h>
#include <csignal>
#include <sys/stat.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <thread>

#include "base/ascii.hpp"
#include "config/load.hpp"
#include "ctl/ctl.hpp"
#include "ctl/exit_code.hpp"
#include "ctl/table.hpp"
#include "ctl/views.hpp"
#include "support/administration_world.hpp"

using namespace mbx;
using nlohmann::json;

namespace {

struct Outcome {
    int code = -1;
    std::string out;
    std::string err;
};

// Standard descriptors of one command, as files.
class Files {
public:
    Files(const test::TemporaryFolder& folder, const std::string& input)
        : out_path_(folder.path("out")), err_path_(folder.path("err"))
    {
        in = ::open(folder.write("in", input).c_str(), O_RDONLY | O_CLOEXEC);
        out = ::open(out_path_.c_str(), O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0600);
        err = ::open(err_path_.c_str(), O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0600);
    }
    Files(const Files&) = delete;
    Files& operator=(const Files&) = delete;
    ~Files()
    {
        for (const int descriptor : {in, out, err}) ::close(descriptor);
    }
    std::string printed() const { return whole(out_path_); }
    std::string complained() const { return whole(err_path_); }
    int in = -1;
    int out = -1;
    int err = -1;

private:
    static std::string whole(const std::string& path)
    {
        std::ifstream file(path, std::ios::binary);
        return std::string(std::istreambuf_iterator<char>(file), {});
    }
    std::string out_path_;
    std::string err_path_;
};

Outcome run_offline(std::vector<std::string> words, const std::string& input = "")
{
    const test::TemporaryFolder folder;
    const Files files(folder, input);
    ctl::Terminal terminal(files.in, files.out, files.err);
    const int code = ctl::run(words, terminal);
    return Outcome{code, files.printed(), files.complained()};
}

// The command runs in a thread, the server's loop here.
Outcome run_against(test::AdministrationWorld& world, std::vector<std::string> words, const std::string& input = "")
{
    if (!world.listener) world.listen();
    words.insert(words.end(), {"--socket", world.socket_path()});
    Outcome outcome;
    std::thread command([&] {
        outcome = run_offline(words, input);
        world.loop.post([&world] { world.loop.stop(); });
    });
    world.loop.run();
    command.join();
    return outcome;
}

void add_domain_and_account(test::AdministrationWorld& world)
{
    REQUIRE(run_against(world, {"domain", "add", "example.org"}).code == 0);
    REQUIRE(run_against(world, {"account", "add", "ann@example.org", "--name", "Ann", "--admin", "--password-stdin"}, "marker-correct-horse\n").code == 0);
}

}  // namespace

TEST_CASE("domains are administered from the command line", "[ctl]")
{
    test::AdministrationWorld world;
    CHECK(run_against(world, {"domain", "list"}).out == "no domains\n");
    const auto added = run_against(world, {"domain", "add", "example.org"});
    CHECK(added.code == ctl::kDone);
    CHECK(added.out == "added the domain example.org\n");
    CHECK(added.err.empty());
    CHECK(run_against(world, {"domain", "list"}).out == "DOMAIN       ACCOUNTS  ENABLED  CATCH-ALL\nexample.org         0  yes\n");
    CHECK(run_against(world, {"domain", "set", "example.org", "--disable", "-q"}).out.empty());
    CHECK(run_against(world, {"domain", "show", "example.org"}).out == "domain:    example.org\nenabled:   no\ncatch-all: nobody\n");
    const auto again = run_against(world, {"domain", "add", "example.org"});
    CHECK(again.code == ctl::kFailed);
    CHECK(again.out.empty());
    CHECK(again.err.starts_with("mailboxctl: "));
    CHECK(again.err.find(": ") != again.err.rfind("\n"));
    CHECK(run_against(world, {"domain", "remove", "example.org"}).out == "removed the domain example.org\n");
    CHECK(run_against(world, {"domain", "show", "example.org"}).code == ctl::kFailed);
}

TEST_CASE("accounts are administered from the command line", "[ctl]")
{
    test::AdministrationWorld world;
    add_domain_and_account(world);
    const auto list = run_against(world, {"account", "list"});
    CHECK(list.out == "ADDRESS          NAME    QUOTA  ENABLED  ADMIN\nann@example.org  Ann   default  yes      yes\n");
    CHECK(run_against(world, {"account", "set", "ann@example.org", "--quota", "5GiB", "--no-admin"}).code == 0);
    const auto shown = run_against(world, {"account", "show", "ann@example.org"});
    CHECK(shown.out.find("quota:            5.0 GiB\n") != std::string::npos);
    CHECK(shown.out.find("mailbox:          0 messages, 0 B") != std::string::npos);
    CHECK(shown.out.find("can be undeleted: 0 messages, 0 B apart\n") != std::string::npos);
    const auto made = run_against(world, {"account", "password", "ann@example.org", "--generate-password"});
    CHECK(made.out.starts_with("set the password of ann@example.org\nits password is "));
    const auto quiet = run_against(world, {"account", "password", "ann@example.org", "--generate-password", "--quiet"});
    CHECK(quiet.out.size() == 24);
    const auto removed = run_against(world, {"account", "remove", "ann@example.org", "--keep", "1d"});
    CHECK(removed.code == 0);
    CHECK(removed.out.starts_with("removed the account ann@example.org\nits mail is kept in "));
    CHECK(run_against(world, {"account", "list"}).out == "no accounts\n");
}

TEST_CASE("app passwords are made, listed and removed from the command line", "[ctl]")
{
    test::AdministrationWorld world;
    add_domain_and_account(world);
    const auto run = [&world](std::vector<std::string> words) {
        words.insert(words.begin(), {"account", "app-password"});
        return run_against(world, std::move(words));
    };
    CHECK(run({"list", "ann@example.org"}).out == "no app passwords\n");
    const auto made = run({"add", "ann@example.org", "Ann's phone"});
    CHECK(made.code == ctl::kDone);
    CHECK(made.out.starts_with("made an app password of ann@example.org; it will not be shown again\nits password is "));
    const auto quiet = run({"add", "ann@example.org", "laptop", "--quiet"});
    CHECK(quiet.out.size() == 25);
    const auto list = run({"list", "ann@example.org"});
    CHECK(list.out.starts_with("ID  LABEL        MADE                  LAST USED\n 1  Ann's phone  20"));
    CHECK(list.out.find("Z  never\n 2  laptop ") != std::string::npos);
    CHECK(list.out.find(quiet.out.substr(0, 24)) == std::string::npos);
    CHECK(run({"remove", "ann@example.org"}).code == ctl::kUsage);
    CHECK(run({"remove", "ann@example.org", "1", "--all"}).code == ctl::kUsage);
    CHECK(run({"remove", "ann@example.org", "1"}).out == "removed the app password 1 of ann@example.org\n");
    CHECK(run({"remove", "ann@example.org", "1"}).code == ctl::kFailed);
    CHECK(run({"remove", "ann@example.org", "--all", "--yes"}).out == "removed all app passwords of ann@example.org\n");
    CHECK(run({"list", "ann@example.org", "--json"}).out == "{\"app_passwords\":[]}\n");
}

TEST_CASE("aliases are administered from the command line", "[ctl]")
{
    test::AdministrationWorld world;
    add_domain_and_account(world);
    const std::string warning = "whoever writes to it is told x@remote.example where that cannot be delivered; where nobody is to know, "
                                "give the alias an owner: mailboxctl alias set sales@example.org --owner ADDRESS\n";
    CHECK(run_against(world, {"alias", "add", "sales@example.org", "ann@example.org", "x@remote.example"}).out ==
          "added the alias sales@example.org\n" + warning);
    CHECK(run_against(world, {"alias", "show", "sales@example.org"}).out.ends_with("x@remote.example\n" + warning));
    CHECK(run_against(world, {"alias", "set", "sales@example.org", "--owner", "ann@example.org"}).out == "changed the alias sales@example.org\n");
    CHECK(run_against(world, {"alias", "set", "sales@example.org", "--owner", ""}).out == "changed the alias sales@example.org\n" + warning);
    CHECK(run_against(world, {"alias", "list"}).out ==
          "ALIAS              ENABLED  OWNER  TARGETS\nsales@example.org  yes             ann@example.org, x@remote.example\n");
    CHECK(run_against(world, {"alias", "set", "sales@example.org", "--target", "ann@example.org"}).code == 0);
    CHECK(run_against(world, {"alias", "show", "sales@example.org"}).out.find("targets: ann@example.org\n") != std::string::npos);
    CHECK(run_against(world, {"alias", "set", "sales@example.org", "--owner", "ann@example.org"}).code == 0);
    CHECK(run_against(world, {"alias", "show", "sales@example.org"}).out.find("owner:   ann@example.org\n") != std::string::npos);
    CHECK(run_against(world, {"alias", "remove", "sales@example.org", "-y"}).code == 0);
}

TEST_CASE("forwarding is set and ended from the command line, and where to has to be said", "[ctl]")
{
    test::AdministrationWorld world;
    add_domain_and_account(world);
    CHECK(run_against(world, {"account", "forward", "ann@example.org"}).code == 2);
    CHECK(run_against(world, {"account", "forward", "ann@example.org", "far@remote.example", "--off"}).code == 2);
    CHECK(run_against(world, {"account", "forward", "ann@example.org", "far@remote.example", "--no-copy"}).code == 0);
    const std::string shown = run_against(world, {"account", "show", "ann@example.org"}).out;
    CHECK(shown.find("forwards to:") != std::string::npos);
    CHECK(shown.find("keeps a copy:") != std::string::npos);
    CHECK(run_against(world, {"account", "forward", "ann@example.org", "--off"}).code == 0);
    CHECK(run_against(world, {"account", "show", "ann@example.org"}).out.find("forwards") == std::string::npos);
}

TEST_CASE("status, sessions, configuration, reload and stop are for people to read", "[ctl]")
{
    test::AdministrationWorld world;
    add_domain_and_account(world);
    const auto status = run_against(world, {"status"});
    CHECK(status.code == 0);
    CHECK(status.out.find("state:       ready\n") != std::string::npos);
    CHECK(status.out.find("messages in: 42\n") != std::string::npos);
    CHECK(status.out.find("smtp     127.0.0.1:2525  starttls     1         7        2\n") != std::string::npos);
    CHECK(status.out.find("\x1b[") == std::string::npos);
    CHECK(run_against(world, {"session", "list"}).out == "no sessions\n");
    CHECK(run_against(world, {"config", "show"}).out.find("smtp.max_recipients  1000                default\n") != std::string::npos);
    world.reload_changes = {{"smtp.max_recipients", "1000", "500", true}};
    CHECK(run_against(world, {"reload"}).out == "applied: smtp.max_recipients is now 500 (was 1000)\n");
    world.reload_error = Error{"reading the configuration", "line 7", "correct it"};
    const auto refused = run_against(world, {"reload"});
    CHECK(refused.code == ctl::kFailed);
    CHECK(refused.err == "mailboxctl: reading the configuration: line 7; correct it\n");
    CHECK(run_against(world, {"stop"}).out == "the server is stopping\n");
    CHECK(world.is_stopped);
}

TEST_CASE("L6: --json prints one document, for errors too", "[ctl][L6]")
{
    test::AdministrationWorld world;
    add_domain_and_account(world);
    using Words = std::vector<std::string>;
    const Words words = GENERATE(Words{"status"}, Words{"domain", "list"}, Words{"account", "show", "ann@example.org"}, Words{"alias", "list"},
                                 Words{"session", "list"}, Words{"config", "show"}, Words{"reload"},
                                 Words{"domain", "add", "example.net"}, Words{"account", "remove", "ann@example.org"});
    Words asked = words;
    asked.emplace_back("--json");
    const auto outcome = run_against(world, asked);
    CAPTURE(words, outcome.out, outcome.err);
    CHECK(outcome.code == 0);
    CHECK(json::accept(outcome.out));
    const auto wrong = run_against(world, {"account", "show", "nobody@example.org", "--json"});
    CHECK(wrong.code == ctl::kFailed);
    CHECK(wrong.out.empty());
    CHECK(json::parse(wrong.err)["attempted"].is_string());
}

TEST_CASE("L6: a daemon that is not there is code 3, with what to do", "[ctl][L6]")
{
    const test::TemporaryFolder folder;
    const auto outcome = run_offline({"status", "--socket", folder.path("none.sock")});
    CHECK(outcome.code == ctl::kUnreachable);
    CHECK(outcome.err.find("there is no such socket; start the daemon") != std::string::npos);
    const std::string plain = folder.write("plain", "x");
    CHECK(run_offline({"status", "--socket", plain}).code == ctl::kUnreachable);
    CHECK(run_offline({"nonsense"}).code == ctl::kUsage);
    CHECK(run_offline({"account", "set", "a@b", "--socket", folder.path("none.sock")}).code == ctl::kUsage);
    CHECK(run_offline({"account", "set", "a@b", "--quota", "much", "--socket", folder.path("none.sock")}).code == ctl::kUsage);
}

TEST_CASE("L6: a reader that went away ends the output without a word", "[ctl][L6]")
{
    int ends[2];
    REQUIRE(::pipe(ends) == 0);
    ::close(ends[0]);
    (void)std::signal(SIGPIPE, SIG_IGN);
    const test::TemporaryFolder folder;
    const Files files(folder, "");
    ctl::Terminal terminal(files.in, ends[1], files.err);
    CHECK(ctl::run({"completion", "bash"}, terminal) == ctl::kDone);
    CHECK(files.complained().empty());
    ::close(ends[1]);
}

TEST_CASE("J6: a password is never asked for on a command line, and never printed back", "[ctl][J6]")
{
    test::AdministrationWorld world;
    add_domain_and_account(world);
    const auto asked = run_against(world, {"account", "password", "ann@example.org"});
    CHECK(asked.code == ctl::kFailed);
    CHECK(asked.err.find("--password-stdin") != std::string::npos);
    const auto set = run_against(world, {"account", "password", "ann@example.org", "--password-stdin", "--json"}, "marker-another-one\n");
    CHECK(set.code == 0);
    CHECK((set.out + set.err).find("marker") == std::string::npos);
    const auto bad = run_against(world, {"account", "password", "ann@example.org", "--password-stdin"}, "marker\n");
    CHECK(bad.code == ctl::kFailed);
    CHECK(bad.err.find("12 characters") != std::string::npos);
    CHECK((bad.out + bad.err).find("marker") == std::string::npos);
    const std::string file = world.folder.write("password", "marker-from-a-file\n", 0600);
    CHECK(run_against(world, {"account", "password", "ann@example.org", "--password-file", file}).code == 0);
}

TEST_CASE("L6: an answer of another version is a clear message", "[ctl][L6]")
{
    const auto shown = ctl::show(ctl::View::status, R"({"version":"9"})", ctl::Style{});
    REQUIRE_FALSE(shown);
    CHECK(shown.error().advice.find("--json") != std::string::npos);
    CHECK_FALSE(ctl::show(ctl::View::domains, "not json", ctl::Style{}));
    CHECK(ctl::read_problem(404, "nothing").advice.find("version") != std::string::npos);
}

TEST_CASE("setup makes a server that can start, and is not done twice", "[ctl]")
{
    const test::TemporaryFolder folder;
    const std::string config = folder.path("etc/mailboxd.toml");
    const std::vector<std::string> words = {"setup", "--hostname", "mail.example.org", "--domain", "example.org", "--admin", "ann@example.org",
                                            "--config", config, "--data", folder.path("data"), "--user", "nobody",
                                            "--set", "server.runtime_directory=\"" + folder.path("run") + "\"",
                                            "--set", "smtp.listen=[\"127.0.0.1:2525\"]", "--password-stdin"};
    const auto done = run_offline(words, "marker-correct-horse\n");
    CAPTURE(done.err);
    REQUIRE(done.code == ctl::kDone);
    CHECK((done.out + done.err).find("marker") == std::string::npos);
    struct stat info{};
    REQUIRE(::stat(config.c_str(), &info) == 0);
    CHECK((info.st_mode & 0777U) == 0640U);
    REQUIRE(::stat(folder.path("data/tls/key.pem").c_str(), &info) == 0);
    CHECK((info.st_mode & 0777U) == 0600U);
    const auto loaded = config::load(config);
    REQUIRE(loaded);
    CHECK(loaded->settings.server.hostname == "mail.example.org");
    CHECK(loaded->settings.smtp.listen == std::vector<std::string>{"127.0.0.1:2525"});
    CHECK(config::check_files(*loaded).empty());
    CHECK(run_offline({"config", "check", "--config", config}).code == ctl::kDone);
    CHECK(run_offline({"config", "show", "--config", config}).out.find("server.hostname") != std::string::npos);

    const auto again = run_offline(words, "marker-correct-horse\n");
    CHECK(again.code == ctl::kDone);
    CHECK(again.out.find("set up already") != std::string::npos);
    std::vector<std::string> other = words;
    other[2] = "other.example.org";
    const auto refused = run_offline(other, "marker-correct-horse\n");
    CHECK(refused.code == ctl::kFailed);
    CHECK(refused.err.find("--force") != std::string::npos);
    CHECK(config::load(config)->settings.server.hostname == "mail.example.org");
    other.emplace_back("--force");
    CHECK(run_offline(other, "marker-correct-horse\n").code == ctl::kDone);
    CHECK(config::load(config)->settings.server.hostname == "other.example.org");
}

TEST_CASE("setup says what is missing or wrong before it writes anything", "[ctl]")
{
    const test::TemporaryFolder folder;
    const std::string config = folder.path("mailboxd.toml");
    const auto with = [&](std::vector<std::string> more, const std::string& input) {
        std::vector<std::string> words = {"setup", "--config", config, "--data", folder.path("data"), "--user", "nobody", "--password-stdin",
                                          "--hostname", "mail.example.org"};
        words.insert(words.end(), more.begin(), more.end());
        const auto outcome = run_offline(words, input);
        CHECK(outcome.code == ctl::kFailed);
        CHECK(::access(config.c_str(), F_OK) != 0);
        return outcome.err;
    };
    CHECK(with({}, "").find("--domain") != std::string::npos);
    CHECK(with({"--domain", "example.org", "--admin", "ann"}, "short\n").find("12 characters") != std::string::npos);
    CHECK(with({"--domain", "example.org", "--admin", "ann", "--set", "smtp.nonsense=1"}, "marker-correct-horse\n").find("nonsense") != std::string::npos);
    CHECK(with({"--domain", "example.org", "--admin", "ann", "--set", "nonsense"}, "marker-correct-horse\n").find("KEY=VALUE") != std::string::npos);
    CHECK(with({"--domain", "not a domain", "--admin", "a@b"}, "marker-correct-horse\n").find("not a domain") != std::string::npos);
}

TEST_CASE("a broken configuration is told with its place, and --json tells it to programs", "[ctl]")
{
    const test::TemporaryFolder folder;
    const std::string file = folder.write("mailboxd.toml", "[smtp]\nmax_recipient = 5\n");
    const auto checked = run_offline({"config", "check", "--config", file});
    CHECK(checked.code == ctl::kFailed);
    CHECK(checked.err.find(":2:") != std::string::npos);
    const auto document = run_offline({"config", "check", "--config", file, "--json"});
    CHECK(json::parse(document.out)["errors"][0]["line"] == 2);
    CHECK(json::parse(document.out)["good"] == false);
}

TEST_CASE("a table is aligned by characters, and control bytes do not reach the terminal", "[ctl]")
{
    ctl::Table table({{"A"}, {"N", ctl::Table::Side::right}, {"B"}});
    table.add({"\u00e4\u00f6", "1", "x"});
    table.add({"a\x1b[31m", "100", ""});
    CHECK(table.text(ctl::Style{}, "none") == "A            N  B\n\u00e4\u00f6           1  x\na\\x1b[31m  100\n");
    CHECK(table.text(ctl::Style{true}, "none").starts_with("\x1b[1mA"));
}

TEST_CASE("a filter of the queue that no mail can fit is refused before anybody is asked", "[ctl][queue]")
{
    const auto run = [](std::vector<std::string> words) {
        words.insert(words.begin(), "queue");
        words.insert(words.end(), {"--socket", "/nonexistent/control.sock"});
        return run_offline(words);
    };
    const auto refused = run({"delete", "--sender", "@"});
    CHECK(refused.code == ctl::kUsage);
    CHECK(refused.err.starts_with("mailboxctl: queue delete: the sender @ is neither an address, @domain nor <>"));
    CHECK(run({"hold", "--standing", "--recipient", "not an address"}).code == ctl::kUsage);
    CHECK(run({"hold", "--standing", "--destination", "not a domain!!"}).err.find("the destination not a domain!! is no domain") != std::string::npos);
    CHECK(run({"list", "--destination", "a b"}).code == ctl::kUsage);
    CHECK(run({"delete", "--sender", "<>"}).code == ctl::kUnreachable);
    CHECK(run({"hold", "--sender", "@example.net"}).code == ctl::kUnreachable);
    // A standing hold of an older version must end: the daemon knows whether there is one.
    CHECK(run({"release", "--recipient", "not an address"}).code == ctl::kUnreachable);
}

TEST_CASE("an address is asked for whatever it holds, and shown as it can be given back", "[ctl][K3]")
{
    test::AdministrationWorld world;
    add_domain_and_account(world);
    const std::string address = GENERATE(as<std::string>{}, "a/b@example.org", "a/./b@example.org", "\"a\\\"b\"@example.org", "\"a/b\"@example.org",
                                         "\"a\\\\b\"@example.org", "\"../..\"@example.org", "\"a b?c#d%2f&e\"@example.org", "a%2fb@example.org", "{address}@example.org");
    CAPTURE(address);
    const auto route = run_against(world, {"check", "route", address});
    CHECK(route.code == ctl::kDone);
    CHECK(route.out.starts_with(address + "\n"));
    CHECK(route.out.find("550 5.1.1 no such mailbox") != std::string::npos);
    const auto none = run_against(world, {"alias", "show", address});
    CHECK(none.code == ctl::kFailed);
    CHECK(none.err.find("there is no") != std::string::npos);
    CHECK(none.err.find(address) != std::string::npos);
    CHECK(run_against(world, {"account", "show", address}).err.find("looking up the account " + address + ": there is none of that address") !=
          std::string::npos);
    const auto added = run_against(world, {"alias", "add", address, "ann@example.org"});
    CAPTURE(added.err);
    if (added.code == ctl::kDone) {
        CHECK(run_against(world, {"alias", "show", address}).out.find(address) != std::string::npos);
        CHECK(run_against(world, {"alias", "list"}).out.find(address) != std::string::npos);
        CHECK(run_against(world, {"alias", "remove", address, "--yes"}).code == ctl::kDone);
    } else {
        CHECK(added.err.find(address) != std::string::npos);
    }
    CHECK(run_against(world, {"domain", "show", address}).err.find("not served") == std::string::npos);
}

TEST_CASE("what no path and no text of the API can be is a usage error, told in words that move no terminal", "[ctl][K3][hostile]")
{
    using Words = std::vector<std::string>;
    struct Row {
        Words words;
        std::string told;
    };
    const Row row = GENERATE(
        Row{{"check", "route", ""}, "the address is empty"}, Row{{"check", "route", "user@example.test\n"}, "control byte"},
        Row{{"check", "route", "\x01"}, "control byte"}, Row{{"check", "route", ".."}, "dots alone"}, Row{{"check", "route", "\xff@x"}, "\\xff@x is not UTF-8"},
        Row{{"account", "show", ""}, "the address is empty"}, Row{{"account", "show", "a\x1b[2J"}, "control byte"},
        Row{{"account", "add", "\xc3@example.org", "--generate-password"}, "not UTF-8"}, Row{{"account", "set", "a@x", "--name", "\xe9"}, "not UTF-8"},
        Row{{"account", "forward", "a@x", "\xff@y"}, "not UTF-8"}, Row{{"account", "remove", "a@x", "--yes", "--keep", "never"}, "it is no time"},
        Row{{"account", "app-password", "list", ""}, "the address is empty"},
        Row{{"account", "app-password", "remove", "a@x", ".", "--yes"}, "the id of the app password is made of dots alone"},
        Row{{"domain", "show", "."}, "the name is made of dots alone"}, Row{{"domain", "remove", "", "--yes"}, "the name is empty"},
        Row{{"alias", "show", "a\tb"}, "control byte"}, Row{{"queue", "show", ""}, "the id is empty"}, Row{{"queue", "show", "\x7f"}, "control byte"},
        Row{{"queue", "hold", "\xff"}, "not UTF-8"}, Row{{"dns", "lookup", "."}, "the name is made of dots alone"},
        Row{{"message", "undelete", ""}, "the address is empty"}, Row{{"message", "undelete", "a@x", "--since", "tomorrow"}, "it is no time"},
        Row{{"acl", "show", "", "INBOX"}, "the address is empty"}, Row{{"trace", "\x01"}, "nothing in it to look for"}, Row{{"trace", ""}, "nothing in it"},
        Row{{"trace", " \t"}, "nothing in it"}, Row{{"trace", "\xff\xfe"}, "not UTF-8"}, Row{{"trace", "--since", "tomorrow"}, "--since tomorrow: it is no time"},
        Row{{"trace", "--since=-1h"}, "--since -1h: it is no time"}, Row{{"trace", "--until", "2026-13-01"}, "it is no time"},
        Row{{"slo", "--since", "\x1b[31m"}, "it is no time"}, Row{{"slo", "--within-ms", "0"}, "not a number from 1"},
        Row{{"slo", "--within-ms", "99999999999"}, "not a number from 1"}, Row{{"check", "route", "a@b.test", "--sender", "x"}, "neither an address nor <>"},
        Row{{"check", "route", "a@b.test", "--sender", "@b.test"}, "neither an address nor <>"}, Row{{"check", "route", "a@b.test", "--sender", ""}, "it is empty"},
        Row{{"index", "check", "\xff"}, "not UTF-8"}, Row{{"index", "check", ""}, "no account is named"}, Row{{"nonsense\x1b[2J"}, "nonsense\\x1b[2J"},
        Row{{"slo", "--within-ms", "\x1b[2J"}, "\\x1b[2J"}, Row{{"slo", "--within-ms", "-1"}, "-1 is no whole number"},
        Row{{"journal", "show", "-1"}, "-1 is no whole number"}, Row{{"trace", "--since", ""}, "--since: it is empty"},
        Row{{"account", "list", "--domain", ""}, "it is empty"}, Row{{"account", "remove", "a@x", "--yes", "--keep", ""}, "it is empty"},
        Row{{"acl", "set", "a@x", "INBOX", "b@x", ""}, "it is empty"}, Row{{"queue", "list", "--after", ""}, "it is empty"},
        Row{{"message", "undelete", "a@x", "--mailbox", "", "--yes"}, "it is empty"}, Row{{"message", "undelete", "a@x", "--all", "--to", ""}, "it is empty"},
        Row{{"check", "route", "-x@example.test"}, "there is no option -x@example.test here, and a word that begins with - stands behind --"},
        Row{{"account", "show", std::string(70'000, 'x')}, "xx… is longer than 1024 bytes"}, Row{{"trace", std::string(1025, 'x')}, "is longer than 1024"},
        Row{{"queue", "hold", "0abc", std::string(1025, 'x')}, "is longer than 1024"});
    Words words = row.words;
    words.insert(words.end(), {"--socket", "/nonexistent/control.sock"});
    CAPTURE(words);
    const auto outcome = run_offline(words);
    CAPTURE(outcome.err);
    CHECK(outcome.code == ctl::kUsage);
    CHECK(outcome.out.empty());
    CHECK(outcome.err.starts_with("mailboxctl: "));
    CHECK(outcome.err.find(row.told) != std::string::npos);
    CHECK(outcome.err.find("a bug") == std::string::npos);
    CHECK(ascii::is_utf8(outcome.err));
    CHECK(std::ranges::none_of(outcome.err, [](char c) { return c != '\n' && ascii::is_control(c); }));
}

TEST_CASE("good words near those are asked of the daemon", "[ctl]")
{
    using Words = std::vector<std::string>;
    Words words = GENERATE(Words{"check", "route", "a@b.test", "--sender", "<>"}, Words{"check", "route", "a@b.test", "--sender", "\"a b\"@x.test"},
                           Words{"trace", "--since", "2h", "--until", "2026-11-20T10:00:00Z"}, Words{"trace", "."}, Words{"trace"},
                           Words{"queue", "hold", "--destination", "gate.test."}, Words{"queue", "list", "--sender", "@gate.test."},
                           Words{"account", "remove", "a@x", "--yes", "--keep", "0s"}, Words{"slo", "--within-ms", "1"},
                           Words{"dns", "lookup", "example.org."}, Words{"account", "show", "\xc3\xa9@x.test"});
    words.insert(words.end(), {"--socket", "/nonexistent/control.sock"});
    CAPTURE(words);
    CHECK(run_offline(words).code == ctl::kUnreachable);
}

TEST_CASE("A10: what is echoed of a command line or an answer moves no terminal", "[ctl][A10]")
{
    const std::string restored = R"({"entries":[{"name":"a\u001b[2Jb","failure":"there is none\u0007","uid":0,"mailbox":""}],"restored":0,"failed":1})";
    const auto text = ctl::show(ctl::View::restored, restored, ctl::Style{});
    REQUIRE(text);
    CHECK(*text == "not restored: a\\x1b[2Jb: there is none\\x07\n0 restored, 1 failed\n");
    const std::string route = R"({"address":"\"a\\\"b\"@x.test","steps":["one\u001b]0;x","two"],"verdict":"gone\u009b","reachable":false})";
    const auto way = ctl::show(ctl::View::route, route, ctl::Style{});
    REQUIRE(way);
    CHECK(*way == "\"a\\\"b\"@x.test\n  1. one\\x1b]0;x\n  2. two\ngone\\xc2\\x9b\n");
}
