// LineReader: the first byte of the input chooses how the rest is cut into pieces, the second the limit. The lines are
// those that the CRLFs of the text cut, whatever the pieces, up to the first that is too long.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

#include "net/line_reader.hpp"
#include "support/memory_stream.hpp"
#include "support/run.hpp"

namespace {

using namespace mbx;

void must(bool holds)
{
    if (!holds) std::abort();
}

co::Task<net::ReadFailure> check_lines(net::ByteStream& stream, std::string_view script, std::size_t limit)
{
    net::LineReader reader(stream);
    std::string_view rest = script;
    while (true) {
        const Result<std::string_view, net::ReadFailure> line = co_await reader.line(limit, net::Deadline::never());
        const std::size_t end = rest.find("\r\n");
        if (!line) {
            if (line.error() == net::ReadFailure::end) must(end == std::string_view::npos);
            // What is refused has no CRLF within the limit.
            if (line.error() == net::ReadFailure::too_long) must(end == std::string_view::npos || end > limit);
            co_return line.error();
        }
        must(end != std::string_view::npos && *line == rest.substr(0, end) && line->size() <= limit);
        rest.remove_prefix(end + 2);
        must(reader.buffered() <= rest.size());
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    if (size < 2) return 0;
    const std::size_t piece = std::size_t{data[0]} + 1;
    const std::size_t limit = data[1];
    const std::string script(reinterpret_cast<const char*>(data) + 2, size - 2);
    test::MemoryStream stream(script, piece);
    const net::ReadFailure end = test::run_ready(check_lines(stream, script, limit));
    must(end == net::ReadFailure::end || end == net::ReadFailure::too_long);
    return 0;
}
