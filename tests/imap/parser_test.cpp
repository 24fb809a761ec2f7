#include "imap/parser.hpp"

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/generators/catch_generators_range.hpp>

using namespace mbx;
using namespace mbx::imap;

namespace {

template <typename Made>
Made parsed(std::string_view text, bool utf8 = false)
{
    auto command = parse_command(text, utf8);
    INFO(text);
    INFO((command ? std::string() : command.error().reason));
    REQUIRE(command);
    REQUIRE(std::holds_alternative<Made>(command->request));
    return std::get<Made>(std::move(command->request));
}

bool is_bad(std::string_view text, bool utf8 = false) { return !parse_command(text, utf8); }

std::string repeated(std::string_view piece, std::size_t times)
{
    std::string all;
    for (std::size_t i = 0; i < times; ++i) all += piece;
    return all;
}

}  // namespace

TEST_CASE("RFC 9051 9: a command is a tag, a name in any case, and its arguments", "[imap][parser]")
{
    const auto command = parse_command("a.1 nOoP", false);
    REQUIRE(command);
    CHECK(command->tag == "a.1");
    CHECK(std::holds_alternative<Noop>(command->request));
    const auto login = parsed<Login>("x LOGIN \"joe \\\"x\\\\\" {4}\r\np ss");
    CHECK(login.user == "joe \"x\\");
    CHECK(login.password == "p ss");
}

TEST_CASE("E16: what is no tag or no command is refused under the tag that was read", "[imap][parser][E16]")
{
    const auto row = GENERATE(values<std::pair<std::string, std::string>>({
        {"", "*"},
        {" ", "*"},
        {"+ NOOP", "*"},
        {"* NOOP", "*"},
        {"a+b NOOP", "a"},
        {"a", "a"},
        {"a ", "a"},
        {"a  NOOP", "a"},
        {"a XYZZY", "a"},
        {"a NOOP x", "a"},
        {"a NOOP ", "a"},
        {"a UID NOOP", "a"},
        {"a FETCH", "a"},
    }));
    CAPTURE(row.first);
    const auto command = parse_command(row.first, false);
    REQUIRE_FALSE(command);
    CHECK((command.error().tag == row.second || (row.first == "a+b NOOP" && command.error().tag == "a")));
    CHECK(is_bad(std::string(1'000'000, 'a') + " NOOP"));
    CHECK(is_bad(std::string(129, 'a') + " NOOP"));
    CHECK_FALSE(is_bad(std::string(128, 'a') + " NOOP"));
}

TEST_CASE("E2: a quoted string holds no NUL, CR, LF, 8-bit byte, foreign escape or missing end", "[imap][parser][E2]")
{
    using namespace std::string_literals;
    const auto row = GENERATE(values<std::string>({
        "a LOGIN \"a\0b\" x"s,
        "a LOGIN \"a\rb\" x",
        "a LOGIN \"a\nb\" x",
        "a LOGIN \"\xc3\xa9\" x",
        "a LOGIN \"a\\n\" x",
        "a LOGIN \"a\\",
        "a LOGIN \"a\\\"",
        "a LOGIN \"never closed x",
        "a LOGIN \"a\"x y",
        "a LOGIN {3}\r\na\0b x"s,
        "a LOGIN {5}\r\nab",
        "a LOGIN {3} abc x",
        "a LOGIN caf\xc3\xa9 x",
    }));
    CAPTURE(row);
    CHECK(is_bad(row));
}

TEST_CASE("RFC 9051 4.3: UTF-8 in a quoted string is for IMAP4rev2 alone, and only when well-formed", "[imap][parser]")
{
    CHECK(parsed<Select>("a SELECT \"Entw\xc3\xbcrfe\"", true).mailbox == "Entw\xc3\xbcrfe");
    CHECK(is_bad("a SELECT \"Entw\xc3\xbcrfe\"", false));
    CHECK(is_bad("a SELECT \"\xc3\"", true));
    // E18: raw 8-bit in an atom is never right.
    CHECK(is_bad("a SELECT Entw\xc3\xbcrfe", true));
    CHECK(parsed<Select>("a SELECT Entw&APw-rfe", false).mailbox == "Entw\xc3\xbcrfe");
    CHECK(parsed<Select>("a SELECT A&B", true).mailbox == "A&B");
}

