// The queue's files: <directory>/<two hex digits>/<id>.entry and <id>.eml beside it. Blocking: on one worker at a time
// (the queue's strand). Nothing here is synced but what replaces a synced file: the rest stands in the journal until a
// checkpoint has synced the file system.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/file_system.hpp"
#include "base/result.hpp"
#include "queue/entry.hpp"
#include "queue/entry_file.hpp"

namespace mbx::queue {

// Where a message's bytes come from: in memory, or a file to be linked from (copied where links are not possible).
struct BodySource {
    std::shared_ptr<const std::string> bytes;
    std::string path;
};

struct LoadFailure {
    enum class Kind : std::uint8_t {
        absent,
        bad,   // damaged, of a newer version, or the disk does not give it out
        busy,  // out of descriptors or memory: it may work later
    };
    Kind kind = Kind::absent;
    std::string why;      // a clause
};

struct LoadedEntry {
    Entry entry;
    bool was_torn = false;  // its end was cut off at the last good change
};

// What is known of a message's bytes.
struct BodyFacts {
    std::string id;
    std::uint64_t size = 0;
    std::uint32_t crc = 0;  // CRC-32C
};

class Spool {
public:
    Spool(FileSystem& files, std::string directory) : files_(files), directory_(std::move(directory)) {}

    // Makes the directories that are always there.
    Result<void, FileError> prepare();

    // Writes both files anew; what was there under the id is replaced. After an error neither counts for anything, and
    // it may be called again.
    Result<void, FileError> write(const Entry& entry, const BodySource& body);
    // Appends. Where that fails for another reason than space, or much was appended to an entry of `head_bytes`, the file
    // is replaced by a synced one without history.
    Result<void, FileError> append(const Change& change, std::uint64_t head_bytes);
    Result<void, FileError> rewrite(const Entry& entry);
    // Both files; it is no error when they are not there.
    Result<void, FileError> remove(const std::string& id);

    // Reads the entry and looks whether its message is there whole. A torn end is cut off.
    Result<LoadedEntry, LoadFailure> load(const std::string& id);
    // Whether the message is there with every byte that was accepted. Any worker; reads all of it.
    Result<void, LoadFailure> check_body(const BodyFacts& body);
    // Bytes of the message, at most `most`.
    Result<std::string, FileError> read_body(const std::string& id, std::size_t most);
    // Out of the way, into damaged/.
    Result<void, FileError> set_aside(const std::string& id);
    std::size_t damaged();

    // The ids that have an entry's file in the n-th of kDirectories, ascending.
    static constexpr unsigned kDirectories = 256;
    Result<std::vector<std::string>, FileError> ids(unsigned n);
    bool has(const std::string& id);
    // Messages there without an entry, which a crash in the middle of remove() leaves; how many went.
    std::size_t remove_orphans(unsigned n);

    std::string body_path(const std::string& id) const { return stem(id) + ".eml"; }
    std::string entry_path(const std::string& id) const { return stem(id) + ".entry"; }

private:
    std::string stem(const std::string& id) const;
    Result<void, FileError> write_body(const Entry& entry, const BodySource& body);
    Result<void, FileError> write_new(const std::string& path, std::string_view bytes, bool synced);
    Result<void, FileError> compact(const Change& change);
    Result<void, FileError> copy(const std::string& from, const std::string& to);
    Result<void, FileError> unlink_if_there(const std::string& path);

    FileSystem& files_;
    std::string directory_;
};

}  // namespace mbx::queue
