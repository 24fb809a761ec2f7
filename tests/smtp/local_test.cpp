// Programs of this machine (Role::local, docs/sendmail.md): who may send as whom, names without a mailbox, what is completed.
#include <catch2/catch_test_macros.hpp>

#include "smtp/appliance.hpp"
#include "smtp/recipient.hpp"
#include "smtp/submission_header.hpp"

namespace mbx::test {
namespace {

const std::string kStart = "EHLO localhost\r\n";

Caller user(std::uint32_t uid)
{
    Caller caller;
    caller.role = smtp::Role::local;
    caller.uid = uid;
    return caller;
}

// The last reply but QUIT's to one message.
std::string send(Appliance& appliance, const Caller& caller, const std::string& from, const std::string& to, const std::string& message)
{
    std::string heard = appliance.talk(kStart + "MAIL FROM:<" + from + ">\r\nRCPT TO:<" + to + ">\r\nBDAT " +
                                           std::to_string(message.size()) + " LAST\r\n" + message + "QUIT\r\n", caller);
    heard.resize(heard.rfind("221 "));
    heard.resize(heard.size() - 2);
    return heard.substr(heard.rfind("\r\n") + 2);
}

const std::string kTaken = "250 2.0.0 ID accepted";
const std::string kPlain = "Subject: x\r\n\r\nbody\r\n";

bool is_refused(const std::string& heard) { return heard.find("550 5.7.1 your sender address must be of this machine") != std::string::npos; }

std::string mail_from(Appliance& appliance, std::uint32_t uid, const std::string& sender)
{
    return appliance.talk(kStart + "MAIL FROM:<" + sender + ">\r\n", user(uid));
}

TEST_CASE("a user of the machine sends without logging in, and Received says which", "[smtp][local]")
{
    Appliance appliance;
    CHECK(send(appliance, user(1234), "ann@example.test", "bob@example.test", kPlain) == kTaken);
    const auto stored = appliance.inbox("bob");
    REQUIRE(stored.size() == 1);
    CHECK(stored[0].find("Received: from localhost\r\n\t(uid 1234)\r\n\tby mx.example.test") != std::string::npos);
    CHECK(stored[0].find("\r\nDate: ") != std::string::npos);
    CHECK(stored[0].find("\r\nMessage-ID: <") != std::string::npos);
    CHECK(stored[0].find("\r\nFrom: <ann@example.test>\r\n") != std::string::npos);
}

TEST_CASE("mail for elsewhere is taken from users of the machine, under the sender they named", "[smtp][local]")
{
    Appliance appliance([](smtp::Options& options) { options.hostname = "mx.example.test"; });
    CHECK(send(appliance, user(1234), "root@mx.example.test", "far@elsewhere.example", kPlain) == kTaken);
    REQUIRE(appliance.outgoing.size() == 1);
    CHECK(appliance.outgoing[0].envelope.reverse_path == "root@mx.example.test");
    // No SRS for our own words, not through an alias either.
    CHECK(send(appliance, user(1234), "root@mx.example.test", "outside@example.test", kPlain) == kTaken);
    REQUIRE(appliance.outgoing.size() == 2);
    CHECK(appliance.outgoing[1].envelope.reverse_path == "root@mx.example.test");
}

TEST_CASE("an ordinary user names senders of our domains and of this machine, root and trusted ones any", "[smtp][local][hostile]")
{
    Appliance appliance([](smtp::Options& options) { options.trusted_uids = {50}; });
    CHECK(is_refused(mail_from(appliance, 1234, "boss@elsewhere.example")));
    CHECK_FALSE(is_refused(mail_from(appliance, 1234, "www-data@mx.example.test")));
    CHECK_FALSE(is_refused(mail_from(appliance, 1234, "anything@example.test")));
    CHECK_FALSE(is_refused(mail_from(appliance, 1234, "")));
    CHECK_FALSE(is_refused(mail_from(appliance, 50, "boss@elsewhere.example")));
    CHECK_FALSE(is_refused(mail_from(appliance, 0, "boss@elsewhere.example")));
}

TEST_CASE("there is no AUTH, STARTTLS or XCLIENT on the local socket", "[smtp][local]")
{
    Appliance appliance([](smtp::Options& options) { options.xclient_networks = {*net::IpNetwork::parse("192.0.2.0/24")}; });
    const std::string heard = appliance.talk(kStart + "STARTTLS\r\nAUTH PLAIN x\r\nXCLIENT ADDR=192.0.2.1\r\n", user(1234));
    CHECK(heard.find("STARTTLS") == std::string::npos);
    CHECK(heard.find("AUTH") == std::string::npos);
    CHECK(heard.find("454 4.7.0") != std::string::npos);
    CHECK(heard.find("550 5.7.0") != std::string::npos);
}

TEST_CASE("a user is held to the messages an hour, others and root are not", "[smtp][local]")
{
    Appliance appliance([](smtp::Options& options) {
        options.max_local_messages_per_hour = 2;
        options.trusted_uids = {50};
    });
    for (int i = 0; i < 2; ++i) CHECK(send(appliance, user(1234), "a@example.test", "bob@example.test", kPlain) == kTaken);
    CHECK(mail_from(appliance, 1234, "a@example.test").find("\r\n450 4.7.1 ") != std::string::npos);
    CHECK(send(appliance, user(1235), "a@example.test", "bob@example.test", kPlain) == kTaken);
    for (const std::uint32_t uid : {0U, 50U}) {
        for (int i = 0; i < 3; ++i) CHECK(send(appliance, user(uid), "a@example.test", "bob@example.test", kPlain) == kTaken);
    }
}

TEST_CASE("names without a domain in the header get this machine's, Bcc goes", "[smtp][local]")
{
    Appliance appliance;
    CHECK(send(appliance, user(0), "root@mx.example.test", "bob@example.test",
               "From: root (Cron Daemon)\r\nTo: root, Ann <ann@example.test>\r\nBcc: secret@example.test\r\nSubject: to: root\r\n\r\nTo: root\r\n") == kTaken);
    const std::string stored = appliance.inbox("bob").at(0);
    CHECK(stored.ends_with("From: Cron Daemon <root@mx.example.test>\r\nTo: <root@mx.example.test>,\r\n\tAnn <ann@example.test>\r\n"
                           "Subject: to: root\r\n\r\nTo: root\r\n"));
    CHECK(stored.find("secret") == std::string::npos);
}

TEST_CASE("the header of a program may say any author: the uid is in Received", "[smtp][local]")
{
    Appliance appliance;
    CHECK(send(appliance, user(1234), "a@example.test", "bob@example.test", "From: list@elsewhere.example\r\n\r\nx\r\n") == kTaken);
}

TEST_CASE("guesses of a script do not end its conversation", "[smtp][local]")
{
    Appliance appliance([](smtp::Options& options) { options.max_refused_recipients = 2; });
    std::string script = kStart + "MAIL FROM:<a@example.test>\r\n";
    for (int i = 0; i < 10; ++i) script += "RCPT TO:<nobody" + std::to_string(i) + "@example.test>\r\n";
    const std::string heard = appliance.talk(script + "RCPT TO:<bob@example.test>\r\nBDAT 3 LAST\r\n\r\nxQUIT\r\n", user(1234));
    CHECK(heard.find(kTaken) != std::string::npos);
}

directory::Snapshot directory_of(const std::vector<std::string>& domains, bool has_root_alias = false)
{
    std::vector<directory::Domain> made;
    for (const std::string& name : domains) made.push_back({name, "", true});
    directory::Account ann;
    ann.id.value = 1;
    ann.local_part = "ann";
    ann.domain = domains.empty() ? "none.example" : domains.front();
    directory::Account chief = ann;
    chief.id.value = 2;
    chief.local_part = "chief";
    chief.is_administrator = true;
    std::vector<directory::Alias> aliases;
    if (has_root_alias) aliases.push_back({"root@" + domains.front(), {"ann@" + domains.front()}, true});
    directory::SnapshotOptions options;
    options.host_name = "mx.example.test";
    return directory::Snapshot(std::move(made), {ann, chief}, std::move(aliases), options);
}

smtp::RecipientDecision decide(const directory::Snapshot& snapshot, const std::string& local, const std::string& domain,
                               std::string_view system_mail_to = {}, smtp::Role role = smtp::Role::local)
{
    static const policy::Srs kSecret(std::string(32, 's'));
    mail::Mailbox mailbox;
    mailbox.local_part = local;
    mailbox.domain = domain;
    return smtp::judge_recipient({snapshot, role, false, kSecret, {}, "mx.example.test", system_mail_to}, mailbox);
}

using Ids = std::vector<directory::AccountId>;

TEST_CASE("mail for root reaches its alias, else system_mail_to, else the administrators; it is never lost", "[smtp][local]")
{
    const auto plain = directory_of({"example.test"});
    CHECK(decide(plain, "root", "mx.example.test").accounts == Ids{{2}});
    CHECK(decide(plain, "www-data", "localhost").accounts == Ids{{2}});
    CHECK(decide(plain, "ann", "mx.example.test").accounts == Ids{{1}});
    CHECK(decide(plain, "root", "mx.example.test", "ann@example.test").accounts == Ids{{1}});
    const auto outside = decide(plain, "root", "mx.example.test", "ops@elsewhere.example");
    REQUIRE(outside.outside.size() == 1);
    CHECK(outside.outside[0].address == "ops@elsewhere.example");
    // A setting that leads nowhere loses nothing.
    CHECK(decide(plain, "root", "mx.example.test", "nobody@example.test").accounts == Ids{{2}});
    CHECK(decide(directory_of({"example.test"}, true), "root", "mx.example.test", "chief@example.test").accounts == Ids{{1}});
}

TEST_CASE("the trace tells which name of this machine led to whom, and never of a postmaster without a domain", "[smtp][local][trace]")
{
    const auto plain = directory_of({"example.test"});
    const auto told = [&](const std::string& local, const std::string& domain, std::string_view system_mail_to = {}) {
        std::string all;
        for (const auto& step : decide(plain, local, domain, system_mail_to).expansions) all += step.address + " -> " + step.first.at(0) + ";";
        return all;
    };
    CHECK(told("root", "mx.example.test") == "root@mx.example.test -> chief@example.test;");
    CHECK(told("www-data", "localhost") == "www-data@localhost -> chief@example.test;");
    CHECK(told("postmaster", "") == "postmaster -> chief@example.test;");
    CHECK(told("root", "localhost", "ann@example.test") == "root@localhost -> ann@example.test;");
    CHECK(told("root", "localhost", "ops@elsewhere.example") == "root@localhost -> ops@elsewhere.example;");
    CHECK(told("root", "localhost", "nobody@example.test") == "root@localhost -> chief@example.test;");
    CHECK(told("ann", "example.test").empty());
}

smtp::RecipientDecision decide_bounce(const directory::Snapshot& snapshot, const std::string& local, const std::string& domain)
{
    static const policy::Srs kSecret(std::string(32, 's'));
    mail::Mailbox mailbox;
    mailbox.local_part = local;
    mailbox.domain = domain;
    return smtp::judge_recipient({snapshot, smtp::Role::mx, true, kSecret, {}, "mx.example.test"}, mailbox);
}

TEST_CASE("what cron sends can be answered: root at the host's own name is the administrator, from everywhere", "[smtp][local]")
{
    const auto plain = directory_of({"example.test"});
    for (const auto role : {smtp::Role::mx, smtp::Role::submission, smtp::Role::lmtp, smtp::Role::local}) {
        CAPTURE(static_cast<int>(role));
        CHECK(decide(plain, "root", "mx.example.test", {}, role).accounts == Ids{{2}});
        CHECK(decide(plain, "Root", "MX.example.test", "ann@example.test", role).accounts == Ids{{1}});
        CHECK(decide(plain, "postmaster", "mx.example.test", {}, role).accounts == Ids{{2}});
        CHECK(decide(plain, "postmaster", "[127.0.0.1]", {}, role).accounts == Ids{{2}});
        CHECK(decide(plain, "postmaster", "[IPv6:::1]", {}, role).accounts == Ids{{2}});
        CHECK(decide(plain, "root", "[127.0.0.1]", {}, role).accounts == Ids{{2}});
        CHECK(decide(directory_of({"example.test"}, true), "root", "mx.example.test", {}, role).accounts == Ids{{1}});
    }
    // Somewhere else: a bounce of what a stranger wrote finds back to a name of ours.
    const auto outside = decide(plain, "root", "mx.example.test", "ops@elsewhere.example", smtp::Role::mx);
    REQUIRE(outside.outside.size() == 1);
    CHECK(outside.outside[0].forwarded_by == "mx.example.test");
    const policy::Srs secret(std::string(32, 's'));
    mail::Mailbox sender;
    sender.local_part = "s";
    sender.domain = "sender.example";
    const auto back = decide_bounce(plain, secret.forward(sender, "mx.example.test", {}).local_part, "mx.example.test");
    REQUIRE(back.outside.size() == 1);
    CHECK(back.outside[0].address == "s@sender.example");
}

TEST_CASE("a bounce of what a program sent is not lost, whoever it ran as; at a domain of ours it needs a mailbox", "[smtp][local]")
{
    const auto plain = directory_of({"example.test"});
    CHECK(decide_bounce(plain, "www-data", "mx.example.test").accounts == Ids{{2}});
    CHECK(decide_bounce(plain, "ann", "mx.example.test").accounts == Ids{{1}});
    CHECK(decide_bounce(plain, "nobody", "example.test").reply == smtp::ReplyId::unknown_mailbox);
    CHECK(decide_bounce(plain, "www-data", "[127.0.0.1]").reply == smtp::ReplyId::unknown_mailbox);
    const auto same = directory_of({"mx.example.test"});
    CHECK(decide_bounce(same, "www-data", "mx.example.test").reply == smtp::ReplyId::unknown_mailbox);
    CHECK(decide_bounce(same, "root", "mx.example.test").accounts == Ids{{2}});
}

TEST_CASE("an address literal is this server or another one", "[smtp][local]")
{
    const auto plain = directory_of({"example.test"});
    const std::vector<net::IpAddress> own{*net::IpAddress::parse("192.0.2.1")};
    static const policy::Srs kSecret(std::string(32, 's'));
    const auto judge = [&](const std::string& local, const std::string& domain, smtp::Role role) {
        mail::Mailbox mailbox;
        mailbox.local_part = local;
        mailbox.domain = domain;
        return smtp::judge_recipient({plain, role, false, kSecret, {}, "mx.example.test", {}, own}, mailbox);
    };
    using smtp::Role;
    CHECK(judge("x", "[192.0.2.1]", Role::submission).reply == smtp::ReplyId::unknown_mailbox);
    CHECK(judge("x", "[127.0.0.1]", Role::submission).reply == smtp::ReplyId::unknown_mailbox);
    CHECK(judge("x", "[192.0.2.1]", Role::local).accounts == Ids{{2}});
    CHECK(judge("postmaster", "[192.0.2.1]", Role::mx).accounts == Ids{{2}});
    for (const auto role : {Role::submission, Role::local}) {
        const auto outside = judge("x", "[192.0.2.2]", role);
        REQUIRE(outside.outside.size() == 1);
        CHECK(outside.outside[0].address == "x@[192.0.2.2]");
        CHECK(outside.outside[0].forwarded_by.empty());
    }
    CHECK(judge("x", "[192.0.2.2]", Role::mx).reply == smtp::ReplyId::unknown_mailbox);
}

TEST_CASE("only programs of the machine reach its other names, and a mistyped address is still refused", "[smtp][local][hostile]")
{
    const auto plain = directory_of({"example.test"});
    CHECK(decide(plain, "www-data", "mx.example.test", {}, smtp::Role::mx).reply == smtp::ReplyId::unknown_mailbox);
    CHECK(decide(plain, "root", "example.test", {}, smtp::Role::mx).reply == smtp::ReplyId::unknown_mailbox);
    CHECK(decide(plain, "root", "localhost", {}, smtp::Role::mx).reply == smtp::ReplyId::relay_denied);
    CHECK(decide(plain, "annn", "example.test").reply == smtp::ReplyId::unknown_mailbox);
    CHECK(decide(plain, "x", "elsewhere.example").reply == smtp::ReplyId::recipient_accepted);
}

TEST_CASE("the home domain is the host's own, the nearest above it, or the only one", "[smtp][local]")
{
    CHECK(smtp::home_domain(directory_of({"example.test"}), "mx.example.test") == "example.test");
    CHECK(smtp::home_domain(directory_of({"mx.example.test", "example.test"}), "MX.example.test") == "mx.example.test");
    CHECK(smtp::home_domain(directory_of({"other.example"}), "mx.example.test") == "other.example");
    CHECK(smtp::home_domain(directory_of({"other.example", "third.example"}), "mx.example.test").empty());
    CHECK(smtp::home_domain(directory_of({}), "mx").empty());
}

}  // namespace
}  // namespace mbx::test
