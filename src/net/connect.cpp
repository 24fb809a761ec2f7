// The client side of TCP and of unix sockets.
#include "net/connect.hpp"

#include <sys/un.h>

#include <utility>

#include "net/socket_address.hpp"
#include "net/uv_stream.hpp"

namespace mbx::net {

co::Task<Result<void, IoError>> StreamCore::connect_tcp(Endpoint to, std::optional<IpAddress> source,
                                                      Deadline deadline)
{
    const std::shared_ptr<StreamCore> self = shared_from_this();
    sockaddr_storage address{};
    if (source && source->is_v4() == to.address.is_v4()) {
        to_socket_address(Endpoint{*source, 0}, address);
        const int bound = uv_tcp_bind(&handle_.tcp, reinterpret_cast<const sockaddr*>(&address), 0);
        if (bound < 0) co_return io_error_of(bound);
    }
    to_socket_address(to, address);
    uv_connect_t request{};
    request.data = this;
    const int rc = uv_tcp_connect(&request, &handle_.tcp, reinterpret_cast<const sockaddr*>(&address),
                                  RequestAwaiter::done<uv_connect_t>);
    if (rc < 0) co_return io_error_of(rc);
    write_deadline_ = deadline.at;
    arm(deadline.at);
    RequestAwaiter awaiter(*this);
    const Result<void, IoError> done = co_await awaiter;
    if (!done) co_return done;
    tune_tcp();
    uv_os_fd_t descriptor = -1;
    if (uv_fileno(handle(), &descriptor) == 0) peer = peer_of(descriptor);
    co_return Result<void, IoError>();
}

co::Task<Result<void, IoError>> StreamCore::connect_unix(std::string path, Deadline deadline)
{
    const std::shared_ptr<StreamCore> self = shared_from_this();
    // libuv would cut a longer path short and connect elsewhere.
    if (path.empty() || path.size() >= sizeof(sockaddr_un::sun_path)) co_return IoError::refused;
    uv_connect_t request{};
    request.data = this;
    uv_pipe_connect(&request, &handle_.pipe, path.c_str(), RequestAwaiter::done<uv_connect_t>);
    write_deadline_ = deadline.at;
    arm(deadline.at);
    RequestAwaiter awaiter(*this);
    const Result<void, IoError> done = co_await awaiter;
    if (!done) co_return done;
    uv_os_fd_t descriptor = -1;
    if (uv_fileno(handle(), &descriptor) == 0) peer = peer_of(descriptor);
    co_return Result<void, IoError>();
}

void Cancellation::cancel()
{
    is_cancelled_ = true;
    for (const auto& held : std::exchange(cores_, {})) {
        if (const auto core = held.lock()) core->close(IoError::closed);
    }
}

void Cancellation::add(std::weak_ptr<StreamCore> core)
{
    std::erase_if(cores_, [](const auto& held) { return held.expired(); });
    cores_.push_back(std::move(core));
}

co::Task<Result<std::unique_ptr<ByteStream>, IoError>> connect_tcp(Loop& loop, Endpoint to, Deadline deadline)
{
    Cancellation unused;
    co_return co_await connect_tcp(loop, to, std::nullopt, unused, deadline);
}

co::Task<Result<std::unique_ptr<ByteStream>, IoError>> connect_tcp(Loop& loop, Endpoint to, std::optional<IpAddress> source,
                                                                   Cancellation& cancellation, Deadline deadline)
{
    if (cancellation.is_cancelled()) co_return IoError::closed;
    const auto core = StreamCore::make(loop, StreamCore::Kind::tcp, -1);
    cancellation.add(core);
    auto stream = std::make_unique<UvStream>(core);
    const Result<void, IoError> connected = co_await core->connect_tcp(to, source, deadline);
    if (!connected) co_return connected.error();
    co_return std::unique_ptr<ByteStream>(std::move(stream));
}

co::Task<Result<std::unique_ptr<ByteStream>, IoError>> connect_unix(Loop& loop, std::string path, Deadline deadline)
{
    const auto core = StreamCore::make(loop, StreamCore::Kind::unix_socket, -1);
    auto stream = std::make_unique<UvStream>(core);
    const Result<void, IoError> connected = co_await core->connect_unix(std::move(path), deadline);
    if (!connected) co_return connected.error();
    co_return std::unique_ptr<ByteStream>(std::move(stream));
}

}  // namespace mbx::net
