// One executable, two names: mailboxd serves; mailboxctl (a link to it, or `mailboxd ctl …`) administers.
#include <string_view>

#include "ctl/ctl.hpp"
#include "daemon/command_line.hpp"

int main(int argc, char** argv)
{
    const std::string_view called = argc > 0 ? argv[0] : "mailboxd";
    const auto name = called.substr(called.rfind('/') + 1);
    if (name == "mailboxctl") return mbx::ctl::run(argc, argv);
    if (argc > 1 && std::string_view(argv[1]) == "ctl") return mbx::ctl::run(argc - 1, argv + 1);
    return mbx::daemon::run(argc, argv);
}
