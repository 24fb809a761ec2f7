#include "ctl/command_tree.hpp"

#include <algorithm>
#include <sstream>
#include <utility>

#include "base/legible.hpp"
#include "ctl/cli_description.hpp"
#include "ctl/exit_code.hpp"
#include "ctl/terminal.hpp"

namespace mbx::ctl {
namespace {

constexpr const char* kVersionText = "mailboxctl " MAILBOXD_VERSION;

// For what would mean the opposite when it is empty, as a script's variable is that was never set.
std::string is_filled(const std::string& text) { return text.empty() ? "it is empty: say what it means, or leave it out" : ""; }

// CLI11 takes a sign, and makes another number of it.
std::string is_number(const std::string& text) { return ascii::parse_number(text) ? "" : ascii::legible(text) + " is no whole number"; }

// Declares the commands on one CLI::App; what they parse lands in one Arguments.
class Tree {
public:
    explicit Tree(Arguments& into) : into_(into), app_("Administers mailboxd", "mailboxctl")
    {
        app_.require_subcommand(1);
        app_.set_version_flag("--version", kVersionText, "Print the version and end");
        add_common(app_);
        add_server_commands();
        add_domain_commands();
        add_account_commands();
        add_message_commands();
        add_acl_commands();
        add_queue_commands();
        add_alias_commands();
        add_trace_commands();
        add_index_commands();
        add_outbound_commands();
        add_config_commands();
        add_journal_commands();
        add_text_commands();
    }
    CLI::App& app() { return app_; }

private:
    CLI::App* group(const std::string& name, const std::string& help) { return group(app_, name, help); }

    static CLI::App* group(CLI::App& parent, const std::string& name, const std::string& help)
    {
        CLI::App* node = parent.add_subcommand(name, help);
        node->require_subcommand(1);
        return node;
    }

    CLI::App* leaf(CLI::App& parent, const std::string& name, const std::string& help, Command command)
    {
        CLI::App* node = parent.add_subcommand(name, help);
        node->final_callback([this, command] { into_.command = command; });
        add_common(*node);
        return node;
    }

    void add_common(CLI::App& node)
    {
        const std::string common = "Common options";
        node.add_flag("--json", into_.json, "Print the API's JSON document instead of text")->group(common);
        node.add_flag("-q,--quiet", into_.quiet, "Print nothing but errors and what was asked for")->group(common);
        node.add_option("--socket", into_.socket, "The daemon's control socket")->type_name("PATH")->group(common)->take_last();
        node.add_option("--config", into_.config_path, "The configuration file")->type_name("PATH")->group(common)->take_last();
    }

    void add_name(CLI::App* node, const std::string& name, const std::string& help)
    {
        node->add_option(name, into_.name, help)->required();
    }

    void add_switch(CLI::App* node, std::optional<bool>& value, const std::string& on, const std::string& off,
                    const std::string& what)
    {
        CLI::Option* set = node->add_flag_callback(on, [&value] { value = true; }, what);
        CLI::Option* unset = node->add_flag_callback(off, [&value] { value = false; }, "The opposite of " + on);
        set->excludes(unset);
    }

    void add_password(CLI::App* node)
    {
        // No option takes a password itself: everybody on the machine can read command lines (HOSTILE row J6).
        CLI::Option* in = node->add_flag("--password-stdin", into_.password_stdin,
                                         "Read the password from standard input, one line");
        CLI::Option* file = node->add_option("--password-file", into_.password_file,
                                             "Read the password from the first line of a file")->type_name("PATH");
        CLI::Option* made = node->add_flag("--generate-password", into_.generate_password,
                                           "Make a password and print it, once");
        in->excludes(file)->excludes(made);
        file->excludes(made);
    }

    void add_yes(CLI::App* node) { node->add_flag("-y,--yes", into_.yes, "Do not ask on a terminal"); }

    void add_server_commands()
    {
        CLI::App* setup = leaf(app_, "setup", "Set up a new server: configuration, key, certificate, first account",
                               Command::setup);
        setup->add_option("--hostname", into_.setup.hostname, "The server's name, such as mail.example.org")
            ->type_name("NAME");
        setup->add_option("--domain", into_.setup.domain, "The first mail domain, such as example.org")
            ->type_name("NAME");
        setup->add_option("--admin", into_.setup.administrator, "The address of the administrator's account")
            ->type_name("ADDRESS");
        setup->add_option("--data", into_.setup.data_directory, "The data directory")->type_name("DIRECTORY");
        setup->add_option("--user", into_.setup.user, "The system user that the daemon will run as")->type_name("NAME");
        setup->add_option("--set", into_.setup.settings, "Another setting, its value as TOML; may be repeated")
            ->type_name("KEY=VALUE")
            ->expected(1)
            ->take_all();
        setup->add_flag("--force", into_.setup.force, "Write over a configuration that is there");
        add_password(setup);
        leaf(app_, "status", "Show what the server is doing", Command::status);
        leaf(app_, "reload", "Have the server read its configuration and certificates again", Command::reload);
        leaf(app_, "stop", "Have the server stop in an orderly way", Command::stop);
        CLI::App* session = group("session", "Sessions that are logged in");
        leaf(*session, "list", "List all sessions", Command::session_list);
    }

