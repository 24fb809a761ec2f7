// One IMAP connection: reads a command, carries it out, tells the news that may be told then, answers. The commands
// stand in session_login.cpp, session_mailboxes.cpp, session_messages.cpp, session_append.cpp, session_idle.cpp,
// and those of extensions in files named after them.
// Loop thread; everything that touches mail runs on the account's strand.
#pragma once

#include <array>
#include <exception>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "auth/sasl_dialogue.hpp"
#include "imap/command.hpp"
#include "imap/command_reader.hpp"
#include "imap/fetch.hpp"
#include "imap/fetch_bodies.hpp"
#include "imap/kept_keys.hpp"
#include "imap/metadata_feed.hpp"
#include "imap/output.hpp"
#include "imap/search_context.hpp"
#include "imap/search_results.hpp"
#include "imap/selected_mailbox.hpp"
#include "imap/server.hpp"
#include "imap/shared_names.hpp"
#include "imap/stored_rights.hpp"
#include "imap/watched_mailboxes.hpp"
#include "net/line_reader.hpp"
#include "store/open_mailbox.hpp"

namespace mbx::imap {

struct MessageUrl;
struct UrlAuth;
struct UrlBytes;
struct Listed;
class MailboxFilter;

store::StoreError to_store_error(intake::IntakeError error);

// [[gnu::noinline]] stands before coroutines that are seldom under way: clang puts the frame of one that it can inline into that of
// who awaits it, and so every session in IDLE held 3 KiB for what is said once an hour.
class Session final : private auth::SaslWire, private MetadataFeed::Listener {
public:
    Session(Services& services, std::shared_ptr<const Options> options, ImapMetrics& metrics, QuotaAlerts& alerts,
            MetadataFeed& metadata_feed, KeptKeys& kept_keys, const std::set<Session*>& sessions,
            std::unique_ptr<net::ByteStream> stream);

    co::Task<void> run();
    // A wait for a command or in IDLE ends with "* BYE"; a command under way is finished first.
    void stop();
    // "* BYE", best effort, after an exception left run().
    [[gnu::noinline]] co::Task<void> say_internal_error();
    std::string peer() const { return peer_; }

private:
    // session.cpp
    co::Task<void> serve_command();
    [[gnu::noinline]] co::Task<void> execute(const Command& command);
    [[gnu::noinline]] co::Task<void> conclude_command(const Request& request, store::ModSeq before);
    [[gnu::noinline]] co::Task<void> refuse(CommandRefusal refusal);
    [[gnu::noinline]] co::Task<void> say_goodbye(std::string_view text);
    bool is_allowed_now(const Request& request) const;
    net::Deadline read_deadline() const;
    std::string capabilities() const;
    void ok(std::string_view text) { reply_ = "OK " + std::string(text); }
    void no(std::string_view text) { reply_ = "NO " + std::string(text); }
    void bad(std::string_view text);
    // The news of the selected mailbox, as far as they may be told now (RFC 9051 section 7.5.1).
    [[gnu::noinline]] co::Task<void> announce(bool may_expunge, bool look);
    [[gnu::noinline]] co::Task<void> tell_news(bool may_expunge);
    bool has_news() const;  // that the store was not asked about, or the feed not
    [[gnu::noinline]] co::Task<void> take_news();
    [[gnu::noinline]] co::Task<void> catch_up();

    // session_places.cpp: other accounts' mailboxes (RFC 4314)
    struct Place {
        std::shared_ptr<store::Account> account;
        std::string name;    // in that account
        std::string prefix;  // before the names of that account's mailboxes; empty: it is the own one
        bool is_other() const { return !prefix.empty(); }
        std::int64_t owner() const { return is_other() ? account->key().id : 0; }
    };
    struct Visible {
        std::shared_ptr<store::Account> account;
        store::MailboxInfo info;  // under its name in "Other Users"
    };
    bool is_own(const store::AccountKey& account) const;
    co::Task<store::Sharing*> sharing();
    // `no_such_mailbox` where nothing is shared by that account, or it does not exist. Whether the mailbox is there and what may
    // be done with it is judged by AccountStore::find_for, in the job that does it.
    co::Task<Result<Place, store::StoreError>> place_of(std::string name);
    co::Task<Result<Place, store::StoreError>> place_for(directory::AccountId user, std::string name);
    static std::vector<store::MailboxInfo> visible_to(store::AccountStore& store, std::int64_t user, const std::string& prefix);
    // What other accounts let this one look up, by name; `patterns` as of LIST, with their reference.
    co::Task<std::vector<Visible>> visible_others(std::vector<std::string> patterns);
    // Of the selected mailbox, as they are now.
    store::Rights rights() const;
    bool may(store::Rights right) const;  // nothing but look where it was opened by EXAMINE
    bool is_selected(const std::shared_ptr<store::Account>& account, store::MailboxId mailbox) const;
    bool has_lost_access() const;
    OtherName selected_as_owned() const;  // under the name that its owner knows
    void tell_changed_rights();
    void tell_permanent_flags();
    // session_access.cpp
    co::Task<void> handle(const GetAcl& command);
    co::Task<void> handle(const SetAcl& command);
    co::Task<void> handle(const ListRights& command);
    co::Task<void> handle(const MyRights& command);
    std::optional<store::AccessChange> change_of(const SetAcl& command);
    std::string identifier_of(const store::AccessEntry& entry) const;

