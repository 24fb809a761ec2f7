#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <random>

#include "base/ascii.hpp"
#include "imap/list_pattern.hpp"
#include "imap/mailbox_listing.hpp"
#include "imap/modified_utf7.hpp"
#include "imap/response.hpp"
#include "mail/case_fold.hpp"

using namespace mbx;
using namespace mbx::imap;

TEST_CASE("RFC 3501 5.1.3: names become modified UTF-7 and come back", "[imap][utf7]")
{
    struct Row {
        std::string utf8;
        std::string wire;
    };
    const auto row = GENERATE(values<Row>({
        {"INBOX", "INBOX"},
        {"", ""},
        {"A&B", "A&-B"},
        {"&", "&-"},
        {"~peter/mail/\xe5\x8f\xb0\xe5\x8c\x97/\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e", "~peter/mail/&U,BTFw-/&ZeVnLIqe-"},
        {"Entw\xc3\xbcrfe", "Entw&APw-rfe"},
        {"\xf0\x9f\x93\xa7", "&2D3c5w-"},
        {"\xd0\x92\xd1\x85\xd0\xbe\xd0\xb4", "&BBIERQQ+BDQ-"},
    }));
    CHECK(encode_modified_utf7(row.utf8) == row.wire);
    CHECK(decode_modified_utf7(row.wire) == row.utf8);
}

TEST_CASE("F2: a second spelling of a name is refused", "[imap][utf7][F2]")
{
    using namespace std::string_literals;
    const auto wire = GENERATE(values<std::string>({
        "&AGE-",            // "a" may not be encoded
        "&AC8-",            // nor may "/"
        "&AAA-",            // NUL
        "&",                // unterminated
        "&APw",             // unterminated
        "a&b",              // unterminated
        "&2D0-",            // half a surrogate pair
        "&3Oc-",            // the other half
        "&2D0AYQ-",         // a high one and then none
        "&APx-",            // stray bits
        "&APwA-",           // half a unit
        "&A-",              // less than a unit
        "&APw-&APw-",       // two shifts side by side
        "&AP w-",           // foreign characters
        "&AP/w-",           // RFC 2152's alphabet instead of ours
        "\xc3\xbc",         // raw 8-bit
        "a\x01",            // control
        "a\0b"s,
    }));
    CAPTURE(wire);
    CHECK_FALSE(decode_modified_utf7(wire));
}

TEST_CASE("E14: LIST's wildcards match in bounded time and stop at the separator", "[imap][list][E14]")
{
    struct Row {
        std::string pattern;
        std::string name;
        bool matches;
    };
    const auto row = GENERATE(values<Row>({
        {"*", "a/b/c", true},         {"%", "a", true},           {"%", "a/b", false},
        {"%/%", "a/b", true},         {"%/%", "a/b/c", false},    {"a*", "a/b", true},
        {"a%", "a/b", false},         {"*b", "a/b", true},        {"%b", "a/b", false},
        {"a/%", "a/", true},          {"inbox", "INBOX", true},   {"InBoX/*", "INBOX/x", true},
        {"inbox/X", "INBOX/x", false}, {"INBOXES", "INBOX", false}, {"inboxes", "INBOXES", false},
        {"", "a", false},             {"%%*%", "a/b", true},      {"*/c", "a/b/c", true},
        {"%/c", "a/b/c", false},      {"a*%c", "a/b/c", true},
    }));
    CAPTURE(row.pattern, row.name);
    CHECK(ListPattern(row.pattern).matches(row.name) == row.matches);
    std::string bomb;
    for (int i = 0; i < 300; ++i) bomb += "a*%";
    CHECK_FALSE(ListPattern(bomb + "b").matches(std::string(5000, 'a')));
}

TEST_CASE("RFC 9051 6.4.4: text is compared without regard to case, and letters stay what they are", "[imap][search]")
{
    CHECK(mail::fold_case("STRASSE \xc3\x89T\xc3\x89") == "strasse \xc3\xa9t\xc3\xa9");
    CHECK(mail::fold_case("\xd0\x9f\xd1\x80\xd0\x98\xd0\x92\xd0\x95\xd0\xa2 \xd0\x81") ==
          "\xd0\xbf\xd1\x80\xd0\xb8\xd0\xb2\xd0\xb5\xd1\x82 \xd1\x91");
    CHECK(mail::fold_case("\xce\xa3\xce\x8a\xcf\x82") == "\xcf\x83\xce\xaf\xcf\x83");
    CHECK(mail::contains_folded("\xd0\x95\xd0\x9b\xd0\x9a\xd0\x90", "\xd0\xb5\xd0\xbb"));
    CHECK_FALSE(mail::contains_folded("\xd0\x81\xd0\x9b\xd0\x9a\xd0\x90", "\xd0\xb5\xd0\xbb"));
    CHECK_FALSE(mail::contains_folded("e", "\xc3\xa9"));
    for (char32_t c = 0; c < 0x10000; ++c) {
        if (mail::fold_case(mail::fold_case(c)) != mail::fold_case(c)) FAIL("folding twice differs at " << static_cast<unsigned>(c));
    }
}