    void add_domain_commands()
    {
        CLI::App* domain = group("domain", "Mail domains");
        CLI::App* add = leaf(*domain, "add", "Add a domain", Command::domain_add);
        CLI::App* show = leaf(*domain, "show", "Show one domain", Command::domain_show);
        CLI::App* set = leaf(*domain, "set", "Change a domain", Command::domain_set);
        CLI::App* remove = leaf(*domain, "remove", "Remove a domain that has no accounts and aliases",
                                Command::domain_remove);
        leaf(*domain, "list", "List all domains", Command::domain_list);
        for (CLI::App* node : {add, show, set, remove}) add_name(node, "NAME", "The domain's name");
        for (CLI::App* node : {add, set}) {
            node->add_option("--catch-all", into_.catch_all, "Who gets mail for unknown addresses; \"\" for nobody")
                ->type_name("ADDRESS");
        }
        add_switch(set, into_.enabled, "--enable", "--disable", "Take mail for the domain");
        add_yes(remove);
    }

    void add_account_commands()
    {
        CLI::App* account = group("account", "Accounts: who can log in and has a mailbox");
        CLI::App* add = leaf(*account, "add", "Add an account", Command::account_add);
        CLI::App* show = leaf(*account, "show", "Show one account", Command::account_show);
        CLI::App* set = leaf(*account, "set", "Change an account", Command::account_set);
        CLI::App* remove = leaf(*account, "remove", "Remove an account; its mail is set aside for a time",
                                Command::account_remove);
        CLI::App* password = leaf(*account, "password", "Set an account's password and end its sessions",
                                  Command::account_password);
        CLI::App* forward = leaf(*account, "forward", "Send an account's mail on to other addresses, here or elsewhere",
                                 Command::account_forward);
        CLI::App* list = leaf(*account, "list", "List all accounts", Command::account_list);
        add_forward(forward);
        for (CLI::App* node : {add, show, set, remove, password}) add_name(node, "ADDRESS", "The account's address");
        for (CLI::App* node : {add, set}) {
            node->add_option("--name", into_.full_name, "The person's name")->type_name("TEXT");
            node->add_option("--quota", into_.quota, "Most that the mailbox may hold, such as 5GiB; 0 as the server's default, none for no limit")
                ->type_name("SIZE");
            node->add_option("--quota-messages", into_.quota_messages, "Most messages that it may hold; 0 and none as above")
                ->type_name("NUMBER");
            add_switch(node, into_.administrator, "--admin", "--no-admin", "An administrator, who gets postmaster's mail");
        }
        add_switch(set, into_.enabled, "--enable", "--disable", "Let the account log in and get mail");
        list->add_option("--domain", into_.domain_filter, "Only those of one domain")->type_name("NAME")->check(is_filled);
        remove->add_option("--keep", into_.keep, "How long the mail is kept, such as 30d or 0s")->type_name("TIME")->check(is_filled);
        add_password(add);
        add_password(password);
        add_yes(remove);
        add_app_passwords(*account);
    }

    void add_app_passwords(CLI::App& account)
    {
        CLI::App* node = group(account, "app-password", "Further passwords of an account, one for each program or device");
        CLI::App* add = leaf(*node, "add", "Make one and print it, once", Command::app_password_add);
        CLI::App* list = leaf(*node, "list", "List them, and when each was last used", Command::app_password_list);
        CLI::App* remove = leaf(*node, "remove", "Remove one, and end the sessions that came in with it",
                                Command::app_password_remove);
        for (CLI::App* each : {add, list, remove}) add_name(each, "ADDRESS", "The account's address");
        add->add_option("LABEL", into_.label, "Which program or device it is for, such as \"Ann's phone\"")->required();
        CLI::Option* id = remove->add_option("ID", into_.app_password, "Which one, by the number that the list shows");
        CLI::Option* all = remove->add_flag("--all", into_.all, "All of the account");
        id->excludes(all);
        add_yes(remove);
    }

