// The one table of settings. A key stands here or it does not exist.
#include <algorithm>
#include <array>
#include <iterator>

#include "base/ascii.hpp"
#include "config/declaration.hpp"

namespace mbx::config {
namespace {

constexpr std::uint64_t kKiB = 1024;
constexpr std::uint64_t kMiB = 1024 * kKiB;
constexpr std::uint64_t kGiB = 1024 * kMiB;
constexpr std::uint64_t kSecond = 1000;
constexpr std::uint64_t kMinute = 60 * kSecond;
constexpr std::uint64_t kHour = 60 * kMinute;
constexpr std::uint64_t kDay = 24 * kHour;
// A path of a socket ends at 107 bytes on Linux; control.sock is appended to it.
constexpr std::uint64_t kMostRuntimePath = 90;
constexpr std::uint64_t kMostPath = 4000;
constexpr std::uint64_t kMostQuota = 9'223'372'036'854'775'807;  // what SQLite and JSON carry as a whole number
constexpr Bounds kListLength{0, 64};
constexpr Bounds kConnections{1, 1'000'000};

template <typename Choice>
    requires(sizeof(Choice) == 1)
ChoiceSlot choice(Choice& value)
{
    return {reinterpret_cast<unsigned char*>(&value)};
}

std::string_view greeting_complaint(std::string_view text)
{
    // RFC 5321 section 4.2: textstring = 1*(%d09 / %d32-126).
    const auto odd = [](char c) { return ascii::is_control(c) || ascii::is_eight_bit(c); };
    return std::ranges::any_of(text, odd) ? "may hold printable ASCII only" : "";
}

std::string_view separator_complaint(std::string_view text)
{
    return text.empty() || std::string_view("+-=_#").find(text) != std::string_view::npos
               ? ""
               : "must be one of + - = _ #, or empty to switch sub-addressing off";
}

std::string_view user_complaint(std::string_view text)
{
    const auto good = [](char c) { return ascii::is_alnum(c) || c == '_' || c == '-' || c == '.'; };
    return std::ranges::all_of(text, good) && !text.starts_with('-') ? "" : "is not the name of a system user";
}

std::string_view users_complaint(std::string_view text)
{
    const auto good = [](char c) { return ascii::is_alnum(c) || c == '_' || c == '-' || c == '.' || c == ' '; };
    return std::ranges::all_of(text, good) ? "" : "is not a list of system users with spaces between";
}

// The form alone: what the directory knows is asked when mail comes.
std::string_view system_mail_complaint(std::string_view text)
{
    const auto odd = [](char c) { return ascii::is_control(c) || c == ' ' || c == '<' || c == '>'; };
    const auto at = text.rfind('@');
    const bool is_address = at != std::string_view::npos && at != 0 && at + 1 < text.size() && std::ranges::none_of(text, odd);
    return text.empty() || is_address ? "" : "is not an address";
}

constexpr std::array kTables{
    Table{"server", "The process: its name on the network, its directories, its threads."},
    Table{"log", "What is logged, and how a line looks."},
    Table{"tls", "Certificates. They are read again on a reload, without an interruption."},
    Table{"smtp", "Mail from other servers (port 25). The limits of a message and of a session hold for submission too."},
    Table{"submission", "Mail from your own users: they log in and send."},
    Table{"lmtp", "Mail from programs that hand it over for our own mailboxes (RFC 2033), with an answer for each recipient."},
    Table{"imap", "Users read their mail."},
    Table{"pop3", "Users fetch their mail, with programs that know no IMAP."},
    Table{"http", "Health, metrics and the status page."},
    Table{"sendmail", "Mail from programs of this machine (cron, PHP, scripts), by the command sendmail."},
    Table{"queue", "Mail on its way to other servers: how long and how often it is tried. mailboxctl queue shows what waits."},
    Table{"directory", "Domains, accounts and aliases. They live in directory.db; change them with mailboxctl."},
    Table{"quota", "How much mail an account may hold, where the account itself says nothing (mailboxctl account set)."},
    Table{"undelete", "Messages that were expunged, and mailboxes that were deleted, can be had back: mailboxctl message "
                      "undelete."},
    Table{"expire", "Old mail that is expunged by itself. It can be had back as long as everything that is expunged."},
    Table{"trace", "What befell every message, for mailboxctl trace and mailboxctl slo. It lives in trace.db."},
    Table{"auth", "Log-ins of all protocols."},
    Table{"dns", "Look-ups of names, for mail that goes out and for judging mail that comes in."},
    Table{"outbound", "Mail to other servers: where it goes, from which address, and how it is encrypted."},
    Table{"proxy", "Load balancers that speak the PROXY protocol."},
};

const std::vector<Declaration>& most_rows()
{
    using S = Settings;
    static const std::vector<Declaration> most{
        {"server.hostname", Kind::host_name, R"("")", {0, 253}, Effect::restart,
         "The name of this server as other mail servers see it, such as \"mail.example.org\". It should be the name that "
         "the MX record and the reverse lookup of its address give. Empty: the name of the machine.",
         [](S& s) -> Slot { return &s.server.hostname; }},
        {"server.data_directory", Kind::directory, R"("/var/lib/mailboxd")", {1, kMostPath}, Effect::restart,
         "Where mail, the directory, and all that must survive is kept.",
         [](S& s) -> Slot { return &s.server.data_directory; }},
        {"server.runtime_directory", Kind::directory, R"("/run/mailboxd")", {1, kMostRuntimePath}, Effect::restart,
         "Where the control socket (control.sock) is made, through which mailboxctl talks to the daemon.",
         [](S& s) -> Slot { return &s.server.runtime_directory; }},
        {"server.user", Kind::text, R"("mailboxd")", {0, 32}, Effect::restart,
         "The system user to become when started as root. Without effect when started as anybody else.",
         [](S& s) -> Slot { return &s.server.user; }, {}, user_complaint},
        {"server.worker_threads", Kind::integer, "4", {2, 256}, Effect::restart,
         "Threads for work that waits on the disk or computes. One of them always stays free for the delivery of mail.",
         [](S& s) -> Slot { return &s.server.worker_threads; }},
        {"server.hashing_slots", Kind::integer, "2", {1, 64}, Effect::restart,
         "How many passwords may be checked at the same moment. Each takes 19 MiB of memory while it is checked. Must "
         "be less than worker_threads.",
         [](S& s) -> Slot { return &s.server.hashing_slots; }},
        {"server.stop_timeout", Kind::duration, R"("10s")", {0, 5 * kMinute}, Effect::live,
         "How long a stopping server waits for sessions to end what they have begun, before it closes them.",
         [](S& s) -> Slot { return &s.server.stop_timeout; }},

        {"log.level", Kind::choice, R"("info")", {}, Effect::live, "The least important event that is logged.",
         [](S& s) -> Slot { return choice(s.log.level); }, {"debug", "info", "notice", "warning", "error"}},
        {"log.format", Kind::choice, R"("key_value")", {}, Effect::restart,
         "How a line looks: key_value for people, json for programs, journald for key_value with the priority in front "
         "as systemd wants it.",
         [](S& s) -> Slot { return choice(s.log.format); }, {"key_value", "json", "journald"}},
        {"log.components", Kind::level_table, "{}", {0, 64}, Effect::live,
         "Other levels for single components, such as { smtp = \"debug\", auth = \"notice\" }.",
         [](S& s) -> Slot { return &s.log.components; }},

        {"tls.certificate", Kind::file, R"("tls/certificate.pem")", {0, kMostPath}, Effect::live,
         "The certificate and the intermediate ones behind it, in PEM. A relative path starts at the data directory. "
         "Empty together with key: no TLS at all, which the listeners with TLS do not allow.",
         [](S& s) -> Slot { return &s.tls.certificate; }},
        {"tls.key", Kind::file, R"("tls/key.pem")", {0, kMostPath}, Effect::live,
         "The private key of the certificate, in PEM, readable by the daemon's user alone (mode 0600).",
         [](S& s) -> Slot { return &s.tls.key; }},
        {"tls.additional", Kind::certificate_list, "[]", {0, 1000}, Effect::live,
         "Further pairs for clients that ask for other names (SNI): [{ certificate = \"…\", key = \"…\" }].",
         [](S& s) -> Slot { return &s.tls.additional; }},

        {"smtp.listen", Kind::endpoint_list, R"(["0.0.0.0:25", "[::]:25"])", kListLength, Effect::restart,
         "Addresses and ports for mail from other servers. An empty list: none is received.",
         [](S& s) -> Slot { return &s.smtp.listen; }},
        {"smtp.max_message_size", Kind::size, R"("64MiB")", {64 * kKiB, 2 * kGiB - 1}, Effect::live,
         "The largest message that is accepted, as it travels. An attachment grows by a third on its way.",
         [](S& s) -> Slot { return &s.smtp.max_message_size; }},
        {"smtp.max_recipients", Kind::integer, "1000", {100, 100'000}, Effect::live,
         "Recipients of one message. RFC 5321 section 4.5.3.1.8 wants 100 at least.",
         [](S& s) -> Slot { return &s.smtp.max_recipients; }},
        {"smtp.max_connections", Kind::integer, "1000", kConnections, Effect::live,
         "Connections from other servers at the same time. One more is answered 421.",
         [](S& s) -> Slot { return &s.smtp.max_connections; }},
        {"smtp.max_connections_per_network", Kind::integer, "50", kConnections, Effect::live,
         "The same from one IPv4 address or from one IPv6 network of /64.",
         [](S& s) -> Slot { return &s.smtp.max_connections_per_network; }},
        {"smtp.command_timeout", Kind::duration, R"("5m")", {5 * kSecond, kHour}, Effect::live,
         "How long the next command may take to come. RFC 5321 section 4.5.3.2.7 wants 5 minutes.",
         [](S& s) -> Slot { return &s.smtp.command_timeout; }},
        {"smtp.data_timeout", Kind::duration, R"("5m")", {5 * kSecond, kHour}, Effect::live,
         "How long the next piece of a message may take to come.",
         [](S& s) -> Slot { return &s.smtp.data_timeout; }},
        {"smtp.max_errors", Kind::integer, "20", {1, 10'000}, Effect::live,
         "Commands with an error in one session. After that many the session is closed with 421.",
         [](S& s) -> Slot { return &s.smtp.max_errors; }},
        {"smtp.max_received", Kind::integer, "100", {30, 1000}, Effect::live,
         "Received fields in a message. With more it is taken for one that goes in circles, and refused.",
         [](S& s) -> Slot { return &s.smtp.max_received; }},
        {"smtp.bare_line_ending", Kind::choice, R"("refuse")", {}, Effect::live,
         "What happens to a message with a CR or LF that stands alone: refuse it (550 5.6.11), or repair it to CRLF. "
         "Repair only what a scanner or an old program of your own sends; it breaks DKIM signatures.",
         [](S& s) -> Slot { return choice(s.smtp.bare_line_ending); }, {"refuse", "repair"}},
        {"smtp.greeting", Kind::text, R"("")", {0, 200}, Effect::live,
         "Words behind the host name and ESMTP in the greeting. Printable ASCII.",
         [](S& s) -> Slot { return &s.smtp.greeting; }, {}, greeting_complaint},
        {"smtp.greeting_delay", Kind::duration, R"("0s")", {0, 30 * kSecond}, Effect::live,
         "How long a client must keep silent before it is greeted. Real servers wait; many programs that send spam do not. "
         "Each connection waits so long.",
         [](S& s) -> Slot { return &s.smtp.greeting_delay; }},
        {"smtp.early_talkers", Kind::choice, R"("note")", {}, Effect::live,
         "What happens to a client that speaks before its greeting: note it in the log and the metrics, or refuse it (554).",
         [](S& s) -> Slot { return choice(s.smtp.early_talkers); }, {"note", "refuse"}},
        {"smtp.vrfy", Kind::choice, R"("nobody")", {}, Effect::live,
         "Who learns by VRFY whether a mailbox is there: nobody, or users that have logged in. All others hear 252.",
         [](S& s) -> Slot { return choice(s.smtp.vrfy); }, {"nobody", "users"}},
        {"smtp.xclient_networks", Kind::network_list, "[]", kListLength, Effect::live,
         "Proxies in front that may say whom they speak for (XCLIENT). From anybody else it ends the connection.",
         [](S& s) -> Slot { return &s.smtp.xclient_networks; }},
        {"smtp.max_recipients_per_network_hour", Kind::integer, "0", {0, 1'000'000'000}, Effect::live,
         "Recipients of accepted messages within an hour from one IPv4 address or one IPv6 network of /64; more are put "
         "off (450). 0: no limit.",
         [](S& s) -> Slot { return &s.smtp.max_recipients_per_network_hour; }},

        {"submission.listen", Kind::endpoint_list, R"(["0.0.0.0:587", "[::]:587"])", kListLength, Effect::restart,
         "Addresses and ports for users, who ask for TLS by STARTTLS before they log in.",
         [](S& s) -> Slot { return &s.submission.listen; }},
        {"submission.listen_tls", Kind::endpoint_list, R"(["0.0.0.0:465", "[::]:465"])", kListLength, Effect::restart,
         "Addresses and ports for users with TLS from the first byte on, as RFC 8314 recommends.",
         [](S& s) -> Slot { return &s.submission.listen_tls; }},
        {"submission.max_connections", Kind::integer, "1000", kConnections, Effect::live,
         "Connections of users that send, at the same time.",
         [](S& s) -> Slot { return &s.submission.max_connections; }},
        {"submission.max_connections_per_network", Kind::integer, "100", kConnections, Effect::live,
         "The same from one IPv4 address or from one IPv6 network of /64. An office behind one address needs many.",
         [](S& s) -> Slot { return &s.submission.max_connections_per_network; }},
        {"submission.scram_plus", Kind::choice, R"("off")", {}, Effect::live,
         "Whether SCRAM-SHA-256-PLUS is offered here besides SCRAM-SHA-256, as it is to readers of mail. Some programs "
         "(neomutt with GNU SASL 2.2) choose it wherever it is offered, cannot do it, and do not send then.",
         [](S& s) -> Slot { return choice(s.submission.scram_plus); }, {"off", "on"}},
        {"submission.header_from", Kind::choice, R"("own")", {}, Effect::live,
         "Which addresses From and Sender of a message may hold: own, those of its account (its address and aliases), or any. "
         "The sender in the envelope is always the account's own.",
         [](S& s) -> Slot { return choice(s.submission.header_from); }, {"own", "any"}},
        {"submission.max_messages_per_hour", Kind::integer, "0", {0, 1'000'000'000}, Effect::live,
         "Messages that one account may send within an hour; more are put off (450), and the answer says until when. 0: no "
         "limit. A limit bounds what a stolen password can do.",
         [](S& s) -> Slot { return &s.submission.max_messages_per_hour; }},
        {"submission.max_recipients_per_hour", Kind::integer, "0", {0, 1'000'000'000}, Effect::live,
         "The same for the recipients of these messages, all together.",
         [](S& s) -> Slot { return &s.submission.max_recipients_per_hour; }},

        {"lmtp.listen", Kind::endpoint_list, "[]", kListLength, Effect::restart,
         "Addresses and ports for LMTP. Nobody logs in there and only our own mailboxes are reached, but keep it on loopback or "
         "in a network of your own. An empty list: no LMTP.",
         [](S& s) -> Slot { return &s.lmtp.listen; }},
        {"lmtp.max_connections", Kind::integer, "100", kConnections, Effect::live,
         "Connections at the same time.",
         [](S& s) -> Slot { return &s.lmtp.max_connections; }},

        {"imap.listen", Kind::endpoint_list, R"(["0.0.0.0:143", "[::]:143"])", kListLength, Effect::restart,
         "Addresses and ports for users, who ask for TLS by STARTTLS before they log in.",
         [](S& s) -> Slot { return &s.imap.listen; }},
        {"imap.listen_tls", Kind::endpoint_list, R"(["0.0.0.0:993", "[::]:993"])", kListLength, Effect::restart,
         "Addresses and ports for users with TLS from the first byte on.",
         [](S& s) -> Slot { return &s.imap.listen_tls; }},
        {"imap.max_connections", Kind::integer, "10000", kConnections, Effect::live,
         "Connections at the same time. A mail program holds one for each folder that it watches.",
         [](S& s) -> Slot { return &s.imap.max_connections; }},
        {"imap.max_connections_per_network", Kind::integer, "500", kConnections, Effect::live,
         "The same from one IPv4 address or from one IPv6 network of /64. An office behind one address needs many.",
         [](S& s) -> Slot { return &s.imap.max_connections_per_network; }},
        {"imap.max_sessions_per_account", Kind::integer, "100", kConnections, Effect::live,
         "Sessions of one account that are logged in at the same time; the next log-in is refused.",
         [](S& s) -> Slot { return &s.imap.max_sessions_per_account; }},
        {"imap.inactivity_timeout", Kind::duration, R"("30m")", {30 * kMinute, kDay}, Effect::live,
         "After how long without a command a session that is logged in is closed, in IDLE too. RFC 9051 section 5.4 "
         "wants 30 minutes at least.",
         [](S& s) -> Slot { return &s.imap.inactivity_timeout; }},
        {"imap.login_timeout", Kind::duration, R"("1m")", {5 * kSecond, kHour}, Effect::live,
         "How long a connection may take until it is logged in.",
         [](S& s) -> Slot { return &s.imap.login_timeout; }},
        {"imap.max_append_size", Kind::size, R"("64MiB")", {64 * kKiB, 2 * kGiB - 1}, Effect::live,
         "The largest message that a mail program may put into a folder (APPEND).",
         [](S& s) -> Slot { return &s.imap.max_append_size; }},
        {"imap.max_line", Kind::size, R"("64KiB")", {8 * kKiB, kMiB}, Effect::live,
         "The longest command, with its literals other than messages. RFC 7162 section 4 asks for 8 KiB at least.",
         [](S& s) -> Slot { return &s.imap.max_line; }},
        {"imap.literal_mode", Kind::choice, R"("LITERAL+")", {}, Effect::live,
         "Which non-synchronizing literals are offered (RFC 7888): LITERAL+ of any length, or LITERAL- up to 4096 "
         "bytes.",
         [](S& s) -> Slot { return choice(s.imap.literal_mode); }, {"LITERAL+", "LITERAL-"}},
        {"imap.compression", Kind::choice, R"("deflate")", {}, Effect::live,
         "Whether clients may compress their connection (COMPRESS=DEFLATE, RFC 4978): deflate, or off. It saves three quarters of "
         "the bytes of lists and headers and costs processor time.",
         [](S& s) -> Slot { return choice(s.imap.compression); }, {"deflate", "off"}},

        {"pop3.listen", Kind::endpoint_list, "[]", kListLength, Effect::restart,
         "Addresses and ports for users, who ask for TLS by STLS before they log in, such as \"0.0.0.0:110\". Programs that "
         "are not very old take listen_tls.",
         [](S& s) -> Slot { return &s.pop3.listen; }},
        {"pop3.listen_tls", Kind::endpoint_list, R"(["0.0.0.0:995", "[::]:995"])", kListLength, Effect::restart,
         "Addresses and ports for users with TLS from the first byte on, as RFC 8314 recommends. This and listen empty: no "
         "POP3.",
         [](S& s) -> Slot { return &s.pop3.listen_tls; }},
        {"pop3.max_connections", Kind::integer, "1000", kConnections, Effect::live, "Connections at the same time.",
         [](S& s) -> Slot { return &s.pop3.max_connections; }},
        {"pop3.max_connections_per_network", Kind::integer, "100", kConnections, Effect::live,
         "The same from one IPv4 address or from one IPv6 network of /64. An office behind one address needs many.",
         [](S& s) -> Slot { return &s.pop3.max_connections_per_network; }},
        {"pop3.inactivity_timeout", Kind::duration, R"("10m")", {10 * kMinute, kDay}, Effect::live,
         "After how long without a command a session that is logged in is closed. Until then nobody else can log in to the "
         "same mailbox by POP3. RFC 1939 section 3 wants 10 minutes at least.",
         [](S& s) -> Slot { return &s.pop3.inactivity_timeout; }},
        {"pop3.login_timeout", Kind::duration, R"("1m")", {5 * kSecond, kHour}, Effect::live,
         "How long a connection may take until it is logged in.",
         [](S& s) -> Slot { return &s.pop3.login_timeout; }},
        {"pop3.mark_seen", Kind::choice, R"("retrieved")", {}, Effect::live,
         "Which messages are shown as read in programs that use IMAP: those retrieved by POP3, or never any because of that.",
         [](S& s) -> Slot { return choice(s.pop3.mark_seen); }, {"retrieved", "never"}},

        {"http.listen", Kind::endpoint_list, R"(["127.0.0.1:8080"])", kListLength, Effect::restart,
         "Addresses and ports for /healthz, /readyz, /metrics and the status page. They need no log-in, so only "
         "addresses of this machine are allowed (127.0.0.0/8 and ::1).",
         [](S& s) -> Slot { return &s.http.listen; }},

        {"sendmail.service", Kind::choice, R"("on")", {}, Effect::restart,
         "Whether programs of this machine may hand over mail: on, by sendmail.sock in server.runtime_directory and by "
         "drop_directory, or off.",
         [](S& s) -> Slot { return choice(s.sendmail.service); }, {"off", "on"}},
        {"sendmail.drop_directory", Kind::directory, R"("/var/spool/mailboxd/drop")", {1, kMostPath}, Effect::restart,
         "Where sendmail leaves messages while the daemon does not run or cannot take them; it takes them in as soon as it "
         "can. All users may write there and nobody may list it (mode 3733).",
         [](S& s) -> Slot { return &s.sendmail.drop_directory; }},
        {"sendmail.system_mail_to", Kind::text, R"("")", {0, 320}, Effect::live,
         "Who gets mail for a name of this machine that is neither an account nor an alias, such as what cron writes to root. "
         "Empty: postmaster, which is all administrators.",
         [](S& s) -> Slot { return &s.sendmail.system_mail_to; }, {}, system_mail_complaint},
        {"sendmail.trusted_users", Kind::text, R"("")", {0, 1000}, Effect::live,
         "System users who may name any sender and send without a limit, as root may; spaces between. The others may name "
         "addresses of this server's domains and of this machine.",
         [](S& s) -> Slot { return &s.sendmail.trusted_users; }, {}, users_complaint},
        {"sendmail.max_messages_per_hour", Kind::integer, "1000", {0, 1'000'000'000}, Effect::live,
         "Messages that one system user may send within an hour; more wait in drop_directory. 0: no limit.",
         [](S& s) -> Slot { return &s.sendmail.max_messages_per_hour; }},

        {"queue.lifetime", Kind::duration, R"("5d")", {kMinute, 60 * kDay}, Effect::live,
         "How long a message is tried before it goes back to its sender. RFC 5321 section 4.5.4.1 wants 4 to 5 days.",
         [](S& s) -> Slot { return &s.queue.lifetime; }},
        {"queue.warn_after", Kind::duration, R"("4h")", {0, 60 * kDay}, Effect::live,
         "After what time the sender is told, once, that a message waits and is still being tried. 0s: never.",
         [](S& s) -> Slot { return &s.queue.warn_after; }},
        {"queue.max_connections", Kind::integer, "100", {2, 10'000}, Effect::live,
         "Connections to other servers at the same time. Half of them are kept for messages that are tried for the first "
         "time.",
         [](S& s) -> Slot { return &s.queue.max_connections; }},
        {"queue.max_connections_per_destination", Kind::integer, "10", {1, 1'000}, Effect::live,
         "How many of them may go to one domain. A domain that failed lately gets one.",
         [](S& s) -> Slot { return &s.queue.max_connections_per_destination; }},
        {"queue.max_messages_per_connection", Kind::integer, "100", {1, 100'000}, Effect::live,
         "After so many messages a connection is ended and another one made.",
         [](S& s) -> Slot { return &s.queue.max_messages_per_connection; }},
        {"queue.max_messages_per_destination_minute", Kind::integer, "0", {0, 60'000}, Effect::live,
         "Messages that go to one domain, or one smart host, within a minute: a tenth of them at once, the rest evenly; what is "
         "beyond waits. 0: no limit. For hosts that refuse who sends much at a time.",
         [](S& s) -> Slot { return &s.queue.max_messages_per_destination_minute; }},
        {"queue.connection_idle", Kind::duration, R"("2s")", {0, 5 * kMinute}, Effect::live,
         "How long a connection is kept open for another message to the same domain. 0s: not at all.",
         [](S& s) -> Slot { return &s.queue.connection_idle; }},
        {"queue.report_max_size", Kind::size, R"("1MiB")", {0, 1 * kGiB}, Effect::live,
         "Up to what size a message goes back whole with the report of its failure, where its sender asked for that. Of "
         "others, and of larger ones, the header goes back.",
         [](S& s) -> Slot { return &s.queue.report_max_size; }},

        {"directory.sub_addressing", Kind::text, R"("+")", {0, 1}, Effect::live,
         "The character behind which a user may add words to the own address: mail for ann+shop@example.org reaches "
         "ann@example.org. Empty: off.",
         [](S& s) -> Slot { return &s.directory.sub_addressing; }, {}, separator_complaint},
        {"directory.removed_mail_keep", Kind::duration, R"("30d")", {0, 3650 * kDay}, Effect::live,
         "How long the mail of a removed account is kept aside, under mail/.removed/ in the data directory.",
         [](S& s) -> Slot { return &s.directory.removed_mail_keep; }},

        {"quota.default_bytes", Kind::size, R"("0B")", {0, kMostQuota}, Effect::live,
         "The most bytes of mail in an account without a quota of its own. 0B: no limit.",
         [](S& s) -> Slot { return &s.quota.default_bytes; }},
        {"quota.default_messages", Kind::integer, "0", {0, kMostQuota}, Effect::live,
         "The most messages in an account without a quota of its own. 0: no limit.",
         [](S& s) -> Slot { return &s.quota.default_messages; }},
        {"quota.warn_percent", Kind::integer, "90", {0, 100}, Effect::live,
         "From how much of its quota on a user is told so by the mail program when it opens a mailbox (IMAP's ALERT, once "
         "an hour at most); mailboxctl account show says it too. 0: never.",
         [](S& s) -> Slot { return &s.quota.warn_percent; }},

        {"undelete.keep", Kind::duration, R"("14d")", {0, 3650 * kDay}, Effect::live,
         "How long expunged messages and deleted mailboxes can be had back. They do not count towards the quota. 0s: "
         "they are gone within seconds. When the disk gets full the oldest go earlier.",
         [](S& s) -> Slot { return &s.undelete.keep; }},

        {"expire.trash", Kind::duration, R"("0s")", {0, 3650 * kDay}, Effect::live,
         "How long a message stays in the mailbox for deleted mail (\\Trash) before it is expunged. 0s: for ever.",
         [](S& s) -> Slot { return &s.expire.trash; }},
        {"expire.junk", Kind::duration, R"("0s")", {0, 3650 * kDay}, Effect::live,
         "The same for the mailbox for unwanted mail (\\Junk).",
         [](S& s) -> Slot { return &s.expire.junk; }},

        {"trace.keep", Kind::duration, R"("90d")", {0, 3650 * kDay}, Effect::live,
         "How long the rows of a message are kept. 0s: nothing more is recorded, and what was stays. Mail does not depend "
         "on it.",
         [](S& s) -> Slot { return &s.trace.keep; }},
        {"trace.max_size", Kind::size, R"("2GiB")", {16 * kMiB, 1024 * kGiB}, Effect::live,
         "How large it may become; beyond that the oldest messages go first, whatever their age.",
         [](S& s) -> Slot { return &s.trace.max_size; }},

        {"auth.cache_time", Kind::duration, R"("5m")", {0, kHour}, Effect::live,
         "How long a password that was right need not be checked by its costly hash again. A changed password or a "
         "disabled account counts at once all the same.",
         [](S& s) -> Slot { return &s.auth.cache_time; }},
        {"auth.failures_before_delay", Kind::integer, "5", {1, 1000}, Effect::live,
         "Failed log-ins from one network, or for one account, before further ones are slowed down.",
         [](S& s) -> Slot { return &s.auth.failures_before_delay; }},
        {"auth.failure_window", Kind::duration, R"("15m")", {kMinute, kDay}, Effect::live,
         "How long after the last failed log-in the failures are forgotten.",
         [](S& s) -> Slot { return &s.auth.failure_window; }},
        {"auth.max_delay", Kind::duration, R"("8s")", {0, kMinute}, Effect::live,
         "The longest time that a log-in is made to wait; what would have to wait longer is answered at once to try "
         "later. Networks from which the account logged in before are not held up by the failures of others.",
         [](S& s) -> Slot { return &s.auth.max_delay; }},
        {"auth.plaintext_login_networks", Kind::network_list, "[]", kListLength, Effect::live,
         "Networks from which users may log in without TLS. Only networks of this machine are allowed (127.0.0.0/8 and "
         "::1), for programs that run beside the server.",
         [](S& s) -> Slot { return &s.auth.plaintext_login_networks; }},
        {"auth.scram", Kind::choice, R"("tls")", {}, Effect::live,
         "Where SCRAM-SHA-256 is offered, by which a password never crosses the network: tls, where passwords may be sent too, "
         "and there as SCRAM-SHA-256-PLUS as well; always, also without TLS; or off. What it needs is stored when a password "
         "is set, or at the next log-in with a plain one.",
         [](S& s) -> Slot { return choice(s.auth.scram); }, {"off", "tls", "always"}},
        {"auth.scram_iterations", Kind::integer, "50000", {4096, 1'000'000}, Effect::live,
         "How often SCRAM hashes a password: what guessing costs whoever steals the directory, and what each log-in costs "
         "the client. Some clients refuse more than 65536.",
         [](S& s) -> Slot { return &s.auth.scram_iterations; }},

        {"proxy.networks", Kind::network_list, "[]", kListLength, Effect::restart,
         "Networks of load balancers whose connections begin with the PROXY protocol (version 1 or 2). Connections from "
         "there must begin with it; from everywhere else it is not understood.",
         [](S& s) -> Slot { return &s.proxy.networks; }},
    };
    return most;
}

const std::vector<Declaration>& rows()
{
    static const std::vector<Declaration> all = [] {
        std::vector<Declaration> made = most_rows();
        std::ranges::copy(outbound_rows(), std::back_inserter(made));
        return made;
    }();
    return all;
}

}  // namespace

std::span<const Table> tables() { return kTables; }
std::span<const Declaration> declarations() { return rows(); }

const Declaration* find_declaration(std::string_view key)
{
    const auto found = std::ranges::find(rows(), key, &Declaration::key);
    return found == rows().end() ? nullptr : &*found;
}

}  // namespace mbx::config
