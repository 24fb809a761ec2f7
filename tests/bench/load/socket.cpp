#include "socket.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace mbx::bench {
namespace {

constexpr std::size_t kRead = 256UL * 1024;

void watch(int epoll, int descriptor, Connection* connection)
{
    const int on = 1;
    ::setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    epoll_event event{};
    event.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;
    event.data.ptr = connection;
    ::epoll_ctl(epoll, EPOLL_CTL_ADD, descriptor, &event);
}

sockaddr_in address(const char* host, std::uint16_t port)
{
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(port);
    ::inet_pton(AF_INET, host, &to.sin_addr);
    return to;
}

} // namespace

double now()
{
    timespec at{};
    ::clock_gettime(CLOCK_REALTIME, &at);
    return static_cast<double>(at.tv_sec) + static_cast<double>(at.tv_nsec) * 1e-9;
}

double used_cpu()
{
    rusage used{};
    ::getrusage(RUSAGE_SELF, &used);
    return static_cast<double>(used.ru_utime.tv_sec + used.ru_stime.tv_sec) +
           static_cast<double>(used.ru_utime.tv_usec + used.ru_stime.tv_usec) * 1e-6;
}

Body::Body(std::uint64_t bytes)
{
    static constexpr std::string_view kWords =
        "The quarterly report is attached; please review the budget before the meeting.\r\n";
    const std::uint64_t lines = std::max<std::uint64_t>(1, bytes / kWords.size());
    length = lines * kWords.size();
    constexpr std::uint64_t kBlockLines = 12'800; // about 1 MB
    for (std::uint64_t line = 0; line < std::min(lines, kBlockLines); ++line) block += kWords;
}

Connection::~Connection()
{
    close();
}

bool Connection::connect_to(int epoll, const std::string& host, std::uint16_t port)
{
    const int made = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (made < 0) return false;
    const sockaddr_in to = address(host.c_str(), port);
    // Loopback answers at once, so the connection itself may block.
    if (::connect(made, reinterpret_cast<const sockaddr*>(&to), sizeof to) != 0) {
        ::close(made);
        return false;
    }
    adopt(epoll, made);
    return true;
}

void Connection::adopt(int epoll, int descriptor)
{
    close();
    descriptor_ = descriptor;
    watch(epoll, descriptor, this);
}

void Connection::close()
{
    if (descriptor_ >= 0) ::close(descriptor_);
    descriptor_ = -1;
    blocked_ = false;
    in_.clear(), out_.clear(), behind_.clear();
    out_sent_ = 0, body_left_ = 0;
    body_ = nullptr;
}

bool Connection::on_event(std::uint32_t events)
{
    if ((events & EPOLLOUT) != 0 && blocked_ && !flush()) return false;
    if ((events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) == 0) return true;
    static char buffer[kRead];
    while (is_open()) {
        const ssize_t got = ::recv(descriptor_, buffer, sizeof buffer, MSG_DONTWAIT);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0 && errno == EAGAIN) break;
        if (got <= 0) return false;
        const std::string_view fresh(buffer, static_cast<std::size_t>(got));
        if (in_.empty()) {
            in_.assign(fresh.substr(on_bytes(fresh)));
        } else {
            in_ += fresh;
            in_.erase(0, on_bytes(in_));
        }
        if (is_open() && !flush()) return false;
        // A short read has emptied the socket: with edges, a later byte wakes us again (epoll(7)).
        if (fresh.size() < sizeof buffer && (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) == 0) break;
    }
    return is_open();
}

bool Connection::send_piece(std::string_view piece, std::size_t& sent)
{
    while (sent < piece.size()) {
        const ssize_t took = ::send(descriptor_, piece.data() + sent, piece.size() - sent,
                                    MSG_NOSIGNAL | MSG_DONTWAIT | (body_left_ > 0 ? MSG_MORE : 0));
        if (took < 0 && errno == EINTR) continue;
        if (took < 0) {
            blocked_ = errno == EAGAIN;
            return blocked_;
        }
        sent += static_cast<std::size_t>(took);
    }
    return true;
}

bool Connection::flush()
{
    blocked_ = false;
    // A short message goes out in one piece with its header.
    if (body_left_ > 0 && body_left_ == body_->length && body_->length <= body_->block.size() &&
        body_->length < kRead) {
        out_ += body_->block;
        body_left_ = 0;
        out_ += behind_;
        behind_.clear();
    }
    if (!send_piece(out_, out_sent_)) return false;
    if (blocked_) return true;
    out_.clear();
    out_sent_ = 0;
    if (body_left_ > 0 && !flush_body()) return false;
    if (blocked_ || behind_.empty()) return true;
    out_.swap(behind_);
    behind_.clear();
    return flush();
}

bool Connection::flush_body()
{
    while (body_left_ > 0 && !blocked_) {
        const std::uint64_t at = (body_->length - body_left_) % body_->block.size();
        const std::string_view piece =
            std::string_view(body_->block).substr(at, std::min<std::uint64_t>(body_left_, body_->block.size() - at));
        std::size_t sent = 0;
        if (!send_piece(piece, sent)) return false;
        body_left_ -= sent;
    }
    return true;
}

std::size_t LineConnection::on_bytes(std::string_view bytes)
{
    std::size_t taken = 0;
    while (is_open()) {
        const auto end = bytes.find("\r\n", taken);
        if (end == std::string_view::npos) break;
        on_line(bytes.substr(taken, end - taken));
        taken = end + 2;
    }
    return std::min(taken, bytes.size());
}

int listen_on_loopback(std::uint16_t& port)
{
    const int made = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const int on = 1;
    ::setsockopt(made, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    sockaddr_in at = address("127.0.0.1", port);
    socklen_t length = sizeof at;
    if (::bind(made, reinterpret_cast<sockaddr*>(&at), sizeof at) != 0 || ::listen(made, 1024) != 0 ||
        ::getsockname(made, reinterpret_cast<sockaddr*>(&at), &length) != 0) {
        ::close(made);
        return -1;
    }
    port = ntohs(at.sin_port);
    return made;
}

} // namespace mbx::bench
