#include <set>

#include "base/ascii.hpp"
#include "store/mailbox_name.hpp"
#include "store/message_name.hpp"
#include "store/state_record.hpp"
#include "store/desk.hpp"

using namespace mbx;
using namespace mbx::store;
using mbx::test::Desk;

namespace {

std::string repeated(std::string_view text, int times)
{
    std::string all;
    for (int n = 0; n < times; ++n) all += text;
    return all;
}

}  // namespace

TEST_CASE("F1: names that could leave the account or hide in it are refused and make no file", "[store][F1]")
{
    Desk desk;
    const auto before = desk.names("");
    for (const std::string name :
         {"../../etc", "a/../b", "/abs", "trailing/", "a//b", ".", "..", "", "/", "a/.", "nul\x01here", "tab\there",
          "del\x7f", "c1\xc2\x85", "line\xe2\x80\xa8separator", "bad\xff" "byte", "over\xc0\xaflong",
          "surrogate\xed\xa0\x80"}) {
        CAPTURE(name);
        const auto made = desk->create(name, SpecialUse::none);
        REQUIRE_FALSE(made);
        CHECK(made.error() == StoreError::invalid_name);
        CHECK_FALSE(desk->rename("Sent", name));
    }
    CHECK(desk->create(std::string("a\0b", 3), SpecialUse::none).error() == StoreError::invalid_name);
    CHECK(desk->create("inBox", SpecialUse::none).error() == StoreError::mailbox_exists);
    CHECK(desk.names("") == before);
}

TEST_CASE("F1: dots, tildes, percents and modified UTF-7 are names like others and stay inside the account",
          "[store][F1]")
{
    Desk desk;
    const std::set<std::string> names{"~root", "a.b", ".hidden", "...", "%2E", "&AC8-", "&AAA-", "100%", "a b", "%id-1",
                                      "*", "#news", "-", "back\\slash", "\xd0\xb5\xd1\x89\xd1\x91"};
    for (const auto& name : names) {
        CAPTURE(name);
        REQUIRE(desk->create(name, SpecialUse::none));
    }
    desk.open();
    for (const auto& name : names) {
        CAPTURE(name);
        CHECK(desk->find(name));
    }
    CHECK(std::filesystem::is_directory(desk.account() + "/.%26AC8-"));
    CHECK(std::filesystem::is_directory(desk.account() + "/.%2E%2E%2E"));
    CHECK(desk->list().size() == names.size() + 6);
}

TEST_CASE("F1: a directory says its name again, and INBOX in any case is the first level's one spelling", "[store][F1]")
{
    for (const std::string name : {"a/b/c", "a.b/c%d", "&/&-", "Entw\xc3\xbcrfe", "%41"}) {
        CHECK(name_of_directory(directory_of(name, 7), NameLimits()) == name);
    }
    CHECK(normal_name("inbox/x") == "INBOX/x");
    CHECK(normal_name("inboxes") == "inboxes");
    CHECK(path_component("..").find('/') == std::string::npos);
    CHECK(path_component("..") != "..");
    CHECK(path_component("a/b") == "a%2Fb");
}

TEST_CASE("F3: what is too long or too deep is refused whole, what is long for a directory is kept by its id",
          "[store][F3]")
{
    Desk desk;
    const auto before = desk.names("");
    const std::string cyrillic = repeated("\xd0\xb6", 128);  // 256 bytes
    CHECK(desk->create(repeated("x", 1001), SpecialUse::none).error() == StoreError::limit);
    CHECK(desk->create(repeated("a/", 999) + "a", SpecialUse::none).error() == StoreError::limit);
    CHECK(desk.names("") == before);

    REQUIRE(desk->create("deep/" + cyrillic + "/" + cyrillic, SpecialUse::none));
    REQUIRE(desk->append(desk.body("a\r\n"), desk.incoming("deep/" + cyrillic)));
    const auto id = desk.id("deep/" + cyrillic);
    desk.open();
    CHECK(desk.id("deep/" + cyrillic) == id);
    REQUIRE(desk->rename("deep", "d"));
    desk.open();
    CHECK(desk.id("d/" + cyrillic) == id);
    CHECK(desk.text(1, "d/" + cyrillic) == "a\r\n");
    CHECK(desk->find("d/" + cyrillic + "/" + cyrillic));
    REQUIRE(desk->rename("d/" + cyrillic, "short"));
    desk.open();
    CHECK(desk.id("short") == id);
    CHECK(std::filesystem::is_directory(desk.account() + "/.short"));
}

