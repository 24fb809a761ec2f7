// AccountStore: the index of texts, made when there is nothing better to do, and asked before messages are opened.
#include <algorithm>
#include <utility>

#include "store/account_state.hpp"

namespace mbx::store {

namespace {

constexpr const char* kTextIndex = "/fts.db";
constexpr std::size_t kTextsLookedAt = 64;
constexpr std::chrono::seconds kTextRetry{60};  // after the disk or a lock kept it from being opened

void add_uid(UidSet& set, Uid uid)
{
    if (!set.empty() && set.back().last + 1 == uid && uid != 0) set.back().last = uid;
    else set.push_back({uid, uid});
}

}  // namespace

// Null: not to be had now; everything is scanned meanwhile. `make`: where there is none.
TextIndex* AccountStore::State::open_text(bool make)
{
    if (texts) return texts.get();
    const std::string file = path + kTextIndex;
    if (clock.steady() < text_retry || (!make && !files.info(file))) return nullptr;
    for (int attempt = 0; attempt < 2; ++attempt) {
        bool is_unusable = false;
        texts = TextIndex::open(file, is_unusable);
        if (texts) return texts.get();
        if (!is_unusable) break;
        set_text_aside();
    }
    log.warning("store: the index of texts cannot be opened; searches read the messages", {{"path", file}});
    text_retry = clock.steady() + kTextRetry;
    return nullptr;
}

// One is kept for whoever wants to know why.
void AccountStore::State::set_text_aside()
{
    texts.reset();
    const std::string file = path + kTextIndex;
    const std::string aside = file + ".damaged";
    log.error("store: the index of texts is damaged or of another version; it is made anew",
              {{"path", file}, {"kept_as", aside}});
    for (const char* part : {"-wal", "-shm", ""}) {
        (void)files.unlink(aside + part);
        const auto done = files.rename(file + part, aside + part);
        if (!done && !done.error().is_absent()) (void)failed("setting the index of texts aside", file, done.error());
    }
}

void AccountStore::State::drop_text()
{
    texts.reset();
    for (const char* part : {"-wal", "-shm", ""}) {
        const auto done = files.unlink(path + kTextIndex + part);
        if (!done && !done.error().is_absent()) (void)failed("removing the index of texts", path, done.error());
    }
}

// Answers whether the index of texts still serves.
bool AccountStore::State::judge_text()
{
    if (!texts) return false;
    switch (texts->outcome()) {
    case TextIndex::Outcome::good: return true;
    case TextIndex::Outcome::damaged: set_text_aside(); return false;
    case TextIndex::Outcome::failed: break;
    }
    log.warning("store: the index of texts failed; searches read the messages",
                {{"path", path}, {"error", texts->complaint()}});
    texts.reset();
    text_retry = clock.steady() + kTextRetry;
    return false;
}

Result<UidSet, StoreError> AccountStore::text_candidates(MailboxId mailbox, const UidSet& among, const TextNeeds& needs)
{
    if (auto good = state_->ensure(); !good) return good.error();
    Folder* folder = state_->find_folder(mailbox);
    if (folder == nullptr) return StoreError::no_such_mailbox;
    if (auto done = state_->ready(*folder); !done) return done.error();
    // The next filling step begins here.
    if (std::ranges::find(state_->text_wanted, mailbox) == state_->text_wanted.end()) {
        state_->text_wanted.push_back(mailbox);
    }
    TextIndex* text = needs.empty() ? nullptr : state_->open_text(false);
    if (text == nullptr) return among;
    UidSet chosen;
    for (const auto& range : among) {
        std::vector<TextIndex::Candidate> messages;
        state_->index->visit(mailbox, range, [&messages](StoredMessage&& message) {
            messages.push_back({message.row.uid, name_key(message.unique)});
        });
        const auto narrowed = text->narrow(mailbox, messages, needs);
        if (!narrowed) {
            (void)state_->judge_text();
            return among;
        }
        for (const Uid uid : *narrowed) add_uid(chosen, uid);
    }
    if (auto good = state_->index->outcome(); !good) return state_->index_failed("reading rows", good.error());
    return chosen;
}

// What cannot be read now is scanned at each search, which then says why.
void AccountStore::State::enter_text(AccountStore& store, const Folder& folder, Uid uid)
{
    const auto row = index->find(folder.id(), uid);
    if (!row) return;
    const auto name = name_key(row->unique);
    if (texts->has({folder.id(), uid, name})) return;
    // The text of a copy is there already; its file need not be read.
    if (const auto known = index->columns().email_id({folder.id(), uid, name}); known && texts->knows(*known)) {
        texts->add(folder.id(), uid, name, *known, std::nullopt);
        return;
    }
    const auto message = store.message(folder.id(), uid);
    if (!message) return;
    const auto bytes = (*message)->bytes();
    const auto email = email_id(bytes);
    std::optional<std::string> words;
    if (!texts->knows(email)) words = search_text(bytes);
    texts->add(folder.id(), uid, name, email, words);
}

// Answers whether the folder is done; nullopt: the index of texts failed.
std::optional<bool> AccountStore::State::fill_text_of(AccountStore& store, Folder& folder, SteadyTime until)
{
    const auto id = folder.id();
    Uid mark = texts->mark(id);
    while (true) {
        const auto behind = index->columns().behind_mark(id, mark, kTextsLookedAt);
        if (behind.empty() || !index->outcome()) return true;
        bool is_late = false;
        for (const auto& one : behind) {
            enter_text(store, folder, one.uid);
            mark = one.uid;
            is_late = clock.steady() >= until;
            if (is_late) break;
        }
        texts->set_mark(id, mark);
        if (!judge_text()) return std::nullopt;
        if (is_late) return false;
    }
}

Result<bool, StoreError> AccountStore::fill_text(std::chrono::milliseconds max_time, const std::vector<MailboxId>& first)
{
    State& state = *state_;
    if (auto good = state.ensure(); !good) return good.error();
    if (state.open_text(true) == nullptr) return StoreError::io;
    const auto until = state.clock.steady() + max_time;
    std::vector<MailboxId> order = state.text_wanted;
    order.insert(order.end(), first.begin(), first.end());
    std::uint64_t messages = 0;
    for (Folder* folder : state.in_order(order)) {
        messages += folder->counters.messages;
        const auto done = state.fill_text_of(*this, *folder, until);
        if (!done) return StoreError::io;
        if (!*done) return true;
    }
    state.text_wanted.clear();
    state.texts->commit();
    if (!state.judge_text()) return StoreError::io;
    if (!state.texts->is_bloated(messages)) {
        state.texts.reset();  // a search opens it again; a thousand accounts would hold theirs for nothing
        state.index->release_memory();
        return false;
    }
    state.log.notice("store: the index of texts is made anew without the messages that are gone", {{"path", state.path}});
    state.drop_text();
    return true;
}

}  // namespace mbx::store
