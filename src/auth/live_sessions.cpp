#include "auth/live_sessions.hpp"

#include <algorithm>

namespace mbx::auth {

const directory::Account* find_current(const directory::Snapshot& snapshot, const Login& login)
{
    const directory::Account* account = snapshot.find(login.account);
    if (!account || !account->enabled || account->credential_version != login.credential_version) return nullptr;
    const auto& passwords = account->app_passwords;
    const bool is_there = login.app_password == 0 ||
                          std::ranges::find(passwords, login.app_password, &directory::AppPassword::id) != passwords.end();
    return is_there ? account : nullptr;
}

LiveSessions::Registration::Registration(LiveSessions& sessions, Entry entry) : sessions_(sessions)
{
    entry.number = sessions_.next_number_++;
    self_ = sessions_.entries_.insert(sessions_.entries_.end(), std::move(entry));
}

LiveSessions::Registration::~Registration() { sessions_.entries_.erase(self_); }

void LiveSessions::end_outdated(const directory::Snapshot& snapshot)
{
    std::vector<std::uint64_t> outdated;
    for (const Entry& entry : entries_) {
        if (!find_current(snapshot, entry.login)) outdated.push_back(entry.number);
    }
    // Closing may run a session to its end, which takes it and others off the list: each is looked for again.
    for (const std::uint64_t number : outdated) {
        const auto entry = std::ranges::find(entries_, number, &Entry::number);
        if (entry != entries_.end() && entry->stream) entry->stream->close();
    }
}

std::vector<LiveSessions::Entry> LiveSessions::list() const { return {entries_.begin(), entries_.end()}; }

std::size_t LiveSessions::count(std::string_view service) const
{
    return static_cast<std::size_t>(std::ranges::count(entries_, service, &Entry::service));
}

std::size_t LiveSessions::count(directory::AccountId account, std::string_view service) const
{
    return static_cast<std::size_t>(std::ranges::count_if(entries_, [&](const Entry& entry) {
        return entry.login.account == account && entry.service == service;
    }));
}

}  // namespace mbx::auth
