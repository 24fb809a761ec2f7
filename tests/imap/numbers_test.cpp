#include <catch2/catch_test_macros.hpp>
#include <random>
#include <set>

#include "imap/fetch.hpp"
#include "imap/selected_mailbox.hpp"
#include "imap/sequence_set.hpp"
#include "imap/uid_map.hpp"

using namespace mbx;
using namespace mbx::imap;

namespace {

std::set<std::uint32_t> expanded(const NumberSet& set)
{
    std::set<std::uint32_t> all;
    for (const auto& range : set) {
        for (auto n = range.first; n <= range.last; ++n) all.insert(n);
    }
    return all;
}

}  // namespace

TEST_CASE("E4: a sequence set resolves to what the naive model says, in normalised intervals", "[imap][sets][E4]")
{
    std::mt19937 random(20'261);
    for (int round = 0; round < 3000; ++round) {
        const auto largest = random() % 20;
        std::string text;
        std::set<std::uint32_t> naive;
        const auto items = 1 + random() % 6;
        for (unsigned i = 0; i < items; ++i) {
            const auto bound = [&] { return random() % 4 == 0 ? 0U : static_cast<std::uint32_t>(1 + random() % 25); };
            const auto word = [](std::uint32_t n) { return n == 0 ? std::string("*") : std::to_string(n); };
            const auto a = bound();
            const auto b = random() % 2 == 0 ? a : bound();
            if (i != 0) text += ',';
            text += word(a);
            if (a != b || random() % 3 == 0) text += ':' + word(b);
            if (largest == 0 && (a == 0 || b == 0)) continue;
            const auto from = a == 0 ? static_cast<std::uint32_t>(largest) : a;
            const auto to = b == 0 ? static_cast<std::uint32_t>(largest) : b;
            for (auto n = std::min(from, to); n <= std::max(from, to); ++n) naive.insert(n);
        }
        CAPTURE(text, largest);
        const auto set = SequenceSet::parse(text);
        REQUIRE(set);
        const auto resolved = set->resolve(static_cast<std::uint32_t>(largest));
        REQUIRE(expanded(resolved) == naive);
        for (std::size_t i = 1; i < resolved.size(); ++i) REQUIRE(resolved[i - 1].last + 1 < resolved[i].first);
        for (std::uint32_t n = 1; n < 30; ++n) REQUIRE(contains(resolved, n) == naive.contains(n));
        REQUIRE(count(resolved) == naive.size());
    }
}

TEST_CASE("E4: huge sets stay small, and 0 is none", "[imap][sets][E4]")
{
    CHECK(to_text(SequenceSet::parse("4294967295:1")->resolve(7)) == "1:4294967295");
    CHECK(to_text(SequenceSet::parse("*:*")->resolve(7)) == "7");
    CHECK(to_text(SequenceSet::parse("4294967295:*")->resolve(7)) == "7:4294967295");
    CHECK(SequenceSet::parse("*:*")->resolve(0).empty());
    std::string ones = "1";
    for (int i = 0; i < 100'000; ++i) ones += ",1";
    CHECK(SequenceSet::parse(ones)->resolve(7).size() == 1);
    CHECK_FALSE(SequenceSet::parse("0"));
    CHECK_FALSE(SequenceSet::parse("1:0"));
    CHECK_FALSE(SequenceSet::parse(""));
    CHECK(SequenceSet::parse("$")->is_saved_result());
    CHECK_FALSE(SequenceSet::parse("$,1"));
    CHECK(SequenceSet::parse("8")->exceeds(7));
    CHECK(SequenceSet::parse("*")->exceeds(0));
    CHECK_FALSE(SequenceSet::parse("1:*")->exceeds(7));
}

TEST_CASE("RFC 9051 2.3.1.2: the map of sequence numbers follows a plain list through arrivals and expunges", "[imap][view]")
{
    std::mt19937 random(7);
    UidMap map;
    std::vector<store::Uid> model;
    store::Uid next = 1;
    for (int round = 0; round < 600; ++round) {
        if (random() % 3 != 0) {
            next += random() % 4 == 0 ? 1 + random() % 5 : 0;
            map.append(next);
            model.push_back(next++);
        } else {
            NumberSet gone;
            for (int i = 0; i < 3; ++i) {
                const auto first = static_cast<store::Uid>(1 + random() % (next + 2));
                gone.push_back({first, first + static_cast<store::Uid>(random() % 6)});
            }
            gone = normalised(std::move(gone));
            map.remove(gone);
            std::erase_if(model, [&](store::Uid uid) { return contains(gone, uid); });
        }
        REQUIRE(map.size() == model.size());
        REQUIRE(map.last() == (model.empty() ? 0 : model.back()));
        for (std::size_t i = 0; i < model.size(); ++i) {
            REQUIRE(map.uid(static_cast<std::uint32_t>(i + 1)) == model[i]);
            REQUIRE(map.sequence(model[i]) == i + 1);
        }
        const NumberSet some{{2, 4}, {7, 7}, {9, 40}};
        std::set<std::uint32_t> by_sequence;
        std::set<std::uint32_t> by_uid;
        for (std::size_t i = 0; i < model.size(); ++i) {
            if (contains(some, static_cast<std::uint32_t>(i + 1))) by_sequence.insert(model[i]);
            if (contains(some, model[i])) by_uid.insert(static_cast<std::uint32_t>(i + 1));
        }
        REQUIRE(expanded(map.uids_of(some)) == by_sequence);
        REQUIRE(expanded(map.sequences_of(some)) == by_uid);
        REQUIRE_FALSE(map.sequence(next + 1));
    }
}

TEST_CASE("slices of a set cover it exactly once", "[imap][sets]")
{
    NumberSet left{{1, 10}, {20, 20}, {30, 4294967295}};
    CHECK(to_text(first_of(left, 12)) == "1:10,20,30");
    left = behind(left, 30);
    CHECK(to_text(left) == "31:4294967295");
    CHECK(to_text(first_of(left, 3)) == "31:33");
    CHECK(behind(left, 4294967295).empty());
}

namespace {

SelectedMailbox example_mailbox()
{
    store::MailboxInfo info;
    info.name = "INBOX";
    store::MailboxStatus status;
    status.highest_modseq = 10;
    return SelectedMailbox(info, false, status, UidMap({1, 2, 5, 6}));
}

store::Changes change(store::ModSeq modseq, std::vector<store::MessageRow> rows, std::vector<store::Uid> gone)
{
    store::Changes changes;
    changes.status.highest_modseq = modseq;
    changes.changed = std::move(rows);
    changes.expunged = std::move(gone);
    return changes;
}

store::MessageRow row(store::Uid uid, store::ModSeq modseq, std::uint8_t flags)
{
    store::MessageRow made;
    made.uid = uid;
    made.modseq = modseq;
    made.flags.system = flags;
    return made;
}

std::string news(SelectedMailbox& mailbox, bool may_expunge)
{
    std::string out;
    while (mailbox.has_news(may_expunge)) (void)mailbox.announce(out, may_expunge, 65536);
    return out;
}

}  // namespace

TEST_CASE("E10: RFC 9051 7.5.1: expunges wait for their moment, and sequence numbers with them", "[imap][view][E10]")
{
    auto mailbox = example_mailbox();
    mailbox.take(change(20, {row(6, 15, store::kSeen), row(9, 19, 0)}, {2, 5}));
    CHECK(news(mailbox, false) == "* 5 EXISTS\r\n* 4 FETCH (UID 6 FLAGS (\\Seen))\r\n");
    CHECK(mailbox.view().sequence(2) == 2);
    mailbox.take(change(30, {}, {9}));
    CHECK(news(mailbox, false).empty());
    CHECK(news(mailbox, true) == "* 5 EXPUNGE\r\n* 3 EXPUNGE\r\n* 2 EXPUNGE\r\n");
    CHECK(mailbox.view().size() == 2);
    CHECK(mailbox.since() == 30);
    mailbox.take(change(31, {}, {2, 5, 9, 77}));
    CHECK_FALSE(mailbox.has_news(true));
}

TEST_CASE("RFC 9051 6.4.6: what a session stored itself is not told again, what others stored is", "[imap][view]")
{
    auto mailbox = example_mailbox();
    mailbox.mark_told({row(1, 11, store::kFlagged), row(2, 11, store::kFlagged)});
    mailbox.take(change(12, {row(1, 11, store::kFlagged), row(2, 12, store::kSeen)}, {}));
    CHECK(news(mailbox, false) == "* 2 FETCH (UID 2 FLAGS (\\Seen))\r\n");
}

TEST_CASE("RFC 5182 2.1: expunged messages leave the saved result", "[imap][view]")
{
    auto mailbox = example_mailbox();
    mailbox.save({{2, 5}});
    CHECK(to_text(*mailbox.resolve(*SequenceSet::parse("$"), false)) == "2,5");
    mailbox.take(change(20, {}, {2}));
    (void)news(mailbox, true);
    CHECK(to_text(*mailbox.resolve(*SequenceSet::parse("$"), true)) == "5");
    CHECK_FALSE(mailbox.resolve(*SequenceSet::parse("4"), false));
    CHECK(mailbox.resolve(*SequenceSet::parse("77"), true)->empty());
}
