#include "directory/directory.hpp"

#include <unordered_map>
#include <utility>
#include <vector>

#include "directory/changes.hpp"
#include "directory/refusals.hpp"
#include "directory/schema.hpp"

namespace mbx::directory {
namespace {

// What a change left behind. Has constructors because aggregates do not travel well through coroutines of g++ 12.
template <typename T>
struct Outcome {
    explicit Outcome(Refusal refusal) : result(std::move(refusal)) {}
    Outcome(T value, Contents all) : result(std::move(value)), contents(std::move(all)) {}
    Result<T, Refusal> result;
    Contents contents;  // of the directory behind the change
};

// Runs `change` in one transaction and reads the directory as it is then; nothing is changed when either fails.
template <typename T, typename Change>
Outcome<T> transact(Database& database, const Change& change)
{
    const std::string attempted = "changing the directory";
    Transaction transaction(database);
    if (!transaction.begun()) return Outcome<T>(refuse_storage(attempted, transaction.begun().error()));
    Result<T, Refusal> changed = change(database);
    if (!changed) return Outcome<T>(changed.error());
    auto contents = read_contents(database);
    if (!contents) return Outcome<T>(refuse_storage(attempted, contents.error()));
    const auto done = transaction.commit();
    if (!done) return Outcome<T>(refuse_storage(attempted, done.error()));
    return Outcome<T>(std::move(*changed), std::move(*contents));
}

}  // namespace

struct Directory::State {
    State(Database opened, net::Workers& workers, SnapshotOptions with)
        : database(std::move(opened)), strand(workers), options(std::move(with))
    {
    }

    void install(Contents contents)
    {
        snapshot = std::make_shared<const Snapshot>(std::move(contents.domains), std::move(contents.accounts),
                                                    std::move(contents.aliases), options);
        for (const auto& listener : listeners) listener();
    }

    // The strand runs one change after another and hands them back in this order, so the last installed is the newest.
    template <typename T, typename Change>
    co::Task<Result<T, Refusal>> run(Change change)
    {
        auto job = [this, &change] { return transact<T>(database, change); };
        Outcome<T> outcome = co_await strand.run(net::WorkClass::interactive, std::move(job));
        if (outcome.result) install(std::move(outcome.contents));
        co_return std::move(outcome.result);
    }

