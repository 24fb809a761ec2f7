// CONDSTORE and QRESYNC (RFC 7162): transcripts.
#include <catch2/catch_test_macros.hpp>

#include "imap/world.hpp"
#include "store/index_run.hpp"

using namespace mbx;
using namespace mbx::imap;

namespace {

bool has(std::string_view text, std::string_view part) { return text.find(part) != std::string_view::npos; }

// The number behind "name ".
std::string number_behind(std::string_view text, std::string_view name)
{
    const auto at = text.find(std::string(name) + " ");
    if (at == std::string_view::npos) return "none";
    const auto from = at + name.size() + 1;
    return std::string(text.substr(from, text.find_first_not_of("0123456789", from) - from));
}

std::string modseq_in(std::string_view told)
{
    const auto at = told.find("MODSEQ (");
    if (at == std::string_view::npos) return "none";
    return std::string(told.substr(at + 8, told.find(')', at) - at - 8));
}

std::string modseq_of(Client& client, std::string_view uid)
{
    return modseq_in(client.say("m UID FETCH " + std::string(uid) + " (MODSEQ)\r\n"));
}

struct Mailbox {
    explicit Mailbox(int messages) : ann(world)
    {
        ann.log_in();
        for (int i = 0; i < messages; ++i) ann.append(message("m" + std::to_string(i)));
    }
    // A second session of the same account, with QRESYNC.
    void enable(Client& client)
    {
        client.log_in();
        must(has(client.say("e ENABLE QRESYNC\r\n"), "* ENABLED QRESYNC\r\n"), "no QRESYNC");
    }
    World world;
    Client ann;
};

}  // namespace

TEST_CASE("RFC 7162 3.1.2.1: SELECT and EXAMINE tell HIGHESTMODSEQ, the same that STATUS tells", "[imap][sync]")
{
    Mailbox mail(2);
    const auto selected = mail.ann.say("a SELECT INBOX\r\n");
    const auto highest = number_behind(selected, "[HIGHESTMODSEQ");
    CHECK(std::stoull(highest) >= 2);
    CHECK(number_behind(mail.ann.say("b EXAMINE INBOX\r\n"), "[HIGHESTMODSEQ") == highest);
    CHECK(has(mail.ann.say("c STATUS INBOX (HIGHESTMODSEQ)\r\n"), "* STATUS \"INBOX\" (HIGHESTMODSEQ " + highest + ")\r\n"));
    CHECK(has(mail.ann.say("d CAPABILITY\r\n"), " CONDSTORE QRESYNC "));
}

TEST_CASE("RFC 7162 3.1: the first enabling command tells HIGHESTMODSEQ of the selected mailbox, the second does not",
          "[imap][sync]")
{
    Mailbox mail(1);
    mail.ann.select();
    const auto first = mail.ann.say("a FETCH 1 (MODSEQ)\r\n");
    CHECK(first.starts_with("* OK [HIGHESTMODSEQ "));
    CHECK(has(first, "* 1 FETCH (MODSEQ ("));
    CHECK_FALSE(has(mail.ann.say("b FETCH 1 (MODSEQ)\r\n"), "HIGHESTMODSEQ"));
    CHECK(has(mail.ann.say("c ENABLE CONDSTORE\r\n"), "* ENABLED CONDSTORE\r\nc OK"));
    Client other(mail.world);
    other.log_in();
    CHECK(has(other.say("a SELECT INBOX (CONDSTORE)\r\n"), "a OK [READ-WRITE]"));
    CHECK_FALSE(has(other.say("b UID SEARCH MODSEQ 1\r\n"), "HIGHESTMODSEQ"));
    CHECK(other.ask("c SELECT INBOX (SOMETHING)").starts_with("BAD"));
}

