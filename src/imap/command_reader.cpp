#include "imap/command_reader.hpp"

#include <variant>

#include "base/ascii.hpp"
#include "imap/cursor.hpp"
#include "imap/parser.hpp"

namespace mbx::imap {

namespace {

constexpr std::size_t kLiteralMinus = 4096;  // RFC 7888 section 5

CommandProblem problem_of(net::ReadFailure failure)
{
    switch (failure) {
    case net::ReadFailure::end: return CommandProblem::end;
    case net::ReadFailure::too_long: return CommandProblem::line_too_long;
    case net::ReadFailure::timed_out: return CommandProblem::timed_out;
    case net::ReadFailure::interrupted:
    case net::ReadFailure::broken: return CommandProblem::broken;
    }
    return CommandProblem::broken;
}

bool may_announce(std::string_view command)
{
    return ascii::starts_with(command, "APPEND ") || ascii::starts_with(command, "REPLACE ") ||
           ascii::starts_with(command, "UID REPLACE ");
}

// Whether the literal that the text ends with is the message of an APPEND or REPLACE.
bool announces_message(std::string_view text, bool utf8)
{
    const auto space = text.find(' ');
    if (space == std::string_view::npos || !may_announce(text.substr(space + 1))) return false;
    const auto command = parse_command(text, utf8);
    return command && (std::holds_alternative<Append>(command->request) || std::holds_alternative<Replace>(command->request));
}

}  // namespace

std::string tag_of(std::string_view text)
{
    auto tag = Cursor(text, false).tag();
    return tag ? std::move(*tag) : std::string("*");
}

bool CommandReader::judge(std::uint64_t size, bool synchronizing, std::size_t total, bool logged_in) const
{
    if (!synchronizing && options_.literal_mode == LiteralMode::minus && size > kLiteralMinus) return false;
    if (!logged_in && size > options_.max_literal_before_login) return false;
    const auto all = logged_in ? options_.max_literals : options_.max_literals_before_login;
    return size <= all && total <= all - size;
}

co::Task<Result<void, CommandProblem>> CommandReader::read_literal(std::string& into, std::uint64_t size,
                                                                   bool logged_in, net::Deadline deadline)
{
    into += "\r\n";
    auto left = static_cast<std::size_t>(size);
    while (left != 0) {
        const auto limit = logged_in ? net::Deadline::after(options_.literal_timeout) : deadline;
        const auto bytes = co_await lines_.some(left, limit);
        if (!bytes && bytes.error() == net::ReadFailure::interrupted) continue;
        if (!bytes) co_return problem_of(bytes.error());
        into += *bytes;
        left -= bytes->size();
    }
    co_return Result<void, CommandProblem>();
}

co::Task<Result<std::string, CommandRefusal>> CommandReader::next(bool logged_in, bool utf8, net::Deadline deadline)
{
    const auto max_line = logged_in ? options_.max_line : options_.max_line_before_login;
    std::string text;
    std::size_t line_bytes = 0;
    std::size_t literal_bytes = 0;
    std::size_t literals = 0;
    while (true) {
        const bool may_wake = wake_ && text.empty();
        const auto until = may_wake && wake_->at < deadline.at ? *wake_ : deadline;
        const auto line = co_await lines_.line(max_line - line_bytes, until);
        const bool between = text.empty() && lines_.buffered() == 0;
        if (!line && stopping_ && between) co_return CommandRefusal{CommandProblem::stopping, "*"};
        const bool is_woken = !line && (line.error() == net::ReadFailure::interrupted ||
                                        (line.error() == net::ReadFailure::timed_out && until.at < deadline.at));
        if (is_woken && may_wake) co_return CommandRefusal{CommandProblem::woken, "*"};
        if (is_woken) continue;
        if (!line) co_return CommandRefusal{problem_of(line.error()), tag_of(text)};
        line_bytes += line->size();
        const auto end = inspect_line_end(*line);
        text += *line;
        if (!end.well_formed) co_return CommandRefusal{CommandProblem::literal_lost, tag_of(text)};
        if (!end.literal || (logged_in && announces_message(text, utf8))) co_return text;

        const auto head = *end.literal;
        const bool fits = ++literals <= options_.max_literal_count &&
                          judge(head.size, head.synchronizing, literal_bytes, logged_in);
        if (!fits) {
            const auto problem = head.synchronizing ? CommandProblem::literal_refused : CommandProblem::literal_lost;
            co_return CommandRefusal{problem, tag_of(text)};
        }
        if (head.synchronizing) {
            output_.add("+ go ahead\r\n");
            const bool written = co_await output_.flush(true);
            if (!written) co_return CommandRefusal{CommandProblem::broken, tag_of(text)};
        }
        literal_bytes += static_cast<std::size_t>(head.size);
        const auto read = co_await read_literal(text, head.size, logged_in, deadline);
        if (!read) co_return CommandRefusal{read.error(), tag_of(text)};
    }
}

}  // namespace mbx::imap
