#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

#include "imap/world.hpp"

using namespace mbx;
using namespace mbx::imap;

TEST_CASE("RFC 9051 6.3.2: SELECT tells flags, size, UIDs, and READ-WRITE", "[imap][session]")
{
    World world;
    Client client(world);
    client.log_in();
    client.append(message("one"), "(\\Seen)");
    client.append(message("two"));
    const auto answer = client.say("a SELECT inbox\r\n");
    CHECK(answer.starts_with("* FLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft $Forwarded)\r\n"
                             "* OK [PERMANENTFLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft $Forwarded \\*)] these are kept\r\n"
                             "* 2 EXISTS\r\n* 0 RECENT\r\n* OK [UNSEEN 2] first unseen message\r\n* OK [UIDVALIDITY "));
    CHECK(answer.find("* OK [UIDNEXT 3]") != std::string::npos);
    CHECK(answer.ends_with("a OK [READ-WRITE] SELECT completed\r\n"));
    CHECK(client.say("b EXAMINE INBOX\r\n").ends_with("b OK [READ-ONLY] EXAMINE completed\r\n"));
    CHECK(client.ask("c STORE 1 +FLAGS (\\Deleted)").starts_with("NO"));
    CHECK(client.ask("d EXPUNGE").starts_with("NO"));
    CHECK(client.ask("e SELECT Nowhere").starts_with("NO [NONEXISTENT]"));
    CHECK(client.ask("f FETCH 1 FLAGS").starts_with("BAD"));
}

TEST_CASE("RFC 9051 6.3.1: IMAP4rev2 changes names, SELECT and SEARCH once it is enabled", "[imap][session][E18]")
{
    World world;
    Client client(world);
    client.log_in();
    CHECK(client.ask("a CREATE \"Entw&APw-rfe\"").starts_with("OK [MAILBOXID (F"));
    CHECK(client.say("b LIST \"\" Entw*\r\n").starts_with("* LIST (\\HasNoChildren) \"/\" \"Entw&APw-rfe\"\r\n"));
    CHECK(client.ask("b2 CREATE {9}\r\nEntw\xc3\xbcrfe").starts_with("BAD"));
    CHECK(client.say("c ENABLE XYZZY imap4rev2\r\n") == "* ENABLED IMAP4rev2\r\nc OK ENABLE completed\r\n");
    CHECK(client.say("d LIST \"\" Entw*\r\n").starts_with("* LIST (\\HasNoChildren) \"/\" \"Entw\xc3\xbcrfe\"\r\n"));
    const auto selected = client.say("e SELECT \"Entw\xc3\xbcrfe\"\r\n");
    CHECK(selected.find("RECENT") == std::string::npos);
    CHECK(selected.find("* LIST (\\HasNoChildren) \"/\" \"Entw\xc3\xbcrfe\"\r\n") != std::string::npos);
    CHECK(client.say("e2 SELECT Sent\r\n").find("* LIST (\\HasNoChildren \\Sent \\Subscribed) \"/\" \"Sent\"\r\n") != std::string::npos);
    CHECK(client.say("f SEARCH ALL\r\n") == "* ESEARCH (TAG \"f\")\r\nf OK SEARCH completed\r\n");
    CHECK(client.say("g SELECT INBOX\r\n").starts_with("* OK [CLOSED]"));
}

TEST_CASE("CLIENTS: a new account has its special-use mailboxes, shown in a plain LIST", "[imap][session]")
{
    World world;
    Client client(world);
    client.log_in();
    const auto answer = client.say("a LIST \"\" \"*\"\r\n");
    for (const auto* line : {"\\Drafts) \"/\" \"Drafts\"", "\\Sent) \"/\" \"Sent\"", "\\Junk) \"/\" \"Junk\"",
                             "\\Trash) \"/\" \"Trash\"", "\\Archive) \"/\" \"Archive\"", ") \"/\" \"INBOX\""}) {
        CAPTURE(line);
        CHECK(answer.find(line) != std::string::npos);
    }
    CHECK(client.say("b NAMESPACE\r\n").starts_with("* NAMESPACE ((\"\" \"/\")) ((\"Other Users/\" \"/\")) NIL\r\n"));
    CHECK(client.say("c LIST \"\" \"\"\r\n").starts_with("* LIST (\\Noselect) \"/\" \"\"\r\n"));
    CHECK(client.say("d LSUB \"\" \"*\"\r\n").find("* LSUB (\\Sent) \"/\" \"Sent\"\r\n") != std::string::npos);
}

TEST_CASE("RFC 9051 6.3.4 to 6.3.8: mailboxes are made, renamed, subscribed and removed", "[imap][session]")
{
    World world;
    Client client(world);
    client.log_in();
    CHECK(client.ask("a CREATE Fruit/Apple/").starts_with("OK [MAILBOXID (F"));
    CHECK(client.ask("a CREATE Fruit/Apple").starts_with("NO [ALREADYEXISTS]"));
    CHECK(client.ask("a CREATE inbox").starts_with("NO [ALREADYEXISTS]"));
    CHECK(client.ask("a DELETE INBOX").starts_with("NO [CANNOT]"));
    CHECK(client.ask("a RENAME Fruit/Apple Fruit/Pear") == "OK RENAME completed\r\n");
    CHECK(client.ask("a RENAME Fruit/Apple X").starts_with("NO [NONEXISTENT]"));
    CHECK(client.ask("a SUBSCRIBE Fruit/Pear") == "OK SUBSCRIBE completed\r\n");
    CHECK(client.ask("a DELETE Fruit/Pear") == "OK DELETE completed\r\n");
    CHECK(client.say("b LIST (SUBSCRIBED) \"\" Fruit/*\r\n") ==
          "* LIST (\\NonExistent \\Subscribed) \"/\" \"Fruit/Pear\"\r\nb OK LIST completed\r\n");
    CHECK(client.ask("a UNSUBSCRIBE Fruit/Pear") == "OK UNSUBSCRIBE completed\r\n");
    CHECK(client.ask("a CREATE Mine (USE (\\Flagged))").starts_with("OK [MAILBOXID (F"));
    CHECK(client.say("b LIST (SPECIAL-USE) \"\" Mine\r\n").starts_with("* LIST (\\HasNoChildren \\Flagged) \"/\" \"Mine\"\r\n"));
    CHECK(client.ask("a CREATE Other (USE (\\Nonsense))").starts_with("NO [USEATTR]"));
    CHECK(client.ask("a CREATE Other (USE (\\Sent \\Drafts))").starts_with("NO [USEATTR]"));
}