    void add_forward(CLI::App* forward)
    {
        add_name(forward, "ADDRESS", "The account's address");
        CLI::Option* targets = forward->add_option("TARGET", into_.targets, "Where its mail goes from now on, instead of where it went so far");
        CLI::Option* off = forward->add_flag("--off", into_.off, "Send nothing on any more");
        CLI::Option* no_copy = forward->add_flag("--no-copy", into_.no_copy, "Keep nothing of it in the mailbox");
        off->excludes(targets)->excludes(no_copy);
    }

    void add_message_commands()
    {
        CLI::App* message = group("message", "Messages in mailboxes");
        CLI::App* undelete = leaf(*message, "undelete", "List expunged messages and removed mailboxes, and have them back",
                                  Command::message_undelete);
        add_name(undelete, "ADDRESS", "The account's address");
        CLI::Option* names = undelete->add_option("NAME", into_.message_names, "What shall come back, as the list names it")->check(is_filled);
        CLI::Option* list = undelete->add_flag("--list", into_.list, "Only list; without anything else it does that too");
        CLI::Option* all = undelete->add_flag("--all", into_.all, "Have everything back");
        CLI::Option* since =
            undelete->add_option("--since", into_.since, "What was expunged since then: 2h, 2026-11-20, 2026-11-20T10:00:00Z")
                ->type_name("TIME")
                ->check(is_filled);
        CLI::Option* mailbox =
            undelete->add_option("--mailbox", into_.mailbox, "What was in this mailbox")->type_name("MAILBOX")->check(is_filled);
        undelete->add_option("--to", into_.target, "Put the messages there instead of where they were")
            ->type_name("MAILBOX")
            ->check(is_filled)
            ->excludes(list);
        names->excludes(list)->excludes(all)->excludes(since)->excludes(mailbox);
        all->excludes(list);
        add_yes(undelete);
    }

    void add_acl_commands()
    {
        CLI::App* acl = group("acl", "Rights of others on an account's mailboxes");
        CLI::App* show = leaf(*acl, "show", "Show who may do what with a mailbox", Command::acl_show);
        CLI::App* set = leaf(*acl, "set", "Grant rights on a mailbox", Command::acl_set);
        CLI::App* remove = leaf(*acl, "remove", "Take all rights of somebody on a mailbox away", Command::acl_remove);
        for (CLI::App* node : {show, set, remove}) {
            add_name(node, "ADDRESS", "The address of the account that owns the mailbox");
            node->add_option("MAILBOX", into_.mailbox, "The mailbox, such as INBOX or Projects/Alpha")->required();
        }
        for (CLI::App* node : {set, remove}) {
            node->add_option("IDENTIFIER", into_.identifier, "An account's address, or anyone; with - before it, rights that are taken from it")
                ->required();
        }
        set->add_option("RIGHTS", into_.rights, "Letters of RFC 4314, lrswipkxtea; +LETTERS adds, -LETTERS (behind --) takes away")
            ->required()
            ->check(is_filled);
    }

    void add_queue_filter(CLI::App* node)
    {
        node->add_option("--destination", into_.queue_destination, "Those with a recipient in this domain")->type_name("DOMAIN")->check(is_filled);
        node->add_option("--sender", into_.queue_sender, "Those from this address, @DOMAIN or <>")->type_name("ADDRESS")->check(is_filled);
        node->add_option("--recipient", into_.queue_recipient, "Those to this address")->type_name("ADDRESS")->check(is_filled);
    }

    void add_queue_commands()
    {
        CLI::App* queue = group("queue", "Mail on its way to other servers");
        CLI::App* list = leaf(*queue, "list", "List what waits, the oldest first", Command::queue_list);
        add_queue_filter(list);
        list->add_option("--after", into_.queue_after, "Go on behind this id")->type_name("ID")->check(is_filled);
        CLI::App* show = leaf(*queue, "show", "Show one message with each of its recipients", Command::queue_show);
        add_name(show, "ID", "The message's id");
        CLI::App* hold = leaf(*queue, "hold", "Neither try nor give up until it is released", Command::queue_hold);
        CLI::App* release = leaf(*queue, "release", "End holds: what was held is tried again", Command::queue_release);
        CLI::App* retry = leaf(*queue, "retry", "Try now", Command::queue_retry);
        CLI::App* bounce = leaf(*queue, "bounce", "Give up and return to the sender", Command::queue_bounce);
        CLI::App* remove = leaf(*queue, "delete", "Delete without telling anybody", Command::queue_delete);
        for (CLI::App* node : {hold, release, retry, bounce, remove}) {
            CLI::Option* ids = node->add_option("ID", into_.queue_ids, "Ids of messages");
            add_queue_filter(node);
            CLI::Option* all = node->add_flag("--all", into_.all, "All messages");
            ids->excludes(all);
        }
        hold->add_flag("--standing", into_.standing, "From now on, what will come too: with --destination, --sender, --recipient or --all");
        leaf(*queue, "holds", "List the standing holds", Command::queue_holds);
        add_yes(bounce);
        add_yes(remove);
    }

