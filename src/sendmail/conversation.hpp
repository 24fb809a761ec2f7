// The program's side of the daemon's socket: a small SMTP client that waits for each answer. Blocking. One thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sendmail/letter.hpp"

namespace mbx::sendmail {

// One reply, possibly of several lines (RFC 5321 section 4.2).
struct Reply {
    unsigned code = 0;
    std::string text;  // lines joined with " "; printable
    bool is_done() const { return code / 100 == 2; }
    bool is_refusal() const { return code / 100 == 5; }
};

// Takes whole replies from the front of what came: none until one is whole. Bytes that are no reply: code 0. Pure; total.
std::optional<Reply> take_reply(std::string& received);

struct Refusal {
    std::string who;  // the recipient; empty: the message, for all
    Reply reply;
};

struct Handed {
    enum class Outcome : std::uint8_t {
        accepted,     // by those who are not in `refusals`
        refused,      // by all
        unavailable,  // not now: nobody answers, or the daemon said 4xx, or the answer did not come
    };
    Outcome outcome = Outcome::unavailable;
    std::vector<Refusal> refusals;
    std::string why;  // with unavailable: for a person
};

Handed hand_over(const std::string& socket_path, const Letter& letter, std::string_view message);

// -bs: carries bytes between the caller and the daemon until one of them ends. False: nobody answers there.
bool carry(const std::string& socket_path, int from_caller, int to_caller);

}  // namespace mbx::sendmail
