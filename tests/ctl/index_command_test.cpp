// mailboxctl index check and rebuild, through the daemon's socket and without it.
#include <catch2/catch_test_macros.hpp>
#include <fcntl.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <thread>

#include "base/directory_lock.hpp"
#include "ctl/ctl.hpp"
#include "ctl/exit_code.hpp"
#include "store/volume_marker.hpp"
#include "support/administration_world.hpp"

using namespace mbx;
using nlohmann::json;
namespace fs = std::filesystem;

namespace {

struct Said {
    int code = -1;
    std::string out;
    std::string err;
};

std::string whole(const std::string& path)
{
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
}

Said command(std::vector<std::string> words)
{
    const test::TemporaryFolder folder;
    const int in = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
    const int out = ::open(folder.path("out").c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    const int err = ::open(folder.path("err").c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    ctl::Terminal terminal(in, out, err);
    Said said;
    said.code = ctl::run(words, terminal);
    for (const int descriptor : {in, out, err}) ::close(descriptor);
    said.out = whole(folder.path("out"));
    said.err = whole(folder.path("err"));
    return said;
}

Said command_of(test::AdministrationWorld& world, std::vector<std::string> words)
{
    if (!world.listener) world.listen();
    words.insert(words.end(), {"--socket", world.socket_path()});
    Said said;
    std::thread thread([&] {
        said = command(words);
        world.loop.post([&world] { world.loop.stop(); });
    });
    world.loop.run();
    thread.join();
    return said;
}

// Two messages of ann@example.org.
void deliver_two(test::AdministrationWorld& world)
{
    REQUIRE(world.ask(http::Method::post, "/api/v1/domains", R"({"name":"example.org"})").status == 201);
    REQUIRE(world.ask(http::Method::post, "/api/v1/accounts", R"({"address":"ann@example.org","generate_password":true})")
                .status == 201);
    const auto id = world.directory->snapshot()->accounts().front().id.value;
    auto account = test::run_on(world.loop, world.store.account({id, "ann", "example.org"}));
    REQUIRE(account);
    for (int n = 0; n < 2; ++n) {
        auto job = [n](store::AccountStore& held) {
            auto shared = std::make_shared<const std::string>("Subject: " + std::to_string(n) + "\r\n\r\nx\r\n");
            const store::Body body{shared, {}, {}, shared->size(), store::crc32c(*shared)};
            store::Incoming incoming;
            incoming.internal_date = WallTime(std::chrono::seconds(1'700'000'000));
            return held.append(body, incoming);
        };
        REQUIRE(test::run_on(world.loop, (*account)->run(net::WorkClass::delivery, std::move(job))));
    }
}

void lose_a_file(test::AdministrationWorld& world)
{
    fs::remove(fs::directory_iterator(world.folder.path("mail/example.org/ann/new"))->path());
}

}  // namespace

TEST_CASE("an index is checked and rebuilt through the daemon", "[ctl][index]")
{
    test::AdministrationWorld world;
    deliver_two(world);
    const auto checked = command_of(world, {"index", "check", "ann@example.org"});
    CHECK(checked.code == ctl::kDone);
    CHECK(checked.out.starts_with("checked 2 messages of 1 accounts in "));
    CHECK(checked.out.ends_with(": 0 differences\n"));
    const auto rebuilt = command_of(world, {"index", "rebuild", "--all"});
    CHECK(rebuilt.code == ctl::kDone);
    CHECK(rebuilt.out.starts_with("rebuilt 2 messages of 1 accounts in "));
    CHECK(command_of(world, {"index", "rebuild", "ann@example.org", "-q"}).out.empty());
    lose_a_file(world);
    const auto different = command_of(world, {"index", "check", "--all", "--json"});
    CHECK(different.code == ctl::kFailed);
    const auto document = json::parse(different.out);
    CHECK(document["state"] == "done");
    CHECK(document["differences"] == 1);
    CHECK(std::string(document["told"][0]).starts_with("ann@example.org: mailbox INBOX: UID "));
    CHECK(command_of(world, {"index", "check", "nobody@example.org"}).code == ctl::kFailed);
    CHECK(command_of(world, {"index", "check"}).code == ctl::kUsage);
    CHECK(command({"index", "check", "--all", "--socket", world.folder.path("none")}).code == ctl::kUnreachable);
}

TEST_CASE("an index is checked and rebuilt without the daemon, as a crash left it, and not beside the daemon", "[ctl][index]")
{
    test::AdministrationWorld world;
    deliver_two(world);
    // Rows and files as a killed daemon leaves them: the index was never committed, one file is lost, its record is not.
    const test::TemporaryFolder other;
    const auto copy = [&](const std::string& name) {
        fs::copy(world.folder.path(name), other.path(name), fs::copy_options::recursive);
    };
    world.directory.reset();
    for (const auto* name : {"mail", "journal", "directory.db"}) copy(name);
    store::VolumeMarker marker;
    marker.volume = std::string(32, 'a');
    marker.journal = test::kJournalIdentity;
    other.write("mailboxd-volume", store::format_marker(marker));
    fs::remove(fs::directory_iterator(other.path("mail/example.org/ann/new"))->path());
    for (const auto* part : {"index.db", "index.db-wal", "index.db-shm"}) {
        fs::remove(other.path("mail/example.org/ann/" + std::string(part)));
    }
    const std::vector<std::string> offline{"--offline", "--data", other.path()};
    const auto run = [&offline](std::vector<std::string> words) {
        words.insert(words.end(), offline.begin(), offline.end());
        return command(words);
    };
    const auto rebuilt = run({"index", "rebuild", "ann@example.org"});
    INFO(rebuilt.err);
    CHECK(rebuilt.out.starts_with("rebuilt 2 messages of 1 accounts"));
    const auto checked = run({"index", "check", "--all"});
    INFO(checked.out + checked.err);
    CHECK(checked.code == ctl::kDone);
    CHECK(run({"index", "check", "nobody@example.org"}).code == ctl::kFailed);
    {
        const auto lock = DirectoryLock::take(other.path());
        REQUIRE(lock);
        const auto refused = run({"index", "check", "--all"});
        CHECK(refused.code == ctl::kFailed);
        CHECK(refused.err.find("a daemon runs") != std::string::npos);
    }
    // Without its journal nothing says what the rows lack.
    fs::remove_all(other.path("journal"));
    const auto refused = run({"index", "rebuild", "--all"});
    CHECK(refused.code == ctl::kFailed);
    CHECK(refused.err.find("journal") != std::string::npos);
}