TEST_CASE("E3: search keys nest to a depth and not beyond, without recursion bombs", "[imap][parser][E3]")
{
    CHECK_FALSE(is_bad("a SEARCH " + repeated("NOT ", 99) + "ALL"));
    CHECK(is_bad("a SEARCH " + repeated("NOT ", 100) + "ALL"));
    CHECK(is_bad("a SEARCH " + repeated("NOT ", 1'000'000) + "ALL"));
    CHECK_FALSE(is_bad("a SEARCH " + repeated("(", 99) + "ALL" + repeated(")", 99)));
    CHECK(is_bad("a SEARCH " + repeated("(", 1'000'000) + "ALL"));
    CHECK(is_bad("a SEARCH " + repeated("OR ", 100'000) + "ALL ALL"));
    CHECK(is_bad("a SEARCH " + repeated("ALL ", 1'000'000) + "ALL"));
    CHECK(is_bad("a FETCH 1 (" + repeated("UID ", 1'000'000) + "UID)"));
    CHECK(is_bad("a FETCH 1 " + repeated("(", 1'000'000)));
}

TEST_CASE("RFC 9051 6.4.4: SEARCH keys become a program in prefix order", "[imap][parser]")
{
    const auto search = parsed<Search>(
        "a UID SEARCH RETURN (MIN COUNT SAVE) CHARSET utf-8 OR (SEEN NOT FLAGGED) HEADER X-A {3}\r\nb c UID 5:* BEFORE 1-Feb-1994");
    CHECK(search.by_uid);
    REQUIRE(search.returns);
    CHECK((search.returns->min && search.returns->count && search.returns->save));
    CHECK_FALSE((search.returns->max || search.returns->all));
    CHECK(search.charset == "UTF-8");
    REQUIRE(search.program.size() == 9);
    const std::vector<SearchKind> kinds{SearchKind::all_of, SearchKind::any_of, SearchKind::all_of,
                                        SearchKind::flag_set, SearchKind::none_of, SearchKind::flag_set,
                                        SearchKind::header, SearchKind::uid, SearchKind::before};
    for (std::size_t i = 0; i < kinds.size(); ++i) CHECK(search.program[i].kind == kinds[i]);
    CHECK(search.program[0].end == 9);
    CHECK(search.program[1].end == 7);
    CHECK(search.program[6].text == "b c");
    CHECK(search.program[8].date == mail::CivilDate{1994, 2, 1});
    CHECK(parsed<Search>("a SEARCH RETURN () ALL").returns->all);
    CHECK(parsed<Search>("a SEARCH 1:3,7 $").program.size() == 3);
}

TEST_CASE("J10: numbers out of range are refused, never cut or overflown", "[imap][parser][J10]")
{
    const auto row = GENERATE(values<std::string>({
        "a FETCH 0 FLAGS",
        "a FETCH 4294967296 FLAGS",
        "a FETCH 99999999999999999999 FLAGS",
        "a FETCH 01 FLAGS",
        "a FETCH -1 FLAGS",
        "a FETCH 1:0 FLAGS",
        "a FETCH 1, FLAGS",
        "a FETCH ,1 FLAGS",
        "a FETCH 1: FLAGS",
        "a FETCH 1:2:3 FLAGS",
        "a FETCH 1 BODY[]<0.0>",
        "a FETCH 1 BODY[]<1>",
        "a FETCH 1 BODY[]<0.9223372036854775808>",
        "a FETCH 1 BODY[0]",
        "a FETCH 1 BODY[4294967296]",
        "a SEARCH LARGER 9223372036854775808",
        "a SEARCH LARGER -1",
        "a APPEND INBOX {18446744073709551616}",
        "a APPEND INBOX {9223372036854775808}",
    }));
    CAPTURE(row);
    CHECK(is_bad(row));
    CHECK(parsed<Fetch>("a FETCH 4294967295 BODY[]<4294967295.4294967295>").items[0].partial->offset == 4294967295);
}

TEST_CASE("E6: sections of any length parse, and keep their label for the answer", "[imap][parser][E6]")
{
    const auto fetch = parsed<Fetch>(
        "a UID FETCH 1:* (body.peek[1.2.header.fields (From \"To\")]<0.100> BODY[2.MIME] RFC822.HEADER BINARY.SIZE[1])");
    REQUIRE(fetch.items.size() == 4);
    CHECK(fetch.by_uid);
    CHECK(fetch.items[0].label == "BODY[1.2.header.fields (From \"To\")]<0>");
    CHECK(fetch.items[0].peek);
    CHECK(fetch.items[0].section.path == std::vector<std::uint32_t>{1, 2});
    CHECK(fetch.items[0].section.fields == std::vector<std::string>{"From", "To"});
    CHECK_FALSE(fetch.items[1].peek);
    CHECK(fetch.items[1].section.text == mail::SectionText::mime);
    CHECK(fetch.items[2].label == "RFC822.HEADER");
    CHECK(fetch.items[2].peek);
    CHECK(fetch.items[3].attribute == FetchAttribute::binary_size);
    CHECK(parsed<Fetch>("a FETCH 1 BODY[1" + repeated(".2", 10'000) + "]").items[0].section.path.size() == 10'001);
    CHECK(is_bad("a FETCH 1 BODY[MIME]"));
    CHECK(is_bad("a FETCH 1 BODY[1.]"));
    CHECK(is_bad("a FETCH 1 BODY[HEADER.FIELDS]"));
    CHECK(is_bad("a FETCH 1 BODY[HEADER.FIELDS ()]"));
    CHECK(is_bad("a FETCH 1 BINARY[HEADER]"));
    CHECK(is_bad("a FETCH 1 BODY[TEXT"));
    CHECK(is_bad("a FETCH 1 ()"));
    CHECK(is_bad("a FETCH 1 FLAGS UID"));
}

TEST_CASE("CLIENTS: FETCH takes one item without parentheses, and the macros", "[imap][parser]")
{
    CHECK(parsed<Fetch>("a FETCH 1 FLAGS").items.size() == 1);
    CHECK(parsed<Fetch>("a FETCH 1 FAST").items.size() == 3);
    CHECK(parsed<Fetch>("a FETCH 1 ALL").items.size() == 4);
    CHECK(parsed<Fetch>("a FETCH 1 FULL").items.size() == 5);
    CHECK(is_bad("a FETCH 1 (ALL)"));
}

TEST_CASE("RFC 9051 6.4.6: STORE takes flags with and without parentheses", "[imap][parser]")
{
    const auto store = parsed<imap::Store>("a STORE 1 +FLAGS.SILENT (\\Seen $Junk $forwarded)");
    CHECK(store.silent);
    CHECK(store.action == store::FlagAction::add);
    CHECK(store.flags.system == (store::kSeen | store::kForwarded));
    CHECK(store.flags.keywords == std::vector<std::string>{"$Junk"});
    CHECK(parsed<imap::Store>("a STORE 1 FLAGS \\Deleted x").flags.keywords.size() == 1);
    CHECK(parsed<imap::Store>("a STORE 1 -FLAGS ()").action == store::FlagAction::remove);
    // E15: \Recent, \* and made-up system flags cannot be set; a keyword has a bound.
    CHECK(is_bad("a STORE 1 FLAGS (\\Recent)"));
    CHECK(is_bad("a STORE 1 FLAGS (\\*)"));
    CHECK(is_bad("a STORE 1 FLAGS (\\Foo)"));
    CHECK(is_bad("a STORE 1 FLAGS (" + std::string(101, 'k') + ")"));
}

TEST_CASE("RFC 9051 6.3.12: APPEND ends with the announcement of its message", "[imap][parser]")
{
    const auto append = parsed<Append>("a APPEND {5}\r\nINBOX (\\Seen) \"17-Jul-1996 02:44:25 -0700\" {310+}");
    CHECK(append.mailbox == "INBOX");
    CHECK(append.first.flags.system == store::kSeen);
    CHECK(append.first.size == 310);
    CHECK_FALSE(append.first.synchronizing);
    CHECK(append.first.internal_date->zone_minutes == -420);
    CHECK(parsed<Append>("a APPEND x ~{10}").first.literal8);
    CHECK(is_bad("a APPEND x"));
    CHECK(is_bad("a APPEND x \"yesterday\" {3}"));
    CHECK(is_bad("a APPEND x {3} {4}"));
    CHECK(is_bad("a APPEND {5}"));
}

TEST_CASE("RFC 9051 6.3.9: LIST takes selection and return options", "[imap][parser]")
{
    const auto list = parsed<List>(
        "a LIST (SUBSCRIBED RECURSIVEMATCH) \"\" (\"INBOX\" %) RETURN (CHILDREN SPECIAL-USE STATUS (MESSAGES SIZE) SUBSCRIBED)");
    CHECK((list.extended && list.select_subscribed && list.recursive_match && list.return_children));
    CHECK(list.patterns == std::vector<std::string>{"INBOX", "%"});
    CHECK(list.return_status == std::vector{StatusItem::messages, StatusItem::size});
    CHECK_FALSE(parsed<List>("a LIST \"\" *").extended);
    CHECK(parsed<List>("a LIST \"\" *").patterns.front() == "*");
    CHECK(parsed<List>("a LIST () \"\" \"\"").extended);
    CHECK(is_bad("a LIST (RECURSIVEMATCH) \"\" *"));
    CHECK(is_bad("a LIST (REMOTE RECURSIVEMATCH) \"\" *"));
    CHECK(is_bad("a LIST \"\" ()"));
    CHECK(is_bad("a LIST \"\" * RETURN (NOSUCH)"));
    CHECK(is_bad("a STATUS INBOX ()"));
    CHECK(is_bad("a STATUS INBOX (NONSENSE)"));
}

TEST_CASE("E17: ID is held to the limits of RFC 2971 3.3", "[imap][parser][E17]")
{
    CHECK(parsed<Id>("a ID NIL").fields.empty());
    const auto id = parsed<Id>("a ID (\"name\" \"x\" \"os\" NIL)");
    REQUIRE(id.fields.size() == 2);
    CHECK_FALSE(id.fields[1].second);
    CHECK_FALSE(is_bad("a ID (" + repeated("\"k\" \"v\" ", 29) + "\"k\" \"v\")"));
    CHECK(is_bad("a ID (" + repeated("\"k\" \"v\" ", 30) + "\"k\" \"v\")"));
    CHECK(is_bad("a ID (\"" + std::string(31, 'k') + "\" \"v\")"));
    CHECK(is_bad("a ID (\"k\" \"" + std::string(1025, 'v') + "\")"));
}

TEST_CASE("RFC 6154 3: CREATE takes special uses", "[imap][parser]")
{
    CHECK(parsed<Create>("a CREATE Foo (USE (\\Drafts \\Sent))").uses == std::vector<std::string>{"\\Drafts", "\\Sent"});
    CHECK(is_bad("a CREATE Foo (USE \\Drafts)"));
    CHECK(is_bad("a CREATE Foo ()"));
}
