// What the journal still held when it was opened, sorted by account: the work that is left of the last run. Pure.
#pragma once

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "store/account_replay.hpp"

namespace mbx::store {

// Where the account's mail lies below the root; names it in the tables of this folder.
std::string account_place(const AccountKey& key);

class RecoveredMail {
public:
    struct Account {
        AccountKey key;
        std::vector<ReplayRecord> records;  // ascending
    };

    // What the queue of outgoing mail left, for its own replay: acceptances with recipients elsewhere, changes.
    struct Outgoing {
        Lsn lsn = 0;
        std::variant<AcceptedRecord, OutgoingRecord> record;  // an AcceptedRecord has no local recipients here
        journal::Location location;
        std::uint32_t body_offset = 0;  // of an AcceptedRecord's body in its payload
    };

    // A record, in the order of their numbers. False: not one that this version knows.
    bool add(Lsn lsn, std::string_view payload, const journal::Location& location);
    // After the last one: voided records are left out, accounts without any too.
    void finish();

    std::map<std::string, Account> accounts;  // by account_place
    std::set<std::string> spool_names;        // files in spool/ that a record names
    std::vector<Outgoing> outgoing;           // ascending
    // What the trace was told of records, in the order of all of them: what befell a message in one account comes before what
    // befell it in the next (trace/event_record.hpp). After finish().
    std::vector<std::string> traced;
    std::size_t owed = 0;                     // accepted messages that no record says to be placed, for each recipient
    std::size_t records = 0;

private:
    struct Adder;
    std::set<Lsn> voided_;
    std::map<Lsn, std::string> trace_ids_;  // of acceptances
    std::vector<std::pair<Lsn, std::string>> traced_;
};

}  // namespace mbx::store
