// AccountStore: what is parsed of messages, behind delivery. A mailbox opens from its file names alone; nothing waits for
// this, and nothing is lost with it.
#include <algorithm>
#include <unordered_map>
#include <utility>

#include "store/account_state.hpp"

namespace mbx::store {

namespace {

constexpr std::size_t kMessagesAtOnce = 64;  // of one look at the table

std::unordered_map<Uid, std::uint64_t> names_of(Index& index, MailboxId mailbox, UidRange range)
{
    std::unordered_map<Uid, std::uint64_t> names;
    index.visit(mailbox, range, [&names](StoredMessage&& m) { names.emplace(m.row.uid, name_key(m.unique)); });
    return names;
}

bool is_of(const std::unordered_map<Uid, std::uint64_t>& names, Uid uid, std::uint64_t name)
{
    const auto it = names.find(uid);
    return it != names.end() && it->second == name;
}

// Ranges with small gaps between them are walked over as one.
UidSet joined(const UidSet& which)
{
    constexpr Uid kGap = 100;
    UidSet all;
    for (const auto& range : which) {
        if (!all.empty() && range.first - all.back().last <= kGap) all.back().last = range.last;
        else all.push_back(range);
    }
    return all;
}

void keep_wanted(std::vector<BriefRow>& rows, const UidSet& which)
{
    auto range = which.begin();
    std::erase_if(rows, [&](const BriefRow& one) {
        while (range != which.end() && range->last < one.row.uid) ++range;
        return range == which.end() || one.row.uid < range->first;
    });
}

}  // namespace

Result<std::vector<WireColumns>, StoreError> AccountStore::wire_columns(MailboxId mailbox, const UidSet& which)
{
    if (auto good = state_->ensure(); !good) return good.error();
    Folder* folder = state_->find_folder(mailbox);
    if (folder == nullptr) return StoreError::no_such_mailbox;
    if (auto done = state_->ready(*folder); !done) return done.error();
    Index& index = *state_->index;
    std::vector<WireColumns> found;
    for (const auto& range : which) {
        const auto names = names_of(index, mailbox, range);
        index.columns().visit_wire(mailbox, range, [&](WireColumns&& one) {
            if (is_of(names, one.uid, one.name)) found.push_back(std::move(one));
        });
    }
    if (auto good = index.outcome(); !good) return state_->index_failed("reading parsed columns", good.error());
    return found;
}

Result<void, StoreError> AccountStore::visit_wires(MailboxId mailbox, const UidSet& which, const WireParts& wanted,
                                                   const std::function<bool(const WireRow&)>& visit)
{
    if (auto good = state_->ensure(); !good) return good.error();
    Folder* folder = state_->find_folder(mailbox);
    if (folder == nullptr) return StoreError::no_such_mailbox;
    if (auto done = state_->refresh(*folder); !done) return done.error();
    bool goes_on = true;
    const auto look = [&](const WireRow& one) { return goes_on = visit(one); };
    for (const auto& range : which) {
        if (goes_on) state_->index->columns().visit_wire_rows(mailbox, range, wanted, look);
    }
    if (auto good = state_->index->outcome(); !good) return state_->index_failed("reading parsed columns", good.error());
    return {};
}

Result<std::vector<MessageColumns>, StoreError> AccountStore::columns(MailboxId mailbox, const UidSet& which)
{
    if (auto good = state_->ensure(); !good) return good.error();
    Folder* folder = state_->find_folder(mailbox);
    if (folder == nullptr) return StoreError::no_such_mailbox;
    if (auto done = state_->ready(*folder); !done) return done.error();
    Index& index = *state_->index;
    std::vector<MessageColumns> found;
    for (const auto& range : which) {
        const auto names = names_of(index, mailbox, range);
        index.columns().visit(mailbox, range, [&](std::uint64_t name, MessageColumns&& one) {
            if (is_of(names, one.uid, name)) found.push_back(std::move(one));
        });
    }
    if (auto good = index.outcome(); !good) return state_->index_failed("reading parsed columns", good.error());
    return found;
}

Result<std::vector<BriefRow>, StoreError> AccountStore::brief_rows(MailboxId mailbox, const UidSet& which)
{
    if (auto good = state_->ensure(); !good) return good.error();
    Folder* folder = state_->find_folder(mailbox);
    if (folder == nullptr) return StoreError::no_such_mailbox;
    if (auto done = state_->refresh(*folder); !done) return done.error();
    Index& index = *state_->index;
    std::vector<BriefRow> found;
    std::vector<std::uint64_t> names;
    for (const auto& hull : joined(which)) {
        const auto first = found.size();
        names.clear();
        index.visit(mailbox, hull, [&](StoredMessage&& message) {
            found.push_back({message.row, {}, {}, {}});
            names.push_back(name_key(message.unique));
        });
        auto at = first;
        index.columns().visit_briefs(mailbox, hull, [&](const BriefColumns& one) {
            while (at < found.size() && found[at].row.uid < one.uid) ++at;
            if (at == found.size() || found[at].row.uid != one.uid || names[at - first] != one.name) return;
            found[at].brief = one.brief;
            found[at].email_id = one.email_id;
            found[at].thread_id = one.thread_id;
        });
    }
    if (auto good = index.outcome(); !good) return state_->index_failed("reading parsed columns", good.error());
    keep_wanted(found, which);
    return found;
}

// A failure costs the next one who asks a parse, nothing else.
void AccountStore::keep_columns(MailboxId mailbox, const std::vector<MessageColumns>& parsed)
{
    if (parsed.empty() || !state_->ensure() || state_->find_folder(mailbox) == nullptr) return;
    Index& index = *state_->index;
    index.begin();
    for (const auto& one : parsed) {
        const auto message = index.find(mailbox, one.uid);
        if (!message) continue;
        index.open_transaction();  // counts it as a change, so that many are committed in between
        index.columns().put(mailbox, one.uid, name_key(message->unique), one.columns);
    }
    if (const auto done = index.end(); !done) (void)state_->index_failed("keeping parsed columns", done.error());
}

std::vector<Folder*> AccountStore::State::in_order(const std::vector<MailboxId>& first)
{
    std::vector<Folder*> order;
    for (const auto id : first) {
        Folder* folder = find_folder(id);
        if (folder != nullptr && std::ranges::find(order, folder) == order.end()) order.push_back(folder);
    }
    for (auto& [id, folder] : folders) {
        if (std::ranges::find(order, &folder) == order.end()) order.push_back(&folder);
    }
    // Rows that are to be rebuilt wait for whoever uses the folder.
    std::erase_if(order, [](const Folder* folder) { return folder->counters.is_stale; });
    return order;
}

// Answers whether the folder is done.
Result<bool, StoreError> AccountStore::State::fill_folder(AccountStore& store, Folder& folder, SteadyTime until)
{
    const auto id = folder.id();
    if (!ColumnTable::holds(id)) return true;
    Uid mark = index->columns().mark(id);
    while (true) {
        const auto missing = index->columns().behind_mark(id, mark, kMessagesAtOnce);
        if (auto good = index->outcome(); !good) return index_failed("reading parsed columns", good.error());
        if (missing.empty()) return true;
        std::vector<MessageColumns> parsed;
        bool is_late = false;
        for (const auto& one : missing) {
            if (!one.is_there) {
                // What cannot be read is passed over: whoever fetches it is told why.
                const auto message = store.message(id, one.uid);
                if (message) parsed.push_back({one.uid, make_columns((*message)->bytes())});
            }
            mark = one.uid;
            ++looked_at;
            is_late = clock.steady() >= until;
            if (is_late) break;
        }
        if (index->is_damaged()) return StoreError::corrupt;
        index->begin();
        for (const auto& one : parsed) {
            const auto message = index->find(id, one.uid);
            if (!message) continue;
            index->open_transaction();
            index->columns().put(id, one.uid, name_key(message->unique), one.columns);
        }
        index->columns().set_mark(id, mark);
        if (auto done = index->end(); !done) return index_failed("keeping parsed columns", done.error());
        if (is_late) return false;
    }
}

Result<bool, StoreError> AccountStore::fill_columns(std::chrono::milliseconds max_time,
                                                    const std::vector<MailboxId>& first)
{
    if (auto good = state_->ensure(); !good) return good.error();
    const auto until = state_->clock.steady() + max_time;
    for (auto& [id, folder] : state_->folders) {
        if (!folder.listed) continue;
        const auto done = state_->enter_listed(folder, until);
        if (!done) return done.error();
        if (!*done) return true;
    }
    for (Folder* folder : state_->in_order(first)) {
        const auto done = state_->fill_folder(*this, *folder, until);
        if (!done) return done.error();
        if (!*done) return true;
    }
    return false;
}

}  // namespace mbx::store
