#include "auth/password.hpp"

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <crypt.h>
#include <memory>

using namespace mbx::auth;

namespace {

constexpr HashCost kCheap{64UL * 1024, 1};

std::string hash_of(std::string_view password, HashCost cost = kCheap)
{
    auto made = make_password_hash(password, cost);
    REQUIRE(made);
    return *made;
}

std::string crypt_of(const std::string& password, const std::string& setting)
{
    const auto data = std::make_unique<crypt_data>();
    const char* made = crypt_r(password.c_str(), setting.c_str(), data.get());
    REQUIRE(made);
    REQUIRE(made[0] == '$');
    return made;
}

}  // namespace

TEST_CASE("a hash is Argon2id with its own salt, and only its password fits", "[auth]")
{
    const std::string hash = hash_of("secret");
    CHECK(hash.starts_with("$argon2id$v=19$m=64,t=1,p=1$"));
    CHECK(hash != hash_of("secret"));
    CHECK(verify_password(hash, "secret"));
    for (const std::string_view wrong : {"", "Secret", "secret ", " secret", "secre", "secret\n"}) CHECK_FALSE(verify_password(hash, wrong));
    CHECK_FALSE(needs_upgrade(hash, kCheap));
    CHECK(needs_upgrade(hash, HashCost{128UL * 1024, 1}));
    CHECK(needs_upgrade(hash, HashCost{64UL * 1024, 2}));
}

TEST_CASE("imported hashes of crypt and of Dovecot's schemes are verified and wait for an upgrade", "[auth]")
{
    const std::string hash = GENERATE(as<std::string>{}, "$6$rounds=1000$abcdefgh$", "$5$rounds=1000$abcdefgh$",
                                      "$2b$04$abcdefghijklmnopqrstuu", "$y$j75$abcdefgh$");
    CAPTURE(hash);
    const std::string made = crypt_of("secret", hash);
    const std::string scheme = GENERATE(as<std::string>{}, "", "{CRYPT}", "{crypt}", "{SHA512-CRYPT}");
    CHECK(verify_password(scheme + made, "secret"));
    CHECK_FALSE(verify_password(scheme + made, "Secret"));
    CHECK(needs_upgrade(scheme + made, kCheap));
    CHECK(check_imported_hash(scheme + made));
}

TEST_CASE("an Argon2id hash behind a scheme name is verified", "[auth]")
{
    CHECK(verify_password("{ARGON2ID}" + hash_of("secret"), "secret"));
    CHECK(check_imported_hash("{ARGON2ID}" + hash_of("secret")));
}

TEST_CASE("what is no hash fits no password", "[auth]")
{
    for (const std::string_view hash :
         {"", "x", "*", "*0", "*1", "!", "secret", "$", "$6$", "$1$", "$argon2id$", "$argon2id$v=19$m=64,t=1,p=1$", "ab",
          "{CRYPT}", "{PLAIN}secret", "abJnggxhB/yWI", "$argon2id$v=19$m=4294967295,t=1,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAA"}) {
        CAPTURE(hash);
        CHECK_FALSE(verify_password(hash, "secret"));
        CHECK_FALSE(verify_password(hash, ""));
        CHECK_FALSE(check_imported_hash(hash));
    }
    CHECK_FALSE(verify_password(std::string(100'000, '$'), "secret"));
}

TEST_CASE("J3: an imported hash that would hold up the server is refused", "[auth][hostile]")
{
    const std::string argon_end = "$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
    REQUIRE(check_imported_hash("$argon2id$v=19$m=65536,t=3,p=1" + argon_end));
    REQUIRE(check_imported_hash("$2y$12$" + std::string(53, 'a')));
    REQUIRE(check_imported_hash("$y$j9T$abcdefgh$" + std::string(43, 'a')));
    for (const std::string& hash :
         {"$6$rounds=999999999$abcdefgh$" + std::string(86, 'a'), "$6$rounds=$abcdefgh$" + std::string(86, 'a'),
          "$6$rounds=99999999999999999999999$abcdefgh$" + std::string(86, 'a'), "$6$a\nb$" + std::string(86, 'a'),
          "$2b$31$" + std::string(53, 'a'), "$argon2id$v=19$m=4194304,t=1,p=1" + argon_end,
          "$argon2id$v=19$m=64,t=1000,p=1" + argon_end, "$y$jzT$abcdefgh$" + std::string(43, 'a')}) {
        CAPTURE(hash);
        const auto checked = check_imported_hash(hash);
        REQUIRE_FALSE(checked);
        CHECK(checked.error().advice.ends_with("set a new password"));
    }
}

TEST_CASE("J2: the hash for accounts that do not exist has the cost of a real one and fits nothing", "[auth][hostile]")
{
    const std::string hash = make_unmatchable_hash(kCheap);
    CHECK(hash.size() == hash_of("secret").size());
    CHECK_FALSE(needs_upgrade(hash, kCheap));
    CHECK(needs_upgrade(hash, HashCost{128UL * 1024, 1}));
    CHECK_FALSE(verify_password(hash, ""));
    CHECK_FALSE(verify_password(hash, "secret"));
    CHECK(hash != make_unmatchable_hash(kCheap));
}

TEST_CASE("J7: a password is 1 to 1024 bytes without NUL, and every byte of it counts", "[auth][hostile]")
{
    CHECK_FALSE(is_acceptable_password(""));
    CHECK(is_acceptable_password(std::string(1024, 'a')));
    CHECK_FALSE(is_acceptable_password(std::string(1025, 'a')));
    CHECK_FALSE(is_acceptable_password(std::string(1'000'000, 'a')));
    CHECK_FALSE(is_acceptable_password(std::string_view("a\0b", 3)));
    const std::string long_one(1024, 'a');
    const std::string hash = hash_of(long_one);
    CHECK(verify_password(hash, long_one));
    CHECK_FALSE(verify_password(hash, std::string(1023, 'a')));
    // Composed and decomposed spellings are two passwords.
    CHECK_FALSE(verify_password(hash_of("\xc3\xa9"), "e\xcc\x81"));
    CHECK_FALSE(verify_password(hash_of("pass "), "pass"));
}

TEST_CASE("J6: a wiped secret leaves no byte behind", "[auth][hostile]")
{
    std::string text = GENERATE(as<std::string>{}, "short", "a secret that is too long for the string's own buffer");
    const std::size_t length = text.size();
    text.reserve(text.size() + 5);
    const char* bytes = text.data();
    wipe(text);
    CHECK(text.empty());
    // The string still owns its buffer; with its old size it shows what is in there.
    text.resize(length);
    CHECK(text.data() == bytes);
    CHECK(text == std::string(length, '\0'));

    std::string source = "short";
    const Secret secret(std::move(source));
    CHECK(secret.text() == "short");
    CHECK(source.empty());
}
