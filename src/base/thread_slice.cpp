#include "base/thread_slice.hpp"

#include <cstdint>

#include <sys/syscall.h>
#include <unistd.h>

namespace mbx {

namespace {

// struct sched_attr in its first form: the C library has none, and the kernel's header clashes with <sched.h> of some versions.
struct SchedulingAttributes {
    std::uint32_t size = sizeof(SchedulingAttributes);
    std::uint32_t policy = 0;
    std::uint64_t flags = 0;
    std::int32_t nice = 0;
    std::uint32_t priority = 0;
    std::uint64_t runtime = 0;  // ns: the slice, where the policy is the ordinary one
    std::uint64_t deadline = 0;
    std::uint64_t period = 0;
};

constexpr std::uint64_t kShortestSlice = 100'000;
constexpr std::uint32_t kNormal = 0;  // SCHED_OTHER

}  // namespace

void ask_for_short_slices() noexcept
{
    SchedulingAttributes now;
    if (::syscall(SYS_sched_getattr, 0, &now, sizeof now, 0U) != 0 || now.policy != kNormal) return;
    now.runtime = kShortestSlice;
    (void)::syscall(SYS_sched_setattr, 0, &now, 0U);
}

}  // namespace mbx