TEST_CASE("F1: names that look like paths make no mailbox and no file outside", "[imap][session][F1]")
{
    World world;
    Client client(world);
    client.log_in();
    const auto name = GENERATE(values<std::string>(
        {"../../etc", "a/../b", "/abs", ".", "..", "a//b", "a/.", "\"\"", "&AC8-", "&AAA-", "\"a&AAo-b\"", "&AH8-"}));
    CAPTURE(name);
    const auto answer = client.ask("a CREATE " + name);
    CHECK((answer.starts_with("NO [CANNOT]") || answer.starts_with("BAD")));
    CHECK(client.ask("b LIST \"\" *").starts_with("OK"));
    CHECK_FALSE(std::filesystem::exists(world.folder.path("etc")));
}

TEST_CASE("F2: a mailbox name in a second spelling is BAD", "[imap][session][F2]")
{
    World world;
    Client client(world);
    client.log_in();
    CHECK(client.ask("a CREATE &AGE-").starts_with("BAD"));
    CHECK(client.ask("a SELECT A&B").starts_with("BAD"));
    CHECK(client.ask("a LIST \"\" &AGE-*").starts_with("BAD"));
}

TEST_CASE("F3: levels and depths beyond the limits are refused and leave nothing behind", "[imap][session][F3]")
{
    World world;
    Client client(world);
    client.log_in();
    std::string deep = "a";
    for (int i = 0; i < 1000; ++i) deep += "/a";
    CHECK(client.ask("a CREATE " + deep).starts_with("NO"));
    CHECK(client.ask("a CREATE " + std::string(5000, 'x')).starts_with("NO"));
    CHECK(client.say("b LIST \"\" a*\r\n") == "b OK LIST completed\r\n");
    // 128 Cyrillic letters are 256 bytes and a good name.
    std::string cyrillic;
    for (int i = 0; i < 128; ++i) cyrillic += "\xd0\xb6";
    (void)client.ask("c ENABLE IMAP4rev2");
    CHECK(client.ask("d CREATE \"" + cyrillic + "\"").starts_with("OK [MAILBOXID (F"));
    CHECK(client.say("e LIST \"\" \"" + cyrillic + "\"\r\n").starts_with("* LIST (\\HasNoChildren) \"/\" \"" + cyrillic));
}

TEST_CASE("RFC 9051 6.3.11: STATUS and LIST RETURN (STATUS) count", "[imap][session]")
{
    World world;
    Client client(world);
    client.log_in();
    client.append(message("one"), "(\\Seen)");
    client.append(message("two"), "(\\Deleted)");
    const auto size = std::to_string(2 * message("one").size());
    CHECK(client.say("a STATUS inbox (MESSAGES UIDNEXT UNSEEN DELETED SIZE RECENT APPENDLIMIT)\r\n") ==
          "* STATUS \"INBOX\" (MESSAGES 2 UIDNEXT 3 UNSEEN 1 DELETED 1 SIZE " + size +
              " RECENT 0 APPENDLIMIT 67108864)\r\na OK STATUS completed\r\n");
    // CLIENTS: the STATUS stands right behind its LIST.
    CHECK(client.say("b LIST \"\" (INBOX Sent) RETURN (STATUS (MESSAGES))\r\n") ==
          "* LIST (\\HasNoChildren) \"/\" \"INBOX\"\r\n* STATUS \"INBOX\" (MESSAGES 2)\r\n"
          "* LIST (\\HasNoChildren \\Sent) \"/\" \"Sent\"\r\n* STATUS \"Sent\" (MESSAGES 0)\r\nb OK LIST completed\r\n");
    CHECK(client.ask("c STATUS Nowhere (MESSAGES)").starts_with("NO [NONEXISTENT]"));
}

TEST_CASE("a mailbox removed under a session ends that session, one's own only the selection", "[imap][session]")
{
    World world;
    Client first(world);
    first.log_in();
    (void)first.ask("a CREATE Work");
    first.select("Work");
    Client second(world);
    second.log_in();
    second.select("Work");
    CHECK(first.ask("b DELETE Work") == "OK DELETE completed\r\n");
    CHECK(first.ask("c FETCH 1 FLAGS").starts_with("BAD"));
    CHECK(first.ask("d NOOP") == "OK NOOP completed\r\n");
    CHECK(second.say("e NOOP\r\n").starts_with("* BYE the selected mailbox was deleted"));
    CHECK(second.is_over());
}

TEST_CASE("RFC 2971: ID is answered in every state", "[imap][session]")
{
    World world;
    Client client(world);
    CHECK(client.say("a ID (\"name\" \"Thunderbird\")\r\n") == "* ID (\"name\" \"mailboxd\")\r\na OK ID completed\r\n");
    client.log_in();
    CHECK(client.ask("b ID NIL") == "OK ID completed\r\n");
}
