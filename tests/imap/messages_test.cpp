#include <algorithm>
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <filesystem>
#include <fstream>
#include <stdexcept>

#include "imap/world.hpp"

using namespace mbx;
using namespace mbx::imap;

namespace {

const std::string kMultipart =
    "From: Ann <ann@example.org>\r\nTo: bob@example.org\r\nSubject: parts\r\nMIME-Version: 1.0\r\n"
    "Content-Type: multipart/mixed; boundary=b\r\n\r\n"
    "--b\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n"
    "caf=C3=A9\r\n--b\r\nContent-Type: application/octet-stream\r\nContent-Transfer-Encoding: base64\r\n\r\n"
    "AGFi\r\n--b\r\nContent-Type: text/plain\r\nContent-Transfer-Encoding: x-strange\r\n\r\nodd\r\n--b--\r\n";

}  // namespace

TEST_CASE("RFC 9051 6.4.5: FETCH gives sections, parts, partial bytes and decoded parts", "[imap][session][E6]")
{
    World world;
    Client client(world);
    client.log_in();
    client.append(kMultipart);
    client.select();
    const auto size = std::to_string(kMultipart.size());
    const auto fetch = [&client](std::string_view items) {
        auto all = client.say("a FETCH 1 " + std::string(items) + "\r\n");
        return all;
    };
    CHECK(fetch("BODY.PEEK[HEADER.FIELDS (SUBJECT X-None)]") ==
          "* 1 FETCH (BODY[HEADER.FIELDS (SUBJECT X-None)] {18}\r\nSubject: parts\r\n\r\n)\r\na OK FETCH completed\r\n");
    CHECK(fetch("BODY.PEEK[1]") == "* 1 FETCH (BODY[1] {9}\r\ncaf=C3=A9)\r\na OK FETCH completed\r\n");
    CHECK(fetch("BODY.PEEK[2.MIME]<0.8>") ==
          "* 1 FETCH (BODY[2.MIME]<0> {8}\r\nContent-)\r\na OK FETCH completed\r\n");
    CHECK(fetch("BODY.PEEK[1.2.3.4.5]") == "* 1 FETCH (BODY[1.2.3.4.5] NIL)\r\na OK FETCH completed\r\n");
    CHECK(fetch("BODY.PEEK[]<4294967295.4294967295>") ==
          "* 1 FETCH (BODY[]<4294967295> {0}\r\n)\r\na OK FETCH completed\r\n");
    CHECK(fetch("(BINARY.PEEK[1] BINARY.SIZE[1])") ==
          "* 1 FETCH (BINARY[1] {5}\r\ncaf\xc3\xa9 BINARY.SIZE[1] 5)\r\na OK FETCH completed\r\n");
    CHECK(fetch("BINARY.PEEK[2]") ==
          "* 1 FETCH (BINARY[2] ~{3}\r\n" + std::string(1, '\0') + "ab)\r\na OK FETCH completed\r\n");
    CHECK(fetch("BINARY.PEEK[3]").ends_with("a NO [UNKNOWN-CTE] a part has an unknown transfer encoding\r\n"));
    CHECK(fetch("ENVELOPE").starts_with("* 1 FETCH (ENVELOPE (NIL \"parts\" ((\"Ann\" NIL \"ann\" \"example.org\"))"));
    CHECK(fetch("BODYSTRUCTURE").starts_with("* 1 FETCH (BODYSTRUCTURE ((\"text\" \"plain\" (\"charset\" \"utf-8\")"));
    CHECK(fetch("FAST").find("RFC822.SIZE " + size + ")") != std::string::npos);
    // None of these set \Seen; BODY[] does and tells so.
    CHECK(fetch("FLAGS") == "* 1 FETCH (FLAGS ())\r\na OK FETCH completed\r\n");
    CHECK(fetch("BODY[]") == "* 1 FETCH (BODY[] {" + size + "}\r\n" + kMultipart + " FLAGS (\\Seen))\r\na OK FETCH completed\r\n");
    CHECK(fetch("RFC822").find("FLAGS") == std::string::npos);
    CHECK(fetch("2 FLAGS").starts_with("a BAD"));
    CHECK(client.ask("b UID FETCH 77 FLAGS") == "OK UID FETCH completed\r\n");
}

