#include <sqlite3.h>

#include <set>

#include "store/desk.hpp"
#include "store/index.hpp"

using namespace mbx;
using namespace mbx::store;
using mbx::test::Desk;
using mbx::test::kAll;
namespace fs = std::filesystem;

namespace {

void run_sql(const std::string& path, const char* sql)
{
    sqlite3* handle = nullptr;
    REQUIRE(sqlite3_open(path.c_str(), &handle) == SQLITE_OK);
    const int code = sqlite3_exec(handle, sql, nullptr, nullptr, nullptr);
    sqlite3_close(handle);
    REQUIRE(code == SQLITE_OK);
}

// Three messages, the second flagged with a keyword, the third expunged.
void fill(Desk& desk)
{
    desk.deliver("a\r\n");
    desk.deliver("bb\r\n");
    desk.deliver("ccc\r\n");
    CHECK(desk.flag(2, FlagAction::add, kFlagged, {"word"}));
    CHECK(desk.flag(3, FlagAction::add, kDeleted));
    REQUIRE(desk->expunge(desk.id("INBOX"), nullptr));
}

void check_rebuilt(Desk& desk, const MailboxStatus& before)
{
    const auto after = desk.status();
    CHECK(after.id == before.id);
    CHECK(after.uidvalidity == before.uidvalidity);
    CHECK(after.messages == before.messages);
    CHECK(after.unseen == before.unseen);
    CHECK(after.size == before.size);
    CHECK(after.keywords == before.keywords);
    CHECK(desk.uids() == std::vector<Uid>{1, 2});
    CHECK(desk.row(2).flags == Flags{kFlagged, 1});
    // Nothing given before may come again, or look unchanged to a client that saw it.
    CHECK(after.uidnext >= before.uidnext);
    CHECK(after.highest_modseq > before.highest_modseq);
    CHECK(desk.row(1).modseq > before.highest_modseq);
    const auto changes = desk->changes(after.id, before.highest_modseq);
    REQUIRE(changes);
    CHECK(changes->changed.size() == 2);
    CHECK(std::ranges::count(changes->expunged, Uid{3}) == 1);
    CHECK(std::ranges::count(changes->expunged, Uid{1}) == 0);
    CHECK(desk.deliver("new\r\n") >= before.uidnext);
}

}  // namespace

