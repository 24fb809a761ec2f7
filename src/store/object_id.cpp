#include "store/object_id.hpp"

#include <sodium.h>

#include "base/ascii.hpp"
#include "base/codec.hpp"

namespace mbx::store {

namespace {

// Chooses libsodium's code for this processor; the hash itself works without. Safe from any thread.
void start_hashing()
{
    static const int started = sodium_init();
    (void)started;
}

// `purpose` keeps the two kinds of ids apart (BLAKE2b's key).
ObjectId hash(std::string_view purpose, std::string_view bytes)
{
    start_hashing();
    ObjectId id;
    (void)crypto_generichash(id.bytes.data(), id.bytes.size(), reinterpret_cast<const unsigned char*>(bytes.data()),
                             bytes.size(), reinterpret_cast<const unsigned char*>(purpose.data()), purpose.size());
    return id;
}

std::string text_of(char kind, const ObjectId& id)
{
    return kind + encode_hex({reinterpret_cast<const char*>(id.bytes.data()), id.bytes.size()});
}

}  // namespace

ObjectId email_id(std::string_view message) { return hash("mailboxd email id", message); }

std::string first_message_id(std::string_view value)
{
    while (true) {
        const auto open = value.find('<');
        if (open == std::string_view::npos) return {};
        const auto close = value.find('>', open);
        if (close == std::string_view::npos) return {};
        std::string id;
        for (const char c : value.substr(open + 1, close - open - 1)) {
            // Folding may have put white space into a long one.
            if (!ascii::is_control(c) && c != ' ') id += c;
        }
        if (!id.empty()) return id;
        value.remove_prefix(close + 1);
    }
}

ObjectId thread_id(const ThreadFields& fields, const ObjectId& email)
{
    for (const auto value : {fields.references, fields.in_reply_to, fields.message_id}) {
        const std::string id = first_message_id(value);
        if (!id.empty()) return hash("mailboxd thread id", id);
    }
    return email;
}

std::string email_id_text(const ObjectId& id) { return text_of('E', id); }
std::string thread_id_text(const ObjectId& id) { return text_of('T', id); }

std::string mailbox_id_text(MailboxId id) { return "F" + std::to_string(id.value); }

}  // namespace mbx::store