TEST_CASE("RFC 7162 3.2.4: with CONDSTORE every unsolicited FETCH has UID and MODSEQ, a silent STORE too", "[imap][sync]")
{
    Mailbox mail(2);
    Client other(mail.world);
    other.log_in();
    (void)other.say("a SELECT INBOX (CONDSTORE)\r\n");
    mail.ann.select();
    (void)mail.ann.say("b STORE 2 +FLAGS (\\Seen)\r\n");
    const auto news = other.say("c NOOP\r\n");
    CHECK(news.starts_with("* 2 FETCH (UID 2 FLAGS (\\Seen) MODSEQ ("));
    const auto silent = other.say("d STORE 1 +FLAGS.SILENT (\\Flagged)\r\n");
    CHECK(silent.starts_with("* 1 FETCH (UID 1 MODSEQ ("));
    CHECK(std::stoull(modseq_in(silent)) > std::stoull(modseq_in(news)));
    const auto read = other.say("e FETCH 1 (BODY[HEADER.FIELDS (SUBJECT)])\r\n");
    CHECK(read.starts_with("* 1 FETCH (UID 1 BODY["));
    CHECK(has(read, " FLAGS (\\Seen \\Flagged) MODSEQ (") != has(read, " FLAGS (\\Flagged \\Seen) MODSEQ ("));
    // Who asks for neither gets neither where nothing changes.
    CHECK(other.say("f FETCH 1 (FLAGS)\r\n").find("MODSEQ") == std::string::npos);
}

TEST_CASE("RFC 7162 3.1.3: UNCHANGEDSINCE changes what nobody else did, and names the others in MODIFIED", "[imap][sync]")
{
    Mailbox mail(3);
    mail.ann.select();
    const auto since = number_behind(mail.ann.say("a STATUS INBOX (HIGHESTMODSEQ)\r\n"), "(HIGHESTMODSEQ");
    Client other(mail.world);
    other.log_in();
    other.select();
    (void)other.say("b UID STORE 2 +FLAGS (\\Answered)\r\n");
    const auto stored = mail.ann.say("c STORE 1:3 (UNCHANGEDSINCE " + since + ") +FLAGS.SILENT (\\Deleted)\r\n");
    CHECK(has(stored, "c OK [MODIFIED 2] STORE completed\r\n"));
    CHECK(has(stored, "* 1 FETCH (UID 1 MODSEQ ("));
    CHECK(has(stored, "* 2 FETCH (UID 2 FLAGS (\\Answered) MODSEQ ("));  // example 6
    CHECK(has(mail.ann.say("d UID SEARCH DELETED\r\n"), "* SEARCH 1 3\r\n"));
    CHECK(has(mail.ann.say("e UID STORE 1:3 (UNCHANGEDSINCE 0) +FLAGS (\\Seen)\r\n"), "e OK [MODIFIED 1:3] "));
    CHECK(has(mail.ann.say("f UID STORE 2 (UNCHANGEDSINCE 9223372036854775807) FLAGS ()\r\n"), "f OK UID STORE"));
    CHECK(mail.ann.ask("g STORE 1 (UNCHANGEDSINCE 9223372036854775808) FLAGS ()").starts_with("BAD"));
    CHECK(mail.ann.ask("h STORE 1 (SOMETHING 1) FLAGS ()").starts_with("BAD"));
}

TEST_CASE("RFC 7162 3.1.3, example 11: MODIFIED comes in the NO for messages that are gone too", "[imap][sync]")
{
    Mailbox mail(3);
    mail.ann.select();
    const auto since = number_behind(mail.ann.say("a STATUS INBOX (HIGHESTMODSEQ)\r\n"), "(HIGHESTMODSEQ");
    Client other(mail.world);
    other.log_in();
    other.select();
    (void)other.say("b STORE 2 +FLAGS (\\Answered)\r\nb STORE 3 +FLAGS (\\Deleted)\r\nb EXPUNGE\r\n");
    const auto stored = mail.ann.say("c STORE 1:3 (UNCHANGEDSINCE " + since + ") +FLAGS (\\Seen)\r\n");
    CHECK(has(stored, "c NO [MODIFIED 2] "));
    CHECK_FALSE(has(stored, " EXPUNGE\r\n"));
}

