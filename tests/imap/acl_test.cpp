// ACL (RFC 4314) and mailboxes of other users (RFC 2342): who may do what with Ann's mailboxes.
#include <catch2/catch_test_macros.hpp>

#include "imap/shared_names.hpp"
#include "imap/world.hpp"

using namespace mbx;
using namespace mbx::imap;

namespace {

bool has(std::string_view text, std::string_view part) { return text.find(part) != std::string_view::npos; }

std::string replaced(std::string text, const std::string& from, const std::string& to)
{
    for (auto at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size())) text.replace(at, from.size(), to);
    return text;
}

// Ann has "Projects" with three messages; Bob is another user.
struct Two {
    explicit Two(std::string_view rights = "") : world(test_options(), 2), ann(world), bob(world)
    {
        ann.log_in();
        must(bob.ask("l LOGIN bob@example.org secret").starts_with("OK"), "log-in failed");
        must(ann.ask("a CREATE Projects").starts_with("OK"), "not created");
        for (const auto* flags : {"(\\Seen)", "(\\Answered work)", ""}) ann.append(message("m"), flags, "Projects");
        if (!rights.empty()) grant(rights);
    }
    void grant(std::string_view rights, std::string_view mailbox = "Projects")
    {
        must(ann.ask("g SETACL " + std::string(mailbox) + " bob@example.org " + std::string(rights)).starts_with("OK"), "not granted");
    }
    World world;
    Client ann;
    Client bob;
};

constexpr const char* kTheirs = "\"Other Users/ann@example.org/Projects\"";

}  // namespace

TEST_CASE("RFC 4314 3.1 to 3.8: SETACL, GETACL, DELETEACL, LISTRIGHTS, MYRIGHTS", "[imap][acl]")
{
    Two two;
    auto& ann = two.ann;
    CHECK(has(ann.say("a CAPABILITY\r\n"), " ACL RIGHTS=kxte "));
    CHECK(ann.say("b GETACL Projects\r\n") == "* ACL \"Projects\" \"ann@example.org\" lrswipkxtecda\r\nb OK GETACL completed\r\n");
    CHECK(ann.ask("c SETACL Projects bob@example.org lrswida").starts_with("OK"));
    CHECK(has(ann.say("d GETACL Projects\r\n"), " \"bob@example.org\" lrswiteda\r\n"));  // section 2.1.1: d is e and t
    CHECK(ann.ask("e SETACL Projects BOB@Example.org +c").starts_with("OK"));
    CHECK(has(ann.say("f GETACL Projects\r\n"), " \"bob@example.org\" lrswikxtecda\r\n"));
    CHECK(ann.ask("g SETACL Projects bob@example.org -cda").starts_with("OK"));
    CHECK(has(ann.say("h GETACL Projects\r\n"), " \"bob@example.org\" lrswi\r\n"));
    CHECK(two.bob.say(std::string("i MYRIGHTS ") + kTheirs + "\r\n") == std::string("* MYRIGHTS ") + kTheirs + " lrswi\r\ni OK MYRIGHTS completed\r\n");
    CHECK(ann.say("j MYRIGHTS Projects\r\n").starts_with("* MYRIGHTS \"Projects\" lrswipkxtecda\r\n"));
    // Section 2: negative rights, which a DELETEACL of the other leaves.
    CHECK(ann.ask("k SETACL Projects -bob@example.org w").starts_with("OK"));
    CHECK(has(two.bob.say(std::string("l MYRIGHTS ") + kTheirs + "\r\n"), " lrsi\r\n"));
    CHECK(ann.ask("m SETACL Projects anyone lrp").starts_with("OK"));
    CHECK(has(two.bob.say(std::string("n MYRIGHTS ") + kTheirs + "\r\n"), " lrsip\r\n"));
    CHECK(ann.ask("o DELETEACL Projects bob@example.org").starts_with("OK"));
    CHECK(has(ann.say("p GETACL Projects\r\n"), "lrswipkxtecda \"anyone\" lrp \"-bob@example.org\" w\r\n"));
    CHECK(has(two.bob.say(std::string("q MYRIGHTS ") + kTheirs + "\r\n"), " lrp\r\n"));
    CHECK(ann.ask("r SETACL Projects -anyone p").starts_with("OK"));
    CHECK(has(two.bob.say(std::string("s MYRIGHTS ") + kTheirs + "\r\n"), " lr\r\n"));
    // Section 3.4: the identifier as it came; the owner's rights are forced.
    CHECK(ann.say("t LISTRIGHTS Projects Bob@example.org\r\n") ==
          "* LISTRIGHTS \"Projects\" \"Bob@example.org\" \"\" l r s w i p k x t e c d a\r\nt OK LISTRIGHTS completed\r\n");
    CHECK(has(ann.say("u LISTRIGHTS Projects ann@example.org\r\n"), "\"ann@example.org\" lrswipkxtecda\r\n"));
    CHECK(ann.ask("v SETACL Projects ann@example.org lr").starts_with("NO [CANNOT]"));
    CHECK(ann.ask("w SETACL Projects -ann@example.org r").starts_with("NO [CANNOT]"));
    CHECK(has(ann.say("x MYRIGHTS Projects\r\n"), " lrswipkxtecda\r\n"));
}

TEST_CASE("RFC 4314 3, 3.1: rights that do not exist and identifiers that cannot be are BAD, unknown accounts NO", "[imap][acl]")
{
    Two two;
    for (const auto* bad : {"SETACL Projects bob@example.org lrQ", "SETACL Projects bob@example.org lrqswicda", "SETACL Projects bob@example.org lr0",
                            "SETACL Projects \"\" lr", "SETACL Projects \"-\" lr", "SETACL Projects bob@example.org", "GETACL", "SETACL Projects",
                            "LISTRIGHTS Projects \"\"", "MYRIGHTS", "DELETEACL Projects \"\"", "SETACL Projects {2+}\r\n\xff\xfe lr"}) {
        CAPTURE(bad);
        CHECK(two.ann.ask("z " + std::string(bad)).starts_with("BAD"));
    }
    CHECK(two.ann.ask("a SETACL Projects nobody@example.org lr").starts_with("NO [CANNOT]"));
    CHECK(two.ann.ask("b SETACL Nowhere bob@example.org lr").starts_with("NO [NONEXISTENT]"));
    CHECK(two.ann.ask("c GETACL Nowhere").starts_with("NO [NONEXISTENT]"));
    CHECK(two.ann.ask("d SETACL Projects bob@example.org \"\"").starts_with("OK"));
    CHECK(two.ann.ask("e SETACL Projects bob \"lr\"").starts_with("OK"));  // as he logs in
}

