// Names in an account's undelete directory: "<number of the ExpungedRecord, hex>,<seconds of the expunge>,<mailbox
// id>,<uid>,<name that it had in cur or new>", and for a removed mailbox's directory "<number, hex>,<seconds>,<mailbox
// id>,mailbox". Files that were set aside because their record never became durable keep their own name. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "store/journal_record.hpp"

namespace mbx::store {

inline constexpr std::string_view kExpungedDirectory = "mailboxd-expunged";  // below the account's; no leading dot

struct ExpungedName {
    Lsn lsn = 0;
    std::int64_t expunged_at = 0;  // seconds since 1970, UTC
    MailboxId mailbox;
    Uid uid = 0;                   // 0: the directory of a removed mailbox
    std::string name;              // in cur or new; empty for a directory
};

std::string format_expunged_name(const ExpungedName& name);
// None for what is not of this form.
std::optional<ExpungedName> parse_expunged_name(std::string_view text);

}  // namespace mbx::store
