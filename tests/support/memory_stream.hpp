// The network kept in memory: twins of net::ByteStream for tests. No loop, no sockets, no time: deadlines pass when the
// test says so. Waiters go on inside the call that gives them what they wait for.
#pragma once

#include <algorithm>
#include <cassert>
#include <coroutine>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "net/byte_stream.hpp"

namespace mbx::test {

inline net::PeerInfo example_peer()
{
    net::PeerInfo peer;
    peer.remote = *net::Endpoint::parse("192.0.2.10:40000");
    peer.local = *net::Endpoint::parse("192.0.2.1:25");
    return peer;
}

// A client that says its script in pieces of at most `piece` bytes and then ends the stream; heard() is what it was
// told. Never suspends, so a whole session over it runs inside test::run_ready().
class MemoryStream final : public net::ByteStream {
public:
    MemoryStream(std::string script, std::size_t piece) : script_(std::move(script)), piece_(std::max<std::size_t>(piece, 1))
    {
    }

    co::Task<Result<std::size_t, net::IoError>> read_some(std::span<char> into, net::Deadline) override
    {
        if (closed_) co_return net::IoError::closed;
        if (at_ == script_.size() && at_end_) co_return *at_end_;
        const std::size_t count = std::min({piece_, into.size(), script_.size() - at_});
        std::copy_n(script_.data() + at_, count, into.data());
        at_ += count;
        co_return count;
    }
    co::Task<Result<void, net::IoError>> write(std::string_view bytes, net::Deadline) override
    {
        if (closed_) co_return net::IoError::closed;
        if (shut_) co_return net::IoError::reset;
        if (writable_ && heard_.size() + bytes.size() > *writable_) co_return net::IoError::reset;
        heard_.append(bytes);
        co_return Result<void, net::IoError>();
    }
    co::Task<Result<void, net::IoError>> shutdown_write(net::Deadline) override
    {
        if (closed_) co_return net::IoError::closed;
        shut_ = true;
        co_return Result<void, net::IoError>();
    }
    void interrupt_read() override {}
    void close() override { closed_ = true; }
    const net::PeerInfo& peer() const override { return peer_; }
    bool is_encrypted() const override { return encrypted_; }
    net::TlsFacts tls_facts() const override { return facts_; }

    // What the test sets and asks.
    void add(std::string_view more) { script_ += more; }
    void at_end(net::IoError error) { at_end_ = error; }             // instead of the end of the stream
    void fail_writes_after(std::size_t bytes) { writable_ = bytes; }  // the peer goes away
    void set_peer(net::PeerInfo peer) { peer_ = std::move(peer); }
    void set_encrypted(net::TlsFacts facts = {})
    {
        encrypted_ = true;
        facts_ = std::move(facts);
    }
    const std::string& heard() const { return heard_; }
    std::string take_heard() { return std::exchange(heard_, {}); }
    std::size_t said() const { return at_; }
    bool is_closed() const { return closed_; }
    bool is_shut() const { return shut_; }

private:
    std::string script_;
    std::size_t piece_;
    std::size_t at_ = 0;
    std::string heard_;
    std::optional<net::IoError> at_end_;
    std::optional<std::size_t> writable_;
    net::PeerInfo peer_ = example_peer();
    net::TlsFacts facts_;
    bool encrypted_ = false;
    bool closed_ = false;
    bool shut_ = false;
};

// One direction of a pipe: a bounded buffer with a waiter at each end.
class MemoryChannel {
public:
    explicit MemoryChannel(std::size_t capacity) : capacity_(capacity) {}

    // Suspends until woken; says with what.
    class Wait {
    public:
        explicit Wait(std::coroutine_handle<>& slot) : slot_(slot) {}
        Wait(const Wait&) = delete;
        Wait& operator=(const Wait&) = delete;
        bool await_ready() const noexcept { return false; }
        void await_suspend(std::coroutine_handle<> caller) const
        {
            assert(!slot_ && "one reader and one writer at a time");
            slot_ = caller;
        }
        void await_resume() const noexcept {}

    private:
        std::coroutine_handle<>& slot_;
    };

    static void wake(std::coroutine_handle<>& slot)
    {
        if (slot) std::exchange(slot, nullptr).resume();
    }

