// URLAUTH (RFC 4467): URLs that carry an authorization with them; COMPARATOR (RFC 5255).
#include <catch2/catch_test_macros.hpp>

#include "auth/url_token.hpp"
#include "imap/message_url.hpp"
#include "imap/world.hpp"

using namespace mbx;
using namespace mbx::imap;

namespace {

bool has(std::string_view text, std::string_view part) { return text.find(part) != std::string_view::npos; }

struct Two {
    explicit Two(Options options = test_options()) : world(std::move(options), 2), ann(world), bob(world)
    {
        ann.log_in();
        must(bob.ask("l LOGIN bob@example.org secret").starts_with("OK"), "log-in failed");
        ann.append(message("first", "Si vis pacem, para bellum.\r\n"));
    }
    // The signed URL.
    std::string sign(const std::string& rump)
    {
        const auto heard = ann.say("g GENURLAUTH \"" + rump + "\" INTERNAL\r\n");
        must(heard.starts_with("* GENURLAUTH \"") && has(heard, "g OK GENURLAUTH"), heard);
        const auto begin = heard.find('"') + 1;
        return heard.substr(begin, heard.find('"', begin) - begin);
    }
    static std::string fetch(Client& who, const std::string& url) { return who.say("f URLFETCH \"" + url + "\"\r\n"); }
    static bool is_refused(Client& who, const std::string& url) { return fetch(who, url) == "* URLFETCH \"" + url + "\" NIL\r\nf OK URLFETCH completed\r\n"; }
    World world;
    Client ann;
    Client bob;
};

constexpr const char* kUrl = "imap://ann@imap.example.org/INBOX/;UID=1/;SECTION=TEXT;URLAUTH=anonymous";

}  // namespace

