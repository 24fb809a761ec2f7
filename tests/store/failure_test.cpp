// For every n: the n-th call that changes the disk fails, once (EIO) or from then on (ENOSPC). Whatever was
// acknowledged is there exactly once afterwards, in this process, after a reopening, and after the loss of the index.
#include <catch2/generators/catch_generators.hpp>
#include <functional>
#include <map>

#include "store/desk.hpp"

using namespace mbx;
using namespace mbx::store;
using mbx::test::Desk;
using mbx::test::kAll;

namespace {

// How often each text is found, in all mailboxes.
std::map<std::string, int> texts(Desk& desk)
{
    std::map<std::string, int> found;
    for (const auto& info : desk->list()) {
        for (const Uid uid : desk.uids(info.name)) ++found[desk.text(uid, info.name)];
    }
    return found;
}

using Act = std::function<bool(Desk&)>;
using Check = std::function<void(Desk&, bool acknowledged)>;

void fail_each_call(const Act& act, const Check& check)
{
    for (const int code : {EIO, ENOSPC}) {
        bool reached_the_end = false;
        for (unsigned n = 1; n < 60 && !reached_the_end; ++n) {
            CAPTURE(n, code);
            Desk desk;
            desk.deliver("one\r\n");
            desk.deliver("two\r\n", "INBOX", kSeen);
            desk.deliver("three\r\n", "INBOX", kDeleted);
            desk.files().fail_at(n, code, code == ENOSPC, true);
            const bool acknowledged = act(desk);
            reached_the_end = !desk.files().has_failed();
            desk.files().heal();
            if (reached_the_end) CHECK(acknowledged);
            check(desk, acknowledged);
            desk.open();
            check(desk, acknowledged);
            desk.lose_index();
            desk.open();
            check(desk, acknowledged);
            CHECK(desk.deliver("after\r\n") > 3);
        }
        CHECK(reached_the_end);
    }
}

}  // namespace

TEST_CASE("G1/G3: a delivery whose n-th call fails is there once if it was acknowledged", "[store][G1][G3]")
{
    const auto act = [](Desk& desk) {
        return static_cast<bool>(
            desk->append(desk.body("new\r\n"), desk.incoming("INBOX", kFlagged, {"keyword"})));
    };
    const auto check = [](Desk& desk, bool acknowledged) {
        const auto found = texts(desk);
        const auto it = found.find("new\r\n");
        const int times = it == found.end() ? 0 : it->second;
        CHECK((acknowledged ? times == 1 : times <= 1));
        CHECK(found.at("one\r\n") + found.at("two\r\n") + found.at("three\r\n") == 3);
        if (!acknowledged) return;
        const auto rows = *desk->rows(desk.id("INBOX"), {{4, UINT32_MAX}});
        REQUIRE(rows.size() == 1);
        CHECK(rows[0].flags == Flags{kFlagged, 1});
    };
    fail_each_call(act, check);
}

TEST_CASE("G1/G3: a flag change whose n-th call fails loses no message and keeps what it acknowledged", "[store][G1][G3]")
{
    const auto act = [](Desk& desk) {
        FlagChange change;
        change.system = kAnswered;
        change.keywords = {"keyword"};
        return static_cast<bool>(desk->store_flags(desk.id("INBOX"), kAll, change));
    };
    const auto check = [](Desk& desk, bool acknowledged) {
        CHECK(texts(desk).size() == 3);
        CHECK(desk.uids() == std::vector<Uid>{1, 2, 3});
        if (!acknowledged) return;
        for (const Uid uid : {1U, 2U, 3U}) {
            CHECK((desk.row(uid).flags.system & kAnswered) != 0);
            CHECK(desk.row(uid).flags.keywords == 1);
        }
    };
    fail_each_call(act, check);
}

TEST_CASE("G1/G3: an expunge whose n-th call fails takes no other message, and what it acknowledged stays away",
          "[store][G1][G3]")
{
    const auto act = [](Desk& desk) { return static_cast<bool>(desk->expunge(desk.id("INBOX"), nullptr)); };
    const auto check = [](Desk& desk, bool acknowledged) {
        const auto found = texts(desk);
        CHECK(found.contains("one\r\n"));
        CHECK(found.contains("two\r\n"));
        if (acknowledged) CHECK_FALSE(found.contains("three\r\n"));
        // Nothing that was expunged is gone for good.
        CHECK(desk.names("mailboxd-expunged").size() == (found.contains("three\r\n") ? 0 : 1));
    };
    fail_each_call(act, check);
}

TEST_CASE("G1/G3: a COPY or MOVE whose n-th call fails loses nothing", "[store][G1][G3]")
{
    const bool moving = GENERATE(false, true);
    CAPTURE(moving);
    const auto act = [moving](Desk& desk) {
        const auto inbox = desk.id("INBOX");
        return static_cast<bool>(moving ? desk->move(inbox, kAll, "Sent") : desk->copy(inbox, kAll, "Sent"));
    };
    const auto check = [moving](Desk& desk, bool acknowledged) {
        const auto found = texts(desk);
        CHECK(found.size() == 3);
        for (const auto& [text, times] : found) {
            CHECK((times == 1 || times == 2));
            if (acknowledged) CHECK(times == (moving ? 1 : 2));
        }
        if (acknowledged) CHECK(desk.uids("Sent").size() == 3);
        if (acknowledged && moving) CHECK(desk.uids("INBOX").empty());
    };
    fail_each_call(act, check);
}

