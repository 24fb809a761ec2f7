// Requests are read the same however they are split; nothing passes the limits; after a fault nothing more is taken.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

#include "http/request_parser.hpp"

using namespace mbx;
using Progress = http::RequestParser::Progress;

namespace {

void must(bool holds)
{
    if (!holds) std::abort();
}

std::vector<std::string> read_all(std::string_view bytes, std::size_t piece)
{
    http::RequestLimits limits;
    limits.body_bytes = 4096;
    http::RequestParser parser(limits);
    std::vector<std::string> all;
    while (!bytes.empty()) {
        const std::size_t taken = parser.feed(bytes.substr(0, piece));
        bytes.remove_prefix(taken);
        if (parser.progress() == Progress::faulty) {
            must(parser.feed("GET / HTTP/1.1\r\nHost: a\r\n\r\n") == 0);
            all.emplace_back("fault");
            return all;
        }
        if (parser.progress() != Progress::complete) {
            must(taken != 0);
            continue;
        }
        const http::Request request = parser.take();
        must(request.body.size() <= limits.body_bytes && request.fields.size() <= limits.fields);
        must(request.raw_target.size() <= limits.target_bytes);
        must(request.is_version_1_0 || request.fields.count("host") == 1);
        must(request.fields.count("transfer-encoding") + request.fields.count("content-length") <= 1);
        std::string shown = std::string(http::method_name(request.method)) + " " + request.raw_target + "\n";
        for (const http::Field& field : request.fields) shown += field.name + ":" + field.value + "\n";
        all.push_back(shown + request.body);
    }
    return all;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    const std::string_view bytes(reinterpret_cast<const char*>(data), size);
    const auto whole = read_all(bytes, size + 1);
    must(read_all(bytes, 1) == whole);
    must(read_all(bytes, 7) == whole);
    return 0;
}
