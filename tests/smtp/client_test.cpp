// The client's conversation with servers of every kind.
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

#include "base/codec.hpp"
#include "base/random.hpp"
#include "smtp/scripted_remote.hpp"
#include "support/temporary_folder.hpp"

namespace mbx::test {
namespace {

using Verdict = queue::Answer::Verdict;
using Strings = std::vector<std::string>;

const std::string kMessage = "Subject: hello\r\n\r\nbody\r\n";

// A server with a certificate of its own making.
class SecureGround : public ClientGround {
public:
    SecureGround() : server_tls(workers, Log())
    {
        auto made = net::make_self_signed({"mx.remote.example"}, 30, random);
        net::CertificateFiles pair;
        pair.certificate_path = folder.write("cert.pem", made->certificate_pem);
        pair.key_path = folder.write("key.pem", made->key_pem, 0600);
        REQUIRE(server_tls.load({pair}));
        remote.tls = &server_tls;
        remote.keywords.emplace_back("STARTTLS");
        options.tls.tls.server_name = "mx.remote.example";
        envelope.reverse_path = "ann@example.test";
        to({"bob@remote.example"});
    }
    TemporaryFolder folder;
    SystemRandom random;
    net::TlsServer server_tls;
};

class PlainGround : public ClientGround {
public:
    PlainGround()
    {
        options.tls.need = smtp::TlsPlan::Need::none;
        envelope.reverse_path = "ann@example.test";
        to({"bob@remote.example"});
    }
};

TEST_CASE("a message goes out in one batch of commands and its content (RFC 2920 3.1)", "[smtp][client]")
{
    PlainGround ground;
    ground.to({"bob@remote.example", "eve@remote.example"});
    REQUIRE(ground.open());
    const auto answers = ground.send("Subject: x\r\n\r\n.\r\n..\r\nlast");
    REQUIRE(answers.size() == 2);
    for (const auto& answer : answers) {
        CHECK(answer.verdict == Verdict::delivered);
        CHECK(answer.code == 250);
        CHECK(answer.enhanced == "2.0.0");
        CHECK(answer.text == "taken");
        CHECK(answer.is_remote);
        CHECK(answer.host == "mx.remote.example");
        CHECK(answer.address == "192.0.2.10:40000");
        CHECK(answer.tls.empty());
    }
    CHECK(ground.remote.batches == Strings{"EHLO us.example.test\n", "MAIL FROM:<ann@example.test> SIZE=27\nRCPT TO:<bob@remote.example>\n"
                                           "RCPT TO:<eve@remote.example>\nDATA\n"});
    CHECK(ground.remote.contents == Strings{"Subject: x\r\n\r\n..\r\n...\r\nlast\r\n.\r\n"});
    CHECK(ground.conversation->is_usable());
    ground.end();
    CHECK(ground.remote.lines.back() == "QUIT");
    CHECK(ground.remote_scope.running() == 0);
}

TEST_CASE("without PIPELINING each command waits for its answer", "[smtp][client]")
{
    PlainGround ground;
    ground.remote.keywords = {"SIZE"};
    REQUIRE(ground.open());
    CHECK(ground.send(kMessage)[0].verdict == Verdict::delivered);
    CHECK(ground.remote.batches.size() == 4);
}

TEST_CASE("a server that knows no EHLO gets HELO, and plain commands (RFC 5321 3.2)", "[smtp][client]")
{
    PlainGround ground;
    ground.remote.script["EHLO"] = {"502 5.5.1 not known"};
    REQUIRE(ground.open());
    CHECK(ground.send(kMessage)[0].verdict == Verdict::delivered);
    CHECK(ground.remote.lines == Strings{"EHLO us.example.test", "HELO us.example.test", "MAIL FROM:<ann@example.test>",
                                         "RCPT TO:<bob@remote.example>", "DATA"});
}

TEST_CASE("I7: a refused recipient loses none of the others", "[smtp][client][hostile]")
{
    const bool is_pipelined = GENERATE(true, false);
    PlainGround ground;
    if (!is_pipelined) ground.remote.keywords = {};
    Strings fifty;
    for (int i = 0; i < 50; ++i) fifty.push_back("r" + std::to_string(i) + "@remote.example");
    ground.to(fifty);
    ground.remote.script["RCPT TO:<r7@remote.example>"] = {"550 5.1.1 nobody"};
    ground.remote.script["RCPT TO:<r9@remote.example>"] = {"450 4.2.1 greylisted"};
    REQUIRE(ground.open());
    const auto answers = ground.send(kMessage);
    for (std::size_t i = 0; i < 50; ++i) {
        CAPTURE(i);
        CHECK(answers[i].verdict == (i == 7 ? Verdict::permanent : i == 9 ? Verdict::temporary : Verdict::delivered));
    }
    CHECK(answers[7].text == "nobody");
    CHECK(answers[9].enhanced == "4.2.1");
    CHECK(ground.remote.contents.size() == 1);
    CHECK(ground.conversation->is_usable());
}

TEST_CASE("where nobody is accepted no content leaves, and the next message begins with RSET (RFC 2920 3.1)", "[smtp][client]")
{
    const bool takes_data = GENERATE(true, false);
    const bool is_pipelined = GENERATE(true, false);
    PlainGround ground;
    if (!is_pipelined) ground.remote.keywords = {};
    ground.remote.script["RCPT"] = {"550 5.1.1 nobody"};
    if (takes_data) ground.remote.script["DATA"] = {"354 go on all the same"};
    REQUIRE(ground.open());
    const auto answers = ground.send(kMessage);
    CHECK(answers[0].verdict == Verdict::permanent);
    CHECK(answers[0].text == "nobody");
    CHECK(ground.remote.contents == (takes_data && is_pipelined ? Strings{".\r\n"} : Strings{}));
    REQUIRE(ground.conversation->is_usable());
    CHECK(ground.send(kMessage)[0].verdict == Verdict::delivered);
    CHECK(ground.count("RSET") == 1);
    CHECK(ground.send(kMessage)[0].verdict == Verdict::delivered);
    CHECK(ground.count("RSET") == 1);
}

TEST_CASE("a refused MAIL is everybody's answer, and its RCPTs' answers are nobody's", "[smtp][client]")
{
    PlainGround ground;
    ground.to({"a@remote.example", "b@remote.example"});
    ground.remote.script["MAIL"] = {"552 5.3.4 too large"};
    ground.remote.script["RCPT"] = {"503 5.5.1 MAIL first", "503 5.5.1 MAIL first"};
    ground.remote.script["DATA"] = {"503 5.5.1 RCPT first"};
    REQUIRE(ground.open());
    for (const auto& answer : ground.send(kMessage)) {
        CHECK(answer.verdict == Verdict::permanent);
        CHECK(answer.text == "too large");
    }
    CHECK(ground.conversation->is_usable());
    CHECK(ground.send(kMessage)[1].verdict == Verdict::delivered);
}

TEST_CASE("452 and 552 \"too many recipients\" bring another transaction at once (RFC 5321 4.5.3.1.10)", "[smtp][client]")
{
    const std::string crowded = GENERATE("452 4.5.3 too many", "552 too many");
    PlainGround ground;
    ground.to({"a@remote.example", "b@remote.example", "c@remote.example"});
    ground.remote.script["RCPT TO:<b@remote.example>"] = {crowded};
    ground.remote.script["RCPT TO:<c@remote.example>"] = {crowded, "452 4.2.2 full"};
    REQUIRE(ground.open());
    const auto answers = ground.send(kMessage);
    CHECK(answers[0].verdict == Verdict::delivered);
    CHECK(answers[1].verdict == Verdict::delivered);
    CHECK(answers[2].verdict == Verdict::temporary);
    CHECK(answers[2].enhanced == "4.2.2");
    CHECK(ground.remote.contents.size() == 2);
}

TEST_CASE("when the first recipient is too many there is no endless round", "[smtp][client]")
{
    PlainGround ground;
    ground.remote.script["RCPT"] = {"452 4.5.3 too many", "452 4.5.3 too many", "452 4.5.3 too many"};
    REQUIRE(ground.open());
    CHECK(ground.send(kMessage)[0].verdict == Verdict::temporary);
    CHECK(ground.count("RCPT") == 1);
}

TEST_CASE("many recipients travel a hundred to a transaction, and no batch is large", "[smtp][client]")
{
    PlainGround ground;
    Strings many;
    for (int i = 0; i < 250; ++i) many.push_back(std::string(60, 'x') + std::to_string(i) + "@remote.example");
    ground.to(many);
    REQUIRE(ground.open());
    const auto answers = ground.send(kMessage);
    CHECK(std::ranges::all_of(answers, [](const auto& answer) { return answer.verdict == Verdict::delivered; }));
    CHECK(ground.remote.contents.size() == 3);
    for (const std::string& batch : ground.remote.batches) CHECK(batch.size() <= 8192);
}

// What the queue is told between transactions, and how far the remote was then.
class Told {
public:
    explicit Told(PlainGround& ground) : ground_(ground) {}
    co::Task<bool> take(std::vector<queue::ToldAnswer> answers)
    {
        parts.push_back(std::move(answers));
        contents.push_back(ground_.remote.contents.size());
        mails.push_back(ground_.count("MAIL"));
        ground_.clock.advance(std::chrono::seconds(8));
        co_return parts.size() < most_parts;
    }
    std::vector<queue::Answer> send()
    {
        queue::Outgoing outgoing;
        outgoing.id = "id";
        outgoing.envelope = &ground_.envelope;
        for (std::size_t i = 0; i < ground_.envelope.recipients.size(); ++i) outgoing.recipients.push_back(i);
        outgoing.bytes = std::make_shared<const std::string>(kMessage);
        outgoing.size = outgoing.bytes->size();
        outgoing.tell = [this](std::vector<queue::ToldAnswer> answers) { return take(std::move(answers)); };
        return ground_.deliver(outgoing);
    }

