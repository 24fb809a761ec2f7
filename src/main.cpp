// One executable, several names: mailboxd serves; mailboxctl (a link to it, or `mailboxd ctl …`) administers; sendmail, mailq
// and newaliases (or `mailboxd sendmail …`) are for programs that send mail.
#include <string_view>

#include "ctl/ctl.hpp"
#include "daemon/command_line.hpp"
#include "sendmail/sendmail.hpp"

int main(int argc, char** argv)
{
    const std::string_view called = argc > 0 ? argv[0] : "mailboxd";
    const auto name = called.substr(called.rfind('/') + 1);
    if (name == "mailboxctl") return mbx::ctl::run(argc, argv);
    if (mbx::sendmail::is_face(name)) return mbx::sendmail::run(name, argc, argv);
    const std::string_view first = argc > 1 ? argv[1] : "";
    if (first == "ctl") return mbx::ctl::run(argc - 1, argv + 1);
    if (mbx::sendmail::is_face(first)) return mbx::sendmail::run(first, argc - 1, argv + 1);
    return mbx::daemon::run(argc, argv);
}