TEST_CASE("RFC 2342 5: other users' mailboxes stand in a namespace of their own, as far as they may be looked up", "[imap][acl]")
{
    Two two;
    CHECK(two.bob.say("a NAMESPACE\r\n").starts_with("* NAMESPACE ((\"\" \"/\")) ((\"Other Users/\" \"/\")) NIL\r\n"));
    CHECK_FALSE(has(two.bob.say("b LIST \"\" *\r\n"), "Other Users"));
    REQUIRE(two.ann.ask("c CREATE A/B/C").starts_with("OK"));
    two.grant("lr");
    two.grant("lr", "A/B/C");
    two.grant("l", "INBOX");
    const auto all = two.bob.say("d LIST \"\" *\r\n");
    CHECK(has(all, "* LIST (\\HasNoChildren) \"/\" \"Other Users/ann@example.org/INBOX\"\r\n"));
    CHECK(has(all, "* LIST (\\HasNoChildren) \"/\" \"Other Users/ann@example.org/Projects\"\r\n"));
    CHECK(has(all, "* LIST (\\HasNoChildren) \"/\" \"Other Users/ann@example.org/A/B/C\"\r\n"));
    // Section 4 of RFC 4314: a parent that may not be looked up is as one that is not there.
    CHECK_FALSE(has(all, "\"Other Users/ann@example.org/A/B\""));
    CHECK_FALSE(has(all, "Sent\"\r\n* LIST (\\HasNoChildren \\Sent) \"/\" \"Other"));
    CHECK(two.bob.say("e LIST \"\" \"Other Users/%\"\r\n") ==
          "* LIST (\\NonExistent \\Noselect \\HasChildren) \"/\" \"Other Users/ann@example.org\"\r\ne OK LIST completed\r\n");
    CHECK(has(two.bob.say("f LIST \"\" %\r\n"), "* LIST (\\NonExistent \\Noselect \\HasChildren) \"/\" \"Other Users\"\r\n"));
    CHECK(has(two.bob.say("g LIST \"Other Users/ann@example.org/\" %\r\n"), "(\\NonExistent \\Noselect \\HasChildren) \"/\" \"Other Users/ann@example.org/A\""));
    CHECK_FALSE(has(two.ann.say("h LIST \"\" *\r\n"), "Other Users"));
    CHECK_FALSE(has(two.bob.say("i LIST \"\" \"Nowhere/*\"\r\n"), "LIST ("));
    // Subscriptions are the reader's own.
    CHECK(two.bob.ask(std::string("j SUBSCRIBE ") + kTheirs).starts_with("OK"));
    CHECK(has(two.bob.say("k LIST (SUBSCRIBED) \"\" *\r\n"), "(\\HasNoChildren \\Subscribed) \"/\" " + std::string(kTheirs)));
    CHECK(has(two.bob.say("l LSUB \"\" \"Other*\"\r\n"), "* LSUB () \"/\" " + std::string(kTheirs)));
    CHECK_FALSE(has(two.ann.say("m LIST (SUBSCRIBED) \"\" Projects\r\n"), "\\Subscribed"));
    CHECK(two.bob.ask("n SUBSCRIBE \"Other Users/nobody@example.org/X\"").starts_with("OK"));  // nothing is looked at
    CHECK(has(two.bob.say("o LIST \"\" \"Other Users/ann@example.org/Projects\" RETURN (STATUS (MESSAGES))\r\n"), "* STATUS " + std::string(kTheirs) + " (MESSAGES 3)"));
    CHECK_FALSE(has(two.bob.say("p LIST \"\" \"Other Users/ann@example.org/INBOX\" RETURN (STATUS (MESSAGES))\r\n"), "STATUS ("));
    // Names of that kind cannot be the own ones.
    CHECK(two.bob.ask("q CREATE \"Other Users\"").starts_with("NO [CANNOT]"));
    CHECK(two.bob.ask("r CREATE \"Other Users/mine\"").starts_with("NO [NOPERM]"));
    CHECK(two.bob.ask("s RENAME Sent \"Other Users\"").starts_with("NO [CANNOT]"));
    CHECK(two.bob.ask("t SELECT \"Other Users/bob@example.org/INBOX\"").starts_with("NO [NONEXISTENT]"));
    CHECK(two.bob.ask("u SELECT \"Other Users/ANN@example.org/Projects\"").starts_with("NO [NONEXISTENT]"));
    CHECK(two.bob.ask("v STATUS \"Other Users/ann@example.org/inbox\" (MESSAGES)").starts_with("NO [NOPERM]"));
}

TEST_CASE("RFC 8440 3: LIST tells the rights behind each mailbox that matches", "[imap][acl]")
{
    Two two("lrs");
    CHECK(has(two.bob.greeting, "IMAP4rev1"));
    CHECK(two.bob.say("a LIST \"\" \"Other Users/*\" RETURN (MYRIGHTS)\r\n") ==
          std::string("* LIST (\\HasNoChildren) \"/\" ") + kTheirs + "\r\n* MYRIGHTS " + kTheirs + " lrs\r\na OK LIST completed\r\n");
    CHECK(has(two.bob.say("b LIST \"\" INBOX RETURN (MYRIGHTS)\r\n"), "* MYRIGHTS \"INBOX\" lrswipkxtecda\r\n"));
    CHECK(two.ann.ask("c CREATE foo/bar").starts_with("OK"));
    CHECK(two.ann.ask("d SUBSCRIBE foo/bar").starts_with("OK"));
    CHECK(two.ann.ask("e SUBSCRIBE gone").starts_with("OK"));
    const auto heard = two.ann.say("f LIST (SUBSCRIBED RECURSIVEMATCH) \"\" % RETURN (MYRIGHTS)\r\n");
    CHECK(has(heard, "\"foo\" (\"CHILDINFO\""));
    CHECK_FALSE(has(heard, "MYRIGHTS \"foo\""));
    CHECK_FALSE(has(heard, "MYRIGHTS \"gone\""));
}

