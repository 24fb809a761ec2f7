// One HTTP response, and how errors look in it: problem+json (RFC 9457). Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "base/error.hpp"
#include "http/fields.hpp"

namespace mbx::http {

struct Response {
    int status = 200;
    std::string content_type;     // empty: the response has no content
    std::string body;
    std::string_view fixed_body;  // instead of `body`: bytes that live as long as the program
    std::string cache_control = "no-store";
    std::vector<Field> fields;
    bool close = false;           // the connection ends after it

    std::string_view content() const { return fixed_body.empty() ? std::string_view(body) : fixed_body; }
};

std::string_view reason_phrase(int status);

Response json_response(int status, std::string body);
Response text_response(int status, std::string_view content_type, std::string body);
Response no_content();

// What happened in a person's words, with the parts of the Error as members of their own.
Response problem(int status, const Error& error);
Response problem(int status, std::string_view detail);

// The status line and all fields up to the empty line. Every answer carries the security fields (HOSTILE rows K4, K7).
std::string serialise_head(const Response& response, bool keeps_alive, WallTime now);

// "Sun, 06 Nov 1994 08:49:37 GMT" (RFC 9110 section 5.6.7).
std::string http_date(WallTime time);

// A JSON string with its quotes; bytes that are not UTF-8 appear as \x.. text.
std::string json_string(std::string_view text);

}  // namespace mbx::http
