#include "net/signals.hpp"

#include <uv.h>

#include <map>
#include <utility>

namespace mbx::net {
namespace {

// libuv keeps the handle until its close callback has run.
struct Watch {
    uv_signal_t handle{};
    std::function<void()> handler;
};

}  // namespace

struct Signals::State {
    Loop& loop;
    std::map<int, Watch*> watches;

    explicit State(Loop& on) : loop(on) {}
};

Signals::Signals(Loop& loop) : state_(std::make_unique<State>(loop)) {}

Signals::~Signals() { close(); }

void Signals::close()
{
    for (const auto& [number, watch] : state_->watches) {
        uv_close(reinterpret_cast<uv_handle_t*>(&watch->handle),
                 [](uv_handle_t* handle) { delete static_cast<Watch*>(handle->data); });
    }
    state_->watches.clear();
}

void Signals::on(int number, std::function<void()> handler)
{
    Watch*& watch = state_->watches[number];
    if (watch != nullptr) {
        watch->handler = std::move(handler);
        return;
    }
    watch = new Watch;
    watch->handler = std::move(handler);
    watch->handle.data = watch;
    uv_signal_init(state_->loop.raw(), &watch->handle);
    uv_unref(reinterpret_cast<uv_handle_t*>(&watch->handle));
    const auto tell = [](uv_signal_t* handle, int) {
        // A copy: the handler may replace itself, or end the watching.
        const std::function<void()> call = static_cast<Watch*>(handle->data)->handler;
        call();
    };
    uv_signal_start(&watch->handle, tell, number);
}

}  // namespace mbx::net
