#include "config/nearest.hpp"

#include <algorithm>
#include <numeric>

#include "base/ascii.hpp"

namespace mbx::config {
namespace {

constexpr std::size_t kMostCompared = 64;

// Levenshtein's distance, a hyphen being as good as an underscore and any case as good as another.
std::size_t distance(std::string_view a, std::string_view b)
{
    const auto fold = [](char c) { return c == '-' ? '_' : ascii::lower(c); };
    std::vector<std::size_t> row(b.size() + 1);
    std::iota(row.begin(), row.end(), std::size_t{0});
    for (std::size_t i = 0; i < a.size(); ++i) {
        std::size_t diagonal = row[0];
        row[0] = i + 1;
        for (std::size_t j = 0; j < b.size(); ++j) {
            const std::size_t changed = diagonal + (fold(a[i]) == fold(b[j]) ? 0 : 1);
            diagonal = row[j + 1];
            row[j + 1] = std::min({changed, row[j] + 1, row[j + 1] + 1});
        }
    }
    return row.back();
}

}  // namespace

std::string_view find_nearest(std::string_view given, const std::vector<std::string_view>& known)
{
    given = given.substr(0, kMostCompared);
    std::string_view best;
    std::size_t least = std::max<std::size_t>(2, given.size() / 3) + 1;
    for (const std::string_view candidate : known) {
        const std::size_t here = distance(given, candidate);
        if (here < least) {
            least = here;
            best = candidate;
        }
    }
    return best;
}

}  // namespace mbx::config
