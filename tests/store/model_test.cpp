// A random sequence of everything an account can do, against a model in memory, with reopening, loss of the index, and
// kills of the process in between. The seed is printed; MAILBOXD_SEED repeats a run.
#include <bit>
#include <catch2/generators/catch_generators.hpp>
#include <cstdint>
#include <cstdlib>
#include <map>
#include <random>
#include <set>

#include "store/desk.hpp"

using namespace mbx;
using namespace mbx::store;
using mbx::test::Desk;
using mbx::test::kAll;

namespace {

struct ModelMessage {
    std::string text;
    std::uint8_t system = 0;
    std::set<std::string> keywords;
};

struct ModelMailbox {
    std::map<Uid, ModelMessage> messages;
    Uid highest = 0;        // the highest UID ever seen
    ModSeq modseq = 0;      // the highest mod-sequence ever seen
    std::uint32_t uidvalidity = 0;
};

const std::vector<std::string> kNames{"INBOX", "Sent", "a", "a/b", "a/b/c", "d.d", "e%", "INBOX/x"};
const std::vector<std::string> kKeywords{"$Label1", "work", "Later", "$Forwarded"};

class Model {
public:
    Model(std::uint64_t seed, std::size_t max_database_files) : desk_(seed), random_(seed)
    {
        desk_.options().max_database_files = max_database_files;
        desk_.open();
        for (const auto& info : desk_->list()) boxes_[info.name] = {};
    }

    void step()
    {
        const auto what = roll(44);
        told_ += " " + std::to_string(what);
        if (told_.size() > 300) told_.erase(0, 100);
        switch (what) {
        case 0: return create();
        case 1: return remove();
        case 2: return rename();
        case 3: return reopen();
        case 4: return lose_index();
        case 5:
        case 6: return transfer(false);
        case 7:
        case 8: return transfer(true);
        case 9:
        case 10: return expunge();
        case 11: return commit();
        case 12: return crash();
        case 13: return accept();
        case 14:
        case 15: return place();
        default: break;
        }
        if (roll(2) == 0) return deliver();
        return store_flags();
    }

    void check_all()
    {
        std::set<std::string> names;
        for (const auto& info : desk_->list()) names.insert(info.name);
        std::set<std::string> expected;
        for (const auto& [name, box] : boxes_) expected.insert(name);
        REQUIRE(names == expected);
        for (auto& [name, box] : boxes_) check(name, box);
    }

private:
    std::size_t roll(std::size_t sides) { return random_() % sides; }
    std::string any_name() { return kNames[roll(kNames.size())]; }
    std::string existing()
    {
        auto it = boxes_.begin();
        std::advance(it, static_cast<std::ptrdiff_t>(roll(boxes_.size())));
        return it->first;
    }
    UidRange range(const ModelMailbox& box)
    {
        const Uid first = static_cast<Uid>(1 + roll(box.highest + 2));
        return {first, static_cast<Uid>(first + roll(6))};
    }

    void check(const std::string& name, ModelMailbox& box)
    {
        CAPTURE(name);
        const auto status = desk_.status(name);
        if (box.uidvalidity != 0) REQUIRE(status.uidvalidity == box.uidvalidity);
        box.uidvalidity = status.uidvalidity;
        REQUIRE(status.highest_modseq >= box.modseq);
        box.modseq = status.highest_modseq;
        REQUIRE(status.messages == box.messages.size());
        REQUIRE(status.uidnext > box.highest);
        const auto rows = desk_->rows(status.id, kAll);
        REQUIRE(rows);
        REQUIRE(rows->size() == box.messages.size());
        std::set<Uid> unseen;
        std::set<Uid> deleted;
        std::uint64_t size = 0;
        for (const auto& row : *rows) {
            const auto it = box.messages.find(row.uid);
            REQUIRE(it != box.messages.end());
            REQUIRE(row.flags.system == it->second.system);
            std::set<std::string> keywords;
            for (std::size_t n = 0; n < status.keywords.size(); ++n) {
                if ((row.flags.keywords >> n & 1U) != 0) keywords.insert(status.keywords[n]);
            }
            REQUIRE(keywords == it->second.keywords);
            REQUIRE(row.size == it->second.text.size());
            REQUIRE(row.modseq <= status.highest_modseq);
            if ((row.flags.system & kSeen) == 0) unseen.insert(row.uid);
            if ((row.flags.system & kDeleted) != 0) deleted.insert(row.uid);
            size += row.size;
            if (roll(8) == 0) REQUIRE(desk_.text(row.uid, name) == it->second.text);
        }
        REQUIRE(status.unseen == unseen.size());
        REQUIRE(status.size == size);
        // Kept from one search to the next.
        REQUIRE(flagged(status.id, kAll, FlagQuery::unseen) == unseen);
        REQUIRE(flagged(status.id, kAll, FlagQuery::deleted) == deleted);
        const UidRange some = range(box);
        const std::set<Uid> unseen_of_some(unseen.lower_bound(some.first), unseen.upper_bound(some.last));
        REQUIRE(flagged(status.id, {some}, FlagQuery::unseen) == unseen_of_some);
    }

