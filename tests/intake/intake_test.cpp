#include "intake/house.hpp"

#include <atomic>
#include <catch2/generators/catch_generators.hpp>
#include <map>
#include <set>
#include <sqlite3.h>

#include "store/database_files.hpp"

using namespace mbx;
using namespace mbx::intake;

TEST_CASE("a message reaches every recipient byte for byte, prefix first, whatever its size and pieces", "[intake]")
{
    const auto size = GENERATE(std::size_t{100}, std::size_t{256 * 1024}, std::size_t{3'000'000});
    const auto piece = GENERATE(std::size_t{70'000}, std::size_t{5'000'000});
    const bool early = GENERATE(false, true);
    CAPTURE(size, piece, early);
    House house;
    const std::string text = body(size);
    const std::string prefix = "Return-Path: <>\r\nReceived: from x\r\n";
    Draft draft = house.intake->new_draft();
    if (early) draft.set_prefix(prefix);
    for (std::size_t at = 0; at < text.size(); at += piece) {
        REQUIRE(house.append(draft, std::string_view(text).substr(at, piece)));
    }
    if (!early) draft.set_prefix(prefix);
    CHECK(draft.size() == text.size() + prefix.size());
    const auto receipt = house.accept(std::move(draft), {"one", "two", "three"});
    REQUIRE(receipt);
    CHECK(receipt->delivered == 3);
    for (const std::string local : {"one", "two", "three"}) {
        CHECK(house.texts(local) == std::vector<std::string>{prefix + text});
    }
    // A large body is nowhere else until a checkpoint has synced the links.
    (void)house.run(house.mail().checkpoints().run_now());
    house.loop.run();
    CHECK(house.spooled() == 0);
}

TEST_CASE("C5: a draft that is dropped leaves no file, small or large", "[intake][C5]")
{
    House house;
    for (const std::size_t size : {std::size_t{10}, std::size_t{2'000'000}}) {
        {
            Draft draft = house.intake->new_draft();
            REQUIRE(house.append(draft, body(size)));
        }
        house.loop.run();
        CHECK(house.spooled() == 0);
    }
}

TEST_CASE("G3: one recipient whose disk fails does not hold up the others, and has the message when it works", "[intake][G3]")
{
    House house;
    for (const std::string local : {"one", "two"}) (void)house.account(local);
    const int code = GENERATE(EIO, ENOSPC);
    house.files.break_at("/two/new/", code);
    Draft draft = house.intake->new_draft();
    REQUIRE(house.append(draft, body(100)));
    REQUIRE(house.accept(std::move(draft), {"one", "two"}));
    CHECK(house.texts("one").size() == 1);
    CHECK(house.texts("two").empty());
    CHECK(house.mail().condition().owed == 1);
    house.files.break_at("", 0);
    house.run(house.mail().retry_deliveries());
    CHECK(house.texts("two").size() == 1);
    CHECK(house.texts("one").size() == 1);
    CHECK(house.mail().condition().owed == 0);
    CHECK(house.spooled() == 0);
}

TEST_CASE("a spool that cannot be written refuses the message and every later piece of it", "[intake][G3]")
{
    House house;
    house.files.break_at("/spool/", ENOSPC);
    Draft draft = house.intake->new_draft();
    CHECK(house.append(draft, body(1'000'000)).error() == IntakeError::no_space);
    CHECK(house.append(draft, "x").error() == IntakeError::no_space);
    CHECK(house.accept(std::move(draft), {"one"}).error() == IntakeError::no_space);
    CHECK(house.spooled() == 0);
}

TEST_CASE("G3: without room for the reserve of bytes or inodes nothing is accepted", "[intake][G3]")
{
    House house;
    SpaceInfo space;
    space.total_bytes = 100ULL << 30U;
    space.free_bytes = 50ULL << 30U;
    space.free_inodes = 1'000'000;
    SECTION("bytes") { space.free_bytes = 1000; }
    SECTION("inodes") { space.free_inodes = 3; }
    house.files.set_space(space);
    Draft draft = house.intake->new_draft();
    REQUIRE(house.append(draft, body(100)));
    CHECK(house.accept(std::move(draft), {"one"}).error() == IntakeError::no_space);
    CHECK(house.intake->is_short_of_space());
}

TEST_CASE("APPEND keeps mailbox, flags, keywords and date", "[intake]")
{
    House house;
    const auto account = house.account("one");
    store::Incoming incoming;
    incoming.mailbox = "Drafts";
    incoming.system_flags = store::kDraft;
    incoming.keywords = {"later"};
    incoming.internal_date = WallTime(std::chrono::seconds(1'000'000'000));
    Draft draft = house.intake->new_draft();
    REQUIRE(house.append(draft, body(400'000)));
    const auto appended = house.run(house.intake->append(account, incoming, std::move(draft)));
    REQUIRE(appended);
    const store::MailboxId drafts = appended->mailbox;
    auto job = [drafts](store::AccountStore& mail) { return mail.rows(drafts, {{1, 10}}); };
    const auto rows = house.run(account->run(net::WorkClass::interactive, std::move(job)));
    REQUIRE(rows);
    REQUIRE(rows->size() == 1);
    CHECK(rows->front().internal_date == 1'000'000'000);
    CHECK(rows->front().flags == store::Flags{store::kDraft, 1});
    Draft lost = house.intake->new_draft();
    incoming.mailbox = "nowhere";
    CHECK(house.run(house.intake->append(account, incoming, std::move(lost))).error() ==
          store::StoreError::no_such_mailbox);
}

TEST_CASE("trace ids are 20 characters, unique, and ascend", "[intake]")
{
    House house;
    std::string last;
    for (int n = 0; n < 1000; ++n) {
        const auto id = house.intake->new_trace_id();
        REQUIRE(id.size() == 20);
        REQUIRE(id.find_first_not_of("0123456789abcdefghijklmnopqrstuvwxyz") == std::string::npos);
        REQUIRE(id.substr(0, 10) > last);
        last = id.substr(0, 10);
    }
}

TEST_CASE("a delivery tells those who watch the mailbox, and nobody else", "[intake][store]")
{
    House house;
    const auto account = house.account("one");
    int inbox = 0;
    int sent = 0;
    auto ids = [](store::AccountStore& mail) { return std::pair(mail.find("INBOX")->id, mail.find("Sent")->id); };
    const auto [inbox_id, sent_id] = house.run(account->run(net::WorkClass::interactive, std::move(ids)));
    auto watch = account->watch(inbox_id, [&inbox] { ++inbox; });
    const auto other = account->watch(sent_id, [&sent] { ++sent; });
    Draft draft = house.intake->new_draft();
    REQUIRE(house.append(draft, body(100)));
    REQUIRE(house.accept(std::move(draft), {"one"}));
    CHECK(inbox == 1);
    CHECK(sent == 0);
    watch = {};
    Draft more = house.intake->new_draft();
    REQUIRE(house.append(more, body(100)));
    REQUIRE(house.accept(std::move(more), {"one"}));
    CHECK(inbox == 1);
}

TEST_CASE("accounts are opened once, idle ones are put away, those in use stay", "[store]")
{
    House house(2);
    const auto held = house.account("held");
    for (int n = 0; n < 6; ++n) (void)house.account("a" + std::to_string(n));
    CHECK(house.mail().open_accounts() <= 2);
    CHECK(house.account("held") == held);

    // Many at once for one account get the same one.
    std::set<store::Account*> opened;
    co::Scope scope;
    const auto open = [](House* in, std::set<store::Account*>* into) -> co::Task<void> {
        store::AccountKey key = House::key("together");
        const auto account = co_await in->mail().account(std::move(key));
        if (account) into->insert(account->get());
    };
    for (int n = 0; n < 10; ++n) scope.spawn(open(&house, &opened));
    house.loop.run();
    CHECK(opened.size() == 1);
}

TEST_CASE("accounts that nobody has used for long are put away, but for some and those in use", "[store]")
{
    House house;
    house.crash();
    house.options.kept_accounts = 2;
    house.options.idle_account = std::chrono::milliseconds(0);
    house.start();
    const auto held = house.account("held");
    for (int n = 0; n < 6; ++n) (void)house.account("a" + std::to_string(n));
    CHECK(house.mail().open_accounts() == 7);
    house.run(house.mail().put_idle_away());
    CHECK(house.mail().open_accounts() == 2);
    CHECK(house.account("held") == held);
    Draft draft = house.intake->new_draft();
    REQUIRE(house.append(draft, body(100)));
    REQUIRE(house.accept(std::move(draft), {"a0"}));
    CHECK(house.texts("a0").size() == 1);
}

TEST_CASE("open accounts that nobody asks rest, and whatever comes next wakes them", "[store][rest]")
{
    House house;
    house.crash();
    house.options.rest_after = std::chrono::milliseconds(0);
    house.options.rest_pause = std::chrono::milliseconds(0);
    house.start();
    const auto rests = [&house](const std::string& local) {
        sqlite3* handle = nullptr;
        const auto file = house.scratch / "mail/example.test/" + local + "/index.db";
        REQUIRE(sqlite3_open(file.c_str(), &handle) == SQLITE_OK);
        const int code = sqlite3_exec(handle, "BEGIN IMMEDIATE; COMMIT", nullptr, nullptr, nullptr);
        sqlite3_close(handle);
        return code == SQLITE_OK;
    };
    const auto deliver = [&house](const std::string& local) {
        Draft draft = house.intake->new_draft();
        REQUIRE(house.append(draft, body(100)));
        REQUIRE(house.accept(std::move(draft), {local}));
    };
    auto held = house.account("held");
    for (int n = 0; n < 5; ++n) deliver("held");
    deliver("other");
    house.run(house.mail().rest_idle());
    CHECK(rests("held"));
    CHECK(rests("other"));
    CHECK(house.mail().open_accounts() == 2);
    // Nothing of what is asked of all accounts wakes them: not a checkpoint, nor a new quota.
    deliver("third");
    (void)house.run(house.mail().checkpoints().run_now());
    house.mail().quotas_changed();
    house.loop.run();
    CHECK(rests("held"));
    house.run(house.mail().rest_idle());
    // A delivery does, and who watches is told.
    int told = 0;
    auto find = [](store::AccountStore& mail) { return mail.find("INBOX")->id; };
    const auto inbox = house.run(held->run(net::WorkClass::interactive, std::move(find)));
    auto watch = held->watch(inbox, [&told] { ++told; });
    house.run(house.mail().rest_idle());
    REQUIRE(rests("held"));
    deliver("held");
    house.loop.run();
    CHECK(told == 1);
    CHECK_FALSE(rests("held"));
    CHECK(house.texts("held").size() == 6);
    // Jobs that are submitted beside a rest run before or behind it, in their order.
    house.run(house.mail().rest_idle());
    co::Scope beside;
    std::vector<std::size_t> seen;
    const auto count = [](std::shared_ptr<store::Account> account, std::vector<std::size_t>* into) -> co::Task<void> {
        auto job = [](store::AccountStore& mail) { return mail.uids(mail.find("INBOX")->id)->size(); };
        const auto size = co_await account->run(net::WorkClass::interactive, std::move(job));
        into->push_back(size);
    };
    for (int n = 0; n < 20; ++n) {
        beside.spawn(house.mail().rest_idle());
        beside.spawn(count(held, &seen));
        deliver("held");
        house.loop.run();
    }
    REQUIRE(seen.size() == 20);
    CHECK(std::ranges::is_sorted(seen));
    CHECK(house.texts("held").size() == 26);
    // A rest leaves nothing for the next start to do, and an account that rests can be put away or removed.
    house.run(house.mail().rest_idle());
    REQUIRE(rests("other"));
    const auto place = house.run(house.mail().set_aside(House::key("other")));
    REQUIRE(place);
    watch = {};
    held.reset();
    house.restart();
    CHECK(house.texts("held").size() == 26);
    CHECK(house.texts("third").size() == 1);
}

TEST_CASE("G4: accounts that take turns keep to the limit of descriptors, stay open, and sessions in IDLE hear of all", "[store][G4][descriptors]")
{
    constexpr std::size_t kMost = 8;  // of four accounts
    constexpr std::size_t kAccounts = 30;
    House house;
    house.crash();
    house.options.account.max_database_files = kMost;
    house.start();
    std::vector<std::string> names;
    for (std::size_t n = 0; n < kAccounts; ++n) names.push_back("turn" + std::to_string(n));
    std::map<std::string, int> told;
    std::vector<std::shared_ptr<store::Account>> held;
    std::vector<store::Account::Watch> watches;
    for (std::size_t n = 0; n < kAccounts; n += 2) {
        held.push_back(house.account(names[n]));
        auto find = [](store::AccountStore& mail) { return mail.find("INBOX")->id; };
        const auto inbox = house.run(held.back()->run(net::WorkClass::interactive, std::move(find)));
        watches.push_back(held.back()->watch(inbox, [&told, name = names[n]] { ++told[name]; }));
    }
    const auto deliver = [&house](const std::vector<std::string>& to) {
        Draft draft = house.intake->new_draft();
        REQUIRE(house.append(draft, body(100)));
        REQUIRE(house.accept(std::move(draft), to));
    };
    for (int round = 0; round < 3; ++round) {
        for (const auto& name : names) {
            deliver({name});
            house.loop.run();
            CHECK(store::open_database_files() <= kMost);
        }
        deliver(names);  // to all at once
        house.loop.run();
        CHECK(store::open_database_files() <= kMost);
        if (round == 1) (void)house.run(house.mail().checkpoints().run_now());
    }
    CHECK(house.mail().open_accounts() == kAccounts);
    CHECK(house.mail().condition().owed == 0);
    for (std::size_t n = 0; n < kAccounts; ++n) {
        CAPTURE(n);
        CHECK(house.texts(names[n]).size() == 6);
        CHECK(told[names[n]] == (n % 2 == 0 ? 6 : 0));
    }
    CHECK(store::open_database_files() <= kMost);
    watches.clear();
    held.clear();
    house.restart();
    for (const auto& name : names) CHECK(house.texts(name).size() == 6);
}

TEST_CASE("a removed account's mail is set aside, its name starts empty, old sessions get errors", "[store]")
{
    House house;
    Draft draft = house.intake->new_draft();
    REQUIRE(house.append(draft, body(100)));
    REQUIRE(house.accept(std::move(draft), {"one"}));
    const auto old = house.account("one");
    const auto place = house.run(house.mail().set_aside(House::key("one")));
    REQUIRE(place);
    CHECK(fs::is_directory(*place + "/new"));
    CHECK(place->starts_with(house.scratch / "mail/.removed/example.test/one-1-"));
    CHECK(house.texts("one").empty());
    auto job = [](store::AccountStore& mail) { return mail.create("late", store::SpecialUse::none); };
    CHECK_FALSE(house.run(old->run(net::WorkClass::interactive, std::move(job))));
    CHECK(house.run(house.mail().set_aside(House::key("nobody"))).error() == store::StoreError::no_such_mailbox);
}

TEST_CASE("F1: local parts and domains are one place each below the root, whatever they hold", "[store][F1]")
{
    House house;
    for (const std::string local : {"../../etc", "a/b", "..", ".hidden", "%2E%2E"}) {
        CAPTURE(local);
        (void)house.account(local);
        CHECK(house.texts(local).empty());
    }
    std::size_t below = 0;
    for ([[maybe_unused]] const auto& entry : fs::directory_iterator(house.scratch / "mail/example.test")) ++below;
    CHECK(below == 5);
    CHECK_FALSE(fs::exists(house.scratch / "etc"));
}
