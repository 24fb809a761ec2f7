// A message on its way in, while its bytes arrive: small ones stay in memory, larger ones go to a spool file by the
// workers, so that one of any size costs half a megabyte. Loop thread.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "co/task.hpp"
#include "base/result.hpp"
#include "net/workers.hpp"
#include "store/types.hpp"

namespace mbx::intake {

enum class IntakeError : std::uint8_t {
    no_space,    // 452 4.3.1: disk or inodes, or the reserve of them
    failure,     // 451 4.3.0: the disk failed; nothing was accepted
    over_quota,  // 452 4.2.2: no recipient has room
};

class Spool;

class Draft {
public:
    Draft(Draft&&) noexcept;
    Draft& operator=(Draft&&) noexcept;
    ~Draft();  // what was not accepted leaves no file behind

    // Bytes in wire form (CRLF). After an error every later call answers the same.
    co::Task<Result<void, IntakeError>> append(std::string_view bytes);
    // Puts `bytes` before everything (Return-Path and Received), once. Nothing waits here. Where the message went to a
    // spool file already, accepting it writes the file anew, on a worker; set before is_spooled() it costs nothing.
    void set_prefix(std::string bytes);
    // Whether a part of it is in a file already: it is large.
    bool is_spooled() const;
    std::uint64_t size() const;  // with the prefix

private:
    friend class Intake;
    struct State;
    explicit Draft(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
};

}  // namespace mbx::intake