    std::string bytes;
    bool ended = false;     // the writing end said so
    bool broken = false;    // the reading end is gone
    std::coroutine_handle<> reader;
    std::coroutine_handle<> writer;
    std::optional<net::IoError> reader_told;  // why the wait ends, when not for data
    std::optional<net::IoError> writer_told;
    std::size_t room() const { return capacity_ - std::min(capacity_, bytes.size()); }

private:
    std::size_t capacity_;
};

// One end of a MemoryPipe.
class MemoryEnd final : public net::ByteStream {
public:
    MemoryEnd(std::shared_ptr<MemoryChannel> in, std::shared_ptr<MemoryChannel> out, std::size_t piece)
        : in_(std::move(in)), out_(std::move(out)), piece_(std::max<std::size_t>(piece, 1))
    {
    }
    MemoryEnd(const MemoryEnd&) = delete;
    MemoryEnd& operator=(const MemoryEnd&) = delete;
    ~MemoryEnd() override { close(); }

    co::Task<Result<std::size_t, net::IoError>> read_some(std::span<char> into, net::Deadline) override
    {
        const auto in = in_;
        while (true) {
            if (closed_) co_return net::IoError::closed;
            if (!in->bytes.empty()) {
                const std::size_t count = std::min({piece_, into.size(), in->bytes.size()});
                std::copy_n(in->bytes.data(), count, into.data());
                in->bytes.erase(0, count);
                MemoryChannel::wake(in->writer);
                co_return count;
            }
            if (in->ended) co_return std::size_t{0};
            MemoryChannel::Wait waiting(in->reader);
            co_await waiting;
            const auto told = std::exchange(in->reader_told, std::nullopt);
            if (told) co_return *told;
        }
    }
    co::Task<Result<void, net::IoError>> write(std::string_view bytes, net::Deadline) override
    {
        const auto out = out_;
        while (true) {
            if (closed_) co_return net::IoError::closed;
            if (shut_ || out->broken) co_return net::IoError::reset;
            const std::size_t count = std::min(out->room(), bytes.size());
            out->bytes.append(bytes.substr(0, count));
            bytes.remove_prefix(count);
            if (count != 0) MemoryChannel::wake(out->reader);
            if (bytes.empty()) co_return Result<void, net::IoError>();
            if (out->room() != 0) continue;
            MemoryChannel::Wait waiting(out->writer);
            co_await waiting;
            const auto told = std::exchange(out->writer_told, std::nullopt);
            if (told) co_return *told;
        }
    }
    co::Task<Result<void, net::IoError>> shutdown_write(net::Deadline) override
    {
        if (closed_) co_return net::IoError::closed;
        shut_ = true;
        out_->ended = true;
        MemoryChannel::wake(out_->reader);
        co_return Result<void, net::IoError>();
    }
    void interrupt_read() override { end_read(net::IoError::interrupted); }
    void close() override
    {
        if (closed_) return;
        closed_ = true;
        const auto in = in_;
        const auto out = out_;
        out->ended = true;
        in->broken = true;
        end_write(net::IoError::closed);
        end_read(net::IoError::closed);
        MemoryChannel::wake(out->reader);
        MemoryChannel::wake(in->writer);
    }
    const net::PeerInfo& peer() const override { return peer_; }
    bool is_encrypted() const override { return false; }

    // The deadline of what waits at this end passes now; false when nothing waits.
    bool expire_read() { return end_read(net::IoError::timed_out); }
    bool expire_write() { return end_write(net::IoError::timed_out); }
    bool is_reading() const { return static_cast<bool>(in_->reader); }
    bool is_writing() const { return static_cast<bool>(out_->writer); }
    bool is_closed() const { return closed_; }
    std::size_t unread() const { return in_->bytes.size(); }
    void set_peer(net::PeerInfo peer) { peer_ = std::move(peer); }

private:
    bool end_read(net::IoError why)
    {
        if (!in_->reader) return false;
        in_->reader_told = why;
        MemoryChannel::wake(in_->reader);
        return true;
    }
    bool end_write(net::IoError why)
    {
        if (!out_->writer) return false;
        out_->writer_told = why;
        MemoryChannel::wake(out_->writer);
        return true;
    }

    std::shared_ptr<MemoryChannel> in_;
    std::shared_ptr<MemoryChannel> out_;
    std::size_t piece_;
    net::PeerInfo peer_ = example_peer();
    bool closed_ = false;
    bool shut_ = false;
};

// Two ends that hear each other. `capacity` is what one direction holds before its writer waits; `piece` the most that
// one read gives. Either end may be moved out, into a session or a TLS stream; keep a plain pointer to expire and ask.
struct MemoryPipe {
    explicit MemoryPipe(std::size_t capacity = 65536, std::size_t piece = 65536)
    {
        auto there = std::make_shared<MemoryChannel>(capacity);
        auto back = std::make_shared<MemoryChannel>(capacity);
        near = std::make_unique<MemoryEnd>(back, there, piece);
        far = std::make_unique<MemoryEnd>(there, back, piece);
    }
    std::unique_ptr<MemoryEnd> near;
    std::unique_ptr<MemoryEnd> far;
};

}  // namespace mbx::test
