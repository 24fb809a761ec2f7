// The sender rewriting scheme: what is forwarded can be bounced, and nobody can make us relay by inventing addresses.
#include <catch2/catch_test_macros.hpp>

#include "base/ascii.hpp"
#include "policy/srs.hpp"

using namespace mbx;
using policy::Srs;

namespace {

const WallTime kNow{std::chrono::sys_days{std::chrono::year{2026} / 11 / 22}};

mail::Mailbox mailbox(std::string_view text)
{
    auto read = mail::parse_mailbox(text);
    REQUIRE(read);
    return *read;
}

Srs srs() { return Srs(std::string(32, 's')); }

}  // namespace

TEST_CASE("a bounce of forwarded mail finds its first sender")
{
    for (const char* sender : {"ann@example.net", "Ann.Lee+x=y@mail.example.net", "\"odd name\"@example.net", "a=b@example.net"}) {
        const auto address = srs().forward(mailbox(sender), "our.example", kNow);
        CHECK(address.domain == "our.example");
        CHECK(Srs::looks_like(address.local_part));
        const auto back = srs().reverse(mailbox(mail::format_mailbox(address)), kNow + std::chrono::days{20});
        REQUIRE(back);
        CHECK(mail::format_mailbox(*back) == mail::format_mailbox(mailbox(sender)));
    }
}

TEST_CASE("servers on the way may change the case of letters")
{
    auto address = srs().forward(mailbox("ann@example.net"), "our.example", kNow);
    address.local_part = ascii::to_lower(address.local_part);
    const auto back = srs().reverse(address, kNow);
    REQUIRE(back);
    CHECK(back->domain == "example.net");
}

TEST_CASE("what was rewritten by another forwarder goes back by way of it")
{
    const auto other = Srs(std::string(32, 'o')).forward(mailbox("ann@example.net"), "other.example", kNow);
    const auto ours = srs().forward(other, "our.example", kNow);
    CHECK(ours.local_part.starts_with("SRS1="));
    const auto back = srs().reverse(ours, kNow);
    REQUIRE(back);
    CHECK(mail::format_mailbox(*back) == mail::format_mailbox(other));
    // And a third one keeps the first forwarder.
    const auto third = Srs(std::string(32, 't')).forward(ours, "third.example", kNow);
    const auto direct = Srs(std::string(32, 't')).reverse(third, kNow);
    REQUIRE(direct);
    CHECK(mail::format_mailbox(*direct) == mail::format_mailbox(other));
}

TEST_CASE("an address that nobody signed, or that was changed, or is old, leads nowhere")
{
    auto address = srs().forward(mailbox("ann@example.net"), "our.example", kNow);
    CHECK_FALSE(srs().reverse(address, kNow + std::chrono::days{30}));
    CHECK_FALSE(srs().reverse(address, kNow - std::chrono::days{3}));
    CHECK_FALSE(Srs(std::string(32, 'x')).reverse(address, kNow));
    auto changed = address;
    changed.local_part.replace(changed.local_part.find("ann"), 3, "bob");
    CHECK_FALSE(srs().reverse(changed, kNow));
    for (const char* text : {"SRS0", "SRS0=", "SRS0=A=B", "SRS0=AAAAAAAA=AA=example.net=ann", "SRS1=AAAAAAAA=example.net=",
                             "SRS0====", "SRS1===", "srs0=AAAAAAAA=!!=example.net=ann", "SRS2=a=b=c=d"}) {
        mail::Mailbox odd;
        odd.local_part = text;
        odd.domain = "our.example";
        CHECK_FALSE(srs().reverse(odd, kNow));
    }
}

TEST_CASE("an address that stands for who forwards is read again, in any case of letters, and nobody else makes one")
{
    const auto address = srs().forwarder(4711, "our.example", kNow);
    CHECK(address.domain == "our.example");
    CHECK(Srs::is_forwarder(address.local_part));
    CHECK_FALSE(Srs::looks_like(address.local_part));
    CHECK(srs().forwarder_of(address, kNow + std::chrono::days{10}) == 4711);
    auto lower = address;
    lower.local_part = ascii::to_lower(lower.local_part);
    CHECK(srs().forwarder_of(lower, kNow) == 4711);
    CHECK_FALSE(srs().forwarder_of(address, kNow + std::chrono::days{30}));
    CHECK_FALSE(Srs(std::string(32, 'x')).forwarder_of(address, kNow));
    auto changed = address;
    changed.local_part.back() = '2';
    CHECK_FALSE(srs().forwarder_of(changed, kNow));
    for (const char* text : {"FWD0=", "FWD0=A", "FWD0=A=B", "FWD0===", "FWD0=AAAAAAAA=AA=x", "FWD0=AAAAAAAA=AA=99999999999999999999", "SRS0=A=AA=1"}) {
        mail::Mailbox odd;
        odd.local_part = text;
        odd.domain = "our.example";
        CHECK_FALSE(srs().forwarder_of(odd, kNow));
    }
}
