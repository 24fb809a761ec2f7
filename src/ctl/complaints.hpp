// What is wrong with a command line by itself, before anybody is asked. Pure. Private to ctl/.
#pragma once

#include <optional>
#include <string_view>

#include "base/clock.hpp"
#include "base/error.hpp"
#include "ctl/arguments.hpp"

namespace mbx::ctl {

// Of a command that asks the daemon; none: it can be asked.
std::optional<Error> find_complaint(const Arguments& arguments, WallTime now);

// Only of its texts: what could not arrive as it is, or at all.
std::optional<Error> find_text_complaint(const Arguments& arguments);

// The act by its name, where it is one on messages of the queue; else empty.
std::string_view queue_act_of(Command command);

}  // namespace mbx::ctl
