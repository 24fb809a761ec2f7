// What single values cannot show: settings that contradict each other. Private to config/. Pure.
#pragma once

#include <vector>

#include "config/load.hpp"

namespace mbx::config {

std::vector<ConfigError> check_combinations(const Loaded& loaded);

// The error at the place of the first of `keys` that the file sets.
ConfigError error_about(const Loaded& loaded, const std::vector<std::string_view>& keys, std::string message,
                        std::string hint);

}  // namespace mbx::config
