#include "store/open_limit.hpp"

#include <catch2/catch_test_macros.hpp>

using mbx::store::most_open_accounts;

TEST_CASE("how many accounts may be open follows memory and descriptors", "[store]")
{
    constexpr std::uint64_t kGiB = 1U << 30U;
    constexpr std::uint64_t kPlenty = 1'000'000;
    CHECK(most_open_accounts({kGiB, kPlenty}) == 1024);
    CHECK(most_open_accounts({4 * kGiB, kPlenty}) == 4 * kGiB / 12 / (170 * 1024));
    CHECK(most_open_accounts({512 * kGiB, kPlenty}) == 16'384);
    CHECK(most_open_accounts({16 * kGiB, 1024}) == 256);
    CHECK(most_open_accounts({16 * kGiB, 20'000}) == 5000);
    CHECK(most_open_accounts({0, 0}) == 1);
    CHECK(most_open_accounts(mbx::store::this_machine()) >= 1);
}
