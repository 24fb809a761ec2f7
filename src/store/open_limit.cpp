#include "store/open_limit.hpp"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>

namespace mbx::store {

std::size_t most_open_accounts(const MachineRoom& room)
{
    constexpr std::uint64_t kBytes = 170 * 1024;  // tests/bench, 2,500 accounts that all get mail
    constexpr std::uint64_t kMemoryShare = 8;
    constexpr std::uint64_t kLeast = 1024;
    constexpr std::uint64_t kMost = 16'384;
    return std::clamp(room.memory / kMemoryShare / kBytes, kLeast, kMost);
}

std::size_t most_database_files(const MachineRoom& room)
{
    constexpr std::uint64_t kShare = 2;
    return room.descriptors / kShare;
}

MachineRoom this_machine()
{
    MachineRoom room;
    const long pages = ::sysconf(_SC_PHYS_PAGES);
    const long page = ::sysconf(_SC_PAGESIZE);
    if (pages > 0 && page > 0) room.memory = static_cast<std::uint64_t>(pages) * static_cast<std::uint64_t>(page);
    rlimit files{};
    if (::getrlimit(RLIMIT_NOFILE, &files) == 0) room.descriptors = files.rlim_cur;
    return room;
}

}  // namespace mbx::store
