// What a client sees before and after a crash, where the state on the disk was once between two steps.
#include <catch2/generators/catch_generators.hpp>

#include "store/desk.hpp"
#include "store/expunged_name.hpp"

using namespace mbx;
using namespace mbx::store;
using mbx::test::Desk;
using mbx::test::kAll;
namespace fs = std::filesystem;

namespace {

struct Seen {
    std::uint64_t uidnext = 0;
    ModSeq highest_modseq = 0;
    std::uint32_t uidvalidity = 0;
    std::vector<Uid> uids;
    bool operator==(const Seen&) const = default;
};

Seen seen(Desk& desk, std::string_view name)
{
    const auto status = desk.status(name);
    return {status.uidnext, status.highest_modseq, status.uidvalidity, desk.uids(name)};
}

std::map<std::string, Seen> seen_all(Desk& desk)
{
    std::map<std::string, Seen> all;
    for (const auto& info : desk->list()) all[info.name] = seen(desk, info.name);
    return all;
}

// index.db as it is without its log: what is on the disk for certain when nothing was synced since.
void keep_index(Desk& desk) { fs::copy_file(desk.account() + "/index.db", desk.account() + "/../index.kept", fs::copy_options::overwrite_existing); }

void put_kept_index(Desk& desk)
{
    for (const char* part : {"/index.db", "/index.db-wal", "/index.db-shm"}) fs::remove(desk.account() + part);
    fs::copy_file(desk.account() + "/../index.kept", desk.account() + "/index.db");
}

std::vector<ExpungedMessage> expunged(Desk& desk)
{
    const auto found = desk->expunged_messages({});
    REQUIRE(found);
    return found->entries;
}

std::string expunge(Desk& desk, Uid uid)
{
    REQUIRE(desk.flag(uid, FlagAction::add, kDeleted));
    const UidSet only{{uid, uid}};
    REQUIRE(desk->expunge(desk.id("INBOX"), &only)->size() == 1);
    return expunged(desk).front().name;
}

}  // namespace

TEST_CASE("G1: a crash in the first second of an account changes no UIDNEXT and no mod-sequence", "[store][G1]")
{
    Desk desk;
    desk.deliver("one\r\n");
    desk.deliver("two\r\n", "Sent", kSeen);
    REQUIRE(desk->create("Work/New", SpecialUse::none));
    desk.deliver("three\r\n", "Work/New");
    REQUIRE(desk.flag(1, FlagAction::add, kFlagged, {}, "Work/New"));
    const auto before = seen_all(desk);
    CHECK(before.at("INBOX").uidnext == 2);
    REQUIRE(desk.wait());
    desk.crash();
    CHECK(seen_all(desk) == before);
    // A client with the state of before is told what came since, and that nothing went.
    const auto later = desk.deliver("four\r\n");
    CHECK(later == 2);
    const auto news = desk->changes(desk.id("INBOX"), before.at("INBOX").highest_modseq);
    REQUIRE(news);
    CHECK(news->expunged.empty());
    CHECK(news->changed.size() == 1);
}

TEST_CASE("G1: a power cut in the first second of an account or a mailbox changes no UIDNEXT and no mod-sequence", "[store][G1]")
{
    Desk desk;
    REQUIRE(desk->create("Work/New", SpecialUse::none));
    keep_index(desk);
    desk.deliver("one\r\n");
    desk.deliver("two\r\n", "Sent", kSeen);
    desk.deliver("three\r\n", "Work/New");
    const auto before = seen_all(desk);
    REQUIRE(desk.wait());
    REQUIRE(desk->commit_index());
    desk.crash([&desk] { put_kept_index(desk); });
    CHECK(seen_all(desk) == before);
}

TEST_CASE("F7: what other tools left in a new mailbox before its index was there is still adopted", "[store][F7]")
{
    Desk desk;
    desk.lose_index();
    test::write_file(desk.account() + "/new/1650000000.x.host,S=9,I=77", "foreign\r\n");
    desk.open();
    CHECK(desk.uids().size() == 1);
    CHECK(desk.status().uidnext > 77);
    CHECK(seen(desk, "Sent").uidnext == 1);
}

TEST_CASE("G1: after a crash anywhere in an undelete the message is listed or restored, not both", "[store][undelete][G1]")
{
    const std::string text = "Subject: back\r\n\r\nbody\r\n";
    for (const bool is_committed : {false, true}) {
        for (unsigned at = 1; at < 100; ++at) {
            CAPTURE(is_committed, at);
            Desk desk;
            const Uid uid = desk.deliver(text);
            REQUIRE(desk->copy(desk.id("INBOX"), kAll, "Sent"));
            const auto name = expunge(desk, uid);
            REQUIRE(desk.wait());
            if (is_committed) REQUIRE(desk->commit_index());
            desk.files().only({});
            desk.files().fail_at(at, EIO, true);
            const auto answers = desk->undelete({name}, std::nullopt);
            const bool is_through = !desk.files().has_failed();
            desk.journal().wait(desk.journal().last());
            desk.files().heal();
            desk.crash();
            const auto listed = expunged(desk).size();
            CHECK(listed + desk.uids().size() == 1);
            CHECK(desk.uids("Sent").size() == 1);
            CHECK(desk.text(1, "Sent") == text);
            for (const Uid back : desk.uids()) CHECK(desk.text(back) == text);
            if (!is_through) continue;
            CHECK(listed == 0);
            break;
        }
    }
}