    std::set<Uid> flagged(MailboxId mailbox, const UidSet& which, FlagQuery query)
    {
        const auto found = desk_->flagged(mailbox, which, query);
        REQUIRE(found);
        std::set<Uid> uids;
        for (const auto& range : *found) {
            for (Uid uid = range.first; uid <= range.last; ++uid) uids.insert(uid);
        }
        return uids;
    }

    void enter(const std::string& name, Uid uid, ModelMessage message)
    {
        auto& box = boxes_[name];
        REQUIRE(uid > box.highest);
        box.highest = uid;
        box.messages[uid] = std::move(message);
    }

    void deliver()
    {
        const auto name = existing();
        ModelMessage message;
        message.text = "Subject: " + std::to_string(++serial_) + "\r\n\r\n" + std::string(roll(50), 'x') + "\r\n";
        if (roll(3) == 0) message.system = static_cast<std::uint8_t>(roll(64));
        std::vector<std::string> keywords;
        if (roll(4) == 0) keywords.push_back(kKeywords[roll(3)]);
        message.keywords = {keywords.begin(), keywords.end()};
        const auto done = desk_->append(desk_.body(message.text), desk_.incoming(name, message.system, keywords));
        REQUIRE(done);
        enter(name, done->uid, std::move(message));
    }

    void store_flags()
    {
        const auto name = existing();
        auto& box = boxes_[name];
        const auto which = range(box);
        FlagChange change;
        change.action = static_cast<FlagAction>(roll(3));
        change.system = static_cast<std::uint8_t>(roll(64));
        if (roll(3) == 0) change.keywords.push_back(kKeywords[roll(kKeywords.size())]);
        const auto done = desk_->store_flags(desk_.id(name), {which}, change);
        REQUIRE(done);
        auto system = change.system;
        std::set<std::string> keywords;
        for (const auto& keyword : change.keywords) {
            if (keyword == "$Forwarded") system |= kForwarded;
            else keywords.insert(keyword);
        }
        std::size_t rows = 0;
        for (auto& [uid, message] : box.messages) {
            if (uid < which.first || uid > which.last) continue;
            ++rows;
            if (change.action == FlagAction::replace) {
                message.system = system;
                message.keywords = keywords;
            } else if (change.action == FlagAction::add) {
                message.system |= system;
                message.keywords.insert(keywords.begin(), keywords.end());
            } else {
                message.system = static_cast<std::uint8_t>(message.system & ~system);
                for (const auto& keyword : keywords) message.keywords.erase(keyword);
            }
        }
        REQUIRE(done->rows.size() == rows);
    }

