// Gathers one command: its line and its literals. A literal is judged before the client is told to send it and before a
// byte of it is read or room is made for it (HOSTILE row E1, CVE-2025-61600). Loop thread.
#pragma once

#include <optional>
#include <string>

#include "imap/options.hpp"
#include "imap/output.hpp"
#include "net/line_reader.hpp"

namespace mbx::imap {

enum class CommandProblem : std::uint8_t {
    end,              // the client went away
    timed_out,
    broken,
    line_too_long,    // where the next command begins is unknown: close
    literal_refused,  // a synchronizing literal beyond the limits: it will not come, so the session goes on
    literal_lost,     // a non-synchronizing one: it is on its way already: close
    stopping,         // the server stops; nothing of a command has come
    woken,            // interrupted, or `wake` has come, before anything of a command was taken
};

struct CommandRefusal {
    CommandProblem problem = CommandProblem::end;
    std::string tag;  // of the refused command; "*" where none was read
};

class CommandReader {
public:
    CommandReader(net::LineReader& lines, Output& output, const Options& options)
        : lines_(lines), output_(output), options_(options)
    {
    }

    // The text that parse_command() takes. With `logged_in`, APPEND's message is left in the stream.
    co::Task<Result<std::string, CommandRefusal>> next(bool logged_in, bool utf8, net::Deadline deadline);
    // From now on a wait between two commands ends with CommandProblem::woken when it is interrupted, or at that time.
    void wake_at(std::optional<net::Deadline> wake) { wake_ = wake; }

    // From now on an interrupted wait between two commands ends with CommandProblem::stopping.
    void stop() { stopping_ = true; }

private:
    bool judge(std::uint64_t size, bool synchronizing, std::size_t total, bool logged_in) const;
    co::Task<Result<void, CommandProblem>> read_literal(std::string& into, std::uint64_t size, bool logged_in,
                                                        net::Deadline deadline);
    net::LineReader& lines_;
    Output& output_;
    const Options& options_;
    bool stopping_ = false;
    std::optional<net::Deadline> wake_;
};

// The tag that a text begins with, "*" for want of one.
std::string tag_of(std::string_view text);

}  // namespace mbx::imap
