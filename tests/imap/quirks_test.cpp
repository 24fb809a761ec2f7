// What clients do and need beyond the letter of the RFCs: section 1 of the evidence on clients, one test for each, beside the
// ones that stand with the commands they are about (grep "CLIENTS:").
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

#include "imap/world.hpp"

using namespace mbx;
using namespace mbx::imap;

namespace {

bool has(std::string_view text, std::string_view part) { return text.find(part) != std::string_view::npos; }

std::string number_behind(std::string_view text, std::string_view name)
{
    const auto at = text.find(std::string(name) + " ");
    if (at == std::string_view::npos) return "none";
    const auto from = at + name.size() + 1;
    return std::string(text.substr(from, text.find_first_not_of("0123456789", from) - from));
}

struct Alone {
    Alone() : client(world) { client.log_in(); }
    World world;
    Client client;
};

}  // namespace

TEST_CASE("CLIENTS: with UTF8=ACCEPT Thunderbird sends & unencoded in names, without it the name is modified UTF-7",
          "[imap][quirks]")
{
    Alone one;
    CHECK(one.client.ask("a ENABLE UTF8=ACCEPT").starts_with("OK"));
    CHECK(one.client.ask("b CREATE \"R&D\"").starts_with("OK"));
    CHECK(one.client.ask("c CREATE \"&BBAE-\"").starts_with("OK"));  // four letters and two signs, nothing encoded
    CHECK(has(one.client.say("d LIST \"\" \"R%\"\r\n"), "\"R&D\"\r\n"));
    Client old(one.world);
    old.log_in();
    CHECK(has(old.say("e LIST \"\" \"R%\"\r\n"), "\"R&-D\"\r\n"));
    CHECK(has(old.say("f LIST \"\" \"%BBAE%\"\r\n"), "\"&-BBAE-\"\r\n"));
    CHECK(old.ask("g SELECT \"R&-D\"").starts_with("OK"));
    CHECK(old.ask("h CREATE \"R&D\"").starts_with("BAD"));
}

TEST_CASE("CLIENTS: names with & and emoji can be made, renamed, subscribed, selected and deleted", "[imap][quirks]")
{
    Alone one;
    // "A & B 😀", a pair of surrogates in modified UTF-7.
    CHECK(one.client.ask("a CREATE \"A &- B &2D3eAA-\"").starts_with("OK"));
    CHECK(one.client.ask("b SUBSCRIBE \"A &- B &2D3eAA-\"").starts_with("OK"));
    CHECK(has(one.client.say("c LSUB \"\" \"A*\"\r\n"), "\"A &- B &2D3eAA-\"\r\n"));
    CHECK(one.client.ask("d RENAME \"A &- B &2D3eAA-\" \"&2D3eAA-\"").starts_with("OK"));
    CHECK(one.client.ask("e SELECT \"&2D3eAA-\"").starts_with("OK"));
    CHECK(one.client.ask("f CLOSE").starts_with("OK"));
    CHECK(one.client.ask("g DELETE \"&2D3eAA-\"").starts_with("OK"));
}

TEST_CASE("CLIENTS: twenty connections of one account work at the same time (Thunderbird opens five, each device more)",
          "[imap][quirks]")
{
    World world;
    std::vector<std::unique_ptr<Client>> clients;
    for (int i = 0; i < 20; ++i) {
        clients.push_back(std::make_unique<Client>(world));
        clients.back()->log_in();
        clients.back()->select();
        CHECK(clients.back()->say("i IDLE\r\n") == "+ idling\r\n");
    }
    Client sender(world);
    sender.log_in();
    sender.append(message("for all"));
    for (auto& one : clients) CHECK(one->heard() == "* 1 EXISTS\r\n");
}

TEST_CASE("CLIENTS: new Outlook wants the tag of ESEARCH in quotes", "[imap][quirks]")
{
    Alone one;
    one.client.append(message("x"));
    one.client.select();
    CHECK(one.client.say("A1 UID SEARCH RETURN (ALL) ALL\r\n").starts_with("* ESEARCH (TAG \"A1\") UID ALL 1\r\n"));
}

