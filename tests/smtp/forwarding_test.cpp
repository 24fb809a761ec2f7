// Forwarding, aliases and lists that lead to other servers: whom a message reaches, under whose name it leaves, what keeps it
// from going in circles, and what the trace is told.
#include "smtp/forwarding.hpp"

#include <algorithm>
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <map>

#include "base/ascii.hpp"
#include "smtp/appliance.hpp"
#include "smtp/transaction.hpp"

using namespace mbx;
using namespace mbx::smtp;
using test::Appliance;
using test::fact;
using trace::EventKind;

namespace {

const policy::Srs& srs()
{
    static const policy::Srs kSrs(std::string(32, 's'));
    return kSrs;
}

std::vector<OutsideRecipient> outside_of(const std::vector<std::vector<std::int64_t>>& forwarders)
{
    std::vector<OutsideRecipient> all;
    for (const auto& ids : forwarders) {
        OutsideRecipient& one = all.emplace_back();
        one.address = "far" + std::to_string(all.size()) + "@elsewhere.example";
        for (const std::int64_t id : ids) one.forwarders.push_back({id});
    }
    return all;
}

std::set<std::string, std::less<>> marks_in(std::string_view text, std::size_t piece)
{
    ForwardMarks marks;
    for (std::size_t at = 0; at < text.size(); at += piece) marks.feed(text.substr(at, piece));
    return marks.found();
}

void forward(Appliance& appliance, const std::string& who, std::vector<std::string> targets, bool keeps_copy)
{
    directory::AccountChange change;
    change.forward = std::move(targets);
    change.keeps_copy = keeps_copy;
    REQUIRE(appliance.run(appliance.directory->set_account(who, change)));
}

std::string letter(const std::string& rcpt, const std::string& header = "Subject: x\r\n", const std::string& from = "s@sender.example")
{
    return "EHLO c.example\r\nMAIL FROM:<" + from + ">\r\n" + rcpt + "DATA\r\n" + header + "\r\nbody\r\n.\r\nQUIT\r\n";
}

const std::string kToAnn = "RCPT TO:<ann@example.test>\r\n";

std::vector<std::string> addresses(const queue::Envelope& envelope)
{
    std::vector<std::string> all;
    for (const auto& one : envelope.recipients) all.push_back(one.address);
    return all;
}

} // namespace

TEST_CASE("marks are read from a header in any pieces, folded or not, and from nowhere else", "[smtp][forwarding]")
{
    const std::string fields = make_forward_marks(srs(), outside_of({{1, 2}, {3}, {4, 5, 6, 7}, {}}), 0);
    CHECK(fields.starts_with("X-Forwarded-Mark: "));
    CHECK(make_forward_marks(srs(), outside_of({{}}), 0).empty());
    CHECK(make_forward_marks(srs(), outside_of({{1}}), 1).empty());
    const std::string text = "Received: x\r\n" + fields + "x-forwarded-MARK :\r\n\t" + srs().forward_mark(8) + "\r\n" +
                             "Subject: X-Forwarded-Mark: a\r\n folded " + srs().forward_mark(9) + "\r\n\r\n" +
                             "X-Forwarded-Mark: " + srs().forward_mark(10) + "\r\n";
    for (const std::size_t piece : {std::size_t{1}, std::size_t{2}, std::size_t{7}, std::size_t{4096}}) {
        CAPTURE(piece);
        const auto found = marks_in(text, piece);
        CHECK(found.size() == 8);
        for (std::int64_t id = 1; id <= 8; ++id) CHECK(found.contains(ascii::to_lower(srs().forward_mark(id))));
    }
    CHECK(srs().forward_mark(1) != policy::Srs(std::string(32, 't')).forward_mark(1));
}

