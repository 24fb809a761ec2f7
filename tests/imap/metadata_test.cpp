// METADATA (RFC 5464).
#include <catch2/catch_test_macros.hpp>

#include "imap/metadata.hpp"
#include "imap/parser.hpp"
#include "imap/world.hpp"

using namespace mbx;
using namespace mbx::imap;

namespace {

bool says(const std::string& heard, std::string_view what) { return heard.find(what) != std::string::npos; }

}  // namespace

TEST_CASE("RFC 5464 3.2: names of entries have a scope, two components, and no wildcards", "[imap][metadata]")
{
    CHECK(judge_entry("/Shared/Comment") == "/shared/comment");
    CHECK(judge_entry("/private/vendor/vendor.dovecot/pvt") == "/private/vendor/vendor.dovecot/pvt");
    for (const auto* bad : {"", "/", "/shared", "/shared/", "/private/a/", "/private//a", "private/a", "/other/a", "/shared/a*", "/shared/%",
                            "/shared/\xc3\xa9", "/shared/a\tb", "/shared/vendor", "/shared/vendor/x"}) {
        CAPTURE(bad);
        CHECK_FALSE(judge_entry(bad));
    }
    CHECK_FALSE(judge_entry("/shared/" + std::string(250, 'a')));
    // With a depth also what only has entries below it.
    for (const auto* above : {"/shared", "/Private", "/shared/vendor", "/shared/vendor/x"}) {
        CAPTURE(above);
        CHECK(judge_asked_entry(above, EntryDepth::one));
        CHECK(judge_asked_entry(above, EntryDepth::infinity));
        CHECK_FALSE(judge_asked_entry(above, EntryDepth::zero));
    }
    for (const auto* bad : {"", "/", "/shared/", "/sharedx", "/other", "shared", "/shared//a", "/shared/*"}) {
        CAPTURE(bad);
        CHECK_FALSE(judge_asked_entry(bad, EntryDepth::infinity));
    }
}

TEST_CASE("RFC 5464 4.2.2: with DEPTH a client lists all that a mailbox has", "[imap][metadata]")
{
    World world;
    Client client(world);
    client.log_in();
    CHECK(client.say("a GETMETADATA (DEPTH infinity) INBOX /shared\r\n") == "* METADATA \"INBOX\" (/shared NIL)\r\na OK GETMETADATA completed\r\n");
    REQUIRE(client.ask("b SETMETADATA INBOX (/private/comment \"mine\" /private/vendor/x/y \"deep\" /shared/comment \"ours\")").starts_with("OK"));
    CHECK(client.say("c GETMETADATA (DEPTH infinity) INBOX (/private /shared)\r\n") ==
          "* METADATA \"INBOX\" (/private/comment \"mine\" /private/vendor/x/y \"deep\" /shared/comment \"ours\")\r\n"
          "c OK GETMETADATA completed\r\n");
    CHECK(client.say("d GETMETADATA INBOX (DEPTH 1) /private\r\n") ==
          "* METADATA \"INBOX\" (/private/comment \"mine\")\r\nd OK GETMETADATA completed\r\n");
    CHECK(says(client.say("e GETMETADATA (DEPTH infinity) INBOX /private/vendor\r\n"), "(/private/vendor/x/y \"deep\")"));
    CHECK(says(client.say("f GETMETADATA (DEPTH 1) \"\" /shared\r\n"), "(/shared/admin \"mailto:postmaster@example.org\")"));
    CHECK(client.ask("g GETMETADATA (DEPTH 0) INBOX /private") == "BAD invalid entry name\r\n");
    CHECK(client.ask("h SETMETADATA INBOX (/private \"x\")").starts_with("BAD"));
}

