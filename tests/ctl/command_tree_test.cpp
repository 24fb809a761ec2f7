#include "ctl/command_tree.hpp"

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

#include "ctl/completion.hpp"
#include "ctl/exit_code.hpp"
#include "ctl/manual.hpp"
#include "support/program.hpp"

using namespace mbx;
using ctl::Command;

namespace {

std::vector<const ctl::CommandNode*> leaves(const ctl::CommandNode& node)
{
    if (node.commands.empty()) return {&node};
    std::vector<const ctl::CommandNode*> all;
    for (const auto& child : node.commands) {
        const auto below = leaves(child);
        all.insert(all.end(), below.begin(), below.end());
    }
    return all;
}

struct Said {
    bool was_found = false;
    int exit_code = -1;
    std::string text;
};

Said say_to(const std::vector<std::string>& words, const std::string& input)
{
    test::Program program(words, input);
    program.close_input();
    Said said;
    said.was_found = program.was_found();
    said.text = program.finish();
    said.exit_code = program.exit_code();
    return said;
}

bool has_option(const ctl::CommandNode& node, const std::string& name)
{
    for (const auto& option : node.options) {
        for (const auto& one : option.names) {
            if (one == name) return true;
        }
    }
    return false;
}

}  // namespace

TEST_CASE("a command line becomes a command with its operands", "[ctl]")
{
    struct Row {
        std::vector<std::string> words;
        Command command;
    };
    const Row row = GENERATE(
        Row{{"status"}, Command::status}, Row{{"domain", "add", "n"}, Command::domain_add},
        Row{{"domain", "list"}, Command::domain_list}, Row{{"domain", "show", "n"}, Command::domain_show},
        Row{{"domain", "set", "n", "--disable"}, Command::domain_set}, Row{{"domain", "remove", "n", "--yes"}, Command::domain_remove},
        Row{{"account", "add", "n", "--generate-password"}, Command::account_add}, Row{{"account", "list"}, Command::account_list},
        Row{{"account", "show", "n"}, Command::account_show}, Row{{"account", "set", "n", "--admin"}, Command::account_set},
        Row{{"account", "remove", "n", "--keep", "1d"}, Command::account_remove}, Row{{"account", "password", "n"}, Command::account_password},
        Row{{"account", "app-password", "add", "a@x", "Ann's phone"}, Command::app_password_add},
        Row{{"account", "app-password", "list", "a@x"}, Command::app_password_list},
        Row{{"account", "app-password", "remove", "a@x", "7"}, Command::app_password_remove},
        Row{{"acl", "show", "n", "INBOX"}, Command::acl_show}, Row{{"acl", "set", "n", "INBOX", "b@x", "lrs"}, Command::acl_set},
        Row{{"acl", "remove", "n", "INBOX", "anyone"}, Command::acl_remove},
        Row{{"alias", "add", "n", "a", "b"}, Command::alias_add}, Row{{"alias", "list"}, Command::alias_list},
        Row{{"alias", "show", "n"}, Command::alias_show}, Row{{"alias", "set", "n", "--target", "a", "--target", "b"}, Command::alias_set},
        Row{{"alias", "remove", "n"}, Command::alias_remove}, Row{{"session", "list"}, Command::session_list},
        Row{{"trace"}, Command::trace}, Row{{"trace", "x@y", "--since", "2h"}, Command::trace}, Row{{"slo", "--within-ms", "9"}, Command::slo},
        Row{{"dns", "lookup", "n", "MX"}, Command::dns_lookup}, Row{{"check", "route", "n"}, Command::check_route},
        Row{{"config", "show"}, Command::config_show}, Row{{"config", "check"}, Command::config_check},
        Row{{"journal", "list", "--data", "/d"}, Command::journal_list}, Row{{"journal", "show", "7"}, Command::journal_show},
        Row{{"reload"}, Command::reload}, Row{{"stop"}, Command::stop}, Row{{"completion", "bash"}, Command::completion},
        Row{{"man", "mailboxctl"}, Command::man}, Row{{"setup", "--set", "a.b=1", "--set", "c.d=2"}, Command::setup});
    std::vector<std::string> words = row.words;
    words.insert(words.end(), {"--json", "--quiet", "--socket", "/s", "--config", "/c"});
    CAPTURE(words);
    const auto parsed = ctl::parse_command_line(words);
    REQUIRE(parsed);
    CHECK(parsed->command == row.command);
    CHECK(parsed->json);
    CHECK(parsed->quiet);
    CHECK(parsed->socket == "/s");
    CHECK(parsed->config_path == "/c");
    if (words.size() > 6 && words[2] == "n") CHECK(parsed->name == "n");
}