TEST_CASE("a header of marks without end is read in bounded memory", "[smtp][forwarding][hostile]")
{
    ForwardMarks marks;
    for (int n = 0; n < 100'000; ++n) marks.feed("X-Forwarded-Mark: m" + std::to_string(n) + "\r\n");
    CHECK(marks.found().size() == 4'000);
    // What is written is read, and fits into an envelope.
    std::vector<std::int64_t> crowd;
    for (std::int64_t id = 1; id <= 5'000; ++id) crowd.push_back(id);
    const std::string fields = make_forward_marks(srs(), outside_of({crowd}), 0);
    CHECK(queue::are_whole_fields(fields));
    CHECK(marks_in(fields + "\r\n", 4096).size() == 4'000);
    ForwardMarks line;
    for (int n = 0; n < 1'000; ++n) line.feed(std::string(10'000, 'x'));
    CHECK(line.found().empty());
}

TEST_CASE("what comes back is kept by the nearest account that had sent it on, and the others still send", "[smtp][forwarding]")
{
    auto outside = outside_of({{1}, {2, 1}, {2}, {3}, {}});
    ForwardMarks marks;
    marks.feed(make_forward_marks(srs(), outside_of({{1}}), 0));
    const HeldBack held = hold_back(srs(), marks, outside);
    CHECK(held.accounts == std::vector<directory::AccountId>{{1}});
    CHECK(held.addresses == std::vector<std::string>{"far1@elsewhere.example", "far2@elsewhere.example"});
    REQUIRE(outside.size() == 3);
    CHECK(outside[0].address == "far3@elsewhere.example");
}

TEST_CASE("what an account forwards leaves under an address that stands for the account, and tells the sender nothing", "[smtp][forwarding]")
{
    const bool keeps_copy = GENERATE(true, false);
    CAPTURE(keeps_copy);
    Appliance appliance;
    forward(appliance, "ann@example.test", {"far@elsewhere.example"}, keeps_copy);
    const auto heard = appliance.talk(letter("RCPT TO:<ann@example.test> NOTIFY=FAILURE ORCPT=rfc822;ann@example.test\r\n"));
    CHECK(heard.find("250 2.0.0 ID accepted") != std::string::npos);
    CHECK(appliance.inbox("ann").size() == (keeps_copy ? 1U : 0U));
    REQUIRE(appliance.outgoing.size() == 1);
    const intake::OutgoingMail out = appliance.outgoing[0];
    const auto reverse_path = *mail::parse_mailbox(out.envelope.reverse_path);
    const auto id = appliance.directory->snapshot()->find_login("ann@example.test")->id.value;
    CHECK(reverse_path.domain == "example.test");
    CHECK(appliance.srs.forwarder_of(reverse_path, appliance.clock.wall()) == id);
    CHECK(out.envelope.is_forwarded);
    CHECK(out.envelope.is_only_copy == !keeps_copy);
    CHECK(out.envelope.account == "ann@example.test");
    REQUIRE(out.envelope.recipients.size() == 1);
    CHECK(out.envelope.recipients[0].address == "far@elsewhere.example");
    CHECK(out.envelope.recipients[0].notify == queue::Notify{});
    CHECK(out.envelope.recipients[0].original.empty());
    const std::string leaving = out.bytes->substr(out.envelope.kept_back);
    CHECK(leaving.starts_with("Received: "));
    CHECK(leaving.find("X-Forwarded-Mark") == std::string::npos);
    CHECK(out.envelope.fields == "X-Forwarded-Mark: " + appliance.srs.forward_mark(id) + "\r\n");
    // A bounce is nobody's, and stays so.
    (void)appliance.talk(letter(kToAnn, "Subject: bounce\r\n", ""));
    REQUIRE(appliance.outgoing.size() == 2);
    CHECK(appliance.outgoing[1].envelope.reverse_path.empty());
    // What comes back to it is put into the mailbox, and not forwarded again.
    (void)appliance.talk(letter("RCPT TO:<" + out.envelope.reverse_path + ">\r\n", "Subject: returned\r\n", ""));
    CHECK(appliance.outgoing.size() == 2);
    const auto inbox = appliance.inbox("ann");
    CHECK(std::ranges::count_if(inbox, [](const std::string& one) { return one.find("Subject: returned") != std::string::npos; }) == 1);
    CHECK(appliance.talk(letter("RCPT TO:<" + out.envelope.reverse_path + ">\r\n")).find("550 5.1.1") != std::string::npos);
}

TEST_CASE("an account's mark is in the copy that it sends on, and in nobody else's", "[smtp][forwarding]")
{
    const bool is_bounce = GENERATE(false, true);
    CAPTURE(is_bounce);
    Appliance appliance;
    forward(appliance, "ann@example.test", {"far@elsewhere.example", "farther@elsewhere.example"}, true);
    forward(appliance, "bob@example.test", {"bob@elsewhere.example"}, false);
    REQUIRE(appliance.run(appliance.directory->add_alias({"one@example.test", {"one@other.example"}, true, ""})));
    (void)appliance.talk(letter(kToAnn + "RCPT TO:<bob@example.test>\r\nRCPT TO:<one@example.test>\r\n", "Subject: x\r\n", is_bounce ? "" : "s@sender.example"));
    const auto mark_of = [&appliance](const std::string& who) {
        return "X-Forwarded-Mark: " + appliance.srs.forward_mark(appliance.directory->snapshot()->find_login(who)->id.value) + "\r\n";
    };
    REQUIRE(appliance.outgoing.size() == 3);
    CHECK(addresses(appliance.outgoing[0].envelope) == std::vector<std::string>{"one@other.example"});
    CHECK(appliance.outgoing[0].envelope.fields.empty());
    CHECK(addresses(appliance.outgoing[1].envelope) == std::vector<std::string>{"far@elsewhere.example", "farther@elsewhere.example"});
    CHECK(appliance.outgoing[1].envelope.fields == mark_of("ann@example.test"));
    CHECK(addresses(appliance.outgoing[2].envelope) == std::vector<std::string>{"bob@elsewhere.example"});
    CHECK(appliance.outgoing[2].envelope.fields == mark_of("bob@example.test"));
    for (const auto& out : appliance.outgoing) {
        CHECK(out.envelope.reverse_path.empty() == is_bounce);
        CHECK(out.bytes->find("X-Forwarded-Mark") == std::string::npos);
    }
    for (const std::string& one : appliance.inbox("ann")) CHECK(one.find("X-Forwarded-Mark") == std::string::npos);
    // Each has its own story, which says where it came from.
    const auto accepted = appliance.recorded.of(EventKind::accepted);
    REQUIRE(accepted.size() == 3);
    CHECK(accepted[1].detail == "what an account forwards; the message came in as " + accepted[0].id);
    const auto steps = appliance.recorded.of(EventKind::expanded);
    REQUIRE(steps.size() == 5);
    CHECK(steps[3].recipient == "ann@example.test");
    CHECK(fact(steps[3], "as") == appliance.outgoing[1].id);
    CHECK(appliance.recorded.of(EventKind::queued).size() == 4);
}

TEST_CASE("who is reached by a RCPT of their own gets a copy without the marks of others who lead there too, in any order", "[smtp][forwarding]")
{
    const bool is_last = GENERATE(false, true);
    CAPTURE(is_last);
    Appliance appliance;
    forward(appliance, "ann@example.test", {"far@elsewhere.example"}, false);
    REQUIRE(appliance.run(appliance.directory->add_alias({"all@example.test", {"ann@example.test", "member@elsewhere.example"}, true, ""})));
    forward(appliance, "bob@example.test", {"all@example.test", "bob@elsewhere.example"}, false);
    const std::string to_bob = "RCPT TO:<bob@example.test>\r\n";
    const std::string to_all = "RCPT TO:<all@example.test>\r\n";
    (void)appliance.talk(letter(is_last ? to_bob + kToAnn + to_all : to_all + kToAnn + to_bob));
    const auto mark_of = [&appliance](const std::string& who) {
        return "X-Forwarded-Mark: " + appliance.srs.forward_mark(appliance.directory->snapshot()->find_login(who)->id.value) + "\r\n";
    };
    std::map<std::string, std::string> fields;
    for (const auto& out : appliance.outgoing) {
        for (const auto& address : addresses(out.envelope)) fields[address] += "[" + out.envelope.fields + "]";
    }
    CHECK(fields["member@elsewhere.example"] == "[]");
    CHECK(fields["far@elsewhere.example"] == "[" + mark_of("ann@example.test") + "]");
    CHECK(fields["bob@elsewhere.example"] == "[" + mark_of("bob@example.test") + "]");
    // And nothing goes round all the same: what comes back is kept by who had sent it on.
    const auto out = std::ranges::find(appliance.outgoing, fields["far@elsewhere.example"], [](const auto& one) { return "[" + one.envelope.fields + "]"; });
    REQUIRE(out != appliance.outgoing.end());
    std::string back = out->envelope.fields + *out->bytes;
    back.resize(back.find("\r\n\r\n") + 2);
    appliance.outgoing.clear();
    (void)appliance.talk(letter(to_bob, back));
    for (const auto& again : appliance.outgoing) CHECK(std::ranges::count(addresses(again.envelope), "far@elsewhere.example") == 0);
    CHECK(appliance.inbox("ann").size() == 1);
}

TEST_CASE("members of a list behind an account that forwards are apart from its others, while there is room", "[smtp][forwarding]")
{
    auto outside = outside_of({{}, {1}, {}, {1}, {2}});
    for (auto& one : outside) {
        one.owner = "owner@example.test";
        one.returns_to = one.owner;
    }
    const auto ways_of = [](const std::vector<OutsideRecipient>& all) {
        std::vector<std::size_t> ways;
        for (const OutsideRecipient& one : all) ways.push_back(one.way);
        return ways;
    };
    part_ways(outside, true);
    CHECK(ways_of(outside) == std::vector<std::size_t>{1, 2, 1, 2, 3});
    CHECK(make_forward_marks(srs(), outside, 1).empty());
    CHECK(make_forward_marks(srs(), outside, 2) == "X-Forwarded-Mark: " + srs().forward_mark(1) + "\r\n");
    part_ways(outside, false);
    CHECK(ways_of(outside) == std::vector<std::size_t>{0, 1, 0, 1, 2});
    // Each address has a way of its own first; no more than kMostWays are made.
    std::vector<std::vector<std::int64_t>> crowd;
    for (std::int64_t id = 1; id <= 40; ++id) crowd.push_back({id});
    auto many = outside_of(crowd);
    for (std::size_t n = 0; n < many.size(); ++n) {
        many[n].owner = n == 0 || n == 39 ? "owner@example.test" : "second@example.test";
        many[n].returns_to = many[n].owner;
    }
    part_ways(many, true);
    for (const OutsideRecipient& one : many) CHECK((one.way >= 1 && one.way <= kMostWays));
    CHECK(many[1].way != many[0].way);
    CHECK(many[38].way == many[1].way);
    CHECK(many[39].way == many[0].way);
}

TEST_CASE("arrival at an account that forwards is the end of the sender's mail (RFC 3461 5.2.7.4)", "[smtp][forwarding]")
{
    const bool keeps_copy = GENERATE(true, false);
    CAPTURE(keeps_copy);
    Appliance appliance;
    forward(appliance, "ann@example.test", {"far@elsewhere.example"}, keeps_copy);
    (void)appliance.talk(letter("RCPT TO:<ann@example.test> NOTIFY=SUCCESS,FAILURE\r\n"));
    REQUIRE(appliance.outgoing.size() == 2);
    const auto& told = appliance.outgoing[0].envelope;
    CHECK(told.reverse_path == "s@sender.example");
    CHECK(addresses(told) == std::vector<std::string>{"ann@example.test"});
    CHECK(told.recipients[0].ending == queue::Ending::here);
    CHECK(appliance.outgoing[1].envelope.is_forwarded);
    // The story of the message says where the rest of it went.
    const auto steps = appliance.recorded.of(EventKind::expanded);
    REQUIRE(steps.size() == 2);
    CHECK(steps[1].recipient == "ann@example.test");
    CHECK(steps[1].detail == "1 address elsewhere, in message " + appliance.outgoing[1].id);
}

TEST_CASE("of many accounts that forward one message each of the first hears, and the administrators of the rest", "[smtp][forwarding]")
{
    Transaction transaction{MailArgument{}};
    auto outside = outside_of({{1}, {2}, {3}, {4}, {5}, {6}, {7}, {8}, {1}});
    for (auto& one : outside) one.returns_to = "fwd" + std::to_string(one.forwarders[0].value) + "@example.test";
    transaction.add({}, {}, outside);
    transaction.share_forwarders("all@example.test");
    CHECK(transaction.outside()[7].returns_to == "fwd8@example.test");
    OutsideRecipient ninth;
    ninth.address = "ninth@elsewhere.example";
    ninth.forwarders = {{9}};
    ninth.returns_to = "fwd9@example.test";
    transaction.add({}, {}, {ninth});
    transaction.share_forwarders("all@example.test");
    std::set<std::string> paths;
    for (const auto& one : transaction.outside()) paths.insert(one.returns_to);
    CHECK(paths.size() == Transaction::kMostForwarders);
    CHECK(transaction.outside()[0].returns_to == "fwd1@example.test");
    CHECK(transaction.outside()[8].returns_to == "fwd1@example.test");
    CHECK(transaction.outside()[9].returns_to == "all@example.test");
    CHECK(transaction.outside()[7].is_shared);
    const auto snapshot = Appliance().directory->snapshot();
    CHECK(forwarder_name(*snapshot, transaction.outside()[9]) == "postmaster@example.test");
}

TEST_CASE("I1: what an account forwarded and comes back stays with it, and never goes round", "[smtp][forwarding][hostile]")
{
    const std::size_t filling = GENERATE(std::size_t{0}, std::size_t{400'000});
    CAPTURE(filling);
    Appliance appliance;
    forward(appliance, "ann@example.test", {"far@elsewhere.example"}, false);
    (void)appliance.talk(letter(kToAnn));
    REQUIRE(appliance.outgoing.size() == 1);
    std::string back = appliance.outgoing[0].envelope.fields + *appliance.outgoing[0].bytes;
    back.resize(back.find("\r\n\r\n") + 2);
    std::string body;
    while (body.size() < filling) body += std::string(70, 'x') + "\r\n";
    (void)appliance.talk(letter(kToAnn, "Received: from elsewhere\r\n" + back + "\r\n" + body));
    CHECK(appliance.outgoing.size() == 1);
    REQUIRE(appliance.inbox("ann").size() == 1);
    const auto told = appliance.recorded.of(EventKind::expanded);
    REQUIRE(told.size() == 3);
    CHECK(told[2].recipient == "ann@example.test");
    CHECK(fact(told[2], "how") == "loop");
    // Somebody else's mark, or a made one, keeps nothing back.
    (void)appliance.talk(letter(kToAnn, "X-Forwarded-Mark: AAAAAAAAAAAAAAAA " + appliance.srs.forward_mark(999) + "\r\n"));
    CHECK(appliance.outgoing.size() == 2);
}

TEST_CASE("a list's members elsewhere get it from its owner, one from the sender, all in one commit", "[smtp][forwarding]")
{
    Appliance appliance;
    REQUIRE(appliance.run(appliance.directory->add_alias(
        {"all@example.test", {"bob@example.test", "m1@elsewhere.example", "m2@other.example"}, true, "ann@example.test"})));
    (void)appliance.talk(letter("RCPT TO:<all@example.test> NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;all@example.test\r\n"
                              "RCPT TO:<outside@example.test>\r\n"));
    CHECK(appliance.inbox("bob").size() == 1);
    REQUIRE(appliance.outgoing.size() == 2);
    const auto& plain = appliance.outgoing[0];
    const auto& list = appliance.outgoing[1];
    CHECK(plain.envelope.reverse_path.starts_with("SRS0="));
    // Arrival at the list is the end of the sender's mail (RFC 3461 5.2.7.1): told once, by us.
    CHECK(addresses(plain.envelope) == std::vector<std::string>{"far@elsewhere.example", "all@example.test"});
    CHECK(plain.envelope.recipients[1].ending == queue::Ending::here);
    CHECK(plain.envelope.recipients[1].original == "rfc822;all@example.test");
    CHECK(list.envelope.reverse_path == "ann@example.test");
    CHECK(addresses(list.envelope) == std::vector<std::string>{"m1@elsewhere.example", "m2@other.example"});
    CHECK_FALSE(list.envelope.recipients[0].notify.is_given);
    CHECK(list.envelope.recipients[0].original.empty());
    CHECK(list.id != plain.id);
    CHECK(*list.bytes == *plain.bytes);
    CHECK(list.bytes->substr(list.envelope.kept_back).starts_with("Received: "));
    // Its story: where it came from, and who waits.
    const auto accepted = appliance.recorded.of(EventKind::accepted);
    REQUIRE(accepted.size() == 2);
    CHECK(accepted[1].id == list.id);
    CHECK(fact(accepted[1], "reverse_path") == "ann@example.test");
    CHECK(accepted[1].detail.find(plain.id) != std::string::npos);
    std::size_t waiting = 0;
    for (const auto& event : appliance.recorded.of(EventKind::queued)) waiting += event.id == list.id ? 1 : 0;
    CHECK(waiting == 2);
}

TEST_CASE("a list of members elsewhere alone needs one message; a bounce to a list stays nobody's", "[smtp][forwarding]")
{
    Appliance appliance;
    REQUIRE(appliance.run(appliance.directory->add_alias({"all@example.test", {"m1@elsewhere.example"}, true, "ann@example.test"})));
    (void)appliance.talk(letter("RCPT TO:<all@example.test>\r\n"));
    REQUIRE(appliance.outgoing.size() == 1);
    CHECK(appliance.outgoing[0].envelope.reverse_path == "ann@example.test");
    CHECK(appliance.recorded.of(EventKind::accepted).size() == 1);
    CHECK(appliance.recorded.of(EventKind::queued).size() == 1);
    (void)appliance.talk(letter("RCPT TO:<all@example.test>\r\n", "Subject: bounce\r\n", ""));
    REQUIRE(appliance.outgoing.size() == 2);
    CHECK(appliance.outgoing[1].envelope.reverse_path.empty());
}

TEST_CASE("NOTIFY=SUCCESS of a mailbox here is owed a report by us, of an alias of several once (RFC 3461 5.2.7)", "[smtp][forwarding]")
{
    Appliance appliance;
    (void)appliance.talk(letter("RCPT TO:<bob@example.test> NOTIFY=SUCCESS ORCPT=rfc822;b+2Bb@example.test\r\n"));
    CHECK(appliance.inbox("bob").size() == 1);
    REQUIRE(appliance.outgoing.size() == 1);
    const auto& here = appliance.outgoing[0].envelope;
    CHECK(here.reverse_path == "s@sender.example");
    REQUIRE(here.recipients.size() == 1);
    CHECK(here.recipients[0].ending == queue::Ending::here);
    CHECK(here.recipients[0].address == "bob@example.test");
    CHECK(here.recipients[0].original == "rfc822;b+b@example.test");
    CHECK(appliance.recorded.of(EventKind::queued).empty());

    (void)appliance.talk(letter("RCPT TO:<outside@example.test> NOTIFY=SUCCESS,FAILURE\r\n"));
    REQUIRE(appliance.outgoing.size() == 2);
    const auto& several = appliance.outgoing[1].envelope;
    CHECK(addresses(several) == std::vector<std::string>{"far@elsewhere.example", "outside@example.test"});
    CHECK(several.recipients[0].notify == queue::Notify{true, false, true, false});
    CHECK(several.recipients[1].ending == queue::Ending::expanded);

    // Nobody is to be told: nobody asked, asked for failures alone, or there is nobody to tell.
    (void)appliance.talk(letter("RCPT TO:<bob@example.test> NOTIFY=FAILURE,DELAY\r\n"));
    (void)appliance.talk(letter("RCPT TO:<bob@example.test> NOTIFY=NEVER\r\n"));
    (void)appliance.talk(letter("RCPT TO:<bob@example.test> NOTIFY=SUCCESS\r\n", "Subject: x\r\n", ""));
    CHECK(appliance.outgoing.size() == 2);
}

TEST_CASE("a message that only owes a report is refused by a full mailbox as any other", "[smtp][forwarding]")
{
    Appliance appliance;
    appliance.store.set_quotas([](const store::AccountKey&) { return store::QuotaLimits{10, 0}; });
    const auto heard = appliance.talk(letter("RCPT TO:<bob@example.test> NOTIFY=SUCCESS\r\n"));
    CHECK(heard.find("452 4.2.2") != std::string::npos);
    CHECK(appliance.outgoing.empty());
}

TEST_CASE("of many accounts that forward each is told of with the message that bears its copy", "[smtp][forwarding]")
{
    Appliance appliance;
    constexpr int kAccounts = 11;
    std::string rcpt;
    for (int n = 0; n < kAccounts; ++n) {
        const std::string address = "u" + std::to_string(n) + "@example.test";
        directory::NewAccount account;
        account.address = address;
        account.password_hash = "x";
        REQUIRE(appliance.run(appliance.directory->add_account(account)));
        forward(appliance, address, {"far" + std::to_string(n) + "@elsewhere.example", "more@elsewhere.example"}, false);
        rcpt += "RCPT TO:<" + address + ">\r\n";
    }
    (void)appliance.talk(letter(rcpt));
    REQUIRE(appliance.outgoing.size() == Transaction::kMostForwarders);
    const std::string& shared = appliance.outgoing.back().id;
    std::map<std::string, std::vector<std::string>> told;
    for (const auto& event : appliance.recorded.of(EventKind::expanded)) told[event.recipient].push_back(event.detail);
    CHECK(told.size() == kAccounts);
    CHECK_FALSE(told.contains("postmaster@example.test"));
    const auto says = [&told](const std::string& who, const std::string& what) { return std::ranges::count(told[who], what) == 1; };
    CHECK(says("u10@example.test", "1 address elsewhere, in message " + shared));
    CHECK(says("u7@example.test", "1 address elsewhere, in message " + shared));
    // The first is what came in itself.
    CHECK(says("u1@example.test", "1 address elsewhere, in message " + appliance.outgoing[1].id));
    CHECK_FALSE(says("u6@example.test", "1 address elsewhere, in message " + shared));
    std::map<std::string, std::string> begun;
    for (const auto& event : appliance.recorded.of(EventKind::accepted)) begun[event.id] = event.detail;
    CHECK(begun[shared].starts_with("what accounts forward; the message came in as "));
    CHECK(begun[appliance.outgoing[1].id].starts_with("what an account forwards; the message came in as "));
}

TEST_CASE("each step from one address to others is told to the trace in words", "[smtp][forwarding]")
{
    Appliance appliance;
    forward(appliance, "ann@example.test", {"far@elsewhere.example"}, true);
    (void)appliance.talk(letter("RCPT TO:<sales@example.test>\r\n"));
    const auto told = appliance.recorded.of(EventKind::expanded);
    REQUIRE(told.size() == 3);
    CHECK(told[0].recipient == "sales@example.test");
    CHECK(told[0].detail == "ann@example.test, bob@example.test (alias)");
    CHECK(told[1].recipient == "ann@example.test");
    CHECK(told[1].detail == "far@elsewhere.example (forward and copy)");
    CHECK(told[2].detail.starts_with("1 address elsewhere, in message "));
    CHECK(told[0].id == appliance.recorded.of(EventKind::accepted).at(0).id);
    // One's own mailbox is no step.
    (void)appliance.talk(letter("RCPT TO:<bob@example.test>\r\n"));
    CHECK(appliance.recorded.of(EventKind::expanded).size() == 3);
    // Who is reached by two ways is led on once.
    (void)appliance.talk(letter("RCPT TO:<ann@example.test>\r\nRCPT TO:<sales@example.test>\r\n"));
    const auto both = appliance.recorded.of(EventKind::expanded);
    CHECK(std::ranges::count(both, std::string("far@elsewhere.example (forward and copy)"), &trace::Event::detail) == 2);
}
