#include "queue/spool.hpp"

#include <algorithm>
#include <cerrno>
#include <utility>

#include "base/crc32c.hpp"

namespace mbx::queue {
namespace {

constexpr std::uint32_t kSpoolFileMode = 0600;
constexpr std::uint32_t kSpoolDirectoryMode = 0700;
constexpr std::size_t kMostEntryFile = 512U << 20U;
constexpr std::size_t kCopyBlock = 256U << 10U;
// History beyond it is worth a new file.
constexpr std::uint64_t kMostHistory = 64U << 10U;
constexpr std::string_view kEntrySuffix = ".entry";
constexpr std::string_view kBodySuffix = ".eml";
constexpr std::string_view kNewSuffix = ".new";

std::string spool_directory_name(unsigned n)
{
    constexpr std::string_view digits = "0123456789abcdef";
    return {digits[(n >> 4U) & 0xFU], digits[n & 0xFU]};
}

LoadFailure load_failure(const FileError& error, std::string_view what)
{
    if (error.is_absent()) return {LoadFailure::Kind::absent, "it is not there"};
    const bool is_passing = error.code == EMFILE || error.code == ENFILE || error.code == ENOMEM || error.is_no_space();
    return {is_passing ? LoadFailure::Kind::busy : LoadFailure::Kind::bad, std::string(what) + error.name()};
}

}  // namespace

std::string Spool::stem(const std::string& id) const
{
    return directory_ + "/" + spool_directory_name(crc32c(id) & 0xFFU) + "/" + id;
}

Result<void, FileError> Spool::prepare()
{
    for (const std::string& path : {directory_, directory_ + "/damaged"}) {
        auto made = files_.make_directory(path, kSpoolDirectoryMode);
        if (!made && made.error().code != EEXIST) return made;
    }
    for (unsigned n = 0; n < kDirectories; ++n) {
        auto made = files_.make_directory(directory_ + "/" + spool_directory_name(n), kSpoolDirectoryMode);
        if (!made && made.error().code != EEXIST) return made;
    }
    return {};
}

Result<void, FileError> Spool::unlink_if_there(const std::string& path)
{
    auto gone = files_.unlink(path);
    if (!gone && gone.error().is_absent()) return {};
    return gone;
}

Result<void, FileError> Spool::write_new(const std::string& path, std::string_view bytes, bool synced)
{
    auto file = files_.create(path, kSpoolFileMode);
    if (!file && file.error().code == EEXIST) {
        if (auto gone = unlink_if_there(path); !gone) return gone;
        file = files_.create(path, kSpoolFileMode);
    }
    if (!file) return file.error();
    if (auto written = (*file)->append(bytes); !written) return written;
    if (synced) return (*file)->sync_data();
    return {};
}

Result<void, FileError> Spool::copy(const std::string& from, const std::string& to)
{
    auto source = files_.open_read(from);
    if (!source) return source.error();
    auto target = files_.create(to, kSpoolFileMode);
    if (!target) return target.error();
    std::string block(kCopyBlock, '\0');
    for (std::uint64_t at = 0;;) {
        const auto count = (*source)->read_at(at, block.data(), block.size());
        if (!count) return count.error();
        if (*count == 0) return {};
        if (auto written = (*target)->append(std::string_view(block).substr(0, *count)); !written) return written;
        at += *count;
    }
}

Result<void, FileError> Spool::write_body(const Entry& entry, const BodySource& body)
{
    const std::string to = body_path(entry.id);
    if (body.bytes) return write_new(to, *body.bytes, false);
    if (auto gone = unlink_if_there(to); !gone) return gone;
    auto linked = files_.link(body.path, to);
    if (linked) return linked;
    // Another file system, or one without links, or too many of them.
    const int code = linked.error().code;
    if (code == EXDEV || code == EPERM || code == EMLINK || code == EOPNOTSUPP) return copy(body.path, to);
    return linked;
}

Result<void, FileError> Spool::write(const Entry& entry, const BodySource& body)
{
    if (auto done = write_body(entry, body); !done) return done;
    return write_new(entry_path(entry.id), format_entry_file(entry), false);
}

Result<void, FileError> Spool::append(const Change& change, std::uint64_t head_bytes)
{
    auto file = files_.open_write(entry_path(change.id), WriteMode::buffered);
    if (!file) return file.error();
    const auto info = (*file)->info();
    if (!info) return info.error();
    if (info->size > kMostHistory + 4 * head_bytes) return compact(change);
    auto written = (*file)->write_at(info->size, format_change_frame(change));
    if (written) return written;
    // A part of the frame may stand there: what is appended later must not come behind it.
    const auto cut = (*file)->resize(info->size);
    if (written.error().is_no_space() && cut) return written;
    return compact(change);
}

Result<void, FileError> Spool::compact(const Change& change)
{
    const auto bytes = read_whole(files_, entry_path(change.id), kMostEntryFile);
    if (!bytes) return bytes.error();
    auto parsed = parse_entry_file(*bytes);
    if (parsed.state != EntryFileState::whole && parsed.state != EntryFileState::torn) return FileError{EBADMSG};
    (void)apply(change, parsed.entry);
    return rewrite(parsed.entry);
}

// The journal may have forgotten what the old file holds, so the new one is on the disk before it takes its place.
Result<void, FileError> Spool::rewrite(const Entry& entry)
{
    const std::string path = entry_path(entry.id);
    const std::string fresh = stem(entry.id) + std::string(kNewSuffix);
    auto done = write_new(fresh, format_entry_file(entry), true);
    if (done) done = files_.rename(fresh, path);
    if (!done) (void)files_.unlink(fresh);
    return done;
}

Result<void, FileError> Spool::remove(const std::string& id)
{
    // In this order: a message without an entry is rubbish, an entry without its message would be damage.
    if (auto gone = unlink_if_there(entry_path(id)); !gone) return gone;
    return unlink_if_there(body_path(id));
}

Result<LoadedEntry, LoadFailure> Spool::load(const std::string& id)
{
    using Kind = LoadFailure::Kind;
    const auto bytes = read_whole(files_, entry_path(id), kMostEntryFile);
    if (!bytes) return load_failure(bytes.error(), "it cannot be read: ");
    auto parsed = parse_entry_file(*bytes);
    const bool is_torn = parsed.state == EntryFileState::torn;
    if (parsed.state != EntryFileState::whole && !is_torn) return LoadFailure{Kind::bad, "it " + std::string(describe(parsed.state))};
    if (parsed.entry.id != id) return LoadFailure{Kind::bad, "it is of another message"};
    const auto body = files_.info(body_path(id));
    if (!body && !body.error().is_absent()) return load_failure(body.error(), "its message: ");
    if (!body || body->kind != FileKind::regular) return LoadFailure{Kind::bad, "its message is not there"};
    if (body->size != parsed.entry.size) return LoadFailure{Kind::bad, "its message has another size"};
    if (is_torn) {
        auto file = files_.open_write(entry_path(id), WriteMode::buffered);
        auto cut = file ? (*file)->resize(parsed.good_size) : Result<void, FileError>(file.error());
        if (!cut) return load_failure(cut.error(), "its end cannot be mended: ");
    }
    return LoadedEntry{std::move(parsed.entry), is_torn};
}

Result<void, LoadFailure> Spool::check_body(const BodyFacts& body)
{
    using Kind = LoadFailure::Kind;
    const auto file = files_.open_read(body_path(body.id));
    if (!file && file.error().is_absent()) return LoadFailure{Kind::bad, "its message is not there"};
    if (!file) return load_failure(file.error(), "its message: ");
    // One byte more than there should be, so that a longer one is noticed.
    std::string block(static_cast<std::size_t>(std::min<std::uint64_t>(body.size + 1, kCopyBlock)), '\0');
    std::uint32_t crc = 0;
    std::uint64_t at = 0;
    while (at <= body.size) {
        const auto count = (*file)->read_at(at, block.data(), block.size());
        if (!count) return load_failure(count.error(), "its message: ");
        if (*count == 0) break;
        crc = crc32c(std::string_view(block).substr(0, *count), crc);
        at += *count;
    }
    if (at != body.size) return LoadFailure{Kind::bad, "its message has another size"};
    if (crc != body.crc) return LoadFailure{Kind::bad, "its message is damaged"};
    return {};
}

Result<std::string, FileError> Spool::read_body(const std::string& id, std::size_t most)
{
    auto file = files_.open_read(body_path(id));
    if (!file) return file.error();
    const auto info = (*file)->info();
    if (!info) return info.error();
    std::string bytes(static_cast<std::size_t>(std::min<std::uint64_t>(info->size, most)), '\0');
    const auto count = (*file)->read_at(0, bytes.data(), bytes.size());
    if (!count) return count.error();
    bytes.resize(*count);
    return bytes;
}

Result<void, FileError> Spool::set_aside(const std::string& id)
{
    const std::string to = directory_ + "/damaged/" + id;
    auto moved = files_.rename(body_path(id), to + std::string(kBodySuffix));
    if (!moved && !moved.error().is_absent()) return moved;
    moved = files_.rename(entry_path(id), to + std::string(kEntrySuffix));
    if (!moved && moved.error().is_absent()) return {};
    return moved;
}

std::size_t Spool::damaged()
{
    const auto found = files_.list(directory_ + "/damaged");
    if (!found) return 0;
    return static_cast<std::size_t>(std::count_if(found->begin(), found->end(), [](const DirectoryEntry& entry) {
        return entry.name.ends_with(kEntrySuffix);
    }));
}

bool Spool::has(const std::string& id)
{
    const auto info = files_.info(entry_path(id));
    return info || !info.error().is_absent();
}

std::size_t Spool::remove_orphans(unsigned n)
{
    const auto found = files_.list(directory_ + "/" + spool_directory_name(n));
    if (!found) return 0;
    std::size_t gone = 0;
    for (const auto& entry : *found) {
        if (!entry.name.ends_with(kBodySuffix)) continue;
        const std::string id = entry.name.substr(0, entry.name.size() - kBodySuffix.size());
        if (is_entry_id(id) && !has(id) && files_.unlink(body_path(id))) ++gone;
    }
    return gone;
}

Result<std::vector<std::string>, FileError> Spool::ids(unsigned n)
{
    const std::string directory = directory_ + "/" + spool_directory_name(n);
    const auto found = files_.list(directory);
    if (!found) return found.error();
    std::vector<std::string> ids;
    for (const auto& entry : *found) {
        if (!entry.name.ends_with(kEntrySuffix)) continue;
        std::string id = entry.name.substr(0, entry.name.size() - kEntrySuffix.size());
        if (is_entry_id(id)) ids.push_back(std::move(id));
    }
    std::sort(ids.begin(), ids.end());
    return ids;
}

}  // namespace mbx::queue
