// Having back what was expunged, and its end.
#include <catch2/generators/catch_generators.hpp>

#include "store/desk.hpp"
#include "store/expunged_name.hpp"

using namespace mbx;
using namespace mbx::store;
using mbx::test::Desk;
using mbx::test::kAll;
namespace fs = std::filesystem;

namespace {

constexpr std::string_view kText = "From: =?utf-8?q?J=C3=BCrgen?= <j@example.org>\r\nSubject: =?utf-8?b?0J/RgNC40LLQtdGC?=\r\n"
                                   "Date: Fri, 21 Nov 1997 09:55:06 -0600\r\n\r\nbody\r\n";
const Lsn kAny = UINT64_MAX;

void expunge(Desk& desk, Uid uid, std::string_view mailbox = "INBOX")
{
    REQUIRE(desk.flag(uid, FlagAction::add, kDeleted, {}, mailbox));
    const UidSet only{{uid, uid}};
    REQUIRE(desk->expunge(desk.id(mailbox), &only)->size() == 1);
}

ExpungedList list(Desk& desk, const ExpungedFilter& filter = {})
{
    auto found = desk->expunged_messages(filter);
    REQUIRE(found);
    return *std::move(found);
}

Undeleted undelete(Desk& desk, const std::string& name, const std::optional<std::string>& target = std::nullopt)
{
    const auto answers = desk->undelete({name}, target);
    REQUIRE(answers);
    REQUIRE(answers->size() == 1);
    return answers->front();
}

std::uint64_t purge(Desk& desk, std::int64_t before, Lsn below = kAny)
{
    PurgeRun run;
    run.expunged_before = before;
    run.below_lsn = below;
    for (int n = 0; n < 10'000; ++n) {
        const auto done = desk->purge(run);
        REQUIRE(done);
        if (*done) return run.removed;
    }
    FAIL("a purge without an end");
    return 0;
}

Replay everything_in(Desk& desk)
{
    REQUIRE(desk.journal().wait(desk.journal().last()));
    Replay replay;
    const auto visit = [&replay](Lsn lsn, std::string_view payload, const journal::Location& where) {
        const auto decoded = decode(payload);
        REQUIRE(decoded);
        replay.records.push_back({lsn, decoded->record, where, static_cast<std::uint32_t>(payload.size() - decoded->body.size())});
    };
    PosixFileSystem files;
    REQUIRE(journal::inspect(files, desk.journal_directory(), [](const journal::FrameInfo&) {}, visit));
    replay.body = [&desk](const ReplayRecord& record) -> Result<std::string, FileError> {
        auto payload = desk.journal().read(record.location);
        if (!payload) return payload.error();
        return payload->substr(record.body_offset);
    };
    replay.spool_directory = desk.spool_directory();
    return replay;
}

}  // namespace

TEST_CASE("an expunged message is listed with what a person knows it by", "[store][undelete]")
{
    Desk desk;
    const Uid uid = desk.deliver(kText);
    const auto before = desk->usage();
    expunge(desk, uid);
    CHECK(desk->usage().messages == 0);
    const auto found = list(desk);
    REQUIRE(found.entries.size() == 1);
    const auto& one = found.entries.front();
    CHECK(one.from == "Jürgen <j@example.org>");
    CHECK(one.subject == "Привет");
    CHECK(one.date == 880'127'706);
    CHECK(one.mailbox_name == "INBOX");
    CHECK(one.uid == uid);
    CHECK(one.size == kText.size());
    CHECK_FALSE(one.is_mailbox);
    CHECK(found.messages == 1);
    CHECK(found.bytes == before.bytes);
}