TEST_CASE("E18: a name beyond ASCII reaches a client as UTF-8 only when it enabled that", "[imap][E18]")
{
    CHECK(mailbox_text("Entw\xc3\xbcrfe", false) == "\"Entw&APw-rfe\"");
    CHECK(mailbox_text("Entw\xc3\xbcrfe", true) == "\"Entw\xc3\xbcrfe\"");
    CHECK(mailbox_text("a\"b\\c", false) == "\"a\\\"b\\\\c\"");
    CHECK(mailbox_text("A&B", false) == "\"A&-B\"");
}

namespace {

std::vector<store::MailboxInfo> example_mailboxes()
{
    std::vector<store::MailboxInfo> all;
    const auto add = [&all](std::string name, store::SpecialUse use, bool subscribed, bool children) {
        store::MailboxInfo info;
        info.id.value = static_cast<std::int64_t>(all.size()) + 1;
        info.name = std::move(name);
        info.special_use = use;
        info.subscribed = subscribed;
        info.has_children = children;
        all.push_back(std::move(info));
    };
    add("Drafts", store::SpecialUse::drafts, true, false);
    add("Fruit", store::SpecialUse::none, false, true);
    add("Fruit/Apple", store::SpecialUse::none, true, false);
    add("INBOX", store::SpecialUse::none, true, false);
    return all;
}
const std::vector<std::string> kSubscribed{"Drafts", "Fruit/Apple", "Gone/Away", "INBOX"};

std::string listed(List list)
{
    std::string all;
    for (const auto& one : list_mailboxes(list, example_mailboxes(), kSubscribed)) all += listed_text("LIST", one, false);
    return all;
}

}  // namespace

TEST_CASE("CLIENTS: a plain LIST shows special uses, and never \\NonExistent on a real mailbox", "[imap][list]")
{
    List list;
    list.patterns = {"%"};
    CHECK(listed(list) == "* LIST (\\HasNoChildren \\Drafts) \"/\" \"Drafts\"\r\n"
                          "* LIST (\\HasChildren) \"/\" \"Fruit\"\r\n"
                          "* LIST (\\HasNoChildren) \"/\" \"INBOX\"\r\n");
    list.patterns = {""};
    CHECK(listed(list) == "* LIST (\\Noselect) \"/\" \"\"\r\n");
}

TEST_CASE("RFC 9051 6.3.9.1: LIST (SUBSCRIBED RECURSIVEMATCH) names parents with CHILDINFO", "[imap][list]")
{
    List list;
    list.extended = true;
    list.select_subscribed = true;
    list.patterns = {"*"};
    CHECK(listed(list) == "* LIST (\\HasNoChildren \\Drafts \\Subscribed) \"/\" \"Drafts\"\r\n"
                          "* LIST (\\HasNoChildren \\Subscribed) \"/\" \"Fruit/Apple\"\r\n"
                          "* LIST (\\NonExistent \\Subscribed) \"/\" \"Gone/Away\"\r\n"
                          "* LIST (\\HasNoChildren \\Subscribed) \"/\" \"INBOX\"\r\n");
    list.recursive_match = true;
    list.patterns = {"%"};
    CHECK(listed(list) == "* LIST (\\HasNoChildren \\Drafts \\Subscribed) \"/\" \"Drafts\"\r\n"
                          "* LIST (\\HasChildren) \"/\" \"Fruit\" (\"CHILDINFO\" (\"SUBSCRIBED\"))\r\n"
                          "* LIST (\\NonExistent) \"/\" \"Gone\" (\"CHILDINFO\" (\"SUBSCRIBED\"))\r\n"
                          "* LIST (\\HasNoChildren \\Subscribed) \"/\" \"INBOX\"\r\n");
}

TEST_CASE("RFC 3501 6.3.9: LSUB with % answers the parent of a subscribed name as \\Noselect", "[imap][list]")
{
    std::string all;
    for (const auto& one : list_subscribed({"", "%"}, example_mailboxes(), kSubscribed)) {
        all += listed_text("LSUB", one, false);
    }
    CHECK(all == "* LSUB (\\Drafts) \"/\" \"Drafts\"\r\n"
                 "* LSUB (\\Noselect) \"/\" \"Fruit\"\r\n"
                 "* LSUB (\\Noselect) \"/\" \"Gone\"\r\n"
                 "* LSUB () \"/\" \"INBOX\"\r\n");
}
