// What the house form avoids, in row "a million ready children" of docs/net.md's table: a child started by symmetric
// transfer, which is a jump only where the compiler makes it one.
#include <exception>

#include "probe.hpp"

namespace {

using namespace probe;

class Child {
public:
    struct promise_type {
        std::coroutine_handle<> parent;
        Child get_return_object() { return Child(std::coroutine_handle<promise_type>::from_promise(*this)); }
        std::suspend_always initial_suspend() const noexcept { return {}; }
        struct Final {
            bool await_ready() const noexcept { return false; }
            std::coroutine_handle<> await_suspend(std::coroutine_handle<promise_type> self) const noexcept
            {
                return self.promise().parent;
            }
            void await_resume() const noexcept {}
        };
        Final final_suspend() const noexcept { return {}; }
        void return_void() const noexcept {}
        void unhandled_exception() const noexcept { std::terminate(); }
    };
    explicit Child(std::coroutine_handle<promise_type> frame) : frame_(frame) {}
    Child(const Child&) = delete;
    Child& operator=(const Child&) = delete;
    ~Child() { frame_.destroy(); }
    bool await_ready() const noexcept { return false; }
    std::coroutine_handle<> await_suspend(std::coroutine_handle<> parent) const noexcept
    {
        frame_.promise().parent = parent;
        return frame_;
    }
    void await_resume() const noexcept {}

private:
    std::coroutine_handle<promise_type> frame_;
};

Child ready() { co_return; }

Task<void> body(Event& event, std::string& heard)
{
    for (int i = 0; i < 1'000'000; ++i) co_await ready();
    co_await event.wait();
    heard = "1000000";
}

}  // namespace

int main() { return verdict(body, "1000000"); }
