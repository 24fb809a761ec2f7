// How refusals are worded. Private to directory/. Pure.
#pragma once

#include <string>

#include "directory/directory.hpp"
#include "directory/sqlite.hpp"

namespace mbx::directory {

Refusal refuse(RefusalKind kind, std::string attempted, std::string happened, std::string advice = {});
// A failure of SQLite as a refusal of kind storage.
Refusal refuse_storage(std::string attempted, const SqlFailure& failure);

}  // namespace mbx::directory
