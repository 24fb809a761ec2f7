#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <thread>

#include "store/desk.hpp"

using namespace mbx;
using namespace mbx::store;
using mbx::test::Desk;
using mbx::test::kAll;
namespace fs = std::filesystem;

TEST_CASE("F5: what other tools do to flags and places is noticed, and UIDs stay", "[store][F5]")
{
    Desk desk;
    desk.deliver("a\r\n");
    desk.deliver("b\r\n");
    const auto since = desk.status().highest_modseq;
    const auto first = desk.names("new")[0];
    const Uid uid = first.find(",I=1") != std::string::npos ? 1 : 2;
    SECTION("new to cur with flags")
    {
        fs::rename(desk.account() + "/new/" + first, desk.account() + "/cur/" + first + ":2,RS");
    }
    SECTION("all behind the unique part rewritten")
    {
        const auto unique = first.substr(0, first.find(','));
        fs::rename(desk.account() + "/new/" + first, desk.account() + "/cur/" + unique + ",U=77:2,SR");
    }
    const auto changes = desk->changes(desk.id("INBOX"), since);
    REQUIRE(changes);
    CHECK(changes->expunged.empty());
    REQUIRE(changes->changed.size() == 1);
    CHECK(changes->changed[0].uid == uid);
    CHECK(changes->changed[0].flags.system == (kSeen | kAnswered));
    CHECK(changes->changed[0].modseq > since);
    CHECK(desk.text(uid) == (uid == 1 ? "a\r\n" : "b\r\n"));
    CHECK(desk.status().unseen == 1);
    desk.lose_index();
    desk.open();
    CHECK(desk.row(uid).flags.system == (kSeen | kAnswered));
}

TEST_CASE("F5: a message is readable and flaggable under any name behind its unique part", "[store][F5]")
{
    Desk desk;
    const Uid uid = desk.deliver("a\r\n");
    const auto name = desk.names("new")[0];
    const auto moved = desk.account() + "/cur/" + name.substr(0, name.find(',')) + ":2,F";
    fs::rename(desk.account() + "/new/" + name, moved);
    SECTION("read") { CHECK(desk.text(uid) == "a\r\n"); }
    SECTION("flagged") { CHECK(desk.flag(uid, FlagAction::add, kSeen)); }
    SECTION("copied") { CHECK(desk->copy(desk.id("INBOX"), kAll, "Sent")->uids.size() == 1); }
    SECTION("moved") { CHECK(desk->move(desk.id("INBOX"), kAll, "Sent")->uids.size() == 1); }
    CHECK(desk.uids().size() + desk.uids("Sent").size() >= 1);
}

TEST_CASE("F5: a removed file is expunged once, a brought one is a new message whatever UID it claims", "[store][F5]")
{
    Desk desk;
    for (int n = 0; n < 3; ++n) desk.deliver("a\r\n");
    const auto since = desk.status().highest_modseq;
    for (const auto& name : desk.names("new")) {
        if (name.ends_with(",I=2")) fs::remove(desk.account() + "/new/" + name);
    }
    test::write_file(desk.account() + "/cur/1650000000.x.h,S=3,I=1:2,S", "n\r\n");
    test::write_file(desk.account() + "/cur/1650000001.x.h,S=3,I=2:2,S", "m\r\n");
    const auto changes = desk->changes(desk.id("INBOX"), since);
    REQUIRE(changes);
    CHECK(changes->expunged == std::vector<Uid>{2});
    CHECK(desk.uids() == std::vector<Uid>{1, 3, 4, 5});
    CHECK(desk->changes(desk.id("INBOX"), changes->status.highest_modseq)->expunged.empty());
    CHECK(desk.text(1) == "a\r\n");
}

TEST_CASE("F5: the unique part of another message makes a copy a message of its own", "[store][F5]")
{
    Desk desk;
    desk.deliver("a\r\n");
    const auto name = desk.names("new")[0];
    const auto unique = name.substr(0, name.find(','));
    test::write_file(desk.account() + "/cur/" + unique + ":2,S", "copy\r\n");
    CHECK(desk.uids() == std::vector<Uid>{1, 2});
    CHECK(desk.text(1) == "a\r\n");
    CHECK(desk.text(2) == "copy\r\n");
    // Two names of one file are one message.
    const auto again = desk.names("new")[0];
    fs::create_hard_link(desk.account() + "/new/" + again, desk.account() + "/cur/" + again + ":2,T");
    CHECK(desk.uids() == std::vector<Uid>{1, 2});
}

