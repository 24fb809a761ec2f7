// Replaying: the files. A message that the records leave in a mailbox is there with its name, size and bytes, repaired in
// the inode that is there (it may be every recipient's) or made again; what they took away is not.
#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

#include "store/replaying.hpp"

namespace mbx::store {

namespace {

constexpr std::int64_t kReplaySecond = 1'000'000'000;
constexpr std::size_t kReplayPiece = 256UL * 1024;
constexpr int kLongestChain = 1000;  // of copies of copies within one journal

Result<std::uint32_t, FileError> crc_of_file(File& file)
{
    const auto info = file.info();
    if (!info) return info.error();
    // One byte more than there is, so that one call reads a small file and sees its end.
    std::string piece(static_cast<std::size_t>(std::min<std::uint64_t>(info->size + 1, kReplayPiece)), '\0');
    std::uint32_t crc = 0;
    for (std::uint64_t offset = 0;;) {
        const auto got = file.read_at(offset, piece.data(), piece.size());
        if (!got) return got.error();
        crc = crc32c(std::string_view(piece).substr(0, *got), crc);
        offset += *got;
        if (*got < piece.size()) return crc;
    }
}

}  // namespace

const Replaying::Wanted* Replaying::find_wanted(MailboxId mailbox, const std::string& unique) const
{
    const auto it = by_unique_.find({mailbox, unique});
    if (it == by_unique_.end()) return nullptr;
    const auto wanted = wanted_.find(it->second);
    return wanted == wanted_.end() ? nullptr : &wanted->second;
}

// Listing sets aside what never became durable.
Result<Replaying::Found*, StoreError> Replaying::files_of(Folder& folder)
{
    const auto [it, is_new] = found_.try_emplace(folder.id());
    if (!is_new) return &it->second;
    const auto files = state_.list_files(folder);
    if (!files) {
        found_.erase(it);
        return files.error();
    }
    for (const auto& file : *files) {
        auto& path = it->second[file.parsed.unique];
        const std::string here = state_.found_path(folder, file);
        // Of two names of one message the one that the records give it.
        const auto* wanted = find_wanted(folder.id(), file.parsed.unique);
        bool is_usual = path.empty();
        if (!is_usual && wanted != nullptr) {
            const auto usual = state_.usual_paths(folder, wanted->message);
            is_usual = std::ranges::find(usual, here) != usual.end();
        }
        if (is_usual) path = here;
    }
    return &it->second;
}

Outcome Replaying::load_expunged()
{
    if (std::exchange(has_expunged_, true)) return {};
    const auto entries = state_.files.list(state_.expunged_path(""));
    if (!entries && entries.error().is_absent()) return {};
    if (!entries) return state_.failed("listing the undelete directory", state_.path, entries.error());
    for (const auto& entry : *entries) {
        const auto parsed = parse_expunged_name(entry.name);
        if (!parsed) continue;
        const std::string path = state_.expunged_path(entry.name);
        if (parsed->uid != 0) {
            expunged_.try_emplace({parsed->mailbox, parse_message_name(parsed->name).unique}, path);
            continue;
        }
        for (const char* place : {"/new", "/cur"}) {
            const auto inside = state_.files.list(path + place);
            if (!inside) continue;
            for (const auto& file : *inside) {
                expunged_elsewhere_.try_emplace(parse_message_name(file.name).unique, path + place + "/" + file.name);
            }
        }
    }
    return {};
}

std::optional<std::string> Replaying::find_expunged(MailboxId mailbox, const std::string& unique)
{
    if (const auto it = expunged_.find({mailbox, unique}); it != expunged_.end()) return it->second;
    if (const auto it = expunged_elsewhere_.find(unique); it != expunged_elsewhere_.end()) return it->second;
    return std::nullopt;
}

Outcome Replaying::ensure(Wanted& wanted)
{
    Folder* folder = state_.find_folder(wanted.mailbox);
    if (folder == nullptr) return {};  // the mailbox is gone, and its directory with it
    const auto files = files_of(*folder);
    if (!files) return files.error();
    const auto it = (*files)->find(wanted.message.unique);
    if (it == (*files)->end()) {
        auto done = make(wanted, *folder);
        return done;
    }
    const std::string path = it->second;
    return check(wanted, *folder, path);
}

// The CRC that the file's bytes ought to have; none where nothing is to be compared: bytes from before the checkpoint are
// synced, and other tools' files are what they are.
Result<std::optional<std::uint32_t>, StoreError> Replaying::crc_of(const Wanted& wanted, const std::string& path)
{
    using Crc = std::optional<std::uint32_t>;
    const Wanted* at = &wanted;
    const PlacedRecord* last = nullptr;
    for (int depth = 0; at != nullptr && depth < kLongestChain; ++depth) {
        if (at->crc) return at->crc;
        if (at->placed == nullptr) break;
        const auto& record = std::get<PlacedRecord>(at->placed->record);
        if (record.source != PlacedRecord::Source::message) return Crc();
        last = &record;
        at = find_wanted(record.source_mailbox, record.source_unique);
    }
    if (last == nullptr) return Crc();
    // A copy by hand where links cannot do: compared with what it was made from.
    const auto source = source_path(*last);
    if (!source) return source.error();
    if (!*source) return Crc();
    const auto here = state_.files.info(path);
    const auto there = state_.files.info(**source);
    if (!here || !there || here->inode == there->inode) return Crc();
    auto opened = state_.files.open_read(**source);
    if (!opened) return state_.failed("reading a message", **source, opened.error());
    const auto crc = crc_of_file(**opened);
    if (!crc) return state_.failed("reading a message", **source, crc.error());
    return Crc(*crc);
}

Outcome Replaying::check(Wanted& wanted, Folder& folder, const std::string& path)
{
    const auto expected = crc_of(wanted, path);
    if (!expected) return expected.error();
    if (*expected) {
        auto file = state_.files.open_read(path);
        if (!file) return state_.failed("opening a message", path, file.error());
        const auto info = (*file)->info();
        if (!info) return state_.failed("opening a message", path, info.error());
        bool is_whole = !wanted.crc || info->size == wanted.message.row.size;
        if (is_whole) {
            const auto crc = crc_of_file(**file);
            if (!crc) return state_.failed("reading a message", path, crc.error());
            is_whole = *crc == **expected;
        }
        const bool is_dated = !wanted.crc || info->mtime_ns / kReplaySecond == wanted.message.row.internal_date;
        if (!is_whole) {
            if (auto done = repair(wanted, path); !done) return done;
        } else if (!is_dated) {
            const auto dated = (*file)->set_mtime(wanted.message.row.internal_date * kReplaySecond);
            if (!dated) return state_.failed("dating a message", path, dated.error());
        }
    }
    return rename_to_usual(wanted, folder, path);
}

Outcome Replaying::repair(const Wanted& wanted, const std::string& path)
{
    const auto content = content_of(wanted, 0);
    if (!content) return content.error();
    if (!*content) {
        state_.log.error("store: a torn message cannot be repaired", {{"path", path}});
        return {};
    }
    const auto write = [&]() -> Result<void, FileError> {
        auto file = state_.files.open_write(path, WriteMode::buffered);
        if (!file) return file.error();
        std::uint64_t size = 0;
        const auto put = [&](std::string_view bytes) {
            auto done = (*file)->write_at(size, bytes);
            size += bytes.size();
            return done;
        };
        if ((*content)->path.empty()) {
            if (auto done = put((*content)->bytes); !done) return done;
        } else {
            auto from = state_.files.open_read((*content)->path);
            if (!from) return from.error();
            std::string piece(kReplayPiece, '\0');
            while (true) {
                const auto got = (*from)->read_at(size, piece.data(), piece.size());
                if (!got) return got.error();
                const bool is_last = *got < piece.size();
                if (auto done = put(std::string_view(piece).substr(0, *got)); !done) return done;
                if (is_last) break;
            }
        }
        if (auto done = (*file)->resize(size); !done) return done;
        if (auto done = (*file)->set_mtime(wanted.message.row.internal_date * kReplaySecond); !done) return done;
        (*file)->start_writing();
        return {};
    };
    const auto done = write();
    if (!done) return state_.failed("repairing a message", path, done.error());
    state_.log.notice("store: a torn message was repaired", {{"path", path}});
    ++replayed_.repaired;
    return {};
}

Outcome Replaying::rename_to_usual(const Wanted& wanted, Folder& folder, const std::string& path)
{
    if (!wanted.has_row) return {};
    const auto usual = state_.usual_paths(folder, wanted.message);
    if (std::ranges::find(usual, path) != usual.end()) return {};
    const auto done = state_.files.rename(path, usual.back());
    if (!done) return state_.failed("naming a message", path, done.error());
    found_[folder.id()][wanted.message.unique] = usual.back();
    return {};
}

// Where a message is that has this name: in its mailbox, or in the undelete directory.
Result<std::optional<std::string>, StoreError> Replaying::path_of(MailboxId mailbox, const std::string& unique)
{
    using Path = std::optional<std::string>;
    if (Folder* folder = state_.find_folder(mailbox)) {
        const auto files = files_of(*folder);
        if (!files) return files.error();
        const auto it = (*files)->find(unique);
        if (it != (*files)->end()) return Path(it->second);
    }
    if (auto done = load_expunged(); !done) return done.error();
    return find_expunged(mailbox, unique);
}

// Where the bytes are that another message was made from.
Result<std::optional<std::string>, StoreError> Replaying::source_path(const PlacedRecord& record)
{
    return path_of(record.source_mailbox, record.source_unique);
}

// What the last record made of it; none: nothing.
const Replaying::Wanted* Replaying::last_made_from(MailboxId mailbox, const std::string& unique) const
{
    const auto [first, last] = by_source_.equal_range({mailbox, unique});
    return first == last ? nullptr : &wanted_.at(std::prev(last)->second);
}

// Any name of a message and of all that was copied and moved from the same one: a move that the disk has takes the source of an
// earlier copy away, which it may not have.
Result<std::optional<std::string>, StoreError> Replaying::path_in_family(const PlacedRecord& record)
{
    std::pair<MailboxId, std::string> eldest{record.source_mailbox, record.source_unique};
    for (int depth = 0; depth < kLongestChain; ++depth) {
        const Wanted* wanted = find_wanted(eldest.first, eldest.second);
        if (wanted == nullptr || wanted->placed == nullptr) break;
        const auto& placed = std::get<PlacedRecord>(wanted->placed->record);
        if (placed.source != PlacedRecord::Source::message) break;
        eldest = {placed.source_mailbox, placed.source_unique};
    }
    auto path = path_of(eldest.first, eldest.second);
    std::vector<std::pair<MailboxId, std::string>> open{std::move(eldest)};
    while (path && !*path && !open.empty()) {
        const auto [first, last] = by_source_.equal_range(open.back());
        open.pop_back();
        // The first that is made again is the next one's source: a message that was copied thousands of times is not gone through for each.
        for (auto it = first; it != last && path && !*path; ++it) {
            const Wanted& next = wanted_.at(it->second);
            path = path_of(next.mailbox, next.message.unique);
            open.emplace_back(next.mailbox, next.message.unique);
        }
    }
    return path;
}

Result<std::optional<Replaying::Content>, StoreError> Replaying::content_of(const Wanted& wanted, int depth)
{
    using Answer = std::optional<Content>;
    if (wanted.placed == nullptr || depth > kLongestChain) return Answer();
    const auto& record = std::get<PlacedRecord>(wanted.placed->record);
    const auto from_journal = [this](const ReplayRecord& at) -> Result<Answer, StoreError> {
        auto bytes = replay_.body(at);
        if (!bytes) return state_.failed("reading the journal", state_.path, bytes.error());
        return Answer(Content{*std::move(bytes), {}});
    };
    switch (record.source) {
    case PlacedRecord::Source::body: return from_journal(*wanted.placed);
    case PlacedRecord::Source::spooled: return Answer(Content{{}, replay_.spool_directory + "/" + record.spool_name});
    case PlacedRecord::Source::accepted: {
        const auto it = accepted_.find(record.accepted);
        if (it == accepted_.end()) return Answer();
        const auto& accepted = std::get<AcceptedRecord>(it->second->record);
        if (accepted.spool_name.empty()) return from_journal(*it->second);
        return Answer(Content{{}, replay_.spool_directory + "/" + accepted.spool_name});
    }
    case PlacedRecord::Source::message: break;
    case PlacedRecord::Source::present: return Answer();
    }
    // The records first: a source that is there may be torn as well.
    if (const Wanted* source = find_wanted(record.source_mailbox, record.source_unique)) {
        auto content = content_of(*source, depth + 1);
        if (!content || *content) return content;
    }
    const auto path = source_path(record);
    if (!path) return path.error();
    return *path ? Answer(Content{{}, **path}) : Answer();
}

// By a link in any case: what is moved may be another copy's source as well, and goes when all are there (put_away).
Outcome Replaying::make_from_message(Wanted& wanted, const PlacedRecord& record, const std::string& target)
{
    auto source = source_path(record);
    if (source && !*source) source = path_in_family(record);
    if (!source) return source.error();
    if (!*source) return StoreError::no_such_message;
    auto done = state_.files.link(**source, target);
    if (!done && (done.error().code == EMLINK || done.error().code == EXDEV)) {
        done = state_.publish_copy(**source, wanted.message.row.internal_date, target);
    }
    if (!done) return state_.failed("making a message again", target, done.error());
    return {};
}

Outcome Replaying::make(Wanted& wanted, Folder& folder)
{
    if (!wanted.has_row) return {};
    const std::string target = state_.usual_paths(folder, wanted.message).front();
    const auto& row = wanted.message.row;
    const auto* record = wanted.placed == nullptr ? nullptr : &std::get<PlacedRecord>(wanted.placed->record);
    Result<void, FileError> done;
    bool is_made = false;
    if (record != nullptr && record->source == PlacedRecord::Source::message) {
        const auto made = make_from_message(wanted, *record, target);
        if (!made && made.error() != StoreError::no_such_message) return made;
        is_made = static_cast<bool>(made);
        if (is_made) {
            found_[folder.id()][wanted.message.unique] = target;
            ++replayed_.repaired;
            return check(wanted, folder, target);
        }
    }
    if (auto loaded = load_expunged(); !loaded) return loaded;
    const auto content = content_of(wanted, 0);
    if (!content) return content.error();
    if (*content) {
        done = (*content)->path.empty()
                   ? state_.publish_bytes((*content)->bytes, row.internal_date, wanted.message.unique, target)
                   : state_.publish_link((*content)->path, row.internal_date, target);
        if (!done) return state_.failed("making a message again", target, done.error());
        is_made = true;
    } else if (const auto set_aside = find_expunged(wanted.mailbox, wanted.message.unique)) {
        // An expunge whose record never became durable: it did not happen.
        done = state_.files.rename(*set_aside, target);
        if (!done) return state_.failed("taking a message back", target, done.error());
        is_made = true;
    }
    if (!is_made) {
        // Another tool's, or taken away by one: the next look at the folder says so.
        state_.log.warning("store: a message is not where the journal says, nor anywhere else", {{"path", target}});
        return {};
    }
    found_[folder.id()][wanted.message.unique] = target;
    ++replayed_.repaired;
    return {};
}

// What was undeleted is no longer to be had back: where its rename was cut off it was made by a link, so that copies of the
// same message found it too, and the entry goes when all of them are there. A COPY is of a message that was expunged after
// it, an undelete of one that was expunged before.
Outcome Replaying::drop_restored(const Wanted& wanted)
{
    if (wanted.placed == nullptr) return {};
    const auto& record = std::get<PlacedRecord>(wanted.placed->record);
    if (record.source != PlacedRecord::Source::message) return {};
    if (auto done = load_expunged(); !done) return done;
    const auto entry = expunged_.find({record.source_mailbox, record.source_unique});
    if (entry == expunged_.end()) return {};
    const auto expunged = parse_expunged_name(entry->second.substr(entry->second.rfind('/') + 1));
    if (!expunged || expunged->lsn >= wanted.placed->lsn) return {};
    const auto made = made_path(wanted, 0);
    if (!made) return made.error();
    const auto entry_info = state_.files.info(entry->second);
    const auto info = *made ? state_.files.info(**made) : Result<FileInfo, FileError>(FileError{ENOENT});
    if (!entry_info || !info) return {};
    // A rename onto another name of the same file does nothing.
    const auto done = entry_info->inode == info->inode ? state_.files.unlink(entry->second)
                                                       : state_.files.rename(entry->second, **made);
    if (!done && !done.error().is_absent()) return state_.failed("restoring a message", entry->second, done.error());
    expunged_.erase(entry);
    return {};
}

// Where a message of the records lies: in its mailbox, in the one that it was moved to, or in the undelete directory.
Result<std::optional<std::string>, StoreError> Replaying::made_path(const Wanted& wanted, int depth)
{
    auto path = path_of(wanted.mailbox, wanted.message.unique);
    if (!path || *path || wanted.gone == nullptr || depth > kLongestChain) return path;
    const Wanted* next = last_made_from(wanted.mailbox, wanted.message.unique);
    return next == nullptr ? path : made_path(*next, depth + 1);
}

// The record that a MOVE wrote for its target stands before that of the source, and what was copied earlier before both.
const Replaying::Wanted* Replaying::moved_to(const Wanted& wanted) const
{
    if (std::get<ExpungedRecord>(wanted.gone->record).reason != ExpungedRecord::Reason::moved) return nullptr;
    return last_made_from(wanted.mailbox, wanted.message.unique);
}

// Whether the message that a MOVE made of this one is the same file.
Result<bool, StoreError> Replaying::is_where_it_moved(const Wanted& wanted, const std::string& path)
{
    const Wanted* target = moved_to(wanted);
    if (target == nullptr) return false;
    const auto there = made_path(*target, 0);
    if (!there) return there.error();
    if (!*there) return false;
    const auto before = state_.files.info(path);
    const auto after = state_.files.info(**there);
    return before && after && before->inode == after->inode;
}

// What was moved loses the name that it had. Else the last link may be all that holds its bytes until a checkpoint has passed:
// it goes into the undelete directory.
Outcome Replaying::put_away(const Wanted& wanted)
{
    Folder* folder = state_.find_folder(wanted.mailbox);
    if (folder == nullptr) return {};
    const auto files = files_of(*folder);
    if (!files) return files.error();
    const auto it = (*files)->find(wanted.message.unique);
    if (it == (*files)->end()) return {};
    const std::string path = it->second;
    const auto is_moved = is_where_it_moved(wanted, path);
    if (!is_moved) return is_moved.error();
    const ExpungedName name{wanted.gone->lsn, state_.now_seconds(), wanted.mailbox, wanted.message.row.uid,
                            path.substr(path.rfind('/') + 1)};
    const auto done = *is_moved ? state_.files.unlink(path) : state_.files.rename(path, state_.expunged_path(format_expunged_name(name)));
    if (!done && !done.error().is_absent()) return state_.failed("removing a message", path, done.error());
    (*files)->erase(it);
    return {};
}

}  // namespace mbx::store
