// The files of the store's databases: a VFS beside SQLite's own, whose files can be let go of while the database stays
// open, with its pages, its statements and even a transaction that is under way. Whatever SQLite does next with such a file
// opens it again, under the lock that it had, or fails if it is not what it was left as. It has no shared memory, so a database
// with a log (WAL) is to be opened with locking_mode=EXCLUSIVE.
//
// A database is used by one thread at a time, and so are the two functions that take one; the others are for any thread.
#pragma once

#include <sqlite3.h>

#include <cstddef>

namespace mbx::store {

// The name of the VFS, for sqlite3_open_v2().
const char* database_files();

// Descriptors that all databases of the process hold through it at this moment.
std::size_t open_database_files();

// Gives back the descriptors of the database and its log. Not in the middle of a statement.
void let_go_of_files(sqlite3* database);
// Opens them again, before SQLite needs them: a failure then costs no transaction. SQLITE_CORRUPT: somebody else has changed one.
int take_up_files(sqlite3* database);

}  // namespace mbx::store
