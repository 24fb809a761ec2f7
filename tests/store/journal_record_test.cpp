#include <catch2/catch_test_macros.hpp>

#include "store/expunged_name.hpp"
#include "store/journal_record.hpp"
#include "store/message_name.hpp"

using namespace mbx::store;

namespace {

const AccountKey kAda{7, "ada", "example.org"};

std::vector<JournalRecord> one_of_each()
{
    AcceptedRecord accepted;
    accepted.trace_id = "trace";
    accepted.internal_date = -5;
    accepted.size = 1U << 20U;
    accepted.crc = 0xdeadbeef;
    accepted.spool_name = "in-1";
    accepted.recipients = {kAda, {8, "bob", "example.org"}};
    AcceptedRecord elsewhere = accepted;
    elsewhere.outgoing = std::string("an envelope\0", 12);
    AcceptedRecord traced = elsewhere;
    traced.traced = std::string("events\0", 7);
    AcceptedRecord traced_here = accepted;
    traced_here.traced = "events";
    PlacedRecord placed;
    placed.account = kAda;
    placed.mailbox = MailboxId{3};
    placed.row = {9, 1234567890123, {kSeen, 5}, 1'700'000'000, 1'800'000'000, 77};
    placed.unique = "1.x";
    placed.source = PlacedRecord::Source::message;
    placed.accepted = 44;
    placed.source_mailbox = MailboxId{4};
    placed.source_unique = "1.y";
    PlacedRecord timed = placed;
    timed.placed_at = 1'800'000'000'123'456;
    FlagsRecord flags;
    flags.account = kAda;
    flags.mailbox = MailboxId{3};
    flags.modseq = 5;
    flags.changes = {{{1, 4}, {kSeen, 0}}, {{9, 9}, {kFlagged, 1U << 25U}}};
    ExpungedRecord expunged;
    expunged.account = kAda;
    expunged.mailbox = MailboxId{3};
    expunged.modseq = 6;
    expunged.reason = ExpungedRecord::Reason::moved;
    expunged.messages = {{1, "1.x"}, {UINT32_MAX, "1.z"}};
    ExpungedRecord told = expunged;
    told.told = {1'800'000'000'123'456, "imap", "INBOX", "", 1, {}};
    ExpungedRecord told_moved = expunged;
    told_moved.told = {1'800'000'000'123'456, "imap", "INBOX", "Kept", 2, {UINT32_MAX, 3}};
    ExpungedRecord told_by_owner = told;
    told_by_owner.told.login = "ada@example.org";
    ExpungedRecord told_by_other = told_moved;
    told_by_other.told.login = "bob@example.org";
    told_by_other.told.to_id = MailboxId{5};
    ExpungedRecord told_elsewhere = told_by_other;
    told_elsewhere.told.to_account = {8, "bob", "example.org"};
    PlacedRecord restored = placed;
    restored.restored = {1'800'000'000'123'456, "the administrator", 4, "", "INBOX"};
    const MailboxActRecord renamed{kAda, MailboxId{3}, MailboxActRecord::Kind::renamed, 1'800'000'000'123'456, "imap", "bob@example.org",
                                   "Box", "Chest"};
    const MailboxActRecord returned{kAda, MailboxId{3}, MailboxActRecord::Kind::restored, 1'800'000'000'123'456, "the administrator", "",
                                    "Box", ""};
    return {accepted, elsewhere, traced, traced_here, placed, timed, flags, expunged, told, told_moved, told_by_owner, told_by_other,
            told_elsewhere, restored, renamed, returned, AccountRemovedRecord{kAda}, VoidRecord{UINT64_MAX},
            OutgoingRecord{"a change"}, OutgoingRecord{"a change", "events"}};
}

}  // namespace

TEST_CASE("every record comes back from its bytes, with the body behind it", "[store][journal]")
{
    for (const auto& record : one_of_each()) {
        const auto head = encode(record);
        const auto payload = head + "body\r\n";
        const auto decoded = decode(payload);
        REQUIRE(decoded);
        CHECK(decoded->record.index() == record.index());
        CHECK(encode(decoded->record) == head);
        CHECK(decoded->body == "body\r\n");
        CHECK(describe(decoded->record) == describe(record));
    }
}

TEST_CASE("a record that is cut short, of another version or of an unknown kind is no record", "[store][journal]")
{
    for (const auto& record : one_of_each()) {
        const auto head = encode(record);
        for (std::size_t size = 0; size < head.size(); ++size) CHECK_FALSE(decode(std::string_view(head).substr(0, size)));
        auto other = head;
        other[0] = 2;
        CHECK_FALSE(decode(other));
        other = head;
        other[1] = 99;
        CHECK_FALSE(decode(other));
    }
}

TEST_CASE("a record whose file names lead out of their directory is no record", "[store][journal]")
{
    for (const std::string& name : {std::string("../x"), std::string("/etc/passwd"), std::string(".hidden"),
                                    std::string("a/b"), std::string("a\0b", 3)}) {
        PlacedRecord placed;
        placed.account = kAda;
        placed.unique = name;
        CHECK_FALSE(decode(encode(placed)));
    }
}

TEST_CASE("who expunged or moved messages, and when, stands once in their record, and lies about nothing", "[store][journal]")
{
    ExpungedRecord record;
    record.account = kAda;
    record.mailbox = MailboxId{3};
    for (Uid uid = 1; uid <= 10'000; ++uid) record.messages.push_back({uid, unique_of(1'700'000'000, 1, uid)});
    const std::size_t before = encode(record).size();
    record.told = {1'800'000'000'123'456, "imap", "INBOX", "", 1000, {}};
    CHECK(encode(record).size() < before + 40);
    // The version before knew no login; what it wrote is read and stays what it is.
    CHECK(encode(record)[1] == 12);
    record.told.login = "ada@example.org";
    CHECK(encode(record)[1] == 13);
    CHECK(encode(record).size() < before + 40);
    record.told.to_mailbox = "Trash";
    for (Uid uid = 70'000; uid < 71'000; ++uid) record.told.to.push_back(uid);
    CHECK(encode(record).size() < before + 1'050);
    const auto read = decode(encode(record));
    REQUIRE(read);
    CHECK(std::get<ExpungedRecord>(read->record).told.to == record.told.to);
    CHECK(std::get<ExpungedRecord>(read->record).told.login == "ada@example.org");
    CHECK(describe(record).ends_with(",... told=1000 by=imap login=ada@example.org"));
    const auto is_record = [](ExpungedRecord one) { return decode(encode(one)).has_value(); };
    auto bad = record;
    bad.told.at = -1;
    CHECK_FALSE(is_record(bad));
    bad = record;
    bad.told.count = 10'001;
    CHECK_FALSE(is_record(bad));
    bad.told.count = 0;
    CHECK_FALSE(is_record(bad));
    bad = record;
    bad.told.to[3] = 0;
    CHECK_FALSE(is_record(bad));
    bad.told.to.pop_back();
    CHECK_FALSE(is_record(bad));
    // However long a name is.
    auto longest = record;
    longest.told.to_mailbox = std::string(100'000, 'x');
    CHECK(is_record(longest));
}

TEST_CASE("CRC-32C has its known values, in one piece or in several", "[store][journal]")
{
    CHECK(crc32c(std::string(32, '\0')) == 0x8a9136aaU);
    CHECK(crc32c(std::string(32, '\xff')) == 0x62a8ab43U);
    CHECK(crc32c("123456789") == 0xe3069283U);
    CHECK(crc32c("6789", crc32c("12345")) == 0xe3069283U);
    CHECK(crc32c("") == 0);
}

TEST_CASE("a unique part tells its journal and its record, and foreign ones tell nothing", "[store][journal]")
{
    const auto unique = unique_of(1'700'000'000, 0xab, 0x1234);
    CHECK(unique == "1700000000.J000000ab1234.mailboxd");
    CHECK(lsn_of(unique) == std::pair<std::uint32_t, Lsn>(0xab, 0x1234));
    CHECK(lsn_of(unique_of(0, UINT32_MAX, UINT64_MAX)) == std::pair<std::uint32_t, Lsn>(UINT32_MAX, UINT64_MAX));
    CHECK(save_date_of(unique) == 1'700'000'000);
    CHECK(is_usable_unique(unique));
    for (const char* foreign : {"", "1700000000.M1P1.host", "1.J000000ab.mailboxd", "1.J000000abxyz.mailboxd",
                                "1.J000000ab1.host", "x.J000000ab1.mailboxd", "1.J000000AB1.mailboxd"}) {
        CHECK_FALSE(lsn_of(foreign));
    }
}

TEST_CASE("a name in the undelete directory comes back from its text, and fits beside the longest name", "[store][journal]")
{
    const ExpungedName file{0xff, 1'700'000'000, MailboxId{12}, 5, "1.x,S=3,I=5:2,ST"};
    CHECK(format_expunged_name(file) == "ff,1700000000,12,5,1.x,S=3,I=5:2,ST");
    const auto parsed = parse_expunged_name(format_expunged_name(file));
    REQUIRE(parsed);
    CHECK(parsed->lsn == 0xff);
    CHECK(parsed->mailbox == MailboxId{12});
    CHECK(parsed->name == file.name);
    const auto directory = parse_expunged_name(format_expunged_name({1, 2, MailboxId{3}, 0, {}}));
    REQUIRE(directory);
    CHECK(directory->uid == 0);
    for (const char* other : {"", "1", "1,2,3", "1,2,3,0,x", "1,2,3,4", "1,2,3,4,", "1,2,3,mailbox,x", "g,2,3,4,x"}) {
        CHECK_FALSE(parse_expunged_name(other));
    }
    const std::string unique(255, 'u');
    std::size_t longest = 0;
    for (std::size_t size = 1; size < unique.size(); ++size) {
        if (is_usable_unique(std::string_view(unique).substr(0, size))) longest = size;
    }
    const std::string name = base_name(unique.substr(0, longest), UINT64_MAX, UINT32_MAX) + flag_suffix({63, (1U << 26U) - 1});
    CHECK(format_expunged_name({UINT64_MAX, INT32_MAX, MailboxId{INT64_MAX}, UINT32_MAX, name}).size() <= kMaxFileName);
}
