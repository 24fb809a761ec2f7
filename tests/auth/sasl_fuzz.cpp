// Any bytes as a SASL response: what is accepted obeys the grammar and reads back the same.
#include <cstdlib>

#include "auth/sasl.hpp"
#include "base/ascii.hpp"
#include "base/codec.hpp"

namespace {

void insist(bool holds)
{
    if (!holds) std::abort();
}

void check(std::string_view response)
{
    using namespace mbx;
    using namespace mbx::auth;
    if (const auto plain = parse_plain(response)) {
        insist(response.size() <= kMaxSaslResponse);
        insist(!plain->login.empty() && !plain->password.empty() && plain->password.size() <= 1024);
        insist(plain->authorization_id.empty() || ascii::same(plain->authorization_id, plain->login));
        insist((plain->login + plain->password).find('\0') == std::string::npos);
        insist(ascii::is_utf8(plain->login));
        std::string again = plain->authorization_id;
        again += '\0' + plain->login + '\0' + plain->password;
        insist(encode_base64(again) == response);
    }
    if (const auto step = parse_login_step(response)) {
        insist(!step->empty() && step->find('\0') == std::string::npos);
        insist(encode_base64(*step) == response);
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size)
{
    const std::string_view bytes(reinterpret_cast<const char*>(data), size);
    check(bytes);
    check(mbx::encode_base64(bytes));
    return 0;
}
