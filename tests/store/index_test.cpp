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

namespace {

// While an index is open nobody else gets at it.
bool is_closed(const Desk& desk)
{
    sqlite3* handle = nullptr;
    REQUIRE(sqlite3_open((desk.account() + "/index.db").c_str(), &handle) == SQLITE_OK);
    const int code = sqlite3_exec(handle, "BEGIN IMMEDIATE; COMMIT", nullptr, nullptr, nullptr);
    sqlite3_close(handle);
    return code == SQLITE_OK;
}

void check_same(const MailboxStatus& now, const MailboxStatus& before)
{
    CHECK(now.uidvalidity == before.uidvalidity);
    CHECK(now.uidnext == before.uidnext);
    CHECK(now.highest_modseq == before.highest_modseq);
    CHECK(now.messages == before.messages);
    CHECK(now.unseen == before.unseen);
    CHECK(now.size == before.size);
    CHECK(now.first_unseen == before.first_unseen);
}

}  // namespace

TEST_CASE("an account that rests has its index closed, and answers as if nothing had been", "[store][rest]")
{
    Desk desk;
    fill(desk);
    const auto before = desk.status();
    const auto row = desk.row(2);
    const auto lsn = [&desk] { return (*desk).index_lsn(); };
    CHECK_FALSE(is_closed(desk));
    REQUIRE((*desk).rest());
    CHECK(is_closed(desk));
    CHECK(lsn() == (*desk).last_lsn());
    CHECK_FALSE((*desk).has_uncommitted());
    // A checkpoint has nothing to commit, and opens nothing.
    REQUIRE(desk->commit_index());
    CHECK(desk->known_usage().messages == 2);
    REQUIRE((*desk).rest());
    CHECK(is_closed(desk));
    SECTION("the first who asks reads what was there")
    {
        check_same(desk.status(), before);
        CHECK_FALSE(is_closed(desk));
        CHECK(desk.row(2).modseq == row.modseq);
        CHECK(desk.row(2).flags == row.flags);
        const auto changes = desk->changes(before.id, before.highest_modseq);
        REQUIRE(changes);
        CHECK(changes->changed.empty());
        CHECK(changes->expunged.empty());
        const auto since = desk->changes(before.id, row.modseq - 1);
        REQUIRE(since);
        CHECK(since->expunged == std::vector<Uid>{3});
    }
    SECTION("a message comes, with the next numbers")
    {
        CHECK(desk.deliver("dddd\r\n") == before.uidnext);
        CHECK(desk.status().highest_modseq == before.highest_modseq + 1);
        CHECK(desk.status().messages == 3);
    }
    SECTION("flags, COPY, EXPUNGE and names change")
    {
        CHECK(desk.flag(1, FlagAction::add, kSeen | kDeleted));
        REQUIRE((*desk).rest());
        REQUIRE(desk->copy(before.id, {{1, 2}}, "Archive"));
        REQUIRE((*desk).rest());
        const auto gone = desk->expunge(before.id, nullptr);
        REQUIRE(gone);
        CHECK(*gone == std::vector<Uid>{1});
        REQUIRE((*desk).rest());
        REQUIRE(desk->create("made", SpecialUse::none));
        REQUIRE((*desk).rest());
        REQUIRE(desk->rename("made", "renamed/below"));
        CHECK(desk.uids() == std::vector<Uid>{2});
        CHECK(desk.uids("Archive") == std::vector<Uid>{1, 2});
        CHECK(desk.status("renamed/below").messages == 0);
    }
    SECTION("other tools change the Maildir meanwhile")
    {
        test::write_file(desk.account() + "/new/1700000000.other.host", "by hand\r\n");
        CHECK(desk.uids() == std::vector<Uid>{1, 2, static_cast<Uid>(before.uidnext)});
    }
    SECTION("it is put away, and opened again")
    {
        desk.open();
        check_same(desk.status(), before);
    }
    SECTION("the process dies")
    {
        (void)desk.crash();
        check_same(desk.status(), before);
    }
    SECTION("its index is checked, and made anew")
    {
        const auto check = (*desk).check_index();
        while (!check->progress().is_done) REQUIRE(check->step(std::chrono::milliseconds(1)));
        CHECK(check->progress().differences == 0);
        REQUIRE((*desk).rest());
        const auto rebuild = (*desk).rebuild_index();
        REQUIRE(rebuild->step(std::chrono::milliseconds(0)));
        (void)(*desk).rest();  // also between two steps
        while (!rebuild->progress().is_done) REQUIRE(rebuild->step(std::chrono::milliseconds(10)));
        check_rebuilt(desk, before);
    }
    SECTION("its account is removed")
    {
        (*desk).retire();
        CHECK_FALSE((*desk).rest());
        CHECK_FALSE(desk->find("INBOX"));
        CHECK(is_closed(desk));
    }
}

