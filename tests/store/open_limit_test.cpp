#include "store/open_limit.hpp"

#include <catch2/catch_test_macros.hpp>

using mbx::store::most_database_files;
using mbx::store::most_open_accounts;

TEST_CASE("how many accounts may be open follows the memory, how many files they may have open the descriptors", "[store]")
{
    constexpr std::uint64_t kGiB = 1U << 30U;
    CHECK(most_open_accounts({kGiB, 65'536}) == 1024);
    CHECK(most_open_accounts({4 * kGiB, 65'536}) == 4 * kGiB / 8 / (170 * 1024));
    CHECK(most_open_accounts({512 * kGiB, 65'536}) == 16'384);
    CHECK(most_open_accounts({16 * kGiB, 1024}) == 16 * kGiB / 8 / (170 * 1024));
    CHECK(most_database_files({16 * kGiB, 20'000}) == 10'000);
    CHECK(most_database_files({0, 0}) == 0);
    CHECK(most_open_accounts(mbx::store::this_machine()) >= 1);
}
