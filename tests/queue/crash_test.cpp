// Nothing is lost by a crash, wherever it comes; and nothing goes twice but what was under way.
#include <random>

#include "queue/world.hpp"

using namespace mbx;
using namespace mbx::queue;
using mbx::test::ScriptedTransport;
using mbx::test::World;
using namespace std::chrono_literals;

namespace {

// What the journal and the files know of a recipient before the crash: delivered for certain.
std::set<std::string> recorded_ends(const World& world)
{
    std::set<std::string> ended;
    for (const auto& entry : world.ledger->entries) {
        const auto record = decode_record(entry.record);
        if (record && std::holds_alternative<Ended>(*record)) ended.insert(std::get<Ended>(*record).id);
    }
    return ended;
}

// The story of I8: three messages, of which one is delivered, one is refused in part, one waits; a checkpoint in between.
std::vector<std::string> tell_story(World& world)
{
    std::vector<std::string> ids;
    world.transport->on_deliver = [](const std::string&, const std::string& address) {
        if (address.starts_with("never")) return ScriptedTransport::never();
        if (address.starts_with("later")) return ScriptedTransport::later();
        return ScriptedTransport::ok();
    };
    const auto send = [&](const std::vector<std::string>& to) {
        auto id = world.send("anna@here.example", to);
        if (!id.empty()) ids.push_back(id);
        world.run();
    };
    send({"ok@a.example"});
    send({"ok@a.example", "never@a.example", "later@b.example"});
    world.advance(1'100ms);
    world.checkpoint();
    send({"later@b.example", "ok@c.example"});
    world.advance(1'100ms);
    world.checkpoint();
    world.pass(7min, 1min);
    world.checkpoint();
    return ids;
}

}  // namespace

TEST_CASE("I8: after a crash at any step nothing is lost, and twice goes only what was under way", "[queue][I8]")
{
    // With one, what a transaction came to is on record before the next one begins.
    const std::size_t most_recipients = GENERATE(std::size_t{1000}, std::size_t{1});
    CAPTURE(most_recipients);
    std::uint64_t steps = 0;
    {
        World world;
        world.transport->most_recipients = most_recipients;
        world.fuse.set(0);
        (void)tell_story(world);
        steps = world.fuse.steps();
    }
    REQUIRE(steps > 10);
    for (std::uint64_t at = 1; at <= steps; ++at) {
        CAPTURE(at);
        World world;
        world.transport->most_recipients = most_recipients;
        world.fuse.set(at);
        const auto ids = tell_story(world);
        const auto ended = recorded_ends(world);
        const auto before = world.transport->delivered;
        world.crash();
        world.transport->on_deliver = [](const std::string&, const std::string& address) {
            return address.starts_with("never") ? ScriptedTransport::never() : ScriptedTransport::ok();
        };
        // The schedule may know of attempts that nothing else remembers: it puts off, and loses nothing.
        world.pass(4h, 5min);
        for (const auto& id : ids) {
            for (const auto& [address, times] : world.transport->delivered[id]) CHECK(times <= 2);
            if (ended.contains(id) && before.contains(id)) CHECK(world.transport->delivered[id] == before.at(id));
        }
        const std::vector<std::vector<std::string>> all{{"ok@a.example"}, {"ok@a.example", "later@b.example"}, {"later@b.example", "ok@c.example"}};
        for (std::size_t n = 0; n < ids.size(); ++n) {
            for (const auto& address : all[n]) CHECK(world.times(ids[n], address) >= 1);
        }
        if (ids.size() > 1) CHECK(world.reports(ReportKind::failed, ids[1]) == 1);
        CHECK(world.reports(ReportKind::failed) <= 1);
        CHECK(world.entry_files() == 0);
    }
}

TEST_CASE("I8: after a crash at any call of the file system nothing is lost", "[queue][I8]")
{
    unsigned calls = 0;
    {
        World world;
        world.files.fail_at(0, EIO);
        (void)tell_story(world);
        calls = world.files.calls();
    }
    REQUIRE(calls > 10);
    for (unsigned at = 1; at <= calls; ++at) {
        for (const bool is_torn : {false, true}) {
            CAPTURE(at, is_torn);
            World world;
            world.files.fail_at(at, EIO, true, is_torn);
            const auto ids = tell_story(world);
            REQUIRE(ids.size() == 3);
            world.crash();
            world.transport->on_deliver = [](const std::string&, const std::string& address) {
                return address.starts_with("never") ? ScriptedTransport::never() : ScriptedTransport::ok();
            };
            world.pass(4h, 5min);
            const std::vector<std::vector<std::string>> all{{"ok@a.example"}, {"ok@a.example", "later@b.example"}, {"later@b.example", "ok@c.example"}};
            for (std::size_t n = 0; n < ids.size(); ++n) {
                for (const auto& address : all[n]) CHECK(world.times(ids[n], address) == 1);
            }
            CHECK(world.reports(ReportKind::failed) == 1);
            CHECK(world.entry_files() == 0);
            CHECK(world->facts().damaged == 0);
        }
    }
}

TEST_CASE("I8: files that a power cut took are made again from the journal, their changes too", "[queue][I8]")
{
    World world;
    world.transport->on_deliver = [](const std::string&, const std::string& address) {
        return address.starts_with("later") ? ScriptedTransport::later() : ScriptedTransport::ok();
    };
    const auto id = world.send("anna@here.example", {"later@a.example", "ok@b.example"});
    world.run();
    world.advance(1'100ms);
    REQUIRE(world.entry_files() == 1);
    const int how = GENERATE(0, 1, 2, 3);
    world.crash(true, [&] {
        const std::string body = world.file_of(id, ".eml");
        if (how == 0) std::filesystem::remove(world.file_of(id));
        if (how == 1) test::write_file(world.file_of(id), std::string(50, '\0'));
        if (how == 2) test::write_file(body, std::string(std::filesystem::file_size(body), '\0'));
        if (how == 3) std::filesystem::remove_all(world.directory());
    });
    world.transport->on_deliver = nullptr;
    world.pass(20min, 1min);
    CHECK(world.times(id, "later@a.example") == 1);
    CHECK(world.times(id, "ok@b.example") == 1);
    CHECK(world->facts().damaged == 0);
}

TEST_CASE("I8: a hold or a release that came while a report was made counts after a crash, though its record stands behind the report's", "[queue][holds][I8]")
{
    World world;
    world.transport->on_deliver = [](const std::string&, const std::string& address) {
        return address.starts_with("never") ? ScriptedTransport::never() : ScriptedTransport::later();
    };
    const bool was_held = GENERATE(false, true);
    CAPTURE(was_held);
    world.intake->is_slow = true;
    const auto id = world.send("anna@here.example", {"never@a.example", "later@b.example"});
    if (was_held) {
        queue::Selection it;
        it.ids = {id};
        world.intake->refuses = true;
        world.run();
        REQUIRE(world.act(queue::Act::hold, it) == 1);
        world.intake->refuses = false;
        world.advance(2min);
    }
    world.run();
    queue::Selection it;
    it.ids = {id};
    REQUIRE(world.act(was_held ? queue::Act::release : queue::Act::hold, it) == 1);
    REQUIRE(world.reports(ReportKind::failed) == 0);
    world.intake->let_go();
    world.run();
    REQUIRE(world.reports(ReportKind::failed) == 1);
    // The journal alone tells what happened.
    world.crash(true, [&] { std::filesystem::remove_all(world.directory()); });
    const auto page = world.list();
    REQUIRE(page.entries.size() == 1);
    CHECK(page.entries[0].entry.is_held == !was_held);
    world.transport->on_deliver = nullptr;
    world.pass(20min, 1min);
    CHECK(world.times(id, "later@b.example") == (was_held ? 1U : 0U));
    CHECK(world.reports(ReportKind::failed) == 1);
}

TEST_CASE("changes behind the last checkpoint are taken from the journal when the file's end is lost", "[queue][I8]")
{
    World world;
    world.transport->on_deliver = [](const std::string&, const std::string& address) {
        return address.starts_with("never") ? ScriptedTransport::never() : ScriptedTransport::later();
    };
    world.intake->refuses = true;
    const auto id = world.send("anna@here.example", {"later@a.example", "x@b.example"});
    world.run();
    world.checkpoint();
    const std::string synced = test::read_file(world.file_of(id));
    world.transport->on_deliver = [](const std::string&, const std::string& address) {
        return address.starts_with("x") ? ScriptedTransport::ok() : ScriptedTransport::later();
    };
    world.pass(7min, 1min);
    REQUIRE(world.times(id, "x@b.example") == 1);
    world.crash(true, [&] { test::write_file(world.file_of(id), synced); });
    world.transport->on_deliver = nullptr;
    world.pass(3h, 5min);
    CHECK(world.times(id, "x@b.example") == 1);
    CHECK(world.times(id, "later@a.example") == 1);
}

namespace {

// A random life of the queue against what must hold: every recipient ends delivered or reported, and goes twice only when
// a crash came.
class Life {
public:
    explicit Life(std::uint64_t seed) : world_(seed), random_(seed)
    {
        if (seed % 2 == 0) world_.transport->most_recipients = 1;
        world_.transport->on_deliver = [this](const std::string&, const std::string& address) {
            if (address.starts_with("never")) return ScriptedTransport::never();
            const auto roll = random_() % 10;
            if (roll < 5) return ScriptedTransport::ok();
            if (roll < 8) return ScriptedTransport::later();
            return roll == 8 ? ScriptedTransport::dead() : ScriptedTransport::answer(Answer::Verdict::temporary, 421, "4.3.2", "busy");
        };
        world_.transport->on_open = [this](const std::string& domain) {
            const bool is_dead = domain == "d3.example" ? random_() % 2 == 0 : random_() % 10 == 0;
            return is_dead ? std::optional(ScriptedTransport::dead()) : std::nullopt;
        };
    }
    void live(int steps)
    {
        for (int n = 0; n < steps; ++n) step();
        world_.files.heal();
        world_.fuse.set(0);
        if (is_cut_) world_.crash();
        world_.transport->on_open = nullptr;
        world_.transport->on_deliver = [](const std::string&, const std::string& address) {
            return address.starts_with("never") ? ScriptedTransport::never() : ScriptedTransport::ok();
        };
        if (!removed_.empty() || has_held_) (void)world_.act(Act::release, everything());
        world_.pass(30h, 10min);
        check();
    }

private:
    static Selection everything()
    {
        Selection all;
        all.is_all = true;
        return all;
    }
    void step()
    {
        switch (random_() % 16) {
        case 0:
        case 1:
        case 2:
        case 3: return send();
        case 4:
        case 5: return world_.advance(std::chrono::milliseconds(random_() % 3000));
        case 6: return world_.pass(10min, 2min);
        case 7:
        case 8: return world_.checkpoint();
        case 9: return crash();
        case 10: return void(world_.fuse.set(1 + random_() % 40)), void(is_cut_ = true);
        case 11:
            if (is_cut_) return;
            world_.files.fail_at(static_cast<unsigned>(1 + random_() % 5), random_() % 2 == 0 ? EIO : ENOSPC, false, random_() % 2 == 0);
            return;
        case 12: return restart();
        case 13: return act();
        default: world_.tick();
        }
    }
    void send()
    {
        std::vector<std::string> to;
        for (std::uint64_t n = 0; n <= random_() % 4; ++n)
            to.push_back((random_() % 6 == 0 ? "never" : "r") + std::to_string(n) + "@d" + std::to_string(random_() % 5) + ".example");
        std::sort(to.begin(), to.end());
        to.erase(std::unique(to.begin(), to.end()), to.end());
        const auto id = world_.send("anna@here.example", to);
        if (!id.empty()) sent_[id] = to;
        if (random_() % 2 == 0) world_.run();
    }
    void crash()
    {
        world_.crash();
        is_cut_ = false;
        ++crashes_;
    }
    void restart()
    {
        if (is_cut_) return crash();
        world_.files.heal();
        if (random_() % 2 == 0) world_.checkpoint();
        world_.close();
        world_.open();
    }
    void act()
    {
        if (is_cut_) return;
        Selection which;
        which.destination = "d" + std::to_string(random_() % 5) + ".example";
        const auto kind = random_() % 3;
        has_held_ = has_held_ || kind == 0;
        auto done = test::run_on(loop(), (*world_).act(kind == 0 ? Act::hold : kind == 1 ? Act::release : Act::retry, which, "admin"));
        (void)done;
        world_.run();
    }
    net::Loop& loop() { return world_.loop(); }
    void check()
    {
        for (const auto& [id, to] : sent_) {
            CAPTURE(id, crashes_);
            std::set<std::string> reported;
            for (const auto& report : world_.made_reports()) {
                if (report.about != id || report.kind != ReportKind::failed) continue;
                for (const auto& line : report.recipients) CHECK(reported.insert(line.substr(0, line.find(' '))).second);
            }
            for (const auto& address : to) {
                CAPTURE(address);
                if (address.starts_with("never")) {
                    CHECK(reported.contains(address));
                    continue;
                }
                CHECK(world_.times(id, address) >= 1);
                CHECK(world_.times(id, address) <= 1 + static_cast<std::size_t>(crashes_));
            }
        }
        CHECK(world_.entry_files() == 0);
        CHECK(world_->facts().messages == 0);
        CHECK(world_->facts().damaged == 0);
    }

    World world_;
    std::mt19937_64 random_;
    std::map<std::string, std::vector<std::string>> sent_;
    std::set<std::string> removed_;
    bool has_held_ = false;
    bool is_cut_ = false;
    int crashes_ = 1;
};

}  // namespace

TEST_CASE("I8: whatever happens in whatever order, each recipient is delivered or its sender is told", "[queue][model][I8]")
{
    const char* wanted = std::getenv("MAILBOXD_SEED");
    const std::uint64_t first = wanted != nullptr ? std::strtoull(wanted, nullptr, 10) : 1;
    const std::uint64_t count = wanted != nullptr ? 1 : 25;
    for (std::uint64_t seed = first; seed < first + count; ++seed) {
        CAPTURE(seed);
        Life life(seed);
        life.live(80);
    }
}

// The story of a recipient, once and whole, though a crash took the record of its end before that was on the disk.
TEST_CASE("I8: a file of the queue never knows what the journal does not", "[queue][I8]")
{
    const bool is_old = GENERATE(false, true);
    const bool is_refused = GENERATE(false, true);
    CAPTURE(is_old, is_refused);
    World world;
    bool is_tried_later = is_old;
    world.transport->on_deliver = [&](const std::string&, const std::string&) {
        if (is_tried_later) return ScriptedTransport::later();
        return is_refused ? ScriptedTransport::never() : ScriptedTransport::ok();
    };
    std::string id;
    if (is_old) {
        // Its acceptance is forgotten: the files alone have it.
        id = world.send("anna@here.example", {"x@a.example"});
        world.advance(1'100ms);
        world.checkpoint();
        REQUIRE(world.entry_files() == 1);
        is_tried_later = false;
    }
    world.intake->refuses = true;
    world.ledger->hold_back();
    if (!is_old) {
        // Its acceptance is on the disk, and nothing of the attempt.
        ++world.ledger->synced;
        id = world.send("anna@here.example", {"x@a.example", "y@b.example"});
    }
    world.advance(is_old ? std::chrono::milliseconds(7min) : 1'100ms);
    world.advance(1'100ms);
    CHECK(world.ledger->last > world.ledger->synced);
    world.crash();
    world.intake->refuses = false;
    world.pass(2h, 5min);
    const auto kind = is_refused ? trace::EventKind::failed : trace::EventKind::delivered;
    for (const std::string address : {"x@a.example", "y@b.example"}) {
        if (is_old && address == "y@b.example") continue;
        CHECK(std::ranges::count_if(world.recorder.events, [&](const trace::Event& event) {
                  return event.kind == kind && event.recipient == address && event.id == id;
              }) == 1);
    }
    CHECK(world.reports(ReportKind::failed, id) == (is_refused ? 1 : 0));
    CHECK(world.entry_files() == 0);
}