TEST_CASE("CLIENTS: Apple Mail and iOS find \\Drafts, \\Sent, \\Trash, \\Junk, \\Archive in a plain LIST, and not \\Draft",
          "[imap][quirks]")
{
    Alone one;
    const auto listed = one.client.say("a LIST \"\" \"*\"\r\n");
    for (const auto* use : {"\\Drafts) \"/\" \"Drafts\"", "\\Sent) \"/\" \"Sent\"", "\\Trash) \"/\" \"Trash\"", "\\Junk) \"/\" \"Junk\"",
                            "\\Archive) \"/\" \"Archive\""}) {
        INFO(use);
        CHECK(has(listed, use));
    }
    CHECK_FALSE(has(listed, "\\Draft)"));
    CHECK_FALSE(has(listed, "\\Draft "));
}

TEST_CASE("CLIENTS: iOS with several connections and CONDSTORE hears on each what the others change", "[imap][quirks]")
{
    Alone one;
    one.client.append(message("x"));
    Client second(one.world);
    Client third(one.world);
    for (Client* other : {&second, &third}) {
        other->log_in();
        CHECK(other->ask("a SELECT INBOX (CONDSTORE)").starts_with("OK"));
    }
    const auto stored = second.say("b UID STORE 1 +FLAGS (\\Seen)\r\n");
    const auto heard = third.say("c NOOP\r\n");
    CHECK(has(stored, "MODSEQ ("));
    CHECK(has(heard, "FLAGS (\\Seen) MODSEQ ("));
    CHECK(number_behind(stored, "MODSEQ").empty() == number_behind(heard, "MODSEQ").empty());
}

TEST_CASE("CLIENTS: K-9 renews IDLE on one connection for days without logging in again", "[imap][quirks]")
{
    Alone one;
    one.client.select();
    for (int hours = 0; hours < 200; ++hours) {
        REQUIRE(one.client.say("k IDLE\r\n") == "+ idling\r\n");
        one.client.expire();
        REQUIRE(one.client.heard() == "* OK still here\r\n");
        REQUIRE(one.client.say("DONE\r\n") == "k OK IDLE completed\r\n");
    }
    Client sender(one.world);
    sender.log_in();
    CHECK(one.client.say("k IDLE\r\n") == "+ idling\r\n");
    sender.append(message("still told"));
    CHECK(one.client.heard() == "* 1 EXISTS\r\n");
}

TEST_CASE("CLIENTS: FairEmail keeps its connection with NOOP, and is never greeted with PREAUTH", "[imap][quirks]")
{
    Alone one;
    CHECK(one.client.greeting.starts_with("* OK "));
    for (int i = 0; i < 300; ++i) REQUIRE(one.client.say("n NOOP\r\n") == "n OK NOOP completed\r\n");
}

TEST_CASE("CLIENTS: neomutt asks for LIST-STATUS: each LIST comes before its STATUS", "[imap][quirks]")
{
    Alone one;
    one.client.append(message("x"));
    const auto told = one.client.say("a LIST \"\" \"%\" RETURN (STATUS (MESSAGES UNSEEN UIDVALIDITY))\r\n");
    for (const auto* name : {"INBOX", "Drafts", "Sent", "Trash", "Junk"}) {
        INFO(name);
        const auto listed = told.find("\"/\" \"" + std::string(name) + "\"\r\n");
        const auto status = told.find("* STATUS \"" + std::string(name) + "\" (");
        REQUIRE(listed != std::string::npos);
        REQUIRE(status != std::string::npos);
        CHECK(listed < status);
    }
    CHECK(has(told, "* STATUS \"INBOX\" (MESSAGES 1 UNSEEN 1 UIDVALIDITY "));
}

TEST_CASE("CLIENTS: mutt's cache is keyed by UIDVALIDITY: it stays with a rename and differs for a new mailbox of the name",
          "[imap][quirks]")
{
    Alone one;
    CHECK(one.client.ask("a CREATE Work").starts_with("OK"));
    const auto validity = [&one](const std::string& name) {
        return number_behind(one.client.say("v STATUS " + name + " (UIDVALIDITY)\r\n"), "(UIDVALIDITY");
    };
    const auto first = validity("Work");
    CHECK(one.client.ask("b RENAME Work Other").starts_with("OK"));
    CHECK(validity("Other") == first);
    CHECK(one.client.ask("c CREATE Work").starts_with("OK"));
    CHECK(validity("Work") != first);
}

