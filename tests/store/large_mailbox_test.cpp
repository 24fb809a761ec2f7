// Nothing that a command does may grow with the mailbox. Counted in calls of the file system, not in time.
#include <algorithm>

#include "store/desk.hpp"

using namespace mbx;
using namespace mbx::store;
using mbx::test::Call;
using mbx::test::Desk;
namespace fs = std::filesystem;

namespace {

// Files as another server left them; links, because only names and sizes are looked at.
void fill_new(Desk& desk, std::size_t many)
{
    constexpr std::size_t kLinks = 10'000;  // of one file
    std::string source;
    for (std::size_t n = 0; n < many; ++n) {
        const std::string path = desk.account() + "/new/1650000000." + std::to_string(n) + ".host";
        if (n % kLinks == 0) {
            source = path;
            test::write_file(path, "m\r\n");
        } else {
            fs::create_hard_link(source, path);
        }
    }
}

template <typename Act>
unsigned calls_of(Desk& desk, const Act& act)
{
    desk.files().only({Call::create, Call::append, Call::write, Call::resize, Call::sync_data, Call::set_mtime, Call::rename,
                       Call::link, Call::unlink, Call::make, Call::remove, Call::sync, Call::list, Call::open, Call::info});
    desk.files().fail_at(0, EIO);
    act();
    return desk.files().calls();
}

// The calls of each command. The least of three: once in ten seconds a command may look at the folder whether another tool
// was there, for at most a hundredth of the time.
std::map<std::string, unsigned> costs(Desk& desk)
{
    std::map<std::string, unsigned> all;
    const auto measure = [&](const std::string& name, const auto& act) {
        unsigned least = UINT_MAX;
        for (int n = 0; n < 3; ++n) least = std::min(least, calls_of(desk, act));
        all[name] = least;
    };
    const auto inbox = desk.id("INBOX");
    Uid next = 10;
    const auto one = [&next] {
        ++next;
        return UidSet{{next, next}};
    };
    measure("SELECT", [&] { REQUIRE(desk->status(inbox)); });
    measure("FETCH FLAGS", [&] { REQUIRE(desk->rows(inbox, one())->size() == 1); });
    measure("FETCH BODY", [&] { REQUIRE(desk->message(inbox, one().front().first)); });
    measure("STORE", [&] {
        FlagChange change;
        change.action = FlagAction::add;
        change.system = kDeleted;
        REQUIRE(desk->store_flags(inbox, one(), change)->rows.size() == 1);
    });
    measure("EXPUNGE", [&] { REQUIRE(desk->expunge(inbox, nullptr)); });
    measure("APPEND", [&] { REQUIRE(desk->append(desk.body("new\r\n"), desk.incoming("INBOX"))); });
    measure("COPY", [&] { REQUIRE(desk->copy(inbox, one(), "Sent")->uids.size() == 1); });
    measure("MOVE", [&] { REQUIRE(desk->move(inbox, one(), "Sent")->uids.size() == 1); });
    measure("changes", [&] { REQUIRE(desk->changes(inbox, desk.status().highest_modseq)); });
    return all;
}

// All calls until the mailbox is there, and until it is there again after a reopening.
std::pair<unsigned, unsigned> openings(Desk& desk, std::size_t many)
{
    const auto look = [&] { REQUIRE(desk.status().messages == many); };
    const unsigned first = calls_of(desk, look);
    // Old enough to hide nothing; one more listing says so.
    const auto old = fs::file_time_type::clock::now() - std::chrono::hours(1);
    for (const char* place : {"/cur", "/new"}) fs::last_write_time(desk.account() + place, old);
    look();
    const auto again = [&] {
        desk.open();
        look();
    };
    return {first, calls_of(desk, again)};
}

}  // namespace

TEST_CASE("F10: 100,000 files in new/ cost a fixed number of calls each at the first look and none at the next, and then no "
          "command costs more than in a small mailbox",
          "[store][F10]")
{
    constexpr std::size_t kFew = 1000;
    constexpr std::size_t kMany = 100'000;
    Desk small;
    fill_new(small, kFew);
    const auto [first_of_few, next_of_few] = openings(small, kFew);
    Desk large;
    fill_new(large, kMany);
    const auto [first_of_many, next_of_many] = openings(large, kMany);
    CHECK(first_of_many <= first_of_few * (kMany / kFew));
    CHECK(first_of_many <= 6 * kMany);
    CHECK(next_of_many == next_of_few);
    CHECK(costs(large) == costs(small));
}
