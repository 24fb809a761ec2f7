// Dialogues of Apple Mail and iOS Mail, written from their documented behaviour: the commands in their order, and what they
// take from each answer.
#include <catch2/catch_test_macros.hpp>

#include "imap/world.hpp"

using namespace mbx;
using namespace mbx::imap;

namespace {

bool has(std::string_view text, std::string_view part) { return text.find(part) != std::string_view::npos; }

// Apple's tags: "1.17", a number that grows.
struct Apple {
    explicit Apple(World& world) : client(world) {}
    std::string say(const std::string& command)
    {
        tag = "1." + std::to_string(++number);
        return client.say(tag + " " + command + "\r\n");
    }
    bool good(const std::string& told) const
    {
        return told.starts_with(tag + " OK") || told.find("\r\n" + tag + " OK") != std::string::npos;
    }
    void must_be_good(const std::string& command)
    {
        INFO(command);
        const auto told = say(command);
        INFO(told);
        CHECK(good(told));
    }
    Client client;
    std::string tag;
    int number = 0;
};

constexpr std::string_view kPlain = "AGFubkBleGFtcGxlLm9yZwBzZWNyZXQ=";

}  // namespace

TEST_CASE("CLIENTS: Apple Mail on macOS sets up an account: AUTHENTICATE, ID, NAMESPACE, LIST with special uses, STATUS of all",
          "[imap][dialogue]")
{
    World world;
    Apple mail(world);
    CHECK(has(mail.client.greeting, "AUTH=PLAIN"));
    CHECK(has(mail.client.greeting, "SASL-IR"));
    CHECK(has(mail.say("CAPABILITY"), "* CAPABILITY IMAP4rev1"));
    mail.must_be_good("AUTHENTICATE PLAIN " + std::string(kPlain));
    mail.must_be_good("CAPABILITY");
    mail.must_be_good("ID (\"name\" \"Mac OS X Mail\" \"version\" \"16.0 (3774.600.62)\" \"os\" \"Mac OS X\" \"os-version\" "
                      "\"14.6.1 (23G93)\" \"vendor\" \"Apple Inc.\")");
    CHECK(has(mail.say("NAMESPACE"), "* NAMESPACE ((\"\" \"/\")) ((\"Other Users/\" \"/\")) NIL\r\n"));
    const auto listed = mail.say("LIST \"\" \"*\"");
    CHECK(has(listed, "\\Sent) \"/\" \"Sent\"\r\n"));  // else it makes "Sent Messages"
    CHECK(has(listed, "\\Trash) \"/\" \"Trash\"\r\n"));  // and "Deleted Messages"
    CHECK(has(listed, "\\Drafts) \"/\" \"Drafts\"\r\n"));
    for (const auto* name : {"INBOX", "Sent", "Drafts", "Junk", "Trash", "Archive"})
        mail.must_be_good("STATUS " + std::string(name) + " (MESSAGES UIDNEXT UIDVALIDITY UNSEEN)");
    mail.must_be_good("LOGOUT");
}

TEST_CASE("CLIENTS: Apple Mail fetches headers first, then structures, then parts with PEEK, and marks what is read",
          "[imap][dialogue]")
{
    World world;
    Client sender(world);
    sender.log_in();
    sender.append("From: Ann <ann@example.org>\r\nSubject: with a picture\r\nMessage-ID: <p@example.org>\r\nMIME-Version: 1.0\r\n"
                  "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nLook!\r\n"
                  "--b\r\nContent-Type: image/png; name=p.png\r\nContent-Transfer-Encoding: base64\r\n\r\naGVsbG8=\r\n--b--\r\n");
    Apple mail(world);
    mail.must_be_good("AUTHENTICATE PLAIN " + std::string(kPlain));
    CHECK(has(mail.say("SELECT INBOX"), "* 1 EXISTS\r\n"));
    CHECK(has(mail.say("UID FETCH 1:* (FLAGS UID)"), "* 1 FETCH (FLAGS () UID 1)\r\n"));
    const auto headers = mail.say("UID FETCH 1 (INTERNALDATE UID RFC822.SIZE FLAGS BODY.PEEK[HEADER.FIELDS (date subject from to cc "
                                  "message-id in-reply-to references content-type x-priority x-uniform-type-identifier "
                                  "x-universally-unique-identifier list-id list-unsubscribe bimi-indicator bimi-location "
                                  "x-bimi-indicator-hash authentication-results dkim-signature)])");
    CHECK(has(headers, "Subject: with a picture\r\n"));
    CHECK(has(headers, "INTERNALDATE \""));
    CHECK(has(mail.say("UID FETCH 1 (BODYSTRUCTURE BODY.PEEK[HEADER])"), "BODYSTRUCTURE ((\"text\" \"plain\""));
    CHECK(has(mail.say("UID FETCH 1 (BODY.PEEK[1])"), "BODY[1] {5}\r\nLook!"));
    CHECK(has(mail.say("UID FETCH 1 BODY.PEEK[2]<0.4>"), "BODY[2]<0> {4}\r\naGVs"));
    CHECK(has(mail.say("UID STORE 1 +FLAGS.SILENT (\\Seen)"), "OK"));
    CHECK(has(mail.say("UID SEARCH 1:* NOT DELETED"), "* SEARCH 1\r\n"));
    // Deleting there is a copy, a flag, and UID EXPUNGE where MOVE is not used.
    mail.must_be_good("UID COPY 1 Trash");
    mail.must_be_good("UID STORE 1 +FLAGS.SILENT (\\Deleted)");
    CHECK(has(mail.say("UID EXPUNGE 1"), "* 1 EXPUNGE\r\n"));
    CHECK(has(mail.say("STATUS Trash (MESSAGES)"), "MESSAGES 1"));
    mail.must_be_good("CHECK");
    mail.must_be_good("CLOSE");
}

