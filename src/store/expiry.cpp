#include "store/expiry.hpp"

#include <algorithm>
#include <map>
#include <optional>
#include <utility>

#include "store/expunged_name.hpp"
#include "store/mailbox_name.hpp"
#include "store/message_name.hpp"

namespace mbx::store {

namespace {

constexpr std::size_t kExpiredAtOnce = 500;
constexpr std::int64_t kBucket = 3600;  // seconds of one step when the oldest are sought
constexpr std::int64_t kLastSecond = 253'402'300'799;  // of the year 9999: a name can claim any
// intake refuses mail below a reserve of 128 MiB or a fiftieth of the disk, and 1000 inodes. This job begins well above
// it, so that no mail is refused for the sake of what was expunged.
constexpr std::uint64_t kWantedBytes = 256ULL << 20U;
constexpr std::uint64_t kWantedShare = 25;
constexpr std::uint64_t kWantedInodes = 2000;

// What a look at an account's undelete directory says, without opening the account.
struct Glance {
    bool exists = false;   // the account has a directory
    bool has_due = false;
};

std::string expunged_directory(const std::string& account) { return account + "/" + std::string(kExpungedDirectory); }

Glance glance_at(FileSystem& files, const std::string& account, std::int64_t expunged_before)
{
    Glance glance;
    const auto entries = files.list(expunged_directory(account));
    glance.exists = entries || files.info(account);
    if (!entries) return glance;
    glance.has_due = std::ranges::any_of(*entries, [expunged_before](const DirectoryEntry& entry) {
        if (const auto name = parse_expunged_name(entry.name)) return name->expunged_at <= expunged_before;
        if (entry.kind == FileKind::directory) return true;  // a mailbox whose purge was cut off
        // A file that was set aside, because it never became a message.
        const auto unique = parse_message_name(entry.name).unique;
        return lsn_of(unique) && save_date_of(unique).value_or(INT64_MAX) <= expunged_before;
    });
    return glance;
}

struct Amount {
    std::uint64_t bytes = 0;
    std::uint64_t files = 0;
};

Amount amount_of(FileSystem& files, const std::string& directory, const DirectoryEntry& entry, const ExpungedName& name)
{
    if (name.uid != 0) return {parse_message_name(name.name).size.value_or(0), 1};
    Amount amount;
    for (const char* place : {"/cur", "/new"}) {
        const auto inside = files.list(directory + "/" + entry.name + place);
        if (!inside) continue;
        amount.files += inside->size();
        for (const auto& file : *inside) amount.bytes += parse_message_name(file.name).size.value_or(0);
    }
    return amount;
}

// How much went in which hour, of one account.
std::map<std::int64_t, Amount> weigh(FileSystem& files, const std::string& account)
{
    std::map<std::int64_t, Amount> hours;
    const std::string directory = expunged_directory(account);
    const auto entries = files.list(directory);
    if (!entries) return hours;
    for (const auto& entry : *entries) {
        const auto name = parse_expunged_name(entry.name);
        if (!name) continue;
        const Amount one = amount_of(files, directory, entry, *name);
        Amount& hour = hours[std::min(name->expunged_at, kLastSecond) / kBucket];
        hour.bytes += one.bytes;
        hour.files += one.files;
    }
    return hours;
}

// What is missing to the space that is wanted; none: there is enough.
std::optional<Amount> shortage(const SpaceInfo& space)
{
    const std::uint64_t wanted = std::min(kWantedBytes, space.total_bytes / kWantedShare);
    Amount missing;
    if (space.free_bytes < wanted) missing.bytes = wanted - space.free_bytes;
    if (space.free_inodes < kWantedInodes) missing.files = kWantedInodes - space.free_inodes;
    if (missing.bytes == 0 && missing.files == 0) return std::nullopt;
    return missing;
}

}  // namespace

Expiry::Expiry(Ground ground, ExpiryOptions options)
    : ground_(std::move(ground)), options_(options), timer_(ground_.loop),
      purged_(ground_.metrics.counter("mailboxd_undelete_purged_total", "Expunged messages that are gone for ever")),
      purged_bytes_(ground_.metrics.counter("mailboxd_undelete_purged_bytes_total", "Their bytes")),
      expired_(ground_.metrics.counter("mailboxd_expired_total", "Messages of Trash and Junk that were expunged by age"))
{
}

Expiry::~Expiry() = default;

void Expiry::start() { tasks_.spawn(keep_running()); }

void Expiry::wake()
{
    is_woken_ = true;
    timer_.cancel();
}

void Expiry::set_options(ExpiryOptions options)
{
    options_ = options;
    wake();
}

co::Task<void> Expiry::stop()
{
    is_stopping_ = true;
    timer_.cancel();
    co_await tasks_.finished();
}

co::Task<void> Expiry::keep_running()
{
    SteadyTime next = ground_.clock.steady();
    while (!is_stopping_) {
        const bool is_due = std::exchange(is_woken_, false) || ground_.clock.steady() >= next;
        if (is_due) {
            const Summary done = co_await run_once();
            report(done, "expiry");
            next = ground_.clock.steady() + options_.interval;
        } else if (options_.keep.count() == 0) {
            Summary done;
            const std::int64_t now = seconds_ago(std::chrono::milliseconds(0));
            co_await purge_all(now, done);
            report(done, "expiry");
        }
        if (is_stopping_) break;
        const Summary relieved = co_await relieve();
        report(relieved, "little space: expunged mail went before its time");
        if (is_stopping_ || is_woken_) continue;
        const auto span = options_.keep.count() == 0 ? options_.prompt_interval : options_.look_interval;
        (void)co_await timer_.wait(span);
    }
}

co::Task<Expiry::Summary> Expiry::run_once()
{
    Summary summary;
    const std::int64_t before = seconds_ago(options_.keep);
    // Expired first: with a `keep` of 0 it goes in the same run.
    co_await expire_all(summary);
    co_await purge_all(before, summary);
    co_return summary;
}

co::Task<void> Expiry::purge_all(std::int64_t expunged_before, Summary& summary)
{
    std::optional<Lsn> checkpoint;
    const auto accounts = ground_.accounts();
    for (const AccountKey& key : accounts) {
        if (is_stopping_) co_return;
        // Most accounts have nothing that is due, and a look costs less than opening them.
        auto look = [&files = ground_.files, path = directory_of(key), expunged_before] {
            return glance_at(files, path, expunged_before);
        };
        const Glance glance = co_await ground_.workers.run(net::WorkClass::bulk, std::move(look));
        if (!glance.has_due) continue;
        if (!checkpoint) {
            const Lsn reached = co_await ground_.store.checkpoints().run_now();
            checkpoint = reached;
        }
        const auto account = co_await ground_.store.account(key);
        if (!account) {
            ++summary.failures;
            continue;
        }
        const std::shared_ptr<Account> open = *account;
        co_await purge_account(open, expunged_before, *checkpoint, summary);
    }
}

co::Task<void> Expiry::purge_account(std::shared_ptr<Account> account, std::int64_t expunged_before, Lsn below,
                                     Summary& summary)
{
    PurgeRun run;
    run.expunged_before = expunged_before;
    run.below_lsn = below;
    bool is_done = false;
    while (!is_done && !is_stopping_) {
        auto piece = [&run](AccountStore& store) { return store.purge(run); };
        const auto done = co_await account->run(net::WorkClass::bulk, std::move(piece));
        if (!done) ++summary.failures;
        is_done = !done || *done;
    }
    summary.purged += run.removed;
    summary.purged_bytes += run.bytes;
    purged_.add(run.removed);
    purged_bytes_.add(run.bytes);
}

co::Task<void> Expiry::expire_all(Summary& summary)
{
    if (options_.trash.count() == 0 && options_.junk.count() == 0) co_return;
    const auto accounts = ground_.accounts();
    for (const AccountKey& key : accounts) {
        if (is_stopping_) co_return;
        auto look = [&files = ground_.files, path = directory_of(key)] { return static_cast<bool>(files.info(path)); };
        const bool exists = co_await ground_.workers.run(net::WorkClass::bulk, std::move(look));
        if (!exists) continue;
        const auto account = co_await ground_.store.account(key);
        if (!account) {
            ++summary.failures;
            continue;
        }
        const std::shared_ptr<Account> open = *account;
        if (options_.trash.count() != 0) {
            const std::int64_t before = seconds_ago(options_.trash);
            co_await expire_use(open, SpecialUse::trash, before, summary);
        }
        if (options_.junk.count() != 0) {
            const std::int64_t before = seconds_ago(options_.junk);
            co_await expire_use(open, SpecialUse::junk, before, summary);
        }
    }
}

co::Task<void> Expiry::expire_use(std::shared_ptr<Account> account, SpecialUse use, std::int64_t saved_before,
                                  Summary& summary)
{
    bool is_done = false;
    while (!is_done && !is_stopping_) {
        auto piece = [use, saved_before](AccountStore& store) { return store.expire(use, saved_before, kExpiredAtOnce); };
        const auto done = co_await account->run(net::WorkClass::bulk, std::move(piece));
        if (!done) ++summary.failures;
        if (done) summary.expired += *done;
        if (done) expired_.add(*done);
        is_done = !done || *done < kExpiredAtOnce;
    }
}

co::Task<Expiry::Summary> Expiry::relieve()
{
    Summary summary;
    auto ask = [&files = ground_.files, root = ground_.store.root()] { return files.space(root); };
    const auto space = co_await ground_.workers.run(net::WorkClass::bulk, std::move(ask));
    const auto missing = space ? shortage(*space) : std::nullopt;
    const bool was_short = std::exchange(was_short_, missing.has_value());
    if (!missing) co_return summary;
    if (!was_short) ground_.log.warning("little space is left", {{"free_bytes", space->free_bytes}, {"free_inodes", space->free_inodes}});
    std::map<std::int64_t, Amount> hours;
    const auto accounts = ground_.accounts();
    for (const AccountKey& key : accounts) {
        if (is_stopping_) co_return summary;
        auto look = [&files = ground_.files, path = directory_of(key)] { return weigh(files, path); };
        const auto own = co_await ground_.workers.run(net::WorkClass::bulk, std::move(look));
        for (const auto& [hour, amount] : own) {
            hours[hour].bytes += amount.bytes;
            hours[hour].files += amount.files;
        }
    }
    if (hours.empty()) co_return summary;
    // The oldest hours that make up what is missing. Links of other accounts may keep some of it: then the next look
    // takes more.
    Amount found;
    std::int64_t last = 0;
    for (const auto& [hour, amount] : hours) {
        if (found.bytes >= missing->bytes && found.files >= missing->files) break;
        found.bytes += amount.bytes;
        found.files += amount.files;
        last = hour;
    }
    co_await purge_all((last + 1) * kBucket - 1, summary);
    co_return summary;
}

void Expiry::report(const Summary& summary, std::string_view what)
{
    if (summary.purged == 0 && summary.expired == 0 && summary.failures == 0) return;
    ground_.log.notice(what, {{"purged", summary.purged},
                              {"purged_bytes", summary.purged_bytes},
                              {"expired", summary.expired},
                              {"accounts_failed", summary.failures}});
}

// As Store places it.
std::string Expiry::directory_of(const AccountKey& key) const
{
    return ground_.store.root() + "/" + path_component(key.domain) + "/" + path_component(key.local_part);
}

std::int64_t Expiry::seconds_ago(std::chrono::milliseconds span) const
{
    const auto then = ground_.clock.wall() - span;
    return std::chrono::duration_cast<std::chrono::seconds>(then.time_since_epoch()).count();
}

}  // namespace mbx::store