TEST_CASE("RFC 5464 4.2, 4.3: what was set is what is answered, for mailboxes and the account", "[imap][metadata]")
{
    World world;
    Client client(world);
    client.log_in();
    CHECK(says(client.say("c CAPABILITY\r\n"), " METADATA"));
    CHECK(client.say("a GETMETADATA INBOX /shared/comment\r\n") == "* METADATA \"INBOX\" (/shared/comment NIL)\r\na OK GETMETADATA completed\r\n");
    CHECK(client.ask("b SETMETADATA INBOX (/shared/comment \"Really useful\" /PRIVATE/comment {11+}\r\ntwo\r\nlines!)").starts_with("OK"));
    CHECK(client.say("c GETMETADATA \"INBOX\" (/shared/comment /private/comment)\r\n") ==
          "* METADATA \"INBOX\" (/shared/comment \"Really useful\" /private/comment {11}\r\ntwo\r\nlines!)\r\nc OK GETMETADATA completed\r\n");
    CHECK(client.ask("d SETMETADATA INBOX (/shared/comment NIL)").starts_with("OK"));
    CHECK(says(client.say("e GETMETADATA INBOX /shared/comment\r\n"), "(/shared/comment NIL)"));
    CHECK(client.ask("f SETMETADATA \"\" (/private/vendor/x/y \"quo\\\"ted\\\\\")").starts_with("OK"));
    CHECK(says(client.say("g GETMETADATA \"\" /private/vendor/x/y\r\n"), "* METADATA \"\" (/private/vendor/x/y \"quo\\\"ted\\\\\")\r\n"));
    CHECK(says(client.say("h GETMETADATA \"\" /shared/admin\r\n"), "(/shared/admin \"mailto:postmaster@example.org\")"));
    const std::string nul("~{3+}\r\na\0b", 10);
    CHECK(client.ask("i SETMETADATA INBOX (/private/vendor/x/bin " + nul + ")").starts_with("OK"));
    CHECK(says(client.say("j GETMETADATA INBOX /private/vendor/x/bin\r\n"), std::string("~{3}\r\na\0b)", 10)));
    CHECK(client.ask("k SETMETADATA INBOX (/shared/comment \"\")").starts_with("OK"));
    CHECK(says(client.say("l GETMETADATA INBOX /shared/comment\r\n"), "(/shared/comment \"\")"));
}

TEST_CASE("RFC 5464 4.2.1, 4.2.2: DEPTH widens the answer, MAXSIZE leaves out what is larger and says so", "[imap][metadata]")
{
    World world;
    Client client(world);
    client.log_in();
    REQUIRE(client.ask("a SETMETADATA INBOX (/private/filters/values/small \"SMALLER 5000\" /private/filters/values/boss \"FROM boss\" "
                       "/private/filters/values/boss/deep \"x\")").starts_with("OK"));
    CHECK(client.say("b GETMETADATA INBOX (DEPTH 1) (/private/filters/values)\r\n") ==
          "* METADATA \"INBOX\" (/private/filters/values/boss \"FROM boss\" /private/filters/values/small \"SMALLER 5000\")\r\n"
          "b OK GETMETADATA completed\r\n");
    CHECK(says(client.say("c GETMETADATA (DEPTH infinity) INBOX /private/filters\r\n"), "/private/filters/values/boss/deep \"x\""));
    CHECK(says(client.say("d GETMETADATA (DEPTH 0) INBOX /private/filters/values\r\n"), "(/private/filters/values NIL)"));
    CHECK(client.say("e GETMETADATA \"INBOX\" (MAXSIZE 9 DEPTH infinity) /private/filters\r\n") ==
          "* METADATA \"INBOX\" (/private/filters/values/boss \"FROM boss\" /private/filters/values/boss/deep \"x\")\r\n"
          "e OK [METADATA LONGENTRIES 12] GETMETADATA completed\r\n");
    CHECK(client.say("f GETMETADATA (MAXSIZE 1) INBOX /private/filters/values/small\r\n") ==
          "f OK [METADATA LONGENTRIES 12] GETMETADATA completed\r\n");
}

