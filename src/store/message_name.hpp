// File names in cur/ and new/: "<unique>,S=<size>,I=<uid>:2,<flags>". Pure.
//
// `unique` is the identity of a message within its folder: whatever other tools write behind it, the message stays
// known. I=, not U=: mbsync claims U= for itself and renumbers by it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "store/types.hpp"

namespace mbx::store {

inline constexpr std::size_t kMaxFileName = 255;  // NAME_MAX
inline constexpr int kMaxKeywords = 26;           // a … z

struct MessageName {
    std::string unique;
    std::optional<std::uint64_t> size;  // S=
    std::optional<Uid> uid;             // I=
    Flags flags;
    bool has_info = false;  // ":2," stands behind
};

// What a name says. Total: any name that a directory can hold has at least a `unique`.
MessageName parse_message_name(std::string_view name);

// Without and with the flags. In new/ a message has no flags and no suffix.
std::string base_name(std::string_view unique, std::uint64_t size, Uid uid);
std::string flag_suffix(const Flags& flags);  // ":2,FS"
// The same behind what is there already.
void append_base_name(std::string& to, std::string_view unique, std::uint64_t size, Uid uid);
void append_flag_suffix(std::string& to, const Flags& flags);

// The leading number of `unique`, its SAVEDATE (RFC 8514); none where other tools put something else.
std::optional<std::int64_t> save_date_of(std::string_view unique);

// Whether we can write `unique` into names of ours: short enough, and no byte that has a meaning behind it.
bool is_usable_unique(std::string_view unique);

}  // namespace mbx::store
