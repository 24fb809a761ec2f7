// SORT and THREAD (RFC 5256), SORT=DISPLAY (RFC 5957), I18NLEVEL=2 (RFC 5255) as clients see them.
#include <filesystem>

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

#include "imap/world.hpp"
#include "mail/encoded_word.hpp"

using namespace mbx;
using namespace mbx::imap;

namespace {

struct Letter {
    std::string from = "Ann <ann@example.org>";
    std::string to = "bob@example.org";
    std::string cc = {};
    std::string subject = "lunch";
    std::string date = "Fri, 21 Nov 1997 09:55:06 +0000";
    std::string id = {};
    std::string references = {};
    std::string body = "x\r\n";
};

std::string text_of(const Letter& letter)
{
    std::string text;
    const auto field = [&text](std::string_view name, const std::string& value) {
        if (!value.empty()) text += std::string(name) + ": " + value + "\r\n";
    };
    field("From", letter.from);
    field("To", letter.to);
    field("Cc", letter.cc);
    field("Subject", letter.subject);
    field("Date", letter.date);
    field("Message-ID", letter.id);
    field("References", letter.references);
    return text + "\r\n" + letter.body;
}

void fill_columns(World& world)
{
    auto opened = test::run_on(world.loop, world.store->account({1, "ann", "example.org"}));
    REQUIRE(opened);
    bool more = true;
    while (more) {
        auto step = [](store::AccountStore& store) { return store.fill_columns(std::chrono::milliseconds(50)); };
        const auto done = test::run_on(world.loop, (*opened)->run(net::WorkClass::bulk, std::move(step)));
        REQUIRE(done);
        more = *done;
    }
}

void damage_files(World& world)
{
    for (const auto& entry : std::filesystem::recursive_directory_iterator(world.folder.path("mail"))) {
        const auto parent = entry.path().parent_path().filename();
        if (!entry.is_regular_file() || (parent != "cur" && parent != "new")) continue;
        std::filesystem::permissions(entry.path(), std::filesystem::perms::none);
        std::filesystem::resize_file(entry.path(), 0);
    }
}

// A mailbox of these letters, whose columns are there already or not.
class Box {
public:
    explicit Box(const std::vector<Letter>& letters, bool filled = false) : client(world)
    {
        client.log_in();
        for (const auto& letter : letters) client.append(text_of(letter));
        if (filled) fill_columns(world);
        client.select();
    }
    // The untagged answer alone.
    std::string ask(const std::string& command)
    {
        const auto all = client.say("a " + command + "\r\n");
        return all.substr(0, all.find("\r\n"));
    }
    World world;
    Client client;
};

}  // namespace

TEST_CASE("SORT orders by each of its keys (RFC 5256 section 3), parsed before or not", "[imap][sort]")
{
    const bool filled = GENERATE(false, true);
    CAPTURE(filled);
    Box box({{.from = "Zoe <b@x>", .to = "zz@x", .subject = "b", .date = "Sat, 1 Jan 2000 10:00:00 +0000", .body = "longest\r\n"},
             {.from = "Al <C@x>", .to = "Mm@x", .cc = "k@x", .subject = "Re: A", .date = "Sat, 1 Jan 2000 10:30:00 +0100"},
             {.from = "a@x", .to = "aa@x", .cc = "J@x", .subject = "[list] c (fwd)", .date = "Sat, 1 Jan 2000 08:00:00 -0300"}},
            filled);
    CHECK(box.ask("SORT (SUBJECT) UTF-8 ALL") == "* SORT 2 1 3");
    CHECK(box.ask("SORT (REVERSE SUBJECT) UTF-8 ALL") == "* SORT 3 1 2");
    CHECK(box.ask("SORT (DATE) US-ASCII ALL") == "* SORT 2 1 3");
    CHECK(box.ask("SORT (REVERSE DATE) UTF-8 ALL") == "* SORT 3 1 2");
    CHECK(box.ask("SORT (FROM) UTF-8 ALL") == "* SORT 3 1 2");
    CHECK(box.ask("SORT (TO) UTF-8 ALL") == "* SORT 3 2 1");
    CHECK(box.ask("SORT (CC) UTF-8 ALL") == "* SORT 1 3 2");  // the empty string first
    CHECK(box.ask("SORT (ARRIVAL) UTF-8 ALL") == "* SORT 1 2 3");
    CHECK(box.ask("SORT (REVERSE SIZE) UTF-8 SUBJECT b") == "* SORT 1");
    CHECK(box.ask("UID SORT (SUBJECT) UTF-8 NOT SUBJECT b") == "* SORT 2 3");
    CHECK(box.ask("SORT (SUBJECT) UTF-8 TEXT \"not in mailbox\"") == "* SORT");
    // RFC 5957 section 3: names, and addresses for want of one.
    CHECK(box.ask("SORT (DISPLAYFROM) UTF-8 ALL") == "* SORT 3 2 1");
    CHECK(box.ask("SORT (DISPLAYTO) UTF-8 ALL") == "* SORT 3 2 1");
    CHECK(box.client.ask("b UID SORT (SUBJECT) UTF-8 ALL") == "OK UID SORT completed\r\n");
}

