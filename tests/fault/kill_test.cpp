// A process that is killed at any moment: what it acknowledged before is there afterwards.
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch_test_macros.hpp>
#include <cstdlib>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "base/random.hpp"
#include "store/account_store.hpp"
#include "support/scratch.hpp"

using namespace mbx;
using namespace mbx::store;

namespace {

constexpr int kRounds = 14;

struct Opened {
    PosixFileSystem files;
    SystemClock clock;
    SystemRandom random;
    std::unique_ptr<AccountStore> store;

    explicit Opened(const std::string& path)
    {
        auto opened = AccountStore::open(files, path, clock, random, Log(), AccountStoreOptions());
        if (opened) store = *std::move(opened);
    }
    MailboxId id(std::string_view name) { return store->find(name)->id; }
};

// Delivers until it is killed; writes the number of each message once it was acknowledged.
[[noreturn]] void work(const test::Scratch& scratch, int round, bool moving, int report)
{
    Opened opened(scratch / "account");
    if (!opened.store) ::_exit(1);
    for (int n = 0;; ++n) {
        const int number = round * 100'000 + n;
        const std::string path = scratch / "spooled";
        const std::string text = "N: " + std::to_string(number) + "\r\n\r\nbody\r\n";
        ::unlink(path.c_str());
        test::write_file(path, text);
        Incoming incoming;
        incoming.internal_date = opened.clock.wall();
        const auto done = opened.store->deliver({path, text.size()}, incoming);
        if (!done) ::_exit(2);
        if (::write(report, &number, sizeof number) != sizeof number) ::_exit(3);
        const UidSet one{{done->uid, done->uid}};
        FlagChange change;
        change.system = kSeen;
        if (n % 3 == 0 && !opened.store->store_flags(done->mailbox, one, change)) ::_exit(4);
        if (moving && n % 4 == 0 && !opened.store->move(done->mailbox, one, "Sent")) ::_exit(5);
    }
}

std::vector<int> run_and_kill(const test::Scratch& scratch, int round, bool moving, std::chrono::microseconds after)
{
    int ends[2] = {-1, -1};
    REQUIRE(::pipe(ends) == 0);
    const pid_t child = ::fork();
    REQUIRE(child >= 0);
    if (child == 0) {
        ::close(ends[0]);
        work(scratch, round, moving, ends[1]);
    }
    ::close(ends[1]);
    std::vector<int> acknowledged;
    int number = 0;
    // The first acknowledgement, then a random while: killed somewhere in the midst of it.
    if (::read(ends[0], &number, sizeof number) == sizeof number) acknowledged.push_back(number);
    std::this_thread::sleep_for(after);
    ::kill(child, SIGKILL);
    int state = 0;
    REQUIRE(::waitpid(child, &state, 0) == child);
    CHECK(WIFSIGNALED(state));
    while (::read(ends[0], &number, sizeof number) == sizeof number) acknowledged.push_back(number);
    ::close(ends[0]);
    return acknowledged;
}

std::map<int, int> found_numbers(Opened& opened)
{
    std::map<int, int> found;
    for (const auto& info : opened.store->list()) {
        const auto uids = opened.store->uids(info.id);
        REQUIRE(uids);
        for (const Uid uid : *uids) {
            const auto message = opened.store->message(info.id, uid);
            REQUIRE(message);
            const std::string text((*message)->bytes());
            REQUIRE(text.ends_with("\r\n\r\nbody\r\n"));
            ++found[std::atoi(text.c_str() + 3)];
        }
    }
    return found;
}

void kill_rounds(bool moving)
{
    const std::uint64_t seed = std::random_device()();
    CAPTURE(seed);
    std::mt19937_64 random(seed);
    const test::Scratch scratch;
    std::vector<int> acknowledged;
    Uid uidnext = 0;
    for (int round = 0; round < kRounds; ++round) {
        CAPTURE(round);
        const auto more = run_and_kill(scratch, round, moving, std::chrono::microseconds(random() % 60'000));
        acknowledged.insert(acknowledged.end(), more.begin(), more.end());
        Opened opened(scratch / "account");
        REQUIRE(opened.store);
        const auto found = found_numbers(opened);
        for (const int number : acknowledged) {
            const auto it = found.find(number);
            REQUIRE(it != found.end());
            // A MOVE that was cut in two may leave both sides; a delivery never.
            if (!moving) CHECK(it->second == 1);
        }
        const auto status = opened.store->status(opened.id("INBOX"));
        REQUIRE(status);
        CHECK(status->uidnext >= uidnext);
        uidnext = status->uidnext;
    }
    CHECK(acknowledged.size() > kRounds);
    // And the index was never the only one to know.
    for (const char* part : {"account/index.db", "account/index.db-wal", "account/index.db-shm"}) {
        std::filesystem::remove(scratch / part);
    }
    Opened opened(scratch / "account");
    REQUIRE(opened.store);
    const auto found = found_numbers(opened);
    for (const int number : acknowledged) CHECK(found.contains(number));
}

}  // namespace

TEST_CASE("G1: a process killed while it delivers has every acknowledged message exactly once", "[fault][G1]")
{
    kill_rounds(false);
}

TEST_CASE("G1: a process killed while it delivers and moves has every acknowledged message", "[fault][G1]")
{
    kill_rounds(true);
}
