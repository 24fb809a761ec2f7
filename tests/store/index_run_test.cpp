// index check and index rebuild.
#include <catch2/catch_test_macros.hpp>
#include <sqlite3.h>

#include <filesystem>

#include "store/desk.hpp"
#include "store/index_run.hpp"

using namespace mbx;
using namespace mbx::store;
using mbx::test::Desk;
using mbx::test::kAll;
namespace fs = std::filesystem;

namespace {

IndexProgress finish(IndexRun& run, std::chrono::milliseconds step = std::chrono::milliseconds(0))
{
    for (int turn = 0; turn < 100'000; ++turn) {
        if (run.progress().is_done) return run.progress();
        REQUIRE(run.step(step));
    }
    FAIL("it does not end");
    return {};
}

IndexProgress check(Desk& desk) { return finish(*desk->check_index()); }

std::string letter(int n)
{
    return "Subject: " + std::to_string(n) + "\r\nMessage-ID: <" + std::to_string(n) + "@x>\r\n\r\ntext\r\n";
}

void fill(Desk& desk)
{
    for (int n = 1; n <= 30; ++n) desk.deliver(letter(n), "INBOX", n % 3 == 0 ? kFlagged : std::uint8_t{0});
    CHECK(desk.flag(5, FlagAction::add, kSeen, {"word", "other"}));
    CHECK(desk.flag(6, FlagAction::add, kDeleted));
    REQUIRE(desk->expunge(desk.id("INBOX"), nullptr));
    REQUIRE(desk->copy(desk.id("INBOX"), {{1, 10}}, "Archive"));
    REQUIRE(desk->create("Ключи/später", SpecialUse::none));
    REQUIRE(desk->move(desk.id("INBOX"), {{20, 22}}, "Ключи/später"));
}

void run_sql(Desk& desk, const char* sql)
{
    desk->settle();
    desk.close();
    sqlite3* handle = nullptr;
    REQUIRE(sqlite3_open((desk.account() + "/index.db").c_str(), &handle) == SQLITE_OK);
    REQUIRE(sqlite3_exec(handle, sql, nullptr, nullptr, nullptr) == SQLITE_OK);
    sqlite3_close(handle);
    desk.open();
}

// Everything of STORE.md section 1 that the index tells.
std::string all_of(Desk& desk)
{
    std::string text;
    for (const auto& mailbox : desk->list()) {
        const auto status = desk->status(mailbox.id);
        REQUIRE(status);
        text += mailbox.name + " " + std::to_string(mailbox.id.value) + " " + std::to_string(status->uidvalidity) + " " +
                std::to_string(status->messages) + " " + std::to_string(status->unseen) + " " +
                std::to_string(status->deleted) + " " + std::to_string(status->size);
        for (const auto& keyword : status->keywords) text += " " + keyword;
        const auto rows = desk->rows(mailbox.id, kAll);
        const auto columns = desk->columns(mailbox.id, kAll);
        REQUIRE(rows);
        REQUIRE(columns);
        for (const auto& row : *rows) {
            text += "\n" + std::to_string(row.uid) + " " + std::to_string(row.flags.system) + " " +
                    std::to_string(row.flags.keywords) + " " + std::to_string(row.internal_date) + " " +
                    std::to_string(row.save_date) + " " + std::to_string(row.size);
        }
        for (const auto& one : *columns) {
            text += "\n" + std::to_string(one.uid) + " " + email_id_text(one.columns.email_id) + " " +
                    thread_id_text(one.columns.thread_id) + " " + one.columns.subject + one.columns.envelope +
                    one.columns.structure;
        }
        text += "\n";
    }
    return text;
}

}  // namespace

TEST_CASE("an index that fits its mail has no differences", "[store][check]")
{
    Desk desk;
    fill(desk);
    const auto progress = check(desk);
    CHECK(progress.differences == 0);
    CHECK(progress.told.empty());
    CHECK(progress.done == 29 + 9);
    CHECK(progress.all == progress.done);
}

