#include "intake/intake.hpp"

#include <atomic>
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <filesystem>
#include <mutex>
#include <set>

#include "support/run.hpp"
#include "support/scratch.hpp"

using namespace mbx;
using namespace mbx::intake;
namespace fs = std::filesystem;

namespace {

// Fails one kind of call below a directory, on whatever thread it comes; thread-safe, unlike FaultyFileSystem.
class BrokenPlaces final : public FileSystem {
public:
    void break_at(std::string below, int code)
    {
        const std::lock_guard lock(mutex_);
        below_ = std::move(below);
        code_ = code;
    }
    void set_space(SpaceInfo space)
    {
        const std::lock_guard lock(mutex_);
        space_ = space;
    }
    Result<std::unique_ptr<File>, FileError> open_read(const std::string& path) override { return real_.open_read(path); }
    Result<std::unique_ptr<File>, FileError> create(const std::string& path, std::uint32_t mode) override
    {
        if (const int code = broken(path)) return FileError{code};
        return real_.create(path, mode);
    }
    Result<std::unique_ptr<File>, FileError> open_write(const std::string& path, WriteMode mode) override
    {
        if (const int code = broken(path)) return FileError{code};
        return real_.open_write(path, mode);
    }
    Result<std::unique_ptr<Volume>, FileError> open_volume(const std::string& directory) override
    {
        return real_.open_volume(directory);
    }
    Result<void, FileError> rename(const std::string& from, const std::string& to) override
    {
        return real_.rename(from, to);
    }
    Result<void, FileError> link(const std::string& from, const std::string& to) override
    {
        if (const int code = broken(to)) return FileError{code};
        return real_.link(from, to);
    }
    Result<void, FileError> unlink(const std::string& path) override { return real_.unlink(path); }
    Result<void, FileError> make_directory(const std::string& path, std::uint32_t mode) override
    {
        return real_.make_directory(path, mode);
    }
    Result<void, FileError> remove_directory(const std::string& path) override { return real_.remove_directory(path); }
    Result<void, FileError> sync_directory(const std::string& path) override { return real_.sync_directory(path); }
    Result<FileInfo, FileError> info(const std::string& path) override { return real_.info(path); }
    Result<std::vector<DirectoryEntry>, FileError> list(const std::string& path) override { return real_.list(path); }
    Result<SpaceInfo, FileError> space(const std::string& path) override
    {
        const std::lock_guard lock(mutex_);
        return space_.total_bytes != 0 ? Result<SpaceInfo, FileError>(space_) : real_.space(path);
    }

private:
    int broken(const std::string& path)
    {
        const std::lock_guard lock(mutex_);
        return !below_.empty() && path.find(below_) != std::string::npos ? code_ : 0;
    }
    PosixFileSystem real_;
    std::mutex mutex_;
    std::string below_;
    int code_ = 0;
    SpaceInfo space_;
};

struct House {
    test::Scratch scratch;
    BrokenPlaces files;
    SystemClock clock;
    SystemRandom random;
    Metrics metrics;
    net::Loop loop;
    net::Workers workers{loop, 3, 1};
    store::Store store;
    std::unique_ptr<Intake> intake;

    explicit House(std::size_t max_open = 128)
        : store(files, workers, clock, random, metrics, Log(), {scratch / "mail", max_open, {}})
    {
        start_intake();
    }
    void start_intake()
    {
        intake = std::make_unique<Intake>(store, files, workers, clock, random, metrics, Log(), scratch / "spool");
    }
    static store::AccountKey key(const std::string& local) { return {1, local, "example.test"}; }

