// CATENATE (RFC 4469) and the URLs that it takes (RFC 5092).
#include <catch2/catch_test_macros.hpp>

#include "imap/message_url.hpp"
#include "imap/world.hpp"

using namespace mbx;
using namespace mbx::imap;

namespace {

constexpr const char* kMixed =
    "From: ann@example.org\r\nSubject: two parts\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=\"b\"\r\n\r\n"
    "--b\r\nContent-Type: text/plain\r\n\r\nfirst part\r\n--b\r\nContent-Type: text/x-other\r\n\r\nsecond part\r\n--b--\r\n";

class Box {
public:
    Box() : client(world)
    {
        client.log_in();
        client.append(kMixed);
        client.select();
    }
    std::string ask(const std::string& command) { return client.say(command + "\r\n"); }
    // The message of that UID.
    std::string body(const std::string& uid, const std::string& mailbox = "INBOX")
    {
        Client reader(world);
        reader.log_in();
        reader.select(mailbox);
        const auto heard = reader.say("f UID FETCH " + uid + " (BODY.PEEK[])\r\n");
        const auto begin = heard.find("}\r\n") + 3;
        return heard.substr(begin, heard.rfind(")\r\nf OK") - begin);
    }
    World world;
    Client client;
};

bool is_url(std::string_view text) { return static_cast<bool>(parse_message_url(text)); }

}  // namespace

TEST_CASE("RFC 5092: URLs of messages and parts, absolute, rooted and relative", "[imap][catenate]")
{
    const auto full = parse_message_url("imap://Ann%40example.org;AUTH=*@IMAP.example.org:143/a%2fb%20c;UIDVALIDITY=7/;UID=20/;SECTION=1.2.MIME/;PARTIAL=5.10");
    REQUIRE(full);
    CHECK(full->host == "imap.example.org");
    CHECK(full->user == "Ann@example.org");
    CHECK(full->mailbox == "a/b c");
    CHECK(full->uidvalidity == 7);
    CHECK(full->uid == 20);
    CHECK(full->section.path == std::vector<std::uint32_t>{1, 2});
    CHECK(full->section.text == mail::SectionText::mime);
    REQUIRE(full->partial);
    CHECK(full->partial->offset == 5);
    CHECK(full->partial->count == 10);
    const auto rooted = parse_message_url("/Drafts;UIDVALIDITY=385759045/;UID=20/;section=HEADER.FIELDS%20(To%20Cc)");
    REQUIRE(rooted);
    CHECK(!rooted->host);
    CHECK(rooted->section.fields == std::vector<std::string>{"To", "Cc"});
    const auto relative = parse_message_url(";uid=3/;partial=7");
    REQUIRE(relative);
    CHECK(!relative->mailbox);
    CHECK(!relative->partial->count);
    CHECK(is_url("//host/INBOX/;UID=1"));
    CHECK(is_url("imap://[::1]:1143/INBOX/;UID=1"));
    for (const char* bad : {"", "/", "/INBOX", "/INBOX;UID=1", "/INBOX/;UID=0", "/INBOX/;UID=4294967296", "/INBOX/;UID=1/", "/INBOX/;UID=1/;SECTION=zz",
                            "/INBOX/;UID=1/;PARTIAL=x", "/INBOX/;UID=1/;PARTIAL=1.0", "/INBOX;UIDVALIDITY=0/;UID=1", "/%zz/;UID=1", "/a%/;UID=1",
                            "/a%2/;UID=1", "/a%0a/;UID=1", "INBOX/;UID=1", "http://host/INBOX/;UID=1", "imap://host", "imap:///INBOX/;UID=1",
                            "imap://host:x/INBOX/;UID=1", "/INBOX?SUBJECT%20x/;UID=1x", "/INBOX/;UID=1;URLAUTH=nobody", "/;UID=1"}) {
        CAPTURE(bad);
        CHECK(!is_url(bad));
    }
    CHECK(!is_url("/" + std::string(9000, 'a') + "/;UID=1"));
}

