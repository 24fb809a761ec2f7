// Statements of one line, with their values. Private to directory/. Blocking.
#pragma once

#include <cstddef>
#include <unordered_map>
#include <vector>

#include "directory/account.hpp"
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

// Hands each row to `take(account, row)` with the account whose id stands in `column`; rows of others are passed over.
template <typename Take>
Result<void, SqlFailure> read_for_accounts(Statement rows, int column, std::vector<Account>& accounts, Take take)
{
    std::unordered_map<std::int64_t, std::size_t> places;
    while (true) {
        const auto row = rows.step();
        if (!row) return row.error();
        if (!*row) return {};
        if (places.empty()) {
            for (std::size_t n = 0; n < accounts.size(); ++n) places[accounts[n].id.value] = n;
        }
        const auto place = places.find(rows.integer(column));
        if (place != places.end()) take(accounts[place->second], rows);
    }
}

}  // namespace mbx::directory
