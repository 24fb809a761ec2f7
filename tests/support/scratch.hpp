// A directory of a test's own, removed with all that is in it. In memory where the machine has room there: what these
// tests prove does not depend on how long a sync takes. `on_disk` where it does.
#pragma once

#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <string>
#include <string_view>

namespace mbx::test {

class Scratch {
public:
    enum class Where { in_memory, on_disk };

    explicit Scratch(Where where = Where::in_memory)
    {
        std::string name = (base(where) / "mailboxd-test-XXXXXX").string();
        if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("no temporary directory");
        path_ = name;
    }
    Scratch(const Scratch&) = delete;
    Scratch& operator=(const Scratch&) = delete;
    ~Scratch()
    {
        std::error_code ignored;
        std::filesystem::remove_all(path_, ignored);
    }
    const std::string& path() const { return path_; }
    std::string operator/(std::string_view below) const { return path_ + "/" + std::string(below); }

private:
    static std::filesystem::path base(Where where)
    {
        const std::filesystem::path memory = "/dev/shm";
        constexpr std::uintmax_t kEnough = 256U << 20U;
        std::error_code error;
        const auto space = std::filesystem::space(memory, error);
        const bool fits = !error && space.available > kEnough;
        return fits && where == Where::in_memory ? memory : std::filesystem::temp_directory_path();
    }
    std::string path_;
};

inline void write_file(const std::string& path, std::string_view bytes)
{
    std::ofstream out(path, std::ios::binary);
    out.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
    if (!out.flush()) throw std::runtime_error("cannot write " + path);
}

inline std::string read_file(const std::string& path)
{
    std::ifstream in(path, std::ios::binary);
    std::ostringstream bytes;
    bytes << in.rdbuf();
    return bytes.str();
}

}  // namespace mbx::test
