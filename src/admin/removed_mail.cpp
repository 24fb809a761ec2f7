#include "admin/removed_mail.hpp"

#include <optional>
#include <vector>

#include "base/ascii.hpp"

namespace mbx::admin {
namespace {

constexpr unsigned kMaxDepth = 64;
constexpr std::string_view kSuffix = ".until";

std::int64_t seconds_of(WallTime time)
{
    return std::chrono::duration_cast<std::chrono::seconds>(time.time_since_epoch()).count();
}

std::optional<std::int64_t> kept_until(FileSystem& files, const std::string& folder)
{
    const auto text = read_whole(files, folder + std::string(kSuffix), 64);
    if (!text) return std::nullopt;
    const std::string_view digits = std::string_view(*text).substr(0, text->find('\n'));
    const auto seconds = ascii::parse_number(digits);
    if (!seconds || *seconds > INT64_MAX) return std::nullopt;
    return static_cast<std::int64_t>(*seconds);
}

// A folder still to be emptied; the second visit removes it.
struct Visit {
    std::string path;
    unsigned depth = 0;
    bool is_emptied = false;
};

bool empty_folder(FileSystem& files, const Visit& visit, std::vector<Visit>& open)
{
    const auto entries = files.list(visit.path);
    if (!entries) return false;
    for (const DirectoryEntry& entry : *entries) {
        const std::string path = visit.path + "/" + entry.name;
        FileKind kind = entry.kind;
        if (kind == FileKind::other) {
            const auto info = files.info(path);
            if (info) kind = info->kind;
        }
        if (kind != FileKind::directory) {
            if (!files.unlink(path)) return false;
        } else {
            if (visit.depth == kMaxDepth) return false;
            open.push_back(Visit{path, visit.depth + 1, false});
        }
    }
    return true;
}

bool remove_tree(FileSystem& files, const std::string& folder)
{
    std::vector<Visit> open{Visit{folder, 0, false}};
    while (!open.empty()) {
        const Visit visit = open.back();
        if (visit.is_emptied) {
            open.pop_back();
            if (!files.remove_directory(visit.path)) return false;
            continue;
        }
        open.back().is_emptied = true;
        if (!empty_folder(files, visit, open)) return false;
    }
    return true;
}

}  // namespace

Result<void, FileError> keep_until(FileSystem& files, const std::string& folder, WallTime until)
{
    return replace_whole(files, folder + std::string(kSuffix), std::to_string(seconds_of(until)) + "\n", 0600);
}

namespace {

void purge_folder(FileSystem& files, const std::string& folder, std::chrono::milliseconds keep, WallTime now, Purge& purge)
{
    const auto info = files.info(folder);
    if (!info || info->kind != FileKind::directory) return;
    const auto until = kept_until(files, folder);
    if (!until) {
        (void)keep_until(files, folder, now + keep);
        ++purge.kept;
    } else if (*until > seconds_of(now)) {
        ++purge.kept;
    } else if (remove_tree(files, folder)) {
        (void)files.unlink(folder + std::string(kSuffix));
        ++purge.removed;
    } else {
        ++purge.failed;
    }
}

}  // namespace

Purge purge_removed_mail(FileSystem& files, const std::string& root, std::chrono::milliseconds keep, WallTime now)
{
    Purge purge;
    const auto domains = files.list(root);
    if (!domains) return purge;
    for (const DirectoryEntry& domain : *domains) {
        const std::string folder = root + "/" + domain.name;
        const auto info = files.info(folder);
        if (!info || info->kind != FileKind::directory) continue;
        const auto accounts = files.list(folder);
        if (!accounts) continue;
        for (const DirectoryEntry& account : *accounts) purge_folder(files, folder + "/" + account.name, keep, now, purge);
        // Only when nothing is left in it.
        (void)files.remove_directory(folder);
    }
    return purge;
}

}  // namespace mbx::admin
