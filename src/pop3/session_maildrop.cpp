// The TRANSACTION and UPDATE states (RFC 1939 sections 5 and 6). Long work goes through the mailbox in slices, so that
// deliveries and IMAP sessions come in between.
#include <algorithm>

#include "mail/header.hpp"
#include "pop3/session.hpp"
#include "pop3/stuffed_message.hpp"
#include "pop3/surrogate.hpp"

namespace mbx::pop3 {

namespace {

constexpr std::size_t kRowsAtOnce = 5000;     // read at log-in in one job
constexpr std::size_t kChangedAtOnce = 500;   // removed or marked in one job

struct Beginning {
    store::MailboxId mailbox;
    std::uint32_t uidvalidity = 0;
    std::vector<store::Uid> uids;
};

Result<Beginning, store::StoreError> look_at_inbox(store::AccountStore& store)
{
    const auto inbox = store.find("INBOX");
    if (!inbox) return inbox.error();
    const auto status = store.status(inbox->id);
    if (!status) return status.error();
    auto uids = store.uids(inbox->id);
    if (!uids) return uids.error();
    return Beginning{inbox->id, status->uidvalidity, std::move(*uids)};
}

// A message as it is to be sent.
struct Opened {
    store::MessageFilePtr file;
    std::optional<std::string> header;  // in the place of its own
    std::string_view head;
    std::string_view body;
};

struct Wish {
    store::MailboxId mailbox;
    store::Uid uid = 0;
    std::optional<std::uint64_t> lines;  // TOP
    bool utf8 = false;
};

Result<Opened, store::StoreError> open_message(store::AccountStore& store, const Wish& wish)
{
    auto file = store.message(wish.mailbox, wish.uid);
    if (!file) return file.error();
    Opened opened;
    opened.file = std::move(*file);
    const auto bytes = opened.file->bytes();
    if (wish.utf8 && !wish.lines) {
        opened.body = bytes;
        return opened;
    }
    mail::HeaderScanner scanner(bytes);
    const auto body_at = scanner.body_offset();
    opened.head = bytes.substr(0, body_at);
    opened.body = bytes.substr(body_at);
    if (wish.lines) opened.body = bytes.substr(0, top_size(bytes, body_at, *wish.lines)).substr(body_at);
    if (!wish.utf8) opened.header = surrogate_header(opened.head);
    return opened;
}

}  // namespace

// INBOX as it is: UIDs by one job, sizes by as many as it takes. What is expunged in between is left out.
co::Task<bool> Session::open_maildrop()
{
    const auto beginning = co_await account_->run(net::WorkClass::interactive, look_at_inbox);
    if (!beginning) co_return false;
    const auto& uids = beginning->uids;
    const auto mailbox = beginning->mailbox;
    Maildrop maildrop(mailbox, beginning->uidvalidity);
    maildrop.reserve(uids.size());
    for (std::size_t at = 0; at < uids.size(); at += kRowsAtOnce) {
        const store::UidRange range{uids[at], uids[std::min(at + kRowsAtOnce, uids.size()) - 1]};
        const store::UidSet which(1, range);
        auto job = [mailbox, &which](store::AccountStore& store) { return store.rows(mailbox, which); };
        const auto rows = co_await account_->run(net::WorkClass::interactive, std::move(job));
        if (!rows) co_return false;
        for (const auto& row : *rows) maildrop.add(row.uid, row.size);
    }
    maildrop_ = std::move(maildrop);
    co_return true;
}

bool Session::has(std::uint64_t number)
{
    if (maildrop_.has(number)) return true;
    bad("no such message");
    return false;
}

void Session::stat() { ok(std::to_string(maildrop_.left()) + " " + std::to_string(maildrop_.left_bytes())); }

co::Task<void> Session::list(std::optional<std::uint64_t> number)
{
    const auto line = [this](std::uint64_t n) { return std::to_string(n) + " " + std::to_string(maildrop_.bytes(n)); };
    if (number) {
        if (has(*number)) ok(line(*number));
        co_return;
    }
    ok(std::to_string(maildrop_.left()) + " messages (" + std::to_string(maildrop_.left_bytes()) + " octets)");
    for (std::uint64_t n = 1; n <= maildrop_.size(); ++n) {
        if (maildrop_.has(n)) out_.add(line(n) + "\r\n");
        if (out_.is_full()) (void)co_await out_.flush();
        if (out_.is_broken()) co_return;
    }
    out_.add(".\r\n");
}

co::Task<void> Session::uidl(std::optional<std::uint64_t> number)
{
    const auto line = [this](std::uint64_t n) { return std::to_string(n) + " " + maildrop_.unique_id(n); };
    if (number) {
        if (has(*number)) ok(line(*number));
        co_return;
    }
    ok("unique ids:");
    for (std::uint64_t n = 1; n <= maildrop_.size(); ++n) {
        if (maildrop_.has(n)) out_.add(line(n) + "\r\n");
        if (out_.is_full()) (void)co_await out_.flush();
        if (out_.is_broken()) co_return;
    }
    out_.add(".\r\n");
}

// RETR, and with `lines` TOP: from the mapped file, piece by piece.
co::Task<void> Session::retrieve(std::uint64_t number, std::optional<std::uint64_t> lines)
{
    if (!has(number)) co_return;
    const Wish wish{maildrop_.mailbox(), maildrop_.uid(number), lines, utf8_};
    auto job = [&wish](store::AccountStore& store) { return open_message(store, wish); };
    const auto opened = co_await account_->run(net::WorkClass::interactive, std::move(job));
    if (!opened) {
        const bool is_gone = opened.error() == store::StoreError::no_such_message ||
                             opened.error() == store::StoreError::no_such_mailbox;
        // No code of RFC 3206 for the first: the maildrop is sound, and trying again will not bring it back.
        error(is_gone ? "another session has removed this message" : "[SYS/TEMP] the message cannot be read now; try again");
        co_return;
    }
    ok(lines ? "the top follows" : std::to_string(maildrop_.bytes(number)) + " octets");
    const std::string_view head = opened->header ? std::string_view(*opened->header) : opened->head;
    StuffedMessage message(head, opened->body);
    bool has_more = true;
    while (has_more && !out_.is_broken()) {
        const auto before = out_.text().size();
        has_more = message.write(out_.text(), Output::kBatch);
        metrics_.retrieved_bytes.add(out_.text().size() - before);
        if (out_.is_full()) (void)co_await out_.flush();
    }
    if (out_.is_broken() || lines) co_return;
    maildrop_.note_retrieved(number);
    metrics_.retrieved.add();
    ++retrieved_;
}

void Session::dele(std::uint64_t number)
{
    if (!has(number)) return;
    maildrop_.remove(number);
    ok("message " + std::to_string(number) + " goes at QUIT");
}

void Session::rset()
{
    maildrop_.restore_all();
    ok(std::to_string(maildrop_.left()) + " messages (" + std::to_string(maildrop_.left_bytes()) + " octets)");
}

// The one way in which messages are removed (RFC 1939 section 6, HOSTILE row E20).
co::Task<void> Session::quit()
{
    open_ = false;
    if (!login_) {
        ok("bye");
        co_return;
    }
    const bool removed = co_await remove_deleted();
    if (!removed) maildrop_.restore_all();
    // Before the answer: a client that hears it may come back at once.
    co_await close_maildrop();
    if (removed) {
        ok("bye");
    } else {
        error("[SYS/TEMP] some deleted messages not removed");
    }
}

// What another session has removed meanwhile is passed over. Each job's records are durable when it comes back.
co::Task<bool> Session::remove_deleted()
{
    const auto mailbox = maildrop_.mailbox();
    std::uint32_t from = 1;
    auto which = maildrop_.deleted(from, kChangedAtOnce);
    while (!which.empty()) {
        store::TracedAct act{"pop3", login_->address};
        auto job = [mailbox, &which, &act](store::AccountStore& store) { return store.expunge_these(mailbox, which, &act); };
        const auto gone = co_await account_->run(net::WorkClass::interactive, std::move(job));
        if (!gone && gone.error() == store::StoreError::no_such_mailbox) co_return true;
        if (!gone) {
            services_.log.error("messages not removed", {{"account", login_->address}, {"peer", peer_}});
            co_return false;
        }
        deleted_ += gone->size();
        metrics_.deleted.add(gone->size());
        which = maildrop_.deleted(from, kChangedAtOnce);
    }
    co_return true;
}

// Once for all that were retrieved: a record and a rename for each would slow a client that fetches everything.
co::Task<void> Session::mark_seen()
{
    store::FlagChange change;
    change.action = store::FlagAction::add;
    change.system = store::kSeen;
    const auto mailbox = maildrop_.mailbox();
    std::uint32_t from = 1;
    auto which = maildrop_.retrieved_and_kept(from, kChangedAtOnce);
    while (!which.empty()) {
        auto job = [mailbox, &which, &change](store::AccountStore& store) {
            return store.store_flags(mailbox, which, change);
        };
        const auto stored = co_await account_->run(net::WorkClass::interactive, std::move(job));
        // The mail was served; a flag that could not be kept is no reason to fail.
        if (!stored) co_return;
        which = maildrop_.retrieved_and_kept(from, kChangedAtOnce);
    }
}

// Ends the TRANSACTION state, however the session ends. Then the next session may come.
co::Task<void> Session::close_maildrop()
{
    if (options_->marks_seen) co_await mark_seen();
    services_.log.info("session ended", {{"account", login_->address}, {"peer", peer_}, {"messages", maildrop_.size()},
                                         {"retrieved", retrieved_}, {"deleted", deleted_}});
    maildrop_ = {};
    account_.reset();
    hold_ = {};
    registration_.reset();
}

}  // namespace mbx::pop3
