// Store: the table of who shares mailboxes with whom is read from the accounts' files, once.
#include <algorithm>
#include <utility>

#include "store/mailbox_name.hpp"
#include "store/store_state.hpp"

namespace mbx::store {

namespace {

constexpr std::size_t kFilesAtOnce = 500;  // in one job of a worker

}  // namespace

co::Task<Sharing*> Store::sharing(std::function<std::vector<AccountKey>()> accounts)
{
    State& state = *state_;
    while (state.is_reading_sharing) co_await state.sharing_read.wait();
    if (!state.has_read_sharing) {
        state.is_reading_sharing = true;
        std::vector<AccountKey> keys = accounts();
        co_await state.read_sharing(std::move(keys));
        state.is_reading_sharing = false;
        state.has_read_sharing = true;
        state.sharing_read.notify_all();
    }
    co_return &state.shared;
}

co::Task<void> Store::State::read_sharing(std::vector<AccountKey> keys)
{
    using Read = std::vector<std::pair<AccountKey, AccessLists>>;
    for (std::size_t at = 0; at < keys.size(); at += kFilesAtOnce) {
        const auto end = std::min(keys.size(), at + kFilesAtOnce);
        auto job = [this, &keys, at, end] {
            Read found;
            for (auto i = at; i < end; ++i) {
                const std::string file = options.root + "/" + account_place(keys[i]) + "/" + std::string(kAccessFile);
                const auto text = read_whole(files, file, kMostAccessFile);
                // What cannot be read shares nothing until the account is opened, which tells of it.
                if (!text) continue;
                auto lists = parse_access(*text);
                if (lists) found.emplace_back(keys[i], *std::move(lists));
            }
            return found;
        };
        const auto found = co_await workers.run(net::WorkClass::interactive, std::move(job));
        for (const auto& [key, lists] : found) shared.note_read(key, lists);
    }
    shared.finish_reading();
}

}  // namespace mbx::store