TEST_CASE("F7: what differs between rows and names is told, and not changed", "[store][check][F7]")
{
    Desk desk;
    fill(desk);
    const auto name = desk.names("new").front();
    SECTION("a row without a file")
    {
        fs::remove(desk.account() + "/new/" + name);
        CHECK(check(desk).differences == 1);
    }
    SECTION("a file without a row")
    {
        test::write_file(desk.account() + "/cur/stranger:2,S", "x\r\n");
        const auto progress = check(desk);
        CHECK(progress.differences == 1);
        CHECK(progress.told.front().find("stranger") != std::string::npos);
    }
    SECTION("other flags")
    {
        run_sql(desk, "UPDATE messages SET flags = 1 WHERE uid = 3 AND mailbox = (SELECT min(mailbox) FROM messages)");
        CHECK(check(desk).differences >= 1);
    }
    SECTION("another size and date")
    {
        run_sql(desk, "UPDATE messages SET size = 1, internal_date = 5 WHERE uid = 1");
        CHECK(check(desk).differences >= 3);
    }
    SECTION("counters")
    {
        run_sql(desk, "UPDATE mailboxes SET messages = messages + 1, unseen = 0");
        CHECK(check(desk).differences >= 1);
    }
    const auto first = check(desk);
    CHECK(first.differences > 0);
    CHECK(check(desk).told == first.told);
}

TEST_CASE("mail that comes and goes during a check is no difference", "[store][check]")
{
    Desk desk;
    fill(desk);
    auto run = desk->check_index();
    int turn = 0;
    while (!run->progress().is_done) {
        REQUIRE(run->step(std::chrono::milliseconds(0)));
        if (++turn > 60) continue;
        const auto uid = desk.deliver(letter(100 + turn));
        CHECK(desk.flag(uid, FlagAction::add, kSeen));
        if (turn % 3 == 0) CHECK(desk.flag(uid, FlagAction::add, kDeleted));
        if (turn % 4 == 0) REQUIRE(desk->expunge(desk.id("INBOX"), nullptr));
    }
    CHECK(run->progress().told == std::vector<std::string>());
}

TEST_CASE("a rebuilt index says of mail what it said before", "[store][check]")
{
    Desk desk;
    fill(desk);
    while (*desk->fill_columns(std::chrono::milliseconds(50))) {
    }
    const auto before = all_of(desk);
    const auto modseq = desk.status().highest_modseq;
    const auto uids = desk.uids();
    SECTION("sound") {}
    SECTION("with rows that are wrong")
    {
        run_sql(desk, "UPDATE messages SET flags = 1, size = 7; UPDATE columns SET subject = 'x'; "
                      "DELETE FROM messages WHERE uid = 4");
    }
    const auto progress = finish(*desk->rebuild_index());
    CHECK(progress.done == 29 + 9);
    CHECK(all_of(desk) == before);
    CHECK(desk.status().highest_modseq > modseq);
    // RFC 7162 section 3.2.5: a client that comes back with its mod-sequence gets flags for the UIDs that it has, and hears
    // of no living one that it vanished; nothing makes it download again.
    const auto changes = desk->changes(desk.id("INBOX"), modseq);
    REQUIRE(changes);
    std::vector<Uid> told;
    for (const auto& row : changes->changed) told.push_back(row.uid);
    CHECK(told == uids);
    for (const Uid uid : changes->expunged) CHECK_FALSE(std::ranges::binary_search(uids, uid));
    CHECK(check(desk).told == std::vector<std::string>());
    desk.open();
    CHECK(all_of(desk) == before);
}

TEST_CASE("F7: a bit that flips in any page of the index is noticed or harmless, and a rebuild makes all good",
          "[store][check][F7]")
{
    Desk desk;
    fill(desk);
    while (*desk->fill_columns(std::chrono::milliseconds(50))) {
    }
    const auto before = all_of(desk);
    desk->settle();
    desk.close();
    const auto file = desk.account() + "/index.db";
    const auto sound = test::read_file(file);
    for (std::size_t page = 0; page * 4096 < sound.size(); ++page) {
        std::string bytes = sound;
        // The header of the page: what SQLite itself must notice; the rest is the rebuild's.
        bytes[page * 4096 + (page == 0 ? 100 : 0)] ^= '\x28';
        bytes[page * 4096 + 4000] ^= '\x10';
        test::write_file(file, bytes);
        desk.open();
        bool is_done = false;
        for (int attempt = 0; attempt < 5 && !is_done; ++attempt) {
            auto run = desk->rebuild_index();
            for (int turn = 0; turn < 10'000 && !run->progress().is_done; ++turn) {
                if (!run->step(std::chrono::milliseconds(50))) break;
            }
            is_done = run->progress().is_done;
        }
        INFO("page " << page);
        REQUIRE(is_done);
        CHECK(all_of(desk) == before);
        CHECK(check(desk).told == std::vector<std::string>());
        desk->settle();
        desk.close();
    }
    desk.open();
}
