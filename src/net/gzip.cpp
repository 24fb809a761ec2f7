#include "net/gzip.hpp"

#include <zlib.h>

#include <new>

namespace mbx::net {

std::string gzip(std::string_view bytes)
{
    constexpr int kGzipWindow = 15 + 16;  // zlib.h: 16 more asks for a gzip header and trailer
    constexpr int kMemory = 8;
    z_stream stream{};
    if (::deflateInit2(&stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, kGzipWindow, kMemory, Z_DEFAULT_STRATEGY) != Z_OK)
        throw std::bad_alloc();
    std::string out(::deflateBound(&stream, bytes.size()), '\0');
    // zlib reads only.
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
    stream.avail_in = static_cast<uInt>(bytes.size());
    stream.next_out = reinterpret_cast<Bytef*>(out.data());
    stream.avail_out = static_cast<uInt>(out.size());
    (void)::deflate(&stream, Z_FINISH);
    out.resize(stream.total_out);
    ::deflateEnd(&stream);
    return out;
}

}  // namespace mbx::net
