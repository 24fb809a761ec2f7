#include "ctl/ownership.hpp"

#include <pwd.h>
#include <unistd.h>

#include <cerrno>
#include <vector>

#include "store/volume_marker.hpp"

namespace mbx::ctl {

Result<std::optional<Owner>, Error> find_owner(const std::string& user)
{
    if (::geteuid() != 0) return std::optional<Owner>();
    if (user.empty() || user == "root") {
        return Error{"choosing the system user that mailboxd will run as", "it does not serve as root",
                     "name an ordinary user with --user"};
    }
    const passwd* entry = ::getpwnam(user.c_str());
    if (entry == nullptr) {
        return Error{"looking up the system user " + user, "there is none of that name",
                     "make it (useradd --system --home /nonexistent --shell /usr/sbin/nologin " + user +
                         "), or name another with --user"};
    }
    return std::optional(Owner{entry->pw_uid, entry->pw_gid});
}

Result<void, Error> give_to(const std::optional<Owner>& owner, FileSystem& files, const config::Loaded& loaded,
                            const std::string& config_path)
{
    if (!owner) return {};
    const std::string& data = loaded.settings.server.data_directory;
    std::vector<std::string> theirs = {data, data + "/tls", loaded.settings.tls.certificate, loaded.settings.tls.key};
    if (loaded.origins.contains("server.runtime_directory")) theirs.push_back(loaded.settings.server.runtime_directory);
    const auto entries = files.list(data);
    if (entries) {
        for (const DirectoryEntry& entry : *entries) {
            const bool is_theirs = entry.name.starts_with("directory.db") || entry.name == store::kVolumeMarkerFile;
            if (is_theirs) theirs.push_back(data + "/" + entry.name);
        }
    }
    for (const std::string& path : theirs) {
        if (path.empty() || ::lchown(path.c_str(), owner->uid, owner->gid) == 0 || errno == ENOENT) continue;
        return Error{"giving " + path + " to the daemon's user", FileError{errno}.name(), ""};
    }
    if (::lchown(config_path.c_str(), 0, owner->gid) != 0) {
        return Error{"giving " + config_path + " to the daemon's group", FileError{errno}.name(), ""};
    }
    return {};
}

}  // namespace mbx::ctl