TEST_CASE("F7: an index that was taken away, changed or put back while its account rested is made anew", "[store][F7][rest]")
{
    Desk desk;
    desk.deliver("a\r\n");
    REQUIRE((*desk).rest());
    const auto index = desk.account() + "/index.db";
    const auto older = desk.account() + "/tmp/older";
    desk.fold_log("/index.db");
    fs::copy_file(index, older);
    desk.deliver("bb\r\n");
    desk.deliver("ccc\r\n");
    CHECK(desk.flag(2, FlagAction::add, kFlagged, {"word"}));
    CHECK(desk.flag(3, FlagAction::add, kDeleted));
    REQUIRE(desk->expunge(desk.id("INBOX"), nullptr));
    const auto before = desk.status();
    REQUIRE((*desk).rest());
    bool is_kept = false;
    const auto remove = [&index] {
        for (const char* part : {"", "-wal", "-shm"}) fs::remove(index + part);
    };
    SECTION("taken away") { remove(); }
    SECTION("put back as it was before")
    {
        remove();
        fs::copy_file(older, index);
    }
    SECTION("of another version")
    {
        run_sql(index, "PRAGMA user_version=99");
        is_kept = true;
    }
    SECTION("no database")
    {
        remove();
        test::write_file(index, std::string(20'000, 'x'));
        is_kept = true;
    }
    SECTION("with other counters")
    {
        run_sql(index, "UPDATE mailboxes SET uidnext = 2 WHERE uidnext > 2");
    }
    check_rebuilt(desk, before);
    CHECK(fs::exists(index + ".damaged-1") == is_kept);
}

TEST_CASE("an account whose index cannot be opened again answers io, changes nothing, and goes on when it can", "[store][rest]")
{
    Desk desk;
    fill(desk);
    const auto before = desk.status();
    REQUIRE((*desk).rest());
    const auto index = desk.account() + "/index.db";
    desk.fold_log("/index.db");
    fs::rename(index, index + ".kept");
    fs::create_directory(index);
    const auto id = before.id;
    CHECK(desk->status(id).error() == StoreError::io);
    const auto refused = desk->append(Desk::body("x\r\n"), desk.incoming("INBOX"));
    REQUIRE_FALSE(refused);
    CHECK(refused.error() == StoreError::io);
    fs::remove(index);
    fs::rename(index + ".kept", index);
    check_same(desk.status(), before);
    CHECK(desk.deliver("y\r\n") == before.uidnext);
}

TEST_CASE("a folder of which only the names are known keeps its account awake until its rows are there", "[store][rest]")
{
    Desk desk;
    fill(desk);
    desk.lose_index();
    desk.open();
    CHECK(desk.status().messages == 2);
    CHECK_FALSE((*desk).rest());
    CHECK(desk.row(2).flags == Flags{kFlagged, 1});
    const auto before = desk.status();
    REQUIRE((*desk).rest());
    check_same(desk.status(), before);
}

TEST_CASE("a rest writes a long log back, so that the next opening is quick", "[store][rest]")
{
    Desk desk;
    const auto wal = desk.account() + "/index.db-wal";
    const std::string subject = "Subject: " + std::string(900, 's') + "\r\n\r\nx\r\n";
    for (int n = 0; n < 200; ++n) desk.deliver(subject);
    REQUIRE(desk->fill_columns(std::chrono::seconds(10)));
    REQUIRE(desk->commit_index());
    REQUIRE(fs::file_size(wal) > 256 * 1024);
    REQUIRE((*desk).rest());
    CHECK(fs::file_size(wal) == 0);
    CHECK(desk.status().messages == 200);
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
