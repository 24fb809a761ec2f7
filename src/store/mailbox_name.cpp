#include "store/mailbox_name.hpp"

#include <algorithm>

#include "base/ascii.hpp"
#include "base/codec.hpp"

namespace mbx::store {

namespace {

constexpr std::string_view kHex = "0123456789ABCDEF";

void put_hex(std::string& into, char mark, char byte)
{
    const auto value = static_cast<unsigned char>(byte);
    into += mark;
    into += kHex[value >> 4U];
    into += kHex[value & 15U];
}

std::vector<std::string_view> split(std::string_view text, char separator)
{
    std::vector<std::string_view> parts;
    while (true) {
        const auto end = text.find(separator);
        parts.push_back(text.substr(0, end));
        if (end == std::string_view::npos) return parts;
        text.remove_prefix(end + 1);
    }
}

bool has_forbidden_characters(std::string_view level)
{
    for (std::size_t i = 0; i < level.size(); ++i) {
        if (ascii::is_control(level[i])) return true;
        const std::string_view rest = level.substr(i);
        // C1 controls are C2 80 … C2 9F.
        if (rest.size() >= 2 && rest[0] == '\xc2' && static_cast<unsigned char>(rest[1]) < 0xa0) return true;
        if (rest.starts_with("\xe2\x80\xa8") || rest.starts_with("\xe2\x80\xa9")) return true;
    }
    return false;
}

int hex_value(char c)
{
    const auto at = kHex.find(c);
    return at == std::string_view::npos ? -1 : static_cast<int>(at);
}

// None where the level is not what directory_of() writes.
std::optional<std::string> decode_level(std::string_view level)
{
    std::string out;
    for (std::size_t i = 0; i < level.size(); ++i) {
        if (level[i] == '&') return std::nullopt;
        if (level[i] != '%') {
            out += level[i];
            continue;
        }
        if (i + 2 >= level.size()) return std::nullopt;
        const int high = hex_value(level[i + 1]);
        const int low = hex_value(level[i + 2]);
        if (high < 0 || low < 0) return std::nullopt;
        const char byte = static_cast<char>(high * 16 + low);
        if (byte != '.' && byte != '%' && byte != '&') return std::nullopt;
        out += byte;
        i += 2;
    }
    return out;
}

void put_utf8(std::string& into, std::uint32_t code)
{
    const auto byte = [&into](std::uint32_t value) { into += static_cast<char>(value); };
    if (code < 0x80) {
        byte(code);
    } else if (code < 0x800) {
        byte(0xc0U | code >> 6U);
        byte(0x80U | (code & 0x3fU));
    } else if (code < 0x10000) {
        byte(0xe0U | code >> 12U);
        byte(0x80U | (code >> 6U & 0x3fU));
        byte(0x80U | (code & 0x3fU));
    } else {
        byte(0xf0U | code >> 18U);
        byte(0x80U | (code >> 12U & 0x3fU));
        byte(0x80U | (code >> 6U & 0x3fU));
        byte(0x80U | (code & 0x3fU));
    }
}

int modified_base64_value(char c)
{
    constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+,";
    const auto at = kAlphabet.find(c);
    return at == std::string_view::npos ? -1 : static_cast<int>(at);
}

// One "&…-" of RFC 3501 section 5.1.3, without its ends, as UTF-16 into UTF-8; false where it is malformed. Surrogates
// are left to the UTF-8 check of the whole.
bool put_shifted(std::string_view text, std::string& into)
{
    std::uint32_t bits = 0;
    int count = 0;
    std::uint32_t high = 0;
    for (const char c : text) {
        const int value = modified_base64_value(c);
        if (value < 0) return false;
        bits = (bits << 6U | static_cast<std::uint32_t>(value)) & 0xffffffU;
        count += 6;
        if (count < 16) continue;
        count -= 16;
        const std::uint32_t unit = bits >> static_cast<unsigned>(count) & 0xffffU;
        if (unit >= 0xd800 && unit < 0xdc00) {
            high = unit;
        } else if (unit >= 0xdc00 && unit < 0xe000) {
            if (high == 0) return false;
            put_utf8(into, 0x10000U + ((high - 0xd800U) << 10U) + (unit - 0xdc00U));
            high = 0;
        } else {
            put_utf8(into, unit);
        }
    }
    return high == 0 && count < 6;
}

// Modified UTF-7, read leniently: it is another server's directory name, not a client's command.
std::optional<std::string> decode_modified_utf7(std::string_view level)
{
    std::string out;
    while (!level.empty()) {
        if (level.front() != '&') {
            out += level.front();
            level.remove_prefix(1);
            continue;
        }
        const auto end = level.find('-');
        if (end == std::string_view::npos) return std::nullopt;
        if (end == 1) {
            out += '&';
        } else if (!put_shifted(level.substr(1, end - 1), out)) {
            return std::nullopt;
        }
        level.remove_prefix(end + 1);
    }
    return out;
}

bool is_good_level(std::string_view level)
{
    return !level.empty() && level != "." && level != ".." && level.find('/') == std::string_view::npos &&
           ascii::is_utf8(level) && !has_forbidden_characters(level);
}

std::string shown_level(std::string_view level)
{
    if (const auto own = decode_level(level); own && is_good_level(*own)) return *own;
    if (level.find('&') != std::string_view::npos) {
        const auto foreign = decode_modified_utf7(level);
        if (foreign && is_good_level(*foreign)) return *foreign;
    }
    if (is_good_level(level)) return std::string(level);
    std::string shown;
    for (const char c : level) {
        if (ascii::is_control(c) || ascii::is_eight_bit(c) || c == '/') {
            put_hex(shown, '=', c);
        } else {
            shown += c;
        }
    }
    return is_good_level(shown) ? shown : "=" + shown;
}

}  // namespace

std::string normal_name(std::string_view name)
{
    constexpr std::string_view kInbox = "INBOX";
    std::string normal(name);
    const auto first = name.substr(0, name.find('/'));
    if (ascii::same(first, kInbox)) normal.replace(0, kInbox.size(), kInbox);
    return normal;
}

NameVerdict judge_name(std::string_view name, const NameLimits& limits)
{
    const auto levels = split(name, '/');
    if (!std::ranges::all_of(levels, is_good_level)) return NameVerdict::invalid;
    if (levels.size() > limits.max_depth) return NameVerdict::too_long;
    const auto is_long = [&limits](std::string_view level) { return level.size() > limits.max_level_bytes; };
    return std::ranges::any_of(levels, is_long) ? NameVerdict::too_long : NameVerdict::good;
}

std::string parent_name(std::string_view name)
{
    const auto slash = name.rfind('/');
    return slash == std::string_view::npos ? std::string() : std::string(name.substr(0, slash));
}

bool is_below(std::string_view name, std::string_view ancestor)
{
    return name.size() > ancestor.size() && name.starts_with(ancestor) && name[ancestor.size()] == '/';
}

std::string directory_of(std::string_view name, std::int64_t mailbox_id)
{
    if (name == "INBOX") return {};
    std::string directory = ".";
    for (const char c : name) {
        if (c == '/') {
            directory += '.';
        } else if (c == '.' || c == '%' || c == '&') {
            put_hex(directory, '%', c);
        } else {
            directory += c;
        }
        if (directory.size() > kMaxDirectoryName) return ".%id-" + std::to_string(mailbox_id);
    }
    return directory;
}

std::string name_of_directory(std::string_view directory, const NameLimits& limits)
{
    std::string name;
    if (directory.starts_with('.')) directory.remove_prefix(1);
    for (const auto level : split(directory, '.')) {
        if (!name.empty()) name += '/';
        name += level.empty() ? std::string("=") : shown_level(level);
    }
    name = normal_name(name);
    if (judge_name(name, limits) == NameVerdict::good && name != "INBOX") return name;
    std::string flat = "=";
    for (const char c : directory) {
        if (ascii::is_alnum(c)) flat += c;
    }
    return flat.substr(0, limits.max_level_bytes);
}

std::string path_component(std::string_view text)
{
    std::string component;
    for (const char c : text) {
        const bool is_first_dot = c == '.' && component.empty();
        if (c == '/' || c == '%' || ascii::is_control(c) || is_first_dot) {
            put_hex(component, '%', c);
        } else {
            component += c;
        }
    }
    return component.empty() ? "%" : component;
}

}  // namespace mbx::store
