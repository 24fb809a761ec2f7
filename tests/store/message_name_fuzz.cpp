// Names in cur and new come from any program: parsing is total, and what it believes is written the same way again.
#include <cstdlib>
#include <string_view>

#include "store/message_name.hpp"

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size)
{
    using namespace mbx::store;
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    const auto parsed = parse_message_name(text);
    (void)save_date_of(parsed.unique);
    if (parsed.uid && (*parsed.uid == 0 || *parsed.uid == UINT32_MAX)) std::abort();
    if (!is_usable_unique(parsed.unique) || !parsed.size || !parsed.uid) return 0;
    const auto again = base_name(parsed.unique, *parsed.size, *parsed.uid) + flag_suffix(parsed.flags);
    if (again.size() > kMaxFileName) std::abort();
    const auto twice = parse_message_name(again);
    if (twice.unique != parsed.unique || twice.size != parsed.size || twice.uid != parsed.uid) std::abort();
    if (!(twice.flags == parsed.flags)) std::abort();
    return 0;
}
