// What databases do whose descriptors are given back behind each job, because all accounts together have too many.
#include <catch2/catch_test_macros.hpp>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>

#include "store/database_files.hpp"
#include "store/desk.hpp"
#include "store/sqlite.hpp"

using namespace mbx;
using namespace mbx::store;
using mbx::test::Desk;
using mbx::test::kAll;
namespace fs = std::filesystem;

namespace {

// An account that may keep no file open between two jobs.
struct Spare {
    Desk desk;
    Spare()
    {
        desk.options().max_database_files = 0;
        desk.open();
    }
    std::string index() const { return desk.account() + "/index.db"; }
};

// No descriptor more can be opened while it lives.
class NoDescriptors {
public:
    NoDescriptors()
    {
        REQUIRE(::getrlimit(RLIMIT_NOFILE, &before_) == 0);
        rlimit none = before_;
        none.rlim_cur = 0;
        REQUIRE(::setrlimit(RLIMIT_NOFILE, &none) == 0);
    }
    ~NoDescriptors() { (void)::setrlimit(RLIMIT_NOFILE, &before_); }
    NoDescriptors(const NoDescriptors&) = delete;
    NoDescriptors& operator=(const NoDescriptors&) = delete;

private:
    rlimit before_{};
};

// Holds SQLite's lock for readers of the file, as a program does that reads it. Locks of this process would be our own.
class OtherProcess {
public:
    explicit OtherProcess(const std::string& path)
    {
        REQUIRE(::pipe(told_.data()) == 0);
        child_ = ::fork();
        REQUIRE(child_ >= 0);
        if (child_ == 0) hold(path.c_str());
        char answer = 0;
        REQUIRE(::read(told_[0], &answer, 1) == 1);
        REQUIRE(answer == 'y');
    }
    ~OtherProcess()
    {
        (void)::kill(child_, SIGKILL);
        (void)::waitpid(child_, nullptr, 0);
        for (const int end : told_) (void)::close(end);
    }
    OtherProcess(const OtherProcess&) = delete;
    OtherProcess& operator=(const OtherProcess&) = delete;

private:
    [[noreturn]] void hold(const char* path) const
    {
        constexpr off_t kSharedFirst = 0x40000002;
        constexpr off_t kSharedSize = 510;
        struct flock lock {};
        lock.l_type = F_RDLCK;
        lock.l_whence = SEEK_SET;
        lock.l_start = kSharedFirst;
        lock.l_len = kSharedSize;
        const int file = ::open(path, O_RDWR | O_CLOEXEC);
        const bool is_held = file >= 0 && ::fcntl(file, F_SETLK, &lock) == 0;
        (void)!::write(told_[1], is_held ? "y" : "n", 1);
        while (true) ::pause();
    }
    std::array<int, 2> told_{};
    pid_t child_ = -1;
};

int sql(const std::string& path, const char* text)
{
    sqlite3* handle = nullptr;
    REQUIRE(sqlite3_open(path.c_str(), &handle) == SQLITE_OK);
    const int code = sqlite3_exec(handle, text, nullptr, nullptr, nullptr);
    sqlite3_close(handle);
    return code;
}

}  // namespace

TEST_CASE("a database goes on behind files that it let go of, in the middle of a transaction, and holds its lock again", "[store][descriptors]")
{
    test::Scratch scratch;
    const auto path = scratch / "one.db";
    const auto before = open_database_files();
    {
        Database database(path);
        database.execute("PRAGMA locking_mode=EXCLUSIVE; PRAGMA journal_mode=WAL; CREATE TABLE t(n INTEGER); BEGIN IMMEDIATE;");
        CHECK(open_database_files() == before + 2);
        Statement insert(database, "INSERT INTO t VALUES(?)");
        for (int n = 0; n < 300; ++n) {
            insert.run(n);
            database.let_go_of_files();
            CHECK(open_database_files() == before);
        }
        database.execute("COMMIT");
        CHECK(open_database_files() == before + 2);
        CHECK(sql(path, "SELECT * FROM t") == SQLITE_BUSY);
        database.let_go_of_files();
        database.let_go_of_files();
        CHECK(database.pragma_number("SELECT sum(n) FROM t") == 299 * 300 / 2);
        database.let_go_of_files();
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)");
        CHECK(sql(path, "SELECT * FROM t") == SQLITE_BUSY);
        CHECK(database.take_error() == SQLITE_OK);
        database.let_go_of_files();
    }
    CHECK(open_database_files() == before);
    Database again(path);
    again.execute("PRAGMA locking_mode=EXCLUSIVE");
    CHECK(again.pragma_number("SELECT count(*) FROM t") == 300);
}