TEST_CASE("CLIENTS: ENVELOPE without From has NIL for it, and nothing else breaks", "[imap][session]")
{
    World world;
    Client client(world);
    client.log_in();
    client.append("Subject: x\r\n\r\n");
    client.select();
    CHECK(client.say("a FETCH 1 ENVELOPE\r\n") ==
          "* 1 FETCH (ENVELOPE (NIL \"x\" NIL NIL NIL NIL NIL NIL NIL NIL))\r\na OK FETCH completed\r\n");
}

TEST_CASE("RFC 9051 6.4.4: SEARCH looks at flags, dates, sizes, headers and decoded text", "[imap][session]")
{
    World world;
    Client client(world);
    client.log_in();
    client.append(message("first", "Hello world\r\n"), "(\\Seen)");
    client.append("From: Eve <eve@example.net>\r\nSubject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\nContent-Type: text/plain; charset=utf-8\r\n"
                  "Content-Transfer-Encoding: base64\r\n\r\n0J/RgNC40LLQtdGCINC80LjRgA==\r\n", "(work)");
    client.append(message("third", std::string(5000, 'z') + "\r\n"), "(\\Flagged \\Deleted)");
    client.select();
    struct Row {
        std::string keys;
        std::string found;
    };
    for (const auto& row : std::vector<Row>{
             {"ALL", " 1 2 3"},
             {"SEEN", " 1"},
             {"UNSEEN NOT FLAGGED", " 2"},
             {"OR SEEN DELETED", " 1 3"},
             {"KEYWORD WORK", " 2"},
             {"UNKEYWORD work", " 1 3"},
             {"LARGER 4000", " 3"},
             {"FROM EVE", " 2"},
             {"HEADER Message-ID 1@", " 1 3"},
             {"BODY \"hello WORLD\"", " 1"},
             {"TEXT third", " 3"},
             {"SENTON 21-Nov-1997", " 1 3"},
             {"SENTBEFORE 21-Nov-1997", ""},
             {"SINCE 1-Jan-2020", " 1 2 3"},
             {"BEFORE 1-Jan-2020", ""},
             {"2:3 UID 1:2", " 2"},
             {"NEW", ""},
             {"OLD", " 1 2 3"},
             {"RECENT", ""},
         }) {
        CAPTURE(row.keys);
        CHECK(client.say("a SEARCH " + row.keys + "\r\n") == "* SEARCH" + row.found + "\r\na OK SEARCH completed\r\n");
    }
    CHECK(client.say("b SEARCH CHARSET UTF-8 SUBJECT {5+}\r\nGR\xc3\x9c\xc3\x9f\r\n").starts_with("b BAD"));
    CHECK(client.say("b SEARCH CHARSET UTF-8 SUBJECT {6+}\r\nGR\xc3\x9c\xc3\x9f\r\n") == "* SEARCH 2\r\nb OK SEARCH completed\r\n");
    CHECK(client.say("b SEARCH CHARSET KOI8-R BODY {6+}\r\n\xf0\xf2\xe9\xf7\xe5\xf4\r\n") == "* SEARCH 2\r\nb OK SEARCH completed\r\n");
    CHECK(client.say("c SEARCH CHARSET X-NONE ALL\r\n").starts_with("c NO [BADCHARSET (UTF-8 US-ASCII)]"));
    CHECK(client.say("d SEARCH 4\r\n").starts_with("d BAD"));
}