TEST_CASE("RFC 4314 6: who has no right to a mailbox hears what he would if it, or its owner, were not there", "[imap][acl]")
{
    Two two;
    REQUIRE(two.ann.ask("a CREATE Open").starts_with("OK"));
    two.grant("lrswi", "Open");
    two.bob.append(message("own"));
    const std::vector<std::string> names{"Other Users/ann@example.org/Projects", "Other Users/ann@example.org/Nowhere",
                                         "Other Users/carol@example.org/Projects", "Other Users/zoe@example.org/Projects"};
    two.world.add_account("carol@example.org");
    for (const auto* command : {"SELECT \"%\"", "EXAMINE \"%\"", "STATUS \"%\" (MESSAGES UIDNEXT)", "GETACL \"%\"", "SETACL \"%\" bob@example.org lr",
                                "DELETEACL \"%\" bob@example.org", "LISTRIGHTS \"%\" bob@example.org", "MYRIGHTS \"%\"", "CREATE \"%/Below\"",
                                "DELETE \"%\"", "RENAME \"%\" \"Other Users/ann@example.org/Open/New\"", "RENAME \"%\" Mine", "RENAME Sent \"%/Sent\"",
                                "SUBSCRIBE \"%\"", "UNSUBSCRIBE \"%\"", "GETQUOTAROOT \"%\"", "GETMETADATA \"%\" /shared/comment",
                                "SETMETADATA \"%\" (/shared/comment \"x\")", "LIST \"\" \"%\"", "LIST \"\" \"%/*\" RETURN (MYRIGHTS STATUS (MESSAGES))",
                                "APPEND \"%\" {5+}\r\nhello", "APPEND \"%\" CATENATE (TEXT {5+}\r\nhello)", "RESETKEY \"%\"",
                                "GENURLAUTH \"imap://bob@imap.example.org/%/;UID=1;URLAUTH=anonymous\" INTERNAL",
                                "ESEARCH IN (mailboxes \"%\" subtree \"%\") ALL",
                                "NOTIFY SET STATUS (mailboxes \"%\" (MessageNew MessageExpunge FlagChange MailboxName))"}) {
        std::vector<std::string> answers;
        for (const auto& name : names) {
            Client bob(two.world);
            REQUIRE(bob.ask("l LOGIN bob@example.org secret").starts_with("OK"));
            answers.push_back(replaced(bob.say("z " + replaced(command, "%", name) + "\r\n"), name, "%"));
        }
        CAPTURE(command, answers[0], answers[1], answers[2], answers[3]);
        CHECK(answers[0] == answers[1]);
        CHECK(answers[0] == answers[2]);
        CHECK(answers[0] == answers[3]);
    }
    // And from the selected state.
    two.bob.select("INBOX");
    for (const auto* command : {"COPY 1 \"%\"", "MOVE 1 \"%\"", "UID COPY 1 \"%\"", "UID MOVE 1 \"%\"", "REPLACE 1 \"%\" {5+}\r\nhello"}) {
        std::vector<std::string> answers;
        for (const auto& name : names) answers.push_back(replaced(two.bob.say("z " + replaced(command, "%", name) + "\r\n"), name, "%"));
        CAPTURE(command, answers[0], answers[1]);
        CHECK(answers[0].starts_with("z NO"));
        CHECK(answers[0] == answers[1]);
        CHECK(answers[0] == answers[2]);
        CHECK(answers[0] == answers[3]);
    }
    CHECK(has(two.bob.say("y FETCH 1 FLAGS\r\n"), "* 1 FETCH"));
}

TEST_CASE("RFC 4314 4: with the right to look it up and no other, every command is refused with NOPERM", "[imap][acl]")
{
    Two two("l");
    two.bob.append(message("own"));
    two.bob.select("INBOX");
    for (const auto* command : {"EXAMINE", "STATUS", "GETACL", "SETACL", "DELETEACL", "LISTRIGHTS", "DELETE", "RENAME", "GETQUOTAROOT", "GETMETADATA",
                                "SETMETADATA", "COPY", "MOVE", "REPLACE", "APPEND", "CREATE", "RESETKEY"}) {
        const std::string verb = command;
        std::string text = verb + " " + kTheirs;
        if (verb == "STATUS") text += " (MESSAGES)";
        if (verb == "SETACL") text += " bob@example.org lrswipkxtea";
        if (verb == "DELETEACL" || verb == "LISTRIGHTS") text += " bob@example.org";
        if (verb == "RENAME") text += " \"Other Users/ann@example.org/New\"";
        if (verb == "GETMETADATA") text += " /shared/comment";
        if (verb == "SETMETADATA") text += " (/shared/comment \"x\")";
        if (verb == "COPY" || verb == "MOVE") text = verb + " 1 " + kTheirs;
        if (verb == "REPLACE") text = verb + " 1 " + kTheirs + " {5+}\r\nhello";
        if (verb == "APPEND") text += " {5+}\r\nhello";
        if (verb == "CREATE") text = "CREATE \"Other Users/ann@example.org/Projects/Below\"";
        Client bob(two.world);
        REQUIRE(bob.ask("l LOGIN bob@example.org secret").starts_with("OK"));
        bob.select("INBOX");
        CAPTURE(text);
        CHECK(bob.ask("z " + text).starts_with("NO [NOPERM]"));
    }
    CHECK(has(two.bob.say(std::string("a MYRIGHTS ") + kTheirs + "\r\n"), " l\r\n"));
    CHECK(has(two.bob.say("b LIST \"\" \"Other Users/*\"\r\n"), kTheirs));
    CHECK(two.bob.ask(std::string("c SELECT ") + kTheirs).starts_with("NO [NOPERM]"));
    CHECK(two.bob.say("d ESEARCH IN (subtree \"Other Users\") ALL\r\n") == "d OK ESEARCH completed\r\n");
}

TEST_CASE("RFC 4314 5.1.1, 5.2: SELECT tells what the rights let change", "[imap][acl]")
{
    Two two("lr");
    const auto select = [&two] { return two.bob.say(std::string("a SELECT ") + kTheirs + "\r\n"); };
    auto heard = select();
    CHECK(has(heard, "[PERMANENTFLAGS ()]"));
    CHECK(has(heard, "a OK [READ-ONLY]"));
    CHECK(has(heard, "* 3 EXISTS"));
    two.grant("lrs");
    heard = select();
    CHECK(has(heard, "[PERMANENTFLAGS (\\Seen)]"));
    CHECK(has(heard, "a OK [READ-WRITE]"));
    two.grant("lrw");
    heard = select();
    CHECK(has(heard, "[PERMANENTFLAGS (\\Answered \\Flagged \\Draft $Forwarded work \\*)]"));
    CHECK(has(heard, "a OK [READ-WRITE]"));
    two.grant("lrt");
    CHECK(has(select(), "[PERMANENTFLAGS (\\Deleted)]"));
    two.grant("lri");
    CHECK(has(select(), "a OK [READ-WRITE]"));
    two.grant("lre");
    CHECK(has(select(), "a OK [READ-WRITE]"));
    two.grant("r");
    CHECK(has(select(), "a OK [READ-ONLY]"));  // "l" is not asked for
    two.grant("lswipkxtea");
    CHECK(has(select(), "a NO [NOPERM]"));
    two.grant("swipkxtea");
    CHECK(has(select(), "a NO [NONEXISTENT]"));
}