    // Any state
    co::Task<void> handle(const Capability& command);
    co::Task<void> handle(const Noop& command);
    co::Task<void> handle(const Logout& command);
    co::Task<void> handle(const Id& command);
    // session_login.cpp
    co::Task<void> handle(const StartTls& command);
    co::Task<void> handle(const Unauthenticate& command);
    void forget_enabled();
    // session_metadata.cpp
    co::Task<void> handle(const GetMetadata& command);
    co::Task<void> handle(const SetMetadata& command);
    void on_metadata(const std::string& mailbox, const std::vector<std::string>& entries) override;
    void tell_metadata();
    void tell_others_of_metadata(const Place& place, store::MailboxId mailbox, const SetMetadata& command);
    // session_compress.cpp
    co::Task<void> handle(const Compress& command);
    co::Task<void> handle(const Login& command);
    co::Task<void> handle(const Authenticate& command);
    bool may_log_in() const;
    std::vector<auth::SaslMechanism> mechanisms() const;
    co::Task<std::optional<std::string>> ask_client(std::string challenge) override;
    void refuse(auth::SaslError error);
    void refuse(auth::LoginFailure failure);
    co::Task<void> open_account(auth::Login login);
    // session_mailboxes.cpp
    co::Task<void> handle(const Enable& command);
    co::Task<void> handle(const Select& command);
    co::Task<void> handle(const Create& command);
    co::Task<void> handle(const Delete& command);
    co::Task<void> handle(const Rename& command);
    co::Task<void> handle(const Subscribe& command);
    co::Task<void> handle(const Namespace& command);
    co::Task<void> handle(const Status& command);
    co::Task<void> handle(const List& command);
    co::Task<void> handle(const Lsub& command);
    co::Task<Result<store::OpenedMailbox, store::StoreError>> open_mailbox(Place place);
    static std::vector<store::MailboxInfo> all_listed(const store::AccountStore& store, const std::vector<Visible>& others);
    co::Task<std::vector<Visible>> others_for(std::string reference, std::vector<std::string> patterns);
    co::Task<void> tell_other_status(const List& command, const Listed& listed, const std::vector<Visible>& others);
    void tell_selected(const store::MailboxStatus& status, std::uint32_t first_unseen);
    void deselect();
    // session_quota.cpp
    co::Task<void> handle(const GetQuota& command);
    co::Task<void> handle(const GetQuotaRoot& command);
    store::QuotaLimits quota() const;  // that holds for the account
    co::Task<void> tell_quota(std::shared_ptr<store::Account> account, std::string root);
    co::Task<std::shared_ptr<store::Account>> account_of_root(std::string root);
    // "* OK [ALERT]" when the account is nearly full, by the usage as of the last job.
    void warn_of_quota();
    // session_append.cpp
    co::Task<void> handle(const Append& command);
    co::Task<void> handle(const Replace& command);
    std::optional<store::Uid> replaced_by(const Replace& command) const;
    struct Upload {
        Place place;                  // where they go, and what may be done there
        store::Rights rights = store::kAllRights;
        store::MailboxId target;
        std::vector<intake::Intake::Addition> messages;
        std::uint64_t size = 0;       // of all of them
        std::string refusal;          // why they will not be taken; what is on its way is read and dropped
        bool is_lost = false;         // the connection, the place in the stream, or the command: nothing is left to answer
    };
    // Takes the messages of a command from the stream, to its end.
    co::Task<void> receive(const Append& command, bool may_be_many, Upload& upload);
    co::Task<void> receive_message(const AppendedMessage& message, Upload& upload, intake::Draft* into);
    co::Task<std::optional<std::string>> receive_rest();
    // session_urlauth.cpp
    co::Task<void> handle(const GenUrlAuth& command);
    co::Task<void> handle(const UrlFetch& command);
    co::Task<void> handle(const ResetKey& command);
    co::Task<std::string> sign_url(std::string text, std::string mechanism);
    co::Task<std::optional<UrlBytes>> bytes_of_url(std::string url);
    co::Task<std::optional<UrlBytes>> authorized_bytes(MessageUrl url);
    co::Task<std::optional<UrlBytes>> read_url(directory::AccountId user, MessageUrl url);
    co::Task<std::string> url_key_of(directory::AccountId user, std::string mailbox);
    co::Task<std::string> ask_url_key(directory::AccountId user, store::UrlKeyPlace place, store::AccountStore::KeyWanted wanted);
    bool is_accessible(const UrlAuth& auth) const;
    bool is_own(const MessageUrl& url) const;
    // To the other sessions of this user, `where`: that have it selected; none: any mailbox.
    void tell_others_of_reset(const std::optional<store::UrlKeyPlace>& where) const;
    void tell_reset();
    // session_comparator.cpp
    co::Task<void> handle(const Comparator& command);
    // session_catenate.cpp
    co::Task<void> append_url(const std::string& url, Upload& upload, intake::Draft& into);
    co::Task<std::optional<std::string>> receive_parts(AppendedMessage message, Upload& upload, intake::Draft* into);
    co::Task<std::optional<std::string>> receive_rest_with_urls();
    bool is_too_big(const AppendedMessage& message, const Upload& upload) const;
    co::Task<void> give_up(std::string_view farewell);
    co::Task<std::string> why_not_into(Upload& upload);
    co::Task<bool> may_still_append(Upload& upload);
    // session_idle.cpp
    co::Task<void> handle(const Idle& command);
    [[gnu::noinline]] co::Task<bool> wait_in_idle(net::Deadline end, net::Deadline& sign_of_life);
    [[gnu::noinline]] co::Task<void> pass_time_in_idle(net::Deadline until, net::Deadline end, net::Deadline& sign_of_life);
    void on_news();
    struct ContextNews {
        const SearchContext* context = nullptr;
        std::vector<PlacedResults> removed;
        std::vector<PlacedResults> added;
    };
    // session_notify.cpp: NOTIFY (RFC 5465)
    co::Task<void> handle(const Notify& command);
    // One account whose mailboxes are watched.
    struct WatchedAccount {
        WatchedAccount(std::shared_ptr<store::Account> account_in, std::string prefix_in, const WatchedMailboxes& wanted)
            : account(std::move(account_in)), prefix(std::move(prefix_in)), mailboxes(wanted)
        {
        }
        bool has_news() const { return is_listing_changed || !changed.empty(); }
        std::shared_ptr<store::Account> account;
        std::string prefix;               // before the names; empty: it is the own account
        WatchedMailboxes mailboxes;
        std::set<store::MailboxId> changed;  // of them; told of next
        bool is_listing_changed = false;
        store::Account::Watch watch;
    };
    struct Notification {
        explicit Notification(const Notify& command);
        WatchedAccount* find(const std::shared_ptr<store::Account>& account) const;
        bool tells_selected = false;
        bool is_delayed = false;          // expunges of the selected mailbox wait for a command that may tell them
        bool tells_flags = false;         // of the selected mailbox
        bool tells_metadata = false;      // of mailboxes or the server
        bool tells_server_metadata = false;
        std::vector<FetchItem> items;     // of its new messages
        WatchedMailboxes wanted;          // of mailboxes besides the selected one; nothing is known of them here
        std::vector<std::unique_ptr<WatchedAccount>> accounts;  // the own one first
        bool is_sharing_changed = false;  // another account shares something by now
        std::optional<store::Sharing::Watch> sharing;
        net::Deadline look_at;            // at the selected mailbox, where nobody tells of other tools' changes
    };
    // Whether nothing may be told of the selected mailbox.
    bool wants_metadata(const std::string& mailbox) const;
    bool is_silenced() const { return notify_ && !notify_->tells_selected && !is_direct_; }
    bool tells_flags() const { return !notify_ || notify_->tells_flags || is_direct_; }
    bool has_notified() const;
    void watch_account(Notification& notification, std::shared_ptr<store::Account> account, std::string prefix);
    co::Task<bool> watch_others(Notification& notification, bool tells);
    [[gnu::noinline]] co::Task<void> tell_between();
    std::optional<net::Deadline> wakes_at() const;
    void listen(bool on);
    [[gnu::noinline]] co::Task<void> tell_notified();
    co::Task<bool> read_listings(Notification& notification, bool tells);
    co::Task<bool> read_listing(WatchedAccount& watched, const std::set<std::string>& own, bool tells);
    enum class Telling : std::uint8_t { news, first, nothing };
    co::Task<void> tell_statuses(WatchedAccount& watched, std::vector<store::MailboxId> mailboxes, Telling telling);
    void note_own(const std::string& name);
    void note_own(store::Uid uid);
    co::Task<void> tell_arrived(const std::vector<ContextNews>& contexts);
    co::Task<void> tell_items(std::vector<FetchItem> items, NumberSet uids);
    // session_messages.cpp
    co::Task<void> handle(const Check& command);
    co::Task<void> handle(const Close& command);
    co::Task<void> handle(const Unselect& command);
    co::Task<void> handle(const Expunge& command);
    co::Task<Result<void, store::StoreError>> expunge(const NumberSet* which);
    co::Task<void> handle(const Copy& command);
    // session_transfer.cpp: between accounts
    co::Task<Transferred> transfer_across(Place to, NumberSet uids, store::TracedAct* move);
    co::Task<Result<void, store::StoreError>> fill_draft(std::string_view bytes, intake::Draft& into);
    co::Task<bool> remove_messages(std::shared_ptr<store::Account> account, store::MailboxId mailbox, NumberSet uids,
                                   store::TracedAct* act = nullptr);
    co::Task<void> handle(const imap::Store& command);
    co::Task<void> handle(const Fetch& command);
    // Looks for news before a UID command, so that its set reaches messages that came meanwhile.
    co::Task<std::optional<NumberSet>> resolve(const SequenceSet& set, bool by_uid);
    // A slice of FETCH that is read while the one before it is written.
    struct FetchAhead {
        FetchPlan plan;
        store::UidTable view;
        NumberSet left;
        std::array<std::string, 2> spares;
        bool is_beside = false;  // by two workers
        std::optional<BodyListing> listing;
        std::vector<FetchSlice> slices;
        std::exception_ptr bug;
    };
    // Beside the strand, by two workers (fetch_bodies.hpp). It leaves no slice where the strand has to look itself.
    static co::Task<void> read_beside(std::shared_ptr<store::Account> account, store::MailboxId id, std::shared_ptr<FetchAhead> ahead);
    static co::Task<void> read_second(std::shared_ptr<store::Account> account, std::shared_ptr<FetchAhead> ahead, FetchSlice* slice);
    static co::Task<void> read_ahead(std::shared_ptr<store::Account> account, store::MailboxId id, std::shared_ptr<FetchAhead> ahead);
    co::Task<FetchSlice> next_slice(const FetchPlan& plan, const NumberSet& left, std::string spare);
    co::Task<bool> write_segments(const std::vector<Segment>& segments);
    co::Task<void> tell_stored(const store::FlagsStored& stored, const imap::Store& command);
    // session_search.cpp
    co::Task<void> handle(const Search& command);
    co::Task<void> handle(const CancelUpdate& command);
    struct Found {
        NumberSet uids;
        FoundModSeqs modseqs;           // where the search asks about them
        std::vector<Relevancy> scores;  // of a FUZZY search, ascending by UID
    };
    co::Task<std::optional<Found>> find(const Search& command, Harvest* harvest);
    co::Task<bool> settle_fields(SearchProgram& program);
    bool is_worth_keeping(const KeptKeys::Of& of, const SearchProgram& program) const;
    co::Task<Result<Found, store::StoreError>> find_among(std::shared_ptr<store::Account> account, store::MailboxId id,
                                                          const SearchProgram& program, const NumberSet& uids, Harvest* harvest);
    void refuse_search(SearchRefusal refusal, bool saves);
    co::Task<void> tell_found(const Search& command, const Found& found);
    co::Task<void> tell_numbers(const NumberSet& numbers);
    void tell_results(const Search& command, const ResultList& uids, const ResultList& numbers,
                      const Found& found, std::string_view correlators = {});
    void tell_modseq(const FoundModSeqs& modseqs);
    bool may_update(const Search& command);
    std::unique_ptr<SearchContext> make_context(const Search& command);
    void keep_context(std::unique_ptr<SearchContext> context, store::ModSeq since);
    [[gnu::noinline]] co::Task<std::vector<ContextNews>> update_contexts();
    void tell_context(const SearchContext& context, std::string_view what, const std::vector<PlacedResults>& results);
    // session_multisearch.cpp
    co::Task<void> handle(const MultiSearch& command);
    co::Task<std::vector<Visible>> searchable(const MailboxFilter& filter);
    co::Task<bool> search_mailbox(const MultiSearch& command, const Visible& mailbox, NumberSet& in_selected);
    // session_sort.cpp
    co::Task<void> handle(const Sort& command);
    co::Task<void> handle(const Thread& command);
    KeptKeys::Of keys_of(std::string order) const;
    co::Task<std::unique_ptr<KeptHarvest>> gather_keys(KeptKeys::Of of, const NumberSet& found, std::unique_ptr<KeptHarvest> fresh);
    void keep_keys(KeptKeys::Of of, std::unique_ptr<KeptHarvest> gathered);
    co::Task<void> tell_sorted(const Search& search, const std::vector<store::Uid>& uids, const Found& found);
    co::Task<void> find_end_modseqs(const Search& search, const std::vector<store::Uid>& uids, FoundModSeqs& modseqs);
    co::Task<void> begin_sorted_context(const Sort& command, const NumberSet& found, store::ModSeq since);
    std::vector<std::uint32_t> numbers_of(const std::vector<store::Uid>& uids, bool by_uid) const;
    // `code`: "[MODIFIED 7] " or nothing.
    void conclude(std::string_view name, bool by_uid, bool has_missing, std::string_view code = {});
    // session_sync.cpp: CONDSTORE and QRESYNC (RFC 7162)
    void enable_condstore();
    NewsWords words() const { return {condstore_, qresync_, tells_flags()}; }
    co::Task<void> resynchronize(const Qresync& known);
    void tell_vanished(const NumberSet& uids);
    co::Task<std::optional<NumberSet>> changed_among(const Fetch& command, NumberSet uids);
    // Behind the news of a command: tells the client which HIGHESTMODSEQ it may keep. `before`: SelectedMailbox::told_until()
    // when the command began.
    void conclude_modseq(const Request& request, store::ModSeq before);

