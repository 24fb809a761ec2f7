// Another program run by a test (openssl, a compiler): started without a shell, its output collected.
#pragma once

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

extern char** environ;

namespace mbx::test {

// `standard_input` is given whole at the start; stdout and stderr come back as one text.
class Program {
public:
    Program(const std::vector<std::string>& words, const std::string& standard_input)
    {
        std::array<int, 2> in{};
        std::array<int, 2> out{};
        if (::pipe2(in.data(), O_CLOEXEC) != 0 || ::pipe2(out.data(), O_CLOEXEC) != 0) {
            throw std::runtime_error("no pipe for the test");
        }
        posix_spawn_file_actions_t actions;
        ::posix_spawn_file_actions_init(&actions);
        ::posix_spawn_file_actions_adddup2(&actions, in[0], 0);
        ::posix_spawn_file_actions_adddup2(&actions, out[1], 1);
        ::posix_spawn_file_actions_adddup2(&actions, out[1], 2);
        std::vector<char*> arguments;
        for (const std::string& word : words) arguments.push_back(const_cast<char*>(word.c_str()));
        arguments.push_back(nullptr);
        const int rc = ::posix_spawnp(&process_, words.front().c_str(), &actions, nullptr, arguments.data(), environ);
        ::posix_spawn_file_actions_destroy(&actions);
        ::close(in[0]);
        ::close(out[1]);
        input_ = in[1];
        output_ = out[0];
        if (rc != 0) process_ = -1;
        // A pipe holds 64 KiB: what tests say to a program is far less.
        if (rc == 0 && !standard_input.empty()) {
            [[maybe_unused]] const ssize_t said = ::write(input_, standard_input.data(), standard_input.size());
        }
    }
    Program(const Program&) = delete;
    Program& operator=(const Program&) = delete;
    ~Program()
    {
        close_input();
        ::close(output_);
        if (process_ > 0 && !status_) ::waitpid(process_, nullptr, 0);
    }

    bool was_found() const { return process_ > 0; }
    void close_input()
    {
        if (input_ >= 0) ::close(std::exchange(input_, -1));
    }
    // Its output to its end; blocks, so it belongs on a thread of its own when the program talks to the test's loop.
    std::string finish()
    {
        std::string text;
        std::array<char, 4096> chunk{};
        while (true) {
            const ssize_t got = ::read(output_, chunk.data(), chunk.size());
            if (got < 0 && errno == EINTR) continue;
            if (got <= 0) break;
            text.append(chunk.data(), static_cast<std::size_t>(got));
        }
        int status = 0;
        if (process_ > 0) ::waitpid(process_, &status, 0);
        status_ = status;
        return text;
    }
    // After finish().
    int exit_code() const { return status_ && WIFEXITED(*status_) ? WEXITSTATUS(*status_) : -1; }

private:
    pid_t process_ = -1;
    int input_ = -1;
    int output_ = -1;
    std::optional<int> status_;
};

}  // namespace mbx::test
