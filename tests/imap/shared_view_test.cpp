// Many sessions on one mailbox: what they are told and in what order, what they cost, and how often the store is asked.
#include <malloc.h>

#include <catch2/catch_test_macros.hpp>
#include <filesystem>
#include <fstream>
#include <list>

#include "imap/selected_mailbox.hpp"
#include "imap/slice_pace.hpp"
#include "imap/world.hpp"
#include "store/open_mailbox.hpp"

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define MBX_COUNTS_BY_SANITIZER
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define MBX_COUNTS_BY_SANITIZER
#endif
#ifdef MBX_COUNTS_BY_SANITIZER
#include <sanitizer/allocator_interface.h>
#endif

using namespace mbx;
using namespace mbx::imap;

namespace {

std::size_t allocated_bytes()
{
#ifdef MBX_COUNTS_BY_SANITIZER
    return __sanitizer_get_current_allocated_bytes();
#else
    return mallinfo2().uordblks;
#endif
}

// What the server says next, however long it takes: for what comes from outside the loop.
co::Task<std::string> next_words(test::MemoryEnd& end, net::Loop& loop)
{
    std::string chunk(64 * 1024, '\0');
    const auto got = co_await end.read_some(chunk, net::Deadline::never());
    loop.stop();
    co_return chunk.substr(0, got ? *got : 0);
}

std::string wait_for_words(World& world, Client& client)
{
    return test::run_with(next_words(client.end(), world.loop), [&world] {
        world.loop.hold();
        world.loop.run();
        world.loop.release();
    });
}

std::shared_ptr<store::OpenMailbox> open_mailbox(World& world)
{
    store::AccountKey key;
    key.id = 1;
    key.local_part = "ann";
    key.domain = "example.org";
    const auto account = test::run_on(world.loop, world.store->account(key));
    must(static_cast<bool>(account), "no account");
    for (const auto& [id, open] : (*account)->open_mailboxes()) {
        if (auto held = open.lock()) return held;
    }
    return nullptr;
}

struct Three {
    explicit Three(int messages) : a(world), b(world), c(world)
    {
        for (auto* client : {&a, &b, &c}) client->log_in();
        for (int i = 0; i < messages; ++i) a.append(message("m" + std::to_string(i)));
        for (auto* client : {&a, &b, &c}) {
            client->select();
            (void)client->ask("n NOOP");
        }
    }
    World world;
    Client a;
    Client b;
    Client c;
};

store::MailboxStatus status(store::ModSeq modseq, std::uint32_t messages)
{
    store::MailboxStatus made;
    made.highest_modseq = modseq;
    made.messages = messages;
    return made;
}

void tell_all(SelectedMailbox& view)
{
    if (view.is_late()) view.take();
    while (view.has_news(true)) {
        std::string out;
        (void)view.announce(out, true, 65536, {});
    }
}

}  // namespace

