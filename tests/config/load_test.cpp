#include "config/load.hpp"

#include <algorithm>
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/generators/catch_generators_range.hpp>
#include <sys/stat.h>
#include <unistd.h>

#include "config/declaration.hpp"
#include "config/units.hpp"

using namespace mbx;
using namespace mbx::config;
using namespace std::chrono_literals;

namespace {

std::vector<ConfigError> errors_of(std::string_view text)
{
    const auto loaded = parse(text, "m.toml");
    if (loaded) return {};
    return loaded.error();
}

std::string only_error(std::string_view text)
{
    const auto errors = errors_of(text);
    return errors.size() == 1 ? errors[0].text() : "(" + std::to_string(errors.size()) + " errors)";
}

bool mentions(std::string_view text, std::string_view part) { return text.find(part) != std::string_view::npos; }

class TemporaryFile {
public:
    explicit TemporaryFile(std::string_view text, mode_t mode = 0600)
    {
        std::string name = "/tmp/mailboxd-config-XXXXXX";
        const int descriptor = ::mkstemp(name.data());
        REQUIRE(descriptor >= 0);
        REQUIRE(::write(descriptor, text.data(), text.size()) == static_cast<ssize_t>(text.size()));
        REQUIRE(::fchmod(descriptor, mode) == 0);
        ::close(descriptor);
        path_ = name;
    }
    ~TemporaryFile() { ::unlink(path_.c_str()); }
    TemporaryFile(const TemporaryFile&) = delete;
    TemporaryFile& operator=(const TemporaryFile&) = delete;
    const std::string& path() const { return path_; }

private:
    std::string path_;
};

}  // namespace

TEST_CASE("an empty file gives every setting its default", "[config]")
{
    const auto loaded = parse("", "m.toml");
    REQUIRE(loaded);
    CHECK(loaded->settings.smtp.max_message_size == 64ULL << 20);
    CHECK(loaded->settings.smtp.command_timeout == 5min);
    CHECK(loaded->settings.smtp.listen == Endpoints{"0.0.0.0:25", "[::]:25"});
    CHECK(loaded->settings.imap.literal_mode == LiteralMode::plus);
    CHECK(loaded->settings.log.level == LogLevel::info);
    CHECK(loaded->settings.directory.removed_mail_keep == 720h);
    CHECK(loaded->settings.tls.key == "/var/lib/mailboxd/tls/key.pem");
    CHECK_FALSE(loaded->settings.server.hostname.empty());
    CHECK(diff_live(loaded->settings, defaults()).empty());
}

TEST_CASE("every kind of setting is read from the file", "[config]")
{
    const auto loaded = parse(R"([server]
hostname = "MX.Example.org"
data_directory = "/srv/mail"
worker_threads = 8
[log]
level = "warning"
format = "json"
components = { smtp = "debug", "odd name" = "error" }
[tls]
certificate = "a.pem"
key = "/etc/ssl/b.pem"
additional = [{ certificate = "c.pem", key = "d.pem" }]
[smtp]
listen = ["192.0.2.1:25", "[2001:db8::1]:2525"]
max_message_size = "10MB"
command_timeout = "90s"
max_recipients = 100
bare_line_ending = "repair"
greeting = "hello"
[auth]
plaintext_login_networks = ["127.0.0.0/8", "::1"]
)",
                              "m.toml");
    REQUIRE(loaded);
    const Settings& s = loaded->settings;
    CHECK(s.server.hostname == "mx.example.org");
    CHECK(s.server.worker_threads == 8);
    CHECK(s.log.level == LogLevel::warning);
    CHECK(s.log.format == LogFormat::json);
    CHECK(s.log.components.at("smtp") == LogLevel::debug);
    CHECK(s.log.components.at("odd name") == LogLevel::error);
    CHECK(s.tls.certificate == "/srv/mail/a.pem");
    CHECK(s.tls.key == "/etc/ssl/b.pem");
    CHECK(s.tls.additional == std::vector<CertificatePair>{{"/srv/mail/c.pem", "/srv/mail/d.pem"}});
    CHECK(s.smtp.listen == Endpoints{"192.0.2.1:25", "[2001:db8::1]:2525"});
    CHECK(s.smtp.max_message_size == 10'000'000);
    CHECK(s.smtp.command_timeout == 90s);
    CHECK(s.smtp.bare_line_ending == BareLineEnding::repair);
    CHECK(s.smtp.greeting == "hello");
    CHECK(s.auth.plaintext_login_networks == Networks{"127.0.0.0/8", "::1"});
}