TEST_CASE("RFC 7162 3.1.4.1: CHANGEDSINCE answers for what changed alone, with MODSEQ", "[imap][sync]")
{
    Mailbox mail(4);
    mail.ann.select();
    const auto since = number_behind(mail.ann.say("a STATUS INBOX (HIGHESTMODSEQ)\r\n"), "(HIGHESTMODSEQ");
    (void)mail.ann.say("b STORE 3 +FLAGS (\\Seen)\r\n");
    const auto told = mail.ann.say("c FETCH 1:* (FLAGS) (CHANGEDSINCE " + since + ")\r\n");
    CHECK(told.starts_with("* 3 FETCH (FLAGS (\\Seen) MODSEQ ("));
    CHECK(told.ends_with("c OK FETCH completed\r\n"));
    CHECK_FALSE(has(told, "* 1 FETCH"));
    CHECK(mail.ann.say("d UID FETCH 1:* FAST (CHANGEDSINCE 9223372036854775807)\r\n") == "d OK UID FETCH completed\r\n");
}

TEST_CASE("RFC 7162 3.1.5, 3.1.6 and RFC 4731 3.2: SEARCH MODSEQ finds and tells the highest of what it found",
          "[imap][sync]")
{
    Mailbox mail(4);
    mail.ann.select();
    (void)mail.ann.say("a STORE 2 +FLAGS (\\Seen)\r\n");
    const auto second = modseq_of(mail.ann, "2");
    (void)mail.ann.say("b STORE 1 +FLAGS (\\Seen)\r\n");
    const auto first = modseq_of(mail.ann, "1");
    CHECK(has(mail.ann.say("c SEARCH MODSEQ " + second + "\r\n"), "* SEARCH 1 2 (MODSEQ " + first + ")\r\n"));
    CHECK(has(mail.ann.say("d SEARCH MODSEQ \"/flags/\\\\seen\" all " + first + "\r\n"),
              "* SEARCH 1 (MODSEQ " + first + ")\r\n"));
    CHECK(has(mail.ann.say("e SEARCH MODSEQ 9223372036854775807\r\n"), "* SEARCH\r\n"));
    CHECK(has(mail.ann.say("f SEARCH RETURN (MAX) MODSEQ " + second + "\r\n"), " MAX 2 MODSEQ " + second + "\r\n"));
    CHECK(has(mail.ann.say("g SEARCH RETURN (MIN MAX) MODSEQ " + second + "\r\n"), " MIN 1 MAX 2 MODSEQ " + first + "\r\n"));
    CHECK(has(mail.ann.say("h SEARCH RETURN (MAX COUNT) MODSEQ " + second + "\r\n"), " COUNT 2 MODSEQ " + first + "\r\n"));
    CHECK_FALSE(has(mail.ann.say("i SEARCH RETURN (ALL) SEEN\r\n"), "MODSEQ"));
    CHECK(mail.ann.ask("j SEARCH MODSEQ \"/flags/x\" mine 1").starts_with("BAD"));
}

TEST_CASE("RFC 7162 3.2.3: without ENABLE QRESYNC its parameter and VANISHED are BAD, and the selection stays",
          "[imap][sync]")
{
    Mailbox mail(1);
    mail.ann.select();
    CHECK(mail.ann.ask("a SELECT INBOX (QRESYNC (1 1))").starts_with("BAD"));
    CHECK(mail.ann.ask("b UID FETCH 1:* FLAGS (CHANGEDSINCE 1 VANISHED)").starts_with("BAD"));
    CHECK(mail.ann.ask("c FETCH 1 UID").starts_with("OK"));
    (void)mail.ann.say("d ENABLE QRESYNC\r\n");
    CHECK(mail.ann.ask("e FETCH 1:* FLAGS (CHANGEDSINCE 1 VANISHED)").starts_with("BAD"));
    CHECK(mail.ann.ask("f UID FETCH 1:* FLAGS (VANISHED)").starts_with("BAD"));
    CHECK(mail.ann.ask("g SELECT INBOX (QRESYNC (1 1 1:*))").starts_with("BAD"));
    CHECK(mail.ann.ask("h SELECT INBOX (QRESYNC (1 0))").starts_with("BAD"));
}