TEST_CASE("CLIENTS: mbsync loses track when UIDNEXT is told early: no APPEND tells it, and APPENDUID is always there",
          "[imap][quirks]")
{
    Alone one;
    one.client.select();
    const auto body = message("up");
    const auto told = one.client.say("a APPEND INBOX {" + std::to_string(body.size()) + "+}\r\n" + body + "\r\n");
    CHECK_FALSE(has(told, "UIDNEXT"));
    CHECK(has(told, "* 1 EXISTS\r\n"));
    CHECK(has(told, "a OK [APPENDUID "));
    const auto elsewhere = one.client.say("b APPEND Drafts {" + std::to_string(body.size()) + "+}\r\n" + body + "\r\n");
    CHECK_FALSE(has(elsewhere, "UIDNEXT"));
    CHECK(elsewhere.starts_with("b OK [APPENDUID "));
}

TEST_CASE("CLIENTS: offlineimap sees no \\Noselect but on parents that are no mailbox, and one delimiter everywhere",
          "[imap][quirks]")
{
    Alone one;
    CHECK(one.client.ask("a CREATE \"Work/2026/May\"").starts_with("OK"));
    const auto listed = one.client.say("b LIST \"\" \"*\"\r\n");
    CHECK_FALSE(has(listed, "\\Noselect"));
    CHECK_FALSE(has(listed, "\\NonExistent"));
    std::size_t lines = 0;
    for (auto at = listed.find("* LIST "); at != std::string::npos; at = listed.find("* LIST ", at + 1)) {
        ++lines;
        CHECK(listed.find(") \"/\" ", at) < listed.find("\r\n", at));
    }
    CHECK(lines >= 8);
    CHECK(one.client.say("c LIST \"\" \"\"\r\n").starts_with("* LIST (\\Noselect) \"/\" \"\"\r\n"));
}

TEST_CASE("CLIENTS: imapsync keeps date and flags, makes nested folders in one step, and reads quota", "[imap][quirks]")
{
    Alone one;
    CHECK(one.client.ask("a CREATE \"INBOX/Old/2019\"").starts_with("OK"));
    const auto body = message("moved in");
    const auto told = one.client.say("b APPEND \"INBOX/Old/2019\" (\\Seen \\Answered $Forwarded $Junk) \"03-Feb-2004 05:06:07 +0300\" {" +
                                     std::to_string(body.size()) + "+}\r\n" + body + "\r\n");
    REQUIRE(has(told, "b OK [APPENDUID "));
    one.client.select("\"INBOX/Old/2019\"");
    const auto fetched = one.client.say("c FETCH 1 (FLAGS INTERNALDATE RFC822.SIZE)\r\n");
    CHECK(has(fetched, "INTERNALDATE \" 3-Feb-2004 02:06:07 +0000\""));
    for (const auto* flag : {"\\Seen", "\\Answered", "$Forwarded", "$Junk"}) CHECK(has(fetched, flag));
    CHECK(has(fetched, "RFC822.SIZE " + std::to_string(body.size())));
    CHECK(has(one.client.say("d GETQUOTAROOT \"INBOX/Old/2019\"\r\n"), "d OK"));
}

TEST_CASE("CLIENTS: keywords of every client can be set, and PERMANENTFLAGS says so", "[imap][quirks]")
{
    Alone one;
    one.client.append(message("x"));
    CHECK(has(one.client.say("a SELECT INBOX\r\n"), "\\*)] "));
    const auto keyword = GENERATE(as<std::string>(), "$Forwarded", "$MDNSent", "$Junk", "$NotJunk", "NonJunk", "Junk", "$label1",
                                  "$Phishing", "$SubmitPending", "$Important", "$has_cal", "NotJunk", "$MailFlagBit0");
    INFO(keyword);
    CHECK(one.client.ask("b STORE 1 +FLAGS (" + keyword + ")").starts_with("OK"));
    CHECK(one.client.say("c SEARCH KEYWORD " + keyword + "\r\n").starts_with("* SEARCH 1\r\n"));
    CHECK(one.client.say("d SEARCH UNKEYWORD " + keyword + "\r\n").starts_with("* SEARCH\r\n"));
}