    Services& services_;
    std::shared_ptr<const Options> options_;
    ImapMetrics& metrics_;
    QuotaAlerts& alerts_;
    MetadataFeed& metadata_feed_;
    KeptKeys& kept_keys_;
    const std::set<Session*>& sessions_;  // of the server
    std::unique_ptr<net::ByteStream> stream_;  // null after a failed STARTTLS
    std::string peer_;
    net::LineReader lines_;
    Output out_;
    CommandReader reader_;
    net::Deadline login_deadline_;

    bool open_ = true;
    bool stopping_ = false;
    bool first_line_ = true;
    bool rev2_ = false;  // IMAP4rev2 is enabled
    bool utf8_ = false;  // it, or UTF8=ACCEPT (RFC 6855): names and quoted strings are UTF-8
    bool utf8_accept_ = false;
    bool compresses_ = false;      // COMPRESS=DEFLATE (RFC 4978)
    bool condstore_ = false;       // a CONDSTORE enabling command was given (RFC 7162 section 3.1)
    bool qresync_ = false;         // by ENABLE
    bool holds_modseq_ = false;    // the client was told a HIGHESTMODSEQ below what it saw
    unsigned bad_commands_ = 0;
    std::string tag_;
    std::string reply_;  // of the command under way, without its tag; empty: it was answered already