TEST_CASE("G11: what is wrong in a file is refused with line, column and a hint", "[config][hostile]")
{
    struct Row {
        std::string_view text;
        std::string_view place;
        std::string_view says;
    };
    const auto row = GENERATE(
        Row{"[smtp]\nmax_recipient = 5", "m.toml:2:1: ", "did you mean max_recipients?"},
        Row{"[smtp]\nmax-recipients = 500", "m.toml:2:1: ", "did you mean max_recipients?"},
        Row{"[smpt]\nx = 1", "m.toml:1:2: ", "did you mean [smtp]?"},
        Row{"[outbound]\nmessages_per_connection = 5", "m.toml:2:1: ", "it is max_messages_per_connection in [queue] now"},
        Row{"[imap]\nmax_recipients = 500", "m.toml:2:1: ", "did you mean max_recipients in [smtp]?"},
        Row{"[imap]\nqqqqqqqqqqq = 500", "m.toml:2:1: ", "man mailboxd.toml"},
        Row{"hostname = \"a\"", "m.toml:1:1: ", "put it below [server]"},
        Row{"smtp = 4", "m.toml:1:8: ", "write [smtp] on a line of its own"},
        Row{"[smtp]\n\n  max_recipients = \"many\"", "m.toml:3:20: ", "must be a whole number, but is a text"},
        Row{"[smtp]\nmax_recipients = 99", "m.toml:2:18: ", "must be 100 to 100000, but is 99"},
        Row{"[smtp]\nmax_recipients = -1", "m.toml:2:18: ", "but is -1"},
        Row{"[smtp]\nmax_recipients = 1.5", "m.toml:2:18: ", "a number with a fraction"},
        Row{"[smtp]\nmax_recipients = 2001-01-01", "m.toml:2:18: ", "a date or time"},
        Row{"[smtp]\nmax_message_size = 1000000", "m.toml:2:20: ", "for example \"64MiB\""},
        Row{"[smtp]\nmax_message_size = \"64 MiB\"", "m.toml:2:20: ", "is not a size"},
        Row{"[smtp]\nmax_message_size = \"2GiB\"", "m.toml:2:20: ", "must be 64KiB to 2147483647B"},
        Row{"[smtp]\ncommand_timeout = 30", "m.toml:2:19: ", "(ms, s, m, h, d, w)"},
        Row{"[smtp]\ncommand_timeout = \"soon\"", "m.toml:2:19: ", "is not a duration"},
        Row{"[imap]\ninactivity_timeout = \"29m\"", "m.toml:2:22: ", "must be 30m to 1d"},
        Row{"[smtp]\nbare_line_ending = \"repare\"", "m.toml:2:20: ", "did you mean \"repair\"?"},
        Row{"[smtp]\nlisten = \"0.0.0.0:25\"", "m.toml:2:10: ", "but is a text"},
        Row{"[smtp]\nlisten = [\"0.0.0.0:25\", \"smtp\"]", "m.toml:2:25: ", "no address with a port: smtp"},
        Row{"[smtp]\nlisten = [25]", "m.toml:2:11: ", "a number"},
        Row{"[proxy]\nnetworks = [\"10.0.0.0/33\"]", "m.toml:2:13: ", "no network: 10.0.0.0/33"},
        Row{"[server]\nhostname = \"пример.рф\"", "m.toml:2:12: ", "xn--"},
        Row{"[server]\ndata_directory = \"mail\"", "m.toml:2:18: ", "must be an absolute path"},
        Row{"[server]\ndata_directory = \"\"", "m.toml:2:18: ", "may not be empty"},
        Row{"[server]\nuser = \"a b\"", "m.toml:2:8: ", "not the name of a system user"},
        Row{"[smtp]\ngreeting = \"a\\r\\nb\"", "m.toml:2:12: ", "control characters: a\\x0d\\x0ab"},
        Row{"[smtp]\ngreeting = \"grüß\"", "m.toml:2:12: ", "printable ASCII only"},
        Row{"[directory]\nsub_addressing = \"@\"", "m.toml:2:18: ", "must be one of"},
        Row{"[log]\ncomponents = { smtp = \"loud\" }", "m.toml:2:23: ", "has no level for smtp"},
        Row{"[tls]\nadditional = [{ certificate = \"a\" }]", "m.toml:2:15: ", "lacks key"},
        Row{"[smtp]\nmax_errors = 5\nmax_errors = 6", "m.toml:3:", "max_errors"},
        Row{"[smtp]\n[imap]\n[smtp]", "m.toml:3:", "smtp"},
        Row{"[smtp\n", "m.toml:1:", ""},
        Row{"[\n[smtp]\n", "m.toml:1:", "expected bare key"},
        Row{"[[\nx]]\n", "m.toml:1:", "expected bare key"},
        Row{"[smtp]\nключ = 1", "m.toml:2:1: ", "put the text in quotes"},
        Row{"[smtp]\ngreeting = \"a\xff\"", "m.toml:2:", ""},
        Row{std::string_view("[smtp]\nmax_\0errors = 5", 22), "m.toml:2:5: ", "NUL byte"},
        Row{"\xff\xfe[\0", "m.toml:1:1: ", "UTF-16"});
    CAPTURE(row.text);
    const std::string error = only_error(row.text);
    CAPTURE(error);
    CHECK(error.starts_with(row.place));
    CHECK(mentions(error, row.says));
}