TEST_CASE("options give their values", "[ctl]")
{
    const auto alias = ctl::parse_command_line({"alias", "set", "s@x", "--target", "a", "--target", "b", "--disable"});
    REQUIRE(alias);
    CHECK(alias->targets == std::vector<std::string>{"a", "b"});
    CHECK(alias->enabled == false);
    const auto account = ctl::parse_command_line({"--json", "account", "add", "a@x", "--name", "Ann B", "--quota", "5GiB", "--admin", "--password-stdin"});
    REQUIRE(account);
    CHECK(account->json);
    CHECK(account->full_name == "Ann B");
    CHECK(account->quota == "5GiB");
    CHECK(account->administrator == true);
    CHECK(account->password_stdin);
    const auto setup = ctl::parse_command_line({"setup", "--set", "a.b=[1, 2]", "--set", "c.d=\"x\"", "--force"});
    REQUIRE(setup);
    CHECK(setup->setup.settings == std::vector<std::string>{"a.b=[1, 2]", "c.d=\"x\""});
    const auto acl = ctl::parse_command_line({"acl", "set", "a@x", "Projects", "b@x", "--", "-w"});
    REQUIRE(acl);
    CHECK(acl->mailbox == "Projects");
    CHECK(acl->identifier == "b@x");
    CHECK(acl->rights == "-w");
    const auto undelete = ctl::parse_command_line({"message", "undelete", "a@x", "n1", "n2", "--to", "Archive"});
    REQUIRE(undelete);
    CHECK(undelete->command == ctl::Command::message_undelete);
    CHECK(undelete->message_names == std::vector<std::string>{"n1", "n2"});
    CHECK(undelete->target == "Archive");
    for (const std::vector<std::string>& wrong : {std::vector<std::string>{"--list", "n"}, {"--all", "n"}, {"--list", "--all"},
                                                  {"--since", "1h", "n"}, {"--list", "--to", "x"}}) {
        std::vector<std::string> words{"message", "undelete", "a@x"};
        words.insert(words.end(), wrong.begin(), wrong.end());
        CHECK_FALSE(ctl::parse_command_line(words));
    }
    const auto nobody = ctl::parse_command_line({"domain", "set", "x", "--catch-all", ""});
    REQUIRE(nobody);
    CHECK(nobody->catch_all == "");
}

TEST_CASE("a wrong command line is told in words, and ends with 2", "[ctl]")
{
    using Words = std::vector<std::string>;
    const Words words = GENERATE(Words{}, Words{"nonsense"}, Words{"domain"}, Words{"domain", "nonsense"}, Words{"domain", "add"},
                                 Words{"domain", "add", "a", "b"}, Words{"status", "--nonsense"}, Words{"completion", "csh"},
                                 Words{"man", "ls"}, Words{"account", "add", "a", "--password", "secret"},
                                 Words{"account", "add", "a", "--password-stdin", "--generate-password"},
                                 Words{"domain", "set", "a", "--enable", "--disable"}, Words{"status", "--socket"});
    CAPTURE(words);
    const auto parsed = ctl::parse_command_line(words);
    REQUIRE_FALSE(parsed);
    CHECK(parsed.error().exit_code == ctl::kUsage);
    CHECK(parsed.error().text.starts_with("reading the command line: "));
    CHECK(parsed.error().text.find("; ") != std::string::npos);
}

TEST_CASE("a word that is no command is named, with the help of the command before it", "[ctl]")
{
    struct Row {
        std::vector<std::string> words;
        std::string text;
    };
    const Row row = GENERATE(
        Row{{"sesion", "list"}, "there is no command sesion; mailboxctl --help shows what there is\n"},
        Row{{"domain", "sho", "x"}, "there is no command sho; mailboxctl domain --help shows what there is\n"},
        Row{{"--bogus"}, "there is no option --bogus; mailboxctl --help shows what there is\n"},
        Row{{"alias"}, "a command is missing; mailboxctl alias --help shows what there is\n"},
        Row{{"domain", "add"}, "NAME is required; mailboxctl domain add --help shows what there is\n"});
    const auto parsed = ctl::parse_command_line(row.words);
    REQUIRE_FALSE(parsed);
    CHECK(parsed.error().text == "reading the command line: " + row.text);
}

