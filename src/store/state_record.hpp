// What file names cannot carry and the index must not be alone with: the state files of folders and accounts. Text of
// one "key value" a line behind a versioned first line, closed by a checksum; written whole, synced, renamed.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/file_system.hpp"
#include "store/types.hpp"

namespace mbx::store {

inline constexpr std::string_view kFolderStateFile = "mailboxd-state";
inline constexpr std::string_view kAccountStateFile = "mailboxd-account";

// <folder>/mailboxd-state. None of its numbers ever goes back.
struct FolderRecord {
    MailboxId id;
    std::uint32_t uidvalidity = 0;
    std::uint64_t uid_ceiling = 1;     // no UID from here on was ever given
    ModSeq modseq_ceiling = 1;         // no mod-sequence from here on was ever given
    SpecialUse special_use = SpecialUse::none;
    std::string name;                  // where the directory does not say it; else empty
    std::vector<std::string> keywords; // n-th name: letter 'a' + n
    bool operator==(const FolderRecord&) const = default;
};

// <account>/mailboxd-account.
struct AccountRecord {
    std::int64_t mailbox_ceiling = 1;      // no mailbox id from here on was ever given
    std::uint32_t uidvalidity_ceiling = 1; // and no UIDVALIDITY
    bool is_set_up = false;            // the special-use mailboxes were made once
    std::set<std::string> subscriptions;
    bool operator==(const AccountRecord&) const = default;
};

std::string format_record(const FolderRecord& record);
std::string format_record(const AccountRecord& record);
// None for a wrong checksum, version or value.
std::optional<FolderRecord> parse_folder_record(std::string_view text);
std::optional<AccountRecord> parse_account_record(std::string_view text);

// The form of them all: a head line, "key value" lines, a checksum. Values hold no line end. None where the text is not
// whole or of another head. The views point into `text`.
using RecordLines = std::vector<std::pair<std::string_view, std::string_view>>;
std::string format_lines(std::string_view head, const RecordLines& lines);
std::optional<RecordLines> parse_lines(std::string_view text, std::string_view head);

}  // namespace mbx::store