    std::size_t most_parts = 1000;  // with so many it has heard enough
    std::vector<std::vector<queue::ToldAnswer>> parts;
    std::vector<std::size_t> contents;
    std::vector<std::size_t> mails;

private:
    PlainGround& ground_;
};

TEST_CASE("what a transaction came to is told before the next one begins, with its own moment, and the last one's at the end", "[smtp][client]")
{
    PlainGround ground;
    Strings many;
    for (int i = 0; i < 250; ++i) many.push_back("m" + std::to_string(i) + "@remote.example");
    ground.to(many);
    ground.remote.script["RCPT TO:<m7@remote.example>"] = {"550 5.1.1 nobody"};
    REQUIRE(ground.open());
    const auto begun = ground.clock.wall();
    Told told(ground);
    const auto answers = told.send();
    REQUIRE(told.parts.size() == 2);
    CHECK(told.contents == std::vector<std::size_t>{1, 2});
    CHECK(told.mails == std::vector<std::size_t>{1, 2});
    for (std::size_t part = 0; part < 2; ++part) {
        REQUIRE(told.parts[part].size() == 100);
        for (std::size_t i = 0; i < 100; ++i) {
            const queue::ToldAnswer& one = told.parts[part][i];
            CHECK(one.recipient == part * 100 + i);
            CHECK(one.answer.verdict == (one.recipient == 7 ? Verdict::permanent : Verdict::delivered));
            CHECK(one.answer.host == "mx.remote.example");
            CHECK(one.answer.at == begun + std::chrono::seconds(8 * part));
            CHECK(answers[one.recipient].at == one.answer.at);
        }
    }
    REQUIRE(answers.size() == 250);
    CHECK(answers[249].verdict == Verdict::delivered);
    CHECK(answers[249].at == begun + std::chrono::seconds(16));
}

TEST_CASE("nothing is told of what one transaction carries", "[smtp][client]")
{
    PlainGround ground;
    ground.to({"a@remote.example", "b@remote.example"});
    REQUIRE(ground.open());
    Told told(ground);
    CHECK(told.send()[1].verdict == Verdict::delivered);
    CHECK(told.parts.empty());
}

TEST_CASE("where an answer cannot be recorded no further transaction begins, and the others wait", "[smtp][client]")
{
    PlainGround ground;
    Strings many;
    for (int i = 0; i < 250; ++i) many.push_back("m" + std::to_string(i) + "@remote.example");
    ground.to(many);
    REQUIRE(ground.open());
    Told told(ground);
    told.most_parts = 1;
    const auto answers = told.send();
    CHECK(ground.count("MAIL") == 1);
    CHECK(answers[99].verdict == Verdict::delivered);
    CHECK(answers[100].verdict == Verdict::temporary);
    CHECK_FALSE(answers[100].is_remote);
    CHECK(answers[249].verdict == Verdict::temporary);
}

TEST_CASE("a server's LIMITS are obeyed: recipients, their domains, messages (RFC 9422)", "[smtp][client]")
{
    PlainGround ground;
    ground.remote.keywords.emplace_back("LIMITS RCPTMAX=20 MAILMAX=4");
    Strings many;
    for (int i = 0; i < 50; ++i) many.push_back("m" + std::to_string(i) + "@remote.example");
    ground.to(many);
    REQUIRE(ground.open());
    const auto answers = ground.send(kMessage);
    CHECK(std::ranges::all_of(answers, [](const auto& answer) { return answer.verdict == Verdict::delivered; }));
    CHECK(ground.count("MAIL") == 3);
    CHECK(ground.conversation->is_usable());
    // A fourth transaction is allowed; a fifth, of the same message, is not begun.
    const auto again = ground.send(kMessage);
    CHECK(ground.count("MAIL") == 4);
    CHECK(again[19].verdict == Verdict::delivered);
    CHECK(again[20].verdict == Verdict::temporary);
    CHECK_FALSE(ground.conversation->is_usable());
}

TEST_CASE("RCPTMAX of more than a hundred is used, and recipients of one domain travel together where the server says so", "[smtp][client]")
{
    PlainGround ground;
    ground.remote.keywords.emplace_back("LIMITS RCPTMAX=500 RCPTDOMAINMAX=1");
    Strings many;
    for (int i = 0; i < 300; ++i) many.push_back("m" + std::to_string(i) + (i % 2 == 0 ? "@one.example" : "@Two.example"));
    ground.to(many);
    REQUIRE(ground.open());
    const auto answers = ground.send(kMessage);
    CHECK(std::ranges::all_of(answers, [](const auto& answer) { return answer.verdict == Verdict::delivered; }));
    CHECK(ground.count("MAIL") == 2);
}

// What a remote may do instead of its answer at a step, and what becomes of the recipient.
struct Misdeed {
    const char* answer;
    Verdict verdict;
    bool is_usable;  // afterwards
};
const Misdeed kMisdeeds[] = {
    {"451 4.3.0 not now", Verdict::temporary, true},
    {"550 5.7.1 never", Verdict::permanent, true},
    {"421 4.3.2 going down", Verdict::temporary, false},
    {"close", Verdict::temporary, false},
    {"tarpit", Verdict::temporary, false},
    {"999 what", Verdict::temporary, false},
    {"\x16\x03\x01 garbage", Verdict::temporary, false},
    {"250-yes\r\n550 no", Verdict::temporary, false},
};

TEST_CASE("C13, I7: at each step of a transaction a remote may fail in every way", "[smtp][client][hostile]")
{
    const std::string step = GENERATE("MAIL", "RCPT", "DATA", ".");
    const bool is_pipelined = GENERATE(true, false);
    for (const Misdeed& misdeed : kMisdeeds) {
        CAPTURE(step, is_pipelined, misdeed.answer);
        PlainGround ground;
        if (!is_pipelined) ground.remote.keywords = {};
        ground.remote.script[step] = {misdeed.answer};
        if (step == "MAIL") {
            ground.remote.script["RCPT"] = {"503 5.5.1 no"};
            ground.remote.script["DATA"] = {"503 5.5.1 no"};
        }
        REQUIRE(ground.open());
        // A tarpit's later answers would be taken for earlier ones: there the remote keeps silent altogether.
        if (std::string(misdeed.answer) == "tarpit" && is_pipelined && step != ".") {
            for (const char* later : {"RCPT", "DATA"}) ground.remote.script[later] = {"tarpit"};
        }
        const auto answers = ground.send(kMessage);
        REQUIRE(answers.size() == 1);
        CHECK(answers[0].verdict == misdeed.verdict);
        CHECK(!answers[0].enhanced.empty());
        CHECK(!answers[0].text.empty());
        CHECK(answers[0].enhanced[0] == (misdeed.verdict == Verdict::permanent ? '5' : '4'));
        CHECK(ground.conversation->is_usable() == misdeed.is_usable);
        // RFC 1047: lost behind the last dot, it may be there.
        CHECK(answers[0].is_uncertain == (step == "." && !misdeed.is_usable && std::string(misdeed.answer).rfind("421", 0) != 0));
        // The content never left, but for a message that got to its end.
        CHECK(ground.remote.contents.size() == (step == "." ? 1U : 0U));
        if (misdeed.is_usable) {
            ground.remote.script.clear();
            CHECK(ground.send(kMessage)[0].verdict == Verdict::delivered);
        }
        ground.end();
    }
}

TEST_CASE("C13, I7: a remote that answers, rambles or goes in the middle of the content has not taken the message", "[smtp][client][hostile]")
{
    for (const auto& [deed, verdict] : {std::pair("451 4.3.0 not now", Verdict::temporary), std::pair("552 5.3.4 too large", Verdict::permanent),
                                        std::pair("421 4.3.2 going down", Verdict::temporary), std::pair("close", Verdict::temporary),
                                        std::pair("250 2.0.0 taken already", Verdict::temporary),
                                        std::pair("\x16\x03\x01 garbage", Verdict::temporary), std::pair("999 what", Verdict::temporary)}) {
        CAPTURE(deed);
        PlainGround ground;
        ground.remote.keywords = {"PIPELINING", "8BITMIME"};
        ground.remote.midway = deed;
        REQUIRE(ground.open());
        std::string large = kMessage;
        while (large.size() < 2'000'000) large += "another line of the message, which goes on and on\r\n";
        const auto answers = ground.send(large);
        REQUIRE(answers.size() == 1);
        CHECK(answers[0].verdict == verdict);
        CHECK_FALSE(answers[0].is_uncertain);
        CHECK_FALSE(answers[0].text.empty());
        CHECK_FALSE(ground.conversation->is_usable());
        CHECK(ground.remote.contents.empty());
        ground.end();
    }
}

TEST_CASE("C13: whatever a remote does about QUIT, the message is delivered and the end is reached", "[smtp][client][hostile]")
{
    for (const char* deed : {"close", "tarpit", "451 4.3.0 not now", "550 5.7.1 never", "\x16\x03\x01 garbage", "999 what"}) {
        CAPTURE(deed);
        PlainGround ground;
        ground.remote.script["QUIT"] = {deed};
        REQUIRE(ground.open());
        CHECK(ground.send(kMessage)[0].verdict == Verdict::delivered);
        ground.end();
        CHECK(ground.count("QUIT") == 1);
    }
}

TEST_CASE("C13: endless continuation lines at each step end in a temporary answer", "[smtp][client][hostile]")
{
    const std::string step = GENERATE("GREETING", "EHLO", "MAIL", "RCPT", "DATA", ".");
    std::string endless;
    for (int i = 0; i < 100'000; ++i) endless += "250-more\r\n";
    PlainGround ground;
    ground.remote.script[step] = {endless};
    if (!ground.open()) {
        REQUIRE(ground.failure);
        CHECK(ground.failure->answer.verdict == Verdict::temporary);
        CHECK((step == "GREETING" || step == "EHLO"));
        return;
    }
    const auto answers = ground.send(kMessage);
    CHECK(answers[0].verdict == Verdict::temporary);
    CHECK(answers[0].text.find("had no end") != std::string::npos);
    CHECK_FALSE(ground.conversation->is_usable());
}

TEST_CASE("C13: 250 to DATA, or 250 before the message was sent, delivers nothing", "[smtp][client][hostile]")
{
    PlainGround ground;
    ground.remote.script["DATA"] = {GENERATE("250 2.0.0 already taken", "354 go\r\n250 2.0.0 already taken", "251 x", "334 x")};
    REQUIRE(ground.open());
    const auto answers = ground.send(kMessage);
    CHECK(answers[0].verdict == Verdict::temporary);
    CHECK_FALSE(answers[0].is_uncertain);
    CHECK(ground.remote.contents.empty());
    CHECK_FALSE(ground.conversation->is_usable());
}

TEST_CASE("a reply out of place is told as one, with its words, and is not the other server's verdict", "[smtp][client][hostile]")
{
    struct Row {
        const char* step;
        const char* reply;
        const char* told;
    };
    for (const Row& row : {Row{"DATA", "250 2.0.0 ok", "the other server answered out of place: 250 to DATA (\"ok\")"},
                           Row{"DATA", "354 go\r\n250 2.0.0 had it", "the other server answered out of place: 250 to the message before its end (\"had it\")"},
                           Row{"RCPT", "354 go", "the other server answered out of place: 354 to RCPT (\"go\")"},
                           Row{"MAIL", "334 x", "the other server answered out of place: 334 to MAIL (\"x\")"},
                           Row{".", "354 more", "the other server answered out of place: 354 to the end of the message (\"more\")"}}) {
        CAPTURE(row.step, row.reply);
        PlainGround ground;
        ground.remote.script[row.step] = {row.reply};
        REQUIRE(ground.open());
        const auto answers = ground.send(kMessage);
        CHECK(answers[0].verdict == Verdict::temporary);
        CHECK(answers[0].text == row.told);
        CHECK(answers[0].enhanced == "4.5.0");
        CHECK_FALSE(answers[0].is_remote);
        ground.end();
    }
    PlainGround ground;
    ground.remote.script["GREETING"] = {"250 hello"};
    REQUIRE_FALSE(ground.open());
    CHECK(ground.failure->answer.text == "the other server answered out of place: 250 to the connection (\"hello\")");
}

TEST_CASE("what is sent in clear after TLS failed says so in each answer", "[smtp][client][tls]")
{
    PlainGround ground;
    ground.options.tls.failure = "TLS failed (no common cipher), tried again in clear";
    REQUIRE(ground.open());
    CHECK(ground.send(kMessage)[0].tls_failure == ground.options.tls.failure);
    CHECK(ground.send(kMessage)[0].tls_failure == ground.options.tls.failure);
}

TEST_CASE("a refusal in the middle of the content is heard", "[smtp][client]")
{
    PlainGround ground;
    ground.remote.script["DATA"] = {"354 go\r\n552 5.3.4 too large after all"};
    REQUIRE(ground.open());
    const auto answers = ground.send(kMessage);
    CHECK(answers[0].verdict == Verdict::permanent);
    CHECK(answers[0].enhanced == "5.3.4");
}

TEST_CASE("what happens before MAIL fails the conversation, with its stage", "[smtp][client]")
{
    struct Row {
        const char* step;
        const char* answer;
        Verdict verdict;
        smtp::ClientFailure::Stage stage;
    };
    using Stage = smtp::ClientFailure::Stage;
    for (const Row& row : {Row{"GREETING", "554 5.7.1 no service for you", Verdict::permanent, Stage::greeting},
                           Row{"GREETING", "421 4.3.2 busy", Verdict::temporary, Stage::greeting},
                           Row{"GREETING", "250 hello", Verdict::temporary, Stage::greeting},
                           Row{"GREETING", "close", Verdict::temporary, Stage::greeting},
                           Row{"GREETING", "tarpit", Verdict::temporary, Stage::greeting},
                           Row{"GREETING", "SSH-2.0-x", Verdict::temporary, Stage::greeting},
                           Row{"EHLO", "451 4.3.0 busy", Verdict::temporary, Stage::hello},
                           Row{"EHLO", "close", Verdict::temporary, Stage::hello},
                           Row{"EHLO", "tarpit", Verdict::temporary, Stage::hello}}) {
        CAPTURE(row.step, row.answer);
        PlainGround ground;
        ground.remote.script[row.step] = {row.answer};
        REQUIRE_FALSE(ground.open());
        CHECK(ground.failure->stage == row.stage);
        CHECK(ground.failure->answer.verdict == row.verdict);
        CHECK(ground.failure->answer.host == "mx.remote.example");
        CHECK(ground.count("MAIL") == 0);
    }
    PlainGround ground;
    ground.remote.script["EHLO"] = {"550 5.7.1 not you"};
    ground.remote.script["HELO"] = {"550 5.7.1 nor so"};
    REQUIRE_FALSE(ground.open());
    CHECK(ground.failure->answer.verdict == Verdict::permanent);
    CHECK(ground.failure->answer.text == "nor so");
    CHECK(ground.remote.lines.back() == "QUIT");
}

TEST_CASE("interrupt() ends a wait with a temporary answer", "[smtp][client]")
{
    PlainGround ground;
    ground.remote.script["MAIL"] = {"tarpit"};
    ground.remote.keywords = {};
    REQUIRE(ground.open());
    ground.when_stuck = [&ground] { ground.conversation->interrupt(); };
    const auto answers = ground.send(kMessage);
    CHECK(answers[0].verdict == Verdict::temporary);
    CHECK(answers[0].enhanced == "4.3.2");
    CHECK(ground.expired == 0);
    CHECK_FALSE(ground.conversation->is_usable());
    ground.end();
}

TEST_CASE("interrupt() behind the last dot waits a little for the answer (RFC 1047)", "[smtp][client]")
{
    PlainGround ground;
    ground.remote.script["."] = {"tarpit"};
    REQUIRE(ground.open());
    ground.when_stuck = [&ground] { ground.conversation->interrupt(); };
    const auto answers = ground.send(kMessage);
    CHECK(answers[0].is_uncertain);
    CHECK(ground.expired == 1);
}

TEST_CASE("a conversation is over after its number of messages", "[smtp][client]")
{
    PlainGround ground;
    ground.options.max_messages = 2;
    REQUIRE(ground.open());
    CHECK(ground.send(kMessage)[0].verdict == Verdict::delivered);
    CHECK(ground.conversation->is_usable());
    CHECK(ground.send(kMessage)[0].verdict == Verdict::delivered);
    CHECK_FALSE(ground.conversation->is_usable());
}

TEST_CASE("LMTP: LHLO, and an answer for each accepted recipient in order (RFC 2033 4.2)", "[smtp][client][lmtp]")
{
    PlainGround ground;
    ground.options.is_lmtp = true;
    ground.remote.is_lmtp = true;
    ground.to({"a@remote.example", "b@remote.example", "c@remote.example", "d@remote.example"});
    ground.remote.script["RCPT TO:<b@remote.example>"] = {"550 5.1.1 nobody"};
    ground.remote.script["."] = {"250 2.0.0 for a", "452 4.2.2 c is full", "250 2.0.0 for d"};
    REQUIRE(ground.open());
    const auto answers = ground.send(kMessage);
    CHECK(ground.remote.lines[0] == "LHLO us.example.test");
    CHECK(answers[0].text == "for a");
    CHECK(answers[1].verdict == Verdict::permanent);
    CHECK(answers[2].verdict == Verdict::temporary);
    CHECK(answers[2].text == "c is full");
    CHECK(answers[3].text == "for d");
}

TEST_CASE("LMTP: a connection lost between the answers is uncertain for the rest alone", "[smtp][client][lmtp]")
{
    PlainGround ground;
    ground.options.is_lmtp = true;
    ground.remote.is_lmtp = true;
    ground.to({"a@remote.example", "b@remote.example"});
    ground.remote.script["."] = {"250 2.0.0 for a", "close"};
    REQUIRE(ground.open());
    const auto answers = ground.send(kMessage);
    CHECK(answers[0].verdict == Verdict::delivered);
    CHECK(answers[1].verdict == Verdict::temporary);
    CHECK(answers[1].is_uncertain);
}

TEST_CASE("A3: no stray CR or LF leaves, from memory or from a file, however it is cut", "[smtp][client][hostile]")
{
    const bool is_file = GENERATE(true, false);
    PlainGround ground;
    TemporaryFolder folder;
    const std::string nasty = "Subject: x\r\n\r\na\n.\nMAIL FROM:<evil@x>\r.\rb\r\n.\nc\r.\r\nd\n.\r\ne\r\r\n.\r\n\r";
    std::string message = nasty;
    if (is_file) message += std::string(700'000, 'x') + "\r\n" + nasty;
    REQUIRE(ground.open());
    queue::Outgoing outgoing;
    outgoing.envelope = &ground.envelope;
    outgoing.recipients = {0};
    outgoing.size = message.size();
    ground.remote.keywords.clear();
    if (is_file) outgoing.path = folder.write("message", message);
    else outgoing.bytes = std::make_shared<const std::string>(message);
    CHECK(ground.deliver(outgoing)[0].verdict == Verdict::delivered);
    REQUIRE(ground.remote.contents.size() == 1);
    const std::string& raw = ground.remote.contents[0];
    for (std::size_t at = 0; at < raw.size(); ++at) {
        if (raw[at] == '\n') CHECK((at > 0 && raw[at - 1] == '\r'));
        if (raw[at] == '\r') CHECK((at + 1 < raw.size() && raw[at + 1] == '\n'));
    }
    CHECK(raw.find("\r\n.\r\n") == raw.size() - 5);
    CHECK(ground.count("MAIL") == 1);
}

TEST_CASE("what the envelope keeps back stays here (RFC 5321 4.4)", "[smtp][client]")
{
    const bool is_file = GENERATE(true, false);
    PlainGround ground;
    TemporaryFolder folder;
    const std::string mine = "Return-Path: <ann@example.test>\r\n";
    ground.envelope.kept_back = mine.size();
    REQUIRE(ground.open());
    queue::Outgoing outgoing;
    outgoing.envelope = &ground.envelope;
    outgoing.recipients = {0};
    if (is_file) outgoing.path = folder.write("message", mine + kMessage);
    else outgoing.bytes = std::make_shared<const std::string>(mine + kMessage);
    CHECK(ground.deliver(outgoing)[0].verdict == Verdict::delivered);
    CHECK(ground.remote.contents == Strings{kMessage + ".\r\n"});
    CHECK(ground.remote.lines[1].ends_with("SIZE=24"));
}

TEST_CASE("the fields of a copy stand in front of it, and count", "[smtp][client]")
{
    const bool is_file = GENERATE(true, false);
    PlainGround ground;
    TemporaryFolder folder;
    const std::string mine = "Return-Path: <ann@example.test>\r\n";
    const std::string fields = "X-Own: a\r\n b\r\n";
    ground.envelope.kept_back = mine.size();
    ground.envelope.fields = fields;
    queue::Outgoing outgoing;
    outgoing.envelope = &ground.envelope;
    outgoing.recipients = {0};
    const auto hold = [&](const std::string& text) {
        if (is_file) outgoing.path = folder.write("message", mine + text);
        else outgoing.bytes = std::make_shared<const std::string>(mine + text);
    };
    SECTION("as it is, each time it is sent")
    {
        REQUIRE(ground.open());
        hold(kMessage);
        CHECK(ground.deliver(outgoing)[0].verdict == Verdict::delivered);
        CHECK(ground.deliver(outgoing)[0].verdict == Verdict::delivered);
        CHECK(ground.remote.contents == Strings{fields + kMessage + ".\r\n", fields + kMessage + ".\r\n"});
        CHECK(ground.remote.lines[1].ends_with("SIZE=" + std::to_string(fields.size() + kMessage.size())));
    }
    SECTION("re-encoded")
    {
        ground.remote.keywords = {"PIPELINING"};
        REQUIRE(ground.open());
        hold("Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n\xd1\x91 and more words\r\n");
        CHECK(ground.deliver(outgoing)[0].verdict == Verdict::delivered);
        REQUIRE(ground.remote.contents.size() == 1);
        CHECK(ground.remote.contents[0].starts_with(fields + "Content-Type: "));
        CHECK(ground.remote.contents[0].ends_with("\r\n\r\n=D1=91 and more words\r\n.\r\n"));
    }
    SECTION("in chunks")
    {
        ground.remote.keywords = {"PIPELINING", "CHUNKING", "BINARYMIME", "8BITMIME", "SIZE"};
        REQUIRE(ground.open());
        const std::string binary = "Subject: x\r\n\r\n" + std::string(1, '\0') + "\r\n";
        hold(binary);
        CHECK(ground.deliver(outgoing)[0].verdict == Verdict::delivered);
        REQUIRE(ground.remote.contents.size() == 1);
        CHECK(ground.remote.contents[0] == fields + binary);
        CHECK(ground.remote.lines[1].find(" SIZE=" + std::to_string(fields.size() + binary.size())) != std::string::npos);
    }
}

TEST_CASE("a file that cannot be read is a temporary answer, and half of one never becomes a message", "[smtp][client]")
{
    PlainGround ground;
    REQUIRE(ground.open());
    queue::Outgoing outgoing;
    outgoing.envelope = &ground.envelope;
    outgoing.recipients = {0};
    outgoing.path = "/nonexistent/message";
    const auto answers = ground.deliver(outgoing);
    CHECK(answers[0].verdict == Verdict::temporary);
    CHECK(answers[0].text.find("ENOENT") != std::string::npos);
    CHECK(ground.count("MAIL") == 0);
    CHECK(ground.conversation->is_usable());
}

TEST_CASE("A7: 8-bit goes as BODY=8BITMIME where it is taken, and re-encoded where it is not (RFC 6152 3)", "[smtp][client][hostile]")
{
    const std::string message = "Subject: x\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n"
                                "\xd1\x91 and more words that stay readable\r\n";
    const bool takes_it = GENERATE(true, false);
    PlainGround ground;
    if (!takes_it) ground.remote.keywords = {"PIPELINING"};
    REQUIRE(ground.open());
    CHECK(ground.send(message)[0].verdict == Verdict::delivered);
    CHECK((ground.remote.batches[1].find("BODY=8BITMIME") != std::string::npos) == takes_it);
    if (takes_it) CHECK(ground.remote.contents[0] == message + ".\r\n");
    else
        CHECK(ground.remote.contents[0] == "Subject: x\r\nContent-Type: text/plain; charset=utf-8\r\n"
                                           "Content-Transfer-Encoding: quoted-printable\r\nMIME-Version: 1.0\r\n\r\n=D1=91 and more words that stay readable\r\n.\r\n");
}

TEST_CASE("A7: what cannot be re-encoded is refused with 5.6.3 and not sent", "[smtp][client][hostile]")
{
    PlainGround ground;
    ground.remote.keywords = {"PIPELINING"};
    REQUIRE(ground.open());
    const auto answers = ground.send("Subject: \xd1\x91\r\n\r\nbody\r\n");
    CHECK(answers[0].verdict == Verdict::permanent);
    CHECK(answers[0].enhanced == "5.6.3");
    CHECK(ground.count("MAIL") == 0);
    CHECK(ground.conversation->is_usable());
}

TEST_CASE("RFC 1847 2.1: a signed part with 8-bit bytes goes as it is, or comes back with 5.6.3", "[smtp][client][hostile]")
{
    const std::string message = "Content-Type: multipart/signed; boundary=s; micalg=pgp-sha256; protocol=\"application/pgp-signature\"\r\n\r\n"
                                "--s\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n\xd1\x91\r\n"
                                "--s\r\nContent-Type: application/pgp-signature\r\n\r\nabc\r\n--s--\r\n";
    const bool takes_it = GENERATE(true, false);
    PlainGround ground;
    if (!takes_it) ground.remote.keywords = {"PIPELINING"};
    REQUIRE(ground.open());
    const auto answers = ground.send(message);
    if (takes_it) {
        CHECK(answers[0].verdict == Verdict::delivered);
        CHECK(ground.remote.contents.at(0) == message + ".\r\n");
        return;
    }
    CHECK(answers[0].verdict == Verdict::permanent);
    CHECK(answers[0].enhanced == "5.6.3");
    CHECK(answers[0].text.find("signature") != std::string::npos);
    CHECK(ground.count("MAIL") == 0);
}

TEST_CASE("A6: binary content goes by BDAT as it is, where BINARYMIME is offered (RFC 3030)", "[smtp][client]")
{
    const bool offers = GENERATE(true, false);
    PlainGround ground;
    if (offers) {
        ground.remote.keywords.emplace_back("CHUNKING");
        ground.remote.keywords.emplace_back("BINARYMIME");
    }
    ground.envelope.body = queue::BodyKind::binary;
    std::string message = "Content-Type: application/octet-stream\r\nContent-Transfer-Encoding: binary\r\n\r\n";
    message += std::string("\0\x01\xff.", 4) + std::string(200'000, 'z') + ".";
    REQUIRE(ground.open());
    CHECK(ground.send(message)[0].verdict == Verdict::delivered);
    REQUIRE(ground.remote.contents.size() == 1);
    if (offers) {
        CHECK(ground.remote.contents[0] == message);
        CHECK(ground.remote.chunks.size() == 5);
        CHECK(ground.remote.chunks.back() == 0);
        CHECK(ground.count("DATA") == 0);
        CHECK(ground.remote.lines[1].find("BODY=BINARYMIME") != std::string::npos);
    } else {
        CHECK(ground.remote.contents[0].find("base64") != std::string::npos);
        CHECK(ground.count("BDAT") == 0);
    }
}

TEST_CASE("A6: a refused chunk ends the transaction, and the next message goes well", "[smtp][client]")
{
    PlainGround ground;
    ground.remote.keywords = {"CHUNKING", "BINARYMIME", "8BITMIME"};
    if (GENERATE(true, false)) ground.remote.keywords.emplace_back("PIPELINING");
    ground.remote.script["BDAT"] = {"250 ok", "452 4.3.1 no room"};
    std::string message = "Content-Transfer-Encoding: binary\r\n\r\n" + std::string(1, '\0') + std::string(300'000, 'z');
    REQUIRE(ground.open());
    const auto answers = ground.send(message);
    CHECK(answers[0].verdict == Verdict::temporary);
    CHECK(answers[0].text == "no room");
    REQUIRE(ground.conversation->is_usable());
    CHECK(ground.send(kMessage)[0].verdict == Verdict::delivered);
    CHECK(ground.count("RSET") == 1);
}

TEST_CASE("C6: an internationalized address goes with SMTPUTF8, in A-labels where that is enough, or not at all", "[smtp][client][hostile]")
{
    const bool offers = GENERATE(true, false);
    PlainGround ground;
    if (!offers) ground.remote.keywords = {"PIPELINING", "8BITMIME"};
    ground.to({"bob@\xd0\xbf\xd0\xbe\xd1\x87\xd1\x82\xd0\xb0.example", "\xd0\xb1\xd0\xbe\xd0\xb1@remote.example", "eve@remote.example"});
    REQUIRE(ground.open());
    const auto answers = ground.send(kMessage);
    CHECK(answers[0].verdict == Verdict::delivered);
    CHECK(answers[2].verdict == Verdict::delivered);
    if (offers) {
        CHECK(answers[1].verdict == Verdict::delivered);
        CHECK(ground.remote.lines[1].ends_with(" SMTPUTF8"));
        CHECK(ground.remote.lines[2] == "RCPT TO:<bob@\xd0\xbf\xd0\xbe\xd1\x87\xd1\x82\xd0\xb0.example>");
    } else {
        CHECK(answers[1].verdict == Verdict::permanent);
        CHECK(answers[1].enhanced == "5.6.7");
        CHECK(ground.remote.lines[2] == "RCPT TO:<bob@xn--80a1acny.example>");
    }
}

TEST_CASE("C6: a sender or a header beyond ASCII needs SMTPUTF8, else 5.6.7", "[smtp][client][hostile]")
{
    PlainGround ground;
    ground.remote.keywords = {"PIPELINING", "8BITMIME"};
    REQUIRE(ground.open());
    ground.envelope.smtputf8 = true;
    CHECK(ground.send("Subject: \xd0\xbf\r\n\r\nx\r\n")[0].enhanced == "5.6.7");
    CHECK(ground.send(kMessage)[0].verdict == Verdict::delivered);
    ground.envelope.reverse_path = "\xd0\xb1@example.test";
    CHECK(ground.send(kMessage)[0].enhanced == "5.6.7");
}

TEST_CASE("C6: who cannot be reached for want of SMTPUTF8 is told what it is: the own address, else the header", "[smtp][client]")
{
    PlainGround ground;
    ground.remote.keywords = {"PIPELINING", "8BITMIME"};
    ground.to({"\xd0\xb1\xd0\xbe\xd0\xb1@remote.example", "eve@remote.example"});
    ground.envelope.smtputf8 = true;
    REQUIRE(ground.open());
    const auto answers = ground.send("To: \xd0\xb1\xd0\xbe\xd0\xb1@remote.example, eve@remote.example\r\n\r\nx\r\n");
    CHECK(answers[0].text.starts_with("the address \xd0\xb1\xd0\xbe\xd0\xb1@remote.example has characters beyond ASCII"));
    CHECK(answers[1].text.starts_with("the header has characters beyond ASCII"));
    CHECK(answers[0].enhanced == "5.6.7");
    CHECK(answers[0].verdict == Verdict::permanent);
    CHECK(answers[1].verdict == Verdict::permanent);
}

TEST_CASE("DSN parameters are passed on to who knows them, and to nobody else (RFC 3461 5.2)", "[smtp][client][dsn]")
{
    const bool offers = GENERATE(true, false);
    PlainGround ground;
    if (offers) ground.remote.keywords.emplace_back("DSN");
    ground.to({"a@remote.example", "b@remote.example", "c@remote.example"});
    ground.envelope.ret = queue::ReturnKind::headers;
    ground.envelope.envelope_id = "a+b";
    ground.envelope.recipients[0].notify = {true, true, false, true};
    ground.envelope.recipients[0].original = "rfc822;first+x@example.org";
    ground.envelope.recipients[1].notify = {true, false, false, false};
    REQUIRE(ground.open());
    const auto answers = ground.send(kMessage);
    CHECK(answers[0].passed_dsn == offers);
    const std::string dsn = " RET=HDRS ENVID=a+2Bb";
    CHECK(ground.remote.lines[1] == "MAIL FROM:<ann@example.test> SIZE=24" + (offers ? dsn : ""));
    CHECK(ground.remote.lines[2] ==
          std::string("RCPT TO:<a@remote.example>") + (offers ? " NOTIFY=SUCCESS,DELAY ORCPT=rfc822;first+2Bx@example.org" : ""));
    CHECK(ground.remote.lines[3] == std::string("RCPT TO:<b@remote.example>") + (offers ? " NOTIFY=NEVER" : ""));
    CHECK(ground.remote.lines[4] == "RCPT TO:<c@remote.example>");
}

TEST_CASE("SIZE: a message over the peer's limit is refused before it is asked (RFC 1870 6)", "[smtp][client]")
{
    PlainGround ground;
    ground.remote.keywords = {"SIZE 20"};
    REQUIRE(ground.open());
    const auto answers = ground.send(kMessage);
    CHECK(answers[0].verdict == Verdict::permanent);
    CHECK(answers[0].enhanced == "5.3.4");
    CHECK(ground.count("MAIL") == 0);
}

TEST_CASE("the null reverse path is <> (RFC 5321 4.5.5)", "[smtp][client]")
{
    PlainGround ground;
    ground.envelope.reverse_path.clear();
    REQUIRE(ground.open());
    (void)ground.send(kMessage);
    CHECK(ground.remote.lines[1] == "MAIL FROM:<> SIZE=24");
}

TEST_CASE("STARTTLS is taken where it is offered, and EHLO said again", "[smtp][client][tls]")
{
    SecureGround ground;
    ground.remote.keywords.emplace_back("REQUIRETLS");
    ground.envelope.require_tls = GENERATE(true, false);
    REQUIRE(ground.open());
    const auto answers = ground.send(kMessage);
    CHECK(answers[0].verdict == Verdict::delivered);
    CHECK(answers[0].tls.starts_with("TLSv1."));
    CHECK(answers[0].tls.ends_with(", unverified"));
    CHECK(ground.remote.lines[1] == "STARTTLS");
    CHECK(ground.remote.lines[2] == "EHLO us.example.test");
    CHECK(ground.remote.lines[3].ends_with(" REQUIRETLS") == ground.envelope.require_tls);
}

TEST_CASE("B2: what the server said in clear behind 220 is dropped (CVE-2021-38371)", "[smtp][client][tls][hostile]")
{
    SecureGround ground;
    ground.options.user = "ann";
    ground.options.password = "secret";
    ground.remote.injected = "250-mx.evil.example\r\n250-PIPELINING\r\n250 AUTH PLAIN\r\n";
    REQUIRE_FALSE(ground.open());
    // The injected AUTH is not believed: the server behind TLS offers none.
    CHECK(ground.failure->stage == smtp::ClientFailure::Stage::authentication);
    CHECK(ground.count("AUTH") == 0);
    CHECK(ground.count("EHLO") == 2);
}

TEST_CASE("B3: what was offered in clear is forgotten behind the handshake (RFC 3207 4.2)", "[smtp][client][tls][hostile]")
{
    SecureGround ground;
    ground.remote.script["EHLO"] = {"250-mx\r\n250-STARTTLS\r\n250-PIPELINING\r\n250-DSN\r\n250 SMTPUTF8", "250 mx"};
    REQUIRE(ground.open());
    (void)ground.send(kMessage);
    CHECK(ground.remote.lines[3] == "MAIL FROM:<ann@example.test>");
    CHECK(ground.remote.batches.back() == "DATA\n");
}

TEST_CASE("B4, B5: a server that greets and then has no STARTTLS, or refuses it, gets mail in clear where that is allowed, and none where "
          "TLS is required", "[smtp][client][tls][hostile]")
{
    struct Row {
        Strings keywords;
        std::deque<std::string> starttls;
        smtp::ClientFailure::Stage stage;
        bool is_open;  // opportunistic
    };
    using Stage = smtp::ClientFailure::Stage;
    for (const Row& row : {Row{{"PIPELINING"}, {}, Stage::start_tls, true}, Row{{"XXXXXXXA"}, {}, Stage::start_tls, true},
                           Row{{"STARTTLS"}, {"454 4.7.0 not now"}, Stage::start_tls, false},
                           Row{{"STARTTLS"}, {"502 5.5.1 what"}, Stage::start_tls, false},
                           Row{{"STARTTLS"}, {"503 5.5.1 too late for that"}, Stage::start_tls, false},
                           Row{{"STARTTLS"}, {"close"}, Stage::start_tls, false},
                           Row{{"STARTTLS"}, {"220 gone"}, Stage::handshake, false}}) {
        for (const bool is_required : {true, false}) {
            CAPTURE(row.keywords[0], row.starttls, is_required);
            SecureGround ground;
            ground.remote.keywords = row.keywords;
            if (row.stage == Stage::handshake) ground.remote.tls = nullptr;
            if (!row.starttls.empty()) ground.remote.script["STARTTLS"] = row.starttls;
            ground.options.tls.need = is_required ? smtp::TlsPlan::Need::required : smtp::TlsPlan::Need::opportunistic;
            const bool is_open = ground.open();
            CHECK(is_open == (row.is_open && !is_required));
            if (is_open) continue;
            CHECK(ground.failure->stage == row.stage);
            CHECK(ground.failure->answer.verdict == Verdict::temporary);
            CHECK(ground.count("MAIL") == 0);
        }
    }
}

TEST_CASE("B5: an answer says what is wrong with a certificate that is not believed, and why there was no handshake", "[smtp][client][tls][hostile]")
{
    const auto refused = [](auto prepare) {
        SecureGround ground;
        ground.options.tls.need = smtp::TlsPlan::Need::required;
        prepare(ground);
        REQUIRE_FALSE(ground.open());
        CHECK(ground.failure->stage == smtp::ClientFailure::Stage::handshake);
        CHECK(ground.failure->answer.enhanced == "4.7.5");
        CHECK(ground.count("MAIL") == 0);
        return ground.failure->answer.text;
    };
    CHECK(refused([](SecureGround& ground) { ground.options.tls.tls.tlsa = {{3, 1, 1, std::string(32, 'x')}}; }) ==
          "the certificate is none of those that the TLSA records allow");
    CHECK(refused([](SecureGround& ground) {
              ground.options.tls.tls.ca_file = ground.folder.path("cert.pem");
              ground.options.tls.tls.server_name = "mx.another.example";
          }) == "the certificate is not believed: it is for another name");
    CHECK(refused([](SecureGround& ground) {
              const auto stranger = net::make_self_signed({"authority.example"}, 30, ground.random);
              ground.options.tls.tls.ca_file = ground.folder.write("stranger.pem", stranger->certificate_pem);
          }) == "the certificate is not believed: no authority that we know vouches for it");
    CHECK(refused([](SecureGround& ground) {
              ground.remote.tls = nullptr;
              ground.remote.script["STARTTLS"] = {"220 gone"};
          }).starts_with("the TLS handshake failed: "));
}

TEST_CASE("B4: a server that knows HELO alone, and so no STARTTLS, gets nothing where TLS is required", "[smtp][client][tls][hostile]")
{
    SecureGround ground;
    ground.remote.script["EHLO"] = {"502 5.5.1 what"};
    const bool is_required = GENERATE(true, false);
    ground.options.tls.need = is_required ? smtp::TlsPlan::Need::required : smtp::TlsPlan::Need::opportunistic;
    CHECK(ground.open() == !is_required);
    CHECK(ground.count("HELO") == 1);
    CHECK(ground.count("STARTTLS") == 0);
    if (!is_required) return;
    CHECK(ground.failure->stage == smtp::ClientFailure::Stage::start_tls);
    CHECK(ground.failure->answer.verdict == Verdict::temporary);
    CHECK(ground.failure->answer.enhanced == "4.7.10");
    CHECK(ground.count("MAIL") == 0);
}

TEST_CASE("a message that must travel under TLS goes nowhere else (RFC 8689 4.2.1)", "[smtp][client][tls]")
{
    PlainGround ground;
    ground.envelope.require_tls = true;
    REQUIRE(ground.open());
    CHECK(ground.send(kMessage)[0].enhanced == "5.7.10");
    SecureGround secure;
    secure.envelope.require_tls = true;
    REQUIRE(secure.open());
    CHECK(secure.send(kMessage)[0].enhanced == "5.7.30");
    CHECK(secure.count("MAIL") == 0);
}

TEST_CASE("AUTH happens within TLS, and never in clear (RFC 4954 4)", "[smtp][client][tls]")
{
    {
        PlainGround ground;
        ground.options.user = "ann";
        ground.options.password = "secret";
        ground.remote.keywords.emplace_back("AUTH PLAIN LOGIN");
        REQUIRE_FALSE(ground.open());
        CHECK(ground.failure->stage == smtp::ClientFailure::Stage::authentication);
        CHECK(ground.count("AUTH") == 0);
    }
    SecureGround ground;
    ground.options.user = "ann";
    ground.options.password = "secret";
    SECTION("PLAIN")
    {
        ground.remote.keywords.emplace_back("AUTH PLAIN LOGIN");
        ground.remote.script["AUTH"] = {"235 2.7.0 in"};
        REQUIRE(ground.open());
        CHECK(ground.remote.lines.back() == "AUTH PLAIN " + encode_base64(std::string("\0ann\0secret", 11)));
    }
    SECTION("LOGIN")
    {
        ground.remote.keywords.emplace_back("AUTH LOGIN");
        ground.remote.script["AUTH"] = {"334 VXNlcm5hbWU6"};
        ground.remote.script[encode_base64("ann")] = {"334 UGFzc3dvcmQ6"};
        ground.remote.script[encode_base64("secret")] = {"235 2.7.0 in"};
        REQUIRE(ground.open());
    }
    SECTION("a wrong password is a temporary failure with the server's words")
    {
        ground.remote.keywords.emplace_back("AUTH PLAIN");
        ground.remote.script["AUTH"] = {"535 5.7.8 no such"};
        REQUIRE_FALSE(ground.open());
        CHECK(ground.failure->answer.verdict == Verdict::temporary);
        CHECK(ground.failure->answer.code == 535);
        CHECK(ground.failure->answer.text == "no such");
    }
    SECTION("a server's nonsense in SCRAM is answered with *")
    {
        ground.remote.keywords.emplace_back("AUTH SCRAM-SHA-256");
        ground.remote.script["AUTH"] = {"334 " + encode_base64("r=other,s=QUJD,i=4096")};
        ground.remote.script["*"] = {"501 5.7.0 cancelled"};
        REQUIRE_FALSE(ground.open());
        CHECK(ground.remote.lines[ground.remote.lines.size() - 2] == "*");
    }
}

TEST_CASE("C11: our client gives no proof for a nonce or a count of iterations that makes no sense, and believes no server that does not "
          "know the password", "[smtp][client][tls][C11]")
{
    SecureGround ground;
    ground.options.user = "ann";
    ground.options.password = "secret";
    ground.remote.keywords.emplace_back("AUTH SCRAM-SHA-256");
    ground.remote.script["*"] = {"501 5.7.0 cancelled"};
    const auto nonce_of = [](const std::string& line) {
        const auto first = decode_base64(line.substr(line.rfind(' ') + 1)).value_or("");
        return first.substr(first.find(",r=") + 3);
    };
    const auto offer = [&](const std::string& server_part, const std::string& rest) {
        ground.remote.improvise = [nonce_of, server_part, rest](const std::string& line) {
            if (!line.starts_with("AUTH ")) return std::string();
            return "334 " + encode_base64("r=" + nonce_of(line) + server_part + ",s=QUJD" + rest);
        };
    };
    SECTION("iterations")
    {
        const auto* count = GENERATE("0", "1", "4095", "1000001", "2147483648", "4294971392", "-1", "");
        CAPTURE(count);
        offer("server", ",i=" + std::string(count));
        REQUIRE_FALSE(ground.open());
        CHECK(std::ranges::count(ground.remote.lines, "*") == 1);
        CHECK(ground.failure->answer.verdict == Verdict::temporary);
    }
    SECTION("no nonce of the server's own")
    {
        offer("", ",i=4096");
        REQUIRE_FALSE(ground.open());
        CHECK(std::ranges::count(ground.remote.lines, "*") == 1);
    }
    SECTION("a server that has no verifier")
    {
        ground.remote.improvise = [nonce_of](const std::string& line) {
            if (line.starts_with("AUTH ")) return "334 " + encode_base64("r=" + nonce_of(line) + "server,s=QUJD,i=4096");
            const bool is_proof = decode_base64(line).value_or("").starts_with("c=");
            return is_proof ? "334 " + encode_base64("v=" + encode_base64(std::string(32, 'x'))) : std::string();
        };
        REQUIRE_FALSE(ground.open());
        CHECK(std::ranges::count(ground.remote.lines, "*") == 1);
        CHECK(ground.count("MAIL") == 0);
    }
}

} // namespace
} // namespace mbx::test
