// A message that is durable in the journal and owed to the mailboxes of its recipients, shared by their stores until the
// last has placed it. Small bodies are in memory; with several recipients, and for large ones, a file in spool/ is what
// every recipient's link is made from (one inode for all).
#pragma once

#include <memory>
#include <mutex>
#include <string>

#include "base/file_system.hpp"
#include "store/journal_record.hpp"

namespace mbx::store {

class AcceptedMessage {
public:
    // `body` is null where record.spool_name names a file in `spool_directory` already.
    AcceptedMessage(Lsn lsn, AcceptedRecord record, std::shared_ptr<const std::string> body, std::string spool_directory);

    Lsn lsn() const { return lsn_; }
    const AcceptedRecord& record() const { return record_; }
    const std::shared_ptr<const std::string>& body() const { return body_; }  // null: in the spool file only
    bool wants_one_inode() const { return body_ == nullptr || record_.recipients.size() > 1; }

    // The spool file, written now (unsynced: the journal holds the bytes) where it is not there yet. Any worker.
    Result<std::string, FileError> spooled(FileSystem& files) const;
    // Removes the spool file, when every recipient has its link and a checkpoint has passed `lsn` where the body is in
    // no journal record. Any worker.
    void drop(FileSystem& files) const;

private:
    Lsn lsn_;
    AcceptedRecord record_;
    std::shared_ptr<const std::string> body_;
    std::string spool_directory_;
    mutable std::mutex mutex_;
    mutable std::string path_;
};

}  // namespace mbx::store
