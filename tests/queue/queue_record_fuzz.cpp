// Envelopes, records and entry files are read back after a crash: reading is total, and what it takes is written the same
// way again.
#include <cstdlib>
#include <string_view>

#include "queue/entry_file.hpp"
#include "queue/hold_rules.hpp"
#include "queue/queue_record.hpp"

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size)
{
    using namespace mbx::queue;
    if (size == 0) return 0;
    const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
    switch (data[0] % 5) {
    case 0:
        if (const auto envelope = decode_envelope(text); envelope && encode(*envelope) != text) std::abort();
        break;
    case 1:
        if (const auto record = decode_record(text)) {
            (void)describe(*record);
            if (encode(*record) != text) std::abort();
        }
        break;
    case 2:
        if (const auto entry = decode_entry(text); entry && encode_entry(*entry) != text) std::abort();
        break;
    case 3:
        if (const auto rules = parse_hold_rules(text); rules && !text.starts_with("mailboxd queue holds 1") && format_hold_rules(*rules) != text) std::abort();
        break;
    default: {
        const auto parsed = parse_entry_file(text);
        if (parsed.good_size > text.size()) std::abort();
        if (parsed.state != EntryFileState::whole && parsed.state != EntryFileState::torn) break;
        const auto again = parse_entry_file(text.substr(0, parsed.good_size));
        if (again.state != EntryFileState::whole || !(again.entry == parsed.entry)) std::abort();
        if (!(parse_entry_file(format_entry_file(parsed.entry)).entry == parsed.entry)) std::abort();
    }
    }
    return 0;
}
