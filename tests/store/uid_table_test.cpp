#include "store/uid_table.hpp"

#include <algorithm>
#include <catch2/catch_test_macros.hpp>
#include <map>
#include <random>

using namespace mbx;
using namespace mbx::store;

namespace {

UidSet set_of(const std::vector<Uid>& ascending)
{
    UidSet set;
    for (const Uid uid : ascending) {
        if (!set.empty() && set.back().last + 1 == uid) {
            set.back().last = uid;
        } else {
            set.push_back({uid, uid});
        }
    }
    return set;
}

std::vector<Uid> expanded(const UidSet& set)
{
    std::vector<Uid> all;
    for (const auto& range : set) {
        for (std::uint64_t n = range.first; n <= range.last; ++n) all.push_back(static_cast<Uid>(n));
    }
    return all;
}

bool contains(const UidSet& set, std::uint32_t number)
{
    return std::ranges::any_of(set, [number](const auto& range) { return range.first <= number && number <= range.last; });
}

// Ordered, disjoint, not adjacent.
bool is_normal(const UidSet& set)
{
    for (std::size_t i = 1; i < set.size(); ++i) {
        if (set[i - 1].last + 1 >= set[i].first) return false;
    }
    return std::ranges::all_of(set, [](const auto& range) { return range.first <= range.last; });
}

void check_same(const UidTable& table, const std::vector<Uid>& model)
{
    REQUIRE(table.size() == model.size());
    REQUIRE(table.last() == (model.empty() ? 0 : model.back()));
    REQUIRE(expanded(table.uids()) == model);
    REQUIRE(is_normal(table.uids()));
}

class Model {
public:
    explicit Model(unsigned seed) : random_(seed) {}

    UidSet arrivals(unsigned most)
    {
        std::vector<Uid> more;
        const auto count = 1 + random_() % most;
        for (unsigned i = 0; i < count; ++i) {
            next += random_() % 3 == 0 ? 1 + random_() % 4 : 0;
            more.push_back(next++);
        }
        uids.insert(uids.end(), more.begin(), more.end());
        return set_of(more);
    }
    UidSet expunges()
    {
        UidSet gone;
        std::uint64_t from = 1 + random_() % (next + 3);
        const auto count = 1 + random_() % 5;
        for (unsigned i = 0; i < count; ++i) {
            const auto last = from + random_() % (random_() % 8 == 0 ? 400 : 6);
            gone.push_back({static_cast<Uid>(from), static_cast<Uid>(last)});
            from = last + 2 + random_() % 300;
        }
        std::erase_if(uids, [&gone](Uid uid) { return contains(gone, uid); });
        return gone;
    }
    UidSet some()
    {
        UidSet set;
        std::uint64_t from = 1 + random_() % (next + 2);
        for (int i = 0; i < 3; ++i) {
            const auto last = from + random_() % 50;
            set.push_back({static_cast<Uid>(from), static_cast<Uid>(last)});
            from = last + 2 + random_() % 500;
        }
        return set;
    }
    std::uint32_t pick(std::uint32_t below) { return static_cast<std::uint32_t>(random_() % below); }

    std::vector<Uid> uids;
    Uid next = 1;

private:
    std::mt19937 random_;
};

}  // namespace

TEST_CASE("RFC 9051 2.3.1.2: the table follows a plain list through arrivals and expunges", "[store][uid_table]")
{
    for (unsigned seed = 1; seed <= 4; ++seed) {
        CAPTURE(seed);
        Model model(seed);
        UidTable table;
        for (int step = 0; step < 2500; ++step) {
            CAPTURE(step);
            table = model.pick(3) != 0 ? table.with(model.arrivals(20)) : table.without(model.expunges());
            REQUIRE(table.size() == model.uids.size());
            for (int probe = 0; probe < 4 && !model.uids.empty(); ++probe) {
                const auto at = model.pick(static_cast<std::uint32_t>(model.uids.size()));
                REQUIRE(table.uid(at + 1) == model.uids[at]);
                REQUIRE(table.sequence(model.uids[at]) == at + 1);
                const Uid any = 1 + model.pick(model.next + 2);
                const auto found = std::ranges::lower_bound(model.uids, any);
                const bool is_there = found != model.uids.end() && *found == any;
                REQUIRE(table.sequence(any).has_value() == is_there);
            }
            if (step % 50 != 0) continue;
            check_same(table, model.uids);
            const auto some = model.some();
            std::vector<Uid> among;
            std::vector<Uid> sequences;
            std::vector<Uid> uids;
            for (std::size_t i = 0; i < model.uids.size(); ++i) {
                const auto number = static_cast<std::uint32_t>(i + 1);
                if (contains(some, model.uids[i])) among.push_back(model.uids[i]);
                if (contains(some, model.uids[i])) sequences.push_back(number);
                if (contains(some, number)) uids.push_back(model.uids[i]);
            }
            REQUIRE(expanded(table.among(some)) == among);
            REQUIRE(expanded(table.sequences_of(some)) == sequences);
            REQUIRE(expanded(table.uids_of(some)) == uids);
            REQUIRE(is_normal(table.among(some)));
            REQUIRE(is_normal(table.sequences_of(some)));
            REQUIRE(is_normal(table.uids_of(some)));
        }
        check_same(UidTable(model.uids), model.uids);
        check_same(table.without({{1, UINT32_MAX}}), {});
    }
}