    void transfer(bool moving)
    {
        const auto from = existing();
        const auto to = existing();
        const auto which = range(boxes_[from]);
        const auto done = moving ? desk_->move(desk_.id(from), {which}, to) : desk_->copy(desk_.id(from), {which}, to);
        REQUIRE(done);
        std::vector<std::pair<Uid, ModelMessage>> chosen;
        for (const auto& [uid, message] : boxes_[from].messages) {
            if (uid >= which.first && uid <= which.last) chosen.emplace_back(uid, message);
        }
        REQUIRE(done->uids.size() == chosen.size());
        for (std::size_t n = 0; n < chosen.size(); ++n) {
            REQUIRE(done->uids[n].first == chosen[n].first);
            enter(to, done->uids[n].second, chosen[n].second);
            if (moving) boxes_[from].messages.erase(chosen[n].first);
        }
    }

    void expunge()
    {
        const auto name = existing();
        auto& box = boxes_[name];
        const auto id = desk_.id(name);
        const auto before = desk_.status(name).highest_modseq;
        const auto done = desk_->expunge(id, nullptr);
        REQUIRE(done);
        std::vector<Uid> expected;
        for (const auto& [uid, message] : box.messages) {
            if ((message.system & kDeleted) != 0) expected.push_back(uid);
        }
        REQUIRE(*done == expected);
        for (const Uid uid : expected) box.messages.erase(uid);
        REQUIRE(desk_->changes(id, before)->expunged == expected);
    }

    void commit() { REQUIRE(desk_->commit_index()); }

    void create()
    {
        const auto name = any_name();
        const bool is_new = !boxes_.contains(name);
        REQUIRE(static_cast<bool>(desk_->create(name, SpecialUse::none)) == is_new);
        for (std::string level = name; !level.empty(); level = level.substr(0, level.rfind('/') + 1)) {
            if (level.ends_with('/')) level.pop_back();
            boxes_.try_emplace(level);
        }
    }

    bool has_children(const std::string& name)
    {
        const auto it = boxes_.upper_bound(name + "/");
        return it != boxes_.end() && it->first.starts_with(name + "/");
    }

    void remove()
    {
        const auto name = existing();
        const bool may = name != "INBOX" && !has_children(name);
        REQUIRE(static_cast<bool>(desk_->remove(name)) == may);
        if (may) boxes_.erase(name);
    }

    void rename()
    {
        const auto from = existing();
        const auto to = any_name();
        if (from == "INBOX" || boxes_.contains(to) || to.starts_with(from + "/")) return;
        REQUIRE(desk_->rename(from, to));
        std::map<std::string, ModelMailbox> moved;
        for (auto it = boxes_.begin(); it != boxes_.end();) {
            if (it->first != from && !it->first.starts_with(from + "/")) {
                ++it;
                continue;
            }
            moved.emplace(to + it->first.substr(from.size()), std::move(it->second));
            it = boxes_.erase(it);
        }
        boxes_.merge(moved);
        const auto slash = to.rfind('/');
        if (slash != std::string::npos) boxes_.try_emplace(to.substr(0, slash));
        if (to == "a/b/c") boxes_.try_emplace("a");
    }

    void reopen()
    {
        desk_.open();
    }

    void lose_index()
    {
        desk_.lose_index();
        reopen();
        // Some steps find a mailbox of which names are known and rows are not.
        if (roll(2) == 0) (void)numbers();
        is_rebuilt_ = true;
    }

    using Numbers = std::map<std::string, std::pair<std::uint64_t, ModSeq>>;
    Numbers numbers()
    {
        Numbers all;
        for (const auto& [name, box] : boxes_) {
            const auto status = desk_.status(name);
            all[name] = {status.uidnext, status.highest_modseq};
        }
        return all;
    }

    void accept()
    {
        const std::string text = "Subject: owed " + std::to_string(++serial_) + "\r\n\r\n";
        owed_.push_back({desk_.accept(text, static_cast<int>(roll(2))), text});
        REQUIRE(desk_.journal().wait(owed_.back().message->lsn()));
    }

    void place()
    {
        if (owed_.empty()) return accept();
        const auto done = desk_->place(*owed_.front().message);
        REQUIRE(done);
        enter("INBOX", done->uid, {owed_.front().text, 0, {}});
        owed_.erase(owed_.begin());
    }

