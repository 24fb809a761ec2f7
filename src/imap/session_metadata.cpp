// GETMETADATA, SETMETADATA and what other sessions set (RFC 5464).
#include <algorithm>

#include "imap/metadata.hpp"
#include "imap/response.hpp"
#include "imap/session.hpp"

namespace mbx::imap {

namespace {

constexpr std::string_view kSpecialUseEntry = "/private/specialuse";  // RFC 6154 section 4
constexpr std::size_t kMostMetadataNews = 1000;

std::optional<std::string> annotated(const std::string& mailbox)
{
    return mailbox.empty() ? std::nullopt : std::optional(mailbox);
}

// RFC 5464 section 3.3: who may look the mailbox up and do something with its messages.
Result<store::MailboxInfo, store::StoreError> find_annotated(store::AccountStore& store, const std::string& name, std::int64_t user)
{
    constexpr store::Rights kAnyOf = store::kRead | store::kKeepSeen | store::kWriteFlags | store::kInsert | store::kPost;
    auto info = store.find_for(name, user, store::kLookup);
    if (info && (info->rights & kAnyOf) == 0) return store::StoreError::no_right;
    return info;
}

// What nobody can set; none: it can be.
std::optional<std::string_view> read_only_reason(const SetMetadata& command)
{
    for (const auto& change : command.changes) {
        // RFC 5464 section 3.3 lets a server restrict these; what all accounts would see is for none of them to say.
        if (command.mailbox.empty() && !store::is_private_entry(change.entry))
            return "[NOPERM] shared annotations of the server are the administrator's";
        if (!command.mailbox.empty() && change.entry == kSpecialUseEntry)
            return "[CANNOT] the use of a mailbox is said when it is created";
    }
    return std::nullopt;
}

}  // namespace

co::Task<void> Session::handle(const GetMetadata& command)
{
    const auto place = co_await place_of(command.mailbox);
    if (!place) {
        no(refusal_text(place.error()));
        co_return;
    }
    auto mailbox = annotated(place->name);
    const auto user = login_->account.value;
    std::map<std::string, std::string> values;
    auto job = [&](store::AccountStore& store) -> Result<void, store::StoreError> {
        if (mailbox) {
            const auto info = find_annotated(store, *mailbox, user);
            if (!info) return info.error();
            const auto use = special_use_text(info->special_use);
            if (!use.empty() && !place->is_other()) values.emplace(kSpecialUseEntry, use);
        }
        auto all = store.annotations(mailbox, user);
        if (!all) return all.error();
        for (auto& each : *all) values.insert_or_assign(std::move(each.entry), std::move(each.value));
        return {};
    };
    const auto read = co_await place->account->run(net::WorkClass::interactive, std::move(job));
    if (!read) {
        no(refusal_text(read.error()));
        co_return;
    }
    // RFC 5464 section 3.2.1.1; mail for postmaster reaches the administrators.
    if (!mailbox) values.insert_or_assign("/shared/admin", "mailto:postmaster@" + account_->key().domain);
    const std::string name = mailbox ? mailbox_text(command.mailbox, utf8_) : std::string("\"\"");
    const auto answer = metadata_answer(name, values, command.entries, command.depth, command.max_size);
    out_.add(answer.line);
    if (answer.left_out == 0) ok("GETMETADATA completed");
    else ok("[METADATA LONGENTRIES " + std::to_string(answer.left_out) + "] GETMETADATA completed");
}

co::Task<void> Session::handle(const SetMetadata& command)
{
    if (const auto reason = read_only_reason(command)) {
        no(*reason);
        co_return;
    }
    const store::AnnotationLimits limits = options_->annotations;
    const bool is_long = std::ranges::any_of(command.changes, [&limits](const store::AnnotationChange& change) {
        return change.value && change.value->size() > limits.value_bytes;
    });
    if (is_long) {
        no("[METADATA MAXSIZE " + std::to_string(limits.value_bytes) + "] the value is too large");
        co_return;
    }
    const auto place = co_await place_of(command.mailbox);
    if (!place) {
        no(refusal_text(place.error()));
        co_return;
    }
    const auto mailbox = annotated(place->name);
    const auto user = login_->account.value;
    using Done = Result<store::MailboxId, store::StoreError>;
    auto job = [&](store::AccountStore& store) -> Done {
        store::MailboxId id;
        if (mailbox) {
            const auto info = find_annotated(store, *mailbox, user);
            if (!info) return info.error();
            id = info->id;
        }
        const auto done = store.annotate(mailbox, user, command.changes, limits);
        if (!done) return done.error();
        return id;
    };
    const auto done = co_await place->account->run(net::WorkClass::interactive, std::move(job));
    if (!done && done.error() == store::StoreError::limit) {
        no("[METADATA TOOMANY] no more annotations can be kept there");
        co_return;
    }
    if (!done) {
        no(refusal_text(done.error()));
        co_return;
    }
    tell_others_of_metadata(*place, *done, command);
    ok("SETMETADATA completed");
}

// Everybody who sees the mailbox hears of what is shared, under the name that he knows it by; private entries are for the
// sessions of the same user.
void Session::tell_others_of_metadata(const Place& place, store::MailboxId mailbox, const SetMetadata& command)
{
    const auto user = login_->account.value;
    std::vector<std::string> all;
    std::vector<std::string> shared;
    for (const auto& change : command.changes) {
        all.push_back(change.entry);
        if (!store::is_private_entry(change.entry)) shared.push_back(change.entry);
    }
    metadata_feed_.tell(user, this, command.mailbox, all);
    if (shared.empty() || place.name.empty()) return;
    const auto& owner = place.account->key();
    const std::string prefix = other_prefix(owner.local_part + "@" + owner.domain);
    for (const auto account : metadata_feed_.accounts()) {
        if (account == user || (place.account->rights(mailbox, account) & store::kLookup) == 0) continue;
        metadata_feed_.tell(account, this, account == owner.id ? place.name : prefix + place.name, shared);
    }
}

// Another session of the account set them: told with the next answer, or at once in IDLE.
void Session::on_metadata(const std::string& mailbox, const std::vector<std::string>& entries)
{
    if (!wants_metadata(mailbox)) return;
    for (const auto& entry : entries) {
        if (metadata_news_.size() < kMostMetadataNews) metadata_news_.emplace(mailbox, entry);
    }
    if (idling_ || listening_) stream_->interrupt_read();
}

// RFC 5464 section 4.4.2: names without values.
void Session::tell_metadata()
{
    const auto news = std::exchange(metadata_news_, {});
    std::string line;
    const std::string* mailbox = nullptr;
    for (const auto& [name, entry] : news) {
        if (mailbox == nullptr || *mailbox != name) {
            if (!line.empty()) out_.add(line + "\r\n");
            line = "* METADATA " + (name.empty() ? std::string("\"\"") : mailbox_text(name, utf8_));
            mailbox = &name;
        }
        line += " " + entry_text(entry);
    }
    if (!line.empty()) out_.add(line + "\r\n");
}

}  // namespace mbx::imap
