// Events as bytes: how they stand in the journal beside the record that they tell of, so that a crash takes no row of the
// trace that the journal still has. Pure; decode_events() is total for any bytes.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "trace/recorder.hpp"

namespace mbx::trace {

// Times to the microsecond, as the trace keeps them.
std::string encode_events(const std::vector<Event>& events);
// None: not of a version that we know.
std::optional<std::vector<Event>> decode_events(std::string_view bytes);

}  // namespace mbx::trace
