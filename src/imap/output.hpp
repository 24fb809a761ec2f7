// What a session says: answers collected into batches, so that a hundred small ones cost one write, and large bodies
// straight from the mapped file. Loop thread. A client that does not read holds the session here until the deadline
// (HOSTILE row E5); after a failure everything more is dropped.
#pragma once

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include "co/task.hpp"
#include "net/byte_stream.hpp"

namespace mbx::imap {

class Output {
public:
    static constexpr std::size_t kBatch = 32 * 1024;      // collected before a write
    static constexpr std::size_t kPiece = 256 * 1024;     // of a body in one write, each with a deadline of its own

    explicit Output(std::chrono::milliseconds timeout) : timeout_(timeout) {}
    void attach(net::ByteStream* stream) { stream_ = stream; }  // nullptr: nowhere

    std::string& text() { return text_; }
    void add(std::string_view more) { text_ += more; }
    bool is_full() const { return text_.size() >= kBatch; }
    bool is_broken() const { return broken_; }

    // Writes what was collected; gives its memory back when `then_wait`. False: the stream is broken.
    co::Task<bool> flush(bool then_wait = false);
    // Writes what was collected, then the pieces, which stay valid until it returns.
    co::Task<bool> write(const std::vector<std::string_view>& pieces);

private:
    net::ByteStream* stream_ = nullptr;
    std::chrono::milliseconds timeout_;
    std::string text_;
    bool broken_ = false;
};

}  // namespace mbx::imap