TEST_CASE("the difference of two states says what was expunged and what arrived, however far they are apart",
          "[store][uid_table]")
{
    for (unsigned seed = 11; seed <= 13; ++seed) {
        CAPTURE(seed);
        Model model(seed);
        std::map<int, std::pair<UidTable, std::vector<Uid>>> kept;
        UidTable table;
        for (int step = 0; step < 1500; ++step) {
            table = model.pick(3) != 0 ? table.with(model.arrivals(20)) : table.without(model.expunges());
            if (step % 100 == 0) kept[step] = {table, model.uids};
            if (step % 60 != 0) continue;
            for (const auto& [at, older] : kept) {
                CAPTURE(step, at);
                const auto difference = UidTable::difference(older.first, table);
                std::vector<Uid> expunged;
                std::vector<Uid> appended;
                std::ranges::set_difference(older.second, model.uids, std::back_inserter(expunged));
                std::ranges::set_difference(model.uids, older.second, std::back_inserter(appended));
                REQUIRE(expanded(difference.expunged) == expunged);
                REQUIRE(expanded(difference.appended) == appended);
                // And back: what two states do not share is the same from both sides.
                REQUIRE(expanded(UidTable::difference(table, older.first).expunged) == appended);
            }
        }
        // An older state is what it was, whatever came after it.
        for (const auto& [at, older] : kept) check_same(older.first, older.second);
    }
}

TEST_CASE("a state of 100,000 messages shares all but a chunk or two with the one before", "[store][uid_table]")
{
    // The worst case: no two UIDs are neighbours.
    std::vector<Uid> odd;
    for (Uid uid = 1; odd.size() < 100'000; uid += 2) odd.push_back(uid);
    const UidTable table(odd);
    CHECK(table.bytes() < 16 * table.size());
    const auto places = table.chunks() * 24 + 100;
    const auto own_bytes = [&table](const UidTable& newer) {
        // What the newer one alone holds, told by the difference from a table whose chunks it shares.
        const auto difference = UidTable::difference(table, newer);
        return difference.expunged.size() + difference.appended.size();
    };
    const auto appended = table.with({{200'001, 200'001}});
    CHECK(own_bytes(appended) == 1);
    CHECK(appended.chunks() <= table.chunks() + 1);
    const auto expunged = table.without({{odd[50'000], odd[50'000]}});
    CHECK(own_bytes(expunged) == 1);
    CHECK(expunged.chunks() <= table.chunks());
    CHECK(places < 16'384);
    // What is not there is no change.
    CHECK(table.without({{2, 2}, {500'000, 600'000}}).is(table));
    CHECK(table.with({}).is(table));
    CHECK(table.without({}).is(table));
}

TEST_CASE("many expunges leave no crowd of tiny chunks", "[store][uid_table]")
{
    std::vector<Uid> odd;
    for (Uid uid = 1; odd.size() < 50'000; uid += 2) odd.push_back(uid);
    UidTable table(odd);
    std::mt19937 random(5);
    std::ranges::shuffle(odd, random);
    for (std::size_t i = 0; i < 49'000; i += 7) {
        std::vector<Uid> gone(odd.begin() + static_cast<std::ptrdiff_t>(i), odd.begin() + static_cast<std::ptrdiff_t>(i + 7));
        std::ranges::sort(gone);
        table = table.without(set_of(gone));
    }
    CHECK(table.size() == 1000);
    CHECK(table.chunks() <= 1000 / UidTable::kMinRuns * 4);
}

TEST_CASE("neighbouring UIDs cost nothing, up to the last UID there can be", "[store][uid_table]")
{
    const UidTable table = UidTable().with({{1, 100'000}});
    CHECK(table.bytes() < 200);
    CHECK(table.uid(77'777) == 77'777);
    const auto full = table.with({{UINT32_MAX - 1, UINT32_MAX}});
    CHECK(full.last() == UINT32_MAX);
    CHECK(full.sequence(UINT32_MAX) == 100'002);
    CHECK(full.without({{UINT32_MAX, UINT32_MAX}}).last() == UINT32_MAX - 1);
    CHECK(full.uids_of({{100'001, UINT32_MAX}}).size() == 1);
    CHECK_FALSE(UidTable().sequence(1));
    CHECK(UidTable().uids_of({{1, 5}}).empty());
}
