// How mail that an account forwarded is known again when it comes back (RFC 5321 section 6.3): each account that sends a
// message on puts its mark into a field in front of it. A mark is opaque and keyed, so that nobody else can make one. But it
// says that somebody forwards, so it is in the copies that this account sends on and in no other. Pure.
#pragma once

#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "directory/account.hpp"
#include "policy/srs.hpp"
#include "smtp/recipient.hpp"

namespace mbx::smtp {

inline constexpr std::string_view kForwardField = "X-Forwarded-Mark";

// Parts those elsewhere by the messages that they leave in, numbered from 1 in the order of their first recipients: of each list
// owner and each account that forwards one; under the null reverse-path, where nobody hears of anything, of accounts that
// forward alone. Members of a list whom an account leads to are apart from its other members, as long as there is room.
inline constexpr std::size_t kMostWays = 16;
void part_ways(std::vector<OutsideRecipient>& outside, bool has_reverse_path);

// The fields in front of what leaves in this way (queue::Envelope::fields), 4,000 marks at most; empty where no account forwards.
std::string make_forward_marks(const policy::Srs& srs, const std::vector<OutsideRecipient>& outside, std::size_t way);

// Reads the marks of a header that comes in pieces; any split gives the same. Linear; holds one line and 4,000 marks.
class ForwardMarks {
public:
    void feed(std::string_view piece);
    const std::set<std::string, std::less<>>& found() const { return found_; }

private:
    static constexpr std::size_t kMostLine = 1'000;
    void end_line();
    void take(std::string_view words);
    std::string line_;
    bool is_cut_ = false;     // the line was longer than is kept
    bool is_within_ = false;  // the last field was one of ours
    bool is_over_ = false;    // the header is
    std::set<std::string, std::less<>> found_;
};

// Where one of these accounts has forwarded the message before, it keeps it this time: nothing is sent in circles, and
// nothing is lost.
struct HeldBack {
    std::vector<directory::AccountId> accounts;  // who keep it, ascending
    std::vector<std::string> addresses;          // where it does not go again
};
HeldBack hold_back(const policy::Srs& srs, const ForwardMarks& marks, std::vector<OutsideRecipient>& outside);

// Who hears of what an account forwards and cannot be delivered: the account's address, or that of the administrators.
std::string forwarder_name(const directory::Snapshot& snapshot, const OutsideRecipient& one);

} // namespace mbx::smtp
