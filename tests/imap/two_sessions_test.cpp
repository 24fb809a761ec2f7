#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

#include "imap/output.hpp"
#include "imap/world.hpp"

using namespace mbx;
using namespace mbx::imap;

namespace {

struct Pair {
    explicit Pair(int messages) : first(world), second(world)
    {
        first.log_in();
        second.log_in();
        for (int i = 0; i < messages; ++i) first.append(message("m" + std::to_string(i)));
        first.select();
        second.select();
        (void)first.ask("n NOOP");
        (void)second.ask("n NOOP");
    }
    World world;
    Client first;
    Client second;
};

}  // namespace

TEST_CASE("E10: RFC 9051 7.5.1: no EXPUNGE comes during FETCH, STORE or SEARCH by number", "[imap][session][E10]")
{
    Pair pair(4);
    CHECK(pair.first.say("a STORE 2 +FLAGS.SILENT (\\Deleted)\r\na EXPUNGE\r\n").find("* 2 EXPUNGE") != std::string::npos);
    // Numbers still mean what the second client thinks; the message that is gone is told as such.
    const auto fetched = pair.second.say("b FETCH 1:4 (UID)\r\n");
    CHECK(fetched.starts_with("* 1 FETCH (UID 1)\r\n* 3 FETCH (UID 3)\r\n* 4 FETCH (UID 4)\r\n"));
    CHECK(fetched.find("EXPUNGE\r\n") == std::string::npos);
    CHECK(fetched.find("b NO [EXPUNGEISSUED]") != std::string::npos);
    CHECK(pair.second.say("c SEARCH ALL\r\n").find(" EXPUNGE") == std::string::npos);
    CHECK(pair.second.say("d STORE 4 +FLAGS (\\Seen)\r\n").starts_with("* 4 FETCH (FLAGS (\\Seen))\r\n"));
    CHECK(pair.second.say("e UID FETCH 2,3 (UID)\r\n") ==
          "* 3 FETCH (UID 3)\r\n* 2 EXPUNGE\r\ne OK UID FETCH completed\r\n");
    CHECK(pair.second.say("f FETCH 1:3 UID\r\n") ==
          "* 1 FETCH (UID 1)\r\n* 2 FETCH (UID 3)\r\n* 3 FETCH (UID 4)\r\nf OK FETCH completed\r\n");
}

TEST_CASE("RFC 9051 6.4.6: one session's flags reach the other, also behind a silent STORE of its own",
          "[imap][session][E10]")
{
    Pair pair(2);
    CHECK(pair.first.say("a STORE 1 +FLAGS (\\Flagged)\r\n") == "* 1 FETCH (FLAGS (\\Flagged))\r\na OK STORE completed\r\n");
    CHECK(pair.second.say("b STORE 1:2 +FLAGS.SILENT (\\Seen)\r\n") ==
          "* 1 FETCH (UID 1 FLAGS (\\Flagged))\r\nb OK STORE completed\r\n");
    CHECK(pair.second.say("c NOOP\r\n") == "c OK NOOP completed\r\n");
    CHECK(pair.first.say("d NOOP\r\n") ==
          "* 1 FETCH (UID 1 FLAGS (\\Flagged \\Seen))\r\n* 2 FETCH (UID 2 FLAGS (\\Seen))\r\nd OK NOOP completed\r\n");
}

TEST_CASE("RFC 7162 3.1: a FETCH that sets \\Seen is not followed by flags from before it", "[imap][session][E10]")
{
    Pair pair(2);
    const std::string words = GENERATE("", " (CONDSTORE)");
    CAPTURE(words);
    (void)pair.second.ask("s SELECT INBOX" + words);
    CHECK(pair.first.say("a STORE 2 +FLAGS.SILENT (\\Flagged)\r\n") == "a OK STORE completed\r\n");
    const auto fetched = pair.second.say("b FETCH 2 BODY[TEXT]\r\n");
    CAPTURE(fetched);
    CHECK(fetched.find("FLAGS (\\Flagged \\Seen)") != std::string::npos);
    CHECK(fetched.find("FLAGS (\\Flagged)") == std::string::npos);
    CHECK(pair.second.say("c NOOP\r\n") == "c OK NOOP completed\r\n");
    // What comes later is told.
    CHECK(pair.first.say("d STORE 2 -FLAGS.SILENT (\\Flagged)\r\n").ends_with("d OK STORE completed\r\n"));
    CHECK(pair.second.say("e NOOP\r\n").starts_with("* 2 FETCH (UID 2 FLAGS (\\Seen)"));
}

