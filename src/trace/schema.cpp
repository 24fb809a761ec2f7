#include "trace/schema.hpp"

namespace mbx::trace {

// Times are microseconds since 1970. An event is the same when message, time, kind and recipient are: who records again
// what a crash may have lost adds nothing.
const char* const kTables = R"sql(
CREATE TABLE message (
    number       INTEGER PRIMARY KEY,
    id           TEXT NOT NULL UNIQUE,
    at           INTEGER NOT NULL,
    accepted_at  INTEGER,
    reverse_path TEXT NOT NULL DEFAULT '',
    account      TEXT NOT NULL DEFAULT '',
    peer         TEXT NOT NULL DEFAULT '',
    helo         TEXT NOT NULL DEFAULT '',
    tls          TEXT NOT NULL DEFAULT '',
    subject      TEXT NOT NULL DEFAULT '',
    message_id   TEXT NOT NULL DEFAULT '',
    size         INTEGER
) STRICT;
CREATE INDEX message_by_time ON message (at);
CREATE INDEX message_by_message_id ON message (message_id) WHERE message_id <> '';
CREATE INDEX message_by_reverse_path ON message (reverse_path COLLATE NOCASE, at) WHERE reverse_path <> '';
CREATE INDEX message_by_account ON message (account COLLATE NOCASE, at) WHERE account <> '' AND account <> reverse_path;

CREATE TABLE event (
    message   INTEGER NOT NULL,
    at        INTEGER NOT NULL,
    kind      TEXT NOT NULL,
    recipient TEXT NOT NULL,
    detail    TEXT NOT NULL,
    facts     TEXT NOT NULL,
    PRIMARY KEY (message, at, kind, recipient)
) STRICT, WITHOUT ROWID;

CREATE TABLE delivery (
    message          INTEGER NOT NULL,
    recipient        TEXT NOT NULL,
    outcome          TEXT NOT NULL DEFAULT 'waiting',
    destination      TEXT NOT NULL DEFAULT '',
    host             TEXT NOT NULL DEFAULT '',
    attempts         INTEGER NOT NULL DEFAULT 0,
    first_attempt_at INTEGER,
    ended_at         INTEGER,
    our_us           INTEGER,
    their_us         INTEGER,
    mailbox          TEXT NOT NULL DEFAULT '',
    uid              INTEGER,
    answer           TEXT NOT NULL DEFAULT '',
    place_uid        INTEGER,
    mailbox_account  TEXT NOT NULL DEFAULT '',
    PRIMARY KEY (message, recipient)
) STRICT, WITHOUT ROWID;
CREATE INDEX delivery_by_recipient ON delivery (recipient COLLATE NOCASE, message);
CREATE INDEX delivery_by_place ON delivery (recipient, mailbox, uid) WHERE uid IS NOT NULL;
)sql";

// `uid` stays where it is not known which mailbox of that name it was: those are found by name, as version 1 did.
const char* const kTakeOver = R"sql(
ALTER TABLE delivery ADD COLUMN place_uid INTEGER;
ALTER TABLE delivery ADD COLUMN mailbox_account TEXT NOT NULL DEFAULT '';
DROP VIEW schema_version;
DROP VIEW messages;
DROP VIEW events;
DROP VIEW deliveries;
)sql";

// A message was at a place from began_at to ended_at. What befell a mailbox is one row, and part of the story of each message that
// was in it at that time: so deleting one with a hundred thousand messages costs no more than an empty one.
const char* const kPlaceTables = R"sql(
CREATE TABLE place (
    account   INTEGER NOT NULL,
    mailbox   INTEGER NOT NULL,
    uid       INTEGER NOT NULL,
    message   INTEGER NOT NULL,
    recipient TEXT NOT NULL,
    began_at  INTEGER NOT NULL,
    ended_at  INTEGER,
    PRIMARY KEY (account, mailbox, uid)
) STRICT, WITHOUT ROWID;
CREATE INDEX place_by_message ON place (message);

CREATE TABLE mailbox_act (
    account INTEGER NOT NULL,
    mailbox INTEGER NOT NULL,
    at      INTEGER NOT NULL,
    kind    TEXT NOT NULL,
    facts   TEXT NOT NULL,
    PRIMARY KEY (account, mailbox, at, kind)
) STRICT, WITHOUT ROWID;
CREATE INDEX mailbox_act_by_time ON mailbox_act (at);
)sql";

const char* const kViews = R"sql(
CREATE VIEW schema_version (version) AS SELECT 2;

CREATE VIEW messages (id, accepted_at, accepted_text, reverse_path, account, peer, helo, tls, subject, message_id, size) AS
SELECT id, coalesce(accepted_at, at), strftime('%Y-%m-%dT%H:%M:%fZ', coalesce(accepted_at, at) / 1000000.0, 'unixepoch'),
       reverse_path, account, peer, helo, tls, subject, message_id, size
FROM message;

CREATE VIEW events (id, at, at_text, kind, recipient, detail, facts) AS
SELECT message.id, event.at, strftime('%Y-%m-%dT%H:%M:%fZ', event.at / 1000000.0, 'unixepoch'),
       event.kind, event.recipient, event.detail, event.facts
FROM event JOIN message ON message.number = event.message
UNION ALL
SELECT message.id, mailbox_act.at, strftime('%Y-%m-%dT%H:%M:%fZ', mailbox_act.at / 1000000.0, 'unixepoch'),
       mailbox_act.kind, place.recipient, '', mailbox_act.facts
FROM message JOIN place ON place.message = message.number
     JOIN mailbox_act ON mailbox_act.account = place.account AND mailbox_act.mailbox = place.mailbox
WHERE mailbox_act.at >= place.began_at AND (place.ended_at IS NULL OR mailbox_act.at <= place.ended_at);

CREATE VIEW deliveries (id, recipient, outcome, destination, host, attempts, accepted_at, first_attempt_at, ended_at,
                        total_us, our_us, their_us, mailbox, uid, answer, mailbox_account) AS
SELECT message.id, recipient, outcome, destination, host, attempts, accepted_at, first_attempt_at, ended_at,
       max(0, ended_at - accepted_at),
       max(0, coalesce(our_us, coalesce(first_attempt_at, ended_at) - accepted_at)),
       max(0, coalesce(their_us, ended_at - first_attempt_at)),
       mailbox, coalesce(place_uid, uid), answer, mailbox_account
FROM delivery JOIN message ON message.number = delivery.message;
)sql";

}  // namespace mbx::trace