TEST_CASE("F7, G12: an index that is missing, of another version, changed or no database is rebuilt from the names",
          "[store][F7][G12]")
{
    Desk desk;
    fill(desk);
    const auto before = desk.status();
    const auto index = desk.account() + "/index.db";
    bool is_kept = true;
    SECTION("missing")
    {
        desk.lose_index();
        is_kept = false;
    }
    SECTION("a newer schema")
    {
        desk.close();
        run_sql(index, "PRAGMA user_version=99");
    }
    SECTION("the schema changed under its number")
    {
        desk.close();
        run_sql(index, "DROP TABLE expunged");
    }
    SECTION("half a migration")
    {
        desk.close();
        run_sql(index, "PRAGMA user_version=0");
    }
    SECTION("not a database")
    {
        desk.lose_index();
        test::write_file(index, std::string(20'000, 'x'));
    }
    SECTION("cut off")
    {
        desk->settle();
        desk.close();
        fs::resize_file(index, 5000);
    }
    desk.open();
    check_rebuilt(desk, before);
    CHECK(fs::exists(index + ".damaged-1") == is_kept);
}

TEST_CASE("F7: a page of the index that goes bad under way is noticed, and the next job has a new index", "[store][F7]")
{
    Desk desk;
    for (int n = 0; n < 300; ++n) desk.deliver("a\r\n");
    const auto before = desk.status();
    desk->settle();
    desk.close();
    const auto index = desk.account() + "/index.db";
    std::string bytes = test::read_file(index);
    for (std::size_t at = 4096; at < bytes.size(); ++at) bytes[at] = '\x55';
    test::write_file(index, bytes);
    (void)desk.try_open();
    desk.open();
    for (int attempt = 0; attempt < 2; ++attempt) {
        const auto uids = desk->uids(before.id);
        if (!uids) CHECK(uids.error() == StoreError::corrupt);
    }
    CHECK(desk.uids().size() == 300);
    CHECK(desk.status().uidvalidity == before.uidvalidity);
}

TEST_CASE("F7: an index that is newer than the state file, or older than the Maildir, gives no UID twice", "[store][F7]")
{
    Desk desk;
    desk.deliver("a\r\n");
    const auto state = desk.account() + "/mailboxd-state";
    const auto index = desk.account() + "/index.db";
    desk->settle();
    desk.close();
    const auto old_state = test::read_file(state);
    const auto old_index = test::read_file(index);
    desk.open();
    Uid last = 0;
    for (int n = 0; n < 5; ++n) last = desk.deliver("b\r\n");
    SECTION("older index")
    {
        desk.lose_index();
        test::write_file(index, old_index);
        desk.open();
        CHECK(desk.uids().size() == 6);
    }
    SECTION("older state")
    {
        desk.close();
        test::write_file(state, old_state);
        desk.open();
        CHECK(desk.uids().size() == 6);
    }
    SECTION("older state and no index")
    {
        desk.lose_index();
        test::write_file(state, old_state);
        desk.open();
        CHECK(desk.uids().size() == 6);
    }
    CHECK(desk.deliver("c\r\n") > last);
}

TEST_CASE("rows that were written beside another journal, or a later one, are rebuilt, those of this one are kept", "[store]")
{
    Desk desk;
    fill(desk);
    const auto before = desk.status();
    desk.open();
    CHECK(desk.status().highest_modseq == before.highest_modseq);
    desk.close();
    SECTION("another") { run_sql(desk.account() + "/index.db", "UPDATE meta SET value = '7' WHERE key = 'journal'"); }
    SECTION("later") { run_sql(desk.account() + "/index.db", "UPDATE meta SET value = '1000000' WHERE key = 'lsn'"); }
    desk.open();
    check_rebuilt(desk, before);
}

TEST_CASE("a rebuild gives new UIDs to files that claim one twice or above the ceiling", "[store]")
{
    Desk desk;
    desk.deliver("a\r\n");
    desk.deliver("b\r\n");
    const auto ceiling = desk.status().uidnext;
    desk.lose_index();
    test::write_file(desk.account() + "/cur/1.twice,S=3,I=2:2,", "c\r\n");
    test::write_file(desk.account() + "/cur/2.above,S=3,I=4000000000:2,", "d\r\n");
    test::write_file(desk.account() + "/cur/3.size,S=9,I=1500:2,", "e\r\n");
    desk.open();
    const auto uids = desk.uids();
    REQUIRE(uids.size() == 5);
    CHECK(uids[0] == 1);
    CHECK(uids[1] > ceiling);
    CHECK(uids.back() < 10'000);
    std::set<std::string> texts;
    for (const Uid uid : uids) texts.insert(desk.text(uid));
    CHECK(texts.size() == 5);
    desk.lose_index();
    desk.open();
    CHECK(desk.uids() == uids);
}

TEST_CASE("the log of expunges is bounded, and what fell out of it is told by difference", "[store]")
{
    test::Scratch scratch;
    auto condition = Index::Condition::good;
    const auto index = Index::open(scratch / "index.db", 1, condition);
    REQUIRE(index);
    const MailboxId mailbox{1};
    index->begin();
    for (Uid uid = 1; uid <= 50; ++uid) index->log_expunged(mailbox, uid, 100 + uid);
    const auto floor = index->trim_expunged(mailbox, 10);
    REQUIRE(index->end());
    REQUIRE(floor);
    CHECK(*floor == 140);
    CHECK(index->expunged(mailbox, *floor).size() == 10);
    CHECK(index->expunged(mailbox, 0).size() == 10);
    CHECK_FALSE(index->trim_expunged(mailbox, 10));
}
