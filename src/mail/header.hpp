// Header sections of messages and body parts (RFC 5322 section 2.2): where each field lies, and no more than that. Pure;
// linear time; total: every byte of any input belongs to exactly one field, to the separator, or to the body. Any thread.
//
// A line ends at CRLF or at a bare LF (files of other tools); a bare CR is a byte like another. The header ends with the
// first line that is quite empty, or with the bytes. A line that begins with a space or tab goes on with the field above
// it, also when nothing follows on it (obs-FWS). A line that is no field (no colon, a name with spaces, control or 8-bit
// bytes, an mbox "From " line, a continuation of nothing) is given as a field with an empty name: nothing is lost, and
// what was injected behind such a line is still seen as header.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace mbx::mail {

// Views point into the bytes that were scanned.
struct HeaderField {
    std::string_view name;   // as written, without white space before the colon; empty: the line is no field
    std::string_view value;  // behind the colon up to the field's last line end, with its folds; empty for no field
    std::string_view whole;  // name, colon, value and last line end
    std::size_t offset = 0;  // of `whole` in the scanned bytes
};

// HOSTILE row D1: SMTP refuses what is over (552 5.3.4), readers stop to look at fields and still find the body.
struct HeaderLimits {
    std::size_t bytes = 1024 * 1024;  // of the whole header with its separator
    std::size_t fields = 10'000;      // lines that are no fields count too
};

// Walks over the fields of a message that is at hand whole.
//   HeaderScanner header(message);
//   while (const auto field = header.next()) …
class HeaderScanner {
public:
    explicit HeaderScanner(std::string_view bytes, HeaderLimits limits = {}) : bytes_(bytes), limits_(limits) {}

    // None behind the last field, and from where the limits are passed.
    std::optional<HeaderField> next();
    // Scans on to the end of the header, over the limits too, and gives the offset of the body's first byte: behind the
    // separating empty line, or the size of the bytes when there is none.
    std::size_t body_offset();
    // Both complete after next() gave none or body_offset() was asked.
    bool has_separator() const { return has_separator_; }
    bool over_limits() const { return over_limits_; }

private:
    std::size_t field_end(std::size_t from) const;
    std::string_view bytes_;
    HeaderLimits limits_;
    std::size_t position_ = 0;
    std::size_t fields_ = 0;
    bool done_ = false;
    bool has_separator_ = false;
    bool over_limits_ = false;
};

// All fields at once, and where the body begins.
struct Header {
    std::vector<HeaderField> fields;
    std::size_t body_offset = 0;
    bool has_separator = false;
    bool over_limits = false;

    // The first field of that name, in any case; nullptr: none.
    const HeaderField* find(std::string_view name) const;
    std::size_t count(std::string_view name) const;
};
Header parse_header(std::string_view bytes, HeaderLimits limits = {});

std::optional<HeaderField> find_field(std::string_view bytes, std::string_view name);
std::vector<HeaderField> find_fields(std::string_view bytes, std::string_view name);

// A raw value on one line (RFC 5322 section 2.2.3): line ends go, the white space behind them stays; white space at both
// ends goes; a NUL or bare CR becomes a space, so that the result fits any field, log line or IMAP string.
std::string unfold(std::string_view raw_value);

// Whether a field may be called so (RFC 5322 section 3.6.8: printable ASCII but the colon, at least one).
bool is_field_name(std::string_view name);

// What SMTP asks about a header that streams through it during DATA.
struct HeaderFacts {
    std::uint64_t header_bytes = 0;  // so far; with the separating empty line once it came
    std::uint64_t fields = 0;        // lines that are no fields count too
    std::uint32_t received = 0;      // loop detection (RFC 5321 section 6.3)
    std::uint32_t from = 0;
    std::uint32_t sender = 0;
    std::uint32_t date = 0;
    std::uint32_t message_id = 0;
    bool complete = false;     // the separator came, or finish() was called
    bool over_limits = false;  // stays set

    bool operator==(const HeaderFacts&) const = default;
};

// The same reading as HeaderScanner's, from pieces as they come, in constant memory: any split gives the same facts.
// One thread at a time.
class IncrementalHeaderScanner {
public:
    explicit IncrementalHeaderScanner(HeaderLimits limits = {}) : limits_(limits) {}

    // Bytes behind the header are ignored, so the whole message may be fed.
    void feed(std::string_view piece);
    // The message is over: a header without a separator is complete too.
    void finish();
    const HeaderFacts& facts() const { return facts_; }

private:
    enum class State : std::uint8_t { line_start, line_start_cr, name, name_space, rest };
    void take(char c);
    void begin_field();
    void begin_name(char c);
    void end_name();
    HeaderLimits limits_;
    HeaderFacts facts_;
    State state_ = State::line_start;
    std::array<char, 16> name_{};  // long enough for every name that is counted
    std::size_t name_size_ = 0;    // may pass the array: such a name is none of ours
};

}  // namespace mbx::mail
