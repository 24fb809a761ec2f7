// Mailbox names and the directories that hold them. Pure.
//
// A name is UTF-8 with '/' between its levels; its Maildir++ directory is "." and the levels with '.' between them.
// Of a level's bytes '.', '%' and '&' are written as %2E, %25 and %26 (upper case), everything else as it is; so names
// and directories correspond one to one, and a literal '&' marks a directory that another server named in modified
// UTF-7. A directory name above 200 bytes becomes ".%id-<number>", and the name stands in the folder's state file.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace mbx::store {

inline constexpr std::size_t kMaxDirectoryName = 200;

struct NameLimits {
    std::size_t max_depth = 50;
    std::size_t max_level_bytes = 1000;
};

enum class NameVerdict : std::uint8_t { good, invalid, too_long };

// Puts INBOX in capitals where it is the first level, in whatever case it came (RFC 9051 section 5.1); all else is
// kept byte for byte: names that differ in case, normal form or look are different names (HOSTILE row F4).
std::string normal_name(std::string_view name);

// Refused are empty levels, "." and "..", bytes that are not UTF-8, controls (C0, DEL, C1) and the line and paragraph
// separators (RFC 9051 section 5.1: names are Net-Unicode).
NameVerdict judge_name(std::string_view name, const NameLimits& limits);

std::string parent_name(std::string_view name);                          // empty at the top level
bool is_below(std::string_view name, std::string_view ancestor);         // strictly

// The directory of a name below the account's, "" for INBOX.
std::string directory_of(std::string_view name, std::int64_t mailbox_id);
// The name of a directory that its state file does not name: ours, or another server's in modified UTF-7 or raw UTF-8.
// Where that yields no valid name, every offending byte is shown as "=XX", so that the mail in it can be reached.
std::string name_of_directory(std::string_view directory, const NameLimits& limits);

// One path component for any text, without '/', without a leading dot, never empty: for domains and local parts.
std::string path_component(std::string_view text);

}  // namespace mbx::store
