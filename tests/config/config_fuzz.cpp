// Any bytes as a configuration: never a crash, every error with its place, what is accepted shows itself readably.
#include <cstdlib>

#include "base/ascii.hpp"
#include "config/load.hpp"

namespace {

void insist(bool holds)
{
    if (!holds) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size)
{
    using namespace mbx::config;
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    const auto loaded = parse(text, "f");
    if (!loaded) {
        insist(!loaded.error().empty() && loaded.error().size() <= kMaxErrors);
        for (const ConfigError& error : loaded.error()) {
            insist(error.line > 0 && error.column > 0 && !error.message.empty());
            for (const char c : error.text()) insist(!mbx::ascii::is_control(c));
        }
        return 0;
    }
    std::string again;
    std::string table;
    for (const ShowRow& row : show(*loaded)) {
        const auto dot = row.key.find('.');
        if (row.key.substr(0, dot) != table) again += "[" + row.key.substr(0, dot) + "]\n";
        table = row.key.substr(0, dot);
        again += row.key.substr(dot + 1) + " = " + row.value + "\n";
    }
    const auto second = parse(again, "s");
    insist(static_cast<bool>(second));
    insist(diff_live(loaded->settings, second->settings).empty());
    return 0;
}
