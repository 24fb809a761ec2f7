#include "http/request_parser.hpp"

#include <llhttp.h>

#include <cassert>
#include <optional>
#include <utility>

#include "base/ascii.hpp"

namespace mbx::http {
namespace {

Method method_of(std::uint8_t number)
{
    switch (number) {
    case HTTP_GET: return Method::get;
    case HTTP_HEAD: return Method::head;
    case HTTP_POST: return Method::post;
    case HTTP_PUT: return Method::put;
    case HTTP_PATCH: return Method::patch;
    case HTTP_DELETE: return Method::remove;
    case HTTP_OPTIONS: return Method::options;
    default: return Method::other;
    }
}

}  // namespace

struct RequestParser::State {
    explicit State(RequestLimits of) : limits(of)
    {
        llhttp_settings_init(&settings);
        settings.on_message_begin = [](llhttp_t* parser) { return self(parser).begin(); };
        settings.on_url = [](llhttp_t* parser, const char* at, std::size_t n) { return self(parser).url({at, n}); };
        settings.on_header_field = [](llhttp_t* parser, const char* at, std::size_t n) {
            return self(parser).field_name({at, n});
        };
        settings.on_header_value = [](llhttp_t* parser, const char* at, std::size_t n) {
            return self(parser).field_value({at, n});
        };
        settings.on_header_value_complete = [](llhttp_t* parser) { return self(parser).field_complete(); };
        settings.on_headers_complete = [](llhttp_t* parser) { return self(parser).head_complete(); };
        settings.on_body = [](llhttp_t* parser, const char* at, std::size_t n) { return self(parser).body({at, n}); };
        settings.on_chunk_header = [](llhttp_t* parser) { return self(parser).chunk_header(); };
        settings.on_chunk_extension_name = [](llhttp_t* parser, const char*, std::size_t n) {
            return self(parser).chunk_extension(n);
        };
        settings.on_chunk_extension_value = settings.on_chunk_extension_name;
        settings.on_message_complete = [](llhttp_t* parser) { return self(parser).complete(); };
        restart();
    }

    static State& self(llhttp_t* parser) { return *static_cast<State*>(parser->data); }

    void restart()
    {
        // A parser of its own for every request: nothing of one message can colour the reading of the next.
        llhttp_init(&parser, HTTP_REQUEST, &settings);
        parser.data = this;
        request = Request{};
        progress = Progress::idle;
        head_raw = field_bytes = fields = extension_bytes = 0;
        name.clear();
        value.clear();
    }

    int fail(RequestFault with)
    {
        fault = with;
        progress = Progress::faulty;
        return -1;
    }

    int begin()
    {
        progress = Progress::head;
        return 0;
    }

    int url(std::string_view piece)
    {
        if (request.raw_target.size() + piece.size() > limits.target_bytes) return fail(RequestFault::target_too_long);
        request.raw_target += piece;
        return 0;
    }

    int count(std::size_t bytes)
    {
        field_bytes += bytes;
        return field_bytes > limits.head_bytes ? fail(RequestFault::head_too_large) : 0;
    }

    int field_name(std::string_view piece)
    {
        name += piece;
        return count(piece.size());
    }

    int field_value(std::string_view piece)
    {
        value += piece;
        return count(piece.size());
    }

    int field_complete()
    {
        if (++fields > limits.fields) return fail(RequestFault::head_too_large);
        // Trailers are counted and dropped: nothing here gives them a meaning (RFC 9110 section 6.5.1).
        // RFC 9112 section 5.1: white space around a value is no part of it.
        if (progress == Progress::head) request.fields.add(std::move(name), std::string(ascii::trim(value)));
        name.clear();
        value.clear();
        return count(4);
    }

    int head_complete()
    {
        const int major = parser.http_major;
        const int minor = parser.http_minor;
        if (major == 0) return fail(RequestFault::malformed);
        if (major != 1 || minor > 1) return fail(RequestFault::version);
        request.method = method_of(parser.method);
        request.is_version_1_0 = minor == 0;
        if (parser.method == HTTP_CONNECT) return fail(RequestFault::not_implemented);
        // RFC 9110 section 7.8: a server may ignore Upgrade, and this one speaks nothing else.
        parser.upgrade = 0;
        const std::size_t hosts = request.fields.count("host");
        if (hosts > 1 || (hosts == 0 && !request.is_version_1_0)) return fail(RequestFault::no_host);
        return judge_framing();
    }

