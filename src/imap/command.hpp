// IMAP commands as values (RFC 9051 section 6 and what RFC 3501 had besides). Mailbox names are UTF-8 here, whatever they
// were on the wire; strings are owned, so that a command outlives the bytes it was read from.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "imap/metadata.hpp"
#include "imap/sequence_set.hpp"
#include "mail/date.hpp"
#include "mail/imap_structure.hpp"
#include "store/annotation.hpp"
#include "store/types.hpp"

namespace mbx::imap {

// Any state
struct Capability {};
struct Noop {};
struct Logout {};
struct Id {
    std::vector<std::pair<std::string, std::optional<std::string>>> fields;  // RFC 2971
};

// Not authenticated
struct StartTls {};
struct Login {
    std::string user;
    std::string password;
};
struct Authenticate {
    std::string mechanism;               // upper case
    std::optional<std::string> initial;  // base64 (RFC 4959)
};

// Authenticated
struct Unauthenticate {};  // RFC 8437
struct Compress {
    std::string mechanism;  // upper case (RFC 4978)
};
// RFC 5464. An empty mailbox is the account itself; entries are in lower case, and valid.
struct GetMetadata {
    std::string mailbox;
    std::vector<std::string> entries;
    EntryDepth depth = EntryDepth::zero;
    std::optional<std::uint64_t> max_size;
};
struct SetMetadata {
    std::string mailbox;
    std::vector<store::AnnotationChange> changes;
};
struct Enable {
    std::vector<std::string> capabilities;  // upper case
};
// RFC 7162 section 3.2.5: what the client knows of the mailbox. No set of it holds `*` or `$`.
struct Qresync {
    std::uint32_t uidvalidity = 0;
    store::ModSeq modseq = 0;
    std::optional<SequenceSet> known;  // UIDs; none: all
    // The n-th number of the one is the n-th UID of the other.
    std::optional<std::pair<SequenceSet, SequenceSet>> matches;
};
struct Select {
    std::string mailbox;
    bool read_only = false;  // EXAMINE
    bool condstore = false;  // RFC 7162 section 3.1.8
    std::optional<Qresync> qresync;
};
struct Create {
    std::string mailbox;
    std::vector<std::string> uses;  // RFC 6154: "\Drafts" …
};
struct Delete {
    std::string mailbox;
};
struct Rename {
    std::string from;
    std::string to;
};
struct Subscribe {
    std::string mailbox;
    bool on = true;
};
struct Namespace {};
// RFC 4314. Names of rights are judged by the session, identifiers too.
struct GetAcl {
    std::string mailbox;
};
struct SetAcl {
    std::string mailbox;
    std::string identifier;
    std::string rights;      // with "+" or "-" before them to add or take away
    bool deletes = false;    // DELETEACL
};
struct ListRights {
    std::string mailbox;
    std::string identifier;
};
struct MyRights {
    std::string mailbox;
};
// RFC 4467
struct GenUrlAuth {
    std::vector<std::pair<std::string, std::string>> urls;  // with their mechanisms, in upper case
};
struct UrlFetch {
    std::vector<std::string> urls;
};
struct ResetKey {
    std::optional<std::string> mailbox;   // none: all keys
    std::vector<std::string> mechanisms;  // upper case
};
struct Comparator {
    std::vector<std::string> wanted;  // RFC 5255 section 4.7
};
struct GetQuota {
    std::string root;  // RFC 9208 section 4.1.1
};
struct GetQuotaRoot {
    std::string mailbox;
};
struct Idle {};

enum class StatusItem : std::uint8_t {
    messages,
    recent,
    uidnext,
    uidvalidity,
    unseen,
    deleted,
    size,
    appendlimit,
    deleted_storage,  // RFC 9208 section 4.1.4
    mailboxid,        // RFC 8474 section 4.3
    highestmodseq,    // RFC 7162 section 3.1.7
};
struct Status {
    std::string mailbox;
    std::vector<StatusItem> items;
};

struct List {
    std::string reference;
    std::vector<std::string> patterns;
    bool extended = false;  // selection options, several patterns or RETURN (RFC 5258)
    bool select_subscribed = false;
    bool select_special_use = false;
    bool recursive_match = false;
    bool return_subscribed = false;
    bool return_children = false;
    bool return_special_use = false;
    bool return_myrights = false;  // RFC 8440
    std::vector<StatusItem> return_status;  // RFC 5819
};
struct Lsub {
    std::string reference;
    std::string pattern;
};

struct FlagList {
    std::uint8_t system = 0;  // store::SystemFlag
    std::vector<std::string> keywords;
};
// One message of an APPEND. It is announced, not read: the session streams it.
struct AppendedMessage {
    FlagList flags;
    std::optional<mail::DateTime> internal_date;
    std::uint64_t size = 0;
    bool synchronizing = true;
    bool literal8 = false;  // ~{n}
    bool utf8 = false;      // UTF8 (~{n} (RFC 6855 section 4): ")" follows the message
    // CATENATE (RFC 4469): the URLs before the next text, and whether that is announced; if not, the message ends with
    // them, and `rest` stands behind it.
    bool catenates = false;
    bool has_text = true;
    std::vector<std::string> urls;
    std::string rest;
};
struct Append {
    std::string mailbox;
    AppendedMessage first;  // more may follow (RFC 3502)
};
struct Replace {
    bool by_uid = false;
    std::uint32_t number = 0;  // of the message that goes (RFC 8508): sequence number or UID; 0: the last
    Append append;
};

// Selected
struct Check {};
struct Close {};
struct Unselect {};
struct Expunge {
    std::optional<SequenceSet> uids;  // UID EXPUNGE (RFC 4315)
};
struct Copy {
    bool by_uid = false;
    bool move = false;  // RFC 6851
    SequenceSet messages;
    std::string mailbox;
};
struct Store {
    bool by_uid = false;
    SequenceSet messages;
    store::FlagAction action = store::FlagAction::replace;
    bool silent = false;
    FlagList flags;
    std::optional<store::ModSeq> unchanged_since;  // RFC 7162 section 3.1.3
};

enum class FetchAttribute : std::uint8_t {
    flags,
    uid,
    internal_date,
    rfc822_size,
    envelope,
    body,            // BODY without a section
    body_structure,
    body_section,    // BODY[…], RFC822, RFC822.HEADER, RFC822.TEXT
    binary,          // BINARY[…]
    binary_size,     // BINARY.SIZE[…]
    email_id,        // RFC 8474 section 5.3
    thread_id,
    modseq,          // RFC 7162 section 3.1.4.2
    save_date,       // RFC 8514 section 4.2
    preview,         // RFC 8970 section 3
};
struct Partial {
    std::uint64_t offset = 0;
    std::uint64_t count = 0;  // not 0
};
struct FetchItem {
    FetchAttribute attribute = FetchAttribute::flags;
    bool peek = true;             // does not set \Seen
    bool lazy = false;            // of PREVIEW: only what is there already
    mail::Section section;        // of the last three
    std::optional<Partial> partial;
    std::string label;            // of the last three, as the answer names it: "BODY[1.MIME]<0>"
};
struct Fetch {
    bool by_uid = false;
    SequenceSet messages;
    std::vector<FetchItem> items;
    std::optional<store::ModSeq> changed_since;  // RFC 7162 section 3.1.4.1; `items` holds MODSEQ then
    bool vanished = false;                       // section 3.2.6; with changed_since, by UID only
};

enum class SearchKind : std::uint8_t {
    all_of,    // holds when all of its nodes do; none: everything
    any_of,    // OR
    none_of,   // NOT
    nothing,   // RECENT, NEW: we know no \Recent
    flag_set,
    flag_clear,
    keyword,
    unkeyword,
    before,
    on,
    since,
    sent_before,
    sent_on,
    sent_since,
    larger,
    smaller,
    header,    // `field`, `text`: also SUBJECT, FROM, TO, CC, BCC; an empty text: the field is there
    body,
    text,
    sequence,  // `set` of sequence numbers
    uid,       // `set` of UIDs
    email_id,  // `text` as it is (RFC 8474 section 6)
    thread_id,
    modseq,    // `number` and above (RFC 7162 section 3.1.5)
    older,     // by at least `number` seconds than now (RFC 5032)
    younger,   // by at most
    saved_before,  // RFC 8514 section 4.3
    saved_on,
    saved_since,
};
// A tree in one vector: a node's nodes follow it up to `end`.
struct SearchNode {
    SearchKind kind = SearchKind::all_of;
    std::uint32_t end = 0;
    std::uint8_t flag = 0;   // store::SystemFlag
    std::uint64_t number = 0;
    mail::CivilDate date;
    std::string field;
    std::string text;        // in the command's charset
    SequenceSet set;
    bool fuzzy = false;      // stands inside FUZZY (RFC 6203)
};
// Places among the results, from 1 (RFC 5267 section 4.4).
struct PartialRange {
    std::uint32_t first = 1;
    std::uint32_t last = 1;
};
struct SearchReturn {
    bool min = false;
    bool max = false;
    bool all = false;
    bool count = false;
    bool save = false;
    bool update = false;   // RFC 5267 section 4.3
    bool context = false;  // section 4.2
    bool relevancy = false;  // RFC 6203 section 4
    std::optional<PartialRange> partial;
    std::vector<FetchItem> update_items;  // told of messages that come (RFC 5465 section 7)
    // SAVE alone asks for no answer (RFC 5182 section 2.1).
    bool is_silent() const { return save && !min && !max && !all && !count && !partial; }
    bool is_empty() const { return !save && !min && !max && !all && !count && !partial && !update && !context; }
};
struct Search {
    bool by_uid = false;
    std::optional<SearchReturn> returns;  // none: no RETURN at all
    std::string charset;                  // upper case; empty: none was named
    std::vector<SearchNode> program;      // program[0] is an all_of over everything
    bool is_fuzzy() const
    {
        return std::any_of(program.begin(), program.end(), [](const SearchNode& node) { return node.fuzzy; });
    }
};

enum class SortKey : std::uint8_t { arrival, cc, date, from, size, subject, to, display_from, display_to, relevancy };
struct SortCriterion {
    SortKey key = SortKey::arrival;
    bool reverse = false;
};
struct Sort {
    std::vector<SortCriterion> criteria;  // each key once
    Search search;
};
struct CancelUpdate {
    std::vector<std::string> tags;  // RFC 5267 section 4.3.5
};
// RFC 7377: where to search. Mailboxes that are not there are passed over.
enum class MailboxScope : std::uint8_t { selected, selected_delayed, inboxes, personal, subscribed, subtree, subtree_one, mailboxes };
struct SearchSource {
    MailboxScope scope = MailboxScope::selected;
    std::vector<std::string> mailboxes;  // of the last three
};
struct MultiSearch {
    std::vector<SearchSource> sources;   // at least one
    Search search;                       // by_uid; `returns` is set
};
// RFC 5465: what the client wants to hear of some mailboxes.
struct NotifyGroup {
    SearchSource mailboxes;
    bool messages = false;         // MessageNew and MessageExpunge
    bool flags = false;            // FlagChange
    bool names = false;            // MailboxName
    bool subscriptions = false;    // SubscriptionChange
    bool metadata = false;         // MailboxMetadataChange
    bool server_metadata = false;  // ServerMetadataChange
    std::vector<FetchItem> items;  // of MessageNew in the selected mailbox
};
struct Notify {
    std::vector<NotifyGroup> groups;  // empty: NONE
    bool status = false;
    bool has_unknown_event = false;   // NO [BADEVENT]
};
enum class ThreadAlgorithm : std::uint8_t { ordered_subject, references };
struct Thread {
    ThreadAlgorithm algorithm = ThreadAlgorithm::ordered_subject;
    Search search;
};

using Request = std::variant<Capability, Noop, Logout, Id, StartTls, Login, Authenticate, Unauthenticate, Enable, Select, Create, Delete,
                             Rename, Subscribe, Namespace, Idle, Status, List, Lsub, Append, Replace, Check, Close, Unselect,
                             Expunge, Copy, Store, Fetch, Search, Sort, Thread, CancelUpdate, MultiSearch, Notify, GetQuota, GetQuotaRoot, Compress,
                             GetMetadata, SetMetadata, GetAcl, SetAcl, ListRights, MyRights, GenUrlAuth, UrlFetch, ResetKey, Comparator>;

struct Command {
    std::string tag;
    Request request;
};

}  // namespace mbx::imap