TEST_CASE("SORT takes several keys in their order and the mailbox's order last (RFC 5256 section 3)", "[imap][sort]")
{
    Box box({{.subject = "b", .date = "Sat, 1 Jan 2000 10:00:00 +0000"},
             {.subject = "a", .date = "Sat, 1 Jan 2000 12:00:00 +0000"},
             {.subject = "Re: b", .date = "Sat, 1 Jan 2000 11:00:00 +0000"},
             {.subject = "A", .date = "Sat, 1 Jan 2000 12:00:00 +0000"}});
    CHECK(box.ask("SORT (SUBJECT REVERSE DATE) UTF-8 ALL") == "* SORT 2 4 3 1");
    CHECK(box.ask("SORT (REVERSE SUBJECT) UTF-8 ALL") == "* SORT 1 3 2 4");  // REVERSE leaves equal ones in order
    CHECK(box.ask("SORT (DATE SUBJECT DATE) UTF-8 ALL") == "* SORT 1 3 2 4");
}

TEST_CASE("SORT takes INTERNALDATE for a message without a date (RFC 5256 section 2.2)", "[imap][sort]")
{
    World world;
    Client client(world);
    client.log_in();
    const auto append = [&client](const std::string& when, const std::string& date) {
        const auto text = text_of({.date = date});
        (void)client.say("a APPEND INBOX \"" + when + "\" {" + std::to_string(text.size()) + "+}\r\n" + text + "\r\n");
    };
    append("03-Jan-2000 00:00:00 +0000", "");
    append("01-Jan-2010 00:00:00 +0000", "Sun, 2 Jan 2000 00:00:00 +0000");
    append("01-Jan-2000 00:00:00 +0000", "yesterday");
    client.select();
    CHECK(client.say("a SORT (DATE) UTF-8 ALL\r\n") == "* SORT 3 2 1\r\na OK SORT completed\r\n");
}

TEST_CASE("SORT and THREAD compare by i;unicode-casemap (RFC 5255 section 4.2, RFC 5051)", "[imap][sort]")
{
    const auto word = [](const char* text) { return mail::encode_words(text); };
    Box box({{.subject = word("Zebra")}, {.subject = word("ärger")}, {.subject = word("ПРИВЕТ")}, {.subject = word("Az")},
             {.subject = word("привет")}, {.subject = word("ARGER")}});
    CHECK(box.ask("SORT (SUBJECT) UTF-8 ALL") == "* SORT 6 4 2 1 3 5");
    CHECK(box.ask("THREAD ORDEREDSUBJECT UTF-8 SUBJECT {12+}\r\nПРИВЕТ") == "* THREAD (3 5)");
    CHECK(box.client.say("c CAPABILITY\r\n").find(" SORT SORT=DISPLAY THREAD=ORDEREDSUBJECT THREAD=REFERENCES I18NLEVEL=2 ") !=
          std::string::npos);
}

TEST_CASE("THREAD tells both algorithms' threads (RFC 5256 section 3)", "[imap][sort]")
{
    const bool filled = GENERATE(false, true);
    CAPTURE(filled);
    Box box({{.subject = "a", .date = "Sat, 1 Jan 2000 10:00:00 +0000", .id = "<1@x>"},
             {.subject = "Re: a", .date = "Sat, 1 Jan 2000 11:00:00 +0000", .id = "<2@x>", .references = "<\"1\"@x>"},
             {.subject = "other", .date = "Sat, 1 Jan 2000 12:00:00 +0000", .id = "<3@x>", .references = "<1@x>\r\n <2@x>"},
             {.subject = "a", .date = "Sat, 1 Jan 2000 13:00:00 +0000", .id = "<4@x>", .references = "<1@x>"},
             {.subject = "b", .date = "Sat, 1 Jan 2000 09:00:00 +0000", .id = "<5@x>"}},
            filled);
    CHECK(box.ask("THREAD REFERENCES UTF-8 ALL") == "* THREAD (5)(1 (2 3)(4))");
    CHECK(box.ask("UID THREAD REFERENCES UTF-8 NOT 1") == "* THREAD (5)((2 3)(4))");
    CHECK(box.ask("THREAD ORDEREDSUBJECT UTF-8 ALL") == "* THREAD (5)(1 (2)(4))(3)");
    CHECK(box.ask("THREAD ORDEREDSUBJECT US-ASCII TEXT gewp") == "* THREAD");
    CHECK(box.client.ask("b UID THREAD REFERENCES UTF-8 ALL") == "OK UID THREAD completed\r\n");
}

