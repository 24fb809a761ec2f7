#include "net/listener.hpp"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>
#include <uv.h>

#include <algorithm>
#include <array>
#include <cassert>
#include <cerrno>
#include <exception>
#include <list>
#include <map>
#include <utility>

#include "co/scope.hpp"
#include "net/listening_socket.hpp"
#include "net/proxy_protocol.hpp"
#include "net/socket_address.hpp"
#include "net/uv_stream.hpp"

namespace mbx::net {
namespace {

// Connections taken in one turn of the loop, so that a flood leaves time for the sessions.
constexpr int kMostPerTurn = 64;
// Without even the reserve descriptor we can only wait until somebody closes something.
constexpr std::uint64_t kRestMs = 100;
// A flood of refusals is told once in this many, with the count.
constexpr std::uint64_t kTellEvery = 1000;
// A proxy sends its header at once.
constexpr std::chrono::seconds kProxyHeaderTime{10};

int open_reserve() { return ::open("/dev/null", O_RDONLY | O_CLOEXEC); }

}  // namespace

struct Listener::State : std::enable_shared_from_this<Listener::State> {
    Loop& loop;
    ListenerOptions options;
    Log log;
    ListeningSocket socket;
    Session session;
    co::Scope sessions;
    std::list<std::shared_ptr<StreamCore>> cores;
    std::map<IpAddress, std::size_t> per_network;
    std::uint64_t accepted = 0;
    std::uint64_t refused = 0;
    int reserve = -1;
    uv_poll_t poll{};
    uv_timer_t rest{};
    bool is_open = false;             // the handles are libuv's
    std::shared_ptr<State> self;      // until both handles are closed
    int open_handles = 0;

    State(Loop& on, ListenerOptions with, Log to, ListeningSocket listening)
        : loop(on), options(std::move(with)), log(std::move(to)), socket(std::move(listening)), reserve(open_reserve())
    {
    }
    ~State()
    {
        if (reserve >= 0) ::close(reserve);
    }
    State(const State&) = delete;
    State& operator=(const State&) = delete;

