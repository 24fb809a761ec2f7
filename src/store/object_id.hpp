// EMAILID and THREADID (RFC 8474): pure functions of a message, so that they are the same after any rebuild, restore or
// copy. Once reported they must not change: neither may these functions. Any thread.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "store/types.hpp"

namespace mbx::store {

struct ObjectId {
    std::array<std::uint8_t, 16> bytes{};
    auto operator<=>(const ObjectId&) const = default;
};

// BLAKE2b of 128 bits over all bytes in wire form: the same content is the same email (RFC 8474 section 5.1), and nobody
// can make another content with its id.
ObjectId email_id(std::string_view message);

// Of the Message-ID at the root of the conversation (RFC 8474 section 5.2): the first one in References, for want of one
// the first in In-Reply-To, else the message's own; a message without any is a thread of its own, `email`. Values are
// those of the fields, folded or not.
struct ThreadFields {
    std::string_view references;
    std::string_view in_reply_to;
    std::string_view message_id;
};
ObjectId thread_id(const ThreadFields& fields, const ObjectId& email);

// The first "<…>" of a field with something in it, without white space and brackets; empty: there is none. Linear.
std::string first_message_id(std::string_view value);

// As clients get them (RFC 8474 section 4.1: letters, digits, "-" and "_"): "E" or "T" and 32 hexadecimal digits.
std::string email_id_text(const ObjectId& id);
std::string thread_id_text(const ObjectId& id);
// "F" and the number, which an account gives once only; a rename keeps it (RFC 8474 section 4).
std::string mailbox_id_text(MailboxId id);

}  // namespace mbx::store
