// What a crash does to the Maildir and the index, by hand, and what replay makes of it again.
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <cerrno>
#include <filesystem>
#include <functional>
#include <map>
#include <set>
#include <tuple>

#include "store/expunged_name.hpp"
#include "store/message_name.hpp"
#include "support/faulty_file_system.hpp"
#include "support/mail_ground.hpp"
#include "support/scratch.hpp"

using namespace mbx;
using namespace mbx::store;
namespace fs = std::filesystem;

namespace {

const UidSet kEverything{{1, UINT32_MAX}};
constexpr std::int64_t kDate = 1'700'000'000;

std::string text_of(char letter, std::size_t size)
{
    std::string text = "Subject: " + std::string(1, letter) + "\r\n\r\n";
    while (text.size() < size) text += std::string(70, letter) + "\r\n";
    return text;
}

enum class IndexLoss { none, all_uncommitted, half_uncommitted, missing };
enum class FileLoss { none, missing, empty, torn, torn_in_shared_inode, old_names, not_moved };

// All that a client can know of a mailbox.
struct Shown {
    std::map<Uid, std::tuple<std::uint8_t, std::uint32_t, std::int64_t, std::uint64_t, std::string>> messages;
    std::map<Uid, ModSeq> modseqs;
    Uid uidnext = 0;
    ModSeq highest = 0;
    std::uint32_t unseen = 0;
    std::uint32_t deleted = 0;
    std::uint64_t size = 0;
    std::vector<std::string> keywords;
};
using Picture = std::map<std::string, Shown>;

class Box {
public:
    Box() { open(); }
    ~Box() { crash(); }
    Box(const Box&) = delete;
    Box& operator=(const Box&) = delete;

    void open()
    {
        journal_ = test::open_mail_journal(loop_, posix_, clock_, metrics_, {scratch_ / "journal"});
        auto opened = AccountStore::open(files, path(), key(), journal_->seat(), clock_, random_, Log(), {});
        REQUIRE(opened);
        store_ = *std::move(opened);
    }
    // Everything appended is on the disk, nothing of the index that was not committed.
    void crash()
    {
        store_.reset();
        journal_.reset();
    }
    Result<Replayed, StoreError> replay()
    {
        Replay replay;
        const auto& accounts = journal_->recovered().accounts;
        if (const auto it = accounts.find(account_place(key())); it != accounts.end()) replay.records = it->second.records;
        replay.body = [this](const ReplayRecord& record) -> Result<std::string, FileError> {
            auto payload = journal_->journal().read(record.location);
            if (!payload) return payload.error();
            return payload->substr(record.body_offset);
        };
        replay.spool_directory = scratch_ / "spool";
        auto done = store_->replay(replay);
        (void)store_->end_job();
        return done;
    }
    Replayed replay_well()
    {
        const auto done = replay();
        REQUIRE(done);
        return *done;
    }

