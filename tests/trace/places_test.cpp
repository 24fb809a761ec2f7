// Which message an act in a mailbox is about: places are known by what never comes again.
#include <catch2/catch_test_macros.hpp>

#include <chrono>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "support/scratch.hpp"
#include "trace/mailbox_events.hpp"
#include "trace/story.hpp"
#include "trace/trace_file.hpp"
#include "trace/trace_reader.hpp"

using namespace mbx;
using namespace mbx::trace;

namespace {

constexpr std::int64_t kStart = 1'800'000'000'000'000;

WallTime at(int seconds) { return WallTime(std::chrono::microseconds(kStart) + std::chrono::seconds(seconds)); }

const std::string kBob = "bob@example.org";
const std::string kAnn = "ann@example.org";
const TracedMailbox kInbox{kBob, 2, 1, "INBOX"};

TracedMailbox of_bob(std::int64_t id, std::string name) { return {kBob, 2, id, std::move(name)}; }

MailboxAct by(const std::string& login, int seconds) { return {"imap", login, at(seconds)}; }

using Uids = std::vector<std::pair<std::uint32_t, std::uint32_t>>;

// The file, and stories of it as people read them.
class World {
public:
    World() { open(); }
    void open() { file = std::make_unique<TraceFile>(files, path(), Log()); }
    std::string path() const { return scratch / "trace.db"; }
    void write(std::vector<Event> events)
    {
        REQUIRE(file->write(events) == TraceFile::Written::all);
        past.insert(past.end(), events.begin(), events.end());
    }
    void write(Event event) { write(std::vector{std::move(event)}); }
    void accept(const std::string& id, const TracedMailbox& into, std::uint32_t uid, int seconds)
    {
        write({Event{id, EventKind::accepted, at(seconds), "", "", {{"reverse_path", "x@example.net"}}},
               placed_event(id, into, uid, at(seconds))});
    }
    void move(const MailboxAct& act, const TracedMailbox& from, const TracedMailbox& to, const Uids& uids)
    {
        write(moved_events(act, from, to, uids));
    }
    void expunge(const MailboxAct& act, const TracedMailbox& from, std::uint32_t uid)
    {
        write(expunged_events(act, from, std::vector{uid}));
    }
    // Behind the acceptance and the placing.
    std::vector<std::string> acts(const std::string& id)
    {
        const auto story = load_story(path(), id);
        REQUIRE((story && *story));
        std::vector<std::string> lines;
        for (const StoryLine& line : tell_story(**story)) lines.push_back(line.text);
        REQUIRE(lines.size() >= 2);
        lines.erase(lines.begin(), lines.begin() + 2);
        return lines;
    }
    std::string lies(const std::string& id)
    {
        Database database(path(), OpenMode::read);
        Statement row(database, "SELECT mailbox || ' ' || uid || ' ' || mailbox_account FROM deliveries WHERE id = ?");
        return row.with(id).next() ? row.text(0) : std::string();
    }
    std::int64_t number(const char* sql)
    {
        Database database(path(), OpenMode::read);
        return database.number(sql);
    }

    test::Scratch scratch;
    PosixFileSystem files;
    std::unique_ptr<TraceFile> file;
    std::vector<Event> past;
};

using Lines = std::vector<std::string>;

}  // namespace

TEST_CASE("what is done with a message is told of it, also where it was moved to", "[trace]")
{
    World world;
    world.accept("m", kInbox, 17, 0);
    world.move(by(kBob, 60), kInbox, of_bob(5, "Trash"), {{17, 3}});
    CHECK(world.lies("m") == "Trash 3 ");
    world.expunge(by(kBob, 90), of_bob(5, "Trash"), 3);
    world.expunge(by(kBob, 91), of_bob(5, "Trash"), 4);
    const Lines wanted{"moved from INBOX to Trash in the mailbox of bob@example.org by imap", "expunged from Trash of bob@example.org by imap"};
    CHECK(world.acts("m") == wanted);
    // A crash has all of it told once more.
    world.write(std::vector<Event>(world.past));
    CHECK(world.acts("m") == wanted);
    CHECK(world.number("SELECT json_extract(facts, '$.uid') || json_extract(facts, '$.to_uid') = '173' AND "
                       "json_extract(facts, '$.by_login') = 'bob@example.org' FROM events WHERE kind = 'moved'") == 1);
}

