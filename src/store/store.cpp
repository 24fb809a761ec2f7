#include "store/store.hpp"

#include <algorithm>
#include <cerrno>
#include <map>
#include <vector>

#include "store/mailbox_name.hpp"

namespace mbx::store {

Account::Account(AccountKey key, net::Workers& workers, std::unique_ptr<AccountStore> store)
    : key_(std::move(key)), store_(std::move(store)), strand_(workers)
{
}

Account::~Account() = default;

Account::Watch& Account::Watch::operator=(Watch&& other) noexcept
{
    std::swap(account_, other.account_);
    std::swap(number_, other.number_);
    return *this;
}

Account::Watch::~Watch()
{
    if (account_ != nullptr) account_->watchers_.erase(number_);
}

Account::Watch Account::watch(MailboxId mailbox, std::function<void()> changed)
{
    const auto number = next_watch_++;
    watchers_.emplace(number, Watcher{mailbox, std::move(changed)});
    return {this, number};
}

std::vector<MailboxId> Account::watched() const
{
    std::vector<MailboxId> all;
    for (const auto& [number, watcher] : watchers_) {
        if (std::ranges::find(all, watcher.mailbox) == all.end()) all.push_back(watcher.mailbox);
    }
    return all;
}

void Account::tell(const std::set<MailboxId>& changed)
{
    if (changed.empty() || watchers_.empty()) return;
    std::vector<std::uint64_t> told;
    for (const auto& [number, watcher] : watchers_) {
        if (changed.contains(watcher.mailbox)) told.push_back(number);
    }
    std::ranges::sort(told);
    for (const auto number : told) {
        // One that was told may have ended another's watch, or its own.
        const auto it = watchers_.find(number);
        if (it == watchers_.end()) continue;
        const auto call = it->second.changed;
        call();
    }
}

namespace {

constexpr std::uint32_t kDirectoryMode = 0700;
constexpr const char* kRemoved = "/.removed";

struct Entry {
    std::shared_ptr<Account> account;
    bool is_busy = false;  // being opened, put away or set aside: wait for `settled`
    std::uint64_t used = 0;
};

Result<void, StoreError> disk_outcome(const Log& log, const std::string& path, const Result<void, FileError>& done)
{
    if (done || done.error().code == EEXIST) return {};
    log.error("store: disk", {{"path", path}, {"error", done.error().name()}});
    return done.error().is_no_space() ? StoreError::no_space : StoreError::io;
}

// Makes `root` + `below`, level by level, durably.
Result<void, StoreError> make_path(FileSystem& files, const Log& log, const std::string& root,
                                   const std::vector<std::string>& below)
{
    std::string path = root;
    if (auto done = disk_outcome(log, path, files.make_directory(path, kDirectoryMode)); !done) return done;
    for (const auto& level : below) {
        const std::string parent = path;
        path += "/" + level;
        const auto made = files.make_directory(path, kDirectoryMode);
        if (auto done = disk_outcome(log, path, made); !done) return done;
        if (!made) continue;
        if (auto done = disk_outcome(log, parent, files.sync_directory(parent)); !done) return done;
    }
    return {};
}

}  // namespace

struct Store::State {
    FileSystem& files;
    net::Workers& workers;
    const Clock& clock;
    Random& random;
    Log log;
    StoreOptions options;
    Gauge& open_gauge;
    std::map<std::string, Entry> entries;  // by path below the root
    co::Event settled;
    std::uint64_t uses = 0;

