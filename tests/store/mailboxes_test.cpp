#include "store/desk.hpp"

using namespace mbx;
using namespace mbx::store;
using mbx::test::Desk;
using mbx::test::kAll;

TEST_CASE("CREATE makes the missing parents, and DELETE refuses INBOX and parents", "[store]")
{
    Desk desk;
    REQUIRE(desk->create("a/b/c", SpecialUse::none));
    CHECK(desk->find("a")->has_children);
    CHECK_FALSE(desk->find("a/b/c")->has_children);
    CHECK(desk->create("a/b", SpecialUse::none).error() == StoreError::mailbox_exists);
    CHECK(desk->remove("a/b").error() == StoreError::has_children);
    CHECK(desk->remove("INBOX").error() == StoreError::not_permitted);
    CHECK(desk->remove("nowhere").error() == StoreError::no_such_mailbox);
    desk.deliver("a\r\n", "a/b/c");
    REQUIRE(desk->remove("a/b/c"));
    CHECK(desk->find("a/b/c").error() == StoreError::no_such_mailbox);
    CHECK(desk.names("mailboxd-staging").empty());
    CHECK(desk->usage().messages == 0);
}

TEST_CASE("a mailbox made again under an old name has another id and a greater UIDVALIDITY", "[store]")
{
    Desk desk;
    REQUIRE(desk->create("a", SpecialUse::none));
    const auto first = desk.status("a");
    for (int n = 0; n < 20; ++n) {
        const auto before = desk.status("a");
        REQUIRE(desk->remove("a"));
        if (n % 5 == 0) desk.open();
        REQUIRE(desk->create("a", SpecialUse::none));
        CHECK(desk.status("a").uidvalidity > before.uidvalidity);
        CHECK(desk.status("a").id.value > before.id.value);
    }
    CHECK(desk.status("a").uidvalidity >= first.uidvalidity + 20);
}

TEST_CASE("RENAME takes children, ids, UIDs and special use along", "[store]")
{
    Desk desk;
    REQUIRE(desk->create("a/b/c", SpecialUse::none));
    desk.deliver("x\r\n", "a/b");
    const auto before = desk.status("a/b");
    REQUIRE(desk->rename("a", "new/home"));
    desk.open();
    CHECK(desk.status("new/home/b").id == before.id);
    CHECK(desk.status("new/home/b").uidvalidity == before.uidvalidity);
    CHECK(desk.text(1, "new/home/b") == "x\r\n");
    CHECK(desk->find("new/home/b/c"));
    CHECK(desk->find("a").error() == StoreError::no_such_mailbox);
    CHECK(desk->rename("new", "new/below").error() == StoreError::not_permitted);
    CHECK(desk->rename("new", "Sent").error() == StoreError::mailbox_exists);
    REQUIRE(desk->rename("Sent", "Gesendet"));
    CHECK(desk->find("Gesendet")->special_use == SpecialUse::sent);
    desk.open();
    CHECK(desk->find("Sent").error() == StoreError::no_such_mailbox);
}

TEST_CASE("RENAME of INBOX moves its messages and leaves it empty with its children in place", "[store]")
{
    Desk desk;
    REQUIRE(desk->create("INBOX/child", SpecialUse::none));
    desk.deliver("a\r\n");
    desk.deliver("b\r\n", "INBOX", kSeen);
    REQUIRE(desk->rename("inbox", "Old"));
    CHECK(desk.uids().empty());
    CHECK(desk.status().uidnext == 3);
    CHECK(desk.uids("Old").size() == 2);
    CHECK(desk.row(2, "Old").flags.system == kSeen);
    CHECK(desk->find("INBOX/child"));
    CHECK(desk.deliver("c\r\n") == 3);
}

TEST_CASE("a rename that was cut off is finished when the account is opened", "[store]")
{
    for (unsigned n = 1; n < 60; ++n) {
        CAPTURE(n);
        Desk desk;
        REQUIRE(desk->create("a/b", SpecialUse::none));
        REQUIRE(desk->create("a/" + std::string(150, 'l') + "/" + std::string(100, 'm'), SpecialUse::none));
        desk.deliver("x\r\n", "a/b");
        const auto id = desk.id("a/b");
        desk.files().fail_at(n, EIO, true);
        const bool done = static_cast<bool>(desk->rename("a", "z"));
        const bool failed = desk.files().has_failed();
        desk.files().heal();
        // Either way all of the tree has one of the two names, now and after another start.
        for (int start = 0; start < 2; ++start) {
            const bool is_new = static_cast<bool>(desk->find("z"));
            const std::string top = is_new ? "z" : "a";
            CHECK(desk->list().size() == 10);
            CHECK(desk.id(top + "/b") == id);
            CHECK(desk.text(1, top + "/b") == "x\r\n");
            CHECK(desk->find(top + "/" + std::string(150, 'l') + "/" + std::string(100, 'm')));
            if (done) CHECK(is_new);
            desk.open();
        }
        if (!failed) return;
    }
    FAIL("the rename never succeeded");
}

