#include "store/open_mailbox.hpp"

#include <algorithm>
#include <exception>
#include <optional>
#include <unordered_map>
#include <utility>

namespace mbx::store {

struct OpenMailbox::Contents {
    MailboxStatus status;
    UidTable uids;
};

// One of the two is there: news for those who have it open or had it lately, or all of it.
struct OpenMailbox::Answer {
    Result<MailboxInfo, StoreError> info;
    std::optional<Changes> news;
    std::optional<Contents> contents;
    std::vector<std::string> directories;
};

// On the strand.
OpenMailbox::Answer OpenMailbox::ask_for(AccountStore& store, const std::string& name,
                                         const std::unordered_map<MailboxId, ModSeq>& known)
{
    Answer answer{store.find(name), {}, {}, {}};
    if (!answer.info) return answer;
    const auto id = answer.info->id;
    auto directories = store.directories(id);
    if (!directories) {
        answer.info = directories.error();
        return answer;
    }
    answer.directories = *std::move(directories);
    if (const auto open = known.find(id); open != known.end()) {
        auto news = store.changes(id, open->second);
        if (news) {
            answer.news = *std::move(news);
        } else {
            answer.info = news.error();
        }
        return answer;
    }
    auto status = store.status(id);
    const auto uids = store.uids(id);
    if (!status || !uids) {
        answer.info = !status ? status.error() : uids.error();
    } else {
        answer.contents = Contents{*std::move(status), UidTable(*uids)};
    }
    return answer;
}

co::Task<Result<OpenedMailbox, StoreError>> OpenMailbox::open(std::shared_ptr<Account> account, std::string name)
{
    // Held over the job, so that what was open when it began is open when it ends.
    std::vector<std::shared_ptr<OpenMailbox>> held;
    std::unordered_map<MailboxId, ModSeq> known;
    for (const auto& [id, weak] : account->open_mailboxes()) {
        auto open = weak.lock();
        if (!open) continue;
        known.emplace(id, open->feed_.status().highest_modseq);
        held.push_back(std::move(open));
    }
    const std::vector<ClosedView> views(account->closed_views().begin(), account->closed_views().end());
    for (const auto& view : views) known.emplace(view.status.id, view.status.highest_modseq);
    auto job = [&name, &known](AccountStore& store) { return ask_for(store, name, known); };
    auto answer = co_await account->run(net::WorkClass::interactive, std::move(job));
    if (!answer.info) co_return answer.info.error();
    auto& open = account->open_mailboxes()[answer.info->id];
    auto mailbox = open.lock();
    // The loop hears of jobs in their order, and of this one here: nothing slips in between it and the watch.
    if (!mailbox && answer.contents) {
        mailbox.reset(new OpenMailbox(account, *std::move(answer.contents), std::move(answer.directories)));
        open = mailbox;
        co_return OpenedMailbox{*std::move(answer.info), std::move(mailbox)};
    }
    if (!mailbox) {
        const auto view = std::ranges::find(views, answer.info->id, [](const ClosedView& one) { return one.status.id; });
        mailbox.reset(new OpenMailbox(account, Contents{view->status, view->uids}, std::move(answer.directories)));
        open = mailbox;
    }
    // It was open, now or lately, or somebody opened it meanwhile.
    const bool is_taken = answer.news && mailbox->take(*std::move(answer.news));
    if (!is_taken) {
        const auto done = co_await mailbox->refresh(true);
        if (!done) co_return done.error();
    }
    co_return OpenedMailbox{*std::move(answer.info), std::move(mailbox)};
}

OpenMailbox::OpenMailbox(std::shared_ptr<Account> account, Contents contents, std::vector<std::string> paths)
    : account_(std::move(account)), feed_(std::move(contents.status), std::move(contents.uids)),
      watch_(account_->watch(feed_.status().id, [this] { on_change(); })), paths_(std::move(paths))
{
}

bool OpenMailbox::watch()
{
    if (directories_ || !account_->watches_directories()) return is_watched();
    auto opened = net::DirectoryWatch::open(account_->loop(), paths_, {}, [this] { on_change(); });
    if (opened) directories_ = *std::move(opened);
    return is_watched();
}

OpenMailbox::~OpenMailbox()
{
    account_->open_mailboxes().erase(feed_.status().id);
    account_->keep_closed({feed_.status(), feed_.uids()});
}

bool OpenMailbox::take(Changes changes)
{
    if (feed_.take(std::move(changes))) return true;
    ++told_;  // asking will find the same, and read everything afresh
    return false;
}

// Jobs of an account tell in the order in which they ran. A job that changed something has told of it: with one call since
// then that was the one, and everything that was told before lies in front of it.
void OpenMailbox::take_own(Changes changes, std::uint64_t told)
{
    const bool has_told = !changes.changed.empty();
    const bool is_taken = take(std::move(changes));
    if (is_taken && has_told && told_ == told + 1) covered_ = told_;
}

void OpenMailbox::on_change()
{
    ++told_;
    look_soon();
}

// Asks for those who wait; others ask themselves when they may tell.
void OpenMailbox::look_soon()
{
    if (is_looking_ || is_asking_ || is_current() || feed_.waiting() == 0) return;
    looks_.spawn(look(shared_from_this()));
}

co::Task<void> OpenMailbox::look(std::shared_ptr<OpenMailbox> self)
{
    self->is_looking_ = true;
    bool is_good = true;
    while (is_good && !self->is_current() && self->feed_.waiting() != 0) {
        try {
            const auto done = co_await self->refresh(false);
            is_good = static_cast<bool>(done);
        } catch (...) {
            is_good = false;  // whoever is called asks again and has it told
        }
    }
    self->is_looking_ = false;
    if (!is_good) self->feed_.call();
    // The scope counts this task until it has ended: let go after that.
    auto& loop = self->account_->loop();
    loop.post([held = std::move(self)] {});
}

co::Task<Result<void, StoreError>> OpenMailbox::refresh(bool look)
{
    if (look) ++told_;
    const auto wanted = told_;
    while (covered_ < wanted) {
        if (is_asking_) {
            co_await answered_.wait();
        } else {
            co_await ask();
        }
    }
    co_return outcome_;
}

co::Task<void> OpenMailbox::ask()
{
    is_asking_ = true;
    ++asked_;
    const auto covers = told_;
    const auto id = feed_.status().id;
    const auto since = feed_.status().highest_modseq;
    auto job = [id, since](AccountStore& store) { return store.changes(id, since); };
    std::exception_ptr bug;
    Result<Changes, StoreError> changes = StoreError::io;
    try {
        changes = co_await account_->run(net::WorkClass::interactive, std::move(job));
    } catch (...) {
        bug = std::current_exception();
    }
    is_asking_ = false;
    covered_ = std::max(covered_, covers);  // a job of somebody's own may have covered more meanwhile
    outcome_ = {};
    if (!changes) {
        outcome_ = changes.error();
    } else if (!feed_.take(*std::move(changes))) {
        co_await reload();
    }
    // Those who are called and those who waited may ask again at once: that changes nothing here before they wait.
    const bool is_good = static_cast<bool>(outcome_);
    if (!is_good) ++told_;
    answered_.notify_all();
    if (is_good) look_soon();
    if (bug) std::rethrow_exception(bug);
}

// What the store said does not add up: everything afresh.
co::Task<void> OpenMailbox::reload()
{
    is_asking_ = true;
    const auto id = feed_.status().id;
    using Read = Result<std::pair<MailboxStatus, UidTable>, StoreError>;
    auto job = [id](AccountStore& store) -> Read {
        auto status = store.status(id);
        const auto uids = store.uids(id);
        if (!status || !uids) return !status ? status.error() : uids.error();
        return std::pair(*std::move(status), UidTable(*uids));
    };
    Read read = StoreError::io;
    try {
        read = co_await account_->run(net::WorkClass::interactive, std::move(job));
    } catch (...) {
        read = StoreError::io;
    }
    is_asking_ = false;
    if (read) {
        feed_.reload(std::move(read->first), std::move(read->second));
    } else {
        outcome_ = read.error();
    }
}

}  // namespace mbx::store
