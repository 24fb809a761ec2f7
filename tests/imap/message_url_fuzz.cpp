// parse_message_url() is total, and takes only what names a message.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "imap/message_url.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    const auto url = mbx::imap::parse_message_url(text);
    if (!url) return 0;
    if (url->uid == 0 || text.size() > mbx::imap::kMaxMessageUrl) std::abort();
    if (url->host && !url->mailbox) std::abort();
    if (url->mailbox && (url->mailbox->empty() || url->mailbox->find('\0') != std::string::npos)) std::abort();
    if (url->uidvalidity && (*url->uidvalidity == 0 || !url->mailbox)) std::abort();
    return 0;
}