TEST_CASE("J10: numbers at the edges of integers are refused, not wrapped", "[config][hostile]")
{
    const std::string number = GENERATE(as<std::string>{}, "2147483648", "4294967296", "9223372036854775807",
                                        "9223372036854775808", "18446744073709551617", "-9223372036854775808", "-1",
                                        "99999999999999999999999999999999");
    CAPTURE(number);
    CHECK(errors_of("[smtp]\nmax_recipients = " + number).size() == 1);
    CHECK(errors_of("[smtp]\nmax_message_size = \"" + number + "KiB\"").size() == 1);
    CHECK(errors_of("[smtp]\nmax_message_size = \"" + number + "TiB\"").size() == 1);
    CHECK(errors_of("[smtp]\ncommand_timeout = \"" + number + "w\"").size() == 1);
    CHECK(errors_of("[smtp]\nlisten = [\"0.0.0.0:" + number + "\"]").size() == 1);
    CHECK(errors_of("[proxy]\nnetworks = [\"10.0.0.0/" + number + "\"]").size() == 1);
}

TEST_CASE("G11: settings that contradict each other are refused at the place of the one that is set", "[config]")
{
    struct Row {
        std::string_view text;
        std::string_view place;
        std::string_view says;
    };
    const auto row = GENERATE(
        Row{"[tls]\ncertificate = \"\"", "m.toml:2:1: ", "need each other"},
        Row{"[tls]\ncertificate = \"\"\nkey = \"\"\n[submission]\nlisten = []\nlisten_tls = []\n[pop3]\nlisten_tls = []\n[imap]\nlisten = []",
            "m.toml:2:1: ", "imap.listen_tls listens with TLS"},
        Row{"[tls]\ncertificate = \"\"\nkey = \"\"\n[submission]\nlisten = []\nlisten_tls = []\n[pop3]\nlisten_tls = []\n[imap]\nlisten_tls = []",
            "m.toml:2:1: ", "nobody could log in on imap.listen"},
        Row{"[tls]\ncertificate = \"\"\nkey = \"\"\n[submission]\nlisten = []\nlisten_tls = []\n[imap]\nlisten = []\nlisten_tls = []",
            "m.toml:2:1: ", "pop3.listen_tls listens with TLS"},
        Row{"[auth]\nplaintext_login_networks = [\"10.0.0.0/8\"]", "m.toml:2:1: ", "not of this machine"},
        Row{"[auth]\nplaintext_login_networks = [\"126.0.0.0/7\"]", "m.toml:2:1: ", "not of this machine"},
        Row{"[auth]\nplaintext_login_networks = [\"::/0\"]", "m.toml:2:1: ", "not of this machine"},
        Row{"[http]\nlisten = [\"0.0.0.0:8080\"]", "m.toml:2:1: ", "without a log-in"},
        Row{"[imap]\nlisten = [\"0.0.0.0:25\"]", "m.toml:2:1: ", "stands in imap.listen and in smtp.listen"},
        Row{"[smtp]\nlisten = [\"0.0.0.0:24\", \"0.0.0.0:24\"]", "m.toml:2:1: ", "stands in smtp.listen twice"},
        Row{"[server]\nworker_threads = 2", "m.toml:2:1: ", "must be less than server.worker_threads (2)"},
        Row{"[smtp]\nmax_connections = 20", "m.toml:2:1: ", "smtp.max_connections_per_network is more than"});
    CAPTURE(row.text);
    const std::string error = only_error(row.text);
    CAPTURE(error);
    CHECK(error.starts_with(row.place));
    CHECK(mentions(error, row.says));
}