TEST_CASE("of two sockets the last one counts", "[ctl]")
{
    const auto parsed = ctl::parse_command_line({"--socket", "/a", "status", "--socket", "/b", "--socket", "/c"});
    REQUIRE(parsed);
    CHECK(parsed->socket == "/c");
}

TEST_CASE("help and version are answers, not errors", "[ctl]")
{
    using Words = std::vector<std::string>;
    const Words words = GENERATE(Words{"--help"}, Words{"domain", "--help"}, Words{"domain", "add", "-h"}, Words{"--version"});
    const auto parsed = ctl::parse_command_line(words);
    REQUIRE_FALSE(parsed);
    CHECK(parsed.error().exit_code == ctl::kDone);
    CHECK(parsed.error().text.find("mailboxctl") != std::string::npos);
}

TEST_CASE("every command takes --json, --quiet, --socket and --config", "[ctl]")
{
    const ctl::CommandNode root = ctl::command_tree();
    const auto all = leaves(root);
    CHECK(all.size() > 20);
    for (const ctl::CommandNode* leaf : all) {
        CAPTURE(leaf->name);
        for (const std::string option : {"--json", "--quiet", "--socket", "--config", "--help"}) CHECK(has_option(*leaf, option));
        CHECK_FALSE(leaf->help.empty());
    }
}

TEST_CASE("J6: no option of any command takes a password itself", "[ctl][J6]")
{
    const ctl::CommandNode root = ctl::command_tree();
    for (const ctl::CommandNode* leaf : leaves(root)) CHECK_FALSE(has_option(*leaf, "--password"));
}

TEST_CASE("completion scripts name every command, and bash understands its one", "[ctl]")
{
    const ctl::CommandNode root = ctl::command_tree();
    for (const std::string shell : {"bash", "zsh", "fish"}) {
        const std::string script = ctl::completion_script(root, shell);
        CAPTURE(shell);
        for (const std::string word : {"status", "domain", "password", "--generate-password", "--target"}) {
            CHECK(script.find(shell == "fish" && word.starts_with("--") ? "-l " + word.substr(2) : word) != std::string::npos);
        }
    }
    CHECK(ctl::completion_script(root, "csh").empty());
    const Said bash = say_to({"bash", "-n"}, ctl::completion_script(root, "bash"));
    REQUIRE(bash.was_found);
    CHECK(bash.text.empty());
    CHECK(bash.exit_code == 0);
}

TEST_CASE("bash completes commands, options and values where they stand", "[ctl]")
{
    struct Row {
        std::string words;  // the last one is being typed
        std::string expected;
    };
    const Row row = GENERATE(Row{"mailboxctl acc", "account"}, Row{"mailboxctl account pass", "password"},
                             Row{"mailboxctl account set --qu", "--quiet --quota --quota-messages"}, Row{"mailboxctl --socket /x dom", "domain"},
                             Row{"mailboxctl completion ''", "bash zsh fish --help --json --quiet --socket --config -h -q"},
                             Row{"mailboxctl domain add --catch-all ''", ""}, Row{"mailboxctl man mailboxd.", "mailboxd.toml"});
    const std::string script = ctl::completion_script(ctl::command_tree(), "bash") +
                               "\nCOMP_WORDS=(" + row.words + ")\nCOMP_CWORD=$((${#COMP_WORDS[@]}-1))\n_mailboxctl\n"
                               "printf '%s\\n' \"${COMPREPLY[@]}\" | sort | xargs\n";
    const Said wanted = say_to({"bash"}, "printf '%s\\n' " + row.expected + " | sort | xargs\n");
    CAPTURE(row.words);
    CHECK(say_to({"bash"}, script).text == wanted.text);
}

TEST_CASE("the manual names every command and exit code, and groff finds no fault in it", "[ctl]")
{
    const std::string page = ctl::mailboxctl_manual();
    CHECK(page.starts_with(".TH MAILBOXCTL 1 "));
    for (const std::string word : {"mailboxctl account password", "mailboxctl domain add", "\\-\\-generate\\-password", "EXIT STATUS", "\\fB3\\fR"}) {
        CAPTURE(word);
        CHECK(page.find(word) != std::string::npos);
    }
    const Said groff = say_to({"groff", "-man", "-ww", "-z", "-Tutf8"}, page);
    if (!groff.was_found) SKIP("groff is not there");
    CHECK(groff.text.empty());
}
