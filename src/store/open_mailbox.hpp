// A mailbox that sessions have open. The first one to open it makes it, all share it, the last one to let go ends it and
// leaves its state with the account: who opens it next asks for the changes alone. It
// asks the store about changes once for all of them (one strand job, however many wait for the answer) and, while somebody
// waits, watches the mailbox's directories for other tools' changes. Loop thread.
#pragma once

#include <memory>
#include <string>

#include "co/event.hpp"
#include "co/scope.hpp"
#include "net/directory_watch.hpp"
#include "store/mailbox_feed.hpp"
#include "store/store.hpp"

namespace mbx::store {

struct OpenedMailbox;

class OpenMailbox : public std::enable_shared_from_this<OpenMailbox> {
public:
    // As the mailbox is now: the feed of what comes back holds no news that are older than the call.
    static co::Task<Result<OpenedMailbox, StoreError>> open(std::shared_ptr<Account> account, std::string name);
    ~OpenMailbox();
    OpenMailbox(const OpenMailbox&) = delete;
    OpenMailbox& operator=(const OpenMailbox&) = delete;

    MailboxFeed& feed() { return feed_; }
    const MailboxFeed& feed() const { return feed_; }

    // Whether the feed tells all that the store told of. Otherwise refresh().
    bool is_current() const { return covered_ == told_; }
    // Makes the feed as new as the mailbox was at the call. `look`: also when nobody told of a change, because other tools
    // do not tell. Callers that come while the store is being asked share one answer. The caller keeps this alive.
    co::Task<Result<void, StoreError>> refresh(bool look);
    // An answer that a job of the caller's own had from AccountStore::changes(), `since` what the feed knew when it began.
    // False: refresh() is needed.
    bool take(Changes changes);
    // The same of what such a job found at its end, its own changes included. Where nobody but the job has told of a change
    // since `told` was read, which was before it was submitted, the feed is current by that.
    void take_own(Changes changes, std::uint64_t told);
    std::uint64_t told() const { return told_; }
    // From now on other tools' changes are told by themselves; what came before needs a look. False: they cannot be, and
    // those who wait look every now and then. Only for whoever waits: the kernel marks every file of a directory that it
    // begins to watch (20 ms for 100,000).
    bool watch();
    bool is_watched() const { return directories_ != nullptr; }
    // How often the store was asked.
    std::uint64_t asked() const { return asked_; }

private:
    struct Contents;  // what the store says of a mailbox that nobody has open
    struct Answer;
    OpenMailbox(std::shared_ptr<Account> account, Contents contents, std::vector<std::string> paths);
    static Answer ask_for(AccountStore& store, const std::string& name,
                          const std::unordered_map<MailboxId, ModSeq>& known);
    void on_change();
    void look_soon();
    static co::Task<void> look(std::shared_ptr<OpenMailbox> self);
    co::Task<void> ask();
    co::Task<void> reload();

    std::shared_ptr<Account> account_;
    MailboxFeed feed_;
    Account::Watch watch_;
    const std::vector<std::string> paths_;  // of its directories
    std::unique_ptr<net::DirectoryWatch> directories_;
    // Changes are counted, and which of them the feed covers; a failure counts as one more.
    std::uint64_t told_ = 0;
    std::uint64_t covered_ = 0;
    std::uint64_t asked_ = 0;
    Result<void, StoreError> outcome_;  // of the last question
    bool is_asking_ = false;
    bool is_looking_ = false;
    co::Event answered_;
    co::Scope looks_;
};

struct OpenedMailbox {
    MailboxInfo info;
    std::shared_ptr<OpenMailbox> mailbox;
};

}  // namespace mbx::store
