// Any user writes into the drop directory: reading is total, and what it takes is written the same way again.
#include <cstdlib>
#include <string_view>

#include "sendmail/drop_file.hpp"
#include "sendmail/drop_verdict.hpp"

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size)
{
    using namespace mbx::sendmail;
    const std::string_view bytes(reinterpret_cast<const char*>(data), size);
    const auto head = parse_drop_head(bytes, size);
    if (!head) return 0;
    if (head->body_at + head->body_size != size) std::abort();
    const std::string_view body = bytes.substr(head->body_at);
    const std::string again = format_drop_head(head->letter, body);
    const auto reread = parse_drop_head(again + std::string(body), again.size() + body.size());
    if (!reread || !(reread->letter == head->letter)) std::abort();
    // Nothing in it can become a command of its own: one line for MAIL, each RCPT, EHLO and BDAT.
    const std::string script = drop_script(head->letter, "mx.example.test", body.size());
    std::size_t lines = 0;
    for (std::size_t at = 0; at < script.size(); ++at) {
        const bool is_end = script[at] == '\n';
        if (is_end && (at == 0 || script[at - 1] != '\r')) std::abort();
        if (script[at] == '\r' && (at + 1 == script.size() || script[at + 1] != '\n')) std::abort();
        lines += is_end ? 1 : 0;
    }
    if (!script.empty() && lines > head->letter.recipients.size() + 3) std::abort();
    return 0;
}
