// Where a command reads and writes. One thread; blocking.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/error.hpp"
#include "base/result.hpp"

namespace mbx::ctl {

class Terminal {
public:
    // The descriptors stay the caller's. Colour is used on a terminal only, and never with NO_COLOR in the environment.
    Terminal(int in, int out, int err);

    // A reader that went away (EPIPE) ends the output without a word (HOSTILE row L6): what follows is dropped.
    // Any other failure to write is kept for lost_output().
    void print(std::string_view text);
    void complain(std::string_view text);  // to standard error, as it is

    // Why what was printed did not arrive, such as a full disk behind a redirection; nothing when it did.
    std::optional<Error> lost_output() const;

    bool is_interactive() const { return interactive_; }  // somebody can be asked
    bool has_colour() const { return colour_; }

    // Asks on standard error; an empty answer is `preset`.
    Result<std::string, Error> ask(std::string_view question, std::string_view preset);
    // Without echo.
    Result<std::string, Error> ask_secret(std::string_view question);
    // One line of standard input without its end: a password in a script. At most 64 KiB.
    Result<std::string, Error> read_line();

private:
    void write_all(int descriptor, std::string_view text);

    int in_;
    int out_;
    int err_;
    bool interactive_;
    bool colour_;
    bool out_is_gone_ = false;
    int out_error_ = 0;  // the errno of the first failed write but EPIPE
};

// Words with others' bytes in them for a terminal: all but line ends as ascii::legible() shows it.
std::string legible_lines(std::string_view text);

}  // namespace mbx::ctl
