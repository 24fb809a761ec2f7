// An address list cut at its commas, and whether each piece is an address as RFC 5322 section 3.4 writes one: "a@b", "<a@b>",
// "Name <a@b>", with comments and quoted words; or as RCPT takes it, "@r,@s:a@b". What is read leniently (mail/address_list) is guessed where it is not. Pure.
#pragma once

#include <cstddef>
#include <string_view>
#include <vector>

namespace mbx::sendmail {

struct ListElement {
    std::string_view text;   // of the list, without blanks around it; never empty
    bool is_whole = true;    // false: words beside an address, a bracket or quote that is not closed, a group without its end
    bool has_route = false;  // a source route stands before it, and no brackets around both
};

// At most `most`. The name of a group is no element, nor are its ":" and ";".
std::vector<ListElement> split_list(std::string_view list, std::size_t most);

}  // namespace mbx::sendmail
