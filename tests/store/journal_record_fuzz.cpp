// The journal's records are read back after a crash: decoding is total, and what it takes is written the same way again.
#include <cstdlib>
#include <string_view>

#include "store/expunged_name.hpp"
#include "store/journal_record.hpp"

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size)
{
    using namespace mbx::store;
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    if (const auto ours = lsn_of(text)) {
        if (lsn_of(unique_of(1, ours->first, ours->second)) != ours) std::abort();
    }
    if (const auto name = parse_expunged_name(text)) {
        const auto again = parse_expunged_name(format_expunged_name(*name));
        if (!again || again->name != name->name || again->uid != name->uid || again->lsn != name->lsn) std::abort();
    }
    const auto decoded = decode(text);
    if (!decoded) return 0;
    (void)describe(decoded->record);
    std::string again = encode(decoded->record);
    again += decoded->body;
    if (again != text) std::abort();
    return 0;
}
