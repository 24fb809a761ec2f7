#include "ctl/terminal.hpp"

#include <termios.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <system_error>

#include "base/legible.hpp"

namespace mbx::ctl {
namespace {

constexpr std::size_t kMaxLine = 64U * 1024;

volatile std::sig_atomic_t g_signal = 0;  // that came while a secret was being typed

void note_signal(int number) { g_signal = number; }

// Typed characters stay invisible while this lives. A signal ends the program only after the terminal is as it was:
// otherwise the user's shell would be left without an echo.
class EchoOff {
public:
    explicit EchoOff(int descriptor) : descriptor_(descriptor)
    {
        is_on_ = ::tcgetattr(descriptor_, &before_) == 0;
        if (!is_on_) return;
        g_signal = 0;
        struct sigaction note{};
        note.sa_handler = note_signal;  // without SA_RESTART: the read ends
        for (std::size_t at = 0; at < kSignals.size(); ++at) (void)::sigaction(kSignals.at(at), &note, &old_.at(at));
        termios without = before_;
        without.c_lflag &= ~static_cast<tcflag_t>(ECHO);
        (void)::tcsetattr(descriptor_, TCSAFLUSH, &without);
    }
    ~EchoOff()
    {
        if (!is_on_) return;
        (void)::tcsetattr(descriptor_, TCSAFLUSH, &before_);
        for (std::size_t at = 0; at < kSignals.size(); ++at) (void)::sigaction(kSignals.at(at), &old_.at(at), nullptr);
        if (g_signal != 0) (void)::raise(g_signal);
    }
    EchoOff(const EchoOff&) = delete;
    EchoOff& operator=(const EchoOff&) = delete;

private:
    static constexpr std::array kSignals = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP};
    int descriptor_;
    termios before_{};
    std::array<struct sigaction, kSignals.size()> old_{};
    bool is_on_ = false;
};

}  // namespace

Terminal::Terminal(int in, int out, int err)
    : in_(in), out_(out), err_(err), interactive_(::isatty(in) == 1 && ::isatty(err) == 1),
      colour_(::isatty(out) == 1 && std::getenv("NO_COLOR") == nullptr)
{
}

void Terminal::write_all(int descriptor, std::string_view text)
{
    while (!text.empty()) {
        const ssize_t written = ::write(descriptor, text.data(), text.size());
        if (written < 0 && errno == EINTR) continue;
        if (written <= 0) {
            if (descriptor != out_) return;
            out_is_gone_ = true;
            if (errno != EPIPE) out_error_ = errno;
            return;
        }
        text.remove_prefix(static_cast<std::size_t>(written));
    }
}

void Terminal::print(std::string_view text)
{
    if (!out_is_gone_) write_all(out_, text);
}

std::optional<Error> Terminal::lost_output() const
{
    if (out_error_ == 0) return std::nullopt;
    return Error{"writing the answer to standard output", std::generic_category().message(out_error_),
                 "the command itself was carried out"};
}

std::string legible_lines(std::string_view text)
{
    std::string all;
    while (!text.empty()) {
        const std::size_t end = std::min(text.find('\n'), text.size());
        all += ascii::legible(text.substr(0, end), kMaxLine);
        if (end < text.size()) all += '\n';
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    return all;
}

void Terminal::complain(std::string_view text) { write_all(err_, text); }

Result<std::string, Error> Terminal::read_line()
{
    std::string line;
    while (line.size() <= kMaxLine) {
        char c = 0;
        const ssize_t got = ::read(in_, &c, 1);
        if (got < 0 && errno == EINTR && g_signal == 0) continue;
        if (got < 0 && errno == EINTR) return Error{"reading standard input", "it was interrupted", ""};
        if (got < 0) return Error{"reading standard input", "it cannot be read", ""};
        if (got == 0 && line.empty()) return Error{"reading standard input", "it ended before a line came", ""};
        if (got == 0 || c == '\n') {
            if (!line.empty() && line.back() == '\r') line.pop_back();
            return line;
        }
        line += c;
    }
    return Error{"reading standard input", "the line is too long", ""};
}

Result<std::string, Error> Terminal::ask(std::string_view question, std::string_view preset)
{
    std::string prompt(question);
    if (!preset.empty()) prompt += " [" + std::string(preset) + "]";
    complain(prompt + ": ");
    auto answer = read_line();
    if (answer && answer->empty()) return std::string(preset);
    return answer;
}

Result<std::string, Error> Terminal::ask_secret(std::string_view question)
{
    const EchoOff silence(in_);
    complain(std::string(question) + ": ");
    auto answer = read_line();
    complain("\n");
    return answer;
}

}  // namespace mbx::ctl
