#include "net/directory_watch.hpp"

#include <uv.h>

#include <algorithm>
#include <list>
#include <utility>

namespace mbx::net {

// Lives until libuv has let go of every handle: each holds it once.
struct DirectoryWatch::State {
    struct Handle {
        uv_fs_event_t event{};
        std::shared_ptr<State> state;
    };

    Pace pace;
    std::function<void()> changed;
    std::list<Handle> handles;
    uv_timer_t timer{};
    std::shared_ptr<State> self;     // for the timer
    std::uint64_t told_by = 0;       // loop time in ms; 0: there is nothing to tell

    State(Pace at, std::function<void()> call) : pace(at), changed(std::move(call)) {}

    void note()
    {
        const auto now = uv_now(timer.loop);
        if (told_by == 0) told_by = now + static_cast<std::uint64_t>(pace.longest.count());
        const auto left = told_by > now ? told_by - now : 0;
        const auto span = std::min(left, static_cast<std::uint64_t>(pace.quiet.count()));
        const auto tell = [](uv_timer_t* handle) { static_cast<State*>(handle->data)->tell(); };
        uv_timer_start(&timer, tell, span, 0);
    }
    void tell()
    {
        told_by = 0;
        // A copy: whoever is called may end the watch.
        const auto call = changed;
        call();
    }
    void close()
    {
        changed = nullptr;
        for (auto& handle : handles) {
            uv_close(reinterpret_cast<uv_handle_t*>(&handle.event), [](uv_handle_t* closed) {
                // The last one of them takes the handle's own memory with it.
                const auto state = std::move(static_cast<Handle*>(closed->data)->state);
            });
        }
        uv_close(reinterpret_cast<uv_handle_t*>(&timer), [](uv_handle_t* closed) {
            const auto state = std::move(static_cast<State*>(closed->data)->self);
        });
    }
};

namespace {

IoError watch_error(int code)
{
    const bool is_exhausted = code == UV_ENOSPC || code == UV_EMFILE || code == UV_ENFILE || code == UV_ENOMEM;
    return is_exhausted ? IoError::exhausted : IoError::failed;
}

}  // namespace

DirectoryWatch::DirectoryWatch(std::shared_ptr<State> state) : state_(std::move(state)) {}

DirectoryWatch::~DirectoryWatch() { state_->close(); }

Result<std::unique_ptr<DirectoryWatch>, IoError> DirectoryWatch::open(Loop& loop,
                                                                      const std::vector<std::string>& directories,
                                                                      Pace pace, std::function<void()> changed)
{
    auto state = std::make_shared<State>(pace, std::move(changed));
    uv_timer_init(loop.raw(), &state->timer);
    state->timer.data = state.get();
    state->self = state;
    uv_unref(reinterpret_cast<uv_handle_t*>(&state->timer));
    // From here on its destructor closes what was opened.
    std::unique_ptr<DirectoryWatch> watch(new DirectoryWatch(state));
    for (const auto& directory : directories) {
        auto& handle = state->handles.emplace_back();
        uv_fs_event_init(loop.raw(), &handle.event);
        handle.event.data = &handle;
        handle.state = state;
        uv_unref(reinterpret_cast<uv_handle_t*>(&handle.event));
        const auto note = [](uv_fs_event_t* event, const char*, int, int) {
            static_cast<State::Handle*>(event->data)->state->note();
        };
        const int code = uv_fs_event_start(&handle.event, note, directory.c_str(), 0);
        if (code != 0) return watch_error(code);
    }
    return watch;
}

}  // namespace mbx::net
