// What a URL of a message or a part names (RFC 5092), for CATENATE and URLFETCH. On the account's strand.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "imap/message_url.hpp"
#include "store/account_store.hpp"

namespace mbx::imap {

// Views into the mapped file, or of static storage.
struct UrlBytes {
    store::MessageFilePtr file;
    std::vector<std::string_view> pieces;
    std::uint64_t size() const
    {
        std::uint64_t sum = 0;
        for (const auto piece : pieces) sum += piece.size();
        return sum;
    }
};

std::optional<UrlBytes> look_up(store::AccountStore& store, store::MailboxId mailbox, const MessageUrl& url);

}  // namespace mbx::imap
