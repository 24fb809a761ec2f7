// trace.db as its readers see it: opened for each question, read-only, beside the writer. Blocking: on a worker. Private
// to trace/.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/error.hpp"
#include "base/result.hpp"
#include "trace/rows.hpp"

namespace mbx::trace {

// What a search text is taken for.
enum class SearchKind : std::uint8_t { everything, id, address, message_id, subject };
SearchKind classify_search(std::string_view text);

// The latest first. A text that could be an id and is none is looked for in subjects.
Result<SearchAnswer, Error> search_trace(const std::string& path, const SearchQuery& query);
// None: no message of that id. `about`: an address that matters more than others; empty, or no recipient of it: none does.
Result<std::optional<MessageStory>, Error> load_story(const std::string& path, const std::string& id, const std::string& about = {});
Result<SloAnswer, Error> measure_slo(const std::string& path, const SloQuery& query);

}  // namespace mbx::trace
