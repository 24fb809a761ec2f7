// The parts of a message as its bytes stream by: headers whole, bodies in pieces. What is a part is decided as
// parse_structure() does it (mime.hpp), but for messages of type message/global and in a transfer encoding, which are not
// looked into. Memory: one header section and one line that may be a delimiter. For downgrade.hpp. Pure; linear.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "mail/header.hpp"
#include "mail/mime.hpp"

namespace mbx::mail {

enum class WalkKind : std::uint8_t {
    leaf,
    multipart,  // its parts follow, each behind a delimiter
    message,    // the header of the embedded message follows
};

struct WalkedHeader {
    const Header& header;        // of its bytes; the separator is not among the fields
    const Part& part;            // what the header says
    WalkKind kind = WalkKind::leaf;
    bool is_message = false;     // the message's own header, or an embedded message's
    bool has_separator = false;  // no: it was cut off, and has no body
    bool is_signed = false;      // somewhere within a multipart/signed (RFC 1847 section 2.1)
};

class WalkSink {
public:
    virtual ~WalkSink() = default;
    virtual void header(const WalkedHeader& walked) = 0;
    // Bytes of a body: of the leaf whose header came last, or behind a multipart's header and behind a last delimiter
    // what belongs to nobody. No line end is in it; a CR in it is a stray one.
    virtual void text(std::string_view run) = 0;
    virtual void line_end(bool is_crlf) = 0;
    // Ends what came before. `line` without white space behind it; `follows_line_end`: a line end stood before it that is its
    // own (RFC 2046 section 5.1.1), told nowhere else.
    virtual void delimiter(std::string_view line, bool follows_line_end, bool is_last) = 0;
};

class MimeWalk {
public:
    explicit MimeWalk(WalkSink& sink, MimeLimits limits = {}) : sink_(sink), limits_(limits) {}
    void feed(std::string_view piece);
    void finish();
    // Something was passed over: too deep, too many parts, a header too large.
    bool over_limits() const { return over_limits_; }

private:
    struct OpenMultipart {
        std::string boundary;
        bool is_digest = false;
        bool is_signed = false;   // it, or one that it is a part of
        std::uint32_t depth = 0;  // of its parts
    };
    struct Match {
        std::size_t level = 0;
        bool is_last = false;
        std::string_view line;
    };

    void run(std::string_view text);
    void end_of_line(bool is_crlf);
    void end_header_line(bool is_crlf);
    void run_in_body(std::string_view text);
    void release_held();
    void give_line_end();
    void end_header(bool has_separator);
    bool find_delimiter(std::string_view line, Match& match) const;
    void take_delimiter(const Match& match);

    WalkSink& sink_;
    MimeLimits limits_;
    std::vector<OpenMultipart> open_;
    std::string header_;
    std::size_t header_line_ = 0;  // where its last line begins
    std::string held_;             // a line of a body that may be a delimiter
    std::uint32_t depth_ = 0;
    std::size_t parts_ = 1;
    bool in_header_ = true;
    bool is_message_ = true;       // the header is a message's
    bool at_line_start_ = true;
    bool held_cr_ = false;
    bool owes_line_end_ = false;   // the last line end of a body may be a delimiter's
    bool owed_is_crlf_ = false;
    bool over_limits_ = false;
};

}  // namespace mbx::mail
