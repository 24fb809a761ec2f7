#include "admin/removed_mail.hpp"

#include <catch2/catch_test_macros.hpp>
#include <filesystem>

#include "support/temporary_folder.hpp"

using namespace mbx;
using namespace std::chrono_literals;
namespace fs = std::filesystem;

TEST_CASE("removed mail goes when its time is over, not before, and links out of it are not followed", "[admin]")
{
    const test::TemporaryFolder folder;
    PosixFileSystem files;
    ManualClock clock;
    const std::string mail = folder.path("removed/example.org/ann-1-1");
    fs::create_directories(mail + "/cur");
    fs::create_directories(mail + "/.Sent/new");
    folder.write("removed/example.org/ann-1-1/cur/message", "x");
    fs::create_directories(folder.path("elsewhere"));
    folder.write("elsewhere/precious", "x");
    fs::create_directory_symlink(folder.path("elsewhere"), mail + "/link");
    REQUIRE(admin::keep_until(files, mail, clock.wall() + 1h));
    CHECK(admin::purge_removed_mail(files, folder.path("removed"), 24h, clock.wall()).kept == 1);
    CHECK(fs::exists(mail));
    clock.advance(1h);
    CHECK(admin::purge_removed_mail(files, folder.path("removed"), 24h, clock.wall()).removed == 1);
    CHECK_FALSE(fs::exists(folder.path("removed/example.org")));
    CHECK(fs::exists(folder.path("elsewhere/precious")));
}

TEST_CASE("mail that was set aside without a time is given one before it goes", "[admin]")
{
    const test::TemporaryFolder folder;
    PosixFileSystem files;
    ManualClock clock;
    const std::string mail = folder.path("removed/example.org/ann-1-1");
    fs::create_directories(mail);
    CHECK(admin::purge_removed_mail(files, folder.path("removed"), 24h, clock.wall()).kept == 1);
    clock.advance(23h);
    CHECK(admin::purge_removed_mail(files, folder.path("removed"), 0ms, clock.wall()).kept == 1);
    clock.advance(2h);
    CHECK(admin::purge_removed_mail(files, folder.path("removed"), 24h, clock.wall()).removed == 1);
    CHECK(admin::purge_removed_mail(files, folder.path("none"), 24h, clock.wall()).removed == 0);
}

TEST_CASE("a time that is no number is not taken for one that has passed", "[admin][J10]")
{
    const test::TemporaryFolder folder;
    PosixFileSystem files;
    ManualClock clock;
    const std::string mail = folder.path("removed/example.org/ann-1-1");
    fs::create_directories(mail);
    for (const std::string text : {"", "-1\n", "yesterday\n", "99999999999999999999999\n", "18446744073709551615\n"}) {
        folder.write("removed/example.org/ann-1-1.until", text);
        CAPTURE(text);
        CHECK(admin::purge_removed_mail(files, folder.path("removed"), 24h, clock.wall()).kept == 1);
        CHECK(fs::exists(mail));
    }
}
