// AccountStore: a message comes in. The hot path is one link, one sync of a directory, one small transaction that does
// not wait for the disk; the message's own bytes were synced in the spool.
#include <array>
#include <cerrno>
#include <utility>

#include "store/account_state.hpp"

namespace mbx::store {

namespace {

constexpr std::int64_t kSecond = 1'000'000'000;

}  // namespace

// Hard links share one time of change, which is the INTERNALDATE: a body whose other links carry another date is copied.
Result<void, FileError> AccountStore::State::place_link(const SpooledMessage& message, std::int64_t date,
                                                        const std::string& target)
{
    const auto info = files.info(message.path);
    if (!info) return info.error();
    if (info->mtime_ns / kSecond != date) {
        if (info->links > 1) return place_copy(message.path, date, target);
        auto file = files.open_read(message.path);
        if (!file) return file.error();
        if (auto done = (*file)->set_mtime(date * kSecond); !done) return done;
        if (auto done = (*file)->sync_data(); !done) return done;
    }
    auto done = files.link(message.path, target);
    if (done || (done.error().code != EMLINK && done.error().code != EXDEV)) return done;
    return place_copy(message.path, date, target);
}

Result<void, FileError> AccountStore::State::place_copy(const std::string& source, std::int64_t date,
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
        return (*to)->sync_data();
    };
    auto done = write();
    if (done) done = files.rename(staged, target);
    if (!done) (void)files.unlink(staged);
    return done;
}

Result<Appended, StoreError> AccountStore::deliver(const SpooledMessage& message, const Incoming& incoming)
{
    if (auto good = state_->ensure(); !good) return good.error();
    Folder* folder = state_->find_folder(std::string_view(incoming.mailbox));
    if (folder == nullptr) return StoreError::no_such_mailbox;
    if (auto done = state_->ready(*folder); !done) return done.error();

    StoredMessage stored;
    stored.row.flags.system = incoming.system_flags;
    const auto bits = state_->keyword_bits(*folder, incoming.keywords, stored.row.flags.system, true);
    if (!bits) return bits.error();
    stored.row.flags.keywords = *bits;
    if (auto done = state_->reserve(*folder, 1); !done) return done.error();
    stored.row.uid = state_->take_uid(*folder);
    stored.row.modseq = folder->counters.highest_modseq + 1;
    stored.row.size = message.size;
    stored.row.internal_date =
        std::chrono::duration_cast<std::chrono::seconds>(incoming.internal_date.time_since_epoch()).count();
    stored.unique = state_->new_unique();
    stored.row.save_date = save_date_of(stored.unique).value_or(stored.row.internal_date);

    const Place place = place_of(stored.row.flags);
    const std::string target = state_->place_path(*folder, place) + "/" + file_name(stored, place);
    state_->before_change(*folder);
    const auto linked = state_->place_link(message, stored.row.internal_date, target);
    if (!linked) return state_->failed("delivering into a folder", target, linked.error());
    auto done = state_->sync(*folder, place);
    if (done) {
        state_->after_change(*folder);
        done = state_->transact({folder}, [&] {
            folder->counters.highest_modseq = stored.row.modseq;
            state_->index->insert(folder->id(), stored);
            count(folder->counters, stored.row, 1);
        });
    }
    if (!done) {
        // Not acknowledged, so it had better not be there; a copy that stays is a duplicate, no loss.
        (void)state_->files.unlink(target);
        state_->distrust(*folder);
        return done.error();
    }
    return Appended{folder->id(), folder->record.uidvalidity, stored.row.uid};
}

}  // namespace mbx::store
