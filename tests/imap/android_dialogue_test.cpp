// Dialogues of K-9 Mail (Thunderbird for Android) and FairEmail, written from their documented behaviour.
#include <catch2/catch_test_macros.hpp>

#include "imap/world.hpp"

using namespace mbx;
using namespace mbx::imap;

namespace {

bool has(std::string_view text, std::string_view part) { return text.find(part) != std::string_view::npos; }

}  // namespace

TEST_CASE("CLIENTS: K-9 sets up: AUTHENTICATE with SASL-IR, ID, ENABLE UTF8=ACCEPT, NAMESPACE, LIST-EXTENDED with SPECIAL-USE",
          "[imap][dialogue]")
{
    World world;
    Client phone(world);
    CHECK(has(phone.say("1 CAPABILITY\r\n"), "SASL-IR"));
    const auto logged_in = phone.say("2 AUTHENTICATE PLAIN AGFubkBleGFtcGxlLm9yZwBzZWNyZXQ=\r\n");
    // It reads the capabilities out of the answer, and asks again only where they are missing.
    CHECK(has(logged_in, "2 OK [CAPABILITY IMAP4rev1"));
    for (const auto* word : {" IDLE", " ID", " NAMESPACE", " SPECIAL-USE", " CREATE-SPECIAL-USE", " LIST-EXTENDED", " UIDPLUS", " MOVE",
                             " ENABLE", " UTF8=ACCEPT"}) {
        INFO(word);
        CHECK(has(logged_in, word));
    }
    CHECK(has(phone.say("3 ID (\"name\" \"Thunderbird for Android\" \"version\" \"10.0\")\r\n"), "3 OK"));
    CHECK(phone.say("4 ENABLE UTF8=ACCEPT\r\n").starts_with("* ENABLED UTF8=ACCEPT\r\n4 OK"));
    CHECK(has(phone.say("5 NAMESPACE\r\n"), "* NAMESPACE ((\"\" \"/\"))"));
    const auto listed = phone.say("6 LIST \"\" \"*\" RETURN (SPECIAL-USE)\r\n");
    CHECK(has(listed, "\\Drafts) \"/\" \"Drafts\"\r\n"));
    CHECK(has(listed, "\\Archive) \"/\" \"Archive\"\r\n"));
    CHECK(has(phone.say("7 CREATE \"Spam\" (USE (\\Junk))\r\n"), "7 "));
    CHECK(has(phone.say("8 LSUB \"\" \"*\"\r\n"), "8 OK"));
}

TEST_CASE("CLIENTS: K-9 syncs by UID SEARCH and small FETCHes, pushes by IDLE, and answers flags at once", "[imap][dialogue]")
{
    World world;
    Client sender(world);
    sender.log_in();
    for (int i = 0; i < 3; ++i) sender.append(message("number " + std::to_string(i)));
    Client phone(world);
    phone.log_in();
    CHECK(has(phone.say("1 SELECT \"INBOX\"\r\n"), "* 3 EXISTS\r\n"));
    CHECK(has(phone.say("2 UID SEARCH UID 1:* NOT DELETED\r\n"), "* SEARCH 1 2 3\r\n"));
    CHECK(has(phone.say("3 UID FETCH 1,2,3 (UID FLAGS)\r\n"), "* 3 FETCH (UID 3 FLAGS ())\r\n"));
    const auto heads = phone.say("4 UID FETCH 3 (UID INTERNALDATE RFC822.SIZE BODY.PEEK[HEADER.FIELDS (date subject from content-type "
                                 "to cc reply-to message-id references in-reply-to list-unsubscribe X-K9mail-Identity "
                                 "Chat-Version)])\r\n");
    CHECK(has(heads, "Subject: number 2\r\n"));
    CHECK(has(phone.say("5 UID FETCH 3 (BODYSTRUCTURE)\r\n"), "BODYSTRUCTURE (\"text\" \"plain\""));
    CHECK(has(phone.say("6 UID FETCH 3 (BODY.PEEK[TEXT]<0.2048>)\r\n"), "BODY[TEXT]<0> {7}\r\nHello\r\n"));
    CHECK(has(phone.say("7 UID STORE 3 +FLAGS.SILENT (\\Seen)\r\n"), "7 OK"));
    CHECK(has(phone.say("8 UID MOVE 1 \"Trash\"\r\n"), "* OK [COPYUID "));
    CHECK(phone.say("9 IDLE\r\n") == "+ idling\r\n");
    sender.append(message("push"));
    CHECK(phone.heard() == "* 3 EXISTS\r\n");
    CHECK(phone.say("DONE\r\n") == "9 OK IDLE completed\r\n");
    CHECK(has(phone.say("10 UID FETCH 4 (UID FLAGS)\r\n"), "* 3 FETCH (UID 4 FLAGS ())\r\n"));
    CHECK(has(phone.say("11 UID SEARCH HEADER MESSAGE-ID \"<1@example.org>\"\r\n"), "* SEARCH 2 3 4\r\n"));
}

