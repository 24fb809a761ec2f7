#include "net/directory_watch.hpp"

#include <sys/resource.h>

#include <catch2/catch_test_macros.hpp>
#include <cstdio>
#include <filesystem>
#include <fstream>

#include "support/temporary_folder.hpp"

using namespace mbx;
using namespace mbx::net;

namespace {

void touch(const std::string& path) { std::ofstream(path) << "x"; }

// Runs the loop until `stop` was called from inside.
void run_until_stopped(Loop& loop)
{
    loop.hold();
    loop.run();
    loop.release();
}

constexpr DirectoryWatch::Pace kQuick{std::chrono::milliseconds(20), std::chrono::milliseconds(100)};

}  // namespace

TEST_CASE("files that come, go and are renamed in watched directories are told", "[net][watch]")
{
    test::TemporaryFolder folder;
    std::filesystem::create_directory(folder.path("cur"));
    std::filesystem::create_directory(folder.path("new"));
    Loop loop;
    int told = 0;
    const auto note = [&] {
        ++told;
        loop.stop();
    };
    auto watch = DirectoryWatch::open(loop, {folder.path("cur"), folder.path("new")}, kQuick, note);
    REQUIRE(watch);
    touch(folder.path("new/a"));
    run_until_stopped(loop);
    CHECK(told == 1);
    std::filesystem::rename(folder.path("new/a"), folder.path("cur/a"));
    run_until_stopped(loop);
    CHECK(told == 2);
    std::filesystem::remove(folder.path("cur/a"));
    run_until_stopped(loop);
    CHECK(told == 3);
    // A directory that gets another name is watched all the same.
    std::filesystem::rename(folder.path("cur"), folder.path("other"));
    run_until_stopped(loop);
    CHECK(told == 4);
    touch(folder.path("other/b"));
    run_until_stopped(loop);
    CHECK(told == 5);
}

TEST_CASE("a burst of changes is told once", "[net][watch]")
{
    test::TemporaryFolder folder;
    Loop loop;
    int told = 0;
    const auto note = [&] {
        ++told;
        loop.stop();
    };
    // So long that the burst ends long before, on any machine.
    const DirectoryWatch::Pace slow{std::chrono::milliseconds(300), std::chrono::milliseconds(60'000)};
    auto watch = DirectoryWatch::open(loop, {folder.path("")}, slow, note);
    REQUIRE(watch);
    for (int i = 0; i < 1000; ++i) touch(folder.path("f" + std::to_string(i)));
    run_until_stopped(loop);
    CHECK(told == 1);
}

TEST_CASE("changes without a pause are told all the same", "[net][watch]")
{
    test::TemporaryFolder folder;
    Loop loop;
    bool is_over = false;
    int n = 0;
    const auto note = [&] {
        is_over = true;
        loop.stop();
    };
    // No pause of an hour ever comes; after 50 ms it is told nevertheless.
    const DirectoryWatch::Pace pace{std::chrono::milliseconds(3'600'000), std::chrono::milliseconds(50)};
    auto watch = DirectoryWatch::open(loop, {folder.path("")}, pace, note);
    REQUIRE(watch);
    std::function<void()> again = [&] {
        if (is_over) return;
        touch(folder.path("f" + std::to_string(++n % 100)));
        loop.post(again);
    };
    again();
    run_until_stopped(loop);
    CHECK(is_over);
}

TEST_CASE("a watch may end inside its own call, and before its burst was told", "[net][watch]")
{
    test::TemporaryFolder folder;
    Loop loop;
    std::unique_ptr<DirectoryWatch> watch;
    auto opened = DirectoryWatch::open(loop, {folder.path("")}, kQuick, [&] {
        watch.reset();
        loop.stop();
    });
    REQUIRE(opened);
    watch = *std::move(opened);
    touch(folder.path("a"));
    run_until_stopped(loop);
    CHECK(watch == nullptr);
    bool told = false;
    auto second = DirectoryWatch::open(loop, {folder.path("")}, kQuick, [&] { told = true; });
    REQUIRE(second);
    touch(folder.path("b"));
    std::unique_ptr<DirectoryWatch>(*std::move(second)).reset();
    loop.run();
    CHECK_FALSE(told);
}

TEST_CASE("a directory that is not there and a system without descriptors are errors, and leave nothing behind",
          "[net][watch]")
{
    test::TemporaryFolder folder;
    Loop loop;
    const auto absent = DirectoryWatch::open(loop, {folder.path(""), folder.path("absent")}, kQuick, [] {});
    REQUIRE_FALSE(absent);
    CHECK(absent.error() == IoError::failed);
    Loop fresh;  // whose inotify instance is still to be made
    rlimit before{};
    REQUIRE(getrlimit(RLIMIT_NOFILE, &before) == 0);
    const rlimit none{0, before.rlim_max};
    REQUIRE(setrlimit(RLIMIT_NOFILE, &none) == 0);
    const auto exhausted = DirectoryWatch::open(fresh, {folder.path("")}, kQuick, [] {});
    REQUIRE(setrlimit(RLIMIT_NOFILE, &before) == 0);
    REQUIRE_FALSE(exhausted);
    CHECK(exhausted.error() == IoError::exhausted);
    loop.run();
    fresh.run();
}
