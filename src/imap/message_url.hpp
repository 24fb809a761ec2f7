// URLs of messages and their parts, as CATENATE takes them (RFC 5092, RFC 4469 section 3): absolute, with an absolute path,
// and relative to the selected mailbox. Pure, linear, total for any bytes.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "mail/imap_structure.hpp"
#include "store/types.hpp"

namespace mbx::imap {

constexpr std::size_t kMaxMessageUrl = 8192;  // bytes

struct UrlPartial {
    std::uint64_t offset = 0;
    std::optional<std::uint64_t> count;  // none: to the end
};

// ";EXPIRE=…;URLAUTH=…" at the end of a URL (RFC 4467 section 3).
enum class UrlAccess : std::uint8_t { submit, user, authuser, anonymous };
struct UrlAuth {
    std::string rump;      // the URL to the end of the access identifier, byte for byte
    std::optional<std::int64_t> expires_at;  // seconds since 1970
    UrlAccess access = UrlAccess::anonymous;
    std::string user;      // of the first two
    std::string mechanism; // upper case; empty: it is to be generated
    std::string token;
};

struct MessageUrl {
    std::optional<std::string> host;     // lower case, without the port; none: this server
    std::string user;                    // of an absolute URL; empty: none was named
    std::optional<std::string> mailbox;  // UTF-8; none: the selected one
    std::optional<std::uint32_t> uidvalidity;
    store::Uid uid = 0;
    mail::Section section;               // the whole message where none is named
    std::optional<UrlPartial> partial;
    std::optional<UrlAuth> auth;
};

// A moment as RFC 3339 writes it; none for others.
std::optional<std::int64_t> parse_timestamp(std::string_view text);

// None: it is no URL of a message or a part of one.
std::optional<MessageUrl> parse_message_url(std::string_view url);

}  // namespace mbx::imap
