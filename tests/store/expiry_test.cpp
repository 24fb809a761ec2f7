// The background job: windows by a clock that stands still, the disk that gets full, the stop.
#include <catch2/catch_test_macros.hpp>

#include "store/expiry.hpp"
#include "support/faulty_file_system.hpp"
#include "support/mail_ground.hpp"
#include "support/run.hpp"
#include "support/temporary_folder.hpp"

using namespace mbx;
using namespace mbx::store;
using namespace std::chrono_literals;

namespace {

constexpr std::string_view kText = "Subject: a\r\n\r\nbody\r\n";
constexpr auto kDay = std::chrono::hours(24);

class Yard {
public:
    explicit Yard(ExpiryOptions options = {})
        : journal(test::open_mail_journal(loop, files, clock, metrics, {folder.path("journal")})),
          store(loop, files, workers, *journal, clock, random, metrics, Log(), store_options()),
          expiry(Expiry::Ground{loop, store, files, workers, clock, metrics, Log(), [this] { return accounts; }}, options)
    {
        files.set_space({1ULL << 40U, 1ULL << 41U, 1'000'000});
    }

    // A message comes in and is expunged at once.
    void expunge(const AccountKey& key, int count = 1)
    {
        for (int n = 0; n < count; ++n) {
            append(key, "INBOX", kDeleted);
            auto job = [](AccountStore& held) { return held.expunge(held.find("INBOX")->id, nullptr); };
            REQUIRE(on(key, std::move(job)));
        }
    }
    void append(const AccountKey& key, const std::string& mailbox, std::uint8_t flags = 0)
    {
        auto job = [&](AccountStore& held) {
            auto shared = std::make_shared<const std::string>(kText);
            const Body body{shared, {}, {}, kText.size(), crc32c(kText)};
            Incoming incoming;
            incoming.mailbox = mailbox;
            incoming.system_flags = flags;
            incoming.internal_date = clock.wall();
            return held.append(body, incoming);
        };
        REQUIRE(on(key, std::move(job)));
    }
    std::uint64_t expunged(const AccountKey& key)
    {
        auto job = [](AccountStore& held) { return held.expunged_messages({}); };
        const auto list = on(key, std::move(job));
        REQUIRE(list);
        return list->messages;
    }
    std::uint64_t messages(const AccountKey& key)
    {
        auto job = [](AccountStore& held) { return held.usage().messages; };
        return on(key, std::move(job));
    }
    template <typename Job>
    auto on(const AccountKey& key, Job job) -> std::invoke_result_t<Job, AccountStore&>
    {
        auto opened = test::run_on(loop, store.account(key));
        REQUIRE(opened);
        const std::shared_ptr<Account> account = *opened;
        return test::run_on(loop, account->run(net::WorkClass::interactive, std::move(job)));
    }
    Expiry::Summary run() { return test::run_on(loop, expiry.run_once()); }

    test::TemporaryFolder folder;
    PosixFileSystem posix;
    test::FaultyFileSystem files{posix};
    net::Loop loop;
    net::Workers workers{loop, 3, 1};
    ManualClock clock;
    SystemRandom random;
    Metrics metrics;
    std::unique_ptr<MailJournal> journal;
    Store store;
    AccountKey ann{1, "ann", "example.org"};
    AccountKey bob{2, "bob", "example.org"};
    std::vector<AccountKey> accounts{ann, bob};
    Expiry expiry;

private:
    StoreOptions store_options() const
    {
        StoreOptions wanted;
        wanted.root = folder.path("mail");
        return wanted;
    }
};

}  // namespace

TEST_CASE("expunged mail stays for its window to the second, and goes with the next run", "[store][expiry]")
{
    Yard yard;
    yard.expunge(yard.ann);
    yard.clock.advance(kDay);
    yard.expunge(yard.ann);
    yard.expunge(yard.bob);
    CHECK(yard.run().purged == 0);
    yard.clock.advance(13 * kDay - 1s);
    CHECK(yard.run().purged == 0);
    yard.clock.advance(1s);
    const auto first = yard.run();
    CHECK(first.purged == 1);
    CHECK(first.purged_bytes == kText.size());
    CHECK(yard.expunged(yard.ann) == 1);
    yard.clock.advance(kDay);
    CHECK(yard.run().purged == 2);
    CHECK(yard.expunged(yard.ann) == 0);
    CHECK(yard.expunged(yard.bob) == 0);
    CHECK(yard.run().purged == 0);
}