TEST_CASE("RFC 7162 3.2.10.2: with QRESYNC expunges are told as VANISHED, never during FETCH, STORE and SEARCH",
          "[imap][sync][E10]")
{
    Mailbox mail(5);
    Client other(mail.world);
    mail.enable(other);
    other.select();
    mail.ann.select();
    (void)mail.ann.say("a STORE 2,4 +FLAGS (\\Deleted)\r\n");
    (void)other.say("b NOOP\r\n");
    (void)mail.ann.say("c EXPUNGE\r\n");
    const auto fetched = other.say("d FETCH 1 (UID)\r\n");
    CHECK_FALSE(has(fetched, "VANISHED"));
    // Section 6: whoever would keep a higher mod-sequence now would not hear of these expunges again.
    CHECK(has(fetched, "* OK [HIGHESTMODSEQ "));
    const auto held = number_behind(fetched, "[HIGHESTMODSEQ");
    CHECK_FALSE(has(other.say("e STORE 1 +FLAGS (\\Seen)\r\n"), "VANISHED"));
    CHECK_FALSE(has(other.say("f SEARCH ALL\r\n"), "VANISHED"));
    CHECK_FALSE(has(other.say("g UID SEARCH 1:3\r\n"), "VANISHED"));
    const auto told = other.say("h NOOP\r\n");
    CHECK(told.starts_with("* VANISHED 2,4\r\n* OK [HIGHESTMODSEQ "));
    CHECK(std::stoull(number_behind(told, "[HIGHESTMODSEQ")) > std::stoull(held));
}

TEST_CASE("RFC 7162 3.2.7 to 3.2.9: EXPUNGE, UID EXPUNGE and MOVE answer with HIGHESTMODSEQ, CLOSE does not", "[imap][sync]")
{
    Mailbox mail(4);
    Client other(mail.world);
    mail.enable(other);
    other.select();
    (void)other.say("a STORE 1,2,4 +FLAGS.SILENT (\\Deleted)\r\n");
    const auto one = other.say("b UID EXPUNGE 2\r\n");
    CHECK(one.starts_with("* VANISHED 2\r\nb OK [HIGHESTMODSEQ "));
    const auto rest = other.say("c EXPUNGE\r\n");
    CHECK(rest.starts_with("* VANISHED 1,4\r\nc OK [HIGHESTMODSEQ "));
    CHECK(std::stoull(number_behind(rest, "[HIGHESTMODSEQ")) > std::stoull(number_behind(one, "[HIGHESTMODSEQ")));
    CHECK(number_behind(other.say("d STATUS INBOX (HIGHESTMODSEQ)\r\n"), "(HIGHESTMODSEQ") ==
          number_behind(rest, "[HIGHESTMODSEQ"));
    CHECK(other.ask("e EXPUNGE") == "OK EXPUNGE completed\r\n");
    CHECK(has(other.say("f UID MOVE 3 Archive\r\n"), "* VANISHED 3\r\nf OK [HIGHESTMODSEQ "));
    CHECK(other.ask("g CLOSE") == "OK CLOSE completed\r\n");
}

