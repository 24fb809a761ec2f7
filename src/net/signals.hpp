// Signals as callbacks on the loop. Loop thread.
#pragma once

#include <functional>
#include <memory>

#include "net/loop.hpp"

namespace mbx::net {

class Signals {
public:
    explicit Signals(Loop& loop);
    ~Signals();  // as close()
    Signals(const Signals&) = delete;
    Signals& operator=(const Signals&) = delete;

    // Calls `handler` on the loop each time the signal comes (SIGTERM, SIGINT, SIGHUP); signals of one number that come
    // faster than the loop turns may be told once. A later call for the same number replaces the handler. Waiting for
    // signals alone does not keep Loop::run() going.
    void on(int number, std::function<void()> handler);
    // Watches no more: the signals have their default meaning again. May be called twice, and by a handler.
    void close();

private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace mbx::net
