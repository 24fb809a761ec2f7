// Any bytes as a peer's compressed ones: reads stay within what was asked for and come to an end, however the bytes are
// cut, and what is written reads back.
#include <cstdlib>

#include "net/deflate_stream.hpp"
#include "support/memory_stream.hpp"
#include "support/run.hpp"

namespace {

using namespace mbx;
using namespace mbx::net;

void insist(bool holds)
{
    if (!holds) std::abort();
}

std::string inflate_all(const std::string& bytes, std::size_t piece, std::size_t most)
{
    DeflateStream stream(std::make_unique<test::MemoryStream>(bytes, piece), "");
    std::string chunk(most, '\0');
    std::string all;
    while (all.size() < 1'000'000) {
        const auto got = test::run_ready(stream.read_some(chunk, Deadline::never()));
        if (!got || *got == 0) return all;
        insist(*got <= most);
        all += chunk.substr(0, *got);
    }
    all.resize(1'000'000);
    return all;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size)
{
    if (size == 0) return 0;
    const std::string bytes(reinterpret_cast<const char*>(data + 1), size - 1);
    const std::size_t most = 1U + data[0];
    const std::string one = inflate_all(bytes, 4096, most);
    insist(one == inflate_all(bytes, 1 + data[0] % 16U, 4096));

    auto kept = std::make_unique<test::MemoryStream>("", 1);
    auto* wire = kept.get();
    DeflateStream out(std::move(kept), "");
    insist(static_cast<bool>(test::run_ready(out.write(bytes, Deadline::never()))));
    insist(static_cast<bool>(test::run_ready(out.write(one, Deadline::never()))));
    insist(inflate_all(wire->heard(), 4096, 4096) == (bytes + one).substr(0, 1'000'000));
    return 0;
}