TEST_CASE("RFC 4314 4: FETCH sets \\Seen only with s, STORE changes what the rights let change", "[imap][acl]")
{
    Two two("lr");
    two.bob.select(kTheirs);
    CHECK(has(two.bob.say("a FETCH 3 BODY[]\r\n"), "Subject: m"));
    CHECK(two.bob.say("b FETCH 3 FLAGS\r\n") == "* 3 FETCH (FLAGS ())\r\nb OK FETCH completed\r\n");
    CHECK(two.bob.ask("c STORE 3 +FLAGS (\\Seen)").starts_with("NO [NOPERM]"));
    CHECK(two.bob.ask("d STORE 3 FLAGS ()").starts_with("NO [NOPERM]"));
    CHECK(two.bob.ask("e EXPUNGE").starts_with("NO [NOPERM]"));
    CHECK(two.bob.ask("f UID EXPUNGE 1:*").starts_with("NO [NOPERM]"));
    two.grant("lrs");
    CHECK(has(two.bob.say("g FETCH 3 BODY[]\r\n"), "FLAGS (\\Seen)"));
    CHECK(has(two.bob.say("h STORE 3 +FLAGS (\\Deleted \\Flagged \\Seen)\r\n"), "* 3 FETCH (FLAGS (\\Seen))\r\n"));
    CHECK(two.bob.ask("i STORE 3 +FLAGS (\\Deleted)").starts_with("NO [NOPERM]"));
    CHECK(two.bob.ask("j STORE 3 +FLAGS (mine)").starts_with("NO [NOPERM]"));
    // A replacement leaves what may not be changed.
    CHECK(has(two.bob.say("k STORE 2 FLAGS (\\Seen \\Draft other)\r\n"), "* 2 FETCH (FLAGS (\\Answered \\Seen work))\r\n"));
    two.grant("lrw");
    CHECK(has(two.bob.say("l STORE 2 FLAGS (\\Flagged other)\r\n"), "* 2 FETCH (FLAGS (\\Flagged \\Seen other))\r\n"));
    CHECK(has(two.bob.say("m UID STORE 2 FLAGS ()\r\n"), "* 2 FETCH (UID 2 FLAGS (\\Seen))\r\n"));
    two.grant("lrt");
    CHECK(has(two.bob.say("n STORE 1 FLAGS (\\Deleted \\Flagged)\r\n"), "* 1 FETCH (FLAGS (\\Deleted \\Seen))\r\n"));
    // CLOSE without e says OK and expunges nothing.
    CHECK(two.bob.ask("o CLOSE").starts_with("OK"));
    CHECK(has(two.ann.say("p STATUS Projects (MESSAGES DELETED)\r\n"), "(MESSAGES 3 DELETED 1)"));
    two.grant("lre");
    two.bob.select(kTheirs);
    CHECK(has(two.bob.say("q EXPUNGE\r\n"), "* 1 EXPUNGE\r\n"));
    CHECK(two.bob.ask("r STORE 1 UNCHANGEDSINCE 1 +FLAGS (\\Deleted)").starts_with("BAD"));
    two.bob.ask(std::string("s EXAMINE ") + kTheirs);
    two.grant("lrswipkxtea");
    CHECK(two.bob.ask("t EXPUNGE").starts_with("NO"));
    CHECK(two.bob.ask("u STORE 1 +FLAGS (\\Seen)").starts_with("NO"));
}

TEST_CASE("RFC 4314 4, RFC 7162 3.1.3: a conditional replacement of some flags tells what it did not store", "[imap][acl]")
{
    Two two("lrw");
    two.bob.select(kTheirs);
    const auto heard = two.bob.say("a STORE 1:3 (UNCHANGEDSINCE 1) FLAGS (\\Flagged)\r\n");
    CHECK(has(heard, "a OK [MODIFIED 1:3]"));
    CHECK_FALSE(has(heard, "\\Flagged"));
    const auto all = two.bob.say("b STORE 1:3 (UNCHANGEDSINCE 1000) FLAGS (\\Flagged)\r\n");
    CHECK(has(all, "* 1 FETCH (UID 1 FLAGS (\\Flagged \\Seen) MODSEQ ("));
    CHECK(has(all, "* 2 FETCH (UID 2 FLAGS (\\Flagged) MODSEQ ("));
    CHECK(has(all, "b OK STORE completed"));
}

TEST_CASE("RFC 4314 4: APPEND needs i, and keeps the flags that may be set", "[imap][acl]")
{
    Two two("lri");
    const auto body = message("new");
    const std::string literal = "{" + std::to_string(body.size()) + "+}\r\n" + body;
    CHECK(two.bob.ask(std::string("a APPEND ") + kTheirs + " (\\Seen \\Deleted \\Flagged key) " + literal).find("OK [APPENDUID") == 0);
    two.bob.select(kTheirs);
    CHECK(has(two.bob.say("b FETCH 4 FLAGS\r\n"), "(FLAGS ())"));
    two.grant("lrsit");
    CHECK(two.bob.ask(std::string("c APPEND ") + kTheirs + " (\\Seen \\Deleted \\Flagged key) " + literal + " (\\Draft) " + literal).starts_with("OK"));
    const auto heard = two.bob.say("d FETCH 5:6 FLAGS\r\n");
    CHECK(has(heard, "* 5 FETCH (FLAGS (\\Deleted \\Seen))"));
    CHECK(has(heard, "* 6 FETCH (FLAGS ())"));
    two.grant("lr");
    CHECK(two.bob.ask(std::string("e APPEND ") + kTheirs + " " + literal).starts_with("NO [NOPERM]"));
    // A synchronizing literal is not asked for.
    CHECK(two.bob.say(std::string("f APPEND ") + kTheirs + " {10}\r\n").starts_with("f NO [NOPERM]"));
    // Taken while the message was on its way.
    two.grant("lri");
    CHECK(has(two.bob.say(std::string("g APPEND ") + kTheirs + " {5}\r\n"), "+ go ahead\r\n"));
    two.grant("lr");
    CHECK(has(two.bob.say("hello\r\n"), "g NO [NOPERM]"));
    CHECK(has(two.ann.say("h STATUS Projects (MESSAGES)\r\n"), "(MESSAGES 6)"));
}