TEST_CASE("RFC 9051 6.3.13: IDLE tells arrivals, flags and expunges as they happen", "[imap][session]")
{
    Pair pair(1);
    CHECK(pair.second.say("a IDLE\r\n") == "+ idling\r\n");
    pair.first.append(message("new"));
    CHECK(pair.second.heard() == "* 2 EXISTS\r\n");
    (void)pair.first.ask("b STORE 1 +FLAGS.SILENT (\\Deleted)");
    CHECK(pair.second.heard() == "* 1 FETCH (UID 1 FLAGS (\\Deleted))\r\n");
    (void)pair.first.ask("c EXPUNGE");
    CHECK(pair.second.heard() == "* 1 EXPUNGE\r\n");
    CHECK(pair.second.say("DONE\r\n") == "a OK IDLE completed\r\n");
    CHECK(pair.second.say("d IDLE\r\n") == "+ idling\r\n");
    // A silent line keeps its address translation.
    pair.second.expire();
    CHECK(pair.second.heard() == "* OK still here\r\n");
    CHECK(pair.second.say("e NOOP\r\n").starts_with("d BAD"));
    CHECK(pair.second.say("f NOOP\r\n") == "f OK NOOP completed\r\n");
}

TEST_CASE("CLIENTS: a second IDLE on another connection does not end the first", "[imap][session]")
{
    Pair pair(1);
    CHECK(pair.first.say("a IDLE\r\n") == "+ idling\r\n");
    CHECK(pair.second.say("a IDLE\r\n") == "+ idling\r\n");
    Client third(pair.world);
    third.log_in();
    third.append(message("new"));
    CHECK(pair.first.heard() == "* 2 EXISTS\r\n");
    CHECK(pair.second.heard() == "* 2 EXISTS\r\n");
}

TEST_CASE("CLIENTS: iOS pipelines a command right behind IDLE", "[imap][session]")
{
    Pair pair(1);
    CHECK(pair.first.say("a IDLE\r\nDONE\r\nb NOOP\r\n") == "+ idling\r\na OK IDLE completed\r\nb OK NOOP completed\r\n");
}

TEST_CASE("CLIENTS: Thunderbird is told again of an EXISTS that came inside its UID FETCH", "[imap][session]")
{
    Pair pair(1);
    pair.first.append(message("new"));
    CHECK(pair.second.say("a UID FETCH 2:* (FLAGS)\r\n") ==
          "* 2 EXISTS\r\n* 2 FETCH (UID 2 FLAGS ())\r\na OK UID FETCH completed\r\n");
    CHECK(pair.second.say("b IDLE\r\n") == "+ idling\r\n* 2 EXISTS\r\n");
    CHECK(pair.second.say("DONE\r\n") == "b OK IDLE completed\r\n");
    CHECK(pair.second.say("c IDLE\r\n") == "+ idling\r\n");
}

TEST_CASE("CLIENTS: messages moved in are visible to UID FETCH N:* on another connection", "[imap][session]")
{
    Pair pair(1);
    CHECK(pair.second.ask("s SELECT Archive").starts_with("OK"));
    CHECK(pair.first.ask("a UID MOVE 1 Archive").starts_with("OK"));
    CHECK(pair.second.say("b UID FETCH 1:* (UID)\r\n") ==
          "* 1 EXISTS\r\n* 1 FETCH (UID 1)\r\nb OK UID FETCH completed\r\n");
    CHECK(pair.first.say("c NOOP\r\n") == "c OK NOOP completed\r\n");
}

TEST_CASE("CLIENTS: NOOP carries no STATUS", "[imap][session]")
{
    Pair pair(1);
    pair.first.append(message("new"));
    CHECK(pair.second.say("a NOOP\r\n") == "* 2 EXISTS\r\na OK NOOP completed\r\n");
}