TEST_CASE("CLIENTS: iOS Mail opens with CONDSTORE, asks for changes by CHANGEDSINCE, moves to Trash and appends to Sent",
          "[imap][dialogue]")
{
    World world;
    Client sender(world);
    sender.log_in();
    sender.append(message("one"));
    sender.append(message("two"));
    Apple mail(world);
    mail.must_be_good("AUTHENTICATE PLAIN " + std::string(kPlain));
    mail.must_be_good("ID (\"name\" \"iPhone Mail\" \"version\" \"22A3354\" \"os\" \"iOS\" \"os-version\" \"18.0 (22A3354)\")");
    mail.must_be_good("ENABLE CONDSTORE");
    const auto selected = mail.say("SELECT INBOX (CONDSTORE)");
    const auto at = selected.find("[HIGHESTMODSEQ ");
    REQUIRE(at != std::string::npos);
    const auto modseq = selected.substr(at + 15, selected.find(']', at) - at - 15);
    CHECK(mail.good(mail.say("UID FETCH 1:* (UID FLAGS) (CHANGEDSINCE " + modseq + ")")));
    sender.select();
    (void)sender.ask("f STORE 1 +FLAGS (\\Flagged)");
    const auto changed = mail.say("UID FETCH 1:* (UID FLAGS) (CHANGEDSINCE " + modseq + ")");
    CHECK(has(changed, "UID 1"));
    CHECK_FALSE(has(changed, "UID 2 "));
    CHECK(has(mail.say("UID MOVE 2 Trash"), "[COPYUID "));
    const auto sent = message("from the phone");
    const auto told = mail.client.say("9.1 APPEND Sent (\\Seen) {" + std::to_string(sent.size()) + "}\r\n");
    CHECK(told.starts_with("+ "));
    CHECK(has(mail.client.say(sent + "\r\n"), "9.1 OK [APPENDUID "));
}

TEST_CASE("CLIENTS: iOS 18 sends its next command right behind IDLE, again and again, and nothing is lost", "[imap][dialogue]")
{
    World world;
    Client sender(world);
    sender.log_in();
    Apple mail(world);
    mail.must_be_good("AUTHENTICATE PLAIN " + std::string(kPlain));
    mail.must_be_good("SELECT INBOX");
    for (int i = 1; i <= 20; ++i) {
        CHECK(mail.client.say("2." + std::to_string(i) + " IDLE\r\nDONE\r\n3." + std::to_string(i) + " NOOP\r\n") ==
              "+ idling\r\n2." + std::to_string(i) + " OK IDLE completed\r\n3." + std::to_string(i) + " OK NOOP completed\r\n");
    }
    sender.append(message("rings"));
    CHECK(has(mail.client.say("4.1 IDLE\r\n"), "* 1 EXISTS\r\n"));
    CHECK(mail.client.say("DONE\r\n4.2 UID FETCH 1:* (UID FLAGS)\r\n4.3 IDLE\r\n") ==
          "4.1 OK IDLE completed\r\n* 1 FETCH (UID 1 FLAGS ())\r\n4.2 OK UID FETCH completed\r\n+ idling\r\n");
}
