#include "auth/live_sessions.hpp"

#include <catch2/catch_test_macros.hpp>
#include <memory>

using namespace mbx;
using namespace mbx::auth;
using namespace mbx::directory;

namespace {

class Stream final : public net::ByteStream {
public:
    co::Task<Result<std::size_t, net::IoError>> read_some(std::span<char>, net::Deadline) override { co_return std::size_t{0}; }
    co::Task<Result<void, net::IoError>> write(std::string_view, net::Deadline) override { co_return Result<void, net::IoError>(); }
    co::Task<Result<void, net::IoError>> shutdown_write(net::Deadline) override { co_return Result<void, net::IoError>(); }
    void interrupt_read() override {}
    void close() override
    {
        is_closed = true;
        if (on_close) on_close();
    }
    const net::PeerInfo& peer() const override { return peer_; }
    bool is_encrypted() const override { return false; }

    bool is_closed = false;
    std::function<void()> on_close;

private:
    net::PeerInfo peer_;
};

LiveSessions::Entry entry(std::string service, std::int64_t account, std::uint64_t version, Stream& stream)
{
    LiveSessions::Entry made;
    made.service = std::move(service);
    made.login.account.value = account;
    made.login.credential_version = version;
    made.stream = &stream;
    return made;
}

Snapshot snapshot(std::vector<std::pair<std::int64_t, std::uint64_t>> versions, std::int64_t disabled = 0)
{
    std::vector<Account> accounts;
    for (const auto& [id, version] : versions) {
        Account account;
        account.id.value = id;
        account.local_part = "a" + std::to_string(id);
        account.domain = "example.org";
        account.credential_version = version;
        account.enabled = id != disabled;
        accounts.push_back(account);
    }
    return {{{"example.org", "", true}}, accounts, {}};
}

}  // namespace

TEST_CASE("J5: sessions of changed, disabled and removed accounts are closed, the others go on", "[auth][hostile]")
{
    LiveSessions sessions;
    Stream current, changed, disabled, removed;
    const LiveSessions::Registration a(sessions, entry("imap", 1, 5, current));
    const LiveSessions::Registration b(sessions, entry("imap", 2, 5, changed));
    const LiveSessions::Registration c(sessions, entry("submission", 3, 5, disabled));
    const LiveSessions::Registration d(sessions, entry("imap", 4, 5, removed));
    sessions.end_outdated(snapshot({{1, 5}, {2, 6}, {3, 5}}, 3));
    CHECK_FALSE(current.is_closed);
    CHECK(changed.is_closed);
    CHECK(disabled.is_closed);
    CHECK(removed.is_closed);
}

TEST_CASE("a session is on the list while its registration lives, and is counted by service and account", "[auth]")
{
    LiveSessions sessions;
    Stream stream;
    const LiveSessions::Registration a(sessions, entry("imap", 1, 1, stream));
    {
        const LiveSessions::Registration b(sessions, entry("imap", 1, 1, stream));
        const LiveSessions::Registration c(sessions, entry("imap", 2, 1, stream));
        const LiveSessions::Registration d(sessions, entry("submission", 1, 1, stream));
        CHECK(sessions.count("imap") == 3);
        CHECK(sessions.count(AccountId{1}, "imap") == 2);
        const auto all = sessions.list();
        REQUIRE(all.size() == 4);
        CHECK(all[0].number < all[3].number);
    }
    CHECK(sessions.list().size() == 1);
    CHECK(sessions.count("submission") == 0);
}

TEST_CASE("a session that ends within close() takes itself and others off the list without harm", "[auth]")
{
    LiveSessions sessions;
    Stream first, second, third;
    auto a = std::make_unique<LiveSessions::Registration>(sessions, entry("imap", 1, 1, first));
    auto b = std::make_unique<LiveSessions::Registration>(sessions, entry("imap", 1, 1, second));
    auto c = std::make_unique<LiveSessions::Registration>(sessions, entry("imap", 1, 1, third));
    first.on_close = [&] {
        a.reset();
        b.reset();
    };
    third.on_close = [&] { c.reset(); };
    sessions.end_outdated(snapshot({{1, 2}}));
    CHECK(first.is_closed);
    CHECK_FALSE(second.is_closed);
    CHECK(third.is_closed);
    CHECK(sessions.list().empty());
}
