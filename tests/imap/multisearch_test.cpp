// SEARCH=FUZZY (RFC 6203) and MULTISEARCH (RFC 7377).
#include <catch2/catch_test_macros.hpp>

#include "imap/world.hpp"
#include "mail/fuzzy_match.hpp"

using namespace mbx;
using namespace mbx::imap;

namespace {

bool has(const std::string& text, const std::string& piece) { return text.find(piece) != std::string::npos; }

class Box {
public:
    explicit Box() : client(world) { client.log_in(); }
    std::string ask(const std::string& command) { return client.say(command + "\r\n"); }
    void add(const std::string& subject, const std::string& mailbox = "INBOX") { client.append(message(subject), "", mailbox); }
    World world;
    Client client;
};

unsigned score(std::string_view key, std::string_view text) { return mail::fuzzy_score(mail::make_fuzzy_key(key), text); }

}  // namespace

TEST_CASE("RFC 6203 3: a fuzzy key matches words, beginnings of words, in any order, half of them at least", "[imap][fuzzy]")
{
    CHECK(score("imap break", "imap breaks") == 100);
    CHECK(score("imap break", "break of imap") == 90);
    CHECK(score("imap break", "imap is breaking") == 81);
    CHECK(score("imap break", "the imap") == 45);
    CHECK(score("imap break now", "the imap") == 0);
    CHECK(score("break", "outbreak") == 100);  // as SEARCH without FUZZY
    CHECK(score("break it", "outbreak") == 0);
    CHECK(score("发票 会议", "北京会议记录") != 0);
    CHECK(score("", "anything") == 100);
    CHECK(score("...", "a.b") == 0);
    CHECK(score(std::string(5000, 'a') + " b", std::string(100'000, 'a')) == 36);
}

TEST_CASE("RFC 6203 4 and 6: scores are told, and sorted by", "[imap][fuzzy]")
{
    Box box;
    for (const char* subject : {"the IMAP", "IMAP break", "lunch", "Breaking of IMAP"}) box.add(subject);
    box.client.select();
    CHECK(has(box.ask("a SEARCH FUZZY SUBJECT \"imap break\""), "* SEARCH 1 2 4\r\n"));
    CHECK(has(box.ask("b SEARCH RETURN (RELEVANCY ALL) FUZZY SUBJECT \"imap break\""),
              "* ESEARCH (TAG \"b\") ALL 1:2,4 RELEVANCY (45 100 81)\r\n"));
    CHECK(has(box.ask("c SORT (RELEVANCY) UTF-8 FUZZY SUBJECT \"imap break\""), "* SORT 2 4 1\r\n"));
    CHECK(has(box.ask("d SORT RETURN (RELEVANCY ALL) (RELEVANCY) UTF-8 FUZZY TEXT \"imap break\""),
              "ALL 2,4,1 RELEVANCY (100 81 45)\r\n"));
    CHECK(has(box.ask("e SORT RETURN (PARTIAL 1:2 RELEVANCY) (RELEVANCY) UTF-8 FUZZY TEXT \"imap break\""),
              "PARTIAL (1:2 2,4) RELEVANCY (100 81)\r\n"));
    CHECK(has(box.ask("f SEARCH RETURN (RELEVANCY) FUZZY SUBJECT nothing"), "* ESEARCH (TAG \"f\") RELEVANCY ()\r\n"));
    CHECK(has(box.ask("g SEARCH FUZZY (SUBJECT \"imap break\" UNSEEN) FROM ann NOT FUZZY SUBJECT \"breaking of\""), "* SEARCH 1 2\r\n"));
    CHECK(has(box.ask("h SEARCH FUZZY BODY \"hello nobody\""), "* SEARCH 1 2 3 4\r\n"));
    CHECK(box.client.ask("i SEARCH RETURN (RELEVANCY) SUBJECT x").starts_with("BAD"));
    CHECK(box.client.ask("j SORT (RELEVANCY) UTF-8 SUBJECT x").starts_with("BAD"));
    CHECK(box.client.ask("k SEARCH FUZZY").starts_with("BAD"));
}

TEST_CASE("RFC 7377: ESEARCH searches mailboxes, with MAILBOX and UIDVALIDITY in each answer", "[imap][multisearch]")
{
    Box box;
    for (const char* name : {"folder1", "folder2", "folder2/banana", "folder2/peach", "folder2/peach/deep", "empty"}) {
        (void)box.ask("c CREATE " + std::string(name));
    }
    box.add("chad", "folder1");
    box.add("other", "folder1");
    box.add("chad", "folder2/banana");
    box.add("chad", "folder2/peach/deep");
    box.add("chad");
    const auto answer = [&box](const std::string& sources, const std::string& rest = "subject chad") {
        return box.ask("t ESEARCH " + sources + rest);
    };
    // Without a selected mailbox.
    auto heard = answer("IN (mailboxes \"folder1\" subtree \"folder2\") ");
    CHECK(has(heard, "* ESEARCH (TAG \"t\" MAILBOX \"folder1\" UIDVALIDITY "));
    CHECK(has(heard, ") UID ALL 1\r\n"));
    CHECK(has(heard, "MAILBOX \"folder2/banana\" "));
    CHECK(has(heard, "MAILBOX \"folder2/peach/deep\" "));
    CHECK(!has(heard, "MAILBOX \"folder2\" "));
    CHECK(!has(heard, "INBOX"));
    CHECK(has(heard, "t OK ESEARCH completed\r\n"));
    heard = answer("IN (subtree-one (folder2 inbox)) ");
    CHECK(has(heard, "banana"));
    CHECK(!has(heard, "deep"));
    CHECK(has(heard, "MAILBOX \"INBOX\" "));
    heard = answer("IN (personal) ", "return (count min) subject chad");
    CHECK(has(heard, " UID MIN 1 COUNT 1\r\n"));
    CHECK(!has(heard, "empty"));
    CHECK(has(answer("IN (inboxes mailboxes nowhere) "), "INBOX"));
    CHECK(!has(answer("IN (mailboxes nowhere) "), "ESEARCH ("));
    (void)box.ask("s SUBSCRIBE folder1");
    CHECK(has(answer("IN (subscribed) "), "folder1"));
    // Numbers beyond the end are no error (section 2).
    CHECK(has(answer("IN (mailboxes folder1) ", "101:200"), "t OK"));
    CHECK(has(answer("IN (mailboxes folder1) ", "2:200"), "UID ALL 2\r\n"));
    CHECK(box.client.ask("u ESEARCH ALL").starts_with("BAD"));
    CHECK(box.client.ask("u ESEARCH IN (selected) ALL").starts_with("BAD"));
    CHECK(box.client.ask("u ESEARCH IN (personal) RETURN (UPDATE) ALL").starts_with("BAD"));
    CHECK(box.client.ask("u ESEARCH IN (selected-delayed) ALL").starts_with("BAD"));
    CHECK(box.client.ask("u ESEARCH IN () ALL").starts_with("BAD"));
    CHECK(box.client.ask("u ESEARCH IN (personal) CHARSET X-KLINGON ALL").starts_with("NO [BADCHARSET"));
}

TEST_CASE("RFC 7377: ESEARCH in the selected mailbox saves and updates", "[imap][multisearch]")
{
    Box box;
    for (const char* subject : {"a", "b", "b"}) box.add(subject);
    box.client.select();
    CHECK(has(box.ask("t ESEARCH SUBJECT b"), "* ESEARCH (TAG \"t\" MAILBOX \"INBOX\" UIDVALIDITY "));
    CHECK(box.ask("u ESEARCH RETURN (SAVE) SUBJECT b") == "u OK ESEARCH completed\r\n");
    CHECK(has(box.ask("v SEARCH $"), "* SEARCH 2 3\r\n"));
    CHECK(has(box.ask("w ESEARCH IN (selected personal) $"), "UID ALL 2:3\r\n"));
    CHECK(box.client.ask("x ESEARCH IN (personal) RETURN (SAVE) ALL").starts_with("BAD"));
    CHECK(box.ask("y ESEARCH RETURN (UPDATE COUNT) FLAGGED") == "y OK ESEARCH completed\r\n");
    CHECK(has(box.ask("z STORE 1 +FLAGS (\\Flagged)"), "* ESEARCH (TAG \"y\") UID ADDTO (0 1)\r\n"));
}
