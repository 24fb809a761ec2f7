// APPEND (RFC 9051 section 6.3.12): the message goes from the stream into a draft, never whole into memory.
#include <algorithm>

#include "imap/cursor.hpp"
#include "imap/parser.hpp"
#include "imap/response.hpp"
#include "imap/session.hpp"

namespace mbx::imap {

store::StoreError to_store_error(intake::IntakeError error)
{
    switch (error) {
    case intake::IntakeError::no_space: return store::StoreError::no_space;
    case intake::IntakeError::over_quota: return store::StoreError::over_quota;
    case intake::IntakeError::failure: break;
    }
    return store::StoreError::io;
}

namespace {

constexpr std::size_t kChunk = 64 * 1024;
constexpr std::size_t kMaxAtOnce = 100;     // messages of one APPEND,
constexpr std::uint64_t kMaxLimitsAtOnce = 4;  // and how many times APPENDLIMIT all of them together
constexpr std::int64_t kFirstDate = INT32_MIN;      // 13 December 1901
constexpr std::int64_t kLastDate = 9'223'372'035;   // 11 April 2262

store::Incoming incoming_as_sent(const AppendedMessage& message, const std::string& mailbox, WallTime now)
{
    store::Incoming incoming;
    incoming.mailbox = mailbox;
    incoming.system_flags = message.flags.system;
    incoming.keywords = message.flags.keywords;
    incoming.internal_date = now;
    if (message.internal_date) {
        // As far as the time of a file reaches, where it is kept (and a WallTime, which ends in 2262).
        const auto kept = std::clamp(message.internal_date->unix_seconds, kFirstDate, kLastDate);
        incoming.internal_date = WallTime(std::chrono::seconds(kept));
    }
    return incoming;
}

std::string refusal_of_append(store::StoreError error)
{
    if (error == store::StoreError::no_such_mailbox) return "[TRYCREATE] no such mailbox";
    return std::string(refusal_text(error));
}

// RFC 4315 section 3, RFC 3502 section 6.3.11: UIDs of one job follow each other.
std::string appenduid(const std::vector<store::Appended>& appended)
{
    NumberSet uids;
    for (const auto& one : appended) add_above(uids, one.uid);
    return "[APPENDUID " + std::to_string(appended.front().uidvalidity) + " " + to_text(uids) + "]";
}

}  // namespace

// Empty: messages may go there. With the rights that hold now.
co::Task<std::string> Session::why_not_into(Upload& upload)
{
    const auto name = upload.place.name;
    const auto user = login_->account.value;
    auto job = [&name, user](store::AccountStore& store) { return store.find_for(name, user, store::kInsert); };
    const auto target = co_await upload.place.account->run(net::WorkClass::interactive, std::move(job));
    if (!target) co_return refusal_of_append(target.error());
    upload.rights = target->rights;
    upload.target = target->id;
    co_return std::string();
}

// The upload took its time, and rights are not what they were. False: it is refused.
co::Task<bool> Session::may_still_append(Upload& upload)
{
    if (upload.refusal.empty() && upload.place.is_other()) upload.refusal = co_await why_not_into(upload);
    for (auto& message : upload.messages) keep_settable(message.incoming, upload.rights);
    co_return upload.refusal.empty();
}

co::Task<void> Session::handle(const Append& command)
{
    Upload upload;
    co_await receive(command, true, upload);
    if (upload.is_lost) co_return;
    const bool is_allowed = co_await may_still_append(upload);
    if (!is_allowed) {
        no(upload.refusal);
        co_return;
    }
    const auto account = upload.place.account;
    std::vector<store::Appended> done;
    if (upload.messages.size() == 1) {
        auto& only = upload.messages.front();
        const auto one = co_await services_.intake.append(account, std::move(only.incoming), std::move(only.draft));
        if (!one) {
            last_target_.clear();
            no(refusal_of_append(one.error()));
            co_return;
        }
        done.push_back(*one);
    } else {
        const auto all = co_await services_.intake.append_all(account, std::move(upload.messages), std::nullopt);
        if (!all) {
            last_target_.clear();
            no(refusal_of_append(all.error()));
            co_return;
        }
        done = *all;
    }
    for (const auto& one : done) {
        if (is_selected(account, one.mailbox)) note_own(one.uid);
    }
    last_target_ = command.mailbox;
    ok(appenduid(done) + " APPEND completed");
}

std::optional<store::Uid> Session::replaced_by(const Replace& command) const
{
    if (!selected_) return std::nullopt;
    const auto& view = selected_->view();
    if (command.by_uid) {
        const auto uid = command.number == 0 ? view.last() : command.number;
        if (view.sequence(uid)) return uid;
        return std::nullopt;
    }
    const auto number = command.number == 0 ? view.size() : command.number;
    if (number == 0 || number > view.size()) return std::nullopt;
    return view.uid(number);
}

// RFC 8508: the new message is there and the old one gone, or nothing happened.
co::Task<void> Session::handle(const Replace& command)
{
    Upload upload;
    const auto old = replaced_by(command);
    // As of any command, a sequence number that does not exist is an error of syntax (RFC 9051 section 9, seq-number).
    bool is_bad = !selected_;
    if (!selected_) {
        upload.refusal = "command not permitted in this state";
    } else if (selected_->is_read_only()) {
        upload.refusal = "the mailbox is read-only";
    } else if (!may(store::kDeleteMessages | store::kExpungeRight)) {
        upload.refusal = refusal_text(store::StoreError::no_right);  // RFC 8508 section 5
    } else if (!old) {
        is_bad = !command.by_uid;
        upload.refusal = is_bad ? "no such sequence number" : "[NONEXISTENT] no such message";
    }
    // Its message may be on its way whatever the state: it must not be taken for commands.
    co_await receive(command.append, false, upload);
    if (upload.is_lost) co_return;
    if (is_bad) {
        bad(upload.refusal);
        co_return;
    }
    const bool is_allowed = co_await may_still_append(upload);
    if (!is_allowed) {
        no(upload.refusal);
        co_return;
    }
    const auto account = upload.place.account;
    const NumberSet gone{{*old, *old}};
    std::optional<intake::Intake::Replaced> replaced;
    if (account == owner_) replaced = intake::Intake::Replaced{selected_->id(), *old};
    const auto done = co_await services_.intake.append_all(account, std::move(upload.messages), replaced);
    if (!done) {
        no(refusal_of_append(done.error()));
        co_return;
    }
    // In another account: two jobs, of which the second takes the first one back when it fails.
    bool is_gone = true;
    if (!replaced) is_gone = co_await remove_messages(owner_, selected_->id(), gone);
    if (!is_gone) {
        const NumberSet made{{done->front().uid, done->front().uid}};
        (void)co_await remove_messages(account, done->front().mailbox, made);
        no(refusal_text(store::StoreError::io));
        co_return;
    }
    for (const auto& one : *done) {
        if (is_selected(account, one.mailbox)) note_own(one.uid);
    }
    // Before the EXPUNGE, as with MOVE (RFC 8508 section 3.2).
    out_.add("* OK " + appenduid(*done) + " replacement is there\r\n");
    ok(command.by_uid ? "UID REPLACE completed" : "REPLACE completed");
}

bool Session::is_too_big(const AppendedMessage& message, const Upload& upload) const
{
    const bool minus = !message.synchronizing && options_->literal_mode == LiteralMode::minus && message.size > 4096;
    return minus || message.size > options_->max_append ||
           (!upload.messages.empty() && upload.size + message.size > options_->max_append * kMaxLimitsAtOnce);
}

// The answer, and the end of a session whose stream we cannot follow any more.
co::Task<void> Session::give_up(std::string_view farewell)
{
    out_.add(tag_ + " " + std::exchange(reply_, {}) + "\r\n");
    co_await say_goodbye(farewell);
}

co::Task<void> Session::receive(const Append& command, bool may_be_many, Upload& upload)
{
    auto message = command.first;
    bool is_more = true;
    auto place = co_await place_of(command.mailbox);
    if (place) upload.place = *std::move(place);
    else if (upload.refusal.empty()) upload.refusal = refusal_of_append(place.error());
    while (is_more) {
        if (is_too_big(message, upload)) {
            // RFC 7889 section 2. A non-synchronizing literal is on its way: we cannot find its end without reading it.
            no("[TOOBIG] the message is larger than APPENDLIMIT");
            upload.is_lost = true;
            if (!message.synchronizing) co_await give_up("literal too large");
            co_return;
        }
        // Asked before the message is sent, but not for each of many: the append itself finds out that it is gone.
        const bool is_unknown = upload.messages.empty() && (upload.place.is_other() || command.mailbox != last_target_);
        if (is_unknown && upload.refusal.empty()) upload.refusal = co_await why_not_into(upload);
        if (upload.messages.size() == kMaxAtOnce) upload.refusal = "[LIMIT] too many messages in one command";
        // RFC 3502 section 6.3.11: a message of no bytes takes the whole command back.
        if (message.size == 0 && !message.catenates && upload.refusal.empty()) upload.refusal = "[CANNOT] an empty message";
        if (!upload.refusal.empty() && message.synchronizing && !message.catenates) co_return;
        auto draft = services_.intake.new_draft();
        auto* into = upload.refusal.empty() ? &draft : nullptr;
        std::optional<std::string> line;
        if (message.catenates) {
            line = co_await receive_parts(message, upload, into);
            if (!line) co_return;
            if (draft.size() == 0 && upload.refusal.empty()) upload.refusal = "[CANNOT] an empty message";
        } else {
            co_await receive_message(message, upload, into);
            if (upload.is_lost) co_return;
            line = co_await receive_rest();
            upload.is_lost = !line;
            if (!line) co_return;
        }
        const bool is_closed = !message.utf8 || line->starts_with(')');
        if (message.utf8 && is_closed) line->erase(0, 1);
        if (upload.refusal.empty()) {
            upload.size += message.catenates ? draft.size() : message.size;
            upload.messages.push_back({incoming_as_sent(message, upload.place.name, services_.clock.wall()), std::move(draft)});
        }
        is_more = !is_closed || !line->empty();
        if (!is_more) co_return;
        auto next = parse_next_message(*line, utf8_);
        if (is_closed && may_be_many && next) {
            message = *std::move(next);
            continue;
        }
        bad("unexpected text behind the message");
        upload.is_lost = true;
        const auto end = inspect_line_end(*line);
        if (!end.well_formed || (end.literal && !end.literal->synchronizing)) co_await give_up("unexpected literal");
        co_return;
    }
}

// `into` may be null: then the bytes are dropped.
co::Task<void> Session::receive_message(const AppendedMessage& message, Upload& upload, intake::Draft* into)
{
    if (message.synchronizing) {
        out_.add("+ go ahead\r\n");
        (void)co_await out_.flush(true);
    }
    auto left = message.size;
    while (left != 0) {
        const auto most = static_cast<std::size_t>(std::min<std::uint64_t>(left, kChunk));
        const auto deadline = net::Deadline::after(options_->literal_timeout);
        const auto bytes = co_await lines_.some(most, deadline);
        if (!bytes && bytes.error() == net::ReadFailure::interrupted) continue;
        if (!bytes) {
            open_ = false;
            upload.is_lost = true;
            co_return;
        }
        left -= bytes->size();
        if (into == nullptr || !upload.refusal.empty()) continue;
        if (bytes->find('\0') != std::string_view::npos) {
            // RFC 3516 section 4.4: a server that cannot store binary content says so; RFC 9051 forbids NUL in a literal.
            upload.refusal = message.literal8 ? "[UNKNOWN-CTE] a message with NUL bytes cannot be stored"
                                              : "[CANNOT] a message with NUL bytes cannot be stored";
            continue;
        }
        const auto appended = co_await into->append(*bytes);
        if (!appended) upload.refusal = refusal_text(to_store_error(appended.error()));
    }
}

// The rest of the line behind a message; none: the connection is lost.
co::Task<std::optional<std::string>> Session::receive_rest()
{
    const auto deadline = net::Deadline::after(options_->literal_timeout);
    auto line = co_await lines_.line(options_->max_line, deadline);
    // A server that stops lets a command under way come to its end.
    while (!line && line.error() == net::ReadFailure::interrupted) {
        line = co_await lines_.line(options_->max_line, deadline);
    }
    if (line) co_return std::string(*line);
    open_ = false;
    co_return std::nullopt;
}

}  // namespace mbx::imap
