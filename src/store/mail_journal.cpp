#include "store/mail_journal.hpp"

#include <utility>

namespace mbx::store {

Result<std::unique_ptr<MailJournal>, Error> MailJournal::open(net::Loop& loop, FileSystem& files, const Clock& clock,
                                                              Metrics& metrics, const Log& log,
                                                              MailJournalOptions options, std::function<void()> failed)
{
    RecoveredMail recovered;
    Lsn unknown = 0;
    const auto visit = [&](Lsn lsn, std::string_view payload, const journal::Location& where) {
        if (!recovered.add(lsn, payload, where) && unknown == 0) unknown = lsn;
    };
    const std::string directory = options.journal.directory;
    auto opened = journal::Journal::open(files, clock, metrics, log, std::move(options.journal), visit);
    if (!opened) return opened.error();
    if (unknown != 0) {
        return Error{"reading the journal in " + directory,
                     "record " + std::to_string(unknown) + " is of a kind that this version does not know",
                     "start the version that wrote it once and stop it: that applies what is left"};
    }
    recovered.finish();
    if (recovered.records != 0) {
        log.notice("journal: what the last run left is applied beside the service",
                   {{"records", recovered.records}, {"accounts", recovered.accounts.size()}, {"owed", recovered.owed}});
    }
    return std::unique_ptr<MailJournal>(new MailJournal(loop, *std::move(opened), std::move(recovered),
                                                        options.identity, std::move(failed)));
}

}  // namespace mbx::store
