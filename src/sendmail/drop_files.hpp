// The files of the drop directory, which any user of the machine writes: nothing about them is believed but what the kernel
// says. Blocking: on a worker. Any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/error.hpp"
#include "base/result.hpp"
#include "sendmail/drop_file.hpp"

namespace mbx::sendmail {

// An open message. What is read is what was open when it was judged, whatever its owner does to the name; the bytes may
// still change under us, and their number may not.
class DropFile {
public:
    DropFile(int descriptor, DropHead head) : head_(std::move(head)), descriptor_(descriptor) {}
    DropFile(DropFile&& other) noexcept;
    DropFile& operator=(DropFile&&) = delete;
    DropFile(const DropFile&) = delete;
    DropFile& operator=(const DropFile&) = delete;
    ~DropFile();

    const DropHead& head() const { return head_; }
    // Bytes of the message from `offset` on; 0: they cannot be read.
    std::size_t read_body(std::uint64_t offset, std::span<char> into) const;
    // The first bytes of it, `most` or all.
    std::string body_front(std::size_t most) const;

    std::uint32_t uid = 0;       // of the file's owner, by the kernel
    std::string login;           // the owner's name, "uid-1000" where there is none
    std::int64_t changed = 0;    // seconds since 1970, by the kernel: nobody can set it

private:
    DropHead head_;
    int descriptor_;
};

struct OpenedDrop {
    enum class State : std::uint8_t {
        open,
        gone,     // its owner took it back
        hostile,  // it is no message, or not one file of one owner: `why`
        later,    // the system could not: `why`
    };
    State state = State::gone;
    std::string why;
    std::optional<DropFile> file;
};
// HOSTILE: never follows a link, never waits for a pipe, takes no file with a second name, checks the sum of everything up to
// `most_bytes`; larger messages are opened too, for SMTP to refuse.
OpenedDrop open_drop(const std::string& directory, const std::string& name, std::uint64_t most_bytes);

// Names of messages, the oldest first, at most `most`; what was begun more than a day ago and never finished is removed. An
// error: it is not there, or not the daemon's own.
Result<std::vector<std::string>, Error> list_drop(const std::string& directory, std::size_t most);

struct DropCount {
    std::size_t count = 0;
    std::size_t directories = 0;  // of these
    std::string example;          // one of their names
};
// What lies there and is nothing that sendmail writes: nobody takes it in.
DropCount count_foreign_drops(const std::string& directory);
// What set_drop_aside() put aside, now or in an earlier life, and nobody has removed.
DropCount count_aside_drops(const std::string& directory);

// Both durable when they return. False: it is still there.
bool remove_drop(const std::string& directory, const std::string& name);
// To .aside/ in the directory, which is nobody's but the daemon's.
bool set_drop_aside(const std::string& directory, const std::string& name);

}  // namespace mbx::sendmail