TEST_CASE("RFC 4314 4, RFC 6851 4.1: COPY and MOVE between accounts keep messages, dates and the flags that may be set", "[imap][acl]")
{
    Two two("lrswite");
    two.bob.append(message("of bob"), "(\\Flagged \\Seen mine)");
    two.bob.append(message("second"), "(\\Deleted)");
    two.bob.select("INBOX");
    const auto date = two.bob.say("a FETCH 1 INTERNALDATE\r\n");
    CHECK(has(two.bob.say(std::string("b COPY 1:2 ") + kTheirs + "\r\n"), "b OK [COPYUID "));
    CHECK(has(two.ann.say("c STATUS Projects (MESSAGES)\r\n"), "(MESSAGES 5)"));
    two.ann.select("Projects");
    CHECK(has(two.ann.say("d FETCH 4:5 FLAGS\r\n"), "* 4 FETCH (FLAGS (\\Flagged \\Seen mine))"));
    CHECK(has(two.ann.say("e FETCH 4 INTERNALDATE\r\n"), date.substr(date.find("INTERNALDATE"), 40)));
    CHECK(has(two.ann.say("f FETCH 4 BODY.PEEK[HEADER.FIELDS (SUBJECT)]\r\n"), "of bob"));
    two.grant("lri");
    CHECK(has(two.bob.say(std::string("g MOVE 1 ") + kTheirs + "\r\n"), "* OK [COPYUID "));
    CHECK(has(two.ann.say("h NOOP\r\n"), "* 6 EXISTS"));
    CHECK(has(two.ann.say("h FETCH 6 FLAGS\r\n"), "* 6 FETCH (FLAGS ())"));
    CHECK(has(two.bob.say("i STATUS INBOX (MESSAGES)\r\n"), "(MESSAGES 1)"));
    // From there: reading is enough for a COPY; a MOVE takes the message from the owner.
    two.bob.select(kTheirs);
    CHECK(has(two.bob.say("j UID COPY 1 INBOX\r\n"), "j OK [COPYUID "));
    CHECK(two.bob.ask("k MOVE 1 INBOX").starts_with("NO [NOPERM]"));
    two.grant("lrt");
    CHECK(two.bob.ask("l MOVE 1 INBOX").starts_with("NO [NOPERM]"));
    two.grant("lrte");
    const auto moved = two.bob.say("m MOVE 1:2 INBOX\r\n");
    CHECK(has(moved, "* OK [COPYUID "));
    CHECK(has(moved, "* 2 EXPUNGE\r\n* 1 EXPUNGE\r\nm OK MOVE completed"));
    CHECK(has(two.ann.say("n STATUS Projects (MESSAGES)\r\n"), "(MESSAGES 4)"));
    CHECK(two.bob.ask("o COPY 1 \"Other Users/ann@example.org/Nowhere\"").starts_with("NO [TRYCREATE]"));
}

TEST_CASE("RFC 4314 4: COPY within another account keeps the flags that may be set there", "[imap][acl]")
{
    Two two("lr");
    REQUIRE(two.ann.ask("a CREATE Target").starts_with("OK"));
    two.grant("lrsi", "Target");
    two.bob.select(kTheirs);
    CHECK(has(two.bob.say("b COPY 1:3 \"Other Users/ann@example.org/Target\"\r\n"), "b OK [COPYUID "));
    CHECK(two.bob.ask("c MOVE 1:3 \"Other Users/ann@example.org/Target\"").starts_with("NO [NOPERM]"));
    two.ann.select("Target");
    const auto heard = two.ann.say("d FETCH 1:3 FLAGS\r\n");
    CHECK(has(heard, "* 1 FETCH (FLAGS (\\Seen))"));
    CHECK(has(heard, "* 2 FETCH (FLAGS ())"));
    CHECK(has(heard, "* 3 FETCH (FLAGS ())"));
}

TEST_CASE("RFC 4314 4: CREATE needs k on the nearest mailbox above and inherits its list, DELETE and RENAME need x", "[imap][acl]")
{
    Two two("lrk");
    const std::string there = "\"Other Users/ann@example.org/";
    CHECK(two.bob.ask("a CREATE " + there + "New\"").starts_with("NO [NOPERM]"));
    CHECK(two.bob.ask("b CREATE " + there + "Projects/Deep/Er\"").starts_with("OK [MAILBOXID (F"));
    CHECK(has(two.ann.say("c GETACL Projects/Deep/Er\r\n"), "\"bob@example.org\" lrkc\r\n"));
    CHECK(two.ann.ask("d CREATE Projects/Own").starts_with("OK"));
    CHECK(has(two.bob.say("e MYRIGHTS " + there + "Projects/Own\"\r\n"), " lrkc\r\n"));
    CHECK(two.bob.ask("f CREATE " + there + "Projects/Own\"").starts_with("NO [ALREADYEXISTS]"));
    CHECK(two.bob.ask("g CREATE " + there + "Projects/Own\" (USE (\\Sent))").starts_with("NO [USEATTR]"));
    CHECK(two.bob.ask("h DELETE " + there + "Projects/Own\"").starts_with("NO [NOPERM]"));
    CHECK(two.bob.ask("i RENAME " + there + "Projects/Own\" " + there + "Projects/Other\"").starts_with("NO [NOPERM]"));
    two.grant("lrx", "Projects/Own");
    CHECK(two.bob.ask("j RENAME " + there + "Projects/Own\" " + there + "Elsewhere\"").starts_with("NO [NOPERM]"));
    CHECK(two.bob.ask("k RENAME " + there + "Projects/Own\" Mine").starts_with("NO [CANNOT]"));
    CHECK(two.bob.ask("l RENAME " + there + "Projects/Own\" " + there + "Projects/Other\"").starts_with("OK"));
    // The list goes along.
    CHECK(has(two.ann.say("m GETACL Projects/Other\r\n"), "\"bob@example.org\" lrxc\r\n"));
    CHECK(two.bob.ask("n DELETE " + there + "Projects/Other\"").starts_with("OK"));
    CHECK(two.bob.ask("o DELETE " + there + "Projects/Other\"").starts_with("NO [NONEXISTENT]"));
    // One that is made anew has nothing of it.
    CHECK(two.ann.ask("p CREATE Projects/Other").starts_with("OK"));
    CHECK(has(two.ann.say("q GETACL Projects/Other\r\n"), "\"bob@example.org\" lrkc\r\n"));
    CHECK(two.ann.ask("r DELETE Projects/Other").starts_with("OK"));
    // Children that may not be seen are not told of.
    two.grant("lrx");
    two.grant("\"\"", "Projects/Deep");
    two.grant("\"\"", "Projects/Deep/Er");
    CHECK(two.bob.ask("s DELETE " + there + "Projects\"").starts_with("NO [NOPERM]"));
    two.grant("l", "Projects/Deep");
    CHECK(two.bob.ask("t DELETE " + there + "Projects\"").starts_with("NO [HASCHILDREN]"));
    two.grant("lrx", "INBOX");
    CHECK(two.bob.ask("u DELETE " + there + "INBOX\"").starts_with("NO [CANNOT]"));
    CHECK(two.bob.ask("v RENAME " + there + "INBOX\" " + there + "Projects/X\"").starts_with("NO [CANNOT]"));
}

