// What is parsed of messages and kept beside the hot rows.
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <sqlite3.h>

#include "mail/corpus.hpp"
#include "mail/imap_structure.hpp"
#include "store/column_code.hpp"
#include "store/list_fields.hpp"
#include "store/desk.hpp"
#include "store/parsed_columns.hpp"

using namespace mbx;
using namespace mbx::store;
using mbx::test::Desk;
using mbx::test::kAll;

namespace {

std::string letter(int n, const std::string& extra = {})
{
    return "From: =?utf-8?q?J=C3=BCrgen?= <j@example.org>\r\nTo: a@example.org, b@example.org\r\nSubject: Re: Nr. " +
           std::to_string(n) + "\r\nDate: Fri, 21 Nov 1997 09:55:06 -0600\r\nMessage-ID: <" + std::to_string(n) +
           "@example.org>\r\n" + extra + "\r\nText of " + std::to_string(n) + "\r\n";
}

std::vector<MessageColumns> all_columns(Desk& desk, std::string_view name = "INBOX")
{
    auto columns = desk->columns(desk.id(name), kAll);
    REQUIRE(columns);
    return *std::move(columns);
}

void fill(Desk& desk)
{
    for (int turn = 0; turn < 1000; ++turn) {
        const auto more = desk->fill_columns(std::chrono::milliseconds(10));
        REQUIRE(more);
        if (!*more) return;
    }
    FAIL("filling does not end");
}

void check_code(std::string_view message)
{
    const auto structure = mail::parse_structure(message);
    const auto decoded = decode_structure(encode_structure(structure));
    REQUIRE(decoded);
    CHECK(decoded->size == structure.size);
    CHECK(decoded->parts.size() == structure.parts.size());
    CHECK(mail::imap_bodystructure(*decoded) == mail::imap_bodystructure(structure));
    CHECK(mail::imap_body(*decoded) == mail::imap_body(structure));
    for (std::size_t i = 0; i < structure.parts.size(); ++i) {
        const auto& part = structure.parts[i];
        const auto& again = decoded->parts[i];
        CHECK(std::tuple(again.parent, again.first_child, again.next_sibling) ==
              std::tuple(part.parent, part.first_child, part.next_sibling));
        CHECK(std::tuple(again.header_offset, again.body_offset, again.body_end) ==
              std::tuple(part.header_offset, part.body_offset, part.body_end));
        CHECK(again.charset() == part.charset());
        CHECK(again.file_name() == part.file_name());
        CHECK(again.encoding == part.encoding);
    }
}

}  // namespace

TEST_CASE("structures come back from their compact form as they were", "[store][columns]")
{
    for (const auto& message : mail::test::load_corpus()) {
        INFO(message.path);
        check_code(message.bytes);
    }
}

TEST_CASE("a compact form that is cut off anywhere is none, and never a crash", "[store][columns]")
{
    const std::string message = "Content-Type: multipart/mixed; boundary=b\r\nFrom: a@b, G: c@d;\r\n\r\n--b\r\n"
                                "Content-Type: message/rfc822\r\nContent-Disposition: attachment; filename*=utf-8''%C3%A4\r\n"
                                "Content-Language: de, en\r\n\r\nSubject: inner\r\n\r\nx\r\n--b--\r\n";
    check_code(message);
    const auto structure = mail::parse_structure(message);
    const auto encoded = encode_structure(structure);
    for (std::size_t size = 0; size < encoded.size(); ++size) CHECK_FALSE(decode_structure(encoded.substr(0, size)));
    CHECK_FALSE(decode_structure(encoded + 'x'));
    // A plain letter takes few bytes.
    CHECK(encode_structure(mail::parse_structure(letter(1))).size() < 60);
}

TEST_CASE("RFC 9051 6.4.5: the usual header fields are kept as the message has them, or not at all", "[store][columns]")
{
    const std::string header = "SUBJECT : one\r\n two\r\nX-Other: no\r\nnot a field\r\nFrom: a@b\r\nfrom: c@d\r\n\r\n";
    const auto encoded = encode_list_fields(header);
    REQUIRE(encoded);
    std::string found;
    CHECK(append_list_fields(found, *encoded, *list_field_set({"From", "subject", "Date"})));
    CHECK(found == "SUBJECT : one\r\n two\r\nFrom: a@b\r\nfrom: c@d\r\n\r\n");
    found.clear();
    CHECK(append_list_fields(found, *encoded, *list_field_set({"Date"})));
    CHECK(found == "\r\n");
    CHECK_FALSE(list_field_set({"From", "X-Other"}));
    CHECK_FALSE(list_field_set({""}));
    CHECK_FALSE(encode_list_fields("Subject: no line end"));
    CHECK_FALSE(encode_list_fields("References: <" + std::string(kMaxListFields, 'x') + ">\r\n\r\n"));
    for (std::size_t size = 1; size < encoded->size(); ++size) {
        found.clear();
        if (append_list_fields(found, encoded->substr(0, size), UINT64_MAX)) CHECK(found.size() < header.size());
    }
}