TEST_CASE("E10: three sessions: what one expunges the second hears at once in IDLE, the third when it may be told",
          "[imap][session][E10]")
{
    Three three(6);
    CHECK(three.b.say("i IDLE\r\n") == "+ idling\r\n");
    (void)three.a.ask("a STORE 2,4 +FLAGS.SILENT (\\Deleted)");
    CHECK(three.b.heard() == "* 2 FETCH (UID 2 FLAGS (\\Deleted))\r\n* 4 FETCH (UID 4 FLAGS (\\Deleted))\r\n");
    CHECK(three.a.say("b EXPUNGE\r\n") == "* 4 EXPUNGE\r\n* 2 EXPUNGE\r\nb OK EXPUNGE completed\r\n");
    CHECK(three.b.heard() == "* 4 EXPUNGE\r\n* 2 EXPUNGE\r\n");
    three.a.append(message("new"));
    CHECK(three.b.heard() == "* 5 EXISTS\r\n");
    // RFC 9051 section 7.5.1: flags and arrivals are told in the midst of FETCH, STORE and SEARCH, expunges are not.
    CHECK(three.c.say("c FETCH 6 (UID)\r\n") ==
          "* 6 FETCH (UID 6)\r\n* 7 EXISTS\r\n* 2 FETCH (UID 2 FLAGS (\\Deleted))\r\n* 4 FETCH (UID 4 FLAGS (\\Deleted))\r\n"
          "c OK FETCH completed\r\n");
    CHECK(three.c.say("d STORE 7 +FLAGS (\\Seen)\r\n") == "* 7 FETCH (FLAGS (\\Seen))\r\nd OK STORE completed\r\n");
    CHECK(three.b.heard() == "* 5 FETCH (UID 7 FLAGS (\\Seen))\r\n");
    CHECK(three.c.say("e SEARCH UNSEEN\r\n") == "* SEARCH 1 3 5 6\r\ne OK SEARCH completed\r\n");
    CHECK(three.c.say("f FETCH 4 (UID)\r\n").starts_with("f NO [EXPUNGEISSUED]"));
    CHECK(three.c.say("g NOOP\r\n") == "* 4 EXPUNGE\r\n* 2 EXPUNGE\r\ng OK NOOP completed\r\n");
    CHECK(three.c.say("h FETCH 1:* UID\r\n") ==
          "* 1 FETCH (UID 1)\r\n* 2 FETCH (UID 3)\r\n* 3 FETCH (UID 5)\r\n* 4 FETCH (UID 6)\r\n* 5 FETCH (UID 7)\r\n"
          "h OK FETCH completed\r\n");
    CHECK(three.b.say("DONE\r\n") == "i OK IDLE completed\r\n");
}

TEST_CASE("E10: RFC 2180 4.1.2: messages that another session expunged leave the numbers of this one alone until it is told",
          "[imap][session][E10]")
{
    Three three(5);
    for (const auto* number : {"1", "1", "2"}) {
        (void)three.a.ask("a STORE " + std::string(number) + " +FLAGS.SILENT (\\Deleted)");
        (void)three.a.ask("b EXPUNGE");
        three.a.append(message("another"));
    }
    // UIDs 1, 2 and 4 are gone, 6 to 8 came.
    const auto fetched = three.c.say("c FETCH 1:5 (UID)\r\n");
    CHECK(fetched.starts_with("* 3 FETCH (UID 3)\r\n* 5 FETCH (UID 5)\r\n"));
    CHECK(fetched.find(" EXPUNGE\r\n") == std::string::npos);
    CHECK(fetched.find("* 8 EXISTS\r\n") != std::string::npos);
    CHECK(three.c.say("d SEARCH ALL\r\n") == "* SEARCH 3 5 6 7 8\r\nd OK SEARCH completed\r\n");
    CHECK(three.c.say("e UID SEARCH ALL\r\n") ==
          "* SEARCH 3 5 6 7 8\r\n* 4 EXPUNGE\r\n* 2 EXPUNGE\r\n* 1 EXPUNGE\r\ne OK UID SEARCH completed\r\n");
    CHECK(three.c.say("f FETCH * (UID)\r\n") == "* 5 FETCH (UID 8)\r\nf OK FETCH completed\r\n");
}

TEST_CASE("twenty sessions in IDLE are told of a change by one question to the store", "[imap][session][concurrent]")
{
    World world;
    Client writer(world);
    writer.log_in();
    writer.append(message("first"));
    std::list<Client> idle;
    for (int i = 0; i < 20; ++i) {
        auto& client = idle.emplace_back(world);
        client.log_in();
        client.select();
        REQUIRE(client.say("i IDLE\r\n") == "+ idling\r\n");
    }
    const auto mailbox = open_mailbox(world);
    REQUIRE(mailbox);
    CHECK(mailbox->feed().seats() == 20);
    CHECK(mailbox->feed().waiting() == 20);
    const auto asked = mailbox->asked();
    writer.append(message("second"));
    CHECK(mailbox->asked() == asked + 1);
    for (auto& client : idle) CHECK(client.heard() == "* 2 EXISTS\r\n");
    CHECK(mailbox->asked() == asked + 1);
}

