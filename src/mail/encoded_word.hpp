// Encoded words (RFC 2047, with RFC 2231's language tag): how header text beyond ASCII travels. Decoding is for display
// and search only; addresses and tokens are never decoded. Pure but for iconv, linear, any thread.
#pragma once

#include <string>
#include <string_view>

namespace mbx::mail {

// An unstructured value or a phrase as UTF-8 on one line. White space between two encoded words goes; neighbours of one
// charset are joined before they are converted, so that a character split between them survives; words longer than 75
// and words glued to other text are decoded as well; what decodes badly stays as it is. Decoded text is not decoded
// again. Control bytes, also encoded ones, are removed (HOSTILE row D8); the result is well-formed UTF-8.
std::string decode_encoded_words(std::string_view raw_value);

// The other way, for fields that we write: ASCII text comes back as it is (line ends become spaces), other UTF-8 as
// encoded words of at most 75 characters, each with whole characters, separated by CRLF SP when `fold`, else by SP.
// Text that looks like an encoded word is encoded too, so that decoding gives it back.
std::string encode_words(std::string_view utf8, bool fold = true);

}  // namespace mbx::mail
