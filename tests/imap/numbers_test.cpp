#include <catch2/catch_test_macros.hpp>
#include <random>
#include <set>

#include "imap/selected_mailbox.hpp"
#include "imap/sequence_set.hpp"

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

// A mailbox of four messages, and one session that has it selected.
struct Example {
    store::MailboxFeed feed{status(10, 4), store::UidTable({1, 2, 5, 6})};
    SelectedMailbox mailbox{{}, false, feed, [] {}};

    static store::MailboxStatus status(store::ModSeq modseq, std::uint32_t messages)
    {
        store::MailboxStatus made;
        made.highest_modseq = modseq;
        made.messages = messages;
        return made;
    }
    void change(store::ModSeq modseq, std::uint32_t messages, std::vector<store::MessageRow> rows,
                std::vector<store::Uid> gone)
    {
        REQUIRE(feed.take({status(modseq, messages), std::move(rows), std::move(gone)}));
        mailbox.take();
    }
};

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
    while (mailbox.has_news(may_expunge)) (void)mailbox.announce(out, may_expunge, 65536, {});
    return out;
}

}  // namespace

TEST_CASE("E10: RFC 9051 7.5.1: expunges wait for their moment, and sequence numbers with them", "[imap][view][E10]")
{
    Example here;
    auto& mailbox = here.mailbox;
    here.change(20, 3, {row(6, 15, store::kSeen), row(9, 19, 0)}, {2, 5});
    CHECK(news(mailbox, false) == "* 5 EXISTS\r\n* 4 FETCH (UID 6 FLAGS (\\Seen))\r\n");
    CHECK(mailbox.view().sequence(2) == 2);
    here.change(30, 2, {}, {9});
    CHECK(news(mailbox, false).empty());
    CHECK(news(mailbox, true) == "* 5 EXPUNGE\r\n* 3 EXPUNGE\r\n* 2 EXPUNGE\r\n");
    CHECK(mailbox.view().size() == 2);
    CHECK(mailbox.view().is(here.feed.uids()));
    here.change(31, 2, {}, {2, 5, 9, 77});
    CHECK_FALSE(mailbox.has_news(true));
}

TEST_CASE("E10: many expunges are told piece by piece, and the numbers stay right in between", "[imap][view][E10]")
{
    std::vector<store::Uid> all;
    for (store::Uid uid = 1; uid <= 3000; ++uid) all.push_back(uid);
    store::MailboxFeed feed(Example::status(10, 3000), store::UidTable(all));
    SelectedMailbox mailbox({}, false, feed, [] {});
    std::vector<store::Uid> gone;
    for (store::Uid uid = 2; uid <= 3000; uid += 3) gone.push_back(uid);
    REQUIRE(feed.take({Example::status(11, 2001), {row(3001, 11, 0)}, gone}));
    mailbox.take();
    std::vector<store::Uid> client = all;
    while (mailbox.has_news(true)) {
        std::string out;
        (void)mailbox.announce(out, true, 1000, {});
        CHECK(out.size() < 1100);
        std::size_t at = 0;
        for (auto end = out.find("\r\n"); end != std::string::npos; at = end + 2, end = out.find("\r\n", at)) {
            const auto line = out.substr(at, end - at);
            const auto number = static_cast<std::size_t>(std::stoul(line.substr(2)));
            if (line.ends_with("EXISTS")) {
                REQUIRE(number == client.size() + 1);
                client.push_back(3001);
                continue;
            }
            REQUIRE(line.ends_with("EXPUNGE"));
            REQUIRE(number <= client.size());
            REQUIRE(client[number - 1] % 3 == 2);
            client.erase(client.begin() + static_cast<std::ptrdiff_t>(number - 1));
        }
        for (std::size_t i = 0; i < client.size(); i += 97) {
            REQUIRE(mailbox.view().uid(static_cast<std::uint32_t>(i + 1)) == client[i]);
        }
    }
    CHECK(client.size() == 2001);
    CHECK(mailbox.view().is(feed.uids()));
}

TEST_CASE("RFC 9051 6.4.6: what a session stored itself is not told again, what others stored is", "[imap][view]")
{
    Example here;
    here.mailbox.mark_told({row(1, 11, store::kFlagged), row(2, 11, store::kFlagged)});
    here.change(12, 4, {row(1, 11, store::kFlagged), row(2, 12, store::kSeen)}, {});
    CHECK(news(here.mailbox, false) == "* 2 FETCH (UID 2 FLAGS (\\Seen))\r\n");
    // Also when the answer to somebody else's question brings it before ours comes.
    REQUIRE(here.feed.take({Example::status(13, 4), {row(1, 13, 0)}, {}}));
    here.mailbox.mark_told({row(1, 13, 0)});
    here.mailbox.take();
    CHECK(news(here.mailbox, false).empty());
}

TEST_CASE("RFC 7162 3.1: what was news of a message before an answer showed it is not told behind that answer", "[imap][view]")
{
    Example here;
    here.change(12, 4, {row(1, 11, store::kFlagged), row(2, 12, store::kFlagged)}, {});
    here.mailbox.mark_shown({row(1, 13, store::kSeen)});
    CHECK(news(here.mailbox, false) == "* 2 FETCH (UID 2 FLAGS (\\Flagged))\r\n");
    here.change(13, 4, {row(1, 13, store::kSeen)}, {});
    CHECK(news(here.mailbox, false).empty());
    here.change(14, 4, {row(1, 14, 0)}, {});
    CHECK(news(here.mailbox, false) == "* 1 FETCH (UID 1 FLAGS ())\r\n");
}

TEST_CASE("RFC 5182 2.1: expunged messages leave the saved result", "[imap][view]")
{
    Example here;
    auto& mailbox = here.mailbox;
    mailbox.save({{2, 5}});
    CHECK(to_text(*mailbox.resolve(*SequenceSet::parse("$"), false)) == "2,5");
    here.change(20, 3, {}, {2});
    (void)news(mailbox, true);
    CHECK(to_text(*mailbox.resolve(*SequenceSet::parse("$"), true)) == "5");
    CHECK_FALSE(mailbox.resolve(*SequenceSet::parse("4"), false));
    CHECK(mailbox.resolve(*SequenceSet::parse("77"), true)->empty());
}
