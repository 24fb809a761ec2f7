#include "base/file_system.hpp"

#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <array>
#include <catch2/catch_test_macros.hpp>
#include <cerrno>
#include <filesystem>

#include "support/faulty_file_system.hpp"
#include "support/scratch.hpp"

using namespace mbx;

TEST_CASE("a file is written, read in parts, and says its size, time and links", "[base]")
{
    const test::Scratch scratch;
    PosixFileSystem files;
    const std::string path = scratch / "a";
    {
        auto file = files.create(path, 0600);
        REQUIRE(file);
        REQUIRE((*file)->append("hello "));
        REQUIRE((*file)->append("world"));
        REQUIRE((*file)->set_mtime(-1'500'000'000));
        REQUIRE((*file)->sync_data());
        char text[5] = {};
        CHECK(*(*file)->read_at(6, text, 5) == 5);
        CHECK(std::string_view(text, 5) == "world");
        CHECK(*(*file)->read_at(9, text, 5) == 2);
        CHECK(*(*file)->read_at(90, text, 5) == 0);
    }
    CHECK(files.create(path, 0600).error().code == EEXIST);
    REQUIRE(files.link(path, scratch / "b"));
    const auto info = files.info(path);
    REQUIRE(info);
    CHECK(info->size == 11);
    CHECK(info->links == 2);
    CHECK(info->mtime_ns == -1'500'000'000);
    CHECK(info->mode == 0600);
    CHECK(files.list(scratch.path())->size() == 2);
    CHECK(files.info(scratch / "c").error().is_absent());
    CHECK(files.info(scratch / "c").error().name() == "ENOENT");
    CHECK(FileError{EDQUOT}.is_no_space());
    CHECK(files.space(scratch.path())->total_bytes > 0);
}

TEST_CASE("a reader leaves the time of access alone, and reads what belongs to others all the same", "[base]")
{
    const test::Scratch scratch;
    PosixFileSystem files;
    const std::string path = scratch / "a";
    test::write_file(path, "hello");
    // Older than the last change, where relatime has the first look written down.
    const std::array<timespec, 2> old{timespec{1'000'000, 0}, timespec{0, UTIME_OMIT}};
    REQUIRE(::utimensat(AT_FDCWD, path.c_str(), old.data(), 0) == 0);
    char text[5] = {};
    {
        const auto file = files.open_read(path);
        REQUIRE(file);
        CHECK(*(*file)->read_at(0, text, 5) == 5);
    }
    struct stat after{};
    REQUIRE(::stat(path.c_str(), &after) == 0);
    CHECK(after.st_atim.tv_sec == 1'000'000);
    // root's, and we may be anybody.
    CHECK(files.open_read("/etc/passwd"));
}

TEST_CASE("G6: a write that the system cuts short goes on until all is written or it fails", "[base][G6]")
{
    const test::Scratch scratch;
    PosixFileSystem files;
    struct rlimit before{};
    REQUIRE(::getrlimit(RLIMIT_FSIZE, &before) == 0);
    const auto ignored = ::signal(SIGXFSZ, SIG_IGN);
    struct rlimit small = before;
    small.rlim_cur = 1000;
    REQUIRE(::setrlimit(RLIMIT_FSIZE, &small) == 0);
    Result<void, FileError> done;
    {
        auto file = files.create(scratch / "a", 0600);
        // The kernel writes 1000 of the 1500 bytes, then refuses: no success may come of it.
        done = (*file)->append(std::string(1500, 'x'));
    }
    ::setrlimit(RLIMIT_FSIZE, &before);
    ::signal(SIGXFSZ, ignored);
    REQUIRE_FALSE(done);
    CHECK(done.error().code == EFBIG);
    CHECK(files.info(scratch / "a")->size == 1000);
}

TEST_CASE("F6: nothing in the last place of a path is followed, and a FIFO does not hold the reader", "[base][F6]")
{
    const test::Scratch scratch;
    PosixFileSystem files;
    test::write_file(scratch / "real", "secret");
    std::filesystem::create_symlink(scratch / "real", scratch / "link");
    std::filesystem::create_directory(scratch / "directory");
    std::filesystem::create_directory_symlink(scratch / "directory", scratch / "dirlink");
    CHECK(files.open_read(scratch / "link").error().code == ELOOP);
    CHECK_FALSE(files.create(scratch / "link", 0600));
    CHECK_FALSE(files.list(scratch / "dirlink"));
    CHECK(files.info(scratch / "link")->kind == FileKind::other);
    CHECK(files.info(scratch / "directory")->kind == FileKind::directory);
    REQUIRE(::mkfifo((scratch / "fifo").c_str(), 0600) == 0);
    const auto fifo = files.open_read(scratch / "fifo");
    REQUIRE(fifo);
    CHECK((*fifo)->info()->kind == FileKind::other);
}

TEST_CASE("a whole file is read up to its bound, also where it claims no size", "[base]")
{
    const test::Scratch scratch;
    PosixFileSystem files;
    const std::string text(40'000, 'x');
    test::write_file(scratch / "a", text);
    CHECK(*read_whole(files, scratch / "a", 40'000) == text);
    CHECK(read_whole(files, scratch / "a", 39'999).error().code == EFBIG);
    CHECK(read_whole(files, "/proc/self/stat", 100'000)->size() > 10);
    CHECK(read_whole(files, scratch / "b", 1).error().is_absent());
}

TEST_CASE("a replaced file is the old one or the new one whichever call fails, and leaves no draft", "[base]")
{
    for (unsigned n = 1;; ++n) {
        CAPTURE(n);
        REQUIRE(n < 20);
        const test::Scratch scratch;
        PosixFileSystem posix;
        test::FaultyFileSystem files(posix);
        const std::string path = scratch / "a";
        test::write_file(path, "old");
        files.fail_at(n, ENOSPC, false, true);
        const auto done = replace_whole(files, path, "newer", 0600);
        const auto now = test::read_file(path);
        CHECK((now == "old" || now == "newer"));
        if (done) CHECK(now == "newer");
        CHECK(posix.list(scratch.path())->size() == 1);
        if (!files.has_failed()) {
            CHECK(done);
            break;
        }
    }
    // A draft that a crash left is no hindrance.
    const test::Scratch scratch;
    PosixFileSystem files;
    test::write_file(scratch / "a.new", "half");
    REQUIRE(replace_whole(files, scratch / "a", "whole", 0600));
    CHECK(test::read_file(scratch / "a") == "whole");
}
