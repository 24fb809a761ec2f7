#include "net/uv_stream.hpp"

#include <unistd.h>

#include <algorithm>
#include <cassert>
#include <cerrno>
#include <utility>

#include "net/socket_address.hpp"

namespace mbx::net {
namespace {

SteadyTime steady_now() { return std::chrono::steady_clock::now(); }

}  // namespace

IoError io_error_of(int uv_status)
{
    switch (uv_status) {
    case UV_ECANCELED: return IoError::closed;
    case UV_ETIMEDOUT: return IoError::timed_out;
    case UV_ECONNRESET:
    case UV_ECONNABORTED:
    case UV_EPIPE:
    case UV_ENOTCONN:
    case UV_EOF: return IoError::reset;
    case UV_EMFILE:
    case UV_ENFILE:
    case UV_ENOBUFS:
    case UV_ENOMEM: return IoError::exhausted;
    case UV_ECONNREFUSED:
    case UV_EADDRINUSE:
    case UV_EADDRNOTAVAIL:
    case UV_ENOENT:
    case UV_EACCES: return IoError::refused;
    default: return IoError::failed;
    }
}

std::shared_ptr<StreamCore> StreamCore::make(Loop& loop, Kind kind, int descriptor)
{
    const std::shared_ptr<StreamCore> core(new StreamCore(loop));
    uv_loop_t* raw = loop.raw();
    if (kind == Kind::tcp) {
        uv_tcp_init(raw, &core->handle_.tcp);
    } else {
        uv_pipe_init(raw, &core->handle_.pipe, 0);
    }
    core->handle()->data = core.get();
    uv_timer_init(raw, &core->timer_);
    core->timer_.data = core.get();
    // A deadline alone is no reason for the loop to go on: what waits for it is.
    uv_unref(reinterpret_cast<uv_handle_t*>(&core->timer_));
    core->open_handles_ = 2;
    core->self_ = core;
    if (descriptor < 0) return core;

    core->peer = peer_of(descriptor);
    const int rc = kind == Kind::tcp ? uv_tcp_open(&core->handle_.tcp, descriptor)
                                     : uv_pipe_open(&core->handle_.pipe, descriptor);
    if (rc != 0) {
        ::close(descriptor);
        core->close(io_error_of(rc));
    } else if (kind == Kind::tcp) {
        core->tune_tcp();
    }
    return core;
}

void StreamCore::tune_tcp()
{
    // After this many seconds of silence the kernel asks whether the peer still lives: IMAP clients idle for hours.
    constexpr unsigned kKeepAliveSeconds = 300;
    uv_tcp_nodelay(&handle_.tcp, 1);
    uv_tcp_keepalive(&handle_.tcp, 1, kKeepAliveSeconds);
}

void StreamCore::handle_closed()
{
    if (--open_handles_ != 0) return;
    const std::shared_ptr<StreamCore> self = std::move(self_);
    // Writers were woken by libuv, which ends their requests; readers have no request.
    if (reader_ && !read_settled_) resume_reader(*fault_);
}

void StreamCore::close(IoError reason)
{
    if (fault_) return;
    fault_ = reason;
    const auto closed = [](uv_handle_t* closing) { static_cast<StreamCore*>(closing->data)->handle_closed(); };
    uv_close(handle(), closed);
    uv_close(reinterpret_cast<uv_handle_t*>(&timer_), closed);
}

void StreamCore::arm(SteadyTime at)
{
    // Armed early is good enough: the callback looks at the clock and arms again. So a busy stream, whose deadlines
    // only move on, touches the timer once in a deadline's span and not once per read.
    if (at >= armed_for_ || fault_) return;
    armed_for_ = at;
    const auto span = std::chrono::ceil<std::chrono::milliseconds>(at - steady_now()).count();
    uv_update_time(timer_.loop);
    uv_timer_start(&timer_, [](uv_timer_t* timer) { static_cast<StreamCore*>(timer->data)->check_deadlines(); },
                   static_cast<std::uint64_t>(std::max<std::int64_t>(span, 1)), 0);
}

void StreamCore::check_deadlines()
{
    const std::shared_ptr<StreamCore> self = shared_from_this();
    armed_for_ = SteadyTime::max();
    const SteadyTime now = steady_now();
    if (writer_ && now >= write_deadline_) {
        // libuv cannot take back one request: the socket goes, and the request ends with it.
        close(IoError::timed_out);
        return;
    }
    if (writer_) arm(write_deadline_);
    if (!reader_ || read_settled_) return;
    if (now < read_deadline_) {
        arm(read_deadline_);
        return;
    }
    uv_read_stop(stream());
    resume_reader(IoError::timed_out);
}

void StreamCore::resume_reader(Result<std::size_t, IoError> result)
{
    read_result_ = result;
    read_settled_ = false;
    std::exchange(reader_, nullptr).resume();
}

void StreamCore::resume_writer(int status)
{
    write_status_ = status;
    std::exchange(writer_, nullptr).resume();
}

void StreamCore::interrupt_read()
{
    if (!reader_ || read_settled_ || fault_) return;
    read_settled_ = true;
    uv_read_stop(stream());
    // In the loop's next turn: whoever interrupts is in the middle of something of its own.
    loop_.post([self = shared_from_this()] { self->resume_reader(IoError::interrupted); });
}

class StreamCore::ReadAwaiter {
public:
    explicit ReadAwaiter(StreamCore& core) noexcept : core_(core) {}
    ReadAwaiter(const ReadAwaiter&) = delete;
    ReadAwaiter& operator=(const ReadAwaiter&) = delete;