TEST_CASE("RFC 8474: ids of emails and threads are functions of the content that never change", "[store][columns]")
{
    const auto first = make_columns(letter(1));
    // These texts are written down: a change of them is a change of ids that clients have seen.
    CHECK(email_id_text(email_id("")) == "E67d1e064df7e13b65418a65719c95eb3");
    CHECK(thread_id_text(first.thread_id) == "T924315cfd311812843743e01e9b8161a");
    CHECK(make_columns(letter(1)).email_id == first.email_id);
    CHECK(make_columns(letter(2)).email_id != first.email_id);
    // Answers are in the thread of the root, whatever stands between; References counts before In-Reply-To.
    CHECK(make_columns(letter(2, "In-Reply-To: <1@example.org>\r\n")).thread_id == first.thread_id);
    CHECK(make_columns(letter(3, "References: <1@example.org>\r\n <2@example.org>\r\nIn-Reply-To: <2@example.org>\r\n"))
              .thread_id == first.thread_id);
    CHECK(make_columns(letter(4, "References: nothing here <>\r\n")).thread_id == make_columns(letter(4)).thread_id);
    // Without any Message-ID a message is a thread of its own.
    const auto alone = make_columns("Subject: x\r\n\r\n1\r\n");
    CHECK(alone.thread_id == alone.email_id);
}

