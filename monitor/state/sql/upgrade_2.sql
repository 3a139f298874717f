-- From version 2 to 3.

CREATE TABLE outbox_messages (
    seq INTEGER PRIMARY KEY REFERENCES outbox (seq) ON DELETE CASCADE,
    doc TEXT NOT NULL
) STRICT;

INSERT INTO outbox_messages (seq, doc) SELECT seq, message FROM outbox;

ALTER TABLE outbox DROP COLUMN message;

CREATE VIEW outbox_rows AS SELECT outbox.*, outbox_messages.doc AS message FROM outbox JOIN outbox_messages USING (seq);

CREATE TABLE alert_members_2 AS SELECT group_id, doc FROM alert_members ORDER BY group_id, fingerprint;

DROP TABLE alert_members;

-- Without an index: the store remembers which row is whose, and new members are written side by side, not each to a page
-- of its own.
CREATE TABLE alert_members (
    id       INTEGER PRIMARY KEY,
    group_id TEXT NOT NULL,
    doc      TEXT NOT NULL
) STRICT;

INSERT INTO alert_members (group_id, doc) SELECT group_id, doc FROM alert_members_2;

DROP TABLE alert_members_2;
