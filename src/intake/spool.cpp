#include "intake/spool.hpp"

#include <cerrno>
#include <utility>

namespace mbx::intake {

namespace {

// Other parts keep files of their own in the same directory.
constexpr std::string_view kPrefix = "in-";

}  // namespace

Spool::Spool(FileSystem& files, net::Workers& workers, Random& random, Log log, std::string directory)
    : files_(files), workers_(workers), random_(random), log_(std::move(log)), directory_(std::move(directory))
{
    constexpr std::uint32_t kMode = 0700;
    const auto made = files_.make_directory(directory_, kMode);
    if (!made && made.error().code != EEXIST) complain(directory_, made.error());
    const auto entries = files_.list(directory_);
    if (!entries) {
        complain(directory_, entries.error());
        return;
    }
    std::size_t removed = 0;
    for (const auto& entry : *entries) {
        if (!entry.name.starts_with(kPrefix) || entry.kind != FileKind::regular) continue;
        if (files_.unlink(directory_ + "/" + entry.name)) ++removed;
    }
    if (removed != 0) log_.notice("intake: removed what was under way when the daemon ended", {{"files", removed}});
}

std::string Spool::new_path() const
{
    constexpr std::size_t kRandomBytes = 12;
    return directory_ + "/" + std::string(kPrefix) + random_.hex(kRandomBytes);
}

void Spool::complain(const std::string& path, const FileError& error) const
{
    log_.error("intake: disk", {{"path", path}, {"error", error.name()}});
}

void Spool::discard(std::unique_ptr<File> file, std::string path) const
{
    std::shared_ptr<File> held = std::move(file);
    auto job = [&files = files_, held, path = std::move(path)]() mutable {
        held.reset();
        (void)files.unlink(path);
    };
    workers_.submit(net::WorkClass::delivery, std::move(job), [] {});
}

}  // namespace mbx::intake
