// The options of sendmail(8), mailq and newaliases, as programs have used them for decades. One table says which there
// are; the reader, --help and the manual page follow it. Pure, bounded by the arguments. Any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "sendmail/letter.hpp"

namespace mbx::sendmail {

enum class Mode : std::uint8_t {
    send,
    speak_smtp,    // -bs
    list_queue,    // mailq, -bp
    flush_queue,   // -q
    make_aliases,  // newaliases, -bi, -I
    help,
    manual,
};

struct CommandLine {
    Mode mode = Mode::send;
    bool takes_header_recipients = false;  // -t
    bool dot_ends = true;                  // not with -i, -oi
    std::optional<std::string> sender;     // -f, -r; as written
    std::string full_name;                 // -F
    std::string notify;                    // -N, as RCPT has it
    std::string ret;                       // -R
    std::string envelope_id;               // -V
    std::string config_path;               // -C
    std::vector<std::string> recipients;   // arguments, as written
};

enum class ValueRule : std::uint8_t {
    none,
    needed,    // "-f a" and "-fa"
    attached,  // "-q30m"; a next argument is none of it
};

struct OptionRow {
    char letter;
    ValueRule rule;
    std::string_view value;  // its name in the manual
    std::string_view help;
};
std::span<const OptionRow> options();

// `name`: as what the program was called. The error is one line for a person; its exit status is EX_USAGE.
Result<CommandLine, std::string> parse_command_line(std::string_view name, const std::vector<std::string>& arguments);

std::string help_text();
// sendmail(8) in the man(7) language.
std::string manual_text();

}  // namespace mbx::sendmail
