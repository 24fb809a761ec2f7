// What a person reads of an HTML text: for search and previews, never for display as HTML. Pure, one pass, linear; total.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace mbx::mail {

// Takes and gives UTF-8. Tags, comments, the content of script and style, and the head's but its title go; character
// references become their characters; runs of white space become one, a line end where a block ends. The texts that
// stand in attributes for people (alt, title) and the targets of links (href) follow, a line each, when
// `with_attributes`. Reads on until `most` bytes are out.
std::string html_text(std::string_view utf8, bool with_attributes, std::size_t most = SIZE_MAX);

}  // namespace mbx::mail
