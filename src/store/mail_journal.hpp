// The journal as the mail's: opened, what it still holds sorted by account, its progress on the loop. Loop thread.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "journal/commit_waiters.hpp"
#include "store/account_store.hpp"
#include "store/recovered_mail.hpp"

namespace mbx::store {

struct MailJournalOptions {
    journal::JournalOptions journal;
    std::uint32_t identity = 0;  // of this journal, in the names of files; another one when it began anew
};

class MailJournal {
public:
    // Blocking. `failed` is called once on the loop when the journal fails. An error for a damaged journal, and for one
    // with records of a version that is not known: nothing may serve then.
    static Result<std::unique_ptr<MailJournal>, Error> open(net::Loop& loop, FileSystem& files, const Clock& clock,
                                                            Metrics& metrics, const Log& log, MailJournalOptions options,
                                                            std::function<void()> failed);

    journal::Journal& journal() { return *journal_; }
    journal::CommitWaiters& waiters() { return waiters_; }
    JournalSeat seat() { return {*journal_, identity_, journal_->recovery().voids}; }
    RecoveredMail& recovered() { return recovered_; }  // Store takes from it

private:
    MailJournal(net::Loop& loop, std::unique_ptr<journal::Journal> journal, RecoveredMail recovered,
                std::uint32_t identity, std::function<void()> failed)
        : journal_(std::move(journal)), waiters_(loop, *journal_, std::move(failed)), recovered_(std::move(recovered)),
          identity_(identity)
    {
    }
    std::unique_ptr<journal::Journal> journal_;
    journal::CommitWaiters waiters_;
    RecoveredMail recovered_;
    std::uint32_t identity_;
};

}  // namespace mbx::store
