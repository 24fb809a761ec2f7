#include "base/thread_slice.hpp"

#include <cstdint>
#include <thread>

#include <sys/syscall.h>
#include <unistd.h>

#include <catch2/catch_test_macros.hpp>

namespace {

// struct sched_attr in its first form.
struct Attributes {
    std::uint32_t size = sizeof(Attributes);
    std::uint32_t policy = 0;
    std::uint64_t flags = 0;
    std::int32_t nice = 0;
    std::uint32_t priority = 0;
    std::uint64_t runtime = 0;
    std::uint64_t deadline = 0;
    std::uint64_t period = 0;
};

Attributes of_this_thread()
{
    Attributes now;
    if (::syscall(SYS_sched_getattr, 0, &now, sizeof now, 0U) != 0) return {};
    return now;
}

}  // namespace

TEST_CASE("a thread asks for short slices for itself alone, and its policy and niceness stay", "[base]")
{
    const auto before = of_this_thread();
    Attributes inside;
    std::thread([&inside] {
        mbx::ask_for_short_slices();
        inside = of_this_thread();
    }).join();
    const auto after = of_this_thread();
    CHECK(inside.policy == before.policy);
    CHECK(inside.nice == before.nice);
    CHECK(after.runtime == before.runtime);
    // Linux before 6.12 keeps none of its own and says 0.
    if (before.runtime != 0 && before.policy == 0) CHECK(inside.runtime == 100'000);
}