    static std::string place(const AccountKey& key)
    {
        return path_component(key.domain) + "/" + path_component(key.local_part);
    }
    void note_count() { open_gauge.set(static_cast<std::int64_t>(entries.size())); }
    std::map<std::string, Entry>::iterator oldest_idle();
    co::Task<void> make_room();
    Result<std::unique_ptr<AccountStore>, StoreError> open(const AccountKey& key);
    Result<std::string, StoreError> move_aside(const AccountKey& key);
};

Store::Store(FileSystem& files, net::Workers& workers, const Clock& clock, Random& random, Metrics& metrics, Log log,
             StoreOptions options)
    : state_(new State{files, workers, clock, random, std::move(log), std::move(options),
                       metrics.gauge("mailboxd_store_open_accounts", "Accounts whose index is open"), {}, {}, 0})
{
}

Store::~Store() = default;

std::size_t Store::open_accounts() const { return state_->entries.size(); }

std::vector<std::shared_ptr<Account>> Store::opened() const
{
    std::vector<std::shared_ptr<Account>> all;
    for (const auto& [name, entry] : state_->entries) {
        if (!entry.is_busy) all.push_back(entry.account);
    }
    return all;
}

std::map<std::string, Entry>::iterator Store::State::oldest_idle()
{
    auto oldest = entries.end();
    for (auto it = entries.begin(); it != entries.end(); ++it) {
        const bool is_idle = !it->second.is_busy && it->second.account.use_count() == 1;
        if (is_idle && (oldest == entries.end() || it->second.used < oldest->second.used)) oldest = it;
    }
    return oldest;
}

// Puts idle accounts away, the longest unused first. Those in use stay, however many they are.
co::Task<void> Store::State::make_room()
{
    while (entries.size() > options.max_open_accounts) {
        const auto oldest = oldest_idle();
        if (oldest == entries.end()) co_return;
        const std::string name = oldest->first;
        const std::shared_ptr<Account> account = oldest->second.account;
        oldest->second.is_busy = true;
        auto settle = [](AccountStore& store) {
            store.settle();
            return true;
        };
        (void)co_await account->run(net::WorkClass::bulk, std::move(settle));
        // Busy entries are left alone by everybody else, so it is still there and nobody else holds it.
        entries.erase(name);
        note_count();
        settled.notify_all();
    }
}

Result<std::unique_ptr<AccountStore>, StoreError> Store::State::open(const AccountKey& key)
{
    const auto made = make_path(files, log, options.root, {path_component(key.domain)});
    if (!made) return made.error();
    return AccountStore::open(files, options.root + "/" + place(key), clock, random, log, options.account);
}

co::Task<Result<std::shared_ptr<Account>, StoreError>> Store::account(AccountKey key)
{
    State& state = *state_;
    const std::string name = State::place(key);
    while (true) {
        const auto it = state.entries.find(name);
        if (it == state.entries.end()) break;
        it->second.used = ++state.uses;
        if (!it->second.is_busy) co_return it->second.account;
        co_await state.settled.wait();
    }
    state.entries[name].is_busy = true;
    co_await state.make_room();
    auto job = [&state, &key] { return state.open(key); };
    auto opened = co_await state.workers.run(net::WorkClass::delivery, std::move(job));
    if (!opened) {
        state.entries.erase(name);
        state.settled.notify_all();
        co_return opened.error();
    }
    auto account = std::make_shared<Account>(std::move(key), state.workers, *std::move(opened));
    Entry& entry = state.entries[name];
    entry.account = account;
    entry.is_busy = false;
    entry.used = ++state.uses;
    state.note_count();
    state.settled.notify_all();
    co_return account;
}

Result<std::string, StoreError> Store::State::move_aside(const AccountKey& key)
{
    const std::string from = options.root + "/" + place(key);
    const std::string domain = path_component(key.domain);
    if (const auto info = files.info(from); !info && info.error().is_absent()) return StoreError::no_such_mailbox;
    const std::string removed = kRemoved + 1;
    if (auto made = make_path(files, log, options.root, {removed, domain}); !made) return made.error();
    const std::string stem = options.root + kRemoved + "/" + domain + "/" + path_component(key.local_part) + "-" +
                             std::to_string(key.id) + "-";
    int n = 1;
    while (files.info(stem + std::to_string(n))) ++n;
    const std::string to = stem + std::to_string(n);
    const std::string target_parent = options.root + kRemoved + "/" + domain;
    if (auto done = disk_outcome(log, from, files.rename(from, to)); !done) return done.error();
    for (const auto& parent : {target_parent, options.root + "/" + domain}) {
        if (auto done = disk_outcome(log, parent, files.sync_directory(parent)); !done) return done.error();
    }
    return to;
}

co::Task<Result<std::string, StoreError>> Store::set_aside(AccountKey key)
{
    State& state = *state_;
    const std::string name = State::place(key);
    while (true) {
        const auto it = state.entries.find(name);
        if (it == state.entries.end() || !it->second.is_busy) break;
        co_await state.settled.wait();
    }
    Entry& entry = state.entries[name];
    entry.is_busy = true;
    // Sessions that still hold it get errors from here on, not the mail of whoever has the name next.
    const std::shared_ptr<Account> account = entry.account;
    if (account) {
        auto retire = [](AccountStore& store) {
            store.retire();
            return true;
        };
        (void)co_await account->run(net::WorkClass::interactive, std::move(retire));
    }
    auto job = [&state, &key] { return state.move_aside(key); };
    auto moved = co_await state.workers.run(net::WorkClass::interactive, std::move(job));
    state.entries.erase(name);
    state.note_count();
    state.settled.notify_all();
    co_return moved;
}

}  // namespace mbx::store