TEST_CASE("an undeleted message is back byte for byte under a new UID, without its Deleted flag", "[store][undelete]")
{
    Desk desk;
    const Uid uid = desk.deliver(kText);
    REQUIRE(desk.flag(uid, FlagAction::add, kSeen | kFlagged, {"work"}));
    const auto date = desk.row(uid).internal_date;
    expunge(desk, uid);
    const auto name = list(desk).entries.front().name;
    const auto back = undelete(desk, name);
    CHECK_FALSE(back.failure);
    CHECK(back.mailbox == "INBOX");
    CHECK(back.uid > uid);
    CHECK(desk.text(back.uid) == kText);
    CHECK(desk.row(back.uid).flags.system == (kSeen | kFlagged));
    CHECK(desk.row(back.uid).flags.keywords == 1);
    CHECK(desk.row(back.uid).internal_date == date);
    CHECK(desk->usage().messages == 1);
    CHECK(desk.status().highest_modseq == desk.row(back.uid).modseq);
    CHECK(list(desk).entries.empty());
    CHECK(undelete(desk, name).failure == StoreError::no_such_message);
    // The record was on the disk before the rename.
    CHECK(desk.journal().durable() >= desk->last_lsn());
    desk.lose_index();
    desk.open();
    CHECK(desk.text(back.uid) == kText);
}

TEST_CASE("a message goes where it was, or where it is wanted, or to INBOX", "[store][undelete]")
{
    Desk desk;
    REQUIRE(desk->create("Work", SpecialUse::none));
    const Uid first = desk.deliver(kText, "Work");
    const Uid second = desk.deliver(kText, "Work");
    const Uid third = desk.deliver(kText, "Work");
    for (const Uid uid : {first, second, third}) expunge(desk, uid, "Work");
    const auto names = list(desk).entries;
    REQUIRE(names.size() == 3);
    CHECK(undelete(desk, names[0].name).mailbox == "Work");
    CHECK(undelete(desk, names[1].name, "Archive").mailbox == "Archive");
    CHECK_FALSE(desk->undelete({names[2].name}, "no such"));
    REQUIRE(desk->remove("Work"));
    CHECK(undelete(desk, names[2].name).mailbox == "INBOX");
}

TEST_CASE("names that are none of the undelete directory's own reach nothing", "[store][undelete][F1]")
{
    Desk desk;
    const Uid uid = desk.deliver(kText);
    expunge(desk, uid);
    const std::string good = list(desk).entries.front().name;
    for (const std::string& bad : {std::string("../mailboxd-account"), std::string("."), std::string(),
                                   std::string("1,1,1,1,../../cur/x"), good + "x", good.substr(1), std::string("1,1,1,1,a\0b", 11),
                                   std::string("1,1,1,mailbox"), std::string(300, '1')}) {
        CAPTURE(bad);
        CHECK(undelete(desk, bad).failure);
    }
    const auto twice = desk->undelete({good, good}, std::nullopt);
    REQUIRE(twice);
    CHECK_FALSE(twice->at(0).failure);
    CHECK(twice->at(1).failure == StoreError::no_such_message);
    CHECK(desk.status().messages == 1);
}

TEST_CASE("what is undeleted heeds the quota, message by message", "[store][undelete][quota]")
{
    Desk desk;
    for (int n = 0; n < 3; ++n) expunge(desk, desk.deliver(kText));
    desk->set_quota({0, 2});
    std::vector<std::string> names;
    for (const auto& one : list(desk).entries) names.push_back(one.name);
    const auto answers = desk->undelete(names, std::nullopt);
    REQUIRE(answers);
    CHECK(std::ranges::count_if(*answers, [](const auto& one) { return one.failure == StoreError::over_quota; }) == 1);
    CHECK(desk.status().messages == 2);
    CHECK(list(desk).entries.size() == 1);
}

TEST_CASE("a removed mailbox comes back whole, with its UIDs and its UIDVALIDITY", "[store][undelete]")
{
    Desk desk;
    REQUIRE(desk->create("Work/Old", SpecialUse::none));
    desk.deliver("one\r\n", "Work/Old");
    const Uid uid = desk.deliver(kText, "Work/Old", kSeen);
    expunge(desk, 1, "Work/Old");
    const auto before = desk.status("Work/Old");
    REQUIRE(desk->remove("Work/Old"));
    REQUIRE(desk->remove("Work"));
    const auto all = list(desk);
    CHECK(all.mailboxes == 2);
    ExpungedFilter filter;
    filter.mailbox = "Work/Old";
    const auto found = list(desk, filter);
    REQUIRE(found.entries.size() == 2);  // the mailbox, and what was expunged in it before
    const auto mailbox = std::ranges::find_if(found.entries, &ExpungedMessage::is_mailbox);
    REQUIRE(mailbox != found.entries.end());
    CHECK(mailbox->messages == 1);
    CHECK(mailbox->size == kText.size());
    const auto back = undelete(desk, mailbox->name);
    CHECK_FALSE(back.failure);
    CHECK(back.mailbox == "Work/Old");
    const auto after = desk.status("Work/Old");
    CHECK(after.id == before.id);
    CHECK(after.uidvalidity == before.uidvalidity);
    CHECK(after.uidnext >= before.uidnext);
    CHECK(after.highest_modseq > before.highest_modseq);
    CHECK(desk.uids("Work/Old") == std::vector<Uid>{uid});
    CHECK(desk.text(uid, "Work/Old") == kText);
    // And now its message finds its old place as well.
    const auto message = std::ranges::find_if(found.entries, [](const auto& one) { return !one.is_mailbox; });
    CHECK(undelete(desk, message->name).mailbox == "Work/Old");
    desk.open();
    CHECK(desk.status("Work/Old").messages == 2);
}

