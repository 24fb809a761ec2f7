#include "options.hpp"

#include <array>
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <string_view>
#include <variant>

namespace mbx::bench {
namespace {

using Target = std::variant<std::string*, std::uint16_t*, unsigned*, std::uint64_t*, int*, bool*>;

template <typename Number> bool take_number(std::string_view text, Number* into)
{
    const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), *into);
    return failure == std::errc{} && end == text.data() + text.size();
}

bool take_value(const Target& target, std::string_view text)
{
    if (auto* const* words = std::get_if<std::string*>(&target)) {
        **words = std::string(text);
        return true;
    }
    if (auto* const* number = std::get_if<std::uint16_t*>(&target)) return take_number(text, *number);
    if (auto* const* number = std::get_if<unsigned*>(&target)) return take_number(text, *number);
    if (auto* const* number = std::get_if<std::uint64_t*>(&target)) return take_number(text, *number);
    if (auto* const* number = std::get_if<int*>(&target)) return take_number(text, *number);
    return false;
}

bool refuse(const char* what, std::string_view which)
{
    std::fprintf(stderr, "bench_load: %s %.*s\n", what, static_cast<int>(which.size()), which.data());
    return false;
}

} // namespace

bool parse_options(int argc, char** argv, Options& into)
{
    if (argc < 2) return refuse("usage: bench_load smtp|append|sink|stub-imap|fill|disk", "[--option value …]");
    into.mode = argv[1];
    if (const char* password = std::getenv("MAILBOXD_BENCH_PASSWORD")) into.password = password;
    const std::array<std::pair<std::string_view, Target>, 19> known{{
        {"--host", &into.host},           {"--port", &into.port},
        {"--sessions", &into.sessions},   {"--messages", &into.messages},
        {"--size", &into.size},           {"--address", &into.address},
        {"--users", &into.users},         {"--first", &into.first},
        {"--mailbox", &into.mailbox},     {"--tag", &into.tag},
        {"--timeout", &into.timeout_s},   {"--pipeline", &into.pipeline},
        {"--until-eof", &into.until_eof}, {"--folder", &into.folder},
        {"--form", &into.form},           {"--owner", &into.owner},
        {"--seconds", &into.seconds},     {"--password", &into.password},
        {"--mode", &into.mode},
    }};
    for (int i = 2; i < argc; ++i) {
        const std::string_view name = argv[i];
        const Target* target = nullptr;
        for (const auto& [option, place] : known) {
            if (option == name) target = &place;
        }
        if (target == nullptr) return refuse("unknown option", name);
        if (bool* const* flag = std::get_if<bool*>(target)) {
            **flag = true;
            continue;
        }
        if (i + 1 >= argc) return refuse("no value for", name);
        if (!take_value(*target, argv[++i])) return refuse("wrong value for", name);
    }
    if (into.host.rfind("127.", 0) != 0) return refuse("only loopback addresses, not", into.host);
    if (into.sessions == 0 || into.users == 0) return refuse("--sessions and --users must be above", "0");
    return true;
}

std::string address_of(const Options& options, std::uint64_t number)
{
    const auto from = options.address.find('%');
    const auto to = options.address.find_first_of("ud", from);
    if (from == std::string::npos || to == std::string::npos) return options.address;
    std::string digits = std::to_string(number);
    if (to - from >= 3 && options.address[from + 1] == '0') {
        const auto width = static_cast<std::size_t>(std::atoi(options.address.c_str() + from + 2));
        if (digits.size() < width) digits.insert(0, width - digits.size(), '0');
    }
    return options.address.substr(0, from) + digits + options.address.substr(to + 1);
}

} // namespace mbx::bench