TEST_CASE("RFC 7162 3.2.5: SELECT with QRESYNC tells what vanished and what changed since, and nothing else", "[imap][sync]")
{
    Mailbox mail(6);
    Client other(mail.world);
    mail.enable(other);
    const auto first = other.say("a SELECT INBOX\r\n");
    const auto validity = number_behind(first, "[UIDVALIDITY");
    const auto modseq = number_behind(first, "[HIGHESTMODSEQ");
    (void)other.say("b UNSELECT\r\n");
    mail.ann.select();
    (void)mail.ann.say("c STORE 2,5 +FLAGS (\\Deleted)\r\nc EXPUNGE\r\nc UID STORE 3 +FLAGS (\\Seen work)\r\n");
    const auto known = "(" + validity + " " + modseq;
    const auto synced = other.say("d SELECT INBOX (QRESYNC " + known + "))\r\n");
    CHECK(has(synced, "* VANISHED (EARLIER) 2,5\r\n* 2 FETCH (UID 3 FLAGS (\\Seen work) MODSEQ ("));
    CHECK(synced.find("FETCH") == synced.rfind("FETCH"));
    // Only what the client knows, and only above what it can prove to know (section 3.2.5.2).
    CHECK(has(other.say("e SELECT INBOX (QRESYNC " + known + " 4:6))\r\n"), "* VANISHED (EARLIER) 5\r\n"));
    CHECK(has(other.say("f SELECT INBOX (QRESYNC " + known + " (1:3,4 1,3:4,6)))\r\n"), "f OK [READ-WRITE]"));
    CHECK_FALSE(has(other.say("g SELECT INBOX (QRESYNC " + known + " 1:6 (1:4 1,3:4,6)))\r\n"), "VANISHED"));
    CHECK(has(other.say("h SELECT INBOX (QRESYNC " + known + " 1:6 (1:2,4 1,3,5)))\r\n"), "* VANISHED (EARLIER) 5\r\n"));
    // Another UIDVALIDITY: as if nothing were asked.
    const auto strange = other.say("i SELECT INBOX (QRESYNC (7 1))\r\n");
    CHECK_FALSE(has(strange, "VANISHED"));
    CHECK_FALSE(has(strange, "FETCH"));
    CHECK(has(strange, "* OK [CLOSED]"));  // section 3.2.11
}

TEST_CASE("RFC 7162 3.2.6: UID FETCH with VANISHED tells what went of the set, before the FETCHes", "[imap][sync]")
{
    Mailbox mail(5);
    Client other(mail.world);
    mail.enable(other);
    const auto modseq = number_behind(other.say("a SELECT INBOX\r\n"), "[HIGHESTMODSEQ");
    (void)other.say("b STORE 2,4 +FLAGS.SILENT (\\Deleted)\r\nb EXPUNGE\r\nb UID STORE 5 +FLAGS.SILENT (\\Seen)\r\n");
    const auto told = other.say("c UID FETCH 3:* (FLAGS) (CHANGEDSINCE " + modseq + " VANISHED)\r\n");
    CHECK(told.starts_with("* VANISHED (EARLIER) 4\r\n* 3 FETCH (UID 5 FLAGS (\\Seen) MODSEQ ("));
    CHECK(told.find("FETCH (") == told.rfind("FETCH ("));
}

TEST_CASE("RFC 7162 3.2.5: after a rebuild of the index QRESYNC tells what went and the flags; no UID is another",
          "[imap][sync]")
{
    Mailbox mail(5);
    Client other(mail.world);
    mail.enable(other);
    const auto first = other.say("a SELECT INBOX\r\n");
    const auto validity = number_behind(first, "[UIDVALIDITY");
    const auto modseq = number_behind(first, "[HIGHESTMODSEQ");
    (void)other.say("b STORE 2 +FLAGS (\\Deleted)\r\nb EXPUNGE\r\nb STORE 2 +FLAGS (\\Flagged)\r\nb UNSELECT\r\n");
    auto account = test::run_on(mail.world.loop, mail.world.store->account({1, "ann", "example.org"}));
    REQUIRE(account);
    auto rebuild = [](store::AccountStore& store) -> Result<bool, store::StoreError> {
        const auto run = store.rebuild_index();
        while (!run->progress().is_done) {
            if (!run->step(std::chrono::milliseconds(100))) return false;
        }
        return true;
    };
    const auto rebuilt = test::run_on(mail.world.loop, (*account)->run(net::WorkClass::interactive, std::move(rebuild)));
    REQUIRE((rebuilt && *rebuilt));
    const auto synced = other.say("c SELECT INBOX (QRESYNC (" + validity + " " + modseq + " 1:5))\r\n");
    CHECK(number_behind(synced, "[UIDVALIDITY") == validity);
    CHECK(std::stoull(number_behind(synced, "[HIGHESTMODSEQ")) > std::stoull(modseq));
    CHECK(has(synced, "* VANISHED (EARLIER) 2\r\n"));
    CHECK(has(synced, "* 2 FETCH (UID 3 FLAGS (\\Flagged) MODSEQ ("));
    CHECK(has(synced, "* 4 FETCH (UID 5 FLAGS () MODSEQ ("));
    CHECK_FALSE(has(synced, "BODY"));
}