TEST_CASE("F3: the count of mailboxes is limited, and a refused tree leaves nothing", "[store][F3]")
{
    Desk desk;
    desk.options().max_mailboxes = 9;
    desk.open();
    REQUIRE(desk->create("a/b", SpecialUse::none));
    const auto before = desk.names("");
    CHECK(desk->create("x/y", SpecialUse::none).error() == StoreError::limit);
    CHECK(desk.names("") == before);
    CHECK(desk->create("x", SpecialUse::none));
}

TEST_CASE("F4: names that differ in case, normal form or look are different mailboxes", "[store][F4]")
{
    Desk desk;
    const std::vector<std::string> names{"\xc3\xa9", "e\xcc\x81", "Test", "test", "\xd0\xb0", "a",
                                         "\xd0\xb5\xd1\x91", "\xd0\xb5\xd0\xb5"};
    std::set<std::int64_t> ids;
    for (const auto& name : names) {
        const auto made = desk->create(name, SpecialUse::none);
        REQUIRE(made);
        ids.insert(made->id.value);
    }
    desk.open();
    for (const auto& name : names) ids.insert(desk.id(name).value);
    CHECK(ids.size() == names.size());
}

TEST_CASE("any file name has a unique part, and ours say everything again", "[store]")
{
    for (const std::string name : {":2,", ",,,", "a:2,S", "x,S=99999999999999999999,I=0", ",S=1", "a,I=-1:1,", "::::"}) {
        const auto parsed = parse_message_name(name);
        CHECK_FALSE(parsed.uid);
    }
    const Flags flags{kSeen | kForwarded, 0b101};
    const auto parsed = parse_message_name(base_name("17.ab.mailboxd", 42, 7) + flag_suffix(flags));
    CHECK(parsed.unique == "17.ab.mailboxd");
    CHECK(parsed.size == 42);
    CHECK(parsed.uid == 7);
    CHECK(parsed.flags == flags);
    CHECK(parse_message_name("1.M2P3.h,S=10,W=12:2,RS").unique == "1.M2P3.h");
    CHECK(save_date_of("123.x") == 123);
    CHECK_FALSE(save_date_of("x.123"));
    CHECK_FALSE(is_usable_unique(repeated("x", 200)));
}

TEST_CASE("a state file with one byte changed or one cut off is not believed", "[store]")
{
    FolderRecord record;
    record.id = MailboxId{7};
    record.uidvalidity = 1'800'000'000;
    record.uid_ceiling = 1001;
    record.modseq_ceiling = 10'001;
    record.special_use = SpecialUse::junk;
    record.name = "\xd0\xb6/x";
    record.keywords = {"$Label1", "two"};
    const std::string text = format_record(record);
    REQUIRE(parse_folder_record(text) == record);
    for (std::size_t at = 0; at < text.size(); ++at) {
        std::string changed = text;
        changed[at] = static_cast<char>(changed[at] ^ 1);
        const auto parsed = parse_folder_record(changed);
        CHECK((!parsed || *parsed == record));
        CHECK_FALSE(parse_folder_record(std::string_view(text).substr(0, at)));
    }
    AccountRecord account;
    account.mailbox_ceiling = 17;
    account.subscriptions = {"INBOX", "a b"};
    CHECK(parse_account_record(format_record(account)) == account);
}
