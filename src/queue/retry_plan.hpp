// When to try again. Pure.
#pragma once

#include <chrono>
#include <cstdint>

namespace mbx::queue {

// After `attempts` attempts (1: the first has failed): 5, 15, 30 minutes, 1, 2, then every 4 hours (RFC 5321 section
// 4.5.4.1 wants at least 30 minutes once a few have failed), each ±10 % by `random`, so that what failed together does not
// come back together.
std::chrono::milliseconds wait_before_next(std::uint32_t attempts, std::uint64_t random);

// How long a destination is left alone after `failures` connections in a row that failed; 0: not at all yet. Then one
// probe.
std::chrono::milliseconds wait_before_probe(std::uint32_t failures, std::uint64_t random);

}  // namespace mbx::queue
