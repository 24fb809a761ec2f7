#include "http/client.hpp"

#include <fmt/core.h>
#include <llhttp.h>

#include <array>
#include <utility>

namespace mbx::http {
namespace {

constexpr std::size_t kMaxHead = 64U * 1024;

std::string serialise(const ClientRequest& request)
{
    std::string bytes = fmt::format("{} {} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\nAccept: application/json\r\n",
                                    method_name(request.method), request.target, request.host);
    for (const Field& field : request.fields) bytes += field.name + ": " + field.value + "\r\n";
    if (!request.content_type.empty()) {
        bytes += fmt::format("Content-Type: {}\r\nContent-Length: {}\r\n", request.content_type, request.body.size());
    } else if (request.method == Method::post || request.method == Method::put || request.method == Method::patch) {
        bytes += "Content-Length: 0\r\n";  // RFC 9110 section 8.6
    }
    return bytes + "\r\n" + request.body;
}

// Collects one response; llhttp's callbacks return non-zero to stop.
class ResponseCollector {
public:
    ResponseCollector(ClientLimits limits, bool is_head) : limits_(limits), is_head_(is_head)
    {
        llhttp_settings_init(&settings_);
        settings_.on_header_field = [](llhttp_t* parser, const char* at, std::size_t n) {
            return self(parser).collect(self(parser).name_, {at, n});
        };
        settings_.on_header_value = [](llhttp_t* parser, const char* at, std::size_t n) {
            return self(parser).collect(self(parser).value_, {at, n});
        };
        settings_.on_header_value_complete = [](llhttp_t* parser) { return self(parser).field_complete(); };
        settings_.on_headers_complete = [](llhttp_t* parser) { return self(parser).head_complete(); };
        settings_.on_body = [](llhttp_t* parser, const char* at, std::size_t n) { return self(parser).body({at, n}); };
        settings_.on_message_complete = [](llhttp_t* parser) { return self(parser).complete(); };
        llhttp_init(&parser_, HTTP_RESPONSE, &settings_);
        parser_.data = this;
    }
    ResponseCollector(const ResponseCollector&) = delete;
    ResponseCollector& operator=(const ResponseCollector&) = delete;

    // False when no more is wanted.
    bool feed(std::string_view bytes)
    {
        const llhttp_errno_t outcome = llhttp_execute(&parser_, bytes.data(), bytes.size());
        is_malformed_ = outcome != HPE_OK && !is_complete_ && !is_too_large_;
        return outcome == HPE_OK && !is_complete_;
    }
    void end() { (void)llhttp_finish(&parser_); }

    bool is_complete() const { return is_complete_; }
    bool is_malformed() const { return is_malformed_; }
    bool is_too_large() const { return is_too_large_; }
    ClientResponse take() { return std::move(response_); }

private:
    static ResponseCollector& self(llhttp_t* parser) { return *static_cast<ResponseCollector*>(parser->data); }

    int collect(std::string& into, std::string_view piece)
    {
        head_bytes_ += piece.size() + 1;
        is_too_large_ = head_bytes_ > kMaxHead;
        into += piece;
        return is_too_large_ ? -1 : 0;
    }
    int field_complete()
    {
        response_.fields.add(std::exchange(name_, {}), std::exchange(value_, {}));
        return 0;
    }
    int head_complete()
    {
        response_.status = parser_.status_code;
        // RFC 9110 section 15.2: interim responses come before the one that counts.
        is_interim_ = response_.status < 200;
        return is_head_ ? 1 : 0;
    }
    int body(std::string_view piece)
    {
        is_too_large_ = response_.body.size() + piece.size() > limits_.body_bytes;
        if (is_too_large_) return -1;
        response_.body += piece;
        return 0;
    }
    int complete()
    {
        if (is_interim_) {
            response_ = ClientResponse{};
            return 0;
        }
        is_complete_ = true;
        return HPE_PAUSED;
    }

    ClientLimits limits_;
    bool is_head_;
    llhttp_settings_t settings_{};
    llhttp_t parser_{};
    ClientResponse response_;
    std::string name_;
    std::string value_;
    std::size_t head_bytes_ = 0;
    bool is_interim_ = false;
    bool is_complete_ = false;
    bool is_malformed_ = false;
    bool is_too_large_ = false;
};

}  // namespace

co::Task<Result<ClientResponse, ClientError>> fetch(net::ByteStream& stream, ClientRequest request, ClientLimits limits)
{
    const net::Deadline deadline = net::Deadline::after(limits.time);
    const std::string bytes = serialise(request);
    // A server that refuses early answers and closes while we still write: what it said is worth reading.
    (void)co_await stream.write(bytes, deadline);
    ResponseCollector collector(limits, request.method == Method::head);
    std::array<char, 8192> buffer{};
    bool more = true;
    while (more) {
        const auto got = co_await stream.read_some(buffer, deadline);
        if (!got && got.error() == net::IoError::timed_out) co_return ClientError::timed_out;
        if (!got || *got == 0) {
            collector.end();
            break;
        }
        more = collector.feed(std::string_view(buffer.data(), *got));
    }
    if (collector.is_complete()) co_return collector.take();
    if (collector.is_too_large()) co_return ClientError::too_large;
    if (collector.is_malformed()) co_return ClientError::malformed;
    co_return ClientError::unreachable;
}

}  // namespace mbx::http