    int judge_framing()
    {
        const bool has_coding = request.fields.find("transfer-encoding") != nullptr;
        const std::size_t lengths = request.fields.count("content-length");
        // RFC 9112 section 6.1: both together, a repeated coding, or a coding in HTTP/1.0 is how requests are smuggled.
        if (has_coding && (lengths != 0 || request.is_version_1_0)) return fail(RequestFault::malformed);
        if (request.fields.count("transfer-encoding") > 1 || lengths > 1) return fail(RequestFault::malformed);
        if (has_coding && !ascii::same(ascii::trim(*request.fields.find("transfer-encoding")), "chunked")) {
            return fail(RequestFault::not_implemented);
        }
        if (lengths == 1 && parser.content_length > limits.body_bytes) return fail(RequestFault::body_too_large);
        if (const std::string* expect = request.fields.find("expect")) {
            if (!ascii::same(ascii::trim(*expect), "100-continue")) return fail(RequestFault::expectation_failed);
            // RFC 9110 section 10.1.1: an HTTP/1.0 client's expectation is ignored.
            request.expects_continue = !request.is_version_1_0;
        }
        progress = Progress::body;
        return 0;
    }

    int body(std::string_view piece)
    {
        if (request.body.size() + piece.size() > limits.body_bytes) return fail(RequestFault::body_too_large);
        request.body += piece;
        return 0;
    }

    int chunk_header()
    {
        // Here content_length is the chunk's: refused before a byte of it is read.
        if (parser.content_length > limits.body_bytes - request.body.size()) return fail(RequestFault::body_too_large);
        return 0;
    }

    int chunk_extension(std::size_t bytes)
    {
        extension_bytes += bytes;
        return extension_bytes > limits.chunk_extension_bytes ? fail(RequestFault::malformed) : 0;
    }

    int complete()
    {
        request.keeps_alive = llhttp_should_keep_alive(&parser) != 0;
        progress = Progress::complete;
        return HPE_PAUSED;
    }

    RequestLimits limits;
    llhttp_settings_t settings{};
    llhttp_t parser{};
    Request request;
    Progress progress = Progress::idle;
    RequestFault fault = RequestFault::malformed;
    std::size_t head_raw = 0;  // bytes taken before the head was whole, white space included
    std::size_t field_bytes = 0;
    std::size_t fields = 0;
    std::size_t extension_bytes = 0;
    std::string name;
    std::string value;
};

RequestParser::RequestParser(RequestLimits limits) : state_(std::make_unique<State>(limits)) {}
RequestParser::~RequestParser() = default;

std::size_t RequestParser::feed(std::string_view bytes)
{
    State& state = *state_;
    if (bytes.empty() || state.progress == Progress::complete || state.progress == Progress::faulty) return 0;
    const llhttp_errno_t outcome = llhttp_execute(&state.parser, bytes.data(), bytes.size());
    std::size_t taken = bytes.size();
    if (state.progress == Progress::complete) {
        taken = static_cast<std::size_t>(llhttp_get_error_pos(&state.parser) - bytes.data());
    } else if (outcome != HPE_OK && state.progress != Progress::faulty) {
        (void)state.fail(RequestFault::malformed);
    }
    // White space around values and blank lines before a request reach no callback; they are bounded here.
    if (state.progress == Progress::idle || state.progress == Progress::head) {
        state.head_raw += taken;
        if (state.head_raw > state.limits.head_bytes + state.limits.target_bytes) {
            (void)state.fail(RequestFault::head_too_large);
        }
    }
    return taken;
}

RequestParser::Progress RequestParser::progress() const { return state_->progress; }
RequestFault RequestParser::fault() const { return state_->fault; }
const Request& RequestParser::request() const { return state_->request; }

bool RequestParser::wants_continue() const
{
    return state_->progress == Progress::body && state_->request.expects_continue && state_->request.body.empty();
}

Request RequestParser::take()
{
    assert(state_->progress == Progress::complete);
    Request request = std::move(state_->request);
    state_->restart();
    return request;
}

}  // namespace mbx::http
