// AccountStore: what was expunged, and having it back.
#include <algorithm>
#include <array>
#include <chrono>
#include <map>
#include <utility>

#include "mail/date.hpp"
#include "mail/encoded_word.hpp"
#include "mail/header.hpp"
#include "store/account_state.hpp"
#include "store/stored_bytes.hpp"

namespace mbx::store {

namespace {

constexpr std::size_t kHeaderBytes = 64UL * 1024;  // of a message that are looked at for a listing
constexpr std::size_t kShownBytes = 300;           // of a field
constexpr std::int64_t kNanoseconds = 1'000'000'000;
constexpr int kMostCopies = 10'000;                // NAME-2, NAME-3 …

// A name that can only be an entry of the undelete directory itself.
std::optional<ExpungedName> parse_entry(const std::string& text)
{
    if (text.size() > kMaxFileName || text.find('/') != std::string::npos || text.find('\0') != std::string::npos) {
        return std::nullopt;
    }
    return parse_expunged_name(text);
}

// Not within a character.
std::string cut(std::string text)
{
    if (text.size() <= kShownBytes) return text;
    std::size_t end = kShownBytes;
    while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0U) == 0x80U) --end;
    text.resize(end);
    return text + "…";
}

std::string shown_field(const mail::Header& header, std::string_view name)
{
    const auto* field = header.find(name);
    return field == nullptr ? std::string() : cut(mail::decode_encoded_words(field->value));
}

// One listing of the undelete directory.
class Listing {
public:
    Listing(AccountStore::State& state, const ExpungedFilter& filter)
        : state_(state), filter_(filter), mailbox_(normal_name(filter.mailbox))
    {
    }

    Result<ExpungedList, StoreError> run()
    {
        const std::string directory = state_.path + "/" + std::string(kExpungedDirectory);
        const auto entries = state_.files.list(directory);
        if (!entries) return state_.failed("listing expunged messages", directory, entries.error());
        // Mailboxes first: what they were called names the place of messages that were in them.
        for (const auto& entry : *entries) add_mailbox(entry.name);
        for (const auto& entry : *entries) add_message(entry.name);
        std::ranges::sort(found_, [](const Found& a, const Found& b) {
            return std::tie(a.message.expunged_at, a.lsn, a.message.uid) > std::tie(b.message.expunged_at, b.lsn, b.message.uid);
        });
        list_.is_cut = found_.size() > filter_.most;
        found_.resize(std::min(found_.size(), filter_.most));
        for (auto& one : found_) {
            if (filter_.with_headers && !one.message.is_mailbox) read_header(one.message);
            list_.entries.push_back(std::move(one.message));
        }
        return std::move(list_);
    }

private:
    struct Found {
        ExpungedMessage message;
        Lsn lsn = 0;
    };

    static ExpungedMessage known(const std::string& name, const ExpungedName& parsed)
    {
        ExpungedMessage message;
        message.name = name;
        message.mailbox = parsed.mailbox;
        message.uid = parsed.uid;
        message.expunged_at = parsed.expunged_at;
        return message;
    }

    void add_mailbox(const std::string& name)
    {
        const auto parsed = parse_entry(name);
        if (!parsed || parsed->uid != 0) return;
        ExpungedMessage mailbox = known(name, *parsed);
        mailbox.is_mailbox = true;
        mailbox.messages = 0;
        const std::string directory = state_.expunged_path(name);
        const auto text = read_whole(state_.files, directory + "/" + std::string(kFolderStateFile), kMaxStateFile);
        const auto record = text ? parse_folder_record(*text) : std::nullopt;
        if (record) mailbox.mailbox_name = record->name;
        names_.emplace(parsed->mailbox, mailbox.mailbox_name);
        if (!is_wanted(mailbox)) return;
        for (const char* place : {"/cur", "/new"}) {
            const auto files = state_.files.list(directory + place);
            if (!files) continue;
            mailbox.messages += files->size();
            for (const auto& file : *files) mailbox.size += parse_message_name(file.name).size.value_or(0);
        }
        list_.bytes += mailbox.size;
        list_.messages += mailbox.messages;
        ++list_.mailboxes;
        found_.push_back({std::move(mailbox), parsed->lsn});
    }