TEST_CASE("RFC 5464 4.3: one that cannot be set leaves all as they were", "[imap][metadata]")
{
    auto options = test_options();
    options.annotations = {3, 20, 50};
    World world(options);
    Client client(world);
    client.log_in();
    CHECK(client.ask("a SETMETADATA INBOX (/shared/comment \"x\" /private/comment \"" + std::string(21, 'y') + "\")")
              .starts_with("NO [METADATA MAXSIZE 20]"));
    CHECK(says(client.say("b GETMETADATA INBOX /shared/comment\r\n"), "NIL"));
    CHECK(client.ask("c SETMETADATA INBOX (/shared/a \"1\" /shared/b \"2\" /shared/c \"3\" /shared/d \"4\")").starts_with("NO [METADATA TOOMANY]"));
    CHECK(says(client.say("d GETMETADATA INBOX /shared/a\r\n"), "NIL"));
    CHECK(client.ask("e SETMETADATA INBOX (/shared/a \"1\" /shared/b \"2\" /shared/c \"3\")").starts_with("OK"));
    CHECK(client.ask("f SETMETADATA INBOX (/shared/d \"4\")").starts_with("NO [METADATA TOOMANY]"));
    CHECK(client.ask("g SETMETADATA INBOX (/shared/d \"4\" /shared/a NIL)").starts_with("OK"));
    const std::string twenty(20, 'z');
    CHECK(client.ask("h SETMETADATA INBOX (/shared/b \"" + twenty + "\" /shared/c \"" + twenty + "\" /shared/d \"" + twenty + "\")")
              .starts_with("NO [METADATA TOOMANY]"));
    CHECK(client.ask("i SETMETADATA nowhere (/shared/a \"1\")").starts_with("NO [NONEXISTENT]"));
    CHECK(client.ask("j GETMETADATA nowhere /shared/a").starts_with("NO [NONEXISTENT]"));
    CHECK(client.ask("k SETMETADATA \"\" (/shared/comment \"1\")").starts_with("NO [NOPERM]"));
    CHECK(client.ask("l SETMETADATA \"\" (/shared/admin \"1\")").starts_with("NO [NOPERM]"));
    for (const auto* bad : {"SETMETADATA INBOX (/shared \"1\")", "SETMETADATA INBOX (/shared/* \"1\")", "SETMETADATA INBOX ()",
                            "SETMETADATA INBOX (/shared/a)", "SETMETADATA INBOX", "GETMETADATA INBOX", "GETMETADATA INBOX ()",
                            "GETMETADATA INBOX (DEPTH 2) /shared/a", "GETMETADATA INBOX (COLOUR 2) /shared/a",
                            "GETMETADATA INBOX (MAXSIZE) /shared/a", "GETMETADATA INBOX shared/a"}) {
        CAPTURE(bad);
        CHECK(client.ask("z " + std::string(bad)).starts_with("BAD"));
    }
}

TEST_CASE("RFC 5464 4.1: annotations follow a rename, are copied from INBOX, and end with their mailbox", "[imap][metadata]")
{
    World world;
    Client client(world);
    client.log_in();
    REQUIRE(client.ask("a CREATE one").starts_with("OK"));
    REQUIRE(client.ask("b SETMETADATA one (/shared/comment \"of one\")").starts_with("OK"));
    REQUIRE(client.ask("c RENAME one two").starts_with("OK"));
    CHECK(says(client.say("d GETMETADATA two /shared/comment\r\n"), "* METADATA \"two\" (/shared/comment \"of one\")"));
    REQUIRE(client.ask("e DELETE two").starts_with("OK"));
    REQUIRE(client.ask("f CREATE two").starts_with("OK"));
    CHECK(says(client.say("g GETMETADATA two /shared/comment\r\n"), "NIL"));
    REQUIRE(client.ask("h SETMETADATA INBOX (/private/comment \"of INBOX\")").starts_with("OK"));
    REQUIRE(client.ask("i RENAME INBOX old").starts_with("OK"));
    CHECK(says(client.say("j GETMETADATA old /private/comment\r\n"), "\"of INBOX\""));
    CHECK(says(client.say("k GETMETADATA INBOX /private/comment\r\n"), "\"of INBOX\""));
}

