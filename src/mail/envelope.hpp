// What IMAP calls a message's ENVELOPE (RFC 9051 section 7.5.2): the parsed face of its header. Pure. Any thread.
#pragma once

#include <cstddef>
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
    // Several fields of one name (not allowed, but seen) are read as one list.
    std::vector<HeaderAddress> from;
    std::vector<HeaderAddress> sender;    // of absence or emptiness: from
    std::vector<HeaderAddress> reply_to;  // likewise
    std::vector<HeaderAddress> to;
    std::vector<HeaderAddress> cc;
    std::vector<HeaderAddress> bcc;
    std::optional<std::string> in_reply_to;
    std::optional<std::string> message_id;  // with its < >

    std::size_t address_count() const
    {
        return from.size() + sender.size() + reply_to.size() + to.size() + cc.size() + bcc.size();
    }
    bool operator==(const Envelope&) const = default;
};

// At most `most` address entries are read of all fields together (what Sender and Reply-To copy from From not counted).
Envelope make_envelope(const Header& header, std::size_t most = kMaxAddresses);
// Of a message or of its header alone.
Envelope parse_envelope(std::string_view message, HeaderLimits limits = {});

}  // namespace mbx::mail
