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
}

std::string Spool::new_name() const
{
    constexpr std::size_t kRandomBytes = 12;
    return std::string(kPrefix) + random_.hex(kRandomBytes);
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
