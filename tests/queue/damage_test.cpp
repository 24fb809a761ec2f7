// What disks do to the queue: calls that fail, at each step and in each way; bytes that change; and the schedule's file.
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <random>

#include "queue/schedule.hpp"
#include "queue/spool.hpp"
#include "queue/use_mark.hpp"
#include "queue/world.hpp"

using namespace mbx;
using namespace mbx::queue;
using mbx::test::Call;
using mbx::test::Scratch;
using mbx::test::ScriptedTransport;
using mbx::test::World;
using namespace std::chrono_literals;

namespace {

constexpr int kManyRecipients = 30;
// Two workers share the calls, and what one finds ready for the other differs by a few calls from run to run: the last of
// one run need not come in the next.
constexpr unsigned kCallsMoreOrLess = 6;

// Messages of each kind: delivered at once, put off, refused in part, and one whose answers are so long that its entry is
// folded into a new file (create, write, sync, rename).
struct Story {
    std::string at_once, put_off, refused, wordy, large;
};

Story tell(World& world)
{
    world.transport->on_deliver = [](const std::string& domain, const std::string& address) {
        if (address.starts_with("never")) return ScriptedTransport::never();
        if (domain == "wordy.example") return ScriptedTransport::answer(Answer::Verdict::temporary, 451, "4.7.1", std::string(2'000, 'w'));
        return address.starts_with("later") ? ScriptedTransport::later() : ScriptedTransport::ok();
    };
    std::vector<std::string> many;
    for (int n = 0; n < kManyRecipients; ++n) many.push_back("r" + std::to_string(n) + "@wordy.example");
    Story story;
    story.at_once = world.send("anna@here.example", {"ok@a.example"});
    world.run();
    story.put_off = world.send("anna@here.example", {"later@a.example", "ok@b.example"});
    story.refused = world.send("anna@here.example", {"never@a.example", "later@b.example"});
    story.wordy = world.send("anna@here.example", many);
    world.run();
    world.advance(1'100ms);
    world.checkpoint();
    story.large = world.send(World::envelope("anna@here.example", {"later@c.example"}), std::string(300'000, 'x'));
    world.run();
    world.pass(50min, 5min);
    world.checkpoint();
    Selection one;
    one.ids = {story.put_off};
    (void)test::run_on(world.loop(), world->act(Act::hold, one, "admin"));
    world.run();
    world.advance(5s);
    (void)test::run_on(world.loop(), world->act(Act::release, one, "admin"));
    world.run();
    world.advance(5s);
    return story;
}

// Every disk and every server is well again.
void end_well(World& world)
{
    world.files.heal();
    world.transport->on_deliver = [](const std::string&, const std::string& address) {
        return address.starts_with("never") ? ScriptedTransport::never() : ScriptedTransport::ok();
    };
    // The act may have met the fault.
    Selection all;
    all.is_all = true;
    (void)world.act(Act::release, all);
    world.pass(12h, 10min);
}

void check_all_went_once(World& world, const Story& story)
{
    CHECK(world.times(story.at_once, "ok@a.example") == 1);
    CHECK(world.times(story.put_off, "later@a.example") == 1);
    CHECK(world.times(story.put_off, "ok@b.example") == 1);
    CHECK(world.times(story.refused, "later@b.example") == 1);
    CHECK(world.times(story.large, "later@c.example") == 1);
    for (int n = 0; n < kManyRecipients; ++n) CHECK(world.times(story.wordy, "r" + std::to_string(n) + "@wordy.example") == 1);
    CHECK(world.reports(ReportKind::failed) == 1);
    CHECK(world.entry_files() == 0);
    CHECK(world->facts().messages == 0);
    CHECK(world->facts().damaged == 0);
    CHECK(world->facts().complaints.empty());
}

// Fails each call of the kinds once, and what comes behind it `more` times as well.
void fail_each(const std::vector<Call>& kinds, const std::vector<int>& codes, unsigned step, bool is_lasting)
{
    unsigned calls = 0;
    {
        World world;
        world.files.only(kinds);
        world.files.fail_at(0, EIO);
        (void)tell(world);
        calls = world.files.calls();
        end_well(world);
    }
    REQUIRE(calls > 10);
    unsigned turn = 0;
    for (unsigned at = 1; at <= calls; at += step) {
        const int code = codes[turn % codes.size()];
        const bool is_torn = turn / codes.size() % 2 == 1;
        ++turn;
        CAPTURE(at, code, is_torn);
        World world;
        world.files.only(kinds);
        world.files.fail_at(at, code, is_lasting, is_torn);
        const Story story = tell(world);
        CHECK((world.files.has_failed() || at + kCallsMoreOrLess > calls));
        world.files.heal();
        world.files.only({});
        end_well(world);
        check_all_went_once(world, story);
    }
}

}  // namespace

TEST_CASE("G5: a call of the queue that fails once, at any step and in any way, is made again", "[queue][fault]")
{
    fail_each({}, {ENOSPC, EIO, EDQUOT, EROFS}, 1, false);
}

TEST_CASE("G5: while the disk is full or broken from any step on the queue goes on, and comes back when it is well", "[queue][fault]")
{
    fail_each({}, {ENOSPC, EIO}, 3, true);
}

TEST_CASE("G6: without descriptors or memory nothing is taken for damaged", "[queue][fault]")
{
    fail_each({Call::open, Call::info, Call::list, Call::read}, {EMFILE, ENOMEM, ENFILE}, 2, false);
}

TEST_CASE("G5: an entry's file that is folded into a new one is replaced whole or not at all", "[queue][fault]")
{
    const Call which = GENERATE(Call::create, Call::append, Call::sync_data, Call::rename);
    Scratch scratch;
    PosixFileSystem real;
    test::FaultyFileSystem files(real);
    Spool spool(files, scratch / "queue");
    REQUIRE(spool.prepare());
    Entry entry;
    entry.id = "a1";
    entry.size = 4;
    entry.crc = crc32c("body");
    entry.envelope.recipients = {{"x@a.example", "", {}}};
    entry.states.resize(1);
    REQUIRE(spool.write(entry, {std::make_shared<const std::string>("body"), {}}));
    Change change;
    change.id = entry.id;
    change.version = 7;
    RecipientState later;
    later.attempts = 3;
    later.next = 77;
    change.outcomes.push_back({0, later});
    const std::string before = test::read_file(spool.entry_path("a1"));
    (void)apply(change, entry);
    files.only({which});
    files.fail_at(1, EIO);
    CHECK_FALSE(spool.rewrite(entry));
    CHECK(test::read_file(spool.entry_path("a1")) == before);
    CHECK_FALSE(std::filesystem::exists(spool.entry_path("a1").substr(0, spool.entry_path("a1").size() - 6) + ".new"));
    CHECK(spool.rewrite(entry));
    const auto loaded = spool.load("a1");
    REQUIRE(loaded);
    CHECK(loaded->entry == entry);
}

TEST_CASE("I9: a message whose bytes were damaged on the disk is set aside with an alarm, never sent, and the queue goes on", "[queue][I9]")
{
    World world;
    world.transport->on_deliver = [](const std::string&, const std::string&) { return ScriptedTransport::later(); };
    const auto id = world.send(World::envelope("anna@here.example", {"x@a.example", "y@b.example"}), "Subject: x\r\n\r\n" + std::string(600'000, 'b'));
    const auto other = world.send("anna@here.example", {"x@a.example"});
    world.run();
    world.advance(1'100ms);
    world.checkpoint();
    const std::string path = world.file_of(id, ".eml");
    const std::string bytes = test::read_file(path);
    std::string changed = bytes;
    const int how = GENERATE(0, 1, 2, 3, 4);
    CAPTURE(how);
    if (how == 0) changed.back() = static_cast<char>(changed.back() ^ 1);
    if (how == 1) changed[300'000] = '\0';
    if (how == 2) changed += 'x';
    if (how == 3) changed.resize(changed.size() - 1);
    if (how == 4) std::filesystem::remove(path);
    else test::write_file(path, changed);
    const auto tried = std::count(world.transport->order.begin(), world.transport->order.end(), id);
    world.transport->on_deliver = nullptr;
    world.pass(10min, 1min);
    CHECK(std::count(world.transport->order.begin(), world.transport->order.end(), id) == tried);
    CHECK(world.times(other, "x@a.example") == 1);
    CHECK(world->facts().damaged == 1);
    CHECK_FALSE(world->facts().complaints.empty());
    CHECK(world->facts().messages == 0);
    CHECK(world.recorder.count(trace::EventKind::failed) == 1);
    CHECK(world.file_of(id).find("/damaged/") != std::string::npos);
    CHECK(world.reports(ReportKind::failed) == 0);
    // Mended and moved back it goes on where it was.
    const std::string entry = world.file_of(id);
    const std::string place = path.substr(0, path.rfind('/'));
    world.close();
    std::filesystem::rename(entry, place + "/" + id + ".entry");
    test::write_file(place + "/" + id + ".eml", bytes);
    world.open();
    world.pass(10min, 1min);
    CHECK(world.times(id, "x@a.example") == 1);
    CHECK(world.times(id, "y@b.example") == 1);
    CHECK(world.entry_files() == 0);
}

TEST_CASE("I9: a message that the disk does not give out is set aside; one for which there are no descriptors waits", "[queue][I9]")
{
    World world;
    world.transport->on_deliver = [](const std::string&, const std::string&) { return ScriptedTransport::later(); };
    const auto id = world.send("anna@here.example", {"x@a.example"});
    world.run();
    world.advance(1'100ms);
    world.checkpoint();
    world.transport->on_deliver = nullptr;
    const bool is_passing = GENERATE(true, false);
    world.files.only({Call::read});
    world.files.fail_at(2, is_passing ? ENOMEM : EIO, true);  // the first read is of its entry
    world.pass(6min, 1min);
    CHECK(world.transport->order.size() == 1);
    CHECK(world->facts().damaged == (is_passing ? 0U : 1U));
    world.files.heal();
    world.pass(1h, 5min);
    CHECK(world.times(id, "x@a.example") == (is_passing ? 1U : 0U));
}

TEST_CASE("G6: an act on an entry for which there are no descriptors does nothing, and says so", "[queue][fault]")
{
    World world;
    world.transport->on_deliver = [](const std::string&, const std::string&) { return ScriptedTransport::later(); };
    Selection one;
    one.ids = {world.send("anna@here.example", {"x@a.example"})};
    world.run();
    world.advance(1'100ms);
    world.files.only({Call::open});
    world.files.fail_at(1, EMFILE);
    auto acted = test::run_on(world.loop(), world->act(Act::hold, one, "admin"));
    REQUIRE(acted);
    CHECK(acted->messages == 0);
    CHECK(world.act(Act::hold, one) == 1);
}

TEST_CASE("a report about a message whose bytes were damaged goes without them", "[queue][I9]")
{
    World world;
    world.transport->on_deliver = [](const std::string&, const std::string&) { return ScriptedTransport::never(); };
    world.intake->refuses = true;
    const auto id = world.send("anna@here.example", {"x@a.example"});
    world.run();
    world.advance(1'100ms);
    const std::string path = world.file_of(id, ".eml");
    REQUIRE_FALSE(path.empty());
    test::write_file(path, std::string(std::filesystem::file_size(path), 'z'));
    world.intake->refuses = false;
    world.pass(5min, 1min);
    REQUIRE(world.made_reports().size() == 1);
    CHECK(world.made_reports().front().original == 0);
    CHECK(world->facts().damaged == 0);
}

TEST_CASE("I8: what the other server said is on record before it has answered QUIT", "[queue][I8]")
{
    World world;
    world.transport->most_messages = 1;
    world.transport->ends_slowly = true;
    const auto id = world.send("anna@here.example", {"x@a.example"});
    world.run();
    REQUIRE(world.times(id, "x@a.example") == 1);
    // A crash now must not send it again.
    world.crash();
    world.pass(1h, 5min);
    CHECK(world.times(id, "x@a.example") == 1);
}

TEST_CASE("F9: a mark that a process leaves by dying is found by the next, once", "[queue][schedule][F9]")
{
    Scratch scratch;
    const std::string path = scratch / "mark";
    for (const bool is_in_use : {true, false}) {
        const pid_t child = ::fork();
        if (child == 0) {
            UseMark mark;
            (void)mark.open(path);
            {
                const UseMark::Use use(mark);
                if (is_in_use) (void)::kill(::getpid(), SIGKILL);
            }
            (void)::kill(::getpid(), SIGKILL);
        }
        int status = 0;
        REQUIRE(::waitpid(child, &status, 0) == child);
        UseMark mark;
        CHECK(mark.open(path) == is_in_use);
        CHECK_FALSE(UseMark().open(path));
    }
}

namespace {

// What a run of the daemon does with the schedule; its death is the point.
void use_schedule(const std::string& directory)
{
    // The test's own handlers would report the death that is looked for.
    for (const int number : {SIGABRT, SIGSEGV, SIGBUS, SIGFPE, SIGILL}) (void)::signal(number, SIG_DFL);
    const int nowhere = ::open("/dev/null", O_WRONLY | O_CLOEXEC);
    (void)::dup2(nowhere, 2);
    const auto schedule = Schedule::open(directory, 256U << 10U);
    if (!schedule) ::_exit(0);
    for (int n = 0; n < 400; ++n) {
        const std::string id = "id" + std::to_string(n);
        const std::string key = key_of({"d" + std::to_string(n % 40) + ".example", "", false});
        if (!(*schedule)->take(key, 5'000, 0, 8, {})) ::_exit(0);
        if (!(*schedule)->apply({DropEntry{id}, PutErrand{"new" + id, key, 1, n}})) ::_exit(0);
        if (!(*schedule)->row(id)) ::_exit(0);
    }
    ::_exit(0);
}

}  // namespace

TEST_CASE("F9: damaged pages cost at most one process: the next one makes the schedule anew", "[queue][schedule][F9]")
{
    int deaths = 0;
    for (unsigned seed = 1; seed <= 12; ++seed) {
        CAPTURE(seed);
        Scratch scratch;
        {
            const auto made = Schedule::open(scratch.path(), 256U << 10U);
            REQUIRE(made);
            std::vector<ScheduleChange> changes;
            for (int n = 0; n < 2'000; ++n) {
                ScheduleRow row;
                row.id = "id" + std::to_string(n);
                row.deadline = n + 1;
                changes.emplace_back(PutRow{row});
                changes.emplace_back(PutErrand{row.id, key_of({"d" + std::to_string(n % 40) + ".example", "", false}), 1, n});
            }
            REQUIRE((*made)->apply(changes));
        }
        std::string bytes = test::read_file(scratch / "queue.mdb");
        std::mt19937 random(seed);
        for (std::size_t page = 2; page < bytes.size() / 4096; ++page) {
            if (random() % 3 != 0) continue;
            // Its head, its count of entries, where they are, or all of it.
            constexpr std::array<std::pair<std::size_t, std::size_t>, 4> kParts{{{0, 16}, {12, 2}, {16, 100}, {0, 4096}}};
            const auto [from, length] = kParts[seed % 4];
            for (std::size_t n = 0; n < length; ++n) bytes[page * 4096 + from + n] = static_cast<char>(seed % 4 == 1 ? (n == 0 ? 16 : 0) : random());
        }
        test::write_file(scratch / "queue.mdb", bytes);
        const pid_t child = ::fork();
        if (child == 0) use_schedule(scratch.path());
        int status = 0;
        REQUIRE(::waitpid(child, &status, 0) == child);
        const bool has_died = status != 0;
        deaths += has_died ? 1 : 0;
        const auto again = Schedule::open(scratch.path(), 256U << 10U);
        REQUIRE(again);
        if (!has_died) continue;
        CHECK((*again)->is_new());
        CHECK((*again)->is_suspect());
        CHECK(std::filesystem::exists(scratch / "queue.mdb.damaged"));
        CHECK((*again)->apply({PutErrand{"a", key_of({"d.example", "", false}), 1, 1}}));
    }
    CHECK(deaths > 0);
}