TEST_CASE("the session whose STORE it was asks no second time, unless somebody else told of a change meanwhile", "[imap][session]")
{
    Three three(3);
    const auto mailbox = open_mailbox(three.world);
    REQUIRE(mailbox);
    const auto asked = mailbox->asked();
    CHECK(three.a.say("a STORE 1 +FLAGS (\\Seen)\r\n") == "* 1 FETCH (FLAGS (\\Seen))\r\na OK STORE completed\r\n");
    CHECK(mailbox->asked() == asked);
    CHECK(mailbox->is_current());
    // What another one does is still told, before a STORE of ours and behind it.
    CHECK(three.b.say("b STORE 2 +FLAGS (\\Flagged)\r\n").ends_with("b OK STORE completed\r\n"));
    CHECK(three.a.say("c STORE 3 +FLAGS.SILENT (\\Seen)\r\n") == "* 2 FETCH (UID 2 FLAGS (\\Flagged))\r\nc OK STORE completed\r\n");
    three.b.append(message("another"));
    CHECK(three.a.say("d NOOP\r\n") == "* 4 EXISTS\r\nd OK NOOP completed\r\n");
    // With a second call since then, or without a change of our own, it must be asked.
    Client outside(three.world);
    outside.log_in();
    outside.append(message("a third one"));
    CHECK_FALSE(mailbox->is_current());
    const auto told = mailbox->told();
    store::Changes own;
    own.status = mailbox->feed().status();
    mailbox->take_own(own, told - 1);
    CHECK_FALSE(mailbox->is_current());
    own.changed.resize(1);
    mailbox->take_own(own, told - 2);
    CHECK_FALSE(mailbox->is_current());
    CHECK(three.a.say("e NOOP\r\n") == "* 5 EXISTS\r\ne OK NOOP completed\r\n");
}

TEST_CASE("a mailbox that is opened again is what it has become meanwhile, without reading it anew", "[imap][session]")
{
    World world;
    Client reader(world);
    Client writer(world);
    reader.log_in();
    writer.log_in();
    for (const char* text : {"one", "two", "three"}) writer.append(message(text));
    reader.select();
    REQUIRE(reader.say("u UNSELECT\r\n") == "u OK UNSELECT completed\r\n");
    CHECK_FALSE(open_mailbox(world));
    writer.append(message("four"));
    writer.select();
    (void)writer.say("s STORE 3 +FLAGS (\\Flagged)\r\n");
    (void)writer.say("s STORE 2 +FLAGS (\\Deleted)\r\n");
    (void)writer.say("e EXPUNGE\r\n");
    (void)writer.say("u UNSELECT\r\n");
    writer.append(message("five"));
    const std::string selected = reader.say("s SELECT INBOX\r\n");
    CHECK(selected.find("* 4 EXISTS\r\n") != std::string::npos);
    CHECK(selected.find("[UIDNEXT 6]") != std::string::npos);
    CHECK(reader.say("f FETCH 1:* (UID FLAGS)\r\n") ==
          "* 1 FETCH (UID 1 FLAGS ())\r\n* 2 FETCH (UID 3 FLAGS (\\Flagged))\r\n* 3 FETCH (UID 4 FLAGS ())\r\n"
          "* 4 FETCH (UID 5 FLAGS ())\r\nf OK FETCH completed\r\n");
    writer.select();
    writer.append(message("six"));
    CHECK(reader.say("n NOOP\r\n").find("* 5 EXISTS\r\n") != std::string::npos);
}

TEST_CASE("an account keeps the state of the last four mailboxes that were open, and no more", "[imap][session]")
{
    World world;
    Client client(world);
    client.log_in();
    for (const char* name : {"A", "B", "C", "D", "E"}) {
        REQUIRE(client.ask(std::string("c CREATE ") + name).starts_with("OK"));
        client.select(name);
        REQUIRE(client.ask("u UNSELECT").starts_with("OK"));
    }
    client.select("E");
    (void)client.ask("u UNSELECT");
    store::AccountKey key;
    key.id = 1;
    key.local_part = "ann";
    key.domain = "example.org";
    const auto account = test::run_on(world.loop, world.store->account(key));
    REQUIRE(account);
    CHECK((*account)->closed_views().size() == 4);
}

