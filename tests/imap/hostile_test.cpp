// Hostile IMAP clients, as whole dialogues: the rows of the table of hostile inputs that are about more than one part.
#include <array>
#include <chrono>

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

std::string repeated(std::string_view piece, int times)
{
    std::string whole;
    whole.reserve(piece.size() * static_cast<std::size_t>(times));
    for (int i = 0; i < times; ++i) whole += piece;
    return whole;
}

struct Alone {
    explicit Alone(int messages = 0) : client(world)
    {
        client.log_in();
        for (int i = 0; i < messages; ++i) client.append(message("m" + std::to_string(i)));
        client.select();
    }
    World world;
    Client client;
};

}  // namespace

TEST_CASE("D11: 100,000 references, a Message-ID of a megabyte and one id in many messages: THREAD answers with each message once",
          "[imap][hostile][D11]")
{
    Alone one;
    std::string references;
    for (int i = 0; i < 100'000; ++i) references += " <" + std::to_string(i) + "@example.org>";
    one.client.append("Message-ID: <last@example.org>\r\nReferences:" + references + "\r\nSubject: x\r\n\r\nx\r\n");
    one.client.append("Message-ID: <" + std::string(1'000'000, 'i') + "@example.org>\r\nSubject: x\r\n\r\nx\r\n");
    one.client.append("Subject: x\r\n\r\nno id at all\r\n");
    for (int i = 0; i < 20; ++i) one.client.append("Message-ID: <same@example.org>\r\nReferences: <same@example.org>\r\n\r\nx\r\n");
    (void)one.client.ask("n NOOP");
    for (const auto* how : {"REFERENCES", "ORDEREDSUBJECT"}) {
        INFO(how);
        const auto told = one.client.say("t THREAD " + std::string(how) + " UTF-8 ALL\r\n");
        REQUIRE(has(told, "t OK"));
        REQUIRE(told.starts_with("* THREAD "));
        std::vector<int> seen(24, 0);
        const auto line = told.substr(9, told.find("\r\n") - 9);
        for (std::size_t at = line.find_first_of("0123456789"); at != std::string::npos; at = line.find_first_of("0123456789", at)) {
            const auto end = line.find_first_not_of("0123456789", at);
            ++seen.at(static_cast<std::size_t>(std::stoi(line.substr(at, end - at))));
            at = end;
        }
        for (std::size_t number = 1; number <= 23; ++number) CHECK(seen[number] == 1);
    }
}

TEST_CASE("E2: what breaks a quoted string ends in BAD, and the session goes on", "[imap][hostile][E2]")
{
    using namespace std::string_literals;
    Alone one;
    const auto text = GENERATE("\"a\0b\""s, "\"a\xff\""s, "\"a\\"s, "\"a\rb\""s, "\"never closed"s, "\"a\\x\""s, "\"\x80\""s);
    CHECK(has(one.client.say("a SELECT " + text + "\r\n"), "a BAD"));
    CHECK(one.client.ask("b NOOP").starts_with("OK"));
}

TEST_CASE("E3: parentheses, NOT and OR without end, and a million keys, are BAD and cost no stack", "[imap][hostile][E3]")
{
    Alone one;
    CHECK(one.client.ask("a SEARCH " + std::string(30'000, '(')).starts_with("BAD"));
    CHECK(one.client.ask("b SEARCH " + repeated("NOT ", 15'000) + "ALL").starts_with("BAD"));
    CHECK(one.client.ask("c SEARCH " + repeated("OR ", 15'000) + "ALL ALL").starts_with("BAD"));
    CHECK(one.client.ask("d SEARCH " + repeated("SEEN ", 12'000) + "ALL").starts_with("BAD"));
    CHECK(one.client.ask("e FETCH 1 (" + repeated("(", 30'000)).starts_with("BAD"));
    CHECK(one.client.ask("f LIST " + std::string(30'000, '(') + " \"\" *").starts_with("BAD"));
    const auto told = one.client.say("g SEARCH " + repeated("SEEN ", 1'000'000) + "ALL\r\n");
    CHECK(has(told, "BYE"));
    CHECK(one.client.is_over());
}

TEST_CASE("E8: an APPEND whose answer is never read is there once, whole", "[imap][hostile][E8]")
{
    World world;
    const auto sent = message("left at once");
    {
        Client client(world);
        client.log_in();
        (void)test::run_ready(client.end().write(
            "a APPEND INBOX {" + std::to_string(sent.size()) + "+}\r\n" + sent + "\r\n", net::Deadline::never()));
        client.end().close();
        world.loop.run();
    }
    Client client(world);
    client.log_in();
    client.select();
    CHECK(has(client.say("b STATUS Drafts (MESSAGES)\r\n"), "(MESSAGES 0)"));
    const auto told = client.say("c FETCH 1:* (RFC822.SIZE)\r\n");
    CHECK((told == "c OK FETCH completed\r\n" || told.starts_with("c BAD") ||
           told.starts_with("* 1 FETCH (RFC822.SIZE " + std::to_string(sent.size()) + ")\r\nc OK")));
}

TEST_CASE("E8: a MULTIAPPEND whose third message is refused leaves none, and none that is cut off", "[imap][hostile][E8]")
{
    World world;
    {
        Client client(world);
        client.log_in();
        const auto one = message("one");
        const auto literal = " {" + std::to_string(one.size()) + "+}\r\n" + one;
        CHECK(has(client.say("a APPEND INBOX" + literal + literal + " {99999999999}\r\n"), "a NO [TOOBIG]"));
        (void)client.say("b APPEND INBOX" + literal + literal + " {100+}\r\nhalf of it");
    }
    Client client(world);
    client.log_in();
    CHECK(has(client.say("c STATUS INBOX (MESSAGES UIDNEXT)\r\n"), "(MESSAGES 0 UIDNEXT 1)"));
}

TEST_CASE("E9: a pipeline over two mailboxes is carried out in order, and each answer is about the mailbox selected then",
          "[imap][hostile][E9]")
{
    Alone one(3);
    one.client.append(message("in drafts"), "", "Drafts");
    const auto told = one.client.say("a SELECT INBOX\r\nb FETCH 1:* (UID)\r\nc SELECT Drafts\r\nd STORE 1 +FLAGS (\\Flagged)\r\n"
                                     "e FETCH 1:* (UID FLAGS)\r\nf SELECT INBOX\r\ng STORE 3 +FLAGS (\\Deleted)\r\nh EXPUNGE\r\n"
                                     "i FETCH 1:* (UID FLAGS)\r\nj CLOSE\r\nk FETCH 1 (UID)\r\n");
    const auto between = [&told](std::string_view from, std::string_view to) {
        const auto at = told.find(from);
        return told.substr(at, told.find(to, at) - at);
    };
    const auto first = between("a OK", "b OK");
    CHECK(has(first, "* 1 FETCH (UID 1)\r\n* 2 FETCH (UID 2)\r\n* 3 FETCH (UID 3)\r\n"));
    CHECK(between("b OK", "c OK").find("FETCH (") == std::string::npos);
    CHECK(has(between("c OK", "d OK"), "* 1 FETCH (FLAGS (\\Flagged))\r\n"));
    CHECK(has(between("d OK", "e OK"), "* 1 FETCH (UID 1 FLAGS (\\Flagged))\r\n"));
    CHECK(between("d OK", "e OK").find("* 2 FETCH") == std::string::npos);
    CHECK(has(between("g OK", "h OK"), "* 3 EXPUNGE\r\n"));
    CHECK(has(between("h OK", "i OK"), "* 1 FETCH (UID 1 FLAGS ())\r\n* 2 FETCH (UID 2 FLAGS ())\r\n"));
    CHECK(has(told, "k BAD"));
}

TEST_CASE("E9: commands that may change numbers wait for each other: what is pipelined behind EXPUNGE means the new numbers",
          "[imap][hostile][E9]")
{
    Alone one(4);
    (void)one.client.ask("a STORE 1 +FLAGS.SILENT (\\Deleted)");
    const auto told = one.client.say("b EXPUNGE\r\nc STORE 1 +FLAGS (\\Flagged)\r\nd COPY 3 Archive\r\ne SEARCH FLAGGED\r\n");
    CHECK(has(told, "* 1 EXPUNGE\r\n"));
    CHECK(has(told, "* 1 FETCH (FLAGS (\\Flagged))\r\n"));
    CHECK(has(told, "* SEARCH 1\r\n"));
    CHECK(has(told, " 4 1] "));  // COPYUID: UID 4 became UID 1
    CHECK(has(one.client.say("f UID FETCH 2 (FLAGS)\r\n"), "* 1 FETCH (UID 2 FLAGS (\\Flagged))\r\n"));
}

TEST_CASE("E11: changes are told in the order in which they were made, to every session in IDLE alike", "[imap][hostile][E11]")
{
    World world;
    Client writer(world);
    writer.log_in();
    for (int i = 0; i < 3; ++i) writer.append(message("m" + std::to_string(i)));
    writer.select();
    std::vector<std::unique_ptr<Client>> waiting;
    for (int i = 0; i < 12; ++i) {
        waiting.push_back(std::make_unique<Client>(world));
        waiting.back()->log_in();
        waiting.back()->select();
        REQUIRE(waiting.back()->say("i IDLE\r\n") == "+ idling\r\n");
    }
    const char* const changes[] = {"STORE 1 +FLAGS.SILENT (\\Seen)", "STORE 2 +FLAGS.SILENT (\\Flagged)",
                                   "STORE 1 -FLAGS.SILENT (\\Seen)", "STORE 3 +FLAGS.SILENT (\\Deleted)", "EXPUNGE"};
    std::vector<std::string> told(waiting.size());
    for (const char* change : changes) {
        REQUIRE(writer.ask("w " + std::string(change)).starts_with("OK"));
        for (std::size_t i = 0; i < waiting.size(); ++i) told[i] += waiting[i]->heard();
    }
    CHECK(told.front() == "* 1 FETCH (UID 1 FLAGS (\\Seen))\r\n* 2 FETCH (UID 2 FLAGS (\\Flagged))\r\n* 1 FETCH (UID 1 FLAGS ())\r\n"
                          "* 3 FETCH (UID 3 FLAGS (\\Deleted))\r\n* 3 EXPUNGE\r\n");
    for (const auto& one : told) CHECK(one == told.front());
}

TEST_CASE("E11: an IDLE that DONE never ends gets signs of life, and BYE when its time is over", "[imap][hostile][E11]")
{
    Alone one;
    REQUIRE(one.client.say("a IDLE\r\n") == "+ idling\r\n");
    for (int i = 0; i < 6; ++i) {
        one.client.expire();
        CHECK(one.client.heard() == "* OK still here\r\n");
    }
    auto options = test_options();
    options.inactivity_timeout = std::chrono::milliseconds(0);
    World hasty(options);
    Client client(hasty);
    client.log_in();
    CHECK(client.say("a IDLE\r\n").starts_with("+ idling\r\n"));
    client.expire();
    CHECK(client.heard() == "* BYE autologout; idle for too long\r\n");
    CHECK(client.is_over());
}

TEST_CASE("E12: a name that is used again has another UIDVALIDITY, a renamed mailbox keeps all of its numbers", "[imap][hostile][E12]")
{
    Alone one;
    const auto numbers = [&one](const std::string& name) {
        const auto told = one.client.say("n STATUS " + name + " (UIDVALIDITY UIDNEXT HIGHESTMODSEQ)\r\n");
        return std::array{std::stoull(number_behind(told, "(UIDVALIDITY")), std::stoull(number_behind(told, "UIDNEXT")),
                          std::stoull(number_behind(told, "HIGHESTMODSEQ"))};
    };
    std::vector<unsigned long long> validities;
    for (int turn = 0; turn < 5; ++turn) {
        REQUIRE(one.client.ask("a CREATE Work").starts_with("OK"));
        for (int i = 0; i <= turn; ++i) one.client.append(message("x"), "", "Work");
        const auto before = numbers("Work");
        for (const auto validity : validities) CHECK(before[0] > validity);
        validities.push_back(before[0]);
        REQUIRE(one.client.ask("b RENAME Work Other").starts_with("OK"));
        const auto same = [&before](const auto& now) { return now[0] == before[0] && now[1] == before[1] && now[2] >= before[2]; };
        CHECK(same(numbers("Other")));
        REQUIRE(one.client.ask("c RENAME Other Work").starts_with("OK"));
        CHECK(same(numbers("Work")));
        REQUIRE(one.client.ask("d DELETE Work").starts_with("OK"));
    }
    // RENAME of INBOX moves its messages; INBOX itself goes on, and gives no UID twice.
    for (int i = 0; i < 3; ++i) one.client.append(message("in"));
    const auto inbox = numbers("INBOX");
    REQUIRE(one.client.ask("e RENAME INBOX Kept").starts_with("OK"));
    const auto after = numbers("INBOX");
    CHECK((after[0] != inbox[0] || after[1] >= inbox[1]));
    CHECK((after[0] != inbox[0] || after[2] >= inbox[2]));
    // What was expunged last gives its UID to nobody.
    one.client.select("Kept");
    (void)one.client.ask("f STORE 1:* +FLAGS.SILENT (\\Deleted)");
    const auto kept = numbers("Kept");
    (void)one.client.ask("g EXPUNGE");
    one.client.append(message("new"), "", "Kept");
    CHECK(numbers("Kept")[1] == kept[1] + 1);
    CHECK(numbers("Kept")[2] > kept[2]);
}

TEST_CASE("E13: mod-sequences beyond 63 bits are BAD, and one that is not reached yet is no error", "[imap][hostile][E13]")
{
    Alone one(2);
    for (const auto* number : {"9223372036854775808", "18446744073709551615", "18446744073709551616", "-1", "1e3", "0x10"}) {
        INFO(number);
        CHECK(one.client.ask("a STORE 1 (UNCHANGEDSINCE " + std::string(number) + ") +FLAGS (\\Seen)").starts_with("BAD"));
        CHECK(one.client.ask("b FETCH 1 (FLAGS) (CHANGEDSINCE " + std::string(number) + ")").starts_with("BAD"));
        CHECK(one.client.ask("c SEARCH MODSEQ " + std::string(number)).starts_with("BAD"));
    }
    CHECK(one.client.say("d FETCH 1:* (FLAGS) (CHANGEDSINCE 9223372036854775807)\r\n").starts_with("d OK") == false);
    CHECK(has(one.client.say("e FETCH 1:* (FLAGS) (CHANGEDSINCE 9223372036854775807)\r\n"), "e OK"));
    CHECK(has(one.client.say("f STORE 1 (UNCHANGEDSINCE 0) +FLAGS (\\Seen)\r\n"), "f OK [MODIFIED 1]"));
}

TEST_CASE("E13: whatever QRESYNC is told that the client knows, the answer is bounded and names no message that was never there",
          "[imap][hostile][E13]")
{
    Alone one(5);
    (void)one.client.ask("a STORE 2,4 +FLAGS.SILENT (\\Deleted)");
    (void)one.client.ask("b EXPUNGE");
    const auto validity = number_behind(one.client.say("c STATUS INBOX (UIDVALIDITY)\r\n"), "(UIDVALIDITY");
    Client other(one.world);
    other.log_in();
    REQUIRE(other.ask("e ENABLE QRESYNC").starts_with("OK"));
    const auto known = GENERATE(as<std::string>(), "1:4294967295", "4294967290:4294967295", "1:5 (1,2 5,5)", "1:5 (5:1 1:5)",
                                "1:5 (1:4294967295 1:4294967295)", "5,4,3,2,1", "1,1,1,1");
    INFO(known);
    const auto told = other.say("f SELECT INBOX (QRESYNC (" + validity + " 1 " + known + "))\r\n");
    CHECK(told.size() < 4096);
    REQUIRE((has(told, "f OK [READ-WRITE]") || has(told, "f BAD")));
    if (has(told, "f OK")) {
        CHECK(has(told, "* 3 EXISTS\r\n"));
        const auto at = told.find("* VANISHED (EARLIER) ");
        if (at != std::string::npos) {
            // Told may be more than went, but never one that is here.
            const auto set = told.substr(at + 21, told.find("\r\n", at) - at - 21);
            for (const auto* here : {"1", "3", "5"}) {
                CHECK_FALSE(set == here);
                CHECK_FALSE(set.starts_with(std::string(here) + ","));
                CHECK_FALSE(has(set, "," + std::string(here) + ","));
            }
        }
    }
    for (const auto* wrong : {"(0 1)", "(1 0)", "(1)", "(x 1)", "(1 1 0)", "(1 1 *)", "(1 1 1:*)", "(4294967296 1)", "(1 1 1 (1:* 1:2))"}) {
        INFO(wrong);
        CHECK(other.ask("g SELECT INBOX (QRESYNC " + std::string(wrong) + ")").starts_with("BAD"));
    }
    CHECK(has(other.say("h SELECT INBOX (QRESYNC (1 1))\r\n"), "h OK [READ-WRITE]"));  // of another life of the mailbox
}

TEST_CASE("E14: LIST with a thousand mailboxes and patterns of wildcards answers, each name once", "[imap][hostile][E14]")
{
    Alone one;
    for (int i = 0; i < 60; ++i) REQUIRE(one.client.ask("a CREATE \"a" + std::to_string(i) + "/b/c\"").starts_with("OK"));
    const auto pattern = GENERATE(as<std::string>(), repeated("*%", 30) + "c", repeated("%/", 3) + "*", repeated("%*", 60), "*c*c*c*");
    INFO(pattern);
    const auto told = one.client.say("b LIST (SUBSCRIBED RECURSIVEMATCH) \"\" \"" + pattern + "\"\r\nc LIST \"\" \"" + pattern +
                                     "\"\r\nd LSUB \"\" \"" + pattern + "\"\r\n");
    CHECK(has(told, "d OK"));
    const auto all = one.client.say("e LIST \"\" \"*\"\r\n");
    for (int i = 0; i < 60; ++i) {
        const auto name = "\"a" + std::to_string(i) + "/b/c\"\r\n";
        CHECK(has(all, name));
        CHECK(all.find(name) == all.rfind(name));
    }
}

TEST_CASE("E17: ENABLE takes what it knows and passes over what it does not, at any number", "[imap][hostile][E17]")
{
    Alone one;
    CHECK(has(one.client.say("a ENABLE " + repeated("X-NONSENSE ", 3000) + "UTF8=ACCEPT\r\n"), "* ENABLED UTF8=ACCEPT\r\na OK"));
    CHECK(one.client.say("b ENABLE X-NONSENSE\r\n").starts_with("* ENABLED\r\nb OK"));
    CHECK(one.client.ask("c ENABLE").starts_with("BAD"));
    CHECK(one.client.say("d NAMESPACE\r\n").starts_with("* NAMESPACE "));
    std::string pairs;
    for (int i = 0; i < 31; ++i) pairs += " \"k" + std::to_string(i) + "\" \"v\"";
    CHECK(one.client.ask("e ID (" + pairs.substr(1) + ")").starts_with("BAD"));
    CHECK(one.client.ask("f ID (\"name\" \"" + std::string(1025, 'x') + "\")").starts_with("BAD"));
}

TEST_CASE("E17: ID with 10,000 pairs is refused whole, and the session goes on", "[imap][hostile][E17]")
{
    Alone one;
    const auto heard = one.client.say("a ID (" + repeated("\"k\" \"v\" ", 5'000) + "\"k\" NIL)\r\n");
    CHECK(has(heard, "a BAD"));
    CHECK_FALSE(has(heard, "* ID"));
    CHECK(one.client.ask("b NOOP").starts_with("OK"));
    // 10,000 do not fit a line: where the next command begins is unknown then.
    const auto last = one.client.say("c ID (" + repeated("\"k\" \"v\" ", 10'000) + "\"k\" NIL)\r\n");
    CHECK(has(last, "* BYE"));
    CHECK(one.client.is_over());
}

TEST_CASE("E17: NOTIFY on more mailboxes than a session may watch is refused, and ends when they come to be more", "[imap][hostile][E17]")
{
    auto options = test_options();
    options.max_watched_mailboxes = 12;
    World world(std::move(options));
    Client client(world);
    Client other(world);
    client.log_in();
    other.log_in();
    const auto make = [&other](int from, int to) {
        for (int n = from; n < to; ++n) must(other.ask("m CREATE many" + std::to_string(n)).starts_with("OK"), "CREATE failed");
    };
    const std::string watch = "NOTIFY SET (personal (MessageNew MessageExpunge MailboxName))";
    make(0, 6);  // beside INBOX and five of special use
    CHECK(client.ask("a " + watch).starts_with("OK"));
    other.append(message("told"), "", "many3");
    CHECK(has(client.heard(), "* STATUS \"many3\" "));
    make(6, 7);
    CHECK(has(client.heard(), "* OK [NOTIFICATIONOVERFLOW]"));
    // As after NOTIFY NONE: nothing more, be it small.
    other.append(message("untold"), "", "many3");
    make(7, 30);
    CHECK(client.heard().empty());
    CHECK(client.ask("b " + watch).starts_with("NO [NOTIFICATIONOVERFLOW]"));
    CHECK(client.ask("c NOTIFY SET (mailboxes many3 (MessageNew MessageExpunge))").starts_with("OK"));
    other.append(message("told again"), "", "many3");
    CHECK(has(client.heard(), "* STATUS \"many3\" "));
    CHECK_FALSE(client.is_over());
}

TEST_CASE("E17: NOTIFY on all, for every event, while another session does everything, keeps its word and its session", "[imap][hostile][E17][concurrent]")
{
    World world;
    Client client(world);
    Client other(world);
    client.log_in();
    other.log_in();
    client.select();
    CHECK(client.ask("a NOTIFY SET STATUS (selected (MessageNew (FLAGS) MessageExpunge FlagChange)) (subtree INBOX (MessageNew MessageExpunge)) "
                     "(personal (MessageNew MessageExpunge FlagChange MailboxName SubscriptionChange MailboxMetadataChange "
                     "ServerMetadataChange))").starts_with("OK"));
    std::string pipeline;
    for (int n = 0; n < 40; ++n) {
        const auto name = "all" + std::to_string(n % 7);
        pipeline += "p CREATE " + name + "\r\np SUBSCRIBE " + name + "\r\np APPEND " + name + " {6+}\r\na\r\nb\r\n\r\n";
        pipeline += "p APPEND INBOX {6+}\r\na\r\nb\r\n\r\np RENAME " + name + " other" + name + "\r\np DELETE other" + name + "\r\n";
    }
    const auto heard = other.say(pipeline + "q NOOP\r\n");
    CHECK(has(heard, "q OK"));
    const auto told = client.heard();
    CHECK(has(told, "* 40 EXISTS"));
    CHECK_FALSE(has(told, "EXPUNGE"));
    CHECK(client.ask("b NOOP").starts_with("OK"));
    CHECK(client.ask("c NOTIFY NONE").starts_with("OK"));
}

TEST_CASE("E17: a client that leaves while it is sorted, threaded, searched or fetched for ends its session", "[imap][hostile][E17]")
{
    const auto command = GENERATE(as<std::string>(), "SORT (SUBJECT) UTF-8 ALL", "THREAD REFERENCES UTF-8 ALL", "SEARCH TEXT \"none\"",
                                  "FETCH 1:* (ENVELOPE BODYSTRUCTURE BODY.PEEK[])");
    Alone one(300);
    Client leaving(one.world);
    leaving.log_in();
    leaving.select();
    (void)test::run_ready(leaving.end().write("a " + command + "\r\n", net::Deadline::never()));
    leaving.end().close();
    one.world.loop.run();
    CHECK(leaving.is_over());
    CHECK(one.client.ask("b NOOP").starts_with("OK"));
}

TEST_CASE("E18: UTF8=ACCEPT in the midst of a session changes names from then on, and raw 8-bit is BAD before it", "[imap][hostile][E18]")
{
    Alone one;
    CHECK(one.client.ask("a CREATE \"\u00e9\"").starts_with("BAD"));
    CHECK(one.client.ask("b CREATE \u00e9").starts_with("BAD"));
    CHECK(one.client.ask("c CREATE \"&AOk-\"").starts_with("OK"));
    CHECK(one.client.ask("d ENABLE UTF8=ACCEPT").starts_with("OK"));
    CHECK(has(one.client.say("e LIST \"\" \"\u00e9\"\r\n"), "\"\u00e9\"\r\n"));
    CHECK(one.client.ask("f SELECT \"\u00e9\"").starts_with("OK"));
    // Well-formed or nothing (RFC 6855 section 3), and never in an atom.
    for (const auto* wrong : {"\"\xc3\"", "\"\xff\xfe\"", "\"\xed\xa0\x80\"", "\"\xc0\xaf\"", "\u00e9"}) {
        CHECK(one.client.ask("g SELECT " + std::string(wrong)).starts_with("BAD"));
    }
    CHECK(one.client.ask("h SEARCH CHARSET UTF-8 TEXT \"x\"").starts_with("BAD"));
    CHECK(one.client.ask("i SEARCH TEXT \"\u00e9\"").starts_with("OK"));
}
