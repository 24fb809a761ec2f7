// Keys that SORT and THREAD keep between commands: the answers are those of a mailbox that is looked at anew.
#include <catch2/catch_test_macros.hpp>

#include "imap/kept_keys.hpp"
#include "imap/world.hpp"
#include "store/parsed_columns.hpp"

using namespace mbx;
using namespace mbx::imap;

namespace {

std::string letter(const std::string& subject, int day, const std::string& more = {})
{
    return "From: x" + subject + " <a@example.org>\r\nSubject: " + subject + "\r\nDate: " + (day < 10 ? "0" : "") + std::to_string(day) +
           " Nov 1997 09:55:06 +0000\r\n" + more + "\r\nx\r\n";
}

std::unique_ptr<KeptHarvest> harvest(std::uint32_t messages)
{
    auto kept = std::make_unique<KeptHarvest>();
    kept->sort = std::make_unique<SortHarvest>(std::vector<SortCriterion>{{SortKey::size, false}});
    for (std::uint32_t uid = 1; uid <= messages; ++uid) {
        store::MessageRow row;
        row.uid = uid;
        row.size = 1000 - uid;
        kept->sort->take(row, {}, 100);
    }
    kept->highest = messages;
    return kept;
}

KeptKeys::Of of(std::int64_t mailbox) { return {1, mailbox, 7, "sort 5"}; }

void take(FieldHarvest& texts, store::Uid uid, const std::string& message)
{
    store::MessageRow row;
    row.uid = uid;
    const auto columns = store::make_columns(message);
    const auto brief = store::decode_brief(columns.brief);
    REQUIRE(brief);
    texts.take(row, *brief, 100);
}

}  // namespace