TEST_CASE("a removed mailbox whose name is taken comes back beside the other", "[store][undelete]")
{
    Desk desk;
    REQUIRE(desk->create("Work", SpecialUse::none));
    desk.deliver(kText, "Work");
    const auto before = desk.id("Work");
    REQUIRE(desk->remove("Work"));
    REQUIRE(desk->create("Work", SpecialUse::none));
    const auto back = undelete(desk, list(desk).entries.front().name);
    CHECK_FALSE(back.failure);
    CHECK(back.mailbox == "Work-2");
    CHECK(desk.id("Work-2") == before);
    CHECK(desk.status("Work-2").messages == 1);
    desk.open();
    CHECK(desk.status("Work-2").messages == 1);
    CHECK(desk.status("Work").messages == 0);
}

TEST_CASE("a crash between the record of an undelete and its rename loses nothing", "[store][undelete]")
{
    Desk desk;
    const Uid uid = desk.deliver(kText);
    expunge(desk, uid);
    REQUIRE(desk->commit_index());
    const auto name = list(desk).entries.front().name;
    const auto back = undelete(desk, name);
    REQUIRE_FALSE(back.failure);
    const auto replay = everything_in(desk);
    // The power went: the rename did not reach the disk.
    desk.lose_index();
    const std::string directory = desk.account() + "/new";
    REQUIRE(desk.names("new").size() == 1);
    fs::rename(directory + "/" + desk.names("new").front(), desk.account() + "/mailboxd-expunged/" + name);
    desk.open();
    REQUIRE(desk->replay(replay));
    CHECK(desk.text(back.uid) == kText);
    CHECK(desk.uids() == std::vector<Uid>{back.uid});
    // Twice is once.
    REQUIRE(desk->replay(replay));
    CHECK(desk.uids() == std::vector<Uid>{back.uid});
}

TEST_CASE("a rename that fails leaves the message expunged, and its record void", "[store][undelete]")
{
    Desk desk;
    const Uid uid = desk.deliver(kText);
    expunge(desk, uid);
    const auto name = list(desk).entries.front().name;
    desk.files().only({mbx::test::Call::rename});
    desk.files().fail_at(1, EIO);
    CHECK(undelete(desk, name).failure == StoreError::io);
    desk.files().heal();
    CHECK(desk.uids().empty());
    CHECK(list(desk).entries.size() == 1);
    CHECK_FALSE(undelete(desk, name).failure);
    CHECK(desk.uids().size() == 1);
}

TEST_CASE("a purge takes what is old and below the checkpoint, and nothing else", "[store][undelete]")
{
    Desk desk;
    for (int n = 0; n < 3; ++n) expunge(desk, desk.deliver(kText));
    const auto found = list(desk).entries;
    REQUIRE(found.size() == 3);
    const auto at = found.back().expunged_at;
    const auto lsn = [](const ExpungedMessage& one) { return parse_expunged_name(one.name)->lsn; };
    CHECK(purge(desk, at - 1) == 0);
    CHECK(purge(desk, INT64_MAX, lsn(found.back()) - 1) == 0);
    CHECK(list(desk).entries.size() == 3);
    CHECK(purge(desk, INT64_MAX, lsn(found.back())) == 1);
    CHECK(list(desk).entries.size() == 2);
    CHECK(purge(desk, INT64_MAX, lsn(found.front())) == 2);
    CHECK(list(desk).entries.empty());
    CHECK(undelete(desk, found.front().name).failure == StoreError::no_such_message);
    CHECK(desk.names("mailboxd-expunged").empty());
}

