#include "store/mailbox_feed.hpp"

#include <catch2/catch_test_macros.hpp>

using namespace mbx;
using namespace mbx::store;

namespace {

MailboxStatus status(ModSeq modseq, std::uint32_t messages, std::vector<std::string> keywords = {})
{
    MailboxStatus made;
    made.highest_modseq = modseq;
    made.messages = messages;
    made.keywords = std::move(keywords);
    return made;
}

MessageRow row(Uid uid, ModSeq modseq)
{
    MessageRow made;
    made.uid = uid;
    made.modseq = modseq;
    return made;
}

Changes changes(MailboxStatus after, std::vector<MessageRow> rows, std::vector<Uid> gone = {})
{
    return {std::move(after), std::move(rows), std::move(gone)};
}

UidTable three() { return UidTable({1, 2, 3}); }

void nothing() {}

}  // namespace

TEST_CASE("a seat takes every change once and in order, at a pace of its own", "[store][feed]")
{
    MailboxFeed feed(status(10, 3), three());
    MailboxFeed::Seat quick(feed, nothing);
    MailboxFeed::Seat slow(feed, nothing);
    CHECK_FALSE(quick.has_news());
    REQUIRE(feed.take(changes(status(11, 3), {row(2, 11)})));
    CHECK(quick.has_news());
    CHECK(quick.take().changed.size() == 1);
    CHECK_FALSE(quick.has_news());
    REQUIRE(feed.take(changes(status(13, 3), {row(3, 13), row(4, 12)}, {1})));
    auto news = quick.take();
    CHECK(news.changed.size() == 1);
    CHECK(news.uids.uids().front().first == 2);
    CHECK(news.uids.last() == 4);
    news = slow.take();
    REQUIRE(news.changed.size() == 2);
    CHECK(news.changed[0]->front().uid == 2);
    CHECK(news.changed[1]->front().uid == 3);
    CHECK_FALSE(news.is_behind);
    CHECK(feed.kept_rows() == 0);
}

TEST_CASE("an answer that others overtook is no news, and an overlap is taken once", "[store][feed]")
{
    MailboxFeed feed(status(10, 3), three());
    MailboxFeed::Seat seat(feed, nothing);
    REQUIRE(feed.take(changes(status(12, 3), {row(2, 11), row(4, 12)}, {1})));
    (void)seat.take();
    REQUIRE(feed.take(changes(status(11, 2), {row(2, 11)}, {1})));
    CHECK_FALSE(seat.has_news());
    REQUIRE(feed.take(changes(status(13, 2), {row(2, 11), row(4, 12)}, {1, 3})));
    const auto news = seat.take();
    CHECK(news.changed.empty());
    CHECK(news.uids.size() == 2);
}

TEST_CASE("those who wait are called in the order in which they came, and may leave meanwhile", "[store][feed]")
{
    MailboxFeed feed(status(10, 3), three());
    std::string called;
    auto third = std::make_unique<MailboxFeed::Seat>(feed, [&] { called += "never"; });
    third.reset();
    MailboxFeed::Seat silent(feed, [&] { called += "silent"; });
    std::unique_ptr<MailboxFeed::Seat> second;
    std::unique_ptr<MailboxFeed::Seat> first;
    first = std::make_unique<MailboxFeed::Seat>(feed, [&] {
        called += '1';
        second.reset();
        first.reset();
    });
    second = std::make_unique<MailboxFeed::Seat>(feed, [&] { called += '2'; });
    MailboxFeed::Seat last(feed, [&] { called += '3'; });
    first->wait(true);
    second->wait(true);
    last.wait(true);
    CHECK(feed.waiting() == 3);
    REQUIRE(feed.take(changes(status(11, 3), {row(2, 11)})));
    CHECK(called == "13");
    CHECK(feed.waiting() == 1);
    CHECK(feed.seats() == 2);
}

TEST_CASE("what is kept for the slow is bounded: beyond it they are told that they are behind", "[store][feed]")
{
    MailboxFeed feed(status(10, 3), three());
    MailboxFeed::Seat slow(feed, nothing);
    std::vector<Uid> arrived;
    for (ModSeq modseq = 11; modseq < 11 + 3 * MailboxFeed::kMaxBatches; ++modseq) {
        REQUIRE(feed.take(changes(status(modseq, 3), {row(2, modseq)})));
    }
    CHECK(feed.kept_rows() <= MailboxFeed::kMaxBatches);
    auto news = slow.take();
    CHECK(news.is_behind);
    CHECK(news.since == 10);
    CHECK(news.changed.empty());
    CHECK(feed.kept_rows() == 0);
    // From there on all is well again.
    const auto modseq = feed.status().highest_modseq + 1;
    REQUIRE(feed.take(changes(status(modseq, 3), {row(3, modseq)})));
    news = slow.take();
    CHECK_FALSE(news.is_behind);
    CHECK(news.changed.size() == 1);
    std::vector<MessageRow> many;
    for (std::size_t i = 0; i < MailboxFeed::kMaxRows; ++i) many.push_back(row(1, modseq + 1));
    REQUIRE(feed.take(changes(status(modseq + 1, 3), many)));
    for (auto& each : many) each.modseq = modseq + 2;
    REQUIRE(feed.take(changes(status(modseq + 2, 3), many)));
    CHECK(feed.kept_rows() == MailboxFeed::kMaxRows);
}

TEST_CASE("a state that does not add up is not taken; read afresh, it is told by difference", "[store][feed]")
{
    MailboxFeed feed(status(10, 3), three());
    MailboxFeed::Seat seat(feed, nothing);
    CHECK_FALSE(feed.take(changes(status(11, 7), {row(2, 11)})));
    CHECK_FALSE(seat.has_news());
    feed.reload(status(11, 3), UidTable({1, 3, 9}));
    const auto news = seat.take();
    CHECK(news.is_behind);
    CHECK(news.since == 10);
    const auto difference = UidTable::difference(three(), news.uids);
    CHECK(difference.expunged.size() == 1);
    CHECK(difference.appended.front().first == 9);
}

TEST_CASE("a new keyword is news, and its names are shared", "[store][feed]")
{
    MailboxFeed feed(status(10, 3, {"a"}), three());
    MailboxFeed::Seat one(feed, nothing);
    MailboxFeed::Seat other(feed, nothing);
    REQUIRE(feed.take(changes(status(10, 3, {"a", "b"}), {})));
    CHECK(one.take().keywords == other.take().keywords);
    CHECK(feed.keywords()->size() == 2);
    REQUIRE(feed.take(changes(status(10, 3, {"a", "b"}), {})));
    CHECK_FALSE(one.has_news());
}
