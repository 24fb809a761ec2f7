// Access lists: what they grant, their file, and the table of who shares with whom.
#include <catch2/catch_test_macros.hpp>

#include "store/access_list.hpp"
#include "store/sharing.hpp"

using namespace mbx;
using namespace mbx::store;

TEST_CASE("rights are the union of what is granted to the account and to anyone, less what is taken from either", "[store][access]")
{
    AccessList list;
    apply(list, {7, false, RightsAction::replace, kLookup | kRead | kInsert});
    apply(list, {kAnyone, false, RightsAction::add, kPost});
    apply(list, {7, true, RightsAction::replace, kInsert});
    apply(list, {kAnyone, true, RightsAction::replace, kPost});
    CHECK(rights_of(list, 7) == (kLookup | kRead));
    CHECK(rights_of(list, 8) == 0);
    apply(list, {kAnyone, true, RightsAction::remove, kPost});
    CHECK(list.size() == 3);
    CHECK(rights_of(list, 8) == kPost);
    apply(list, {7, false, RightsAction::remove, kAllRights});
    CHECK(list.size() == 2);
    CHECK(rights_of(list, 7) == kPost);
}

TEST_CASE("RFC 4314 2.1.1: c is k and x, d is t and e; other letters are no rights", "[store][access]")
{
    CHECK(parse_rights("c") == Rights{kCreateBelow | kDeleteMailbox});
    CHECK(parse_rights("d") == Rights{kDeleteMessages | kExpungeRight});
    CHECK(parse_rights("lrswipkxteacd") == kAllRights);
    CHECK(parse_rights("") == Rights{0});
    CHECK(rights_letters(kAllRights) == "lrswipkxtea");
    for (const auto* bad : {"L", "lq", "0", "l r", "lr\n"}) CHECK_FALSE(parse_rights(bad));
}

TEST_CASE("the file of access lists holds what was written, and nothing damaged is read", "[store][access]")
{
    AccessLists lists;
    apply(lists[MailboxId{3}], {7, false, RightsAction::replace, kAllRights});
    apply(lists[MailboxId{3}], {7, true, RightsAction::replace, kPost});
    apply(lists[MailboxId{9}], {kAnyone, false, RightsAction::replace, kLookup});
    const auto text = format_access(lists);
    CHECK(parse_access(text) == lists);
    for (std::size_t i = 0; i < text.size(); ++i) {
        auto damaged = text;
        damaged[i] = static_cast<char>(damaged[i] ^ 1);
        CHECK_FALSE(parse_access(damaged));
        CHECK_FALSE(parse_access(text.substr(0, i)));
    }
    UrlKeys keys{{{1, MailboxId{2}}, std::string(kUrlKeyBytes, '\x80')}, {{4, MailboxId{2}}, std::string(kUrlKeyBytes, 'a')}};
    CHECK(parse_url_keys(format_url_keys(keys)) == keys);
    keys[{4, MailboxId{5}}] = "short";
    CHECK_FALSE(parse_url_keys(format_url_keys(keys)));
}

TEST_CASE("the table of who shares knows owners by grantee, and jobs are newer than files", "[store][access]")
{
    const AccountKey ann{1, "ann", "example.org"};
    const AccountKey bob{2, "bob", "example.org"};
    const auto granted = [](std::int64_t to) {
        AccessLists lists;
        apply(lists[MailboxId{1}], {to, false, RightsAction::replace, kLookup});
        return lists;
    };
    Sharing sharing;
    std::vector<std::int64_t> told;
    const Sharing::Watch watch(sharing, [&told](std::int64_t owner) { told.push_back(owner); });
    sharing.note(ann, {});
    sharing.note_read(ann, granted(3));
    CHECK_FALSE(sharing.shares(1, 3));
    sharing.note_read(bob, granted(kAnyone));
    CHECK(sharing.shares(2, 3));
    CHECK_FALSE(sharing.shares(2, 2));
    sharing.finish_reading();
    sharing.note(ann, granted(3));
    sharing.note(ann, granted(3));
    CHECK(sharing.owners_for(3).size() == 2);
    CHECK(sharing.owners_for(3).front().local_part == "ann");
    CHECK(sharing.owners_for(4).size() == 1);
    CHECK(sharing.owners_for(2).empty());
    CHECK(told == std::vector<std::int64_t>{2, 1});
    AccessLists negative;
    apply(negative[MailboxId{1}], {3, true, RightsAction::replace, kLookup});
    sharing.note(ann, negative);
    CHECK_FALSE(sharing.shares(1, 3));
    sharing.forget(2);
    CHECK(sharing.owners() == 0);
}
