#include "net/listening_socket.hpp"

#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <system_error>
#include <utility>

#include "net/listener.hpp"
#include "net/socket_address.hpp"

namespace mbx::net {
namespace {

std::string system_text(int error) { return std::generic_category().message(error); }

std::string advice_for(int error)
{
    switch (error) {
    case EADDRINUSE: return "another program listens there: stop it, or choose another port";
    case EACCES: return "ports below 1024 need root or CAP_NET_BIND_SERVICE: start mailboxd by its systemd unit";
    case EADDRNOTAVAIL: return "no interface of this machine has that address";
    case EAFNOSUPPORT: return "this kernel has no IPv6: remove the address from the configuration";
    default: return {};
    }
}

Error bind_error(const std::string& where, int error)
{
    return Error{"listening on " + where, system_text(error), advice_for(error)};
}

bool set_option(int descriptor, int level, int name)
{
    const int on = 1;
    return ::setsockopt(descriptor, level, name, &on, sizeof on) == 0;
}

int get_option(int descriptor, int name)
{
    int value = 0;
    socklen_t size = sizeof value;
    return ::getsockopt(descriptor, SOL_SOCKET, name, &value, &size) == 0 ? value : -1;
}

sockaddr_un unix_address(const std::string& path)
{
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, path.data(), path.size());
    return address;
}

// Whether a process answers behind the socket file.
bool somebody_answers(const sockaddr_un& address)
{
    const int probe = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (probe < 0) return true;  // not known: the file is not ours to remove
    const int rc = ::connect(probe, reinterpret_cast<const sockaddr*>(&address), sizeof address);
    const int error = errno;
    ::close(probe);
    return rc == 0 || error != ECONNREFUSED;
}

// Removes what a process that is gone left behind; anything else at the path is an error.
Result<void, Error> clear_stale_socket(const std::string& path, const sockaddr_un& address)
{
    struct stat facts {};
    if (::lstat(path.c_str(), &facts) != 0) {
        if (errno == ENOENT) return {};
        return bind_error(path, errno);
    }
    if (!S_ISSOCK(facts.st_mode)) {
        return Error{"listening on " + path, "something that is no socket is there", "move it away"};
    }
    if (somebody_answers(address)) {
        return Error{"listening on " + path, "another process answers there",
                     "stop the other mailboxd, or choose another path"};
    }
    if (::unlink(path.c_str()) != 0) return bind_error(path, errno);
    return {};
}

}  // namespace

ListeningSocket::ListeningSocket(ListeningSocket&& other) noexcept
    : descriptor_(std::exchange(other.descriptor_, -1)), local_(other.local_), path_(std::move(other.path_)),
      device_(other.device_), inode_(other.inode_)
{
    other.path_.clear();
}

ListeningSocket::~ListeningSocket() { close(); }

void ListeningSocket::close()
{
    if (descriptor_ < 0) return;
    ::close(std::exchange(descriptor_, -1));
    if (path_.empty()) return;
    struct stat facts {};
    const bool ours =
        ::lstat(path_.c_str(), &facts) == 0 && facts.st_dev == device_ && facts.st_ino == inode_;
    if (ours) ::unlink(path_.c_str());
}

Result<ListeningSocket, Error> ListeningSocket::open(const ListenerOptions& options)
{
    if (options.inherited_descriptor >= 0) return inherit(options);
    return options.unix_path.empty() ? bind_tcp(options) : bind_unix(options);
}

void ListeningSocket::learn_local_endpoint()
{
    sockaddr_storage address{};
    socklen_t size = sizeof address;
    if (::getsockname(descriptor_, reinterpret_cast<sockaddr*>(&address), &size) == 0) {
        local_ = from_socket_address(address);
    }
}

Result<ListeningSocket, Error> ListeningSocket::inherit(const ListenerOptions& options)
{
    const int descriptor = options.inherited_descriptor;
    if (get_option(descriptor, SO_TYPE) != SOCK_STREAM || get_option(descriptor, SO_ACCEPTCONN) != 1) {
        return Error{"taking the socket for " + options.name + " from systemd",
                     "descriptor " + std::to_string(descriptor) + " is no listening stream socket",
                     "check ListenStream= in the .socket unit"};
    }
    ListeningSocket socket(descriptor);
    const int flags = ::fcntl(descriptor, F_GETFL);
    ::fcntl(descriptor, F_SETFL, flags | O_NONBLOCK);
    ::fcntl(descriptor, F_SETFD, FD_CLOEXEC);
    socket.learn_local_endpoint();
    return socket;
}

Result<ListeningSocket, Error> ListeningSocket::bind_tcp(const ListenerOptions& options)
{
    sockaddr_storage address{};
    const socklen_t size = to_socket_address(options.endpoint, address);
    const std::string where = options.endpoint.text();
    ListeningSocket socket(::socket(address.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (socket.descriptor_ < 0) return bind_error(where, errno);
    // A restart must not wait for old connections in TIME_WAIT.
    bool fine = set_option(socket.descriptor_, SOL_SOCKET, SO_REUSEADDR);
    // IPv4 clients come by the IPv4 socket only: one address, one socket, and no mapped addresses in the logs.
    if (address.ss_family == AF_INET6) fine = fine && set_option(socket.descriptor_, IPPROTO_IPV6, IPV6_V6ONLY);
    fine = fine && ::bind(socket.descriptor_, reinterpret_cast<const sockaddr*>(&address), size) == 0;
    fine = fine && ::listen(socket.descriptor_, options.backlog) == 0;
    if (!fine) return bind_error(where, errno);
    socket.learn_local_endpoint();
    return socket;
}

Result<ListeningSocket, Error> ListeningSocket::bind_unix(const ListenerOptions& options)
{
    const std::string& path = options.unix_path;
    if (path.size() >= sizeof(sockaddr_un::sun_path) || path.find('\0') != std::string::npos) {
        return Error{"listening on " + path, "the path is too long for a unix socket",
                     "choose one of fewer than 108 bytes"};
    }
    const sockaddr_un address = unix_address(path);
    const auto cleared = clear_stale_socket(path, address);
    if (!cleared) return cleared.error();

    ListeningSocket socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (socket.descriptor_ < 0) return bind_error(path, errno);
    // On Linux the file takes the mode of the socket, so it is at no time open to others; the umask can only take away,
    // and what it took is given back.
    ::fchmod(socket.descriptor_, options.unix_mode);
    if (::bind(socket.descriptor_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
        return bind_error(path, errno);
    }
    socket.path_ = path;
    struct stat facts {};
    if (::lstat(path.c_str(), &facts) == 0) {
        socket.device_ = facts.st_dev;
        socket.inode_ = facts.st_ino;
    }
    if (::chmod(path.c_str(), options.unix_mode) != 0 || ::listen(socket.descriptor_, options.backlog) != 0) {
        return bind_error(path, errno);
    }
    return socket;
}

}  // namespace mbx::net