TEST_CASE("RFC 4731, RFC 5182: ESEARCH answers under a quoted tag, and $ names what was saved", "[imap][session]")
{
    World world;
    Client client(world);
    client.log_in();
    for (int i = 0; i < 4; ++i) client.append(message("m" + std::to_string(i)), i == 2 ? "" : "(\\Seen)");
    client.select();
    // CLIENTS: New Outlook wants the tag as a quoted string.
    CHECK(client.say("a1 UID SEARCH RETURN (MIN MAX COUNT ALL) SEEN\r\n") ==
          "* ESEARCH (TAG \"a1\") UID MIN 1 MAX 4 COUNT 3 ALL 1:2,4\r\na1 OK UID SEARCH completed\r\n");
    CHECK(client.say("a2 SEARCH RETURN (COUNT) DRAFT\r\n") == "* ESEARCH (TAG \"a2\") COUNT 0\r\na2 OK SEARCH completed\r\n");
    CHECK(client.say("a3 SEARCH RETURN (SAVE) UNSEEN\r\n") == "a3 OK SEARCH completed\r\n");
    CHECK(client.say("a4 FETCH $ UID\r\n") == "* 3 FETCH (UID 3)\r\na4 OK FETCH completed\r\n");
    CHECK(client.say("a5 UID STORE $ +FLAGS.SILENT (\\Deleted)\r\na6 EXPUNGE\r\na7 FETCH $ UID\r\n") ==
          "a5 OK UID STORE completed\r\n* 3 EXPUNGE\r\na6 OK EXPUNGE completed\r\na7 OK FETCH completed\r\n");
}

TEST_CASE("RFC 9051 6.4.6: STORE answers with flags, silently when asked, and keywords are announced first",
          "[imap][session]")
{
    World world;
    Client client(world);
    client.log_in();
    client.append(message("one"));
    client.append(message("two"));
    client.select();
    CHECK(client.say("a STORE 1:2 +FLAGS (\\Flagged)\r\n") ==
          "* 1 FETCH (FLAGS (\\Flagged))\r\n* 2 FETCH (FLAGS (\\Flagged))\r\na OK STORE completed\r\n");
    CHECK(client.say("b UID STORE 2 FLAGS.SILENT (\\Seen)\r\n") == "b OK UID STORE completed\r\n");
    const auto answer = client.say("c UID STORE 1 FLAGS ($Label1)\r\n");
    CHECK(answer.find("* FLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft $Forwarded $Label1)\r\n") != std::string::npos);
    CHECK(answer.ends_with("* 1 FETCH (UID 1 FLAGS ($Label1))\r\nc OK UID STORE completed\r\n"));
    CHECK(client.say("d FETCH 1:2 FLAGS\r\n") ==
          "* 1 FETCH (FLAGS ($Label1))\r\n* 2 FETCH (FLAGS (\\Seen))\r\nd OK FETCH completed\r\n");
    CHECK(client.ask("e STORE 3 FLAGS ()").starts_with("BAD"));
}

TEST_CASE("E15: a mailbox has room for 26 keywords and says so, before and after", "[imap][session][E15]")
{
    World world;
    Client client(world);
    client.log_in();
    client.append(message("one"));
    client.select();
    std::string names;
    for (char c = 'a'; c <= 'z'; ++c) names += std::string(names.empty() ? "" : " ") + "key-" + c;
    CHECK(client.ask("a STORE 1 +FLAGS (" + names + ")") == "OK STORE completed\r\n");
    CHECK(client.ask("b STORE 1 +FLAGS (one-more)").starts_with("NO [LIMIT]"));
    CHECK(client.ask("c STORE 1 +FLAGS (KEY-A)") == "OK STORE completed\r\n");
    const auto selected = client.say("d SELECT INBOX\r\n");
    CHECK(selected.find("key-z)] these are kept") != std::string::npos);
    CHECK(selected.find("\\*") == std::string::npos);
}