    void add_alias_commands()
    {
        CLI::App* alias = group("alias", "Aliases and lists: addresses that lead to others");
        CLI::App* add = leaf(*alias, "add", "Add an alias", Command::alias_add);
        CLI::App* show = leaf(*alias, "show", "Show one alias", Command::alias_show);
        CLI::App* set = leaf(*alias, "set", "Change an alias", Command::alias_set);
        CLI::App* remove = leaf(*alias, "remove", "Remove an alias", Command::alias_remove);
        leaf(*alias, "list", "List all aliases", Command::alias_list);
        for (CLI::App* node : {add, show, set, remove}) add_name(node, "ADDRESS", "The alias's address");
        add->add_option("TARGET", into_.targets, "Where its mail goes")->required();
        set->add_option("--target", into_.targets, "Where its mail goes from now on; may be repeated")
            ->type_name("ADDRESS")
            ->expected(1)
            ->take_all();
        add_switch(set, into_.enabled, "--enable", "--disable", "Take mail for the alias");
        for (CLI::App* node : {add, set}) {
            node->add_option("--owner", into_.owner, "Make it a list: this address of yours, not who wrote, hears of members that cannot be reached; '' for none")
                ->type_name("ADDRESS");
        }
        add_yes(remove);
    }

    void add_trace_commands()
    {
        CLI::App* trace = leaf(app_, "trace", "Tell what befell a message, or list those of an address", Command::trace);
        // Of a variable that a script never set: it would list all.
        const auto says_something = [](const std::string& text) {
            const bool is_nothing = std::ranges::all_of(text, [](char c) { return c == ' ' || ascii::is_control(c); });
            return is_nothing ? std::string("there is nothing in it to look for: name something, or leave it out") : std::string();
        };
        trace->add_option("TEXT", into_.name, "An id as in the 250, an address, a Message-ID, or a part of the subject; the latest "
                                              "messages where absent")
            ->check(says_something);
        trace->add_option("--until", into_.until, "Accepted before then")->type_name("TIME")->check(is_filled);
        CLI::App* slo = leaf(app_, "slo", "Show how quickly mail was delivered, and what was late", Command::slo);
        slo->add_option("--within-ms", into_.within_ms, "What is in time, in milliseconds; 5000 where absent")
            ->type_name("NUMBER")
            ->check(is_number);
        for (CLI::App* node : {trace, slo}) {
            node->add_option("--since", into_.since, "Accepted since then: 2h, 2026-11-20, 2026-11-20T10:00:00Z")
                ->type_name("TIME")
                ->check(is_filled);
        }
    }

    void add_index_commands()
    {
        CLI::App* index = group("index", "Indexes of accounts: what makes their mail quick to ask");
        CLI::App* check = leaf(*index, "check", "Compare an account's index with its mail; nothing is changed",
                               Command::index_check);
        CLI::App* rebuild = leaf(*index, "rebuild", "Make an account's index from its mail anew", Command::index_rebuild);
        for (CLI::App* node : {check, rebuild}) {
            CLI::Option* one = node->add_option("ACCOUNT", into_.name, "The account's address");
            CLI::Option* all = node->add_flag("--all", into_.all, "All accounts, one after another");
            one->excludes(all);
            CLI::Option* offline = node->add_flag("--offline", into_.offline,
                                                  "Without the daemon, which must not run, on the data directory itself");
            node->add_option("--data", into_.data_directory, "The data directory, where not as configured")
                ->type_name("DIRECTORY")
                ->needs(offline);
        }
    }

    void add_outbound_commands()
    {
        CLI::App* dns = group("dns", "What the DNS says, as outgoing mail sees it");
        CLI::App* lookup = leaf(*dns, "lookup", "Look a name up, and say whether DNSSEC vouches for the answer",
                                Command::dns_lookup);
        add_name(lookup, "NAME", "The name, such as example.org");
        lookup->add_option("TYPE", into_.record_type, "A, AAAA, MX, TXT, CNAME, NS, PTR, SRV, SOA or TLSA; A where not said")->check(is_filled);
        CLI::App* check = group("check", "Questions about how the server would act");
        CLI::App* route = leaf(*check, "route", "Tell step by step where a message would go, and why", Command::check_route);
        add_name(route, "ADDRESS", "The recipient's address");
        route->add_option("--sender", into_.sender, "The sender's address, where routes depend on it; <> for the null one")
            ->type_name("ADDRESS")
            ->check(is_filled);
    }

