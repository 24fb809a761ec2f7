// Memory that runs out within append(). Replaces operator new of this program; it fails only where a test says so.
// Not under ThreadSanitizer, which brings an operator new that cannot be replaced.
#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define __SANITIZE_THREAD__ 1
#endif
#endif
#if !defined(__SANITIZE_THREAD__)

#include <catch2/catch_message.hpp>
#include <catch2/catch_test_macros.hpp>

#include <cstdlib>
#include <new>

#include "journal_world.hpp"

namespace {

thread_local int allocations_left = -1;  // -1: as many as there are

void* allocate(std::size_t bytes)
{
    if (allocations_left == 0) throw std::bad_alloc();
    if (allocations_left > 0) --allocations_left;
    void* const memory = std::malloc(bytes == 0 ? 1 : bytes);
    if (memory == nullptr) throw std::bad_alloc();
    return memory;
}

}  // namespace

void* operator new(std::size_t bytes) { return allocate(bytes); }
void* operator new[](std::size_t bytes) { return allocate(bytes); }
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete[](void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
void operator delete[](void* memory, std::size_t) noexcept { std::free(memory); }

namespace mbx::journal {
namespace {

using test::JournalWorld;
using test::record_of;

TEST_CASE("G5: an append that memory has no room for gives no number, and the next one does", "[journal]")
{
    JournalWorld world;
    world.options.segment_bytes = 4U << 20U;  // each waiting record has a block of its own reserved
    world.open();
    Lsn expected = 1;
    int refused = 0;
    for (int round = 0; round < 300; ++round) {
        auto record = record_of("record " + std::to_string(round));
        Lsn given = 0;
        try {
            allocations_left = round % 3;
            given = world.journal->append(std::move(record));
            allocations_left = -1;
        } catch (const std::bad_alloc&) {
            allocations_left = -1;
            ++refused;
            continue;
        }
        CHECK(given == expected);
        ++expected;
    }
    CHECK(refused > 0);
    REQUIRE(world.journal->wait(expected - 1));
    CHECK(world.journal->backlog().records == expected - 1);
    world.reopen();
    CHECK(world.seen.size() == expected - 1);
}

}  // namespace
}  // namespace mbx::journal

#endif
