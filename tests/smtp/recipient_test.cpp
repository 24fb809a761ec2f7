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

const WallTime kNow{std::chrono::sys_days{std::chrono::year{2026} / 11 / 22}};

const policy::Srs& srs()
{
    static const policy::Srs kSrs(std::string(32, 's'));
    return kSrs;
}

ReplyId judge(std::string_view path, Role role = Role::mx)
{
    const auto mailbox = mail::parse_forward_path(path);
    REQUIRE(mailbox);
    return judge_recipient({snapshot(), role, false, srs(), kNow}, *mailbox).reply;
}

RecipientDecision decide(const mail::Mailbox& mailbox, Role role, bool has_null_reverse_path)
{
    return judge_recipient({snapshot(), role, has_null_reverse_path, srs(), kNow}, mailbox);
}

TEST_CASE("a recipient is judged by what the directory says of it", "[smtp][recipient]")
{
    CHECK(judge("<ann@example.test>") == ReplyId::recipient_accepted);
    CHECK(judge("<both@example.test>") == ReplyId::recipient_accepted);
    CHECK(judge("<nobody@example.test>") == ReplyId::unknown_mailbox);
    CHECK(judge("<off@example.test>") == ReplyId::disabled_mailbox);
    CHECK(judge("<gone@example.test>") == ReplyId::disabled_mailbox);
    CHECK(judge("<mixed@example.test>") == ReplyId::recipient_accepted);
    CHECK(judge("<v@elsewhere.example>") == ReplyId::relay_denied);
    CHECK(judge("<v@elsewhere.example>", Role::submission) == ReplyId::recipient_accepted);
}

TEST_CASE("an alias leads to accounts and to other servers, and says whose domain forwards", "[smtp][recipient]")
{
    const auto decision = decide(*mail::parse_forward_path("<mixed@example.test>"), Role::mx, false);
    CHECK(decision.accounts == std::vector<directory::AccountId>{{1}});
    REQUIRE(decision.outside.size() == 1);
    CHECK(decision.outside[0].address == "far@elsewhere.example");
    CHECK(decision.outside[0].forwarded_by == "example.test");
    const auto named = decide(*mail::parse_forward_path("<v@elsewhere.example>"), Role::submission, false);
    CHECK(named.accounts.empty());
    REQUIRE(named.outside.size() == 1);
    CHECK(named.outside[0].address == "v@elsewhere.example");
    CHECK(named.outside[0].forwarded_by.empty());
}

TEST_CASE("the way back of forwarded mail takes signed bounces and nothing else", "[smtp][recipient]")
{
    const auto sender = *mail::parse_forward_path("<far@elsewhere.example>");
    const auto way_back = srs().forward(sender, "example.test", kNow);
    const auto bounce = decide(way_back, Role::mx, true);
    CHECK(bounce.reply == ReplyId::recipient_accepted);
    REQUIRE(bounce.outside.size() == 1);
    CHECK(bounce.outside[0].address == "far@elsewhere.example");
    CHECK(bounce.outside[0].is_bounce);
    // With a sender it would be relaying.
    CHECK(decide(way_back, Role::mx, false).reply == ReplyId::unknown_mailbox);
    auto forged = way_back;
    forged.local_part.back() = 'x';
    CHECK(decide(forged, Role::mx, true).reply == ReplyId::unknown_mailbox);
    // One that leads home again is judged like any of ours.
    const auto own = srs().forward(*mail::parse_forward_path("<ann@example.test>"), "example.test", kNow);
    CHECK(decide(own, Role::mx, true).accounts == std::vector<directory::AccountId>{{1}});
}

TEST_CASE("bounces of forwarded mail are for the account, or the administrators where it is gone; forged ones for nobody", "[smtp][recipient]")
{
    const auto reached = [](std::int64_t id) { return decide(srs().forwarder(id, "example.test", kNow), Role::mx, true).accounts; };
    using Ids = std::vector<directory::AccountId>;
    CHECK(reached(2) == Ids{{2}});
    CHECK(reached(3) == Ids{{1}});  // switched off; the oldest stands for the administrators
    CHECK(reached(0) == Ids{{1}});
    auto forged = srs().forwarder(2, "example.test", kNow);
    forged.local_part.back() = '1';
    CHECK(decide(forged, Role::mx, true).reply == ReplyId::unknown_mailbox);
    CHECK(decide(srs().forwarder(2, "example.test", kNow), Role::mx, false).reply == ReplyId::unknown_mailbox);
    CHECK(decide(srs().forwarder(2, "example.test", kNow - std::chrono::hours(24 * 30)), Role::mx, true).reply == ReplyId::unknown_mailbox);
}

