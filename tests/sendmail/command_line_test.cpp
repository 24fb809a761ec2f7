#include "sendmail/command_line.hpp"

#include <catch2/catch_test_macros.hpp>
#include <set>

namespace mbx::sendmail {
namespace {

CommandLine parsed(const std::vector<std::string>& arguments, std::string_view name = "sendmail")
{
    auto line = parse_command_line(name, arguments);
    INFO((line ? std::string() : line.error()));
    REQUIRE(line);
    return *line;
}

std::string complaint(const std::vector<std::string>& arguments)
{
    const auto line = parse_command_line("sendmail", arguments);
    return line ? std::string() : line.error();
}

TEST_CASE("the calls of known programs mean what they mean to other mail servers", "[sendmail][options]")
{
    // cron of Debian: "-i -FCronDaemon -B8BITMIME -oem root"
    const auto cron = parsed({"-i", "-FCronDaemon", "-B8BITMIME", "-oem", "root"});
    CHECK(cron.full_name == "CronDaemon");
    CHECK_FALSE(cron.dot_ends);
    CHECK(cron.recipients == std::vector<std::string>{"root"});
    // PHP: "-t -i", often with -f
    const auto php = parsed({"-t", "-i", "-fweb@example.org"});
    CHECK(php.takes_header_recipients);
    CHECK(php.sender == "web@example.org");
    // git send-email: "-f ann@example.org -i bob@example.org carol@example.org"
    const auto git = parsed({"-f", "ann@example.org", "-i", "bob@example.org", "carol@example.org"});
    CHECK(git.sender == "ann@example.org");
    CHECK(git.recipients.size() == 2);
    // mailx: "-i -- a b", logwatch and mutt: "-oem -oi -t"
    CHECK(parsed({"-i", "--", "a", "-b"}).recipients == std::vector<std::string>{"a", "-b"});
    CHECK_FALSE(parsed({"-oem", "-oi", "-t"}).dot_ends);
    CHECK_FALSE(parsed({"-o", "i", "x"}).dot_ends);
    CHECK(parsed({"-ti"}).takes_header_recipients);
    CHECK_FALSE(parsed({"-ti"}).dot_ends);
    CHECK(parsed({"root", "-i"}).recipients == std::vector<std::string>{"root"});
}

TEST_CASE("modes of sendmail, mailq and newaliases", "[sendmail][options]")
{
    CHECK(parsed({"-bm", "x"}).mode == Mode::send);
    CHECK(parsed({"-bs"}).mode == Mode::speak_smtp);
    CHECK(parsed({"-bp"}).mode == Mode::list_queue);
    CHECK(parsed({}, "mailq").mode == Mode::list_queue);
    CHECK(parsed({}, "newaliases").mode == Mode::make_aliases);
    CHECK(parsed({"-bi"}).mode == Mode::make_aliases);
    CHECK(parsed({"-I"}).mode == Mode::make_aliases);
    CHECK(parsed({"-q"}).mode == Mode::flush_queue);
    CHECK(parsed({"-q30m"}).mode == Mode::flush_queue);
    CHECK(parsed({"-q", "x"}).recipients == std::vector<std::string>{"x"});
    CHECK(parsed({"--help"}).mode == Mode::help);
}

TEST_CASE("conditions of reports are checked here, where somebody reads the complaint", "[sendmail][options]")
{
    CHECK(parsed({"-N", "never", "x"}).notify == "NEVER");
    CHECK(parsed({"-Nfailure,Delay", "x"}).notify == "FAILURE,DELAY");
    CHECK(parsed({"-R", "hdrs", "x"}).ret == "HDRS");
    CHECK(parsed({"-Vabc=1", "x"}).envelope_id == "abc=1");
    CHECK_FALSE(complaint({"-N", "never,delay", "x"}).empty());
    CHECK_FALSE(complaint({"-N", "delay,delay", "x"}).empty());
    CHECK_FALSE(complaint({"-N", "", "x"}).empty());
    CHECK_FALSE(complaint({"-R", "some", "x"}).empty());
    CHECK_FALSE(complaint({"-V", std::string(101, 'a'), "x"}).empty());
    CHECK_FALSE(complaint({"-V", "a\nb", "x"}).empty());
}

TEST_CASE("what is no option is told, and nothing is sent", "[sendmail][options]")
{
    CHECK(complaint({"-Z"}).find("-Z") != std::string::npos);
    CHECK(complaint({"-tZ"}).find("-Z") != std::string::npos);
    CHECK_FALSE(complaint({"-f"}).empty());
    CHECK_FALSE(complaint({"-bv", "x"}).empty());
    CHECK(complaint({"-bd"}).find("mailboxd(8)") != std::string::npos);
    CHECK(complaint({"-\x1b[2J"}).find('\x1b') == std::string::npos);
}

TEST_CASE("every option of the table is in the manual, and is read as its row says", "[sendmail][options]")
{
    const std::string page = manual_text();
    std::set<char> letters;
    for (const OptionRow& row : options()) {
        CAPTURE(row.letter);
        CHECK(letters.insert(row.letter).second);
        CHECK(page.find("\\fB\\-" + std::string(1, row.letter) + "\\fR") != std::string::npos);
        const bool is_checked = std::string_view("bNRV").find(row.letter) != std::string_view::npos;
        if (is_checked) continue;
        const std::string option = "-" + std::string(1, row.letter);
        CHECK(parsed({option, "x", "y"}).recipients.size() == (row.rule == ValueRule::needed ? 1U : 2U));
    }
}

}  // namespace
}  // namespace mbx::sendmail
