#include "sendmail/drop_directory.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdio>

#include "base/file_system.hpp"
#include "base/random.hpp"
#include "sendmail/drop_file.hpp"

namespace mbx::sendmail {

namespace {

constexpr std::size_t kChanceBytes = 16;  // nobody can guess the name of another user's message

// Ordered by time, for the daemon.
std::string fresh_name()
{
    const auto since = std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::system_clock::now().time_since_epoch());
    SystemRandom random;
    return fmt::format("{:016x}-{}", static_cast<std::uint64_t>(since.count()), random.hex(kChanceBytes));
}

// With the directory's group (setgid), which is the daemon's, that group may read it; else everybody could who guessed the
// name, because the daemon must.
mode_t mode_in(const std::string& directory)
{
    struct stat facts {};
    const bool is_shared = ::stat(directory.c_str(), &facts) == 0 && (facts.st_mode & S_ISGID) != 0;
    return is_shared ? 0640 : 0644;
}

bool write_all(int descriptor, std::string_view bytes)
{
    while (!bytes.empty()) {
        const ssize_t count = ::write(descriptor, bytes.data(), bytes.size());
        if (count < 0 && errno == EINTR) continue;
        if (count <= 0) return false;
        bytes.remove_prefix(static_cast<std::size_t>(count));
    }
    return true;
}

// The directory cannot be opened to be synced by whom it does not let list it: the whole file system is.
bool make_durable(int descriptor, const std::string& from, const std::string& to)
{
    return ::fsync(descriptor) == 0 && ::rename(from.c_str(), to.c_str()) == 0 && ::syncfs(descriptor) == 0;
}

}  // namespace

Result<void, Error> leave_in(const std::string& directory, const Letter& letter, std::string_view message)
{
    const auto failed = [&](int code) {
        return Error{"leaving the message in " + directory, FileError{code}.name(), ""};
    };
    const std::string name = fresh_name();
    const std::string unfinished = directory + "/" + std::string(kUnfinished) + name;
    const std::string finished = directory + "/" + std::string(kWritten) + name;
    const mode_t mode = mode_in(directory);
    const int descriptor = ::open(unfinished.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
    if (descriptor < 0) return failed(errno);
    // The umask may have taken what the daemon needs.
    const bool is_kept = ::fchmod(descriptor, mode) == 0 && write_all(descriptor, format_drop_head(letter, message)) &&
                         write_all(descriptor, message) && make_durable(descriptor, unfinished, finished);
    const int code = errno;
    if (!is_kept) {
        (void)::unlink(unfinished.c_str());
        (void)::unlink(finished.c_str());
    }
    (void)::close(descriptor);
    if (!is_kept) return failed(code);
    return {};
}

}  // namespace mbx::sendmail
