#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

#include <thread>

#include "journal/crc32c.hpp"
#include "journal/journal.hpp"
#include "journal_world.hpp"

namespace mbx::journal {
namespace {

using test::JournalWorld;
using test::record_of;

TEST_CASE("CRC-32C is the one of iSCSI with and without the instruction, whole and in pieces", "[journal]")
{
    // The values that iSCSI gives to try it: 32 bytes of zeros, of ones, and the numbers 0 to 31.
    std::string rising;
    for (char byte = 0; byte < 32; ++byte) rising += byte;
    CHECK(crc32c(std::string(32, '\0')) == 0x8A9136AAU);
    CHECK(crc32c(std::string(32, '\xff')) == 0x62A8AB43U);
    CHECK(crc32c(rising) == 0x46DD794EU);
    CHECK(crc32c_by_table(rising) == 0x46DD794EU);
    for (std::size_t cut = 0; cut <= rising.size(); ++cut) {
        CHECK(crc32c(rising.substr(cut), crc32c(rising.substr(0, cut))) == 0x46DD794EU);
        CHECK(crc32c_by_table(rising.substr(cut), crc32c_by_table(rising.substr(0, cut))) == 0x46DD794EU);
    }
}

TEST_CASE("an empty directory gives a journal that was closed and begins at 1", "[journal]")
{
    JournalWorld world;
    world.open();
    CHECK(world.journal->recovery().was_closed);
    CHECK(world.journal->recovery().end == 0);
    CHECK(world.journal->recovery().voids.empty());
    CHECK(world.journal->append(record_of("first")) == 1);
    CHECK(world.journal->wait(1));
    CHECK(world.journal->durable() == 1);
}

TEST_CASE("what was waited for is there after an open without a close, and numbers jump over what may have been given",
          "[journal]")
{
    const auto mode = GENERATE(WriteMode::buffered, WriteMode::durable);
    JournalWorld world;
    world.options.mode = mode;
    world.open();
    for (int number = 1; number <= 50; ++number) {
        const Lsn lsn = world.journal->append(record_of("record " + std::to_string(number)));
        CHECK(lsn == static_cast<Lsn>(number));
        if (number % 7 == 0) CHECK(world.journal->wait(lsn));
    }
    REQUIRE(world.journal->wait(50));
    world.reopen();
    REQUIRE(world.seen.size() == 50);
    CHECK(world.seen.at(7) == "record 7");
    CHECK_FALSE(world.journal->recovery().was_closed);
    CHECK(world.journal->recovery().end == 50);
    REQUIRE(world.journal->recovery().voids.size() == 1);
    const LsnRange jump = world.journal->recovery().voids.front();
    CHECK(jump.first == 51);
    CHECK(world.journal->append(record_of("after")) == jump.last + 1);
}

TEST_CASE("records of one append are numbered in a row and carry head and body together", "[journal]")
{
    JournalWorld world;
    world.open();
    auto body = std::make_shared<const std::string>(5000, 'b');
    const Lsn first = world.journal->append({{"head one ", body}, {"head two ", body}, {"three", nullptr}});
    REQUIRE(first == 1);
    CHECK(world.journal->last() == 3);
    REQUIRE(world.journal->wait(3));
    world.reopen();
    CHECK(world.seen.at(1) == "head one " + *body);
    CHECK(world.seen.at(2) == "head two " + *body);
    CHECK(world.seen.at(3) == "three");
}

TEST_CASE("a closed journal goes on with the next number and has nothing to replay", "[journal]")
{
    JournalWorld world;
    world.open();
    REQUIRE(world.journal->append(record_of("one")) == 1);
    REQUIRE(world.journal->append(record_of("two")) == 2);
    REQUIRE(world.journal->wait(2));
    world.journal->close(2);
    CHECK(world.journal->append(record_of("too late")) == 0);
    world.reopen();
    CHECK(world.journal->recovery().was_closed);
    CHECK(world.journal->recovery().voids.empty());
    CHECK(world.seen.empty());
    CHECK(world.journal->append(record_of("three")) == 3);
}

TEST_CASE("a journal closed with something unapplied was not closed with everything, and numbers do not jump", "[journal]")
{
    JournalWorld world;
    world.open();
    REQUIRE(world.journal->append(record_of("one")) == 1);
    REQUIRE(world.journal->append(record_of("two")) == 2);
    world.journal->close(1);
    world.reopen();
    CHECK_FALSE(world.journal->recovery().was_closed);
    CHECK(world.journal->recovery().voids.empty());
    CHECK(world.seen.size() == 1);
    CHECK(world.seen.at(2) == "two");
    CHECK(world.journal->append(record_of("three")) == 3);
}

TEST_CASE("a checkpoint is durable: what it passed is not visited again", "[journal]")
{
    JournalWorld world;
    world.open();
    for (int number = 1; number <= 9; ++number) REQUIRE(world.journal->append(record_of("r")) != 0);
    REQUIRE(world.journal->wait(9));
    CHECK(world.journal->backlog().records == 9);
    REQUIRE(world.journal->checkpoint(6));
    world.reopen();
    CHECK(world.journal->recovery().checkpoint == 6);
    CHECK(world.seen.size() == 3);
    CHECK(world.seen.begin()->first == 7);
    CHECK(world.journal->backlog().records == 3);
}

TEST_CASE("records that nobody waits for are written after the lazy delay", "[journal]")
{
    JournalWorld world;
    world.open();
    const Lsn lsn = world.journal->append(record_of("lazy"));
    while (world.journal->durable() < lsn) std::this_thread::yield();
    CHECK(world.journal->durable() == lsn);
}

}  // namespace
}  // namespace mbx::journal