TEST_CASE("RFC 4469 3: APPEND puts texts and parts of messages together", "[imap][catenate]")
{
    Box box;
    CHECK(box.ask("c CAPABILITY").find(" CATENATE ") != std::string::npos);
    (void)box.ask("c CREATE Drafts2");
    const auto validity = box.ask("u STATUS INBOX (UIDVALIDITY)");
    const auto number = validity.substr(validity.find("UIDVALIDITY ") + 12, validity.find(')') - validity.find("UIDVALIDITY ") - 12);
    const std::string head = "Subject: new\r\n\r\n";
    const auto heard = box.ask("a APPEND Drafts2 (\\Seen \\Draft) CATENATE (URL \"/INBOX;UIDVALIDITY=" + number + "/;UID=1/;SECTION=HEADER.FIELDS%20(From)\""
                               " TEXT {16+}\r\nSubject: new\r\n\r\n URL \"/INBOX/;UID=1/;SECTION=2\" TEXT {4+}\r\n\r\n--"
                               " URL \";UID=1/;SECTION=1/;PARTIAL=0.5\")");
    CHECK(heard.starts_with("a OK [APPENDUID "));
    CHECK(box.body("1", "Drafts2") == "From: ann@example.org\r\n\r\nSubject: new\r\n\r\nsecond part\r\n--first");
    // URLs alone, as literals and as an absolute one, the whole message.
    CHECK(box.ask("b APPEND Drafts2 CATENATE (URL {13+}\r\n/INBOX/;UID=1 URL \"imap://ann@imap.example.org/INBOX/;UID=1/;SECTION=1\")").starts_with("b OK"));
    CHECK(box.body("2", "Drafts2") == std::string(kMixed) + "first part");
    CHECK(box.ask("d APPEND Drafts2 CATENATE (TEXT {3+}\r\nA: b URL {13+}\r\n/INBOX/;UID=1)").starts_with("d BAD"));
    CHECK(box.ask("e APPEND Drafts2 CATENATE (TEXT {6+}\r\nA: b\r\n URL {13+}\r\n/INBOX/;UID=1)").starts_with("e OK"));
    CHECK(box.body("3", "Drafts2") == "A: b\r\n" + std::string(kMixed));
    // Synchronizing texts are asked for one by one.
    CHECK(box.ask("s APPEND Drafts2 CATENATE (TEXT {6}") == "+ go ahead\r\n");
    CHECK(box.ask("A: c\r\n TEXT {3}") == "+ go ahead\r\n");
    CHECK(box.ask("x\r\n)").starts_with("s OK [APPENDUID "));
    CHECK(box.body("4", "Drafts2") == "A: c\r\nx\r\n");
    // With MULTIAPPEND (RFC 3502) and REPLACE (RFC 8508).
    CHECK(box.ask("m APPEND Drafts2 CATENATE (URL \"/INBOX/;UID=1/;SECTION=1\") (\\Flagged) {6+}\r\nD: e\r\n").find("OK [APPENDUID ") != std::string::npos);
    CHECK(box.body("5", "Drafts2") == "first part");
    CHECK(box.body("6", "Drafts2") == "D: e\r\n");
    CHECK(box.ask("r UID REPLACE 1 INBOX CATENATE (TEXT {6+}\r\nF: g\r\n URL \";UID=1/;SECTION=1\")").find("r OK") != std::string::npos);
    CHECK(box.body("2") == "F: g\r\nfirst part");
}

TEST_CASE("RFC 4469 4 and 5: what cannot be put together leaves nothing", "[imap][catenate]")
{
    Box box;
    const auto refuses = [&box](const std::string& parts) { return box.client.ask("a APPEND INBOX CATENATE (" + parts + ")"); };
    CHECK(refuses("URL \"/INBOX/;UID=9\"").starts_with("NO [BADURL \"/INBOX/;UID=9\"]"));
    CHECK(refuses("TEXT {6+}\r\nA: b\r\n URL \"/INBOX/;UID=1/;SECTION=7\"").starts_with("NO [BADURL "));
    CHECK(refuses("URL \"/INBOX;UIDVALIDITY=1/;UID=1\" TEXT {6+}\r\nA: b\r\n").starts_with("NO [BADURL "));
    CHECK(refuses("URL \"/nowhere/;UID=1\"").starts_with("NO [BADURL "));
    CHECK(refuses("URL \"imap://elsewhere.example/INBOX/;UID=1\"").starts_with("NO [BADURL "));
    CHECK(refuses("URL \"imap://bob@imap.example.org/INBOX/;UID=1\"").starts_with("NO [BADURL "));
    CHECK(refuses("URL \"x]y\"").starts_with("NO [BADURL \"x?y\"]"));
    CHECK(refuses("URL \"/INBOX/;UID=1/;SECTION=1/;PARTIAL=900\"").starts_with("NO [CANNOT]"));
    CHECK(refuses("").starts_with("BAD"));
    CHECK(refuses("PART \"x\"").starts_with("BAD"));
    CHECK(refuses("URL").starts_with("BAD"));
    CHECK(box.client.ask("n APPEND nowhere CATENATE (URL \"/INBOX/;UID=1\")").starts_with("NO [TRYCREATE]"));
    CHECK(box.ask("s STATUS INBOX (MESSAGES)").starts_with("* STATUS \"INBOX\" (MESSAGES 1)"));
    // A relative URL needs a selected mailbox.
    (void)box.ask("u UNSELECT");
    CHECK(refuses("URL \";UID=1\"").starts_with("NO [BADURL "));
}

TEST_CASE("CATENATE is held to APPENDLIMIT, whatever its URLs multiply", "[imap][catenate]")
{
    auto options = test_options();
    options.max_append = 10'000;
    World world(options);
    Client client(world);
    client.log_in();
    client.append("A: b\r\n\r\n" + std::string(4000, 'x') + "\r\n");
    CHECK(client.ask("a APPEND INBOX CATENATE (URL \"/INBOX/;UID=1\" URL \"/INBOX/;UID=1\" URL \"/INBOX/;UID=1\")").starts_with("NO [TOOBIG]"));
    CHECK(client.ask("b APPEND INBOX CATENATE (URL \"/INBOX/;UID=1\" URL \"/INBOX/;UID=1\")").starts_with("OK"));
    CHECK(client.say("c APPEND INBOX CATENATE (URL \"/INBOX/;UID=1\" URL \"/INBOX/;UID=1\" TEXT {5000}\r\n").starts_with("c NO [TOOBIG]"));
    CHECK(client.ask("d NOOP").starts_with("OK"));
}
