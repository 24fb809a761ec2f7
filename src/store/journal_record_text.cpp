// What `mailboxctl journal show` says of a record.
#include <string>
#include <variant>

#include "base/ascii.hpp"
#include "store/journal_record.hpp"

namespace mbx::store {

namespace {

std::string name_of(const AccountKey& account)
{
    return ascii::printable(account.local_part) + "@" + ascii::printable(account.domain);
}

std::string text_of(const AcceptedRecord& record)
{
    std::string text = "accepted trace=" + ascii::printable(record.trace_id) + " size=" + std::to_string(record.size);
    if (!record.spool_name.empty()) text += " spool=" + ascii::printable(record.spool_name);
    for (const auto& recipient : record.recipients) text += " for=" + name_of(recipient);
    if (!record.outgoing.empty()) text += " outgoing=" + std::to_string(record.outgoing.size()) + "B";
    if (!record.traced.empty()) text += " traced=" + std::to_string(record.traced.size()) + "B";
    return text;
}

std::string text_of(const PlacedRecord& record)
{
    std::string text = "placed account=" + name_of(record.account) + " mailbox=" + std::to_string(record.mailbox.value) +
                       " uid=" + std::to_string(record.row.uid) + " modseq=" + std::to_string(record.row.modseq) +
                       " size=" + std::to_string(record.row.size);
    switch (record.source) {
    case PlacedRecord::Source::accepted: return text + " accepted=" + std::to_string(record.accepted);
    case PlacedRecord::Source::body: return text + " body=here";
    case PlacedRecord::Source::spooled: return text + " spool=" + ascii::printable(record.spool_name);
    case PlacedRecord::Source::message:
        return text + " from=" + std::to_string(record.source_mailbox.value) + "/" + ascii::printable(record.source_unique);
    case PlacedRecord::Source::present: return text + " present=" + ascii::printable(record.unique);
    }
    return text;
}

std::string text_of(const FlagsRecord& record)
{
    constexpr std::size_t kShown = 20;
    std::string text = "flags account=" + name_of(record.account) + " mailbox=" + std::to_string(record.mailbox.value) +
                       " modseq=" + std::to_string(record.modseq);
    for (std::size_t n = 0; n < std::min(record.changes.size(), kShown); ++n) {
        const auto& change = record.changes[n];
        text += " " + std::to_string(change.uids.first);
        if (change.uids.last != change.uids.first) text += ":" + std::to_string(change.uids.last);
        text += "=" + flag_suffix(change.flags).substr(3);
    }
    return record.changes.size() > kShown ? text + " ..." : text;
}

std::string text_of(const ExpungedRecord& record)
{
    constexpr std::size_t kShown = 20;
    constexpr std::array<const char*, 3> kReasons{"expunged", "moved", "vanished"};
    std::string text = std::string(kReasons.at(static_cast<std::size_t>(record.reason))) +
                       " account=" + name_of(record.account) + " mailbox=" + std::to_string(record.mailbox.value) +
                       " modseq=" + std::to_string(record.modseq) + " uids=";
    for (std::size_t n = 0; n < std::min(record.messages.size(), kShown); ++n) {
        text += (n == 0 ? "" : ",") + std::to_string(record.messages[n].uid);
    }
    if (record.messages.size() > kShown) text += ",...";
    if (record.told.at == 0) return text;
    text += " told=" + std::to_string(record.told.count) + " by=" + ascii::printable(record.told.by);
    return record.told.login.empty() ? text : text + " login=" + ascii::printable(record.told.login);
}

std::string text_of(const MailboxActRecord& record)
{
    constexpr std::array<const char*, 3> kActs{"renamed", "deleted", "restored"};
    std::string text = std::string("mailbox ") + kActs.at(static_cast<std::size_t>(record.kind)) + " account=" + name_of(record.account) +
                       " mailbox=" + std::to_string(record.mailbox.value) + " by=" + ascii::printable(record.by);
    return record.login.empty() ? text : text + " login=" + ascii::printable(record.login);
}

std::string text_of(const AccountRemovedRecord& record) { return "removed account=" + name_of(record.account); }

std::string text_of(const VoidRecord& record) { return "void record=" + std::to_string(record.lsn); }

std::string text_of(const OutgoingRecord& record)
{
    const std::string text = "queue change=" + std::to_string(record.change.size()) + "B";
    return record.traced.empty() ? text : text + " traced=" + std::to_string(record.traced.size()) + "B";
}

}  // namespace

std::string describe(const JournalRecord& record)
{
    return std::visit([](const auto& each) { return text_of(each); }, record);
}

}  // namespace mbx::store
