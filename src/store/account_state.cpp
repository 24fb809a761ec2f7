#include "store/account_state.hpp"

#include <algorithm>
#include <utility>

#include "base/ascii.hpp"

namespace mbx::store {

namespace {

// How far ceilings run ahead of what was given: one synced write for so many deliveries or changes.
constexpr std::uint64_t kUidsAhead = 1000;
constexpr ModSeq kModseqsAhead = 10'000;
constexpr std::uint64_t kLastUid = UINT32_MAX - 1;

bool is_good_keyword(std::string_view keyword)
{
    constexpr std::size_t kMaxKeyword = 200;
    if (keyword.empty() || keyword.size() > kMaxKeyword || keyword.front() == '\\') return false;
    return std::ranges::all_of(keyword, [](char c) {
        return !ascii::is_control(c) && !ascii::is_eight_bit(c) &&
               std::string_view(" (){%*\"\\]").find(c) == std::string_view::npos;
    });
}

}  // namespace

StoreError AccountStore::State::failed(std::string_view attempted, const std::string& where,
                                       const FileError& error) const
{
    log.error("store: disk", {{"attempted", attempted}, {"path", where}, {"error", error.name()}});
    return error.is_no_space() ? StoreError::no_space : StoreError::io;
}

StoreError AccountStore::State::index_failed(std::string_view attempted, StoreError error) const
{
    log.error("store: index", {{"attempted", attempted}, {"path", path}, {"error", index->complaint()}});
    return error;
}

std::string AccountStore::State::folder_path(const Folder& folder) const
{
    return folder.directory.empty() ? path : path + "/" + folder.directory;
}

std::string AccountStore::State::place_path(const Folder& folder, Place place) const
{
    return folder_path(folder) + (place == Place::cur ? "/cur" : "/new");
}

std::string AccountStore::State::staging_path(std::string_view name) const
{
    return path + "/" + std::string(kStaging) + "/" + std::string(name);
}

std::string AccountStore::State::expunged_path(std::string_view name) const
{
    return path + "/" + std::string(kExpungedDirectory) + "/" + std::string(name);
}

std::int64_t AccountStore::State::now_seconds() const
{
    return std::chrono::duration_cast<std::chrono::seconds>(clock.wall().time_since_epoch()).count();
}

// For files of other tools that cannot keep theirs: the leading number is the save date; the rest makes it unique without
// asking anybody.
std::string AccountStore::State::new_unique()
{
    constexpr std::size_t kRandomBytes = 10;
    return std::to_string(std::max<std::int64_t>(now_seconds(), 0)) + "." + random.hex(kRandomBytes) + ".mailboxd";
}

Folder* AccountStore::State::find_folder(MailboxId id)
{
    const auto it = folders.find(id);
    return it == folders.end() ? nullptr : &it->second;
}

Folder* AccountStore::State::find_folder(std::string_view name)
{
    const auto it = names.find(normal_name(name));
    return it == names.end() ? nullptr : find_folder(it->second);
}

Outcome AccountStore::State::save_account(const AccountRecord& record)
{
    const std::string file = path + "/" + std::string(kAccountStateFile);
    const auto done = replace_whole(files, file, format_record(record), kFileMode);
    if (!done) return failed("writing the account's state", file, done.error());
    account = record;
    return {};
}

Outcome AccountStore::State::save_folder(Folder& folder, FolderRecord record)
{
    const std::string file = folder_path(folder) + "/" + std::string(kFolderStateFile);
    const auto done = replace_whole(files, file, format_record(record), kFileMode);
    if (!done) return failed("writing a folder's state", file, done.error());
    folder.record = std::move(record);
    return {};
}

Outcome AccountStore::State::reserve(Folder& folder, std::uint64_t uids)
{
    const auto& counters = folder.counters;
    if (counters.uidnext + uids > kLastUid) return StoreError::limit;
    const bool has_uids = counters.uidnext + uids <= folder.record.uid_ceiling;
    const bool has_modseq = counters.highest_modseq + 2 < folder.record.modseq_ceiling;
    if (has_uids && has_modseq) return {};
    auto record = folder.record;
    record.uid_ceiling = std::max(record.uid_ceiling, std::min(counters.uidnext + uids + kUidsAhead, kLastUid));
    record.modseq_ceiling = std::max(record.modseq_ceiling, counters.highest_modseq + kModseqsAhead);
    return save_folder(folder, std::move(record));
}

Result<std::uint32_t, StoreError> AccountStore::State::keyword_bits(Folder& folder,
                                                                    const std::vector<std::string>& keywords,
                                                                    std::uint8_t& system, bool may_add)
{
    std::uint32_t bits = 0;
    auto record = folder.record;
    for (const auto& keyword : keywords) {
        if (ascii::same(keyword, "$Forwarded")) {
            system |= kForwarded;  // has a letter of its own
            continue;
        }
        // Keywords compare without case (RFC 9051 section 2.3.2); the first spelling stays.
        const auto is_it = [&keyword](const std::string& known) { return ascii::same(known, keyword); };
        const auto it = std::ranges::find_if(record.keywords, is_it);
        auto at = static_cast<std::size_t>(it - record.keywords.begin());
        if (it == record.keywords.end()) {
            if (!may_add) continue;
            if (at >= kMaxKeywords || !is_good_keyword(keyword)) return StoreError::limit;
            record.keywords.push_back(keyword);
        }
        bits |= 1U << at;
    }
    // Durable before a file name uses the letter.
    if (record.keywords.size() != folder.record.keywords.size()) {
        if (auto done = save_folder(folder, std::move(record)); !done) return done.error();
    }
    return bits;
}

FolderTimes AccountStore::State::look(const Folder& folder) const
{
    const auto cur = files.info(place_path(folder, Place::cur));
    const auto fresh = files.info(place_path(folder, Place::fresh));
    if (!cur || !fresh) return {-2, -2};
    return {cur->mtime_ns, fresh->mtime_ns};
}

void AccountStore::State::before_change(Folder& folder)
{
    constexpr std::chrono::milliseconds kNoteEvery{20};
    OwnChanges& own = folder.own;
    if (own.is_running) return;
    const auto now = clock.steady();
    if (!own.is_open || now - own.since >= kNoteEvery) {
        const auto noted = end_changes(folder);
        own.is_alone = (noted ? *noted : look(folder)) == folder.counters.times;
        own.is_open = true;
        own.since = now;
    }
    own.is_running = true;
}

void AccountStore::State::pause_changes(Folder& folder)
{
    if (!std::exchange(folder.own.is_running, false)) return;
    // Not Clock: this is compared with what the kernel writes into inodes. Its stamps lag behind this by a tick, never lead.
    const auto now = std::chrono::system_clock::now().time_since_epoch();
    folder.own.until = std::chrono::duration_cast<std::chrono::nanoseconds>(now).count();
}

// Times behind our last change are somebody else's. Only where nobody else has changed the directories do the times of now
// stand for all that is in them.
std::optional<FolderTimes> AccountStore::State::end_changes(Folder& folder)
{
    if (!folder.own.is_open) return std::nullopt;
    pause_changes(folder);
    const OwnChanges own = std::exchange(folder.own, {});
    const auto times = look(folder);
    if (own.is_alone && times.cur <= own.until && times.fresh <= own.until) folder.counters.times = times;
    folder.counters.is_verified = false;
    folder.is_unsaved = true;
    return times;
}

Outcome AccountStore::State::transact(std::initializer_list<Folder*> touched, const std::function<void()>& body)
{
    std::vector<std::pair<Folder*, MailboxCounters>> before;
    for (Folder* folder : touched) before.emplace_back(folder, folder->counters);
    index->begin();
    body();
    const auto done = index->end();
    if (done) {
        for (Folder* folder : touched) {
            folder->is_unsaved = true;
            changed.insert(folder->id());
        }
        return {};
    }
    for (auto& [folder, counters] : before) {
        counters.uidnext = std::max(counters.uidnext, folder->counters.uidnext);
        folder->counters = counters;
        distrust(*folder);  // the names may say more than the rows now
    }
    return index_failed("writing the index", done.error());
}

// Rows must not tell more than the journal does: after a power cut nothing would make their files.
Outcome AccountStore::State::commit_index()
{
    if (rested_at) return {};  // everything was committed then, and nothing has happened since
    if (!has_good_index()) return ensure();
    if (auto done = index->take_up_files(); !done) return index_failed("opening the index's files again", done.error());
    for (auto& [id, folder] : folders) (void)end_changes(folder);
    bool is_due = index->has_uncommitted();
    for (const auto& [id, folder] : folders) is_due = is_due || folder.is_unsaved;
    if (!is_due) return {};
    if (last_lsn != 0 && !seat.journal.wait(last_lsn)) return StoreError::io;
    index->open_transaction();
    for (auto& [id, folder] : folders) {
        if (!std::exchange(folder.is_unsaved, false)) continue;
        index->save_mailbox(id, folder.counters);
    }
    const auto done = index->commit(std::max(last_lsn, index->lsn()));
    if (!done) return index_failed("committing the index", done.error());
    return {};
}

AccountStore::Usage AccountStore::State::known_usage() const
{
    AccountStore::Usage usage;
    for (const auto& [id, folder] : folders) {
        usage.bytes += folder.counters.size;
        usage.messages += folder.counters.messages;
    }
    return usage;
}

Outcome AccountStore::State::check_quota(std::uint64_t bytes, std::uint64_t messages)
{
    if (quota.bytes == 0 && quota.messages == 0) return {};
    for (auto& [id, folder] : folders) {
        if (auto done = ready_to_count(folder); !done) return done;
    }
    const auto usage = known_usage();
    const bool has_bytes = quota.bytes == 0 || (bytes <= quota.bytes && usage.bytes <= quota.bytes - bytes);
    const bool has_messages =
        quota.messages == 0 || (messages <= quota.messages && usage.messages <= quota.messages - messages);
    return has_bytes && has_messages ? Outcome() : Outcome(StoreError::over_quota);
}

std::string file_name(const StoredMessage& message, Place place)
{
    std::string name = base_name(message.unique, message.row.size, message.row.uid);
    if (place == Place::cur) append_flag_suffix(name, message.row.flags);
    return name;
}

std::string AccountStore::State::usual_path(const Folder& folder, const StoredMessage& message) const
{
    const auto place = place_of(message.row.flags);
    std::string usual = path;
    if (!folder.directory.empty()) usual.append("/").append(folder.directory);
    usual += place == Place::cur ? "/cur/" : "/new/";
    append_base_name(usual, message.unique, message.row.size, message.row.uid);
    if (place == Place::cur) append_flag_suffix(usual, message.row.flags);
    return usual;
}

std::vector<std::string> AccountStore::State::usual_paths(const Folder& folder, const StoredMessage& message) const
{
    std::vector<std::string> paths;
    if (place_of(message.row.flags) == Place::fresh) {
        paths.push_back(place_path(folder, Place::fresh) + "/" + file_name(message, Place::fresh));
    }
    paths.push_back(place_path(folder, Place::cur) + "/" + file_name(message, Place::cur));
    return paths;
}

std::optional<std::string> AccountStore::State::locate(Folder& folder, const std::string& unique)
{
    if (!folder.own.is_open) distrust(folder);
    folder.own.is_alone = false;
    if (!folder.located) {
        folder.located.emplace();
        auto found = list_files(folder);
        if (!found) return std::nullopt;
        for (const auto& file : *found) folder.located->emplace(file.parsed.unique, found_path(folder, file));
    }
    const auto it = folder.located->find(unique);
    if (it == folder.located->end()) return std::nullopt;
    return it->second;
}

void count(MailboxCounters& counters, const MessageRow& row, int by)
{
    const auto add = [by](auto& counter, std::uint64_t amount) {
        using Counter = std::remove_reference_t<decltype(counter)>;
        counter = static_cast<Counter>(by > 0 ? counter + amount : counter - amount);
    };
    add(counters.messages, 1);
    add(counters.size, row.size);
    if ((row.flags.system & kSeen) == 0) add(counters.unseen, 1);
    if ((row.flags.system & kDeleted) != 0) add(counters.deleted, 1);
}

void recount(MailboxCounters& counters, const Flags& before, const Flags& after)
{
    MessageRow row;
    row.flags = before;
    count(counters, row, -1);
    row.flags = after;
    count(counters, row, 1);
}

}  // namespace mbx::store
