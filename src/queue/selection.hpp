// Which mail an administrator means: for one act (Queue::act), or from now on (a standing hold). Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace mbx::queue {

// Empty members let all through, several must all hold.
struct Selection {
    std::vector<std::string> ids;
    std::string destination;  // domain of a recipient that is not final
    std::string sender;       // reverse-path, or "@domain" for all of a domain; "<>" for the null one
    std::string recipient;    // address
    bool is_all = false;      // an act on everything has to say so

    bool is_blank() const { return ids.empty() && destination.empty() && sender.empty() && recipient.empty(); }
    bool means_sender(std::string_view reverse_path) const;
    bool means_recipient(std::string_view address) const;
    // But for ids, and in any case of letters.
    bool is_same(const Selection& other) const;
};

// As mail has its domains: `destination`, and the domain that `sender` is, without the dot of the DNS at the end.
void drop_final_dots(Selection& selection);

// Why no mail can ever be meant by it, in a clause ("the sender @ is neither an address, @domain nor <>"); empty: some can.
std::string fault_of(const Selection& selection);

// "all mail to example.org", "all mail from anna@example.net to example.org", "all mail".
std::string describe(const Selection& selection);

}  // namespace mbx::queue
