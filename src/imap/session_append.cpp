// APPEND (RFC 9051 section 6.3.12): the message goes from the stream into a draft, never whole into memory.
#include <algorithm>

#include "imap/cursor.hpp"
#include "imap/response.hpp"
#include "imap/session.hpp"

namespace mbx::imap {

namespace {

constexpr std::size_t kChunk = 64 * 1024;
constexpr std::int64_t kFirstDate = INT32_MIN;      // 13 December 1901
constexpr std::int64_t kLastDate = 9'223'372'035;   // 11 April 2262

store::StoreError to_store_error(intake::IntakeError error)
{
    switch (error) {
    case intake::IntakeError::no_space: return store::StoreError::no_space;
    case intake::IntakeError::over_quota: return store::StoreError::over_quota;
    case intake::IntakeError::failure: break;
    }
    return store::StoreError::io;
}

}  // namespace

co::Task<void> Session::handle(const Append& command)
{
    const bool too_big = command.size > options_->max_append ||
                         (!command.synchronizing && options_->literal_mode == LiteralMode::minus && command.size > 4096);
    if (too_big) {
        // RFC 7889 section 2. A non-synchronizing literal is on its way: we cannot find its end without reading it.
        no("[TOOBIG] the message is larger than APPENDLIMIT");
        if (command.synchronizing) co_return;
        out_.add(tag_ + " " + std::exchange(reply_, {}) + "\r\n");
        co_await say_goodbye("literal too large");
        co_return;
    }
    const auto name = command.mailbox;
    auto job = [name](store::AccountStore& store) { return store.find(name); };
    const auto target = co_await account_->run(net::WorkClass::interactive, std::move(job));
    std::string refusal;
    if (!target) {
        const bool absent = target.error() == store::StoreError::no_such_mailbox;
        refusal = absent ? "[TRYCREATE] no such mailbox" : refusal_text(target.error());
    } else if (command.size == 0) {
        refusal = "[CANNOT] an empty message";
    }
    if (!refusal.empty() && command.synchronizing) {
        no(refusal);
        co_return;
    }
    if (command.synchronizing) {
        out_.add("+ go ahead\r\n");
        (void)co_await out_.flush(true);
    }
    auto draft = services_.intake.new_draft();
    auto* into = refusal.empty() ? &draft : nullptr;
    const auto upload = co_await receive(command.size, command.utf8, into);
    if (upload.lost) co_return;
    if (!reply_.empty()) co_return;  // the line behind the message was no end of the command
    if (!refusal.empty()) {
        no(refusal);
    } else if (upload.failure) {
        no(refusal_text(to_store_error(*upload.failure)));
    } else if (upload.has_nul) {
        // RFC 3516 section 4.4: a server that cannot store binary content says so; RFC 9051 forbids NUL in a literal.
        no(command.literal8 ? "[UNKNOWN-CTE] a message with NUL bytes cannot be stored"
                            : "[CANNOT] a message with NUL bytes cannot be stored");
    } else {
        co_await finish_append(command, std::move(draft));
    }
}

// Takes `size` bytes and the end of the command's line behind them, with the ")" of UTF8 where `is_closed`. `into` may be null: then they are dropped.
co::Task<Session::Upload> Session::receive(std::uint64_t size, bool is_closed, intake::Draft* into)
{
    Upload upload;
    while (size != 0) {
        const auto most = static_cast<std::size_t>(std::min<std::uint64_t>(size, kChunk));
        const auto deadline = net::Deadline::after(options_->literal_timeout);
        const auto bytes = co_await lines_.some(most, deadline);
        if (!bytes && bytes.error() == net::ReadFailure::interrupted) continue;
        if (!bytes) {
            open_ = false;
            upload.lost = true;
            co_return upload;
        }
        size -= bytes->size();
        upload.has_nul = upload.has_nul || bytes->find('\0') != std::string_view::npos;
        if (into == nullptr || upload.failure) continue;
        const auto appended = co_await into->append(*bytes);
        if (!appended) upload.failure = appended.error();
    }
    const auto deadline = net::Deadline::after(options_->literal_timeout);
    auto line = co_await lines_.line(options_->max_line, deadline);
    // A server that stops lets a command under way come to its end.
    while (!line && line.error() == net::ReadFailure::interrupted) {
        line = co_await lines_.line(options_->max_line, deadline);
    }
    if (!line) {
        open_ = false;
        upload.lost = true;
    } else if (*line != (is_closed ? ")" : "")) {
        bad("unexpected text behind the message");
        // Another literal would be announced only by a client that wants MULTIAPPEND, which we do not offer.
        const auto end = inspect_line_end(*line);
        if (!end.well_formed || (end.literal && !end.literal->synchronizing)) {
            out_.add(tag_ + " " + std::exchange(reply_, {}) + "\r\n");
            upload.lost = true;
            co_await say_goodbye("unexpected literal");
        }
    }
    co_return upload;
}

co::Task<void> Session::finish_append(const Append& command, intake::Draft draft)
{
    store::Incoming incoming;
    incoming.mailbox = command.mailbox;
    incoming.system_flags = command.flags.system;
    incoming.keywords = command.flags.keywords;
    incoming.internal_date = services_.clock.wall();
    if (command.internal_date) {
        // As far as the time of a file reaches, where it is kept (and a WallTime, which ends in 2262).
        const auto kept = std::clamp(command.internal_date->unix_seconds, kFirstDate, kLastDate);
        incoming.internal_date = WallTime(std::chrono::seconds(kept));
    }
    const auto appended = co_await services_.intake.append(account_, std::move(incoming), std::move(draft));
    if (!appended) {
        const bool absent = appended.error() == store::StoreError::no_such_mailbox;
        no(absent ? "[TRYCREATE] no such mailbox" : refusal_text(appended.error()));
        co_return;
    }
    ok("[APPENDUID " + std::to_string(appended->uidvalidity) + " " + std::to_string(appended->uid) +
       "] APPEND completed");
}

}  // namespace mbx::imap
