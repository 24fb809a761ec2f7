#include "sendmail/drop_files.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <ctime>

#include "base/crc32c.hpp"
#include "base/file_system.hpp"

namespace mbx::sendmail {

namespace {

constexpr std::size_t kBlock = 256U * 1024U;
constexpr std::time_t kUnfinishedAge = 24L * 60 * 60;
constexpr std::size_t kMostUnfinished = 10'000;  // looked at in one go
constexpr std::string_view kAside = ".aside";

std::size_t read_at(int descriptor, std::uint64_t offset, std::span<char> into)
{
    std::size_t done = 0;
    while (done < into.size()) {
        const ssize_t count = ::pread(descriptor, into.data() + done, into.size() - done, static_cast<off_t>(offset + done));
        if (count < 0 && errno == EINTR) continue;
        if (count <= 0) break;
        done += static_cast<std::size_t>(count);
    }
    return done;
}

OpenedDrop hostile(std::string why) { return {OpenedDrop::State::hostile, std::move(why), std::nullopt}; }

std::string login_of(std::uint32_t uid)
{
    std::vector<char> buffer(16'384);
    passwd entry{};
    passwd* found = nullptr;
    const bool is_known = getpwuid_r(uid, &entry, buffer.data(), buffer.size(), &found) == 0 && found != nullptr;
    const std::string name = is_known ? found->pw_name : "";
    return qualified({name, ""}, "localhost") ? name : "uid-" + std::to_string(uid);
}

bool is_body_whole(const DropFile& file)
{
    std::vector<char> block(kBlock);
    std::uint32_t crc = 0;
    const std::uint64_t size = file.head().body_size;
    for (std::uint64_t at = 0; at < size;) {
        const std::size_t count = file.read_body(at, block);
        if (count == 0) return false;
        crc = crc32c({block.data(), count}, crc);
        at += count;
    }
    return crc == file.head().body_crc;
}

void sync_directory(const std::string& directory)
{
    PosixFileSystem files;
    (void)files.sync_directory(directory);
}

// A descriptor of one regular file with one name.
OpenedDrop judge(int descriptor, const struct stat& facts, std::uint64_t most_bytes)
{
    const auto size = static_cast<std::uint64_t>(facts.st_size);
    std::string front(std::min<std::uint64_t>(size, kMostDropHead), '\0');
    front.resize(read_at(descriptor, 0, front));
    auto head = parse_drop_head(front, size);
    if (!head) return hostile(std::string(describe(head.error())));
    DropFile file(descriptor, std::move(*head));
    file.uid = facts.st_uid;
    file.login = login_of(facts.st_uid);
    file.changed = facts.st_ctim.tv_sec;
    const bool is_whole = file.head().body_size > most_bytes || is_body_whole(file);
    OpenedDrop opened;
    opened.state = is_whole ? OpenedDrop::State::open : OpenedDrop::State::hostile;
    if (!is_whole) opened.why = describe(DropFault::damaged);
    // Also of a damaged one: its descriptor is the file's to close.
    opened.file.emplace(std::move(file));
    return opened;
}

struct Listing {
    std::vector<std::string> written;
    std::vector<std::string> unfinished;
};

bool list_names(const std::string& directory, std::size_t most, Listing& into)
{
    DIR* listing = ::opendir(directory.c_str());
    if (listing == nullptr) return false;
    while (const dirent* entry = ::readdir(listing)) {
        const std::string_view name = entry->d_name;
        if (name.starts_with(kWritten) && into.written.size() < most) into.written.emplace_back(name);
        if (name.starts_with(kUnfinished) && into.unfinished.size() < kMostUnfinished) into.unfinished.emplace_back(name);
    }
    ::closedir(listing);
    std::ranges::sort(into.written);
    return true;
}

std::string aside_of(const std::string& directory) { return directory + "/" + std::string(kAside); }

DropCount count_names(const std::string& directory, bool (*is_meant)(std::string_view))
{
    DropCount found;
    DIR* listing = ::opendir(directory.c_str());
    if (listing == nullptr) return found;
    while (const dirent* entry = ::readdir(listing)) {
        const std::string_view name = entry->d_name;
        if (name == "." || name == ".." || !is_meant(name)) continue;
        ++found.count;
        // Where the file system does not say it is told of as a file.
        if (entry->d_type == DT_DIR) ++found.directories;
        if (found.example.empty() || name < found.example) found.example = name;
    }
    ::closedir(listing);
    return found;
}

}  // namespace

DropFile::DropFile(DropFile&& other) noexcept
    : uid(other.uid), login(std::move(other.login)), changed(other.changed), head_(std::move(other.head_)),
      descriptor_(std::exchange(other.descriptor_, -1))
{
}

DropFile::~DropFile()
{
    if (descriptor_ >= 0) ::close(descriptor_);
}

std::size_t DropFile::read_body(std::uint64_t offset, std::span<char> into) const
{
    if (offset >= head_.body_size) return 0;
    const std::size_t most = std::min<std::uint64_t>(into.size(), head_.body_size - offset);
    return read_at(descriptor_, head_.body_at + offset, into.first(most));
}

std::string DropFile::body_front(std::size_t most) const
{
    std::string front(std::min<std::uint64_t>(most, head_.body_size), '\0');
    front.resize(read_body(0, front));
    return front;
}

OpenedDrop open_drop(const std::string& directory, const std::string& name, std::uint64_t most_bytes)
{
    const std::string path = directory + "/" + name;
    // O_NONBLOCK: a pipe without a writer would hold the worker for ever.
    const int descriptor = ::open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (descriptor < 0) {
        if (errno == ENOENT) return {};
        if (errno == ELOOP) return hostile("it is a link");
        if (errno == EACCES || errno == EPERM || errno == ENXIO) return hostile("it cannot be read: " + FileError{errno}.name());
        return {OpenedDrop::State::later, FileError{errno}.name(), std::nullopt};
    }
    struct stat facts {};
    const bool is_known = ::fstat(descriptor, &facts) == 0;
    const bool is_plain = is_known && S_ISREG(facts.st_mode) && facts.st_nlink == 1;
    if (!is_plain) {
        ::close(descriptor);
        // Its owner removed it between: no second name is left, nor a first.
        if (is_known && S_ISREG(facts.st_mode) && facts.st_nlink == 0) return {};
        return hostile(is_known && S_ISREG(facts.st_mode) ? "it has a second name" : "it is no file");
    }
    OpenedDrop opened = judge(descriptor, facts, most_bytes);
    if (opened.state == OpenedDrop::State::hostile && !opened.file) ::close(descriptor);
    return opened;
}

Result<std::vector<std::string>, Error> list_drop(const std::string& directory, std::size_t most)
{
    const std::string attempted = "looking into " + directory;
    struct stat facts {};
    if (::lstat(directory.c_str(), &facts) != 0) return Error{attempted, FileError{errno}.name(), "systemd-tmpfiles --create makes it"};
    // In a directory of somebody else nothing could be removed, and each message would be taken in again and again.
    if (!S_ISDIR(facts.st_mode) || facts.st_uid != ::geteuid()) {
        return Error{attempted, "it is not a directory of the daemon's own user", "chown it to that user, mode 3733"};
    }
    Listing listing;
    if (!list_names(directory, most, listing)) return Error{attempted, FileError{errno}.name(), ""};
    const std::time_t now = std::time(nullptr);
    for (const std::string& name : listing.unfinished) {
        const std::string path = directory + "/" + name;
        struct stat begun {};
        const bool is_old = ::lstat(path.c_str(), &begun) == 0 && begun.st_ctim.tv_sec + kUnfinishedAge < now;
        if (is_old) (void)::unlink(path.c_str());
    }
    return listing.written;
}

DropCount count_foreign_drops(const std::string& directory)
{
    return count_names(directory, [](std::string_view name) {
        return name != kAside && !name.starts_with(kWritten) && !name.starts_with(kUnfinished);
    });
}

DropCount count_aside_drops(const std::string& directory)
{
    return count_names(aside_of(directory), [](std::string_view) { return true; });
}

bool remove_drop(const std::string& directory, const std::string& name)
{
    const bool is_gone = ::unlink((directory + "/" + name).c_str()) == 0 || errno == ENOENT;
    sync_directory(directory);
    return is_gone;
}

bool set_drop_aside(const std::string& directory, const std::string& name)
{
    const std::string aside = aside_of(directory);
    if (::mkdir(aside.c_str(), 0700) != 0 && errno != EEXIST) return false;
    struct stat facts {};
    const bool is_ours = ::lstat(aside.c_str(), &facts) == 0 && S_ISDIR(facts.st_mode) && facts.st_uid == ::geteuid();
    const bool is_moved = is_ours && ::rename((directory + "/" + name).c_str(), (aside + "/" + name).c_str()) == 0;
    sync_directory(directory);
    return is_moved;
}

}  // namespace mbx::sendmail
