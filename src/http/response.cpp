#include "http/response.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <ctime>
#include <utility>

#include "base/ascii.hpp"

namespace mbx::http {
namespace {

// No inline script or style anywhere, nothing from elsewhere, no framing (HOSTILE rows K4 and K7).
constexpr std::string_view kSecurityFields =
    "Content-Security-Policy: default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; "
    "object-src 'none'\r\n"
    "Cross-Origin-Opener-Policy: same-origin\r\n"
    "Cross-Origin-Resource-Policy: same-origin\r\n"
    "Referrer-Policy: no-referrer\r\n"
    "X-Content-Type-Options: nosniff\r\n";

// A line break in a value would begin a field of the attacker's choice.
std::string one_line(std::string_view value)
{
    std::string out(value);
    std::ranges::replace_if(out, [](char c) { return ascii::is_control(c) && c != '\t'; }, '?');
    return out;
}

bool may_have_content(int status) { return status >= 200 && status != 204 && status != 304; }

}  // namespace

std::string_view reason_phrase(int status)
{
    struct Phrase {
        int status;
        std::string_view text;
    };
    constexpr std::array kPhrases = {
        Phrase{100, "Continue"},            Phrase{200, "OK"},
        Phrase{201, "Created"},             Phrase{202, "Accepted"},
        Phrase{204, "No Content"},          Phrase{304, "Not Modified"},
        Phrase{400, "Bad Request"},         Phrase{403, "Forbidden"},
        Phrase{404, "Not Found"},           Phrase{405, "Method Not Allowed"},
        Phrase{408, "Request Timeout"},     Phrase{409, "Conflict"},
        Phrase{413, "Content Too Large"},   Phrase{414, "URI Too Long"},
        Phrase{415, "Unsupported Media Type"}, Phrase{417, "Expectation Failed"},
        Phrase{421, "Misdirected Request"}, Phrase{422, "Unprocessable Content"},
        Phrase{431, "Request Header Fields Too Large"}, Phrase{500, "Internal Server Error"},
        Phrase{501, "Not Implemented"},     Phrase{503, "Service Unavailable"},
        Phrase{505, "HTTP Version Not Supported"}};
    const auto* const found = std::ranges::find(kPhrases, status, &Phrase::status);
    return found == kPhrases.end() ? "Unknown" : found->text;
}

Response json_response(int status, std::string body) { return text_response(status, "application/json", std::move(body)); }

Response text_response(int status, std::string_view content_type, std::string body)
{
    Response response;
    response.status = status;
    response.content_type = content_type;
    response.body = std::move(body);
    return response;
}

Response no_content()
{
    Response response;
    response.status = 204;
    return response;
}

Response problem(int status, const Error& error)
{
    std::string body = fmt::format(
        "{{\"type\":\"about:blank\",\"title\":{},\"status\":{},\"detail\":{},\"attempted\":{},\"happened\":{},"
        "\"advice\":{}}}\n",
        json_string(reason_phrase(status)), status, json_string(error.text()), json_string(error.attempted),
        json_string(error.happened), json_string(error.advice));
    return text_response(status, "application/problem+json", std::move(body));
}

Response problem(int status, std::string_view detail)
{
    std::string body =
        fmt::format("{{\"type\":\"about:blank\",\"title\":{},\"status\":{},\"detail\":{}}}\n",
                    json_string(reason_phrase(status)), status, json_string(detail));
    return text_response(status, "application/problem+json", std::move(body));
}

std::string serialise_head(const Response& response, bool keeps_alive, WallTime now)
{
    std::string head = fmt::format("HTTP/1.1 {} {}\r\nDate: {}\r\n", response.status, reason_phrase(response.status),
                                   http_date(now));
    if (may_have_content(response.status)) {
        if (!response.content_type.empty()) head += "Content-Type: " + one_line(response.content_type) + "\r\n";
        head += fmt::format("Content-Length: {}\r\n", response.content().size());
    }
    head += "Cache-Control: " + one_line(response.cache_control) + "\r\n";
    head += keeps_alive ? "Connection: keep-alive\r\n" : "Connection: close\r\n";
    for (const Field& field : response.fields) head += one_line(field.name) + ": " + one_line(field.value) + "\r\n";
    head += kSecurityFields;
    head += "\r\n";
    return head;
}

std::string http_date(WallTime time)
{
    constexpr std::array kDays = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    constexpr std::array kMonths = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                    "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    const std::time_t seconds = std::chrono::system_clock::to_time_t(time);
    std::tm parts{};
    ::gmtime_r(&seconds, &parts);
    return fmt::format("{}, {:02} {} {} {:02}:{:02}:{:02} GMT", kDays.at(static_cast<std::size_t>(parts.tm_wday)),
                       parts.tm_mday, kMonths.at(static_cast<std::size_t>(parts.tm_mon)), parts.tm_year + 1900,
                       parts.tm_hour, parts.tm_min, parts.tm_sec);
}

std::string json_string(std::string_view text)
{
    const std::string safe = ascii::is_utf8(text) ? std::string(text) : ascii::printable(text, 2000);
    std::string out = "\"";
    for (const char c : safe) {
        if (c == '"' || c == '\\') {
            out += '\\';
            out += c;
        } else if (ascii::is_control(c)) {
            out += fmt::format("\\u{:04x}", static_cast<unsigned>(static_cast<unsigned char>(c)));
        } else {
            out += c;
        }
    }
    return out + "\"";
}

}  // namespace mbx::http
