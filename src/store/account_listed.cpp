// Rows of a folder that was opened from its names alone, entered behind: in slices by the background, or all that are left
// by the first one who needs rows. Only here its files are looked at.
#include <utility>

#include "store/account_state.hpp"
#include "store/stored_bytes.hpp"

namespace mbx::store {

namespace {

constexpr std::size_t kRowsBetweenLooks = 64;  // at the clock

// Another tool's file with LF carries the size that it has in wire form.
bool has_wire_size(FileSystem& files, const std::string& path, std::uint64_t expected)
{
    auto opened = files.open_read(path);
    if (!opened) return false;
    const auto size = wire_size(**opened);
    return size && *size == expected;
}

}  // namespace

// What was parsed of a message is still right where its UID still names the same file; the rest goes.
void AccountStore::State::keep_columns(const Folder& folder)
{
    ColumnTable& columns = index->columns();
    auto known = columns.names(folder.id());
    if (known.empty()) return;
    for (const auto& message : folder.listed->messages) {
        const auto it = known.find(message.row.uid);
        if (it != known.end() && it->second == name_key(message.unique)) known.erase(it);
    }
    for (const auto& [uid, name] : known) columns.erase(folder.id(), uid);
    columns.set_mark(folder.id(), 0);
}

// The UID was shown, so it gets its row whatever the file is; what is no longer true of it the next look at the names finds.
void AccountStore::State::look_at_file(Folder& folder, StoredMessage& message)
{
    if (message.row.internal_date != ListedMessages::kNotRead) return;  // admitted: looked at
    std::string found_at;
    const auto info = on_file(folder, message, [this, &found_at](const std::string& file) {
        found_at = file;
        return files.info(file);
    });
    message.row.internal_date = info ? info->mtime_ns / 1'000'000'000 : now_seconds();
    if (message.row.save_date == ListedMessages::kNotRead) message.row.save_date = message.row.internal_date;
    if (!info) return distrust(folder);
    const bool is_as_named = info->kind == FileKind::regular &&
                             (info->size == message.row.size || has_wire_size(files, found_at, message.row.size));
    if (is_as_named) return;
    log.error("store: a message file is not what its name says; it becomes a new message", {{"path", found_at}});
    const std::string fresh = place_path(folder, Place::cur) + "/" + new_unique();
    (void)files.rename(found_at, fresh + flag_suffix(message.row.flags));
    distrust(folder);
}

Result<bool, StoreError> AccountStore::State::enter_listed(Folder& folder, SteadyTime until)
{
    auto& [messages, entered] = *folder.listed;
    const ModSeq modseq = folder.counters.highest_modseq;
    std::size_t at = entered;
    index->begin();
    if (entered == 0) {
        index->remove_rows(folder.id());
        keep_columns(folder);
    }
    while (at < messages.size()) {
        auto& message = messages[at++];
        look_at_file(folder, message);
        message.row.modseq = modseq;
        index->open_transaction();  // counts it as a change, so that many are committed in between
        index->insert(folder.id(), message);
        if (at % kRowsBetweenLooks == 0 && clock.steady() >= until) break;
    }
    if (const auto done = index->end(); !done) {
        const auto uidnext = folder.counters.uidnext;
        folder.listed.reset();
        folder.counters = {};
        folder.counters.uidnext = uidnext;
        return index_failed("entering what the names say", done.error());
    }
    entered = at;
    if (at < messages.size()) return false;
    if (!messages.empty()) {
        log.notice("store: rebuilt a folder's index from its names",
                   {{"path", folder_path(folder)}, {"messages", messages.size()}});
    }
    folder.listed.reset();
    folder.counters.is_stale = false;
    folder.is_unsaved = true;
    return true;
}

}  // namespace mbx::store
