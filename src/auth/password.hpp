// Password hashes: Argon2id of our own making (libsodium), crypt(3) and other Argon2 ones from elsewhere. Each check
// costs tens of milliseconds and megabytes on purpose: worker threads only.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>

#include "base/error.hpp"
#include "base/result.hpp"

namespace mbx::auth {

constexpr std::size_t kMaxPassword = 1024;  // bytes (HOSTILE row J7)

// What every front holds to: 1 to 1,024 bytes without NUL. Otherwise bytes are bytes, as they were when the hash was made.
bool is_acceptable_password(std::string_view password);

// Overwrites the bytes so that no optimizer leaves them, then clears. Also what was beyond the size.
void wipe(std::string& secret);

// A text that wipes itself. Moving leaves nothing behind.
class Secret {
public:
    Secret() = default;
    // A short string is copied, not moved: its source keeps the bytes in its own buffer.
    explicit Secret(std::string&& text) : text_(std::move(text)) { wipe(text); }
    Secret(Secret&& other) noexcept { text_.swap(other.text_); }
    Secret& operator=(Secret&& other) noexcept
    {
        text_.swap(other.text_);
        return *this;
    }
    Secret(const Secret&) = delete;
    Secret& operator=(const Secret&) = delete;
    ~Secret() { wipe(text_); }
    const std::string& text() const { return text_; }

private:
    std::string text_;
};

struct HashCost {
    std::size_t memory;  // bytes
    unsigned passes;
};

// "$argon2id$v=19$m=19456,t=2,p=1$…". Fails when there is not enough memory.
Result<std::string, Error> make_password_hash(std::string_view password, HashCost cost);

// Of our own Argon2id, of Argon2i, and of what crypt(3) knows ($6$, $5$, $y$, $2b$, …), also behind {CRYPT},
// {SHA512-CRYPT}, {SHA256-CRYPT}, {BLF-CRYPT}, {ARGON2ID} or {ARGON2I} as Dovecot writes them.
bool verify_password(std::string_view hash, std::string_view password);

// Whether the hash is not Argon2id of exactly this cost.
bool needs_upgrade(std::string_view hash, HashCost cost);
// Whether checking it runs Argon2.
bool is_argon2(std::string_view hash);

// For hashes from outside, before they are stored: whether verify_password knows the kind, and its cost is one that
// cannot stop the server (HOSTILE row J3).
Result<void, Error> check_imported_hash(std::string_view hash);

// A well-formed hash of that cost which no password fits; made without hashing. For accounts that do not exist.
std::string make_unmatchable_hash(HashCost cost);

}  // namespace mbx::auth