TEST_CASE("CLIENTS: ENABLE QRESYNC implies CONDSTORE", "[imap][quirks]")
{
    Alone one;
    one.client.append(message("x"));
    CHECK(one.client.ask("a ENABLE QRESYNC").starts_with("OK"));
    one.client.select();
    CHECK(has(one.client.say("b STORE 1 +FLAGS.SILENT (\\Seen)\r\n"), "MODSEQ ("));
    Client other(one.world);
    other.log_in();
    other.select();
    (void)other.ask("c STORE 1 +FLAGS (\\Flagged)");
    CHECK(has(one.client.say("d NOOP\r\n"), "MODSEQ ("));
}

TEST_CASE("CLIENTS: HIGHESTMODSEQ grows with APPEND, STORE, COPY and EXPUNGE", "[imap][quirks]")
{
    Alone one;
    const auto highest = [&one](std::string_view name) {
        return std::stoull(number_behind(one.client.say("h STATUS " + std::string(name) + " (HIGHESTMODSEQ)\r\n"), "(HIGHESTMODSEQ"));
    };
    auto last = highest("INBOX");
    one.client.append(message("x"));
    CHECK(highest("INBOX") > last);
    last = highest("INBOX");
    one.client.select();
    (void)one.client.ask("a STORE 1 +FLAGS (\\Deleted)");
    CHECK(highest("INBOX") > last);
    last = highest("INBOX");
    const auto drafts = highest("Drafts");
    (void)one.client.ask("b COPY 1 Drafts");
    CHECK(highest("Drafts") > drafts);
    (void)one.client.ask("c EXPUNGE");
    CHECK(highest("INBOX") > last);
}

TEST_CASE("CLIENTS: INBOX in any case is INBOX, for CREATE, RENAME, SELECT, APPEND, COPY, STATUS and SUBSCRIBE", "[imap][quirks]")
{
    Alone one;
    one.client.append(message("x"), "", "inbox");
    CHECK(one.client.ask("a CREATE InBox").starts_with("NO [ALREADYEXISTS]"));
    CHECK(one.client.ask("b RENAME Drafts iNBOX").starts_with("NO [ALREADYEXISTS]"));
    CHECK(one.client.ask("c SUBSCRIBE inBOX").starts_with("OK"));
    CHECK(has(one.client.say("d STATUS inbox (MESSAGES)\r\n"), "* STATUS \"INBOX\" (MESSAGES 1)"));
    one.client.select("Inbox");
    CHECK(one.client.ask("e COPY 1 iNbOx").starts_with("OK [COPYUID"));
    CHECK(one.client.ask("f CREATE \"inbox/Sub\"").starts_with("OK"));
    const auto listed = one.client.say("g LIST \"\" \"INBOX*\"\r\n");
    CHECK(has(listed, "\"INBOX/Sub\"\r\n"));
    CHECK_FALSE(has(listed, "\"inbox"));
    // RFC 9051 section 6.3.6: the messages go, INBOX stays, and what is inside of it too.
    CHECK(one.client.ask("h RENAME inbox Moved").starts_with("OK"));
    CHECK(has(one.client.say("i STATUS INBOX (MESSAGES)\r\n"), "(MESSAGES 0)"));
    CHECK(has(one.client.say("j STATUS Moved (MESSAGES)\r\n"), "(MESSAGES 2)"));
    CHECK(has(one.client.say("k LIST \"\" \"INBOX/%\"\r\n"), "\"INBOX/Sub\"\r\n"));
}

TEST_CASE("CLIENTS: COPY into a mailbox that already holds the message makes a second one", "[imap][quirks]")
{
    Alone one;
    one.client.append(message("x"));
    one.client.select();
    CHECK(one.client.ask("a COPY 1 Archive").starts_with("OK [COPYUID"));
    CHECK(one.client.ask("b COPY 1 Archive").starts_with("OK [COPYUID"));
    CHECK(has(one.client.say("c STATUS Archive (MESSAGES)\r\n"), "(MESSAGES 2)"));
}

