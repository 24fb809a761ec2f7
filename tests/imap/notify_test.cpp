// NOTIFY (RFC 5465).
#include <catch2/catch_test_macros.hpp>

#include "imap/watched_mailboxes.hpp"
#include "imap/world.hpp"

using namespace mbx;
using namespace mbx::imap;

namespace {

bool has(const std::string& text, const std::string& piece) { return text.find(piece) != std::string::npos; }

// Two clients of one account: the first listens, the other does something.
class Box {
public:
    Box() : client(world), other(world)
    {
        client.log_in();
        other.log_in();
    }
    std::string ask(const std::string& command) { return client.say(command + "\r\n"); }
    // What the first one then hears by itself.
    std::string after(const std::string& command)
    {
        (void)other.say("o " + command + "\r\n");
        return client.heard();
    }
    std::string after_message(const std::string& subject, const std::string& mailbox = "INBOX")
    {
        other.append(message(subject), "", mailbox);
        return client.heard();
    }
    World world;
    Client client;
    Client other;
};

constexpr const char* kMessages = "(MessageNew MessageExpunge)";
constexpr const char* kFlags = "(MessageNew MessageExpunge FlagChange)";

}  // namespace

TEST_CASE("RFC 5465 3.1: NOTIFY is offered; its groups are judged", "[imap][notify]")
{
    Box box;
    CHECK(has(box.ask("c CAPABILITY"), " NOTIFY "));
    const auto refuses = [&box](const std::string& text) { return box.client.ask("n NOTIFY " + text); };
    // Section 5: which events need which.
    CHECK(refuses("SET (selected (MessageNew))").starts_with("BAD"));
    CHECK(refuses("SET (personal (MessageExpunge))").starts_with("BAD"));
    CHECK(refuses("SET (personal (FlagChange))").starts_with("BAD"));
    // Section 6.1
    CHECK(refuses("SET (selected (MailboxName))").starts_with("BAD"));
    CHECK(refuses("SET (selected NONE) (selected-delayed NONE)").starts_with("BAD"));
    // FETCH attributes are for the selected mailbox alone (section 8).
    CHECK(refuses("SET (personal (MessageNew (UID) MessageExpunge))").starts_with("BAD"));
    CHECK(refuses("SET (subtree-one x (MailboxName))").starts_with("BAD"));
    CHECK(refuses("SET").starts_with("BAD"));
    CHECK(refuses("SET STATUS").starts_with("BAD"));
    CHECK(refuses("SET (personal ())").starts_with("BAD"));
    CHECK(refuses("SET (mailboxes () (MailboxName))").starts_with("BAD"));
    CHECK(refuses("SOME").starts_with("BAD"));
    // An event that we do not have is NO, with those that we have.
    const auto refused = refuses("SET (selected (MessageNew MessageExpunge AnnotationChange))");
    CHECK(refused.starts_with("NO [BADEVENT (MessageNew MessageExpunge FlagChange MailboxName SubscriptionChange MailboxMetadataChange ServerMetadataChange)]"));
    CHECK(refuses("SET (personal (Sunrise))").starts_with("NO [BADEVENT ("));
    CHECK(refuses("NONE").starts_with("OK"));
    CHECK(refuses("set status (selected MessageNew)").starts_with("BAD"));
    CHECK(refuses("set status (personal (messagenew MESSAGEEXPUNGE))").starts_with("OK"));
    Client stranger(box.world);
    CHECK(stranger.ask("a NOTIFY NONE").starts_with("BAD"));
}

TEST_CASE("RFC 5465 5.1 to 5.3, 6.1.1: SELECTED tells messages, flags and expunges between commands", "[imap][notify]")
{
    Box box;
    box.client.append(message("first"));
    box.client.select();
    box.other.select();
    CHECK(box.after_message("before").empty());  // without NOTIFY nothing comes between commands
    const auto set = box.ask("n NOTIFY SET (selected " + std::string(kFlags) + ")");
    CHECK(has(set, "* 2 EXISTS\r\n"));  // what had gathered
    CHECK(set.ends_with("n OK NOTIFY completed\r\n"));
    CHECK(box.after_message("second") == "* 3 EXISTS\r\n");
    CHECK(box.after("STORE 1 +FLAGS (\\Seen)") == "* 1 FETCH (UID 1 FLAGS (\\Seen))\r\n");
    CHECK(box.after("STORE 1:2 +FLAGS.SILENT (\\Deleted)").starts_with("* 1 FETCH (UID 1 FLAGS (\\Deleted \\Seen))"));
    CHECK(box.after("EXPUNGE") == "* 2 EXPUNGE\r\n* 1 EXPUNGE\r\n");
    // A command goes on as before.
    CHECK(box.ask("f UID FETCH 1:* (UID)") == "* 1 FETCH (UID 3)\r\nf OK UID FETCH completed\r\n");
    CHECK(box.ask("n NOTIFY NONE") == "n OK NOTIFY completed\r\n");
    CHECK(box.after_message("third").empty());
    CHECK(box.ask("o NOOP") == "o OK NOOP completed\r\n");  // nothing is told any more (section 3.1)
    CHECK(has(box.ask("n NOTIFY SET (selected " + std::string(kMessages) + ")"), "* 2 EXISTS\r\n"));
}

