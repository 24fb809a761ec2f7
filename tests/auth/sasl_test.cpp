#include "auth/sasl.hpp"

#include <catch2/catch_test_macros.hpp>

#include "base/codec.hpp"

using namespace mbx;
using namespace mbx::auth;

namespace {

std::string plain(std::string_view bytes) { return encode_base64(bytes); }

template <std::size_t N>
std::string_view raw(const char (&text)[N])
{
    return {text, N - 1};
}

}  // namespace

TEST_CASE("PLAIN carries a name and a password, and an authorization id that is empty or the same", "[auth]")
{
    const auto one = parse_plain(plain(raw("\0ann@example.org\0sec ret\xff")));
    REQUIRE(one);
    CHECK(one->login == "ann@example.org");
    CHECK(one->password == "sec ret\xff");
    CHECK(one->authorization_id.empty());
    const auto two = parse_plain(plain(raw("ANN@example.org\0ann@Example.org\0x")));
    REQUIRE(two);
    CHECK(two->authorization_id == "ANN@example.org");
    const auto other = parse_plain(plain(raw("bob@example.org\0ann@example.org\0x")));
    REQUIRE_FALSE(other);
    CHECK(other.error() == SaslError::not_authorized);
}

TEST_CASE("C10: a response that is not PLAIN's grammar or not base64 is malformed", "[auth][hostile]")
{
    const std::string good = plain(raw("\0ann\0secret"));
    REQUIRE(parse_plain(good));
    for (const std::string& bad :
         {std::string(), std::string("="), std::string("*"), std::string("=="), std::string("===="), std::string("!"),
          good.substr(0, good.size() - 1), good + "=", good + "AAAA", " " + good, good + "\r\n",
          good.substr(0, 4) + " " + good.substr(4), plain("ann"), plain(raw("\0ann")), plain(raw("ann\0secret")),
          plain(raw("\0\0secret")), plain(raw("\0ann\0")), plain(raw("\0ann\0sec\0ret")), plain(raw("\0\0")),
          plain(raw("\0\0\0\0")), plain(raw("\0a\xff\0secret")), plain(raw("\xc0\x80\0ann\0secret"))}) {
        CAPTURE(bad);
        const auto parsed = parse_plain(bad);
        REQUIRE_FALSE(parsed);
        CHECK(parsed.error() == SaslError::malformed);
    }
}

TEST_CASE("C10: a response of 12,289 octets is malformed, and the largest sound one is not", "[auth][hostile]")
{
    CHECK_FALSE(parse_plain(std::string(12'289, 'A')));
    CHECK_FALSE(parse_plain(std::string(12'288, 'A')));
    CHECK_FALSE(parse_login_step(std::string(12'289, 'A')));
    const std::string name(1024, 'n');
    const std::string password(1024, 'p');
    std::string message = name;
    message += '\0' + name + '\0' + password;
    CHECK(parse_plain(plain(message)));
    CHECK_FALSE(parse_plain(plain(message + "p")));
    CHECK_FALSE(parse_plain(plain("n" + message)));
}

TEST_CASE("C10: a step of LOGIN is base64 of a name or password without NUL", "[auth][hostile]")
{
    CHECK(*parse_login_step(plain("ann@example.org")) == "ann@example.org");
    CHECK(*parse_login_step(plain("p\xe4ss")) == "p\xe4ss");
    for (const std::string& bad : {std::string(), std::string("="), std::string("*"), std::string("A"), std::string("AAA"),
                                   plain(raw("a\0b")), plain(std::string(1025, 'a'))})
        CHECK_FALSE(parse_login_step(bad));
}
