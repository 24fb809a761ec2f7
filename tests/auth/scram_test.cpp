#include "auth/scram.hpp"

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

#include <array>

#include "auth/bearer.hpp"
#include "auth/nfkc.hpp"
#include "auth/saslprep.hpp"
#include "auth/sasl_exchange.hpp"
#include "support/scram_client.hpp"

using namespace mbx;
using namespace mbx::auth;
using mbx::test::ScramClient;

namespace {

const std::string kSalt = *decode_base64("W22ZaJ0SNY7soEsUEjb6gQ==");
const std::string kNonce = "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0";

SaslChannel bindable() { return {std::string(32, 'e'), std::string(32, 's')}; }

// "challenge …", "name …", "proof right", "done", "malformed", …
std::string told(const SaslStep& step)
{
    if (const auto* challenge = std::get_if<SaslChallenge>(&step)) return "challenge " + challenge->text;
    if (const auto* name = std::get_if<SaslName>(&step)) return "name " + name->login;
    if (const auto* proof = std::get_if<SaslProof>(&step)) return proof->is_right ? "proof right" : "proof wrong";
    if (const auto* plain = std::get_if<PlainCredentials>(&step)) return "password of " + plain->login;
    if (const auto* token = std::get_if<SaslToken>(&step)) return "token " + token->token + " of " + token->login;
    if (std::holds_alternative<SaslDone>(step)) return "done";
    switch (std::get<SaslError>(step)) {
    case SaslError::malformed: return "malformed";
    case SaslError::not_authorized: return "not authorized";
    case SaslError::cancelled: return "cancelled";
    case SaslError::channel_binding: return "channel binding";
    case SaslError::not_offered: return "not offered";
    }
    return "";
}

std::string begin(SaslMechanism mechanism, const SaslChannel& channel, std::string_view message)
{
    SaslExchange exchange(mechanism, channel, kNonce);
    return told(exchange.begin(encode_base64(message)));
}

// A whole dialogue; `tamper` may change the client's final message.
template <typename Tamper>
std::string dialogue(SaslMechanism mechanism, const SaslChannel& channel, ScramClient& client, const Tamper& tamper)
{
    SaslExchange exchange(mechanism, channel, kNonce);
    std::string step = told(exchange.begin(encode_base64(client.first())));
    if (!step.starts_with("name ")) return step;
    step = told(exchange.supply({make_scram_verifier("pencil", kSalt, 4096)}));
    const std::string final = tamper(client.final(step.substr(10)));
    return told(exchange.respond(encode_base64(final)));
}

}  // namespace

TEST_CASE("RFC 7677 3: the example's messages come out to the letter", "[auth][scram]")
{
    SaslExchange exchange(SaslMechanism::scram_sha_256, {}, kNonce);
    CHECK(told(exchange.begin(encode_base64("n,,n=user,r=rOprNGfwEbeRWgbNEkqO"))) == "name user");
    CHECK(told(exchange.supply({make_scram_verifier("pencil", kSalt, 4096)})) ==
          "challenge r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096");
    CHECK(told(exchange.respond(encode_base64("c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,"
                                              "p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="))) == "proof right");
    CHECK(told(exchange.conclude(true)) == "challenge v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=");
    CHECK(told(exchange.respond("")) == "done");

    ScramClient client("user", "pencil");
    CHECK(client.final("r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096") ==
          "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=");
    CHECK(client.expected_signature() == "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=");
}

