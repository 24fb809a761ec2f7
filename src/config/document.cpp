#include "config/document.hpp"

#include <algorithm>
#include <optional>

// toml++ 3.3 asserts (and with NDEBUG tells the optimizer to assume) what bad input can break, such as a table header
// that begins with a line end, in front of code that handles it. Neither may be: its checks are left to that code.
#ifdef NDEBUG
#undef NDEBUG
#endif
#define TOML_ASSERT(expr) static_cast<void>(0)
#include <toml++/toml.h>

#include "base/ascii.hpp"

namespace mbx::config {
namespace {

// Our own files nest three deep. toml++ 3.3 follows dotted keys without a bound, and takes its tables down by recursion.
constexpr unsigned kMostBrackets = 16;
constexpr unsigned kMostDots = 32;

ConfigError error_at(const std::string& file, Position at, std::string message, std::string hint = {})
{
    return {file, at.line, at.column, std::move(message), std::move(hint)};
}

// Walks over the text as TOML's lexer does (comments, the four kinds of strings) and measures how deep it could nest.
// It may stop at what toml++ will refuse later; it never lets pass what toml++ would see deeper.
// Other letters than ASCII outside of texts and comments are never TOML, and toml++ 3.3 shifts out of range over them; it
// takes those for such that stand behind a quote which begins no text (0'é').
class DepthGuard {
public:
    explicit DepthGuard(std::string_view text) : text_(text) {}

    // What toml++ must not see, or nothing.
    std::optional<ConfigError> find_excess(const std::string& file)
    {
        while (at_ < text_.size()) {
            if (text_[at_] == '#') skip_comment();
            else if (is_quote_in_word())
                return error_at(file, position(1), "a quote in the middle of a word", "put the whole text in quotes");
            else if (text_[at_] == '"' || text_[at_] == '\'') skip_string();
            else if (ascii::is_eight_bit(text_[at_]))
                return error_at(file, position(1), "a letter outside of quotes that is not ASCII", "put the text in quotes");
            else if (!step())
                return error_at(file, position(0), "tables or keys are nested too deep", "no setting is nested deeper than three");
        }
        return std::nullopt;
    }

private:
    bool step()
    {
        const char c = text_[at_];
        if (c == '[' || c == '{') ++brackets_;
        if ((c == ']' || c == '}') && brackets_ > 0) --brackets_;
        if (c == '.') ++dots_;
        advance();
        return brackets_ <= kMostBrackets && dots_ <= kMostDots;
    }

    bool is_quote_in_word() const
    {
        if (text_[at_] != '"' && text_[at_] != '\'') return false;
        return at_ > 0 && std::string_view(" \t\r\n=[{,.").find(text_[at_ - 1]) == std::string_view::npos;
    }

    void advance()
    {
        if (text_[at_] == '\n') {
            ++line_;
            dots_ = 0;
            line_start_ = at_ + 1;
        }
        ++at_;
    }

    void skip_comment()
    {
        while (at_ < text_.size() && text_[at_] != '\n') ++at_;
    }

    void skip_string()
    {
        const char quote = text_[at_];
        const std::string_view rest = text_.substr(at_);
        const bool is_long = rest.size() >= 3 && rest[1] == quote && rest[2] == quote;
        at_ += is_long ? 3 : 1;
        while (at_ < text_.size()) {
            if (quote == '"' && text_[at_] == '\\' && at_ + 1 < text_.size()) {
                ++at_;
            } else if (!is_long && (text_[at_] == quote || text_[at_] == '\n')) {
                break;
            } else if (is_long && text_.substr(at_, 3) == std::string(3, quote)) {
                at_ += 2;
                break;
            }
            advance();
        }
        if (at_ < text_.size() && text_[at_] == quote) ++at_;
    }

    Position position(unsigned ahead) const { return {line_, static_cast<unsigned>(at_ - line_start_) + ahead}; }