TEST_CASE("D11: a million references and a Message-ID of a megabyte make a thread id at once", "[store][columns][D11]")
{
    std::string references = "References:";
    for (int n = 0; n < 60'000; ++n) references += " <" + std::to_string(n) + "@x>\r\n";
    CHECK(make_columns(letter(5, references)).thread_id == make_columns(letter(6, "References: <0@x>\r\n")).thread_id);
    const auto huge = make_columns("Message-ID: <" + std::string(900'000, 'm') + ">\r\n\r\nx");
    CHECK(huge.thread_id != huge.email_id);
    CHECK(huge.envelope.empty());  // too long for its row: parsed each time
}

TEST_CASE("columns fill in behind delivery in bounded steps, once", "[store][columns]")
{
    Desk desk;
    for (int n = 1; n <= 150; ++n) desk.deliver(letter(n));
    CHECK(all_columns(desk).empty());
    const auto some = desk->fill_columns(std::chrono::milliseconds(0));
    REQUIRE(some);
    CHECK(*some);
    CHECK(all_columns(desk).size() == 1);
    fill(desk);
    const auto columns = all_columns(desk);
    REQUIRE(columns.size() == 150);
    const auto& one = columns[41].columns;
    CHECK(columns[41].uid == 42);
    CHECK(one == make_columns(letter(42)));
    CHECK(one.sender == "Jürgen");
    CHECK(one.subject == "Re: Nr. 42");
    CHECK(one.base_subject == "Nr. 42");
    CHECK(one.preview == "Text of 42");
    CHECK(one.sent == 880'127'706);
    CHECK(one.sent_zone == -360);
    // Nothing is left, also after it was opened anew.
    CHECK_FALSE(*desk->fill_columns(std::chrono::milliseconds(0)));
    desk.open();
    CHECK_FALSE(*desk->fill_columns(std::chrono::milliseconds(0)));
    desk.deliver(letter(151));
    fill(desk);
    CHECK(all_columns(desk).size() == 151);
}

TEST_CASE("wanted mailboxes are filled first", "[store][columns]")
{
    Desk desk;
    desk.deliver(letter(1));
    desk.deliver(letter(2), "Sent");
    REQUIRE(desk->fill_columns(std::chrono::milliseconds(0), {desk.id("Sent")}));
    CHECK(all_columns(desk, "Sent").size() == 1);
    CHECK(all_columns(desk).empty());
}

TEST_CASE("columns go with their message and never speak of another one", "[store][columns]")
{
    Desk desk;
    for (int n = 1; n <= 3; ++n) desk.deliver(letter(n));
    fill(desk);
    CHECK(desk.flag(2, FlagAction::add, kDeleted));
    REQUIRE(desk->expunge(desk.id("INBOX"), nullptr));
    CHECK(all_columns(desk).size() == 2);
    REQUIRE(desk->copy(desk.id("INBOX"), kAll, "Archive"));
    fill(desk);
    const auto copies = all_columns(desk, "Archive");
    REQUIRE(copies.size() == 2);
    CHECK(copies[0].columns == all_columns(desk)[0].columns);
    // A foreign hand writes another content under a known name: a new message.
    const auto name = desk.names("new").front();
    test::write_file(desk.account() + "/new/" + name, letter(77, "X-Longer: yes\r\n"));
    (void)desk->message(desk.id("INBOX"), 1);
    fill(desk);
    for (const auto& one : all_columns(desk)) {
        CHECK(one.columns.email_id == email_id(desk.text(one.uid)));
    }
}

TEST_CASE("a row made of another file under the same UID is not believed", "[store][columns]")
{
    Desk desk;
    desk.deliver(letter(1));
    fill(desk);
    desk->settle();
    desk.close();
    sqlite3* handle = nullptr;
    REQUIRE(sqlite3_open((desk.account() + "/index.db").c_str(), &handle) == SQLITE_OK);
    REQUIRE(sqlite3_exec(handle, "UPDATE columns SET name = name + 1", nullptr, nullptr, nullptr) == SQLITE_OK);
    sqlite3_close(handle);
    desk.open();
    CHECK(all_columns(desk).empty());
    CHECK(desk->wire_columns(desk.id("INBOX"), kAll)->empty());
}

TEST_CASE("G12: an index of the version before gets its wide table and keeps its rows", "[store][columns][G12]")
{
    Desk desk;
    desk.deliver(letter(1));
    const auto before = desk.status();
    desk->settle();
    desk.close();
    sqlite3* handle = nullptr;
    REQUIRE(sqlite3_open((desk.account() + "/index.db").c_str(), &handle) == SQLITE_OK);
    REQUIRE(sqlite3_exec(handle, "DROP TABLE columns; DROP TABLE column_marks; PRAGMA user_version=2", nullptr, nullptr,
                         nullptr) == SQLITE_OK);
    sqlite3_close(handle);
    desk.open();
    CHECK(desk.status().highest_modseq == before.highest_modseq);
    fill(desk);
    CHECK(all_columns(desk).size() == 1);
}

TEST_CASE("a rebuild from the names keeps the columns of messages that are the same", "[store][columns]")
{
    Desk desk;
    for (int n = 1; n <= 3; ++n) desk.deliver(letter(n));
    fill(desk);
    const auto before = all_columns(desk);
    SECTION("another journal")
    {
        desk->settle();
        desk.close();
        sqlite3* handle = nullptr;
        REQUIRE(sqlite3_open((desk.account() + "/index.db").c_str(), &handle) == SQLITE_OK);
        REQUIRE(sqlite3_exec(handle, "UPDATE meta SET value = '7' WHERE key = 'journal'", nullptr, nullptr, nullptr) ==
                SQLITE_OK);
        sqlite3_close(handle);
        desk.open();
        CHECK(desk.status().messages == 3);
        CHECK(all_columns(desk).size() == 3);
    }
    SECTION("the index is lost")
    {
        desk.lose_index();
        desk.open();
        CHECK(desk.status().messages == 3);
    }
    fill(desk);
    const auto after = all_columns(desk);
    REQUIRE(after.size() == 3);
    for (std::size_t i = 0; i < 3; ++i) CHECK(after[i].columns == before[i].columns);
}

TEST_CASE("COPY and MOVE take along what was parsed, and the place in the index of texts", "[store][columns][search]")
{
    Desk desk;
    for (int n = 1; n <= 3; ++n) desk.deliver(letter(n));
    fill(desk);
    while (*desk->fill_text(std::chrono::milliseconds(50))) {
    }
    const auto before = all_columns(desk);
    REQUIRE(desk->copy(desk.id("INBOX"), {{1, 2}}, "Archive"));
    REQUIRE(desk->move(desk.id("INBOX"), {{3, 3}}, "Archive"));
    const auto after = all_columns(desk, "Archive");
    REQUIRE(after.size() == 3);
    for (std::size_t n = 0; n < 3; ++n) CHECK(after[n].columns == before[n].columns);
    CHECK(all_columns(desk).size() == 2);
    const auto found = desk->text_candidates(desk.id("Archive"), kAll, {{"nr. 3"}});
    REQUIRE(found);
    REQUIRE(found->size() == 1);
    CHECK(found->front().first == 3);
    CHECK(found->front().last == 3);
    // Gone with a crash, they are made again; what replay puts there has none of another's.
    (void)desk.crash();
    (void)desk.status("Archive");  // rows that a crash took are made when a folder is used; columns come behind
    fill(desk);
    for (const auto* name : {"INBOX", "Archive"}) {
        for (const auto& one : all_columns(desk, name)) CHECK(one.columns == make_columns(desk.text(one.uid, name)));
    }
    CHECK(all_columns(desk, "Archive").size() == 3);
}
