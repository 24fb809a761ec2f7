#include "directory/schema.hpp"

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <fstream>
#include <set>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "directory/changes.hpp"
#include "support/temporary_folder.hpp"

using namespace mbx;
using namespace mbx::directory;

namespace {

std::int64_t number(Database& database, std::string_view sql)
{
    Statement statement = database.prepare(sql);
    const auto row = statement.step();
    REQUIRE(row);
    return statement.integer(0);
}

std::set<std::string> schema_of(Database& database)
{
    std::set<std::string> all;
    Statement rows = database.prepare("SELECT type || ' ' || name || ' ' || coalesce(sql, '') FROM sqlite_schema");
    while (true) {
        const auto row = rows.step();
        REQUIRE(row);
        if (!*row) return all;
        all.insert(rows.text(0));
    }
}

// A file as a mailboxd with only the first `version` migrations left it.
void make_old(const std::string& path, std::size_t version)
{
    auto database = Database::open(path);
    REQUIRE(database);
    REQUIRE(database->execute("PRAGMA journal_mode = WAL"));
    for (std::size_t step = 0; step < version; ++step) REQUIRE(database->execute(migrations()[step]));
    const std::string marks = "PRAGMA application_id = 1296193604; PRAGMA user_version = " + std::to_string(version);
    REQUIRE(database->execute(marks.c_str()));
}

}  // namespace

TEST_CASE("G12: a file of every older schema becomes the newest one and keeps what it holds", "[directory][hostile]")
{
    const auto newest = migrations().size();
    for (std::size_t version = 0; version <= newest; ++version) {
        CAPTURE(version);
        const test::TemporaryFolder folder;
        const std::string path = folder.path() + "/directory.db";
        if (version > 0) {
            make_old(path, version);
            auto old = Database::open(path);
            REQUIRE(old);
            REQUIRE(old->execute("INSERT INTO domain (name) VALUES ('example.org');"
                                 "INSERT INTO account (local_part, domain, password_hash) VALUES ('ann', 'example.org', 'h')"));
        }
        auto database = open_database(path);
        if (!database) FAIL(database.error().text());
        CHECK(number(*database, "PRAGMA user_version") == static_cast<std::int64_t>(newest));
        CHECK(number(*database, "SELECT count(*) FROM directory_accounts") == (version > 0 ? 1 : 0));
        CHECK(number(*database, "PRAGMA foreign_keys") == 1);
        CHECK(number(*database, "PRAGMA synchronous") == 2);

        const test::TemporaryFolder fresh_folder;
        auto fresh = open_database(fresh_folder.path() + "/directory.db");
        REQUIRE(fresh);
        CHECK(schema_of(*database) == schema_of(*fresh));
    }
}

TEST_CASE("G12: a migration that was killed at any of its steps goes on at the next start", "[directory][hostile]")
{
    // The child makes some of the steps and half of the next one, and dies without a word.
    const auto whole_steps = GENERATE(std::size_t{0}, std::size_t{1}, std::size_t{2});
    const test::TemporaryFolder folder;
    const std::string path = folder.path() + "/directory.db";
    make_old(path, whole_steps);
    const pid_t child = ::fork();
    REQUIRE(child >= 0);
    if (child == 0) {
        auto database = Database::open(path);
        const bool begun = database && database->execute("BEGIN IMMEDIATE") && database->execute(migrations()[whole_steps]);
        // Forces the unfinished transaction into the write-ahead log, as a large one would be.
        const bool spilled = begun && database->execute("PRAGMA cache_spill = 1; PRAGMA cache_size = 1");
        ::_exit(spilled ? 42 : 1);
    }
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
    REQUIRE((WIFEXITED(status) && WEXITSTATUS(status) == 42));

    auto database = open_database(path);
    if (!database) FAIL(database.error().text());
    CHECK(number(*database, "PRAGMA user_version") == static_cast<std::int64_t>(migrations().size()));
    CHECK(read_contents(*database));
}

TEST_CASE("G12: a newer schema is refused with advice and left as it is", "[directory][hostile]")
{
    const test::TemporaryFolder folder;
    const std::string path = folder.path() + "/directory.db";
    {
        auto database = open_database(path);
        REQUIRE(database);
        REQUIRE(database->execute("PRAGMA user_version = 999"));
    }
    const auto again = open_database(path);
    REQUIRE_FALSE(again);
    const std::string text = again.error().text();
    CAPTURE(text);
    CHECK(text.find("its schema is 999") != std::string::npos);
    CHECK(text.find("install the version that wrote it") != std::string::npos);
    auto database = Database::open(path);
    REQUIRE(database);
    CHECK(number(*database, "PRAGMA user_version") == 999);
}

TEST_CASE("G12: what is no directory of ours is refused in words", "[directory][hostile]")
{
    const test::TemporaryFolder folder;
    const std::string path = folder.path() + "/directory.db";
    SECTION("another program's database")
    {
        auto other = Database::open(path);
        REQUIRE(other);
        REQUIRE(other->execute("CREATE TABLE t (x)"));
        const auto opened = open_database(path);
        REQUIRE_FALSE(opened);
        CHECK(opened.error().text().find("of another program") != std::string::npos);
    }
    SECTION("no database at all")
    {
        std::ofstream(path) << std::string(5000, 'x');
        const auto opened = open_database(path);
        REQUIRE_FALSE(opened);
        CHECK(opened.error().text().find("restore it from a backup") != std::string::npos);
    }
    SECTION("a damaged one")
    {
        {
            auto database = open_database(path);
            REQUIRE(database);
            REQUIRE(database->execute("INSERT INTO domain (name) VALUES ('example.org'); PRAGMA wal_checkpoint(TRUNCATE)"));
        }
        std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
        file.seekp(4096);
        file << std::string(8192, '\xff');
        file.close();
        CHECK_FALSE(open_database(path));
    }
    SECTION("a folder that is not there")
    {
        const auto opened = open_database(folder.path() + "/absent/directory.db");
        REQUIRE_FALSE(opened);
        CHECK(opened.error().text().find("No such file or directory") != std::string::npos);
    }
}

TEST_CASE("the file with the password hashes is readable by its owner alone", "[directory]")
{
    const test::TemporaryFolder folder;
    const std::string path = folder.path() + "/directory.db";
    const mode_t before = ::umask(0);
    auto database = open_database(path);
    REQUIRE(database);
    REQUIRE(database->execute("INSERT INTO domain (name) VALUES ('example.org')"));
    ::umask(before);
    for (const auto* suffix : {"", "-wal", "-shm"}) {
        struct stat facts {};
        REQUIRE(::stat((path + suffix).c_str(), &facts) == 0);
        CHECK((facts.st_mode & 0777) == 0600);
    }
}
