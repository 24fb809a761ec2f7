#include "imap/nul_finder.hpp"

#include <catch2/catch_test_macros.hpp>
#include <string>

using mbx::imap::NulFinder;

TEST_CASE("a NUL is found in just the ranges that hold it, in any order of asking", "[imap][fetch]")
{
    std::string text(200'000, 'x');
    for (const std::size_t at : {0UL, 40'000UL, 65'536UL, 131'071UL, 199'999UL}) text.at(at) = '\0';
    const std::string_view view = text;
    NulFinder finder(view);
    for (std::size_t offset = 0; offset <= view.size(); offset += 4'001) {
        for (const std::size_t size : {0UL, 1UL, 5'000UL, 33'000UL, 70'000UL, 200'000UL}) {
            const auto range = view.substr(offset, size);
            CAPTURE(offset, size);
            CHECK(finder.has_nul(range) == (range.find('\0') != std::string_view::npos));
        }
    }
    CHECK(finder.has_nul(view));
    CHECK_FALSE(NulFinder(view.substr(1, 39'999)).has_nul(view.substr(1, 39'999)));
    CHECK_FALSE(NulFinder("").has_nul(""));
}