TEST_CASE("a mailbox that nobody has open any more is forgotten", "[imap][session]")
{
    World world;
    Client client(world);
    client.log_in();
    client.select();
    std::weak_ptr<store::OpenMailbox> open = open_mailbox(world);
    CHECK_FALSE(open.expired());
    (void)client.ask("u UNSELECT");
    CHECK(open.expired());
    CHECK(open_mailbox(world) == nullptr);
    client.select();
    CHECK(client.ask("n NOOP").starts_with("OK"));
}

TEST_CASE("a session that others left far behind is told all flags all the same", "[imap][session]")
{
    Three three(3);
    const auto rounds = store::MailboxFeed::kMaxBatches / 2 + 10;
    for (std::size_t i = 0; i < rounds; ++i) {
        (void)three.a.ask("a STORE 2 +FLAGS.SILENT (\\Seen)");
        (void)three.a.ask("b STORE 2 -FLAGS.SILENT (\\Seen)");
    }
    (void)three.a.ask("c STORE 1 +FLAGS.SILENT (\\Flagged)");
    three.a.append(message("new"));
    CHECK(three.b.say("d NOOP\r\n") ==
          "* 4 EXISTS\r\n* 1 FETCH (UID 1 FLAGS (\\Flagged))\r\n* 2 FETCH (UID 2 FLAGS ())\r\n"
          "* 4 FETCH (UID 4 FLAGS ())\r\nd OK NOOP completed\r\n");
    CHECK(three.b.say("e NOOP\r\n") == "e OK NOOP completed\r\n");
}

