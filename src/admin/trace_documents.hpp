// The trace as JSON. Private to admin/. Pure.
#pragma once

#include <cstdint>
#include <string>

#include "trace/rows.hpp"

namespace mbx::admin {

// `story` where one message was found and its story asked for.
std::string trace_json(const trace::SearchAnswer& answer, const trace::MessageStory* story);
std::string story_json(const trace::MessageStory& story);
// `queued`: how many messages the queue holds.
std::string slo_json(const trace::SloQuery& query, const trace::SloAnswer& slo, std::uint64_t queued);

}  // namespace mbx::admin
