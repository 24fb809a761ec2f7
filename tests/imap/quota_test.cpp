// RFC 9208: GETQUOTA, GETQUOTAROOT, DELETED-STORAGE, and the warning of a mailbox that is nearly full.
#include <catch2/catch_test_macros.hpp>

#include "imap/parser.hpp"
#include "imap/quota.hpp"
#include "imap/world.hpp"

using namespace mbx;
using namespace mbx::imap;

namespace {

void limit(World& world, std::uint64_t bytes, std::uint64_t messages)
{
    world.store->set_quotas([bytes, messages](const store::AccountKey&) { return store::QuotaLimits{bytes, messages}; });
}

}  // namespace

TEST_CASE("RFC 9208 4.1: GETQUOTA takes a root and GETQUOTAROOT a mailbox", "[imap][parser][quota]")
{
    const auto root = parse_command("a getquota \"\"", false);
    REQUIRE(root);
    CHECK(std::get<GetQuota>(root->request).root.empty());
    const auto mailbox = parse_command("a GETQUOTAROOT Sent&-x", false);
    REQUIRE(mailbox);
    CHECK(std::get<GetQuotaRoot>(mailbox->request).mailbox == "Sent&x");
    for (const auto* bad : {"a GETQUOTA", "a GETQUOTA ", "a GETQUOTA a b", "a GETQUOTAROOT", "a SETQUOTA \"\" ()"}) {
        CAPTURE(bad);
        CHECK_FALSE(parse_command(bad, false));
    }
}

TEST_CASE("RFC 9208 5.1: STORAGE counts in 1024 octets, used rounded up and allowed down", "[imap][quota]")
{
    CHECK(quota_text({10'000, 0}, {1025, 3}) == "* QUOTA \"\" (STORAGE 2 9)\r\n");
    CHECK(quota_text({0, 7}, {1025, 3}) == "* QUOTA \"\" (MESSAGE 3 7)\r\n");
    CHECK(quota_text({2048, 7}, {2048, 7}) == "* QUOTA \"\" (STORAGE 2 2 MESSAGE 7 7)\r\n");
}

TEST_CASE("RFC 9208 4.2.2: without a limit a mailbox has no quota root", "[imap][session][quota]")
{
    World world;
    Client client(world);
    CHECK(client.greeting.find(" QUOTA QUOTA=RES-STORAGE QUOTA=RES-MESSAGE ") != std::string::npos);
    CHECK(client.ask("a GETQUOTAROOT INBOX").starts_with("BAD"));
    client.log_in();
    CHECK(client.say("a GETQUOTAROOT INBOX\r\n") == "* QUOTAROOT \"INBOX\"\r\na OK GETQUOTAROOT completed\r\n");
    CHECK(client.ask("b GETQUOTA \"\"").starts_with("NO [NONEXISTENT]"));
}

TEST_CASE("RFC 9208 4.1: both commands tell what is used and what is allowed at this moment", "[imap][session][quota]")
{
    World world;
    limit(world, 102'400, 10);
    Client client(world);
    client.log_in();
    const auto text = message("one", std::string(3000, 'x') + "\r\n");
    client.append(text);
    client.append(text);
    const std::string used = "STORAGE " + std::to_string((2 * text.size() + 1023) / 1024) + " 100 MESSAGE 2 10";
    CHECK(client.say("a GETQUOTAROOT \"no such\"\r\n") ==
          "* QUOTAROOT \"no such\" \"\"\r\n* QUOTA \"\" (" + used + ")\r\na OK GETQUOTAROOT completed\r\n");
    CHECK(client.say("b GETQUOTA \"\"\r\n") == "* QUOTA \"\" (" + used + ")\r\nb OK GETQUOTA completed\r\n");
    CHECK(client.ask("c GETQUOTA user").starts_with("NO [NONEXISTENT]"));
    limit(world, 0, 5);
    CHECK(client.say("d GETQUOTA \"\"\r\n") == "* QUOTA \"\" (MESSAGE 2 5)\r\nd OK GETQUOTA completed\r\n");
}

TEST_CASE("RFC 9208 4.1.4: DELETED-STORAGE is the size of what EXPUNGE would remove", "[imap][session][quota]")
{
    World world;
    Client client(world);
    client.log_in();
    const auto text = message("one");
    client.append(text, "(\\Deleted)");
    client.append(text);
    client.append(text, "(\\Deleted \\Seen)");
    CHECK(client.say("a STATUS INBOX (DELETED DELETED-STORAGE)\r\n") ==
          "* STATUS \"INBOX\" (DELETED 2 DELETED-STORAGE " + std::to_string(2 * text.size()) + ")\r\na OK STATUS completed\r\n");
    CHECK(client.say("b LIST \"\" INBOX RETURN (STATUS (DELETED-STORAGE))\r\n")
              .find("(DELETED-STORAGE " + std::to_string(2 * text.size()) + ")") != std::string::npos);
}

TEST_CASE("a mailbox that is nearly full is told once, in the answer of SELECT", "[imap][session][quota]")
{
    auto options = test_options();
    options.warn_percent = 80;
    World world(options);
    limit(world, 0, 4);
    Client client(world);
    client.log_in();
    for (int i = 0; i < 3; ++i) client.append(message("one"));
    CHECK(client.say("a SELECT INBOX\r\n").find("[ALERT]") == std::string::npos);
    client.append(message("one"));
    const auto told = client.say("b SELECT INBOX\r\n");
    CHECK(told.find("* OK [ALERT] the mailbox is 100 % full") != std::string::npos);
    CHECK(client.say("c SELECT INBOX\r\n").find("[ALERT]") == std::string::npos);
    Client second(world);
    second.log_in();
    CHECK(second.say("a SELECT INBOX\r\n").find("[ALERT]") == std::string::npos);
}
