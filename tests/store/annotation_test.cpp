#include "store/annotation.hpp"

#include <catch2/catch_test_macros.hpp>

using namespace mbx;
using namespace mbx::store;

TEST_CASE("annotations read back from their file, and nothing else reads as them", "[store][annotation]")
{
    const std::vector<Annotation> all{{"/shared/comment", "two\r\nlines \0 and a NUL", 0}, {"/private/comment", "", 7}};
    const std::string text = format_annotations(all);
    CHECK(parse_annotations(text) == all);
    CHECK(parse_annotations(format_annotations({})) == std::vector<Annotation>());
    for (std::size_t cut = 0; cut < text.size(); ++cut) CHECK_FALSE(parse_annotations(text.substr(0, cut)));
    CHECK_FALSE(parse_annotations(format_annotations({{"/private/comment", "of nobody", 0}})));
    CHECK_FALSE(parse_annotations(format_annotations({{"/shared/comment", "of somebody", 7}})));
    CHECK_FALSE(parse_annotations(format_annotations({{"", "x", 0}})));
    CHECK_FALSE(parse_annotations(format_annotations({{"/shared/" + std::string(256, 'x'), "x", 0}})));
}