TEST_CASE("a FETCH of many messages, read ahead while others are written, gives each its own bytes", "[imap][session]")
{
    World world;
    Client ann(world);
    ann.log_in();
    std::vector<std::string> all;
    std::string expected;
    for (int n = 1; n <= 230; ++n) {
        const auto size = n % 50 == 0 ? 20'000 : n % 7 == 0 ? 9'000 : 10 * n;
        all.push_back(message("letter " + std::to_string(n), std::string(static_cast<std::size_t>(size), static_cast<char>('a' + n % 26)) + "\r\n"));
        ann.append(all.back(), n % 3 == 0 ? "(\\Seen)" : "");
        expected += "* " + std::to_string(n) + " FETCH (BODY[] {" + std::to_string(all.back().size()) + "}\r\n" + all.back() + ")\r\n";
    }
    ann.select();
    CHECK(ann.say("a FETCH 1:* BODY.PEEK[]\r\n") == expected + "a OK FETCH completed\r\n");
    // Another session takes some away meanwhile: they are missing, nothing else is.
    Client other(world);
    other.log_in();
    other.select();
    (void)other.ask("a STORE 150,200 +FLAGS.SILENT (\\Deleted)");
    (void)other.ask("a EXPUNGE");
    const auto fetched = ann.say("a FETCH 1:* BODY.PEEK[]\r\n");
    CHECK(fetched.find("* 149 FETCH (BODY[]") != std::string::npos);
    CHECK(fetched.find("* 150 FETCH (BODY[]") == std::string::npos);
    CHECK(fetched.find("* 151 FETCH (BODY[] {" + std::to_string(all[150].size()) + "}\r\n" + all[150] + ")") != std::string::npos);
    CHECK(fetched.find("* 230 FETCH (BODY[]") != std::string::npos);
    CHECK(fetched.find("a NO [EXPUNGEISSUED]") != std::string::npos);
    // With \\Seen set on the way, which moves files.
    const auto seen = ann.say("b UID FETCH 1:* BODY[]\r\n");
    CHECK(seen.find("FETCH (UID 150 ") == std::string::npos);
    // On a slow machine a slice ends between the flag and the body: then the flag is told apart.
    const auto says = [told = seen + ann.say("n NOOP\r\n")](const std::string& text) { return told.find(text) != std::string::npos; };
    const std::string body = "* 230 FETCH (UID 230 BODY[] {" + std::to_string(all[229].size()) + "}\r\n" + all[229];
    const bool is_apart = says(" FETCH (UID 230 FLAGS (\\Seen");
    CHECK((says(body + " FLAGS (\\Seen))") || (says(body + ")") && is_apart)));
    CHECK(ann.say("c SEARCH UNSEEN\r\n").starts_with("* SEARCH\r\n"));
}

TEST_CASE("F5: a FETCH that reads files beside the strand asks it for those that other tools moved or changed", "[imap][session][F5]")
{
    World world;
    Client client(world);
    client.log_in();
    constexpr int kMessages = 460;  // more than one slice, and then both halves of what is read ahead, twice
    std::vector<std::string> all;
    for (int n = 1; n <= kMessages; ++n) {
        all.push_back(message("letter " + std::to_string(n), std::string(static_cast<std::size_t>(n), 'x') + "\r\n"));
        client.append(all.back());
    }
    client.select();
    const std::filesystem::path fresh(world.folder.path("mail/example.org/ann/new"));
    const auto file_of = [&fresh](int uid) {
        const std::string end = ",I=" + std::to_string(uid);
        for (const auto& entry : std::filesystem::directory_iterator(fresh)) {
            if (entry.path().string().ends_with(end)) return entry.path();
        }
        throw std::runtime_error("no file of " + std::to_string(uid));
    };
    // In the midst of a first half (what the second one has read is too early then) and at the beginning of one.
    const std::vector<int> changed{130, 290, 401};
    for (const int uid : changed) std::ofstream(file_of(uid), std::ios::app) << "more\r\n";
    const auto fetched = client.say("a FETCH 1:* BODY.PEEK[]\r\n");
    std::size_t at = 0;
    for (int n = 1; n <= kMessages; ++n) {
        if (std::ranges::find(changed, n) != changed.end()) continue;
        const auto& text = all[static_cast<std::size_t>(n - 1)];
        at = fetched.find("* " + std::to_string(n) + " FETCH (BODY[] {" + std::to_string(text.size()) + "}\r\n" + text + ")\r\n", at);
        INFO(n);
        REQUIRE(at != std::string::npos);
    }
    // They are other messages now: of the old ones nothing is told but that they are gone.
    CHECK(fetched.find("a NO [EXPUNGEISSUED]") != std::string::npos);
    CHECK(client.say("b NOOP\r\n") == "* 401 EXPUNGE\r\n* 290 EXPUNGE\r\n* 130 EXPUNGE\r\nb OK NOOP completed\r\n");
    for (const int uid : changed) {
        const std::string text = all[static_cast<std::size_t>(uid - 1)] + "more\r\n";
        CHECK(client.say("c UID FETCH 461:* BODY.PEEK[]\r\n").find(text) != std::string::npos);
    }
}