    std::optional<auth::Login> login_;
    std::optional<auth::LiveSessions::Registration> registration_;
    std::shared_ptr<store::Account> account_;
    std::shared_ptr<store::Account> owner_;  // of the selected mailbox: account_, or another one
    store::Rights told_rights_ = 0;          // on it
    std::shared_ptr<store::OpenMailbox> mailbox_;  // of selected_, shared with others who have it open
    std::unique_ptr<SelectedMailbox> selected_;
    std::string last_target_;          // the mailbox that took the last APPEND; empty: none did
    std::vector<std::unique_ptr<SearchContext>> contexts_;  // of selected_
    store::ModSeq contexts_since_ = 0;  // up to here they know the changes
    std::unique_ptr<Notification> notify_;  // null: NOTIFY was never given
    std::set<std::string> own_names_;       // mailboxes that this session changed since it was told of such changes
    NumberSet own_uids_;                    // messages that it added to selected_
    store::Uid arrived_until_ = 0;          // of selected_: those above are new
    std::optional<net::Deadline> waits_until_;  // for a command
    bool is_direct_ = false;           // the command under way is answered with news of the selected mailbox
    bool listening_ = false;           // as idling_, between commands
    bool news_failed_ = false;         // the store could not say what; asked again later
    bool enabled_metadata_ = false;    // by ENABLE
    bool is_key_reset_ = false;        // of URLs of selected_, by another session: to be told
    std::optional<MetadataFeed::Subscription> metadata_;         // METADATA is enabled
    std::set<std::pair<std::string, std::string>> metadata_news_;  // mailbox and entry, to be told
    bool idling_ = false;              // a read may be interrupted
    bool in_fetch_ = false;
    bool exists_told_in_fetch_ = false;
};

}  // namespace mbx::imap
