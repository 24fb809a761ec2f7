// F1: a good name and its directory correspond one to one and never leave the account; any directory has a good name.
#include <cstdlib>
#include <string_view>

#include "store/mailbox_name.hpp"

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size)
{
    using namespace mbx::store;
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    const NameLimits limits;
    const auto name = normal_name(text);
    if (judge_name(name, limits) == NameVerdict::good) {
        const auto directory = directory_of(name, 7);
        const bool is_inbox = name == "INBOX";
        if (directory.empty() != is_inbox) std::abort();
        if (directory.find('/') != std::string::npos || directory == "." || directory == "..") std::abort();
        if (directory.size() > 255) std::abort();
        const bool is_by_id = directory.starts_with(".%id-");
        if (!is_inbox && !is_by_id && name_of_directory(directory, limits) != name) std::abort();
    }
    if (text.find('/') == std::string_view::npos && text.find('\0') == std::string_view::npos) {
        const auto shown = name_of_directory(text, limits);
        if (judge_name(shown, limits) != NameVerdict::good || shown == "INBOX") std::abort();
    }
    const auto component = path_component(text);
    if (component.empty() || component.front() == '.' || component.find('/') != std::string::npos) std::abort();
    return 0;
}
