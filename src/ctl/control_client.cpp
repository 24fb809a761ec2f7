#include "ctl/control_client.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <optional>
#include <utility>

#include "co/scope.hpp"
#include "net/listener.hpp"
#include "net/loop.hpp"

namespace mbx::ctl {
namespace {

constexpr std::chrono::milliseconds kConnectTime{5000};
// Argon2 in a busy daemon and reloads take their time.
constexpr std::chrono::milliseconds kAnswerTime{60'000};

struct Exchange {
    bool connected = false;
    net::IoError connect_error = net::IoError::failed;
    std::optional<Result<http::ClientResponse, http::ClientError>> answer;
};

co::Task<void> exchange(net::Loop& loop, std::string path, http::ClientRequest request, Exchange& into)
{
    auto stream = co_await net::connect_unix(loop, std::move(path), net::Deadline::after(kConnectTime));
    if (!stream) {
        into.connect_error = stream.error();
        co_return;
    }
    into.connected = true;
    http::ClientLimits limits;
    limits.time = kAnswerTime;
    auto answer = co_await http::fetch(**stream, std::move(request), limits);
    into.answer.emplace(std::move(answer));
    (*stream)->close();
}

Error unreachable(const std::string& path, net::IoError why)
{
    const std::string attempted = "connecting to mailboxd at " + path;
    struct stat info{};
    if (::stat(path.c_str(), &info) != 0 && errno == ENOENT) {
        return Error{attempted, "there is no such socket",
                     "start the daemon (systemctl start mailboxd), or name its socket with --socket"};
    }
    if (::access(path.c_str(), W_OK) != 0 && errno == EACCES) {
        return Error{attempted, "permission denied", "run mailboxctl as root or as the daemon's user"};
    }
    return Error{attempted, std::string(net::describe(why)), "see whether the daemon runs: systemctl status mailboxd"};
}

Error broken(const std::string& path, http::ClientError why)
{
    const std::string attempted = "asking mailboxd at " + path;
    switch (why) {
    case http::ClientError::unreachable: return Error{attempted, "the connection ended before the answer", "look at the daemon's log"};
    case http::ClientError::timed_out: return Error{attempted, "no answer came in time", "look at the daemon's log"};
    case http::ClientError::malformed: return Error{attempted, "the answer is not HTTP/1.1", "is this mailboxd's socket?"};
    case http::ClientError::too_large: return Error{attempted, "the answer is too large", ""};
    }
    return Error{attempted, "it failed", ""};
}

}  // namespace

Result<http::ClientResponse, CallFailure> call_daemon(const std::string& socket_path, const Call& call)
{
    http::ClientRequest request;
    request.method = call.method;
    request.target = call.target;
    request.body = call.body;
    if (!call.body.empty()) request.content_type = "application/json";
    Exchange outcome;
    {
        net::Loop loop;
        co::Scope scope;
        scope.spawn(exchange(loop, socket_path, std::move(request), outcome));
        loop.run();
    }
    if (!outcome.connected) return CallFailure{true, unreachable(socket_path, outcome.connect_error)};
    if (!outcome.answer || !*outcome.answer) {
        const auto why = outcome.answer ? outcome.answer->error() : http::ClientError::unreachable;
        return CallFailure{why == http::ClientError::timed_out, broken(socket_path, why)};
    }
    return std::move(**outcome.answer);
}

}  // namespace mbx::ctl
