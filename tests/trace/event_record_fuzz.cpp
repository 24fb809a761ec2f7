// Events are read back from the journal after a crash: decoding is total, and what it takes can be written again.
#include <cstdlib>
#include <string_view>

#include "trace/event_record.hpp"

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size)
{
    using namespace mbx::trace;
    const auto events = decode_events({reinterpret_cast<const char*>(data), size});
    if (!events) return 0;
    const std::string bytes = encode_events(*events);
    const auto again = decode_events(bytes);
    if (!again || again->size() != events->size() || encode_events(*again) != bytes) std::abort();
    return 0;
}
