#include "imap/session.hpp"

#include <algorithm>
#include <array>

#include "base/ascii.hpp"
#include "imap/parser.hpp"

namespace mbx::imap {

namespace {

enum class Needs : std::uint8_t { nothing, no_login, login, selection };

template <typename One, typename... Others>
constexpr bool is_one_of = (std::is_same_v<One, Others> || ...);

// RFC 9051 section 3 and the headings of section 6.
template <typename Made>
constexpr Needs needs()
{
    if constexpr (is_one_of<Made, Capability, Noop, Logout, Id>) {
        return Needs::nothing;
    } else if constexpr (is_one_of<Made, StartTls, Login, Authenticate>) {
        return Needs::no_login;
    } else if constexpr (is_one_of<Made, Check, Close, Unselect, Expunge, Copy, Store, Fetch, Search, Sort, Thread, CancelUpdate>) {
        return Needs::selection;
    } else {
        return Needs::login;
    }
}

// RFC 9051 section 7.5.1: EXPUNGE must not come during FETCH, STORE and SEARCH by sequence number.
bool may_tell_expunges(const Search& search)
{
    // Nor where message numbers stand in a UID SEARCH (RFC 7162 section 3.2.10.2).
    return search.by_uid &&
           std::ranges::none_of(search.program, [](const SearchNode& node) { return node.kind == SearchKind::sequence; });
}

bool may_tell_expunges(const Request& request)
{
    if (const auto* fetch = std::get_if<Fetch>(&request)) return fetch->by_uid;
    if (const auto* store = std::get_if<Store>(&request)) return store->by_uid;
    if (const auto* search = std::get_if<Search>(&request)) return may_tell_expunges(*search);
    if (const auto* sort = std::get_if<Sort>(&request)) return may_tell_expunges(sort->search);
    if (const auto* thread = std::get_if<Thread>(&request)) return may_tell_expunges(thread->search);
    return true;
}

// Their own answers are expunges: those of the selected mailbox are told whatever NOTIFY said (RFC 5465 section 1). NOTIFY
// itself tells what has gathered, in either form (section 3.1).
bool answers_with_news(const Request& request)
{
    const auto* copy = std::get_if<Copy>(&request);
    return (copy != nullptr && copy->move) || std::holds_alternative<Expunge>(request) ||
           std::holds_alternative<Replace>(request);
}

// What leaves the selected mailbox needs no right to it.
bool needs_access(const Request& request)
{
    return std::visit([](const auto& made) {
        return !is_one_of<std::decay_t<decltype(made)>, Select, Unselect, Close, Logout, Unauthenticate>;
    }, request);
}

// A web browser was sent here (ALPACA, HOSTILE row B9).
bool is_http(std::string_view line)
{
    constexpr std::array<std::string_view, 9> kVerbs{"GET ",     "POST ",  "HEAD ",  "PUT ", "OPTIONS ",
                                                     "CONNECT ", "DELETE ", "PATCH ", "PRI "};
    if (line.find(" HTTP/") == std::string_view::npos) return false;
    for (const auto verb : kVerbs) {
        if (line.starts_with(verb)) return true;
    }
    return false;
}

}  // namespace

Session::Session(Services& services, std::shared_ptr<const Options> options, ImapMetrics& metrics,
                 QuotaAlerts& alerts, MetadataFeed& metadata_feed, KeptKeys& kept_keys,
                 const std::set<Session*>& sessions, std::unique_ptr<net::ByteStream> stream)
    : services_(services), options_(std::move(options)), metrics_(metrics), alerts_(alerts), metadata_feed_(metadata_feed),
      kept_keys_(kept_keys), sessions_(sessions),
      stream_(std::move(stream)),
      peer_(stream_->peer().text()), lines_(*stream_), out_(options_->write_timeout), reader_(lines_, out_, *options_),
      login_deadline_(net::Deadline::after(options_->login_timeout))
{
    out_.attach(stream_.get());
}

co::Task<void> Session::run()
{
    out_.add("* OK [CAPABILITY " + capabilities() + "] " + options_->hostname + " ready\r\n");
    (void)co_await out_.flush(true);
    while (open_ && !stopping_ && !out_.is_broken()) co_await serve_command();
    if (open_ && stopping_ && !out_.is_broken()) co_await say_goodbye("[UNAVAILABLE] server is stopping");
    if (stream_ && !out_.is_broken()) {
        const auto deadline = net::Deadline::after(std::chrono::seconds(5));
        (void)co_await stream_->shutdown_write(deadline);
    }
}

void Session::stop()
{
    stopping_ = true;
    reader_.stop();
    if (stream_) stream_->interrupt_read();
}

co::Task<void> Session::say_internal_error()
{
    co_await say_goodbye("[SERVERBUG] internal error; the administrator's log says more");
}

co::Task<void> Session::say_goodbye(std::string_view text)
{
    open_ = false;
    out_.add("* BYE ");
    out_.add(text);
    out_.add("\r\n");
    (void)co_await out_.flush(true);
}

net::Deadline Session::read_deadline() const
{
    return login_ ? net::Deadline::after(options_->inactivity_timeout) : login_deadline_;
}

std::string Session::capabilities() const
{
    std::string all = "IMAP4rev1 IMAP4rev2";
    all += options_->literal_mode == LiteralMode::plus ? " LITERAL+" : " LITERAL-";
    all += " SASL-IR ID ENABLE IDLE NAMESPACE UIDPLUS MOVE CHILDREN UNSELECT SPECIAL-USE CREATE-SPECIAL-USE"
           " CONDSTORE QRESYNC LIST-EXTENDED LIST-STATUS OBJECTID STATUS=SIZE ESEARCH SEARCHRES ESORT CONTEXT=SEARCH CONTEXT=SORT"
           " SEARCH=FUZZY MULTISEARCH NOTIFY SORT SORT=DISPLAY THREAD=ORDEREDSUBJECT THREAD=REFERENCES I18NLEVEL=2"
           " QUOTA QUOTA=RES-STORAGE QUOTA=RES-MESSAGE APPENDLIMIT=" +
           std::to_string(options_->max_append);
    all += " MULTIAPPEND CATENATE REPLACE BINARY SAVEDATE PREVIEW UTF8=ACCEPT WITHIN METADATA ACL RIGHTS=kxte LIST-MYRIGHTS URLAUTH";
    if (login_ && compresses_) return all;
    if (login_) return all + (options_->compression == Compression::off ? " UNAUTHENTICATE" : " UNAUTHENTICATE COMPRESS=DEFLATE");
    const bool encrypted = stream_ && stream_->is_encrypted();
    if (!encrypted && services_.tls.is_ready()) all += " STARTTLS";
    all += auth::list_mechanisms(mechanisms(), " AUTH=");
    if (!may_log_in()) all += " LOGINDISABLED";
    return all;
}

void Session::bad(std::string_view text)
{
    reply_ = "BAD " + std::string(text);
    ++bad_commands_;
    metrics_.bad_commands.add();
}

co::Task<void> Session::serve_command()
{
    if (!waits_until_) waits_until_ = read_deadline();
    if (notify_) co_await tell_between();
    if (!open_) co_return;
    const auto deadline = *waits_until_;
    listen(true);
    auto text = co_await reader_.next(login_.has_value(), utf8_, deadline);
    listen(false);
    if (!text && text.error().problem == CommandProblem::woken) co_return;
    waits_until_.reset();
    if (!text) {
        co_await refuse(text.error());
        co_return;
    }
    if (std::exchange(first_line_, false) && is_http(*text)) {
        open_ = false;
        co_return;
    }
    metrics_.commands.add();
    auto command = parse_command(*text, utf8_);
    std::string().swap(*text);  // a long command's bytes are not kept while it is carried out
    if (command) {
        tag_ = command->tag;
        co_await execute(*command);
    } else {
        tag_ = command.error().tag;
        bad(command.error().reason);
    }
    // In a row: a session of weeks must not end because a client tries, once a day, what we do not know.
    if (login_ && reply_.starts_with("OK ")) bad_commands_ = 0;
    if (!metadata_news_.empty()) tell_metadata();
    if (is_key_reset_) tell_reset();
    if (!reply_.empty()) out_.add(tag_ + " " + std::exchange(reply_, {}) + "\r\n");
    (void)co_await out_.flush(true);
    const auto most = login_ ? options_->max_bad : options_->max_bad_before_login;
    if (open_ && bad_commands_ >= most) co_await say_goodbye("too many bad commands");
}

co::Task<void> Session::refuse(CommandRefusal refusal)
{
    switch (refusal.problem) {
    case CommandProblem::woken: break;
    case CommandProblem::end:
    case CommandProblem::broken: open_ = false; break;
    case CommandProblem::stopping: co_await say_goodbye("[UNAVAILABLE] server is stopping"); break;
    case CommandProblem::timed_out:
        if (login_) {
            co_await say_goodbye("autologout; idle for too long");
        } else {
            co_await say_goodbye("log-in took too long");
        }
        break;
    case CommandProblem::line_too_long:
        // Past the limit we no longer know where a command begins.
        out_.add(refusal.tag + " BAD [TOOBIG] line too long\r\n");
        co_await say_goodbye("line too long");
        break;
    case CommandProblem::literal_lost:
        // RFC 7888 section 4: the client sends it anyway; not a byte of it is read.
        out_.add(refusal.tag + " BAD [TOOBIG] literal too large\r\n");
        co_await say_goodbye("literal too large");
        break;
    case CommandProblem::literal_refused:
        tag_ = refusal.tag;
        bad("[TOOBIG] literal too large");
        out_.add(tag_ + " " + std::exchange(reply_, {}) + "\r\n");
        (void)co_await out_.flush(true);
        if (bad_commands_ >= options_->max_bad_before_login && !login_) co_await say_goodbye("too many bad commands");
        break;
    }
}

bool Session::is_allowed_now(const Request& request) const
{
    const auto needed = std::visit([](const auto& made) { return needs<std::decay_t<decltype(made)>>(); }, request);
    switch (needed) {
    case Needs::nothing: return true;
    case Needs::no_login: return !login_;
    case Needs::login: return login_.has_value();
    case Needs::selection: return selected_ != nullptr;
    }
    return false;
}

co::Task<void> Session::execute(const Command& command)
{
    if (!is_allowed_now(command.request)) {
        bad("command not permitted in this state");
        co_return;
    }
    if (has_lost_access() && needs_access(command.request)) {
        co_await say_goodbye("[NOPERM] the selected mailbox is shared with you no longer");
        reply_.clear();
        co_return;
    }
    if (needs_access(command.request)) tell_changed_rights();
    const auto before = selected_ ? selected_->told_until() : 0;
    in_fetch_ = std::holds_alternative<Fetch>(command.request);
    auto task = std::visit([this](const auto& request) { return handle(request); }, command.request);
    is_direct_ = answers_with_news(command.request);
    co_await std::move(task);
    if (open_ && selected_) co_await conclude_command(command.request, before);
    is_direct_ = false;
    if (open_) co_await tell_notified();
}

// The news behind a command.
co::Task<void> Session::conclude_command(const Request& request, store::ModSeq before)
{
    // No client expects news in the answer of a SELECT, least of all an EXPUNGE: the next command tells them.
    if (std::holds_alternative<Select>(request)) co_return;
    const bool by_noop = std::holds_alternative<Noop>(request) || std::holds_alternative<Check>(request);
    co_await announce(may_tell_expunges(request), by_noop);
    if (condstore_ && open_) conclude_modseq(request, before);
    // Thunderbird overlooks an EXISTS inside the UID FETCH that follows its IDLE: the next IDLE tells it again.
    if (std::holds_alternative<Noop>(request)) exists_told_in_fetch_ = false;
}

co::Task<void> Session::announce(bool may_expunge, bool look)
{
    if (is_silenced()) co_return;
    if (has_lost_access()) {
        co_await say_goodbye("[NOPERM] the selected mailbox is shared with you no longer");
        reply_.clear();
        co_return;
    }
    if (look || !mailbox_->is_current()) {
        const auto done = co_await mailbox_->refresh(look);
        if (!done && done.error() == store::StoreError::no_such_mailbox) {
            co_await say_goodbye("the selected mailbox was deleted by another session");
            reply_.clear();
            co_return;
        }
        news_failed_ = !done;
        if (!done) {
            const auto mailbox = selected_->id().value;
            services_.log.warning("changes not read", {{"account", owner_->key().id}, {"mailbox", mailbox}});
            co_return;  // another time
        }
    }
    co_await take_news();
    const auto contexts = co_await update_contexts();
    co_await tell_news(may_expunge);
    co_await tell_arrived(contexts);
    for (const auto& one : contexts) {
        tell_context(*one.context, "REMOVEFROM", one.removed);
        tell_context(*one.context, "ADDTO", one.added);
    }
}

bool Session::has_news() const
{
    return selected_ && !is_silenced() && (!mailbox_->is_current() || selected_->is_late() || selected_->behind_since());
}

co::Task<void> Session::take_news()
{
    if (selected_->is_late()) selected_->take();
    if (selected_->behind_since()) co_await catch_up();
}

// The feed no longer has the flag changes that we missed: they are read from the rows, slice by slice.
co::Task<void> Session::catch_up()
{
    constexpr std::uint32_t kRowsAtOnce = 1000;
    if (!tells_flags()) {
        selected_->drop_changed();
        co_return;
    }
    const auto id = selected_->id();
    const auto since = *selected_->behind_since();
    for (std::uint32_t from = 1; from <= selected_->view().size() && !out_.is_broken(); from += kRowsAtOnce) {
        const auto uids = selected_->view().uids_of({{from, from + (kRowsAtOnce - 1)}});
        auto job = [id, since, &uids](store::AccountStore& store) {
            auto rows = store.rows(id, uids);
            if (rows) std::erase_if(*rows, [since](const store::MessageRow& row) { return row.modseq <= since; });
            return rows;
        };
        auto rows = co_await owner_->run(net::WorkClass::interactive, std::move(job));
        if (!rows) {
            news_failed_ = true;
            co_return;  // another time
        }
        selected_->add_changed(std::move(*rows));
        co_await tell_news(false);
    }
    selected_->caught_up();
    news_failed_ = false;
}

co::Task<void> Session::tell_news(bool may_expunge)
{
    while (selected_->has_news(may_expunge) && !out_.is_broken()) {
        const bool exists = selected_->announce(out_.text(), may_expunge, Output::kBatch, words());
        exists_told_in_fetch_ = exists_told_in_fetch_ || (exists && in_fetch_);
        if (out_.is_full()) (void)co_await out_.flush();
    }
}

co::Task<void> Session::handle(const Capability&)
{
    out_.add("* CAPABILITY " + capabilities() + "\r\n");
    ok("CAPABILITY completed");
    co_return;
}

co::Task<void> Session::handle(const Noop&)
{
    ok("NOOP completed");
    co_return;
}

co::Task<void> Session::handle(const Logout&)
{
    out_.add("* BYE logging out\r\n");
    ok("LOGOUT completed");
    open_ = false;
    co_return;
}

co::Task<void> Session::handle(const Id& command)
{
    std::string client;
    for (const auto& [name, value] : command.fields) {
        if (!value || client.size() > 200) continue;
        client += name + "=" + *value + " ";
    }
    if (!client.empty()) services_.log.info("client", {{"id", client}, {"peer", peer_}});
    // No version: it would tell strangers which holes to try.
    out_.add("* ID (\"name\" \"mailboxd\")\r\n");
    ok("ID completed");
    co_return;
}

}  // namespace mbx::imap
