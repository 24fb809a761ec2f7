// Messages made fit for a peer that takes less than they hold (RFC 6152 section 3, RFC 2045 section 6): parts in 8bit or
// binary, with NUL or with lines over 998 octets become quoted-printable or base64, each by itself; header fields stay as
// they are but for Content-Transfer-Encoding. Decoded, the result is what the message was. Two passes over the bytes,
// both in pieces of any size: a survey that decides, and the writing; memory is bounded by one header section and some
// bytes a part. Pure; linear; total. One thread at a time. HOSTILE row A7.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace mbx::mail {

inline constexpr std::uint64_t kMaxTextLine = 998;  // octets without the CRLF (RFC 5321 section 4.5.3.1.6)

// What a message holds, by one look over its bytes.
struct ContentFacts {
    std::uint64_t bytes = 0;
    std::uint64_t wire_bytes = 0;     // with each bare LF made CRLF and a line end behind the last line
    std::uint64_t longest_line = 0;   // octets, without its line end
    bool eight_bit = false;           // anywhere
    bool header_eight_bit = false;    // in the message's own header: only SMTPUTF8 has that (RFC 6532)
    bool nul = false;
    bool stray = false;               // a CR or LF that is not part of a CRLF
    bool ends_with_line = true;       // CRLF, or no byte at all
    bool operator==(const ContentFacts&) const = default;
};

class ContentScan {
public:
    void feed(std::string_view piece);
    // Complete once everything was fed; may be asked any time.
    ContentFacts facts() const;

private:
    void take_run(std::string_view run);
    void end_line(bool is_crlf);

    ContentFacts facts_;
    std::uint64_t line_ = 0;
    std::uint64_t bare_line_feeds_ = 0;
    bool in_header_ = true;
    bool held_cr_ = false;
    bool at_line_end_ = true;  // nothing behind the last CRLF
};

// What may be left in the result.
enum class ContentTarget : std::uint8_t {
    seven_bit,  // US-ASCII
    eight_bit,  // 8-bit text too (the peer has 8BITMIME), but no NUL and no long line
};

enum class LeafChange : std::uint8_t {
    keep,
    quoted_printable,
    base64_text,               // line ends made CRLF first
    base64_bytes,              // as they are
    recode_quoted_printable,   // was so already, but held what no encoding may
    recode_base64,
};

struct DowngradePlan {
    // Of the parts without parts, in their order.
    std::vector<LeafChange> leaves;
    // False: it holds 8-bit bytes where no encoding reaches (a header field, a transfer encoding that nobody knows), or
    // more parts than we look into. The sender is told 5.6.3.
    bool is_possible = true;
    // It is not possible because what would have to change is signed (RFC 1847 section 2.1, RFC 3156 section 3: such parts are to be
    // 7-bit from the start). They are never touched, not even their headers.
    bool is_signed = false;
    bool changes_bodies = false;  // a signature over the body as a whole (DKIM) will not verify behind us
    std::uint64_t size = 0;       // about, and rather too much: of the result, for SIZE=
};

class DowngradeSurvey {
public:
    explicit DowngradeSurvey(ContentTarget target);
    ~DowngradeSurvey();
    DowngradeSurvey(const DowngradeSurvey&) = delete;
    DowngradeSurvey& operator=(const DowngradeSurvey&) = delete;
    void feed(std::string_view piece);
    // Once, behind the last piece.
    DowngradePlan finish();

private:
    struct State;
    std::unique_ptr<State> state_;
};

// Writes by the plan of a survey over the same bytes; only for a plan that is possible. Every line of the result ends
// with CRLF and no other CR or LF is in it.
class Downgrader {
public:
    Downgrader(ContentTarget target, DowngradePlan plan);
    ~Downgrader();
    Downgrader(const Downgrader&) = delete;
    Downgrader& operator=(const Downgrader&) = delete;
    // Appends to `out`.
    void feed(std::string_view piece, std::string& out);
    void finish(std::string& out);

private:
    struct State;
    std::unique_ptr<State> state_;
};

// Both passes over a message that is at hand whole; none when it is not possible.
std::unique_ptr<std::string> downgrade(std::string_view message, ContentTarget target);

}  // namespace mbx::mail
