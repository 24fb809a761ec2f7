// The files of access lists and URL keys: total for any bytes, and what was read is what would be written.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "store/access_list.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    using namespace mbx::store;
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    if (const auto lists = parse_access(text)) {
        const auto again = parse_access(format_access(*lists));
        if (!again || *again != *lists) std::abort();
    }
    if (const auto keys = parse_url_keys(text)) {
        const auto again = parse_url_keys(format_url_keys(*keys));
        if (!again || *again != *keys) std::abort();
    }
    if (const auto rights = parse_rights(text)) {
        if (parse_rights(rights_letters(*rights)) != rights) std::abort();
    }
    return 0;
}
