#include "store/volume_marker.hpp"

#include <catch2/catch_test_macros.hpp>
#include <filesystem>

#include "support/scratch.hpp"

using namespace mbx;
using namespace mbx::store;
namespace fs = std::filesystem;

namespace {

struct Data {
    test::Scratch scratch;
    PosixFileSystem files;
    SeededRandom random{3};
    Result<VolumeMarker, Error> open() { return open_volume(files, random, scratch.path()); }
    void start()
    {
        const auto marker = open();
        REQUIRE(marker);
        fs::create_directory(scratch / "journal");
        test::write_file(scratch / "journal/segment", "x");
        REQUIRE(note_started(files, scratch.path(), *marker));
    }
};

}  // namespace

TEST_CASE("G13: an empty mount point is not taken for a new server, and stays empty", "[store][G13]")
{
    Data data;
    CHECK_FALSE(data.open());
    CHECK(fs::is_empty(data.scratch.path()));
}

TEST_CASE("G13: a data directory that was used does not start without its marker, its mail or its journal", "[store][G13]")
{
    Data data;
    const auto made = make_volume_marker(data.files, data.random, data.scratch.path());
    REQUIRE(made);
    data.start();
    const auto again = data.open();
    REQUIRE(again);
    CHECK(again->volume == made->volume);
    CHECK(again->journal == made->journal);
    SECTION("marker") { fs::remove(data.scratch / "mailboxd-volume"); }
    SECTION("mail") { fs::rename(data.scratch / "mail", data.scratch / "elsewhere"); }
    SECTION("mail of an empty mount point")
    {
        fs::rename(data.scratch / "mail", data.scratch / "elsewhere");
        fs::create_directory(data.scratch / "mail");
    }
    SECTION("journal") { fs::remove_all(data.scratch / "journal"); }
    SECTION("mail of another server")
    {
        VolumeMarker other = *again;
        other.volume = std::string(32, 'a');
        test::write_file(data.scratch / "mail/.mailboxd-volume", format_marker(other));
    }
    SECTION("damaged marker") { test::write_file(data.scratch / "mailboxd-volume", "mailboxd volume 1\nvolume 1\n"); }
    CHECK_FALSE(data.open());
}

TEST_CASE("a data directory of the time before markers gets one, with a journal it must have had one", "[store][G13]")
{
    Data data;
    test::write_file(data.scratch / "directory.db", "x");
    SECTION("without a journal") { CHECK(data.open()); }
    SECTION("with one")
    {
        fs::create_directory(data.scratch / "journal");
        test::write_file(data.scratch / "journal/segment", "x");
        CHECK_FALSE(data.open());
    }
}