TEST_CASE("subscriptions outlive their mailboxes and take no impossible name", "[store]")
{
    Desk desk;
    REQUIRE(desk->create("a", SpecialUse::none));
    REQUIRE(desk->subscribe("a", true));
    REQUIRE(desk->remove("a"));
    CHECK(desk->subscribe("a//b", true).error() == StoreError::invalid_name);
    desk.open();
    const auto names = desk->subscriptions();
    CHECK(std::ranges::count(names, "a") == 1);
    REQUIRE(desk->subscribe("a", false));
    desk.open();
    CHECK(desk->subscriptions().size() == 6);
}

TEST_CASE("folders of other Maildir++ servers are adopted with their names and mail", "[store]")
{
    Desk desk;
    desk.deliver("ours\r\n");
    desk.close();
    for (const std::string folder : {".Entw&APw-rfe", ".Lists.c++", ".&2D3cSQ-", ".bad\xff" "name", ".git"}) {
        std::filesystem::create_directories(desk.account() + "/" + folder + (folder == ".git" ? "/objects" : "/cur"));
    }
    test::write_file(desk.account() + "/.Lists.c++/cur/1500000001.M1P1.h,S=2:2,FS", "a\n");
    test::write_file(desk.account() + "/.Lists.c++/cur/1500000000.M1P1.h,S=2:2,", "b\n");
    desk.open();
    CHECK(desk->find("Entw\xc3\xbcrfe"));
    CHECK(desk->find("\xf0\x9f\x91\x89"));
    CHECK(desk->find("bad=FFname"));
    CHECK(desk->find("git").error() == StoreError::no_such_mailbox);
    CHECK(desk->find("Lists"));  // the parent that was missing
    CHECK(desk.uids("Lists/c++") == std::vector<Uid>{1, 2});
    CHECK(desk.text(1, "Lists/c++") == "b\r\n");
    CHECK(desk.row(2, "Lists/c++").flags.system == (kSeen | kFlagged));
    const auto id = desk.id("Entw\xc3\xbcrfe");
    desk.open();
    CHECK(desk.id("Entw\xc3\xbcrfe") == id);
    CHECK(desk.uids() == std::vector<Uid>{1});
}

TEST_CASE("a folder whose state is damaged, lost or copied gets a new UIDVALIDITY and keeps its mail", "[store]")
{
    Desk desk;
    REQUIRE(desk->create("a", SpecialUse::none));
    desk.deliver("x\r\n", "a");
    const auto before = desk.status("a");
    desk.close();
    SECTION("damaged") { test::write_file(desk.account() + "/.a/mailboxd-state", "mailboxd-state 1\nmailbox 3\n"); }
    SECTION("lost") { std::filesystem::remove(desk.account() + "/.a/mailboxd-state"); }
    SECTION("the account's file lost too")
    {
        std::filesystem::remove(desk.account() + "/.a/mailboxd-state");
        std::filesystem::remove(desk.account() + "/mailboxd-account");
    }
    desk.open();
    const auto after = desk.status("a");
    CHECK(after.uidvalidity > before.uidvalidity);
    CHECK(after.id != before.id);
    CHECK(after.messages == 1);
    CHECK(desk.text(desk.uids("a").front(), "a") == "x\r\n");
}

TEST_CASE("a copied folder directory becomes a mailbox of its own", "[store]")
{
    Desk desk;
    REQUIRE(desk->create("a", SpecialUse::none));
    desk.deliver("x\r\n", "a");
    desk.close();
    std::filesystem::copy(desk.account() + "/.a", desk.account() + "/.b", std::filesystem::copy_options::recursive);
    desk.open();
    CHECK(desk.id("a") != desk.id("b"));
    CHECK(desk.status("a").uidvalidity != desk.status("b").uidvalidity);
    CHECK(desk.uids("b").size() == 1);
}

TEST_CASE("a RENAME onto what another tool left is refused and does not lock the account", "[store]")
{
    Desk desk;
    REQUIRE(desk->create("a/b", SpecialUse::none));
    desk.deliver("a\r\n", "a/b");
    std::filesystem::create_directories(desk.account() + "/.x.b/sieve");
    CHECK(desk->rename("a", "x").error() == StoreError::mailbox_exists);
    CHECK(desk->find("a/b"));
    CHECK_FALSE(desk->find("x"));
    desk.open();
    CHECK(desk.text(1, "a/b") == "a\r\n");
    CHECK(desk->rename("a", "y"));
}
