// What a domain and an address may look like, and their one spelling by which all is compared. Pure; any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace mbx::directory {

// Why a name is refused; goes on after the name: "has an empty label".
struct BadName {
    std::string why;
};

// Lower case, IDN as A-labels (IDNA2008 with UTS 46 by libidn2): "Пример.РФ" is "xn--e1afmkfd.xn--p1ai". Two labels at
// least, letters, digits and hyphens, 253 bytes at most.
Result<std::string, BadName> normalize_domain(std::string_view text);

// The same for a domain that is only to be looked up: none for what cannot be one of ours. Cheap for ASCII.
std::optional<std::string> fold_domain(std::string_view text);

struct AddressParts {
    std::string local_part;
    std::string domain;
    std::string text() const { return local_part + "@" + domain; }
};

// The address of a new account: lower-cased (ASCII; other letters as they are), of letters, digits, . _ - ' = ~ and
// well-formed UTF-8, which as a folder name and in a shell is what it looks like. No dot in front, behind or double, no
// hyphen in front; 64 bytes at most (RFC 5321 section 4.5.3.1.1).
Result<AddressParts, BadName> parse_account_address(std::string_view text);
// Of an alias, its target, or a catch-all: any dot-atom (RFC 5321 section 4.1.2) or UTF-8 (RFC 6531 section 3.3).
Result<AddressParts, BadName> parse_alias_address(std::string_view text);

}  // namespace mbx::directory