TEST_CASE("RFC 5465 5.2: MessageNew sends the items that the client asked for, but not of its own messages", "[imap][notify]")
{
    Box box;
    box.client.select();
    (void)box.ask("n NOTIFY SET (selected (MessageNew (UID BODY.PEEK[HEADER.FIELDS (SUBJECT)]) MessageExpunge))");
    const auto heard = box.after_message("hello");
    CHECK(heard.starts_with("* 1 EXISTS\r\n* 1 FETCH (UID 1 BODY[HEADER.FIELDS (SUBJECT)] {"));
    CHECK(has(heard, "Subject: hello\r\n"));
    const auto own = message("mine");
    const auto told = box.ask("a APPEND INBOX {" + std::to_string(own.size()) + "+}\r\n" + own);
    CHECK(has(told, "* 2 EXISTS\r\n"));
    CHECK(!has(told, "FETCH"));
    CHECK(!has(box.ask("c COPY 1 inbox"), "FETCH"));
    CHECK(has(box.after_message("again"), "* 4 FETCH (UID 4 "));
    // Without FlagChange flags stay untold, and with CONDSTORE HIGHESTMODSEQ does not pass over them.
    (void)box.other.say("s SELECT INBOX\r\n");
    CHECK(box.after("STORE 1 +FLAGS (\\Seen)").empty());
    CHECK(!has(box.ask("o NOOP"), "FETCH"));
    (void)box.ask("e ENABLE CONDSTORE");
    CHECK(has(box.after_message("with modseq"), "* 5 FETCH (MODSEQ ("));
}

TEST_CASE("RFC 5465 6.1.2: SELECTED-DELAYED holds expunges until a command may tell them", "[imap][notify]")
{
    Box box;
    for (const char* subject : {"a", "b"}) box.client.append(message(subject));
    box.client.select();
    box.other.select();
    (void)box.ask("n NOTIFY SET (selected-delayed " + std::string(kFlags) + ")");
    CHECK(box.after("STORE 1 +FLAGS (\\Deleted)") == "* 1 FETCH (UID 1 FLAGS (\\Deleted))\r\n");
    CHECK(box.after("EXPUNGE").empty());
    CHECK(box.after_message("c") == "* 3 EXISTS\r\n");
    CHECK(box.ask("f FETCH 2 (UID)") == "* 2 FETCH (UID 2)\r\nf OK FETCH completed\r\n");
    CHECK(box.ask("o NOOP") == "* 1 EXPUNGE\r\no OK NOOP completed\r\n");
}

TEST_CASE("RFC 5465 4: IDLE sends what NOTIFY asked for, and nothing else", "[imap][notify]")
{
    Box box;
    (void)box.other.say("c CREATE there\r\n");
    box.client.select();
    box.other.select();
    (void)box.ask("n NOTIFY SET (mailboxes there " + std::string(kMessages) + ")");
    CHECK(box.ask("i IDLE") == "+ idling\r\n");
    CHECK(box.after_message("here").empty());  // no event of the selected mailbox
    CHECK(has(box.after_message("there", "there"), "* STATUS \"there\" (MESSAGES 1 UIDNEXT 2 UIDVALIDITY "));
    CHECK(box.ask("DONE") == "i OK IDLE completed\r\n");
    (void)box.ask("n NOTIFY SET (selected-delayed " + std::string(kFlags) + ")");
    CHECK(box.ask("j IDLE") == "+ idling\r\n");
    CHECK(box.after("STORE 1 +FLAGS (\\Deleted)") == "* 1 FETCH (UID 1 FLAGS (\\Deleted))\r\n");
    CHECK(box.after("EXPUNGE") == "* 1 EXPUNGE\r\n");
    CHECK(box.ask("DONE") == "j OK IDLE completed\r\n");
}

