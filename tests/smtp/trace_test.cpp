// What a session tells the trace.
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

#include <algorithm>

#include "smtp/appliance.hpp"
#include "smtp/traced_header.hpp"

using namespace mbx;
using test::Appliance;
using test::fact;
using trace::EventKind;

namespace {

std::string message(const std::string& header)
{
    return "EHLO c.example\r\nMAIL FROM:<a@b.example>\r\nRCPT TO:<nobody@example.test>\r\nRCPT TO:<ann@example.test>\r\nDATA\r\n" +
           header + "\r\nbody\r\n.\r\n";
}

}  // namespace

TEST_CASE("a message is traced from the refused recipient to the mailbox under one id", "[smtp][trace]")
{
    Appliance appliance;
    const auto heard = appliance.talk(message("Received: x\r\nSUBJECT: Lunch\r\n  today\r\nMessage-ID: <lunch@b.example>\r\n") + "QUIT\r\n");
    CAPTURE(heard);
    const auto refused = appliance.recorded.of(EventKind::refused);
    const auto accepted = appliance.recorded.of(EventKind::accepted);
    const auto placed = appliance.recorded.of(EventKind::placed);
    REQUIRE(refused.size() == 1);
    REQUIRE(accepted.size() == 1);
    REQUIRE(placed.size() == 1);
    CHECK(refused[0].recipient == "nobody@example.test");
    CHECK(refused[0].detail.starts_with("550 5.1.1 "));
    CHECK(accepted[0].id.size() == 20);
    CHECK(accepted[0].id == refused[0].id);
    CHECK(accepted[0].id == placed[0].id);
    CHECK(appliance.inbox("ann").at(0).find(accepted[0].id) != std::string::npos);
    CHECK(fact(accepted[0], "reverse_path") == "a@b.example");
    CHECK(fact(accepted[0], "helo") == "c.example");
    CHECK(fact(accepted[0], "tls") == "none");
    CHECK(fact(accepted[0], "recipients") == "1");
    CHECK(fact(accepted[0], "subject") == "Lunch  today");
    CHECK(fact(accepted[0], "message_id") == "lunch@b.example");
    CHECK(placed[0].recipient == "ann@example.test");
    CHECK(fact(placed[0], "mailbox") == "INBOX");
    CHECK(placed[0].to.uid == 1);
}

TEST_CASE("Subject and Message-ID are traced wherever they stand in a header, however its bytes arrive", "[smtp][trace]")
{
    // A dozen servers and two lists put this much above it.
    std::string header;
    for (int n = 0; n < 60; ++n) header += "Received: from relay" + std::to_string(n) + ".example\r\n\tby next.example; " + std::string(150, 'x') + "\r\n";
    header += "Subject: =?utf-8?q?Lunch?=\r\n  today\r\nMESSAGE-ID:\r\n <lunch@b.example>\r\nSubject: another\r\n";
    REQUIRE(header.size() > 10'000);
    const std::size_t piece = GENERATE(std::size_t{1}, std::size_t{7}, std::size_t{100'000});
    CAPTURE(piece);
    smtp::TracedHeader traced;
    const std::string all = header + "\r\nSubject: of the body\r\n";
    for (std::string_view left = all; !left.empty(); left.remove_prefix(std::min(piece, left.size()))) traced.feed(left.substr(0, piece));
    traced.finish();
    CHECK(traced.subject() == "=?utf-8?q?Lunch?=  today");
    CHECK(traced.message_id() == "lunch@b.example");
    if (piece != 100'000) return;
    Appliance appliance;
    (void)appliance.talk(message(header) + "QUIT\r\n");
    const auto accepted = appliance.recorded.of(EventKind::accepted);
    REQUIRE(accepted.size() == 1);
    CHECK(fact(accepted[0], "subject") == "=?utf-8?q?Lunch?=  today");
    CHECK(fact(accepted[0], "message_id") == "lunch@b.example");
}

TEST_CASE("a value that has no end is traced in part, and what is all header too", "[smtp][trace][hostile]")
{
    smtp::TracedHeader traced;
    traced.feed("Subject: " + std::string(100'000, 's') + "\r\n");
    for (int n = 0; n < 10'000; ++n) traced.feed(" and on\r\n");
    traced.feed("Message-ID: <without@end>");
    traced.finish();
    CHECK(traced.subject() == std::string(smtp::TracedHeader::kMostField - 1, 's'));
    CHECK(traced.message_id() == "without@end");
}

TEST_CASE("a recipient elsewhere is traced as waiting from the acceptance on", "[smtp][trace]")
{
    Appliance appliance;
    (void)appliance.talk("EHLO c.example\r\nMAIL FROM:<a@b.example>\r\nRCPT TO:<outside@example.test>\r\nDATA\r\n"
                         "Subject: x\r\n\r\nbody\r\n.\r\nQUIT\r\n");
    const auto accepted = appliance.recorded.of(EventKind::accepted);
    const auto queued = appliance.recorded.of(EventKind::queued);
    REQUIRE(accepted.size() == 1);
    REQUIRE(queued.size() == 1);
    CHECK(queued[0].id == accepted[0].id);
    CHECK(queued[0].recipient == "far@elsewhere.example");
    // One RCPT, however many it leads to.
    CHECK(fact(accepted[0], "recipients") == "1");
}

TEST_CASE("a message that is refused at its end is traced with the reason", "[smtp][trace]")
{
    Appliance appliance([](smtp::Options& options) { options.max_hops = 1; });
    (void)appliance.talk(message("Received: a\r\nReceived: b\r\nSubject: x\r\n") + message("Subject: y\r\n") + "QUIT\r\n");
    const auto refused = appliance.recorded.of(EventKind::refused);
    const auto accepted = appliance.recorded.of(EventKind::accepted);
    REQUIRE(refused.size() == 3);
    REQUIRE(accepted.size() == 1);
    CHECK(refused[1].recipient.empty());
    CHECK(refused[1].detail.starts_with("5"));
    CHECK(fact(refused[1], "subject") == "x");
    CHECK(refused[1].id == refused[0].id);
    // The next transaction is another one.
    CHECK(accepted[0].id == refused[2].id);
    CHECK(accepted[0].id != refused[0].id);
}
