#include "store/journal_record.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

#include "base/ascii.hpp"
#include "journal/crc32c.hpp"
#include "store/message_name.hpp"
#include "store/record_bytes.hpp"

namespace mbx::store {

namespace {

// The payload: version and kind, the length of what follows up to the body (four bytes, the low one first), that, the
// body.
constexpr char kRecordVersion = 1;
constexpr std::size_t kRecordPrefix = 6;
constexpr std::size_t kMaxTextInRecord = 4096;
constexpr std::size_t kMaxOutgoing = 16U << 20U;

enum class Kind : char {
    accepted = 1, placed = 2, flags = 3, expunged = 4, account_removed = 5, voided = 6, accepted_outgoing = 7, outgoing = 8,
    accepted_traced = 9, outgoing_traced = 10, placed_timed = 11, expunged_told = 12,
    expunged_told_by = 13, placed_restored = 14, mailbox_act = 15,
};

void put(RecordWriter& out, const AccountKey& account)
{
    out.signed_number(account.id);
    out.text(account.local_part);
    out.text(account.domain);
}

std::string address_of(const AccountKey& account) { return account.local_part + "@" + account.domain; }

void put_short(RecordWriter& out, std::string_view text) { out.text(text.substr(0, kMaxTextInRecord)); }

// Mostly the account's own: a byte.
void put_login(RecordWriter& out, const AccountKey& account, std::string_view login)
{
    constexpr std::uint64_t kOwner = 0;
    constexpr std::uint64_t kOther = 1;
    const bool is_owner = login == address_of(account);
    out.number(is_owner ? kOwner : kOther);
    if (!is_owner) put_short(out, login);
}

void put(RecordWriter& out, const MessageRow& row)
{
    out.number(row.uid);
    out.number(row.modseq);
    out.number(row.flags.system);
    out.number(row.flags.keywords);
    out.signed_number(row.internal_date);
    out.signed_number(row.save_date);
    out.number(row.size);
}

Kind put(RecordWriter& out, const AcceptedRecord& record)
{
    out.text(record.trace_id);
    out.signed_number(record.internal_date);
    out.number(record.size);
    out.number(record.crc);
    out.text(record.spool_name);
    out.number(record.recipients.size());
    for (const auto& recipient : record.recipients) put(out, recipient);
    if (record.outgoing.empty() && record.traced.empty()) return Kind::accepted;
    out.text(record.outgoing);
    if (record.traced.empty()) return Kind::accepted_outgoing;
    out.text(record.traced);
    return Kind::accepted_traced;
}

Kind put(RecordWriter& out, const PlacedRecord& record)
{
    put(out, record.account);
    out.signed_number(record.mailbox.value);
    put(out, record.row);
    out.text(record.unique);
    out.number(record.crc);
    out.number(static_cast<std::uint64_t>(record.source));
    out.number(record.accepted);
    out.text(record.spool_name);
    out.signed_number(record.source_mailbox.value);
    out.text(record.source_unique);
    if (record.restored.at != 0) {
        out.signed_number(record.restored.at);
        put_short(out, record.restored.by);
        out.number(record.restored.uid);
        put_short(out, record.restored.mailbox);
        put_short(out, record.restored.to_mailbox);
        return Kind::placed_restored;
    }
    if (record.placed_at == 0) return Kind::placed;
    out.signed_number(record.placed_at);
    return Kind::placed_timed;
}

Kind put(RecordWriter& out, const FlagsRecord& record)
{
    put(out, record.account);
    out.signed_number(record.mailbox.value);
    out.number(record.modseq);
    out.number(record.changes.size());
    for (const auto& change : record.changes) {
        out.number(change.uids.first);
        out.number(change.uids.last);
        out.number(change.flags.system);
        out.number(change.flags.keywords);
    }
    return Kind::flags;
}

// UIDs that a MOVE gives follow each other: a byte each.
void put(RecordWriter& out, const ExpungedRecord::Told& told)
{
    out.signed_number(told.at);
    put_short(out, told.by);
    put_short(out, told.mailbox);
    put_short(out, told.to_mailbox);
    out.number(told.count);
    std::int64_t last = 0;
    for (const Uid uid : told.to) out.signed_number(std::int64_t{uid} - std::exchange(last, uid));
}

Kind put(RecordWriter& out, const ExpungedRecord& record)
{
    put(out, record.account);
    out.signed_number(record.mailbox.value);
    out.number(record.modseq);
    out.number(static_cast<std::uint64_t>(record.reason));
    out.number(record.messages.size());
    for (const auto& message : record.messages) {
        out.number(message.uid);
        out.text(message.unique);
    }
    if (record.told.at == 0) return Kind::expunged;
    put(out, record.told);
    if (record.told.login.empty()) return Kind::expunged_told;
    put_login(out, record.account, record.told.login);
    if (record.told.to_mailbox.empty()) return Kind::expunged_told_by;
    out.signed_number(record.told.to_id.value);
    out.text(record.told.to_account.domain);
    if (record.told.to_account.domain.empty()) return Kind::expunged_told_by;
    out.signed_number(record.told.to_account.id);
    out.text(record.told.to_account.local_part);
    return Kind::expunged_told_by;
}

Kind put(RecordWriter& out, const MailboxActRecord& record)
{
    put(out, record.account);
    out.signed_number(record.mailbox.value);
    out.number(static_cast<std::uint64_t>(record.kind));
    out.signed_number(record.at);
    put_short(out, record.by);
    put_login(out, record.account, record.login);
    put_short(out, record.name);
    put_short(out, record.new_name);
    return Kind::mailbox_act;
}

Kind put(RecordWriter& out, const AccountRemovedRecord& record)
{
    put(out, record.account);
    return Kind::account_removed;
}

Kind put(RecordWriter& out, const VoidRecord& record)
{
    out.number(record.lsn);
    return Kind::voided;
}

Kind put(RecordWriter& out, const OutgoingRecord& record)
{
    out.text(record.change);
    if (record.traced.empty()) return Kind::outgoing;
    out.text(record.traced);
    return Kind::outgoing_traced;
}

// Names of files: what stands here becomes part of a path.
std::string file_part(RecordReader& in)
{
    const auto text = in.text(kMaxFileName);
    if (text.starts_with('.') || text.find('/') != std::string_view::npos || text.find('\0') != std::string_view::npos) {
        in.refuse();
        return {};
    }
    return std::string(text);
}

void take(RecordReader& in, AccountKey& account)
{
    account.id = in.signed_number();
    account.local_part = in.text(kMaxTextInRecord);
    account.domain = in.text(kMaxTextInRecord);
}

void take(RecordReader& in, Flags& flags)
{
    in.number_into(flags.system);
    in.number_into(flags.keywords);
}

void take(RecordReader& in, MessageRow& row)
{
    in.number_into(row.uid);
    row.modseq = in.number();
    take(in, row.flags);
    row.internal_date = in.signed_number();
    row.save_date = in.signed_number();
    row.size = in.number();
}

template <typename Choice>
void take_choice(RecordReader& in, Choice last, Choice& into)
{
    const auto value = in.number();
    if (value > static_cast<std::uint64_t>(last)) return in.refuse();
    into = static_cast<Choice>(value);
}

AcceptedRecord take_accepted(RecordReader& in)
{
    AcceptedRecord record;
    record.trace_id = in.text(kMaxTextInRecord);
    record.internal_date = in.signed_number();
    record.size = in.number();
    in.number_into(record.crc);
    record.spool_name = file_part(in);
    for (auto left = in.count(3); left != 0 && in.is_good(); --left) take(in, record.recipients.emplace_back());
    return record;
}

PlacedRecord take_placed(RecordReader& in)
{
    PlacedRecord record;
    take(in, record.account);
    record.mailbox.value = in.signed_number();
    take(in, record.row);
    record.unique = file_part(in);
    in.number_into(record.crc);
    take_choice(in, PlacedRecord::Source::present, record.source);
    record.accepted = in.number();
    record.spool_name = file_part(in);
    record.source_mailbox.value = in.signed_number();
    record.source_unique = file_part(in);
    return record;
}

FlagsRecord take_flags(RecordReader& in)
{
    FlagsRecord record;
    take(in, record.account);
    record.mailbox.value = in.signed_number();
    record.modseq = in.number();
    for (auto left = in.count(4); left != 0 && in.is_good(); --left) {
        auto& change = record.changes.emplace_back();
        in.number_into(change.uids.first);
        in.number_into(change.uids.last);
        take(in, change.flags);
        if (change.uids.first > change.uids.last) in.refuse();
    }
    return record;
}

ExpungedRecord take_expunged(RecordReader& in)
{
    ExpungedRecord record;
    take(in, record.account);
    record.mailbox.value = in.signed_number();
    record.modseq = in.number();
    take_choice(in, ExpungedRecord::Reason::vanished, record.reason);
    for (auto left = in.count(2); left != 0 && in.is_good(); --left) {
        auto& message = record.messages.emplace_back();
        in.number_into(message.uid);
        message.unique = file_part(in);
    }
    return record;
}

void take(RecordReader& in, std::size_t messages, ExpungedRecord::Told& told)
{
    told.at = in.signed_number();
    told.by = in.text(kMaxTextInRecord);
    told.mailbox = in.text(kMaxTextInRecord);
    told.to_mailbox = in.text(kMaxTextInRecord);
    const auto count = in.number();
    if (told.at <= 0 || count == 0 || count > messages) return in.refuse();
    told.count = static_cast<std::size_t>(count);
    constexpr std::int64_t kMostUid = UINT32_MAX;
    std::int64_t last = 0;
    for (std::size_t n = 0; n < told.count && !told.to_mailbox.empty(); ++n) {
        const std::int64_t step = in.signed_number();
        const bool is_near = step >= -kMostUid && step <= kMostUid;
        if (!is_near || last + step < 1 || last + step > kMostUid) return in.refuse();
        last += step;
        told.to.push_back(static_cast<Uid>(last));
    }
}

// In the one form that put_login() gives it.
std::string take_login(RecordReader& in, const AccountKey& account)
{
    const auto form = in.number();
    if (form == 0) return address_of(account);
    std::string login(in.text(kMaxTextInRecord));
    if (form != 1 || login == address_of(account)) in.refuse();
    return login;
}

void take_doer(RecordReader& in, const AccountKey& account, ExpungedRecord::Told& told)
{
    told.login = take_login(in, account);
    if (told.login.empty()) in.refuse();
    if (told.to_mailbox.empty()) return;
    told.to_id = MailboxId{in.signed_number()};
    told.to_account.domain = in.text(kMaxTextInRecord);
    if (told.to_account.domain.empty()) return;
    told.to_account.id = in.signed_number();
    told.to_account.local_part = in.text(kMaxTextInRecord);
}

MailboxActRecord take_mailbox_act(RecordReader& in)
{
    MailboxActRecord record;
    take(in, record.account);
    record.mailbox = MailboxId{in.signed_number()};
    take_choice(in, MailboxActRecord::Kind::restored, record.kind);
    record.at = in.signed_number();
    if (record.at <= 0) in.refuse();
    record.by = in.text(kMaxTextInRecord);
    record.login = take_login(in, record.account);
    record.name = in.text(kMaxTextInRecord);
    record.new_name = in.text(kMaxTextInRecord);
    return record;
}

PlacedRecord::Restored take_restored(RecordReader& in)
{
    PlacedRecord::Restored restored;
    restored.at = in.signed_number();
    if (restored.at <= 0) in.refuse();
    restored.by = in.text(kMaxTextInRecord);
    in.number_into(restored.uid);
    restored.mailbox = in.text(kMaxTextInRecord);
    restored.to_mailbox = in.text(kMaxTextInRecord);
    return restored;
}

std::optional<JournalRecord> take_record(Kind kind, RecordReader& in)
{
    switch (kind) {
    case Kind::accepted: return take_accepted(in);
    case Kind::accepted_outgoing: {
        auto record = take_accepted(in);
        record.outgoing = in.text(kMaxOutgoing);
        if (record.outgoing.empty()) in.refuse();
        return record;
    }
    case Kind::accepted_traced: {
        auto record = take_accepted(in);
        record.outgoing = in.text(kMaxOutgoing);
        record.traced = in.text(kMaxOutgoing);
        if (record.traced.empty()) in.refuse();
        return record;
    }
    case Kind::outgoing: return OutgoingRecord{std::string(in.text(kMaxOutgoing))};
    case Kind::outgoing_traced: {
        OutgoingRecord record{std::string(in.text(kMaxOutgoing))};
        record.traced = in.text(kMaxOutgoing);
        if (record.traced.empty()) in.refuse();
        return record;
    }
    case Kind::placed: return take_placed(in);
    case Kind::placed_timed: {
        auto record = take_placed(in);
        record.placed_at = in.signed_number();
        if (record.placed_at <= 0) in.refuse();
        return record;
    }
    case Kind::flags: return take_flags(in);
    case Kind::expunged: return take_expunged(in);
    case Kind::expunged_told: {
        auto record = take_expunged(in);
        take(in, record.messages.size(), record.told);
        return record;
    }
    case Kind::expunged_told_by: {
        auto record = take_expunged(in);
        take(in, record.messages.size(), record.told);
        take_doer(in, record.account, record.told);
        return record;
    }
    case Kind::placed_restored: {
        auto record = take_placed(in);
        record.restored = take_restored(in);
        return record;
    }
    case Kind::mailbox_act: return take_mailbox_act(in);
    case Kind::account_removed: {
        AccountRemovedRecord record;
        take(in, record.account);
        return record;
    }
    case Kind::voided: return VoidRecord{in.number()};
    }
    return std::nullopt;
}

}  // namespace

std::string encode(const JournalRecord& record)
{
    RecordWriter out;
    out.bytes().reserve(256);
    out.bytes().assign(kRecordPrefix, '\0');
    const Kind kind = std::visit([&out](const auto& each) { return put(out, each); }, record);
    auto& bytes = out.bytes();
    bytes[0] = kRecordVersion;
    bytes[1] = static_cast<char>(kind);
    const auto length = static_cast<std::uint32_t>(bytes.size() - kRecordPrefix);
    for (unsigned n = 0; n < 4; ++n) bytes[2 + n] = static_cast<char>(length >> (8 * n) & 0xffU);
    return std::move(bytes);
}

std::optional<DecodedRecord> decode(std::string_view payload)
{
    if (payload.size() < kRecordPrefix || payload[0] != kRecordVersion) return std::nullopt;
    std::uint32_t length = 0;
    for (unsigned n = 0; n < 4; ++n) length |= std::uint32_t{static_cast<unsigned char>(payload[2 + n])} << (8 * n);
    const auto rest = payload.substr(kRecordPrefix);
    if (length > rest.size()) return std::nullopt;
    RecordReader in(rest.substr(0, length));
    auto record = take_record(static_cast<Kind>(payload[1]), in);
    if (!record || !in.is_good() || !in.is_at_end()) return std::nullopt;
    return DecodedRecord{*std::move(record), rest.substr(length)};
}

std::uint32_t crc32c(std::string_view bytes, std::uint32_t before) { return journal::crc32c(bytes, before); }

namespace {

constexpr std::string_view kUniqueEnd = ".mailboxd";
constexpr std::size_t kIdentityDigits = 8;
constexpr std::size_t kMaxLsnDigits = 16;

std::string hex_text(std::uint64_t value)
{
    std::array<char, kMaxLsnDigits> digits{};
    const auto* end = std::to_chars(digits.begin(), digits.end(), value, 16).ptr;
    return {digits.data(), static_cast<std::size_t>(end - digits.data())};
}

template <typename Number>
std::optional<Number> parse_hex(std::string_view digits)
{
    Number value = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value, 16);
    const auto is_upper = [](char c) { return c >= 'A' && c <= 'Z'; };
    if (error != std::errc() || end != digits.data() + digits.size() || std::ranges::any_of(digits, is_upper)) {
        return std::nullopt;
    }
    return value;
}

}  // namespace