TEST_CASE("RFC 5465 3.1, 5.1 to 5.3: other mailboxes are told by STATUS", "[imap][notify]")
{
    Box box;
    for (const char* name : {"Lists", "Lists/a", "Lists/b", "misc"}) (void)box.other.say("c CREATE " + std::string(name) + "\r\n");
    box.other.append(message("x"), "", "Lists/a");
    const auto set = box.ask("n NOTIFY SET STATUS (subtree Lists " + std::string(kFlags) + ") (mailboxes (misc nowhere) " +
                             std::string(kMessages) + ")");
    // The indicator brings the present state (section 3.1).
    CHECK(has(set, "* STATUS \"Lists/a\" (MESSAGES 1 UIDNEXT 2 UIDVALIDITY "));
    // FlagChange wants HIGHESTMODSEQ then, of any server with CONDSTORE; misc, without it, does not.
    CHECK(has(set, " UNSEEN 1 HIGHESTMODSEQ "));
    CHECK(!has(set.substr(set.find("STATUS \"misc\"")), "HIGHESTMODSEQ"));
    CHECK(has(set, "* STATUS \"misc\" (MESSAGES 0 UIDNEXT 1 "));
    CHECK(!has(set, "INBOX"));
    CHECK(!has(set, "nowhere"));
    CHECK(set.ends_with("n OK NOTIFY completed\r\n"));
    CHECK(has(box.after_message("y", "Lists/b"), "* STATUS \"Lists/b\" (MESSAGES 1 UIDNEXT 2 UIDVALIDITY "));
    CHECK(box.after_message("y").empty());  // INBOX is not watched
    (void)box.other.say("s SELECT Lists/a\r\n");
    // Flags without CONDSTORE are told where UNSEEN changes, and not told of misc at all.
    auto heard = box.after("STORE 1 +FLAGS (\\Seen)");
    CHECK(has(heard, "* STATUS \"Lists/a\" (UIDVALIDITY "));
    CHECK(has(heard, " UNSEEN 0)\r\n"));
    CHECK(box.after("STORE 1 +FLAGS (\\Flagged)").empty());
    (void)box.ask("e ENABLE CONDSTORE");
    heard = box.after("STORE 1 -FLAGS (\\Flagged)");
    CHECK(has(heard, " HIGHESTMODSEQ "));
    CHECK(!has(heard, "UNSEEN"));
    (void)box.other.say("d STORE 1 +FLAGS (\\Deleted)\r\n");
    (void)box.client.heard();
    CHECK(has(box.after("EXPUNGE"), "* STATUS \"Lists/a\" (MESSAGES 0 UIDNEXT 2 "));
    // A selected mailbox is told by SELECTED alone (section 6).
    box.client.select("misc");
    CHECK(box.after_message("z", "misc").empty());
    (void)box.ask("u UNSELECT");
    CHECK(has(box.after_message("z", "misc"), "* STATUS \"misc\" (MESSAGES 2 UIDNEXT 3 "));
    // Without the indicator nothing is told at first.
    CHECK(box.ask("n NOTIFY SET (personal " + std::string(kMessages) + ")") == "n OK NOTIFY completed\r\n");
    CHECK(has(box.after_message("i"), "* STATUS \"INBOX\" "));
}

TEST_CASE("RFC 5465 5.4: MailboxName tells what was made, deleted and renamed, by others", "[imap][notify]")
{
    Box box;
    (void)box.ask("n NOTIFY SET (personal (MailboxName))");
    auto heard = box.after("CREATE new");
    CHECK(heard == "* LIST (\\HasNoChildren) \"/\" \"new\"\r\n");
    // The parent is affected too.
    heard = box.after("CREATE new/below");
    CHECK(has(heard, "* LIST (\\HasNoChildren) \"/\" \"new/below\"\r\n"));
    CHECK(has(heard, "* LIST (\\HasChildren) \"/\" \"new\"\r\n"));
    // Children go with their parent untold.
    CHECK(box.after("RENAME new old") == "* LIST (\\HasChildren) \"/\" \"old\" (\"OLDNAME\" (\"new\"))\r\n");
    heard = box.after("DELETE old/below");
    CHECK(has(heard, "* LIST (\\NonExistent) \"/\" \"old/below\"\r\n"));
    CHECK(has(heard, "* LIST (\\HasNoChildren) \"/\" \"old\"\r\n"));
    // RENAME of INBOX makes a mailbox.
    CHECK(box.after("RENAME INBOX archive2") == "* LIST (\\HasNoChildren) \"/\" \"archive2\"\r\n");
    // Its own doings are not told (section 5).
    CHECK(box.ask("c CREATE mine/deep") .find("LIST") == std::string::npos);
    CHECK(box.ask("r RENAME mine yours").find("LIST") == std::string::npos);
    CHECK(box.ask("d DELETE yours/deep").find("LIST") == std::string::npos);
    CHECK(box.after("DELETE yours") == "* LIST (\\NonExistent) \"/\" \"yours\"\r\n");
    CHECK(box.after("SUBSCRIBE old").empty());
    // A mailbox outside of the filter is not told.
    (void)box.ask("n NOTIFY SET (subtree old (MailboxName))");
    CHECK(box.after("CREATE elsewhere").empty());
    CHECK(has(box.after("CREATE old/in"), "\"old/in\""));
    CHECK(has(box.after("RENAME elsewhere old/out"), "\"old/out\""));
}

