// Annotations of mailboxes and of the account (RFC 5464) and the file that holds them: mailboxd-annotations in a folder,
// mailboxd-account-annotations in the account's directory. Text as the state files are, written whole, synced, renamed; it
// goes where its folder goes. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace mbx::store {

inline constexpr std::string_view kAnnotationFile = "mailboxd-annotations";
inline constexpr std::string_view kAccountAnnotationFile = "mailboxd-account-annotations";
inline constexpr std::size_t kMostAnnotationName = 255;  // bytes

struct Annotation {
    std::string entry;       // "/shared/comment": lower case, as IMAP has judged it
    std::string value;       // any bytes
    std::int64_t owner = 0;  // of an entry below /private: whose it is (the id of an account); 0 for /shared
    bool operator==(const Annotation&) const = default;
};

// Of one mailbox, or of the account itself.
struct AnnotationLimits {
    std::size_t count = 64;              // RFC 5464 section 4.1 wants 10 at least, of 1,024 bytes
    std::size_t value_bytes = 16 * 1024;
    std::size_t bytes = 64 * 1024;       // of all values together
};

struct AnnotationChange {
    std::string entry;
    std::optional<std::string> value;  // none: the entry goes
};

bool is_private_entry(std::string_view entry);

std::string format_annotations(const std::vector<Annotation>& annotations);
// None for a wrong checksum, version or value.
std::optional<std::vector<Annotation>> parse_annotations(std::string_view text);

}  // namespace mbx::store
