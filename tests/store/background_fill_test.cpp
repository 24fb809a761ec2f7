// What is made behind delivery, on a real loop with workers.
#include <catch2/catch_test_macros.hpp>

#include "store/background_fill.hpp"
#include "support/mail_ground.hpp"
#include "support/run.hpp"
#include "support/scratch.hpp"

using namespace mbx;
using namespace mbx::store;

namespace {

struct Box {
    test::Scratch scratch;
    PosixFileSystem files;
    net::Loop loop;
    net::Workers workers{loop, 2, 1};
    SystemClock clock;
    SystemRandom random;
    Metrics metrics;
    std::unique_ptr<MailJournal> journal{test::open_mail_journal(loop, files, clock, metrics, {scratch / "journal"})};
    Store store{loop, files, workers, *journal, clock, random, metrics, Log(), options()};

    StoreOptions options() const
    {
        StoreOptions wanted;
        wanted.root = scratch / "mail";
        return wanted;
    }
    std::shared_ptr<Account> account(const std::string& name)
    {
        auto opened = test::run_on(loop, store.account({1, name, "example.org"}));
        REQUIRE(opened);
        return *opened;
    }
    void deliver(Account& account, const std::string& text)
    {
        auto job = [&text](AccountStore& held) {
            auto shared = std::make_shared<const std::string>(text);
            const Body body{shared, {}, {}, text.size(), crc32c(text)};
            Incoming incoming;
            incoming.internal_date = WallTime(std::chrono::seconds(1'700'000'000));
            return held.append(body, incoming);
        };
        REQUIRE(test::run_on(loop, account.run(net::WorkClass::delivery, std::move(job))));
    }
};

BackgroundFillOptions eager()
{
    BackgroundFillOptions options;
    options.look = std::chrono::milliseconds(1);
    options.rest = std::chrono::milliseconds(1);
    options.quiet = std::chrono::milliseconds(0);
    return options;
}

co::Task<void> stop_when_done(BackgroundFill& fill, net::Loop& loop)
{
    net::Timer timer(loop);
    while (!fill.is_idle()) (void)co_await timer.wait(std::chrono::milliseconds(1));
    fill.stop();
}

}  // namespace

TEST_CASE("columns and texts of all open accounts are made behind delivery, and stopping ends it", "[store][background]")
{
    Box box;
    const auto ann = box.account("ann");
    const auto bob = box.account("bob");
    for (int n = 0; n < 50; ++n) box.deliver(*ann, "Subject: nr " + std::to_string(n) + "\r\n\r\nhello\r\n");
    box.deliver(*bob, "Subject: alone\r\n\r\nhello\r\n");
    BackgroundFill fill(box.store, box.loop, box.clock, box.metrics, eager());
    co::Scope scope;
    scope.spawn(fill.run());
    scope.spawn(stop_when_done(fill, box.loop));
    box.loop.run();
    CHECK(scope.running() == 0);
    struct Seen {
        std::size_t columns = 0;
        UidSet candidates;
    };
    auto look = [](AccountStore& store) {
        const auto inbox = store.find("INBOX")->id;
        return Seen{store.columns(inbox, {{1, 1000}})->size(), *store.text_candidates(inbox, {{1, 1000}}, {{"nr 17"}})};
    };
    auto look_again = look;
    const auto of_ann = test::run_on(box.loop, ann->run(net::WorkClass::bulk, std::move(look)));
    CHECK(of_ann.columns == 50);
    REQUIRE(of_ann.candidates.size() == 1);
    CHECK(of_ann.candidates.front().first == 18);
    const auto of_bob = test::run_on(box.loop, bob->run(net::WorkClass::bulk, std::move(look_again)));
    CHECK(of_bob.columns == 1);
    CHECK(of_bob.candidates.empty());
}

namespace {

co::Task<void> stop_after_some_looks(BackgroundFill& fill, net::Loop& loop)
{
    net::Timer timer(loop);
    for (int look = 0; look < 20; ++look) (void)co_await timer.wait(std::chrono::milliseconds(1));
    fill.stop();
}

std::size_t columns_after_filling(Box& box, Account& account, BackgroundFillOptions options, bool until_done)
{
    box.deliver(account, "Subject: one\r\n\r\nhello\r\n");
    BackgroundFill fill(box.store, box.loop, box.clock, box.metrics, options);
    co::Scope scope;
    auto ask = [](AccountStore&) { return 0; };
    (void)test::run_on(box.loop, account.run(net::WorkClass::interactive, std::move(ask)));
    scope.spawn(fill.run());
    scope.spawn(until_done ? stop_when_done(fill, box.loop) : stop_after_some_looks(fill, box.loop));
    box.loop.run();
    auto look = [](AccountStore& store) { return store.columns(store.find("INBOX")->id, {{1, 1000}})->size(); };
    return test::run_on(box.loop, account.run(net::WorkClass::bulk, std::move(look)));
}

}  // namespace

TEST_CASE("an account whose sessions are at work is not filled meanwhile, but not for ever", "[store][background]")
{
    Box box;
    const auto ann = box.account("ann");
    auto options = eager();
    options.pause = std::chrono::hours(1);
    SECTION("not meanwhile")
    {
        options.most_pause = std::chrono::hours(1'000'000);
        CHECK(columns_after_filling(box, *ann, options, false) == 0);
    }
    SECTION("not for ever")
    {
        options.most_pause = std::chrono::milliseconds(0);
        CHECK(columns_after_filling(box, *ann, options, true) == 1);
    }
}

TEST_CASE("what is made behind delivery stops in the middle", "[store][background]")
{
    Box box;
    const auto ann = box.account("ann");
    for (int n = 0; n < 50; ++n) box.deliver(*ann, "Subject: nr " + std::to_string(n) + "\r\n\r\nhello\r\n");
    auto options = eager();
    options.step = std::chrono::milliseconds(0);
    BackgroundFill fill(box.store, box.loop, box.clock, box.metrics, options);
    co::Scope scope;
    scope.spawn(fill.run());
    fill.stop();
    box.loop.run();
    CHECK(scope.running() == 0);
}

TEST_CASE("while mail comes in, what is made behind it rests after the step of each account", "[store][background]")
{
    Box box;
    const auto ann = box.account("ann");
    const auto bob = box.account("bob");
    for (const auto& account : {ann, bob}) box.deliver(*account, "Subject: one\r\n\r\nhello\r\n");
    auto options = eager();
    options.quiet = std::chrono::hours(1);
    options.rest = std::chrono::hours(1);
    BackgroundFill fill(box.store, box.loop, box.clock, box.metrics, options);
    co::Scope scope;
    scope.spawn(fill.run());
    scope.spawn(stop_after_some_looks(fill, box.loop));
    box.loop.run();
    CHECK(box.metrics.counter("mailboxd_store_background_steps_total", "").value() <= 1);
}