TEST_CASE("RFC 5802 5: a wrong password, another nonce and a changed name are told from a right proof", "[auth][scram]")
{
    const auto as_is = [](std::string text) { return text; };
    ScramClient right("user", "pencil");
    CHECK(dialogue(SaslMechanism::scram_sha_256, {}, right, as_is) == "proof right");
    ScramClient wrong("user", "pencils");
    CHECK(dialogue(SaslMechanism::scram_sha_256, {}, wrong, as_is) == "proof wrong");
    CHECK(dialogue(SaslMechanism::scram_sha_256, {}, right, [](std::string text) {
              return text.replace(text.find(",r=rO"), 5, ",r=rX");
          }) == "malformed");
    CHECK(dialogue(SaslMechanism::scram_sha_256, {}, right, [](std::string text) {
              return text.substr(0, text.find(",p="));
          }) == "malformed");
    CHECK(dialogue(SaslMechanism::scram_sha_256, {}, right, [](std::string text) { return text + "AAAA"; }) == "malformed");
    CHECK(dialogue(SaslMechanism::scram_sha_256, {}, right, [](std::string text) {
              return text.substr(0, text.find(",p=")) + ",p=" + encode_base64("short");
          }) == "proof wrong");
}

TEST_CASE("RFC 5802 5.1: names are decoded, prepared, and act for themselves alone", "[auth][scram]")
{
    const auto first = [](std::string_view text) { return begin(SaslMechanism::scram_sha_256, {}, text); };
    CHECK(first("n,,n=a=2Cb=3Dc@x,r=n") == "name a,b=c@x");
    CHECK(first("n,a=ANN@x,n=ann@x,r=n") == "name ann@x");
    CHECK(first("n,a=bob@x,n=ann@x,r=n") == "not authorized");
    CHECK(first("n,,n=a\xc2\xa0g,r=n,future=1") == "name a g");
    for (const auto* bad : {"", "n", "n,,", "n,,n=,r=n", "n,,n=a=2cb,r=n", "n,,n=a=,r=n", "n,,n=a", "n,,n=a,r=", "n,,r=n,n=a",
                            "n,,m=ext,n=a,r=n", "x,,n=a,r=n", "n,b=a,n=a,r=n", "n,,n=a\x01,r=n", "n,,n=a\xff,r=n",
                            "n,,n=a,r=\x7f", "n,,n=a,r= ", "p=tls-exporter,,n=a,r=n"}) {
        CAPTURE(bad);
        CHECK(first(bad) == "malformed");
    }
    CHECK(first("n,,n=" + std::string(1025, 'a') + ",r=n") == "malformed");
    CHECK(first("n,,n=a,r=" + std::string(513, 'n')) == "malformed");
    CHECK(first("n,,n=a,r=n,x=" + std::string(4096, 'x')) == "malformed");
}

TEST_CASE("RFC 5802 6: -PLUS binds to the channel, and to no other", "[auth][scram]")
{
    const auto as_is = [](std::string text) { return text; };
    const auto plus = SaslMechanism::scram_sha_256_plus;
    for (const bool is_exporter : {true, false}) {
        ScramClient client("user", "pencil");
        client.gs2_header = is_exporter ? "p=tls-exporter,," : "p=tls-server-end-point,,";
        client.binding = is_exporter ? bindable().exporter : bindable().server_end_point;
        CHECK(dialogue(plus, bindable(), client, as_is) == "proof right");
        client.binding.back() = '!';
        CHECK(dialogue(plus, bindable(), client, as_is) == "channel binding");
        client.binding.clear();
        CHECK(dialogue(plus, bindable(), client, as_is) == "channel binding");
    }
    CHECK(begin(plus, bindable(), "p=tls-unique,,n=a,r=n") == "channel binding");
    CHECK(begin(plus, {"", "s"}, "p=tls-exporter,,n=a,r=n") == "channel binding");
    CHECK(begin(plus, bindable(), "n,,n=a,r=n") == "malformed");
    CHECK(begin(plus, bindable(), "y,,n=a,r=n") == "malformed");
}

TEST_CASE("RFC 5802 6: a client that was kept from seeing -PLUS is not let in", "[auth][scram]")
{
    CHECK(begin(SaslMechanism::scram_sha_256, bindable(), "y,,n=a,r=n") == "channel binding");
    CHECK(begin(SaslMechanism::scram_sha_256, bindable(), "n,,n=a,r=n") == "name a");
    CHECK(begin(SaslMechanism::scram_sha_256, {}, "y,,n=a,r=n") == "name a");
    // The header that was judged is the one that is proved.
    ScramClient client("user", "pencil");
    CHECK(dialogue(SaslMechanism::scram_sha_256, bindable(), client, [](std::string text) {
              return text.replace(0, 6, "c=eSws");  // y,,
          }) == "channel binding");
}