TEST_CASE("G1: an undelete whose record is durable and whose rename is not is done by the replay", "[store][undelete][G1]")
{
    const std::string text = "Subject: back\r\n\r\nbody\r\n";
    const bool is_moved_on = GENERATE(false, true);
    const bool is_copied = GENERATE(false, true);
    CAPTURE(is_moved_on, is_copied);
    Desk desk;
    const Uid uid = desk.deliver(text);
    if (is_copied) REQUIRE(desk->copy(desk.id("INBOX"), kAll, "Sent"));
    const auto name = expunge(desk, uid);
    REQUIRE(desk->undelete({name}, std::nullopt));
    const auto back = desk.uids();
    REQUIRE(back.size() == 1);
    if (is_moved_on) REQUIRE(desk->move(desk.id("INBOX"), kAll, "Archive"));
    REQUIRE(desk.wait());
    const std::string place = is_moved_on ? ".Archive/new" : "new";
    desk.crash([&] {
        REQUIRE(desk.names(place).size() == 1);
        fs::rename(desk.account() + "/" + place + "/" + desk.names(place).front(),
                   desk.account() + "/mailboxd-expunged/" + name);
        if (is_copied) fs::remove(desk.account() + "/.Sent/new/" + desk.names(".Sent/new").front());
    });
    const std::string home = is_moved_on ? "Archive" : "INBOX";
    REQUIRE(desk.uids(home).size() == 1);
    CHECK(desk.text(desk.uids(home).front(), home) == text);
    CHECK(expunged(desk).empty());
    if (is_copied) CHECK(desk.text(1, "Sent") == text);
    REQUIRE(desk.wait());
    desk.crash();
    CHECK(desk.text(desk.uids(home).front(), home) == text);
    CHECK(expunged(desk).empty());
    if (is_copied) CHECK(desk.text(1, "Sent") == text);
}

TEST_CASE("a removed mailbox beyond the quota stays removed, whole, and comes back when there is room", "[store][undelete][quota]")
{
    Desk desk;
    REQUIRE(desk->create("Work", SpecialUse::none));
    for (int n = 0; n < 3; ++n) desk.deliver("12345678\r\n", "Work");
    REQUIRE(desk->remove("Work"));
    const auto entry = expunged(desk).front();
    for (const QuotaLimits limits : {QuotaLimits{29, 0}, QuotaLimits{0, 2}}) {
        desk->set_quota(limits);
        const auto answers = desk->undelete({entry.name}, std::nullopt);
        REQUIRE(answers);
        CHECK(answers->front().failure == StoreError::over_quota);
        CHECK_FALSE(desk->find("Work"));
        CHECK(expunged(desk).size() == 1);
    }
    desk->set_quota({30, 3});
    CHECK_FALSE(desk->undelete({entry.name}, std::nullopt)->front().failure);
    CHECK(desk.uids("Work").size() == 3);
    CHECK(expunged(desk).empty());
}

TEST_CASE("G1: a COPY or MOVE of 2,500 messages is there whole after a crash, or not at all", "[store][G1]")
{
    const bool moving = GENERATE(false, true);
    Desk desk;
    constexpr std::size_t kMany = 2500;
    desk.deliver("m\r\n");
    for (std::size_t there = 1; there < kMany; there = desk.uids().size()) {
        const UidSet some{{1, static_cast<Uid>(std::min(there, kMany - there))}};
        REQUIRE(desk->copy(desk.id("INBOX"), some, "INBOX"));
    }
    REQUIRE(desk.wait());
    REQUIRE(desk->commit_index());
    const auto before = desk.journal().last();
    const auto inbox = desk.id("INBOX");
    REQUIRE((moving ? desk->move(inbox, kAll, "Sent") : desk->copy(inbox, kAll, "Sent")));
    REQUIRE(desk.wait());
    // All that a crash can take is the one frame that they share.
    std::set<std::uint64_t> frames;
    const auto frame = [&](const journal::FrameInfo& info) {
        if (info.records != 0 && info.first > before) frames.insert(info.first);
    };
    PosixFileSystem files;
    REQUIRE(journal::inspect(files, desk.journal_directory(), frame, [](Lsn, std::string_view, const journal::Location&) {}));
    CHECK(frames == std::set<std::uint64_t>{before + 1});
    desk.crash();
    CHECK(desk.uids("Sent").size() == kMany);
    CHECK(desk.uids().size() == (moving ? 0 : kMany));
}
