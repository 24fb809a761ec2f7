// The header fields that mail clients list messages by, kept as they stand in the message, so that FETCH answers the usual
// BODY[HEADER.FIELDS (…)] without its file. Pure. Any thread.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace mbx::store {

inline constexpr std::size_t kMaxListFields = 2048;  // bytes of a message's fields; with more the file is asked

// What Thunderbird, Apple Mail, Outlook, K-9, mutt, Roundcube and others ask for. Their order is the form on the disk: new
// ones come last, at most 64.
inline constexpr std::array<std::string_view, 28> kListFields{
    "from",         "to",          "cc",           "bcc",          "subject",     "date",        "message-id",
    "in-reply-to",  "references",  "reply-to",     "sender",       "content-type", "mime-version", "priority",
    "x-priority",   "importance",  "newsgroups",   "lines",        "list-id",     "list-post",   "x-label",
    "x-spam-flag",  "content-description", "resent-message-id", "disposition-notification-to", "x-draft-info", "x-msmail-priority",
    "content-transfer-encoding"};

// A set of them, by their places. None: a name is not among them.
std::optional<std::uint64_t> list_field_set(const std::vector<std::string>& names);

// The fields of a header (with or without its empty line). None: too long, or the last one lacks its line end.
std::optional<std::string> encode_list_fields(std::string_view header);
// Appends the fields of the set as BODY[HEADER.FIELDS (…)] shows them, with the empty line behind (RFC 9051 section 6.4.5).
// False: bytes that encode_list_fields() did not make; `out` may then have some of them.
bool append_list_fields(std::string& out, std::string_view encoded, std::uint64_t set);

}  // namespace mbx::store