TEST_CASE("mail without a sender is kept where an account forwards it and keeps no copy: nobody could be told", "[smtp][recipient]")
{
    directory::Domain domain;
    domain.name = "example.test";
    auto ann = account(1, "ann");
    ann.forward = {"far@elsewhere.example"};
    ann.keeps_copy = false;
    const directory::Snapshot forwarding({domain}, {ann, account(2, "bob")}, {});
    const mail::Mailbox to{"ann", "example.test"};
    const auto usual = judge_recipient({forwarding, Role::mx, false, srs(), kNow}, to);
    CHECK(usual.accounts.empty());
    CHECK(usual.outside.size() == 1);
    const auto bounce = judge_recipient({forwarding, Role::mx, true, srs(), kNow}, to);
    CHECK(bounce.accounts == std::vector{directory::AccountId{1}});
    CHECK(bounce.outside.size() == 1);
    REQUIRE(bounce.expansions.size() == 1);
    CHECK(bounce.expansions.front().kind == directory::Expansion::Kind::forward_and_copy);
}

TEST_CASE("an outside address named twice stands once in the envelope", "[smtp][recipient]")
{
    Transaction transaction{MailArgument{}};
    const auto mailbox = *mail::parse_forward_path("<v@elsewhere.example>");
    transaction.add(mailbox, {}, {{"v@elsewhere.example", {}, false}});
    transaction.add(mailbox, {}, {{"v@elsewhere.example", {}, false}, {"w@elsewhere.example", {}, false}});
    CHECK(transaction.outside().size() == 2);
    CHECK(transaction.accepted() == 2);
}

TEST_CASE("what a sender asked for in reports goes on to one, in part to several, and not to a list (RFC 3461 5.2.7)", "[smtp][recipient]")
{
    const auto mailbox = *mail::parse_forward_path("<x@example.test>");
    const queue::Notify all{true, true, true, true};
    const auto decision_of = [](std::size_t accounts, std::size_t outside, bool is_list) {
        RecipientDecision decision;
        for (std::size_t n = 0; n < accounts; ++n) decision.accounts.push_back({static_cast<std::int64_t>(n + 1)});
        for (std::size_t n = 0; n < outside; ++n) {
            decision.outside.emplace_back().address = "far" + std::to_string(n) + "@elsewhere.example";
            if (is_list) decision.outside.back().owner = decision.outside.back().returns_to = "ann@example.test";
        }
        directory::Expansion step;
        step.kind = is_list ? directory::Expansion::Kind::list : directory::Expansion::Kind::alias;
        decision.expansions.push_back(step);
        return decision;
    };
    auto one = decision_of(0, 1, false);
    pass_reports_on(mailbox, all, "rfc822;o@x", one);
    CHECK(one.outside[0].notify == all);
    CHECK(one.outside[0].original == "rfc822;o@x");
    CHECK_FALSE(one.receipt);

    auto several = decision_of(1, 1, false);
    pass_reports_on(mailbox, all, "rfc822;o@x", several);
    CHECK(several.outside[0].notify == queue::Notify{true, false, true, true});
    CHECK(several.outside[0].original == "rfc822;o@x");
    REQUIRE(several.receipt);
    CHECK(several.receipt->ending == queue::Ending::expanded);
    CHECK(several.receipt->original == "rfc822;o@x");

    auto list = decision_of(0, 1, true);
    pass_reports_on(mailbox, all, "rfc822;o@x", list);
    CHECK(list.outside[0].notify == queue::Notify{});
    CHECK(list.outside[0].original.empty());
    REQUIRE(list.receipt);
    CHECK(list.receipt->ending == queue::Ending::here);

    auto here = decision_of(1, 0, false);
    pass_reports_on(mailbox, all, "", here);
    REQUIRE(here.receipt);
    CHECK(here.receipt->ending == queue::Ending::here);
    CHECK(here.receipt->address == "x@example.test");
    auto quiet = decision_of(1, 0, false);
    pass_reports_on(mailbox, {true, false, true, true}, "", quiet);
    CHECK_FALSE(quiet.receipt);
}

TEST_CASE("a message has room for so many recipients and lists in all, and one address always", "[smtp][recipient]")
{
    Transaction transaction{MailArgument{}};
    RecipientDecision large;
    for (int n = 0; n < 10'000; ++n) large.outside.emplace_back().address = std::to_string(n) + "@elsewhere.example";
    CHECK(transaction.has_room_for(large));
    transaction.add({}, {}, large.outside);
    CHECK(transaction.has_room_for(large));
    RecipientDecision one_more = large;
    one_more.accounts.push_back({1});
    CHECK_FALSE(transaction.has_room_for(one_more));
    Transaction lists{MailArgument{}};
    RecipientDecision list;
    for (int n = 0; n < 8; ++n) {
        list.outside = {OutsideRecipient{}};
        list.outside[0].address = std::to_string(n) + "@elsewhere.example";
        list.outside[0].owner = std::to_string(n) + "@example.test";
        CHECK(lists.has_room_for(list));
        lists.add({}, {}, list.outside);
    }
    CHECK(lists.has_room_for(list));
    list.outside[0].owner = "ninth@example.test";
    CHECK_FALSE(lists.has_room_for(list));
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
