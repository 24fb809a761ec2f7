#include "sendmail/conversation.hpp"

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "base/ascii.hpp"
#include "base/legible.hpp"

namespace mbx::sendmail {

namespace {

constexpr std::size_t kMostReply = 64U * 1024U;
constexpr std::size_t kMostShown = 500;
constexpr int kPatienceMs = 300'000;  // RFC 5321 section 4.5.3.2; the answer to the message takes as long as a sync

int connect_to(const std::string& path)
{
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.size() >= sizeof address.sun_path) return -1;
    std::memcpy(address.sun_path, path.data(), path.size());
    const int descriptor = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (descriptor < 0) return -1;
    if (::connect(descriptor, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) return descriptor;
    ::close(descriptor);
    return -1;
}

bool wait_for(int descriptor, short events)
{
    pollfd one{descriptor, events, 0};
    int ready = -1;
    do {
        ready = ::poll(&one, 1, kPatienceMs);
    } while (ready < 0 && errno == EINTR);
    return ready > 0;
}

class Link {
public:
    explicit Link(const std::string& path) : descriptor_(connect_to(path)) {}
    Link(const Link&) = delete;
    Link& operator=(const Link&) = delete;
    ~Link()
    {
        if (descriptor_ >= 0) ::close(descriptor_);
    }
    bool is_open() const { return descriptor_ >= 0; }

