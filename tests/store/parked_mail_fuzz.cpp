// Any bytes as a file of parked mail.
#include <cstdint>
#include <cstdlib>

#include "store/parked_mail.hpp"
#include "store/volume_marker.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    const std::string_view bytes(reinterpret_cast<const char*>(data), size);
    const auto found = mbx::store::parse_parked(bytes);
    std::uint64_t end = 0;
    for (const auto& frame : found.frames) {
        if (frame.offset < end || frame.offset + frame.length > size) std::abort();
        end = frame.offset + frame.length;
    }
    if (found.is_whole && !found.frames.empty() && end != size) std::abort();
    mbx::store::VolumeMarker marker;
    if (mbx::store::parse_marker(bytes, marker) && marker.volume.size() != 32) std::abort();
    return 0;
}
