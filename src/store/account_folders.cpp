// The folders of an account as the disk has them: read, adopted, made, renamed under an intent.
#include <algorithm>
#include <cerrno>
#include <utility>

#include "base/ascii.hpp"
#include "store/account_state.hpp"

namespace mbx::store {

namespace {

constexpr std::string_view kIntentHead = "mailboxd-intent 1";

// Ids and UIDVALIDITYs are taken from the account's file in blocks: making a mailbox seldom writes it.
constexpr int kIdsAhead = 16;
// After the loss of the account's file the numbers of removed mailboxes are unknown; none of them may come again.
constexpr std::uint32_t kNumberJump = 1'000'000;

}  // namespace

Outcome AccountStore::State::load_folders()
{
    const auto entries = files.list(path);
    if (!entries) return failed("listing an account", path, entries.error());
    std::vector<std::string> directories{std::string()};
    for (const auto& entry : *entries) {
        if (entry.kind == FileKind::directory && entry.name.starts_with('.')) directories.push_back(entry.name);
    }
    std::ranges::sort(directories);
    std::vector<std::string> strangers;
    for (const auto& directory : directories) {
        const auto is_known = load_folder(directory);
        if (!is_known) return is_known.error();
        if (!*is_known) strangers.push_back(directory);
    }
    const bool is_lost = account.mailbox_ceiling == 1 && !folders.empty();
    for (const auto& [id, folder] : folders) {
        next_mailbox = std::max(next_mailbox, id.value + 1);
        next_uidvalidity = std::max(next_uidvalidity, folder.record.uidvalidity + 1);
    }
    if (is_lost) {
        next_mailbox += kNumberJump;
        next_uidvalidity += kNumberJump;
    }
    account.mailbox_ceiling = std::max(account.mailbox_ceiling, next_mailbox);
    account.uidvalidity_ceiling = std::max(account.uidvalidity_ceiling, next_uidvalidity);
    next_uidvalidity = account.uidvalidity_ceiling;
    next_mailbox = account.mailbox_ceiling;
    for (const auto& directory : strangers) {
        if (!directory.empty() && !looks_like_folder(directory)) continue;
        if (auto done = adopt_folder(directory); !done) return done;
    }
    return {};
}

Result<bool, StoreError> AccountStore::State::load_folder(const std::string& directory)
{
    Folder folder;
    folder.directory = directory;
    const std::string file = folder_path(folder) + "/" + std::string(kFolderStateFile);
    const auto text = read_whole(files, file, kMaxStateFile);
    if (!text && text.error().is_absent()) return false;
    if (!text) return failed("reading a folder's state", file, text.error());
    const auto record = parse_folder_record(*text);
    const bool is_copy = record && folders.contains(record->id);
    if (!record || is_copy) {
        log.error(is_copy ? "store: two folders have one state; the second gets a new one"
                          : "store: a folder's state is damaged; it gets a new UIDVALIDITY",
                  {{"path", file}});
        const auto aside = files.rename(file, file + ".damaged");
        if (!aside) return failed("setting a state aside", file, aside.error());
        return false;
    }
    folder.record = *record;
    folder.name = directory.empty() ? "INBOX" : record->name;
    if (folder.name.empty()) folder.name = name_of_directory(directory, limits());
    folder.name = normal_name(folder.name);
    if (names.contains(folder.name)) folder.name = free_name(folder.name);
    enter(std::move(folder));
    return true;
}

// Directories with a leading dot need not be Maildir++ folders.
bool AccountStore::State::looks_like_folder(const std::string& directory) const
{
    const auto has = [&](const char* part) {
        const auto info = files.info(path + "/" + directory + part);
        return info && info->kind == FileKind::directory;
    };
    return has("/cur") || has("/new");
}

std::string AccountStore::State::free_name(std::string name) const
{
    const std::string wanted = name;
    for (int n = 2; names.contains(name); ++n) name = wanted + " (" + std::to_string(n) + ")";
    return name;
}

Outcome AccountStore::State::adopt_folder(const std::string& directory)
{
    auto record = new_record();
    if (!record) return record.error();
    Folder folder;
    folder.directory = directory;
    folder.name = directory.empty() ? "INBOX" : free_name(name_of_directory(directory, limits()));
    if (directory_of(folder.name, record->id.value) != directory) record->name = folder.name;
    for (const char* part : {"/cur", "/new", "/tmp"}) {
        const std::string wanted = folder_path(folder) + part;
        const auto done = files.make_directory(wanted, kDirectoryMode);
        if (!done && done.error().code != EEXIST) return failed("making a directory", wanted, done.error());
    }
    if (auto done = save_folder(folder, *std::move(record)); !done) return done;
    if (!directory.empty()) log.notice("store: adopted a folder", {{"path", folder_path(folder)}});
    enter(std::move(folder));
    return {};
}

void AccountStore::State::enter(Folder folder)
{
    const auto id = folder.id();
    ++listings;
    names.insert_or_assign(folder.name, id);
    folders.insert_or_assign(id, std::move(folder));
}

Outcome AccountStore::State::make_missing_parents()
{
    std::vector<std::string> all;
    for (const auto& [name, id] : names) all.push_back(name);
    for (const auto& name : all) {
        if (!parent_name(name).empty() && !names.contains(parent_name(name))) {
            if (auto done = create_with_parents(parent_name(name), SpecialUse::none); !done) return done;
        }
    }
    return {};
}

// A UIDVALIDITY is never given twice in an account, whatever the clock does: a mailbox that is made again under an old
// name must not look like the old one (RFC 9051 section 2.3.1.1).
Result<FolderRecord, StoreError> AccountStore::State::new_record()
{
    if (next_mailbox >= account.mailbox_ceiling || next_uidvalidity >= account.uidvalidity_ceiling) {
        auto record = account;
        next_mailbox = record.mailbox_ceiling;
        const auto now = static_cast<std::uint32_t>(std::clamp<std::int64_t>(now_seconds(), 1, UINT32_MAX - 1000));
        next_uidvalidity = std::max(record.uidvalidity_ceiling, now);
        record.mailbox_ceiling += kIdsAhead;
        record.uidvalidity_ceiling = next_uidvalidity + kIdsAhead;
        if (auto done = save_account(record); !done) {
            next_mailbox = account.mailbox_ceiling;
            return done.error();
        }
    }
    FolderRecord record;
    record.id = MailboxId{next_mailbox++};
    record.uidvalidity = next_uidvalidity++;
    return record;
}

Result<void, FileError> AccountStore::State::write_folder(const std::string& staged, const FolderRecord& record)
{
    for (const char* part : {"", "/cur", "/new", "/tmp"}) {
        if (auto done = files.make_directory(staged + part, kDirectoryMode); !done) return done;
    }
    auto state = files.create(staged + "/" + std::string(kFolderStateFile), kFileMode);
    if (!state) return state.error();
    if (auto done = (*state)->append(format_record(record)); !done) return done;
    if (auto done = (*state)->sync_data(); !done) return done;
    // Maildir++ wants this mark in every folder but INBOX.
    if (auto mark = files.create(staged + "/maildirfolder", kFileMode); !mark) return mark.error();
    return files.sync_directory(staged);
}

// Made whole beside the folders, then renamed among them: there is no half-made mailbox.
Outcome AccountStore::State::make_folder(const std::string& name, SpecialUse use)
{
    auto record = new_record();
    if (!record) return record.error();
    Folder folder;
    folder.name = name;
    folder.directory = directory_of(name, record->id.value);
    record->special_use = use;
    if (folder.directory.starts_with(".%id-")) record->name = name;
    const std::string staged = staging_path("make-" + std::to_string(record->id.value));
    auto done = write_folder(staged, *record);
    if (done) done = files.rename(staged, folder_path(folder));
    if (!done) {
        remove_tree(staged, 2);
        return failed("making a mailbox", folder_path(folder), done.error());
    }
    folder.record = *std::move(record);
    folder.counters.is_stale = false;
    folder.counters.times = look(folder);
    enter(std::move(folder));
    return {};
}

Outcome AccountStore::State::carry_out(const std::vector<Renaming>& renamings)
{
    for (const auto& renaming : renamings) {
        const std::string from = path + "/" + renaming.from;
        const std::string file = from + "/" + std::string(kFolderStateFile);
        const auto text = read_whole(files, file, kMaxStateFile);
        if (!text && text.error().is_absent()) continue;  // done before a crash
        if (!text) return failed("reading a folder's state", file, text.error());
        auto record = parse_folder_record(*text);
        if (record && record->name != renaming.name) {
            record->name = renaming.name;
            const auto saved = replace_whole(files, file, format_record(*record), kFileMode);
            if (!saved) return failed("writing a folder's state", file, saved.error());
        }
        if (renaming.from == renaming.to) continue;
        const auto done = files.rename(from, path + "/" + renaming.to);
        if (!done) return failed("renaming a folder", from, done.error());
    }
    if (auto done = sync_account(); !done) return done;
    const std::string intent = path + "/" + std::string(kIntent);
    if (auto done = files.unlink(intent); !done) return failed("closing an intent", intent, done.error());
    return sync_account();
}

Outcome AccountStore::State::finish_intent()
{
    const std::string file = path + "/" + std::string(kIntent);
    const auto text = read_whole(files, file, 16 * kMaxStateFile);
    if (!text && text.error().is_absent()) return {};
    if (!text) return failed("reading an intent", file, text.error());
    std::vector<Renaming> renamings;
    const auto lines = parse_lines(*text, kIntentHead);
    if (!lines) log.error("store: an intent is damaged and left undone", {{"path", file}});
    if (lines) {
        for (const auto& [key, value] : *lines) {
            if (key == "from") renamings.push_back({std::string(value), {}, {}});
            if (key == "to" && !renamings.empty()) renamings.back().to = value;
            if (key == "name" && !renamings.empty()) renamings.back().name = value;
        }
        log.notice("store: finishing a rename that was cut off", {{"path", path}, {"folders", renamings.size()}});
    }
    return carry_out(renamings);
}

Outcome AccountStore::State::rename_tree(const std::string& from, const std::string& to, const TracedAct* act)
{
    std::vector<Renaming> renamings;
    for (const auto& [id, folder] : folders) {
        if (folder.name != from && !is_below(folder.name, from)) continue;
        const std::string name = to + folder.name.substr(from.size());
        if (auto good = check_new_name(name); !good) return good;
        Renaming renaming{folder.directory, directory_of(name, id.value), {}};
        if (renaming.to.starts_with(".%id-")) renaming.name = name;
        // Something of other tools that is no folder: an intent that runs into it could never be finished.
        if (renaming.to != renaming.from && files.info(path + "/" + renaming.to)) return StoreError::mailbox_exists;
        renamings.push_back(std::move(renaming));
    }
    RecordLines lines;
    for (const auto& renaming : renamings) {
        lines.emplace_back("from", renaming.from);
        lines.emplace_back("to", renaming.to);
        if (!renaming.name.empty()) lines.emplace_back("name", renaming.name);
    }
    const std::string intent = path + "/" + std::string(kIntent);
    // From the intent on, a failure leaves a rename that is to be finished: memory follows the disk then.
    is_torn = true;
    const auto written = replace_whole(files, intent, format_lines(kIntentHead, lines), kFileMode);
    if (!written) return failed("writing an intent", intent, written.error());
    if (auto done = carry_out(renamings); !done) return done;
    is_torn = false;
    ++listings;
    std::vector<NamedMailbox> renamed;
    for (auto& [id, folder] : folders) {
        if (folder.name != from && !is_below(folder.name, from)) continue;
        names.erase(folder.name);
        renamed.push_back({id, folder.name, to + folder.name.substr(from.size())});
        folder.name = renamed.back().new_name;
        folder.directory = directory_of(folder.name, id.value);
        folder.record.name = folder.directory.starts_with(".%id-") ? folder.name : std::string();
        names.insert_or_assign(folder.name, id);
    }
    tell_act_of_mailboxes(act, MailboxActRecord::Kind::renamed, renamed);
    return {};
}

}  // namespace mbx::store
