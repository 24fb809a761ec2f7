// The sessions that are logged in, so that a changed password, a disabled or a removed account ends them at once.
// Loop thread.
#pragma once

#include <cstdint>
#include <list>
#include <string>
#include <vector>

#include "auth/authenticator.hpp"
#include "net/byte_stream.hpp"

namespace mbx::auth {

// The account of a log-in while that holds; null once the account is gone or disabled, has a newer credential version, or
// the app password was removed.
const directory::Account* find_current(const directory::Snapshot& snapshot, const Login& login);

class LiveSessions {
public:
    struct Entry {
        std::uint64_t number = 0;
        std::string service;
        Login login;
        std::string peer;
        WallTime since;
        net::ByteStream* stream = nullptr;
    };

    // Lives in the session's frame: the session is on the list while this lives. The stream may be exchanged
    // (never after log-in, since STARTTLS comes before).
    class Registration {
    public:
        Registration(LiveSessions& sessions, Entry entry);
        ~Registration();
        Registration(const Registration&) = delete;
        Registration& operator=(const Registration&) = delete;

    private:
        LiveSessions& sessions_;
        std::list<Entry>::iterator self_;
    };

    // Closes the streams of sessions whose log-in holds no more (find_current).
    // Called by Directory::on_change.
    void end_outdated(const directory::Snapshot& snapshot);
    std::vector<Entry> list() const;
    std::size_t count(std::string_view service) const;
    std::size_t count(directory::AccountId account, std::string_view service) const;

private:
    friend class Registration;
    std::list<Entry> entries_;
    std::uint64_t next_number_ = 1;
};

}  // namespace mbx::auth
