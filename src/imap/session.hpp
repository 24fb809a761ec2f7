// One IMAP connection: reads a command, carries it out, tells the news that may be told then, answers. The commands
// stand in session_login.cpp, session_mailboxes.cpp, session_messages.cpp, session_append.cpp, session_idle.cpp,
// and those of extensions in files named after them.
// Loop thread; everything that touches mail runs on the account's strand.
#pragma once

#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "auth/sasl_dialogue.hpp"
#include "imap/command.hpp"
#include "imap/command_reader.hpp"
#include "imap/fetch.hpp"
#include "imap/kept_keys.hpp"
#include "imap/metadata_feed.hpp"
#include "imap/output.hpp"
#include "imap/search_context.hpp"
#include "imap/search_results.hpp"
#include "imap/selected_mailbox.hpp"
#include "imap/server.hpp"
#include "imap/watched_mailboxes.hpp"
#include "net/line_reader.hpp"
#include "store/open_mailbox.hpp"

namespace mbx::imap {

struct MessageUrl;

store::StoreError to_store_error(intake::IntakeError error);

class Session final : private auth::SaslWire, private MetadataFeed::Listener {
public:
    Session(Services& services, std::shared_ptr<const Options> options, ImapMetrics& metrics, QuotaAlerts& alerts,
            MetadataFeed& metadata_feed, KeptKeys& kept_keys, std::unique_ptr<net::ByteStream> stream);

