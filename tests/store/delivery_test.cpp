#include <sys/stat.h>

#include "store/message_name.hpp"
#include "store/desk.hpp"

using namespace mbx;
using namespace mbx::store;
using mbx::test::Desk;
using mbx::test::kAll;

TEST_CASE("a new account has INBOX and the special-use mailboxes, all subscribed", "[store]")
{
    Desk desk;
    std::vector<std::string> names;
    for (const auto& info : desk->list()) names.push_back(info.name);
    CHECK(names == std::vector<std::string>{"Archive", "Drafts", "INBOX", "Junk", "Sent", "Trash"});
    CHECK(desk->subscriptions() == names);
    CHECK(desk->find("Sent")->special_use == SpecialUse::sent);
    CHECK(desk->find("inbox")->name == "INBOX");
    CHECK(desk.status().messages == 0);
    CHECK(desk.status().uidnext == 1);
}

TEST_CASE("a delivered message lies in new/ under a name with size and UID and no suffix", "[store]")
{
    Desk desk;
    CHECK(desk.deliver("Subject: a\r\n\r\nb\r\n") == 1);
    const auto names = desk.names("new");
    REQUIRE(names.size() == 1);
    const auto parsed = parse_message_name(names[0]);
    CHECK(parsed.size == 17);
    CHECK(parsed.uid == 1);
    CHECK_FALSE(parsed.has_info);
    CHECK(desk.text(1) == "Subject: a\r\n\r\nb\r\n");
    const auto row = desk.row(1);
    CHECK(row.internal_date == 1'700'000'000);
    CHECK(row.save_date == save_date_of(parsed.unique));
    CHECK(desk.status().unseen == 1);
    CHECK(desk.status().first_unseen == 1);
}

TEST_CASE("the first flag moves a message to cur and the letters follow Maildir's order", "[store]")
{
    Desk desk;
    const Uid uid = desk.deliver("a\r\n");
    CHECK(desk.flag(uid, FlagAction::add, kSeen | kFlagged | kDraft, {"Later", "$Label1"}));
    CHECK(desk.names("new").empty());
    REQUIRE(desk.names("cur").size() == 1);
    CHECK(desk.names("cur")[0].ends_with(",S=3,I=1:2,DFSab"));
    CHECK(desk.status().keywords == std::vector<std::string>{"Later", "$Label1"});
    CHECK(desk.status().unseen == 0);
    CHECK(desk.flag(uid, FlagAction::replace, 0));
    CHECK(desk.names("cur")[0].ends_with(":2,"));
    CHECK(desk.text(uid) == "a\r\n");
    desk.open();
    CHECK(desk.row(uid).flags == Flags{});
    CHECK(desk.status().unseen == 1);
}

TEST_CASE("D16: an empty message, one of headers only and one without CRLF at its end come back as they went in",
          "[store][D16]")
{
    Desk desk;
    for (const std::string text : {"", "A: b\r\n", "A: b\r\n   \r\nc", "From x\r\n\r\nbody", "bare\nline\r\n"}) {
        const Uid uid = desk.deliver(text);
        CHECK(desk.row(uid).size == text.size());
        CHECK(desk.text(uid) == text);
    }
    desk.lose_index();
    desk.open();
    CHECK(desk.uids() == std::vector<Uid>{1, 2, 3, 4, 5});
    CHECK(desk.text(1).empty());
    CHECK(desk.text(5) == "bare\nline\r\n");
}

TEST_CASE("D16: another tool's file with LF is served with CRLF and has the size that FETCH sends", "[store][D16]")
{
    Desk desk;
    test::write_file(desk.account() + "/new/1600000000.M1P1.host", "A: b\n\nline\r\nend\n");
    const auto uids = desk.uids();
    REQUIRE(uids.size() == 1);
    CHECK(desk.text(uids[0]) == "A: b\r\n\r\nline\r\nend\r\n");
    CHECK(desk.row(uids[0]).size == 19);
    CHECK(desk.row(uids[0]).save_date == 1'600'000'000);
    CHECK(desk.names("new")[0] == "1600000000.M1P1.host,S=19,I=1");
    desk.lose_index();
    desk.open();
    CHECK(desk.uids() == uids);
    CHECK(desk.row(uids[0]).size == 19);
}

TEST_CASE("several recipients share one inode, and APPEND with another date gets a copy of its own", "[store]")
{
    Desk desk;
    const auto spooled = desk.spool("a\r\n");
    REQUIRE(desk->append(spooled, desk.incoming("INBOX")));
    REQUIRE(desk->append(spooled, desk.incoming("Sent", kSeen)));
    struct stat one{};
    REQUIRE(::stat((desk.account() + "/new/" + desk.names("new")[0]).c_str(), &one) == 0);
    CHECK(one.st_nlink == 3);
    auto later = desk.incoming("Drafts", kDraft);
    later.internal_date += std::chrono::hours(1);
    REQUIRE(desk->append(spooled, later));
    CHECK(desk.row(1, "Drafts").internal_date == 1'700'003'600);
    CHECK(desk.row(1, "Sent").internal_date == 1'700'000'000);
    CHECK(desk.text(1, "Drafts") == "a\r\n");
}

TEST_CASE("a body with as many links as the file system allows is copied", "[store]")
{
    Desk desk;
    const auto spooled = desk.spool("a\r\n");
    REQUIRE(desk->append(spooled, desk.incoming("INBOX")));
    desk.files().only({test::Call::link});
    desk.files().fail_at(1, EMLINK);
    REQUIRE(desk->append(spooled, desk.incoming("INBOX")));
    CHECK(desk.text(2) == "a\r\n");
    CHECK(desk.row(2).internal_date == 1'700'000'000);
}

TEST_CASE("the 27th keyword of a mailbox is refused and changes nothing", "[store]")
{
    Desk desk;
    const Uid uid = desk.deliver("a\r\n");
    std::vector<std::string> all;
    for (int n = 0; n < 26; ++n) all.push_back("k" + std::to_string(n));
    CHECK(desk.flag(uid, FlagAction::add, 0, all));
    CHECK(desk.flag(uid, FlagAction::add, 0, {"K25"}));  // another spelling of the same
    FlagChange change;
    change.keywords = {"k26"};
    const auto refused = desk->store_flags(desk.id("INBOX"), kAll, change);
    REQUIRE_FALSE(refused);
    CHECK(refused.error() == StoreError::limit);
    CHECK(desk.status().keywords.size() == 26);
    desk.lose_index();
    desk.open();
    CHECK(desk.row(uid).flags.keywords == (1U << 26U) - 1);
}

TEST_CASE("STORE with UNCHANGEDSINCE leaves newer messages alone and names them", "[store]")
{
    Desk desk;
    desk.deliver("a\r\n");
    desk.deliver("b\r\n");
    const auto before = desk.status().highest_modseq;
    CHECK(desk.flag(1, FlagAction::add, kSeen));
    FlagChange change;
    change.system = kFlagged;
    change.unchanged_since = before;
    const auto stored = desk->store_flags(desk.id("INBOX"), kAll, change);
    REQUIRE(stored);
    CHECK(stored->not_stored == std::vector<Uid>{1});
    REQUIRE(stored->rows.size() == 2);
    CHECK(stored->rows[0].flags.system == kSeen);
    CHECK(stored->rows[1].flags.system == kFlagged);
    CHECK(stored->rows[1].modseq == stored->highest_modseq);
}

TEST_CASE("changes since a mod-sequence name new, changed and expunged messages once", "[store]")
{
    Desk desk;
    for (int n = 0; n < 4; ++n) desk.deliver("a\r\n");
    const auto since = desk.status().highest_modseq;
    CHECK(desk.flag(2, FlagAction::add, kDeleted));
    CHECK(desk.flag(4, FlagAction::add, kSeen));
    const auto gone = desk->expunge(desk.id("INBOX"), nullptr);
    REQUIRE(gone);
    CHECK(*gone == std::vector<Uid>{2});
    desk.deliver("b\r\n");
    const auto changes = desk->changes(desk.id("INBOX"), since);
    REQUIRE(changes);
    CHECK(changes->expunged == std::vector<Uid>{2});
    REQUIRE(changes->changed.size() == 2);
    CHECK(changes->changed[0].uid == 4);
    CHECK(changes->changed[1].uid == 5);
    CHECK(desk->changes(desk.id("INBOX"), changes->status.highest_modseq)->changed.empty());
    CHECK(desk.status().messages == 4);
}

TEST_CASE("COPY keeps flags, keywords by name, and the internal date; MOVE takes the source away", "[store]")
{
    Desk desk;
    desk.deliver("a\r\n");
    CHECK(desk.flag(1, FlagAction::add, kSeen, {"one", "two"}));
    REQUIRE(desk->append(desk.body("x\r\n"), desk.incoming("Sent", 0, {"other", "two"})));
    const auto copied = desk->copy(desk.id("INBOX"), kAll, "Sent");
    REQUIRE(copied);
    CHECK(copied->uids == std::vector<std::pair<Uid, Uid>>{{1, 2}});
    CHECK(copied->uidvalidity == desk.status("Sent").uidvalidity);
    CHECK(desk.status("Sent").keywords == std::vector<std::string>{"other", "two", "one"});
    CHECK(desk.row(2, "Sent").flags == Flags{kSeen, 0b110});
    CHECK(desk.row(2, "Sent").internal_date == 1'700'000'000);

    const auto moved = desk->move(desk.id("INBOX"), kAll, "Trash");
    REQUIRE(moved);
    CHECK(desk.uids().empty());
    CHECK(desk.names("cur").empty());
    CHECK(desk.text(1, "Trash") == "a\r\n");
    CHECK(desk->copy(desk.id("Trash"), kAll, "nowhere").error() == StoreError::no_such_mailbox);
    const auto within = desk->move(desk.id("Trash"), kAll, "Trash");
    REQUIRE(within);
    CHECK(within->uids == std::vector<std::pair<Uid, Uid>>{{1, 2}});
    CHECK(desk.uids("Trash") == std::vector<Uid>{2});
}

TEST_CASE("messages are expunged by UID whatever their flags, others are left, and a crash changes nothing of it", "[store]")
{
    Desk desk;
    for (int n = 0; n < 4; ++n) desk.deliver("Subject: x\r\n\r\n", "INBOX", n == 3 ? kDeleted : std::uint8_t{0});
    const auto inbox = desk.id("INBOX");
    const auto gone = desk->expunge_these(inbox, {{2, 3}, {9, 20}});
    REQUIRE(gone);
    CHECK(*gone == std::vector<Uid>{2, 3});
    CHECK(*desk->uids(inbox) == std::vector<Uid>{1, 4});
    CHECK(desk->expunge_these(inbox, {{2, 3}})->empty());
    CHECK(desk->expunge_these(MailboxId{999}, {{1, 1}}).error() == StoreError::no_such_mailbox);
    desk.crash();
    CHECK(*desk->uids(desk.id("INBOX")) == std::vector<Uid>{1, 4});
    CHECK(desk->expunged_messages({})->messages == 2);
}

TEST_CASE("a message that is held can be read after its expunge", "[store]")
{
    Desk desk;
    desk.deliver(std::string(300'000, 'x'), "INBOX", kDeleted);
    const auto held = desk->message(desk.id("INBOX"), 1);
    REQUIRE(held);
    REQUIRE(desk->expunge(desk.id("INBOX"), nullptr));
    CHECK((*held)->bytes().size() == 300'000);
    CHECK((*held)->bytes().back() == 'x');
    CHECK(desk->message(desk.id("INBOX"), 1).error() == StoreError::no_such_message);
}