TEST_CASE("C11: what was overheard of one SCRAM dialogue opens no other", "[auth][scram][hostile][C11]")
{
    ScramClient client("user", "pencil");
    const auto open = [&client](const std::string& nonce, SaslExchange& exchange) {
        const auto step = told(exchange.begin(encode_base64(client.first())));
        REQUIRE(step == "name user");
        const auto challenge = told(exchange.supply({make_scram_verifier("pencil", kSalt, 4096)}));
        REQUIRE(challenge.find("r=" + client.nonce + nonce) != std::string::npos);
        return challenge.substr(10);
    };
    SaslExchange first(SaslMechanism::scram_sha_256, {}, "one");
    const auto overheard = client.final(open("one", first));
    CHECK(told(first.respond(encode_base64(overheard))) == "proof right");
    // The client's nonce comes again, ours does not.
    SaslExchange again(SaslMechanism::scram_sha_256, {}, "two");
    (void)open("two", again);
    CHECK(told(again.respond(encode_base64(overheard))) == "malformed");
    // With our new nonce put into it the proof is no longer one.
    SaslExchange changed(SaslMechanism::scram_sha_256, {}, "two");
    (void)open("two", changed);
    auto forged = overheard;
    forged.replace(forged.find("one"), 3, "two");
    CHECK(told(changed.respond(encode_base64(forged))) == "proof wrong");
    // A second final message in one dialogue is not looked at.
    CHECK(told(first.respond(encode_base64(overheard))) != "proof right");
}

TEST_CASE("C11: a wrong channel binding, one that was taken away, and iterations beyond the bounds do not pass", "[auth][scram][hostile][C11]")
{
    const auto as_is = [](std::string text) { return text; };
    const auto plus = SaslMechanism::scram_sha_256_plus;
    ScramClient other_channel("user", "pencil");
    other_channel.gs2_header = "p=tls-exporter,,";
    other_channel.binding = std::string(32, 'x');
    CHECK(dialogue(plus, bindable(), other_channel, as_is) == "channel binding");
    // Said before it was bound, proved as if it were not (RFC 5802 section 6).
    ScramClient bound("user", "pencil");
    bound.gs2_header = "p=tls-exporter,,";
    bound.binding = bindable().exporter;
    CHECK(dialogue(plus, bindable(), bound, [](std::string text) {
              return "c=biws" + text.substr(text.find(",r="));  // n,,
          }) == "channel binding");
    CHECK(begin(plus, bindable(), "n,,n=a,r=n") == "malformed");
    CHECK(begin(SaslMechanism::scram_sha_256, bindable(), "y,,n=a,r=n") == "channel binding");
    const auto text = make_scram_verifier("pencil", kSalt, 4096).text();
    for (const auto* count : {"0", "1", "4095", "1000001", "2147483648", "4294971392", "-4096"}) {
        CAPTURE(count);
        CHECK_FALSE(parse_scram_verifier("SCRAM-SHA-256$" + std::string(count) + text.substr(18)));
    }
}

TEST_CASE("a verifier reads back from its text, and nothing else reads as one", "[auth][scram]")
{
    const auto made = make_scram_verifier("pencil", kSalt, 4096);
    const std::string text = made.text();
    CHECK(text.starts_with("SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$"));
    const auto back = parse_scram_verifier(text);
    REQUIRE(back);
    CHECK(back->text() == text);
    for (std::size_t cut = 0; cut < text.size(); ++cut) CHECK_FALSE(parse_scram_verifier(text.substr(0, cut)));
    CHECK_FALSE(parse_scram_verifier("SCRAM-SHA-256$4095" + text.substr(18)));
    CHECK_FALSE(parse_scram_verifier("SCRAM-SHA-256$1000001" + text.substr(18)));
    CHECK_FALSE(parse_scram_verifier("SCRAM-SHA-1$" + text.substr(14)));
    CHECK(new_scram_verifier("pencil", 4096) != new_scram_verifier("pencil", 4096));
    CHECK(new_scram_verifier("tab\tbed", 4096).empty());
}

