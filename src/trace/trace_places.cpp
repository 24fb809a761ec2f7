#include "trace/trace_places.hpp"

namespace mbx::trace {

PlaceTable::PlaceTable(Database& database)
    : find_(database, "SELECT message, recipient FROM place WHERE account = ? AND mailbox = ? AND uid = ?"),
      find_named_(database, "SELECT message, recipient FROM delivery WHERE recipient = ? AND mailbox = ? AND uid = ? LIMIT 1"),
      enter_(database, "INSERT OR REPLACE INTO place (account, mailbox, uid, message, recipient, began_at) VALUES (?, ?, ?, ?, ?, ?)"),
      leave_(database, "UPDATE place SET ended_at = ?4 WHERE account = ?1 AND mailbox = ?2 AND uid = ?3 AND ended_at IS NULL"),
      forget_one_(database, "DELETE FROM place WHERE message = ? AND recipient = ?"),
      forget_all_(database, "DELETE FROM place WHERE message = ?"),
      add_act_(database, "INSERT OR IGNORE INTO mailbox_act (account, mailbox, at, kind, facts) SELECT ?1, ?2, ?3, ?4, ?5 "
                         "WHERE EXISTS (SELECT 1 FROM place WHERE account = ?1 AND mailbox = ?2)"),
      forget_acts_(database, "DELETE FROM mailbox_act WHERE at < ?")
{
}

PlaceTable::Delivery PlaceTable::find(const MessagePlace& place)
{
    Delivery found;
    if (place.mailbox == 0) return found;
    find_.with(place.account, place.mailbox, place.uid);
    if (find_.next()) found = {find_.integer(0), find_.text(1)};
    find_.reset();
    return found;
}

PlaceTable::Delivery PlaceTable::find_named(std::string_view account, std::string_view mailbox, std::uint32_t uid)
{
    Delivery found;
    find_named_.with(account, mailbox, uid);
    if (find_named_.next()) found = {find_named_.integer(0), find_named_.text(1)};
    find_named_.reset();
    return found;
}

void PlaceTable::enter(const Delivery& delivery, const MessagePlace& place, std::int64_t at)
{
    if (place.mailbox == 0) return;
    enter_.run_with(place.account, place.mailbox, place.uid, delivery.message, delivery.recipient, at);
}

void PlaceTable::leave(const MessagePlace& place, std::int64_t at)
{
    leave_.run_with(place.account, place.mailbox, place.uid, at);
}

void PlaceTable::forget(std::int64_t message, std::string_view recipient) { forget_one_.run_with(message, recipient); }

void PlaceTable::forget(std::int64_t message) { forget_all_.run_with(message); }

void PlaceTable::add_act(const MessagePlace& mailbox, std::int64_t at, std::string_view kind, std::string_view facts)
{
    add_act_.run_with(mailbox.account, mailbox.mailbox, at, kind, facts);
}

void PlaceTable::forget_acts(std::int64_t before) { forget_acts_.run_with(before); }

}  // namespace mbx::trace