    // One that was told to nobody yet: after the kill all of it is there, or nothing.
    void do_something()
    {
        switch (roll(6)) {
        case 0: return transfer(false);
        case 1: return transfer(true);
        case 2: return expunge();
        case 3: return place();
        case 4: return deliver();
        default: return store_flags();
        }
    }

    void crash()
    {
        REQUIRE(desk_.wait());
        const auto boxes_before = boxes_;
        const auto owed_before = owed_;
        const bool is_under_way = roll(2) == 0;
        CAPTURE(told_, is_under_way, owed_.size());
        // What was made from names alone jumps again when a crash takes it before a commit.
        if (std::exchange(is_rebuilt_, false)) {
            for (const auto& [name, box] : boxes_) REQUIRE(desk_->rows(desk_.id(name), kAll));
            commit();
        }
        const auto numbers_before = numbers();
        if (is_under_way) do_something();
        const auto replayed = desk_.crash();
        CAPTURE(replayed.placed, replayed.repaired, replayed.rows, owed_.size());
        if (is_under_way && !has_all_texts()) {
            boxes_ = boxes_before;
            owed_ = owed_before;
        }
        if (!is_under_way) {
            auto expected = numbers_before;
            auto found = numbers();
            // What was owed is placed by the replay.
            if (!owed_.empty()) found["INBOX"] = expected["INBOX"];
            REQUIRE(found == expected);
        }
        take_owed();
        check_all();
        // Twice is once: nothing was checkpointed.
        if (roll(3) == 0) {
            REQUIRE(desk_.wait());
            (void)desk_.crash();
            check_all();
        }
    }

    // The replay placed what was owed, under UIDs of its choice.
    void take_owed()
    {
        auto& box = boxes_["INBOX"];
        for (const Uid uid : desk_.uids("INBOX")) {
            if (box.messages.contains(uid)) continue;
            const auto text = desk_.text(uid, "INBOX");
            const auto it = std::ranges::find(owed_, text, &Owed::text);
            CAPTURE(uid, text);
            REQUIRE(it != owed_.end());
            box.messages[uid] = {text, 0, {}};
            box.highest = std::max(box.highest, uid);
            owed_.erase(it);
        }
        REQUIRE(owed_.empty());
    }

    // Whether what the model says of UIDs and flags is what the account says; what is owed is extra.
    bool has_all_texts()
    {
        for (auto& [name, box] : boxes_) {
            const auto rows = desk_->rows(desk_.id(name), kAll);
            REQUIRE(rows);
            std::map<Uid, MessageRow> found;
            for (const auto& row : *rows) found[row.uid] = row;
            std::size_t extra = found.size();
            for (const auto& [uid, message] : box.messages) {
                const auto it = found.find(uid);
                if (it == found.end() || it->second.flags.system != message.system) return false;
                if (desk_.text(uid, name) != message.text) return false;
                const auto known = static_cast<std::size_t>(std::popcount(it->second.flags.keywords));
                if (known != message.keywords.size()) return false;
                --extra;
            }
            if (extra != (name == "INBOX" ? owed_.size() : 0)) return false;
        }
        return true;
    }

    struct Owed {
        std::shared_ptr<const AcceptedMessage> message;
        std::string text;
    };
    std::vector<Owed> owed_;
    std::string told_;  // the last steps
    bool is_rebuilt_ = false;  // the index was lost since the last commit

    Desk desk_;
    std::mt19937_64 random_;
    std::map<std::string, ModelMailbox> boxes_;
    int serial_ = 0;
};

}  // namespace

TEST_CASE("G1: an account does what a simple model of it does, over reopening, loss of the index and kills",
          "[store][model][G1]")
{
    const char* wanted = std::getenv("MAILBOXD_SEED");
    const std::uint64_t seed = wanted != nullptr ? std::strtoull(wanted, nullptr, 10) : std::random_device()();
    const std::size_t max_database_files = GENERATE(SIZE_MAX, std::size_t{0});
    CAPTURE(seed, max_database_files);
    Model model(seed, max_database_files);
    for (int step = 0; step < 3000; ++step) {
        CAPTURE(step);
        model.step();
        if (step % 50 == 0) model.check_all();
    }
    model.check_all();
}
