// Values with parameters: Content-Type, Content-Disposition (RFC 2045 section 5.1, RFC 2183) with RFC 2231's
// continuations and charsets. Lenient and total; pure but for iconv; any thread.
//
// One rule for everybody, policy and display alike (HOSTILE row D9, CVE-2024-39929): a parameter is what name*= says; for
// want of it what name*0, name*1 … say up to the first gap; for want of them what name= says. Of several with one name
// and form the first counts. A forgotten semicolon behind the value ("attachment filename=x") is put there.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace mbx::mail {

inline constexpr std::size_t kMaxParameterPieces = 1'000;  // name=value pieces read of one field; the rest is ignored

struct Parameter {
    std::string name;   // lower case, without RFC 2231's "*"
    std::string value;  // for people: UTF-8, encoded words decoded too (not allowed here, but common), no control bytes
    std::string bytes;  // before any charset: what a boundary is compared with
    bool operator==(const Parameter&) const = default;
};

struct ParameterizedValue {
    std::string value;                  // what stands before the first ";", trimmed, lower case, without comments
    std::vector<Parameter> parameters;  // one per name, by first appearance

    // For IMAP, which shows the field's own names and values with continuations joined (RFC 2231 section 6): an extended
    // parameter as "filename*" with charset'language'%XX. In order of appearance; one entry per name and form.
    std::vector<std::pair<std::string, std::string>> wire;

    const Parameter* find(std::string_view name) const;  // nullptr: absent
};

// `raw_value` as HeaderField::value has it (folds and all).
ParameterizedValue parse_parameterized(std::string_view raw_value);

// name="value" for a field that we write; extended (RFC 2231, UTF-8) where quoting does not suffice.
std::string format_parameter(std::string_view name, std::string_view utf8);

// A name to show and to save under: the last component of what may be a path of either kind, without control characters
// and direction overrides, no leading or trailing dots and spaces, at most 255 bytes. Empty: there is none.
std::string safe_file_name(std::string_view utf8);

// A part's file name by the rule above: Content-Disposition's filename, for want of it Content-Type's name.
std::string attachment_name(const ParameterizedValue& disposition, const ParameterizedValue& content_type);

}  // namespace mbx::mail