TEST_CASE("with a keep of 0 expunged mail goes at the next checkpoint", "[store][expiry]")
{
    ExpiryOptions options;
    options.keep = 0ms;
    Yard yard(options);
    yard.expunge(yard.ann, 3);
    CHECK(yard.expunged(yard.ann) == 3);
    CHECK(yard.run().purged == 3);
    CHECK(yard.expunged(yard.ann) == 0);
}

TEST_CASE("Trash and Junk expire by the age of what is in them, each by its own, and can be had back", "[store][expiry]")
{
    ExpiryOptions options;
    options.trash = 30 * kDay;
    options.junk = 7 * kDay;
    Yard yard(options);
    yard.append(yard.ann, "Trash");
    yard.append(yard.ann, "Junk");
    yard.append(yard.ann, "INBOX");
    yard.clock.advance(7 * kDay);
    CHECK(yard.run().expired == 0);
    yard.clock.advance(1s);
    CHECK(yard.run().expired == 1);
    CHECK(yard.messages(yard.ann) == 2);
    yard.clock.advance(13 * kDay);
    CHECK(yard.run().purged == 0);
    CHECK(yard.expunged(yard.ann) == 1);
    yard.clock.advance(kDay);
    CHECK(yard.run().purged == 1);
    yard.clock.advance(30 * kDay);
    CHECK(yard.run().expired == 1);
    CHECK(yard.messages(yard.ann) == 1);
}

TEST_CASE("G3: when the disk gets full the oldest expunged mail of all accounts goes, and no more than is needed", "[store][expiry][G3]")
{
    Yard yard;
    yard.expunge(yard.ann, 2);
    yard.clock.advance(2h);
    yard.expunge(yard.bob);
    yard.clock.advance(2h);
    yard.expunge(yard.ann);
    CHECK(test::run_on(yard.loop, yard.expiry.relieve()).purged == 0);
    // Some bytes are missing: the oldest hour has them.
    yard.files.set_space({(256ULL << 20U) - 2 * kText.size(), 1ULL << 40U, 1'000'000});
    CHECK(test::run_on(yard.loop, yard.expiry.relieve()).purged == 2);
    CHECK(yard.expunged(yard.ann) == 1);
    CHECK(yard.expunged(yard.bob) == 1);
    // Inodes count like bytes.
    yard.files.set_space({1ULL << 40U, 1ULL << 41U, 1'999});
    CHECK(test::run_on(yard.loop, yard.expiry.relieve()).purged == 1);
    CHECK(yard.expunged(yard.ann) == 1);
    CHECK(yard.expunged(yard.bob) == 0);
    yard.files.set_space({0, 1ULL << 40U, 1'000'000});
    CHECK(test::run_on(yard.loop, yard.expiry.relieve()).purged == 1);
    CHECK(test::run_on(yard.loop, yard.expiry.relieve()).purged == 0);
}

TEST_CASE("an account that was never opened is not made by a run", "[store][expiry]")
{
    ExpiryOptions options;
    options.trash = kDay;
    Yard yard(options);
    CHECK(yard.run().failures == 0);
    CHECK(yard.store.open_accounts() == 0);
}

TEST_CASE("the job runs at its start, when it is woken, and ends when it is told", "[store][expiry]")
{
    ExpiryOptions options;
    options.keep = 1h;
    Yard yard(options);
    yard.expunge(yard.ann);
    yard.clock.advance(1h);
    // The loop runs empty only when the job has ended.
    const auto live = [](Yard& it) -> co::Task<bool> {
        it.expiry.start();
        co_await it.expiry.stop();
        co_return true;
    };
    CHECK(test::run_on(yard.loop, live(yard)));
}