    bool await_ready() const noexcept { return false; }
    bool await_suspend(std::coroutine_handle<> caller)
    {
        const int rc = uv_read_start(
            core_.stream(),
            [](uv_handle_t* handle, std::size_t, uv_buf_t* out) {
                const std::span<char> into = static_cast<StreamCore*>(handle->data)->read_into_;
                *out = uv_buf_init(into.data(), static_cast<unsigned>(into.size()));
            },
            [](uv_stream_t* from, ssize_t count, const uv_buf_t*) {
                if (count == 0) return;  // EAGAIN, says libuv, not the end
                uv_read_stop(from);
                auto* core = static_cast<StreamCore*>(from->data);
                if (count == UV_EOF) core->resume_reader(std::size_t{0});
                else if (count < 0) core->resume_reader(io_error_of(static_cast<int>(count)));
                else core->resume_reader(static_cast<std::size_t>(count));
            });
        if (rc < 0) {
            core_.read_result_ = io_error_of(rc);
            return false;
        }
        core_.reader_ = caller;
        return true;
    }
    void await_resume() const noexcept {}

private:
    StreamCore& core_;
};

co::Task<Result<std::size_t, IoError>> StreamCore::read_some(std::span<char> into, Deadline deadline)
{
    const std::shared_ptr<StreamCore> self = shared_from_this();
    assert(!reader_ && "a stream has one reader");
    assert(!into.empty());
    if (fault_) co_return *fault_;
    if (!put_back.empty()) {
        const std::size_t count = std::min(into.size(), put_back.size());
        std::copy_n(put_back.begin(), count, into.begin());
        put_back.erase(0, count);
        if (put_back.empty()) std::string().swap(put_back);
        co_return count;
    }
    if (ended_) co_return std::size_t{0};
    if (deadline.at <= steady_now()) co_return IoError::timed_out;
    read_into_ = into;
    read_deadline_ = deadline.at;
    arm(deadline.at);
    ReadAwaiter awaiter(*this);
    co_await awaiter;
    ended_ = read_result_ && *read_result_ == 0;
    co_return read_result_;
}

co::Task<Result<void, IoError>> StreamCore::write(std::string_view bytes, Deadline deadline)
{
    const std::shared_ptr<StreamCore> self = shared_from_this();
    if (fault_) co_return *fault_;
    if (write_failed_) co_return IoError::reset;
    uv_buf_t buffer = uv_buf_init(const_cast<char*>(bytes.data()), static_cast<unsigned>(bytes.size()));
    int sent = bytes.empty() ? 0 : uv_try_write(stream(), &buffer, 1);
    if (sent == UV_EAGAIN) sent = 0;
    if (sent < 0) {
        write_failed_ = true;
        co_return io_error_of(sent);
    }
    bytes.remove_prefix(static_cast<std::size_t>(sent));
    if (bytes.empty()) co_return Result<void, IoError>();

    buffer = uv_buf_init(const_cast<char*>(bytes.data()), static_cast<unsigned>(bytes.size()));
    uv_write_t request{};
    request.data = this;
    const int rc = uv_write(&request, stream(), &buffer, 1, RequestAwaiter::done<uv_write_t>);
    if (rc < 0) {
        write_failed_ = true;
        co_return io_error_of(rc);
    }
    write_deadline_ = deadline.at;
    arm(deadline.at);
    RequestAwaiter awaiter(*this);
    const Result<void, IoError> done = co_await awaiter;
    co_return done;
}

co::Task<Result<void, IoError>> StreamCore::shutdown_write(Deadline deadline)
{
    const std::shared_ptr<StreamCore> self = shared_from_this();
    if (fault_) co_return *fault_;
    if (write_failed_) co_return IoError::reset;
    uv_shutdown_t request{};
    request.data = this;
    const int rc = uv_shutdown(&request, stream(), RequestAwaiter::done<uv_shutdown_t>);
    if (rc < 0) co_return io_error_of(rc);
    write_deadline_ = deadline.at;
    arm(deadline.at);
    RequestAwaiter awaiter(*this);
    const Result<void, IoError> done = co_await awaiter;
    write_failed_ = true;
    co_return done;
}

}  // namespace mbx::net