    template <typename Job>
    auto run(Job job)
    {
        auto value = job(*store_);
        (void)store_->end_job();
        return value;
    }
    Uid place(const std::string& text, int others)
    {
        AcceptedRecord record;
        record.trace_id = "t";
        record.internal_date = kDate;
        record.size = text.size();
        record.crc = crc32c(text);
        record.recipients.push_back(key());
        for (int n = 0; n < others; ++n) record.recipients.push_back({5 + n, "other" + std::to_string(n), "example.org"});
        auto body = std::make_shared<const std::string>(text);
        std::vector<journal::Payload> together(1);
        together.front() = {encode(record), body};
        const Lsn lsn = journal_->journal().append(std::move(together));
        fs::create_directory(scratch_ / "spool");
        const AcceptedMessage message(lsn, record, body, scratch_ / "spool");
        const auto placed = run([&](AccountStore& store) { return store.place(message); });
        REQUIRE(placed);
        if (others == 0) message.drop(posix_);
        return placed->uid;
    }
    Uid append(const std::string& text, const std::string& mailbox, std::vector<std::string> keywords, bool is_large)
    {
        Body body{nullptr, {}, {}, text.size(), crc32c(text)};
        if (is_large) {
            body.name = "in-large";
            body.path = scratch_ / "spool/in-large";
            test::write_file(body.path, text);
        } else {
            body.bytes = std::make_shared<const std::string>(text);
        }
        Incoming incoming{mailbox, 0, std::move(keywords), WallTime(std::chrono::seconds(kDate))};
        const auto done = run([&](AccountStore& store) { return store.append(body, incoming); });
        REQUIRE(done);
        return done->uid;
    }
    void flag(Uid uid, std::uint8_t flags, const std::string& mailbox = "INBOX")
    {
        FlagChange change;
        change.action = FlagAction::replace;
        change.system = flags;
        REQUIRE(run([&](AccountStore& store) { return store.store_flags(id(mailbox), {{uid, uid}}, change); }));
    }
    MailboxId id(const std::string& mailbox)
    {
        const auto found = store_->find(mailbox);
        REQUIRE(found);
        return found->id;
    }
    // Two deliveries, two APPENDs, a COPY, a copy of the copy, a MOVE of it, STORE, EXPUNGE.
    void live(IndexLoss index)
    {
        place(text_of('a', 3000), 0);
        const Uid shared = place(text_of('b', 5000), 2);
        const Uid doomed = place(text_of('c', 2000), 0);
        append(text_of('d', 4000), "Drafts", {"later", "work"}, false);
        flag(1, kSeen);
        // A mailbox that nobody has looked at has no row yet: without one it would be rebuilt from its names.
        (void)picture();
        if (index == IndexLoss::half_uncommitted) REQUIRE(store_->commit_index());
        append(text_of('e', 300'000), "Archive", {}, true);
        REQUIRE(run([&](AccountStore& store) { return store.copy(id("INBOX"), {{shared, shared}}, "Archive"); }));
        REQUIRE(run([&](AccountStore& store) { return store.copy(id("Archive"), {{2, 2}}, "Junk"); }));
        REQUIRE(run([&](AccountStore& store) { return store.move(id("Junk"), {{1, 1}}, "Sent"); }));
        flag(shared, kSeen | kFlagged);
        flag(doomed, kDeleted);
        REQUIRE(run([&](AccountStore& store) { return store.expunge(id("INBOX"), nullptr); }));
        flag(1, kAnswered, "Sent");
        if (index == IndexLoss::none) REQUIRE(store_->commit_index());
    }
    Picture picture()
    {
        Picture all;
        for (const auto& mailbox : store_->list()) {
            Shown& shown = all[mailbox.name];
            const auto rows = run([&](AccountStore& store) { return store.rows(mailbox.id, kEverything); });
            REQUIRE(rows);
            for (const auto& row : *rows) {
                const auto message = run([&](AccountStore& store) { return store.message(mailbox.id, row.uid); });
                REQUIRE(message);
                shown.messages[row.uid] = {row.flags.system, row.flags.keywords, row.internal_date, row.size,
                                           std::string((*message)->bytes())};
                shown.modseqs[row.uid] = row.modseq;
            }
            const auto status = run([&](AccountStore& store) { return store.status(mailbox.id); });
            REQUIRE(status);
            shown.uidnext = status->uidnext;
            shown.highest = status->highest_modseq;
            shown.unseen = status->unseen;
            shown.deleted = status->deleted;
            shown.size = status->size;
            shown.keywords = status->keywords;
        }
        return all;
    }
    std::vector<std::string> message_files() const
    {
        std::vector<std::string> found;
        for (const auto& entry : fs::recursive_directory_iterator(path())) {
            const auto place = entry.path().parent_path().filename();
            if (entry.is_regular_file() && (place == "cur" || place == "new")) found.push_back(entry.path());
        }
        std::ranges::sort(found);
        return found;
    }
    std::vector<std::string> expunged_files() const
    {
        std::vector<std::string> found;
        for (const auto& entry : fs::directory_iterator(path() + "/mailboxd-expunged")) found.push_back(entry.path());
        return found;
    }
    void lose(FileLoss loss)
    {
        for (const auto& file : message_files()) {
            // A link of a spool file: its bytes were synced before its record, only the name can be lost.
            const bool is_synced = fs::exists(scratch_ / "spool/in-large") && fs::equivalent(file, scratch_ / "spool/in-large");
            if (is_synced && (loss == FileLoss::empty || loss == FileLoss::torn_in_shared_inode)) continue;
            const auto mtime = fs::last_write_time(file);
            switch (loss) {
            case FileLoss::none:
            case FileLoss::not_moved: break;
            case FileLoss::missing: fs::remove(file); break;
            case FileLoss::empty: {
                std::string gone = file;
                test::write_file(gone, "");
                break;
            }
            case FileLoss::torn: break;
            case FileLoss::torn_in_shared_inode: tear(file); break;
            case FileLoss::old_names: forget_flags(file); break;
            }
            if (loss == FileLoss::torn) {
                // Each name with an inode of its own.
                const std::string bytes = test::read_file(file);
                fs::remove(file);
                test::write_file(file, bytes);
                tear(file);
            }
            if (fs::exists(file)) fs::last_write_time(file, mtime + std::chrono::hours(1));
        }
        if (loss == FileLoss::not_moved) undo_moves();
    }
    void lose(IndexLoss loss)
    {
        if (loss != IndexLoss::missing) return;
        for (const char* part : {"/index.db", "/index.db-wal", "/index.db-shm"}) fs::remove(path() + part);
    }
    std::string path() const { return scratch_ / "account"; }
    static AccountKey key() { return {1, "ada", "example.org"}; }
    AccountStore& operator*() { return *store_; }
    RecoveredMail& recovered() { return journal_->recovered(); }
    journal::Journal& journal() { return journal_->journal(); }

    test::Scratch scratch_;
    PosixFileSystem posix_;
    test::FaultyFileSystem files{posix_};

private:
    static void tear(const std::string& file)
    {
        std::string bytes = test::read_file(file);
        for (std::size_t at = bytes.size() / 2; at < bytes.size(); ++at) bytes[at] = '\0';
        std::ofstream out(file, std::ios::binary | std::ios::in | std::ios::out);
        out.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
    }
    static void forget_flags(const std::string& file)
    {
        const auto flags = file.find(":2,");
        if (flags == std::string::npos) return;
        const fs::path name = fs::path(file.substr(0, flags)).filename();
        fs::rename(file, fs::path(file).parent_path().parent_path() / "new" / name);
    }
    // Renames that the disk had not got: what was expunged and what was moved is where it was.
    void undo_moves()
    {
        for (const auto& file : expunged_files()) {
            const auto parsed = parse_expunged_name(fs::path(file).filename().string());
            if (parsed && parsed->uid != 0) fs::rename(file, path() + "/cur/" + parsed->name);
        }
        for (const auto& [lsn, record] : moves_) {
            for (const auto& file : message_files()) {
                if (parse_message_name(fs::path(file).filename().string()).unique != record.first) continue;
                fs::rename(file, path() + "/.Junk/new/" + record.second);
            }
        }
    }

public:
    // Of MOVEs in the journal: the target's unique part, and the name of the source.
    void note_moves()
    {
        for (const auto& record : recovered().accounts[account_place(key())].records) {
            const auto* placed = std::get_if<PlacedRecord>(&record.record);
            if (placed == nullptr || placed->source != PlacedRecord::Source::message || placed->row.flags.system != 0) continue;
            if (placed->source_mailbox.value != id("Junk").value) continue;
            const std::string unique = unique_of(placed->row.save_date, test::kJournalIdentity, record.lsn);
            moves_[record.lsn] = {unique, base_name(placed->source_unique, placed->row.size, 1)};
        }
    }

private:
    SystemClock clock_;
    SeededRandom random_{7};
    Metrics metrics_;
    net::Loop loop_;
    std::unique_ptr<MailJournal> journal_;
    std::unique_ptr<AccountStore> store_;
    std::map<Lsn, std::pair<std::string, std::string>> moves_;
};

void check_same(const Picture& now, const Picture& before, bool with_modseqs)
{
    REQUIRE(now.size() == before.size());
    for (const auto& [name, was] : before) {
        CAPTURE(name);
        const Shown& is = now.at(name);
        CHECK(is.messages == was.messages);
        CHECK(is.unseen == was.unseen);
        CHECK(is.deleted == was.deleted);
        CHECK(is.size == was.size);
        CHECK(is.keywords == was.keywords);
        if (with_modseqs) {
            CHECK(is.modseqs == was.modseqs);
            CHECK(is.uidnext == was.uidnext);
            CHECK(is.highest == was.highest);
        } else {
            CHECK(is.uidnext >= was.uidnext);
            CHECK(is.highest >= was.highest);
        }
    }
}

}  // namespace

TEST_CASE("G1: whatever a crash left of files and index, replay makes it what was shown, and a second one changes nothing",
          "[store][replay][G1]")
{
    const auto files = GENERATE(FileLoss::none, FileLoss::missing, FileLoss::empty, FileLoss::torn,
                                FileLoss::torn_in_shared_inode, FileLoss::old_names, FileLoss::not_moved);
    const auto index = GENERATE(IndexLoss::none, IndexLoss::all_uncommitted, IndexLoss::half_uncommitted,
                                IndexLoss::missing);
    CAPTURE(files, index);
    Box box;
    box.live(index);
    const Picture before = box.picture();
    // Looking may have appended nothing.
    box.crash();
    box.open();
    box.note_moves();
    box.crash();
    box.lose(files);
    box.lose(index);

    box.open();
    const auto replayed = box.replay_well();
    if (files == FileLoss::missing) CHECK(replayed.repaired >= before.at("INBOX").messages.size());
    const bool has_index = index == IndexLoss::none || index == IndexLoss::half_uncommitted;
    const Picture after = box.picture();
    check_same(after, before, has_index);
    CHECK(box.message_files().size() == 6);

    box.crash();
    box.open();
    const auto again = box.replay_well();
    CHECK(again.repaired == 0);
    check_same(box.picture(), before, has_index);
    // And in the same run once more.
    CHECK(box.replay_well().repaired == 0);
    CHECK(box.replay_well().rows == 0);
    check_same(box.picture(), before, has_index);
}

TEST_CASE("G1: a replay that fails or is killed at any call of the file system is made good by the next one",
          "[store][replay][G1]")
{
    const auto loss = GENERATE(FileLoss::missing, FileLoss::torn_in_shared_inode, FileLoss::not_moved);
    for (unsigned n = 1; n < 400; ++n) {
        CAPTURE(loss, n);
        Box box;
        box.live(IndexLoss::half_uncommitted);
        const Picture before = box.picture();
        box.crash();
        box.open();
        box.note_moves();
        box.crash();
        box.lose(loss);
        box.open();
        box.files.fail_at(n, EIO, true, true);
        (void)box.replay();
        const bool has_failed = box.files.has_failed();
        box.files.heal();
        box.crash();
        box.open();
        (void)box.replay_well();
        check_same(box.picture(), before, true);
        if (!has_failed) return;
    }
    FAIL("a replay never came to its end");
}

namespace {

// A message whose bytes no record has, copied and moved; of the names that it got the disk has none, or the last alone.
struct Journey {
    std::vector<std::pair<const char*, bool>> steps;  // from INBOX: where to, and whether it is a MOVE, which the next step goes on from
    const char* what = "";
};

std::vector<std::string> names_of(const Box& box)
{
    std::vector<std::string> found = box.message_files();
    std::ranges::copy(box.expunged_files(), std::back_inserter(found));
    return found;
}

}  // namespace

TEST_CASE("G1: what was copied and then moved is in every mailbox again, whichever is made good first", "[store][replay][G1]")
{
    const auto journey = GENERATE(Journey{{{"Archive", false}, {"Trash", true}}, "copy below the move"},
                                  Journey{{{"Trash", false}, {"Archive", true}}, "copy above the move"},
                                  Journey{{{"Trash", true}, {"Archive", false}, {"Junk", true}}, "a copy on the way"},
                                  Journey{{{"Junk", true}, {"Trash", true}, {"Archive", true}}, "three moves"},
                                  Journey{{{"Archive", false}, {"Trash", false}, {"Junk", true}, {"INBOX", true}}, "there and back"});
    const bool is_last_there = GENERATE(false, true);
    CAPTURE(journey.what, is_last_there);
    Box box;
    const std::string first = box.path() + "/cur/1700000000.other.example.org:2,F";
    test::write_file(first, text_of('f', 2000));
    (void)box.picture();  // takes it in
    REQUIRE(box.message_files().size() == 1);
    const std::string was = box.message_files().front();
    std::string from = "INBOX";
    for (const auto& [to, is_move] : journey.steps) {
        const std::string target = to;
        const auto step = [&](AccountStore& store) {
            return is_move ? store.move(box.id(from), kEverything, target) : store.copy(box.id(from), kEverything, target);
        };
        REQUIRE(box.run(step));
        if (is_move) from = target;
    }
    const Picture before = box.picture();
    const std::size_t count = box.message_files().size();
    box.crash();
    // Links of one inode.
    std::string last;
    for (const auto& file : names_of(box)) {
        const bool is_last = from == "INBOX" ? fs::path(file).parent_path().parent_path() == fs::path(box.path())
                                             : file.find("/." + from + "/") != std::string::npos;
        if (is_last) last = file;
    }
    REQUIRE_FALSE(last.empty());
    if (!is_last_there) {
        fs::rename(last, was + ".kept");
        for (const auto& file : names_of(box)) {
            if (file != was + ".kept") fs::remove(file);
        }
        fs::rename(was + ".kept", was);
    } else {
        for (const auto& file : names_of(box)) {
            if (file != last) fs::remove(file);
        }
    }

    box.open();
    const bool is_all_there = is_last_there && count == 1;
    CHECK((box.replay_well().repaired != 0) == !is_all_there);
    check_same(box.picture(), before, true);
    CHECK(box.message_files().size() == count);
    CHECK(box.expunged_files().empty());
    box.crash();
    box.open();
    CHECK(box.replay_well().repaired == 0);
    check_same(box.picture(), before, true);
    CHECK(box.expunged_files().empty());
}

TEST_CASE("an accepted message without a PlacedRecord is owed still, one with it is not", "[store][replay]")
{
    Box box;
    box.place(text_of('a', 100), 0);
    AcceptedRecord owed;
    owed.trace_id = "owed";
    owed.size = 5;
    owed.recipients = {Box::key(), {2, "bob", "example.org"}};
    std::vector<journal::Payload> together(1);
    together.front() = {encode(owed), std::make_shared<const std::string>("hello")};
    const Lsn lsn = box.journal().append(std::move(together));
    box.crash();
    box.open();
    CHECK(box.recovered().owed == 2);
    REQUIRE(box.recovered().accounts.contains("example.org/bob"));
    const auto& bobs = box.recovered().accounts.at("example.org/bob").records;
    REQUIRE(bobs.size() == 1);
    CHECK(bobs.front().lsn == lsn);
    CHECK(std::get<AcceptedRecord>(bobs.front().record).recipients.size() == 1);
}

TEST_CASE("records of a removed account and voided ones mean nothing", "[store][replay]")
{
    RecoveredMail mail;
    const journal::Location where;
    PlacedRecord placed;
    placed.account = Box::key();
    REQUIRE(mail.add(1, encode(placed), where));
    REQUIRE(mail.add(2, encode(AccountRemovedRecord{Box::key()}), where));
    REQUIRE(mail.add(3, encode(placed), where));
    REQUIRE(mail.add(4, encode(placed), where));
    REQUIRE(mail.add(5, encode(VoidRecord{3}), where));
    mail.finish();
    REQUIRE(mail.accounts.size() == 1);
    REQUIRE(mail.accounts.begin()->second.records.size() == 1);
    CHECK(mail.accounts.begin()->second.records.front().lsn == 4);
    CHECK_FALSE(mail.add(6, "\xff\xff nonsense", where));
}