TEST_CASE("an account without descriptors between its jobs does all that others do", "[store][descriptors]")
{
    Spare spare;
    Desk& desk = spare.desk;
    CHECK(desk.deliver("Subject: one\r\n\r\na\r\n") == 1);
    CHECK(open_database_files() == 0);
    CHECK(desk.deliver("Subject: two\r\n\r\nbb\r\n") == 2);
    CHECK((*desk).has_uncommitted());
    CHECK(desk.flag(2, FlagAction::add, kFlagged, {"word"}));
    REQUIRE(desk->copy(desk.id("INBOX"), {{1, 2}}, "Archive"));
    REQUIRE(desk->create("made", SpecialUse::none));
    CHECK(open_database_files() == 0);
    REQUIRE(desk->commit_index());
    CHECK_FALSE((*desk).has_uncommitted());
    while (*desk->fill_columns(std::chrono::milliseconds(50))) {
    }
    // The index of texts too, while it is filled.
    while (*desk->fill_text(std::chrono::milliseconds(0))) CHECK(open_database_files() == 0);
    const auto found = desk->text_candidates(desk.id("INBOX"), kAll, {{"two"}});
    REQUIRE(found);
    REQUIRE(found->size() == 1);
    CHECK(found->front().first == 2);
    CHECK(found->front().last == 2);
    CHECK(open_database_files() == 0);
    REQUIRE((*desk).rest());
    CHECK(desk.row(2).flags == Flags{kFlagged, 1});
    CHECK(desk.flag(1, FlagAction::add, kDeleted));
    REQUIRE(desk->expunge(desk.id("INBOX"), nullptr));
    const auto before = desk.status();
    SECTION("it is put away, and opened again") { desk.open(); }
    SECTION("the process dies") { (void)desk.crash(); }
    SECTION("its index is lost")
    {
        desk.lose_index();
        desk.open();
    }
    SECTION("it rests, and has its files again with room for them")
    {
        REQUIRE((*desk).rest());
        CHECK(desk.uids() == std::vector<Uid>{2});
    }
    CHECK(desk.status().uidnext >= before.uidnext);
    CHECK(desk.status().messages == 1);
    CHECK(desk.uids("Archive") == std::vector<Uid>{1, 2});
    CHECK(desk.text(2) == "Subject: two\r\n\r\nbb\r\n");
    CHECK(desk.row(2).flags == Flags{kFlagged, 1});
    desk.close();
    CHECK(open_database_files() == 0);
}

TEST_CASE("only beyond the limit are files let go of", "[store][descriptors]")
{
    Desk desk;
    desk.options().max_database_files = 2;
    desk.open();
    desk.deliver("a\r\n");
    CHECK(open_database_files() == 2);
    {
        Spare other;
        other.desk.deliver("b\r\n");
        CHECK(open_database_files() == 2);
        CHECK(other.desk.uids() == std::vector<Uid>{1});
    }
    CHECK(sql(desk.account() + "/index.db", "BEGIN IMMEDIATE; COMMIT") == SQLITE_BUSY);
}

TEST_CASE("F7: an index that somebody else changed while its files were let go of is made anew", "[store][F7][descriptors]")
{
    Spare spare;
    Desk& desk = spare.desk;
    desk.deliver("a\r\n");
    desk.deliver("bb\r\n");
    CHECK(desk.flag(2, FlagAction::add, kFlagged, {"word"}));
    REQUIRE(desk->commit_index());
    desk.deliver("ccc\r\n");
    const auto before = desk.status();
    bool is_kept = true;  // for whoever wants to know why
    SECTION("taken away")
    {
        for (const char* part : {"", "-wal"}) fs::remove(spare.index() + part);
        is_kept = false;
    }
    SECTION("its log taken away") { fs::remove(spare.index() + "-wal"); }
    SECTION("written to") { REQUIRE(sql(spare.index(), "UPDATE mailboxes SET uidnext = 1") == SQLITE_OK); }
    SECTION("replaced by a copy")
    {
        fs::copy_file(spare.index(), spare.index() + ".copy");
        fs::rename(spare.index() + ".copy", spare.index());
    }
    SECTION("replaced by something else")
    {
        fs::remove(spare.index());
        fs::create_directory(spare.index());
    }
    SECTION("nothing")
    {
        CHECK(desk.status().highest_modseq == before.highest_modseq);
        is_kept = false;
    }
    CHECK(desk.status().messages == 3);
    CHECK(fs::exists(spare.index() + ".damaged-1") == is_kept);
    CHECK(desk.status().uidnext >= before.uidnext);
    CHECK(desk.row(2).flags == Flags{kFlagged, 1});
    const auto next = desk.deliver("dddd\r\n");
    CHECK(next >= before.uidnext);
    REQUIRE(desk->commit_index());
    desk.open();
    CHECK(desk.uids() == std::vector<Uid>{1, 2, 3, next});
}

TEST_CASE("G4: an account whose files cannot be opened again answers io, keeps its transaction, and goes on when they can",
          "[store][G4][descriptors]")
{
    Spare spare;
    Desk& desk = spare.desk;
    desk.deliver("a\r\n");
    const auto before = desk.status();
    {
        const NoDescriptors none;
        CHECK(desk->status(before.id).error() == StoreError::io);
        const auto refused = desk->append(Desk::body("x\r\n"), desk.incoming("INBOX"));
        CHECK((!refused && refused.error() == StoreError::io));
        CHECK_FALSE(desk->commit_index());
        CHECK_FALSE((*desk).rest());
        CHECK((*desk).has_uncommitted());
    }
    CHECK(desk.status().highest_modseq == before.highest_modseq);
    CHECK(desk.deliver("y\r\n") == before.uidnext);
    REQUIRE(desk->commit_index());
    desk.open();
    CHECK(desk.uids() == std::vector<Uid>{1, 2});
    CHECK_FALSE(fs::exists(spare.index() + ".damaged-1"));
}

TEST_CASE("an index that another program has locked meanwhile is waited for by whoever comes again", "[store][descriptors]")
{
    Spare spare;
    Desk& desk = spare.desk;
    desk.deliver("a\r\n");
    const auto before = desk.status();
    {
        const OtherProcess other(spare.index());
        CHECK(desk->status(before.id).error() == StoreError::io);
    }
    CHECK(desk.status().highest_modseq == before.highest_modseq);
    CHECK(desk.deliver("y\r\n") == before.uidnext);
}
