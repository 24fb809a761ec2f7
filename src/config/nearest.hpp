// "Did you mean …?" Pure.
#pragma once

#include <string_view>
#include <vector>

namespace mbx::config {

// The one of `known` that differs least from `given`, or empty when none is near enough to be a slip of the finger.
// At most the first 64 bytes of `given` are compared.
std::string_view find_nearest(std::string_view given, const std::vector<std::string_view>& known);

}  // namespace mbx::config
