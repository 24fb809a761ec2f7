// Content-Transfer-Encoding (RFC 2045 section 6). Decoders are lenient and never fail (HOSTILE row D6); output is never
// longer than input. Pure, linear, constant memory beside the output; any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace mbx::mail {

enum class TransferEncoding : std::uint8_t {
    seven_bit,
    eight_bit,
    binary,
    base64,
    quoted_printable,
    uuencode,  // x-uuencode and its kin: told apart, passed through as bytes (nothing is unpacked, HOSTILE row D5)
    unknown,   // passed through; BINARY answers [UNKNOWN-CTE]
};

// A field's value in any case, with comments; empty means 7bit (section 6.1).
TransferEncoding parse_transfer_encoding(std::string_view raw_value);

// Decodes from pieces; any split gives the same bytes. Decoded bytes are appended to `out`.
// base64: bytes outside the alphabet are skipped; "=" ends a group, and what follows begins a new one; a last lone
// character is dropped. quoted-printable: "=" with two hexadecimal digits of any case; "=" at the end of a line (white
// space behind it allowed) joins lines; another "=" stands for itself; white space at the end of a line goes (section
// 6.7 rule 3; runs beyond 4096 bytes are content); line ends stay as they are.
class TransferDecoder {
public:
    explicit TransferDecoder(TransferEncoding encoding) : encoding_(encoding) {}
    void feed(std::string_view piece, std::string& out);
    // Call once, after the last piece.
    void finish(std::string& out);

private:
    void feed_base64(std::string_view piece, std::string& out);
    void flush_base64(std::string& out);
    void feed_quoted(char c, std::string& out);
    void feed_quoted_escape(char c, std::string& out);
    void plain_quoted(char c, std::string& out);
    TransferEncoding encoding_;
    std::uint32_t bits_ = 0;        // base64: collected bits
    unsigned sextets_ = 0;          // base64: characters of the group so far
    std::string pending_;           // quoted-printable: an unfinished "=…", or white space and CR that may go
    bool in_escape_ = false;        // quoted-printable: pending_ begins with "="
};

std::string decode_transfer(std::string_view body, TransferEncoding encoding);

// Lines of 76 characters, each ended by CRLF; nothing for nothing.
std::string encode_base64_lines(std::string_view bytes);
// Lines of at most 76 characters. CRLF (and bare LF) in `text` are line ends and become CRLF; every other byte comes back
// from decoding as it was.
std::string encode_quoted_printable(std::string_view text);

}  // namespace mbx::mail
