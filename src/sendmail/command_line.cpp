#include "sendmail/command_line.hpp"

#include <algorithm>
#include <array>

#include "base/legible.hpp"
#include "ctl/manual.hpp"

namespace mbx::sendmail {

namespace {

constexpr std::array kOptions{
    OptionRow{'t', ValueRule::none, "", "Send to those whom To, Cc and Bcc name, besides those named as arguments. With Resent-To, "
                                        "Resent-Cc or Resent-Bcc, to those whom these name instead"},
    OptionRow{'f', ValueRule::needed, "address", "The sender in the envelope, to whom reports of failures go; <> for nobody. Not given, it "
                                                 "is the user who calls"},
    OptionRow{'r', ValueRule::needed, "address", "The same as -f"},
    OptionRow{'F', ValueRule::needed, "name", "The full name in From, where the message has no From. Not given, it is the variable NAME, "
                                              "or as the system knows it"},
    OptionRow{'i', ValueRule::none, "", "A line with nothing but a dot does not end the message"},
    OptionRow{'b', ValueRule::needed, "mode", "m: send (as without). s: speak SMTP on standard input and output. p: list the queue, as "
                                              "mailq. i: as newaliases"},
    OptionRow{'q', ValueRule::attached, "", "Try everything that waits in the queue now. For root and the daemon's user. What stands behind "
                                            "the letter is ignored"},
    OptionRow{'N', ValueRule::needed, "conditions", "When the sender is told what became of the message: never, or some of failure, delay and "
                                                    "success with commas between (RFC 3461)"},
    OptionRow{'R', ValueRule::needed, "what", "What a report of a failure returns: full, or hdrs for the header alone"},
    OptionRow{'V', ValueRule::needed, "id", "The envelope's id, for reports"},
    OptionRow{'C', ValueRule::needed, "file", "The configuration file, which says where the daemon's socket is"},
    OptionRow{'I', ValueRule::none, "", "As newaliases"},
    OptionRow{'o', ValueRule::needed, "option", "i: as -i. All others are ignored"},
    OptionRow{'O', ValueRule::needed, "option=value", "Ignored"},
    OptionRow{'A', ValueRule::needed, "", "Ignored"},
    OptionRow{'B', ValueRule::needed, "type", "Ignored: 7BIT and 8BITMIME are found out from the message"},
    OptionRow{'L', ValueRule::needed, "", "Ignored"},
    OptionRow{'X', ValueRule::needed, "", "Ignored"},
    OptionRow{'e', ValueRule::needed, "", "Ignored: errors are printed, and told by the exit status"},
    OptionRow{'h', ValueRule::needed, "", "Ignored"},
    OptionRow{'p', ValueRule::needed, "", "Ignored"},
    OptionRow{'G', ValueRule::none, "", "Ignored"},
    OptionRow{'U', ValueRule::none, "", "Ignored"},
    OptionRow{'c', ValueRule::none, "", "Ignored"},
    OptionRow{'m', ValueRule::none, "", "Ignored"},
    OptionRow{'n', ValueRule::none, "", "Ignored"},
    OptionRow{'v', ValueRule::none, "", "Ignored"},
    OptionRow{'x', ValueRule::none, "", "Ignored"},
};

const OptionRow* find_option(char letter)
{
    const auto found = std::ranges::find(kOptions, letter, &OptionRow::letter);
    return found == kOptions.end() ? nullptr : &*found;
}

class Reader {
public:
    Reader(std::string_view name, const std::vector<std::string>& arguments) : arguments_(arguments)
    {
        if (name == "mailq") line_.mode = Mode::list_queue;
        if (name == "newaliases") line_.mode = Mode::make_aliases;
    }

    Result<CommandLine, std::string> read()
    {
        bool only_names = false;
        for (; at_ < arguments_.size(); ++at_) {
            const std::string& word = arguments_[at_];
            if (only_names || word.size() < 2 || word.front() != '-') {
                line_.recipients.push_back(word);
            } else if (word == "--") {
                only_names = true;
            } else if (word == "--help" || word == "--man") {
                line_.mode = word == "--help" ? Mode::help : Mode::manual;
            } else {
                read_letters(word);
            }
            if (!complaint_.empty()) return complaint_;
        }
        return line_;
    }

private:
    // "-t", "-ti", "-fann@example.org", "-f" "ann@example.org".
    void read_letters(std::string_view word)
    {
        for (std::size_t at = 1; at < word.size() && complaint_.empty(); ++at) {
            const OptionRow* row = find_option(word[at]);
            if (row == nullptr) {
                complaint_ = "there is no option " + ascii::legible("-" + std::string(1, word[at])) + "; --help shows those there are";
                return;
            }
            std::string_view value = word.substr(at + 1);
            if (row->rule == ValueRule::none) {
                act(row->letter, {});
                continue;
            }
            if (row->rule == ValueRule::needed && value.empty()) {
                if (at_ + 1 == arguments_.size()) {
                    complaint_ = "the option -" + std::string(1, row->letter) + " wants a value behind it";
                    return;
                }
                value = arguments_[++at_];
            }
            act(row->letter, value);
            return;
        }
    }