TEST_CASE("F5: a file whose content was changed becomes a new message", "[store][F5]")
{
    Desk desk;
    const Uid uid = desk.deliver("aaaa\r\n", "INBOX", kSeen);
    const auto path = desk.account() + "/cur/" + desk.names("cur")[0];
    test::write_file(path, "bb\r\n");
    CHECK(desk->message(desk.id("INBOX"), uid).error() == StoreError::no_such_message);
    const auto uids = desk.uids();
    REQUIRE(uids.size() == 1);
    CHECK(uids[0] > uid);
    CHECK(desk.text(uids[0]) == "bb\r\n");
    CHECK(desk.row(uids[0]).flags.system == kSeen);
}

TEST_CASE("F6: links, FIFOs, directories, sockets and empty files in cur are neither followed nor waited for",
          "[store][F6]")
{
    Desk desk;
    desk.deliver("a\r\n", "INBOX", kSeen);
    const auto cur = desk.account() + "/cur/";
    test::write_file(desk.account() + "/secret", "secret\r\n");
    fs::create_symlink(desk.account() + "/secret", cur + "1.link,S=8,I=5:2,S");
    fs::create_symlink("/dev/zero", cur + "2.link:2,");
    REQUIRE(::mkfifo((cur + "3.fifo:2,").c_str(), 0600) == 0);
    fs::create_directory(cur + "4.directory:2,");
    test::write_file(cur + "5.empty:2,", "");
    test::write_file(cur + ".hidden", "x");
    CHECK(desk.uids() == std::vector<Uid>{1});
    desk.lose_index();
    desk.open();
    CHECK(desk.uids() == std::vector<Uid>{1});
    // A message that was replaced by a link is not followed either.
    const auto name = desk.names("cur").back();
    for (const auto& each : desk.names("cur")) {
        if (each.find(",S=3,I=1") == std::string::npos) continue;
        fs::remove(cur + each);
        fs::create_symlink(desk.account() + "/secret", cur + each);
    }
    CHECK_FALSE(desk->message(desk.id("INBOX"), 1));
    CHECK(fs::exists(desk.account() + "/secret"));
}

TEST_CASE("F6: a file that may not be read is ignored and stays", "[store][F6]")
{
    if (::geteuid() == 0) SUCCEED("root may read everything");
    Desk desk;
    const auto path = desk.account() + "/cur/1.locked:2,";
    test::write_file(path, "a\r\n");
    fs::permissions(path, fs::perms::none);
    CHECK(desk.uids().size() == (::geteuid() == 0 ? 1 : 0));
    if (::geteuid() != 0) CHECK(fs::exists(path));
}

TEST_CASE("a mass of files that vanish at once freezes the folder until they are back", "[store]")
{
    Desk desk;
    for (int n = 0; n < 40; ++n) desk.deliver("a\r\n");
    const auto since = desk.status().highest_modseq;
    const auto aside = desk.account() + "/aside";
    SECTION("more than a twentieth and more than twenty")
    {
        fs::rename(desk.account() + "/new", aside);
        fs::create_directory(desk.account() + "/new");
        CHECK(desk.uids().size() == 40);
        CHECK(desk->changes(desk.id("INBOX"), since)->expunged.empty());
        CHECK(desk->message(desk.id("INBOX"), 5).error() == StoreError::no_such_message);
        fs::remove(desk.account() + "/new");
        fs::rename(aside, desk.account() + "/new");
        desk.open();
        CHECK(desk.uids().size() == 40);
        CHECK(desk.text(5) == "a\r\n");
    }
    SECTION("twenty are believed")
    {
        const auto names = desk.names("new");
        for (std::size_t n = 0; n < 20; ++n) fs::remove(desk.account() + "/new/" + names[n]);
        CHECK(desk.uids().size() == 20);
        CHECK(desk->changes(desk.id("INBOX"), since)->expunged.size() == 20);
    }
}

TEST_CASE("our own changes make no large folder be listed again", "[store]")
{
    Desk desk;
    for (int n = 0; n < 210; ++n) desk.deliver("a\r\n");
    (void)desk.status();
    const auto before = desk.files().lists();
    for (int n = 0; n < 20; ++n) {
        const Uid uid = desk.deliver("a\r\n");
        CHECK(desk.flag(uid, FlagAction::add, kSeen | kDeleted));
        CHECK(desk.status().messages == 211);
        REQUIRE(desk->expunge(desk.id("INBOX"), nullptr));
        CHECK(desk.uids().size() == 210);
    }
    CHECK(desk.files().lists() == before);
}

// A folder so large that it is not listed again only because its times are young.
class LargeFolder {
public:
    LargeFolder()
    {
        for (int n = 0; n < 210; ++n) desk.deliver("a\r\n");
        (void)desk.status();
    }
    // A tick of the clock that stamps files is at most 10 ms.
    static void wait_some_ticks() { std::this_thread::sleep_for(std::chrono::milliseconds(40)); }
    void remove_one() const
    {
        const auto names = desk.names("new");
        REQUIRE(fs::remove(desk.account() + "/new/" + names.front()));
    }

