// AccountStore: a message comes in. The hot path is one record, one file written and renamed, one row; nothing of it
// waits for the disk.
#include <array>
#include <cerrno>
#include <chrono>
#include <utility>

#include "store/account_state.hpp"

namespace mbx::store {

namespace {

constexpr std::int64_t kSecond = 1'000'000'000;

}  // namespace

Result<void, FileError> AccountStore::State::publish_bytes(std::string_view bytes, std::int64_t date,
                                                           const std::string& unique, const std::string& target)
{
    const std::string begun = path + "/tmp/" + unique;
    const auto write = [&]() -> Result<void, FileError> {
        auto file = files.create(begun, kFileMode);
        if (!file) return file.error();
        if (auto done = (*file)->append(bytes); !done) return done;
        if (auto done = (*file)->set_mtime(date * kSecond); !done) return done;
        (*file)->start_writing();
        return files.rename(begun, target);
    };
    auto done = write();
    if (!done) (void)files.unlink(begun);
    return done;
}

// Hard links share one time of change, which is the INTERNALDATE: a body whose other links carry another date is copied.
Result<void, FileError> AccountStore::State::publish_link(const std::string& source, std::int64_t date,
                                                          const std::string& target)
{
    const auto info = files.info(source);
    if (!info) return info.error();
    if (info->mtime_ns / kSecond != date) {
        if (info->links > 1) return publish_copy(source, date, target);
        auto file = files.open_read(source);
        if (!file) return file.error();
        if (auto done = (*file)->set_mtime(date * kSecond); !done) return done;
    }
    auto done = files.link(source, target);
    if (done || (done.error().code != EMLINK && done.error().code != EXDEV)) return done;
    return publish_copy(source, date, target);
}

Result<void, FileError> AccountStore::State::publish_copy(const std::string& source, std::int64_t date,
                                                          const std::string& target)
{
    auto from = files.open_read(source);
    if (!from) return from.error();
    constexpr std::size_t kNameBytes = 8;
    const std::string staged = staging_path("copy-" + random.hex(kNameBytes));
    const auto write = [&]() -> Result<void, FileError> {
        auto to = files.create(staged, kFileMode);
        if (!to) return to.error();
        std::array<char, 64UL * 1024> piece{};
        std::uint64_t offset = 0;
        while (true) {
            const auto got = (*from)->read_at(offset, piece.data(), piece.size());
            if (!got) return got.error();
            if (auto done = (*to)->append({piece.data(), *got}); !done) return done;
            offset += *got;
            if (*got < piece.size()) break;
        }
        if (auto done = (*to)->set_mtime(date * kSecond); !done) return done;
        (*to)->start_writing();
        return files.rename(staged, target);
    };
    auto done = write();
    if (!done) (void)files.unlink(staged);
    return done;
}

Result<Appended, StoreError> AccountStore::State::finish_placing(Folder& folder, const StoredMessage& message, Lsn lsn,
                                                                 const std::string& target,
                                                                 const Result<void, FileError>& published)
{
    Outcome outcome;
    if (!published) outcome = failed("placing a message", target, published.error());
    if (outcome) {
        index->open_transaction();
        index->insert(folder.id(), message);
        outcome = index->outcome();
        if (!outcome) (void)index_failed("writing the index", outcome.error());
    }
    if (outcome) {
        folder.counters.highest_modseq = message.row.modseq;
        count(folder.counters, message.row, 1);
        folder.is_unsaved = true;
        changed.insert(folder.id());
        return Appended{folder.id(), folder.record.uidvalidity, message.row.uid};
    }
    // Not acknowledged, so it must not be there; where it stays all the same it is set aside by the next look.
    const auto gone = files.unlink(target);
    if (!gone && !gone.error().is_absent()) taken_back.insert(message.unique);
    distrust(folder);
    take_back({lsn});
    return outcome.error();
}

Result<Appended, StoreError> AccountStore::place(const AcceptedMessage& message)
{
    State& state = *state_;
    if (auto good = state.ensure(); !good) return good.error();
    Folder* folder = state.find_folder(std::string_view("INBOX"));
    if (folder == nullptr) return StoreError::no_such_mailbox;
    if (auto done = state.ready(*folder); !done) return done.error();
    if (auto done = state.reserve(*folder, 1); !done) return done.error();
    const auto& accepted = message.record();
    std::string source;
    if (message.wants_one_inode()) {
        auto spooled = message.spooled(state.files);
        if (!spooled) return state.failed("writing a spool file", accepted.spool_name, spooled.error());
        source = *std::move(spooled);
    }

    const WallTime at = state.clock.wall();
    StoredMessage stored;
    stored.row.modseq = folder->counters.highest_modseq + 1;
    stored.row.internal_date = accepted.internal_date;
    stored.row.save_date = std::max<std::int64_t>(state.now_seconds(), 0);
    stored.row.size = accepted.size;
    stored.row.uid = state.take_uid(*folder);
    auto record = state.placed(*folder, stored, PlacedRecord::Source::accepted);
    record.crc = accepted.crc;
    record.accepted = message.lsn();
    record.placed_at = std::chrono::duration_cast<std::chrono::microseconds>(at.time_since_epoch()).count();
    const Lsn lsn = state.note(record);
    if (lsn == 0) return StoreError::io;
    stored.unique = state.unique_of_record(stored, lsn);

    const std::string target = state.place_path(*folder, Place::fresh) + "/" + file_name(stored, Place::fresh);
    state.before_change(*folder);
    const auto published = source.empty() ? state.publish_bytes(*message.body(), accepted.internal_date, stored.unique, target)
                                          : state.publish_link(source, accepted.internal_date, target);
    auto placed = state.finish_placing(*folder, stored, lsn, target, published);
    if (placed) placed->at = at;
    return placed;
}

Result<Appended, StoreError> AccountStore::append(const Body& body, const Incoming& incoming)
{
    State& state = *state_;
    if (auto good = state.ensure(); !good) return good.error();
    Folder* folder = state.find_folder(std::string_view(incoming.mailbox));
    if (folder == nullptr) return StoreError::no_such_mailbox;
    if (auto done = state.ready(*folder); !done) return done.error();
    if (auto good = state.check_quota(body.size, 1); !good) return good.error();

    StoredMessage stored;
    stored.row.flags.system = incoming.system_flags;
    const auto bits = state.keyword_bits(*folder, incoming.keywords, stored.row.flags.system, true);
    if (!bits) return bits.error();
    stored.row.flags.keywords = *bits;
    if (auto done = state.reserve(*folder, 1); !done) return done.error();
    stored.row.modseq = folder->counters.highest_modseq + 1;
    stored.row.size = body.size;
    stored.row.internal_date =
        std::chrono::duration_cast<std::chrono::seconds>(incoming.internal_date.time_since_epoch()).count();
    stored.row.save_date = std::max<std::int64_t>(state.now_seconds(), 0);
    stored.row.uid = state.take_uid(*folder);
    const bool is_here = body.bytes != nullptr;
    auto record = state.placed(*folder, stored, is_here ? PlacedRecord::Source::body : PlacedRecord::Source::spooled);
    record.crc = body.crc;
    if (!is_here) record.spool_name = body.name;
    const Lsn lsn = state.note(record, body.bytes);
    if (lsn == 0) return StoreError::io;
    state.seat.journal.want(lsn);  // somebody waits: the record is written while the file is made
    stored.unique = state.unique_of_record(stored, lsn);

    const Place place = place_of(stored.row.flags);
    const std::string target = state.place_path(*folder, place) + "/" + file_name(stored, place);
    state.before_change(*folder);
    const auto published = is_here ? state.publish_bytes(*body.bytes, stored.row.internal_date, stored.unique, target)
                                   : state.publish_link(body.path, stored.row.internal_date, target);
    return state.finish_placing(*folder, stored, lsn, target, published);
}

}  // namespace mbx::store
