// Statements of one line, with their values. Private to directory/. Blocking.
#pragma once

#include "directory/sqlite.hpp"

namespace mbx::directory {

// Whether a row answers the question; none when SQLite failed.
template <typename... Values>
Result<bool, SqlFailure> exists(Database& database, std::string_view sql, const Values&... values)
{
    Statement statement = database.prepare(sql);
    (statement.bind(values), ...);
    return statement.step();
}

template <typename... Values>
Result<void, SqlFailure> change(Database& database, std::string_view sql, const Values&... values)
{
    Statement statement = database.prepare(sql);
    (statement.bind(values), ...);
    const auto done = statement.step();
    if (!done) return done.error();
    return {};
}

}  // namespace mbx::directory