TEST_CASE("RFC 4314 5.1.1: rights that are taken while the mailbox is selected hold from the next command on", "[imap][acl]")
{
    Two two("lrswte");
    two.bob.select(kTheirs);
    CHECK(two.bob.ask("a STORE 1 +FLAGS (\\Flagged)").starts_with("OK"));
    two.grant("lrs");
    const auto heard = two.bob.say("b STORE 1 +FLAGS (\\Draft)\r\n");
    CHECK(has(heard, "* OK [PERMANENTFLAGS (\\Seen)]"));
    CHECK(has(heard, "b NO [NOPERM]"));
    CHECK(two.bob.ask("c EXPUNGE").starts_with("NO [NOPERM]"));
    two.grant("l");
    CHECK(two.bob.say("d FETCH 1 FLAGS\r\n").starts_with("* BYE [NOPERM]"));
    CHECK(two.bob.is_over());
    // Leaving it, or taking another one, is possible.
    Client again(two.world);
    two.grant("lr");
    REQUIRE(again.ask("l LOGIN bob@example.org secret").starts_with("OK"));
    again.select(kTheirs);
    two.grant("l");
    CHECK(again.ask("e SELECT INBOX").starts_with("OK"));
    // In IDLE nothing is told any more.
    two.grant("lr");
    again.select(kTheirs);
    CHECK(has(again.say("f IDLE\r\n"), "+ idling"));
    REQUIRE(two.ann.ask("h DELETEACL Projects bob@example.org").starts_with("OK"));
    two.ann.append(message("secret"), "", "Projects");
    const auto last = again.heard();
    CHECK(last.starts_with("* BYE [NOPERM]"));
    CHECK_FALSE(has(last, "EXISTS"));
}

TEST_CASE("when the owner's account is removed its mailboxes are gone for all others, selected or not", "[imap][acl]")
{
    Two two("lrswite");
    two.bob.select(kTheirs);
    Client other(two.world);
    REQUIRE(other.ask("l LOGIN bob@example.org secret").starts_with("OK"));
    const auto removed = test::run_on(two.world.loop, two.world.directory->remove_account("ann@example.org"));
    REQUIRE(removed);
    CHECK(two.bob.say("a FETCH 1 FLAGS\r\n").starts_with("* BYE"));
    store::AccountKey key{removed->id.value, "ann", "example.org"};
    REQUIRE(test::run_on(two.world.loop, two.world.store->set_aside(key)));
    CHECK_FALSE(has(other.say("b LIST \"\" *\r\n"), "Other Users"));
    CHECK(other.ask(std::string("c SELECT ") + kTheirs).starts_with("NO [NONEXISTENT]"));
    // Whoever has the address next shares nothing, and has none of her rights elsewhere.
    two.world.add_account("ann@example.org");
    Client next(two.world);
    next.log_in();
    CHECK(next.ask("d CREATE Projects").starts_with("OK"));
    CHECK(other.ask(std::string("e SELECT ") + kTheirs).starts_with("NO [NONEXISTENT]"));
}

TEST_CASE("an account that has an address after another one has none of its rights", "[imap][acl]")
{
    Two two("lrswite");
    const auto removed = test::run_on(two.world.loop, two.world.directory->remove_account("bob@example.org"));
    REQUIRE(removed);
    store::AccountKey key{removed->id.value, "bob", "example.org"};
    REQUIRE(test::run_on(two.world.loop, two.world.store->set_aside(key)));
    two.world.add_account("bob@example.org");
    Client bob(two.world);
    REQUIRE(bob.ask("l LOGIN bob@example.org secret").starts_with("OK"));
    CHECK(bob.ask(std::string("a SELECT ") + kTheirs).starts_with("NO [NONEXISTENT]"));
    CHECK(two.ann.say("b GETACL Projects\r\n") == "* ACL \"Projects\" \"ann@example.org\" lrswipkxtecda\r\nb OK GETACL completed\r\n");
}

TEST_CASE("names with several levels and letters of any script work in the namespace of other users", "[imap][acl]")
{
    World world(test_options(), 2);
    world.add_account("м.о'н=р~о@example.org");
    Client owner(world);
    REQUIRE(owner.ask("l LOGIN {" + std::to_string(std::string("м.о'н=р~о@example.org").size()) + "+}\r\nм.о'н=р~о@example.org secret").starts_with("OK"));
    REQUIRE(owner.ask("e ENABLE IMAP4rev2").starts_with("OK"));
    REQUIRE(owner.ask("b CREATE \"Отчёты/日本 &~/c.d\"").starts_with("OK"));
    REQUIRE(owner.ask("c SETACL \"Отчёты/日本 &~/c.d\" bob@example.org lrswi").starts_with("OK"));
    Client bob(world);
    REQUIRE(bob.ask("l LOGIN bob@example.org secret").starts_with("OK"));
    const auto rev1 = bob.say("a LIST \"\" \"Other*\"\r\n");
    CHECK(has(rev1, "\"Other Users/&BDw-.&BD4-'&BD0-=&BEA-~&BD4-@example.org/"));
    REQUIRE(bob.ask("b ENABLE IMAP4rev2").starts_with("OK"));
    const std::string name = "\"Other Users/м.о'н=р~о@example.org/Отчёты/日本 &~/c.d\"";
    CHECK(has(bob.say("c LIST \"\" \"Other Users/*/c.d\"\r\n"), name));
    CHECK(has(bob.say("d SELECT " + name + "\r\n"), "d OK [READ-WRITE]"));
    CHECK(bob.ask("e SUBSCRIBE " + name).starts_with("OK"));
    CHECK(has(bob.say("f LIST (SUBSCRIBED) \"\" *\r\n"), name));
    CHECK(has(bob.say("g STATUS " + name + " (MAILBOXID)\r\n"), "MAILBOXID (F"));
    CHECK(has(bob.say("h MYRIGHTS " + name + "\r\n"), "* MYRIGHTS " + name + " lrswi\r\n"));
}