    template <typename T>
    T run(co::Task<T> task)
    {
        return test::run_on(loop, std::move(task));
    }
    Result<void, IntakeError> append(Draft& draft, std::string_view bytes) { return run(draft.append(bytes)); }
    Result<Receipt, IntakeError> accept(Draft draft, const std::vector<std::string>& recipients)
    {
        Envelope envelope;
        for (const auto& local : recipients) envelope.recipients.push_back(key(local));
        return run(intake->accept(intake->new_trace_id(), std::move(envelope), std::move(draft)));
    }
    std::shared_ptr<store::Account> account(const std::string& local)
    {
        auto account = run(store.account(key(local)));
        REQUIRE(account);
        return *account;
    }
    // All texts in INBOX.
    std::vector<std::string> texts(const std::string& local)
    {
        auto job = [](store::AccountStore& mail) {
            std::vector<std::string> all;
            const auto inbox = mail.find("INBOX")->id;
            const auto uids = mail.uids(inbox);
            if (!uids) return all;
            for (const auto uid : *uids) all.emplace_back((*mail.message(inbox, uid))->bytes());
            return all;
        };
        return run(account(local)->run(net::WorkClass::interactive, std::move(job)));
    }
    std::size_t spooled() const
    {
        std::size_t count = 0;
        for ([[maybe_unused]] const auto& entry : fs::directory_iterator(scratch / "spool")) ++count;
        return count;
    }
};

std::string body(std::size_t size)
{
    std::string text = "Subject: x\r\n\r\n";
    for (std::size_t line = 0; text.size() < size; ++line) text += "line " + std::to_string(line) + "\r\n";
    return text;
}

}  // namespace

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

TEST_CASE("what a dead process left in the spool is removed at start, other parts' files stay", "[intake]")
{
    House house;
    test::write_file(house.scratch / "spool/in-0123", "half");
    test::write_file(house.scratch / "spool/q-7", "queued");
    house.start_intake();
    CHECK_FALSE(fs::exists(house.scratch / "spool/in-0123"));
    CHECK(fs::exists(house.scratch / "spool/q-7"));
}

TEST_CASE("one recipient whose disk fails: the message is refused and the others' copies are taken back", "[intake][G3]")
{
    House house;
    for (const std::string local : {"one", "two"}) (void)house.account(local);
    const int code = GENERATE(EIO, ENOSPC);
    house.files.break_at("/two/new/", code);
    Draft draft = house.intake->new_draft();
    REQUIRE(house.append(draft, body(100)));
    const auto receipt = house.accept(std::move(draft), {"one", "two"});
    REQUIRE_FALSE(receipt);
    CHECK(receipt.error() == (code == EIO ? IntakeError::failure : IntakeError::no_space));
    CHECK(house.texts("one").empty());
    CHECK(house.texts("two").empty());
    CHECK(house.spooled() == 0);
    house.files.break_at("", 0);
    Draft again = house.intake->new_draft();
    REQUIRE(house.append(again, body(100)));
    REQUIRE(house.accept(std::move(again), {"one", "two"}));
    CHECK(house.texts("one").size() == 1);
    CHECK(house.texts("two").size() == 1);
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
    CHECK(house.store.open_accounts() <= 2);
    CHECK(house.account("held") == held);

    // Many at once for one account get the same one.
    std::set<store::Account*> opened;
    co::Scope scope;
    const auto open = [](House* in, std::set<store::Account*>* into) -> co::Task<void> {
        store::AccountKey key = House::key("together");
        const auto account = co_await in->store.account(std::move(key));
        if (account) into->insert(account->get());
    };
    for (int n = 0; n < 10; ++n) scope.spawn(open(&house, &opened));
    house.loop.run();
    CHECK(opened.size() == 1);
}

TEST_CASE("a removed account's mail is set aside, its name starts empty, old sessions get errors", "[store]")
{
    House house;
    Draft draft = house.intake->new_draft();
    REQUIRE(house.append(draft, body(100)));
    REQUIRE(house.accept(std::move(draft), {"one"}));
    const auto old = house.account("one");
    const auto place = house.run(house.store.set_aside(House::key("one")));
    REQUIRE(place);
    CHECK(fs::is_directory(*place + "/new"));
    CHECK(place->starts_with(house.scratch / "mail/.removed/example.test/one-1-"));
    CHECK(house.texts("one").empty());
    auto job = [](store::AccountStore& mail) { return mail.create("late", store::SpecialUse::none); };
    CHECK_FALSE(house.run(old->run(net::WorkClass::interactive, std::move(job))));
    CHECK(house.run(house.store.set_aside(House::key("nobody"))).error() == store::StoreError::no_such_mailbox);
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
