// Checkpoints: what they wait for, in which order they work, and who is told. The gate's tests show them with accounts.
#include "store/checkpoints.hpp"

#include <catch2/catch_test_macros.hpp>

#include "support/mail_ground.hpp"
#include "support/run.hpp"
#include "support/scratch.hpp"

using namespace mbx;
using namespace mbx::store;

namespace {

// A volume that notes when it is synced, and may fail.
class Noting final : public Volume {
public:
    explicit Noting(std::vector<std::string>& notes) : notes_(notes) {}
    Result<void, FileError> sync() override
    {
        notes_.push_back("sync");
        if (code != 0) return FileError{code};
        return {};
    }
    int code = 0;

private:
    std::vector<std::string>& notes_;
};

struct Ground {
    test::Scratch scratch;
    PosixFileSystem files;
    SystemClock clock;
    Metrics metrics;
    net::Loop loop;
    net::Workers workers{loop, 2, 1};
    std::unique_ptr<MailJournal> mail = test::open_mail_journal(loop, files, clock, metrics, {scratch / "journal"});
    std::vector<std::string> notes;
    std::shared_ptr<Noting> volume = std::make_shared<Noting>(notes);
    bool commits = true;
    int failures = 0;
    std::unique_ptr<Checkpoints> checkpoints;

    explicit Ground(CheckpointOptions options = {})
    {
        const Checkpoints::Ground ground{loop, workers, clock, metrics, Log(), mail->journal(), mail->waiters(), {volume}};
        checkpoints = std::make_unique<Checkpoints>(ground, [this] { return commit(this); }, options, [this] { ++failures; });
    }
    static co::Task<bool> commit(Ground* ground)
    {
        ground->notes.emplace_back("commit");
        co_return ground->commits;
    }
    Lsn append(std::size_t count = 1)
    {
        std::vector<journal::Payload> together(count);
        for (auto& payload : together) payload.head = encode(VoidRecord{0});
        return mail->journal().append(std::move(together)) + count - 1;
    }
    Lsn run() { return test::run_on(loop, checkpoints->run_now()); }
};

}  // namespace

TEST_CASE("a checkpoint commits, then syncs, then tells the journal", "[store][checkpoints]")
{
    Ground ground;
    const Lsn last = ground.append(3);
    CHECK(ground.run() == last);
    CHECK(ground.notes == std::vector<std::string>{"commit", "sync"});
    CHECK(ground.mail->journal().backlog().records == 0);
    // Nothing was appended since: nothing is synced.
    CHECK(ground.run() == last);
    CHECK(ground.notes == std::vector<std::string>{"commit", "sync", "commit"});
}

TEST_CASE("no checkpoint reaches a number that is held", "[store][checkpoints]")
{
    Ground ground;
    const Lsn first = ground.append();
    const Lsn second = ground.append();
    auto low = ground.checkpoints->floor().hold(second);
    auto high = ground.checkpoints->floor().hold(second + 5);
    CHECK(ground.run() == first);
    low = {};
    CHECK(ground.run() == second);
    high = {};
    CHECK(ground.run() == second);
    CHECK(ground.checkpoints->floor().size() == 0);
}

TEST_CASE("an index that cannot be committed holds the checkpoint up, and fails nothing", "[store][checkpoints]")
{
    Ground ground;
    const Lsn last = ground.append();
    ground.commits = false;
    CHECK(ground.run() < last);
    CHECK(ground.failures == 0);
    ground.commits = true;
    CHECK(ground.run() == last);
}

TEST_CASE("G2: after a failed sync no checkpoint is made any more", "[store][checkpoints][G2]")
{
    Ground ground;
    const Lsn before = ground.run();
    (void)ground.append();
    ground.volume->code = EIO;
    CHECK(ground.run() == before);
    ground.volume->code = 0;
    CHECK(ground.run() == before);
    CHECK(ground.failures == 1);
    CHECK(ground.checkpoints->has_failed());
    CHECK_FALSE(test::run_on(ground.loop, ground.checkpoints->wait_for_room(std::chrono::milliseconds(1))));
}

TEST_CASE("who waits for a number is called once it has passed, and at once where it has", "[store][checkpoints]")
{
    Ground ground;
    const Lsn last = ground.append();
    int called = 0;
    ground.checkpoints->after(last, [&called] { ++called; });
    ground.checkpoints->after(last + 1, [&called] { called += 10; });
    CHECK(called == 0);
    (void)ground.run();
    CHECK(called == 1);
    ground.checkpoints->after(last, [&called] { ++called; });
    CHECK(called == 2);
    (void)ground.append();
    (void)ground.run();
    CHECK(called == 12);
}

TEST_CASE("two that want a checkpoint at the same time both get one that began after they asked", "[store][checkpoints]")
{
    Ground ground;
    std::vector<Lsn> reached;
    co::Scope scope;
    const auto want = [](Ground* in, std::vector<Lsn>* into) -> co::Task<void> {
        const Lsn mine = in->append();
        const Lsn lsn = co_await in->checkpoints->run_now();
        CHECK(lsn >= mine);
        into->push_back(lsn);
    };
    for (int n = 0; n < 3; ++n) scope.spawn(want(&ground, &reached));
    ground.loop.run();
    CHECK(reached.size() == 3);
}

TEST_CASE("with a full backlog accept() has room again after a checkpoint", "[store][checkpoints]")
{
    CheckpointOptions options;
    options.most = {1U << 20U, 10};
    Ground ground(options);
    (void)ground.append(12);
    CHECK_FALSE(ground.checkpoints->has_room());
    CHECK(test::run_on(ground.loop, ground.checkpoints->wait_for_room(std::chrono::milliseconds(100))));
    CHECK(ground.checkpoints->has_room());
}
