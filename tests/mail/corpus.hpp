// Messages that others published. Tests skip where the folder is absent.
#pragma once

#include <catch2/catch_test_macros.hpp>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

namespace mbx::mail::test {

struct CorpusMessage {
    std::string path;
    std::string bytes;
};

inline std::vector<CorpusMessage> load_corpus()
{
    const std::filesystem::path folder = std::filesystem::path(MAILBOXD_SOURCE_DIR) / "../shared/corpus";
    std::vector<CorpusMessage> messages;
    std::error_code failure;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(folder, failure)) {
        const auto extension = entry.path().extension();
        if (!entry.is_regular_file() || extension == ".yml" || extension == ".md") continue;
        std::ifstream file(entry.path(), std::ios::binary);
        messages.push_back({entry.path().string(), {std::istreambuf_iterator<char>(file), {}}});
    }
    if (messages.empty()) SKIP("the shared corpus is not here: " << folder.string());
    return messages;
}

}  // namespace mbx::mail::test
