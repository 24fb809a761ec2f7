// How many accounts may be open at once: opening one costs what placing six messages does, so all that get mail at the same time
// should be, as far as the machine has room. What nobody uses gives most of its memory back within seconds (StoreOptions::rest_after).
#pragma once

#include <cstddef>
#include <cstdint>

namespace mbx::store {

struct MachineRoom {
    std::uint64_t memory = 0;       // bytes, of the whole machine
    std::uint64_t descriptors = 0;  // that the process may have open
};

// An eighth of the memory, at 170 KiB for an open account in use; at least 1024, at most 16,384.
std::size_t most_open_accounts(const MachineRoom& room);

// How many descriptors their databases may hold: half of all, for each connection wants one too. An account has two, and goes
// on without them beyond that (AccountStoreOptions::max_database_files).
std::size_t most_database_files(const MachineRoom& room);

// Of the machine that runs this process. Any thread.
MachineRoom this_machine();

}  // namespace mbx::store