    bool send(std::string_view bytes)
    {
        while (!bytes.empty()) {
            if (!wait_for(descriptor_, POLLOUT)) return false;
            const ssize_t count = ::send(descriptor_, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
            if (count < 0 && (errno == EINTR || errno == EAGAIN)) continue;
            if (count <= 0) return false;
            bytes.remove_prefix(static_cast<std::size_t>(count));
        }
        return true;
    }

    // Code 0: none came.
    Reply hear()
    {
        while (true) {
            if (auto reply = take_reply(received_)) return *reply;
            std::array<char, 4096> piece{};
            if (!wait_for(descriptor_, POLLIN)) return {};
            const ssize_t count = ::recv(descriptor_, piece.data(), piece.size(), 0);
            if (count < 0 && errno == EINTR) continue;
            if (count <= 0) return {};
            received_.append(piece.data(), static_cast<std::size_t>(count));
        }
    }

    Reply say(std::string_view line)
    {
        if (!send(line)) return {};
        return hear();
    }

private:
    int descriptor_;
    std::string received_;
};

Handed unavailable(std::string_view doing, const Reply& reply)
{
    Handed handed;
    handed.why = std::string(doing) + ": ";
    handed.why += reply.code == 0 ? "the connection ended before the answer" : std::to_string(reply.code) + " " + reply.text;
    return handed;
}

Handed refused(Handed so_far)
{
    so_far.outcome = Handed::Outcome::refused;
    return so_far;
}

Reply no_address()
{
    return {501, "5.1.3 this is no address"};
}

// MAIL and RCPTs. An outcome of accepted: somebody gets the message.
Handed name_people(Link& link, const Letter& letter, std::string_view host, std::uint64_t size)
{
    Handed handed;
    const auto mail = mail_command(letter, host, size);
    const Reply sender = mail ? link.say(*mail) : no_address();
    if (!sender.is_done() && !sender.is_refusal()) return unavailable("naming the sender", sender);
    if (sender.is_refusal()) {
        handed.refusals.push_back({"", sender});
        return refused(std::move(handed));
    }
    for (const Address& each : letter.recipients) {
        const auto rcpt = rcpt_command(letter, each, host);
        const Reply reply = rcpt ? link.say(*rcpt) : no_address();
        if (!reply.is_done() && !reply.is_refusal()) return unavailable("naming a recipient", reply);
        if (reply.is_refusal()) handed.refusals.push_back({shown(each), reply});
    }
    if (handed.refusals.size() == letter.recipients.size()) return refused(std::move(handed));
    handed.outcome = Handed::Outcome::accepted;
    return handed;
}

}  // namespace

std::optional<Reply> take_reply(std::string& received)
{
    Reply reply;
    for (std::size_t at = 0;;) {
        const std::size_t end = received.find('\n', at);
        if (end == std::string::npos) {
            if (received.size() <= kMostReply) return std::nullopt;
            received.clear();
            return Reply{};
        }
        std::string_view line = std::string_view(received).substr(at, end - at);
        if (line.ends_with('\r')) line.remove_suffix(1);
        const auto code = ascii::parse_number(line.substr(0, 3));
        const bool is_reply = line.size() >= 3 && code && *code >= 200 && *code <= 599 &&
                              (line.size() == 3 || line[3] == ' ' || line[3] == '-');
        if (!is_reply) {
            received.erase(0, end + 1);
            return Reply{};
        }
        reply.code = static_cast<unsigned>(*code);
        if (line.size() > 4 && reply.text.size() < kMostShown) {
            reply.text += (reply.text.empty() ? "" : " ") + ascii::legible(line.substr(4), kMostShown);
        }
        at = end + 1;
        if (line.size() > 3 && line[3] == '-') continue;
        received.erase(0, at);
        return reply;
    }
}

Handed hand_over(const std::string& socket_path, const Letter& letter, std::string_view message)
{
    Link link(socket_path);
    if (!link.is_open()) return unavailable("connecting to " + socket_path, {1, "nobody answers there"});
    const Reply greeting = link.hear();
    if (greeting.code != 220) return unavailable("waiting for the greeting", greeting);
    const std::string host = greeting.text.substr(0, greeting.text.find(' '));
    const Reply hello = link.say("EHLO localhost\r\n");
    if (!hello.is_done()) return unavailable("greeting", hello);
    Handed handed = name_people(link, letter, host, message.size());
    if (handed.outcome != Handed::Outcome::accepted) return handed;
    // BDAT needs no dots, and its size tells the daemon at once when we die in the middle (RFC 3030).
    (void)(link.send("BDAT " + std::to_string(message.size()) + " LAST\r\n") && link.send(message));
    const Reply verdict = link.hear();  // of a daemon that would not hear all of it too
    if (verdict.is_refusal()) {
        handed.refusals.push_back({"", verdict});
        return refused(std::move(handed));
    }
    if (!verdict.is_done()) return unavailable("handing over the message", verdict);
    (void)link.send("QUIT\r\n");
    return handed;
}

bool carry(const std::string& socket_path, int from_caller, int to_caller)
{
    const int daemon = connect_to(socket_path);
    if (daemon < 0) return false;
    std::array<char, 16384> piece{};
    const auto pass = [&](int from, int to) {
        const ssize_t count = ::read(from, piece.data(), piece.size());
        if (count < 0 && errno == EINTR) return true;
        if (count <= 0) return false;
        for (ssize_t done = 0; done < count;) {
            const ssize_t wrote = ::write(to, piece.data() + done, static_cast<std::size_t>(count - done));
            if (wrote < 0 && errno == EINTR) continue;
            if (wrote <= 0) return false;
            done += wrote;
        }
        return true;
    };
    std::array<pollfd, 2> both{pollfd{daemon, POLLIN, 0}, pollfd{from_caller, POLLIN, 0}};
    bool is_going = true;
    while (is_going) {
        if (::poll(both.data(), both.size(), -1) < 0) {
            is_going = errno == EINTR;
            continue;
        }
        if (both[0].revents != 0) is_going = pass(daemon, to_caller);
        if (is_going && both[1].revents != 0 && !pass(from_caller, daemon)) {
            // The caller has said all; what the daemon still says comes through.
            ::shutdown(daemon, SHUT_WR);
            both[1].fd = -1;
        }
    }
    ::close(daemon);
    return true;
}

}  // namespace mbx::sendmail