TEST_CASE("every error of a file is told, in the order of its lines", "[config]")
{
    const auto errors = errors_of("[imap]\nmax_line = 1\nnonsense = 2\n[smtp]\nmax_errors = 0\nlisten = [1, 2]\n");
    REQUIRE(errors.size() == 5);
    CHECK(errors[0].line == 2);
    CHECK(errors[1].line == 3);
    CHECK(errors[2].line == 5);
    CHECK(errors[3].line == 6);
    CHECK(errors[4].column > errors[3].column);
}

TEST_CASE("G11: a byte order mark is passed over, and columns count from behind it", "[config][hostile]")
{
    CHECK(parse("\xef\xbb\xbf[smtp]\nmax_errors = 7\n", "m.toml"));
    CHECK(only_error("\xef\xbb\xbf[smtp]\nmax_errors = 0\n").starts_with("m.toml:2:14: "));
}

TEST_CASE("G11: a file of 10 MB, a deep one and one of errors only end with few words", "[config][hostile]")
{
    CHECK(mentions(only_error(std::string(10'000'000, '#')), "larger than 1 MiB"));
    // toml++ takes the letter behind such a quote for one that stands alone, and gets lost on it.
    CHECK(mentions(only_error("a = 0'\xd1\x8d'\n"), "a quote in the middle of a word"));
    CHECK(mentions(only_error("a = \"x\"'\xd1\x8d'\n"), "a quote in the middle of a word"));
    const std::string deep = GENERATE(as<std::string>{}, "[", "{", "[{", "a.", "[a.", "{a=");
    std::string text = "x = ";
    if (deep == "a.") text = "";
    while (text.size() < 500'000) text += deep;
    CHECK(mentions(only_error(text), "nested too deep"));
    std::string many = "[smtp]\n";
    for (int i = 0; i < 5000; ++i) many += "key" + std::to_string(i) + " = 1\n";
    CHECK(errors_of(many).size() == kMaxErrors);
}

TEST_CASE("dots and brackets within texts and comments are no nesting", "[config]")
{
    const std::string dots(200, '.');
    const std::string text = "# [[[[[[[[[[[[[[[[[[[[[[[[[ " + dots + "\n[smtp] # " + dots + "\ngreeting = \"" +
                             "[[[[[[[[[[[[[[[[[[[[[[{{{{{{ \\\" .....................................\"\n";
    CHECK(parse(text, "m.toml"));
}

TEST_CASE("a file that is absent, a directory or unreadable is one error with advice", "[config]")
{
    const auto absent = load("/nonexistent/mailboxd.toml");
    REQUIRE_FALSE(absent);
    CHECK(mentions(absent.error().at(0).text(), "No such file or directory; mailboxctl setup writes one"));
    CHECK_FALSE(load("/tmp"));
    CHECK_FALSE(load("/dev/zero"));
    const TemporaryFile file("[smtp]\nmax_errors = 7\n");
    const auto loaded = load(file.path());
    REQUIRE(loaded);
    CHECK(loaded->settings.smtp.max_errors == 7);
}

TEST_CASE("show names the place of what the file sets, and default for the rest", "[config]")
{
    const auto loaded = parse("[smtp]\n\nmax_message_size = \"131072KiB\"\n", "m.toml");
    REQUIRE(loaded);
    const auto rows = show(*loaded);
    CHECK(rows.size() == declarations().size());
    for (const ShowRow& row : rows) {
        if (row.key == "smtp.max_message_size") {
            CHECK(row.value == "\"128MiB\"");
            CHECK(row.source == "m.toml:3");
        } else {
            CHECK(row.source == "default");
        }
        // What is shown can be put into a file, and means the same there.
        const auto dot = row.key.find('.');
        const auto again = parse("[" + row.key.substr(0, dot) + "]\n" + row.key.substr(dot + 1) + " = " + row.value, "s");
        CAPTURE(row.key, row.value);
        REQUIRE(again);
        if (row.source == "default") CHECK(diff_live(defaults(), again->settings).empty());
    }
}

TEST_CASE("a reload tells what changes live and what needs a restart, and applies only the former", "[config]")
{
    const auto loaded = parse("[smtp]\nmax_errors = 7\nlisten = []\n[log]\nlevel = \"debug\"\nformat = \"json\"\n", "m");
    REQUIRE(loaded);
    const Settings before = defaults();
    const auto changes = diff_live(before, loaded->settings);
    REQUIRE(changes.size() == 4);
    CHECK(changes[0].key == "log.level");
    CHECK(changes[0].is_live);
    CHECK(changes[0].before == "\"info\"");
    CHECK(changes[0].after == "\"debug\"");
    CHECK(changes[1].key == "log.format");
    CHECK_FALSE(changes[1].is_live);
    CHECK(changes[2].key == "smtp.listen");
    CHECK_FALSE(changes[2].is_live);
    CHECK(changes[3].key == "smtp.max_errors");
    const Settings mixed = apply_live(before, loaded->settings);
    CHECK(mixed.smtp.max_errors == 7);
    CHECK(mixed.log.level == LogLevel::debug);
    CHECK(mixed.log.format == LogFormat::key_value);
    CHECK(mixed.smtp.listen == before.smtp.listen);
}

TEST_CASE("after a reload each value has the place of the file that it is from", "[config]")
{
    const auto before = parse("[server]\nhostname = \"a.example.org\"\n[smtp]\nmax_errors = 7\n", "m");
    const auto after = parse("\n\n[smtp]\nmax_received = 50\nlisten = []\n", "m");
    REQUIRE(before);
    REQUIRE(after);
    const Loaded now = apply_live(*before, *after);
    CHECK(now.settings.smtp.max_received == 50);
    CHECK(now.origins.at("smtp.max_received").line == 4);
    CHECK_FALSE(now.origins.contains("smtp.max_errors")); // the default again
    CHECK(now.settings.server.hostname == "a.example.org"); // waits for a restart
    CHECK(now.origins.at("server.hostname").line == 2);
    CHECK_FALSE(now.origins.contains("smtp.listen"));
}

TEST_CASE("G11: a certificate that is missing or a key that others may read is refused at its line", "[config][hostile]")
{
    const TemporaryFile certificate("x", 0644);
    const TemporaryFile open_key("x", 0640);
    const TemporaryFile key("x", 0400);
    const auto with = [](const std::string& a, const std::string& b) {
        auto loaded = parse("[tls]\ncertificate = \"" + a + "\"\nkey = \"" + b + "\"\n", "m.toml");
        REQUIRE(loaded);
        return check_files(*loaded);
    };
    CHECK(with(certificate.path(), key.path()).empty());
    const auto absent = with("/nonexistent/c.pem", key.path());
    REQUIRE(absent.size() == 1);
    CHECK(absent[0].text().starts_with("m.toml:2:1: tls.certificate: /nonexistent/c.pem: No such file"));
    const auto open = with(certificate.path(), open_key.path());
    REQUIRE(open.size() == 1);
    CHECK(mentions(open[0].text(), "chmod 600 "));
    CHECK(with("/tmp", key.path()).size() == 1);
}

TEST_CASE("each row of the table is whole and its default is within its own bounds", "[config]")
{
    Settings settings;
    for (const Declaration& row : declarations()) {
        CAPTURE(row.key);
        CHECK(find_declaration(row.key) == &row);
        CHECK(row.help.ends_with("."));
        const bool is_in_table = std::ranges::any_of(tables(), [&](const Table& t) { return t.name == row.table(); });
        CHECK(is_in_table);
        CHECK((row.kind == Kind::choice) == !row.choices.empty());
        int same = 0;
        for (const Declaration& other : declarations()) same += row.key == other.key;
        CHECK(same == 1);
    }
}

TEST_CASE("routes of mail are read as tables, and come back as they were", "[config]")
{
    const auto loaded = parse("[[outbound.route]]\ndomain = \"Example.ORG\"\nhost = \"Mail.example.net:2525\"\n"
                              "[[outbound.route]]\ndomain = \"*\"\nhost = \"[2001:db8::1]\"\ntls = \"implicit\"\nsender_domain = "
                              "\"us.example\"\nuser = \"u\"\npassword_file = \"p\"\n",
                              "m.toml");
    REQUIRE(loaded);
    const auto& routes = loaded->settings.outbound.route;
    REQUIRE(routes.size() == 2);
    CHECK(routes[0].domain == "example.org");
    CHECK(routes[0].host == "mail.example.net");
    CHECK(routes[0].port == 2525);
    CHECK(routes[1].host == "2001:db8::1");
    CHECK(routes[1].port == 465);
    CHECK(routes[1].password_file == "/var/lib/mailboxd/p");
    for (const ShowRow& row : show(*loaded)) {
        if (row.key != "outbound.route") continue;
        const auto again = parse("[outbound]\nroute = " + row.value + "\n", "m.toml");
        REQUIRE(again);
        CHECK(again->settings.outbound.route == routes);
    }
}

TEST_CASE("a route that is wrong is told with its place", "[config]")
{
    struct Row {
        std::string entries;
        std::string says;
    };
    const Row row = GENERATE(Row{"domain = \"a.example\"", "lacks a domain or a host"},
                             Row{"domain = \"*.example\"\nhost = \"h\"", "has a domain that is none"},
                             Row{"domain = \"a\"\nhost = \"h:99999\"", "has a host that is no name"},
                             Row{"domain = \"a\"\nhost = \"2001:db8::1\"", "has a host that is no name"},
                             Row{"domain = \"a\"\nhost = \"h\"\ntsl = \"none\"", "knows no tsl"},
                             Row{"domain = \"a\"\nhost = \"h\"\ntls = \"yes\"", "does not know the tls yes"},
                             Row{"domain = \"a\"\nhost = \"h\"\nuser = \"u\"", "needs user and password_file together"},
                             Row{"domain = \"a\"\nhost = \"h\"\nuser = \"u\"\npassword_file = \"p\"\ntls = \"none\"", "in clear"},
                             Row{"domain = 5\nhost = \"h\"", "needs a text as domain"});
    CAPTURE(row.entries);
    const auto errors = errors_of("[[outbound.route]]\n" + row.entries + "\n");
    REQUIRE_FALSE(errors.empty());
    CHECK(mentions(errors.front().message, row.says));
}