TEST_CASE("RFC 6154 4: the use of a mailbox is an annotation that is read", "[imap][metadata]")
{
    World world;
    Client client(world);
    client.log_in();
    CHECK(says(client.say("a GETMETADATA Sent /private/specialuse\r\n"), "(/private/specialuse \"\\\\Sent\")"));
    CHECK(says(client.say("b GETMETADATA INBOX /private/specialuse\r\n"), "NIL"));
    CHECK(client.ask("c SETMETADATA INBOX (/private/specialuse \"\\\\Sent\")").starts_with("NO [CANNOT]"));
}

TEST_CASE("RFC 5464 4.4.2: what another session sets is told to whoever enabled it, by name, at once in IDLE", "[imap][metadata]")
{
    World world;
    Client waiting(world);
    Client asking(world);
    Client plain(world);
    Client setting(world);
    for (auto* each : {&waiting, &asking, &plain, &setting}) each->log_in();
    CHECK(waiting.say("a ENABLE METADATA\r\n") == "* ENABLED METADATA\r\na OK ENABLE completed\r\n");
    CHECK(asking.ask("a ENABLE METADATA").starts_with("OK"));
    CHECK(setting.ask("a ENABLE METADATA").starts_with("OK"));
    CHECK(waiting.say("b IDLE\r\n") == "+ idling\r\n");
    CHECK(setting.say("b SETMETADATA INBOX (/shared/comment \"1\" /private/comment \"2\")\r\n") == "b OK SETMETADATA completed\r\n");
    CHECK(setting.ask("c SETMETADATA \"\" (/private/comment \"3\")").starts_with("OK"));
    CHECK(waiting.heard() == "* METADATA \"INBOX\" /private/comment /shared/comment\r\n* METADATA \"\" /private/comment\r\n");
    CHECK(asking.say("b NOOP\r\n") == "* METADATA \"\" /private/comment\r\n* METADATA \"INBOX\" /private/comment /shared/comment\r\nb OK NOOP completed\r\n");
    CHECK(plain.say("b NOOP\r\n") == "b OK NOOP completed\r\n");
    CHECK(says(waiting.say("DONE\r\n"), "b OK"));
    CHECK(waiting.ask("c UNAUTHENTICATE").starts_with("OK"));
    CHECK(setting.ask("d SETMETADATA INBOX (/shared/comment \"4\")").starts_with("OK"));
    CHECK(waiting.say("d NOOP\r\n") == "d OK NOOP completed\r\n");
}

TEST_CASE("annotations survive the loss of the index and a restart, and damaged ones are set aside", "[imap][metadata]")
{
    World world;
    {
        Client client(world);
        client.log_in();
        REQUIRE(client.ask("a SETMETADATA INBOX (/shared/comment \"kept\")").starts_with("OK"));
    }
    const std::string file = world.folder.path("mail/example.org/ann/mailboxd-annotations");
    const auto text = read_whole(world.files, file, 4096);
    REQUIRE(text);
    CHECK(text->starts_with("mailboxd-annotations 1\n"));
    {
        Client client(world);
        client.log_in();
        CHECK(says(client.say("a GETMETADATA INBOX /shared/comment\r\n"), "\"kept\""));
    }
    REQUIRE(replace_whole(world.files, file, "rubbish", 0600));
    Client client(world);
    client.log_in();
    CHECK(says(client.say("a GETMETADATA INBOX /shared/comment\r\n"), "NIL"));
    CHECK(client.ask("b SETMETADATA INBOX (/shared/comment \"anew\")").starts_with("OK"));
    CHECK(says(client.say("c GETMETADATA INBOX /shared/comment\r\n"), "\"anew\""));
    CHECK(world.files.info(file + ".damaged"));
}