TEST_CASE("what was kept least lately is given up first, and nothing larger than a quarter is kept", "[imap][sort]")
{
    const std::size_t one = harvest(100)->bytes();
    KeptKeys keys(one * 4 + 1);
    for (const std::int64_t mailbox : {1, 2, 3, 4}) keys.put(of(mailbox), harvest(100));
    CHECK(keys.bytes() <= one * 4 + 1);
    CHECK(keys.has(of(1)));
    auto taken = keys.take(of(1));
    REQUIRE(taken);
    CHECK_FALSE(keys.has(of(1)));
    CHECK(keys.take(of(1)) == nullptr);
    keys.put(of(1), std::move(taken));
    keys.put(of(5), harvest(100));
    CHECK_FALSE(keys.has(of(2)));
    CHECK(keys.has(of(1)));
    keys.put(of(6), harvest(10'000));
    CHECK_FALSE(keys.has(of(6)));
    CHECK(order_name(std::vector<SortCriterion>{{SortKey::subject, false}, {SortKey::relevancy, false}}).empty());
    CHECK(order_name(std::vector<SortCriterion>{{SortKey::subject, true}}) != order_name(std::vector<SortCriterion>{{SortKey::subject, false}}));
}

TEST_CASE("keys that are added behind an order are merged into it, equal ones behind their elders", "[imap][sort]")
{
    SortHarvest sort({{SortKey::size, false}});
    const auto take = [&sort](store::Uid uid, std::uint64_t size) {
        store::MessageRow row;
        row.uid = uid;
        row.size = size;
        sort.take(row, {}, 100);
    };
    take(1, 5), take(2, 3), take(3, 5);
    CHECK(sort.finish() == std::vector<store::Uid>{2, 1, 3});
    take(4, 3), take(5, 4), take(6, 9), take(7, 5);
    CHECK(sort.finish() == std::vector<store::Uid>{2, 4, 5, 1, 3, 7, 6});
    CHECK(sort.finish({{1, 1}, {5, 7}}) == std::vector<store::Uid>{5, 1, 7, 6});
}

TEST_CASE("RFC 5256: a second SORT knows what came and what went since the first", "[imap][sort]")
{
    World world;
    Client ann(world);
    ann.log_in();
    ann.append(letter("delta", 4));
    ann.append(letter("alpha", 3));
    ann.append(letter("charlie", 2));
    ann.select();
    CHECK(ann.say("a SORT (SUBJECT) UTF-8 ALL\r\n").starts_with("* SORT 2 3 1\r\n"));
    CHECK(ann.say("a SORT (SUBJECT) UTF-8 ALL\r\n").starts_with("* SORT 2 3 1\r\n"));
    ann.append(letter("bravo", 1));
    CHECK(ann.say("a SORT (SUBJECT) UTF-8 ALL\r\n").find("* SORT 2 4 3 1\r\n") != std::string::npos);
    (void)ann.ask("a STORE 2 +FLAGS (\\Deleted)");
    (void)ann.ask("a EXPUNGE");
    CHECK(ann.say("a SORT (SUBJECT) UTF-8 ALL\r\n").starts_with("* SORT 3 2 1\r\n"));
    CHECK(ann.say("a UID SORT (REVERSE SUBJECT) UTF-8 ALL\r\n").starts_with("* SORT 1 3 4\r\n"));
    // Another session of the same mailbox, and a part of it.
    Client other(world);
    other.log_in();
    other.select();
    CHECK(other.say("a UID SORT (SUBJECT) UTF-8 ALL\r\n").starts_with("* SORT 4 3 1\r\n"));
    CHECK(other.say("a UID SORT (SUBJECT) UTF-8 SUBJECT l\r\n").starts_with("* SORT 3 1\r\n"));
    // A mailbox of the same name that was made anew has none of these keys.
    (void)ann.ask("a CREATE again");
    ann.append(letter("b", 1), "", "again");
    ann.append(letter("a", 1), "", "again");
    (void)ann.ask("a SELECT again");
    CHECK(ann.say("a SORT (SUBJECT) UTF-8 ALL\r\n").starts_with("* SORT 2 1\r\n"));
    for (const char* command : {"a SELECT INBOX", "a DELETE again", "a CREATE again"}) (void)ann.ask(command);
    ann.append(letter("a", 1), "", "again");
    ann.append(letter("b", 1), "", "again");
    (void)ann.ask("a SELECT again");
    CHECK(ann.say("a SORT (SUBJECT) UTF-8 ALL\r\n").starts_with("* SORT 1 2\r\n"));
}

TEST_CASE("RFC 5256: a second THREAD knows what came and what went since the first", "[imap][sort]")
{
    World world;
    Client ann(world);
    ann.log_in();
    ann.append(letter("one", 1, "Message-ID: <1@x>\r\n"));
    ann.append(letter("two", 2, "Message-ID: <2@x>\r\n"));
    ann.append(letter("Re: one", 3, "Message-ID: <3@x>\r\nReferences: <1@x>\r\n"));
    ann.select();
    for (int again = 0; again < 2; ++again) {
        CHECK(ann.say("a THREAD REFERENCES UTF-8 ALL\r\n").starts_with("* THREAD (1 3)(2)\r\n"));
        CHECK(ann.say("a THREAD ORDEREDSUBJECT UTF-8 ALL\r\n").starts_with("* THREAD (1 3)(2)\r\n"));
    }
    ann.append(letter("Re: two", 4, "Message-ID: <4@x>\r\nReferences: <2@x>\r\n"));
    CHECK(ann.say("a THREAD REFERENCES UTF-8 ALL\r\n").find("* THREAD (1 3)(2 4)\r\n") != std::string::npos);
    CHECK(ann.say("a UID THREAD REFERENCES UTF-8 UID 2:4\r\n").starts_with("* THREAD (2 4)(3)\r\n"));
    (void)ann.ask("a STORE 1 +FLAGS (\\Deleted)");
    (void)ann.ask("a EXPUNGE");
    CHECK(ann.say("a THREAD REFERENCES UTF-8 ALL\r\n").starts_with("* THREAD (1 3)(2)\r\n"));
    CHECK(ann.say("a UID THREAD REFERENCES UTF-8 ALL\r\n").starts_with("* THREAD (2 4)(3)\r\n"));
}

TEST_CASE("a key that begins in one message's field and ends in the next one's is found in neither", "[imap][search]")
{
    FieldHarvest texts("from");
    take(texts, 3, "From: Anna\r\nFrom: bold\r\n\r\nx\r\n");
    take(texts, 4, "From: Dora\r\n\r\nx\r\n");
    take(texts, 7, "Subject: anna\r\n\r\nx\r\n");
    take(texts, 9, "From: " + std::string(store::kMaxBriefFields, 'd') + "\r\n\r\nx\r\n");
    take(texts, 12, "From: ANNABOLDORA\r\n\r\nx\r\n");
    const auto found = [&texts](std::string_view needle) { return to_text(texts.holding(needle)); };
    CHECK(found("anna") == "3,12");
    CHECK(found("bold") == "3,12");
    CHECK(found("annabold") == "12");
    CHECK(found("boldora") == "12");
    CHECK(found("ora") == "4,12");
    CHECK(found("a") == "3:4,12");
    CHECK(found("") == "3:4,12");
    CHECK(found(std::string(store::kMaxBriefFields + 1, 'd')).empty());
    CHECK(to_text(texts.known()) == "3:4,7,12");
    CHECK(texts.size() == 5);
}

TEST_CASE("a second SEARCH of header fields knows what came and what went since the first", "[imap][search]")
{
    World world;
    Client ann(world);
    ann.log_in();
    const auto big = "To: b@example.org" + std::string(store::kMaxBriefFields, ',') + " needle@example.org\r\n";
    ann.append(letter("alpha", 1));
    ann.append(letter("bravo", 2, big));
    ann.append(letter("alphabet", 3, "Message-ID: <3@x>\r\n"));
    ann.select();
    for (int again = 0; again < 2; ++again) {
        CHECK(ann.say("a SEARCH SUBJECT alpha\r\n").starts_with("* SEARCH 1 3\r\n"));
        CHECK(ann.say("a SEARCH NOT SUBJECT alpha\r\n").starts_with("* SEARCH 2\r\n"));
        CHECK(ann.say("a SEARCH FROM XBRAVO\r\n").starts_with("* SEARCH 2\r\n"));
        CHECK(ann.say("a SEARCH FROM xalpha SUBJECT bet\r\n").starts_with("* SEARCH 3\r\n"));
        CHECK(ann.say("a SEARCH (FROM xalpha (SUBJECT bet)) BODY x\r\n").starts_with("* SEARCH 3\r\n"));
        CHECK(ann.say("a SEARCH OR FROM xbravo BODY nowhere\r\n").starts_with("* SEARCH 2\r\n"));
        CHECK(ann.say("a SEARCH OR SUBJECT bet SUBJECT bravo\r\n").starts_with("* SEARCH 2 3\r\n"));
        CHECK(ann.say("a SEARCH HEADER Message-ID \"\"\r\n").starts_with("* SEARCH 3\r\n"));
        CHECK(ann.say("a SEARCH HEADER MESSAGE-ID 3@x\r\n").starts_with("* SEARCH 3\r\n"));
        CHECK(ann.say("a SEARCH TO needle\r\n").starts_with("* SEARCH 2\r\n"));  // more text than is kept
        CHECK(ann.say("a SEARCH FROM nobody\r\n").starts_with("* SEARCH\r\n"));
    }
    ann.append(letter("alpha", 4));
    CHECK(ann.say("a SEARCH SUBJECT alpha\r\n").find("* SEARCH 1 3 4\r\n") != std::string::npos);
    (void)ann.ask("a STORE 1 +FLAGS (\\Deleted)");
    (void)ann.ask("a EXPUNGE");
    CHECK(ann.say("a SEARCH SUBJECT alpha\r\n").starts_with("* SEARCH 2 3\r\n"));
    CHECK(ann.say("a UID SEARCH RETURN (ALL COUNT) SUBJECT alpha\r\n").find("COUNT 2 ALL 3:4") != std::string::npos);
    // What another session expunged is not found, though this one was not told of it yet.
    Client other(world);
    other.log_in();
    other.select();
    (void)other.ask("a STORE 3 +FLAGS (\\Deleted)");
    (void)other.ask("a EXPUNGE");
    CHECK(ann.say("a SEARCH SUBJECT alpha\r\n").starts_with("* SEARCH 2\r\n"));
}
