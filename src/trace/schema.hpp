// The tables of trace.db and its public views (docs/trace.md). The views are what others may read: within one version
// their columns stay what they are, new ones may be added behind them.
#pragma once

#include <cstdint>

namespace mbx::trace {

// PRAGMA user_version, and the view `schema_version`. A file of version 1 is taken over in place; one of any other version is set
// aside and begun anew.
inline constexpr std::int64_t kSchemaVersion = 2;
inline constexpr std::int64_t kSchemaWithoutPlaces = 1;
// PRAGMA application_id: "mbxt".
inline constexpr std::int64_t kApplicationId = 0x6d627874;

extern const char* const kTables;       // all of an empty file, but places and views
extern const char* const kTakeOver;     // makes the tables of version 1 these ones; touches no row
extern const char* const kPlaceTables;
extern const char* const kViews;

}  // namespace mbx::trace
