// Line ends. The house keeps and serves CRLF; files that other tools put into a Maildir may have bare LF, and are turned
// into their wire form once, whole, before offsets are taken from them. Pure, linear. Any thread.
#pragma once

#include <string>
#include <string_view>

namespace mbx::mail {

// Whether every LF has a CR before it. (A bare CR is no line end and stays as it is.)
bool is_canonical_crlf(std::string_view bytes);

// The bytes with a CR put before every LF that has none. What is canonical comes back unchanged.
std::string canonical_crlf(std::string_view bytes);

}  // namespace mbx::mail
