// FETCH from the index's parsed columns says what FETCH from the file says.
#include <catch2/catch_test_macros.hpp>

#include "imap/world.hpp"
#include "mail/corpus.hpp"
#include "mail/line_ending.hpp"

using namespace mbx;
using namespace mbx::imap;

namespace {

constexpr const char* kItems =
    "f UID FETCH 1:* (ENVELOPE BODY BODYSTRUCTURE BODY.PEEK[1] BODY.PEEK[1.1] BODY.PEEK[TEXT] BODY.PEEK[2.MIME] "
    "BODY.PEEK[1]<3.17> BINARY.SIZE[1] RFC822.SIZE)";

// All of these the index has ready.
constexpr const char* kQuickItems =
    "f FETCH 1:* (UID FLAGS INTERNALDATE RFC822.SIZE ENVELOPE BODYSTRUCTURE PREVIEW BODY.PEEK[HEADER.FIELDS (FROM To Cc Bcc "
    "Subject Date Message-ID In-Reply-To References Content-Type Reply-To List-Post)] BODY.PEEK[HEADER.FIELDS (Lines)])";

void fill(World& world)
{
    auto opened = test::run_on(world.loop, world.store->account({1, "ann", "example.org"}));
    REQUIRE(opened);
    bool more = true;
    while (more) {
        auto step = [](store::AccountStore& store) { return store.fill_columns(std::chrono::milliseconds(50)); };
        const auto done = test::run_on(world.loop, (*opened)->run(net::WorkClass::bulk, std::move(step)));
        REQUIRE(done);
        more = *done;
    }
}

void damage_files(World& world)
{
    for (const auto& entry : std::filesystem::recursive_directory_iterator(world.folder.path("mail"))) {
        const auto parent = entry.path().parent_path().filename();
        if (!entry.is_regular_file() || (parent != "cur" && parent != "new")) continue;
        std::filesystem::permissions(entry.path(), std::filesystem::perms::none);
        std::filesystem::resize_file(entry.path(), 0);
    }
}

}  // namespace