TEST_CASE("RFC 8474 4: the MAILBOXID of another user's mailbox is not that of an own one", "[imap][acl]")
{
    Two two("lr");
    REQUIRE(two.ann.ask("a SETACL INBOX bob@example.org lr").starts_with("OK"));
    const auto own = two.bob.say("b STATUS INBOX (MAILBOXID)\r\n");
    const auto theirs = two.bob.say("c STATUS \"Other Users/ann@example.org/INBOX\" (MAILBOXID)\r\n");
    CHECK(own.substr(own.find("MAILBOXID")).substr(0, 14) != theirs.substr(theirs.find("MAILBOXID")).substr(0, 14));
    CHECK(has(theirs, "-"));
}

TEST_CASE("a delivery into a shared mailbox is pushed to whoever idles there", "[imap][acl]")
{
    Two two("lr");
    two.bob.select(kTheirs);
    CHECK(has(two.bob.say("a IDLE\r\n"), "+ idling"));
    two.ann.append(message("news"), "", "Projects");
    CHECK(two.bob.heard() == "* 4 EXISTS\r\n");
    CHECK(has(two.bob.say("DONE\r\n"), "a OK"));
    two.ann.select("Projects");
    CHECK(two.ann.ask("b STORE 4 +FLAGS (\\Flagged)").starts_with("OK"));
    const auto flagged = two.bob.say("c NOOP\r\n");
    CHECK(has(flagged, "* 4 FETCH (UID 4 FLAGS (\\Flagged))"));
}

TEST_CASE("RFC 7377 5: a search over sources takes other users' mailboxes that may be read", "[imap][acl]")
{
    Two two("lr");
    two.bob.append(message("own"));
    REQUIRE(two.ann.ask("a CREATE Hidden").starts_with("OK"));
    two.ann.append(message("hidden"), "", "Hidden");
    const auto all = two.bob.say("b ESEARCH IN (subtree \"Other Users/ann@example.org\" mailboxes INBOX) ALL\r\n");
    CHECK(has(all, "MAILBOX \"INBOX\""));
    CHECK(has(all, std::string("MAILBOX ") + kTheirs));
    CHECK_FALSE(has(all, "Hidden"));
    CHECK_FALSE(has(two.bob.say("c ESEARCH IN (personal) ALL\r\n"), "Other Users"));
    CHECK_FALSE(has(two.bob.say("d ESEARCH IN (subscribed) ALL\r\n"), "Other Users"));
    REQUIRE(two.bob.ask(std::string("e SUBSCRIBE ") + kTheirs).starts_with("OK"));
    CHECK(has(two.bob.say("f ESEARCH IN (subscribed) ALL\r\n"), kTheirs));
    two.bob.select(kTheirs);
    CHECK(has(two.bob.say("g ESEARCH IN (selected) SUBJECT m\r\n"), std::string("MAILBOX ") + kTheirs));
    CHECK(has(two.bob.say("h SEARCH ANSWERED\r\n"), "* SEARCH 2\r\n"));
    CHECK(has(two.bob.say("i SORT (SUBJECT) UTF-8 ALL\r\n"), "* SORT 1 2 3\r\n"));
    CHECK(has(two.bob.say("j THREAD REFERENCES UTF-8 ALL\r\n"), "* THREAD "));
}

TEST_CASE("RFC 9208 6: the quota root of a shared mailbox is its owner's, for those who may read it", "[imap][acl]")
{
    Two two("lr");
    two.world.store->set_quotas([](const store::AccountKey& key) { return store::QuotaLimits{key.local_part == "ann" ? 1'000'000U : 0U, 0}; });
    two.world.loop.run();
    const auto heard = two.bob.say(std::string("a GETQUOTAROOT ") + kTheirs + "\r\n");
    CHECK(has(heard, std::string("* QUOTAROOT ") + kTheirs + " \"Other Users/ann@example.org\"\r\n* QUOTA \"Other Users/ann@example.org\" (STORAGE "));
    CHECK(has(two.bob.say("b GETQUOTA \"Other Users/ann@example.org\"\r\n"), "* QUOTA \"Other Users/ann@example.org\" (STORAGE "));
    CHECK(two.bob.ask("c GETQUOTA \"\"").starts_with("NO [NONEXISTENT]"));
    two.grant("l");
    CHECK(two.bob.ask("d GETQUOTA \"Other Users/ann@example.org\"").starts_with("NO [NONEXISTENT]"));
    CHECK(two.bob.ask(std::string("e GETQUOTAROOT ") + kTheirs).starts_with("NO [NOPERM]"));
    // What is put there counts for the owner.
    two.grant("lri");
    two.world.store->set_quotas([](const store::AccountKey& key) { return store::QuotaLimits{key.local_part == "ann" ? 1U : 0U, 0}; });
    two.world.loop.run();
    two.bob.append(message("big"));
    two.bob.select("INBOX");
    CHECK(two.bob.ask(std::string("f COPY 1 ") + kTheirs).starts_with("NO [OVERQUOTA]"));
    CHECK(two.bob.ask(std::string("g MOVE 1 ") + kTheirs).starts_with("NO [OVERQUOTA]"));
    CHECK(has(two.bob.say("h STATUS INBOX (MESSAGES)\r\n"), "(MESSAGES 1)"));
}

TEST_CASE("RFC 5464 3.3: annotations need l and one of rswip; private ones are each user's own", "[imap][acl]")
{
    Two two("lp");
    CHECK(two.bob.ask(std::string("a SETMETADATA ") + kTheirs + " (/shared/comment \"of bob\" /private/comment \"his\")").starts_with("OK"));
    CHECK(has(two.ann.say("b GETMETADATA Projects (/shared/comment /private/comment)\r\n"), "(/shared/comment \"of bob\" /private/comment NIL)"));
    CHECK(has(two.bob.say(std::string("c GETMETADATA ") + kTheirs + " /private/comment\r\n"), "\"his\""));
    two.grant("lka");
    CHECK(two.bob.ask(std::string("d GETMETADATA ") + kTheirs + " /shared/comment").starts_with("NO [NOPERM]"));
    two.grant("rp");
    CHECK(two.bob.ask(std::string("e GETMETADATA ") + kTheirs + " /shared/comment").starts_with("NO [NONEXISTENT]"));
    // Told under the name by which each knows the mailbox, and to nobody else.
    two.grant("lr");
    two.world.add_account("carol@example.org");
    Client carol(two.world);
    REQUIRE(carol.ask("l LOGIN carol@example.org secret").starts_with("OK"));
    for (auto* each : {&two.ann, &two.bob, &carol}) REQUIRE(each->ask("f ENABLE METADATA").starts_with("OK"));
    Client setter(two.world);
    setter.log_in();
    REQUIRE(setter.ask("g SETMETADATA Projects (/shared/comment \"new\" /private/x \"1\")").starts_with("OK"));
    CHECK(has(two.ann.say("h NOOP\r\n"), "* METADATA \"Projects\" /private/x /shared/comment\r\n"));
    CHECK(has(two.bob.say("i NOOP\r\n"), std::string("* METADATA ") + kTheirs + " /shared/comment\r\n"));
    CHECK_FALSE(has(carol.say("j NOOP\r\n"), "METADATA"));
}