    Database database;  // the strand's jobs alone, after open()
    net::Strand strand;
    SnapshotOptions options;
    std::string secret;
    std::unordered_map<std::int64_t, std::int64_t> uses;  // of app passwords
    Uses unsaved_uses;
    std::shared_ptr<const Snapshot> snapshot;
    std::vector<std::function<void()>> listeners;
};

Directory::Directory(std::unique_ptr<State> state) : state_(std::move(state)) {}
Directory::~Directory() = default;

Result<std::unique_ptr<Directory>, Error> Directory::open(std::string path, net::Workers& workers, SnapshotOptions options)
{
    auto database = open_database(path);
    if (!database) return database.error();
    auto contents = read_contents(*database);
    if (!contents) return explain("reading the directory " + path, contents.error());
    auto secret = read_secret(*database);
    if (!secret) return explain("reading the directory " + path, secret.error());
    auto uses = read_uses(*database);
    if (!uses) return explain("reading the directory " + path, uses.error());
    auto state = std::make_unique<State>(std::move(*database), workers, std::move(options));
    state->uses.insert(uses->begin(), uses->end());
    state->secret = std::move(*secret);
    state->install(std::move(*contents));
    return std::unique_ptr<Directory>(new Directory(std::move(state)));
}

std::shared_ptr<const Snapshot> Directory::snapshot() const { return state_->snapshot; }

const std::string& Directory::secret() const { return state_->secret; }

void Directory::set_options(SnapshotOptions options)
{
    state_->options = std::move(options);
    const Snapshot& now = *state_->snapshot;
    Contents same{now.domains(), now.accounts(), now.aliases()};
    state_->install(std::move(same));
}

void Directory::on_change(std::function<void()> listener) { state_->listeners.push_back(std::move(listener)); }

co::Task<Result<Domain, Refusal>> Directory::add_domain(std::string name)
{
    auto change = [&name](Database& database) { return directory::add_domain(database, name); };
    co_return co_await state_->run<Domain>(std::move(change));
}

co::Task<Result<Domain, Refusal>> Directory::set_domain(std::string name, DomainChange wanted)
{
    auto change = [&](Database& database) { return directory::set_domain(database, name, wanted); };
    co_return co_await state_->run<Domain>(std::move(change));
}

co::Task<Result<void, Refusal>> Directory::remove_domain(std::string name)
{
    auto change = [&name](Database& database) { return directory::remove_domain(database, name); };
    const auto removed = co_await state_->run<Domain>(std::move(change));
    if (!removed) co_return removed.error();
    co_return Result<void, Refusal>();
}

co::Task<Result<Account, Refusal>> Directory::add_account(NewAccount account)
{
    auto change = [&account](Database& database) { return directory::add_account(database, account); };
    co_return co_await state_->run<Account>(std::move(change));
}

co::Task<Result<Account, Refusal>> Directory::set_account(std::string address, AccountChange wanted)
{
    auto change = [&](Database& database) { return directory::set_account(database, address, wanted); };
    co_return co_await state_->run<Account>(std::move(change));
}

co::Task<Result<Account, Refusal>> Directory::remove_account(std::string address)
{
    auto change = [&address](Database& database) { return directory::remove_account(database, address); };
    co_return co_await state_->run<Account>(std::move(change));
}

co::Task<Result<AppPassword, Refusal>> Directory::add_app_password(std::string address, AppPassword made)
{
    auto change = [&](Database& database) { return directory::add_app_password(database, address, made); };
    co_return co_await state_->run<AppPassword>(std::move(change));
}

co::Task<Result<std::vector<AppPassword>, Refusal>> Directory::remove_app_passwords(std::string address,
                                                                                   std::optional<std::int64_t> id)
{
    auto change = [&](Database& database) { return directory::remove_app_passwords(database, address, id); };
    auto removed = co_await state_->run<std::vector<AppPassword>>(std::move(change));
    if (!removed) co_return removed;
    for (const AppPassword& one : *removed) state_->uses.erase(one.id);
    co_return removed;
}

void Directory::note_use(std::int64_t app_password, std::int64_t now)
{
    std::int64_t& last = state_->uses[app_password];
    // A clock that was set back must not leave a time to come there.
    if (now >= last && now - last < kUseInterval) return;
    last = now;
    state_->unsaved_uses.emplace_back(app_password, now);
}

std::int64_t Directory::last_use(std::int64_t app_password) const
{
    const auto found = state_->uses.find(app_password);
    return found == state_->uses.end() ? 0 : found->second;
}

co::Task<Result<void, Refusal>> Directory::save_uses()
{
    const Uses uses = std::exchange(state_->unsaved_uses, {});
    if (uses.empty()) co_return Result<void, Refusal>();
    auto job = [this, &uses] { return write_uses(state_->database, uses); };
    auto written = co_await state_->strand.run(net::WorkClass::bulk, std::move(job));
    // The newer ones stand behind.
    if (!written) state_->unsaved_uses.insert(state_->unsaved_uses.begin(), uses.begin(), uses.end());
    co_return written;
}

co::Task<Result<Alias, Refusal>> Directory::add_alias(Alias alias)
{
    auto change = [&alias](Database& database) { return directory::add_alias(database, alias); };
    co_return co_await state_->run<Alias>(std::move(change));
}

co::Task<Result<Alias, Refusal>> Directory::set_alias(Alias alias)
{
    auto change = [&alias](Database& database) { return directory::set_alias(database, alias); };
    co_return co_await state_->run<Alias>(std::move(change));
}

co::Task<Result<void, Refusal>> Directory::remove_alias(std::string address)
{
    auto change = [&address](Database& database) { return directory::remove_alias(database, address); };
    const auto removed = co_await state_->run<Alias>(std::move(change));
    if (!removed) co_return removed.error();
    co_return Result<void, Refusal>();
}

}  // namespace mbx::directory