    void add_message(const std::string& name)
    {
        const auto parsed = parse_entry(name);
        if (!parsed || parsed->uid == 0) return;
        ExpungedMessage message = known(name, *parsed);
        const auto file = parse_message_name(parsed->name);
        message.size = file.size.value_or(0);
        message.flags = file.flags;
        const Folder* folder = state_.find_folder(parsed->mailbox);
        if (folder != nullptr) message.mailbox_name = folder->name;
        else if (const auto it = names_.find(parsed->mailbox); it != names_.end()) message.mailbox_name = it->second;
        if (!is_wanted(message)) return;
        list_.bytes += message.size;
        ++list_.messages;
        found_.push_back({std::move(message), parsed->lsn});
    }

    bool is_wanted(const ExpungedMessage& message) const
    {
        return message.expunged_at >= filter_.since && (mailbox_.empty() || message.mailbox_name == mailbox_);
    }

    void read_header(ExpungedMessage& message) const
    {
        auto file = state_.files.open_read(state_.expunged_path(message.name));
        if (!file) return;
        std::string bytes(kHeaderBytes, '\0');
        const auto got = (*file)->read_at(0, bytes.data(), bytes.size());
        if (!got) return;
        bytes.resize(*got);
        const auto header = mail::parse_header(bytes);
        message.from = shown_field(header, "From");
        message.subject = shown_field(header, "Subject");
        const auto* date = header.find("Date");
        const auto moment = date == nullptr ? std::nullopt : mail::parse_date(date->value);
        if (moment) message.date = moment->unix_seconds;
    }

    AccountStore::State& state_;
    const ExpungedFilter& filter_;
    std::string mailbox_;
    std::map<MailboxId, std::string> names_;  // of removed mailboxes
    std::vector<Found> found_;
    ExpungedList list_;
};

// Messages on their way back, each for itself: one that cannot come leaves the others alone.
class Restoring {
public:
    Restoring(AccountStore::State& state, Folder* target, const TracedAct* act) : state_(state), target_(target), act_(act) {}

    void plan(Undeleted& answer, const ExpungedName& name)
    {
        Step step;
        step.answer = &answer;
        step.source = name;
        const auto planned = prepare(step);
        if (planned) steps_.push_back(std::move(step));
        else answer.failure = planned.error();
    }

    void carry_out()
    {
        if (steps_.empty()) return;
        std::vector<JournalRecord> records;
        for (auto& step : steps_) {
            step.record = state_.placed(*step.folder, step.message, PlacedRecord::Source::message);
            step.record.source_mailbox = step.source.mailbox;
            step.record.source_unique = step.source_unique;
            if (act_ != nullptr) step.record.restored = restored(step);
            records.emplace_back(step.record);
        }
        // A file whose record is lost in a crash is set aside under a name that nobody lists: so the record is on the
        // disk before anything is renamed.
        const Lsn first = state_.note(records);
        if (first == 0 || !state_.seat.journal.wait(first + records.size() - 1)) return fail_all(StoreError::io);
        for (std::size_t n = 0; n < steps_.size(); ++n) {
            steps_[n].lsn = first + n;
            apply(steps_[n]);
        }
        for (auto& [id, modseq] : modseqs_) write(id, modseq);
    }

private:
    struct Step {
        Undeleted* answer = nullptr;
        ExpungedName source;
        std::string source_unique;
        Folder* folder = nullptr;
        StoredMessage message;
        PlacedRecord record;
        Lsn lsn = 0;
        std::string to;
        bool is_done = false;
    };

