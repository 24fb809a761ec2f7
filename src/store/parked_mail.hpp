// Records of accounts that could not apply them, taken out of the journal so that it need not wait for one sick account:
// files of their own in parked/ of the data directory, synced, tried again later (docs/journal.md). Blocking: on workers.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/file_system.hpp"
#include "store/account_replay.hpp"

namespace mbx::store {

// Where the frames of a parked file lie. Pure, total for any bytes; what stands behind a bad frame is not looked at.
struct ParkedFrame {
    Lsn lsn = 0;
    std::uint64_t offset = 0;  // of the payload
    std::uint32_t length = 0;
};
struct ParkedFrames {
    std::vector<ParkedFrame> frames;
    bool is_whole = false;
};
ParkedFrames parse_parked(std::string_view bytes);
std::string format_parked_frame(Lsn lsn, std::string_view payload);
inline constexpr std::string_view kParkedHead = "mailboxd parked 1\n";

// One file, all of one account.
struct ParkedFile {
    std::string path;
    AccountKey key;
    std::vector<ReplayRecord> records;  // location: offset and length within the file
    // Not 0: everything is applied, and its PlacedRecords stand in the journal at most up to here. Then the file is only
    // a place where bodies can be read until a checkpoint has passed that number.
    Lsn done = 0;
};

class ParkedMail {
public:
    ParkedMail(FileSystem& files, std::string directory) : files_(files), directory_(std::move(directory)) {}

    struct Found {
        std::vector<ParkedFile> files;
        std::vector<std::string> damaged;  // paths; left alone
    };
    // At start: what is there. Files that are done below `checkpoint` are removed.
    Result<Found, FileError> load(Lsn checkpoint);

    // Writes records of one account, with their bodies as `body` gives them; synced when it returns.
    using Body = std::function<Result<std::string, FileError>(const ReplayRecord&)>;
    Result<ParkedFile, FileError> park(const AccountKey& key, const std::vector<ReplayRecord>& records, const Body& body);
    Result<std::string, FileError> body(const ParkedFile& file, const ReplayRecord& record) const;

    // Everything is applied and its records are durable up to `lsn`; synced when it returns.
    Result<void, FileError> mark_done(ParkedFile& file, Lsn lsn);
    Result<void, FileError> remove(const ParkedFile& file);

private:
    std::optional<ParkedFile> read(const std::string& path) const;
    Result<void, FileError> make_directory();
    FileSystem& files_;
    std::string directory_;
};

}  // namespace mbx::store
