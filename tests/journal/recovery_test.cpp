// What a journal that was not closed gives back, and what it refuses.
#include <catch2/catch_message.hpp>
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

#include <random>

#include <fmt/format.h>

#include "journal/scan.hpp"
#include "journal_world.hpp"

namespace mbx::journal {
namespace {

using test::JournalWorld;

std::string noise(std::size_t count, unsigned seed)
{
    std::mt19937 engine(seed);
    std::string bytes(count, '\0');
    for (char& byte : bytes) byte = static_cast<char>(engine());
    return bytes;
}

// `count` frames of two or three blocks each, one record in each.
void fill(JournalWorld& world, int count)
{
    for (int number = 1; number <= count; ++number) {
        world.commit(fmt::format("record {} ", number) + noise(6000, static_cast<unsigned>(number)));
    }
}

TEST_CASE("G1: a last frame torn at any 512 bytes leaves exactly what was durable before it", "[journal]")
{
    enum class Behind { zeros, noise, flipped };
    const auto behind = GENERATE(Behind::zeros, Behind::noise, Behind::flipped);
    JournalWorld world;
    world.options.segment_bytes = 64U << 10U;
    world.open();
    fill(world, 6);
    world.journal.reset();
    world.save();
    const FrameInfo last = world.frames().back();
    REQUIRE(last.first == 6);
    REQUIRE(last.bytes == 8192);
    for (std::uint64_t cut = 0; cut < last.bytes; cut += 512) {
        CAPTURE(cut);
        world.restore();
        const auto length = static_cast<std::size_t>(last.bytes - cut);
        std::string torn(length, '\0');
        if (behind == Behind::noise) torn = noise(length, static_cast<unsigned>(cut));
        if (behind == Behind::flipped) {
            torn = world.bytes_of(last.segment, last.offset + cut, length);
            torn[0] = static_cast<char>(torn[0] ^ 1);
        }
        world.patch(last.segment, last.offset + cut, torn);
        world.open();
        // The record ends in the middle of the second block; what is behind it is padding.
        const bool is_padding = cut >= 88 + 8 + 9 + 6000;
        CHECK(world.seen.size() == (is_padding ? 6U : 5U));
        CHECK(world.journal->recovery().end == (is_padding ? 6U : 5U));
        // What was torn is no obstacle to what comes then.
        const Lsn next = world.commit("after the tear");
        CHECK(next > 1'000'000);
        world.reopen();
        CHECK(world.seen.at(next) == "after the tear");
        CHECK(world.seen.size() == (is_padding ? 7U : 6U));
    }
}

TEST_CASE("damage in any block of a frame that is not the last is an error that names the segment and the offset",
          "[journal]")
{
    JournalWorld world;
    world.options.segment_bytes = 64U << 10U;
    world.open();
    fill(world, 12);  // beyond one segment
    world.journal.reset();
    world.save();
    const auto frames = world.frames();
    REQUIRE(frames.size() == 12);
    REQUIRE(frames.front().segment != frames.back().segment);
    for (std::size_t index = 0; index + 1 < frames.size(); ++index) {
        for (const std::uint64_t at : {0U, 60U, 500U, 4200U}) {
            CAPTURE(index, at);
            world.restore();
            const FrameInfo& frame = frames[index];
            const char now = world.bytes_of(frame.segment, frame.offset + at, 1)[0];
            world.patch(frame.segment, frame.offset + at, std::string(1, static_cast<char>(now ^ 0x10)));
            const std::string error = world.try_open();
            const bool is_first_of_later = frame.offset == 0 && index != 0;
            CAPTURE(error);
            CHECK(error.find("damaged") != std::string::npos);
            CHECK(error.find(fmt::format("{:016}", frame.segment)) != std::string::npos);
            if (!is_first_of_later) CHECK(error.find(fmt::format("offset {}", frame.offset)) != std::string::npos);
        }
    }
}

TEST_CASE("two damaged frames at the end are damage when the second one's header says that the first was on the disk",
          "[journal]")
{
    JournalWorld world;
    world.open();
    fill(world, 5);
    world.journal.reset();
    const auto frames = world.frames();
    world.patch(frames[3].segment, frames[3].offset, std::string(8, 'x'));
    world.patch(frames[4].segment, frames[4].offset + 5000, std::string(8, 'x'));
    CHECK(world.try_open().find(fmt::format("offset {}", frames[3].offset)) != std::string::npos);
}

TEST_CASE("a missing segment is an error, wherever it is missing", "[journal]")
{
    JournalWorld world;
    world.options.segment_bytes = 16U << 10U;
    world.open();
    fill(world, 4);
    world.await_ready();
    world.journal.reset();
    world.save();
    for (const std::uint64_t number : {1U, 2U, 4U}) {
        CAPTURE(number);
        world.restore();
        REQUIRE(std::filesystem::remove(world.segment(number)));
        CHECK(world.try_open() != "");
    }
}

TEST_CASE("old generations behind the end of a recycled segment are no records and no damage", "[journal]")
{
    JournalWorld world;
    world.options.segment_bytes = 16U << 10U;
    world.open();
    Lsn last = 0;
    // Nine blocks a round, three frames a segment: every segment is used several times.
    for (int round = 0; round < 20; ++round) {
        for (int number = 0; number < 5; ++number) last = world.commit(fmt::format("{} {}", round, number));
        REQUIRE(world.journal->checkpoint(last - 2));
    }
    world.await_ready();
    world.journal.reset();
    const auto frames = world.frames();
    CHECK(frames.back().segment > 20);
    world.save();
    for (std::uint64_t cut = 0; cut < 4096; cut += 512) {
        world.restore();
        const FrameInfo& newest = frames.back();
        world.patch(newest.segment, newest.offset + cut, std::string(64, '\x7f'));
        world.open();
        CHECK(world.seen.rbegin()->first <= last);
        CHECK(world.journal->recovery().checkpoint >= last - 7);
        CHECK(world.seen.size() == world.journal->recovery().end - world.journal->recovery().checkpoint);
    }
}

TEST_CASE("two opens after each other give the same records, end and checkpoint", "[journal]")
{
    JournalWorld world;
    world.open();
    fill(world, 5);
    REQUIRE(world.journal->checkpoint(2));
    world.reopen();
    const auto seen = world.seen;
    const Recovery first = world.journal->recovery();
    world.reopen();
    CHECK(world.seen == seen);
    CHECK(world.journal->recovery().end == first.end);
    CHECK(world.journal->recovery().checkpoint == first.checkpoint);
    REQUIRE(world.journal->recovery().voids.size() == 1);
    CHECK(world.journal->recovery().voids.front().first == first.voids.front().first);
    CHECK(world.journal->recovery().voids.front().last > first.voids.front().last);
}

TEST_CASE("numbers never go back, and every start's void range is kept", "[journal]")
{
    JournalWorld world;
    world.open();
    Lsn given = 0;
    for (int start = 0; start < 5; ++start) {
        const Lsn lsn = world.commit("start " + std::to_string(start));
        CHECK(lsn > given);
        given = lsn;
        for (const LsnRange& range : world.journal->recovery().voids) CHECK_FALSE(range.contains(lsn));
        world.reopen();
    }
    CHECK(world.seen.size() == 5);
    CHECK(world.journal->recovery().voids.size() == 5);
    for (const LsnRange& range : world.journal->recovery().voids) {
        for (const auto& [lsn, bytes] : world.seen) CHECK_FALSE(range.contains(lsn));
    }
}

TEST_CASE("numbers that were given go on above the last one when all segments are lost", "[journal]")
{
    JournalWorld world;
    world.open();
    const Lsn given = world.commit("lost");
    world.journal.reset();
    for (const auto& entry : std::filesystem::directory_iterator(world.options.directory)) {
        if (entry.path().filename() != "state") std::filesystem::remove(entry.path());
    }
    world.open();
    CHECK(world.seen.empty());
    CHECK_FALSE(world.journal->recovery().was_closed);
    CHECK(world.commit("new") > given);
    REQUIRE(world.journal->recovery().voids.size() == 1);
    CHECK(world.journal->recovery().voids.front().contains(given));
    world.reopen();
    CHECK(world.seen.size() == 1);
}

TEST_CASE("a journal without its state file, or with a damaged one, is not opened", "[journal]")
{
    JournalWorld world;
    world.open();
    world.commit("one");
    world.journal.reset();
    const std::string path = world.options.directory + "/state";
    world.save();
    std::filesystem::remove(path);
    CHECK(world.try_open().find("state") != std::string::npos);
    world.restore();
    std::ofstream(path, std::ios::app) << "more\n";
    CHECK(world.try_open().find("damaged") != std::string::npos);
}

TEST_CASE("frames that another program wrote after docs/journal.md are read", "[journal]")
{
    // A seed of the fuzzer: one byte, then a segment of three frames, made from the page alone.
    std::ifstream file(MAILBOXD_SOURCE_DIR "/tests/journal/seeds/journal_fuzz/three_frames", std::ios::binary);
    const std::string bytes(std::istreambuf_iterator<char>(file), {});
    REQUIRE(bytes.size() == 4 * 4096 + 1);
    std::vector<FoundFrame> found;
    survey_segment(std::string_view(bytes).substr(1), 0x0123456789abcdefU, 1, found);
    REQUIRE(found.size() == 3);
    for (const FoundFrame& frame : found) CHECK(frame.is_intact);
    StateRecord state;
    state.ceiling = 1'000'000;
    const Chain chain = follow_chain(found, state);
    CHECK_FALSE(chain.damage);
    CHECK(chain.end == 3);
    CHECK(chain.checkpoint == 2);
}

TEST_CASE("a frame in a message is no frame of the journal", "[journal]")
{
    JournalWorld world;
    world.options.segment_bytes = 64U << 10U;
    world.open();
    fill(world, 2);
    world.journal.reset();
    const FrameInfo last = world.frames().back();
    // A block that looks like the frame to come behind this record's first block, but cannot know the identity.
    std::string forged = world.bytes_of(last.segment, last.offset, 4096);
    forged.replace(16, 8, 8, '\x42');
    world.open();
    const Lsn lsn = world.commit(std::string(4096 - 88 - 8, ' ') + forged);
    world.journal.reset();
    const FrameInfo frame = world.frames().back();
    CHECK(frame.first == lsn);
    world.patch(frame.segment, frame.offset, std::string(16, '\0'));  // so that the reader looks into its blocks
    world.open();
    CHECK(world.seen.size() == 2);
}

TEST_CASE("inspecting shows frames and records and changes nothing, also while the journal is in use", "[journal]")
{
    JournalWorld world;
    world.open();
    world.commit("one");
    world.commit("two");
    REQUIRE(world.journal->checkpoint(1));
    std::vector<std::string> records;
    const auto keep = [&](Lsn, std::string_view payload, const Location&) { records.emplace_back(payload); };
    const auto found = inspect(world.real, world.options.directory, {}, keep);
    REQUIRE(found);
    CHECK(found->end == 2);
    CHECK(found->checkpoint == 1);
    CHECK(records == std::vector<std::string>{"one", "two"});
    CHECK(world.frames().size() == 3);
    CHECK(world.frames().back().records == 0);
    world.commit("three");
    CHECK_FALSE(inspect(world.real, world.folder.path("nothing"), {}, {}));
}

}  // namespace
}  // namespace mbx::journal