TEST_CASE("RFC 4467 3: URLs are read with their expiry and access identifier, and cut where the token begins", "[imap][urlauth]")
{
    const auto url = parse_message_url("imap://joe@example.com/INBOX/;uid=20/;section=1.2;expire=2030-01-02T03:04:05+01:00;urlauth=submit+fr%65d:internal:"
                                       "91354A473744909de610943775f92038");
    REQUIRE(url);
    REQUIRE(url->auth);
    CHECK(url->auth->rump == "imap://joe@example.com/INBOX/;uid=20/;section=1.2;expire=2030-01-02T03:04:05+01:00;urlauth=submit+fr%65d");
    CHECK(url->auth->access == UrlAccess::submit);
    CHECK(url->auth->user == "fred");
    CHECK(url->auth->mechanism == "INTERNAL");
    CHECK(url->auth->token == "91354a473744909de610943775f92038");
    CHECK(url->auth->expires_at == 1'893'549'845);
    CHECK(url->uid == 20);
    CHECK(url->section.path == std::vector<std::uint32_t>{1, 2});
    for (const auto* bad : {"imap://j@h/I/;uid=1;urlauth=", "imap://j@h/I/;uid=1;urlauth=user+", "imap://j@h/I/;uid=1;urlauth=nobody",
                            "imap://j@h/I/;uid=1;urlauth=anonymous:internal", "imap://j@h/I/;uid=1;urlauth=anonymous:internal:1234",
                            "imap://j@h/I/;uid=1;urlauth=anonymous:internal:9135zA473744909de610943775f92038", "imap://j@h/I/;uid=1;expire=2030-01-02T03:04:05Z",
                            "imap://j@h/I/;uid=1;expire=2030-02-30T03:04:05Z;urlauth=anonymous", "imap://j@h/I/;uid=1;expire=2030-02-03;urlauth=anonymous",
                            "imap://j@h/I/;uid=1;expire=2030-02-03T03:04:05;urlauth=anonymous", "imap://j@h/I;urlauth=anonymous"}) {
        CAPTURE(bad);
        CHECK_FALSE(parse_message_url(bad));
    }
    CHECK(parse_timestamp("1970-01-01T00:00:01.25Z") == 1);
    CHECK_FALSE(parse_timestamp("1970-01-01T24:00:00Z"));
    CHECK_FALSE(parse_timestamp("1970-13-01T00:00:00Z"));
    CHECK_FALSE(parse_timestamp("1970-01-01T00:00:00Zx"));
}

TEST_CASE("RFC 4467 2.4.1, 2.5: a token is of this key and this URL alone", "[imap][urlauth]")
{
    const std::string key(32, 'k');
    const auto token = auth::url_token(key, "imap://a@h/I/;UID=1;URLAUTH=anonymous");
    CHECK(token.size() == 66);
    CHECK(token.starts_with("01"));
    CHECK(auth::is_url_token(key, "imap://a@h/I/;UID=1;URLAUTH=anonymous", token));
    CHECK_FALSE(auth::is_url_token(key, "imap://a@h/I/;UID=2;URLAUTH=anonymous", token));
    CHECK_FALSE(auth::is_url_token(std::string(32, 'x'), "imap://a@h/I/;UID=1;URLAUTH=anonymous", token));
    CHECK_FALSE(auth::is_url_token("", "u", auth::url_token("", "u")));
}

TEST_CASE("RFC 4467 7: GENURLAUTH signs a URL, URLFETCH redeems it, for anybody whom it names", "[imap][urlauth]")
{
    Two two;
    CHECK(has(two.ann.say("a CAPABILITY\r\n"), " URLAUTH"));
    const auto url = two.sign(kUrl);
    CHECK(url.starts_with(std::string(kUrl) + ":INTERNAL:01"));
    CHECK(Two::fetch(two.bob, url) == "* URLFETCH \"" + url + "\" {28}\r\nSi vis pacem, para bellum.\r\n\r\nf OK URLFETCH completed\r\n");
    // It changes nothing, and needs no mailbox.
    CHECK(has(two.ann.say("b STATUS INBOX (UNSEEN)\r\n"), "(UNSEEN 1)"));
    // The same key again: the same token.
    CHECK(two.sign(kUrl) == url);
    const auto other = two.sign("imap://ann@imap.example.org/INBOX/;UID=1;URLAUTH=user+bob%40example.org");
    CHECK(has(Two::fetch(two.bob, other), "Subject: first"));
    CHECK(Two::is_refused(two.ann, other));
    CHECK(has(Two::fetch(two.bob, two.sign("imap://ann%40example.org@imap.example.org/INBOX/;UID=1/;SECTION=TEXT/;PARTIAL=3.3;URLAUTH=authuser")), "{3}\r\nvis\r\n"));
    // Nobody submits here.
    CHECK(Two::is_refused(two.bob, two.sign("imap://ann@imap.example.org/INBOX/;UID=1;URLAUTH=submit+ann")));
    // Two at once, of which one is nothing.
    const auto both = two.bob.say("c URLFETCH \"" + url + "\" \"imap://ann@imap.example.org/INBOX\"\r\n");
    CHECK(has(both, "\r\n \"imap://ann@imap.example.org/INBOX\" NIL\r\nc OK"));
}

TEST_CASE("RFC 4467 3: the accounts of a submission service redeem submit+, no others do", "[imap][urlauth]")
{
    auto options = test_options();
    options.submit_users = {"bob@example.org"};
    Two two(std::move(options));
    const auto url = two.sign("imap://ann@imap.example.org/INBOX/;UID=1;URLAUTH=submit+ann");
    CHECK(has(Two::fetch(two.bob, url), "Subject: first"));
    CHECK(Two::is_refused(two.ann, url));
}

TEST_CASE("RFC 4467 6: whatever is wrong with a URL, the answer is NIL", "[imap][urlauth]")
{
    Two two;
    const auto url = two.sign(kUrl);
    const auto changed = [&url](std::string_view from, std::string_view to) {
        auto other = url;
        other.replace(other.find(from), from.size(), to);
        return other;
    };
    CHECK(Two::is_refused(two.bob, kUrl));  // not signed
    CHECK(Two::is_refused(two.bob, changed("UID=1", "UID=2")));
    CHECK(Two::is_refused(two.bob, changed("UID=1", "uid=1")));  // not a byte may differ
    CHECK(Two::is_refused(two.bob, changed("INBOX", "Sent")));
    CHECK(Two::is_refused(two.bob, changed("INBOX", "Nowhere")));
    CHECK(Two::is_refused(two.bob, changed("ann@", "bob@")));
    CHECK(Two::is_refused(two.bob, changed("ann@", "zoe@")));
    CHECK(Two::is_refused(two.bob, changed("imap.example.org", "imap.example.com")));
    CHECK(Two::is_refused(two.bob, changed("anonymous", "authuser")));
    CHECK(Two::is_refused(two.bob, changed(":INTERNAL:", ":XSAMPLE:")));
    auto other = url;
    other.back() = other.back() == '0' ? '1' : '0';
    CHECK(Two::is_refused(two.bob, other));
    CHECK(Two::is_refused(two.bob, "rubbish"));
    CHECK(Two::is_refused(two.bob, "imap://ann@imap.example.org/"));
    // The mechanism's name and the token are of any case.
    CHECK(has(Two::fetch(two.bob, changed(":INTERNAL:", ":internal:")), "{28}"));
    CHECK(Two::is_refused(two.bob, two.sign("imap://ann@imap.example.org/INBOX/;UID=99;URLAUTH=anonymous")));
    CHECK(Two::is_refused(two.bob, two.sign("imap://ann@imap.example.org/INBOX/;UID=1;EXPIRE=2001-02-03T04:05:06Z;URLAUTH=anonymous")));
    CHECK(has(Two::fetch(two.bob, two.sign("imap://ann@imap.example.org/INBOX/;UID=1;EXPIRE=2200-02-03T04:05:06Z;URLAUTH=anonymous")), "Subject"));
}

TEST_CASE("RFC 4467 7: GENURLAUTH answers BAD to what it cannot sign", "[imap][urlauth]")
{
    Two two;
    for (const auto* bad : {"\"imap://ann@imap.example.org/INBOX/;UID=1\" INTERNAL", "\"imap://imap.example.org/INBOX/;UID=1;URLAUTH=anonymous\" INTERNAL",
                            "\"imap://bob@imap.example.org/INBOX/;UID=1;URLAUTH=anonymous\" INTERNAL", "\"imap://ann@imap.example.org/Nowhere/;UID=1;URLAUTH=anonymous\" INTERNAL",
                            "\"imap://ann@imap.example.org/INBOX;URLAUTH=anonymous\" INTERNAL", "\"imap://ann@imap.example.com/INBOX/;UID=1;URLAUTH=anonymous\" INTERNAL",
                            "\"imap://ann@imap.example.org/INBOX/;UID=1;URLAUTH=anonymous\" XSAMPLE", "\"imap://ann@imap.example.org/INBOX/;UID=1;URLAUTH=anonymous\"",
                            "\"/INBOX/;UID=1;URLAUTH=anonymous\" INTERNAL", ""}) {
        CAPTURE(bad);
        CHECK(two.ann.ask("z GENURLAUTH " + std::string(bad)).starts_with("BAD"));
    }
    CHECK(two.ann.ask("z URLFETCH").starts_with("BAD"));
}

TEST_CASE("RFC 4467 7: RESETKEY makes URLs of a mailbox void, or of all; the others stay", "[imap][urlauth]")
{
    Two two;
    CHECK(has(two.ann.say("a SELECT INBOX\r\n"), "* OK [URLMECH INTERNAL]"));
    two.ann.append(message("sent"), "", "Sent");
    const auto of_inbox = two.sign("imap://ann@imap.example.org/INBOX/;UID=1;URLAUTH=anonymous");
    const auto of_sent = two.sign("imap://ann@imap.example.org/Sent/;UID=1;URLAUTH=anonymous");
    CHECK(two.ann.ask("b RESETKEY INBOX").starts_with("OK [URLMECH INTERNAL]"));
    CHECK(Two::is_refused(two.bob, of_inbox));
    CHECK(has(Two::fetch(two.bob, of_sent), "Subject: sent"));
    CHECK(two.ann.ask("c RESETKEY INBOX INTERNAL").starts_with("OK"));
    CHECK(two.ann.ask("d RESETKEY INBOX XSAMPLE").starts_with("NO"));
    CHECK(two.ann.ask("e RESETKEY Nowhere").starts_with("NO [NONEXISTENT]"));
    CHECK(two.ann.ask("f RESETKEY").starts_with("OK"));
    CHECK(Two::is_refused(two.bob, of_sent));
    // A mailbox that is made anew under the name is another one; one that is renamed has another URL.
    const auto again = two.sign("imap://ann@imap.example.org/Sent/;UID=1;URLAUTH=anonymous");
    CHECK(two.ann.ask("g RENAME Sent Old").starts_with("OK"));
    CHECK(two.ann.ask("h CREATE Sent").starts_with("OK"));
    two.ann.append(message("secret"), "", "Sent");
    CHECK(Two::is_refused(two.bob, again));
}

TEST_CASE("RFC 4467 7: RESETKEY is told to the user's other sessions that have the mailbox selected, and to nobody else", "[imap][urlauth]")
{
    Two two;
    Client idling(two.world);
    Client working(two.world);
    Client elsewhere(two.world);
    for (Client* one : {&idling, &working, &elsewhere}) one->log_in();
    for (Client* one : {&two.ann, &idling, &working}) one->select();
    elsewhere.select("Sent");
    REQUIRE(two.ann.ask("a SETACL INBOX bob@example.org lr").starts_with("OK"));
    two.bob.select("\"Other Users/ann@example.org/INBOX\"");
    CHECK(has(idling.say("b IDLE\r\n"), "+ idling"));
    const auto told = two.ann.say("c RESETKEY INBOX\r\n");
    CHECK(told.starts_with("c OK [URLMECH INTERNAL]"));
    CHECK(idling.heard().starts_with("* OK [URLMECH INTERNAL] "));
    CHECK(idling.heard().empty());
    CHECK(has(working.say("d NOOP\r\n"), "* OK [URLMECH INTERNAL] "));
    CHECK_FALSE(has(working.say("e NOOP\r\n"), "URLMECH"));
    CHECK_FALSE(has(elsewhere.say("f NOOP\r\n"), "URLMECH"));
    // Bob has a key of his own for it.
    CHECK_FALSE(has(two.bob.say("g NOOP\r\n"), "URLMECH"));
    // All keys: those of every mailbox.
    REQUIRE(two.ann.ask("h RESETKEY").starts_with("OK"));
    CHECK(has(idling.heard(), "* OK [URLMECH INTERNAL] "));
    CHECK(has(elsewhere.say("i NOOP\r\n"), "* OK [URLMECH INTERNAL] "));
    // What was refused is told to nobody, and news of one mailbox do not reach the next one.
    CHECK(two.ann.ask("j RESETKEY INBOX XSAMPLE").starts_with("NO"));
    CHECK(idling.heard().empty());
    REQUIRE(two.ann.ask("k RESETKEY INBOX").starts_with("OK"));
    CHECK_FALSE(has(working.say("l SELECT Sent\r\n"), "void"));
}

TEST_CASE("RFC 4467 7: a URL of a shared mailbox works while the one who made it may read it", "[imap][urlauth]")
{
    Two two;
    REQUIRE(two.ann.ask("a SETACL INBOX bob@example.org lr").starts_with("OK"));
    const std::string rump = "imap://bob@imap.example.org/Other%20Users/ann%40example.org/INBOX/;UID=1;URLAUTH=user+ann";
    const auto heard = two.bob.say("b GENURLAUTH \"" + rump + "\" INTERNAL\r\n");
    REQUIRE(has(heard, "b OK"));
    const auto begin = heard.find('"') + 1;
    const auto url = heard.substr(begin, heard.find('"', begin) - begin);
    CHECK(has(Two::fetch(two.ann, url), "Subject: first"));
    REQUIRE(two.ann.ask("c DELETEACL INBOX bob@example.org").starts_with("OK"));
    CHECK(Two::is_refused(two.ann, url));
    CHECK(two.bob.ask("d GENURLAUTH \"" + rump + "\" INTERNAL").starts_with("BAD"));
}

TEST_CASE("RFC 4467, RFC 4469: CATENATE takes a URL that carries an authorization", "[imap][urlauth]")
{
    Two two;
    const auto url = two.sign(kUrl);
    CHECK(has(two.bob.say("a APPEND INBOX CATENATE (TEXT {14+}\r\nSubject: cat\r\n URL \"" + url + "\")\r\n"), "a OK [APPENDUID"));
    two.bob.select("INBOX");
    CHECK(has(two.bob.say("b FETCH 1 BODY[]\r\n"), "para bellum"));
    CHECK(has(two.bob.say("c APPEND INBOX CATENATE (URL \"" + url.substr(0, url.size() - 2) + "\")\r\n"), "c NO [BADURL"));
}

TEST_CASE("keys of URLs outlive the sessions, and damaged ones make URLs void", "[imap][urlauth]")
{
    Two two;
    const auto url = two.sign(kUrl);
    const std::string file = two.world.folder.path("mail/example.org/ann/mailboxd-urlkeys");
    const auto text = read_whole(two.world.files, file, 4096);
    REQUIRE(text);
    CHECK(text->starts_with("mailboxd-urlkeys 1\n"));
    REQUIRE(replace_whole(two.world.files, file, "rubbish", 0600));
    CHECK(Two::is_refused(two.bob, url));
    CHECK(two.world.files.info(file + ".damaged"));
    CHECK(two.sign(kUrl) != url);
}

TEST_CASE("RFC 5255 4.7 to 4.9: COMPARATOR names the one that there is, patterns find it, others are BADCOMPARATOR", "[imap][comparator]")
{
    World world;
    Client client(world);
    client.log_in();
    CHECK(has(client.say("a CAPABILITY\r\n"), " I18NLEVEL=2 "));
    CHECK(client.say("b COMPARATOR\r\n") == "* COMPARATOR \"i;unicode-casemap\"\r\nb OK COMPARATOR completed\r\n");
    for (const auto* good : {"default", "i;unicode-casemap", "\"I;Unicode-Casemap\"", "\"cz;*\" i;unicode-casemap", "\"i;*\"", "\"*casemap\"", "\"*\"", "\"*unicode*\""}) {
        CAPTURE(good);
        CHECK(client.say("c COMPARATOR " + std::string(good) + "\r\n") == "* COMPARATOR \"i;unicode-casemap\"\r\nc OK COMPARATOR completed\r\n");
    }
    for (const auto* bad : {"i;ascii-casemap", "i;octet i;basic", "\"cz;*\"", "\"*ascii*\""}) {
        CAPTURE(bad);
        CHECK(client.ask("d COMPARATOR " + std::string(bad)).starts_with("NO [BADCOMPARATOR]"));
    }
    CHECK(client.ask("e COMPARATOR ").starts_with("BAD"));
}
