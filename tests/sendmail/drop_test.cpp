// Messages in the drop directory: their form, and what hostile users put there.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <catch2/catch_test_macros.hpp>
#include <filesystem>
#include <fstream>

#include "sendmail/drop_directory.hpp"
#include "sendmail/drop_files.hpp"
#include "support/temporary_folder.hpp"

namespace mbx::sendmail {
namespace {

Letter example()
{
    Letter letter;
    letter.sender = Address{"root", ""};
    letter.recipients = {{"ann", "example.test"}, {"www-data", ""}};
    letter.notify = "SUCCESS,FAILURE";
    letter.ret = "FULL";
    letter.envelope_id = "id 1";
    return letter;
}

const std::string kBody = "Subject: x\r\n\r\nhello\r\n";

std::string whole(const Letter& letter = example(), const std::string& body = kBody) { return format_drop_head(letter, body) + body; }

DropFault fault_of(const std::string& bytes)
{
    const auto head = parse_drop_head(bytes, bytes.size());
    REQUIRE_FALSE(head);
    return head.error();
}

struct Place {
    test::TemporaryFolder folder;
    std::string path = folder.path();

    std::string put(const std::string& name, const std::string& bytes) const
    {
        std::ofstream(path + "/" + name, std::ios::binary) << bytes;
        return name;
    }
    OpenedDrop open(const std::string& name, std::uint64_t most = 1U << 20U) const { return open_drop(path, name, most); }
    std::vector<std::string> names() const
    {
        const auto found = list_drop(path, 100);
        INFO((found ? std::string() : found.error().text()));
        REQUIRE(found);
        return *found;
    }
};

TEST_CASE("what is left in the directory is read back as it was", "[sendmail][drop]")
{
    const Place place;
    const auto left = leave_in(place.path, example(), kBody);
    INFO((left ? std::string() : left.error().text()));
    REQUIRE(left);
    const auto names = place.names();
    REQUIRE(names.size() == 1);
    const auto opened = place.open(names[0]);
    REQUIRE(opened.state == OpenedDrop::State::open);
    CHECK(opened.file->head().letter == example());
    CHECK(opened.file->body_front(1000) == kBody);
    CHECK(opened.file->uid == ::getuid());
    CHECK(std::distance(std::filesystem::directory_iterator(place.path), {}) == 1);
    CHECK(remove_drop(place.path, names[0]));
    CHECK(place.names().empty());
}

TEST_CASE("a message can be left where nobody may list, and only there may it be read by the group", "[sendmail][drop]")
{
    const Place place;
    for (const auto& [mode, wanted] : {std::pair<mode_t, mode_t>{03733, 0640}, {01733, 0644}}) {
        const std::string directory = place.path + "/" + std::to_string(mode);
        REQUIRE(::mkdir(directory.c_str(), 0700) == 0);
        REQUIRE(::chmod(directory.c_str(), mode) == 0);
        const mode_t before = ::umask(0077);
        CHECK(leave_in(directory, example(), kBody));
        ::umask(before);
        const auto names = list_drop(directory, 10);
        REQUIRE(names);
        REQUIRE(names->size() == 1);
        struct stat facts {};
        REQUIRE(::stat((directory + "/" + names->front()).c_str(), &facts) == 0);
        CHECK((facts.st_mode & 07777) == wanted);
    }
}

TEST_CASE("a directory that is not there is an error, not a loss", "[sendmail][drop]")
{
    const Place place;
    CHECK_FALSE(leave_in(place.path + "/none", example(), kBody));
    CHECK_FALSE(list_drop(place.path + "/none", 10));
    place.put("file", "x");
    CHECK_FALSE(list_drop(place.path + "/file", 10));
}

TEST_CASE("what is none of sendmail's files is seen, and not taken for a message", "[sendmail][drop]")
{
    const Place place;
    CHECK(count_foreign_drops(place.path).count == 0);
    REQUIRE(leave_in(place.path, example(), kBody));
    place.put("tmp-1", "x");
    REQUIRE(::mkdir((place.path + "/.aside").c_str(), 0700) == 0);
    CHECK(count_foreign_drops(place.path).count == 0);
    place.put("message.eml", "x");
    place.put("another.eml", "x");
    const auto foreign = count_foreign_drops(place.path);
    CHECK(foreign.count == 2);
    CHECK(foreign.example == "another.eml");
    CHECK(foreign.directories == 0);
    REQUIRE(::mkdir((place.path + "/folder").c_str(), 0700) == 0);
    CHECK(count_foreign_drops(place.path).count == 3);
    CHECK(count_foreign_drops(place.path).directories == 1);
    CHECK(list_drop(place.path, 10)->size() == 1);
    CHECK(count_foreign_drops(place.path + "/none").count == 0);
}

TEST_CASE("what was set aside is counted until somebody removes it", "[sendmail][drop]")
{
    const Place place;
    CHECK(count_aside_drops(place.path).count == 0);
    place.put("mail-2", "x");
    place.put("mail-1", "x");
    CHECK(count_aside_drops(place.path).count == 0);
    CHECK(set_drop_aside(place.path, "mail-2"));
    CHECK(set_drop_aside(place.path, "mail-1"));
    const auto aside = count_aside_drops(place.path);
    CHECK(aside.count == 2);
    CHECK(aside.example == "mail-1");
}

TEST_CASE("every cut and every changed byte of a drop file is noticed", "[sendmail][drop]")
{
    const Place place;
    const std::string good = whole();
    REQUIRE(parse_drop_head(good, good.size()));
    for (std::size_t size = 0; size < good.size(); ++size) CHECK_FALSE(parse_drop_head(good.substr(0, size), size));
    CHECK_FALSE(parse_drop_head(good + "x", good.size() + 1));
    for (std::size_t at = 0; at < good.size(); ++at) {
        std::string bad = good;
        bad[at] = static_cast<char>(bad[at] ^ 0x20);
        CAPTURE(at);
        place.put("mail-x", bad);
        CHECK(place.open("mail-x").state == OpenedDrop::State::hostile);
    }
}

TEST_CASE("what is wrong with a drop file is told apart", "[sendmail][drop]")
{
    CHECK(fault_of("") == DropFault::not_one);
    CHECK(fault_of("Subject: x\n\n") == DropFault::not_one);
    CHECK(fault_of("mailboxd-drop 2 1 00000000 1 00000000\nxx") == DropFault::version);
    CHECK(fault_of("mailboxd-drop 1 99999999999 00000000 1 00000000\nxx") == DropFault::too_large);
    CHECK(fault_of("mailboxd-drop 1 1 00000000 18446744073709551615 00000000\nxx") == DropFault::torn);
    CHECK(fault_of("mailboxd-drop 1 1 00000000 1 00000000\nxx") == DropFault::damaged);
    Letter nobody = example();
    nobody.recipients.clear();
    CHECK(fault_of(whole(nobody)) == DropFault::damaged);
    Letter many = example();
    many.recipients.assign(kMostRecipients + 1, {"a", "b.example"});
    CHECK(fault_of(whole(many)) == DropFault::damaged);
    Letter odd = example();
    odd.notify = "SUCCESS\r\nRCPT TO:<x@y.example>";
    CHECK(fault_of(whole(odd)) == DropFault::damaged);
}

TEST_CASE("a link, a pipe, a directory and a second name are refused without waiting for anybody", "[sendmail][drop][hostile]")
{
    const Place place;
    place.put("secret", whole());
    REQUIRE(::symlink((place.path + "/secret").c_str(), (place.path + "/mail-link").c_str()) == 0);
    REQUIRE(::mkfifo((place.path + "/mail-pipe").c_str(), 0666) == 0);
    REQUIRE(::mkdir((place.path + "/mail-folder").c_str(), 0777) == 0);
    place.put("mail-twice", whole());
    REQUIRE(::link((place.path + "/mail-twice").c_str(), (place.path + "/other").c_str()) == 0);
    for (const char* name : {"mail-link", "mail-pipe", "mail-folder", "mail-twice"}) {
        CAPTURE(name);
        const auto opened = place.open(name);
        CHECK(opened.state == OpenedDrop::State::hostile);
        CHECK_FALSE(opened.why.empty());
        CHECK(set_drop_aside(place.path, name));
    }
    CHECK(place.names().empty());
    CHECK(place.open("mail-nothing").state == OpenedDrop::State::gone);
}

TEST_CASE("a message over the limit is opened for SMTP to refuse, unread", "[sendmail][drop]")
{
    const Place place;
    std::string bytes = whole(example(), std::string(5000, 'x'));
    bytes.back() = 'y';
    place.put("mail-large", bytes);
    CHECK(place.open("mail-large", 4999).state == OpenedDrop::State::open);
    CHECK(place.open("mail-large", 5000).state == OpenedDrop::State::hostile);
}

TEST_CASE("only finished messages are listed, oldest first", "[sendmail][drop]")
{
    const Place place;
    for (const char* name : {"mail-0002", "mail-0001", "tmp-0000", "core", ".aside"}) place.put(name, "x");
    CHECK(place.names() == std::vector<std::string>{"mail-0001", "mail-0002"});
    CHECK(list_drop(place.path, 1)->size() == 1);
}

}  // namespace
}  // namespace mbx::sendmail
