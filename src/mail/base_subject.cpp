#include "mail/base_subject.hpp"

#include "base/ascii.hpp"

namespace mbx::mail {
namespace {

bool is_white(char c) { return c == ' ' || c == '\t'; }

// Step 1: white space of any kind and length is one space.
std::string with_single_spaces(std::string_view text)
{
    std::string out;
    out.reserve(text.size());
    for (const char c : text) {
        const bool white = is_white(c) || c == '\r' || c == '\n';
        if (!white) out += c;
        else if (!out.empty() && out.back() != ' ') out += ' ';
    }
    return out;
}

std::string_view trim_front(std::string_view text)
{
    while (!text.empty() && is_white(text.front())) text.remove_prefix(1);
    return text;
}

// Step 2: subj-trailer = "(fwd)" / WSP
std::string_view without_trailers(std::string_view text, bool& is_reply)
{
    constexpr std::string_view kForwarded = "(fwd)";
    while (!text.empty()) {
        if (is_white(text.back())) {
            text.remove_suffix(1);
        } else if (text.size() >= kForwarded.size() &&
                   ascii::same(text.substr(text.size() - kForwarded.size()), kForwarded)) {
            text.remove_suffix(kForwarded.size());
            is_reply = true;
        } else {
            break;
        }
    }
    return text;
}

// subj-blob = "[" *BLOBCHAR "]" *WSP; the text behind it, or the same text where there is none.
std::string_view behind_blob(std::string_view text)
{
    if (!text.starts_with('[')) return text;
    const auto end = text.find_first_of("[]", 1);
    if (end == std::string_view::npos || text[end] == '[') return text;
    return trim_front(text.substr(end + 1));
}

// subj-refwd = ("re" / ("fw" ["d"])) *WSP [subj-blob] ":"; the text behind it, or the same where there is none.
std::string_view behind_refwd(std::string_view text)
{
    std::string_view rest = text;
    if (ascii::starts_with(rest, "fwd")) rest.remove_prefix(3);
    else if (ascii::starts_with(rest, "re") || ascii::starts_with(rest, "fw")) rest.remove_prefix(2);
    else return text;
    rest = behind_blob(trim_front(rest));
    if (!rest.starts_with(':')) return text;
    return rest.substr(1);
}

// Step 3: subj-leader = (*subj-blob subj-refwd) / WSP
std::string_view without_leader(std::string_view text, bool& is_reply)
{
    std::string_view rest = text;
    while (true) {
        const auto behind = behind_blob(rest);
        if (behind.size() == rest.size()) break;
        rest = behind;
    }
    const auto behind = behind_refwd(rest);
    if (behind.size() == rest.size()) return trim_front(text);
    is_reply = true;
    return behind;
}

// Steps 3 to 5.
std::string_view without_leaders(std::string_view text, bool& is_reply)
{
    while (true) {
        const auto before = text.size();
        text = without_leader(text, is_reply);
        const auto behind = behind_blob(text);
        if (!behind.empty()) text = behind;
        if (text.size() == before) return text;
    }
}

}  // namespace

BaseSubject split_subject(std::string_view utf8)
{
    constexpr std::string_view kOpen = "[fwd:";
    const std::string single = with_single_spaces(utf8);
    std::string_view text = single;
    bool is_reply = false;
    while (true) {
        text = without_leaders(without_trailers(text, is_reply), is_reply);
        // Step 6.
        const bool is_wrapped = ascii::starts_with(text, kOpen) && text.ends_with(']');
        if (!is_wrapped) return {std::string(text), is_reply};
        is_reply = true;
        text = text.substr(kOpen.size(), text.size() - kOpen.size() - 1);
    }
}

std::string base_subject(std::string_view utf8) { return split_subject(utf8).text; }

}  // namespace mbx::mail
