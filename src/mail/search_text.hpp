// The texts of a message that SEARCH looks into (RFC 9051 section 6.4.4), decoded and folded (case_fold.hpp). The search
// itself and the index of texts both take them from here, so that no hit can be missed between the two. Pure. Any thread.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "mail/mime.hpp"

namespace mbx::mail {

struct SearchField {
    std::string name;  // lower case; empty for a line that is no field
    std::string text;  // decoded, folded
};

// The fields of the message's own header.
std::vector<SearchField> searchable_header(std::string_view message);

// Gives `take` one text after another: of each text part what it says (of HTML what a person reads, with the targets of
// links), from any transfer encoding and charset; the headers of messages inside; the file names of parts. Ends when
// `take` answers false or when a part of more than `most_raw` bytes comes up; answers whether all was given.
bool visit_searchable_body(std::string_view message, const Structure& structure, std::size_t most_raw,
                           const std::function<bool(std::string&&)>& take);

}  // namespace mbx::mail