TEST_CASE("CLIENTS: FairEmail logs in, names itself, keeps alive by NOOP beside IDLE, and moves by UID MOVE", "[imap][dialogue]")
{
    World world;
    Client sender(world);
    sender.log_in();
    for (int i = 0; i < 4; ++i) sender.append(message("number " + std::to_string(i)));
    Client phone(world);
    CHECK(phone.greeting.starts_with("* OK "));  // never PREAUTH, which it would not grasp
    CHECK(has(phone.say("A0 CAPABILITY\r\n"), "A0 OK"));
    CHECK(has(phone.say("A1 AUTHENTICATE PLAIN\r\n"), "+ "));
    CHECK(has(phone.say("AGFubkBleGFtcGxlLm9yZwBzZWNyZXQ=\r\n"), "A1 OK"));
    CHECK(has(phone.say("A2 ID (\"name\" \"FairEmail\" \"version\" \"1.2200\" \"os\" \"Android\")\r\n"), "* ID "));
    CHECK(has(phone.say("A3 LIST \"\" \"*\"\r\n"), "\\Sent) \"/\" \"Sent\"\r\n"));
    CHECK(has(phone.say("A4 SELECT INBOX (CONDSTORE)\r\n"), "[HIGHESTMODSEQ "));
    CHECK(has(phone.say("A5 FETCH 1:* (UID FLAGS)\r\n"), "* 4 FETCH (UID 4 FLAGS ()"));
    const auto told = phone.say("A6 FETCH 3:4 (ENVELOPE INTERNALDATE RFC822.SIZE FLAGS BODYSTRUCTURE UID BODY.PEEK[HEADER.FIELDS "
                                "(Message-ID References List-Post Autocrypt Authentication-Results Received-SPF)])\r\n");
    CHECK(has(told, "* 3 FETCH (ENVELOPE (\""));
    CHECK(has(told, "\"number 2\""));
    CHECK(has(phone.say("A7 IDLE\r\n"), "+ idling\r\n"));
    CHECK(phone.say("DONE\r\n") == "A7 OK IDLE completed\r\n");
    CHECK(phone.say("A8 NOOP\r\n") == "A8 OK NOOP completed\r\n");
    CHECK(has(phone.say("A9 UID STORE 4 +FLAGS ($Forwarded $MDNSent)\r\n"), "$MDNSent"));
    CHECK(has(phone.say("A10 UID MOVE 4 Archive\r\n"), "* 4 EXPUNGE\r\n"));
    const auto draft = message("a draft");
    CHECK(has(phone.say("A11 APPEND Drafts (\\Draft \\Seen) {" + std::to_string(draft.size()) + "+}\r\n" + draft + "\r\n"),
              "A11 OK [APPENDUID "));
    CHECK(has(phone.say("A12 UID SEARCH RETURN (COUNT) UNSEEN\r\n"), "COUNT 3\r\n"));
    CHECK(has(phone.say("A13 EXAMINE Drafts\r\n"), "A13 OK [READ-ONLY]"));
}