TEST_CASE("J2: a name that nobody has gets the same salt each time, and another one than others", "[auth][scram][hostile]")
{
    const auto one = make_fake_scram_verifier("secret", "nobody@example.org", 4096);
    CHECK(one.text() == make_fake_scram_verifier("secret", "nobody@example.org", 4096).text());
    CHECK(one.salt != make_fake_scram_verifier("secret", "nobodz@example.org", 4096).salt);
    CHECK(one.salt != make_fake_scram_verifier("other", "nobody@example.org", 4096).salt);
    CHECK(one.salt.size() == parse_scram_verifier(new_scram_verifier("x", 4096))->salt.size());
}

TEST_CASE("RFC 4013 3: the examples, and what is prohibited", "[auth][scram]")
{
    CHECK(saslprep("I\xc2\xadX") == "IX");
    CHECK(saslprep("user") == "user");
    CHECK(saslprep("USER") == "USER");
    CHECK(saslprep("\xc2\xaa") == "a");
    CHECK(saslprep("\xe2\x85\xa8") == "IX");
    CHECK_FALSE(saslprep("\x07"));
    CHECK(saslprep("a\xc2\xa0\xe3\x80\x80z") == "a  z");
    CHECK(saslprep("пароль漢字😀") == "пароль漢字😀");
    for (const auto* bad : {"", "\xc2\xad", "\x7f", "\xc2\x80", "\xe2\x80\xa8", "\xee\x80\x80", "\xef\xbf\xbe", "\xf0\x9f\xbf\xbf",
                            "\xf3\xa0\x80\x81", "\xf4\x80\x80\x80", "\xff", "\xed\xa0\x80"}) {
        CAPTURE(bad);
        CHECK_FALSE(saslprep(bad));
    }
}

TEST_CASE("RFC 4013 2.2: composed, decomposed, full-width and ligated spellings come to the same bytes", "[auth][scram]")
{
    CHECK(saslprep("e\u0301t\u00e9") == "\u00e9t\u00e9");
    CHECK(saslprep("\u0438\u0306") == "\u0439");
    CHECK(saslprep("\uff50\uff41\uff53\uff53\uff11") == "pass1");
    CHECK(saslprep("\ufb01sh") == "fish");
    CHECK(saslprep("\u212b") == "\u00c5");
    CHECK(saslprep("\u1112\u1161\u11ab") == "\ud55c");
    CHECK(saslprep("\uac00\u11a8") == "\uac01");
    CHECK(saslprep("q\u0307\u0323") == "q\u0323\u0307");
    CHECK(saslprep("a\u0323\u0302") == "\u1ead");
    CHECK(saslprep("a\u0302\u0323") == "\u1ead");
    // Excluded from composition, and blocked by a mark of the same class.
    CHECK(saslprep("\u0958") == "\u0915\u093c");
    CHECK(saslprep("a\u0301\u0302") == "\u00e1\u0302");
    CHECK(saslprep("\u0344") == "\u0308\u0301");
    // What is made by it is judged: U+2024 is a full stop, U+0340 a mark that may stand.
    CHECK(saslprep("a\u2024b") == "a.b");
    CHECK(saslprep("a\u0340") == "\u00e0");
    CHECK_FALSE(saslprep("a\u200e"));
}

