// Tells when somebody changed what lies in a few directories (inotify). Coalesced: a burst of changes is told once, when
// it has paused or has gone on for long enough, because whoever is told will look for itself. Loop thread.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "net/io_error.hpp"
#include "net/loop.hpp"

namespace mbx::net {

class DirectoryWatch {
public:
    struct Pace {
        std::chrono::milliseconds quiet{200};     // without an event
        std::chrono::milliseconds longest{1000};  // since the first event that was not told
    };

    // Watches the entries of `directories` themselves, not what lies below them. A directory that is renamed stays
    // watched; one that is removed falls silent. IoError::exhausted: the system has no watches or descriptors left
    // (fs.inotify.max_user_watches, max_user_instances); then nothing is watched. `changed` is called on the loop until the
    // watch dies, and may end it. Watching alone does not keep Loop::run() going. Events that the kernel lost (its queue
    // was full) are not told: a later event makes whoever is told look at everything.
    static Result<std::unique_ptr<DirectoryWatch>, IoError> open(Loop& loop, const std::vector<std::string>& directories,
                                                                 Pace pace, std::function<void()> changed);
    ~DirectoryWatch();
    DirectoryWatch(const DirectoryWatch&) = delete;
    DirectoryWatch& operator=(const DirectoryWatch&) = delete;

private:
    struct State;
    explicit DirectoryWatch(std::shared_ptr<State> state);
    std::shared_ptr<State> state_;
};

}  // namespace mbx::net
