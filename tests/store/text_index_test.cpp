// fts.db: candidates for SEARCH, never the truth.
#include <catch2/catch_test_macros.hpp>

#include <algorithm>
#include <filesystem>

#include "mail/case_fold.hpp"
#include "store/desk.hpp"
#include "store/text_index.hpp"

using namespace mbx;
using namespace mbx::store;
using mbx::test::Desk;
using mbx::test::kAll;
namespace fs = std::filesystem;

namespace {

void fill_texts(Desk& desk)
{
    for (int turn = 0; turn < 1000; ++turn) {
        const auto more = desk->fill_text(std::chrono::milliseconds(20));
        REQUIRE(more);
        if (!*more) return;
    }
    FAIL("filling does not end");
}

std::vector<Uid> candidates(Desk& desk, const TextNeeds& needs, std::string_view name = "INBOX")
{
    const auto found = desk->text_candidates(desk.id(name), {{1, 1000}}, needs);
    REQUIRE(found);
    const auto present = desk.uids(name);
    std::vector<Uid> uids;
    for (const Uid uid : present) {
        const auto holds = [uid](const UidRange& range) { return range.first <= uid && uid <= range.last; };
        if (std::ranges::any_of(*found, holds)) uids.push_back(uid);
    }
    return uids;
}

std::string letter(const std::string& subject, const std::string& text)
{
    return "From: a@example.org\r\nSubject: " + subject + "\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n" + text +
           "\r\n";
}

const std::vector<Uid> kNone;

}  // namespace

TEST_CASE("the index of texts narrows to messages that hold all trigrams of a key", "[store][search]")
{
    Desk desk;
    desk.deliver(letter("lunch", "Grüße aus Köln"));
    desk.deliver(letter("обед", "Привет из Москвы"));
    desk.deliver(letter("午餐", "你好世界再见"));
    desk.deliver(letter("dinner", "nothing \"quoted\" here"));
    CHECK(candidates(desk, {{"lunch"}}).size() == 4);  // nothing is known yet
    fill_texts(desk);
    CHECK(candidates(desk, {{"lunch"}}) == std::vector<Uid>{1});
    CHECK(candidates(desk, {{mail::fold_case("GRÜSSE")}}) == kNone);
    CHECK(candidates(desk, {{mail::fold_case("GRÜßE")}}) == std::vector<Uid>{1});
    CHECK(candidates(desk, {{mail::fold_case("МОСКВ")}}) == std::vector<Uid>{2});
    CHECK(candidates(desk, {{"好世界"}}) == std::vector<Uid>{3});
    CHECK(candidates(desk, {{"\"quoted\""}}) == std::vector<Uid>{4});
    CHECK(candidates(desk, {{"lunch", "dinner"}}) == std::vector<Uid>{1, 4});
    CHECK(candidates(desk, {{"example.org"}, {"dinner"}}) == std::vector<Uid>{4});
    CHECK(candidates(desk, {{"'; DROP TABLE texts; -- \"\" NEAR( *"}}) == kNone);
    CHECK(candidates(desk, {}).size() == 4);
    // What comes behind the mark is a candidate until it is filled.
    desk.deliver(letter("supper", "x"));
    CHECK(candidates(desk, {{"lunch"}}) == std::vector<Uid>{1, 5});
    fill_texts(desk);
    CHECK(candidates(desk, {{"lunch"}}) == std::vector<Uid>{1});
}

TEST_CASE("copies share the text of their content, whatever their UIDs", "[store][search]")
{
    Desk desk;
    desk.deliver(letter("lunch", "x"));
    desk.deliver(letter("dinner", "x"));
    fill_texts(desk);
    REQUIRE(desk->copy(desk.id("INBOX"), kAll, "Archive"));
    fill_texts(desk);
    CHECK(candidates(desk, {{"dinner"}}, "Archive") == std::vector<Uid>{2});
    desk.open();
    CHECK(candidates(desk, {{"dinner"}}, "Archive") == std::vector<Uid>{2});
}

TEST_CASE("a message whose text is longer than the bound is always a candidate", "[store][search]")
{
    Desk desk;
    std::string text;
    while (text.size() < kMaxSearchText) text += "many words make a long letter ";
    desk.deliver(letter("long", text));
    desk.deliver(letter("short", "x"));
    fill_texts(desk);
    CHECK(candidates(desk, {{"absent words"}}) == std::vector<Uid>{1});
    CHECK_FALSE(search_text(letter("long", text)));
    CHECK(search_text(letter("short", "x")));
}

TEST_CASE("F7: an index of texts that is damaged or lost is set aside, and searches go on without it",
          "[store][search][F7]")
{
    Desk desk;
    for (int n = 0; n < 40; ++n) desk.deliver(letter("letter " + std::to_string(n), "hello world"));
    fill_texts(desk);
    CHECK(candidates(desk, {{"letter 17"}}) == std::vector<Uid>{18});
    desk->settle();
    desk.close();
    const auto file = desk.account() + "/fts.db";
    SECTION("lost")
    {
        for (const char* part : {"", "-wal", "-shm"}) fs::remove(file + part);
    }
    SECTION("not a database")
    {
        test::write_file(file, std::string(20'000, 'x'));
    }
    SECTION("pages overwritten behind the first")
    {
        std::string bytes = test::read_file(file);
        for (std::size_t at = 4096; at < bytes.size(); ++at) bytes[at] = '\x55';
        test::write_file(file, bytes);
    }
    SECTION("cut off")
    {
        fs::resize_file(file, 5000);
    }
    desk.open();
    CHECK(candidates(desk, {{"letter 17"}}).size() == 40);
    // The first filling step may be the one that finds the damage.
    for (int turn = 0; turn < 4; ++turn) (void)desk->fill_text(std::chrono::milliseconds(0));
    fill_texts(desk);
    CHECK(candidates(desk, {{"letter 17"}}) == std::vector<Uid>{18});
    CHECK(desk.status().messages == 40);
}

TEST_CASE("F8: an index of texts that cannot be opened costs speed and no answer", "[store][search][F8]")
{
    Desk desk;
    desk.deliver(letter("lunch", "x"));
    fs::create_directory(desk.account() + "/fts.db");
    CHECK_FALSE(desk->fill_text(std::chrono::milliseconds(10)));
    CHECK(candidates(desk, {{"lunch"}}).size() == 1);
    CHECK(desk.status().messages == 1);
}

TEST_CASE("keys under three characters and with a NUL cannot be looked up", "[store][search]")
{
    CHECK_FALSE(is_searchable_key(""));
    CHECK_FALSE(is_searchable_key("ab"));
    CHECK(is_searchable_key("abc"));
    CHECK_FALSE(is_searchable_key("жж"));
    CHECK(is_searchable_key("中文字"));
    CHECK_FALSE(is_searchable_key(std::string_view("ab\0c", 4)));
}