TEST_CASE("FETCH of envelopes, structures and nested sections is the same before and after parsing", "[imap][columns]")
{
    World world;
    Client client(world);
    client.log_in();
    std::size_t count = 0;
    for (const auto& message : mail::test::load_corpus()) {
        if (message.bytes.empty() || message.bytes.find('\0') != std::string::npos) continue;
        client.append(mail::canonical_crlf(message.bytes));
        ++count;
    }
    client.append(imap::message("long: " + std::string(100'000, 's')));
    client.append(imap::message("plain"));
    client.select();
    const auto parsed = client.say(std::string(kItems) + "\r\n");
    CHECK(parsed.find("\r\nf ") != std::string::npos);
    const auto left_behind = client.say(std::string(kItems) + "\r\n");
    CHECK(left_behind == parsed);
    fill(world);
    CHECK(client.say(std::string(kItems) + "\r\n") == parsed);
    CHECK(count > 50);
}

TEST_CASE("FETCH of what the index has ready is what the files say", "[imap][columns]")
{
    World world;
    Client client(world);
    client.log_in();
    for (const auto& message : mail::test::load_corpus()) {
        if (message.bytes.empty() || message.bytes.find('\0') != std::string::npos) continue;
        client.append(mail::canonical_crlf(message.bytes));
    }
    client.append(imap::message("long: " + std::string(100'000, 's')));
    client.append(imap::message("plain"));
    client.select();
    // With a section of the body the whole answer comes from the files.
    const std::string asked = std::string(kQuickItems);
    const auto parsed = client.say(asked.substr(0, asked.size() - 1) + " BODY.PEEK[TEXT]<0.1>)\r\n");
    CHECK(parsed.find("\r\nf OK ") != std::string::npos);
    fill(world);
    std::string expected;
    std::size_t at = 0;
    while (at < parsed.size()) {
        const auto extra = parsed.find(" BODY[TEXT]<0> ", at);
        expected += parsed.substr(at, extra == std::string::npos ? extra : extra - at);
        if (extra == std::string::npos) break;
        at = parsed.find(")\r\n", extra);
    }
    CHECK(client.say(asked + "\r\n") == expected);
    CHECK(client.say(asked + "\r\n") == expected);
}

TEST_CASE("FETCH ENVELOPE BODYSTRUCTURE of parsed messages does not touch their files", "[imap][columns]")
{
    World world;
    Client client(world);
    client.log_in();
    for (int n = 0; n < 20; ++n) client.append(imap::message("Nr. " + std::to_string(n)));
    client.select();
    fill(world);
    const std::string command = std::string(kQuickItems) + "\r\n";
    const auto before = client.say(command);
    CHECK(before.find("\"Nr. 19\"") != std::string::npos);
    damage_files(world);
    CHECK(client.say(command) == before);
}

TEST_CASE("FETCH of one ready item, for which nothing else is read, tells what a FETCH of all of them tells", "[imap][columns]")
{
    World world;
    Client client(world);
    client.log_in();
    client.append(imap::message("first"), "(\\Flagged)");
    client.append("From: ann@example.org\r\nLines: 7\r\nSubject: second\r\n\r\nYes\r\n", "(\\Seen word)");
    CHECK(client.ask("s SELECT INBOX (CONDSTORE)").starts_with("OK"));
    fill(world);
    const std::string end = ")\r\nf OK FETCH completed\r\n";
    const std::string header = "BODY.PEEK[HEADER.FIELDS (Lines Subject)]";
    const auto of = [&](std::string_view number, const std::string& items) {
        const auto head = "* " + std::string(number) + " FETCH (";
        const auto told = client.say("f FETCH " + std::string(number) + " (" + items + ")\r\n");
        REQUIRE(told.starts_with(head));
        REQUIRE(told.ends_with(end));
        return told.substr(head.size(), told.size() - head.size() - end.size());
    };
    const std::vector<std::string> items{"UID",  "FLAGS",    "INTERNALDATE",  "RFC822.SIZE", "SAVEDATE",
                                         "MODSEQ", "ENVELOPE", "BODYSTRUCTURE", "PREVIEW",     header};
    damage_files(world);
    for (const std::string_view number : {"1", "2"}) {
        std::string all;
        std::string one_by_one;
        for (const auto& item : items) {
            all += (all.empty() ? "" : " ") + item;
            one_by_one += (one_by_one.empty() ? "" : " ") + of(number, item);
        }
        CHECK(of(number, all) == one_by_one);
        CHECK(one_by_one.find(number == "1" ? "\"first\"" : "Lines: 7\r\n") != std::string::npos);
    }
}

TEST_CASE("RFC 8474 4.1 to 4.3: MAILBOXID is told by CREATE, SELECT and STATUS, and stays with a rename", "[imap][objectid]")
{
    World world;
    Client client(world);
    client.log_in();
    CHECK(client.say("a CAPABILITY\r\n").find(" OBJECTID ") != std::string::npos);
    const auto created = client.ask("a CREATE foo");
    REQUIRE(created.starts_with("OK [MAILBOXID (F"));
    const auto id = created.substr(4, created.find(']') - 4);
    CHECK(client.say("b STATUS foo (MAILBOXID)\r\n").starts_with("* STATUS \"foo\" (" + id + ")\r\n"));
    CHECK(client.ask("c RENAME foo bar").starts_with("OK"));
    CHECK(client.say("d EXAMINE bar\r\n").find("* OK [" + id + "]") != std::string::npos);
    CHECK(client.say("e LIST \"\" bar RETURN (STATUS (MAILBOXID))\r\n").find("(" + id + ")") != std::string::npos);
    CHECK_FALSE(client.ask("f CREATE foo").starts_with("OK [" + id));
}

TEST_CASE("RFC 8474 5.3, 6: EMAILID and THREADID are the same after COPY, and SEARCH finds by them", "[imap][objectid]")
{
    World world;
    Client client(world);
    client.log_in();
    const auto second = "In-Reply-To: <1@example.org>\r\nSubject: answer\r\n\r\nYes\r\n";
    client.append(imap::message("first"));
    client.append(second);
    client.append("Subject: alone\r\n\r\nNo\r\n");
    client.select();
    const auto ids = [&](std::string_view number) {
        return client.say("i FETCH " + std::string(number) + " (EMAILID THREADID)\r\n");
    };
    const auto first = ids("1");
    const auto word = [&first](std::string_view item) {
        const auto at = first.find(std::string(item) + " (") + item.size() + 2;
        return first.substr(at, first.find(')', at) - at);
    };
    const auto email = word("EMAILID");
    const auto thread = word("THREADID");
    CHECK(first.starts_with("* 1 FETCH (EMAILID (" + email + ") THREADID (" + thread + "))\r\n"));
    CHECK(email.front() == 'E');
    CHECK(email.size() == 33);
    CHECK(ids("2").find("THREADID (" + thread + ")") != std::string::npos);
    const auto search = [&] {
        CHECK(client.say("s SEARCH EMAILID " + email + "\r\n").starts_with("* SEARCH 1\r\n"));
        CHECK(client.say("s SEARCH THREADID " + thread + "\r\n").starts_with("* SEARCH 1 2\r\n"));
        CHECK(client.say("s SEARCH NOT THREADID " + thread + "\r\n").starts_with("* SEARCH 3\r\n"));
        CHECK(client.say("s SEARCH EMAILID nonsense\r\n").starts_with("* SEARCH\r\n"));
        CHECK(client.say("s SEARCH SENTON 21-Nov-1997\r\n").starts_with("* SEARCH 1\r\n"));
        CHECK(client.say("s SEARCH SENTSINCE 22-Nov-1997\r\n").starts_with("* SEARCH\r\n"));
        CHECK(client.say("s SEARCH SENTBEFORE 22-Nov-1997\r\n").starts_with("* SEARCH 1\r\n"));
    };
    search();
    fill(world);
    CHECK(ids("1") == first);
    search();
    CHECK(client.ask("c COPY 1 Archive").starts_with("OK"));
    damage_files(world);
    client.select("Archive");
    CHECK(ids("1") == first);
    CHECK(client.say("s SEARCH SENTON 21-Nov-1997\r\n").starts_with("* SEARCH 1\r\n"));
}