TEST_CASE("of two copies that one act takes each is told", "[trace]")
{
    World world;
    world.accept("m", kInbox, 1, 0);
    world.move(by(kAnn, 10), kInbox, {kAnn, 3, 7, "Mine"}, {{1, 1}});
    world.write(restored_event({"the administrator", {}, at(20)}, kInbox, kInbox, {1, 2}));
    world.move(by(kAnn, 30), kInbox, {kAnn, 3, 7, "Mine"}, {{2, 2}});
    world.move(by(kAnn, 40), {kAnn, 3, 7, "Mine"}, {kAnn, 3, 8, "Both"}, {{1, 1}, {2, 2}});
    world.write(expunged_events(by(kAnn, 50), {kAnn, 3, 8, "Both"}, std::vector<std::uint32_t>{1, 2}));
    const char* const rows = "SELECT count(*) FROM events WHERE at >= 1800000040000000";
    CHECK(world.number(rows) == 4);
    CHECK(world.number("SELECT count(*) FROM place WHERE ended_at IS NULL") == 0);
    // A crash has all of it told once more.
    world.write(std::vector<Event>(world.past));
    CHECK(world.number(rows) == 4);
}

TEST_CASE("of very many copies that one act takes a hundred are told", "[trace]")
{
    World world;
    world.accept("m", kInbox, 1, 0);
    std::vector<std::uint32_t> all{1};
    for (std::uint32_t uid = 2; uid <= 120; ++uid) {
        world.write(restored_event({"the administrator", {}, at(static_cast<int>(uid))}, kInbox, kInbox, {1, uid}));
        all.push_back(uid);
    }
    world.write(expunged_events(by(kBob, 500), kInbox, all));
    world.write(expunged_events(by(kBob, 500), kInbox, all));
    CHECK(world.number("SELECT count(*) FROM events WHERE kind = 'expunged'") == 100);
}

TEST_CASE("a later account of the same address has its own messages", "[trace]")
{
    World world;
    const TracedMailbox later{kBob, 9, 1, "INBOX"};
    world.accept("n1", kInbox, 1, 0);
    world.accept("n2", later, 1, 10);
    world.expunge(by(kBob, 20), later, 1);
    CHECK(world.acts("n1").empty());
    CHECK(world.acts("n2") == Lines{"expunged from INBOX of bob@example.org by imap"});
}

TEST_CASE("a mailbox that was made again under an old name has its own messages, and the renamed one keeps its", "[trace]")
{
    World world;
    world.accept("m", kInbox, 1, 0);
    world.move(by(kBob, 10), kInbox, of_bob(5, "R1"), {{1, 1}});
    world.write(mailbox_event(EventKind::mailbox_renamed, by(kBob, 20), of_bob(5, "R1"), "R2"));
    world.expunge(by(kBob, 30), of_bob(6, "R1"), 1);
    world.move(by(kBob, 40), of_bob(5, "R2"), kInbox, {{1, 2}});
    CHECK(world.acts("m") == Lines{"moved from INBOX to R1 in the mailbox of bob@example.org by imap",
                                   "its mailbox R1 of bob@example.org was renamed to R2 by imap",
                                   "moved from R2 to INBOX in the mailbox of bob@example.org by imap"});
    CHECK(world.lies("m") == "INBOX 2 ");
}