TEST_CASE("a removed mailbox is purged whole, also when its purge was cut off", "[store][undelete]")
{
    Desk desk;
    REQUIRE(desk->create("Work", SpecialUse::none));
    for (int n = 0; n < 5; ++n) desk.deliver(kText, "Work");
    REQUIRE(desk->remove("Work"));
    CHECK(list(desk).messages == 5);
    const bool is_cut_off = GENERATE(false, true);
    if (is_cut_off) {
        desk.files().only({mbx::test::Call::unlink});
        desk.files().fail_at(3, EIO, true);
        (void)purge(desk, INT64_MAX);
        desk.files().heal();
        // No part of it comes back.
        CHECK(list(desk).entries.empty());
        CHECK(desk.names("mailboxd-expunged").size() == 1);
    }
    (void)purge(desk, INT64_MAX);
    CHECK(desk.names("mailboxd-expunged").empty());
}

TEST_CASE("a file of no expunge is left alone by a purge, unless it never became a message", "[store][undelete]")
{
    Desk desk;
    const std::string directory = desk.account() + "/mailboxd-expunged/";
    mbx::test::write_file(directory + "README", "x");
    mbx::test::write_file(directory + unique_of(1'000, Desk::kIdentity, 7) + ",S=1,I=1", "x");
    CHECK(list(desk).entries.empty());
    (void)purge(desk, 999, 100);
    (void)purge(desk, 1'000, 6);
    CHECK(desk.names("mailboxd-expunged").size() == 2);
    (void)purge(desk, 1'000, 7);
    CHECK(desk.names("mailboxd-expunged") == std::vector<std::string>{"README"});
}

TEST_CASE("what expires by age is expunged, and can be had back", "[store][undelete]")
{
    Desk desk;
    for (int n = 0; n < 5; ++n) desk.deliver(kText, "Trash");
    desk.deliver(kText);
    const auto saved = desk.row(1, "Trash").save_date;
    CHECK(*desk->expire(SpecialUse::trash, saved, 100) == 0);
    CHECK(*desk->expire(SpecialUse::trash, INT64_MAX, 2) == 2);
    CHECK(desk.uids("Trash") == std::vector<Uid>{3, 4, 5});
    CHECK(*desk->expire(SpecialUse::trash, INT64_MAX, 100) == 3);
    CHECK(*desk->expire(SpecialUse::junk, INT64_MAX, 100) == 0);
    CHECK(desk.status().messages == 1);
    const auto changes = desk->changes(desk.id("Trash"), 1);
    REQUIRE(changes);
    CHECK(changes->expunged.size() == 5);
    CHECK(list(desk).messages == 5);
    CHECK(undelete(desk, list(desk).entries.front().name).mailbox == "Trash");
}

TEST_CASE("the newest are listed first, as many as are wanted, since when it is wanted", "[store][undelete]")
{
    Desk desk;
    for (int n = 0; n < 4; ++n) expunge(desk, desk.deliver("Subject: " + std::to_string(n) + "\r\n\r\n"));
    ExpungedFilter filter;
    filter.most = 2;
    const auto found = list(desk, filter);
    CHECK(found.is_cut);
    CHECK(found.messages == 4);
    REQUIRE(found.entries.size() == 2);
    CHECK(found.entries[0].subject == "3");
    CHECK(found.entries[1].subject == "2");
    filter.since = found.entries[0].expunged_at + 1;
    CHECK(list(desk, filter).messages == 0);
    filter.since = 0;
    filter.mailbox = "Sent";
    CHECK(list(desk, filter).messages == 0);
}

TEST_CASE("the size of messages marked as deleted is known", "[store][undelete]")
{
    Desk desk;
    const Uid uid = desk.deliver(kText);
    desk.deliver(kText);
    CHECK(*desk->deleted_size(desk.id("INBOX")) == 0);
    REQUIRE(desk.flag(uid, FlagAction::add, kDeleted));
    CHECK(*desk->deleted_size(desk.id("INBOX")) == kText.size());
}