    Desk desk;
};

TEST_CASE("many changes of ours in a row do not look at the directories each", "[store]")
{
    LargeFolder folder;
    Desk& desk = folder.desk;
    const auto before = desk.files().infos();
    constexpr unsigned kChanges = 500;
    const auto begin = std::chrono::steady_clock::now();
    for (unsigned n = 0; n < kChanges; ++n) desk.deliver("a\r\n");
    const auto took = std::chrono::steady_clock::now() - begin;
    // Each look asks for two directories; there are two looks, at most, in each 20 ms.
    const auto periods = 1 + static_cast<unsigned>(took / std::chrono::milliseconds(20));
    CHECK(desk.files().infos() - before <= 4 * periods);
    CHECK(desk.status().messages == 210 + kChanges);
}

TEST_CASE("a message whose flags were taken back is flagged again with one rename", "[store]")
{
    Desk desk;
    for (int n = 0; n < 20; ++n) desk.deliver("a\r\n");
    const auto store_all = [&desk](FlagAction action) {
        const auto before = desk.files().renames();
        REQUIRE(desk->store_flags(desk.id("INBOX"), kAll, {action, kFlagged, {}, {}}));
        return desk.files().renames() - before;
    };
    CHECK(store_all(FlagAction::add) == 20);  // out of new/
    CHECK(store_all(FlagAction::remove) == 20);
    CHECK(store_all(FlagAction::add) == 21);  // out of cur/: the first one was looked for in new/
    CHECK(store_all(FlagAction::remove) == 20);
    CHECK(store_all(FlagAction::add) == 20);
    CHECK(desk.names("cur").size() == 20);
}

TEST_CASE("F5: a STORE right behind another tool's change of flags loses none of them", "[store][F5]")
{
    LargeFolder folder;
    Desk& desk = folder.desk;
    const auto inbox = desk.id("INBOX");
    for (Uid uid = 1; uid <= 20; ++uid) {
        // As the session does it, in a row of them.
        const auto store = [&](FlagAction action, std::uint8_t flags) {
            REQUIRE(desk->changes(inbox, desk.status().highest_modseq));
            REQUIRE(desk.flag(uid, action, flags));
        };
        store(FlagAction::add, kDraft);
        const auto message = desk.row(uid);
        const auto name = [&](std::string_view flags) {
            for (const auto& found : desk.names("cur")) {
                if (found.find(",I=" + std::to_string(uid) + ":") != std::string::npos) {
                    return std::pair(found, found.substr(0, found.find(":2,") + 3) + std::string(flags));
                }
            }
            return std::pair(std::string(), std::string());
        };
        const auto [before, after] = name("DF");
        fs::rename(desk.account() + "/cur/" + before, desk.account() + "/cur/" + after);
        store(FlagAction::add, kAnswered);
        CHECK(desk.row(uid).flags.system == (kDraft | kFlagged | kAnswered));
        CHECK(name("DFR").first == name("DFR").second);
        CHECK(desk.row(uid).modseq > message.modseq);
    }
}

TEST_CASE("F5: what others do behind or between changes of ours is noticed by the next look", "[store][F5]")
{
    LargeFolder folder;
    Desk& desk = folder.desk;
    SECTION("behind them")
    {
        for (int n = 0; n < 3; ++n) desk.deliver("a\r\n");
        LargeFolder::wait_some_ticks();
        folder.remove_one();
        CHECK(desk.uids().size() == 212);
    }
    SECTION("between them")
    {
        for (int n = 0; n < 3; ++n) desk.deliver("a\r\n");
        LargeFolder::wait_some_ticks();
        folder.remove_one();
        LargeFolder::wait_some_ticks();
        for (int n = 0; n < 3; ++n) desk.deliver("a\r\n");
        CHECK(desk.uids().size() == 215);
    }
    SECTION("before what a job does that changes nothing there")
    {
        for (int n = 0; n < 3; ++n) desk.deliver("a\r\n");
        LargeFolder::wait_some_ticks();
        folder.remove_one();
        (void)desk->message(desk.id("INBOX"), 1);
        CHECK(desk.uids().size() == 212);
    }
    SECTION("and when the index was committed in between")
    {
        for (int n = 0; n < 3; ++n) desk.deliver("a\r\n");
        REQUIRE(desk->commit_index());
        LargeFolder::wait_some_ticks();
        folder.remove_one();
        CHECK(desk.uids().size() == 212);
    }
}
