// The inside of a Draft, for Draft and Intake.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "intake/draft.hpp"
#include "intake/spool.hpp"

namespace mbx::intake {

// Bytes of a message that are kept in memory; the rest goes to its spool file in pieces of this size.
inline constexpr std::size_t kDraftMemory = 256 * 1024;

struct Draft::State {
    explicit State(Spool& in) : spool(in) {}
    State(const State&) = delete;
    State& operator=(const State&) = delete;
    ~State();

    // On a worker, while the owner waits.
    Result<void, FileError> flush();
    // The whole message in its file, with that time of change, synced and closed; its path is `path` then.
    Result<void, FileError> finish(std::int64_t mtime_ns);
    Result<void, FileError> rewrite_with_prefix();
    Result<void, FileError> make_file();

    Spool& spool;
    std::string prefix;
    std::string buffer;          // bytes behind what is in the file
    std::string path;            // empty: no file yet
    std::unique_ptr<File> file;
    std::uint64_t body = 0;      // bytes appended
    bool has_prefix_in_file = false;
    std::optional<IntakeError> error;
};

inline IntakeError to_intake_error(const FileError& error)
{
    return error.is_no_space() ? IntakeError::no_space : IntakeError::failure;
}

}  // namespace mbx::intake