    // What the trace is told of it.
    PlacedRecord::Restored restored(const Step& step) const
    {
        PlacedRecord::Restored restored;
        restored.at = std::chrono::duration_cast<std::chrono::microseconds>(state_.clock.wall().time_since_epoch()).count();
        restored.by = act_->by;
        restored.uid = step.source.uid;
        const Folder* source = state_.find_folder(step.source.mailbox);
        if (source != nullptr) restored.mailbox = source->name;
        restored.to_mailbox = step.folder->name;
        return restored;
    }

    Outcome prepare(Step& step)
    {
        step.folder = target_ != nullptr ? target_ : state_.find_folder(step.source.mailbox);
        if (step.folder == nullptr) step.folder = state_.find_folder(std::string_view("INBOX"));
        if (step.folder == nullptr) return StoreError::no_such_mailbox;
        if (auto good = state_.ready(*step.folder); !good) return good;
        if (auto good = measure(step); !good) return good;
        if (auto good = state_.check_quota(bytes_ + step.message.row.size, messages_ + 1); !good) return good;
        if (auto good = state_.reserve(*step.folder, 1); !good) return good;
        auto& row = step.message.row;
        row.uid = state_.take_uid(*step.folder);
        const auto modseq = modseqs_.try_emplace(step.folder->id(), step.folder->counters.highest_modseq + 1).first;
        row.modseq = modseq->second;
        row.save_date = std::max<std::int64_t>(state_.now_seconds(), 0);
        bytes_ += row.size;
        ++messages_;
        return {};
    }

    // What the file and its name say.
    Outcome measure(Step& step)
    {
        const std::string path = state_.expunged_path(step.answer->name);
        const auto info = state_.files.info(path);
        if (!info && info.error().is_absent()) return StoreError::no_such_message;
        if (!info) return state_.failed("looking at an expunged message", path, info.error());
        if (info->kind != FileKind::regular) return StoreError::no_such_message;
        const auto name = parse_message_name(step.source.name);
        auto& row = step.message.row;
        row.internal_date = info->mtime_ns / kNanoseconds;
        row.size = name.size.value_or(info->size);
        if (row.size != info->size) {
            auto file = state_.files.open_read(path);
            if (!file) return state_.failed("opening an expunged message", path, file.error());
            const auto size = wire_size(**file);
            if (!size) return state_.failed("reading an expunged message", path, size.error());
            row.size = *size;
        }
        step.source_unique = name.unique;
        // What comes back with \Deleted would go with the next EXPUNGE.
        row.flags.system = static_cast<std::uint8_t>(name.flags.system & ~unsigned{kDeleted});
        row.flags.keywords = translate(*step.folder, step.source.mailbox, name.flags.keywords, row.flags.system);
        return {};
    }

    // The letters of the table of the mailbox where it was; without that they mean nothing.
    std::uint32_t translate(Folder& to, MailboxId from, std::uint32_t letters, std::uint8_t& system)
    {
        const Folder* source = state_.find_folder(from);
        if (letters == 0 || source == nullptr) return 0;
        std::vector<std::string> keywords;
        for (std::size_t n = 0; n < source->record.keywords.size(); ++n) {
            if ((letters >> n & 1U) != 0) keywords.push_back(source->record.keywords[n]);
        }
        // A table that is full costs the keywords, not the message.
        const auto bits = state_.keyword_bits(to, keywords, system, true);
        return bits ? *bits : 0;
    }

    void apply(Step& step)
    {
        step.message.unique = state_.unique_of_record(step.message, step.lsn);
        const Place place = place_of(step.message.row.flags);
        step.to = state_.place_path(*step.folder, place) + "/" + file_name(step.message, place);
        state_.before_change(*step.folder);
        const auto done = state_.files.rename(state_.expunged_path(step.answer->name), step.to);
        step.is_done = static_cast<bool>(done);
        if (done) return;
        step.answer->failure = done.error().is_absent() ? StoreError::no_such_message
                                                        : state_.failed("restoring a message", step.to, done.error());
        state_.take_back({step.lsn});
    }

