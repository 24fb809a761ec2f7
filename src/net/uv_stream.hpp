// TCP and unix streams over libuv. Inside net/ only: others see ByteStream. Loop thread.
#pragma once

#include <uv.h>

#include <cassert>
#include <coroutine>
#include <memory>
#include <optional>
#include <string>

#include "net/byte_stream.hpp"
#include "net/loop.hpp"

namespace mbx::net {

IoError io_error_of(int uv_status);

// The handles and the waiters of one stream. libuv keeps using a handle until its close callback has run, so the core
// holds itself until then, and outlives the UvStream that owns it. A listener keeps one to close a session's stream
// wherever the UvStream has gone (into a TLS stream, into a session).
class StreamCore : public std::enable_shared_from_this<StreamCore> {
public:
    enum class Kind : std::uint8_t { tcp, unix_socket };

    // The core of an open socket or, with -1, of one yet to be connected. Takes the descriptor, on failure too.
    static std::shared_ptr<StreamCore> make(Loop& loop, Kind kind, int descriptor);
    StreamCore(const StreamCore&) = delete;
    StreamCore& operator=(const StreamCore&) = delete;
    ~StreamCore() = default;

    // Ends every wait with `reason`, which later operations return too. The waits end in a later turn of the loop.
    void close(IoError reason);
    void interrupt_read();

    co::Task<Result<std::size_t, IoError>> read_some(std::span<char> into, Deadline deadline);
    co::Task<Result<void, IoError>> write(std::string_view bytes, Deadline deadline);
    co::Task<Result<void, IoError>> shutdown_write(Deadline deadline);
    co::Task<Result<void, IoError>> connect_tcp(Endpoint to, std::optional<IpAddress> source, Deadline deadline);
    co::Task<Result<void, IoError>> connect_unix(std::string path, Deadline deadline);

    PeerInfo peer;
    std::string put_back;  // received and not consumed: read before the socket

private:
    class ReadAwaiter;
    class RequestAwaiter;

    explicit StreamCore(Loop& loop) : loop_(loop) {}
    void tune_tcp();
    uv_stream_t* stream() { return reinterpret_cast<uv_stream_t*>(&handle_); }
    uv_handle_t* handle() { return reinterpret_cast<uv_handle_t*>(&handle_); }
    void handle_closed();
    void arm(SteadyTime at);
    void check_deadlines();
    void resume_reader(Result<std::size_t, IoError> result);
    void resume_writer(int status);

    Loop& loop_;
    union {
        uv_tcp_t tcp;
        uv_pipe_t pipe;
    } handle_{};
    uv_timer_t timer_{};
    SteadyTime armed_for_ = SteadyTime::max();
    int open_handles_ = 0;
    std::shared_ptr<StreamCore> self_;  // while a handle is open
    std::optional<IoError> fault_;      // set once: the stream is over, and why

    std::coroutine_handle<> reader_;
    std::span<char> read_into_;
    SteadyTime read_deadline_ = SteadyTime::max();
    Result<std::size_t, IoError> read_result_ = std::size_t{0};
    bool ended_ = false;         // the peer said that nothing more comes
    bool read_settled_ = false;  // interrupted, the reader about to go on

    std::coroutine_handle<> writer_;  // of a write, a shutdown or a connect
    SteadyTime write_deadline_ = SteadyTime::max();
    int write_status_ = 0;
    bool write_failed_ = false;
};

// Waits for the callback of a request that was started, whose place is this object.
class StreamCore::RequestAwaiter {
public:
    explicit RequestAwaiter(StreamCore& core) noexcept : core_(core) {}
    RequestAwaiter(const RequestAwaiter&) = delete;
    RequestAwaiter& operator=(const RequestAwaiter&) = delete;

    template <typename Request>
    static void done(Request* request, int status)
    {
        static_cast<StreamCore*>(request->data)->resume_writer(status);
    }
    bool await_ready() const noexcept { return false; }
    void await_suspend(std::coroutine_handle<> caller) const
    {
        assert(!core_.writer_ && "a stream has one writer");
        core_.writer_ = caller;
    }
    // What ended the request: why we closed the socket, when that is what ended it.
    Result<void, IoError> await_resume() const
    {
        if (core_.write_status_ == 0) return {};
        core_.write_failed_ = true;
        if (core_.fault_) return *core_.fault_;
        return io_error_of(core_.write_status_);
    }

private:
    StreamCore& core_;
};

class UvStream final : public ByteStream {
public:
    explicit UvStream(std::shared_ptr<StreamCore> core) : core_(std::move(core)) {}
    UvStream(const UvStream&) = delete;
    UvStream& operator=(const UvStream&) = delete;
    ~UvStream() override { core_->close(IoError::closed); }

    co::Task<Result<std::size_t, IoError>> read_some(std::span<char> into, Deadline deadline) override
    {
        return core_->read_some(into, deadline);
    }
    co::Task<Result<void, IoError>> write(std::string_view bytes, Deadline deadline) override
    {
        return core_->write(bytes, deadline);
    }
    co::Task<Result<void, IoError>> shutdown_write(Deadline deadline) override
    {
        return core_->shutdown_write(deadline);
    }
    void interrupt_read() override { core_->interrupt_read(); }
    void close() override { core_->close(IoError::closed); }
    const PeerInfo& peer() const override { return core_->peer; }
    bool is_encrypted() const override { return false; }

private:
    std::shared_ptr<StreamCore> core_;
};

}  // namespace mbx::net
