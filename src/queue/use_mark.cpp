#include "queue/use_mark.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>

namespace mbx::queue {
namespace {

constexpr std::size_t kMarkBytes = 4096;

}  // namespace

UseMark::~UseMark()
{
    if (page_ != nullptr) (void)::munmap(page_, kMarkBytes);
}

bool UseMark::open(const std::string& path)
{
    const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0) return false;
    struct stat info{};
    bool is_whole = ::fstat(fd, &info) == 0 && info.st_size >= static_cast<off_t>(kMarkBytes);
    // With its block: a page without one would be a SIGBUS on a disk that is full.
    if (!is_whole) is_whole = ::posix_fallocate(fd, 0, kMarkBytes) == 0;
    void* const mapped = is_whole ? ::mmap(nullptr, kMarkBytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0) : MAP_FAILED;
    (void)::close(fd);
    if (mapped == MAP_FAILED) return false;
    page_ = static_cast<unsigned char*>(mapped);
    const bool was_set = *page_ != 0;
    set(0);
    return was_set;
}

void UseMark::set(unsigned char value)
{
    // In order with what is done under it, as far as this thread's own death is concerned.
    if (page_ != nullptr) std::atomic_ref<unsigned char>(*page_).store(value);
}

}  // namespace mbx::queue