TEST_CASE("E5: a client that does not read holds its own session only, until the deadline", "[imap][session][E5]")
{
    World world;
    Client reader(world);
    reader.log_in();
    reader.append(message("big", std::string(3'000'000, 'x') + "\r\n"));
    test::MemoryPipe pipe(4096, 4096);
    auto* near = pipe.near.get();
    co::Scope scope;
    scope.spawn(world.server->serve(std::move(pipe.near), false));
    world.loop.run();
    std::string chunk(8192, '\0');
    (void)test::run_ready(pipe.far->read_some(chunk, net::Deadline::never()));
    (void)test::run_ready(pipe.far->write("a LOGIN ann@example.org secret\r\nb SELECT INBOX\r\nc FETCH 1 BODY.PEEK[]\r\n",
                                          net::Deadline::never()));
    world.loop.run();
    std::size_t got = 0;
    while (got < 100'000) {
        const auto count = test::run_ready(pipe.far->read_some(chunk, net::Deadline::never()));
        REQUIRE(count);
        REQUIRE(*count != 0);
        got += *count;
        world.loop.run();
    }
    CHECK(near->is_writing());
    reader.select();
    CHECK(reader.ask("d FETCH 1 FLAGS") == "OK FETCH completed\r\n");
    CHECK(scope.running() == 1);
    CHECK(near->expire_write());
    world.loop.run();
    CHECK(scope.running() == 0);
}

TEST_CASE("B7: a session whose client vanishes ends, in every state", "[imap][session]")
{
    World world;
    for (const auto* script : {"", "a LOG", "a AUTHENTICATE LOGIN\r\n", "a LOGIN ann@example.org secret\r\nb IDLE\r\n",
                               "a LOGIN ann@example.org secret\r\nb APPEND INBOX {100}\r\nabc",
                               "a LOGIN ann@example.org secret\r\nb SELECT INBOX\r\nc FETCH {"}) {
        CAPTURE(script);
        Client client(world);
        (void)client.say(script);
        client.end().close();
        world.loop.run();
        CHECK(client.is_over());
    }
    CHECK(world.sessions.count("imap") == 0);
}

TEST_CASE("RFC 9051 6.3.2: what another session expunges during a SELECT is told by the next command, not in its answer",
          "[imap][session][E10]")
{
    Pair pair(3);
    (void)pair.first.ask("a STORE 2 +FLAGS.SILENT (\\Deleted)");
    // Both commands are there before either is carried out.
    const auto never = net::Deadline::never();
    (void)test::run_ready(pair.second.end().write("b SELECT INBOX\r\n", never));
    (void)test::run_ready(pair.first.end().write("b EXPUNGE\r\n", never));
    const auto selected = pair.second.heard();
    CHECK(selected.find("EXPUNGE") == std::string::npos);
    CHECK(pair.first.heard() == "* 2 EXPUNGE\r\nb OK EXPUNGE completed\r\n");
    const bool is_before = selected.find("* 3 EXISTS") != std::string::npos;
    CHECK(pair.second.say("c NOOP\r\n") == (is_before ? "* 2 EXPUNGE\r\nc OK NOOP completed\r\n" : "c OK NOOP completed\r\n"));
}

TEST_CASE("RFC 9051 6.3.13: an IDLE whose store fails waits and asks again later, without spinning", "[imap][session]")
{
    Pair pair(1);
    const auto there = pair.world.folder.path("mail/example.org/ann/cur");
    const auto aside = pair.world.folder.path("aside");
    REQUIRE(pair.world.files.rename(there, aside));
    CHECK(pair.second.say("a IDLE\r\n") == "+ idling\r\n");
    REQUIRE(pair.world.files.rename(aside, there));
    pair.first.append(message("new"));
    CHECK(pair.second.heard().find("* 2 EXISTS\r\n") != std::string::npos);
    CHECK(pair.second.say("DONE\r\n") == "a OK IDLE completed\r\n");
}

TEST_CASE("bad commands end a session after log-in only in a row", "[imap][session]")
{
    World world;
    Client client(world);
    client.log_in();
    for (int i = 0; i < 60; ++i) {
        REQUIRE(client.ask("a XYZZY").starts_with("BAD"));
        REQUIRE(client.ask("b NOOP").starts_with("OK"));
    }
    for (int i = 0; i < 50; ++i) (void)client.ask("c XYZZY");
    CHECK(client.is_over());
}

TEST_CASE("what was written out leaves no memory with a session that waits", "[imap]")
{
    test::MemoryPipe pipe(1U << 20U, 1U << 20U);
    Output out(std::chrono::seconds(1));
    out.attach(pipe.near.get());
    out.text().assign(100'000, 'x');
    (void)test::run_ready(out.flush(true));
    CHECK(out.text().capacity() < 1024);
}