    void act(char letter, std::string_view value)
    {
        switch (letter) {
        case 't': line_.takes_header_recipients = true; break;
        case 'f':
        case 'r': line_.sender = value; break;
        case 'F': line_.full_name = value; break;
        case 'i': line_.dot_ends = false; break;
        case 'o':
            if (value == "i") line_.dot_ends = false;
            break;
        case 'b': choose_mode(value); break;
        case 'q': line_.mode = Mode::flush_queue; break;
        case 'I': line_.mode = Mode::make_aliases; break;
        case 'C': line_.config_path = value; break;
        default: act_on_report(letter, value); break;
        }
    }

    void choose_mode(std::string_view value)
    {
        if (value == "m") line_.mode = Mode::send;
        else if (value == "s") line_.mode = Mode::speak_smtp;
        else if (value == "p") line_.mode = Mode::list_queue;
        else if (value == "i") line_.mode = Mode::make_aliases;
        else if (value == "d" || value == "D" || value == "l") complaint_ = "the daemon is mailboxd(8): systemctl start mailboxd starts it";
        else complaint_ = "there is no mode -b" + ascii::legible(value) + ": it can be m, s, p or i";
    }

    void act_on_report(char letter, std::string_view value)
    {
        if (letter == 'N') {
            const auto notify = parse_notify(value);
            if (notify) line_.notify = *notify;
            else complaint_ = "-N wants never, or some of failure, delay and success, not " + ascii::legible(value);
        } else if (letter == 'R') {
            const auto ret = parse_ret(value);
            if (ret) line_.ret = *ret;
            else complaint_ = "-R wants full or hdrs, not " + ascii::legible(value);
        } else if (letter == 'V') {
            line_.envelope_id = value;
            if (!is_envelope_id(value)) complaint_ = "-V wants up to 100 printable characters";
        }
    }

    const std::vector<std::string>& arguments_;
    std::size_t at_ = 0;
    CommandLine line_;
    std::string complaint_;
};

ctl::CommandNode described()
{
    ctl::CommandNode node;
    node.name = "sendmail";
    for (const OptionRow& row : kOptions) {
        ctl::OptionNode option;
        option.names = {"-" + std::string(1, row.letter)};
        option.value = row.rule == ValueRule::needed && row.value.empty() ? "value" : row.value;
        option.help = row.help;
        node.options.push_back(std::move(option));
    }
    ctl::OptionNode recipients;
    recipients.names = {"recipient"};
    recipients.help = "Who gets the message; a name without a domain is one of this machine";
    recipients.is_positional = true;
    recipients.is_repeatable = true;
    node.options.push_back(std::move(recipients));
    return node;
}

}  // namespace

std::span<const OptionRow> options() { return kOptions; }

Result<CommandLine, std::string> parse_command_line(std::string_view name, const std::vector<std::string>& arguments)
{
    return Reader(name, arguments).read();
}

std::string help_text()
{
    std::string text = "Usage: sendmail [options] [recipient ...] <message\n       mailq\n       newaliases\n\n"
                       "Hands a message to mailboxd, or leaves it for the time when it runs again.\n\n";
    for (const OptionRow& row : kOptions) {
        if (row.help.starts_with("Ignored")) continue;
        text += "  -" + std::string(1, row.letter) + " " + std::string(row.value);
        text += "\n        " + std::string(row.help) + ".\n";
    }
    return text + "\nsendmail(8) says more.\n";
}

std::string manual_text()
{
    ctl::ManualText text;
    text.section = "8";
    text.version = MAILBOXD_VERSION;
    text.summary = "hand mail of programs to mailboxd";
    text.description =
        "Reads a message from standard input, up to its end or to a line with nothing but a dot, and hands it to mailboxd over a "
        "socket. The kernel tells the daemon who asks; the program has no rights of its own.\n"
        "While the daemon does not run, or cannot take the message just now, it is left in a directory, synced, and taken in as "
        "soon as the daemon can; that is a success too.\n"
        "From, Date and Message-ID are added where they are missing, Bcc is removed, names without a domain get this server's. "
        "Mail for names of this machine that are neither accounts nor aliases (root) goes where sendmail.system_mail_to of "
        "mailboxd.toml(5) says, or else to all administrators.\n"
        "As mailq it lists what waits for other servers; as newaliases it says that aliases are kept by mailboxctl(1).";
    text.sections = {
        {"EXIT STATUS",
         "*0* The message is safe: with the daemon, or in the drop directory.\n"
         "*64* The command line is wrong, or nobody is named as recipient.\n"
         "*65* The message cannot be taken as it is, or an address is none.\n"
         "*67* Somebody named does not exist; the others have the message.\n"
         "*69* The daemon refused it.\n"
         "*75* It could not be kept at all now: try later.\n"
         "*77* This user may not do that, such as sending as that sender or asking for the queue.\n"
         "*78* The file named with -C cannot be used."},
        {"ENVIRONMENT",
         "*NAME* The full name in From, where -F is not given.\n"
         "*MAILBOXD_CONFIG* The configuration file, where -C is not given.\n"
         "*MAILBOXD_SENDMAIL_SOCKET* The daemon's socket, whatever the configuration says.\n"
         "*MAILBOXD_DROP_DIRECTORY* The directory for messages while the daemon does not run."},
        {"FILES",
         "*/run/mailboxd/sendmail.sock* The socket, unless server.runtime_directory says another place.\n"
         "*/var/spool/mailboxd/drop* sendmail.drop_directory: what the daemon will take in."}};
    text.see_also = {"mailboxd(8)", "mailboxctl(1)", "mailboxd.toml(5)"};
    return ctl::manual_page(described(), text);
}

}  // namespace mbx::sendmail
