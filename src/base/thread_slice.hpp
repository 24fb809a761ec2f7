// A hint to the scheduler about the thread that calls.
#pragma once

namespace mbx {

// For threads that work shortly and that others wait for: asks Linux (6.12 and later; before it nothing changes) for the shortest time
// slice of an ordinary thread, 0.1 ms. Such a thread runs as soon as it is woken, before one that works on the same core, instead
// of at the end of that one's slice. No privilege is needed, its share of the processor stays the same, and a refusal is no error:
// everything works without it, later. Source: sched(7), sched_setattr(2), and the kernel's Documentation/scheduler/sched-eevdf.rst.
void ask_for_short_slices() noexcept;

}  // namespace mbx
