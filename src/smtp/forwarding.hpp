// How mail that an account forwarded is known again when it comes back (RFC 5321 section 6.3): each account that sends a
// message on puts its mark into a field in front of it. A mark is opaque and keyed, so that it gives nobody away and nobody
// else can make one. Pure.
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

// The fields for a message that is sent on to these; empty where no account forwards.
std::string make_forward_marks(const policy::Srs& srs, const std::vector<OutsideRecipient>& outside);

// Reads the marks of a header that comes in pieces; any split gives the same. Linear; holds one line and kMostMarks marks.
class ForwardMarks {
public:
    void feed(std::string_view piece);
    const std::set<std::string, std::less<>>& found() const { return found_; }

private:
    static constexpr std::size_t kMostMarks = 4'000;
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