TEST_CASE("the tables of form KC say what Unicode 3.2 does of every character", "[auth][scram]")
{
    // Computed with Python's unicodedata.ucd_3_2_0 over the same texts.
    std::uint64_t hash = 0xcbf29ce484222325U;
    constexpr std::array<std::pair<char32_t, char32_t>, 4> kBlocks{
        {{0, 0x3400}, {0xF900, 0x10000}, {0x1D100, 0x1D800}, {0x2F800, 0x2FA20}}};
    for (const auto& [first, end] : kBlocks) {
        for (char32_t code = first; code < end; ++code) {
            const std::u32string between{U'a', code, 0x301, 0x323};
            for (const auto& text : {nfkc(std::u32string_view(&code, 1)), nfkc(between)}) {
                for (const char32_t one : text) hash = (hash ^ one) * 0x100000001b3U;
            }
        }
    }
    CHECK(hash == 0x3936d177880e87b8U);
}

TEST_CASE("RFC 7628 3.1: OAUTHBEARER brings a token, a name or none", "[auth][oauth]")
{
    const auto one = parse_oauthbearer("n,a=user@example.com,\1host=server.example.com\1port=143\1"
                                       "auth=Bearer vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg==\1\1");
    REQUIRE(one);
    CHECK(one->login == "user@example.com");
    CHECK(one->token == "vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg==");
    const auto unnamed = parse_oauthbearer("y,,\1auth=bearer abc\1\1");
    REQUIRE(unnamed);
    CHECK(unnamed->login.empty());
    for (const auto* bad : {"", "n,,", "n,,\1\1", "n,,\1auth=Bearer abc\1", "n,,\1auth=Bearer abc", "n,,auth=Bearer abc\1\1",
                            "n,,\1auth=Bearer \1\1", "n,,\1auth=Basic abc\1\1", "n,,\1auth=Bearer a b\1\1", "p=x,,\1auth=Bearer a\1\1",
                            "n,a=,\1auth=Bearer a\1\1", "n,a=b=,\1auth=Bearer a\1\1", "n,b,\1auth=Bearer a\1\1",
                            "n,,\1auth=Bearer a\1auth=Bearer b\1\1", "n,,\1=x\1auth=Bearer a\1\1", "n,,\1auth=Bearer a\1\1\1"}) {
        CAPTURE(bad);
        CHECK_FALSE(parse_oauthbearer(bad));
    }
    const auto old = parse_xoauth2("user=ann@example.org\1auth=Bearer abc\1\1");
    REQUIRE(old);
    CHECK(old->login == "ann@example.org");
    CHECK(old->token == "abc");
    CHECK_FALSE(parse_xoauth2("user=\1auth=Bearer abc\1\1"));
    CHECK_FALSE(parse_xoauth2("auth=Bearer abc\1\1"));
}

TEST_CASE("RFC 7628 3.2.3: a refused token is told as JSON, and whatever the client says to that ends it", "[auth][oauth]")
{
    for (const auto* last : {"AQ==", "*", "", "!!!"}) {
        SaslExchange exchange(SaslMechanism::oauthbearer, {}, kNonce);
        CHECK(told(exchange.begin(encode_base64("n,a=ann@x,\1auth=Bearer abc\1\1"))) == "token abc of ann@x");
        CHECK(told(exchange.conclude(false, R"({"status":"invalid_token"})")) == R"(challenge {"status":"invalid_token"})");
        CHECK(told(exchange.respond(last)) == "done");
    }
}

TEST_CASE("C10: out of turn, cancelled or without base64, a dialogue ends", "[auth][hostile]")
{
    const auto mechanism = GENERATE(SaslMechanism::plain, SaslMechanism::login, SaslMechanism::scram_sha_256,
                                    SaslMechanism::scram_sha_256_plus, SaslMechanism::oauthbearer, SaslMechanism::xoauth2);
    SaslExchange one(mechanism, bindable(), kNonce);
    CHECK(told(one.begin(std::nullopt)).starts_with("challenge"));
    CHECK(told(one.respond("*")) == "cancelled");
    SaslExchange two(mechanism, bindable(), kNonce);
    CHECK(told(two.begin("!!!")) == "malformed");
    SaslExchange three(mechanism, bindable(), kNonce);
    CHECK(told(three.begin(std::string(kMaxSaslResponse + 4, 'A'))) == "malformed");
}