    std::string_view text_;
    std::size_t at_ = 0;
    std::size_t line_start_ = 0;
    unsigned line_ = 1;
    unsigned brackets_ = 0;
    unsigned dots_ = 0;
};

Position position_of(const toml::source_region& source)
{
    return {static_cast<unsigned>(source.begin.line), static_cast<unsigned>(source.begin.column)};
}

Node convert(const toml::node& node);

NodeList convert_array(const toml::array& array)
{
    NodeList list;
    for (const toml::node& item : array) list.push_back(convert(item));
    return list;
}

EntryList convert_table(const toml::table& table)
{
    EntryList list;
    for (const auto& [key, node] : table)
        list.push_back({std::string(key.str()), position_of(key.source()), convert(node)});
    return list;
}

// As deep as DepthGuard let through.
Node convert(const toml::node& node)
{
    Node out;
    out.position = position_of(node.source());
    if (const auto* flag = node.as_boolean()) out.value = flag->get();
    else if (const auto* number = node.as_integer()) out.value = std::int64_t{number->get()};
    else if (const auto* text = node.as_string()) out.value = text->get();
    else if (const auto* array = node.as_array()) out.value = convert_array(*array);
    else if (const auto* table = node.as_table()) out.value = convert_table(*table);
    else if (node.is_floating_point()) out.value = Foreign{"a number with a fraction"};
    else out.value = Foreign{"a date or time"};
    return out;
}

// Where the first byte stands that is no UTF-8, or the size of the text.
std::size_t find_broken_utf8(std::string_view text)
{
    std::size_t at = 0;
    while (at < text.size()) {
        const auto lead = static_cast<unsigned char>(text[at]);
        const std::size_t length = lead < 0x80 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
        if (length > 1 && !ascii::is_utf8(text.substr(at, length))) break;
        at += length;
    }
    return std::min(at, text.size());
}

Position position_in(std::string_view text, std::size_t at)
{
    const std::string_view before = text.substr(0, at);
    const auto start = before.rfind('\n');
    const auto column = at - (start == std::string_view::npos ? 0 : start + 1) + 1;
    return {static_cast<unsigned>(std::ranges::count(before, '\n') + 1), static_cast<unsigned>(column)};
}

// toml++ 3.3 gets lost on such bytes when it may not throw.
std::optional<ConfigError> find_foreign_encoding(std::string_view text, const std::string& file)
{
    const std::string advice = "save the file as UTF-8";
    const bool is_utf16 = text.starts_with("\xff\xfe") || text.starts_with("\xfe\xff");
    if (is_utf16) return error_at(file, {1, 1}, "the file is UTF-16", advice);
    const auto nul = text.find('\0');
    if (nul != std::string_view::npos) return error_at(file, position_in(text, nul), "the file holds a NUL byte", advice);
    const auto broken = find_broken_utf8(text);
    if (broken == text.size()) return std::nullopt;
    return error_at(file, position_in(text, broken), "the file is not UTF-8 here", advice);
}

}  // namespace

Result<EntryList, ConfigError> read_document(std::string_view text, const std::string& file)
{
    if (text.size() > kMaxFileSize)
        return error_at(file, {1, 1}, "the file is larger than 1 MiB", "a configuration is a few kilobytes: is this one?");
    if (auto foreign = find_foreign_encoding(text, file)) return *std::move(foreign);
    // Editors on Windows put a byte order mark in front; it carries no meaning in UTF-8.
    if (text.starts_with("\xef\xbb\xbf")) text.remove_prefix(3);
    if (auto excess = DepthGuard(text).find_excess(file)) return *std::move(excess);

    const toml::parse_result parsed = toml::parse(text);
    if (!parsed) {
        auto at = position_of(parsed.error().source());
        if (at.line == 0) at = {1, 1};
        return error_at(file, at, ascii::printable(parsed.error().description(), 300));
    }
    return convert_table(parsed.table());
}

std::string_view type_name(const Node& node)
{
    struct Name {
        std::string_view operator()(bool) const { return "true or false"; }
        std::string_view operator()(std::int64_t) const { return "a number"; }
        std::string_view operator()(const std::string&) const { return "a text"; }
        std::string_view operator()(const NodeList&) const { return "a list"; }
        std::string_view operator()(const EntryList&) const { return "a table"; }
        std::string_view operator()(const Foreign& foreign) const { return foreign.type; }
    };
    return std::visit(Name{}, node.value);
}

}  // namespace mbx::config
