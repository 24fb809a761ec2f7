// The searchable text of one message: decoded headers and text parts, case-folded, made when first asked for. Worker
// thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "mail/fuzzy_match.hpp"
#include "mail/search_text.hpp"

namespace mbx::imap {

class MessageSource;

class SearchText {
public:
    explicit SearchText(MessageSource& source) : source_(source) {}

    // Needles are folded (mail/case_fold.hpp).
    bool header_contains(std::string_view field, std::string_view needle);
    // Text parts, decoded, and the headers of messages inside (RFC 9051 section 6.4.4, BODY).
    bool body_contains(std::string_view needle);
    bool text_contains(std::string_view needle);  // the header too
    // RFC 6203: the best score of a field, a part.
    unsigned header_score(std::string_view field, const mail::FuzzyKey& key);
    unsigned body_score(const mail::FuzzyKey& key);
    unsigned text_score(const mail::FuzzyKey& key);
    // The day that the Date: field shows, since 1970, zone disregarded; none without a readable one.
    const std::optional<std::int64_t>& sent_day();

private:
    void load_headers();
    void load_body();
    MessageSource& source_;
    std::optional<std::vector<mail::SearchField>> headers_;
    std::optional<std::vector<std::string>> body_;  // one per part, folded
    std::optional<std::int64_t> sent_day_;
};

}  // namespace mbx::imap
