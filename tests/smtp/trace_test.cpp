// What a session tells the trace.
#include <catch2/catch_test_macros.hpp>

#include "smtp/appliance.hpp"

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
    CHECK(fact(placed[0], "uid") == "1");
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
    CHECK(fact(accepted[0], "recipients") == "2");
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
