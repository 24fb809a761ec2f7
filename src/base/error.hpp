// An error that a person reads: what was attempted, what happened, what to do next.
#pragma once

#include <string>

namespace mbx {

struct Error {
    std::string attempted;  // "reading /etc/mailboxd/mailboxd.toml"
    std::string happened;   // "permission denied"
    std::string advice;     // "run mailboxd as root or as the user mailboxd"; may be empty

    // "reading …: permission denied; run mailboxd as root …"
    std::string text() const
    {
        std::string all = attempted + ": " + happened;
        if (!advice.empty()) all += "; " + advice;
        return all;
    }
};

}  // namespace mbx
