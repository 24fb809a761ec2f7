// Non-blocking connections of one epoll thread. Each is registered once, edge-triggered, so that a message costs as few
// system calls as the protocol allows: what the client burns, the server on the same two cores lacks.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>

namespace mbx::bench {

double now();      // seconds of the wall clock, as the callers' Python has them
double used_cpu(); // seconds, user and system, of this process

// The lines of all messages of a run: one block that is sent again and again, so that a message of 1 GB takes no
// memory.
struct Body {
    explicit Body(std::uint64_t bytes);
    std::string block;
    std::uint64_t length;
};

class Connection {
public:
    Connection() = default;
    Connection(const Connection&) = delete;
    Connection& operator=(const Connection&) = delete;
    virtual ~Connection();

    bool connect_to(int epoll, const std::string& host, std::uint16_t port);
    void adopt(int epoll, int descriptor);
    void close();
    bool is_open() const { return descriptor_ >= 0; }

    // Called by the loop. False when the connection is lost.
    bool on_event(std::uint32_t events);

protected:
    // Takes what it can from `bytes` and returns how many it took; the rest comes again with more behind it.
    virtual std::size_t on_bytes(std::string_view bytes) = 0;

    void put(std::string_view text) { out_ += text; }
    void put_body(const Body& body) { body_ = &body, body_left_ = body.length; }
    void put_behind_body(std::string_view text) { behind_ += text; }
    bool flush();

private:
    bool flush_body();
    bool send_piece(std::string_view piece, std::size_t& sent);

    int descriptor_ = -1;
    bool blocked_ = false;
    std::string in_;
    std::string out_;
    std::size_t out_sent_ = 0;
    const Body* body_ = nullptr;
    std::uint64_t body_left_ = 0;
    std::string behind_;
};

// Connections of a text protocol: one call a line, without its CRLF.
class LineConnection : public Connection {
protected:
    virtual void on_line(std::string_view line) = 0;
    std::size_t on_bytes(std::string_view bytes) final;
};

int listen_on_loopback(std::uint16_t& port); // port 0 becomes the one that was given; -1 on failure

} // namespace mbx::bench
