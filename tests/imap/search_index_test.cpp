// SEARCH through the index of texts finds what a scan of all messages finds: no more, no less.
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

#include <random>

#include "base/ascii.hpp"
#include "imap/world.hpp"
#include "mail/corpus.hpp"
#include "mail/encoded_word.hpp"
#include "mail/line_ending.hpp"
#include "mail/transfer_encoding.hpp"
#include "mail/utf8.hpp"

using namespace mbx;
using namespace mbx::imap;

namespace {

using Dice = std::mt19937_64;

std::size_t draw(Dice& random, std::size_t below) { return std::uniform_int_distribution<std::size_t>(0, below - 1)(random); }

// Words of the four languages, with capitals, marks written apart, and what markup and folding may do to them.
const std::vector<std::string> kWords{
    "meeting",  "Invoice",  "STATUS",     "re-use",   "Grüße",   "STRASSE",  "Straße",   "Größenwahn", "ÄRGER",
    "u\u0308ber", "Привет", "ВСТРЕЧА",    "ёлка",     "Ёж",      "отчёт",    "и\u0306од", "йод",       "договор",
    "你好世界", "会议记录", "发票",       "北京市",   "中文abc", "naïve",    "e\u0301t\u00e9", "a&b",  "x<y",
    "\"quote\"", "it's",    "100%",       "(paren)",  "foo\tbar", "emoji😀ok", "ΣΊΣΥΦΟΣ", "ﬁne",     "ＦＵＬＬ"};

std::string text_of(Dice& random, std::size_t words)
{
    std::string text;
    for (std::size_t n = 0; n < words; ++n) text += kWords[draw(random, kWords.size())] + (n % 9 == 8 ? "\r\n" : " ");
    return text;
}

std::string escaped(std::string_view text)
{
    std::string out;
    for (const char c : text) {
        if (c == '<') out += "&lt;";
        else if (c == '&') out += "&amp;";
        else out += c;
    }
    return out;
}

std::string part_of(Dice& random)
{
    const std::string text = text_of(random, 1 + draw(random, 60));
    switch (draw(random, 5)) {
    case 0:
        return "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n" +
               mail::encode_base64_lines(text);
    case 1:
        return "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n" +
               mail::encode_quoted_printable(text);
    case 2:
        return "Content-Type: text/html; charset=utf-8\r\n\r\n<html><style>p{x:meeting}</style><p>" + escaped(text) +
               "</p><a href=\"https://отчёт.example/\">x</a>\r\n";
    case 3: return "Content-Type: text/plain; charset=koi8-r\r\n\r\n\xf0\xd2\xc9\xd7\xc5\xd4, \xcd\xc9\xd2\r\n";
    default: return "Content-Type: text/plain; charset=utf-8\r\n\r\n" + text + "\r\n";
    }
}

std::string random_message(Dice& random)
{
    std::string header = "From: " + mail::encode_words(kWords[draw(random, kWords.size())]) + " <ann@example.org>\r\n" +
                         "Subject: " + mail::encode_words(text_of(random, 1 + draw(random, 6))) + "\r\n" +
                         "X-Note: " + kWords[draw(random, 4)] + "\r\n";
    if (draw(random, 3) != 0) return header + part_of(random);
    return header + "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n" + part_of(random) +
           "\r\n--b\r\nContent-Disposition: attachment; filename*=utf-8''%D0%9E%D1%82%D1%87%D1%91%D1%82.pdf\r\n"
           "Content-Type: application/pdf\r\nContent-Transfer-Encoding: base64\r\n\r\nJVBERi0=\r\n--b\r\n"
           "Content-Type: message/rfc822\r\n\r\nSubject: inner " + mail::encode_words(kWords[draw(random, kWords.size())]) +
           "\r\n\r\n" + text_of(random, 5) + "\r\n--b--\r\n";
}

// A piece of a text, in another case now and then.
std::string random_key(Dice& random)
{
    const std::string text = text_of(random, 1 + draw(random, 3));
    std::vector<std::size_t> starts;
    for (std::size_t at = 0; at < text.size(); at += mail::first_character(std::string_view(text).substr(at)).size) {
        starts.push_back(at);
    }
    starts.push_back(text.size());
    const auto from = draw(random, starts.size() - 1);
    const auto count = 1 + draw(random, std::min<std::size_t>(9, starts.size() - 1 - from));
    std::string key = text.substr(starts[from], starts[from + count] - starts[from]);
    if (draw(random, 2) == 0) {
        for (char& c : key) c = ascii::lower(c);
    }
    return key;
}

std::string literal(const std::string& text) { return "{" + std::to_string(text.size()) + "+}\r\n" + text; }

std::string random_program(Dice& random, int depth)
{
    const auto key = [&random] { return literal(random_key(random)); };
    switch (draw(random, depth > 0 ? 10 : 7)) {
    case 0: return "TEXT " + key();
    case 1: return "BODY " + key();
    case 2: return "SUBJECT " + key();
    case 3: return "FROM " + key();
    case 4: return "HEADER X-Note " + key();
    case 5: return "TEXT " + key();
    case 6: return "BODY " + key();
    case 7: return "NOT " + random_program(random, depth - 1);
    case 8: return "OR " + random_program(random, depth - 1) + " " + random_program(random, depth - 1);
    default: return "(" + random_program(random, depth - 1) + " " + random_program(random, depth - 1) + ")";
    }
}

void fill_texts(World& world)
{
    auto opened = test::run_on(world.loop, world.store->account({1, "ann", "example.org"}));
    REQUIRE(opened);
    for (bool more = true; more;) {
        auto step = [](store::AccountStore& store) { return store.fill_text(std::chrono::milliseconds(50)); };
        const auto done = test::run_on(world.loop, (*opened)->run(net::WorkClass::bulk, std::move(step)));
        REQUIRE(done);
        more = *done;
    }
}

struct Asked {
    std::string program;
    std::string answer;
};

std::vector<Asked> ask_all(Client& client, const std::vector<std::string>& programs)
{
    std::vector<Asked> all;
    for (const auto& program : programs) all.push_back({program, client.say("s SEARCH CHARSET UTF-8 " + program + "\r\n")});
    return all;
}

}  // namespace

