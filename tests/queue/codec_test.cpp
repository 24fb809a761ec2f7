// What the queue writes for itself: envelopes, records, entry files.
#include <catch2/catch_test_macros.hpp>
#include <random>

#include "queue/entry_file.hpp"
#include "queue/queue_record.hpp"
#include "queue/report.hpp"
#include "queue/retry_plan.hpp"

using namespace mbx;
using namespace mbx::queue;

namespace {

Envelope some_envelope()
{
    Envelope envelope;
    envelope.reverse_path = "anna@example.org";
    envelope.envelope_id = "QQ314159";
    envelope.ret = ReturnKind::full_message;
    envelope.body = BodyKind::eight_bit;
    envelope.smtputf8 = true;
    envelope.account = "anna@example.org";
    envelope.recipients.push_back({"bob@example.net", "rfc822;bob+2Bx@example.net", {true, true, true, false}});
    envelope.recipients.push_back({"\xd1\x8f@example.com", "", {}});
    return envelope;
}

Entry some_entry()
{
    Entry entry;
    entry.id = "0abc12";
    entry.accepted = 1'800'000'000'123;
    entry.size = 4711;
    entry.crc = 0xdeadbeef;
    entry.envelope = some_envelope();
    entry.states.resize(2);
    entry.states[1].attempts = 3;
    entry.states[1].next = 1'800'000'300'000;
    entry.states[1].extra = 2;
    entry.states[1].planned = 1'800'000'400'000;
    entry.states[1].last = {451, "4.7.1", "greylisted, come back", "mx.example.com", 1'800'000'000, true};
    entry.version = 4;
    return entry;
}

Change some_change(std::uint64_t version, RecipientStatus status, std::uint32_t attempts)
{
    Change change{"0abc12", version, false, false, {}};
    RecipientState state;
    state.status = status;
    state.attempts = attempts;
    state.last = {250, "2.0.0", "ok", "mx", 1'800'000'100, true};
    change.outcomes.push_back({0, state});
    return change;
}

}  // namespace

TEST_CASE("envelopes, entries and records come back as they were written", "[queue][codec]")
{
    CHECK(decode_envelope(encode(some_envelope())) == some_envelope());
    CHECK(decode_entry(encode_entry(some_entry())) == some_entry());
    const QueueRecord change = some_change(5, RecipientStatus::delivered, 1);
    CHECK(decode_record(encode(change)) == change);
    CHECK(decode_record(encode(Ended{"xyz"})) == QueueRecord(Ended{"xyz"}));
    CHECK_FALSE(decode_record(encode(Ended{"../../etc"})));
    CHECK(describe(change).find("0abc12") != std::string::npos);
}

TEST_CASE("what the trace was told of an entry comes back as it was written, and in order alone", "[queue][codec]")
{
    Entry entry = some_entry();
    const auto before = encode_entry(entry).size();
    entry.is_held = true;
    CHECK(encode_entry(entry).size() == before);
    entry.told.is_hold_untold = true;
    entry.told.rules = {1'700'000'000'000, 1'700'000'000'001};
    entry.told.trouble = {"anna@example.org", "the mailbox is full", true};
    const std::string good = encode_entry(entry);
    CHECK(decode_entry(good) == entry);
    for (std::size_t n = 0; n < good.size(); ++n) CHECK_FALSE(decode_entry(good.substr(0, n)));
    Change change = next_change(entry);
    CHECK(decode_record(encode(QueueRecord(change))) == QueueRecord(change));
    Entry other = some_entry();
    CHECK(apply(change, other));
    CHECK(other.told == entry.told);
    change.told.rules = {2, 1};
    CHECK_FALSE(decode_record(encode(QueueRecord(change))));
    change.told.rules = {2, 2};
    CHECK_FALSE(decode_record(encode(QueueRecord(change))));
    // What came late, as a report's record may, undoes nothing.
    Change late = some_change(other.version, RecipientStatus::failed, 4);
    CHECK(apply(late, other));
    CHECK(other.told == entry.told);
}

TEST_CASE("an envelope of another version, cut short or with something behind it is refused", "[queue][codec]")
{
    const std::string good = encode(some_envelope());
    for (std::size_t n = 0; n < good.size(); ++n) CHECK_FALSE(decode_envelope(good.substr(0, n)));
    CHECK_FALSE(decode_envelope(good + "x"));
    CHECK_FALSE(decode_envelope("\x02" + good.substr(1)));
    Envelope nobody = some_envelope();
    nobody.recipients.clear();
    CHECK_FALSE(decode_envelope(encode(nobody)));
}

TEST_CASE("I9: an entry file with any byte changed is never taken for whole", "[queue][codec][I9]")
{
    const std::string head = format_entry_file(some_entry());
    const std::string file = head + format_change_frame(some_change(5, RecipientStatus::delivered, 1));
    REQUIRE(parse_entry_file(file).state == EntryFileState::whole);
    for (std::size_t at = 0; at < file.size(); ++at) {
        for (const unsigned flip : {0x01U, 0x80U, 0xffU}) {
            CAPTURE(at, flip);
            std::string bad = file;
            bad[at] = static_cast<char>(static_cast<unsigned char>(bad[at]) ^ flip);
            const auto parsed = parse_entry_file(bad);
            CHECK(parsed.state != EntryFileState::whole);
            // Damage behind the head leaves the entry as it was before the change.
            if (at >= head.size()) {
                CHECK(parsed.state == EntryFileState::torn);
                CHECK(parsed.entry == some_entry());
                CHECK(parsed.good_size == head.size());
            }
        }
    }
}

TEST_CASE("I9: an entry file cut at any byte gives what stands before the cut, or nothing", "[queue][codec][I9]")
{
    const std::string head = format_entry_file(some_entry());
    const std::string file = head + format_change_frame(some_change(5, RecipientStatus::waiting, 2)) +
                             format_change_frame(some_change(6, RecipientStatus::delivered, 3));
    for (std::size_t size = 0; size < file.size(); ++size) {
        const auto parsed = parse_entry_file(std::string_view(file).substr(0, size));
        if (size < head.size()) CHECK((parsed.state == EntryFileState::foreign || parsed.state == EntryFileState::damaged));
        else CHECK((parsed.state == EntryFileState::torn || parsed.good_size == size));
    }
    CHECK(parse_entry_file(file).entry.states[0].status == RecipientStatus::delivered);
    CHECK(parse_entry_file("mailboxd queue entry 2\n").state == EntryFileState::newer);
    CHECK(parse_entry_file("mailboxd queue entry 0\n").state == EntryFileState::foreign);
}

TEST_CASE("changes do no harm twice, late or out of order", "[queue][codec]")
{
    Entry entry = some_entry();
    CHECK(apply(some_change(6, RecipientStatus::delivered, 2), entry));
    const Entry after = entry;
    CHECK_FALSE(apply(some_change(6, RecipientStatus::delivered, 2), entry));
    CHECK_FALSE(apply(some_change(5, RecipientStatus::waiting, 1), entry));
    CHECK(entry == after);
    Change other = some_change(9, RecipientStatus::failed, 9);
    other.id = "other";
    CHECK_FALSE(apply(other, entry));
    other = some_change(9, RecipientStatus::failed, 9);
    other.outcomes[0].recipient = 2;
    CHECK_FALSE(apply(other, entry));
    CHECK(entry == after);
    // A report's record that came after a hold: the hold stays, the recipient is failed.
    Entry second = some_entry();
    Change hold{"0abc12", 6, true, false, {}};
    CHECK(apply(hold, second));
    CHECK(apply(some_change(5, RecipientStatus::failed, 0), second));
    CHECK(second.is_held);
    CHECK(second.states[0].status == RecipientStatus::failed);
}

TEST_CASE("attempts come after 5, 15, 30 minutes, 1, 2 and then every 4 hours, a tenth more or less", "[queue][plan]")
{
    using std::chrono::minutes;
    const std::vector<int> waits{5, 15, 30, 60, 120, 240, 240, 240};
    std::mt19937_64 random(1);
    for (std::uint32_t attempts = 1; attempts <= waits.size(); ++attempts) {
        for (int n = 0; n < 200; ++n) {
            const auto wait = wait_before_next(attempts, random());
            const std::chrono::milliseconds plan = minutes(waits[attempts - 1]);
            CHECK(wait >= plan * 9 / 10);
            CHECK(wait <= plan * 11 / 10);
        }
    }
    CHECK(wait_before_next(0, 0) == wait_before_next(1, 0));
    CHECK(wait_before_probe(2, 5).count() == 0);
    CHECK(wait_before_probe(3, 5) >= minutes(54) / 60);
    CHECK(wait_before_probe(1000, UINT64_MAX) <= minutes(22));
}

TEST_CASE("an envelope keeps what stays here of the message, and whose way ends here", "[queue][codec]")
{
    Envelope envelope = some_envelope();
    envelope.kept_back = 37;
    envelope.ignores_tls_policy = true;
    envelope.is_forwarded = true;
    envelope.is_only_copy = true;
    envelope.recipients[0].ending = Ending::here;
    envelope.recipients[1].ending = Ending::expanded;
    const auto read = decode_envelope(encode(envelope));
    REQUIRE(read);
    CHECK(*read == envelope);
    Entry entry = some_entry();
    entry.envelope = envelope;
    // What has neither is written as before, for an older version to read.
    CHECK(encode(some_envelope()).size() + 1 == encode(envelope).size());
}

TEST_CASE("an envelope keeps the fields of its copy, and takes none that could end a header or begin another message", "[queue][codec]")
{
    Envelope envelope = some_envelope();
    const std::string without = encode(envelope);
    envelope.kept_back = 37;
    envelope.is_forwarded = true;
    envelope.fields = "X-Forwarded-Mark: ABCDEFGH\r\n IJKLMNOP\r\nX-Other:\r\n";
    CHECK(decode_envelope(encode(envelope)) == envelope);
    CHECK(decode_envelope(without) == some_envelope());
    for (const char* bad : {"X: a", "X: a\n", "X: a\r", "X: a\r\n\r\n", "X: a\r\n\r\nY: b\r\n", "\r\n", " X: a\r\n", "X a\r\n", ": a\r\n", "X Y: a\r\n",
                            "X: a\r\n \r\n", "X: a\nY: b\r\n", "X: a\rY: b\r\n", "X: a\x01\r\n", "X: a\r\nbody\r\n"}) {
        CAPTURE(bad);
        CHECK_FALSE(are_whole_fields(bad));
        envelope.fields = bad;
        CHECK_FALSE(decode_envelope(encode(envelope)));
    }
    CHECK_FALSE(are_whole_fields(std::string("X: \0a\r\n", 8)));
    CHECK_FALSE(are_whole_fields("X: " + std::string(996, 'a') + "\r\n"));
    CHECK(are_whole_fields("X: " + std::string(995, 'a') + "\r\n"));
    std::string many;
    while (many.size() <= kMaxEnvelopeFields) many += "X: " + std::string(100, 'a') + "\r\n";
    CHECK_FALSE(are_whole_fields(many));
    // A size that lies.
    envelope.fields = "X: a\r\n";
    std::string lies = encode(envelope);
    const auto at = lies.find("X: a");
    lies[at - 1] = '\x7f';
    CHECK_FALSE(decode_envelope(lies));
}

TEST_CASE("I2, I5: who is told of what follows NOTIFY, RET and the null return path", "[queue][report][I2][I5]")
{
    const Recipient plain{"b@x", "", {}};
    const Recipient never{"b@x", "", {true, false, false, false}};
    const Recipient success{"b@x", "", {true, true, false, false}};
    Envelope envelope = some_envelope();
    CHECK(wants_report(envelope, plain, ReportKind::failed));
    CHECK(wants_report(envelope, plain, ReportKind::delayed));
    CHECK_FALSE(wants_report(envelope, plain, ReportKind::relayed));
    for (const auto kind : {ReportKind::failed, ReportKind::delayed, ReportKind::relayed}) {
        CHECK_FALSE(wants_report(envelope, never, kind));
        Envelope report = envelope;
        report.reverse_path.clear();
        CHECK_FALSE(wants_report(report, plain, kind));
        CHECK_FALSE(wants_report(report, success, kind));
    }
    CHECK(wants_report(envelope, success, ReportKind::relayed));

    Entry entry = some_entry();
    const ReportLimits limits{std::chrono::hours(120), 1'000'000};
    const auto facts = decide_report(entry, ReportKind::failed, {0, 1, 7}, WallTime{}, limits);
    REQUIRE(facts);
    CHECK(facts->to == "anna@example.org");
    CHECK(facts->is_full_wanted);
    REQUIRE(facts->recipients.size() == 2);
    CHECK(facts->recipients[1].is_expired);
    CHECK_FALSE(facts->recipients[0].is_expired);
    entry.size = 100U << 20U;
    CHECK_FALSE(decide_report(entry, ReportKind::failed, {0}, WallTime{}, limits)->is_full_wanted);
    CHECK_FALSE(decide_report(entry, ReportKind::failed, {}, WallTime{}, limits));
    entry.envelope.reverse_path.clear();
    CHECK_FALSE(decide_report(entry, ReportKind::failed, {0, 1}, WallTime{}, limits));
}

TEST_CASE("a report of what was forwarded is for the account, with the whole message where nobody else has it", "[queue][report]")
{
    Entry entry = some_entry();
    const ReportLimits limits{std::chrono::hours(120), 1'000'000};
    CHECK(decide_report(entry, ReportKind::failed, {0}, WallTime{}, limits)->forwarded_by.empty());
    entry.size = 100U << 20U;
    entry.envelope.reverse_path = "FWD0=x@example.org";
    entry.envelope.is_forwarded = true;
    auto facts = decide_report(entry, ReportKind::failed, {0}, WallTime{}, limits);
    REQUIRE(facts);
    CHECK(facts->to == "FWD0=x@example.org");
    CHECK(facts->forwarded_by == "anna@example.org");
    CHECK_FALSE(facts->is_full_wanted);
    entry.envelope.is_only_copy = true;
    facts = decide_report(entry, ReportKind::failed, {0}, WallTime{}, limits);
    REQUIRE(facts);
    CHECK(facts->is_full_wanted);
    CHECK(facts->is_only_copy);
    CHECK_FALSE(decide_report(entry, ReportKind::delayed, {1}, WallTime{}, limits)->is_full_wanted);
}