TEST_CASE("RFC 5465 5.5: SubscriptionChange tells subscriptions", "[imap][notify]")
{
    Box box;
    (void)box.other.say("c CREATE new\r\n");
    (void)box.ask("n NOTIFY SET (personal (SubscriptionChange)) (subscribed " + std::string(kMessages) + ")");
    CHECK(box.after("SUBSCRIBE new") == "* LIST (\\HasNoChildren \\Subscribed) \"/\" \"new\"\r\n");
    // SUBSCRIBED is evaluated anew (section 6.4).
    CHECK(has(box.after_message("x", "new"), "* STATUS \"new\" (MESSAGES 1 "));
    CHECK(box.after("UNSUBSCRIBE new") == "* LIST (\\HasNoChildren) \"/\" \"new\"\r\n");
    CHECK(box.after_message("x", "new").empty());
    CHECK(box.ask("s SUBSCRIBE new") == "s OK SUBSCRIBE completed\r\n");
    CHECK(box.after("CREATE other").empty());
}

TEST_CASE("RFC 5465 5.6 and 5.7: annotations that others change are told without ENABLE METADATA", "[imap][notify]")
{
    Box box;
    CHECK(box.after("SETMETADATA INBOX (/private/comment \"x\")").empty());
    (void)box.ask("n NOTIFY SET (mailboxes INBOX (MailboxMetadataChange))");
    CHECK(box.after("SETMETADATA INBOX (/private/comment \"y\")") == "* METADATA \"INBOX\" /private/comment\r\n");
    CHECK(box.after("SETMETADATA Drafts (/private/comment \"y\")").empty());
    CHECK(box.after("SETMETADATA \"\" (/private/comment \"y\")").empty());
    (void)box.ask("n NOTIFY SET (personal (ServerMetadataChange))");
    CHECK(box.after("SETMETADATA INBOX (/private/comment \"z\")").empty());
    CHECK(box.after("SETMETADATA \"\" (/private/comment \"z\")") == "* METADATA \"\" /private/comment\r\n");
    (void)box.ask("n NOTIFY NONE");
    CHECK(box.after("SETMETADATA \"\" (/private/comment \"w\")").empty());
}

TEST_CASE("RFC 5465 5.8: more mailboxes than a session may watch are an overflow", "[imap][notify]")
{
    Notify all;
    all.groups.push_back({{MailboxScope::personal, {}}, true, false, false, false, false, false, {}});
    WatchedMailboxes watched(all);
    std::vector<store::MailboxInfo> mailboxes(kMaxWatchedMailboxes);
    for (std::size_t i = 0; i < mailboxes.size(); ++i) {
        mailboxes[i].id.value = static_cast<std::int64_t>(i) + 1;
        mailboxes[i].name = "m" + std::to_string(i);
    }
    CHECK(watched.take_listing(mailboxes, {}));
    mailboxes.push_back(mailboxes.back());
    mailboxes.back().id.value = 999'999;
    CHECK_FALSE(watched.take_listing(mailboxes, {}));
}

TEST_CASE("RFC 5465 7: UPDATE with items sends them for messages that come", "[imap][notify]")
{
    Box box;
    box.client.select();
    box.other.select();
    (void)box.ask("B SEARCH RETURN (COUNT UPDATE (UID BODY.PEEK[HEADER.FIELDS (SUBJECT)])) SUBJECT boss");
    box.other.append(message("from the boss"));
    auto heard = box.ask("o NOOP");
    const auto fetch = heard.find("* 1 FETCH (UID 1 BODY[HEADER.FIELDS (SUBJECT)] {");
    CHECK(heard.starts_with("* 1 EXISTS\r\n"));
    CHECK(fetch != std::string::npos);
    CHECK(heard.find("* ESEARCH (TAG \"B\") ADDTO (0 1)\r\n") > fetch);
    box.other.append(message("nobody"));
    CHECK(!has(box.ask("o NOOP"), "FETCH"));
    // With NOTIFY besides, one FETCH has the items of both.
    (void)box.ask("n NOTIFY SET (selected (MessageNew (FLAGS) MessageExpunge))");
    heard = box.after_message("the boss again");
    CHECK(has(heard, "* 3 FETCH (UID 3 BODY[HEADER.FIELDS (SUBJECT)] {"));
    CHECK(has(heard, " FLAGS ())"));
    CHECK(has(box.after_message("someone"), "* 4 FETCH (FLAGS ())\r\n"));
    CHECK(box.client.ask("x SEARCH RETURN (UPDATE ()) ALL").starts_with("BAD"));
}
