// The inside of a Draft, for Draft and Intake.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "intake/draft.hpp"
#include "intake/spool.hpp"

namespace mbx::intake {

// Bytes of a message that are kept in memory and go whole into the journal; a larger one goes to its spool file in
// pieces of this size.
inline constexpr std::size_t kDraftMemory = 256 * 1024;

struct Draft::State {
    explicit State(Spool& in) : spool(in) {}
    State(const State&) = delete;
    State& operator=(const State&) = delete;
    ~State();

    bool is_spooled() const { return !name.empty(); }
    // The whole message, where it is not spooled; the draft is empty then.
    std::string take_bytes();

    // On a worker, while the owner waits.
    Result<void, FileError> flush();
    // The whole message in its file, with that time of change, synced like its directory, and closed.
    Result<void, FileError> finish(std::int64_t mtime_ns);
    // The file is somebody else's from here on.
    void let_go() { name.clear(); }

    Spool& spool;
    std::string prefix;
    std::string buffer;          // bytes behind what is in the file
    std::string name;            // of the file in the spool; empty: no file yet
    std::unique_ptr<File> file;
    std::uint64_t body = 0;      // bytes appended
    std::uint64_t unpaced = 0;   // bytes written since the kernel was asked to write
    std::uint32_t crc = 0;       // CRC-32C of what is in the file
    bool has_prefix_in_file = false;
    std::optional<IntakeError> error;

private:
    Result<void, FileError> make_file();
    Result<void, FileError> write(std::string_view bytes);
    Result<void, FileError> rewrite_with_prefix();
};

inline IntakeError to_intake_error(const FileError& error)
{
    return error.is_no_space() ? IntakeError::no_space : IntakeError::failure;
}

}  // namespace mbx::intake