    void write(MailboxId id, ModSeq modseq)
    {
        Folder& folder = *state_.find_folder(id);
        std::vector<Step*> done;
        for (auto& step : steps_) {
            if (step.is_done && step.folder == &folder) done.push_back(&step);
        }
        if (done.empty()) return;
        const auto body = [&] {
            folder.counters.highest_modseq = modseq;
            for (const Step* step : done) {
                state_.index->insert(id, step->message);
                count(folder.counters, step->message.row, 1);
            }
        };
        const auto written = state_.transact({&folder}, body);
        for (Step* step : done) {
            step->answer->mailbox = folder.name;
            step->answer->uid = step->message.row.uid;
            if (!written) undo(*step, written.error());
            else tell(state_.seat.recorder, events_of(step->record, {}));
        }
    }

    void undo(Step& step, StoreError error)
    {
        step.answer->failure = error;
        step.answer->uid = 0;
        const auto back = state_.files.rename(step.to, state_.expunged_path(step.answer->name));
        if (!back && !back.error().is_absent()) state_.taken_back.insert(step.message.unique);
        state_.take_back({step.lsn});
    }

    void fail_all(StoreError error)
    {
        for (auto& step : steps_) step.answer->failure = error;
    }

    AccountStore::State& state_;
    Folder* target_;  // null: where each was
    const TracedAct* act_;  // may be none
    std::vector<Step> steps_;
    std::map<MailboxId, ModSeq> modseqs_;  // one for all that come into a mailbox
    std::uint64_t bytes_ = 0;
    std::uint64_t messages_ = 0;
};

// A removed mailbox comes back as it went: its directory is renamed among the others.
class MailboxReturn {
public:
    MailboxReturn(AccountStore::State& state, std::string name) : state_(state), from_(state.expunged_path(name)) {}

    // `act`: what the trace is told of it; none: nothing.
    Result<std::string, StoreError> run(MailboxId id, const TracedAct* act)
    {
        if (auto good = read_record(id); !good) return good.error();
        if (auto good = choose_name(); !good) return good.error();
        if (auto good = check_quota(); !good) return good.error();
        const std::string parent = parent_name(folder_.name);
        if (!parent.empty() && !state_.names.contains(parent)) {
            if (auto done = state_.create_with_parents(parent, SpecialUse::none); !done) return done.error();
        }
        // The name stays in the state also where the directory says it: a crash between the two steps must not lose it.
        folder_.record.name = folder_.name;
        const std::string file = from_ + "/" + std::string(kFolderStateFile);
        const auto saved = replace_whole(state_.files, file, format_record(folder_.record), kFileMode);
        if (!saved) return state_.failed("writing a folder's state", file, saved.error());
        const std::string to = state_.folder_path(folder_);
        if (auto done = state_.files.rename(from_, to); !done) return state_.failed("restoring a mailbox", to, done.error());
        const std::string name = folder_.name;
        const MailboxId restored = folder_.id();
        state_.enter(std::move(folder_));
        state_.changed.insert(restored);
        const std::string expunged = state_.path + "/" + std::string(kExpungedDirectory);
        auto done = state_.sync_account();
        if (const auto synced = state_.files.sync_directory(expunged); done && !synced) {
            done = state_.failed("syncing a directory", expunged, synced.error());
        }
        if (done) done = state_.ready(*state_.find_folder(restored));
        // So that no replay has to tell the rows of this life of the mailbox from those of the one before.
        if (done) done = state_.commit_index();
        if (!done) state_.is_torn = true;
        if (!done) return done.error();
        state_.tell_act_of_mailboxes(act, MailboxActRecord::Kind::restored, {{restored, name, {}}});
        return name;
    }

private:
    Outcome read_record(MailboxId id)
    {
        const std::string file = from_ + "/" + std::string(kFolderStateFile);
        const auto text = read_whole(state_.files, file, kMaxStateFile);
        if (!text && !state_.files.info(from_)) return StoreError::no_such_mailbox;
        const auto record = text ? parse_folder_record(*text) : std::nullopt;
        if (record) folder_.record = *record;
        const bool is_free = record && record->id == id && state_.find_folder(id) == nullptr;
        if (!is_free) {
            const auto fresh = state_.new_record();
            if (!fresh) return fresh.error();
            folder_.record.id = fresh->id;
            folder_.record.uidvalidity = fresh->uidvalidity;
        }
        for (const auto& [other, folder] : state_.folders) {
            if (folder.record.special_use == folder_.record.special_use) folder_.record.special_use = SpecialUse::none;
        }
        return {};
    }

