#include "stubs.hpp"

#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <charconv>
#include <cstdio>
#include <memory>
#include <vector>

#include "socket.hpp"

namespace mbx::bench {
namespace {

constexpr std::string_view kEnd = "\r\n.\r\n";

class SmtpSink final : public Connection {
public:
    void greet() { put("220 sink\r\n"), (void)flush(); }

private:
    std::size_t on_bytes(std::string_view bytes) override;
    void on_command(std::string_view line);
    bool in_data_ = false;
};

std::size_t SmtpSink::on_bytes(std::string_view bytes)
{
    std::size_t taken = 0;
    for (;;) {
        if (in_data_) {
            const auto end = bytes.find(kEnd, taken);
            if (end == std::string_view::npos) {
                const std::size_t keep = std::min(bytes.size() - taken, kEnd.size() - 1);
                return bytes.size() - keep;
            }
            taken = end + kEnd.size();
            in_data_ = false;
            put("250 2.0.0 gone\r\n");
        }
        const auto end = bytes.find("\r\n", taken);
        if (end == std::string_view::npos) return taken;
        on_command(bytes.substr(taken, end - taken));
        taken = end + 2;
    }
}

void SmtpSink::on_command(std::string_view line)
{
    if (line.starts_with("EHLO")) return put("250-sink\r\n250 PIPELINING\r\n");
    if (line.starts_with("QUIT")) return put("221 2.0.0 bye\r\n");
    in_data_ = line.starts_with("DATA");
    put(in_data_ ? "354 go on\r\n" : "250 2.1.0 fine\r\n");
}

class ImapStub final : public Connection {
public:
    void greet() { put("* OK stub\r\n"), (void)flush(); }

private:
    std::size_t on_bytes(std::string_view bytes) override;
    void on_command(std::string_view line);
    std::uint64_t literal_ = 0;
    bool appending_ = false;
};

std::size_t ImapStub::on_bytes(std::string_view bytes)
{
    std::size_t taken = 0;
    for (;;) {
        const std::uint64_t some = std::min<std::uint64_t>(literal_, bytes.size() - taken);
        literal_ -= some;
        taken += some;
        if (literal_ > 0) return taken;
        const auto end = bytes.find("\r\n", taken);
        if (end == std::string_view::npos) return taken;
        on_command(bytes.substr(taken, end - taken));
        taken = end + 2;
    }
}

void ImapStub::on_command(std::string_view line)
{
    if (appending_) {
        appending_ = false;
        return put("a OK done\r\n");
    }
    const auto brace = line.find('{');
    if (brace != std::string_view::npos) {
        std::from_chars(line.data() + brace + 1, line.data() + line.size(), literal_);
        appending_ = true;
        if (line.find('+', brace) == std::string_view::npos) put("+ go on\r\n");
        return;
    }
    if (line.find("CAPABILITY") != std::string_view::npos) put("* CAPABILITY IMAP4rev1 LITERAL+\r\n");
    put("a OK done\r\n");
}

template <typename Stub> int serve(const Options& options)
{
    std::uint16_t port = options.port;
    const int listener = listen_on_loopback(port);
    if (listener < 0) return 1;
    const int epoll = ::epoll_create1(EPOLL_CLOEXEC);
    std::vector<std::unique_ptr<Stub>> stubs;
    int marks[2] = {listener, STDIN_FILENO};
    for (int& mark : marks) {
        epoll_event event{};
        event.events = EPOLLIN;
        event.data.ptr = &mark;
        ::epoll_ctl(epoll, EPOLL_CTL_ADD, mark, &event);
    }
    std::printf("port %u\n", static_cast<unsigned>(port));
    (void)std::fflush(stdout);
    std::array<epoll_event, 256> events{};
    for (;;) {
        const int count = ::epoll_wait(epoll, events.data(), static_cast<int>(events.size()), -1);
        for (int i = 0; i < count; ++i) {
            const epoll_event& event = events[static_cast<std::size_t>(i)];
            if (event.data.ptr == &marks[1]) return 0;
            if (event.data.ptr == &marks[0]) {
                const int made = ::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC);
                if (made < 0) continue;
                stubs.push_back(std::make_unique<Stub>());
                stubs.back()->adopt(epoll, made);
                stubs.back()->greet();
                continue;
            }
            auto* stub = static_cast<Connection*>(event.data.ptr);
            if (stub->is_open() && !stub->on_event(event.events)) stub->close();
        }
    }
}

} // namespace

int run_smtp_sink(const Options& options)
{
    return serve<SmtpSink>(options);
}

int run_imap_stub(const Options& options)
{
    return serve<ImapStub>(options);
}

} // namespace mbx::bench