    void start();
    void watch();
    void stop();
    void accept_some();
    void take_with_reserve();
    void rest_a_while();
    void refuse(int descriptor, std::string_view why);
    void tell_refusal(std::string_view why) const;
    void begin(int descriptor);
    bool is_proxy(const IpAddress& address) const;
    bool enter_network(const PeerInfo& peer);
    void leave_network(const PeerInfo& peer);
    // Its buffer would else lie in the frame of every connection (imap/session.hpp says why).
    [[gnu::noinline]] co::Task<bool> learn_client(StreamCore& core, UvStream& stream);
    co::Task<void> serve(std::shared_ptr<StreamCore> core);
    co::Task<void> converse(std::shared_ptr<StreamCore> core);
};

void Listener::State::start()
{
    uv_poll_init(loop.raw(), &poll, socket.descriptor());
    uv_timer_init(loop.raw(), &rest);
    poll.data = rest.data = this;
    self = shared_from_this();
    open_handles = 2;
    is_open = true;
    watch();
}

void Listener::State::watch()
{
    uv_poll_start(&poll, UV_READABLE, [](uv_poll_t* from, int, int) { static_cast<State*>(from->data)->accept_some(); });
}

void Listener::State::stop()
{
    if (!is_open) {
        socket.close();
        return;
    }
    is_open = false;
    const auto closed = [](uv_handle_t* handle) {
        auto* state = static_cast<State*>(handle->data);
        if (--state->open_handles != 0) return;
        const std::shared_ptr<State> held = std::move(state->self);
    };
    uv_poll_stop(&poll);
    uv_close(reinterpret_cast<uv_handle_t*>(&poll), closed);
    uv_close(reinterpret_cast<uv_handle_t*>(&rest), closed);
    socket.close();
}

void Listener::State::accept_some()
{
    for (int i = 0; i < kMostPerTurn && is_open; ++i) {
        const int descriptor = ::accept4(socket.descriptor(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (descriptor >= 0) {
            begin(descriptor);
            continue;
        }
        switch (errno) {
        case EINTR:
        case ECONNABORTED: continue;
        case EMFILE:
        case ENFILE: take_with_reserve(); return;
        case ENOMEM:
        case ENOBUFS: rest_a_while(); return;
        default: return;  // EAGAIN: nobody waits; network errors of a connection that died in the queue
        }
    }
}

// HOSTILE row G4. The readiness of the listening socket would not go away by itself, and the loop would spin.
void Listener::State::take_with_reserve()
{
    if (reserve >= 0) ::close(reserve);
    reserve = -1;
    const int descriptor = ::accept4(socket.descriptor(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (descriptor >= 0) refuse(descriptor, "out of descriptors");
    reserve = open_reserve();
    if (reserve < 0 || descriptor < 0) rest_a_while();
}

void Listener::State::rest_a_while()
{
    uv_poll_stop(&poll);
    uv_update_time(loop.raw());
    uv_timer_start(
        &rest,
        [](uv_timer_t* timer) {
            auto* state = static_cast<State*>(timer->data);
            if (state->reserve < 0) state->reserve = open_reserve();
            state->watch();
        },
        kRestMs, 0);
}

void Listener::State::tell_refusal(std::string_view why) const
{
    if (refused % kTellEvery != 1) return;
    log.warning("connections are refused", {{"listener", options.name}, {"why", why}, {"refused_so_far", refused}});
}

void Listener::State::refuse(int descriptor, std::string_view why)
{
    ++refused;
    tell_refusal(why);
    // Best effort: a fresh socket has room for one line, and nobody waits here.
    if (!options.busy_reply.empty()) {
        (void)::send(descriptor, options.busy_reply.data(), options.busy_reply.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
        ::shutdown(descriptor, SHUT_WR);
    }
    ::close(descriptor);
}

bool Listener::State::is_proxy(const IpAddress& address) const
{
    return std::ranges::any_of(options.proxies, [&](const IpNetwork& network) { return network.contains(address); });
}

bool Listener::State::enter_network(const PeerInfo& peer)
{
    if (peer.is_unix) return true;
    std::size_t& count = per_network[peer.remote.address.network()];
    if (count >= options.max_per_network) return false;
    ++count;
    return true;
}

void Listener::State::leave_network(const PeerInfo& peer)
{
    if (peer.is_unix) return;
    const auto found = per_network.find(peer.remote.address.network());
    if (found != per_network.end() && --found->second == 0) per_network.erase(found);
}

void Listener::State::begin(int descriptor)
{
    if (cores.size() >= options.max_connections) {
        refuse(descriptor, "too many connections");
        return;
    }
    const PeerInfo peer = peer_of(descriptor);
    // A proxy's connections are counted for the clients that it names.
    const bool counted_now = peer.is_unix || !is_proxy(peer.remote.address);
    if (counted_now && !enter_network(peer)) {
        refuse(descriptor, "too many connections of one network");
        return;
    }
    ++accepted;
    const auto kind = peer.is_unix ? StreamCore::Kind::unix_socket : StreamCore::Kind::tcp;
    sessions.spawn(serve(StreamCore::make(loop, kind, descriptor)));
}

// Reads the PROXY header of a connection from a listed source and counts the client that it names. False: to be closed.
co::Task<bool> Listener::State::learn_client(StreamCore& core, UvStream& stream)
{
    const Deadline deadline = Deadline::after(kProxyHeaderTime);
    std::string received;
    ProxyHeader header;
    std::array<char, 512> chunk{};
    while (true) {
        const Result<std::size_t, IoError> got = co_await stream.read_some(chunk, deadline);
        if (!got || *got == 0) co_return false;
        received.append(chunk.data(), *got);
        const ProxyVerdict verdict = parse_proxy_header(received, header);
        if (verdict == ProxyVerdict::complete) break;
        if (verdict == ProxyVerdict::invalid) {
            log.warning("a listed proxy sent no valid PROXY header",
                        {{"listener", options.name}, {"proxy", core.peer.text()}});
            co_return false;
        }
    }
    core.put_back = received.substr(header.length);
    if (header.addresses) {
        core.peer.remote = header.addresses->source;
        core.peer.local = header.addresses->destination;
    }
    co_return true;
}

co::Task<void> Listener::State::converse(std::shared_ptr<StreamCore> core)
{
    auto stream = std::make_unique<UvStream>(core);
    const bool proxied = !core->peer.is_unix && is_proxy(core->peer.remote.address);
    if (proxied) {
        const bool learned = co_await learn_client(*core, *stream);
        if (!learned) co_return;
        if (!enter_network(core->peer)) {
            ++refused;
            tell_refusal("too many connections of one network");
            (void)co_await stream->write(options.busy_reply, Deadline::after(kProxyHeaderTime));
            co_return;
        }
    }
    try {
        co::Task<void> task = session(std::move(stream));
        co_await std::move(task);
    } catch (const std::exception& bug) {
        log.error("a session ended with an exception", {{"listener", options.name}, {"what", bug.what()}});
    } catch (...) {
        log.error("a session ended with an exception", {{"listener", options.name}, {"what", "unknown"}});
    }
    leave_network(core->peer);
}

co::Task<void> Listener::State::serve(std::shared_ptr<StreamCore> core)
{
    cores.push_front(core);
    const auto place = cores.begin();
    co_await converse(core);
    core->close(IoError::closed);
    cores.erase(place);
}

Listener::Listener(std::shared_ptr<State> state) : state_(std::move(state)) {}

Result<std::unique_ptr<Listener>, Error> Listener::open(Loop& loop, ListenerOptions options, Log log)
{
    auto socket = ListeningSocket::open(options);
    if (!socket) return socket.error();
    return std::unique_ptr<Listener>(
        new Listener(std::make_shared<State>(loop, std::move(options), std::move(log), std::move(*socket))));
}

Listener::~Listener()
{
    assert(state_->sessions.running() == 0 && "a Listener was destroyed under its sessions");
    state_->stop();
}

void Listener::start(Session session)
{
    assert(!state_->is_open && "a Listener is started once");
    state_->session = std::move(session);
    state_->start();
}

void Listener::stop_accepting() { state_->stop(); }

void Listener::close_sessions()
{
    // Waits end in later turns of the loop, so the list stays whole meanwhile.
    for (const auto& core : state_->cores) core->close(IoError::closed);
}

co::Task<void> Listener::finished() { return state_->sessions.finished(); }

void Listener::set_limits(std::size_t max_connections, std::size_t max_per_network)
{
    state_->options.max_connections = max_connections;
    state_->options.max_per_network = max_per_network;
}

const ListenerOptions& Listener::options() const { return state_->options; }
Endpoint Listener::local_endpoint() const { return state_->socket.local_endpoint(); }
std::size_t Listener::connections() const { return state_->cores.size(); }
std::uint64_t Listener::accepted() const { return state_->accepted; }
std::uint64_t Listener::refused() const { return state_->refused; }

}  // namespace mbx::net