TEST_CASE("G1/G3: CREATE and DELETE whose n-th call fails leave a whole tree", "[store][G1][G3]")
{
    const auto act = [](Desk& desk) {
        if (!desk->create("x/y", SpecialUse::none)) return false;
        return static_cast<bool>(desk->remove("x/y"));
    };
    const auto check = [](Desk& desk, bool acknowledged) {
        CHECK(texts(desk).size() == 3);
        if (desk->find("x/y")) CHECK(desk->find("x"));
        if (acknowledged) CHECK_FALSE(desk->find("x/y"));
    };
    fail_each_call(act, check);
}

TEST_CASE("G1/G3: an account whose opening fails at the n-th call opens whole the next time", "[store][G1][G3]")
{
    bool reached_the_end = false;
    for (unsigned n = 1; n < 150 && !reached_the_end; ++n) {
        CAPTURE(n);
        Desk desk;
        desk.close();
        std::filesystem::remove_all(desk.account());
        desk.files().fail_at(n, EIO, true);
        reached_the_end = static_cast<bool>(desk.try_open());
        desk.files().heal();
        desk.open();
        CHECK(desk->list().size() == 6);
        CHECK(desk->subscriptions().size() == 6);
        CHECK(desk.deliver("a\r\n") == 1);
    }
    CHECK(reached_the_end);
}

TEST_CASE("G1/G3: placing an accepted message whose n-th call fails leaves it owed or there once", "[store][G1][G3]")
{
    const int others = GENERATE(0, 1);
    CAPTURE(others);
    const auto act = [others](Desk& desk) { return static_cast<bool>(desk->place(*desk.accept("new\r\n", others))); };
    const auto check = [](Desk& desk, bool acknowledged) {
        const auto found = texts(desk);
        CHECK(found.contains("new\r\n") == acknowledged);
        if (acknowledged) CHECK(found.at("new\r\n") == 1);
        CHECK(found.at("one\r\n") + found.at("two\r\n") + found.at("three\r\n") == 3);
    };
    fail_each_call(act, check);
}

TEST_CASE("G1/G3: a failed COPY, MOVE, EXPUNGE or STORE whose disk is well again changed nothing", "[store][G1][G3]")
{
    const int kind = GENERATE(0, 1, 2, 3);
    for (unsigned n = 1; n <= 3; ++n) {
        CAPTURE(kind, n);
        Desk desk;
        for (int each = 0; each < 3; ++each) desk.deliver("text " + std::to_string(each) + "\r\n", "INBOX", kDeleted);
        desk.deliver("x\r\n", "Sent");
        const auto inbox = desk.id("INBOX");
        const auto before = desk.names("cur");
        desk.files().only({test::Call::rename, test::Call::link});
        desk.files().fail_at(n, EIO);
        FlagChange change;
        change.system = kSeen;
        StoreError error{};
        switch (kind) {
        case 0: error = desk->copy(inbox, kAll, "Sent").error(); break;
        case 1: error = desk->move(inbox, kAll, "Sent").error(); break;
        case 2: error = desk->expunge(inbox, nullptr).error(); break;
        default: error = desk->store_flags(inbox, kAll, change).error(); break;
        }
        CHECK(error == StoreError::io);
        desk.files().only({});
        for (int round = 0; round < 3; ++round) {
            CHECK(desk.names("cur") == before);
            CHECK(desk.uids() == std::vector<Uid>{1, 2, 3});
            CHECK(desk.row(2).flags.system == kDeleted);
            CHECK(desk.uids("Sent").size() == 1);
            CHECK(desk.names("mailboxd-expunged").empty());
            if (round == 1) desk.lose_index();
            desk.open();
        }
    }
}

TEST_CASE("G1: a STORE whose renames cannot be taken back says so in the rows as well", "[store][G1]")
{
    const bool expunging = GENERATE(false, true);
    Desk desk;
    for (int each = 0; each < 3; ++each) desk.deliver("a\r\n", "INBOX", kDeleted);
    desk.files().only({test::Call::rename});
    desk.files().fail_at(3, EIO, true);
    FlagChange change;
    change.system = kSeen;
    const auto inbox = desk.id("INBOX");
    const auto uids = [&] { return desk.uids(); };
    if (expunging) {
        CHECK_FALSE(desk->expunge(inbox, nullptr));
        desk.files().heal();
        CHECK(uids() == std::vector<Uid>{3});
    } else {
        CHECK_FALSE(desk->store_flags(inbox, kAll, change));
        desk.files().heal();
        CHECK(desk.row(2).flags.system == (kDeleted | kSeen));
        CHECK(desk.row(3).flags.system == kDeleted);
    }
    const auto before = uids();
    desk.lose_index();
    desk.open();
    CHECK(uids() == before);
}