TEST_CASE("CLIENTS: old clients are told RECENT, and \\Recent can be asked for and not set", "[imap][quirks]")
{
    Alone one;
    one.client.append(message("x"));
    CHECK(has(one.client.say("a SELECT INBOX\r\n"), "* 0 RECENT\r\n"));
    CHECK(has(one.client.say("b STATUS INBOX (RECENT)\r\n"), "(RECENT 0)"));
    CHECK(one.client.say("c SEARCH RECENT\r\n").starts_with("* SEARCH\r\n"));
    CHECK(one.client.say("d SEARCH OLD\r\n").starts_with("* SEARCH 1\r\n"));
    CHECK(one.client.ask("e STORE 1 +FLAGS (\\Recent)").starts_with("BAD"));
}

TEST_CASE("CLIENTS: what is UTF-8 for one session stays modified UTF-7 for its neighbour, also in what is told", "[imap][quirks]")
{
    Alone one;
    CHECK(one.client.ask("a ENABLE UTF8=ACCEPT").starts_with("OK"));
    CHECK(one.client.ask("b CREATE \"\u00e9t\u00e9\"").starts_with("OK"));
    CHECK(one.client.ask("c SUBSCRIBE \"\u00e9t\u00e9\"").starts_with("OK"));
    Client old(one.world);
    old.log_in();
    std::string told = old.say("d LIST \"\" \"*\"\r\n") + old.say("e LSUB \"\" \"*\"\r\n") +
                       old.say("f LIST \"\" \"*\" RETURN (STATUS (MESSAGES))\r\n") + old.say("g STATUS \"&AOk-t&AOk-\" (UIDNEXT)\r\n") +
                       old.say("h SELECT \"&AOk-t&AOk-\"\r\n");
    CHECK(has(told, "&AOk-t&AOk-"));
    CHECK(std::ranges::none_of(told, [](char c) { return static_cast<unsigned char>(c) > 126; }));
}

TEST_CASE("CLIENTS: webmail asks for quota, sizes and counts of all folders in one LIST", "[imap][quirks]")
{
    Alone one;
    one.client.append(message("x"));
    const auto told = one.client.say("a LIST (SUBSCRIBED) \"\" \"*\" RETURN (SPECIAL-USE CHILDREN STATUS (MESSAGES UNSEEN SIZE))\r\n");
    CHECK(has(told, "\"INBOX\" (MESSAGES 1 UNSEEN 1 SIZE " + std::to_string(message("x").size()) + ")"));
    CHECK(has(told, "a OK"));
}

TEST_CASE("CLIENTS: Roundcube and SOGo thread and sort a search of their own: UID THREAD, UID SORT with OR HEADER", "[imap][quirks]")
{
    Alone one;
    for (const auto* subject : {"budget", "holiday", "Re: budget"}) one.client.append(message(subject));
    one.client.select();
    CHECK(has(one.client.say("a UID THREAD REFERENCES US-ASCII ALL OR HEADER SUBJECT budget HEADER FROM nobody\r\n"), "* THREAD ("));
    CHECK(has(one.client.say("b UID THREAD REFERENCES UTF-8 UNDELETED OR OR HEADER SUBJECT {8+}\r\nbudget 1 HEADER FROM ann HEADER TO "
                             "bob\r\n"),
              "b OK"));
    CHECK(one.client.say("c UID SORT (REVERSE DATE) UTF-8 UNSEEN OR HEADER SUBJECT budget HEADER FROM nobody\r\n").starts_with("* SORT "));
    CHECK(one.client.say("d UID SORT RETURN (ALL COUNT) (ARRIVAL) UTF-8 ALL\r\n").starts_with("* ESEARCH (TAG \"d\") UID "));
    const auto listed = one.client.say("e UID FETCH 1:3 (UID RFC822.SIZE FLAGS INTERNALDATE BODYSTRUCTURE BODY.PEEK[HEADER.FIELDS (DATE FROM "
                                       "TO SUBJECT CONTENT-TYPE CC REPLY-TO LIST-POST DISPOSITION-NOTIFICATION-TO X-PRIORITY)])\r\n");
    CHECK(has(listed, "Subject: holiday\r\n"));
}
