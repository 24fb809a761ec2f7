// COMPARATOR (RFC 5255 section 4.7). There is one: i;unicode-casemap (RFC 5051), which SEARCH, SORT and THREAD use.
#include <algorithm>

#include "base/ascii.hpp"
#include "imap/session.hpp"

namespace mbx::imap {

namespace {

constexpr std::string_view kUnicodeCasemap = "i;unicode-casemap";

// RFC 5255 section 4.10, by way of the registry of comparators: a name in which "*" stands for anything, at most as its first and its last character. ASCII, in any
// case, and no more than one name is long: linear.
bool matches(std::string_view wanted)
{
    if (ascii::same(wanted, "default")) return true;
    const bool open_front = wanted.starts_with('*');
    if (open_front) wanted.remove_prefix(1);
    const bool open_back = wanted.ends_with('*') || (open_front && wanted.empty());
    if (wanted.ends_with('*')) wanted.remove_suffix(1);
    const std::string name(kUnicodeCasemap);
    const std::string part = ascii::to_lower(wanted);
    if (open_front && open_back) return name.find(part) != std::string::npos;
    if (open_front) return name.ends_with(part);
    return open_back ? name.starts_with(part) : name == part;
}

}  // namespace

co::Task<void> Session::handle(const Comparator& command)
{
    if (!command.wanted.empty() && std::ranges::none_of(command.wanted, matches)) {
        no("[BADCOMPARATOR] there is i;unicode-casemap alone");
        co_return;
    }
    out_.add("* COMPARATOR \"" + std::string(kUnicodeCasemap) + "\"\r\n");
    ok("COMPARATOR completed");
}

}  // namespace mbx::imap
