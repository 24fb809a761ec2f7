// What the house form avoids, in row "a statement-expression macro" of docs/net.md's table.
#include "probe.hpp"

namespace {

using namespace probe;

// NOLINTNEXTLINE: the macro is the breach.
#define TRY(expression)                  \
    __extension__({                      \
        auto text = (expression);        \
        if (text.empty()) co_return;     \
        std::move(text);                 \
    })

Task<void> body(Event& event, std::string& heard)
{
    heard = TRY(co_await ask(event, Life("a")));
}

}  // namespace

int main() { return verdict(body, "a"); }