    // By the names, as the listing counts it; it comes back whole or not at all.
    Outcome check_quota()
    {
        std::uint64_t bytes = 0;
        std::uint64_t messages = 0;
        for (const char* place : {"/cur", "/new"}) {
            const auto found = state_.files.list(from_ + place);
            if (!found && found.error().is_absent()) continue;
            if (!found) return state_.failed("looking at a removed mailbox", from_ + place, found.error());
            for (const auto& file : *found) {
                if (file.kind != FileKind::regular || file.name.starts_with('.')) continue;
                ++messages;
                bytes += parse_message_name(file.name).size.value_or(0);
            }
        }
        return messages == 0 ? Outcome() : state_.check_quota(bytes, messages);
    }

    Outcome choose_name()
    {
        if (state_.folders.size() >= state_.options.max_mailboxes) return StoreError::limit;
        const std::string wanted = folder_.record.name.empty() ? "Restored" : normal_name(folder_.record.name);
        for (int n = 1; n < kMostCopies; ++n) {
            const std::string name = n == 1 ? wanted : wanted + "-" + std::to_string(n);
            const auto good = state_.check_new_name(name);
            if (!good && good.error() == StoreError::mailbox_exists) continue;
            if (!good) return good;
            folder_.name = name;
            folder_.directory = directory_of(name, folder_.id().value);
            if (!state_.files.info(state_.folder_path(folder_))) return {};
        }
        return StoreError::limit;
    }

    AccountStore::State& state_;
    std::string from_;
    Folder folder_;
};

}  // namespace

Result<ExpungedList, StoreError> AccountStore::expunged_messages(const ExpungedFilter& filter)
{
    if (auto good = state_->ensure(); !good) return good.error();
    Listing listing(*state_, filter);
    return listing.run();
}

Result<std::vector<Undeleted>, StoreError> AccountStore::undelete(const std::vector<std::string>& names,
                                                                  const std::optional<std::string>& target, const TracedAct* act)
{
    if (auto good = state_->ensure(); !good) return good.error();
    std::vector<Undeleted> answers;
    for (const auto& name : names) answers.push_back({name, {}, 0, std::nullopt});
    for (auto& answer : answers) {
        const auto parsed = parse_entry(answer.name);
        if (!parsed) answer.failure = StoreError::no_such_message;
        if (!parsed || parsed->uid != 0) continue;
        auto returned = MailboxReturn(*state_, answer.name).run(parsed->mailbox, act);
        if (returned) answer.mailbox = *std::move(returned);
        else answer.failure = returned.error();
        if (state_->is_torn) {
            if (auto good = state_->ensure(); !good) return good.error();
        }
    }
    Folder* into = target ? state_->find_folder(std::string_view(*target)) : nullptr;
    if (target && into == nullptr) return StoreError::no_such_mailbox;
    Restoring restoring(*state_, into, act);
    std::set<std::string_view> seen;
    for (auto& answer : answers) {
        const auto parsed = parse_entry(answer.name);
        if (!parsed || parsed->uid == 0) continue;
        if (seen.insert(answer.name).second) restoring.plan(answer, *parsed);
        else answer.failure = StoreError::no_such_message;
    }
    restoring.carry_out();
    return answers;
}

}  // namespace mbx::store