    co::Task<void> run();
    // A wait for a command or in IDLE ends with "* BYE"; a command under way is finished first.
    void stop();
    // "* BYE", best effort, after an exception left run().
    co::Task<void> say_internal_error();
    std::string peer() const { return peer_; }

private:
    // session.cpp
    co::Task<void> serve_command();
    co::Task<void> execute(const Command& command);
    co::Task<void> conclude_command(const Request& request, store::ModSeq before);
    co::Task<void> refuse(CommandRefusal refusal);
    co::Task<void> say_goodbye(std::string_view text);
    bool is_allowed_now(const Request& request) const;
    net::Deadline read_deadline() const;
    std::string capabilities() const;
    void ok(std::string_view text) { reply_ = "OK " + std::string(text); }
    void no(std::string_view text) { reply_ = "NO " + std::string(text); }
    void bad(std::string_view text);
    // The news of the selected mailbox, as far as they may be told now (RFC 9051 section 7.5.1).
    co::Task<void> announce(bool may_expunge, bool look);
    co::Task<void> tell_news(bool may_expunge);
    bool has_news() const;  // that the store was not asked about, or the feed not
    co::Task<void> take_news();
    co::Task<void> catch_up();

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
    void tell_selected(const store::MailboxStatus& status, std::uint32_t first_unseen);
    void deselect();
    // session_quota.cpp
    co::Task<void> handle(const GetQuota& command);
    co::Task<void> handle(const GetQuotaRoot& command);
    store::QuotaLimits quota() const;  // that holds for the account
    co::Task<void> tell_quota(store::QuotaLimits quota);
    // "* OK [ALERT]" when the account is nearly full, by the usage as of the last job.
    void warn_of_quota();
    // session_append.cpp
    co::Task<void> handle(const Append& command);
    co::Task<void> handle(const Replace& command);
    std::optional<store::Uid> replaced_by(const Replace& command) const;
    struct Upload {
        std::vector<intake::Intake::Addition> messages;
        std::uint64_t size = 0;       // of all of them
        std::string refusal;          // why they will not be taken; what is on its way is read and dropped
        bool is_lost = false;         // the connection, the place in the stream, or the command: nothing is left to answer
    };
    // Takes the messages of a command from the stream, to its end.
    co::Task<void> receive(const Append& command, bool may_be_many, Upload& upload);
    co::Task<void> receive_message(const AppendedMessage& message, Upload& upload, intake::Draft* into);
    co::Task<std::optional<std::string>> receive_rest();
    // session_catenate.cpp
    bool is_own(const MessageUrl& url) const;
    co::Task<void> append_url(const std::string& url, Upload& upload, intake::Draft& into);
    co::Task<std::optional<std::string>> receive_parts(AppendedMessage message, Upload& upload, intake::Draft* into);
    co::Task<std::optional<std::string>> receive_rest_with_urls();
    bool is_too_big(const AppendedMessage& message, const Upload& upload) const;
    co::Task<void> give_up(std::string_view farewell);
    co::Task<std::string> why_not_into(const std::string& mailbox);
    // session_idle.cpp
    co::Task<void> handle(const Idle& command);
    co::Task<bool> wait_in_idle(net::Deadline end, net::Deadline& sign_of_life);
    co::Task<void> pass_time_in_idle(net::Deadline until, net::Deadline end, net::Deadline& sign_of_life);
    void on_news();
    struct ContextNews {
        const SearchContext* context = nullptr;
        std::vector<PlacedResults> removed;
        std::vector<PlacedResults> added;
    };
    // session_notify.cpp: NOTIFY (RFC 5465)
    co::Task<void> handle(const Notify& command);
    struct Notification {
        explicit Notification(const Notify& command);
        bool tells_selected = false;
        bool is_delayed = false;          // expunges of the selected mailbox wait for a command that may tell them
        bool tells_flags = false;         // of the selected mailbox
        bool tells_metadata = false;      // of mailboxes or the server
        bool tells_server_metadata = false;
        std::vector<FetchItem> items;     // of its new messages
        WatchedMailboxes mailboxes;       // the others
        std::set<store::MailboxId> changed;  // of them; told of next
        bool is_listing_changed = false;
        net::Deadline look_at;            // at the selected mailbox, where nobody tells of other tools' changes
        store::Account::Watch watch;
    };
    // Whether nothing may be told of the selected mailbox.
    bool wants_metadata(const std::string& mailbox) const;
    bool is_silenced() const { return notify_ && !notify_->tells_selected && !is_direct_; }
    bool tells_flags() const { return !notify_ || notify_->tells_flags || is_direct_; }
    bool has_notified() const { return notify_ && (notify_->is_listing_changed || !notify_->changed.empty()); }
    void watch_account(Notification& notification);
    co::Task<void> tell_between();
    std::optional<net::Deadline> wakes_at() const;
    void listen(bool on);
    co::Task<void> tell_notified();
    co::Task<bool> read_listing(Notification& notification, bool tells);
    enum class Telling : std::uint8_t { news, first, nothing };
    co::Task<void> tell_statuses(std::vector<store::MailboxId> mailboxes, Telling telling);
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
    co::Task<void> handle(const imap::Store& command);
    co::Task<void> handle(const Fetch& command);
    // Looks for news before a UID command, so that its set reaches messages that came meanwhile.
    co::Task<std::optional<NumberSet>> resolve(const SequenceSet& set, bool by_uid);
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
    co::Task<Result<Found, store::StoreError>> find_among(store::MailboxId id, const SearchProgram& program,
                                                          const NumberSet& uids, Harvest* harvest);
    void refuse_search(SearchRefusal refusal, bool saves);
    co::Task<void> tell_found(const Search& command, const Found& found);
    co::Task<void> tell_numbers(const NumberSet& numbers);
    void tell_results(const Search& command, const ResultList& uids, const ResultList& numbers,
                      const Found& found, std::string_view correlators = {});
    void tell_modseq(const FoundModSeqs& modseqs);
    bool may_update(const Search& command);
    std::unique_ptr<SearchContext> make_context(const Search& command);
    void keep_context(std::unique_ptr<SearchContext> context, store::ModSeq since);
    co::Task<std::vector<ContextNews>> update_contexts();
    void tell_context(const SearchContext& context, std::string_view what, const std::vector<PlacedResults>& results);
    // session_multisearch.cpp
    co::Task<void> handle(const MultiSearch& command);
    co::Task<bool> search_mailbox(const MultiSearch& command, const store::MailboxInfo& mailbox, NumberSet& in_selected);
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
    std::optional<MetadataFeed::Subscription> metadata_;         // METADATA is enabled
    std::set<std::pair<std::string, std::string>> metadata_news_;  // mailbox and entry, to be told
    bool idling_ = false;              // a read may be interrupted
    bool in_fetch_ = false;
    bool exists_told_in_fetch_ = false;
};

}  // namespace mbx::imap
