#include "daemon/privileges.hpp"

#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <optional>
#include <vector>

namespace mbx::daemon {
namespace {

constexpr mode_t kParentMode = 0755;  // the daemon's user passes through it

struct Identity {
    uid_t uid = 0;
    gid_t gid = 0;
};

std::optional<Identity> find_user(const std::string& name)
{
    std::vector<char> buffer(16'384);
    passwd entry{};
    passwd* found = nullptr;
    if (getpwnam_r(name.c_str(), &entry, buffer.data(), buffer.size(), &found) != 0 || found == nullptr) return std::nullopt;
    return Identity{found->pw_uid, found->pw_gid};
}

Error system_error(std::string attempted, std::string advice)
{
    return Error{std::move(attempted), std::strerror(errno), std::move(advice)};
}

Error no_such_user(const std::string& user)
{
    return Error{"starting as the user " + user, "there is no such user",
                 "create it (adduser --system --group " + user + ") or name another in server.user"};
}

// The mode is given to what was opened: the umask takes bits from a new directory, and who owns the one above it could
// have put a link in its place.
Result<void, Error> make_directory(const std::string& path, mode_t mode, const std::optional<Identity>& owner)
{
    const std::string attempted = "creating the directory " + path;
    const std::string advice = "create it by hand, or name another in the configuration";
    if (::mkdir(path.c_str(), 0700) != 0) return system_error(attempted, advice);
    const int directory = ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (directory < 0) return system_error(attempted, advice);
    const bool is_done = (!owner || ::fchown(directory, owner->uid, owner->gid) == 0) && ::fchmod(directory, mode) == 0;
    Result<void, Error> result;
    if (!is_done) result = system_error(attempted, advice);
    ::close(directory);
    return result;
}

}  // namespace

Result<void, Error> drop_privileges(const std::string& user)
{
    if (geteuid() != 0) return {};
    const auto identity = find_user(user);
    if (!identity) return no_such_user(user);
    if (identity->uid == 0) {
        return Error{"starting as the user " + user, "mailboxd does not serve as root",
                     "name an ordinary user in server.user"};
    }
    const std::string attempted = "becoming the user " + user;
    const std::string advice = "start mailboxd as root or as " + user;
    if (initgroups(user.c_str(), identity->gid) != 0) return system_error(attempted, advice);
    if (setresgid(identity->gid, identity->gid, identity->gid) != 0) return system_error(attempted, advice);
    if (setresuid(identity->uid, identity->uid, identity->uid) != 0) return system_error(attempted, advice);
    return {};
}

Result<void, Error> prepare_directory(const std::string& path, const std::string& user, unsigned mode)
{
    std::vector<std::string> missing;  // the deepest first
    std::error_code code;
    for (std::filesystem::path at(path); !std::filesystem::is_directory(at, code) && at.has_relative_path();
         at = at.parent_path()) {
        missing.push_back(at.string());
    }
    if (missing.empty()) return {};
    std::optional<Identity> owner;
    if (geteuid() == 0) {
        owner = find_user(user);
        if (!owner) return no_such_user(user);
    }
    const std::string own = missing.front();
    missing.erase(missing.begin());
    for (auto parent = missing.rbegin(); parent != missing.rend(); ++parent) {
        auto made = make_directory(*parent, kParentMode, std::nullopt);
        if (!made) return made;
    }
    return make_directory(own, mode, owner);
}

FoundUsers find_users(std::string_view names)
{
    FoundUsers found;
    while (!names.empty()) {
        const std::size_t end = std::min(names.find(' '), names.size());
        const std::string name(names.substr(0, end));
        names.remove_prefix(std::min(end + 1, names.size()));
        if (name.empty()) continue;
        if (const auto identity = find_user(name)) found.uids.push_back(identity->uid);
        else found.unknown += (found.unknown.empty() ? "" : " ") + name;
    }
    return found;
}

void harden_process()
{
#if defined(__has_feature)
#if __has_feature(address_sanitizer)
    constexpr int kDumpable = 1;  // the leak check traces its own process
#else
    constexpr int kDumpable = 0;
#endif
#else
    constexpr int kDumpable = 0;
#endif
    (void)prctl(PR_SET_DUMPABLE, kDumpable);
    // SQLite and others make files beside their own with the mode that the umask leaves.
    (void)umask(0077);
    rlimit cores{0, 0};
    (void)setrlimit(RLIMIT_CORE, &cores);
    rlimit files{};
    if (getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_cur < files.rlim_max) {
        files.rlim_cur = files.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &files);
    }
}

}  // namespace mbx::daemon