TEST_CASE("what befalls a mailbox is one row, told of the messages that were in it at that time", "[trace]")
{
    World world;
    const auto box = of_bob(5, "Box");
    world.accept("before", kInbox, 1, 0);
    world.accept("in it", kInbox, 2, 0);
    world.accept("behind", kInbox, 3, 0);
    world.accept("expunged", kInbox, 4, 0);
    world.move(by(kBob, 10), kInbox, box, {{1, 1}, {2, 2}, {4, 4}});
    world.move(by(kBob, 20), box, kInbox, {{1, 5}});
    world.expunge(by(kBob, 25), box, 4);
    world.write(mailbox_event(EventKind::mailbox_deleted, by(kAnn, 30), box));
    world.write(mailbox_event(EventKind::mailbox_restored, {"the administrator", "", at(40)}, box));
    world.move(by(kBob, 50), kInbox, box, {{3, 6}});
    CHECK(world.acts("before").size() == 2);
    CHECK(world.acts("in it") == Lines{"moved from INBOX to Box in the mailbox of bob@example.org by imap",
                                       "deleted with its mailbox Box of bob@example.org by ann@example.org over imap",
                                       "restored with its mailbox Box of bob@example.org by the administrator"});
    CHECK(world.acts("behind") == Lines{"moved from INBOX to Box in the mailbox of bob@example.org by imap"});
    CHECK(world.acts("expunged").size() == 2);
    CHECK(world.number("SELECT count(*) FROM mailbox_act") == 2);
    CHECK(world.number("SELECT count(*) FROM events WHERE kind = 'mailbox_deleted' AND id = 'in it' AND recipient = 'bob@example.org'") == 1);
    // Asked for by the address it is told as well, and of a mailbox without traced mail nothing is kept.
    const auto about = load_story(world.path(), "in it", kBob);
    CHECK((about && *about && (*about)->events.size() == 5));
    world.write(mailbox_event(EventKind::mailbox_deleted, by(kBob, 60), of_bob(77, "Empty")));
    CHECK(world.number("SELECT count(*) FROM mailbox_act") == 2);
    // It goes with the messages.
    while (world.file->retain(INT64_MAX, UINT64_MAX)) {
    }
    CHECK(world.number("SELECT (SELECT count(*) FROM place) + (SELECT count(*) FROM mailbox_act)") == 0);
}

TEST_CASE("a message that went to somebody else's mailbox is followed there, and who did it is told", "[trace]")
{
    World world;
    const TracedMailbox mine{kAnn, 3, 8, "Mine"};
    world.accept("m", kInbox, 1, 0);
    world.move(by(kAnn, 10), kInbox, mine, {{1, 1}});
    CHECK(world.lies("m") == "Mine 1 ann@example.org");
    // Bob has a mailbox of that name, too.
    world.expunge(by(kBob, 20), of_bob(8, "Mine"), 1);
    world.move(by(kAnn, 30), mine, {kAnn, 3, 9, "Old"}, {{1, 4}});
    world.expunge(by(kBob, 40), {kAnn, 3, 9, "Old"}, 4);
    CHECK(world.acts("m") == Lines{"moved from INBOX of bob@example.org to Mine of ann@example.org by ann@example.org over imap",
                                   "moved from Mine to Old in the mailbox of ann@example.org by imap",
                                   "expunged from Old of ann@example.org by bob@example.org over imap"});
    CHECK(world.number("SELECT count(*) FROM events WHERE kind IN ('moved', 'expunged') AND recipient = 'bob@example.org'") == 3);
    CHECK(world.lies("m") == "Old 4 ann@example.org");
}

TEST_CASE("what was restored is followed where it came back to", "[trace]")
{
    World world;
    const MailboxAct restoring{"the administrator", "", at(20)};
    world.accept("m", kInbox, 1, 0);
    world.expunge(by(kBob, 10), kInbox, 1);
    world.write(mailbox_event(EventKind::mailbox_renamed, by(kBob, 15), kInbox, "not in it then"));
    world.write(restored_event(restoring, kInbox, kInbox, {1, 9}));
    world.move(by(kBob, 30), kInbox, of_bob(5, "Z"), {{9, 1}});
    CHECK(world.acts("m") == Lines{"expunged from INBOX of bob@example.org by imap",
                                   "restored into INBOX of bob@example.org as message 9 by the administrator",
                                   "moved from INBOX to Z in the mailbox of bob@example.org by imap"});
}

TEST_CASE("a place that a crash took back is the next message's", "[trace]")
{
    World world;
    world.accept("m", kInbox, 5, 0);
    world.write(placed_event("m", kInbox, 6, at(10)));
    world.accept("other", kInbox, 5, 11);
    world.expunge(by(kBob, 20), kInbox, 5);
    CHECK(world.acts("m").empty());
    CHECK(world.acts("other") == Lines{"expunged from INBOX of bob@example.org by imap"});
}

