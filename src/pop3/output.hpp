// What a session says, collected into batches: answers to pipelined commands go out together. Loop thread. A client that
// does not read holds the session here until the deadline (HOSTILE row E5); after a failure everything more is dropped.
#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "co/task.hpp"
#include "net/byte_stream.hpp"

namespace mbx::pop3 {

class Output {
public:
    static constexpr std::size_t kBatch = 32 * 1024;  // collected before a write; each has a deadline of its own

    explicit Output(std::chrono::milliseconds timeout) : timeout_(timeout) {}
    void attach(net::ByteStream* stream) { stream_ = stream; }  // nullptr: nowhere

    std::string& text() { return text_; }
    void add(std::string_view more) { text_ += more; }
    bool is_full() const { return text_.size() >= kBatch; }
    bool is_broken() const { return broken_; }

    // Writes what was collected; gives its memory back when `then_wait`. False: the stream is broken.
    co::Task<bool> flush(bool then_wait = false);

private:
    net::ByteStream* stream_ = nullptr;
    std::chrono::milliseconds timeout_;
    std::string text_;
    bool broken_ = false;
};

}  // namespace mbx::pop3
