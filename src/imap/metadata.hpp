// Annotations as IMAP has them (RFC 5464): the rules for names, what a GETMETADATA asks for, how answers look. Pure.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace mbx::imap {

constexpr std::size_t kMostEntries = 100;  // named in one command

// Section 4.2.2.
enum class EntryDepth : std::uint8_t { zero, one, infinity };

// The entry in lower case; none for a name that section 3.2 forbids.
std::optional<std::string> judge_entry(std::string_view name);
// The same for GETMETADATA. With a depth the name may be one that has entries below it and can be none itself: "/private",
// "/shared/vendor".
std::optional<std::string> judge_asked_entry(std::string_view name, EntryDepth depth);

bool is_within(std::string_view entry, std::string_view asked, EntryDepth depth);

// What is answered to a GETMETADATA.
struct MetadataAnswer {
    std::string line;              // "* METADATA …" with CRLF
    std::uint64_t left_out = 0;    // the size of the largest value over MAXSIZE; 0: none
};
// `mailbox`: as the answer names it. `values`: those that are there, by entry. An entry that was asked for by name and is not
// there is NIL, where nothing below it was asked for.
MetadataAnswer metadata_answer(std::string_view mailbox, const std::map<std::string, std::string>& values,
                               const std::vector<std::string>& asked, EntryDepth depth,
                               std::optional<std::uint64_t> max_size);

// "/shared/comment" or, where an atom cannot be, quoted.
std::string entry_text(std::string_view entry);

}  // namespace mbx::imap
