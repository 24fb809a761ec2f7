// The tables of directory.db and how older files become new ones. Private to directory/. Blocking.
#pragma once

#include <span>
#include <string>

#include "base/error.hpp"
#include "base/result.hpp"
#include "directory/sqlite.hpp"

namespace mbx::directory {

// The n-th of these makes schema n out of schema n - 1. Never changed once released; only added to.
std::span<const char* const> migrations();

// Opens or creates the file with the pragmas of the house, and migrates it to the newest schema: one transaction for
// each step, user_version in it, so that a kill between or within steps leaves a whole schema from which the next start
// goes on. Refuses a newer schema, another program's file and a damaged one (HOSTILE row G12).
Result<Database, Error> open_database(const std::string& path);

// "not enough disk space: …" in words, with what to do.
Error explain(std::string attempted, const SqlFailure& failure);

}  // namespace mbx::directory