TEST_CASE("2,000 views of a mailbox of 100,000 messages hold it once", "[imap][view]")
{
    // The worst case for runs: no two UIDs are neighbours.
    std::vector<store::Uid> uids;
    for (store::Uid uid = 1; uids.size() < 100'000; uid += 2) uids.push_back(uid);
    const auto before = allocated_bytes();
    store::MailboxFeed feed(status(1, 100'000), store::UidTable(uids));
    const auto table = allocated_bytes() - before;
    CHECK(table <= 16 * uids.size());
    std::list<SelectedMailbox> views;
    store::MailboxInfo info;
    info.name = "INBOX";
    for (int i = 0; i < 2000; ++i) views.emplace_back(info, false, feed, [] {});
    CHECK(allocated_bytes() - before < table + 2000 * 1024);

    // A day goes by: half of them wait in IDLE and are told, the others are silent.
    std::uint32_t messages = 100'000;
    store::ModSeq modseq = 1;
    store::Uid next = 200'001;
    for (int change = 0; change < 60; ++change) {
        store::Changes changes;
        ++modseq;
        store::MessageRow row;
        row.modseq = modseq;
        if (change % 3 == 0) {
            row.uid = next++;
            ++messages;
            changes.changed.push_back(row);
        } else if (change % 3 == 1) {
            changes.expunged.push_back(uids[static_cast<std::size_t>(change) * 1500]);
            --messages;
        } else {
            row.uid = uids[static_cast<std::size_t>(change) * 1500];
            row.flags.system = store::kSeen;
            changes.changed.push_back(row);
        }
        changes.status = status(modseq, messages);
        REQUIRE(feed.take(std::move(changes)));
        int n = 0;
        for (auto& view : views) {
            if (++n % 2 == 0) tell_all(view);
        }
    }
    // The silent ones share one old state; both states share what did not change.
    CHECK(allocated_bytes() - before < 2 * table + 2000 * 1024);
    for (auto& view : views) {
        tell_all(view);
        REQUIRE(view.view().is(feed.uids()));
    }
    // All were told: beyond the one table, less than 1 KB for each.
    CHECK(allocated_bytes() - before < table + 2000 * 1024);
    CHECK(feed.kept_rows() == 0);
}

TEST_CASE("other tools' deliveries and removals are told in the midst of IDLE", "[imap][session][watch]")
{
    World world;
    Client client(world);
    client.log_in();
    client.append(message("first"));
    client.select();
    CHECK_FALSE(open_mailbox(world)->is_watched());  // nobody waits yet
    CHECK(client.say("i IDLE\r\n") == "+ idling\r\n");
    REQUIRE(open_mailbox(world)->is_watched());
    const auto maildir = world.folder.path("mail/example.org/ann");
    std::ofstream(maildir + "/new/1700000000.foreign.host") << message("by hand");
    CHECK(wait_for_words(world, client) == "* 2 EXISTS\r\n");
    std::filesystem::remove(maildir + "/new/" +
                            std::filesystem::directory_iterator(maildir + "/new")->path().filename().string());
    const auto told = wait_for_words(world, client);
    CHECK((told == "* 1 EXPUNGE\r\n" || told == "* 2 EXPUNGE\r\n"));
    CHECK(client.say("DONE\r\n") == "i OK IDLE completed\r\n");
}

TEST_CASE("without a watch other tools' changes are looked for in IDLE every now and then", "[imap][session][watch]")
{
    World world(test_options(), 1, false);
    Client client(world);
    client.log_in();
    client.select();
    CHECK(client.say("i IDLE\r\n") == "+ idling\r\n");
    REQUIRE_FALSE(open_mailbox(world)->is_watched());
    std::ofstream(world.folder.path("mail/example.org/ann/new/1700000000.foreign.host")) << message("by hand");
    CHECK(client.heard().empty());
    client.expire();
    CHECK(client.heard() == "* 1 EXISTS\r\n");
    client.expire();
    CHECK(client.heard().empty());
}

TEST_CASE("a STORE and an EXPUNGE of many messages reach everybody, slice by slice", "[imap][session][concurrent]")
{
    constexpr int kMessages = 600;  // more than one slice holds
    Three three(1);
    (void)three.a.ask("a CREATE Many");
    for (int i = 0; i < kMessages; ++i) (void)three.a.ask("b COPY 1 Many");
    for (auto* client : {&three.a, &three.b, &three.c}) client->select("Many");
    CHECK(three.b.say("i IDLE\r\n") == "+ idling\r\n");
    const auto stored = three.a.say("c STORE 1:* +FLAGS (\\Deleted)\r\n");
    CHECK(std::ranges::count(stored, '\n') == kMessages + 1);
    CHECK(std::ranges::count(three.b.heard(), '\n') == kMessages);
    const auto expunged = three.a.say("d EXPUNGE\r\n");
    CHECK(std::ranges::count(expunged, '\n') == kMessages + 1);
    CHECK(expunged.ends_with("\r\nd OK EXPUNGE completed\r\n"));
    const auto heard = three.b.heard();
    CHECK(std::ranges::count(heard, '\n') == kMessages);
    CHECK(heard.find("FETCH") == std::string::npos);
    CHECK(three.c.say("e NOOP\r\n").find("* 1 EXPUNGE\r\n") != std::string::npos);
    CHECK(three.c.ask("f STATUS Many (MESSAGES)").starts_with("OK"));
    CHECK(three.a.say("g STATUS Many (MESSAGES)\r\n").find("MESSAGES 0") != std::string::npos);
}

TEST_CASE("a slice grows while its jobs are quick and shrinks when they are slow, within bounds", "[imap]")
{
    SlicePace pace;
    const auto first = pace.size();
    pace.took(std::chrono::nanoseconds(1));
    CHECK(pace.size() == first * 4);
    for (int i = 0; i < 20; ++i) pace.took(std::chrono::nanoseconds(1));
    CHECK(pace.size() == SlicePace::kMost);
    pace.took(SlicePace::kTime * 2);
    CHECK(pace.size() == SlicePace::kMost / 2);
    for (int i = 0; i < 20; ++i) pace.took(std::chrono::hours(1));
    CHECK(pace.size() == SlicePace::kLeast);
    pace.took(SlicePace::kTime);
    CHECK(pace.size() == SlicePace::kLeast);
}