std::string unique_of(std::int64_t save_date, std::uint32_t identity, Lsn lsn)
{
    std::string unique = std::to_string(std::max<std::int64_t>(save_date, 0)) + ".J";
    const std::string digits = hex_text(identity);
    unique.append(kIdentityDigits - digits.size(), '0');
    return unique.append(digits).append(hex_text(lsn)).append(kUniqueEnd);
}

std::optional<std::pair<std::uint32_t, Lsn>> lsn_of(std::string_view unique)
{
    if (!unique.ends_with(kUniqueEnd)) return std::nullopt;
    unique.remove_suffix(kUniqueEnd.size());
    const auto dot = unique.find(".J");
    if (dot == 0 || dot == std::string_view::npos) return std::nullopt;
    if (!std::ranges::all_of(unique.substr(0, dot), ascii::is_digit)) return std::nullopt;
    const auto digits = unique.substr(dot + 2);
    if (digits.size() <= kIdentityDigits || digits.size() > kIdentityDigits + kMaxLsnDigits) return std::nullopt;
    const auto identity = parse_hex<std::uint32_t>(digits.substr(0, kIdentityDigits));
    const auto lsn = parse_hex<Lsn>(digits.substr(kIdentityDigits));
    if (!identity || !lsn) return std::nullopt;
    return std::pair(*identity, *lsn);
}

}  // namespace mbx::store
