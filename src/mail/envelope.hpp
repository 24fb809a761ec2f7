// What IMAP calls a message's ENVELOPE (RFC 9051 section 7.5.2): the parsed face of its header. Pure. Any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "mail/address_list.hpp"
#include "mail/header.hpp"

namespace mbx::mail {

// Texts are unfolded and not decoded. None: the field is absent; present but empty is an empty text.
struct Envelope {
    std::optional<std::string> date;
    std::optional<std::string> subject;
    // Several fields of one name (not allowed, but seen) are read as one list of at most kMaxAddresses entries.
    std::vector<HeaderAddress> from;
    std::vector<HeaderAddress> sender;    // of absence or emptiness: from
    std::vector<HeaderAddress> reply_to;  // likewise
    std::vector<HeaderAddress> to;
    std::vector<HeaderAddress> cc;
    std::vector<HeaderAddress> bcc;
    std::optional<std::string> in_reply_to;
    std::optional<std::string> message_id;  // with its < >

    bool operator==(const Envelope&) const = default;
};

Envelope make_envelope(const Header& header);
// Of a message or of its header alone.
Envelope parse_envelope(std::string_view message, HeaderLimits limits = {});

}  // namespace mbx::mail
