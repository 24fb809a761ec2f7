// CATENATE (RFC 4469): a message put together of texts that the client sends and parts of messages that are here.
#include <algorithm>

#include "imap/parser.hpp"
#include "imap/response.hpp"
#include "imap/session.hpp"
#include "imap/url_bytes.hpp"

namespace mbx::imap {

namespace {

constexpr std::size_t kUrlChunk = std::size_t{64} * 1024;
constexpr std::size_t kMaxToldUrl = 200;

// In a response code there is no place for "]", nor for what ends a line.
std::string told_url(std::string_view url)
{
    std::string told;
    for (const char c : url.substr(0, kMaxToldUrl)) {
        const bool is_plain = c > 0x20 && c < 0x7F && c != ']' && c != '"' && c != '\\';
        told += is_plain ? c : '?';
    }
    return told;
}

}  // namespace

co::Task<void> Session::append_url(const std::string& url, Upload& upload, intake::Draft& into)
{
    const auto found = co_await bytes_of_url(url);
    if (!found) {
        upload.refusal = "[BADURL \"" + told_url(url) + "\"] no such message or part here";  // RFC 4469 section 4
        co_return;
    }
    for (auto piece : found->pieces) {
        while (!piece.empty() && upload.refusal.empty()) {
            const auto now = piece.substr(0, kUrlChunk);
            piece.remove_prefix(now.size());
            if (into.size() + now.size() > options_->max_append) {
                upload.refusal = "[TOOBIG] the message is larger than APPENDLIMIT";
                co_return;
            }
            const auto appended = co_await into.append(now);
            if (!appended) upload.refusal = refusal_text(to_store_error(appended.error()));
        }
    }
}

// To the ")" behind the last part, and then what stands behind that. None: the command is answered, or it will be refused
// and nothing more of it comes.
co::Task<std::optional<std::string>> Session::receive_parts(AppendedMessage message, Upload& upload, intake::Draft* into)
{
    while (true) {
        for (const auto& url : message.urls) {
            if (into != nullptr && upload.refusal.empty()) co_await append_url(url, upload, *into);
        }
        if (!message.has_text) co_return std::move(message.rest);
        const auto there = into != nullptr ? into->size() : 0;
        if (is_too_big(message, upload) || there + message.size > options_->max_append) {
            no("[TOOBIG] the message is larger than APPENDLIMIT");
            upload.is_lost = true;
            if (!message.synchronizing) co_await give_up("literal too large");
            co_return std::nullopt;
        }
        if (!upload.refusal.empty() && message.synchronizing) co_return std::nullopt;
        co_await receive_message(message, upload, into);
        if (upload.is_lost) co_return std::nullopt;
        const auto line = co_await receive_rest_with_urls();
        upload.is_lost = !line;
        if (!line) co_return std::nullopt;
        auto next = parse_next_parts(*line, utf8_);
        if (!next) {
            bad(next.error());
            upload.is_lost = true;
            const auto end = inspect_line_end(*line);
            if (!end.well_formed || (end.literal && !end.literal->synchronizing)) co_await give_up("unexpected literal");
            co_return std::nullopt;
        }
        message = *std::move(next);
    }
}

// The rest of the line behind a text, in which URLs may be literals; none: the connection is lost.
co::Task<std::optional<std::string>> Session::receive_rest_with_urls()
{
    std::string text;
    while (true) {
        const auto line = co_await receive_rest();
        if (!line) co_return std::nullopt;
        text += *line;
        const auto end = inspect_line_end(*line);
        const bool is_whole = !end.literal || static_cast<bool>(parse_next_parts(text, utf8_));
        // What is too long for a URL, or not to be framed, is left to the parser to refuse.
        if (!end.well_formed || is_whole || end.literal->size > kMaxMessageUrl || text.size() > options_->max_line) co_return text;
        if (end.literal->synchronizing) {
            out_.add("+ go ahead\r\n");
            (void)co_await out_.flush(true);
        }
        text += "\r\n";
        auto left = static_cast<std::size_t>(end.literal->size);
        while (left != 0) {
            const auto deadline = net::Deadline::after(options_->literal_timeout);
            const auto bytes = co_await lines_.some(left, deadline);
            if (!bytes && bytes.error() == net::ReadFailure::interrupted) continue;
            if (!bytes) {
                open_ = false;
                co_return std::nullopt;
            }
            text += *bytes;
            left -= bytes->size();
        }
    }
}

}  // namespace mbx::imap
