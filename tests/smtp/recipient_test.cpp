#include "smtp/recipient.hpp"

#include <catch2/catch_test_macros.hpp>
#include <vector>

#include "smtp/transaction.hpp"

namespace mbx::smtp {
namespace {

directory::Account account(std::int64_t id, std::string local, bool enabled = true)
{
    directory::Account made;
    made.id.value = id;
    made.local_part = std::move(local);
    made.domain = "example.test";
    made.enabled = enabled;
    return made;
}

directory::Snapshot snapshot()
{
    directory::Domain domain;
    domain.name = "example.test";
    std::vector<directory::Alias> aliases{
        {"both@example.test", {"ann@example.test", "bob@example.test"}, true},
        {"a@example.test", {"b@example.test"}, true},
        {"b@example.test", {"a@example.test"}, true},
        {"mixed@example.test", {"ann@example.test", "far@elsewhere.example"}, true},
        {"gone@example.test", {"far@elsewhere.example"}, false},
    };
    return directory::Snapshot({domain}, {account(1, "ann"), account(2, "bob"), account(3, "off", false)}, aliases);
}

ReplyId judge(std::string_view path, Role role = Role::mx)
{
    const auto mailbox = mail::parse_forward_path(path);
    REQUIRE(mailbox);
    return judge_recipient(snapshot(), *mailbox, role).reply;
}

TEST_CASE("a recipient is judged by what the directory says of it", "[smtp][recipient]")
{
    CHECK(judge("<ann@example.test>") == ReplyId::recipient_accepted);
    CHECK(judge("<both@example.test>") == ReplyId::recipient_accepted);
    CHECK(judge("<nobody@example.test>") == ReplyId::unknown_mailbox);
    CHECK(judge("<off@example.test>") == ReplyId::disabled_mailbox);
    CHECK(judge("<gone@example.test>") == ReplyId::disabled_mailbox);
    CHECK(judge("<mixed@example.test>") == ReplyId::no_outside_delivery);
    CHECK(judge("<v@elsewhere.example>") == ReplyId::relay_denied);
    CHECK(judge("<v@elsewhere.example>", Role::submission) == ReplyId::no_outside_delivery);
}

TEST_CASE("I1: aliases that name each other are a loop (5.4.6)", "[smtp][recipient]")
{
    CHECK(judge("<a@example.test>") == ReplyId::alias_loop);
}

TEST_CASE("C4: signs of other routing are bytes of a local part", "[smtp][recipient]")
{
    CHECK(judge("<ann%elsewhere.example@example.test>") == ReplyId::unknown_mailbox);
    CHECK(judge("<elsewhere.example!ann@example.test>") == ReplyId::unknown_mailbox);
    CHECK(judge("<\"ann@elsewhere.example\"@example.test>") == ReplyId::unknown_mailbox);
    CHECK(judge("<@example.test:v@elsewhere.example>") == ReplyId::relay_denied);
}

TEST_CASE("an account named twice stands once in the envelope, and several RCPTs have no only one", "[smtp][recipient]")
{
    Transaction transaction{MailArgument{}};
    transaction.add(*mail::parse_forward_path("<ann@example.test>"), {directory::AccountId{1}});
    REQUIRE(transaction.only_recipient());
    transaction.add(*mail::parse_forward_path("<both@example.test>"),
                    {directory::AccountId{1}, directory::AccountId{2}});
    CHECK(transaction.accounts() == std::vector<directory::AccountId>{{1}, {2}});
    CHECK(transaction.accepted() == 2);
    CHECK_FALSE(transaction.only_recipient());
}

} // namespace
} // namespace mbx::smtp
