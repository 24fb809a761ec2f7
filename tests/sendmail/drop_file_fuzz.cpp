// Any user writes into the drop directory: reading is total, and what it takes is written the same way again. The bytes are tried
// as a file, and as an envelope whose sums are right.
#include <fmt/format.h>

#include <cstdlib>
#include <string>
#include <string_view>

#include "base/crc32c.hpp"
#include "sendmail/drop_file.hpp"
#include "sendmail/drop_verdict.hpp"

namespace {

using namespace mbx::sendmail;

// Nothing in it can become a command of its own: one line for EHLO, MAIL, BDAT and each RCPT.
void require_lines(const std::string& script, std::size_t most)
{
    std::size_t lines = 0;
    for (std::size_t at = 0; at < script.size(); ++at) {
        const bool is_end = script[at] == '\n';
        if (is_end && (at == 0 || script[at - 1] != '\r')) std::abort();
        if (script[at] == '\r' && (at + 1 == script.size() || script[at + 1] != '\n')) std::abort();
        lines += is_end ? 1 : 0;
    }
    if (lines > most) std::abort();
}

void judge(std::string_view bytes)
{
    const auto head = parse_drop_head(bytes, bytes.size());
    if (!head) return;
    if (head->body_at + head->body_size != bytes.size()) std::abort();
    const std::string_view body = bytes.substr(head->body_at);
    const std::string again = format_drop_head(head->letter, body);
    const auto reread = parse_drop_head(again + std::string(body), again.size() + body.size());
    if (!reread || !(reread->letter == head->letter)) std::abort();
    require_lines(drop_script(head->letter, "mx.example.test", body.size()), head->letter.recipients.size() + 3);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size)
{
    const std::string_view bytes(reinterpret_cast<const char*>(data), size);
    judge(bytes);
    judge(fmt::format("mailboxd-drop 1 {} {:08x} 0 00000000\n{}", size, mbx::crc32c(bytes), bytes));
    return 0;
}
