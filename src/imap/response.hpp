// The words of answers: names, flags, attributes (RFC 9051 section 7). Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "imap/command.hpp"
#include "store/types.hpp"

namespace mbx::imap {

// An astring that every client reads: quoted, or a literal where that cannot be. `utf8`: IMAP4rev2 is enabled, names are
// UTF-8 then, else modified UTF-7: UTF-8 never reaches a client that did not ask for it.
std::string mailbox_text(std::string_view name, bool utf8);

// "(\Seen $Forwarded work)"
std::string flags_text(store::Flags flags, const std::vector<std::string>& keywords);
// The FLAGS of a mailbox: "(\Answered … keywords)", with `\*` behind when `may_grow`.
std::string defined_flags_text(const std::vector<std::string>& keywords, bool may_grow);
// The same of these system flags only.
std::string permanent_flags_text(std::uint8_t system, const std::vector<std::string>& keywords, bool may_grow);
constexpr std::size_t kMaxMailboxKeywords = 26;  // what the store's names can carry

std::string_view special_use_text(store::SpecialUse use);  // "\Drafts", empty for none
bool parse_special_use(std::string_view text, store::SpecialUse& into);

// `owner`: of a mailbox of somebody else the id of his account, whose MAILBOXIDs are numbers of his own; 0 for the own ones.
std::string status_text(std::string_view name, const store::MailboxStatus& status, const std::vector<StatusItem>& items,
                        std::uint64_t append_limit, bool utf8, std::int64_t owner = 0);  // "* STATUS …" with CRLF
std::string object_id_text(store::MailboxId id, std::int64_t owner);

// How the store's refusals are told (RFC 5530): "[NONEXISTENT] no such mailbox".
std::string_view refusal_text(store::StoreError error);

}  // namespace mbx::imap
