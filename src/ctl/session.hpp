// One run of mailboxctl: what was asked, where it is answered. Private to ctl/.
#pragma once

#include <optional>
#include <string>

#include "ctl/arguments.hpp"
#include "ctl/control_client.hpp"
#include "ctl/table.hpp"
#include "ctl/terminal.hpp"

namespace mbx::ctl {

struct Run {
    const Arguments& arguments;
    Terminal& terminal;

    Style style() const { return Style{terminal.has_colour()}; }
    // --config, MAILBOXD_CONFIG, or the usual place.
    std::string config_path() const;
    // --socket, MAILBOXD_SOCKET, or where the configuration puts it.
    std::string socket_path() const;
    // Prints the error in the form that was asked for; answers `code`.
    int fail(const Error& error, int code) const;
};

// A new password from where the arguments say; none when the server is to make it.
Result<std::optional<std::string>, Error> obtain_password(Run run);

int run_api_command(Run run);
int run_config_show(Run run);
int run_config_check(Run run);
int run_setup(Run run);
int run_index(Run run);

}  // namespace mbx::ctl