TEST_CASE("SORT and THREAD refuse what they do not know", "[imap][sort]")
{
    Box box({{}});
    CHECK(box.client.ask("a SORT (SUBJECT) X-KLINGON ALL").starts_with("NO [BADCHARSET"));
    CHECK(box.client.ask("a THREAD REFERENCES X-KLINGON ALL").starts_with("NO [BADCHARSET"));
    CHECK(box.client.ask("a SORT (COLOUR) UTF-8 ALL").starts_with("BAD"));
    CHECK(box.client.ask("a SORT () UTF-8 ALL").starts_with("BAD"));
    CHECK(box.client.ask("a SORT (REVERSE) UTF-8 ALL").starts_with("BAD"));
    CHECK(box.client.ask("a SORT (SUBJECT) UTF-8").starts_with("BAD"));
    CHECK(box.client.ask("a SORT (SUBJECT) ALL").starts_with("BAD"));
    CHECK(box.client.ask("a THREAD JWZ UTF-8 ALL").starts_with("BAD"));
    CHECK(box.client.ask("a SORT (DATE) UTF-8 7").starts_with("BAD"));
    CHECK(box.client.ask("a THREAD REFERENCES UTF-8 7").starts_with("BAD"));
}

TEST_CASE("no EXPUNGE comes inside SORT and THREAD by number, but inside those by UID (RFC 5256 section 3)", "[imap][sort]")
{
    Box box({{.subject = "a"}, {.subject = "b"}, {.subject = "c"}});
    Client other(box.world);
    other.log_in();
    other.select();
    (void)other.say("x STORE 1 +FLAGS (\\Deleted)\r\nx EXPUNGE\r\n");
    const auto by_number = box.client.say("a SORT (SUBJECT) UTF-8 ALL\r\nb THREAD REFERENCES UTF-8 ALL\r\n");
    CHECK(by_number.find("EXPUNGE") == std::string::npos);
    CHECK(by_number.find("* SORT 2 3\r\n") != std::string::npos);
    const auto by_uid = box.client.say("c UID SORT (SUBJECT) UTF-8 ALL\r\n");
    CHECK(by_uid.find("* SORT 2 3\r\n") != std::string::npos);
    CHECK(by_uid.find("* 1 EXPUNGE\r\n") != std::string::npos);
}

TEST_CASE("SEARCH of header fields says the same from the index and from the file", "[imap][search]")
{
    std::vector<Letter> letters{
        {.from = "\"A, B\" (note) <Ann.Other@Example.Org>", .cc = "group: c@x, d@x;", .subject = "=?utf-8?q?Gr=C3=BC=C3=9Fe?=  two"},
        {.to = "", .subject = "", .id = "<Abc@x>"},
        {.to = "x@y\r\nTo: second@y", .subject = "folded\r\n subject"},
        {.subject = std::string(5000, 's') + " end"}};
    Box box(letters);
    const std::vector<std::string> keys{
        "FROM \"ann.other@example\"", "FROM \"(note)\"", "FROM \"\\\"a, b\"", "CC \"group:\"", "CC \"\"", "TO \"\"", "TO second",
        "SUBJECT \"\"", "SUBJECT {5+}\r\nüße", "SUBJECT \"folded subject\"", "SUBJECT \"s end\"", "HEADER Message-ID abc@X",
        "HEADER MESSAGE-ID \"\"", "BCC \"\"", "HEADER Date 1997", "SENTSINCE 1-Jan-1997", "NOT (SUBJECT two FROM ann)",
        "OR CC c@x TO second"};
    std::vector<std::string> before;
    for (const auto& key : keys) before.push_back(box.ask("SEARCH CHARSET UTF-8 " + key));
    fill_columns(box.world);
    for (std::size_t i = 0; i < keys.size(); ++i) {
        CAPTURE(keys[i]);
        CHECK(box.ask("SEARCH CHARSET UTF-8 " + keys[i]) == before[i]);
    }
    CHECK(before[0] == "* SEARCH 1");
    CHECK(before[6] == "* SEARCH 3");
    CHECK(before[11] == "* SEARCH 2");
}

