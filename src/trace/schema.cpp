#include "trace/schema.hpp"

namespace mbx::trace {

// Times are microseconds since 1970. An event is the same when message, time, kind and recipient are: who records again
// what a crash may have lost adds nothing.
const char* const kSchema = R"sql(
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
    PRIMARY KEY (message, recipient)
) STRICT, WITHOUT ROWID;
CREATE INDEX delivery_by_recipient ON delivery (recipient COLLATE NOCASE, message);
CREATE INDEX delivery_by_place ON delivery (recipient, mailbox, uid) WHERE uid IS NOT NULL;

CREATE VIEW schema_version (version) AS SELECT 1;

CREATE VIEW messages (id, accepted_at, accepted_text, reverse_path, account, peer, helo, tls, subject, message_id, size) AS
SELECT id, coalesce(accepted_at, at), strftime('%Y-%m-%dT%H:%M:%fZ', coalesce(accepted_at, at) / 1000000.0, 'unixepoch'),
       reverse_path, account, peer, helo, tls, subject, message_id, size
FROM message;

CREATE VIEW events (id, at, at_text, kind, recipient, detail, facts) AS
SELECT message.id, event.at, strftime('%Y-%m-%dT%H:%M:%fZ', event.at / 1000000.0, 'unixepoch'),
       event.kind, event.recipient, event.detail, event.facts
FROM event JOIN message ON message.number = event.message;

CREATE VIEW deliveries (id, recipient, outcome, destination, host, attempts, accepted_at, first_attempt_at, ended_at,
                        total_us, our_us, their_us, mailbox, uid, answer) AS
SELECT message.id, recipient, outcome, destination, host, attempts, accepted_at, first_attempt_at, ended_at,
       max(0, ended_at - accepted_at),
       max(0, coalesce(our_us, coalesce(first_attempt_at, ended_at) - accepted_at)),
       max(0, coalesce(their_us, ended_at - first_attempt_at)),
       mailbox, uid, answer
FROM delivery JOIN message ON message.number = delivery.message;
)sql";

}  // namespace mbx::trace