TEST_CASE("CLIENTS: a pipelined STORE and EXPUNGE keep their order", "[imap][session][A5]")
{
    World world;
    Client client(world);
    client.log_in();
    for (int i = 0; i < 3; ++i) client.append(message("m"));
    client.select();
    CHECK(client.say("a STORE 1,3 +FLAGS.SILENT (\\Deleted)\r\nb UID EXPUNGE 3\r\nc EXPUNGE\r\nd EXPUNGE\r\n") ==
          "a OK STORE completed\r\n* 3 EXPUNGE\r\nb OK UID EXPUNGE completed\r\n* 1 EXPUNGE\r\nc OK EXPUNGE completed\r\n"
          "d OK EXPUNGE completed\r\n");
    // RFC 9051 6.4.2: CLOSE expunges without a word.
    CHECK(client.say("e STORE 1 +FLAGS.SILENT (\\Deleted)\r\nf CLOSE\r\ng STATUS INBOX (MESSAGES)\r\n") ==
          "e OK STORE completed\r\nf OK CLOSE completed\r\n* STATUS \"INBOX\" (MESSAGES 0)\r\ng OK STATUS completed\r\n");
}

TEST_CASE("RFC 4315, RFC 6851: COPY and MOVE tell COPYUID, and of missing UIDs make no error", "[imap][session]")
{
    World world;
    Client client(world);
    client.log_in();
    for (int i = 0; i < 3; ++i) client.append(message("m" + std::to_string(i)), "(\\Flagged)");
    client.select();
    const auto copied = client.say("a COPY 1,3 Archive\r\n");
    CHECK(copied.starts_with("a OK [COPYUID "));
    CHECK(copied.ends_with(" 1,3 1:2] COPY completed\r\n"));
    const auto moved = client.say("b UID MOVE 2 Archive\r\n");
    CHECK(moved.starts_with("* OK [COPYUID "));
    CHECK(moved.ends_with(" 2 3] moved\r\n* 2 EXPUNGE\r\nb OK UID MOVE completed\r\n"));
    CHECK(client.ask("c UID MOVE 77 Archive").starts_with("OK"));
    CHECK(client.ask("d UID COPY 77 Archive").starts_with("OK"));
    CHECK(client.ask("e COPY 1 Nowhere").starts_with("NO [TRYCREATE]"));
    CHECK(client.say("f STATUS Archive (MESSAGES)\r\n").starts_with("* STATUS \"Archive\" (MESSAGES 3)\r\n"));
}

TEST_CASE("A5: a session answers the same however the bytes arrive", "[imap][session][A5][A4]")
{
    const std::string body = message("split", "line\r\n.\r\n{5}\r\n* BYE\r\n");
    const std::string script = "a LOGIN {15+}\r\nann@example.org {6}\r\nsecret\r\nb APPEND INBOX (\\Seen) {" +
                               std::to_string(body.size()) + "+}\r\n" + body +
                               "\r\nc SELECT INBOX\r\nd FETCH 1 (FLAGS BODY.PEEK[])\r\ne IDLE\r\nDONE\r\nf UID SEARCH TEXT "
                               "{5+}\r\nsplit\r\ng BOGUS\r\nh LOGOUT\r\n";
    std::string whole;
    {
        World world;
        Client client(world);
        whole = client.say(script);
        CHECK(client.is_over());
    }
    const auto at = whole.find("[UIDVALIDITY ");
    REQUIRE(at != std::string::npos);
    CHECK(whole.find("* SEARCH 1\r\nf OK") != std::string::npos);
    CHECK(whole.find("e OK IDLE completed") != std::string::npos);
    CHECK(whole.find(body + ")\r\nd OK FETCH completed") != std::string::npos);
    const auto piece = GENERATE(std::size_t{1}, std::size_t{2}, std::size_t{7}, std::size_t{300});
    CAPTURE(piece);
    World world;
    Client client(world, piece);
    auto pieces = client.say(script);
    const auto plain = [](std::string text) {
        for (const std::string_view word : {"[UIDVALIDITY ", "[APPENDUID "}) {
            const auto from = text.find(word);
            if (from != std::string::npos) text.erase(from, text.find_first_of("] ", from + word.size()) - from);
        }
        return text;
    };
    CHECK(plain(pieces) == plain(whole));
}