    void add_config_commands()
    {
        CLI::App* config = group("config", "The configuration");
        leaf(*config, "show", "Show every setting, its value, and where the value comes from", Command::config_show);
        leaf(*config, "check", "Check the configuration file without the daemon", Command::config_check);
    }

    void add_journal_commands()
    {
        CLI::App* journal = group("journal", "The journal in the data directory, with or without a daemon");
        CLI::App* list = leaf(*journal, "list", "List segments and frames, and where the journal ends",
                              Command::journal_list);
        CLI::App* show = leaf(*journal, "show", "Show one record", Command::journal_show);
        show->add_option("RECORD", into_.record, "The record's number")->required()->check(is_number);
        for (CLI::App* node : {list, show}) {
            node->add_option("--data", into_.data_directory, "The data directory, if not the configuration's")
                ->type_name("DIRECTORY");
        }
    }

    void add_text_commands()
    {
        CLI::App* completion = leaf(app_, "completion", "Print a completion script for a shell", Command::completion);
        completion->add_option("SHELL", into_.shell, "bash, zsh or fish")
            ->required()
            ->check(CLI::IsMember({"bash", "zsh", "fish"}));
        CLI::App* man = leaf(app_, "man", "Print a manual page", Command::man);
        man->add_option("PAGE", into_.page, "mailboxctl, mailboxd or mailboxd.toml")
            ->required()
            ->check(CLI::IsMember({"mailboxctl", "mailboxd", "mailboxd.toml"}));
    }

    Arguments& into_;
    CLI::App app_;
};

// The command that the words had named before they went wrong, as "mailboxctl domain".
std::string last_command(const CLI::App& app, const CLI::App*& deepest)
{
    std::string path = app.get_name();
    deepest = &app;
    while (!deepest->get_subcommands().empty()) {
        deepest = deepest->get_subcommands().back();
        path += " " + deepest->get_name();
    }
    return path;
}

// CLI11 complains of a command that is missing before it looks at the word that stands in its place.
std::string complaint(const CLI::App& app, const CLI::ParseError& error)
{
    const CLI::App* deepest = nullptr;
    const std::string path = last_command(app, deepest);
    const std::vector<std::string> unknown = app.remaining(true);
    const bool wants_command = !deepest->get_subcommands([](const CLI::App*) { return true; }).empty();
    std::string text = legible_lines(error.what());
    while (!text.empty() && text.back() == '\n') text.pop_back();
    if (wants_command && !unknown.empty()) {
        const std::string kind = unknown.front().starts_with('-') ? "option " : "command ";
        text = "there is no " + kind + ascii::legible(unknown.front());
    } else if (wants_command) {
        text = "a command is missing";
    } else if (!unknown.empty() && unknown.front().starts_with('-')) {
        text = "there is no option " + ascii::legible(unknown.front()) + " here, and a word that begins with - stands behind --";
    }
    return "reading the command line: " + text + "; " + path + " --help shows what there is\n";
}

}  // namespace

Result<Arguments, ParseEnd> parse_command_line(const std::vector<std::string>& arguments)
{
    Arguments parsed;
    Tree tree(parsed);
    try {
        // CLI11 takes a vector from its back.
        std::vector<std::string> reversed(arguments.rbegin(), arguments.rend());
        tree.app().parse(std::move(reversed));
    } catch (const CLI::ParseError& error) {
        std::ostringstream out;
        std::ostringstream problem;
        const bool is_asked_for = tree.app().exit(error, out, problem) == 0;
        if (is_asked_for) return ParseEnd{kDone, out.str()};
        return ParseEnd{kUsage, complaint(tree.app(), error)};
    }
    return parsed;
}

CommandNode command_tree()
{
    Arguments unused;
    Tree tree(unused);
    CommandNode root = describe(tree.app());
    for (CommandNode& command : root.commands) {
        for (OptionNode& option : command.options) {
            if (!option.is_positional) continue;
            if (command.name == "completion") option.choices = {"bash", "zsh", "fish"};
            if (command.name == "man") option.choices = {"mailboxctl", "mailboxd", "mailboxd.toml"};
        }
    }
    return root;
}

}  // namespace mbx::ctl
