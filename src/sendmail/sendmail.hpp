// The executable as sendmail, mailq or newaliases. Blocking; the exit status is one of sysexits.h.
#pragma once

#include <string_view>

namespace mbx::sendmail {

// Whether a program of that name is one of the three.
bool is_face(std::string_view name);
int run(std::string_view name, int argc, char** argv);

}  // namespace mbx::sendmail
