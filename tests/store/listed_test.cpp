// A mailbox without an index opens from its file names alone (docs/store.md): counters and UIDs at once, rows behind.
#include <algorithm>
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <filesystem>
#include <string>
#include <vector>

#include "desk.hpp"

using namespace mbx;
using namespace mbx::store;
using mbx::test::Call;
using mbx::test::Desk;
using mbx::test::kAll;

namespace {

// More than are entered between two looks at the clock.
constexpr int kMessages = 200;

void expunge(Desk& desk, Uid uid)
{
    REQUIRE(desk.flag(uid, FlagAction::add, kDeleted));
    REQUIRE(desk->expunge(desk.id("INBOX"), nullptr));
}

void fill(Desk& desk)
{
    for (int n = 0; n < kMessages; ++n) {
        desk.deliver("Subject: " + std::to_string(n) + "\r\n\r\n" + std::string(static_cast<std::size_t>(n), 'x') + "\r\n",
                     "INBOX", n < 5 ? kSeen : 0);
    }
    expunge(desk, 7);
    expunge(desk, 9);
}

// One slice; the index of the desk's account needs several.
bool enter_some(Desk& desk)
{
    const auto more = desk->fill_columns(std::chrono::milliseconds(0), {});
    REQUIRE(more);
    return *more;
}

std::vector<MessageRow> rows(Desk& desk)
{
    const auto found = desk->rows(desk.id("INBOX"), kAll);
    REQUIRE(found);
    return *found;
}

void expect_sound(Desk& desk)
{
    auto run = desk->check_index();
    while (!run->progress().is_done) REQUIRE(run->step(std::chrono::milliseconds(1000)));
    CHECK(run->progress().told == std::vector<std::string>());
}

bool is_same(const MessageRow& one, const MessageRow& other)
{
    return one.uid == other.uid && one.flags == other.flags && one.size == other.size &&
           one.internal_date == other.internal_date && one.save_date == other.save_date;
}

}  // namespace

TEST_CASE("without an index a mailbox opens without a look at one message file, and says what it said before")
{
    Desk desk;
    fill(desk);
    const auto before = desk.status();
    const auto uids = desk.uids();
    const auto rows_before = rows(desk);
    desk.lose_index();
    desk.open();
    const bool is_quiet = GENERATE(false, true);
    CAPTURE(is_quiet);
    // Directories that were touched just now are listed twice.
    if (is_quiet) desk.clock().set_wall(desk.clock().wall() + std::chrono::hours(1));
    desk.files().only({Call::info, Call::open});
    desk.files().fail_at(50, EIO);  // only counts: the directories and the state need fewer

    const auto status = desk.status();
    CHECK(status.messages == before.messages);
    CHECK(status.uidnext >= before.uidnext);
    CHECK(status.uidvalidity == before.uidvalidity);
    CHECK(status.highest_modseq > before.highest_modseq);
    CHECK(status.unseen == before.unseen);
    CHECK(status.first_unseen == before.first_unseen);
    CHECK(status.size == before.size);
    CHECK(desk.uids() == uids);
    const auto news = desk->changes(desk.id("INBOX"), status.highest_modseq);
    REQUIRE(news);
    CHECK(news->changed.empty());
    CHECK(desk.files().calls() < 50);
    CHECK_FALSE(desk.files().has_failed());
    desk.files().heal();

    const auto found = rows(desk);
    CHECK(std::ranges::equal(found, rows_before, is_same));
    CHECK(desk.status().highest_modseq == status.highest_modseq);
    expect_sound(desk);
}

TEST_CASE("rows that are entered in slices are those that were shown, whatever happens in between")
{
    Desk desk;
    fill(desk);
    const auto rows_before = rows(desk);
    desk.lose_index();
    desk.open();
    auto uids = desk.uids();
    REQUIRE(enter_some(desk));
    CHECK(desk.uids() == uids);

    SECTION("nothing")
    {
        int slices = 1;
        while (enter_some(desk)) ++slices;
        CHECK(slices > 2);
        CHECK(std::ranges::equal(rows(desk), rows_before, is_same));
    }
    SECTION("a delivery")
    {
        const auto uid = desk.deliver("Subject: new\r\n\r\n");
        CHECK(uid > uids.back());
        uids.push_back(uid);
    }
    SECTION("a flag is set in what has no row yet")
    {
        REQUIRE(desk.flag(uids.back(), FlagAction::add, kFlagged));
        CHECK(desk.row(uids.back()).flags.system == kFlagged);
    }
    SECTION("an expunge")
    {
        expunge(desk, uids.back());
        uids.pop_back();
    }
    SECTION("another tool takes a file away")
    {
        const std::string name = desk.names("new").back();
        const auto at = name.find(",I=");
        std::filesystem::remove(desk.account() + "/new/" + name);
        std::erase(uids, static_cast<Uid>(std::stoul(name.substr(at + 3))));
    }
    SECTION("the account is put away and opened again")
    {
        desk.open();
        CHECK(desk.uids() == uids);
    }
    SECTION("a kill")
    {
        REQUIRE(desk.wait());
        (void)desk.crash();
        CHECK(desk.uids() == uids);
    }
    CHECK(desk.uids() == uids);
    CHECK(rows(desk).size() == uids.size());
    expect_sound(desk);
}

TEST_CASE("a file that is not what its name says becomes a new message when its row is entered")
{
    Desk desk;
    fill(desk);
    desk.lose_index();
    const std::string name = desk.names("new").back();
    const auto uid = static_cast<Uid>(std::stoul(name.substr(name.find(",I=") + 3)));
    mbx::test::write_file(desk.account() + "/new/" + name, "Subject: quite another one\r\n\r\n");
    desk.open();
    auto uids = desk.uids();
    REQUIRE(std::ranges::find(uids, uid) != uids.end());
    while (enter_some(desk)) {
    }
    const auto now = desk.uids();
    CHECK(now.size() == uids.size());
    CHECK(std::ranges::find(now, uid) == now.end());
    CHECK(now.back() > uids.back());
    CHECK(desk.text(now.back()) == "Subject: quite another one\r\n\r\n");
    expect_sound(desk);
}