TEST_CASE("RFC 5465 5: other users' mailboxes are watched as far as rights go, and what is granted or taken is told", "[imap][acl]")
{
    Two two("lr");
    const auto heard = two.bob.say("a NOTIFY SET STATUS (subtree \"Other Users\" (MessageNew MessageExpunge MailboxName))\r\n");
    CHECK(has(heard, std::string("* STATUS ") + kTheirs + " (MESSAGES 3 "));
    two.ann.append(message("new"), "", "Projects");
    CHECK(has(two.bob.heard(), std::string("* STATUS ") + kTheirs + " (MESSAGES 4 "));
    // Made and granted is news; a right to look only tells nothing of messages.
    REQUIRE(two.ann.ask("b CREATE Second").starts_with("OK"));
    CHECK_FALSE(has(two.bob.heard(), "Second"));
    two.grant("l", "Second");
    CHECK(has(two.bob.heard(), "* LIST (\\HasNoChildren) \"/\" \"Other Users/ann@example.org/Second\""));
    two.ann.append(message("new"), "", "Second");
    CHECK_FALSE(has(two.bob.heard(), "Second"));
    REQUIRE(two.ann.ask("c DELETEACL Second bob@example.org").starts_with("OK"));
    CHECK(has(two.bob.heard(), "\\NonExistent) \"/\" \"Other Users/ann@example.org/Second\""));
    // Another account begins to share.
    two.world.add_account("carol@example.org");
    Client carol(two.world);
    REQUIRE(carol.ask("l LOGIN carol@example.org secret").starts_with("OK"));
    REQUIRE(carol.ask("d SETACL Sent bob@example.org lr").starts_with("OK"));
    CHECK(has(two.bob.heard(), "* LIST (\\HasNoChildren) \"/\" \"Other Users/carol@example.org/Sent\""));
    two.grant("l");
    (void)two.bob.heard();
    two.ann.append(message("new"), "", "Projects");
    CHECK_FALSE(has(two.bob.heard(), "Projects"));
    CHECK(has(two.bob.say("e NOTIFY SET (mailboxes " + std::string(kTheirs) + " (MessageNew MessageExpunge))\r\n"), "* LIST (\\NoAccess) \"/\" " + std::string(kTheirs)));
}

TEST_CASE("RFC 8508 5: REPLACE into another account needs i there, and t and e here", "[imap][acl]")
{
    Two two("lri");
    two.bob.append(message("draft"));
    two.bob.select("INBOX");
    const auto heard = two.bob.say(std::string("a REPLACE 1 ") + kTheirs + " {" + std::to_string(message("x").size()) + "+}\r\n" + message("x") + "\r\n");
    CHECK(has(heard, "[APPENDUID "));
    CHECK(has(heard, "* 1 EXPUNGE\r\na OK"));
    CHECK(has(two.ann.say("b STATUS Projects (MESSAGES)\r\n"), "(MESSAGES 4)"));
    two.bob.select(kTheirs);
    CHECK(two.bob.ask("c REPLACE 1 INBOX {5+}\r\nhello").starts_with("NO [NOPERM]"));
    two.grant("lrite");
    CHECK(has(two.bob.say(std::string("d REPLACE 1 ") + kTheirs + " {5+}\r\nhello\r\n"), "d OK"));
    CHECK(has(two.bob.say("e REPLACE 1 INBOX {5+}\r\nhello\r\n"), "* 1 EXPUNGE\r\ne OK"));
}

TEST_CASE("RFC 4469, RFC 4314: CATENATE takes parts of another user's message that may be read", "[imap][acl]")
{
    Two two("lr");
    const std::string url = "\"/Other%20Users/ann%40example.org/Projects/;UID=1/;SECTION=TEXT\"";
    CHECK(has(two.bob.say("a APPEND INBOX CATENATE (URL " + url + ")\r\n"), "a OK [APPENDUID"));
    CHECK(has(two.bob.say("b APPEND INBOX CATENATE (URL \"/Other Users/ann@example.org/Projects/;UID=1\")\r\n"), "b OK [APPENDUID"));
    two.grant("l");
    CHECK(has(two.bob.say("c APPEND INBOX CATENATE (URL " + url + ")\r\n"), "c NO [BADURL"));
    two.bob.select("INBOX");
    CHECK(has(two.bob.say("d FETCH 1 BODY[]\r\n"), "Hello"));
}

TEST_CASE("access lists outlive a lost index, a rename and a restart of the account, and damaged ones let nobody in", "[imap][acl]")
{
    World world(test_options(), 2);
    const auto bob_says = [&world](const std::string& command) {
        Client bob(world);
        must(bob.ask("l LOGIN bob@example.org secret").starts_with("OK"), "log-in failed");
        return bob.ask(command);
    };
    {
        Client ann(world);
        ann.log_in();
        REQUIRE(ann.ask("a CREATE Projects").starts_with("OK"));
        REQUIRE(ann.ask("b SETACL Projects bob@example.org lr").starts_with("OK"));
        REQUIRE(ann.ask("c RENAME Projects Plans").starts_with("OK"));
    }
    CHECK(bob_says("a SELECT \"Other Users/ann@example.org/Projects\"").starts_with("NO [NONEXISTENT]"));
    CHECK(bob_says("b SELECT \"Other Users/ann@example.org/Plans\"").starts_with("OK"));
    const std::string file = world.folder.path("mail/example.org/ann/mailboxd-access");
    const auto text = read_whole(world.files, file, 4096);
    REQUIRE(text);
    CHECK(text->starts_with("mailboxd-access 1\n"));
}
