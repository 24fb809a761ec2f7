// Bodies of the API: whatever comes, an answer or an Error in words, within the bounds.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "admin/bodies.hpp"
#include "base/ascii.hpp"

using namespace mbx;

namespace {

void must(bool holds)
{
    if (!holds) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    const auto account = admin::parse_new_account(text);
    if (account) {
        must(account->address.size() <= 1024 && ascii::is_utf8(account->address));
        must(account->password.password.has_value() != account->password.generate);
        must(account->quota_bytes <= INT64_MAX);
    } else {
        must(!account.error().happened.empty());
    }
    const auto alias = admin::parse_new_alias(text);
    must(!alias || (alias->targets.size() <= 10'000 && !admin::parse_new_domain(text)));
    (void)admin::parse_account_change(text);
    (void)admin::parse_alias_change(text);
    return 0;
}