TEST_CASE("SORT, THREAD and SEARCH of fields and dates do not touch the files of parsed messages", "[imap][sort]")
{
    std::vector<Letter> letters;
    for (int i = 0; i < 30; ++i) {
        letters.push_back({.from = "p" + std::to_string(i * 7 % 30) + "@x", .subject = "topic " + std::to_string(i * 11 % 30 / 3),
                           .id = "<" + std::to_string(i) + "@x>", .references = "<" + std::to_string(i / 4) + "@x>"});
    }
    Box box(letters, true);
    const std::vector<std::string> commands{
        "SORT (SUBJECT) UTF-8 ALL", "SORT (FROM REVERSE DATE) UTF-8 FROM p1", "SORT (DISPLAYFROM TO CC SIZE) UTF-8 ALL",
        "SORT (DISPLAYTO ARRIVAL) UTF-8 SUBJECT topic", "THREAD REFERENCES UTF-8 ALL", "THREAD ORDEREDSUBJECT UTF-8 SENTSINCE 1-Jan-1997",
        "SEARCH SUBJECT \"topic 3\" NOT FROM p9", "SEARCH HEADER Message-ID 17@", "SORT RETURN (ALL) (RELEVANCY) UTF-8 FUZZY SUBJECT \"3 topic\""};
    std::vector<std::string> before;
    for (const auto& command : commands) before.push_back(box.ask(command));
    damage_files(box.world);
    for (std::size_t i = 0; i < commands.size(); ++i) {
        CAPTURE(commands[i]);
        CHECK(before[i].size() > 10);
        CHECK(box.ask(commands[i]) == before[i]);
    }
}

TEST_CASE("SORT says the same while some messages are parsed and others are not", "[imap][sort]")
{
    Box box({{.subject = "c"}, {.subject = "a"}}, true);
    for (const char* subject : {"d", "b"}) box.client.append(text_of({.subject = subject, .references = "<9@x>"}));
    CHECK(box.ask("SORT (SUBJECT) UTF-8 ALL") == "* SORT 2 4 1 3");
    damage_files(box.world);  // what SORT had to parse it left behind
    CHECK(box.ask("SORT (REVERSE SUBJECT) UTF-8 ALL") == "* SORT 3 1 4 2");
    CHECK(box.ask("THREAD REFERENCES UTF-8 ALL") == "* THREAD (1)(2)((3)(4))");
}

TEST_CASE("RFC 7162 3.1.6: SORT and ESEARCH of MODSEQ tell the highest mod-sequence", "[imap][sort]")
{
    Box box({{.subject = "b"}, {.subject = "a"}, {.subject = "c"}});
    (void)box.client.say("a ENABLE CONDSTORE\r\na STORE 2 +FLAGS (\\Seen)\r\nb STORE 1 +FLAGS (\\Seen)\r\n");
    const auto modseq = [&box](int number) {
        const auto heard = box.client.say("f FETCH " + std::to_string(number) + " (MODSEQ)\r\n");
        const auto at = heard.find("MODSEQ (") + 8;
        return heard.substr(at, heard.find(')', at) - at);
    };
    CHECK(box.ask("SORT (SUBJECT) UTF-8 MODSEQ 1") == "* SORT 2 1 3 (MODSEQ " + modseq(1) + ")");
    CHECK(box.ask("SORT (SUBJECT) UTF-8 MODSEQ 1 SUBJECT nowhere") == "* SORT");
    CHECK(box.ask("SORT RETURN (MIN) (SUBJECT) UTF-8 MODSEQ 1") == "* ESEARCH (TAG \"a\") MIN 2 MODSEQ " + modseq(2));
    CHECK(box.ask("SORT RETURN (MAX) (SUBJECT) UTF-8 MODSEQ 1") == "* ESEARCH (TAG \"a\") MAX 3 MODSEQ " + modseq(3));
    CHECK(box.ask("SORT RETURN (COUNT) (SUBJECT) UTF-8 MODSEQ 1") == "* ESEARCH (TAG \"a\") COUNT 3 MODSEQ " + modseq(1));
}