TEST_CASE("SEARCH through the index of texts equals the scan, over the corpus and random texts in four languages",
          "[imap][search]")
{
    const std::uint64_t seed = GENERATE(std::uint64_t{1}, std::uint64_t{2});
    Dice random(seed);
    World world;
    Client client(world);
    client.log_in();
    for (const auto& message : mail::test::load_corpus()) {
        if (message.bytes.empty() || message.bytes.find('\0') != std::string::npos) continue;
        client.append(mail::canonical_crlf(message.bytes));
    }
    for (int n = 0; n < 80; ++n) client.append(random_message(random));
    client.select();
    std::vector<std::string> programs;
    for (int n = 0; n < 150; ++n) programs.push_back(random_program(random, 2));
    const auto scanned = ask_all(client, programs);
    fill_texts(world);
    std::size_t hits = 0;
    const auto narrowed = ask_all(client, programs);
    for (std::size_t i = 0; i < programs.size(); ++i) {
        INFO("seed " << seed << ", " << programs[i]);
        CHECK(narrowed[i].answer == scanned[i].answer);
        CHECK(scanned[i].answer.find("s OK") != std::string::npos);
        hits += scanned[i].answer.size() > 40 ? 1 : 0;
    }
    CHECK(hits > 20);
    // Behind the mark, and with some gone.
    for (int n = 0; n < 10; ++n) client.append(random_message(random));
    CHECK(client.ask("d STORE 3:40 +FLAGS.SILENT (\\Deleted)").starts_with("OK"));
    CHECK(client.ask("e EXPUNGE").starts_with("OK"));
    const auto mixed = ask_all(client, programs);
    for (const char* part : {"", "-wal", "-shm"}) {
        std::filesystem::remove(world.folder.path("mail/example.org/ann/fts.db") + part);
    }
    // Its file is gone but still open: what it says stays right.
    const auto again = ask_all(client, programs);
    for (std::size_t i = 0; i < programs.size(); ++i) CHECK(again[i].answer == mixed[i].answer);
}

TEST_CASE("RFC 9051 6.4.4: texts are found through encodings, charsets, HTML and in names of attachments",
          "[imap][search]")
{
    World world;
    Client client(world);
    client.log_in();
    client.append("Subject: =?koi8-r?b?8NLJ18XU?=\r\n\r\nx\r\n");
    client.append("Content-Type: text/plain; charset=gb2312\r\nContent-Transfer-Encoding: base64\r\n\r\nxOO6w8rAvec=\r\n");
    client.append("Content-Type: text/html; charset=iso-8859-1\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n"
                  "<p>Sch=F6ne Gr&uuml;<b>&szlig;e</b> aus\r\nK=F6ln</p>\r\n");
    client.append("Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Disposition: attachment; "
                  "filename=\"Jahresbericht 2026.pdf\"\r\n\r\nx\r\n--b--\r\n");
    client.append("Content-Type: text/plain; charset=utf-8\r\n\r\nsplit across wo=\r\nrds\r\n");
    client.select();
    for (int turn = 0; turn < 2; ++turn) {
        const auto find = [&client](const std::string& program) {
            const auto answer = client.say("s SEARCH CHARSET UTF-8 " + program + "\r\n");
            return answer.substr(0, answer.find("\r\n"));
        };
        CHECK(find("SUBJECT " + literal("привет")) == "* SEARCH 1");
        CHECK(find("BODY " + literal("好世界")) == "* SEARCH 2");
        CHECK(find("BODY " + literal("GRÜßE AUS KÖLN")) == "* SEARCH 3");
        CHECK(find("TEXT " + literal("szlig")) == "* SEARCH");
        CHECK(find("BODY " + literal("jahresbericht 2026")) == "* SEARCH 4");
        CHECK(find("BODY words") == "* SEARCH");
        CHECK(find("TEXT content-type") == "* SEARCH 2 3 4 5");
        fill_texts(world);
    }
}