TEST_CASE("a file of the version before is taken over, and its messages are found by name until they are touched", "[trace]")
{
    World world;
    world.file.reset();
    {
        Database old(world.path(), OpenMode::write);
        // As version 1 had them.
        old.execute(R"sql(
PRAGMA auto_vacuum = INCREMENTAL; PRAGMA journal_mode = WAL;
CREATE TABLE message (number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, at INTEGER NOT NULL, accepted_at INTEGER,
    reverse_path TEXT NOT NULL DEFAULT '', account TEXT NOT NULL DEFAULT '', peer TEXT NOT NULL DEFAULT '', helo TEXT NOT NULL DEFAULT '',
    tls TEXT NOT NULL DEFAULT '', subject TEXT NOT NULL DEFAULT '', message_id TEXT NOT NULL DEFAULT '', size INTEGER) STRICT;
CREATE INDEX message_by_time ON message (at);
CREATE TABLE event (message INTEGER NOT NULL, at INTEGER NOT NULL, kind TEXT NOT NULL, recipient TEXT NOT NULL, detail TEXT NOT NULL,
    facts TEXT NOT NULL, PRIMARY KEY (message, at, kind, recipient)) STRICT, WITHOUT ROWID;
CREATE TABLE delivery (message INTEGER NOT NULL, recipient TEXT NOT NULL, outcome TEXT NOT NULL DEFAULT 'waiting',
    destination TEXT NOT NULL DEFAULT '', host TEXT NOT NULL DEFAULT '', attempts INTEGER NOT NULL DEFAULT 0, first_attempt_at INTEGER,
    ended_at INTEGER, our_us INTEGER, their_us INTEGER, mailbox TEXT NOT NULL DEFAULT '', uid INTEGER, answer TEXT NOT NULL DEFAULT '',
    PRIMARY KEY (message, recipient)) STRICT, WITHOUT ROWID;
CREATE INDEX delivery_by_place ON delivery (recipient, mailbox, uid) WHERE uid IS NOT NULL;
CREATE VIEW schema_version (version) AS SELECT 1;
CREATE VIEW messages (id) AS SELECT id FROM message;
CREATE VIEW events (id) AS SELECT message.id FROM event JOIN message ON message.number = event.message;
CREATE VIEW deliveries (id) AS SELECT message.id FROM delivery JOIN message ON message.number = delivery.message;
PRAGMA user_version = 1; PRAGMA application_id = 1835169908;
INSERT INTO message (number, id, at, accepted_at) VALUES (1, 'm', 1800000000000000, 1800000000000000);
INSERT INTO event VALUES (1, 1800000000000000, 'accepted', '', '', '{}'),
    (1, 1800000000000001, 'placed', 'bob@example.org', '', '{"mailbox":"INBOX","uid":"7"}');
INSERT INTO delivery (message, recipient, outcome, ended_at, mailbox, uid)
    VALUES (1, 'bob@example.org', 'placed', 1800000000000001, 'INBOX', 7);
)sql");
        REQUIRE(old.take_error() == 0);
    }
    world.open();
    world.accept("new", kInbox, 8, 5);
    CHECK(world.file->set_aside() == 0);
    CHECK(world.number("SELECT version FROM schema_version") == 2);
    CHECK(world.number("PRAGMA user_version") == 2);
    CHECK(world.lies("m") == "INBOX 7 ");
    // As a journal of the version before has it: into which mailbox of that name it went is not known.
    world.move({"imap", "", at(10)}, kInbox, {kBob, 2, 0, "Kept"}, {{7, 1}});
    CHECK(world.lies("m") == "Kept 1 ");
    world.move(by(kBob, 20), of_bob(5, "Kept"), of_bob(6, "R1"), {{1, 2}});
    CHECK(world.lies("m") == "R1 2 ");
    world.expunge(by(kBob, 30), of_bob(7, "R1"), 2);
    world.expunge(by(kBob, 40), of_bob(6, "R1"), 2);
    world.expunge(by(kBob, 50), kInbox, 8);
    CHECK(world.acts("m") == Lines{"moved from INBOX to Kept in the mailbox of bob@example.org by imap",
                                   "moved from Kept to R1 in the mailbox of bob@example.org by imap",
                                   "expunged from R1 of bob@example.org by imap"});
    CHECK(world.acts("new") == Lines{"expunged from INBOX of bob@example.org by imap"});
}
